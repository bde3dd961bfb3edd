import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode, type Value } from "../../src/codec/index.ts";
import { after, first, last, list, type Change, type SharedObject } from "../../src/dstm/index.ts";
import type { Client } from "../../src/dstm/client.ts";
import { Core } from "../../src/dstm/replica/core.ts";
import { Code } from "../../src/status.ts";
import { newLink, type Frame } from "./model.ts";
import { Net } from "./net.ts";

async function open(net: Net, c: Client, name: string): Promise<SharedObject> {
  const opening = c.open(name);
  await net.sync();
  return opening;
}

async function start(name = "board"): Promise<{ net: Net; c: Client; board: SharedObject }> {
  const net = new Net();
  const c = net.client();
  net.connect(c);
  return { net, c, board: await open(net, c, name) };
}

async function done<T>(net: Net, p: Promise<T>): Promise<T> {
  return net.until(p);
}

const tasks = list<string>("tasks");

test("lists: shown at once, confirmed, moved, and the same everywhere", async () => {
  const { net, board } = await start();
  const b = net.client();
  net.connect(b);
  const theirs = await open(net, b, "board");
  const seen: Change[] = [];
  theirs.onChange((change) => seen.push(change), ["tasks"]);
  let milk = "";
  const mine = board.update((tx) => {
    milk = tasks.at().insert(tx, last(), "milk");
    tasks.at().insert(tx, after(milk), "bread");
  });
  assert.match(milk, /^[A-Za-z0-9_-]{16}$/);
  assert.deepEqual(board.snapshot(["tasks"]), ["milk", "bread"]);
  const other = theirs.update((tx) => void tasks.at().insert(tx, first(), "money"));
  await done(net, Promise.all([mine, other]));
  await net.sync();
  const want = theirs.snapshot(["tasks"]);
  assert.deepEqual(board.snapshot(["tasks"]), want);
  assert.deepEqual([...(want as string[])].sort(), ["bread", "milk", "money"]);
  assert.deepEqual(board.keys(["tasks"]), theirs.keys(["tasks"]));
  seen.length = 0;
  await done(net, board.update((tx) => tasks.at().move(tx, milk, last())));
  await net.sync();
  assert.deepEqual(seen.map((s) => [s.path.length, s.moved, s.old === s.new]), [[2, true, true]]); // either neighbour may count as moved
  assert.equal((board.snapshot(["tasks"]) as string[]).at(-1), "milk");
  await done(net, board.update((tx) => {
    assert.deepEqual([...tasks.at().all(tx)].at(-1), [milk, "milk"]);
    tasks.at().remove(tx, milk);
  }));
  assert.equal(board.snapshot(["tasks", milk]), undefined);
  const gone = theirs.update((tx) => tx.set(["tasks", milk], "butter"), { maxAttempts: 1 });
  await assert.rejects(gone, { reason: "dstm.invalid" });
});

test("a list that was only put in another order comes so with a snapshot", async () => {
  const { net, c, board } = await start();
  await done(net, board.update((tx) => ["a", "b", "c"].forEach((v) => tasks.at().insert(tx, last(), v))));
  const kept = board.snapshot(["tasks"]);
  const b = net.client();
  net.connect(b);
  const theirs = await open(net, b, "board");
  net.cut(c);
  await done(net, theirs.update((tx) => tasks.at().move(tx, theirs.keys(["tasks"])[2] as string, first())));
  net.model.forget = 100;
  net.connect(c);
  await net.sync();
  assert.deepEqual([kept, board.snapshot(["tasks"]), board.keys(["tasks"])], [["a", "b", "c"], ["c", "a", "b"], theirs.keys(["tasks"])]);
});

test("what conflicts with a state that comes in pieces runs again when that is complete", async () => {
  for (const cut of [false, true]) {
    const { net, c, board } = await start();
    await done(net, board.update((tx) => tx.overwrite(["x"], 1)));
    const b = net.client();
    net.connect(b);
    const theirs = await open(net, b, "board");
    const saw: unknown[] = [];
    const under = board.update((tx) => {
      saw.push(tx.read(["x"]));
      tx.set(["y"], 1);
    });
    const update = theirs.update((tx) => {
      tx.overwrite(["x"], 2);
      tx.overwrite(["y"], 2);
    });
    net.send(b);
    net.receive(b);
    await update;
    net.session(c).link.toClient.length = 0; // as if it were too far behind
    net.model.cut = 100;
    net.model.reset(net.session(c).link, "board");
    net.receive(c, 2); // not the last piece
    const { link } = net.session(c);
    const rest = link.toClient.splice(0);
    net.send(c);
    const rejected = link.toClient.findIndex((f) => f[1] === 9);
    assert.ok(rejected >= 0);
    net.give(c, link.toClient[rejected] as Frame);
    link.toClient.length = 0;
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(saw, [1]);
    if (cut) {
      net.cut(c);
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(saw, [1, 1]);
      net.connect(c);
    } else {
      link.toClient.push(...rest);
    }
    await done(net, under);
    assert.deepEqual([saw.at(-1), board.snapshot(["y"])], [2, 1]);
  }
});

