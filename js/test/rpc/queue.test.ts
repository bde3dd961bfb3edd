import assert from "node:assert/strict";
import { test } from "node:test";
import { method, Peer } from "../../src/rpc/index.ts";
import { Code, TrefoilError } from "../../src/status.ts";
import { Disk, DiskStorage } from "../dstm/offline/disk.ts";
import { FakeSession, failure, settle } from "./fake.ts";

const save = method<number, string>("save");
const queue = { idempotent: true, queue: true };

test("a queued call waits for a session and is made again until it was answered", async () => {
  const disk = new Disk();
  const peer = new Peer({ storage: new DiskStorage(disk) });
  const first = save.call(peer, 1, { ...queue, metadata: { a: "b" } });
  const second = failure(save.call(peer, 2, queue));
  const session = new FakeSession(peer);
  const sent = session.take();
  assert.deepEqual(sent.map((f) => [f[1], f[3], f[4], f[5], f[7]]), [[1, "save", 0, 0, 1]]);
  session.end();
  const next = new FakeSession(peer);
  const again = next.take();
  assert.deepEqual(again.map((f) => f[7]), [1]); // the second waits: handlers of one session overtake each other
  next.receive([1, 2, again[0]?.[2], "done"]);
  assert.equal(await first, "done");
  const behind = next.take();
  assert.deepEqual(behind.map((f) => f[7]), [2]);
  next.receive([1, 3, behind[0]?.[2], [9, "full", "no"]]);
  assert.equal((await second).reason, "full");
  await settle();
  assert.equal(disk.spaces.get("rpc")?.size, 0);
});

test("it survives the process; nobody waits for the result then", async () => {
  const disk = new Disk();
  const peer = new Peer({ storage: new DiskStorage(disk), queueLength: 1 });
  save.call(peer, 1, queue).catch(() => undefined);
  assert.equal((await failure(save.call(peer, 2, queue))).reason, "rpc.busy");
  const again = new Peer({ storage: new DiskStorage(disk) });
  const session = new FakeSession(again);
  const [call] = session.take();
  assert.deepEqual([call?.[3], call?.[7]], ["save", 1]);
  session.receive([1, 2, call?.[2], "done"]);
  await again.drained();
  assert.equal(disk.spaces.get("rpc")?.size, 0);
});

test("a peer that gets another connection goes on with what waited when the last one ended for good", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const peer = new Peer({ storage: new DiskStorage(new Disk()) });
  save.call(peer, 1, queue).catch(() => undefined);
  const session = new FakeSession(peer);
  session.receive([1, 3, session.take()[0]?.[2], [8, "rpc.busy", "later"]]);
  await settle(); // now it waits a second
  session.end();
  peer.finish(session.error as TrefoilError);
  const next = new FakeSession(peer);
  assert.deepEqual(next.take().map((f) => f[7]), [1]);
});

test("a busy server is asked again; other calls cannot be queued", async (t) => {
  const peer = new Peer();
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const done = save.call(peer, 1, queue);
  const session = new FakeSession(peer);
  const id = session.take()[0]?.[2];
  session.receive([1, 3, id, [8, "rpc.busy", "later"]]);
  await settle();
  t.mock.timers.tick(1000);
  session.receive([1, 2, session.take()[0]?.[2], "done"]);
  assert.equal(await done, "done");
  assert.equal((await failure(save.call(peer, 1, { queue: true }))).reason, "rpc.bad_request");
  assert.equal((await failure(save.call(peer, 1, { ...queue, timeout: 5 }))).reason, "rpc.bad_request");
  assert.equal((await failure(save.notify(peer, 1, queue))).reason, "rpc.bad_request");
});

test("when the client ends, what is stored is still to be sent, and what is not is gone", async () => {
  const disk = new Disk();
  for (const storage of [new DiskStorage(disk), undefined]) {
    const peer = new Peer({ storage });
    const waits = failure(save.call(peer, 1, queue));
    peer.finish(new TrefoilError(Code.Unavailable, "transport.closed", "closed"));
    const error = await waits;
    assert.ok(error.is("rpc.not_connected"));
    assert.equal(error.unknown, storage !== undefined);
    assert.equal(new FakeSession(peer).take().length, storage ? 1 : 0);
  }
});
