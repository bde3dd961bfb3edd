import assert from "node:assert/strict";
import { test } from "node:test";
import { Time, type Value } from "../../src/codec/index.ts";
import { Reason } from "../../src/dstm/errors.ts";
import { build, Edit } from "../../src/dstm/tree/edit.ts";
import { checkValue } from "../../src/dstm/tree/leaf.ts";
import { TreeNode } from "../../src/dstm/tree/node.ts";
import { Tx } from "../../src/dstm/tx.ts";
import { variable } from "../../src/dstm/variable.ts";
import type { Part } from "../../src/dstm/txn/txn.ts";
import type { View } from "../../src/dstm/view.ts";
import { decode, encode } from "../../src/codec/index.ts";
import { TrefoilError } from "../../src/status.ts";

/** A view at version 7 of a value. */
function viewOf(value: unknown): View {
  const checked = checkValue(decode(encode(value)), 0);
  assert.ok("value" in checked);
  const root = build(checked.value, 7, 0);
  assert.ok(root instanceof TreeNode);
  return { log: "log", object: "o", epoch: "e", base: 7, position: 7, seen: 7, root, pending: [] };
}

const board = { n: 1, name: "x", shapes: { a: { x: 1, y: 2 }, b: { x: 3 } } };

const kinds: Record<number, string> = { 1: "value", 2: "absent", 3: "keys", 4: "subtree", 5: "hash", 7: "keyshash" };

function describe(p: Part): [string, string] {
  return [
    p.reads.map((r) => `${kinds[r.kind]} ${r.path.join("/")}`).join("; "),
    p.writes.map((w) => `${w.op} ${w.path.join("/")}`).join("; "),
  ];
}

test("read and write sets", async (t) => {
  const cases: [string, (tx: Tx) => void, string, string][] = [
    ["leaf", (tx) => tx.read(["n"]), "value n", ""],
    ["absent", (tx) => tx.read(["nope", "below"]), "absent nope/below", ""],
    ["map", (tx) => tx.read(["shapes", "a"]), "subtree shapes/a", ""],
    ["twice", (tx) => (tx.read(["n"]), tx.read(["n"])), "value n", ""],
    ["keys", (tx) => assert.deepEqual(tx.keys(["shapes"]), ["a", "b"]), "keys shapes", ""],
    ["keys of a leaf", (tx) => assert.deepEqual(tx.keys(["n"]), []), "value n", ""],
    ["keys of nothing", (tx) => tx.keys(["q"]), "absent q", ""],
    ["exists", (tx) => assert.ok(tx.exists(["shapes"])), "value shapes", ""],
    ["set a leaf", (tx) => tx.set(["n"], 2), "value n", "set n"],
    ["set over a map", (tx) => tx.set(["shapes"], 2), "subtree shapes", "set shapes"],
    ["set something new", (tx) => tx.set(["m"], 2), "absent m", "set m"],
    ["set below missing maps", (tx) => tx.set(["p", "q", "r"], 2), "absent p", "set p/q/r"],
    ["overwrite", (tx) => tx.overwrite(["n"], 2), "", "set n"],
    ["delete a map", (tx) => tx.delete(["shapes", "b"]), "subtree shapes/b", "delete shapes/b"],
    ["add", (tx) => tx.add(["n"], 1, { max: 10 }), "", "add n"],
    ["what was added to is read", (tx) => (tx.add(["n"], 1), tx.read(["n"])), "value n", "add n"],
    ["added to and set", (tx) => (tx.add(["n"], 1), tx.overwrite(["n"], 5), tx.read(["n"])), "", "add n; set n"],
    ["set and added to", (tx) => (tx.overwrite(["n"], 5), tx.add(["n"], 1), tx.read(["n"])), "", "set n; add n"],
    ["own write is no read", (tx) => (tx.overwrite(["n"], 2), tx.read(["n"]), tx.set(["n"], 3)), "", "set n; set n"],
    ["below an own write", (tx) => (tx.overwrite(["m"], { k: 1 }), tx.read(["m", "k"]), tx.keys(["m"])), "", "set m"],
    ["above an own write", (tx) => (tx.overwrite(["shapes", "a", "x"], 9), tx.read(["shapes", "a"])), "subtree shapes/a", "set shapes/a/x"],
    ["second set below the same missing map", (tx) => (tx.set(["p", "q"], 1), tx.set(["p", "r"], 1)), "absent p", "set p/q; set p/r"],
  ];
  for (const [name, fn, reads, writes] of cases) {
    await t.test(name, () => {
      const run = Tx.run(new Tx(viewOf(board), false), (tx) => void fn(tx));
      assert.deepEqual(describe(run.part), [reads, writes]);
      assert.deepEqual(run.after, []);
    });
  }
});

