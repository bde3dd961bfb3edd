import assert from "node:assert/strict";
import { test } from "node:test";
import { conflictPaths, first, last, updateAll, UndoStack, type Place, type SharedObject } from "../../src/dstm/index.ts";
import type { Client } from "../../src/dstm/client.ts";
import type { Entry } from "../../src/dstm/replica/change.ts";
import { Core } from "../../src/dstm/replica/core.ts";
import { effectOf, remember } from "../../src/dstm/replica/own.ts";
import { usual } from "../../src/dstm/replica/terms.ts";
import type { Journal, Replica } from "../../src/dstm/replica/types.ts";
import { Edit } from "../../src/dstm/tree/edit.ts";
import { TreeNode } from "../../src/dstm/tree/node.ts";
import { Where } from "../../src/dstm/tree/order.ts";
import { Tx } from "../../src/dstm/tx.ts";
import type { Commit } from "../../src/dstm/view.ts";
import { Net } from "./net.ts";

async function start(net: Net, ...names: string[]): Promise<{ c: Client; objects: SharedObject[] }> {
  const c = net.client();
  net.connect(c);
  const opening = Promise.all(names.map((name) => c.open(name)));
  await net.sync();
  return { c, objects: await opening };
}

const plain = (o: SharedObject): unknown => JSON.parse(JSON.stringify(o.snapshot()));

test("an own commit is undone, and the undoing too, unless somebody touched it since", async () => {
  const net = new Net();
  const { objects: [board] } = await start(net, "board") as { c: Client; objects: [SharedObject] };
  const { objects: [theirs] } = await start(net, "board") as { c: Client; objects: [SharedObject] };
  await net.until(board.update((tx) => tx.set([], { title: "A", n: 1, map: { k: 1 } })));
  const change = await net.until(board.update((tx) => {
    tx.set(["title"], "B");
    tx.add(["n"], 5);
    tx.delete(["map"]);
    tx.set(["fresh", "deep"], 1);
  }));
  await net.until(theirs.update((tx) => tx.add(["n"], 100)));
  await net.sync();
  const undone = await net.until(board.undo(change));
  assert.deepEqual(plain(board), { title: "A", n: 101, map: { k: 1 } });
  await net.until(board.undo(undone));
  assert.deepEqual(plain(board), { title: "B", n: 106, fresh: { deep: 1 } });
  await assert.rejects(board.undo({ ...change, version: 3 }), { reason: "dstm.history" }); // somebody else's
  await assert.rejects(board.undo({ ...change, epoch: "e0" }), { reason: "dstm.history" });
  const mine = await net.until(board.update((tx) => tx.set(["title"], "C")));
  await net.until(theirs.update((tx) => tx.set(["title"], "D")));
  await net.sync();
  await assert.rejects(net.until(board.undo(mine)), (e) => {
    assert.deepEqual(conflictPaths(e), [["title"]]);
    return true;
  });
  assert.equal(board.snapshot()["title"], "D");
  assert.equal(board.pending.count, 0);
});

test("what others have changed and changed back is not undone", async () => {
  const net = new Net();
  const { objects: [board] } = await start(net, "board") as { c: Client; objects: [SharedObject] };
  const { objects: [theirs] } = await start(net, "board") as { c: Client; objects: [SharedObject] };
  const mine = await net.until(board.update((tx) => tx.set(["a", "b"], 1)));
  for (const n of [2, 1]) {
    await net.until(theirs.update((tx) => tx.set(["a", "b"], n)));
    await net.sync();
  }
  await assert.rejects(net.until(board.undo(mine)), { reason: "dstm.conflict" });
  assert.deepEqual(plain(board), { a: { b: 1 } });
});

