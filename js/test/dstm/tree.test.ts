import assert from "node:assert/strict";
import { test } from "node:test";
import type { Value } from "../../src/codec/value.ts";
import { compareKeys } from "../../src/dstm/path.ts";
import { Edit } from "../../src/dstm/tree/edit.ts";
import { TreeNode } from "../../src/dstm/tree/node.ts";
import { addNumbers, compareNumbers, type Numeric } from "../../src/dstm/tree/numbers.ts";
import { fails } from "../../src/dstm/txn/judge.ts";
import { ReadKind, type Part, type Read, type Write } from "../../src/dstm/txn/txn.ts";

const map = (o: object): Value => Object.assign(Object.create(null), o) as Value;

function edited(root: TreeNode, version: number, fn: (e: Edit) => void): TreeNode {
  const e = new Edit(root, version);
  fn(e);
  return e.root;
}

/** Written, keys and below of a node. */
function versions(root: TreeNode, ...path: string[]): number[] {
  const n = root.find(path);
  assert.ok(n);
  return n.isMap ? [n.written, n.keys, n.below] : [n.written];
}

test("every change leaves its version where it must, and old trees as they were", () => {
  const r0 = TreeNode.empty();
  const r1 = edited(r0, 1, (e) => e.set(["a", "b"], 1));
  assert.deepEqual([versions(r1), versions(r1, "a"), versions(r1, "a", "b")], [[0, 1, 1], [1, 1, 1], [1]]);
  const r2 = edited(r1, 2, (e) => e.set(["a", "b"], 2));
  assert.deepEqual([versions(r2), versions(r2, "a"), versions(r2, "a", "b")], [[0, 1, 2], [1, 1, 2], [2]]);
  const r3 = edited(r2, 3, (e) => e.set(["a", "c"], 1));
  assert.deepEqual([versions(r3), versions(r3, "a"), versions(r3, "a", "b")], [[0, 1, 3], [1, 3, 3], [2]]);
  const r4 = edited(r3, 4, (e) => e.delete(["a", "c"]));
  assert.deepEqual([versions(r4), versions(r4, "a"), versions(r4, "a", "b")], [[0, 1, 4], [1, 4, 4], [2]]);
  const r5 = edited(r4, 5, (e) => e.set(["a"], map({ b: 2 })));
  assert.deepEqual([versions(r5), versions(r5, "a"), versions(r5, "a", "b")], [[0, 1, 5], [5, 5, 5], [5]]);
  const r6 = edited(r5, 6, (e) => e.add(["a", "b"], 1, undefined, undefined));
  assert.deepEqual([versions(r6), versions(r6, "a"), versions(r6, "a", "b")], [[0, 1, 6], [5, 5, 6], [6]]);
  assert.equal(edited(r6, 7, (e) => e.delete(["a", "none"])), r6);
  assert.deepEqual([r0, r1, r2, r3, r4, r5, r6].map((r) => JSON.stringify(r.value())), [
    "{}", '{"a":{"b":1}}', '{"a":{"b":2}}', '{"a":{"b":2,"c":1}}', '{"a":{"b":2}}', '{"a":{"b":2}}', '{"a":{"b":3}}',
  ]);
});

test("an edit that goes on changes what it has shown, and nothing else", () => {
  const before = edited(TreeNode.empty(), 1, (e) => e.set([], map({ m: map({ x: 1 }), other: map({}) })));
  const e = new Edit(before, 2);
  e.set(["m", "x"], 2);
  const shown = e.root.value();
  e.set(["m", "y"], 3);
  assert.equal(JSON.stringify(shown), '{"m":{"x":2},"other":{}}');
  assert.equal(JSON.stringify(e.root.value()), '{"m":{"x":2,"y":3},"other":{}}');
  assert.equal(JSON.stringify(before.value()), '{"m":{"x":1},"other":{}}');
  assert.equal(e.root.find(["other"]), before.find(["other"]));
});

