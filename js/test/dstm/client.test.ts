import assert from "node:assert/strict";
import { test } from "node:test";
import { conflictPaths, variable, type Change, type SharedObject } from "../../src/dstm/index.ts";
import type { Client } from "../../src/dstm/client.ts";
import { Code, TrefoilError } from "../../src/status.ts";
import { Net } from "./net.ts";

async function open(net: Net, c: Client, name = "board"): Promise<SharedObject> {
  const opening = c.open(name);
  await net.sync();
  return opening;
}

/** A client with an object open. */
async function start(net = new Net(), options = {}): Promise<{ net: Net; c: Client; board: SharedObject }> {
  const c = net.client(options);
  net.connect(c);
  return { net, c, board: await open(net, c) };
}

const hello = variable<string>("hello");

test("the scene of the talk", async () => {
  const { net, c: a, board: mine } = await start();
  const b = net.client();
  net.connect(b);
  const theirs = await open(net, b);
  const first = theirs.update((tx) => hello.at().set(tx, "world"));
  let runs = 0;
  const second = mine.update((tx) => {
    runs++;
    hello.at().get(tx);
    hello.at().set(tx, "code camp");
  });
  assert.equal(mine.snapshot()["hello"], "code camp"); // shown at once
  net.send(b);
  net.send(a);
  await net.sync();
  assert.equal((await first).version, 1);
  assert.deepEqual(await second, { log: "log", epoch: "e1", version: 2, position: 2 });
  assert.equal(runs, 2);
  for (const board of [mine, theirs]) {
    assert.deepEqual({ ...board.snapshot() }, { hello: "code camp" });
    assert.equal(board.head.version, 2);
  }
});

test("a conflict carries its paths after the last attempt", async () => {
  const { net, c, board } = await start();
  const b = net.client();
  net.connect(b);
  const theirs = await open(net, b);
  const first = theirs.update((tx) => tx.set(["n"], 1));
  const second = board.update((tx) => tx.set(["n"], 2), { maxAttempts: 1 });
  net.send(b);
  net.send(c);
  const failed = assert.rejects(second, (e) => {
    assert.ok(e instanceof TrefoilError && e.is("dstm.conflict") && e.is(Code.Aborted) && !e.unknown);
    assert.deepEqual(conflictPaths(e), [["some", "path"]]);
    return true;
  });
  await net.sync();
  await first;
  await failed;
  assert.equal(board.snapshot()["n"], 1);
});

test("what has not changed keeps its identity, through predictions, answers and snapshots", async () => {
  const { net, c, board } = await start();
  const setup = board.update((tx) => tx.set([], { left: { deep: { x: 1 } }, right: { list: [1, { k: Uint8Array.of(1) }], y: 1 } }));
  await net.sync();
  await setup;
  const at = (): any[] => {
    const s = board.snapshot() as any;
    return [s, s.left, s.left.deep, s.right, s.right.list];
  };
  const one = at();
  assert.equal(board.snapshot(), one[0]);
  assert.equal(board.snapshot(["left", "deep"]), one[2]);
  assert.equal(board.snapshot(["left", "no", "where"]), undefined);
  assert.ok(Object.isFrozen(one[0]) && Object.isFrozen(one[4]));

  const done = board.update((tx) => tx.set(["left", "deep", "x"], 2));
  board.view((tx) => tx.read([])); // must not disturb
  const two = at();
  assert.deepEqual(two.map((v, i) => v === one[i]), [false, false, false, true, true]);
  await net.sync();
  await done;
  assert.deepEqual(at().map((v, i) => v === two[i]), [true, true, true, true, true]); // confirmed: nothing to see

  net.cut(c);
  net.model.forget = 100;
  net.connect(c);
  await net.sync();
  assert.deepEqual(at().map((v, i) => v === two[i]), [true, true, true, true, true]); // a snapshot of the same

  const undone = board.update((tx) => tx.set(["left", "deep", "x"], 2));
  await net.sync();
  await undone;
  assert.deepEqual(at().map((v, i) => v === two[i]), [true, true, true, true, true]); // set to what it was
});

