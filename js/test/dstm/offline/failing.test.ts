import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { sealRecord } from "../../../src/internal/record.ts";
import { TrefoilError } from "../../../src/status.ts";
import type { Net } from "../net.ts";
import { add, drawing, next, once, Page, put, scene, turn } from "./page.ts";

const value = (net: Net, ...path: string[]): unknown => net.model.object("board").root.find(path)?.value();

type Scene = { net: Net; p: Page; disk: Page["disk"]; work: ReturnType<typeof next.submit> };

/** A work that was made without a connection, and meanwhile somebody else has written what it read. The server keeps no record of what was sent. */
async function overtaken(kind: typeof next | typeof once): Promise<Scene> {
  const { net, disk, other, p, board } = await drawing();
  net.model.forgetful = true;
  net.cut(p.c);
  const work = kind.submit(board, null as never);
  await turn();
  await net.until(other.update((tx) => (tx.set(["n"], 10), tx.set(["text"], "theirs"))));
  return { net, disk, p, work };
}

/** A work that is stored, and sent, and lost while the disk is full. */
async function lostWhileFull(kind: typeof next | typeof once, t: TestContext): Promise<Scene> {
  const { net, disk, p, work } = await overtaken(kind);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  p.connect();
  net.send(p.c);
  net.receive(p.c);
  await turn();
  assert.equal(p.sent(7).length, 1);
  p.storage.fail();
  await net.sync();
  return { net, p, disk, work };
}

/** A work that is stored as never sent when the disk is full, and another one that is not stored. */
async function unsentWhileFull(t: TestContext): Promise<Scene> {
  const { net, disk, p, board } = await drawing();
  net.cut(p.c);
  const work = add.submit(board, 1);
  await turn();
  t.mock.timers.enable({ apis: ["setTimeout"] });
  p.storage.fail();
  p.connect();
  await net.sync();
  const free = put.submit(board, { path: ["free"], value: 1 });
  await net.sync();
  assert.deepEqual([value(net, "total"), value(net, "free"), work.state, free.state], [undefined, 1, "pending", "committed"]);
  return { net, p, disk, work };
}

test("what is stored as never sent is not sent while the disk is full: a server that forgot the client would do it again for the next process", async (t) => {
  const { net, p, disk } = await unsentWhileFull(t);
  p.kill();
  net.model.records.clear();
  net.model.dropped.clear();
  const second = new Page(net, disk);
  second.connect();
  await net.sync();
  assert.deepEqual([value(net, "total"), second.c.works.length, second.c.inbox.items.length], [1, 0, 0]);
});

test("it is sent as soon as there is room again", async (t) => {
  const { net, p, disk, work } = await unsentWhileFull(t);
  p.storage.durable = true;
  t.mock.timers.tick(1000);
  await net.sync();
  assert.deepEqual([value(net, "total"), work.state, disk.keys("work/")], [1, "committed", []]);
});

test("while the disk is full, what it may hold another run of does not run: the next process would do it once more", async (t) => {
  const { net, p, disk, work } = await lostWhileFull(next, t);
  assert.deepEqual([value(net, "n"), p.c.works.map((w) => w.id), work.state], [10, [work.id], "pending"]);
  p.kill();
  const second = new Page(net, disk);
  second.connect();
  await net.sync();
  assert.deepEqual([value(net, "n"), second.c.works.length, second.c.inbox.items.length], [11, 0, 0]);
});

test("meanwhile everything else goes on, as much as there is of it", async (t) => {
  const { net, p, work } = await lostWhileFull(next, t);
  const board = await p.c.open("board");
  for (let n = 0; n < 100; n++) {
    const update = board.update((tx) => tx.add(["total"], 1));
    await net.sync();
    assert.equal(value(net, "total"), n + 1);
    await update;
  }
  assert.equal(work.state, "pending");
});

test("it runs as soon as there is room again", async (t) => {
  const { net, p, disk, work } = await lostWhileFull(next, t);
  p.storage.durable = true;
  t.mock.timers.tick(1000);
  await net.sync();
  assert.deepEqual([value(net, "n"), work.state, disk.keys("work/")], [11, "committed", []]);
});

