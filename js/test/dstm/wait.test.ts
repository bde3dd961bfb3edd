import assert from "node:assert/strict";
import { test } from "node:test";
import { updateAll, viewAll, type SharedObject, type Tx } from "../../src/dstm/index.ts";
import type { Client } from "../../src/dstm/client.ts";
import { Code, TrefoilError } from "../../src/status.ts";
import { Net } from "./net.ts";

/** A client with objects open. */
async function start(net: Net, ...names: string[]): Promise<{ c: Client; objects: SharedObject[] }> {
  const c = net.client();
  net.connect(c);
  const opening = Promise.all(names.map((name) => c.open(name)));
  await net.sync();
  return { c, objects: await opening };
}

/** Counts the runs of a function. */
function counted(fn: (tx: Tx) => void): { fn: (tx: Tx) => void; runs: () => number } {
  let n = 0;
  return { fn: (tx) => (n++, fn(tx)), runs: () => n };
}

const settled = async (p: Promise<unknown>): Promise<boolean> => Promise.race([p.then(() => true, () => true), new Promise<false>((r) => setImmediate(() => r(false)))]);

test("retry sleeps until something that was read changes", async () => {
  const net = new Net();
  const [mine, theirs] = [(await start(net, "board")).objects[0]!, (await start(net, "board")).objects[0]!];
  const take = counted((tx) => {
    const [key] = tx.keys(["queue"]);
    if (key === undefined) tx.retry();
    else tx.delete(["queue", key]);
  });
  const taking = mine.update(take.fn);
  const change = async (fn: (tx: Tx) => void): Promise<void> => {
    const done = theirs.update(fn);
    await net.sync();
    await done;
  };
  await change((tx) => tx.set(["other"], 1));
  await change((tx) => tx.set(["other"], 2));
  assert.deepEqual([take.runs(), await settled(taking)], [1, false]); // that woke nobody
  await change((tx) => tx.set(["queue", "job"], 1));
  await net.until(taking);
  assert.equal(take.runs(), 2);
  assert.deepEqual(theirs.snapshot(["queue"]), Object.create(null));
});

test("a guard wakes when its outcome changes, and an own prediction wakes too", async () => {
  const net = new Net();
  const { c, objects: [board] } = (await start(net, "board")) as { c: Client; objects: [SharedObject] };
  const rich = counted((tx) => {
    if (!tx.guard(["n"], ">=", 3)) tx.retry();
    tx.add(["n"], -3);
  });
  const done = board.update(rich.fn);
  const adds = [];
  for (let i = 0; i < 3; i++) {
    adds.push(board.update((tx) => tx.add(["n"], 1)));
    await new Promise((r) => setImmediate(r));
    assert.equal(rich.runs(), i < 2 ? 1 : 2);
  }
  assert.equal(net.session(c).link.toServer.at(-1)?.[10], 1); // a run that slept is no attempt that lost
  await net.until(Promise.all([done, ...adds]));
  assert.equal(board.snapshot()["n"], 0);
});

test("what was confirmed below another prediction does not wake by itself", async () => {
  const net = new Net();
  const { c, objects: [board] } = (await start(net, "board")) as { c: Client; objects: [SharedObject] };
  const under = [board.update((tx) => tx.set(["a"], 1)), board.update((tx) => tx.set(["b"], 1))];
  net.send(c, 1);
  net.receive(c); // the first is confirmed, the second was not even received there
  await under[0];
  const aborter = new AbortController();
  const look = counted((tx) => {
    tx.read(["a"]);
    if (look.runs() > 3) aborter.abort(); // it would run for ever
    tx.retry();
  });
  const sleeping = board.update(look.fn, { signal: aborter.signal });
  assert.deepEqual([await settled(sleeping), look.runs()], [false, 1]);
  await net.until(under[1]!);
  assert.deepEqual([await settled(sleeping), look.runs()], [false, 1]);
  aborter.abort();
  await assert.rejects(sleeping, { code: Code.Canceled });
});

test("orElse sleeps on what both have read", async () => {
  const net = new Net();
  const { objects: [a, b] } = await start(net, "a", "b") as { c: Client; objects: [SharedObject, SharedObject] };
  let from = "";
  const take = (o: SharedObject) => (tx: Tx): void => {
    const [job] = tx.in(o).keys(["jobs"]);
    if (job === undefined) tx.retry();
    tx.in(o).delete(["jobs", job as string]);
    from = o.name;
  };
  const taking = updateAll([a, b], (tx) => tx.orElse(take(a), take(b)));
  const put = b.update((tx) => tx.set(["jobs", "j"], 1));
  await net.until(Promise.all([taking, put]));
  assert.equal(from, "b");
});

test("a signal and the end of the object end a sleep", async () => {
  const net = new Net();
  const { objects: [board] } = await start(net, "board") as { c: Client; objects: [SharedObject] };
  const aborter = new AbortController();
  const sleeping = board.update((tx) => tx.retry(), { signal: aborter.signal });
  aborter.abort();
  await assert.rejects(sleeping, { code: Code.Canceled });
  const forever = board.update((tx) => tx.retry());
  board.close();
  await assert.rejects(forever, { reason: "dstm.closed" });
});

