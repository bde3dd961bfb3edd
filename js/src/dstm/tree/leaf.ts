import { equal } from "../../codec/index.ts";
import { Time, type Value, type ValueMap } from "../../codec/value.ts";
import { validKey, MAX_DEPTH } from "../path.ts";

/** The keys of a path and the nesting of the value there (PROTOCOL.md, section 8). */
export const MAX_NESTING = 48;

/** Whether two leaves have the same canonical form. */
export function sameLeaf(a: Value, b: Value): boolean {
  if (a === b) return true;
  return typeof a === "object" && typeof b === "object" && a !== null && b !== null && equal(a, b);
}

/**
 * A copy of a decoded value that may be written depth keys below the root: canonical, frozen (but for bytes, which cannot be)
 * and shared with nobody. Otherwise the fault as text.
 */
export function checkValue(value: Value, depth: number): { value: Value } | { fault: string } {
  try {
    return { value: copy(value, MAX_NESTING - depth, depth) };
  } catch (e) {
    if (e instanceof Fault) return { fault: e.text };
    throw e;
  }
}

/** Leaves the recursion of copy; never leaves this file. */
class Fault {
  constructor(readonly text: string) {}
}

/** depth is how many keys lead there from the root, -1 inside a list, where maps are no part of the tree. */
function copy(value: Value, levels: number, depth: number): Value {
  switch (typeof value) {
    case "number":
      if (!Number.isFinite(value)) throw new Fault("NaN and infinities are refused");
      return value === 0 ? 0 : value; // -0 is 0
    case "bigint":
      return value >= -9007199254740992n && value <= 9007199254740992n ? Number(value) : value;
    case "object":
      break;
    default:
      return value;
  }
  if (value === null || value instanceof Time) return value;
  if (value instanceof Uint8Array) return value.slice();
  if (levels < 1) throw new Fault("a value nests too deeply");
  if (Array.isArray(value)) return Object.freeze(value.map((v) => copy(v, levels - 1, -1))) as Value[];
  if (depth > MAX_DEPTH) throw new Fault("a value nests too deeply");
  const out = Object.create(null) as ValueMap;
  for (const key of Object.keys(value)) {
    if (depth >= 0 && !validKey(key)) throw new Fault("a key is empty, too long or not UTF-8");
    const kid = value[key] as Value;
    if (depth >= MAX_DEPTH) throw new Fault("a value nests too deeply");
    out[key] = copy(kid, levels - 1, depth >= 0 ? depth + 1 : -1);
  }
  return Object.freeze(out);
}

/** A leaf for users: bytes cannot be frozen, so they get their own. */
export function showLeaf(value: Value): Value {
  return holdsBytes(value) ? thaw(value) : value;
}

function holdsBytes(value: Value): boolean {
  if (typeof value !== "object" || value === null || value instanceof Time) return false;
  if (value instanceof Uint8Array) return true;
  return (Array.isArray(value) ? value : Object.values(value)).some(holdsBytes);
}

function thaw(value: Value): Value {
  if (typeof value !== "object" || value === null || value instanceof Time) return value;
  if (value instanceof Uint8Array) return value.slice();
  if (Array.isArray(value)) return Object.freeze(value.map(thaw)) as Value[];
  const out = Object.create(null) as ValueMap;
  for (const key of Object.keys(value)) out[key] = thaw(value[key] as Value);
  return Object.freeze(out);
}
