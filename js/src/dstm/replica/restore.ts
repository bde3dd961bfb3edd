import { partsToWire } from "../txn/encode.ts";
import { apply } from "../txn/txn.ts";
import type { TreeNode } from "../tree/node.ts";
import { checkReady, find, findJournal, journalOf, settled, windowOpen } from "./journal.ts";
import { done, hide } from "./show.ts";
import { showable } from "./terms.ts";
import { MAX_UNANSWERED, PREDICTED, type Context, type Held, type Journal, type Layer, type Recorded, type Replica, type Submission } from "./types.ts";

/** Gives an object what was kept of it: it has a state at once, and goes on from there when it is opened at the server. */
export function hold(c: Context, o: Replica, h: Held): void {
  const j = journalOf(c, h.log);
  const level = c.order.every((other) => other.log !== j) ? h.level : j.level && h.level;
  if (j.epoch === "") j.epoch = h.epoch;
  if (j.epoch === h.epoch) j.position = Math.max(j.position, h.seen);
  o.log = j;
  o.epoch = h.epoch;
  o.version = h.version;
  o.position = h.position;
  o.hash = h.hash;
  o.terms = h.terms;
  o.root = h.root;
  o.fold = h.root;
  o.returning = c.connected;
  j.level = level;
  overlay(c, o, j);
  c.events.push({ kind: "opened", object: o.name });
  checkReady(c, j);
}

/** Puts the transactions that are not answered above a state that was held here when they were made: their object was closed meanwhile. */
function overlay(c: Context, o: Replica, j: Journal): void {
  for (const p of j.queue) {
    const part = p.parts.find((x) => x.object === o.name);
    if (part === undefined || p.answered || part.writes.length === 0 || part.epoch !== o.epoch) continue;
    const layer: Layer = { tx: p, part, writes: showable(o.terms, part.writes), object: o, shown: !p.hidden && !p.applied, made: [], reached: 0 };
    p.layers.push(layer);
    o.layers.push(layer);
    if (!layer.shown) continue;
    const fold = apply(o.fold as TreeNode, layer.writes, PREDICTED);
    if (typeof fold === "number") hide(c, p); // it stood on one that was refused
    else o.fold = fold;
  }
}

/** See Core.restore. */
export function restore(c: Context, r: Recorded): void {
  const j = journalOf(c, r.log);
  const { parts } = r.transaction;
  const p: Submission = {
    ...r.transaction, sequence: r.sequence, log: j, wire: partsToWire(parts), layers: [], sent: r.sent, flying: false, parked: false,
    hidden: r.hidden || j.queue.some((q) => q.hidden && r.transaction.after.includes(q.sequence)), answered: false, applied: false, left: false, restored: true, durable: true, stored: r.sent,
  };
  const folds: TreeNode[] = [];
  for (const part of parts) {
    const object = c.objects.get(part.object);
    // What is kept of an object is no older than the run: a state of another epoch came since (docs/decisions/0015-epochs-that-come-back.md).
    if (object?.root && object.log === j && object.epoch !== part.epoch) p.left = true;
    if (object === undefined || object.root === null || object.log !== j || object.epoch !== part.epoch) continue;
    const layer: Layer = { tx: p, part, writes: showable(object.terms, part.writes), object, shown: !p.hidden, made: [], reached: 0 };
    p.layers.push(layer);
    if (p.hidden) continue;
    // What was overtaken before is recorded as such; here it only has to fit.
    const fold = apply(object.fold as TreeNode, layer.writes, PREDICTED);
    if (typeof fold === "number") p.hidden = true;
    else folds.push(fold);
  }
  p.layers.forEach((l, i) => {
    l.shown = !p.hidden;
    l.object.layers = [...l.object.layers, l];
    l.object.visible = null;
    if (l.shown) l.object.fold = folds[i] as TreeNode;
  });
  c.sequence = Math.max(c.sequence, p.sequence);
  c.queued++;
  j.queue.push(p);
  checkReady(c, j);
}

/** See Core.unstored. */
export function unstored(c: Context): Submission[] {
  if (!c.connected) return [];
  return c.journals.flatMap((j) => {
    if (!j.ready || !windowOpen(j, settled(j, c.sequence))) return [];
    const parked = j.queue.findIndex((p) => p.parked);
    return j.queue.slice(0, parked < 0 ? undefined : parked).filter((p) => p.durable && !p.stored && !p.answered).slice(0, MAX_UNANSWERED);
  });
}

/** See Core.stored. */
export function stored(c: Context, sequence: number): void {
  for (const j of c.journals) {
    const p = find(j, sequence);
    if (p !== undefined) p.stored = true;
  }
}

/** See Core.release. */
export function release(c: Context, log: string, sequence: number): void {
  const j = findJournal(c, log);
  if (j === undefined) return;
  j.held = j.held.filter((s) => s !== sequence);
  j.unsent = j.unsent.filter((s) => s !== sequence);
  done(c);
}