test("a state in pieces shows when it is complete", async () => {
  const { net, c, board } = await start();
  await done(net, board.update((tx) => {
    for (let i = 0; i < 5; i++) tx.overwrite([`k${i}`], i);
    tasks.at().insert(tx, last(), "milk");
  }));
  net.model.cut = 100;
  net.model.forget = 100;
  net.cut(c);
  net.connect(c);
  const told: number[] = [];
  board.subscribe(() => told.push(Object.keys(board.snapshot()).length));
  const under = board.update((tx) => tx.add(["n"], 1));
  const { link } = net.session(c);
  net.send(c);
  while (link.toClient.length > 1) {
    net.receive(c, 1);
    assert.equal(Object.keys(board.snapshot()).length, 7); // the old state with the prediction, or the new one
  }
  await done(net, under);
  assert.ok(told.every((n) => n === 7), String(told));

  const b = net.client();
  const session = net.connect(b);
  const opening = b.open("board");
  net.send(b);
  net.receive(b, 3);
  net.cut(b); // in the middle
  assert.ok(session.link.toClient.length > 0);
  net.connect(b);
  await net.sync();
  const fresh = await opening;
  assert.deepEqual(fresh.snapshot(), board.snapshot());
  assert.deepEqual(fresh.keys(["tasks"]), board.keys(["tasks"]));

  net.model.reset(net.session(b).link, "board");
  net.receive(b, 2);
  assert.equal(fresh.snapshot()["n"], 1);
  await net.sync();
  assert.deepEqual(fresh.snapshot(), board.snapshot());
  net.model.reset(net.session(b).link, "board");
  net.receive(b, 2);
  net.give(b, [3, 6, "log", "board", [7, "dstm.denied", "taken away"]]);
  assert.ok(fresh.error?.is("dstm.denied"));
});

test("strict objects: what reads an unanswered write waits for the answer", async () => {
  const { net, c, board } = await start("strict");
  const one = board.update((tx) => tx.set(["n"], 1));
  let runs = 0;
  const two = board.update((tx) => {
    runs++;
    tx.set(["n"], (tx.read(["n"]) as number) + 1);
  });
  const guarded = board.update((tx) => {
    if (tx.guard(["n"], "==", 1)) tx.overwrite(["seen"], true);
  });
  assert.deepEqual([runs, net.session(c).link.toServer.length], [1, 2]);
  await done(net, Promise.all([one, two, guarded]));
  assert.deepEqual({ ...board.snapshot() }, { n: 2, seen: true });
  assert.equal(runs, 2);
});

test("a reader of parts", async () => {
  const { net, board } = await start("game");
  await done(net, board.update((tx) => tx.set([], { table: { n: 1 }, hands: { bob: { card: 1 } }, pot: 5 })));
  net.model.readable = [["table"], ["hands", "ada"]];
  const b = net.client();
  net.connect(b);
  const mine = await open(net, b, "game");
  const plain = (): unknown => JSON.parse(JSON.stringify(mine.snapshot()));
  assert.deepEqual(plain(), { table: { n: 1 } });
  assert.throws(() => mine.view((tx) => tx.read(["pot"])), { reason: "dstm.denied" });
  await assert.rejects(mine.update((tx) => tx.set(["pot"], 1)), { reason: "dstm.denied" });
  const taking = mine.update((tx) => {
    tx.add(["pot"], -1, { min: 0 });
    tx.set(["hands", "ada"], { card: 7 });
  });
  assert.deepEqual(plain(), { table: { n: 1 }, hands: { ada: { card: 7 } } }); // the rest is not for this eye
  const version = (await done(net, taking)).version;
  assert.equal(net.model.object("game").root.find(["pot"])?.leaf, 4);
  assert.equal(net.model.object("game").root.find(["hands", "bob", "card"])?.leaf, 1);
  await assert.rejects(mine.undo({ ...mine.head, version }), { reason: "dstm.invalid" }); // what it did to the pot is not known here
  const shown = await done(net, mine.update((tx) => tx.set(["hands", "ada", "card"], 8)));
  await done(net, mine.undo(shown));
  assert.deepEqual(plain(), { table: { n: 1 }, hands: { ada: { card: 7 } } });
  const wide = board.update((tx) => tx.overwrite(["hands"], { ada: { card: 9 }, bob: 2 }));
  await done(net, wide);
  await net.sync();
  assert.deepEqual(plain(), { table: { n: 1 }, hands: { ada: { card: 9 } } });
  assert.equal(mine.head.version, net.model.object("game").version); // hidden changes are versions too
  const hidden = board.update((tx) => tx.overwrite(["pot"], 0));
  await done(net, hidden);
  await net.sync();
  assert.equal(mine.head.version, (await hidden).version);
  // Elsewhere it may read something else: what it holds does not fit.
  net.cut(b);
  const blind = mine.update((tx) => tx.overwrite(["table", "n"], 9));
  const seen: unknown[] = [];
  mine.subscribe(() => seen.push(plain()));
  net.model.readable = [["pot"]];
  net.connect(b);
  await done(net, blind);
  assert.deepEqual(plain(), { pot: 0 });
  assert.ok(seen.every((s) => !("pot" in (s as object)) || !("table" in (s as object))), JSON.stringify(seen)); // nor what was predicted
});

