import { Code, type TrefoilError } from "../../status.ts";
import { fault, malformed, Reason } from "../errors.ts";
import type { Path } from "../path.ts";
import { find } from "./journal.ts";
import { hide, take } from "./show.ts";
import type { Context, Journal, Submission } from "./types.ts";

/** Takes the answer to a transaction that took effect. */
export function committed(c: Context, j: Journal, sequence: number, position: number, versions: readonly number[]): void {
  const p = find(j, sequence);
  if (p === undefined || !p.sent || p.answered) return;
  if (versions.length !== p.parts.length) throw malformed("committed has not one version for each part");
  answer(c, p);
  p.answered = true;
  j.committed.push(sequence);
  j.committed.sort((a, b) => a - b);
  j.position = Math.max(j.position, position);
  emitSettled(c, p, null, { asked: true, position, versions, conflicts: [] });
  for (const l of [...p.layers]) {
    const version = versions[p.parts.findIndex((part) => part.object === l.object.name)] as number;
    // In order, the change came before its answer and took the layer away. What is left waits for an object that is just
    // being opened again.
    if (!l.shown || l.object.version >= version || l.object.epoch !== l.part.epoch) take(c, l);
    else l.reached = version;
  }
  finish(p);
}

/** Takes the answer to a transaction that did not. */
export function rejected(c: Context, j: Journal, sequence: number, error: TrefoilError, conflicts: readonly Path[]): void {
  const p = find(j, sequence);
  if (p === undefined || !p.sent || p.answered) return;
  // Whatever has become of it, the store can tell when it is there again: a durable transaction asks in the next session.
  if (p.durable && error.is(Reason.Closed)) {
    p.parked = true;
    return;
  }
  refuse(c, p, error, conflicts, true);
}

/** Settles a transaction with an error. */
export function refuse(c: Context, p: Submission, error: TrefoilError, conflicts: readonly Path[], asked = false): void {
  emitSettled(c, p, error, { asked, position: 0, versions: [], conflicts });
  drop(c, p);
}

/** Forgets a transaction without effect, and what depends on it. */
export function drop(c: Context, p: Submission): void {
  const j = p.log;
  answer(c, p);
  for (const l of [...p.layers]) take(c, l);
  j.queue = j.queue.filter((x) => x !== p);
  for (const q of [...j.queue]) {
    if (!q.after.includes(p.sequence) || q.answered || find(j, q.sequence) !== q) continue;
    if (q.sent || q.restored) hide(c, q); // its answer will come
    else refuse(c, q, fault(Code.Aborted, Reason.Depends, "what the transaction depends on was refused"), []);
  }
}

/** Forgets an answered transaction that no object waits for. */
export function finish(p: Submission): void {
  if (p.answered && p.layers.length === 0) p.log.queue = p.log.queue.filter((x) => x !== p);
}

/** Takes a transaction off the unanswered. */
function answer(c: Context, p: Submission): void {
  c.queued--;
  if (p.durable) p.log.held.push(p.sequence);
  if (p.durable && !p.sent) p.log.unsent.push(p.sequence);
  if (p.flying) {
    p.flying = false;
    p.log.flying--;
  }
}

interface Outcome {
  readonly asked: boolean;
  readonly position: number;
  readonly versions: readonly number[];
  readonly conflicts: readonly Path[];
}

function emitSettled(c: Context, p: Submission, error: TrefoilError | null, o: Outcome): void {
  c.events.push({
    kind: "settled",
    sequence: p.sequence,
    objects: p.parts.map((part) => part.object),
    log: p.log.name,
    epoch: p.parts[0]?.epoch ?? "",
    error,
    ...o,
  });
}
