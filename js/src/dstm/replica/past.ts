import type { Body } from "../../internal/body.ts";
import { Code, type TrefoilError } from "../../status.ts";
import { fault, malformed } from "../errors.ts";
import { readWrites } from "../txn/decode.ts";
import { DSTM, Kind } from "./kinds.ts";
import type { Context, Question, Snapshot, Told } from "./types.ts";

/** How many requests about the past a session may have under way (PROTOCOL.md, section 8). */
const MAX_QUESTIONS = 4;

/** See Core.history and Core.at. */
export function inquire(c: Context, object: string, from: number | null, to: number): number {
  const request = ++c.request;
  c.questions.push({ request, object, from, to, last: from ?? 0, asked: false, forgotten: false });
  return request;
}

/** See Core.forget. */
export function forgetQuestion(c: Context, request: number): void {
  const q = find(c, request);
  if (q === undefined) return;
  if (q.asked) q.forgotten = true;
  else c.questions = c.questions.filter((x) => x !== q);
}

/** Ends the questions of the session that has ended. */
export function abort(c: Context): void {
  for (const q of c.questions.filter((x) => x.asked)) {
    conclude(c, q, fault(Code.Unavailable, "dstm.disconnected", "the connection was lost before the answer was complete"));
  }
}

/** The question to send next, if one may be sent now. */
export function nextQuestion(c: Context): Question | undefined {
  return c.questions.slice(0, MAX_QUESTIONS).find((q) => !q.asked);
}

export function questionFrame(q: Question): unknown[] {
  if (q.from === null) return [DSTM, Kind.At, "", q.request, q.object, q.to];
  return [DSTM, Kind.History, "", q.request, q.object, q.from, q.to];
}

/** Takes a revision. */
export function revision(c: Context, request: number, object: string, r: Told): void {
  const q = pending(c, request, object);
  if (q === undefined || q.from === null) return;
  if (r.version <= q.last || (q.to > 0 && r.version > q.to)) throw malformed("a revision that was not asked for");
  q.last = r.version;
  if (!q.forgotten) c.events.push({ kind: "revision", request, revision: r });
}

/** Reads what stands behind request and object of a revision. */
export function readRevision(e: Body): Told {
  const version = e.count();
  const position = e.count();
  const time = e.time();
  const client = e.id();
  const user = e.text();
  e.count(); // the sequence, which says nothing to others
  if (client === null) throw malformed("a revision without a client");
  const writes = readWrites(e.value(), { n: 0 });
  return { version, position, time, client, user, metadata: e.texts() ?? {}, writes };
}

/** Takes a state at a version. */
export function recalled(c: Context, request: number, object: string, s: Snapshot): void {
  const q = pending(c, request, object);
  if (q === undefined || q.from !== null) return;
  if (s.root === null || s.version !== q.to) throw malformed("a state that was not asked for");
  c.questions = c.questions.filter((x) => x !== q);
  if (!q.forgotten) c.events.push({ kind: "state", request, snapshot: s });
}

/** Takes the end of an answer. */
export function answered(c: Context, request: number, object: string, error: TrefoilError | null): void {
  const q = pending(c, request, object);
  if (q === undefined) return;
  if (error === null && q.from === null) throw malformed("a state was asked for, and none came");
  conclude(c, q, error);
}

function conclude(c: Context, q: Question, error: TrefoilError | null): void {
  c.questions = c.questions.filter((x) => x !== q);
  if (!q.forgotten) c.events.push({ kind: "done", request: q.request, error });
}

function pending(c: Context, request: number, object: string): Question | undefined {
  const q = find(c, request);
  return q?.asked === true && q.object === object ? q : undefined;
}

function find(c: Context, request: number): Question | undefined {
  return c.questions.find((q) => q.request === request);
}
