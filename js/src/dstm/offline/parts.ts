import type { Value } from "../../codec/value.ts";
import { Body } from "../../internal/body.ts";
import { malformed } from "../errors.ts";
import { validName } from "../path.ts";
import { GuardOp } from "../tree/compare.ts";
import { arrayOf, readPath, readValue, readWrites } from "../txn/decode.ts";
import { MAX_EPOCH, MAX_OPERATIONS, MAX_PARTS, ReadKind, type Part, type Read } from "../txn/txn.ts";

/** The parts of a transaction as they travel. Throws if they are not such as a client makes. */
export function readParts(v: Value): Part[] {
  const list = arrayOf(v, "the parts", MAX_PARTS);
  if (list.length === 0) throw malformed("no parts");
  const count = { n: 0 };
  const parts = list.map((p): Part => {
    const e = new Body(arrayOf(p, "a part", 5), "dstm");
    const object = e.text();
    const epoch = e.text();
    if (!validName(object) || epoch.length < 1 || epoch.length > MAX_EPOCH) throw malformed("a part has no valid object or epoch");
    return { object, epoch, base: e.count(), reads: arrayOf(e.value(), "the reads", MAX_OPERATIONS).map(readRead), writes: readWrites(e.value(), count) };
  });
  if (new Set(parts.map((p) => p.object)).size !== parts.length) throw malformed("two parts of one object");
  return parts;
}

function readRead(v: Value): Read {
  const e = new Body(arrayOf(v, "a read", 5), "dstm");
  const kind = e.count() as ReadKind;
  const path = readPath(e.value());
  switch (kind) {
    case ReadKind.Value:
    case ReadKind.Absent:
    case ReadKind.Keys:
    case ReadKind.Subtree:
      if (e.left > 0) throw malformed("a read with too much");
      return { kind, path, hash: null, guard: null };
    case ReadKind.Hash:
    case ReadKind.KeysHash: {
      const hash = e.value();
      if (hash !== null && !(hash instanceof Uint8Array && hash.length === 16)) throw malformed("no hash");
      return { kind, path, hash, guard: null };
    }
    case ReadKind.Guard: {
      const op = e.count();
      if (op < GuardOp.Less || op > GuardOp.Length + GuardOp.Greater) throw malformed("no such guard");
      const value = readValue(e.value(), null, 0).value;
      return { kind, path, hash: null, guard: { op, value, truth: e.left === 0 || e.bool() } };
    }
    default:
      throw malformed("unknown kind of read");
  }
}
