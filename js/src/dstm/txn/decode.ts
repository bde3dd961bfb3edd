import type { Value } from "../../codec/value.ts";
import { Body } from "../../internal/body.ts";
import { malformed } from "../errors.ts";
import { copyPath, MAX_DEPTH, validKey, type Path } from "../path.ts";
import { checkValue, type Checked } from "../tree/leaf.ts";
import { isNumber, type Numeric } from "../tree/numbers.ts";
import { Where, type Spot } from "../tree/order.ts";
import { asShape } from "../tree/shape.ts";
import { MAX_OPERATIONS, type Write } from "./txn.ts";

/** v, if it is an array of at most max elements. */
export function arrayOf(v: Value, what: string, max: number): readonly Value[] {
  if (!Array.isArray(v) || v.length > max) throw malformed(`${what} is no list of at most ${max}`);
  return v;
}

/** A path of valid keys. */
export function readPath(v: Value): Path {
  const keys = arrayOf(v, "a path", MAX_DEPTH);
  if (!keys.every(validKey)) throw malformed("a key is not a string of 1 to 256 bytes");
  return copyPath(keys as readonly string[]);
}

/** A list of writes; count bounds them and what came before. */
export function readWrites(v: Value, count: { n: number }): Write[] {
  const list = arrayOf(v, "the writes", MAX_OPERATIONS);
  count.n += list.length;
  if (count.n > MAX_OPERATIONS) throw malformed("too many writes");
  return list.map(readWrite);
}

function readWrite(v: Value): Write {
  const e = new Body(arrayOf(v, "a write", Infinity), "dstm");
  const op = e.value();
  const path = readPath(e.value());
  switch (op) {
    case 1:
      return { op: "set", path, ...readValue(e.value(), e.optional(), path.length) };
    case 2:
      if (path.length === 0) throw malformed("the root cannot be deleted");
      return { op: "delete", path };
    case 3: {
      const n = readNumber(e.value());
      const least = readBound(e.optional());
      return { op: "add", path, n, least, most: readBound(e.optional()) };
    }
    case 4:
      return { op: "min", path, n: readNumber(e.value()) };
    case 5:
      return { op: "max", path, n: readNumber(e.value()) };
    case 6: {
      const element = readElement(path, e);
      return { op: "insert", path, ...element, ...readValue(e.value(), e.optional(), path.length + 1) };
    }
    case 7:
      return { op: "move", path, ...readElement(path, e) };
    default:
      throw malformed("unknown kind of write");
  }
}

/** Id, where and anchor. */
function readElement(path: Path, e: Body): { id: string; spot: Spot } {
  const id = readKey(e.value());
  if (path.length === 0 || path.length >= MAX_DEPTH) throw malformed("no list can be there");
  const where = e.value();
  const anchor = e.optional();
  if (where === Where.First || where === Where.Last) {
    if (anchor !== null) throw malformed("an anchor where there is none");
    return { id, spot: { where, anchor: "" } };
  }
  if (where !== Where.After && where !== Where.Before) throw malformed("unknown place in a list");
  if (anchor === id) throw malformed("an element beside itself");
  return { id, spot: { where, anchor: readKey(anchor) } };
}

function readKey(v: Value): string {
  if (!validKey(v)) throw malformed("a key is not a string of 1 to 256 bytes");
  return v;
}

/** A value and its shape that may stand depth keys below the root, as own copies. */
export function readValue(v: Value, shape: Value, depth: number): Checked {
  const s = asShape(shape);
  if (s === undefined) throw malformed("not a shape");
  const checked = checkValue(v, s, depth);
  if ("fault" in checked) throw malformed(checked.fault);
  return checked;
}

function readNumber(v: Value): Numeric {
  const n = readValue(v, null, 0).value;
  if (!isNumber(n)) throw malformed("not a number");
  return n;
}

function readBound(v: Value): Numeric | undefined {
  return v === null ? undefined : readNumber(v);
}