test("pending says how many, and what they show", async () => {
  const { net, board } = await start();
  let told = 0;
  const stop = board.subscribe(() => told++);
  const before = board.pending;
  assert.deepEqual(before, { count: 0, paths: [] });
  const both = Promise.all([board.update((tx) => tx.set(["a"], 1)), board.update((tx) => tx.add(["b"], 1))]);
  assert.deepEqual(board.pending, { count: 2, paths: [["a"], ["b"]] });
  assert.equal(board.pending, board.pending);
  assert.equal(told, 2);
  assert.equal(board.head.version, 0);
  await net.sync();
  await both;
  assert.deepEqual(board.pending, { count: 0, paths: [] });
  assert.equal(board.head.version, 2);
  const heard = told;
  assert.ok(heard > 2); // that nothing is pending any more
  stop();
  const more = board.update((tx) => tx.add(["b"], 1));
  await net.sync();
  await more;
  assert.equal(told, heard);
});

test("offline: view goes on, updates queue, show at once and are sent later", async () => {
  const { net, c, board } = await start(new Net(), { maxPending: 3 });
  net.cut(c);
  const done = [1, 2, 3].map((n) => board.update((tx) => tx.set(["n"], ((tx.read(["n"]) ?? 0) as number) + n)));
  assert.equal(board.view((tx) => tx.read(["n"])), 6);
  await assert.rejects(board.update((tx) => tx.set(["n"], 0)), { reason: "dstm.busy" });
  net.connect(c);
  await net.sync();
  assert.deepEqual((await Promise.all(done)).map((commit) => commit.version), [1, 2, 3]);
  assert.equal(net.model.object("board").root.find(["n"])?.leaf, 6);
});

test("long chains of transactions that depend on each other go out after an outage", async () => {
  const { net, c, board } = await start();
  net.cut(c);
  const increase = (key: string) => board.update((tx) => tx.set([key], ((tx.read([key]) ?? 0) as number) + 1));
  const done = ["x", "y", "z"].flatMap((key) => Array.from({ length: 60 }, () => increase(key)));
  net.connect(c);
  await net.until(Promise.all(done));
  assert.deepEqual({ ...board.snapshot() }, { x: 60, y: 60, z: 60 });
  net.cut(c);
  const chain = Array.from({ length: 65 }, () => increase("w"));
  await assert.rejects(increase("w"), { reason: "dstm.busy" }); // a transaction names at most 64 others
  net.connect(c);
  await net.until(Promise.all(chain));
  assert.equal(board.snapshot()["w"], 65); // the last one did not fit behind the others, and ran again
});

test("what may have been sent is sent again and takes effect once", async () => {
  const { net, c, board } = await start();
  const done = board.update((tx) => tx.add(["n"], 1));
  net.send(c); // the answer is lost
  net.cut(c);
  const later = board.update((tx) => tx.add(["n"], 10));
  assert.equal(board.snapshot()["n"], 11);
  net.connect(c);
  await net.sync();
  assert.deepEqual([(await done).version, (await later).version], [1, 2]);
  assert.equal(board.snapshot()["n"], 11);
  assert.equal(net.model.entries.length, 2);
});

test("changes tell each difference once, with its author", async () => {
  const { net, board } = await start();
  const b = net.client();
  net.connect(b);
  const theirs = await open(net, b);
  const seen: Change[] = [];
  const stop = theirs.onChange((change) => seen.push(change), ["m"]);
  const iterating = (async () => {
    const got: string[] = [];
    for await (const change of board.changes(["m"])) {
      got.push(`${change.path.join("/")} ${JSON.stringify(change.old)} ${JSON.stringify(change.new)} ${change.origin} ${change.version}`);
      if (got.length === 2) return got;
    }
    return got;
  })();
  const mine = board.update((tx) => {
    tx.set(["other"], 1);
    tx.set(["m", "x"], 1);
  });
  await net.sync();
  await mine;
  const theirsDone = theirs.update((tx) => tx.set(["m", "x"], 2));
  await net.sync();
  await theirsDone;
  assert.deepEqual(await iterating, ['m undefined {"x":1} mine 0', "m/x 1 2 remote 2"]);
  assert.deepEqual(seen.map((s) => [s.path, s.origin, s.version]), [[["m"], "remote", 1], [["m", "x"], "mine", 1]]);
  stop();
});

