import assert from "node:assert/strict";
import { test } from "node:test";
import { decode } from "../../../src/codec/index.ts";
import { sealRecord } from "../../../src/internal/record.ts";
import { openImage } from "../../../src/dstm/offline/image.ts";
import { openRefusal, openTask, sealRefusal, sealTask } from "../../../src/dstm/offline/records.ts";
import type { Refusal, Task } from "../../../src/dstm/offline/types.ts";
import { Code, TrefoilError } from "../../../src/status.ts";
import { Random } from "../random.ts";
import type { Disk } from "./disk.ts";
import { add, drawing, next, Page, put, turn } from "./page.ts";

const bare = (o: Record<string, unknown>): any => Object.assign(Object.create(null), o);

/** A disk with three works on it, made offline, and one refusal. */
async function filled(): Promise<{ net: Page["net"]; disk: Disk }> {
  const { net, disk, p, board } = await drawing();
  net.model.refusals.push([7, "dstm.denied", "no"]);
  await net.until(put.submit(board, { path: ["refused"], value: 1 }).done.catch(() => undefined));
  net.cut(p.c);
  add.submit(board, 1);
  put.submit(board, { path: ["__proto__", "constructor"], value: bare({ ["__proto__"]: { polluted: true }, constructor: "x" }) });
  next.submit(board, null);
  await turn();
  p.kill();
  return { net, disk };
}

test("keys that mean something to JavaScript are only keys", async () => {
  const { net, disk } = await filled();
  const p = new Page(net, disk);
  const board = await p.c.open("board");
  const shown = board.snapshot(["__proto__", "constructor"]) as Record<string, unknown>;
  assert.deepEqual(Object.keys(shown).sort(), ["__proto__", "constructor"]);
  assert.equal(Object.getPrototypeOf(shown), null);
  p.connect();
  await net.sync();
  const root = net.model.object("board").root;
  assert.equal(root.find(["__proto__", "constructor", "constructor"])?.leaf, "x");
  assert.equal(root.find(["__proto__", "constructor", "__proto__", "polluted"])?.leaf, true);
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  assert.equal(p.c.works.length, 0);
});

test("a record that was changed by hand, cut off, or moved to another key is not applied, not deleted, and told of", async () => {
  const change: Record<string, (b: Uint8Array) => Uint8Array> = {
    "one byte": (b) => ((b[b.length >> 1] as number) ^= 1, b),
    "cut off": (b) => b.slice(0, b.length - 3),
    "empty": () => new Uint8Array(0),
    "longer": (b) => Uint8Array.of(...b, 0),
    "a newer format": (b) => ((b[0] = 2), b),
  };
  for (const [what, fn] of Object.entries(change)) {
    for (const prefix of ["work/", "inbox/"]) {
      const { net, disk } = await filled();
      const [key] = disk.keys(prefix) as [string];
      const odd = fn(disk.get(key).slice());
      disk.put("dstm", key, odd);
      const p = new Page(net, disk);
      p.connect();
      await net.sync();
      await turn();
      assert.deepEqual(disk.get(key), odd, what);
      assert.equal(p.storage.problem?.reason, "transport.storage_damaged", what);
      assert.equal(p.c.inbox.items.length, prefix === "inbox/" ? 0 : 1);
      assert.deepEqual([p.c.works.length, net.model.faults], [0, []]);
      assert.equal(net.model.entries.length, prefix === "work/" ? 2 : 3, what); // the others went on
    }
  }
  const { net, disk } = await filled();
  const [a, b] = disk.keys("work/") as [string, string];
  disk.put("dstm", "work/0000000000000000", disk.get(a)); // a copy: it must not happen twice
  disk.put("dstm", b, disk.get(a));
  const p = new Page(net, disk);
  p.connect();
  await net.sync();
  assert.equal(net.model.entries.length, 2);
  assert.deepEqual([disk.keys("work/").includes("work/0000000000000000"), disk.keys("work/").includes(b)], [true, true]);
});

test("two records of one sequence, both well made, are not two transactions", async () => {
  const { net, disk } = await filled();
  const [a] = disk.keys("work/") as [string];
  const task = openTask(a.slice(5), disk.get(a));
  disk.put("dstm", "work/zz", sealTask({ ...task, id: "zz" }));
  const p = new Page(net, disk);
  p.connect();
  await net.sync();
  assert.deepEqual([net.model.entries.length, disk.keys("work/"), p.storage.problem?.reason], [3, ["work/zz"], "transport.storage_damaged"]);
});

