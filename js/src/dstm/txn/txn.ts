import type { Value, ValueMap } from "../../codec/value.ts";
import type { Path } from "../path.ts";
import { sameLeaf } from "../tree/leaf.ts";
import { Edit, type Failure } from "../tree/edit.ts";
import type { TreeNode } from "../tree/node.ts";
import type { Numeric } from "../tree/numbers.ts";

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
export const ReadKind = { Value: 1, Absent: 2, Keys: 3, Subtree: 4, Hash: 5, KeysHash: 7 } as const;
/** One of {@link ReadKind}. */
export type ReadKind = (typeof ReadKind)[keyof typeof ReadKind];

/** One observation. `hash` is that of Hash and KeysHash; null: absent. */
export interface Read {
  kind: ReadKind;
  path: Path;
  hash: Uint8Array | null;
}

/** One change. Values are canonical and frozen. */
export type Write =
  | { readonly op: "set"; readonly path: Path; readonly value: Value }
  | { readonly op: "delete"; readonly path: Path }
  | { readonly op: "add"; readonly path: Path; readonly n: Numeric; readonly least: Numeric | undefined; readonly most: Numeric | undefined };

/** What a transaction does with one object. */
export interface Part {
  readonly object: string;
  readonly epoch: string;
  readonly base: number;
  readonly reads: Read[];
  readonly writes: Write[];
}

/** What is given to the core, which adds sequence and flags. `after` is ascending. */
export interface Transaction {
  readonly position: number;
  readonly after: readonly number[];
  readonly metadata: ValueMap | null;
  readonly parts: readonly Part[];
}

/** Does one write. */
export function applyWrite(edit: Edit, w: Write): Failure | null {
  switch (w.op) {
    case "set":
      return edit.set(w.path, w.value);
    case "delete":
      return edit.delete(w.path);
    case "add":
      return edit.add(w.path, w.n, w.least, w.most);
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

/** The paths that the writes name. */
export function writtenPaths(writes: readonly Write[]): Path[] {
  return writes.map((w) => w.path);
}

/** Whether two writes are the same. */
export function sameWrite(a: Write, b: Write): boolean {
  if (a.path.length !== b.path.length || !a.path.every((key, i) => key === b.path[i])) return false;
  switch (a.op) {
    case "set":
      return b.op === "set" && sameLeaf(a.value, b.value);
    case "delete":
      return b.op === "delete";
    case "add":
      return b.op === "add" && a.n === b.n && a.least === b.least && a.most === b.most;
  }
}


/** The parts as they travel. */
export function partsToWire(parts: readonly Part[]): unknown[] {
  return parts.map((p) => [p.object, p.epoch, p.base, p.reads.map(readToWire), p.writes.map(writeToWire)]);
}

function readToWire(r: Read): unknown[] {
  return r.kind === ReadKind.Hash || r.kind === ReadKind.KeysHash ? [r.kind, r.path, r.hash] : [r.kind, r.path];
}

/** A write as it travels. */
export function writeToWire(w: Write): unknown[] {
  switch (w.op) {
    case "set":
      return [1, w.path, w.value];
    case "delete":
      return [2, w.path];
    case "add":
      if (w.least === undefined && w.most === undefined) return [3, w.path, w.n];
      return [3, w.path, w.n, w.least ?? null, w.most ?? null];
  }
}
