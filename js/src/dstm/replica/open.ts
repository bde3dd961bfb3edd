import { Code, type TrefoilError } from "../../status.ts";
import { fault, malformed, Reason } from "../errors.ts";
import { checkReady, doubt, journalOf, refuseUnsent, see } from "./journal.ts";
import { forget, strip } from "./object.ts";
import { install } from "./snapshot.ts";
import type { Context, Journal, Replica, Snapshot, Submission } from "./types.ts";

/** Has an open frame sent. */
export function ask(c: Context, o: Replica): void {
  c.request++;
  o.phase = "opening";
  o.request = c.request;
  o.asked = false;
  c.requests.push({ object: o });
}

/** Opens an object again from nothing: what it holds does not fit. */
export function resync(c: Context, o: Replica): void {
  o.mistaken = true;
  ask(c, o);
}

/** Whether this is the answer to the opening under way. */
function expected(o: Replica | undefined, request: number): o is Replica {
  return o !== undefined && o.phase === "opening" && o.request === request && o.asked;
}

/** Takes the answer to an open. */
export function opened(c: Context, log: string, request: number, name: string, s: Snapshot): void {
  const o = c.objects.get(name);
  if (!expected(o, request)) return;
  if (s.root === null && (o.root === null || o.mistaken || o.log?.name !== log || o.epoch !== s.epoch || o.version !== s.version)) {
    throw malformed("opened names a state that the client does not hold");
  }
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
  see(j, s);
  if (s.root !== null) install(c, o, s, s.root);
  c.events.push({ kind: "opened", object: name });
  checkReady(c, j);
}

/** Takes the refusal of an open. */
export function refused(c: Context, request: number, name: string, error: TrefoilError): void {
  const o = c.objects.get(name);
  if (!expected(o, request)) return;
  o.phase = "offline";
  o.returning = false;
  if (o.root === null) {
    forget(c, o);
    c.events.push({ kind: "refused", object: name, error });
  } else if (error.code === Code.Unavailable || error.code === Code.ResourceExhausted) {
    checkReady(c, o.log as Journal); // what is held stays, and is asked for again
  } else {
    forget(c, o);
    c.events.push({ kind: "ended", object: name, error });
  }
}

/** Takes a state that the server sends unasked. */
export function reset(c: Context, log: string, name: string, s: Snapshot): void {
  const o = c.objects.get(name);
  if (o?.phase !== "open" || o.log?.name !== log || s.root === null) return;
  see(o.log, s);
  install(c, o, s, s.root);
}

/** Takes that the server closes an object. */
export function ended(c: Context, log: string, name: string, error: TrefoilError): void {
  // While an opening is under way its answer decides, and this is about an earlier one.
  const o = c.objects.get(name);
  if (o?.phase !== "open" || o.log?.name !== log) return;
  forget(c, o);
  c.events.push({ kind: "ended", object: name, error });
}

/** Settles the transactions of an object that moved to another log: the one that they were made for can no longer be asked. */
function abandon(c: Context, o: Replica, log: Journal): void {
  const names = (p: Submission): boolean => p.parts.some((part) => part.object === o.name);
  refuseUnsent(c, log, names, fault(Code.Aborted, Reason.Conflict, "the object moved to another log"));
  doubt(c, log, names);
  strip(o);
  o.epoch = ""; // whatever the new log says is another history
}
