import type { Value } from "../../codec/value.ts";
import { Body } from "../../internal/body.ts";
import { malformed } from "../errors.ts";
import { copyPath, MAX_DEPTH, validKey, type Path } from "../path.ts";
import { checkValue } from "../tree/leaf.ts";
import { isNumber, type Numeric } from "../tree/numbers.ts";
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
      return { op: "set", path, value: readValue(e.value(), path.length) };
    case 2:
      if (path.length === 0) throw malformed("the root cannot be deleted");
      return { op: "delete", path };
    case 3: {
      const n = readNumber(e.value());
      const least = readBound(e.optional());
      return { op: "add", path, n, least, most: readBound(e.optional()) };
    }
    default:
      throw malformed("unknown kind of write");
  }
}

/** A value that may stand depth keys below the root, as an own copy. */
export function readValue(v: Value, depth: number): Value {
  const checked = checkValue(v, depth);
  if ("fault" in checked) throw malformed(checked.fault);
  return checked.value;
}

function readNumber(v: Value): Numeric {
  const n = readValue(v, 0);
  if (!isNumber(n)) throw malformed("add takes numbers");
  return n;
}

function readBound(v: Value): Numeric | undefined {
  return v === null ? undefined : readNumber(v);
}
