import { decode, encode } from "../codec/index.ts";
import type { Value } from "../codec/value.ts";
import { Body } from "./body.ts";
import { checksum } from "./checksum.ts";

/** The only format so far. */
export const FORMAT = 1;
const HEAD = 9;

/** A record for a storage: the format, a checksum over its key and content, and the content. */
export function sealRecord(key: string, content: unknown): Uint8Array {
  const bytes = encode(content);
  const out = new Uint8Array(HEAD + bytes.length);
  out[0] = FORMAT;
  out.set(checksum(key, bytes), 1);
  out.set(bytes, HEAD);
  return out;
}

/** The content of a record, to be read in order; throws if it is damaged, of another format, or stands under another key than it was made for. */
export function openRecord(key: string, record: Uint8Array, room: string): Body {
  const bytes = record.subarray(HEAD);
  const sum = checksum(key, bytes);
  const intact = record[0] === FORMAT && sum.every((c, i) => c === record[1 + i]);
  const content: Value = intact ? decode(bytes) : null;
  if (!Array.isArray(content)) throw new Body([], room).malformed();
  return new Body(content, room);
}
