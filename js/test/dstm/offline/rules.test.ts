import assert from "node:assert/strict";
import { test } from "node:test";
import { transaction, UndoStack } from "../../../src/dstm/index.ts";
import { sealRecord } from "../../../src/internal/record.ts";
import { Code, TrefoilError } from "../../../src/status.ts";
import { clientId } from "../../../src/transport/key.ts";
import { FakeSession, Net } from "../net.ts";
import { Disk, DiskStorage } from "./disk.ts";
import { add, drawing, next, once, Page, put, scene, take, turn } from "./page.ts";

const is = (reason: string, unknown = false) => (e: unknown): boolean => e instanceof TrefoilError && e.is(reason) && e.unknown === unknown;
const value = (net: Net, ...path: string[]): unknown => net.model.object("board").root.find(path)?.value();

test("what was drawn offline is there after a reload, marked as pending, and arrives once", async () => {
  const { net, disk } = await scene();
  const first = new Page(net, disk);
  first.connect();
  const board = await first.open();
  const work = put.submit(board, { path: ["a", "x"], value: 1 });
  await net.until(work.done);
  assert.equal(work.state, "committed");
  net.cut(first.c);
  const offline = put.submit(board, { path: ["a", "y"], value: { __proto__: null, constructor: [1n << 60n] } });
  assert.deepEqual(board.pending.paths, [["a", "y"]]);
  assert.equal(await offline.stored, true);
  add.submit(board, 5);
  await turn();
  first.kill();

  const second = new Page(net, disk);
  const again = await second.c.open("board"); // no connection, and nobody gives it one
  assert.deepEqual({ ...(again.snapshot(["a"]) as object) }, { x: 1, y: Object.assign(Object.create(null), { constructor: [1n << 60n] }) });
  assert.equal(again.snapshot(["total"]), 5);
  assert.equal(again.snapshot(), again.snapshot());
  assert.deepEqual(again.pending, { count: 2, paths: [["a", "y"], ["total"]] });
  assert.deepEqual(second.c.works.map((w) => [w.name, w.objects, w.state, w.durable, w.input]), [
    ["put", ["board"], "pending", true, offline.input],
    ["add", ["board"], "pending", true, 5],
  ]);
  assert.equal(second.c.works[0]?.id, offline.id);
  assert.equal(second.c.works, second.c.works);
  const done = second.c.works.map((w) => w.done);
  second.connect();
  await net.until(Promise.all(done));
  assert.deepEqual([value(net, "total"), second.c.works.length, second.c.inbox.items.length], [5, 0, 0]);
  assert.equal(net.model.entries.length, 3);
  assert.deepEqual(disk.keys("work/"), []);
  assert.equal(again.head.version, 3);
  second.kill();
  const third = await new Page(net, disk).c.open("board");
  assert.equal(third.head.version, 3);
  assert.equal(third.snapshot(["total"]), 5);
});

test("I1: no frame leaves before its record says so, and nothing overtakes it", async () => {
  const { net, disk, p, board } = await drawing();
  await turn();
  p.storage.slow = true;
  const work = add.submit(board, 1);
  const anonymous = board.update((tx) => tx.add(["total"], 10));
  await turn();
  assert.equal(p.sent(7).length, 0);
  assert.equal(p.storage.waiting.length, 1);
  p.storage.step();
  await turn();
  const frames = p.sent(7);
  assert.deepEqual(frames.map((f) => f[5]), [0, 0]); // first sendings
  assert.ok((frames[0]?.[3] as number) < (frames[1]?.[3] as number));
  // The same content, byte for byte, is what the record has: a new process sends it again.
  net.send(p.c);
  p.kill();
  const second = new Page(net, disk);
  second.connect();
  await net.sync();
  assert.deepEqual([value(net, "total"), second.c.works.length, net.model.faults], [11, 0, []]);
  anonymous.catch(() => undefined);
  assert.equal(work.durable, true);
});

test("I1: what was stored as never sent is stored as sent before it is sent", async () => {
  const { net, disk, p, board } = await drawing();
  net.cut(p.c);
  add.submit(board, 1);
  await turn();
  p.storage.slow = true;
  p.connect();
  await net.sync();
  assert.equal(net.model.entries.length, 0);
  p.kill(); // that write is lost, and nothing was sent

  const second = new Page(net, disk);
  second.storage.slow = true;
  second.connect();
  for (let n = 0; n < 20; n++) {
    second.storage.step();
    await net.sync();
    if (second.c.works.length === 0) break;
  }
  assert.equal(value(net, "total"), 1);
});

