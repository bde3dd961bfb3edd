import assert from "node:assert/strict";
import { test } from "node:test";
import { Core } from "../../src/dstm/replica/core.ts";
import type { State } from "../../src/dstm/replica/types.ts";
import type { Tx } from "../../src/dstm/tx.ts";
import type { SharedObject } from "../../src/dstm/index.ts";
import type { Client } from "../../src/dstm/client.ts";
import { submitOn } from "./drafts.ts";
import { Net } from "./net.ts";

async function start(): Promise<{ net: Net; c: Client; board: SharedObject }> {
  const net = new Net();
  const c = net.client();
  net.connect(c);
  const opening = c.open("board");
  await net.sync();
  return { net, c, board: await opening };
}

test("a prediction below a map that an own commit made stays when that is confirmed", async () => {
  const { net, c, board } = await start();
  const b = net.client();
  net.connect(b);
  const opening = b.open("board");
  await net.sync();
  const first = board.update((tx) => tx.set(["m", "x"], 1));
  const second = board.update((tx) => tx.overwrite(["m", "y"], 2));
  net.send(c, 1);
  const theirs = (await opening).update((tx) => tx.add(["n"], 1)); // has everything judged again
  net.send(b);
  net.receive(c);
  await first;
  assert.equal(board.head.version, 2);
  assert.deepEqual({ ...(board.snapshot(["m"]) as object) }, { x: 1, y: 2 });
  assert.deepEqual(board.pending.paths, [["m", "y"]]);
  await net.sync();
  await Promise.all([second, theirs]);
});

test("an own commit stays in view while its object is opened again", async () => {
  const { net, c, board } = await start();
  const b = net.client();
  net.connect(b);
  const opening = b.open("board");
  await net.sync();
  const theirs = (await opening).update((tx) => tx.add(["theirs"], 1));
  net.send(b);
  const { link } = net.session(c);
  assert.equal(link.toClient.splice(0).length, 1); // their change is lost
  const mine = board.update((tx) => tx.add(["mine"], 1));
  net.send(c);
  const seen: unknown[] = [];
  board.subscribe(() => seen.push(board.snapshot()["mine"]));
  await net.sync();
  await Promise.all([mine, theirs]);
  assert.deepEqual({ ...board.snapshot() }, { mine: 1, theirs: 1 });
  assert.ok(seen.length > 0 && seen.every((n) => n === 1), String(seen));
});

test("an own commit that the log lost is taken back when another one makes its version, and that is told", async () => {
  const { net, c, board } = await start();
  const own = board.update((tx) => tx.set(["own"], 1));
  net.send(c);
  net.session(c).link.toClient.shift(); // its change is lost, not its answer
  net.receive(c);
  await own;
  assert.deepEqual([board.head.version, { ...board.snapshot() }], [0, { own: 1 }]);
  net.cut(c);
  net.model.restore("e1", { board: 0 }); // and then the commit
  net.connect(c);
  await net.sync();
  const told: unknown[] = [];
  board.onChange((change) => told.push([change.path, change.new ?? null, change.origin]));
  const b = net.client();
  net.connect(b);
  const opening = b.open("board");
  await net.sync();
  await net.until((await opening).update((tx) => tx.set(["other"], 2)));
  await net.sync();
  assert.deepEqual({ ...board.snapshot() }, { other: 2 });
  assert.deepEqual(told, [[["own"], null, "rollback"], [["other"], 2, "remote"]]);
});

test("a refusal takes back what depends on it, also what was sent", async () => {
  const { net, c, board } = await start();
  const first = board.update((tx) => tx.set(["m", "x"], 1), { maxAttempts: 1 });
  const second = board.update((tx) => tx.overwrite(["m", "y"], 2), { maxAttempts: 1 });
  net.model.busy = 100;
  net.send(c, 1);
  net.model.busy = 0;
  const refused = assert.rejects(first, { reason: "dstm.busy" });
  net.receive(c);
  await refused;
  assert.deepEqual({ ...board.snapshot() }, {});
  assert.deepEqual(board.pending, { count: 1, paths: [] }); // it still counts, and shows nothing
  const depends = assert.rejects(second, { reason: "dstm.depends" });
  await net.sync();
  await depends;
});

test("after a reconnect transactions wait until all objects are open, and go in their order", async () => {
  const { net, c, board } = await start();
  const opening = c.open("second");
  await net.sync();
  await opening;
  const sent = board.update((tx) => tx.add(["n"], 1));
  net.send(c);
  net.cut(c);
  const unsent = board.update((tx) => tx.add(["n"], 1));
  const { link } = net.connect(c);
  const kinds = (): unknown[] => link.toServer.map((f) => (f[1] === 7 ? `commit ${String(f[5])}` : f[1]));
  assert.deepEqual(kinds(), [1, 1]);
  net.send(c, 1);
  net.receive(c);
  assert.deepEqual(kinds(), [1]);
  net.send(c);
  net.receive(c);
  assert.deepEqual(kinds(), ["commit 1", "commit 0"]);
  await net.sync();
  await Promise.all([sent, unsent]);
  assert.equal(board.snapshot()["n"], 2);
});

test("what was sent in an epoch that comes back is not sent again", async () => {
  const { net, c, board } = await start();
  const sent = assert.rejects(board.update((tx) => tx.add(["n"], 1)), { reason: "dstm.outcome_unknown", unknown: true });
  net.send(c);
  for (const epoch of ["e2", "e1"]) { // a new one began, and then the log was put back to before
    net.cut(c);
    net.model.epoch = epoch;
    net.connect(c);
    net.send(c, 1);
    net.receive(c);
  }
  await sent;
  assert.deepEqual(net.session(c).link.toServer, []);
});

