import assert from "node:assert/strict";
import { test } from "node:test";
import { list, last, viewAll, type SharedObject } from "../../../src/dstm/index.ts";
import { drawing, Page, put, scene, turn } from "./page.ts";

test("small changes are kept beside the state, and become one with it when they are larger", async () => {
  const { net, disk, p, board } = await drawing();
  await net.until(put.submit(board, { path: ["big"], value: "x".repeat(20_000) }).done);
  await turn();
  let [most, rewritten, tails] = [0, 0, 0];
  for (let n = 0; n < 60; n++) {
    await net.until(put.submit(board, { path: ["k", `${n}`], value: "y".repeat(1000) }).done);
    await turn();
    most = Math.max(most, disk.keys("tail/").reduce((sum, k) => sum + disk.get(k).length, 0));
  }
  for (const b of disk.batches) {
    rewritten += b.filter((k) => k === "+replica/board").length;
    tails += b.filter((k) => k.startsWith("+tail/")).length;
  }
  assert.ok(rewritten < 10 && tails > 40, `${rewritten} ${tails}`);
  assert.ok(most <= disk.get("replica/board").length + 5000);
  p.kill();
  const again = await new Page(net, disk).c.open("board");
  assert.deepEqual(again.snapshot(), board.snapshot());
  assert.equal(again.head.version, board.head.version);
});

test("lists keep their ids, and resets replace what is kept", async () => {
  const { net, disk, other, p, board } = await drawing();
  const tasks = list<string>("tasks");
  await net.until(other.update((tx) => void [tasks.at().insert(tx, last(), "a"), tasks.at().insert(tx, last(), "b")]));
  net.model.reset(net.session(p.c).link, "board");
  await net.sync();
  await net.until(put.submit(board, { path: ["x"], value: 1 }).done);
  await turn();
  p.kill();
  const second = new Page(net, disk);
  const again = await second.c.open("board");
  assert.deepEqual(again.keys(["tasks"]), other.keys(["tasks"]));
  second.connect();
  await net.sync();
  await net.until(other.update((tx) => void tasks.at().insert(tx, last(), "c")));
  assert.deepEqual(again.snapshot(["tasks"]), ["a", "b", "c"]);
  assert.equal(net.model.faults.length, 0);
});

test("what changes without works is kept a moment later, and when an object is closed", async (t) => {
  const { net, disk, other, p, board } = await drawing();
  t.mock.timers.enable({ apis: ["setTimeout"] });
  await net.until(other.update((tx) => tx.set(["x"], 1)));
  t.mock.timers.tick(1000);
  t.mock.timers.reset();
  await turn();
  await net.until(other.update((tx) => tx.set(["x"], 2)));
  board.close();
  net.cut(p.c);
  const reopened = await p.c.open("board"); // also without a connection
  assert.equal(reopened.snapshot(["x"]), 2);
  await turn();
  p.kill();
  const again = await new Page(net, disk).c.open("board");
  assert.equal(again.snapshot(["x"]), 2);
});

test("what was left and opened again is seen together with the rest, unless that has moved", async () => {
  const { net, disk, other } = await scene();
  const p = new Page(net, disk);
  p.connect();
  const [a, b] = [await p.open("board"), await p.open("b")];
  await net.until(put.submit(a, { path: ["x"], value: 1 }).done);
  await net.until(put.submit(b, { path: ["x"], value: 1 }).done);
  await turn();
  net.cut(p.c);
  const together = (list: readonly SharedObject[]): Promise<boolean> =>
    viewAll(list, () => true, { signal: AbortSignal.timeout(0) }).catch(() => false);
  for (const o of [a, b]) o.close();
  const again = [await p.c.open("board"), await p.c.open("b")];
  assert.ok(await together(again));
  p.kill();
  const second = new Page(net, disk);
  const board = await second.c.open("board");
  second.connect();
  await net.sync();
  await net.until(other.update((tx) => tx.set(["x"], 2)));
  await net.sync();
  net.cut(second.c);
  assert.equal(board.snapshot(["x"]), 2);
  assert.ok(!(await together([board, await second.c.open("b")])));
});

test("what was not used for the longest time makes room", async () => {
  const { net, disk } = await scene();
  const real = Date.now;
  let now = real();
  Date.now = () => ++now;
  try {
    const p = new Page(net, disk, { maxCached: 3 });
    p.connect();
    for (const name of ["a", "b", "c", "d"]) {
      const o = await p.open(name);
      await net.until(put.submit(o, { path: ["x"], value: name }).done);
      await turn();
      o.close();
    }
    assert.deepEqual(disk.keys("replica/"), ["replica/b", "replica/c", "replica/d"]);
    p.kill();
    const second = new Page(net, disk, { maxCached: 3 });
    const b = await second.c.open("b");
    assert.equal(b.snapshot(["x"]), "b");
    b.close();
    second.connect();
    const e = await second.open("e");
    await net.until(put.submit(e, { path: ["x"], value: "e" }).done);
    await turn();
    assert.deepEqual(disk.keys("replica/"), ["replica/b", "replica/d", "replica/e"]);
    second.kill();
    const third = new Page(net, disk, { maxCachedBytes: 100 });
    third.connect();
    const d = await third.open("d");
    await net.until(put.submit(d, { path: ["x"], value: "z".repeat(200) }).done);
    await turn();
    assert.ok(disk.keys("replica/").reduce((n, k) => n + disk.get(k).length, 0) <= 100);
    assert.equal(net.model.object("d").version, 2);
  } finally {
    Date.now = real;
  }
});

test("another user's rules: what may be read now is shown, not what was kept", async () => {
  const { net, disk, p, board } = await drawing();
  await net.until(put.submit(board, { path: ["secret"], value: 1 }).done);
  await net.until(put.submit(board, { path: ["open"], value: 2 }).done);
  await turn();
  p.kill();
  net.model.readable = [["open"]];
  const second = new Page(net, disk);
  const again = await second.c.open("board");
  second.connect();
  await net.sync();
  assert.deepEqual({ ...again.snapshot() }, { open: 2 });
  again.close();
  await turn();
  second.kill();
  assert.deepEqual({ ...(await new Page(net, disk).c.open("board")).snapshot() }, { open: 2 });
});
