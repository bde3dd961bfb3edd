import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { equal, fromJSON, toJSON, type Value } from "../../src/codec/index.ts";
import { toHex as hex } from "../../src/codec/binary.ts";
import { Body } from "../../src/internal/body.ts";
import { TrefoilError } from "../../src/status.ts";
import { build } from "../../src/dstm/tree/build.ts";
import { compareGuard } from "../../src/dstm/tree/compare.ts";
import { Edit, type Failure } from "../../src/dstm/tree/edit.ts";
import { keysHash, valueHash } from "../../src/dstm/tree/hash.ts";
import { TreeNode } from "../../src/dstm/tree/node.ts";
import { shapeOf } from "../../src/dstm/tree/shape.ts";
import { readPath, readValue, readWrites } from "../../src/dstm/txn/decode.ts";
import { fails } from "../../src/dstm/txn/judge.ts";
import { apply, applyWrite, ReadKind, type Read } from "../../src/dstm/txn/txn.ts";

type Vector = { readonly [key: string]: Value };
const vectors = fromJSON(readFileSync(new URL("../../../docs/vectors/dstm.json", import.meta.url), "utf8")) as { [list: string]: Vector[] };

function each(list: string, fn: (v: Vector) => void): void {
  const all = vectors[list] ?? [];
  assert.ok(all.length > 9, list);
  for (const v of all) {
    try {
      fn(v);
    } catch (e) {
      throw new Error(`${list}: ${String(v["name"])}: ${String(e)}`, { cause: e });
    }
  }
}

/** The node of a value with a shape; undefined for a vector without a value. */
function node(v: Vector, depth: number): TreeNode | undefined {
  if (!("value" in v)) return undefined;
  const { value, shape } = readValue(v["value"] as Value, v["shape"] ?? null, depth);
  return build(value, shape, 1, depth);
}

const budget = (): { left: number } => ({ left: 160_000 });

/** What a failure is called there. */
const names: Partial<Record<Failure, string>> = { element: "missing", list: "not_list" };
/** What is refused when it is read, before it could fail. */
const early = ["root", "depth", "key", "shape", "self", "not_list", "number"];

test("writes", () => {
  each("apply", (v) => {
    const root = node(v, 0) as TreeNode;
    const edit = new Edit(root, 2);
    const failed = (): string | null => {
      try {
        for (const w of readWrites(v["writes"] as Value, { n: 0 })) {
          const failure = applyWrite(edit, w);
          if (failure !== null) return names[failure] ?? failure;
        }
        return null;
      } catch (e) {
        assert.ok(e instanceof TrefoilError && e.is("dstm.malformed"), String(e));
        return "malformed";
      }
    };
    const got = failed();
    const want = (v["error"] ?? null) as string | null;
    if (got === "malformed") assert.ok(want !== null && early.includes(want), `malformed, not ${String(want)}`);
    else assert.equal(got, want);
    if (want !== null) return;
    assert.ok(equal(edit.root.value(), v["result"]), toJSON(edit.root.value()));
    assert.ok(equal(shapeOf(edit.root), v["resultShape"] ?? null), toJSON(shapeOf(edit.root)));
    assert.ok(equal(root.value(), v["value"]), "the tree before has changed");
  });
});

test("guards", () => {
  each("guards", (v) => {
    assert.equal(compareGuard(node(v, 1), v["op"] as number, v["operand"] ?? null), v["result"]);
  });
});

test("hashes", () => {
  const text = (h: Uint8Array | null | undefined): string | null => (h ? hex(h) : null);
  each("hashes", (v) => {
    assert.equal(text(valueHash(node(v, 1), budget())), v["hash"] ?? null);
    assert.equal(text(keysHash(node(v, 1), budget())), v["keysHash"] ?? null);
  });
});

test("reads", () => {
  each("reads", (v) => {
    let root = TreeNode.empty();
    (v["commits"] as Value[]).forEach((writes, i) => {
      const next = apply(root, readWrites(writes, { n: 0 }), i + 1);
      assert.ok(typeof next !== "number", `commit ${i + 1} cannot be made`);
      root = next;
    });
    const reads = [readRead(v["read"] as Value)];
    const part = { object: "o", epoch: "e", base: v["base"] as number, reads, writes: [] };
    const holds = fails(part, { root, under: root, made: [], writes: [], strict: v["strict"] === true }) === null;
    assert.equal(holds, v["holds"]);
  });
});

function readRead(v: Value): Read {
  const e = new Body(v as Value[], "test");
  const kind = e.count() as ReadKind;
  const path = readPath(e.value());
  if (kind !== ReadKind.Guard) return { kind, path, hash: e.optional() as Uint8Array | null, guard: null };
  return { kind, path, hash: null, guard: { op: e.count(), value: e.optional(), truth: e.optional() !== false } };
}
