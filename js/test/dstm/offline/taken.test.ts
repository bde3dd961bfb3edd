import assert from "node:assert/strict";
import { test } from "node:test";
import { Code } from "../../../src/status.ts";
import type { Net } from "../net.ts";
import { Page, put, scene, turn } from "./page.ts";

/** The server takes the object away, for a reason that passes. */
function take(net: Net, p: Page): void {
  net.give(p.c, [3, 6, "log", "board", [Code.Unavailable, "dstm.closed", "the store is closed"]]);
}

/** A work that the server has committed, and whose answer is on its way; what is stored is from before. */
async function unheard(): Promise<{ net: Net; p: Page; disk: Page["disk"]; work: ReturnType<typeof put.submit> }> {
  const { net, disk } = await scene();
  const p = new Page(net, disk);
  p.connect();
  const board = await p.open();
  await net.until(put.submit(board, { path: ["x"], value: 1 }).done);
  await turn();
  const work = put.submit(board, { path: ["x"], value: 2 });
  await turn();
  net.send(p.c);
  return { net, p, disk, work };
}

test("an edit does not vanish when its object is taken away before it is stored", async () => {
  const { net, p, disk, work } = await unheard();
  net.receive(p.c);
  take(net, p);
  await turn();
  assert.deepEqual([work.state, disk.keys("work/")], ["committed", []]);
  p.kill();
  const again = await new Page(net, disk).c.open("board");
  assert.equal(again.snapshot(["x"]), 2);
});

test("what is stored of an object that was taken away is not from before a commit whose record is gone", async () => {
  const { net, p, disk, work } = await unheard();
  take(net, p);
  await turn();
  net.receive(p.c);
  await turn();
  assert.deepEqual([work.state, disk.keys("work/"), disk.keys("replica/"), disk.keys("tail/")], ["committed", [], [], []]);
  await p.open(); // it comes back
  p.c.close();
  await turn();
  const again = await new Page(net, disk).c.open("board");
  assert.equal(again.snapshot(["x"]), 2);
});