test("what the server announces is refused here already", async () => {
  const { net, c, board } = await start();
  net.model.limits = { transaction: 4000, operations: 10, object: 1 << 20, other: "x" as unknown as number };
  net.cut(c);
  net.connect(c);
  await net.sync();
  await assert.rejects(board.update((tx) => tx.set(["n"], "x".repeat(5000))), { reason: "dstm.too_large" });
  await assert.rejects(
    board.update((tx) => {
      for (let i = 0; i < 11; i++) tx.overwrite([`k${i}`], 1);
    }),
    { reason: "dstm.too_large" },
  );
  await done(net, board.update((tx) => tx.set(["n"], 1)));
});

test("the attempt travels", async () => {
  const { net, c, board } = await start();
  const b = net.client();
  net.connect(b);
  const theirs = await open(net, b, "board");
  const attempts: unknown[] = [];
  const first = theirs.update((tx) => tx.set(["n"], 1));
  const second = board.update((tx) => tx.set(["n"], 2));
  attempts.push(net.session(c).link.toServer[0]?.[10]);
  net.send(b);
  net.send(c);
  net.receive(c);
  await new Promise((r) => setImmediate(r));
  attempts.push(net.session(c).link.toServer[0]?.[10]);
  await done(net, Promise.all([first, second]));
  assert.deepEqual(attempts, [1, 2]);
});

test("strict asks the server also for what writes nothing", async () => {
  const { net, c, board } = await start();
  const b = net.client();
  net.connect(b);
  const theirs = await open(net, b, "board");
  const write = theirs.update((tx) => tx.set(["n"], 1));
  net.send(b);
  const seen: unknown[] = [];
  const asking = board.update((tx) => void seen.push(tx.read(["n"])), { strict: true });
  assert.equal(net.session(c).link.toServer.length, 1);
  const commit = await done(net, asking);
  assert.deepEqual([seen, commit.version], [[undefined, 1], 1]);
  await done(net, write);
  assert.equal(board.pending.count, 0);
});

test("pieces without an end make no object without bounds", async () => {
  const { net, board } = await start();
  await done(net, board.update((tx) => {
    for (let i = 0; i < 5; i++) tx.overwrite([`k${i}`], "x".repeat(400));
  }));
  net.model.cut = 100;
  const link = newLink("0a".repeat(16));
  const core = new Core(0, 10);
  core.maxGrown = 2000;
  core.connect(link.client);
  const exchange = (): unknown[] => {
    const sent: unknown[] = [];
    for (let f = core.next(); f !== null; f = core.next()) {
      core.sent();
      sent.push(f[1]);
      net.model.handle(link, decode(encode(f)) as Frame, [link]);
    }
    for (const f of link.toClient.splice(0)) {
      const [, kind, stream, ...body] = decode(encode(f)) as Value[];
      core.receive(kind as number, stream as string, body);
    }
    return sent;
  };
  core.open("board");
  exchange();
  const told = core.takeEvents().map((e) => [e.kind, e.kind === "refused" ? [e.object, e.error.reason, e.error.code] : null]);
  assert.deepEqual(told.filter(([kind]) => kind !== "level"), [["refused", ["board", "dstm.too_large", Code.ResourceExhausted]]]);
  assert.equal(core.state("board"), undefined);
  assert.deepEqual(exchange(), [5]); // the server is told that nobody has it open
  core.maxGrown = 1 << 20;
  core.open("board");
  exchange();
  assert.equal(core.state("board")?.root.kids.size, 5);
});