test("nothing is settled that a transaction to come depends on", async () => {
  const { net, c, board } = await start();
  net.cut(c);
  const increase = () => board.update((tx) => tx.set(["n"], ((tx.read(["n"]) ?? 0) as number) + 1));
  const chain = Array.from({ length: 65 }, increase);
  net.connect(c);
  await net.until(Promise.all(chain));
  const outcomes = [...net.model.records.values()].flatMap((r) => [...r.values()]);
  assert.ok(outcomes.length === 65 && outcomes.every((o) => o.position > 0)); // the server had nothing to refuse
});

/** A core with "a" open at a model, and what it sees. */
function desk(): { core: Core; state: () => State; submit: (s: State, fn: (tx: Tx) => void) => unknown } {
  const core = new Core(0, 10);
  core.open("a");
  core.connect("01".padEnd(32, "0"));
  core.next();
  core.sent();
  core.receive(2, "log", [1, "a", "e", 1, 1, new Uint8Array(8), Object.assign(Object.create(null), { n: 1 })]);
  return {
    core,
    state: () => core.state("a") as State,
    submit: (s, fn) => {
      const given = submitOn(core, new Map([["a", s]]), (txs) => fn(txs.get("a") as Tx));
      return "sequence" in given ? given.sequence : [given.error.reason, given.path];
    },
  };
}

test("what a transaction has written is not shown by half, when one of its objects is taken away before the answer", () => {
  const { core, state } = desk();
  core.open("b");
  core.next();
  core.sent();
  core.receive(2, "log", [2, "b", "e", 1, 1, new Uint8Array(8), Object.assign(Object.create(null), { n: 1 })]);
  core.receive(12, "log", [1]); // current
  const other = (): State => core.state("b") as State;
  const given = submitOn(core, new Map([["a", state()], ["b", other()]]), (txs) => txs.forEach((tx, name) => tx.add(["n"], name === "a" ? -1 : 1)));
  assert.ok("sequence" in given);
  assert.deepEqual(other().pending.length, 1);
  core.receive(6, "log", ["a", [14, "dstm.closed", "the store closes"]]);
  assert.deepEqual(other().pending.length, 0);
});

test("what cannot commit any more is refused at once", () => {
  const { core, state, submit } = desk();
  const s = state();
  assert.equal(submit(s, (tx) => tx.set(["n"], 2)), 1);
  assert.deepEqual(submit(s, (tx) => tx.set(["n"], 3)), ["dstm.conflict", ["n"]]); // an own one was faster
  assert.equal(submit(s, (tx) => tx.overwrite(["n"], 3)), 2);
  assert.equal(typeof submit(s, (tx) => (tx.guard(["n"], ">", 0), tx.overwrite(["m"], 1))), "number"); // it still is
  assert.deepEqual(submit(s, (tx) => (tx.guard(["n"], "==", 1), tx.overwrite(["m"], 1))), ["dstm.conflict", ["n"]]);
  const later = state();
  core.next();
  core.sent();
  // A snapshot may hold the first already, so it is taken back.
  core.receive(4, "log", ["a", "e", 5, 5, new Uint8Array(8), Object.assign(Object.create(null), { n: 7 }), ""]);
  assert.deepEqual(submit(later, (tx) => tx.set(["n"], 4)), ["dstm.depends", null]);
  assert.deepEqual(submit(s, (tx) => tx.set(["n"], 4)), ["dstm.conflict", ["n"]]);
  core.receive(4, "log", ["a", "new", 1, 1, new Uint8Array(8), Object.create(null), ""]);
  assert.deepEqual(submit(s, (tx) => tx.overwrite(["n"], 4)), ["dstm.conflict", null]);
});

test("another client's core settles what the one before has sent as unknown", () => {
  const { core, state, submit } = desk();
  submit(state(), (tx) => tx.add(["n"], 1));
  core.next();
  core.sent();
  submit(state(), (tx) => tx.add(["n"], 1));
  core.lost();
  core.connect("02".padEnd(32, "0"));
  const settled = core.takeEvents().flatMap((e) => (e.kind === "settled" ? [[e.sequence, e.error?.reason, e.error?.unknown]] : []));
  assert.deepEqual(settled, [[1, "dstm.outcome_unknown", true]]);
  assert.equal(core.queued, 1);
});

test("a reset because the client is ahead lowers the position that it has seen", async () => {
  const { net, c, board } = await start();
  await net.until(board.update((tx) => tx.set(["n"], 1)));
  net.give(c, [3, 12, "log", 9]); // of entries that the log has lost, about objects that are closed here
  const lost = board.update((tx) => tx.add(["n"], 1));
  assert.equal(net.session(c).link.toServer.at(-1)?.[6], 9);
  net.session(c).link.toServer.splice(0);
  for (const [reason, position] of [["behind", 9], ["ahead", 1]] as const) {
    net.model.reset(net.session(c).link, "board");
    const { toClient } = net.session(c).link;
    toClient.splice(0, Infinity, ...toClient.map((f) => (f[1] === 4 ? [...f.slice(0, 9), reason, ...f.slice(10)] : f)));
    net.receive(c);
    void board.update((tx) => tx.add(["n"], 1)).catch(() => undefined);
    assert.equal(net.session(c).link.toServer.at(-1)?.[6], position);
  }
  void lost.catch(() => undefined);
});
