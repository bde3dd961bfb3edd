import type { TrefoilError } from "../../status.ts";
import { maybeDone } from "../errors.ts";
import { settled, windowOpen } from "./journal.ts";
import { DSTM, Kind } from "./kinds.ts";
import { nextQuestion, questionFrame } from "./past.ts";
import { refuse } from "./settle.ts";
import { done } from "./show.ts";
import type { Context, Errand, Journal, Submission } from "./types.ts";

/** See Core.next. */
export function next(c: Context): unknown[] | null {
  if (!c.connected) return null;
  const errand = c.requests[0];
  if (errand !== undefined) return errandFrame(errand);
  const question = nextQuestion(c);
  if (question !== undefined) return questionFrame(question);
  const due = nextCommit(c);
  if (due === null) return null;
  const { j, p } = due;
  const after = p.after.length > 0 ? p.after : null;
  return [DSTM, Kind.Commit, j.name, p.sequence, settled(j, c.sequence), p.sent ? 1 : 0, p.position, after, p.metadata, p.wire, p.attempt];
}

/** See Core.sent. */
export function sent(c: Context): void {
  const errand = c.requests.shift();
  if (errand !== undefined) {
    if ("object" in errand) errand.object.asked = true;
    return;
  }
  const question = nextQuestion(c);
  if (question !== undefined) {
    question.asked = true;
    return;
  }
  const due = nextCommit(c);
  if (due === null) return;
  const { j, p } = due;
  j.told = settled(j, c.sequence);
  j.committed = j.committed.filter((s) => s > j.told);
  p.sent = true;
  p.flying = true;
  j.flying++;
}

/** See Core.unsendable. */
export function unsendable(c: Context, error: TrefoilError): void {
  if (c.requests.length > 0 || nextQuestion(c) !== undefined) {
    sent(c);
    return;
  }
  const due = nextCommit(c);
  if (due === null) return;
  refuse(c, due.p, due.p.sent ? maybeDone(error) : error, []);
  done(c);
}

/** The first transaction that may be sent now. Within a log they go in their order, so that those that may have been sent before go first. */
function nextCommit(c: Context): { j: Journal; p: Submission } | null {
  for (const j of c.journals) {
    if (!j.ready) continue;
    for (const p of j.queue) {
      if (p.parked) break;
      if (p.flying || p.answered) continue;
      if ((p.durable && !p.stored) || p.sequence > c.ceiling) break; // what is behind it waits, so that sequences ascend
      if (!p.sent && j.unsent.some((s) => s < p.sequence)) break; // a process that begins now would send that one
      if (p.sent || windowOpen(j, settled(j, c.sequence))) return { j, p };
      break;
    }
  }
  return null;
}

/** Opens and closes travel in one stream, so that a close of an object stays before a later open of it. */
function errandFrame(e: Errand): unknown[] {
  if (!("object" in e)) return [DSTM, Kind.Close, "", e.name];
  const o = e.object;
  const resume = o.root === null || o.mistaken ? null : [o.epoch, o.version, o.position, o.hash];
  return [DSTM, Kind.Open, "", o.request, o.name, resume];
}
