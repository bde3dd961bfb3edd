import { encode } from "../../codec/index.ts";
import type { Value } from "../../codec/value.ts";
import { sha256 } from "../../internal/sha256.ts";
import type { TreeNode } from "./node.ts";
import { shapeOf } from "./shape.ts";

/** The length of a value's hash. */
export const HASH_SIZE = 16;
/** How many nodes one read may make the server hash. */
export const MAX_HASHED = 10_000;
/** What all that one transaction has hashed may cost: one for each node, and one for each 64 bytes of a leaf. */
export const HASH_BUDGET = 160_000;

/** What is left to be spent on hashing. */
export interface Budget {
  left: number;
}

/** The hash of a node's value and shape, null for no node, undefined if it has too many nodes or costs more than the budget. */
export function valueHash(node: TreeNode | undefined, budget: Budget): Uint8Array | null | undefined {
  if (node === undefined) return null;
  if (!within(node, { left: MAX_HASHED }, budget)) return undefined;
  const value = encode(node.raw());
  const shape = shapeOf(node);
  if (shape === null) return sha256(value).slice(0, HASH_SIZE);
  const tail = encode(shape);
  const both = new Uint8Array(value.length + tail.length);
  both.set(value);
  both.set(tail, value.length);
  return sha256(both).slice(0, HASH_SIZE);
}

/** The hash of the ascending list of a map's keys, or of a list's ids in order; null for neither, undefined if there are too many. */
export function keysHash(node: TreeNode | undefined, budget: Budget): Uint8Array | null | undefined {
  if (node === undefined || node.leaf !== undefined) return null;
  budget.left -= 1 + node.kids.size;
  if (node.kids.size > MAX_HASHED || budget.left < 0) return undefined;
  return sha256(encode(node.ids())).slice(0, HASH_SIZE);
}

/** Takes what a hash costs; says whether there was enough. */
function within(node: TreeNode, nodes: Budget, budget: Budget): boolean {
  nodes.left--;
  budget.left -= 1 + (node.leaf === undefined ? 0 : Math.floor(leafSize(node.leaf) / 64));
  if (nodes.left < node.kids.size || budget.left < 0) return false;
  for (const [, kid] of node.kids) {
    if (!within(kid, nodes, budget)) return false;
  }
  return true;
}

/** The bytes of a leaf's canonical form; 0 for what cannot have 64. */
function leafSize(leaf: Value): number {
  if (typeof leaf !== "object" && (typeof leaf !== "string" || leaf.length < 16)) return 0;
  return encode(leaf).length;
}
