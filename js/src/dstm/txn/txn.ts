import type { Value, ValueMap } from "../../codec/value.ts";
import type { Path } from "../path.ts";
import { Edit, type Failure } from "../tree/edit.ts";
import { sameLeaf } from "../tree/leaf.ts";
import type { TreeNode } from "../tree/node.ts";
import type { Numeric } from "../tree/numbers.ts";
import type { Spot } from "../tree/order.ts";
import type { Shape } from "../tree/shape.ts";

/** Limits of one transaction (PROTOCOL.md, section 11). */
export const MAX_BYTES = 512 * 1024;
/** Reads and writes of a transaction. */
export const MAX_OPERATIONS = 10_000;
/** Parts of a transaction. */
export const MAX_PARTS = 16;
/** Sequences that a transaction depends on. */
export const MAX_AFTER = 64;
/** The length of an epoch in bytes. */
export const MAX_EPOCH = 32;

/** The kinds of reads on the wire. */
export const ReadKind = { Value: 1, Absent: 2, Keys: 3, Subtree: 4, Hash: 5, Guard: 6, KeysHash: 7 } as const;
/** One of {@link ReadKind}. */
export type ReadKind = (typeof ReadKind)[keyof typeof ReadKind];

/** A comparison and how it came out; see GuardOp. */
export interface Guard {
  readonly op: number;
  readonly value: Value;
  readonly truth: boolean;
}

/** One observation. `hash` is that of Hash and KeysHash (null: absent), `guard` that of Guard. */
export interface Read {
  readonly kind: ReadKind;
  readonly path: Path;
  readonly hash: Uint8Array | null;
  readonly guard: Guard | null;
}

/** One change. Values are canonical and frozen. */
export type Write =
  | { readonly op: "set"; readonly path: Path; readonly value: Value; readonly shape: Shape | null }
  | { readonly op: "delete"; readonly path: Path }
  | { readonly op: "add"; readonly path: Path; readonly n: Numeric; readonly least: Numeric | undefined; readonly most: Numeric | undefined }
  | { readonly op: "min" | "max"; readonly path: Path; readonly n: Numeric }
  | { readonly op: "insert"; readonly path: Path; readonly id: string; readonly spot: Spot; readonly value: Value; readonly shape: Shape | null }
  | { readonly op: "move"; readonly path: Path; readonly id: string; readonly spot: Spot };

/** What a transaction does with one object. */
export interface Part {
  readonly object: string;
  readonly epoch: string;
  readonly base: number;
  readonly reads: readonly Read[];
  readonly writes: readonly Write[];
}

/** What is given to the core, which adds sequence and flags. `after` is ascending. */
export interface Transaction {
  readonly position: number;
  readonly after: readonly number[];
  readonly metadata: ValueMap | null;
  readonly parts: readonly Part[];
  /** How often its function was run for it, from 1. */
  readonly attempt: number;
}

/** Does one write. */
export function applyWrite(edit: Edit, w: Write): Failure | null {
  switch (w.op) {
    case "set":
      return edit.set(w.path, w.value, w.shape);
    case "delete":
      return edit.delete(w.path);
    case "add":
      return edit.add(w.path, w.n, w.least, w.most);
    case "min":
    case "max":
      return edit[w.op](w.path, w.n);
    case "insert":
      return edit.insert(w.path, w.id, w.spot, w.value, w.shape);
    case "move":
      return edit.move(w.path, w.id, w.spot);
  }
}

/** The tree after the writes, in order, made by version; or the index of the write that cannot be made. */
export function apply(root: TreeNode, writes: readonly Write[], version: number): TreeNode | number {
  const edit = new Edit(root, version);
  for (let i = 0; i < writes.length; i++) {
    if (applyWrite(edit, writes[i] as Write) !== null) return i;
  }
  return edit.root;
}

/** What a write changes: the element for insert and move. */
export function targetOf(w: Write): Path {
  return w.op === "insert" || w.op === "move" ? [...w.path, w.id] : w.path;
}

/** Where states before and after the writes may differ: for a move in the whole list, since what stands beside differs too. */
export function changedPaths(writes: readonly Write[]): Path[] {
  return writes.map((w) => (w.op === "move" ? w.path : targetOf(w)));
}

/** Whether two writes are the same. */
export function sameWrite(a: Write, b: Write): boolean {
  if (a.op !== b.op || !samePath(a.path, b.path)) return false;
  switch (a.op) {
    case "set":
      return sameLeaf(a.value, (b as typeof a).value) && sameShape(a.shape, (b as typeof a).shape);
    case "delete":
      return true;
    case "add":
      return a.n === (b as typeof a).n && a.least === (b as typeof a).least && a.most === (b as typeof a).most;
    case "min":
    case "max":
      return a.n === (b as typeof a).n;
    case "insert":
      return sameElement(a, b as typeof a) && sameLeaf(a.value, (b as typeof a).value) && sameShape(a.shape, (b as typeof a).shape);
    case "move":
      return sameElement(a, b as typeof a);
  }
}

function samePath(a: Path, b: Path): boolean {
  return a.length === b.length && a.every((key, i) => key === b[i]);
}

function sameElement(a: { id: string; spot: Spot }, b: { id: string; spot: Spot }): boolean {
  return a.id === b.id && a.spot.where === b.spot.where && a.spot.anchor === b.spot.anchor;
}

function sameShape(a: Shape | null, b: Shape | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every(([path, ids], i) => samePath(path, b[i]?.[0] ?? []) && samePath(ids, b[i]?.[1] ?? []));
}
