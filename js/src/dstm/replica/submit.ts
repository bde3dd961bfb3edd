import { encode } from "../../codec/index.ts";
import { Code, type TrefoilError } from "../../status.ts";
import { denied, fault, invalid, Reason } from "../errors.ts";
import { touches, type Path } from "../path.ts";
import type { TreeNode } from "../tree/node.ts";
import { partsToWire } from "../txn/encode.ts";
import { fails } from "../txn/judge.ts";
import { apply, changedPaths, MAX_BYTES, MAX_PARTS, ReadKind, targetOf, type Part, type Transaction, type Write } from "../txn/txn.ts";
import { find, isLevel } from "./journal.ts";
import { done } from "./show.ts";
import { mayRead, showable } from "./terms.ts";
import { PREDICTED, type Context, type Journal, type Layer, type Replica, type Submission } from "./types.ts";

/** What became of a submission: its sequence, or why it was refused, and for a conflict the path. */
export type Submitted = { readonly sequence: number } | { readonly error: TrefoilError; readonly path: Path | null };

/** See Core.submit. */
export function submit(c: Context, t: Transaction, seen: number, durable: boolean): Submitted {
  const wire = partsToWire(t.parts);
  const log = admit(c, t, encode(wire).length);
  if (!("queue" in log)) return { error: log, path: null };
  const p: Submission = {
    ...t, sequence: 0, log, wire, layers: [], sent: false, flying: false, parked: false, hidden: false, answered: false, applied: false, left: false, restored: false, durable, stored: false,
  };
  const folds: TreeNode[] = [];
  for (const part of t.parts) {
    const object = c.objects.get(part.object) as Replica;
    const layer: Layer = { tx: p, part, writes: showable(object.terms, part.writes), object, shown: true, made: [], reached: 0 };
    const fold = fits(layer, seen);
    if (Array.isArray(fold)) {
      return { error: fault(Code.Aborted, Reason.Conflict, "what the transaction read has changed"), path: fold };
    }
    p.layers.push(layer);
    folds.push(fold as TreeNode);
  }
  p.sequence = ++c.sequence;
  c.queued++;
  log.queue.push(p);
  p.layers.forEach((l, i) => show(c, l, folds[i] as TreeNode));
  done(c);
  return { sequence: p.sequence };
}

/** Puts a layer on top of its object. */
function show(c: Context, l: Layer, fold: TreeNode): void {
  const o = l.object;
  const paths = changedPaths(l.writes);
  c.events.push({ kind: "changed", object: o.name, before: o.fold as TreeNode, after: fold, version: o.version, origin: "mine", paths });
  o.fold = fold;
  o.layers = [...o.layers, l];
  if (o.visible !== null) o.visible = [...o.visible, { sequence: l.tx.sequence, paths: l.writes.map(targetOf) }];
}

/** Checks that a transaction may be taken, and finds its log. */
function admit(c: Context, t: Transaction, size: number): Journal | TrefoilError {
  if (t.parts.length === 0 || t.parts.length > MAX_PARTS) return invalid(`a transaction has 1 to ${MAX_PARTS} parts`);
  if (c.queued >= c.limit) return fault(Code.ResourceExhausted, Reason.Busy, `${c.queued} transactions are not answered yet`);
  let log: Journal | undefined;
  for (const part of t.parts) {
    const o = c.objects.get(part.object);
    if (o === undefined || o.root === null || o.log === null) return fault(Code.Unavailable, Reason.Closed, "the object is not open");
    if (o.epoch !== part.epoch) return fault(Code.Aborted, Reason.Conflict, "the object began a new epoch");
    if (log !== undefined && o.log !== log) return invalid("the objects of a transaction share no log");
    log = o.log;
    const refusal = beyond(t, part, o, size);
    if (refusal !== null) return refusal;
  }
  const j = log as Journal;
  if (t.parts.length > 1 && !isLevel(c, j)) return fault(Code.Aborted, Reason.Conflict, "the objects are not of one position now");
  for (const a of t.after) {
    const before = find(j, a);
    const gone = before === undefined ? !j.committed.includes(a) : before.hidden && before.layers.length > 0;
    if (gone) return fault(Code.Aborted, Reason.Depends, "what the transaction depends on was refused, taken back, or settled long ago");
  }
  return j;
}

/** Why the server would refuse a part whatever the state. */
function beyond(t: Transaction, part: Part, o: Replica, size: number): TrefoilError | null {
  const { bytes, operations } = o.terms;
  const room = size + (t.metadata === null ? 0 : encode(t.metadata).length) + 1024; // more than sequences and numbers need
  if (size > bytes || room > MAX_BYTES) return fault(Code.ResourceExhausted, Reason.TooLarge, `a transaction has at most ${bytes} bytes`);
  const count = t.parts.reduce((n, p) => n + p.reads.length + p.writes.length, 0);
  if (count > operations) return fault(Code.ResourceExhausted, Reason.TooLarge, `a transaction has at most ${operations} reads and writes`);
  const hidden = part.reads.find((r) => !mayRead(o.terms, r.path));
  return hidden === undefined ? null : denied(hidden.path);
}

/** The fold with a new layer on top, or the path because of which the layer does not fit there. */
function fits(l: Layer, seen: number): TreeNode | Path {
  const o = l.object;
  for (const other of o.layers) {
    if (!other.shown || other.tx.sequence <= seen) continue; // not there, or known to the transaction
    for (const read of l.part.reads) {
      if (read.kind !== ReadKind.Guard && other.writes.some((w) => touches(read.path, targetOf(w)))) return read.path;
    }
  }
  const [root, under] = [o.root as TreeNode, o.fold as TreeNode];
  const path = fails(l.part, { root, under, made: l.made, writes: l.writes, strict: o.terms.strict });
  if (path !== null) return path;
  const next = apply(under, l.writes, PREDICTED);
  return typeof next === "number" ? targetOf(l.writes[next] as Write) : next;
}
