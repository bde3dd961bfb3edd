import { Code } from "../status.ts";
import { conflict, fault, Reason } from "./errors.ts";
import { samePath, startsWith, type Path } from "./path.ts";
import type { Core } from "./replica/core.ts";
import type { Own, OwnCommit, Replica } from "./replica/types.ts";
import { Edit } from "./tree/edit.ts";
import { sameLeaf } from "./tree/leaf.ts";
import { sameIds, type TreeNode } from "./tree/node.ts";
import { invert } from "./txn/invert.ts";
import { stillHolds } from "./txn/judge.ts";
import { apply, ReadKind, targetOf, type Part, type Read } from "./txn/txn.ts";
import type { Commit } from "./view.ts";

/** A transaction that undoes an own commit. */
export interface Undoing {
  readonly parts: readonly Part[];
  /** The own unanswered transactions up to this one do not stand in the way. */
  readonly known: number;
  /** It may be refused because of what happened elsewhere in a list: then another one is to be made. */
  readonly moves: boolean;
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
  const touched: Path[] = [];
  const parts = own.parts.map((o) => undoPart(core, own, o, touched));
  if (touched.length > 0) throw conflict(touched);
  return {
    parts,
    known: core.sequence, // what of them writes at the same place was found just now
    moves: own.parts.some((p) => places(p).length > 0),
    at: own.parts.findIndex(is),
    done: (position) => {
      core.own = core.own.filter((x) => x !== own);
      const made = core.own.find((x) => x.log === own.log && x.position === position);
      if (made !== undefined) made.reversal = true;
    },
  };
}

/** Undoes what a commit did to one object; touched gets the paths that something else has touched since. */
function undoPart(core: Core, { log, epoch, position }: OwnCommit, own: Own, touched: Path[]): Part {
  const o = core.objects.get(own.object);
  if (o === undefined || o.root === null) throw fault(Code.Unavailable, Reason.Closed, `${own.object} is not open`);
  if (o.epoch !== epoch || o.log?.name !== log) throw conflict([]);
  const before = withWays(o, own.before);
  const inverse = own.writes === null ? null : invert(before, own.writes);
  const after = own.writes === null ? 0 : apply(before, own.writes, own.version);
  if (inverse === null || typeof after === "number") throw fault(Code.FailedPrecondition, Reason.Invalid, `what version ${own.version} did to ${own.object} has no opposite`);
  const reversals = new Set(core.own.filter((x) => x.reversal && x.log === log && x.epoch === epoch).flatMap((x) => x.parts.map((p) => (p.object === own.object ? p.version : 0))));
  for (const r of inverse.reads) {
    // The confirmed state tells what was touched; what is predicted above it is known by its paths.
    const kept = stillHolds(r, own.version, o.root) || restored(r, own.version, after, o.root, reversals);
    if (!kept || predicted(o, r)) touched.push(r.path);
  }
  const { writes } = inverse;
  const reads = [...inverse.reads, ...stay(core, { log, epoch, position }, own, o.root, touched)];
  // It deleted what was not there, which can be done as well again.
  return { object: own.object, epoch, base: o.version, reads, writes: writes.length > 0 ? writes : (own.writes ?? []) };
}

/**
 * Reads of the order of the lists in which a commit moved elements, so that nobody moves one between this state and the undoing. Touched gets
 * the elements that something else has moved before.
 */
function stay(core: Core, c: Pick<OwnCommit, "log" | "epoch" | "position">, own: Own, root: TreeNode, touched: Path[]): Read[] {
  const reads: Read[] = [];
  const later = core.own.filter((x) => x.log === c.log && x.epoch === c.epoch && x.position > c.position && !x.reversal);
  const mine = later.flatMap((x) => x.parts.filter((p) => p.object === own.object).flatMap((p) => places(p)));
  for (const place of places(own)) {
    const path = place.slice(0, -1);
    const list = root.find(path);
    if (list === undefined || root.find(place) === undefined) continue; // gone: other reads tell
    if (list.keys > own.version && (own.unseen || [...own.moved, ...mine].some((p) => samePath(p, place)))) touched.push(place);
    if (!reads.some((r) => samePath(r.path, path))) reads.push({ kind: ReadKind.Keys, path, hash: null, guard: null });
  }
  return reads;
}

/** The elements that a commit moved. */
function places(own: Own): Path[] {
  return (own.writes ?? []).filter((w) => w.op === "move").map(targetOf);
}

/** Whether an own unanswered transaction may change what is read. */
function predicted(o: Replica, r: Read): boolean {
  const changes = (path: Path): boolean => startsWith(r.path, path) || (r.kind !== ReadKind.Value && startsWith(path, r.path));
  return o.layers.some((l) => l.shown && l.writes.some((w) => changes(targetOf(w))));
}

/** Whether what a commit left is there again, put back by the undoing of what came after it: the versions of the nodes are those of reversals. */
function restored(r: Read, made: number, after: TreeNode, root: TreeNode, reversals: ReadonlySet<number>): boolean {
  const [left, now] = [after.find(r.path), root.find(r.path)];
  const old = (version: number): boolean => version <= made || reversals.has(version);
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
