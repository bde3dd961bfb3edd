import { codecError } from "./errors.ts";
import { compareUTF8 } from "./text.ts";
import { Time } from "./value.ts";

/** What an object is among the values: a list, a time, bytes, or else a map to be read by {@link entries}. Throws `codec.type` if it has no place among them. */
export function plain(v: object): readonly unknown[] | Time | Uint8Array | object {
  if (Array.isArray(v) || v instanceof Time || isPlain(v)) return v;
  // By tag and not by instanceof: the object may come from another frame of the page.
  const tag = Object.prototype.toString.call(v).slice(8, -1);
  if (ArrayBuffer.isView(v) ? tag === "Uint8Array" : tag === "Map") return v;
  if (tag === "ArrayBuffer") return new Uint8Array(v as ArrayBuffer);
  if (tag === "Date") return Time.fromDate(v as Date);
  throw codecError("codec.type", "an object of a class has no place among the values");
}

/** Whether an object has no class: its prototype is none, or has none, as that of another frame's objects too. */
function isPlain(v: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(v);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Whether what plain gave is bytes. */
export function isBytes(v: object): v is Uint8Array {
  return ArrayBuffer.isView(v);
}

/** The pairs of a plain object or Map without those that are undefined, in canonical order. */
export function entries(map: object): [key: string, value: unknown][] {
  const pairs: [string, unknown][] = [];
  for (const [key, value] of isPlain(map) ? Object.entries(map) : (map as Map<unknown, unknown>)) {
    if (value === undefined) continue;
    if (typeof key !== "string") throw codecError("codec.key_type");
    pairs.push([key, value]);
  }
  return pairs.length < 2 ? pairs : pairs.sort((a, b) => compareUTF8(a[0], b[0]));
}
