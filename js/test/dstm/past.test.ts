import assert from "node:assert/strict";
import { test } from "node:test";
import { last, type Revision, type SharedObject } from "../../src/dstm/index.ts";
import type { Client } from "../../src/dstm/client.ts";
import { Code } from "../../src/status.ts";
import { Net } from "./net.ts";

async function start(): Promise<{ net: Net; c: Client; board: SharedObject }> {
  const net = new Net();
  const c = net.client();
  net.connect(c);
  const opening = c.open("board");
  await net.sync();
  const board = await opening;
  for (let i = 1; i <= 150; i++) {
    await net.until(board.update((tx) => (i % 10 === 0 ? void tx.insert(["list"], last(), i) : tx.overwrite(["n"], i))));
  }
  return { net, c, board };
}

async function all(revisions: AsyncIterable<Revision>): Promise<Revision[]> {
  const out = [];
  for await (const r of revisions) out.push(r);
  return out;
}

test("who changed what, and how it was", async () => {
  const { net, board } = await start();
  const revisions = await net.until(all(board.history(0)));
  assert.deepEqual(revisions.map((r) => r.version), Array.from({ length: 150 }, (_, i) => i + 1));
  const [first, second] = revisions;
  assert.deepEqual([first?.changes[0]?.old, first?.changes[0]?.new, second?.changes[0]?.old], [undefined, 1, 1]);
  assert.deepEqual([second?.user, second?.changes[0]?.origin, second?.client.length, second?.position], ["user", "mine", 32, 2]);
  assert.deepEqual(revisions[9]?.changes.map((c) => [c.path[0], c.path.length, c.new]), [["list", 1, [10]]]);
  assert.deepEqual((await net.until(all(board.history(140, 142)))).map((r) => [r.version, r.changes[0]?.old]), [[141, 139], [142, 141]]);
  const was = await net.until(board.viewAt(21, (tx) => [tx.read(["n"]), tx.read(["list"]), tx.version]));
  assert.deepEqual(was, [21, [10, 20], 21]);
  await assert.rejects(net.until(board.viewAt(999, () => 1)), { reason: "dstm.history", code: Code.OutOfRange });
  await assert.rejects(net.until(all(board.history(500, 600))), { reason: "dstm.history" });
  await assert.rejects(net.until(board.viewAt(1, (tx) => tx.set(["n"], 1))), { reason: "dstm.invalid" });
  for (const misuse of [() => board.viewAt(-1, () => 1), () => all(board.history(0, 0.5))]) await assert.rejects(misuse(), { reason: "dstm.invalid" });
});

test("at most four questions are under way, and all end", async () => {
  const { net, c, board } = await start();
  const { link } = net.session(c);
  const kinds = (): unknown[] => link.toServer.map((f) => f[1]);
  const asking = Array.from({ length: 6 }, (_, i) => board.viewAt(i, (tx) => tx.read(["n"])));
  assert.deepEqual(kinds(), [15, 15, 15, 15]);
  assert.deepEqual(await net.until(Promise.all(asking)), [undefined, 1, 2, 3, 4, 5]);
  const leaving = new AbortController();
  const left = Array.from({ length: 4 }, () => board.viewAt(1, () => 1, { signal: leaving.signal }));
  const next = board.viewAt(7, (tx) => tx.read(["n"]));
  leaving.abort();
  for (const p of left) await assert.rejects(p, { code: Code.Canceled });
  assert.equal(kinds().length, 4); // the server has not answered them yet
  assert.equal(await net.until(next), 7);
  const aborter = new AbortController();
  const aborted = board.viewAt(1, () => 1, { signal: aborter.signal });
  const lost = board.viewAt(2, () => 1);
  aborter.abort();
  await assert.rejects(aborted, { code: Code.Canceled });
  net.cut(c);
  await assert.rejects(lost, { reason: "dstm.disconnected", code: Code.Unavailable });
  const later = board.viewAt(3, (tx) => tx.read(["n"]));
  net.connect(c);
  assert.equal(await net.until(later), 3);
  const one = async (): Promise<number> => {
    for await (const r of board.history(0, 5)) return r.version; // the rest is ignored
    return 0;
  };
  assert.equal(await net.until(one()), 1);
});

test("the end of the client ends its questions", async () => {
  const { c, board } = await start();
  const asking = board.viewAt(1, () => 1);
  c.close();
  await assert.rejects(asking, { reason: "dstm.closed" });
});
