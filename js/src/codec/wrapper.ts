import { fromBase64, fromHex } from "./binary.ts";
import { codecError } from "./errors.ts";
import { Time, maxExact } from "./value.ts";
import type { Value } from "./value.ts";

/** The value that `{name: held}` stands for, of a name that begins with `$` and is not `$map`; throws `codec.wrapper`. */
export function unwrap(name: string, held: unknown): Value {
  const value = typeof held === "string" ? read(name, held) : null;
  if (value === null) throw codecError("codec.wrapper");
  return value;
}

function read(name: string, text: string): Value {
  switch (name) {
    case "$int":
      return readInt(text);
    case "$float":
      return text === "NaN" || text === "Infinity" || text === "-Infinity" ? Number(text) : null;
    case "$time":
      return readTime(text);
    case "$id":
      return text.length === 32 ? fromHex(text) : null;
    case "$bytes":
      return fromBase64(text);
  }
  return null;
}

function readInt(text: string): number | bigint | null {
  if (text.length > 20 || !/^(?:0|-?[1-9][0-9]*)$/.test(text)) return null;
  const v = BigInt(text);
  if (BigInt.asIntN(64, v) !== v) return null;
  return v >= -BigInt(maxExact) && v <= BigInt(maxExact) ? Number(v) : v;
}

function readTime(text: string): Time | null {
  const found = /^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?Z$/.exec(text);
  const whole = found?.[1];
  if (whole === undefined || whole.startsWith("0000")) return null;
  const millis = Date.parse(`${whole}Z`);
  // Date.parse takes 30 February and hour 24 in some engines: what it made of them reads otherwise.
  if (Number.isNaN(millis) || new Date(millis).toISOString().slice(0, 19) !== whole) return null;
  return new Time(millis / 1000, Number((found?.[2] ?? "").padEnd(9, "0")));
}