test("what cannot be done changes nothing", () => {
  const before = edited(TreeNode.empty(), 1, (e) => e.set([], map({ n: 1, t: "x", m: map({}) })));
  const e = new Edit(before, 2);
  assert.equal(e.set(["n", "below"], 1), "leaf");
  assert.equal(e.set(["m", "k", "k"], 1), null);
  assert.equal(e.set([], 1), "root");
  assert.equal(e.delete([]), "root");
  assert.equal(e.add(["t"], 1, undefined, undefined), "number");
  assert.equal(e.add(["m"], 1, undefined, undefined), "number");
  assert.equal(e.add(["n"], 1, undefined, 1), "bounds");
  assert.equal(e.add(["n"], -1, 1, undefined), "bounds");
  assert.equal(e.add(["big"], 2n ** 63n - 1n, undefined, undefined), null);
  assert.equal(e.add(["big"], 1, undefined, undefined), "range");
  assert.equal(JSON.stringify((e.root.value() as { n: number }).n), "1");
});

test("which reads hold, and below which maps one may write", () => {
  // m was created by 2, its keys were changed by 3, m/k was written by 3, changed below by 4.
  let root = edited(TreeNode.empty(), 2, (e) => e.set(["m"], map({ x: map({ y: 1 }) })));
  root = edited(root, 3, (e) => e.set(["m", "k"], 1));
  root = edited(root, 4, (e) => e.set(["m", "x", "y"], 2));
  const judge = (base: number, reads: Read[], writes: Write[] = [], made: number[] = []): boolean => {
    const part: Part = { object: "o", epoch: "e", base, reads, writes };
    return fails(part, { root, under: root, made, writes, strict: false }) === null;
  };
  const read = (kind: ReadKind, ...path: string[]): Read[] => [{ kind, path, hash: null, guard: null }];
  const from = (reads: Read[]): number => [0, 1, 2, 3, 4, 5].findIndex((base) => judge(base, reads));
  assert.equal(from(read(ReadKind.Value, "m", "k")), 3);
  assert.equal(from(read(ReadKind.Value, "m")), 2);
  assert.equal(from(read(ReadKind.Value, "no")), -1);
  assert.equal(from(read(ReadKind.Absent, "no")), 0);
  assert.equal(from(read(ReadKind.Absent, "m")), -1);
  assert.equal(from(read(ReadKind.Keys, "m")), 3);
  assert.equal(from(read(ReadKind.Keys, "m", "x")), 2);
  assert.equal(from(read(ReadKind.Keys, "m", "k")), -1);
  assert.equal(from(read(ReadKind.Subtree, "m")), 4);
  assert.equal(from(read(ReadKind.Subtree, "m", "x")), 4);
  assert.equal(from(read(ReadKind.Subtree, "m", "k")), 3);
  assert.equal(from(read(ReadKind.Hash, "no")), 0);
  assert.equal(from(read(ReadKind.Hash, "m")), -1);
  const below: Write[] = [{ op: "set", path: ["m", "new"], value: 1, shape: null }];
  assert.deepEqual([judge(1, [], below), judge(2, [], below), judge(1, [], below, [2])], [false, true, true]);
  const replaced: Write[] = [{ op: "set", path: ["m"], value: map({}), shape: null }, ...below];
  assert.deepEqual([judge(1, [], replaced), judge(1, [], [...below, ...replaced])], [true, false]); // its own map, once it has made it
});

test("numbers add exactly or as doubles, and compare without rounding", () => {
  const sums: [Numeric, Numeric, Numeric | undefined][] = [
    [2 ** 53, 1, 2n ** 53n + 1n],
    [2n ** 53n + 1n, -1, 2 ** 53],
    [2n ** 63n - 1n, 1, undefined],
    [-(2n ** 63n) + 1n, -1, -(2n ** 63n)],
    [0.5, 0.5, 1],
    [2n ** 62n, 0.5, 2 ** 62],
    [1e308, 1e308, undefined],
    [2 ** 60, 1, 2 ** 60], // beyond 2^53 a number is a float
    [-0.5, 0.5, 0],
  ];
  for (const [a, b, want] of sums) assert.ok(Object.is(addNumbers(a, b), want), `${a} + ${b} = ${String(addNumbers(a, b))}`);
  assert.ok(compareNumbers(2n ** 53n + 1n, 2 ** 53) > 0);
  assert.ok(compareNumbers(0.5, 1n) < 0);
  assert.equal(compareNumbers(2n ** 60n, 2 ** 60), 0);
});

test("keys ascend by their bytes of UTF-8", () => {
  const keys = ["\u{10000}", "\uffff", "b", "", "ab", "a", "\ue000", "\u{10ffff}", "é"];
  const bytes = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  assert.deepEqual([...keys].sort(compareKeys), bytes);
});
