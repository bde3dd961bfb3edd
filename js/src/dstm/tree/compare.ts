import { Time, type Value } from "../../codec/value.ts";
import { compareKeys } from "../path.ts";
import type { TreeNode } from "./node.ts";
import { compareNumbers, isNumber } from "./numbers.ts";

/** What a guard asks: the numbers are those of PROTOCOL.md, section 8. Length is added to one of the first six. */
export const GuardOp = { Less: 1, LessOrEqual: 2, Equal: 3, NotEqual: 4, GreaterOrEqual: 5, Greater: 6, Exists: 7, Length: 7 } as const;

/** The outcome of a guard at a node, undefined for absent. */
export function compareGuard(node: TreeNode | undefined, op: number, value: Value): boolean {
  if (op === GuardOp.Exists) return node !== undefined;
  if (op < GuardOp.Exists) return holds(op, compare(node?.leaf, value));
  return holds(op - GuardOp.Length, compare(lengthOf(node), value));
}

/** Negative, zero or positive; undefined where two values are unequal and neither is less. */
function compare(a: Value | undefined, b: Value): number | undefined {
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b);
  if (typeof a === "string" && typeof b === "string") return compareKeys(a, b);
  if (typeof a === "boolean" && typeof b === "boolean") return Number(a) - Number(b);
  if (a instanceof Time && b instanceof Time) return a.seconds - b.seconds || a.nanos - b.nanos;
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b);
  if (a === null && b === null) return 0;
  return undefined;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    if (a[i] !== b[i]) return (a[i] as number) - (b[i] as number);
  }
  return a.length - b.length;
}

function holds(op: number, c: number | undefined): boolean {
  switch (op) {
    case GuardOp.Less:
      return c !== undefined && c < 0;
    case GuardOp.LessOrEqual:
      return c !== undefined && c <= 0;
    case GuardOp.Equal:
      return c === 0;
    case GuardOp.NotEqual:
      return c !== 0;
    case GuardOp.GreaterOrEqual:
      return c !== undefined && c >= 0;
    default:
      return c !== undefined && c > 0;
  }
}

/** The entries of a map, elements of a list or array, bytes of a string or binary; undefined for anything else. */
export function lengthOf(node: TreeNode | undefined): number | undefined {
  if (node === undefined) return undefined;
  const { leaf } = node;
  if (leaf === undefined) return node.kids.size;
  if (typeof leaf === "string") return new TextEncoder().encode(leaf).length;
  return Array.isArray(leaf) || leaf instanceof Uint8Array ? leaf.length : undefined;
}
