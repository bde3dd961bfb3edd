import { sizeOf } from "../../internal/size.ts";
import { Code, type TrefoilError } from "../../status.ts";
import { fault, malformed, Reason } from "../errors.ts";
import { Edit } from "../tree/edit.ts";
import { applyWrite, type Write } from "../txn/txn.ts";
import { checkReady, doubt, findJournal, journalOf, recognize, refuseUnsent, see } from "./journal.ts";
import { forget, strip } from "./object.ts";
import { install } from "./snapshot.ts";
import { sameReadable, showable } from "./terms.ts";
import type { Context, Growing, Journal, Replica, Snapshot, Submission, Terms } from "./types.ts";

/** Has an open frame sent. */
export function ask(c: Context, o: Replica): void {
  c.request++;
  o.phase = "opening";
  o.request = c.request;
  o.asked = false;
  o.growing = null;
  c.requests.push({ object: o });
}

/** Opens an object again from nothing: what it holds does not fit. */
export function resync(c: Context, o: Replica): void {
  o.mistaken = true;
  ask(c, o);
}

/** Whether this is the answer to the opening under way. */
function expected(o: Replica | undefined, request: number): o is Replica {
  return o !== undefined && o.phase === "opening" && o.request === request && o.asked && o.growing === null;
}

/** Takes the answer to an open. */
export function opened(c: Context, log: string, request: number, name: string, s: Snapshot): void {
  const o = c.objects.get(name);
  if (!expected(o, request)) return;
  if (s.root === null) {
    const held = o.root !== null && !o.mistaken && o.log?.name === log && o.epoch === s.epoch && o.version === s.version;
    if (!held) throw malformed("opened names a state that the client does not hold");
    if (!sameReadable(o.terms, s.terms)) {
      resync(c, o); // what is held is not what may be read now
      return;
    }
  }
  if (!grow(c, o, { log, snapshot: s, reset: false })) complete(c, o, log, s);
}

/** Begins to take a state in pieces, if that is how it comes. */
function grow(c: Context, o: Replica, g: Omit<Growing, "edit" | "bytes">): boolean {
  const { root, version, pieces } = g.snapshot;
  if (root === null || !pieces) return false;
  o.growing = { ...g, edit: new Edit(root, version), bytes: 0 };
  const j = findJournal(c, g.log);
  if (j !== undefined) j.level = false;
  return true;
}

/** Takes a piece of a state. */
export function piece(c: Context, log: string, name: string, last: boolean, writes: readonly Write[]): void {
  const o = c.objects.get(name);
  const g = o?.growing;
  if (o === undefined || g === null || g === undefined || g.log !== log) return;
  if (!writes.every((w) => applyWrite(g.edit, w) === null)) throw malformed("a piece does not fit what came before it");
  for (const w of writes) g.bytes += sizeOf(w);
  if (g.bytes > c.maxGrown) {
    c.requests.push({ name });
    dismiss(c, o, fault(Code.ResourceExhausted, Reason.TooLarge, `the object is larger than ${c.maxGrown} bytes`));
    return;
  }
  if (!last) return;
  o.growing = null;
  const s = { ...g.snapshot, root: g.edit.root };
  if (g.reset) replace(c, o, s);
  else complete(c, o, log, s);
}

/** The object is open. */
function complete(c: Context, o: Replica, log: string, s: Snapshot): void {
  o.phase = "open";
  o.returning = false;
  const before = o.log;
  const j = journalOf(c, log);
  if (before !== null && before !== j) {
    abandon(c, o, before);
    o.log = j;
    checkReady(c, before);
  }
  o.log = j;
  accept(o, s.terms);
  j.level = false;
  see(j, s);
  recognize(c, j, s.epoch);
  if (s.root !== null) install(c, o, s, s.root);
  c.events.push({ kind: "opened", object: o.name });
  checkReady(c, j);
}

/** Takes what the server says about an object. */
function accept(o: Replica, t: Terms): void {
  const same = sameReadable(o.terms, t);
  o.terms = t;
  if (!same) for (const l of o.layers) l.writes = showable(t, l.part.writes);
}

/** Takes the refusal of an open. */
export function refused(c: Context, request: number, name: string, error: TrefoilError): void {
  const o = c.objects.get(name);
  if (!expected(o, request)) return;
  o.phase = "offline";
  o.returning = false;
  if (o.root !== null && (error.code === Code.Unavailable || error.code === Code.ResourceExhausted)) {
    checkReady(c, o.log as Journal); // what is held stays, and is asked for again
  } else {
    dismiss(c, o, error);
  }
}

/** Forgets an object that the server does not give, or no longer. */
function dismiss(c: Context, o: Replica, error: TrefoilError): void {
  forget(c, o);
  c.events.push(o.root === null ? { kind: "refused", object: o.name, error } : { kind: "ended", object: o.name, error, was: o });
}

/** Takes a state that the server sends unasked. */
export function reset(c: Context, log: string, name: string, s: Snapshot): void {
  const o = c.objects.get(name);
  if (o === undefined || !at(o, log)) return;
  const opening = o.growing?.reset === false; // what was to answer an open did not come to its end
  o.growing = null;
  if (grow(c, o, { log, snapshot: s, reset: !opening })) return;
  if (opening) complete(c, o, log, s);
  else replace(c, o, s);
}

/** Whether the server has the object open in this log. */
function at(o: Replica, log: string): boolean {
  return o.growing !== null ? o.growing.log === log : o.phase === "open" && o.log?.name === log;
}

/** The object has another state. */
function replace(c: Context, o: Replica, s: Snapshot): void {
  const j = o.log as Journal;
  accept(o, s.terms);
  j.level = false;
  see(j, s);
  recognize(c, j, s.epoch);
  if (s.root !== null) install(c, o, s, s.root);
}

/** Takes that the server closes an object. */
export function ended(c: Context, log: string, name: string, error: TrefoilError): void {
  // While an opening is under way its answer decides, and this is about an earlier one.
  const o = c.objects.get(name);
  if (o !== undefined && at(o, log)) dismiss(c, o, error);
}

/** Settles the transactions of an object that moved to another log: the one that they were made for can no longer be asked. */
function abandon(c: Context, o: Replica, log: Journal): void {
  const names = (p: Submission): boolean => p.parts.some((part) => part.object === o.name);
  refuseUnsent(c, log, names, fault(Code.Aborted, Reason.Conflict, "the object moved to another log"));
  doubt(c, log, names);
  strip(c, o);
  o.epoch = ""; // whatever the new log says is another history
}