test("reads of pending writes travel by value", async (t) => {
  const confirmed = viewOf(board);
  const edit = new Edit(confirmed.root, 8);
  edit.set(["fresh", "deep"], 5); // the prediction
  const v: View = { ...confirmed, root: edit.root, pending: [{ sequence: 3, paths: [["fresh", "deep"]] }, { sequence: 4, paths: [["other"]] }] };
  const cases: [string, (tx: Tx) => void, string, number[]][] = [
    ["untouched", (tx) => tx.read(["n"]), "value n", []],
    ["at", (tx) => tx.read(["fresh", "deep"]), "hash fresh/deep", [3]],
    ["above", (tx) => tx.read(["fresh"]), "hash fresh", [3]],
    ["below", (tx) => tx.read(["other", "x"]), "hash other/x", [4]],
    ["keys", (tx) => tx.keys(["fresh"]), "keyshash fresh", [3]],
    ["all", (tx) => (tx.read(["other"]), tx.read(["fresh"])), "hash other; hash fresh", [3, 4]],
    ["a blind write below a predicted map", (tx) => tx.overwrite(["fresh", "beside"], 1), "", [3]],
    ["a set below a predicted map", (tx) => tx.set(["fresh", "beside"], 1), "absent fresh/beside", [3]],
    ["a blind write elsewhere", (tx) => tx.overwrite(["shapes", "a", "x"], 1), "", []],
  ];
  for (const [name, fn, reads, after] of cases) {
    await t.test(name, () => {
      const run = Tx.run(new Tx(v, false), (tx) => void fn(tx));
      assert.deepEqual([describe(run.part)[0], run.after], [reads, after]);
    });
  }
});

test("hashes are those of the canonical value, and of the list of keys", () => {
  const confirmed = viewOf({ m: { b: 2, a: 1 } });
  const v: View = { ...confirmed, pending: [{ sequence: 3, paths: [["m"]] }] };
  const { part } = Tx.run(new Tx(v, false), (tx) => (tx.read(["m"]), tx.keys(["m"]), tx.read(["m", "none"])));
  // SHA-256 of 82a16101a16202 and of 92a161a162, computed elsewhere.
  const hashes = part.reads.map((r) => (r.hash === null ? null : Buffer.from(r.hash).toString("hex")));
  assert.deepEqual(hashes, ["19f2a1aa9670884ef43ef46ffbe4a62a", "4241de65c695735d1905eebd9fc59fdd", null]);
});

test("a failure is thrown, and kept even if it is caught", async (t) => {
  const deep = Array.from({ length: 33 }, () => "k");
  const cases: [string, (tx: Tx) => void, string][] = [
    ["empty key", (tx) => tx.read(["a", ""]), Reason.Invalid],
    ["long key", (tx) => tx.set(["k".repeat(257)], 1), Reason.Invalid],
    ["long key in bytes", (tx) => tx.set(["é".repeat(129)], 1), Reason.Invalid],
    ["a lone surrogate", (tx) => tx.keys(["\ud800"]), Reason.Invalid],
    ["deep", (tx) => tx.set(deep, 1), Reason.Invalid],
    ["no list", (tx) => tx.read("name" as unknown as string[]), Reason.Invalid],
    ["through a leaf", (tx) => tx.overwrite(["n", "below"], 1), Reason.Invalid],
    ["root to a leaf", (tx) => tx.overwrite([], 1), Reason.Invalid],
    ["delete the root", (tx) => tx.delete([]), Reason.Invalid],
    ["add to a text", (tx) => tx.add(["name"], 1), Reason.Invalid],
    ["add a text", (tx) => tx.add(["n"], "1" as unknown as number), Reason.Invalid],
    ["out of bounds", (tx) => tx.add(["n"], 10, { max: 10 }), Reason.Bounds],
    ["beyond the integers", (tx) => (tx.overwrite(["n"], 2n ** 63n - 1n), tx.add(["n"], 1)), Reason.Invalid],
    ["a function", (tx) => tx.set(["n"], () => 1), Reason.Invalid],
    ["undefined", (tx) => tx.set(["n"], undefined), Reason.Invalid],
    ["not a number", (tx) => tx.set(["n"], { deep: [NaN] }), Reason.Invalid],
    ["a value too deep", (tx) => tx.set(["n"], JSON.parse("[".repeat(48) + "]".repeat(48))), Reason.Invalid],
    ["a map too deep", (tx) => tx.set(["n"], JSON.parse('{"a":'.repeat(33) + "1" + "}".repeat(33))), Reason.Invalid],
    ["an empty key inside", (tx) => tx.set(["n"], { "": 1 }), Reason.Invalid],
    ["wrong type", (tx) => variable("name").checked((v): v is number => typeof v === "number").at().get(tx), Reason.Type],
  ];
  for (const [name, fn, reason] of cases) {
    await t.test(name, () => {
      let kept = 0;
      let caught: unknown;
      const run = (): unknown =>
        Tx.run(new Tx(viewOf(board), false), (tx) => {
          try {
            fn(tx);
          } catch (e) {
            caught = e;
          }
          kept = tx.error === null ? 0 : 1;
          assert.throws(() => tx.set(["n"], 1), (e) => e === caught);
        });
      assert.throws(run, (e) => e instanceof TrefoilError && e.reason === reason && e === caught);
      assert.equal(kept, 1);
    });
  }
});

