import assert from "node:assert/strict";
import { test } from "node:test";
import { Time, type Value } from "../../src/codec/index.ts";
import { Core } from "../../src/dstm/replica/core.ts";
import { TrefoilError } from "../../src/status.ts";
import { Random } from "./random.ts";

const me = "01".padEnd(32, "0");
const zero = new Uint8Array(8);
const id = new Uint8Array(16);

/** A core with "a" open at version 1 and one transaction under way. */
function ready(): Core {
  const core = new Core(0, 10);
  core.open("a");
  core.connect(me);
  core.next();
  core.sent();
  core.receive(2, "log", [1, "a", "e", 1, 1, zero, Object.assign(Object.create(null), { n: 1 }) as Value]);
  core.submit({ position: 1, after: [], metadata: null, attempt: 1, parts: [{ object: "a", epoch: "e", base: 1, reads: [], writes: [{ op: "add", path: ["n"], n: 1, least: undefined, most: undefined }] }] }, 0);
  core.next();
  core.sent();
  core.takeEvents();
  return core;
}

const deep = (n: number): Value => (n === 0 ? 1 : [deep(n - 1)]);
const change = (parts: Value): Value[] => [2, zero, new Time(0), id, 1, parts];
const write = (w: Value): Value[] => change([["a", 2, [w]]]);

test("frames that are none end the session and change nothing", () => {
  const frames: [number, string | number, Value[]][] = [
    [2, 5, []],
    [1, "", []],
    [99, "log", []],
    [2, "log", []],
    [2, "log", [1, "a", "", 1, 1, zero, null]],
    [2, "log", [1, "a", "e".repeat(33), 1, 1, zero, null]],
    [2, "log", [1, "a", "e", -1, 1, zero, null]],
    [2, "log", [1, "a", "e", 1, 2 ** 53, zero, null]],
    [2, "log", [1, "a", "e", 1, 1, id, null]],
    [2, "log", [1, "a", "e", 1, 1, zero, 5]],
    [2, "log", [1, "a", "e", 1, 1, zero, Object.assign(Object.create(null), { "": 1 }) as Value]],
    [2, "lo\ng", [1, "a", "e", 1, 1, zero, Object.create(null) as Value]],
    [3, "", [1, "a"]],
    [3, "", [1, "a", "no"]],
    [4, "log", ["a", "e", 1, 1, zero, null, "why"]],
    [6, "log", ["a"]],
    [8, "log", [1, 1]],
    [8, "log", [1, 1, [-1]]],
    [8, "log", [1, 1, []]],
    [8, "log", [1, 1, Array.from({ length: 17 }, () => 1)]],
    [9, "log", [1]],
    [9, "log", [1, [10, "", ""], [[0]]]],
    [9, "log", [1, [10, "", ""], [[0, [""]]]]],
    [10, "log", [2, zero, new Time(0), zero, 1, []]],
    [10, "log", change(7)],
    [10, "log", change([["a"]])],
    [10, "log", write([1, ["n"]])],
    [10, "log", write([1, ["n"], NaN])],
    [10, "log", write([1, ["n"], deep(48)])],
    [10, "log", write([1, Array.from({ length: 33 }, () => "k"), 1])],
    [10, "log", write([2, []])],
    [10, "log", write([3, ["n"], "1"])],
    [10, "log", write([3, ["n"], 1, "0"])],
    [10, "log", write([4, ["n"], "1"])],
    [10, "log", write([5, ["n"]])],
    [10, "log", write([6, [], "id", 1, null, 1])],
    [10, "log", write([6, ["l"], "", 1, null, 1])],
    [10, "log", write([6, ["l"], "id", 1, "x", 1])],
    [10, "log", write([6, ["l"], "id", 3, null, 1])],
    [10, "log", write([6, ["l"], "id", 4, "id", 1])],
    [10, "log", write([6, ["l"], "id", 5, null, 1])],
    [10, "log", write([6, ["l"], "id", 1, null, [1], [[[], ["a", "b"]]]])],
    [10, "log", write([7, ["l"], "id", 3, ""])],
    [10, "log", write([8, ["n"], 1])],
    [10, "log", write([1, ["n"], [1, 2], [[[], ["a", "a"]]]])],
    [10, "log", write([1, ["n"], [1], [[["k"], ["a"]]]])],
    [10, "log", write([1, ["n"], [1], [[[], ["a"], 1]]])],
    [10, "log", write([1, ["n"], [1], 5])],
    [2, "log", [1, "a", "e", 1, 1, zero, Object.create(null) as Value, null, "1"]],
    [4, "log", ["a", "e", 1, 1, zero, Object.create(null) as Value, "why", null, 0, [5]]],
    [11, "log", ["a", 1, []]],
    [11, "log", ["a", true, [[2, ["n"]]]]],
    [12, "log", []],
    [12, "log", [-1]],
    [14, "", [1, "a", 1, 1, new Time(0), id, "", 1]],
    [14, "", [1, "a", 1, 1, 5, id, "", 1, []]],
    [16, "", [1, "a", "e", 1, 1, zero]],
    [17, "", [1]],
    [17, "", [1, "a", 5]],
    [10, "log", change([["a", 2, Array.from({ length: 10_001 }, () => [2, ["n"]])]])],
  ];
  for (const [kind, stream, body] of frames) {
    const core = ready();
    const before = core.state("a");
    assert.throws(() => core.receive(kind, stream, body), (e) => e instanceof TrefoilError && e.reason.startsWith("dstm."), JSON.stringify([kind, stream]));
    assert.deepEqual(core.takeEvents(), []);
    assert.equal(core.state("a")?.root, before?.root);
    assert.equal(core.queued, 1);
  }
});

