import assert from "node:assert/strict";
import { test } from "node:test";
import { Time, type Value } from "../../src/codec/index.ts";
import { Reason } from "../../src/dstm/errors.ts";
import { usual } from "../../src/dstm/replica/terms.ts";
import { build } from "../../src/dstm/tree/build.ts";
import { Edit } from "../../src/dstm/tree/edit.ts";
import { checkValue } from "../../src/dstm/tree/leaf.ts";
import type { Tx } from "../../src/dstm/tx.ts";
import { after, first, last } from "../../src/dstm/place.ts";
import { variable } from "../../src/dstm/variable.ts";
import type { Part } from "../../src/dstm/txn/txn.ts";
import type { View } from "../../src/dstm/view.ts";
import { decode, encode } from "../../src/codec/index.ts";
import { TrefoilError } from "../../src/status.ts";
import { runOn } from "./drafts.ts";

/** A view at version 7 of a value. */
function viewOf(value: unknown): View {
  const checked = checkValue(decode(encode(value)), null, 0);
  assert.ok("value" in checked);
  const root = build(checked.value, null, 7, 0);
  assert.ok(root);
  return { log: "log", object: "o", epoch: "e", base: 7, position: 7, seen: 7, root, pending: [], terms: usual };
}

const board = { n: 1, name: "x", shapes: { a: { x: 1, y: 2 }, b: { x: 3 } } };

const kinds: Record<number, string> = { 1: "value", 2: "absent", 3: "keys", 4: "subtree", 5: "hash", 6: "guard", 7: "keyshash" };

function describe(p: Part): [string, string] {
  return [
    p.reads.map((r) => `${kinds[r.kind]} ${r.path.join("/")}${r.guard === null ? "" : ` ${r.guard.op} ${String(r.guard.value)} ${r.guard.truth}`}`).join("; "),
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
    ["min and max", (tx) => (tx.min(["n"], 0), tx.max(["q"], 9), assert.equal(tx.read(["q"]), 9)), "absent q", "min n; max q"],
    ["guard", (tx) => assert.ok(tx.guard(["n"], "<", 2) && !tx.guard(["n"], "==", "1") && tx.guard(["no"], "!=", 1)), "guard n 1 2 true; guard n 3 1 false; guard no 4 1 true", ""],
    ["the same guard twice", (tx) => (tx.guard(["n"], "<", 2), tx.guard(["n"], "<", 2), tx.guard(["n"], "<", "2")), "guard n 1 2 true; guard n 1 2 false", ""],
    ["guards of existence and length", (tx) => assert.ok(tx.guardExists(["n"]) && tx.guardLength(["shapes"], ">=", 2)), "guard n 7 null true; guard shapes 12 2 true", ""],
    ["a guard of what was added to", (tx) => (tx.add(["n"], 5), assert.ok(tx.guard(["n"], ">", 5))), "value n", "add n"],
    ["a guard below an own write", (tx) => (tx.overwrite(["n"], 9), assert.ok(tx.guard(["n"], "==", 9))), "", "set n"],
    ["a guard above an own write", (tx) => (tx.overwrite(["shapes", "c"], 9), assert.ok(tx.guardLength(["shapes"], "==", 3))), "keys shapes", "set shapes/c"],
    ["existence above an own write", (tx) => (tx.overwrite(["shapes", "c"], 9), assert.ok(tx.guardExists(["shapes"]))), "value shapes", "set shapes/c"],
    ["length", (tx) => assert.deepEqual([["shapes"], ["name"], ["n"], ["no"]].map((p) => tx.length(p)), [2, 1, 0, 0]), "keys shapes; value name; value n; absent no", ""],
    ["insert and move", (tx) => (tx.move(["list"], tx.insert(["list"], first(), 1), last()), assert.equal(tx.length(["list"]), 1)), "absent list", "insert list; move list"],
    ["an inserted element is the transaction's own", (tx) => assert.equal(tx.read(["list", tx.insert(["list"], last(), 5)]), 5), "", "insert list"],
    ["orElse keeps what was read, not what was written", (tx) => tx.orElse((t) => (t.read(["n"]), t.overwrite(["m"], 1), t.retry()), (t) => t.set(["m"], 2)), "value n; absent m", "set m"],
    ["orElse that needs no else", (tx) => assert.equal(tx.orElse((t) => (t.set(["m"], 1), 5), () => 6), 5), "absent m", "set m"],
    ["second set below the same missing map", (tx) => (tx.set(["p", "q"], 1), tx.set(["p", "r"], 1)), "absent p", "set p/q; set p/r"],
  ];
  for (const [name, fn, reads, writes] of cases) {
    await t.test(name, () => {
      const run = runOn(viewOf(board), false, (tx) => void fn(tx));
      assert.deepEqual(describe(run.part), [reads, writes]);
      assert.deepEqual(run.after, []);
    });
  }
});