test("a view cannot write, and a transaction ends with its function", () => {
  assert.throws(() => Tx.run(new Tx(viewOf(board), true), (tx) => tx.set(["n"], 1)), { reason: Reason.Invalid });
  let escaped: Tx | undefined;
  Tx.run(new Tx(viewOf(board), false), (tx) => void (escaped = tx));
  assert.throws(() => escaped?.read(["n"]), { reason: Reason.Invalid });
  assert.throws(() => Tx.run(new Tx(viewOf(board), false), async () => Promise.reject(new Error("late"))), { reason: Reason.Invalid });
});

test("variables", () => {
  const points = variable<{ x: number; y: number }>("shapes", "{id}");
  const x = variable<number>("shapes", "{id}", "x");
  Tx.run(new Tx(viewOf(board), false), (tx) => {
    assert.deepEqual({ ...points.at("a").get(tx) }, { x: 1, y: 2 });
    assert.deepEqual(points.at("q").lookup(tx), { exists: false, value: undefined });
    assert.equal(x.at("q").get(tx, 7), 7);
    x.at("a").set(tx, 5);
    x.at("b").add(tx, 4);
    const all = [...points.all(tx)].map(([id, p]) => [id, p.x]);
    assert.deepEqual(all, [["a", 5], ["b", 7]]);
    assert.deepEqual(points.keys(tx), ["a", "b"]);
    assert.deepEqual(points.at("a").keys(tx), ["x", "y"]);
    x.at("a").delete(tx);
    assert.ok(!x.at("a").exists(tx));
  });
  for (const misuse of [() => x.at(), () => x.at("a", "b"), () => variable(""), () => [...x.all({} as Tx)]]) {
    assert.throws(misuse, { reason: Reason.Invalid });
  }
});

test("values go in as copies and come out frozen", () => {
  const mine = { list: [1, 2], bytes: Uint8Array.of(1), when: new Time(5), big: 2n ** 60n, half: 0.5 };
  Tx.run(new Tx(viewOf(board), false), (tx) => {
    tx.set(["m"], mine);
    mine.list[0] = 99;
    mine.bytes[0] = 99;
    const got = tx.read(["m"]) as { list: number[]; bytes: Uint8Array };
    assert.throws(() => got.list.push(3), TypeError);
    assert.deepEqual(got.list, [1, 2]);
    assert.deepEqual([...got.bytes], [1]);
    assert.equal(tx.read(["m", "big"]), 2n ** 60n);
    assert.equal(String(tx.read(["m", "when"])), "1970-01-01T00:00:05Z");
  });
});

test("keys that objects have by themselves are ordinary", () => {
  const { part } = Tx.run(new Tx(viewOf(JSON.parse('{"__proto__": {"constructor": 1}}')), false), (tx) => {
    assert.equal(tx.read(["__proto__", "constructor"]), 1);
    assert.equal(tx.read(["constructor"]), undefined);
    assert.equal(tx.read(["toString"]), undefined);
    tx.set(["hasOwnProperty", "__proto__"], 2);
    assert.deepEqual(tx.keys([]), ["__proto__", "hasOwnProperty"]);
    const root = tx.read([]) as { [key: string]: Value };
    assert.equal(Object.getPrototypeOf(root), null);
  });
  assert.deepEqual(part.writes[0]?.path, ["hasOwnProperty", "__proto__"]);
});
