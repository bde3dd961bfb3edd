import { fits } from "./body.ts";

/** Bytes of a name, a topic, a key (docs/PROTOCOL.md, section 2). */
export const maxName = 255;

const maxEntries = 32;
const maxKey = 255;
const maxValue = 4096;

/** Reports whether metadata keep the limits of docs/PROTOCOL.md, section 11, and are text. */
export function goodMetadata(metadata: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(metadata);
  if (keys.length > maxEntries) return false;
  return keys.every((key) => {
    const value: unknown = metadata[key];
    return fits(key, maxKey) && typeof value === "string" && fits(value, maxValue);
  });
}

/** Metadata as they stand in a frame. */
export function metadataValue(metadata: Readonly<Record<string, string>> | undefined | null): Readonly<Record<string, string>> | null {
  return metadata && Object.keys(metadata).length > 0 ? metadata : null;
}
