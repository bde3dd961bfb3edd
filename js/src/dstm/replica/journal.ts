import { Code, type TrefoilError } from "../../status.ts";
import { fault, maybeDone, Reason } from "../errors.ts";
import { refuse } from "./settle.ts";
import { MAX_UNANSWERED, type Context, type Journal, type Snapshot, type Submission } from "./types.ts";

/** The journal of a log, a new one if need be. */
export function journalOf(c: Context, name: string): Journal {
  const known = findJournal(c, name);
  if (known !== undefined) return known;
  const j: Journal = { name, epoch: "", position: 0, queue: [], flying: 0, ready: true, level: false, told: 0, committed: [], held: [], unsent: [] };
  c.journals.push(j);
  return j;
}

/** The journal of a log that is in use. */
export function findJournal(c: Context, name: string): Journal | undefined {
  return c.journals.find((j) => j.name === name);
}

/** Drops journals that nothing needs any more. */
export function clean(c: Context): void {
  c.journals = c.journals.filter((j) => j.queue.length > 0 || j.held.length > 0 || c.order.some((o) => o.log === j));
}

/** Lets the transactions of a log go once its objects are open again. */
export function checkReady(c: Context, j: Journal): void {
  j.ready = c.connected && !c.order.some((o) => o.log === j && o.returning);
}

/** Whether all that is held of the log is of one position. */
export function isLevel(c: Context, j: Journal): boolean {
  if (!j.level) return false;
  return c.order.every((o) => o.log !== j || o.root === null || (!o.mistaken && o.growing === null && (!c.connected || o.phase === "open")));
}

/** Takes note of the position that a state of an object names. */
export function see(j: Journal, s: Snapshot): void {
  if (j.epoch !== s.epoch || s.ahead) {
    // Positions of another history mean nothing: of another epoch, or of an end that the log has lost. What claims to have
    // seen those would be refused for ever.
    j.epoch = s.epoch;
    j.position = s.position;
  }
  j.position = Math.max(j.position, s.position);
}

/**
 * Looks at the epoch of a state that came. An epoch that is over does not come back, unless the log was put back to an older copy: what was sent
 * in it before says nothing about this history, though the numbers of versions and positions may fit, and the server cannot tell.
 */
export function recognize(c: Context, j: Journal, epoch: string): void {
  for (const p of j.queue) {
    if (p.parts.some((part) => part.epoch !== epoch)) p.left = true;
  }
  doubt(c, j, (p) => p.sent && p.left && p.parts.some((part) => part.epoch === epoch));
}

/** The transaction with this sequence. */
export function find(j: Journal, sequence: number): Submission | undefined {
  let low = 0;
  let high = j.queue.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((j.queue[middle] as Submission).sequence < sequence) low = middle + 1;
    else high = middle;
  }
  const p = j.queue[low];
  return p?.sequence === sequence ? p : undefined;
}

/** Up to where all answers are seen and no transaction to come depends on a commit. */
export function settled(j: Journal, last: number): number {
  let s = last;
  let first = true;
  for (const p of j.queue) {
    if (p.answered) continue;
    if (first) {
      s = p.sequence - 1;
      first = false;
    }
    const after = p.after[0];
    if (after !== undefined) s = Math.min(s, after - 1);
  }
  for (const h of j.held) s = Math.min(s, h - 1);
  return Math.max(s, j.told);
}

/** Whether one more transaction may be sent for the first time. */
export function windowOpen(j: Journal, settledTo: number): boolean {
  return j.flying + j.committed.filter((s) => s > settledTo).length < MAX_UNANSWERED;
}

/** Settles transactions that certainly were never sent with an error. */
export function refuseUnsent(c: Context, j: Journal, which: (p: Submission) => boolean, error: TrefoilError): void {
  for (const p of [...j.queue]) {
    if (!p.sent && !p.restored && which(p) && find(j, p.sequence) === p) refuse(c, p, error, []);
  }
}

/** Settles transactions whose outcome can no longer be asked for. */
export function doubt(c: Context, j: Journal, which: (p: Submission) => boolean): void {
  for (const p of [...j.queue]) {
    if (!p.answered && which(p) && find(j, p.sequence) === p) {
      refuse(c, p, maybeDone(fault(Code.Unavailable, Reason.OutcomeUnknown, "the log that could tell is out of reach")), []);
    }
  }
}

/**
 * Refuses transactions that were never sent when they alone keep the server remembering all it can: what they depend on is
 * committed, so they succeed when run again.
 */
export function unblock(c: Context, j: Journal): void {
  if (j.flying > 0 || j.held.length > 0 || j.queue.length === 0 || windowOpen(j, settled(j, c.sequence))) return;
  refuseUnsent(
    c,
    j,
    (p) => p.after.some((a) => j.committed.includes(a)),
    fault(Code.Aborted, Reason.Depends, "what the transaction depends on is settled"),
  );
}
