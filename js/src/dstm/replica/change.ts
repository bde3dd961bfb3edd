import { apply, changedPaths, sameWrite, type Write } from "../txn/txn.ts";
import { remove } from "./object.ts";
import { resync } from "./open.ts";
import { displace, effectOf, remember } from "./own.ts";
import { change, take } from "./show.ts";
import type { Context, Journal, Own, Replica, Step } from "./types.ts";

/** One change frame: what a transaction did to the objects that are open here. */
export interface Entry {
  readonly position: number;
  readonly hash: Uint8Array;
  readonly client: string;
  readonly sequence: number;
  readonly parts: readonly Effect[];
}

/** What it did to one object. */
export interface Effect {
  readonly object: string;
  readonly version: number;
  readonly writes: readonly Write[];
}

/** Takes one entry of the log. */
export function applyEntry(c: Context, j: Journal, e: Entry): void {
  j.position = Math.max(j.position, e.position);
  const mine = e.client === c.client;
  const own: Own[] = [];
  for (const part of e.parts) {
    const o = c.objects.get(part.object);
    if (o === undefined || o.phase !== "open" || o.log !== j || o.root === null || o.growing !== null) continue; // not open, or about an earlier opening
    const root = part.version === o.version + 1 ? apply(o.root, part.writes, part.version) : 0;
    if (typeof root === "number") {
      resync(c, o); // what is held cannot be what the server has
      continue;
    }
    if (mine) own.push(effectOf(o, o.root, part, e.sequence));
    else displace(c, j.name, o.name, part.writes);
    const kept = !o.terms.strict && o.step?.stale !== true && keeps(o, mine, e.sequence, part.writes);
    const step = change(c, o, mine ? "mine" : "remote", changedPaths(part.writes));
    step.kept = kept;
    o.root = root;
    o.version = part.version;
    o.position = e.position;
    o.hash = e.hash;
    c.events.push({ kind: "entered", object: o.name, version: o.version, position: o.position, hash: o.hash, writes: part.writes });
    confirm(c, o, step, mine, e.sequence);
  }
  remember(c, j, e, own);
}

/** Takes away the layers that the object's root now holds. */
function confirm(c: Context, o: Replica, step: Step, mine: boolean, sequence: number): void {
  for (const l of [...o.layers]) {
    if (mine && l.tx.sequence === sequence) {
      step.landed = step.landed || l.shown;
      l.tx.applied = true;
      remove(l);
    } else if (l.reached > 0 && l.reached <= o.version) {
      // Another transaction made the version that this one was told to have made: the log was put back to an older copy.
      take(c, l);
    } else if (mine && l.tx.after.includes(sequence)) {
      l.made.push(o.version);
    }
  }
}

/**
 * Whether the fold stays what it is when these writes are confirmed: there is nothing to see of somebody else's, or the lowest layer that
 * is shown is this transaction with these writes.
 */
function keeps(o: Replica, mine: boolean, sequence: number, writes: readonly Write[]): boolean {
  if (!mine) return writes.length === 0;
  const lowest = o.layers.find((l) => l.shown);
  if (lowest === undefined || lowest.tx.sequence !== sequence) return false;
  const own = lowest.writes;
  return own.length === writes.length && own.every((w, i) => sameWrite(w, writes[i] as Write));
}
