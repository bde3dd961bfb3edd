import assert from "node:assert/strict";
import { test } from "node:test";
import { equal, type Value } from "../../src/codec/index.ts";
import { after, before, first, last } from "../../src/dstm/place.ts";
import type { Path } from "../../src/dstm/path.ts";
import { build } from "../../src/dstm/tree/build.ts";
import { diff } from "../../src/dstm/tree/diff.ts";
import { Edit } from "../../src/dstm/tree/edit.ts";
import { TreeNode } from "../../src/dstm/tree/node.ts";
import { shapeOf } from "../../src/dstm/tree/shape.ts";
import { only } from "../../src/dstm/tree/only.ts";
import { concerns, invert } from "../../src/dstm/txn/invert.ts";
import { apply, type Write } from "../../src/dstm/txn/txn.ts";
import { Random } from "./random.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000_000);
const map = (o: object): Value => Object.assign(Object.create(null), o) as Value;

/** A tree with the list l of these values under the ids a, b, c and so on, written by version 1. */
function listOf(...values: Value[]): TreeNode {
  const e = new Edit(TreeNode.empty(), 1);
  values.forEach((v, i) => assert.equal(e.insert(["l"], String.fromCharCode(97 + i), last(), v), null));
  return e.root;
}

const versions = (n: TreeNode | undefined): number[] => [n?.written ?? -1, n?.keys ?? -1, n?.below ?? -1];

test("every change of a list leaves its version where it must", () => {
  const r1 = listOf(1, 2, 3);
  assert.deepEqual([versions(r1), versions(r1.find(["l"])), versions(r1.find(["l", "a"]))], [[0, 1, 1], [1, 1, 1], [1, 0, 0]]);
  const edited = (fn: (e: Edit) => void): TreeNode => {
    const e = new Edit(r1, 2);
    fn(e);
    return e.root;
  };
  const set = edited((e) => e.set(["l", "b"], 9));
  assert.deepEqual([versions(set), versions(set.find(["l"])), set.find(["l"])?.value()], [[0, 1, 2], [1, 1, 2], [1, 9, 3]]);
  const moved = edited((e) => e.move(["l"], "c", first()));
  assert.deepEqual([versions(moved.find(["l"])), versions(moved.find(["l", "c"])), moved.find(["l"])?.value()], [[1, 2, 2], [1, 0, 0], [3, 1, 2]]);
  const removed = edited((e) => e.delete(["l", "a"]));
  assert.deepEqual([versions(removed.find(["l"])), removed.find(["l"])?.value()], [[1, 2, 2], [2, 3]]);
  const put = edited((e) => e.insert(["l"], "d", after("a"), map({ k: 1 })));
  assert.deepEqual([versions(put.find(["l"])), put.find(["l"])?.ids(), put.find(["l", "d", "k"])?.leaf], [[1, 2, 2], ["a", "d", "b", "c"], 1]);
  assert.deepEqual(r1.find(["l"])?.value(), [1, 2, 3]);
});

test("what cannot be done to a list changes nothing", () => {
  const e = new Edit(listOf(1, 2), 2);
  e.set(["leaf"], [1, 2]);
  e.set(["map"], map({}));
  const was = e.root;
  assert.deepEqual(
    [
      e.insert(["leaf"], "x", last(), 1), e.insert(["map"], "x", last(), 1), e.insert([], "x", last(), 1), e.insert(["l"], "a", last(), 1),
      e.insert(["l"], "x", after("none"), 1), e.insert(["l"], "x", before("x"), 1), e.insert(["leaf", "k"], "x", last(), 1),
      e.insert(["l", "none"], "x", last(), 1), e.move(["l"], "none", last()), e.move(["l"], "a", after("a")), e.move(["l"], "a", after("none")),
      e.move(["map"], "a", last()), e.move(["none"], "a", last()), e.set(["l", "none"], 1), e.set(["l", "none", "k"], 1), e.add(["l", "none"], 1, undefined, undefined),
      e.max(["l"], 1), e.delete(["l", "none"]), e.delete(["l", "none", "k"]),
    ],
    ["list", "list", "list", "exists", "element", "self", "leaf", "element", "element", "self", "element", "list", "element", "element", "element", "element", "number", null, null],
  );
  assert.equal(e.root, was);
});