test("a copy of what is kept that does not fit is given up, and asked for", async () => {
  for (const prefix of ["replica/", "tail/", "used/", "level/"]) {
    const { net, disk, other, p, board } = await drawing();
    await p.open("second");
    for (let n = 0; n < 3; n++) await net.until(add.submit(board, 1).done), await turn();
    p.kill();
    for (const key of disk.keys(prefix)) {
      const b = disk.get(key);
      (b[b.length - 1] as number) ^= 1;
    }
    assert.ok(disk.keys(prefix).length > 0, prefix);
    const second = new Page(net, disk);
    second.connect();
    const again = await second.open();
    assert.equal(again.snapshot(["total"]), 3, prefix);
    await net.until(other.update((tx) => tx.add(["total"], 1)));
    assert.equal(again.snapshot(["total"]), 4);
    assert.equal(net.model.faults.length, 0);
  }
});

test("records come back as they were", () => {
  const task: Task = {
    id: "0123456789abcdef", order: 7, name: "n", input: Uint8Array.of(1), objects: ["a", "b"], metadata: bare({ who: "me" }), made: 5, lost: 2, sent: true, hidden: true,
    run: {
      sequence: 9, log: "log", position: 3, after: [4, 8], attempt: 3,
      parts: [{
        object: "a", epoch: "e", base: 3,
        reads: [
          { kind: 1, path: ["x"], hash: null, guard: null }, { kind: 5, path: [], hash: new Uint8Array(16), guard: null }, { kind: 7, path: ["y"], hash: null, guard: null },
          { kind: 6, path: ["z"], hash: null, guard: { op: 13, value: 3, truth: false } },
        ],
        writes: [{ op: "set", path: ["x"], value: [[1]], shape: null }, { op: "add", path: ["y"], n: 1n << 60n, least: undefined, most: 5 }],
      }],
    },
    differences: [{ object: "a", path: ["x"], base: undefined, mine: null, theirs: undefined, elided: false }],
  };
  assert.deepEqual(openTask(task.id, sealTask(task)), task);
  const waiting = { ...task, run: null, sent: false, hidden: false, differences: [] };
  assert.deepEqual(openTask(task.id, sealTask(waiting)), waiting);
  const refusal: Refusal = {
    id: task.id, order: 7, name: "n", input: Uint8Array.of(1), objects: ["a"], metadata: null, made: 5, refused: 6,
    error: new TrefoilError(Code.Aborted, "r", "m", { unknown: true, details: bare({ a: 1 }) }), differences: task.differences,
  };
  const back = openRefusal(refusal.id, sealRefusal(refusal));
  assert.deepEqual({ ...back, error: back.error.toString(), details: back.error.details }, { ...refusal, error: refusal.error.toString(), details: refusal.error.details });
  assert.throws(() => openTask("other", sealTask(task)));
});

test("whatever stands in a record with a good checksum, it is read as it was made or refused", () => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000_000);
  const random = new Random(seed);
  const task: Task = {
    id: "i", order: 7, name: "n", input: Uint8Array.of(1), objects: ["a"], metadata: null, made: 5, lost: 0, sent: false, hidden: false, differences: [],
    run: { sequence: 9, log: "log", position: 3, after: [4], attempt: 1, parts: [{ object: "a", epoch: "e", base: 3, reads: [{ kind: 1, path: ["x"], hash: null, guard: null }], writes: [{ op: "delete", path: ["x"] }] }] },
  };
  const odd: unknown[] = [null, -1, 1.5, 2 ** 53, "", "x", [], [[]], [1], bare({}), new Uint8Array(3), true, 1n << 60n, bare({ ["__proto__"]: 1 })];
  const spoil = (v: any): any => {
    if (!Array.isArray(v) || v.length === 0 || random.int(3) === 0) return random.pick(odd);
    const i = random.int(v.length);
    if (random.int(8) === 0) return [...v.slice(0, i), ...v.slice(i + 1)];
    if (random.int(8) === 0) return [...v, random.pick(odd)];
    return v.map((x, n) => (n === i ? spoil(x) : x));
  };
  let refused = 0;
  for (let n = 0; n < 3000; n++) {
    const content = spoil(decode(sealTask(task).subarray(9)));
    try {
      const record = sealRecord("work/i", content);
      const got = openTask("i", record);
      assert.deepEqual(openTask("i", sealTask(got)), got, `seed ${seed}`); // what is taken means one thing
    } catch (e) {
      assert.ok(e instanceof TrefoilError, `seed ${seed}: ${String(e)}`);
      refused++;
    }
  }
  assert.ok(refused > 2000, String(refused));
  assert.throws(() => openImage("a", sealRecord("replica/a", ["log", "e", 1, 1, new Uint8Array(8), 1, [false, null, 1, 1], 5, null]), []));
  assert.throws(() => openImage("a", sealRecord("replica/a", ["log", "e", 1, 1, new Uint8Array(7), 1, [false, null, 1, 1], bare({}), null]), []));
});
