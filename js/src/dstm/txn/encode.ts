import type { Spot } from "../tree/order.ts";
import { ReadKind, type Part, type Read, type Write } from "./txn.ts";

/** The parts as they travel. */
export function partsToWire(parts: readonly Part[]): unknown[] {
  return parts.map((p) => [p.object, p.epoch, p.base, p.reads.map(readToWire), p.writes.map(writeToWire)]);
}

function readToWire(r: Read): unknown[] {
  if (r.kind === ReadKind.Hash || r.kind === ReadKind.KeysHash) return [r.kind, r.path, r.hash];
  if (r.guard === null) return [r.kind, r.path];
  const { op, value, truth } = r.guard;
  return truth ? [r.kind, r.path, op, value] : [r.kind, r.path, op, value, false];
}

/** A write as it travels. */
export function writeToWire(w: Write): unknown[] {
  switch (w.op) {
    case "set":
      return w.shape === null ? [1, w.path, w.value] : [1, w.path, w.value, w.shape];
    case "delete":
      return [2, w.path];
    case "add":
      if (w.least === undefined && w.most === undefined) return [3, w.path, w.n];
      return [3, w.path, w.n, w.least ?? null, w.most ?? null];
    case "min":
      return [4, w.path, w.n];
    case "max":
      return [5, w.path, w.n];
    case "insert":
      return [6, w.path, w.id, w.spot.where, anchor(w.spot), w.value, ...(w.shape === null ? [] : [w.shape])];
    case "move":
      return [7, w.path, w.id, w.spot.where, anchor(w.spot)];
  }
}

function anchor(spot: Spot): string | null {
  return spot.anchor === "" ? null : spot.anchor;
}