test("several objects change together, and a listener of one sees the other changed", async () => {
  const net = new Net();
  const { objects: [a, b] } = await start(net, "a", "b") as { c: Client; objects: [SharedObject, SharedObject] };
  const { objects: [x, y] } = await start(net, "a", "b") as { c: Client; objects: [SharedObject, SharedObject] };
  const seen: unknown[] = [];
  x.subscribe(() => seen.push([x.snapshot()["n"] ?? 0, y.snapshot()["n"] ?? 0]));
  const done = updateAll([a, b], (tx) => {
    tx.add(["n"], -5);
    tx.in(b).add(["n"], 5);
    assert.throws(() => tx.in(x), { reason: "dstm.invalid" });
  });
  await assert.rejects(done, { reason: "dstm.invalid" }); // also if the function catches that
  const moved = updateAll([a, b, a], (tx) => (tx.add(["n"], -5), tx.in(b).add(["n"], 5)));
  await net.until(moved);
  assert.deepEqual((await moved).map((c) => c.version), [1, 1, 1]);
  assert.ok(seen.length > 0 && seen.every((s) => String(s) === "-5,5"), String(seen));
  const half = updateAll([a, b], (tx) => (tx.read(["n"]), tx.in(b).add(["n"], 1)));
  await net.until(half);
  assert.deepEqual((await half).map((c) => c.version), [1, 2]); // a was read only
  const [other] = (await start(net, "b")).objects as [SharedObject];
  await assert.rejects(updateAll([a, other], () => undefined), { reason: "dstm.invalid" });
  await assert.rejects(updateAll([], () => undefined), { reason: "dstm.invalid" });
  const fails = updateAll([a, b], (tx) => {
    tx.add(["n"], 1);
    throw new RangeError("in the middle");
  });
  await assert.rejects(fails, RangeError);
  assert.equal(a.pending.count, 0);
});

test("what spans objects waits while they are not of one position", async () => {
  const net = new Net();
  const { c, objects: [a, b] } = await start(net, "a", "b") as { c: Client; objects: [SharedObject, SharedObject] };
  const [other, third] = (await start(net, "a", "b")).objects as [SharedObject, SharedObject];
  net.cut(c);
  assert.deepEqual(await viewAll([a, b], (tx) => tx.version + tx.in(b).version), 0); // at rest, it is of one
  const swap = updateAll([other, third], (tx) => (tx.add(["n"], 1), tx.in(third).add(["n"], -1)));
  await net.until(swap);
  net.connect(c);
  const sum = viewAll([a, b], (tx) => [tx.read(["n"]), tx.in(b).read(["n"])]);
  const both = updateAll([a, b], (tx) => (tx.add(["m"], 1), tx.in(b).add(["m"], 1)));
  const { link } = net.session(c);
  net.send(c);
  for (let states = 0; link.toClient.length > 1; states++) {
    net.receive(c, 1);
    assert.equal(await settled(sum), link.toClient.length === 0 || states > 6);
  }
  await net.until(Promise.all([sum, both]));
  assert.deepEqual(await sum, [1, -1]);
});

test("a retry that fn swallows has ended the run nevertheless, also before and in orElse", async () => {
  const net = new Net();
  const { objects: [board] } = await start(net, "board") as { c: Client; objects: [SharedObject] };
  const swallow = (tx: Tx): void => {
    try {
      tx.retry();
    } catch {
      // as a careless function does
    }
  };
  const add = (tx: Tx): void => tx.add(["n"], 1);
  const asleep = [
    (tx: Tx) => (add(tx), swallow(tx)),
    (tx: Tx) => (swallow(tx), tx.orElse(add, add)),
    (tx: Tx) => {
      swallow(tx);
      try {
        tx.orElse(add, add);
      } catch {
        // again
      }
    },
    (tx: Tx) => tx.orElse((a) => (add(a), swallow(a)), (b) => (add(b), swallow(b))),
  ];
  for (const fn of asleep) {
    const aborter = new AbortController();
    const sleeping = board.update(fn, { signal: aborter.signal });
    assert.deepEqual([await settled(sleeping), board.pending.count], [false, 0]);
    aborter.abort();
    await assert.rejects(sleeping, { code: Code.Canceled });
  }
  await net.until(board.update((tx) => tx.orElse((a) => (a.set(["lost"], 1), swallow(a)), add)));
  assert.deepEqual({ ...board.snapshot() }, { n: 1 });
});

test("a connection that ends for good ends what waits for a change or for an answer, and later ones do not begin to", async () => {
  const net = new Net();
  const { c, objects: [board] } = await start(net, "strict") as { c: Client; objects: [SharedObject] };
  const first = board.update((tx) => tx.set(["n"], 1));
  const waits = [
    (tx: Tx): void => tx.set(["n"], Number(tx.read(["n"])) + 1), // in a strict object the answer must come first
    (tx: Tx): void => (void tx.read(["word"]), tx.retry()),
  ];
  const waiting = waits.map((fn) => board.update(fn));
  for (const w of waiting) assert.equal(await settled(w), false);
  net.cut(c);
  const why = new TrefoilError(Code.Unauthenticated, "test.over", "for good");
  c.finish(why);
  const ends = await Promise.allSettled([first, ...waiting, ...waits.map((fn) => board.update(fn))]);
  for (const end of ends) assert.equal(end.status === "rejected" && end.reason instanceof TrefoilError, true);
});