test("a move is undone unless something else has moved that very element since", async () => {
  const net = new Net();
  const { objects: [board] } = await start(net, "board") as { c: Client; objects: [SharedObject] };
  const { objects: [theirs] } = await start(net, "board") as { c: Client; objects: [SharedObject] };
  const ids: string[] = [];
  await net.until(board.update((tx) => {
    ids.length = 0;
    for (let i = 0; i < 4; i++) ids.push(tx.insert(["list"], last(), i));
  }));
  const move = (o: SharedObject, i: number, place: Place): Promise<Commit> => net.until(o.update((tx) => tx.move(["list"], ids[i] as string, place)));
  let mine = await move(board, 2, first());
  await move(theirs, 0, last());
  await net.until(theirs.update((tx) => tx.insert(["list"], first(), 9)));
  await net.sync();
  await net.until(board.undo(mine));
  assert.deepEqual(board.snapshot(["list"]), [9, 1, 2, 3, 0]);
  mine = await move(board, 2, first());
  await move(theirs, 2, last());
  await net.sync();
  await assert.rejects(net.until(board.undo(mine)), (e) => {
    assert.deepEqual(conflictPaths(e), [["list", ids[2]]]);
    return true;
  });
  assert.deepEqual(board.snapshot(["list"]), [9, 1, 3, 0, 2]);
  const one = await move(board, 1, first());
  const two = await move(board, 1, last());
  await assert.rejects(net.until(board.undo(one)), { reason: "dstm.conflict" });
  await net.until(board.undo(two));
  await net.until(board.undo(one));
  assert.deepEqual(board.snapshot(["list"]), [9, 1, 3, 0, 2]);
});

test("what an own commit has changed since is not undone either, and nothing twice", async () => {
  const net = new Net();
  const { objects: [board] } = await start(net, "board") as { c: Client; objects: [SharedObject] };
  const set = (n: number) => net.until(board.update((tx) => tx.set(["n"], n)));
  const [one, two, three] = [await set(1), await set(2), await set(1)];
  await assert.rejects(board.undo(one), { reason: "dstm.conflict" }); // though it is 1 again
  await net.until(board.undo(three));
  await assert.rejects(board.undo(three), { reason: "dstm.history" });
  await net.until(board.undo(two));
  await net.until(board.undo(one));
  assert.deepEqual(plain(board), {});
  const nothing = await net.until(board.update((tx) => tx.delete(["none"])));
  assert.equal((await net.until(board.undo(nothing))).version, nothing.version + 1);
});

test("a commit of several objects is undone in all of them", async () => {
  const net = new Net();
  const { objects: [a, b] } = await start(net, "a", "b") as { c: Client; objects: [SharedObject, SharedObject] };
  const [, second] = await net.until(updateAll([a, b], (tx) => (tx.add(["n"], -5), tx.in(b).add(["n"], 5))));
  const commit = await net.until(b.undo(second!));
  assert.equal(commit.version, 2);
  assert.deepEqual([plain(a), plain(b)], [{ n: 0 }, { n: 0 }]);
  assert.equal(net.model.entries.length, 2);
});

test("the stack undoes and redoes in order", async () => {
  const net = new Net();
  const { objects: [board] } = await start(net, "board") as { c: Client; objects: [SharedObject] };
  const { objects: [theirs] } = await start(net, "board") as { c: Client; objects: [SharedObject] };
  const stack = new UndoStack(board, 2);
  const set = (n: number): Promise<unknown> => net.until(stack.update((tx) => tx.set(["n"], n)));
  assert.ok(!stack.canUndo && !stack.canRedo);
  await assert.rejects(stack.undo(), { reason: "dstm.invalid" });
  for (const n of [1, 2, 3]) await set(n);
  await stack.update((tx) => void tx.read(["n"])); // writes nothing: nothing to undo
  await net.until(Promise.all([stack.undo(), stack.undo()]));
  assert.deepEqual([board.snapshot()["n"], stack.canUndo, stack.canRedo], [1, false, true]); // the first is forgotten
  await net.until(stack.redo());
  assert.equal(board.snapshot()["n"], 2);
  await set(9);
  assert.deepEqual([stack.canUndo, stack.canRedo], [true, false]);
  await net.until(theirs.update((tx) => tx.overwrite(["n"], 10)));
  await net.sync();
  await assert.rejects(net.until(stack.undo()), { reason: "dstm.conflict" });
  await assert.rejects(net.until(stack.undo()), { reason: "dstm.conflict" }); // and the one before it
  assert.deepEqual([board.snapshot()["n"], stack.canUndo], [10, false]);
});

