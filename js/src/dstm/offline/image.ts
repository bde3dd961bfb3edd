import type { Value } from "../../codec/value.ts";
import { Body } from "../../internal/body.ts";
import { openRecord, sealRecord } from "../../internal/record.ts";
import { malformed } from "../errors.ts";
import { validName } from "../path.ts";
import type { Entered, Held, Replica, Terms } from "../replica/types.ts";
import { build } from "../tree/build.ts";
import { shapeOf } from "../tree/shape.ts";
import type { TreeNode } from "../tree/node.ts";
import { arrayOf, readPath, readValue, readWrites } from "../txn/decode.ts";
import { writeToWire } from "../txn/encode.ts";
import { apply, MAX_EPOCH } from "../txn/txn.ts";

/** The key of an object's whole state, and of the n-th list of changes behind it, from 1. */
export const baseKey = (name: string): string => `replica/${name}`;
export const tailKey = (name: string, n: number): string => `tail/${n}/${name}`;

/** The record of the confirmed state of an object. */
export function sealBase(o: Replica): Uint8Array {
  const root = o.root as TreeNode;
  return sealRecord(baseKey(o.name), [
    o.log?.name, o.epoch, o.version, o.position, o.hash, o.log?.position, termsValue(o.terms), root.raw(), shapeOf(root),
  ]);
}

export function termsValue(t: Terms): unknown[] {
  return [t.strict, t.readable, t.bytes, t.operations];
}

/** The record of changes that follow on what is kept of an object. */
export function sealTail(o: Replica, n: number, entries: readonly Entered[]): Uint8Array {
  return sealRecord(tailKey(o.name, n), [o.log?.position, entries.map((e) => [e.version, e.position, e.hash, e.writes.map(writeToWire)])]);
}

/** The key of which states of a log's objects were of one position. */
export const levelKey = (log: string): string => `level/${log}`;

export function sealLevel(log: string, objects: readonly Replica[]): Uint8Array {
  return sealRecord(levelKey(log), [objects.map((o) => [o.name, o.epoch, o.version])]);
}

/** Whether a state is one of those in a record. */
export function isLevelIn(record: Uint8Array | undefined, name: string, h: Omit<Held, "level">): boolean {
  if (record === undefined) return false;
  try {
    const e = openRecord(levelKey(h.log), record, "dstm").list();
    while (e.left > 0) {
      const one = e.list();
      if (one.text() === name && one.text() === h.epoch && one.count() === h.version) return true;
    }
  } catch {} // then it has to be asked
  return false;
}

/** What was kept of an object, from its records. Throws if anything about them is odd. */
export function openImage(name: string, base: Uint8Array, tails: readonly Uint8Array[]): Omit<Held, "level"> {
  const e = openRecord(baseKey(name), base, "dstm");
  const log = e.text();
  const epoch = e.text();
  if (!validName(log) || epoch.length < 1 || epoch.length > MAX_EPOCH) throw malformed("no valid log or epoch");
  const held = { log, epoch, version: e.count(), position: e.count(), hash: readHash(e.value()), seen: e.count(), terms: readTerms(e.list()) };
  const { value, shape } = readValue(e.value(), e.value(), 0);
  let root = build(value, shape, 0, 0);
  if (root === undefined || !root.isMap) throw malformed("a state that is no map");
  tails.forEach((record, i) => {
    const t = openRecord(tailKey(name, i + 1), record, "dstm");
    held.seen = t.count();
    for (const v of arrayOf(t.value(), "changes", Infinity)) {
      const c = new Body(arrayOf(v, "a change", 4), "dstm");
      if (c.count() !== held.version + 1) throw malformed("a change that does not follow");
      held.version++;
      held.position = c.count();
      held.hash = readHash(c.value());
      const next = apply(root as TreeNode, readWrites(c.value(), { n: 0 }), 0);
      if (typeof next === "number") throw malformed("a change that does not fit");
      root = next;
    }
  });
  return { ...held, root };
}

function readHash(v: Value): Uint8Array {
  if (!(v instanceof Uint8Array) || v.length !== 8) throw malformed("no hash");
  return v;
}

function readTerms(e: Body): Terms {
  const strict = e.bool();
  const readable = e.value();
  return { strict, readable: readable === null ? null : arrayOf(readable, "the readable paths", Infinity).map(readPath), bytes: e.count(), operations: e.count() };
}
