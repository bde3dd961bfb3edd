import { toBase64, toHex } from "./binary.ts";
import { codecError } from "./errors.ts";
import { entries, isBytes, plain } from "./plain.ts";
import { checkUnicode } from "./text.ts";
import { Time, maxDepth, maxExact } from "./value.ts";

/**
 * Writes v as JSON on one line (docs/PROTOCOL.md, section 2), with keys in canonical order. It takes and refuses what `encode` does.
 * What JSON cannot say is wrapped: `{"$int":"9007199254740993"}`, `{"$bytes":"AQI="}`, `{"$id":"..."}` for 16 bytes, `{"$time":"..."}`,
 * `{"$float":"NaN"}`, and a map whose single key begins with `$` as `{"$map":{...}}`.
 */
export function toJSON(v: unknown): string {
  return write(v, 0);
}

function write(v: unknown, depth: number): string {
  switch (typeof v) {
    case "undefined":
      return "null";
    case "boolean":
      return String(v);
    case "number":
      return writeNumber(v);
    case "bigint":
      return writeBigint(v);
    case "string":
      return writeString(v);
    case "object":
      return v === null ? "null" : writeObject(plain(v), depth);
  }
  throw codecError("codec.type");
}

function writeObject(v: object, depth: number): string {
  if (v instanceof Time) return `{"$time":"${v.toString()}"}`;
  if (isBytes(v)) return v.length === 16 ? `{"$id":"${toHex(v)}"}` : `{"$bytes":"${toBase64(v)}"}`;
  if (depth >= maxDepth) throw codecError("codec.depth");
  if (Array.isArray(v)) {
    const list: string[] = [];
    for (let i = 0; i < v.length; i++) list.push(write(v[i], depth + 1));
    return `[${list.join(",")}]`;
  }
  const pairs = entries(v);
  const text = `{${pairs.map(([key, value]) => `${writeString(key)}:${write(value, depth + 1)}`).join(",")}}`;
  return pairs.length === 1 && pairs[0]?.[0].startsWith("$") ? `{"$map":${text}}` : text;
}

function writeString(text: string): string {
  checkUnicode(text);
  return JSON.stringify(text);
}

function writeNumber(v: number): string {
  if (Number.isFinite(v)) return String(v + 0); // -0 is 0
  return `{"$float":"${String(v)}"}`;
}

function writeBigint(v: bigint): string {
  if (BigInt.asIntN(64, v) !== v) throw codecError("codec.integer_range");
  return v >= -BigInt(maxExact) && v <= BigInt(maxExact) ? String(v) : `{"$int":"${String(v)}"}`;
}
