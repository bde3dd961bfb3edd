import { encode } from "../../codec/index.ts";
import { samePath } from "../path.ts";
import type { TreeNode } from "../tree/node.ts";
import { only } from "../tree/only.ts";
import { concerns } from "../txn/invert.ts";
import { targetOf, type Write } from "../txn/txn.ts";
import type { Effect, Entry } from "./change.ts";
import { find } from "./journal.ts";
import { mayRead } from "./terms.ts";
import type { Context, Journal, Own, Replica } from "./types.ts";

/** How many own commits are kept for being taken back, and about how many bytes. */
const MAX_COMMITS = 100;
const MAX_KEPT = 4 << 20;
/** About what a node takes beside its value. */
const NODE = 128;

/** What an own commit did to an object that was before. */
export function effectOf(o: Replica, before: TreeNode, part: Effect, sequence: number): Own {
  const own = o.layers.find((l) => l.tx.sequence === sequence)?.part.writes ?? part.writes;
  const whole = own.every((w) => mayRead(o.terms, targetOf(w))); // what cannot be read cannot be put back
  return {
    object: o.name,
    version: part.version,
    before: only(before, concerns(before, part.writes)),
    writes: whole ? part.writes : null,
    bytes: part.writes.reduce((n, w) => n + kept(before, w), NODE),
    moved: [],
    unseen: false,
  };
}

/**
 * Notes which elements others have moved in an object; null: there may be any. Elements have no versions of their places, so that nothing in the state could
 * tell.
 */
export function displace(c: Context, log: string, object: string, writes: readonly Write[] | null): void {
  const moved = (writes ?? []).filter((w) => w.op === "move").map(targetOf);
  if (writes !== null && moved.length === 0) return;
  for (const x of c.own) {
    if (x.log !== log) continue;
    for (const p of x.parts) {
      if (p.object !== object) continue;
      if (writes === null) p.unseen = true;
      for (const w of p.writes ?? []) {
        if (w.op === "move" && moved.some((path) => samePath(path, targetOf(w)))) p.moved.push(targetOf(w));
      }
    }
  }
}

/**
 * About how many bytes stay in memory for a write's sake alone: what it replaced, and the way there.
 */
function kept(before: TreeNode, w: Write): number {
  const way = NODE * (w.path.length + 1) + ("value" in w ? encode(w.value).length : 0);
  const old = w.op === "insert" || w.op === "move" ? undefined : before.find(w.path);
  return way + (old === undefined ? 0 : encode(old.raw()).length);
}

/** Keeps an own commit, if all that it did was seen, and forgets the oldest beyond the bounds. */
export function remember(c: Context, j: Journal, e: Entry, parts: readonly Own[]): void {
  const submitted = find(j, e.sequence)?.parts.filter((p) => p.writes.length > 0).length ?? e.parts.length;
  if (parts.length === 0 || parts.length < submitted) return;
  c.own.push({ log: j.name, epoch: j.epoch, position: e.position, parts, reversal: false });
  let bytes = c.own.reduce((n, x) => x.parts.reduce((m, p) => m + p.bytes, n), 0);
  while (c.own.length > MAX_COMMITS || bytes > MAX_KEPT) {
    bytes -= c.own.shift()?.parts.reduce((m, p) => m + p.bytes, 0) ?? 0;
  }
}
