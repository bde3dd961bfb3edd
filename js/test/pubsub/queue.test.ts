import assert from "node:assert/strict";
import { test } from "node:test";
import { sealRecord } from "../../src/internal/record.ts";
import { PubSub } from "../../src/pubsub/index.ts";
import { Disk, DiskStorage } from "../dstm/offline/disk.ts";
import { FakeSession, failure, settle } from "../rpc/fake.ts";

const topics = (s: FakeSession): unknown[] => s.take().map((f) => [f[2], f[3], f[6]]);
const keys = (disk: Disk): number => disk.spaces.get("pubsub")?.size ?? 0;

test("a queued publication waits for a session, and for its answer over sessions, in order", async () => {
  const client = new PubSub();
  const odd = Object.create(null) as Record<string, number>;
  odd["__proto__"] = 2;
  const first = client.publish("a.b", 1, { queue: true });
  const second = client.publish("a.b", { ["__proto__"]: 2 }, { queue: true, key: "k", metadata: { m: "1" }, notToMyself: true });
  const session = new FakeSession(client);
  assert.deepEqual(session.take().map((f) => [f[2], f[4], f[6], f[7]]), [["a.b", 0, 1, null]]);
  session.receive([2, 6, 3, 1, "log", "e", 7]);
  assert.deepEqual(await first, { log: "log", epoch: "e", offset: 7 });
  assert.deepEqual(session.take().map((f) => [f[2], f[4], f[6], f[7]]), [["a.b", 1, odd, "k"]]);
  session.end();
  const third = client.publish("a.b", 3, { queue: true });
  const next = new FakeSession(client);
  const again = next.take();
  assert.deepEqual(again.map((f) => [f[2], f[4], f[7]]), [["a.b", 1, "k"]]);
  next.receive([2, 7, 3, again[0]?.[3], [7, "pubsub.denied", "no"]]);
  assert.equal((await failure(second)).reason, "pubsub.denied");
  const rest = next.take();
  assert.deepEqual(rest.map((f) => [f[2], f[4], f[7]]), [["a.b", 0, null]]);
  next.receive([2, 6, 3, rest[0]?.[3], null, null, 0]);
  assert.equal(await third, null);
  await settle();
  const last = new FakeSession(client);
  assert.deepEqual(last.take(), []);
  client.close();
});

test("what the broker has no room for is not overtaken by what was published later", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const client = new PubSub();
  const all = [1, 2, 3].map((n) => client.publish("a", n, { queue: true }));
  const session = new FakeSession(client);
  const taken: unknown[] = [];
  for (let busy = true; taken.length < 3; busy = false) {
    const frames = topics(session) as number[][];
    assert.ok(frames.length > 0);
    for (const [, id, n] of frames) {
      if (busy && n === 1) session.receive([2, 7, 3, id, [8, "pubsub.too_many", "later"]]);
      else {
        taken.push(n);
        session.receive([2, 6, 3, id, null, null, 0]);
      }
    }
    await settle();
    t.mock.timers.tick(1000);
    await settle();
  }
  assert.deepEqual(taken, [1, 2, 3]);
  await Promise.all(all);
});

test("with a storage it survives the process, and is taken away when it was answered", async () => {
  const disk = new Disk();
  const client = new PubSub({ storage: new DiskStorage(disk) });
  for (const n of [1, 2, 3]) client.publish("a", n, { queue: true }).catch(() => undefined);
  const session = new FakeSession(client);
  session.receive([2, 6, 3, 1, null, null, 0]);
  await settle();
  assert.equal(keys(disk), 2);
  const again = new PubSub({ storage: new DiskStorage(disk) });
  let drained = false;
  void again.drained().then(() => (drained = true));
  const next = new FakeSession(again);
  for (const n of [2, 3]) {
    const sent = topics(next) as number[][];
    assert.deepEqual(sent.map((f) => [f[0], f[2]]), [["a", n]]);
    await settle();
    assert.equal(drained, false);
    next.receive([2, 6, 3, sent[0]?.[1], null, null, 0]);
    await settle();
  }
  assert.deepEqual([keys(disk), drained], [0, true]);
});

test("it is bounded, the signal takes back, and what the broker has no room for is sent again", async (t) => {
  const disk = new Disk();
  const client = new PubSub({ storage: new DiskStorage(disk), queueLength: 2 });
  const abort = new AbortController();
  const back = failure(client.publish("a", 1, { queue: true, signal: abort.signal }));
  const kept = client.publish("a", 2, { queue: true });
  assert.equal((await failure(client.publish("a", 3, { queue: true }))).reason, "pubsub.too_many");
  assert.equal((await failure(new PubSub({ queueBytes: 100 }).publish("a", "x".repeat(100), { queue: true }))).reason, "pubsub.too_many");
  assert.equal((await failure(client.publish("a", () => 1, { queue: true }))).reason, "codec.type");
  abort.abort();
  assert.equal((await back).unknown, false);
  assert.equal(keys(disk), 1);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const session = new FakeSession(client);
  const [[, id]] = topics(session) as [number[]];
  session.receive([2, 7, 3, id, [8, "pubsub.too_many", "later"]]);
  await settle();
  assert.deepEqual(topics(session), []);
  t.mock.timers.tick(1000);
  const [[, again]] = topics(session) as [number[]];
  session.receive([2, 6, 3, again, null, null, 0]);
  assert.equal(await kept, null);
});

test("an end for good is told to those who wait; what is stored stays", async () => {
  const disk = new Disk();
  const client = new PubSub({ storage: new DiskStorage(disk) });
  const sent = failure(client.publish("a", 1, { queue: true }));
  new FakeSession(client);
  client.close();
  assert.deepEqual([(await sent).reason, (await sent).unknown], ["pubsub.closed", true]);
  await settle();
  assert.equal(keys(disk), 1);
  assert.equal((await failure(client.publish("a", 2, { queue: true }))).reason, "pubsub.closed");
});

test("records that are odd are neither sent nor deleted", async () => {
  const disk = new Disk();
  const odd = [["a", false, null, 1], ["bad topic!", false, null, 1, null], ["a", 1, null, 1, null], ["a", false, { x: 1 }, 1, null], ["a", false, null, 1, 5], "a"];
  odd.forEach((content, i) => disk.put("pubsub", `work/${i}`, sealRecord(`work/${i}`, [content])));
  disk.put("pubsub", "work/9", Uint8Array.of(2, 1));
  const storage = new DiskStorage(disk);
  const client = new PubSub({ storage });
  const session = new FakeSession(client);
  await settle();
  assert.deepEqual([session.take(), keys(disk), storage.problem?.reason], [[], 7, "transport.storage_damaged"]);
});
