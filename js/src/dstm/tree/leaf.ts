import { equal } from "../../codec/index.ts";
import { Time, type Value, type ValueMap } from "../../codec/value.ts";
import { compareKeys, copyPath, MAX_DEPTH, validKey, type Path } from "../path.ts";
import { ShapeWalk, type Shape } from "./shape.ts";

/** The keys of a path and the nesting of the value there (PROTOCOL.md, section 8). */
export const MAX_NESTING = 48;

/** Whether two leaves have the same canonical form. */
export function sameLeaf(a: Value, b: Value): boolean {
  if (a === b) return true;
  return typeof a === "object" && typeof b === "object" && a !== null && b !== null && equal(a, b);
}

/** A value that may be stored, and the shape of the lists in it, null if there are none. */
export interface Checked {
  readonly value: Value;
  readonly shape: Shape | null;
}

/**
 * A copy of a decoded value that may be written depth keys below the root: canonical, frozen (but for bytes, which cannot be)
 * and shared with nobody. Otherwise the fault as text.
 */
export function checkValue(value: Value, shape: Shape | null, depth: number): Checked | { readonly fault: string } {
  const walk = new ShapeWalk(shape);
  try {
    const checked = copy(value, MAX_NESTING - depth, depth, walk, []);
    if (!walk.done) throw new Fault("a shape names a list that the value does not have");
    return { value: checked, shape: shape === null ? null : freezeShape(shape) };
  } catch (e) {
    if (e instanceof Fault) return { fault: e.text };
    throw e;
  }
}

/** Leaves the recursion of copy; never leaves this file. */
class Fault {
  constructor(readonly text: string) {}
}

/** depth is how many keys lead there from the root, -1 inside a leaf, where maps are no part of the tree; path leads there from the value. */
function copy(value: Value, levels: number, depth: number, walk: ShapeWalk, path: Path): Value {
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
  if (Array.isArray(value)) {
    const ids = depth < 0 ? undefined : walk.ids(path);
    if (ids === undefined) return Object.freeze(value.map((v) => copy(v, levels - 1, -1, walk, path))) as Value[];
    if (ids.length !== value.length || new Set(ids).size !== ids.length) throw new Fault("a shape does not fit its list");
    return Object.freeze(value.map((v, i) => copyKid(v, ids[i] as string, levels, depth, walk, path))) as Value[];
  }
  const out = Object.create(null) as ValueMap;
  for (const key of keysOf(value)) {
    const kid = value[key] as Value;
    out[key] = depth < 0 ? copy(kid, levels - 1, -1, walk, path) : copyKid(kid, key, levels, depth, walk, path);
  }
  if (depth > MAX_DEPTH) throw new Fault("a value nests too deeply");
  return Object.freeze(out);
}

/** What hangs in a map or list of the tree. */
function copyKid(kid: Value, key: string, levels: number, depth: number, walk: ShapeWalk, path: Path): Value {
  if (!validKey(key)) throw new Fault("a key is empty, too long or not UTF-8");
  if (depth >= MAX_DEPTH) throw new Fault("a value nests too deeply");
  return copy(kid, levels - 1, depth + 1, walk, walk.shape === null ? path : [...path, key]);
}

function freezeShape(shape: Shape): Shape {
  return Object.freeze(shape.map(([path, ids]) => Object.freeze([copyPath(path), copyPath(ids)] as const)));
}

/** The keys of a canonical map, ascending by bytes. */
export function keysOf(map: ValueMap): string[] {
  const keys = Object.keys(map);
  for (let i = 1; i < keys.length; i++) {
    if (compareKeys(keys[i - 1] as string, keys[i] as string) > 0) return keys.sort(compareKeys);
  }
  return keys;
}

/** Whether there are bytes in a value: they cannot be frozen, so users get their own. */
export function holdsBytes(value: Value): boolean {
  if (typeof value !== "object" || value === null || value instanceof Time) return false;
  if (value instanceof Uint8Array) return true;
  return (Array.isArray(value) ? value : Object.values(value)).some(holdsBytes);
}

/** A frozen copy with bytes of its own. */
export function thaw(value: Value): Value {
  if (typeof value !== "object" || value === null || value instanceof Time) return value;
  if (value instanceof Uint8Array) return value.slice();
  if (Array.isArray(value)) return Object.freeze(value.map(thaw)) as Value[];
  const out = Object.create(null) as ValueMap;
  for (const key of Object.keys(value)) out[key] = thaw(value[key] as Value);
  return Object.freeze(out);
}
