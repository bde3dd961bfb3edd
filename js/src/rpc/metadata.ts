import { goodMetadata } from "../internal/limits.ts";

/**
 * What travels beside a call or its answer: trace context, a tenant, a language. At most 32 entries, keys of 255 bytes, values of
 * 4 KiB in UTF-8.
 */
export type Metadata = Readonly<Record<string, string>>;

/** Reports whether metadata keep their limits. */
export function validMetadata(metadata: Metadata): boolean {
  return goodMetadata(metadata);
}