test("a client whose storage fails tries the last batch once when it is closed, and leaves no timer", async (t) => {
  const timers = new Set<unknown>();
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  t.mock.method(globalThis, "setTimeout", (fn: () => void, ms: number) => {
    const timer = set(() => (timers.delete(timer), fn()), ms);
    timers.add(timer);
    return timer;
  });
  t.mock.method(globalThis, "clearTimeout", (timer: Parameters<typeof clear>[0]) => (timers.delete(timer), clear(timer)));
  const { net, p, board } = await drawing();
  p.storage.fail();
  net.model.refusals.push([8, "dstm.busy", "later"]);
  add.submit(board, 1);
  await net.sync();
  assert.ok(timers.size > 0); // until the storage is tried again, and the work
  p.storage.slow = true;
  add.submit(board, 2); // not yet given to the storage
  p.c.close();
  let tried = 0;
  for (; p.storage.step() && tried < 10; tried++) await turn();
  assert.deepEqual([tried, timers.size], [1, 0]);
});

test("nor is it retried from the inbox while the disk may still hold it", async (t) => {
  const { net, p, work } = await lostWhileFull(once, t);
  assert.deepEqual(p.c.inbox.items.map((i) => i.id), [work.id]);
  assert.throws(() => p.c.inbox.retry(work.id), /could be repeated/);
  assert.equal(p.c.inbox.items.length, 1);
  p.storage.durable = true;
  t.mock.timers.tick(1000);
  await turn();
  const again = p.c.inbox.retry(work.id);
  await net.sync();
  assert.equal(again.state, "committed");
});

test("what is retried from the inbox is not sent while the disk holds it there: the next page would find it there, though it is done", async (t) => {
  const { net, disk, p, work } = await overtaken(once);
  p.connect();
  await net.sync();
  assert.deepEqual([p.c.inbox.items.map((i) => i.id), disk.keys("inbox/").length], [[work.id], 1]);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  p.storage.slow = true;
  const again = p.c.inbox.retry(work.id);
  p.storage.fail();
  p.storage.slow = false;
  while (p.storage.step()) await turn();
  await net.sync();
  assert.deepEqual([again.state, disk.keys("inbox/").length], ["pending", 1]);
  p.storage.durable = true;
  t.mock.timers.tick(1000);
  await turn();
  await net.sync();
  assert.deepEqual([again.state, disk.keys("inbox/"), disk.keys("work/")], ["committed", [], []]);
});

test("what was taken over from another client's inbox and discarded does not come back", async () => {
  const { net, disk, p, work } = await overtaken(once);
  p.connect();
  await net.sync();
  const key = `inbox/${work.id}`;
  const record = disk.get(key);
  p.c.inbox.discard(work.id);
  await turn();
  assert.deepEqual(disk.keys("inbox/"), []);
  disk.put("dstm", key, record); // another client's, of the same form
  p.c.absorb(new Map([[key, record]]));
  assert.equal(p.c.inbox.discard(work.id), true);
  await turn();
  assert.deepEqual(disk.keys("inbox/"), []);
});

test("a run whose record could not replace another one's is taken back before it is sent", async () => {
  const { net, disk, p } = await overtaken(next);
  p.connect();
  await turn();
  net.send(p.c);
  p.storage.slow = true;
  await net.sync(); // its first run is refused, and the record of the second is on its way
  for (let n = 0; n < 3 && p.storage.waiting.length === 0; n++) await net.sync();
  assert.equal(p.storage.waiting.length, 1);
  p.storage.fail();
  p.storage.slow = false;
  p.storage.step();
  await net.sync();
  assert.deepEqual([value(net, "n"), p.c.works.length], [10, 1]);
  p.kill();
  const second = new Page(net, disk);
  second.connect();
  await net.sync();
  assert.equal(value(net, "n"), 11);
});

