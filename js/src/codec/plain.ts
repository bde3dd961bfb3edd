import { codecError } from "./errors.ts";
import { compareUTF8 } from "./text.ts";
import { Time } from "./value.ts";

/** What a thing is among the values. */
export type Kind =
  | { readonly is: "null" }
  | { readonly is: "boolean"; readonly value: boolean }
  | { readonly is: "number"; readonly value: number }
  | { readonly is: "bigint"; readonly value: bigint }
  | { readonly is: "string"; readonly value: string }
  | { readonly is: "bytes"; readonly value: Uint8Array }
  | { readonly is: "time"; readonly value: Time }
  | { readonly is: "list"; readonly value: readonly unknown[] }
  | { readonly is: "map"; readonly value: object };

const nothing: Kind = { is: "null" };

/** Tells what v is; throws `codec.type` if it has no place among the values. */
export function classify(v: unknown): Kind {
  switch (typeof v) {
    case "undefined":
      return nothing;
    case "boolean":
      return { is: "boolean", value: v };
    case "number":
      return { is: "number", value: v };
    case "bigint":
      return { is: "bigint", value: v };
    case "string":
      return { is: "string", value: v };
    case "object":
      return v === null ? nothing : classifyObject(v);
  }
  throw codecError("codec.type", `a ${typeof v} has no place among the values`);
}

function classifyObject(v: object): Kind {
  if (Array.isArray(v)) return { is: "list", value: v };
  if (v instanceof Time) return { is: "time", value: v };
  // By tag and not by instanceof: the object may come from another frame of the page.
  switch (Object.prototype.toString.call(v)) {
    case "[object Uint8Array]":
      if (ArrayBuffer.isView(v)) return { is: "bytes", value: v as Uint8Array };
      break;
    case "[object ArrayBuffer]":
      return { is: "bytes", value: new Uint8Array(v as ArrayBuffer) };
    case "[object Date]":
      return { is: "time", value: Time.fromDate(v as Date) };
    case "[object Map]":
      return { is: "map", value: v };
  }
  const prototype: unknown = Object.getPrototypeOf(v);
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return { is: "map", value: v };
  throw codecError("codec.type", "an object of a class has no place among the values");
}

function isMap(v: object): v is Map<unknown, unknown> {
  return Object.prototype.toString.call(v) === "[object Map]";
}

/** The pairs of a plain object or Map without those that are undefined, in canonical order. */
export function entries(map: object): [key: string, value: unknown][] {
  const all: Iterable<[unknown, unknown]> = isMap(map) ? map : Object.entries(map);
  const pairs: [string, unknown][] = [];
  for (const [key, value] of all) {
    if (value === undefined) continue;
    if (typeof key !== "string") throw codecError("codec.key_type");
    pairs.push([key, value]);
  }
  return pairs.length < 2 ? pairs : pairs.sort((a, b) => compareUTF8(a[0], b[0]));
}