test("a slow consumer gets one reset; a signal and the end of the object end it", async () => {
  const { net, board } = await start();
  const slow = board.changes()[Symbol.asyncIterator]();
  const aborted = new AbortController();
  const other = board.changes([], { signal: aborted.signal })[Symbol.asyncIterator]();
  const done = board.update((tx) => {
    for (let i = 0; i < 2000; i++) tx.overwrite([`k${i}`], i);
  });
  await net.sync();
  await done;
  const first = await slow.next();
  assert.equal(first.value?.origin, "reset");
  assert.equal(Object.keys(first.value?.new as object).length, 2000);
  aborted.abort();
  assert.equal((await other.next()).done, true);
  const ending = slow.next();
  board.close();
  await assert.rejects(ending, { reason: "dstm.closed" });
  assert.equal((await slow.next()).done, true);
});

test("what is folded begins where the consumer stands", async () => {
  const { net, board } = await start();
  const slow = board.changes(["n"])[Symbol.asyncIterator]();
  const set = (from: number, to: number): Promise<unknown> =>
    Promise.all(Array.from({ length: to - from }, (_, i) => board.update((tx) => tx.overwrite(["n"], from + i))));
  const first = set(1, 1001);
  for (let n = 1; n <= 500; n++) assert.equal((await slow.next()).value?.new, n);
  await net.until(first);
  await net.until(set(1001, 1601));
  const { value } = await slow.next();
  assert.deepEqual([value?.origin, value?.old, value?.new], ["reset", 500, 1600]);
});

test("listeners may do everything, and one that throws disturbs nobody", async (t) => {
  const { net, board } = await start();
  const thrown: unknown[] = [];
  const before = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.once("uncaughtException", (e) => thrown.push(e));
  t.after(() => before.forEach((l) => process.on("uncaughtException", l)));
  const log: string[] = [];
  let inner: Promise<unknown> | undefined;
  board.onChange(() => {
    throw new Error("mine");
  }, ["a"]);
  board.onChange((change) => {
    log.push(`${change.path.join()} ${String(change.new)}`);
    if (change.path[0] === "a") inner = board.update((tx) => tx.set(["b"], 1));
  });
  const outer = board.update((tx) => tx.set(["a"], 1));
  await net.sync();
  await Promise.all([outer, inner]);
  assert.deepEqual(log, ["a 1", "b 1"]);
  assert.equal((thrown[0] as Error).message, "mine");
});

test("a signal ends waits: what was never sent is taken back, the rest is unknown", async () => {
  const { net, c, board } = await start();
  const aborter = new AbortController();
  const { signal } = aborter;
  const sent = board.update((tx) => tx.add(["n"], 1), { signal });
  net.send(c);
  net.cut(c);
  const unsent = board.update((tx) => tx.add(["n"], 10), { signal });
  const opening = c.open("other", { signal });
  const waiting = board.wait(5, { signal });
  aborter.abort();
  await assert.rejects(sent, { code: Code.Canceled, unknown: true });
  await assert.rejects(unsent, { code: Code.Canceled, unknown: false });
  await assert.rejects(opening, { code: Code.Canceled });
  await assert.rejects(waiting, { code: Code.Canceled });
  await assert.rejects(board.update(() => undefined, { signal }), { code: Code.Canceled });
  await assert.rejects(c.open("other", { signal: AbortSignal.abort(new DOMException("late", "TimeoutError")) }), { code: Code.DeadlineExceeded });
  net.connect(c);
  await net.sync();
  assert.equal(board.snapshot()["n"], 1);
  await board.wait(1);
});

test("objects of one name share a replica; the last one closes it", async () => {
  const { net, c, board } = await start();
  const again = await c.open("board");
  board.close();
  board.close();
  assert.ok(board.error?.is("dstm.closed"));
  assert.deepEqual({ ...board.snapshot() }, {});
  assert.throws(() => board.view(() => 1), { reason: "dstm.closed" });
  await assert.rejects(board.update(() => undefined), { reason: "dstm.closed" });
  const done = again.update((tx) => tx.set(["n"], 1));
  await net.sync();
  await done;
  again.close();
  net.send(c);
  assert.equal(net.session(c).link.open.has("board"), false);
  const once = await open(net, c); // the close is before this open in their stream
  assert.equal(once.snapshot()["n"], 1);
});

