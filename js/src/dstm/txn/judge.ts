import { startsWith, type Path } from "../path.ts";
import { compareGuard } from "../tree/compare.ts";
import { HASH_BUDGET, keysHash, valueHash, type Budget } from "../tree/hash.ts";
import type { TreeNode } from "../tree/node.ts";
import { ReadKind, targetOf, type Guard, type Part, type Read, type Write } from "./txn.ts";

/** What a transaction is judged on. */
export interface Ground {
  /** The confirmed tree, by whose versions most reads are judged. */
  readonly root: TreeNode;
  /** The same, with what own transactions before this one write. */
  readonly under: TreeNode;
  /** Versions that own transactions made which this one presumes. */
  readonly made: readonly number[];
  /** What it writes there. */
  readonly writes: readonly Write[];
  readonly strict: boolean;
}

/** The path because of which a part can no longer commit, as far as can be seen on this ground, null if it may. */
export function fails(part: Part, g: Ground): Path | null {
  const budget = { left: HASH_BUDGET };
  for (const r of part.reads) {
    if (!readHolds(r, part.base, g, budget)) return r.path;
  }
  for (let i = 0; i < g.writes.length; i++) {
    const path = changedWay(part.base, g, i);
    if (path !== null) return path;
  }
  return null;
}

/** The first of the maps, lists and leaves above what a write writes that is not what the transaction has seen, null if there is none. */
function changedWay(base: number, g: Ground, write: number): Path | null {
  const target = targetOf(g.writes[write] as Write);
  let node: TreeNode | undefined = g.root;
  for (let i = 0; i < target.length - 1; i++) {
    node = node.kids.get(target[i] as string);
    if (node === undefined) return null;
    if (node.written <= base || g.made.includes(node.written)) continue;
    const at = target.slice(0, i + 1);
    const replaced = g.writes.some((w, n) => n < write && startsWith(at, targetOf(w))); // by the transaction itself
    if (!replaced) return at;
  }
  return null;
}

/** Whether what was read at base still holds in a tree. What is too large to be compared has changed. */
export function stillHolds(r: Read, base: number, root: TreeNode): boolean {
  return readHolds(r, base, { root, under: root, made: [], writes: [], strict: false }, { left: HASH_BUDGET });
}

function readHolds(r: Read, base: number, g: Ground, budget: Budget): boolean {
  const node = g.root.find(r.path);
  switch (r.kind) {
    case ReadKind.Absent:
      return node === undefined && (!g.strict || absentSince(g.root, r.path, base));
    case ReadKind.Value:
      return node !== undefined && node.written <= base;
    case ReadKind.Keys:
      return node !== undefined && node.leaf === undefined && node.written <= base && node.keys <= base;
    case ReadKind.Subtree:
      return node !== undefined && node.changed <= base;
    case ReadKind.Hash:
      return !g.strict && sameHash(valueHash(g.under.find(r.path), budget), r.hash);
    case ReadKind.KeysHash:
      return !g.strict && sameHash(keysHash(g.under.find(r.path), budget), r.hash);
    case ReadKind.Guard: {
      const { op, value, truth } = r.guard as Guard;
      return compareGuard(g.under.find(r.path), op, value) === truth;
    }
  }
}

/** Whether nothing was at path since base. */
function absentSince(root: TreeNode, path: Path, base: number): boolean {
  const { node } = root.nearest(path);
  return node.written <= base && node.keys <= base;
}

function sameHash(a: Uint8Array | null | undefined, b: Uint8Array | null): boolean {
  if (a === undefined) return false;
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every((x, i) => x === b[i]);
}