test("I2: the server must not forget what is not stored as decided; the record goes with the state that contains it", async () => {
  const { net, disk, p, board } = await drawing();
  await net.until(add.submit(board, 1).done);
  await turn();
  p.storage.slow = true;
  const work = add.submit(board, 2);
  await turn();
  while (p.storage.step()) await turn();
  const sequence = p.sent(7)[0]?.[3] as number;
  await net.until(work.done);
  assert.equal(p.storage.waiting.length, 1); // the end of it
  const anonymous = board.update((tx) => tx.add(["total"], 4));
  const [frame] = p.sent(7);
  assert.ok((frame?.[4] as number) < sequence, "settled reaches what is not stored");
  await net.until(anonymous);
  p.storage.slow = false;
  while (p.storage.step()) await turn();
  const later = board.update((tx) => tx.add(["total"], 8));
  assert.ok((p.sent(7)[0]?.[4] as number) >= sequence);
  await net.until(later);
  for (const batch of disk.batches.filter((b) => b.some((k) => k.startsWith("-work/")))) {
    assert.ok(batch.some((k) => /^\+(replica|tail)\//.test(k)), String(batch));
  }
});

test("I2: what is refused is in the inbox, or replaced, in one step", async () => {
  const { net, disk, other, p, board } = await drawing();
  net.cut(p.c);
  next.submit(board, null);
  const lost = once.submit(board, "mine");
  await turn();
  await net.until(other.update((tx) => (tx.set(["n"], 10), tx.set(["text"], "theirs"))));
  p.connect();
  await net.until(lost.done.catch(() => undefined));
  await net.until(Promise.all(p.c.works.map((w) => w.done)));
  await turn();
  const replaced = disk.batches.filter((b) => b.some((k) => /^-work/.test(k)));
  assert.ok(replaced.some((b) => b.includes(`+inbox/${lost.id}`) && b.includes(`-work/${lost.id}`)), String(replaced));
  assert.equal(value(net, "n"), 11);
});

test("I3, I4: what may have been sent goes again under its number, also if it had arrived", async () => {
  for (const arrived of [false, true]) {
    const { net, disk, p, board } = await drawing();
    add.submit(board, 1);
    next.submit(board, null);
    next.submit(board, null); // presumes the one before
    await turn();
    assert.equal(p.sent(7).length, 3);
    if (arrived) net.send(p.c, 2);
    p.kill();
    const second = new Page(net, disk);
    const shown = await second.c.open("board");
    assert.deepEqual([shown.snapshot(["total"]), shown.snapshot(["n"])], [1, 2]);
    second.connect();
    await net.sync();
    assert.deepEqual([value(net, "total"), value(net, "n"), net.model.faults, second.c.inbox.items.length], [1, 2, [], 0]);
    assert.deepEqual([...net.model.records.values()].flatMap((r) => [...r.values()]).length, 3);
  }
});

test("I4: what was never sent and presumes what is not there any more is refused by the server, and run again", async () => {
  const { net, disk, other, p, board } = await drawing();
  net.model.forgetful = true;
  net.cut(p.c);
  const lost = once.submit(board, "x");
  const behind = put.submit(board, { path: ["copy"], value: 1 });
  const reads = next.submit(board, null);
  await turn();
  const keep = disk.get(`work/${reads.id}`);
  const second = next.submit(board, null); // presumes reads
  await turn();
  p.kill();
  assert.ok(keep.length > 0);
  disk.put("dstm", `work/${reads.id}`, null); // it committed, and the page was gone before it could say more
  await net.until(other.update((tx) => tx.set(["n"], 41)));
  const page = new Page(net, disk);
  assert.deepEqual(page.c.works.map((w) => w.id), [lost.id, behind.id, second.id]);
  page.connect();
  await net.sync();
  assert.deepEqual([value(net, "n"), value(net, "text"), page.c.works.length], [42, "x", 0]);
});

test("I4: what the record calls never sent was sent all the same: it is not done twice, whatever became of what it presumes", async () => {
  const { net, disk, p, board } = await drawing();
  net.model.forgetful = true;
  net.cut(p.c);
  const before = next.submit(board, null);
  const work = next.submit(board, null); // presumes before
  await turn();
  const records = [before, work].map((w) => [`work/${w.id}`, disk.get(`work/${w.id}`)] as const);
  p.connect();
  await net.until(work.done);
  p.kill();
  const [gone, kept] = records as [(typeof records)[0], (typeof records)[0]];
  disk.put("dstm", gone[0], null);
  disk.put("dstm", kept[0], kept[1]); // as a storage that failed would still have it
  const page = new Page(net, disk);
  page.connect();
  await net.sync();
  assert.deepEqual([value(net, "n"), page.c.works.length], [2, 0]);
});

/** A page whose storage is slow: what is stored there as never sent was refused here, since what it presumes lost, and an update stands behind it. */
async function refusedUnsent(): Promise<{ net: Net; disk: Disk; p: Page; update: Promise<unknown> }> {
  const { net, disk, other, p, board } = await drawing();
  next.submit(board, null);
  await turn();
  assert.equal(p.sent(7).length, 1);
  net.cut(p.c); // it does not arrive
  next.submit(board, null); // presumes it
  await turn();
  const update = board.update((tx) => tx.add(["total"], 1));
  update.catch(() => undefined);
  await net.until(other.update((tx) => tx.set(["n"], 10)));
  p.storage.slow = true;
  p.connect();
  await net.sync();
  return { net, disk, p, update };
}

test("I4: nothing goes before it is stored that what would go first, and was refused here, does not go any more", async () => {
  const { net, disk, p, update } = await refusedUnsent();
  assert.deepEqual([value(net, "n"), value(net, "total"), p.sent(7).length], [10, undefined, 0]);
  p.kill(); // that write is lost
  update.catch(() => undefined);
  const second = new Page(net, disk);
  second.connect();
  await net.sync();
  assert.deepEqual([value(net, "n"), second.c.works.length, second.c.inbox.items.length, net.model.faults], [12, 0, 0, []]);
});

test("I4: when that is stored, or the storage fails, it goes", async () => {
  for (const fails of [false, true]) {
    const { net, p, update } = await refusedUnsent();
    net.model.forgetful = fails;
    if (fails) p.storage.fail();
    p.storage.slow = false;
    while (p.storage.step()) await turn();
    await net.until(update);
    assert.deepEqual([value(net, "n"), value(net, "total"), net.model.faults], [fails ? 10 : 12, 1, []]);
    p.c.close();
  }
});

test("I5: what lost is run again, in the order of the submissions", async () => {
  const { net, other, p, board } = await drawing();
  net.cut(p.c);
  const order: string[] = [];
  const works = [next.submit(board, null), next.submit(board, null), next.submit(board, null)];
  works.forEach((w, i) => void w.done.then(() => order.push(String(i))));
  await net.until(other.update((tx) => tx.set(["n"], 10)));
  p.connect();
  await net.until(Promise.all(works.map((w) => w.done)));
  assert.deepEqual([value(net, "n"), order], [13, ["0", "1", "2"]]);
  const versions = works.map((w) => w.commits[0]?.version);
  assert.deepEqual(versions, [2, 3, 4]);
});

test("I5: a lost one of one attempt goes to the inbox with base, mine and theirs; what it throws later too", async () => {
  const { net, disk, other, p, board } = await drawing();
  await net.until(other.update((tx) => (tx.set(["text"], "base"), tx.set(["left"], 3))));
  net.cut(p.c);
  const lost = once.submit(board, "mine");
  const thrown = take.submit(board, 2);
  assert.throws(() => take.submit(board, 2), /only 1 left/);
  await net.until(other.update((tx) => (tx.set(["text"], "theirs"), tx.set(["left"], 1))));
  let told = 0;
  p.c.inbox.onChange(() => told++);
  p.connect();
  await net.until(assert.rejects(lost.done, is("dstm.conflict")));
  await net.until(assert.rejects(thrown.done, /only 1 left/));
  assert.ok(told > 0 && lost.error?.is("dstm.conflict"));
  const check = (page: Page): void => {
    const [a, b] = page.c.inbox.items;
    assert.deepEqual([a?.id, a?.name, a?.input, a?.objects, a?.error.reason], [lost.id, "once", "mine", ["board"], "dstm.conflict"]);
    assert.deepEqual(a?.differences, [{ object: "board", path: ["text"], base: "base", mine: "mine", theirs: "theirs", elided: false }]);
    assert.deepEqual([b?.error.message, b?.differences[0]?.theirs], ["only 1 left", 1]);
    assert.equal(page.c.inbox.items, page.c.inbox.items);
    assert.ok(Object.isFrozen(page.c.inbox.items) && Object.isFrozen(a) && Object.isFrozen(a?.differences));
  };
  check(p);
  await turn();
  p.kill();
  const second = new Page(net, disk);
  check(second);
  const again = await second.open();
  assert.throws(() => second.c.inbox.retry(thrown.id), /only 1 left/);
  assert.equal(second.c.inbox.items.length, 2);
  const edited = second.c.inbox.retry(thrown.id, 1);
  const retried = second.c.inbox.retry(lost.id);
  assert.deepEqual([again.snapshot(["text"]), again.snapshot(["left"])], ["mine", 0]);
  assert.deepEqual(disk.keys("inbox/").length, 2); // nothing has been written yet
  await turn();
  assert.deepEqual([disk.keys("inbox/"), disk.keys("work/").length], [[], 2]);
  second.kill();
  const third = new Page(net, disk);
  third.connect();
  await net.until(Promise.all(third.c.works.map((w) => w.done)));
  assert.deepEqual([value(net, "text"), value(net, "left"), edited.id !== thrown.id, retried.name], ["mine", 0, true, "once"]);
  assert.throws(() => third.c.inbox.retry(lost.id), is("dstm.invalid"));
});

test("I5: denied, invariants and what is too large end in the inbox; busy and closed do not", async () => {
  const { net, disk, p, board } = await drawing();
  net.model.refusals.push([10, "dstm.denied", "no"], [9, "bank.overdrawn", "no", { by: 3 }, false], [8, "dstm.too_large", "no"], [8, "dstm.busy", "later"], [14, "dstm.closed", "later", null, false]);
  const works = [1, 2, 3, 4, 5].map((n) => put.submit(board, { path: [`k${n}`], value: n }));
  await net.sync();
  assert.deepEqual(p.c.inbox.items.map((i) => i.error.reason), ["dstm.denied", "bank.overdrawn", "dstm.too_large"]);
  assert.deepEqual(p.c.inbox.items[1]?.error.details, Object.assign(Object.create(null), { by: 3 }));
  assert.deepEqual(p.c.works.map((w) => w.id), works.slice(3).map((w) => w.id));
  assert.equal(board.pending.count, 2);
  net.cut(p.c); // closed is asked for in the next session
  for (const records of net.model.records.values()) records.clear();
  p.connect();
  await net.until(Promise.all(works.slice(3).map((w) => w.done)));
  assert.deepEqual([value(net, "k4"), value(net, "k5"), value(net, "k1")], [4, 5, undefined]);
  assert.deepEqual([works[0]?.id as string, works[0]?.id as string, "nothing"].map((id) => p.c.inbox.discard(id)), [true, false, false]);
  await turn();
  assert.equal(disk.keys("inbox/").length, 2);
});

test("I5: what a store that closes refuses is asked for again in the next session, whatever it says, and nothing overtakes it", async () => {
  for (const unknown of [false, true]) {
    const { net, p, board } = await drawing();
    net.model.refusals.push([14, "dstm.closed", "closing", null, unknown]);
    const work = add.submit(board, 1);
    await net.sync();
    const behind = add.submit(board, 2);
    await net.sync();
    assert.deepEqual([p.c.works.length, p.c.inbox.items.length, value(net, "total")], [2, 0, undefined]);
    net.cut(p.c);
    for (const records of net.model.records.values()) records.clear(); // it had not got that far
    p.connect();
    await net.until(Promise.all([work.done, behind.done]));
    assert.deepEqual([value(net, "total"), net.model.faults, work.commits[0]?.version, behind.commits[0]?.version], [3, [], 1, 2]);
  }
});

test("I5: a server that was restored from a backup: what may have been sent is unknown, what was not is run", async () => {
  const { net, disk, p, board } = await drawing();
  await net.until(next.submit(board, null).done);
  const doubtful = next.submit(board, null);
  await turn();
  net.cut(p.c); // on its way
  await turn();
  const fresh = put.submit(board, { path: ["fresh"], value: true });
  await turn();
  p.kill();
  net.model.restore("e2", { board: 0 });
  const second = new Page(net, disk);
  second.connect();
  await net.sync();
  assert.deepEqual(second.c.inbox.items.map((i) => [i.id, i.error.reason, i.error.unknown]), [[doubtful.id, "dstm.outcome_unknown", true]]);
  assert.deepEqual([value(net, "n"), value(net, "fresh"), second.c.works.length, fresh.durable], [undefined, true, 0, true]);
  const again = second.c.inbox.retry(doubtful.id); // somebody has looked
  await net.until(again.done);
  assert.equal(value(net, "n"), 1);
});

test("an epoch that comes back: what was sent before is unknown, though the page does not remember it", async () => {
  const { net, disk, p, board } = await drawing();
  await net.until(next.submit(board, null).done);
  const doubtful = add.submit(board, 1);
  await turn();
  net.cut(p.c); // on its way
  net.model.restore("e2", { board: 0 });
  p.connect();
  await turn();
  net.send(p.c, 1); // the opening, not the transaction
  net.receive(p.c);
  const other = put.submit(board, { path: ["x"], value: 1 });
  await other.stored; // and with it the state of the other epoch
  p.kill();
  net.model.restore("e1", { board: 0 }); // the older copy once more
  const second = new Page(net, disk);
  second.connect();
  await net.sync();
  const unknown = ["dstm.outcome_unknown", true];
  assert.deepEqual(second.c.inbox.items.map((i) => [i.id, i.error.reason, i.error.unknown]), [[doubtful.id, ...unknown], [other.id, ...unknown]]);
  assert.deepEqual([value(net, "total"), value(net, "x"), second.c.works.length], [undefined, undefined, 0]);
});

test("what was refused while no connection was to come is done when one comes after all", async () => {
  const { net, disk, p, board } = await drawing();
  net.cut(p.c);
  const update = board.update((tx) => tx.set(["n"], 5));
  next.submit(board, null); // presumes the update
  await turn();
  p.c.finish(new TrefoilError(Code.Unavailable, "transport.closed", "closed"));
  await assert.rejects(update);
  p.connect();
  await net.sync();
  assert.deepEqual([value(net, "n"), p.c.works.length, disk.keys("work/")], [1, 0, []]);
});

test("a permission that was revoked meanwhile: denied, and nothing is kept of the object", async () => {
  const { net, disk, p, board } = await drawing();
  net.cut(p.c);
  const work = add.submit(board, 1);
  await turn();
  p.kill();
  assert.deepEqual(disk.keys("replica/"), ["replica/board"]);
  net.model.denied.add("board");
  const second = new Page(net, disk);
  const shown = await second.c.open("board");
  assert.equal(shown.snapshot(["total"]), 1);
  second.connect();
  await net.sync();
  assert.ok(shown.error?.is("dstm.denied"));
  assert.deepEqual(second.c.inbox.items.map((i) => [i.id, i.error.reason]), [[work.id, "dstm.denied"]]);
  await new Promise((resolve) => setTimeout(resolve, 0));
  await turn();
  assert.deepEqual([disk.keys("replica/"), disk.keys("used/"), disk.keys("tail/"), disk.keys("work/")], [[], [], [], []]);
});

test("a connection with another key than the storage is not used: the server would not recognise what was sent", async () => {
  const { net, disk } = await scene();
  const p = new Page(net, disk);
  const stranger = new DiskStorage(new Disk());
  stranger.disk.key.fill(9);
  assert.throws(() => p.c.attach(new FakeSession(clientId(stranger.disk.key))), is("dstm.invalid"));
  p.connect();
  assert.equal((await p.open()).head.version, 0);
});

test("I6: a storage that fails is told of, and work goes on without it", async () => {
  const { net, disk, p, board } = await drawing();
  const problems: string[] = [];
  p.storage.onProblem((e) => problems.push(e?.reason ?? ""));
  p.storage.fail();
  const work = add.submit(board, 1);
  assert.deepEqual([await work.stored, work.durable, p.c.storageError?.reason], [false, false, "transport.storage_full"]);
  await net.until(work.done);
  net.cut(p.c);
  const offline = add.submit(board, 2);
  await turn();
  p.connect();
  await net.until(offline.done);
  const anonymous = board.update((tx) => tx.add(["total"], 4));
  await net.until(anonymous);
  assert.deepEqual([value(net, "total"), problems, p.c.works.length, disk.keys("work/")], [7, ["transport.storage_full"], 0, []]);
  p.c.close();
});

test("a record of an older copy, which wrongly says never sent, is found out: it does not happen twice", async () => {
  const { net, disk, p, board } = await drawing();
  net.cut(p.c);
  const work = next.submit(board, null);
  await turn();
  const copy = new Map(disk.spaces.get("dstm"));
  p.connect();
  await net.until(work.done);
  await net.until(board.update((tx) => tx.add(["total"], 1))); // settles it
  p.kill();
  disk.spaces.set("dstm", copy);
  const second = new Page(net, disk);
  second.connect();
  net.model.handle = ((handle) => (l, f, links) => {
    // As a real server has it: the outcome is forgotten.
    if (f[1] === 7) l.toClient.push([3, 9, "log", f[3] as number, [9, "dstm.stale_sequence", "old"], null]);
    else handle.call(net.model, l, f, links);
  })(net.model.handle);
  await net.sync();
  assert.deepEqual([value(net, "n"), second.c.works.length], [1, 0]);
  assert.deepEqual(second.c.inbox.items.map((i) => [i.id, i.error.reason, i.error.unknown]), [[work.id, "dstm.stale_sequence", true]]);
});

test("queue and inbox are bounded; nothing is dropped to make room", async () => {
  const { net, disk } = await scene();
  const p = new Page(net, disk, { maxPending: 3 });
  p.connect();
  const board = await p.open();
  net.model.denied.add("board");
  await net.until(assert.rejects(add.submit(board, 1).done));
  net.model.denied.delete("board");
  net.cut(p.c);
  add.submit(board, 2);
  add.submit(board, 4);
  assert.throws(() => add.submit(board, 8), is("dstm.busy"));
  const [item] = p.c.inbox.items;
  assert.ok(item);
  p.c.inbox.retry(item.id); // takes no more room
  assert.throws(() => add.submit(board, 8), is("dstm.busy"));
  await turn();
  p.kill();
  const second = new Page(net, disk, { maxPending: 3 });
  second.connect();
  await net.sync();
  assert.equal(value(net, "total"), 7);
});

test("the bytes of the queue are bounded too", async () => {
  const { net, p, board } = await drawing();
  net.cut(p.c);
  const big = "x".repeat(500_000);
  let taken = 0;
  assert.throws(() => {
    for (; taken < 100; taken++) {
      once.submit(board, big);
      p.storage.disk.spaces.get("dstm")?.clear();
    }
  }, is("dstm.busy"));
  assert.ok(taken > 10 && taken < 40, String(taken));
});

test("a clock that is a day off, both ways", async () => {
  const { net, disk } = await scene();
  const real = Date.now;
  try {
    for (const day of [0, 1, -1, 0]) {
      Date.now = () => real() + day * 86_400_000;
      const p = new Page(net, disk);
      p.connect();
      const board = await p.open();
      await net.until(add.submit(board, 1).done);
      await net.until(board.update((tx) => tx.add(["total"], 1)));
      net.cut(p.c);
      add.submit(board, 1);
      await turn();
      p.kill();
    }
    Date.now = real;
    const last = new Page(net, disk);
    last.connect();
    await net.sync();
    assert.deepEqual([value(net, "total"), last.c.inbox.items.length, net.model.faults], [12, 0, []]);
  } finally {
    Date.now = real;
  }
});

test("an edit that was confirmed is not shown twice after a restart between its change and its answer", async () => {
  const { net, disk, p, board } = await drawing();
  add.submit(board, 5);
  await turn();
  net.send(p.c);
  net.receive(p.c, 1); // the change alone
  assert.equal(board.head.version, 1);
  const b = put.submit(board, { path: ["other"], value: 1 }); // writes what is confirmed
  await b.stored;
  p.kill();
  const second = new Page(net, disk);
  const shown = await second.c.open("board");
  assert.deepEqual([shown.head.version, shown.snapshot(["total"]), shown.snapshot(["other"])], [1, 5, 1]);
  second.connect();
  await net.sync();
  assert.deepEqual([value(net, "total"), value(net, "other"), second.c.works.length], [5, 1, 0]);
});

test("I2: a record stays until what is kept of the object contains its commit", async () => {
  const { net, disk, other, p, board } = await drawing();
  await turn();
  const theirs = other.update((tx) => tx.add(["theirs"], 1));
  net.send(net.clientOf(200));
  assert.equal(net.session(p.c).link.toClient.splice(0).length, 1); // their change is lost, so that what follows does not fit
  const work = add.submit(board, 1);
  await turn();
  net.send(p.c);
  net.receive(p.c);
  await turn();
  assert.deepEqual([work.state, board.head.version, board.snapshot(["total"])], ["committed", 0, 1]);
  p.kill();
  await net.until(theirs);
  const second = new Page(net, disk);
  assert.equal((await second.c.open("board")).snapshot(["total"]), 1);
  second.connect();
  await net.sync();
  assert.deepEqual([value(net, "total"), disk.keys("work/"), net.model.faults], [1, [], []]);
});

test("I5: an earlier one that waits goes before a later one of the same object", async () => {
  const { net, board } = await drawing();
  net.model.refusals.push([8, "dstm.busy", "later"], [10, "dstm.conflict", "lost"]);
  const works = [put.submit(board, { path: ["a"], value: 1 }), put.submit(board, { path: ["b"], value: 2 })];
  await net.until(Promise.all(works.map((w) => w.done)));
  assert.deepEqual(works.map((w) => w.commits[0]?.version), [1, 2]);
});

test("sequences are above all that were ever used, whatever the clock says, and are reserved before they are sent", async () => {
  const { net, disk } = await scene();
  disk.put("dstm", "ceiling", sealRecord("ceiling", [2 ** 52])); // a clock far ahead
  const p = new Page(net, disk);
  p.storage.slow = true;
  p.connect();
  const board = await p.open();
  const done = board.update((tx) => tx.add(["total"], 1));
  await net.sync();
  assert.equal(net.model.entries.length, 0);
  p.storage.step();
  await net.until(done);
  const sequence = net.model.entries[0]?.sequence as number;
  assert.ok(sequence > 2 ** 52);
  p.kill();
  const second = new Page(net, disk);
  second.connect();
  await net.until((await second.open()).update((tx) => tx.add(["total"], 1)));
  assert.ok((net.model.entries[1]?.sequence as number) > sequence);
});

test("a prediction that was taken back stays so", async () => {
  const { net, disk, other, p, board } = await drawing();
  next.submit(board, null);
  await turn();
  net.session(p.c).link.toServer.length = 0; // lost on the way, and nobody knows
  await net.until(other.update((tx) => tx.set(["n"], 7)));
  assert.equal(board.snapshot(["n"]), 7);
  put.submit(board, { path: ["x"], value: 1 });
  await turn();
  p.kill();
  const second = new Page(net, disk);
  const shown = await second.c.open("board");
  assert.deepEqual([shown.snapshot(["n"]), shown.snapshot(["x"])], [7, 1]);
  second.connect();
  await net.sync();
  assert.equal(value(net, "n"), 8);
});

test("a transaction whose name the program no longer knows is sent as it was recorded", async () => {
  const { net, disk, other, p, board } = await drawing();
  net.cut(p.c);
  const fine = put.submit(board, { path: ["fine"], value: 1 });
  const lost = next.submit(board, null);
  await turn();
  p.kill();
  await net.until(other.update((tx) => tx.set(["n"], 7)));
  const second = new Page(net, disk, { transactions: [add] });
  second.connect();
  await net.sync();
  assert.deepEqual([value(net, "fine"), value(net, "n")], [1, 7]);
  assert.deepEqual(second.c.inbox.items.map((i) => [i.id, i.name, i.error.reason]), [[lost.id, "next", "dstm.conflict"]]);
  assert.throws(() => second.c.inbox.retry(lost.id), is("dstm.invalid"));
  assert.ok(fine.durable);
});

test("a named transaction that has no storage lives as long as the page", async () => {
  const { net } = await scene();
  const c = net.client({ transactions: [add, next] });
  net.connect(c);
  const opening = c.open("board");
  await net.sync();
  const board = await opening;
  const work = add.submit(board, 1);
  assert.deepEqual([await work.stored, work.durable], [false, false]);
  await net.until(work.done);
  assert.throws(() => put.submit(board, { path: ["x"], value: 1 }), is("dstm.invalid"));
  const none = net.client();
  net.connect(none);
  const open = none.open("board");
  await net.sync();
  const plain = await open;
  assert.throws(() => add.submit(plain, 1), is("dstm.invalid"));
  assert.throws(() => none.works, is("dstm.invalid"));
  assert.deepEqual([c.storageError, none.storageError], [null, null]);
  c.close();
});

test("several objects, offline after a reload too", async () => {
  const { net, disk } = await scene();
  const move = transaction<number>("move", (tx, n) => {
    tx.add(["balance"], -n);
    tx.in(tx.objects[1] as string).add(["balance"], n);
  });
  const p = new Page(net, disk, { transactions: [move] });
  p.connect();
  const [a, b] = [await p.open("a"), await p.open("b")];
  const work = move.submit([a, b], 3);
  await net.until(work.done);
  assert.deepEqual(work.commits.map((c) => c.version), [1, 1]);
  await turn();
  p.kill();
  const second = new Page(net, disk, { transactions: [move] });
  const shown = await Promise.all([second.c.open("b"), second.c.open("a")]);
  move.submit([shown[1], shown[0]], 4);
  assert.deepEqual(shown.map((o) => o.snapshot(["balance"])), [7, -7]);
  await turn();
  second.kill();
  const third = new Page(net, disk, { transactions: [move] });
  const again = await third.c.open("b");
  assert.equal(again.snapshot(["balance"]), 7);
  third.connect();
  await net.sync();
  const balance = (name: string): unknown => net.model.object(name).root.find(["balance"])?.leaf;
  assert.deepEqual([balance("a"), balance("b"), third.c.works.length, net.model.faults], [-7, 7, 0, []]);
});

test("what a named transaction did can be undone once it has committed", async () => {
  const { net, board } = await drawing();
  const undo = new UndoStack(board);
  const work = put.submit(board, { path: ["title"], value: "new" });
  undo.follow(work);
  assert.equal(undo.canUndo, false);
  await net.until(work.done);
  assert.equal(undo.canUndo, true);
  await net.until(undo.undo());
  assert.equal(value(net, "title"), undefined);
  await net.until(undo.redo());
  assert.equal(value(net, "title"), "new");
});

test("a transaction that writes nothing is done at once; one that wants to wait cannot", async () => {
  const { net, disk } = await scene();
  const look = transaction<null>("look", (tx) => void tx.read(["n"]));
  const sleep = transaction<null>("sleep", (tx) => tx.retry());
  const p = new Page(net, disk, { transactions: [look, sleep] });
  p.connect();
  const board = await p.open();
  assert.equal((await look.submit(board, null).done).version, 0);
  assert.throws(() => sleep.submit(board, null), is("dstm.invalid"));
  assert.deepEqual([p.c.works.length, disk.keys("work/")], [0, []]);
});

test("what is kept of an object is opened also when the connection is over for good, and nothing else is", async () => {
  const { net, disk, p, board } = await drawing();
  await net.until(board.update((tx) => tx.set(["a"], 1)));
  const gone = new TrefoilError(Code.Unauthenticated, "transport.unauthenticated", "gone");
  net.cut(p.c);
  p.c.finish(gone);
  const beside = await p.c.open("board"); // it is still open
  board.close();
  beside.close();
  const again = await p.c.open("board"); // it is kept from when it was closed
  assert.equal(again.snapshot(["a"]), 1);
  assert.ok(is("transport.unauthenticated")(await again.update((tx) => tx.set(["a"], 2)).then(() => null, (e: unknown) => e)));
  await assert.rejects(p.c.open("other"), is("transport.unauthenticated"));
  await p.storage.close();

  const second = new Page(net, disk);
  second.c.finish(gone);
  const stored = await second.c.open("board"); // a process before has stored it
  assert.equal(stored.snapshot(["a"]), 1);
  second.c.close(); // by the program: then nothing is opened any more
  await assert.rejects(second.c.open("board"), TrefoilError);
  await second.storage.close();

  disk.put("dstm", "replica/board", Uint8Array.of(1, 2, 3));
  const third = new Page(net, disk);
  third.c.finish(gone);
  await assert.rejects(third.c.open("board"), is("transport.unauthenticated")); // what is kept cannot be read
  await assert.rejects(third.c.open("board"), is("transport.unauthenticated"));
});

test("an update that is not answered is seen again when its object was closed and is opened from what is kept", async () => {
  const { net, p, board } = await drawing();
  board.update((tx) => tx.add(["n"], 1)).catch(() => undefined);
  board.update((tx) => tx.set(["m"], { x: 5 })).catch(() => undefined);
  board.update((tx) => tx.set(["m", "x"], (tx.read(["m", "x"]) as number) + 1)).catch(() => undefined);
  net.send(p.c);
  net.cut(p.c); // the answers are lost
  board.update((tx) => tx.set(["unsent"], 1)).catch(() => undefined);
  board.close(); // that takes back what was never sent
  const again = await p.c.open("board");
  assert.deepEqual([again.snapshot(["n"]), again.snapshot(["m", "x"])], [1, 6]);
  assert.deepEqual([again.pending.count, again.pending.paths], [3, [["n"], ["m"], ["m", "x"]]]);
  assert.equal(again.snapshot(["unsent"]), undefined);
  p.connect();
  await net.sync();
  assert.deepEqual([again.snapshot(["n"]), again.snapshot(["m", "x"]), again.pending.count], [1, 6, 0]);
  assert.deepEqual([value(net, "n"), value(net, "m", "x")], [1, 6]);
});

test("what an object held already when it was closed is not shown above it once more, though no answer has come", async () => {
  const { net, p, board } = await drawing();
  board.update((tx) => tx.add(["n"], 1)).catch(() => undefined);
  net.send(p.c);
  net.receive(p.c, 1); // the change, not the answer
  net.cut(p.c);
  assert.equal(board.head.version, 1);
  board.close();
  const again = await p.c.open("board");
  assert.deepEqual([again.snapshot(["n"]), again.pending.paths], [1, []]);
  p.connect();
  await net.sync();
  assert.deepEqual([again.snapshot(["n"]), value(net, "n")], [1, 1]);
});