test("closing with transactions under way", async () => {
  const { net, c, board } = await start();
  const sent = board.update((tx) => tx.add(["n"], 1));
  net.send(c);
  c.close();
  await assert.rejects(sent, { reason: "dstm.closed", unknown: true });
  await assert.rejects(c.open("x"), { reason: "dstm.closed" });
});

test("the end of the connection for good ends what waits; what is open stays readable", async () => {
  const { net, c, board } = await start();
  const sent = board.update((tx) => tx.set(["n"], 1));
  net.send(c);
  net.cut(c);
  const chain = [board.update((tx) => tx.set(["n"], 2)), board.update((tx) => tx.set(["n"], 3))];
  const opening = c.open("other");
  const waiting = [board.wait(9), board.update((tx) => tx.retry()), board.viewAt(1, () => 1)];
  const why = new TrefoilError(Code.PermissionDenied, "transport.denied", "go away");
  c.finish(why);
  for (const p of waiting) await assert.rejects(p, why);
  await assert.rejects(board.update((tx) => tx.retry()), why);
  await assert.rejects(sent, { code: Code.PermissionDenied, unknown: true });
  for (const p of chain) await assert.rejects(p, { code: Code.PermissionDenied, unknown: false });
  await assert.rejects(opening, why);
  assert.equal(board.snapshot()["n"], 1); // it may have been done
});

test("refusals of the server and of opening", async () => {
  const { net, c, board } = await start();
  const denied = board.update((tx) => tx.set(["n"], 1));
  net.give(c, [3, 6, "log", "board", [7, "dstm.denied", "taken away"]]);
  assert.ok(board.error?.is("dstm.denied"));
  assert.equal(board.head.version, 0);
  await net.sync();
  assert.equal((await denied).version, 1); // the server answers what was sent also when it takes the object away
  const opening = c.open("secret");
  net.give(c, [3, 3, "", 2, "secret", [7, "dstm.denied", "no"]]);
  await assert.rejects(opening, { reason: "dstm.denied", code: Code.PermissionDenied });
  await assert.rejects(c.open("bad\nname"), { reason: "dstm.invalid" });
});

test("a full queue waits for its drain; a frame that is too large fails its transaction", async () => {
  const net = new Net();
  const c = net.client();
  const session = net.connect(c);
  const board = await open(net, c);
  session.refusal = new TrefoilError(Code.ResourceExhausted, "transport.full", "full");
  const done = board.update((tx) => tx.set(["n"], 1));
  assert.equal(session.link.toServer.length, 0);
  session.refusal = null;
  session.drains.splice(0).forEach((fn) => fn());
  await net.sync();
  await done;
  session.refusal = new TrefoilError(Code.ResourceExhausted, "transport.frame_too_large", "large");
  await assert.rejects(board.update((tx) => tx.set(["n"], 2)), { reason: "dstm.too_large" });
  session.refusal = null;
  assert.equal(board.snapshot()["n"], 1);
  await assert.rejects(board.update((tx) => tx.set(["n"], "x".repeat(600_000))), { reason: "dstm.too_large" });
});

test("misuse", async () => {
  const { net, board } = await start();
  await assert.rejects(board.update((tx) => tx.set(["n"], 1), { maxAttempts: 0 }), { reason: "dstm.invalid" });
  await assert.rejects(board.update(() => undefined, { metadata: { k: "v".repeat(5000) } }), { reason: "dstm.invalid" });
  await assert.rejects(board.update(async () => undefined), { reason: "dstm.invalid" });
  await assert.rejects(board.update(() => { throw new RangeError("mine"); }), RangeError);
  assert.throws(() => board.changes([""]), { reason: "dstm.invalid" });
  assert.throws(() => net.client({ maxPending: 0 }), { reason: "dstm.invalid" });
  assert.deepEqual(await board.update((tx) => void tx.read(["n"])), board.head); // nothing written: nothing sent
});
