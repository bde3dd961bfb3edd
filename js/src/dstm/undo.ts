import { Code } from "../status.ts";
import { conflict, fault, Reason } from "./errors.ts";
import type { Core } from "./replica/core.ts";
import type { Own, Replica } from "./replica/types.ts";
import { Edit } from "./tree/edit.ts";
import { sameLeaf } from "./tree/leaf.ts";
import { sameIds, type TreeNode } from "./tree/node.ts";
import { invert } from "./txn/invert.ts";
import { stillHolds } from "./txn/judge.ts";
import { ReadKind, type Part, type Read } from "./txn/txn.ts";
import type { Commit } from "./view.ts";

/** A transaction that undoes an own commit. */
export interface Undoing {
  readonly parts: readonly Part[];
  /** Which of them is that of the object. */
  readonly at: number;
  /** It has committed. */
  done(position: number): void;
}

/** What undoes an own commit. Throws if it cannot be undone. */
export function undoing(core: Core, object: string, c: Commit): Undoing {
  const is = (o: Own): boolean => o.object === object && o.version === c.version;
  const own = core.own.find((x) => x.log === c.log && x.epoch === c.epoch && x.parts.some(is));
  if (own === undefined) {
    throw fault(Code.OutOfRange, Reason.History, `version ${c.version} of ${object} is no commit of this client, or too long ago, or undone`);
  }
  return {
    parts: own.parts.map((o) => undoPart(core, own.epoch, o)),
    at: own.parts.findIndex(is),
    done: (position) => {
      core.own = core.own.filter((x) => x !== own);
      const made = core.own.find((x) => x.log === own.log && x.position === position);
      if (made !== undefined) made.reversal = true;
    },
  };
}

function undoPart(core: Core, epoch: string, own: Own): Part {
  const o = core.objects.get(own.object);
  if (o === undefined || o.root === null) throw fault(Code.Unavailable, Reason.Closed, `${own.object} is not open`);
  if (o.epoch !== epoch) throw conflict([]);
  const inverse = own.writes === null ? null : invert(withWays(o, own.before), own.writes);
  if (inverse === null) throw fault(Code.FailedPrecondition, Reason.Invalid, `what version ${own.version} did to ${own.object} has no opposite`);
  const reversals = new Set(core.own.filter((x) => x.reversal).flatMap((x) => x.parts.map((p) => (p.object === own.object ? p.version : 0))));
  for (const r of inverse.reads) {
    if (!stillHolds(r, own.version, o.root) && !restored(r, own, o.root, reversals)) throw conflict([r.path]);
  }
  const { reads, writes } = inverse;
  // It deleted what was not there, which can be done as well again.
  return { object: own.object, epoch, base: o.version, reads, writes: writes.length > 0 ? writes : (own.writes ?? []) };
}

/** Whether what a commit left is there again, put back by the undoing of what came after it: the versions of the nodes are those of reversals. */
function restored(r: Read, own: Own, root: TreeNode, reversals: ReadonlySet<number>): boolean {
  const [left, now] = [own.after.find(r.path), root.find(r.path)];
  const old = (version: number): boolean => version <= own.version || reversals.has(version);
  const same = (a: TreeNode, b: TreeNode): boolean => {
    if (a === b) return true;
    if (!old(b.written)) return false;
    if (a.leaf !== undefined || b.leaf !== undefined) return a.leaf !== undefined && b.leaf !== undefined && sameLeaf(a.leaf, b.leaf);
    if (r.kind === ReadKind.Value) return a.isList === b.isList;
    return old(b.keys) && sameIds(a, b) && Array.from(b.kids).every(([key, kid]) => same(a.kids.get(key) as TreeNode, kid));
  };
  return left !== undefined && now !== undefined && same(left, now);
}

/**
 * A tree in which all maps on the way to readable paths are there. What one may not read may exist: that a write created it must not be taken for
 * granted, nor undone.
 */
function withWays(o: Replica, before: TreeNode): TreeNode {
  const edit = new Edit(before, before.changed);
  for (const path of o.terms.readable ?? []) {
    const way = path.slice(0, -1);
    if (edit.root.find(way) === undefined) edit.set(way, Object.create(null) as Record<string, never>);
  }
  return edit.root;
}