test("reads of pending writes travel by value", async (t) => {
  const confirmed = viewOf(board);
  const edit = new Edit(confirmed.root, 8);
  edit.set(["fresh", "deep"], 5, null); // the prediction
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
    ["a guard", (tx) => assert.ok(tx.guard(["fresh", "deep"], "==", 5)), "guard fresh/deep 3 5 true", []],
    ["a blind write elsewhere", (tx) => tx.overwrite(["shapes", "a", "x"], 1), "", []],
  ];
  for (const [name, fn, reads, after] of cases) {
    await t.test(name, () => {
      const run = runOn(v, false, (tx) => void fn(tx));
      assert.deepEqual([describe(run.part)[0], run.after], [reads, after]);
    });
  }
});

test("a transaction presumes who made the map it writes into, not all who wrote there", () => {
  const confirmed = viewOf({});
  const edit = new Edit(confirmed.root, 8);
  const pending = [];
  for (let i = 1; i <= 5; i++) {
    edit.set(["m", `k${i}`], i);
    pending.push({ sequence: i, paths: [["m", `k${i}`]] });
  }
  const write = (v: View): readonly number[] => runOn(v, false, (tx) => tx.overwrite(["m", "new"], 1)).after;
  assert.deepEqual(write({ ...confirmed, root: edit.root, pending }), [1]);
  edit.set(["m"], Object.create(null) as Value);
  pending.push({ sequence: 6, paths: [["m"]] });
  for (let i = 7; i <= 9; i++) {
    edit.set(["m", `k${i}`], i);
    pending.push({ sequence: i, paths: [["m", `k${i}`]] });
  }
  assert.deepEqual(write({ ...confirmed, root: edit.root, pending }), [6, 7]);
});

test("hashes are those of the canonical value, and of the list of keys", () => {
  const confirmed = viewOf({ m: { b: 2, a: 1 } });
  const v: View = { ...confirmed, pending: [{ sequence: 3, paths: [["m"]] }] };
  const { part } = runOn(v, false, (tx) => (tx.read(["m"]), tx.keys(["m"]), tx.read(["m", "none"])));
  // SHA-256 of 82a16101a16202 and of 92a161a162, computed elsewhere.
  const hashes = part.reads.map((r) => (r.hash === null ? null : Buffer.from(r.hash).toString("hex")));
  assert.deepEqual(hashes, ["19f2a1aa9670884ef43ef46ffbe4a62a", "4241de65c695735d1905eebd9fc59fdd", null]);
});