test("a number that is used up says nothing of a work of this process: it is run again", async (t) => {
  for (const reason of ["dstm.stale_sequence", "dstm.sequence_reused"]) {
    const { net, p, board } = await drawing();
    t.mock.timers.enable({ apis: ["setTimeout"] });
    net.model.refusals.push([9, reason, "old"]);
    const work = add.submit(board, 1);
    await net.sync();
    t.mock.timers.tick(1000);
    await net.sync();
    t.mock.timers.reset();
    assert.deepEqual([value(net, "total"), work.state, p.c.inbox.items.length], [1, "committed", 0], reason);
  }
});

test("what a newer version has reserved is that version's: nothing is written", async () => {
  const { net, disk } = await scene();
  const ceiling = sealRecord("ceiling", [5]);
  ceiling[0] = 2;
  disk.put("dstm", "ceiling", ceiling);
  const p = new Page(net, disk);
  p.connect();
  const work = add.submit(await p.open(), 1);
  assert.equal(await work.stored, false);
  await net.until(work.done);
  p.c.close();
  await turn();
  assert.deepEqual([disk.keys(""), disk.batches.length, p.storage.problem?.reason], [["ceiling"], 0, "transport.storage_newer"]);
});

test("what is damaged and would be written over is set aside", async () => {
  const { net, disk } = await scene();
  const p = new Page(net, disk);
  p.connect();
  await net.until(add.submit(await p.open(), 1).done);
  await turn();
  p.kill();
  for (const key of ["ceiling", "replica/board"]) {
    const odd = disk.get(key).slice();
    (odd[odd.length - 1] as number) ^= 1;
    disk.put("dstm", key, odd);
    const second = new Page(net, disk);
    second.connect();
    await second.open();
    await turn();
    second.c.close();
    await turn();
    assert.deepEqual(disk.get(`aside/${key}`), odd, key);
    assert.notDeepEqual(disk.get(key), odd, key);
    assert.equal(second.storage.problem?.reason, "transport.storage_damaged");
    second.kill();
  }
});

test("two processes within a moment that could not reserve numbers do not use the same ones", async (t) => {
  const { net, disk } = await scene();
  let now = 1_700_000_000_000;
  t.mock.method(Date, "now", () => now);
  disk.put("dstm", "ceiling", sealRecord("ceiling", [2 ** 51, now]));
  for (let n = 0; n < 3; n++) {
    now++;
    const p = new Page(net, disk);
    p.storage.fail();
    p.connect();
    const board = await p.open();
    await net.until(board.update((tx) => tx.add(["total"], 1)));
    p.kill();
  }
  const sequences = net.model.entries.map((e) => e.sequence);
  assert.deepEqual([value(net, "total"), new Set(sequences).size], [3, 3]);
});

test("an object of a work that the server has no time for is asked for again; the work does not go to the inbox", async (t) => {
  const { net, disk, p, board } = await drawing();
  net.cut(p.c);
  const before = next.submit(board, null);
  await turn();
  const work = next.submit(board, null);
  await turn();
  p.kill();
  net.model.forgetful = true;
  disk.put("dstm", `work/${before.id}`, null); // so that the second one is to be run
  for (const key of disk.keys("replica/")) disk.put("dstm", key, null);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const second = new Page(net, disk);
  const [pending] = second.c.works;
  const error = new TrefoilError(14, "dstm.closed", "the store is closed");
  const real = net.model.handle;
  let refused = 0;
  net.model.handle = (l, f, links) => {
    if (f[1] === 1 && refused++ === 0) l.toClient.push([3, 3, "", f[3] as number, f[4] as string, [error.code, error.reason, error.message]]);
    else real.call(net.model, l, f, links);
  };
  second.connect();
  await net.sync();
  t.mock.timers.tick(1000);
  await net.sync();
  assert.deepEqual([refused > 1, pending?.id, pending?.state, second.c.inbox.items.length], [true, work.id, "committed", 0]);
});

test("what waits for the end of its pause goes before what is submitted now", async (t) => {
  const { net, board } = await drawing();
  t.mock.timers.enable({ apis: ["setTimeout"] });
  net.model.refusals.push([8, "dstm.busy", "later"]);
  const first = next.submit(board, null);
  await net.sync();
  const second = next.submit(board, null);
  await net.sync();
  assert.deepEqual([first.commits[0]?.version, second.commits[0]?.version, value(net, "n")], [1, 2, 2]);
});
