import { targetOf } from "../txn/txn.ts";
import { checkReady } from "./journal.ts";
import { finish } from "./settle.ts";
import { hide } from "./show.ts";
import { usual } from "./terms.ts";
import type { Context, Layer, Replica, Shown, State } from "./types.ts";

/** A replica that holds nothing yet. */
export function newReplica(name: string): Replica {
  return {
    name,
    phase: "offline",
    request: 0,
    asked: false,
    returning: false,
    mistaken: false,
    log: null,
    epoch: "",
    version: 0,
    position: 0,
    hash: new Uint8Array(8),
    terms: usual,
    growing: null,
    root: null,
    fold: null,
    layers: [],
    visible: null,
    step: null,
  };
}

/** What is seen of an object, undefined before its first opening. */
export function stateOf(c: Context, name: string): State | undefined {
  const o = c.objects.get(name);
  if (o === undefined || o.root === null || o.fold === null || o.log === null) return undefined;
  o.visible ??= visible(o);
  return {
    log: o.log.name,
    epoch: o.epoch,
    version: o.version,
    position: o.position,
    seen: o.log.position,
    root: o.fold,
    pending: o.visible,
    terms: o.terms,
  };
}

function visible(o: Replica): Shown[] {
  return o.layers.filter((l) => l.shown).map((l) => ({ sequence: l.tx.sequence, paths: l.writes.map(targetOf) }));
}

/** Removes the object and the layers above it; the transactions stay. */
export function forget(c: Context, o: Replica): void {
  strip(c, o);
  if (o.step !== null) o.step.stale = false;
  c.objects.delete(o.name);
  c.order = c.order.filter((x) => x !== o);
  c.requests = c.requests.filter((e) => !("object" in e && e.object === o));
  if (o.log !== null) checkReady(c, o.log);
}

/**
 * Takes all layers from an object that will not show them again. What a transaction that is not answered has written elsewhere is not shown any more either: if the
 * object is opened again, one would see a half of it.
 */
export function strip(c: Context, o: Replica): void {
  const layers = o.layers;
  o.layers = [];
  o.visible = null;
  for (const l of layers) {
    l.tx.layers = l.tx.layers.filter((x) => x !== l);
    if (l.tx.layers.length > 0 && !l.tx.answered) hide(c, l.tx);
    finish(l.tx);
  }
}

/** Takes a layer away, the way that its transaction went; the fold is not made again. */
export function remove(l: Layer): void {
  const o = l.object;
  o.layers = o.layers.filter((x) => x !== l);
  o.visible = null;
  l.tx.layers = l.tx.layers.filter((x) => x !== l);
  finish(l.tx);
}