test("a commit is undone while other own transactions are on their way, unless those write at the same place", async () => {
  const net = new Net();
  const { c, objects: [board] } = await start(net, "board") as { c: Client; objects: [SharedObject] };
  await net.until(board.update((tx) => tx.set([], { m: { a: 1, b: 2 }, held: 0 })));
  const own = [board.update((tx) => tx.delete(["m", "a"])), board.update((tx) => tx.overwrite(["held"], 7))];
  net.send(c);
  const late = board.update((tx) => (tx.overwrite(["m", "c"], 8), tx.overwrite(["held"], 8)));
  net.receive(c);
  const [deleted, held] = await Promise.all(own);
  assert.equal(board.pending.count, 1);
  await assert.rejects(board.undo(held!), (e) => (assert.deepEqual(conflictPaths(e), [["held"]]), true));
  await net.until(Promise.all([board.undo(deleted!), late]));
  assert.deepEqual(plain(board), { m: { a: 1, b: 2, c: 8 }, held: 8 });
});

test("what is remembered of a commit is what it replaced, and within bounds", async () => {
  const core = new Core(0, 100);
  const j = { name: "log", epoch: "e", queue: [] } as unknown as Journal;
  const before = new Edit(TreeNode.empty(), 1);
  before.set(["big", "a"], 1);
  before.set(["m", "k"], "x".repeat(1 << 20));
  before.set(["m", "l"], 2);
  const o = { name: "o", layers: [], terms: usual } as unknown as Replica;
  const entry: Entry = { position: 1, hash: new Uint8Array(8), client: "", sequence: 1, parts: [] };
  const own = effectOf(o, before.root, { object: "o", version: 2, writes: [{ op: "delete", path: ["m", "k"] }] }, 1);
  assert.deepEqual([own.before.ids(), own.before.find(["m"])?.ids()], [["m"], ["k"]]);
  const list = new Edit(TreeNode.empty(), 1);
  for (const id of "abcde") list.insert(["l"], id, { where: Where.Last, anchor: "" }, 1);
  const removed = effectOf(o, list.root, { object: "o", version: 2, writes: [{ op: "delete", path: ["l", "d"] }] }, 1);
  assert.deepEqual(removed.before.find(["l"])?.ids(), ["c", "d"]);
  for (let position = 1; position <= 6; position++) remember(core, j, { ...entry, position }, [own]);
  assert.deepEqual(core.own.map((x) => x.position), [4, 5, 6]); // of 4 MiB, and each is a little more than one
  const small = effectOf(o, before.root, { object: "o", version: 2, writes: [{ op: "delete", path: ["m", "l"] }] }, 1);
  for (let position = 7; position <= 150; position++) remember(core, j, { ...entry, position }, [small]);
  assert.equal(core.own.length, 100);
});

test("the stack has updates in the order of their commits", async () => {
  let answered: ((c: Commit) => void)[] = [];
  const undone: number[] = [];
  const commit = (version: number, epoch = "e"): Commit => ({ log: "log", epoch, version, position: version });
  const object = {
    update: (fn: (tx: Tx) => void) => (fn(null as unknown as Tx), new Promise<Commit>((resolve) => answered.push(resolve))),
    undo: (c: Commit) => (undone.push(c.version), Promise.resolve(commit(100 - c.version, "f"))),
  } as unknown as SharedObject;
  const wrote = Tx.wrote;
  Tx.wrote = () => true;
  try {
    const stack = new UndoStack(object, 3);
    const updates = [4, 7, 6, 5].map(() => stack.update(() => undefined));
    for (const [i, version] of [4, 7, 6, 5].entries()) {
      answered[i]!(commit(version));
      await updates[i];
    }
    answered = [];
    for (let i = 0; i < 3; i++) await stack.undo();
    assert.deepEqual([undone, stack.canUndo], [[7, 6, 5], false]);
  } finally {
    Tx.wrote = wrote;
  }
});