test("who changes the bytes of a value that was shown changes no hash", () => {
  const confirmed = viewOf({ m: { b: Uint8Array.of(1) } });
  const v: View = { ...confirmed, pending: [{ sequence: 3, paths: [["m"]] }] };
  const hash = (): unknown => runOn(v, false, (tx) => tx.read(["m"])).part.reads[0]?.hash;
  const before = hash();
  ((v.root.value() as { m: { b: Uint8Array } }).m.b)[0] = 99;
  assert.deepEqual(hash(), before);
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
    ["a guard of a map", (tx) => tx.guard(["n"], "==", {}), Reason.Invalid],
    ["a guard of undefined", (tx) => tx.guard(["n"], "==", undefined), Reason.Invalid],
    ["no comparison", (tx) => tx.guard(["n"], "toString" as "==", 1), Reason.Invalid],
    ["a length that is no integer", (tx) => tx.guardLength(["n"], "<", 0.5), Reason.Invalid],
    ["the smaller of a text", (tx) => tx.min(["name"], 1), Reason.Invalid],
    ["insert into a map", (tx) => tx.insert(["shapes"], last(), 1), Reason.Invalid],
    ["insert into the root", (tx) => tx.insert([], last(), 1), Reason.Invalid],
    ["insert into a leaf", (tx) => tx.insert(["n"], last(), 1), Reason.Invalid],
    ["insert beside nothing", (tx) => tx.insert(["l"], after("none"), 1), Reason.Invalid],
    ["no place", (tx) => tx.insert(["l"], { where: 3, anchor: "" }, 1), Reason.Invalid],
    ["insert too deep", (tx) => tx.insert(deep.slice(1), last(), 1), Reason.Invalid],
    ["move what is not there", (tx) => tx.move(["l"], "none", last()), Reason.Invalid],
    ["move beside itself", (tx) => {
      const id = tx.insert(["l"], last(), 1);
      tx.move(["l"], id, after(id));
    }, Reason.Invalid],
    ["an empty key inside", (tx) => tx.set(["n"], { "": 1 }), Reason.Invalid],
    ["wrong type", (tx) => variable("name").checked((v): v is number => typeof v === "number").at().get(tx), Reason.Type],
  ];
  for (const [name, fn, reason] of cases) {
    await t.test(name, () => {
      let kept = 0;
      let caught: unknown;
      const run = (): unknown =>
        runOn(viewOf(board), false, (tx) => {
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
  assert.throws(() => runOn(viewOf(board), true, (tx) => tx.set(["n"], 1)), { reason: Reason.Invalid });
  let escaped: Tx | undefined;
  runOn(viewOf(board), false, (tx) => void (escaped = tx));
  assert.throws(() => escaped?.read(["n"]), { reason: Reason.Invalid });
  assert.throws(() => escaped?.retry(), { reason: Reason.Invalid });
  assert.throws(() => runOn(viewOf(board), true, (tx) => tx.retry()), { reason: Reason.Invalid });
  assert.throws(() => runOn(viewOf(board), true, (tx) => tx.orElse(() => tx.retry(), () => 1)), { reason: Reason.Invalid });
  assert.throws(() => runOn(viewOf(board), false, async () => Promise.reject(new Error("late"))), { reason: Reason.Invalid });
});

test("variables", () => {
  const points = variable<{ x: number; y: number }>("shapes", "{id}");
  const x = variable<number>("shapes", "{id}", "x");
  runOn(viewOf(board), false, (tx) => {
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

test("a function that swallows a retry, or goes on after it, retries nevertheless", () => {
  const swallows = (tx: Tx): void => {
    try {
      tx.retry();
    } catch {
      // and goes on
    }
  };
  for (const fn of [swallows, (tx: Tx) => (swallows(tx), tx.set(["n"], 1)), (tx: Tx) => tx.orElse(swallows, swallows)]) {
    const { run } = runOn(viewOf(board), false, fn);
    assert.equal(run.retrying, true);
  }
  const { run, part } = runOn(viewOf(board), false, (tx) => tx.orElse(swallows, (t) => t.set(["m"], 1)));
  assert.deepEqual([run.retrying, part.writes.length], [false, 1]);
});

test("what is not readable is not read, and what is written there is not judged here", () => {
  const v: View = { ...viewOf({ table: { n: 1 }, hands: {} }), terms: { ...usual, readable: [["table"], ["hands", "ada"]] } };
  for (const fn of [(tx: Tx) => tx.read([]), (tx: Tx) => tx.keys(["hands"]), (tx: Tx) => tx.guardExists(["hands", "bob"]), (tx: Tx) => tx.set(["pot"], 1), (tx: Tx) => tx.delete(["hands"])]) {
    for (const readOnly of [false, true]) assert.throws(() => runOn(v, readOnly, fn), (e) => e instanceof TrefoilError && (readOnly || e.is(Reason.Denied)));
  }
  const { part } = runOn(v, false, (tx) => {
    tx.add(["pot"], -1, { min: 0 });
    tx.insert(["log"], after("somebody"), "x");
    tx.set(["hands", "ada", "card"], 7);
    assert.equal(tx.read(["hands", "ada", "card"]), 7);
    assert.equal(tx.read(["table", "n"]), 1);
  });
  assert.deepEqual(describe(part), ["absent hands/ada; value table/n", "add pot; insert log; set hands/ada/card"]);
});

test("in a strict object an answer comes before what reads its writes", () => {
  const confirmed = viewOf(board);
  const v: View = { ...confirmed, pending: [{ sequence: 3, paths: [["n"]] }], terms: { ...usual, strict: true } };
  assert.deepEqual([...runOn(v, false, (tx) => tx.read(["n"])).run.awaited], [3]);
  assert.deepEqual([...runOn(v, false, (tx) => (tx.read(["name"]), tx.guard(["n"], "<", 5))).run.awaited], []);
});

test("values go in as copies and come out frozen", () => {
  const mine = { list: [1, 2], bytes: Uint8Array.of(1), when: new Time(5), big: 2n ** 60n, half: 0.5 };
  runOn(viewOf(board), false, (tx) => {
    tx.set(["m"], mine);
    mine.list[0] = 99;
    mine.bytes[0] = 99;
    const got = tx.read(["m"]) as { list: number[]; bytes: Uint8Array };
    assert.throws(() => got.list.push(3), TypeError);
    assert.deepEqual(got.list, [1, 2]);
    assert.deepEqual([...got.bytes], [1]);
    got.bytes[0] = 99;
    assert.deepEqual([...(tx.read(["m"]) as typeof got).bytes], [1]);
    assert.equal(tx.read(["m", "big"]), 2n ** 60n);
    assert.equal(String(tx.read(["m", "when"])), "1970-01-01T00:00:05Z");
  });
});

test("keys that objects have by themselves are ordinary", () => {
  const { part } = runOn(viewOf(JSON.parse('{"__proto__": {"constructor": 1}}')), false, (tx) => {
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