test("differences name the fewest elements that moved, behind what else differs", () => {
  const before = listOf(1, 2, 3, map({ x: 1 }), 5);
  const e = new Edit(before, 2);
  e.move(["l"], "a", last());
  e.set(["l", "d", "x"], 2);
  e.delete(["l", "e"]);
  e.insert(["l"], "f", first(), 6);
  const seen: [string, Value | undefined, Value | undefined, boolean][] = [];
  diff([], before, e.root, (path: Path, was, is, moved) => seen.push([path.join("/"), was?.value(), is?.value(), moved]) > 0);
  assert.deepEqual(seen, [["l/d/x", 1, 2, false], ["l/e", 5, undefined, false], ["l/f", undefined, 6, false], ["l/a", 1, 1, true]]);
});

test("random changes: values with their shapes make the same tree again, and inverses undo", () => {
  const random = new Random(seed);
  const begin = new Edit(listOf(1, 2, 3), 1);
  begin.set(["n"], 1);
  for (const path of [["m", "l"], ["l", "a"], ["l", "b"]]) begin.set(path, map({ l: [], k: 1 }), [[["l"], []]]);
  begin.set(["m", "l"], [1, 2], [[[], ["x", "y"]]]);
  let { root } = begin;
  let ids = 0;
  for (let version = 2; version < 600; version++) {
    const lists: Path[] = [["l"], ["m", "l"], ["l", root.find(["l"])?.ids()[0] ?? "a", "l"]];
    const writes: Write[] = [];
    const edit = new Edit(root, version);
    for (let i = random.int(4); i >= 0; i--) {
      const path = random.pick(lists);
      const there = edit.root.find(path)?.ids() ?? [];
      const id = there.length > 0 ? random.pick(there) : "none";
      const spot = random.pick([first(), last(), after(id), before(id)]);
      const value = random.pick<Value>([1, "x", map({ k: random.int(9) }), [1, 2]]);
      const w = random.pick<Write>([
        { op: "insert", path, id: `i${ids++}`, spot, value, shape: null },
        { op: "insert", path, id: `i${ids++}`, spot: last(), value, shape: null },
        { op: "move", path, id: there[0] ?? "none", spot },
        { op: "delete", path: [...path, id] },
        { op: "set", path: [...path, id], value, shape: null },
        { op: "set", path: ["n"], value: random.int(9), shape: null },
        { op: "add", path: ["n"], n: random.int(9), least: undefined, most: undefined },
        { op: random.pick(["min", "max"]), path: ["n"], n: random.int(9) },
        { op: "delete", path: ["m", "l"] },
      ]);
      const next = apply(edit.root, [w], version);
      const creates = (w.op === "insert" || w.op === "add") && edit.root.find(w.path) === undefined; // which stays, empty or 0, when it is undone
      if (typeof next === "number" || creates) continue;
      edit.root = next;
      writes.push(w);
    }
    const value = edit.root.raw();
    const shape = shapeOf(edit.root);
    const again = build(value, shape, 7, 0) as TreeNode;
    assert.ok(equal(again.value(), edit.root.value()) && equal(shapeOf(again), shape), `seed ${seed}, version ${version}`);
    const inverse = invert(root, writes);
    assert.deepEqual(invert(only(root, concerns(root, writes)), writes), inverse); // that is enough to know
    assert.ok(inverse);
    const undone = apply(edit.root, inverse.writes, version + 1);
    assert.ok(typeof undone !== "number" && equal(undone.value(), root.value()) && equal(shapeOf(undone), shapeOf(root)), `seed ${seed}, version ${version}`);
    root = edit.root;
  }
});
