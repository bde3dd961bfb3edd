import type { Value } from "../../codec/value.ts";
import { Body, hex } from "../../internal/body.ts";
import { Code } from "../../status.ts";
import { fault, malformed } from "../errors.ts";
import { validName, type Path } from "../path.ts";
import { build, isValueMap } from "../tree/edit.ts";
import { arrayOf, readPath, readValue, readWrites } from "../txn/decode.ts";
import { MAX_EPOCH, MAX_OPERATIONS, MAX_PARTS } from "../txn/txn.ts";
import { applyEntry, type Effect } from "./change.ts";
import { findJournal } from "./journal.ts";
import { ended, opened, refused, reset } from "./open.ts";
import { Kind } from "./send.ts";
import { committed, rejected } from "./settle.ts";
import { done } from "./show.ts";
import type { Context, Snapshot } from "./types.ts";

/** See Core.receive. */
export function receive(c: Context, kind: number, stream: number | bigint | string, body: readonly Value[]): void {
  if (typeof stream !== "string") throw malformed("a dstm frame's stream is no string");
  const read = readers[kind];
  if (read === undefined) throw fault(Code.FailedPrecondition, "dstm.unexpected", `a server sends no dstm frame of kind ${kind}`);
  try {
    read(c, stream, new Body(body, "dstm"));
  } finally {
    done(c);
  }
}

type Reader = (c: Context, log: string, e: Body) => void;

const readers: { readonly [kind: number]: Reader } = {
  [Kind.Opened]: (c, log, e) => {
    const request = e.count();
    const name = e.text();
    const s = readSnapshot(e);
    if (!validName(log)) throw malformed("opened names no log");
    opened(c, log, request, name, s);
  },
  [Kind.Refused]: (c, _log, e) => {
    const request = e.count();
    const name = e.text();
    refused(c, request, name, e.error());
  },
  [Kind.Reset]: (c, log, e) => {
    const name = e.text();
    const s = readSnapshot(e);
    if (s.root === null) throw malformed("a reset without a state");
    reset(c, log, name, s);
  },
  [Kind.Ended]: (c, log, e) => {
    const name = e.text();
    ended(c, log, name, e.error());
  },
  [Kind.Committed]: (c, log, e) => {
    const sequence = e.count();
    const position = e.count();
    const list = new Body(arrayOf(e.value(), "versions", MAX_PARTS), "dstm");
    const versions: number[] = [];
    while (list.left > 0) versions.push(list.count());
    const j = findJournal(c, log);
    if (j !== undefined) committed(c, j, sequence, position, versions);
  },
  [Kind.Rejected]: (c, log, e) => {
    const sequence = e.count();
    const error = e.error();
    const conflicts = readConflicts(e.optional());
    const j = findJournal(c, log);
    if (j !== undefined) rejected(c, j, sequence, error, conflicts);
  },
  [Kind.Change]: (c, log, e) => {
    const position = e.count();
    const hash = bytes(e, 8);
    e.value(); // the time, for display
    const client = hex(bytes(e, 16));
    const sequence = e.count();
    const count = { n: 0 };
    const parts = arrayOf(e.value(), "parts", MAX_PARTS).map((v): Effect => {
      const part = new Body(arrayOf(v, "a part", Infinity), "dstm");
      return { object: part.text(), version: part.count(), writes: readWrites(part.value(), count) };
    });
    const j = findJournal(c, log);
    if (j !== undefined) applyEntry(c, j, { position, hash, client, sequence, parts });
  },
};

/** Epoch, version, position, hash and snapshot. */
function readSnapshot(e: Body): Snapshot {
  const epoch = e.text();
  const version = e.count();
  const position = e.count();
  const hash = bytes(e, 8);
  if (epoch.length < 1 || epoch.length > MAX_EPOCH) throw malformed("a state has no valid epoch");
  const raw = e.optional();
  if (raw === null) return { epoch, version, position, hash, root: null };
  const value = readValue(raw, 0);
  if (!isValueMap(value)) throw malformed("a snapshot is no map");
  const root = build(value, version, 0);
  if (root === "depth") throw malformed("a snapshot nests too deeply");
  return { epoch, version, position, hash, root };
}

function readConflicts(v: Value): Path[] {
  if (v === null) return [];
  return arrayOf(v, "conflicts", MAX_OPERATIONS).map((pair) => {
    const e = new Body(arrayOf(pair, "a conflict", Infinity), "dstm");
    e.count();
    return readPath(e.value());
  });
}

/** Bytes of this length, copied. */
function bytes(e: Body, length: number): Uint8Array {
  const v = e.value();
  if (!(v instanceof Uint8Array) || v.length !== length) throw malformed(`not ${length} bytes`);
  return v.slice();
}
