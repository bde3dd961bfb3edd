import { toBase64, toHex } from "./binary.ts";
import { codecError } from "./errors.ts";
import { classify, entries } from "./plain.ts";
import { checkUnicode } from "./text.ts";
import { maxDepth, maxExact } from "./value.ts";

/**
 * Writes v as JSON on one line (docs/PROTOCOL.md, section 2), with keys in canonical order. It takes and refuses what `encode` does.
 * What JSON cannot say is wrapped: `{"$int":"9007199254740993"}`, `{"$bytes":"AQI="}`, `{"$id":"..."}` for 16 bytes, `{"$time":"..."}`,
 * `{"$float":"NaN"}`, and a map whose single key begins with `$` as `{"$map":{...}}`.
 */
export function toJSON(v: unknown): string {
  return write(v, 0);
}

function write(v: unknown, depth: number): string {
  const kind = classify(v);
  switch (kind.is) {
    case "null":
      return "null";
    case "boolean":
      return kind.value ? "true" : "false";
    case "number":
      return writeNumber(kind.value);
    case "bigint":
      return writeBigint(kind.value);
    case "string":
      return writeString(kind.value);
    case "bytes":
      return kind.value.length === 16 ? `{"$id":"${toHex(kind.value)}"}` : `{"$bytes":"${toBase64(kind.value)}"}`;
    case "time":
      return `{"$time":"${kind.value.toString()}"}`;
  }
  if (depth >= maxDepth) throw codecError("codec.depth");
  if (kind.is === "list") {
    const list: string[] = [];
    for (let i = 0; i < kind.value.length; i++) list.push(write(kind.value[i], depth + 1));
    return `[${list.join(",")}]`;
  }
  const pairs = entries(kind.value);
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
