import { toHex } from "../../codec/binary.ts";
import type { Value } from "../../codec/value.ts";
import { Body, isMap } from "../../internal/body.ts";
import { Code } from "../../status.ts";
import { fault, malformed } from "../errors.ts";
import { validName, type Path } from "../path.ts";
import { build } from "../tree/build.ts";
import type { TreeNode } from "../tree/node.ts";
import { arrayOf, readPath, readValue, readWrites } from "../txn/decode.ts";
import { MAX_EPOCH, MAX_OPERATIONS, MAX_PARTS, type Write } from "../txn/txn.ts";
import { applyEntry, type Effect } from "./change.ts";
import { findJournal } from "./journal.ts";
import { ended, opened, piece, refused, reset } from "./open.ts";
import { Kind } from "./kinds.ts";
import { answered, readRevision, recalled, revision } from "./past.ts";
import { committed, rejected } from "./settle.ts";
import { done } from "./show.ts";
import { usual } from "./terms.ts";
import type { Context, Snapshot, Terms } from "./types.ts";

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
    const s = readSnapshot(e, false);
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
    const s = readSnapshot(e, true);
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
    const client = toHex(bytes(e, 16));
    const sequence = e.count();
    const count = { n: 0 };
    const parts = arrayOf(e.value(), "parts", MAX_PARTS).map((v): Effect => {
      const part = new Body(arrayOf(v, "a part", Infinity), "dstm");
      return { object: part.text(), version: part.count(), writes: readWrites(part.value(), count) };
    });
    const j = findJournal(c, log);
    if (j !== undefined) applyEntry(c, j, { position, hash, client, sequence, parts });
  },
  [Kind.Piece]: (c, log, e) => {
    const name = e.text();
    const last = e.bool();
    const writes = readWrites(e.value(), { n: 0 });
    if (!writes.every((w: Write) => w.op === "set" || w.op === "insert")) throw malformed("a piece sets and inserts");
    piece(c, log, name, last, writes);
  },
  [Kind.Current]: (c, log, e) => {
    const position = e.count();
    const j = findJournal(c, log);
    if (j === undefined) return;
    j.position = Math.max(j.position, position);
    j.level = true;
    c.events.push({ kind: "level", log });
  },
  [Kind.Revision]: (c, _log, e) => {
    const request = e.count();
    const name = e.text();
    revision(c, request, name, readRevision(e));
  },
  [Kind.State]: (c, _log, e) => {
    const request = e.count();
    const name = e.text();
    recalled(c, request, name, readState(e));
  },
  [Kind.Done]: (c, _log, e) => {
    const request = e.count();
    const name = e.text();
    const v = e.optional();
    answered(c, request, name, v === null ? null : new Body([v], "dstm").error());
  },
};

/** Epoch, version, position, hash, snapshot (a reset then has its reason), shape, flags, readable and limits. */
function readSnapshot(e: Body, reason: boolean): Snapshot {
  const point = readPoint(e);
  const raw = e.optional();
  const why = reason ? e.optional() : null;
  const root = readRoot(raw, e.optional(), point.version);
  const flags = readFlags(e.optional());
  return { ...point, root, terms: readTerms((flags & 1) > 0, e.optional(), e.optional()), pieces: (flags & 2) > 0, ahead: why === "ahead" };
}

/** A state of the past: epoch, version, position, hash, snapshot and shape. */
function readState(e: Body): Snapshot {
  const point = readPoint(e);
  const raw = e.value();
  return { ...point, root: readRoot(raw, e.optional(), point.version), terms: usual, pieces: false, ahead: false };
}

function readPoint(e: Body): Pick<Snapshot, "epoch" | "version" | "position" | "hash"> {
  const epoch = e.text();
  if (epoch.length < 1 || epoch.length > MAX_EPOCH) throw malformed("a state has no valid epoch");
  return { epoch, version: e.count(), position: e.count(), hash: bytes(e, 8) };
}

function readRoot(raw: Value, shape: Value, version: number): TreeNode | null {
  if (raw === null) return null;
  const checked = readValue(raw, shape, 0);
  const root = build(checked.value, checked.shape, version, 0);
  if (root === undefined || !root.isMap) throw malformed("a snapshot is no map, or nests too deeply");
  return root;
}

function readFlags(v: Value): number {
  if (v === null) return 0;
  if (typeof v !== "number" || !Number.isInteger(v)) throw malformed("flags are no integer");
  return v;
}

function readTerms(strict: boolean, readable: Value, limits: Value): Terms {
  const most = (key: string, otherwise: number): number => {
    const n = isMap(limits) ? limits[key] : undefined;
    return typeof n === "number" && n > 0 ? n : otherwise;
  };
  return {
    strict,
    readable: readable === null ? null : arrayOf(readable, "the readable paths", Infinity).map(readPath),
    bytes: most("transaction", usual.bytes),
    operations: most("operations", usual.operations),
  };
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