test("frames about what is not open are ignored", () => {
  const core = ready();
  const before = core.state("a");
  const answer: Value[] = [5, 1, [2]];
  for (const [kind, stream, body] of [
    [8, "log", answer],
    [8, "elsewhere", [1, 1, [2]]],
    [9, "elsewhere", [1, [10, "dstm.conflict", ""]]],
    [9, "log", [7, [10, "dstm.conflict", ""]]],
    [10, "elsewhere", write([1, ["n"], 5])],
    [10, "log", change([["b", 1, []]])],
    [6, "elsewhere", ["a", [7, "", ""]]],
    [4, "elsewhere", ["a", "e", 1, 1, zero, Object.create(null) as Value]],
    [2, "log", [9, "a", "e", 1, 1, zero, Object.create(null) as Value]],
    [3, "", [9, "a", [7, "", ""]]],
  ] as [number, string, Value[]][]) {
    core.receive(kind, stream, body);
  }
  assert.deepEqual(core.takeEvents(), []);
  assert.equal(core.state("a")?.root, before?.root);
  assert.equal(core.next(), null);
});

test("a version out of order, or a change that cannot be made, has the object opened again from nothing", () => {
  for (const body of [change([["a", 3, []]]), write([1, ["n", "below"], 1])]) {
    const core = ready();
    core.receive(10, "log", body);
    assert.deepEqual(core.next(), [3, 1, "", 2, "a", null]);
    assert.equal(core.state("a")?.version, 1); // what is held stays readable
  }
});

test("random frames do no harm that a good one does not mend", () => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000_000);
  const random = new Random(seed);
  const some = (depth: number): Value => {
    const scalars: Value[] = [null, true, 0, 1, 2, 3, -1, 2 ** 53, 2n ** 60n, 0.5, "", "a", "log", "e", "n", zero, id, new Time(0), Object.create(null) as Value];
    return depth > 0 && random.int(3) === 0 ? Array.from({ length: random.int(5) }, () => some(depth - 1)) : random.pick(scalars);
  };
  for (let i = 0; i < 300; i++) {
    const core = ready();
    for (let n = 0; n < 20; n++) {
      try {
        core.receive(random.int(18), random.pick(["log", "", "x"]), Array.from({ length: random.int(9) }, () => some(3)));
      } catch (e) {
        assert.ok(e instanceof TrefoilError, `seed ${seed}: ${String(e)}`);
      }
    }
    core.lost();
    core.connect(me);
    const open = core.next();
    assert.ok(open !== null || core.state("a") === undefined, `seed ${seed}`);
  }
});
