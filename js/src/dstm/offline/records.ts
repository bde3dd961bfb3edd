import type { Value, ValueMap } from "../../codec/value.ts";
import { Body, errorValue } from "../../internal/body.ts";
import { openRecord, sealRecord } from "../../internal/record.ts";
import { malformed } from "../errors.ts";
import { validName } from "../path.ts";
import { partsToWire } from "../txn/encode.ts";
import { arrayOf, readPath, readValue } from "../txn/decode.ts";
import { MAX_AFTER, MAX_PARTS } from "../txn/txn.ts";
import { readParts } from "./parts.ts";
import type { Difference, Made, Refusal, Task } from "./types.ts";

/** The key of the record of a durable transaction. */
export const workKey = (id: string): string => `work/${id}`;
/** The key of what was refused. */
export const inboxKey = (id: string): string => `inbox/${id}`;

export function sealTask(t: Task): Uint8Array {
  const r = t.run;
  const run = r === null ? null : [r.sequence, r.log, r.position, r.after, r.attempt, partsToWire(r.parts), t.sent, t.hidden];
  return sealRecord(workKey(t.id), [t.order, t.name, t.input, t.objects, t.metadata, t.made, t.lost, run, t.differences.map(differenceValue)]);
}

/** The transaction of a record. Throws if anything about it is odd. */
export function openTask(id: string, record: Uint8Array): Task {
  const e = openRecord(workKey(id), record, "dstm");
  const head = readHead(e);
  const task: Task = { id, ...head, lost: e.count(), run: null, sent: false, hidden: false, differences: [] };
  const run = e.value();
  if (run !== null) readRun(new Body(arrayOf(run, "a run", 8), "dstm"), task);
  task.differences = arrayOf(e.value(), "the differences", Infinity).map(readDifference);
  end(e);
  return task;
}

export function sealRefusal(r: Refusal): Uint8Array {
  return sealRecord(inboxKey(r.id), [
    r.order, r.name, r.input, r.objects, r.metadata, r.made, r.refused, errorValue(r.error), r.differences.map(differenceValue),
  ]);
}

/** What was refused, from its record. Throws if anything about it is odd. */
export function openRefusal(id: string, record: Uint8Array): Refusal {
  const e = openRecord(inboxKey(id), record, "dstm");
  const head = readHead(e);
  const refusal = { id, ...head, refused: e.count(), error: e.error(), differences: arrayOf(e.value(), "the differences", Infinity).map(readDifference) };
  end(e);
  return refusal;
}

function readHead(e: Body): Pick<Task, "order" | "name" | "input" | "objects" | "metadata" | "made"> {
  const order = e.count();
  const name = e.text();
  const input = e.value();
  if (!(input instanceof Uint8Array)) throw malformed("no input");
  const objects = arrayOf(e.value(), "the objects", MAX_PARTS);
  if (objects.length === 0 || !objects.every(validName) || new Set(objects).size !== objects.length) throw malformed("no names of objects");
  return { order, name, input, objects: Object.freeze([...(objects as string[])]), metadata: e.texts() as ValueMap | null, made: e.count() };
}

function readRun(e: Body, task: Task): void {
  const sequence = e.count();
  const log = e.text();
  const position = e.count();
  const after = arrayOf(e.value(), "the presumed", MAX_AFTER);
  const ascending = after.every((s, i) => typeof s === "number" && Number.isSafeInteger(s) && s > ((after[i - 1] as number | undefined) ?? 0) && s < sequence);
  if (!validName(log) || sequence < 1 || !ascending) throw malformed("no valid run");
  const made: Made = { sequence, log, position, after: after as number[], attempt: e.count(), parts: readParts(e.value()) };
  if (!made.parts.every((p) => task.objects.includes(p.object))) throw malformed("a run on other objects");
  task.run = made;
  task.sent = e.bool();
  task.hidden = e.bool();
}

/** Absent is an empty list, anything else a list of it. */
function differenceValue(d: Difference): unknown[] {
  const some = (v: Value | undefined): unknown[] => (v === undefined ? [] : [v]);
  return [d.object, d.path, some(d.base), some(d.mine), some(d.theirs), d.elided];
}

function readDifference(v: Value): Difference {
  const e = new Body(arrayOf(v, "a difference", 6), "dstm");
  const some = (x: Value): Value | undefined => {
    const list = arrayOf(x, "a value", 1);
    return list.length === 0 ? undefined : readValue(list[0] as Value, null, 0).value;
  };
  return Object.freeze({ object: e.text(), path: readPath(e.value()), base: some(e.value()), mine: some(e.value()), theirs: some(e.value()), elided: e.bool() });
}

function end(e: Body): void {
  if (e.left > 0) throw malformed("a record with too much");
}
