import type { TreeNode } from "../tree/node.ts";
import { apply, changedPaths, sameWrite, targetOf, type Write } from "../txn/txn.ts";
import { find } from "./journal.ts";
import { remove } from "./object.ts";
import { resync } from "./open.ts";
import { change } from "./show.ts";
import { mayRead } from "./terms.ts";
import type { Context, Journal, Own, Replica, Step } from "./types.ts";

/** How many own commits are kept for being taken back. */
const UNDOABLE = 100;

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
    if (mine) own.push(effect(o, o.root, root, part, e.sequence));
    const kept = !o.terms.strict && o.step?.stale !== true && keeps(o, mine, e.sequence, part.writes);
    const step = change(c, o, mine ? "mine" : "remote", changedPaths(part.writes));
    step.kept = kept;
    o.root = root;
    o.version = part.version;
    o.position = e.position;
    o.hash = e.hash;
    confirm(o, step, mine, e.sequence);
  }
  remember(c, j, e, own);
}

/** What an own commit did to an object. */
function effect(o: Replica, before: TreeNode, after: TreeNode, part: Effect, sequence: number): Own {
  const own = o.layers.find((l) => l.tx.sequence === sequence)?.part.writes ?? part.writes;
  const whole = own.every((w) => mayRead(o.terms, targetOf(w))); // what cannot be read cannot be put back
  return { object: o.name, version: part.version, before, after, writes: whole ? part.writes : null };
}

/** Keeps an own commit, if all that it did was seen. */
function remember(c: Context, j: Journal, e: Entry, parts: readonly Own[]): void {
  const submitted = find(j, e.sequence)?.parts.filter((p) => p.writes.length > 0).length ?? e.parts.length;
  if (parts.length === 0 || parts.length < submitted) return;
  c.own.push({ log: j.name, epoch: j.epoch, position: e.position, parts, reversal: false });
  if (c.own.length > UNDOABLE) c.own.shift();
}

/** Takes away the layers that the object's root now holds. */
function confirm(o: Replica, step: Step, mine: boolean, sequence: number): void {
  for (const l of [...o.layers]) {
    if ((mine && l.tx.sequence === sequence) || (l.reached > 0 && l.reached <= o.version)) {
      step.landed = step.landed || l.shown;
      remove(l);
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
