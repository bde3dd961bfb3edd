import { encode } from "../../codec/index.ts";
import { sha256 } from "../../internal/sha256.ts";
import type { TreeNode } from "./node.ts";

/** The length of a value's hash. */
export const HASH_SIZE = 16;
/** How many nodes one read may make the server hash. */
export const MAX_HASHED = 10_000;

/** The hash of a node's value, null for no node, undefined if it has too many nodes. */
export function valueHash(node: TreeNode | undefined): Uint8Array | null | undefined {
  if (node === undefined) return null;
  if (count(node, MAX_HASHED) < 0) return undefined;
  return sha256(encode(node.value())).slice(0, HASH_SIZE);
}

/** The hash of the ascending list of a map's keys, null for no map, undefined if there are too many. */
export function keysHash(node: TreeNode | undefined): Uint8Array | null | undefined {
  if (node === undefined || !node.isMap) return null;
  if (node.kids.size > MAX_HASHED) return undefined;
  return sha256(encode(node.sortedKeys())).slice(0, HASH_SIZE);
}

/** What is left of budget after the nodes at and below node; negative if it is too little. */
function count(node: TreeNode, budget: number): number {
  let left = budget - 1;
  if (left < node.kids.size) return -1;
  for (const kid of node.kids.values()) {
    left = count(kid, left);
    if (left < 0) return left;
  }
  return left;
}
