import assert from "node:assert/strict";
import { test } from "node:test";
import { Time } from "../../src/codec/index.ts";
import { PubSub, topic } from "../../src/pubsub/index.ts";
import type { MemberEvent } from "../../src/pubsub/index.ts";
import { maxMembers } from "../../src/pubsub/member_feed.ts";
import { Code, TrefoilError } from "../../src/status.ts";
import { FakeSession, failure, settle, thrown } from "../rpc/fake.ts";
import { me, myId, world } from "./helpers.ts";

const chat = topic<{ text: string }>("chat.{room}");

test("publish: its frame and its position", async () => {
  const { client, session } = world();
  const at = chat.at("a").publish(client, { text: "hi" }, { notToMyself: true, metadata: { k: "v" }, key: "about" });
  const none = client.publish("plain.a", undefined);
  const frames = session.take().map((f) => f.map((v) => (v && typeof v === "object" ? { ...(v as object) } : v)));
  assert.deepEqual(frames, [[2, 5, "chat.a", 1, 1, { k: "v" }, { text: "hi" }, "about"], [2, 5, "plain.a", 2, 0, null, null, null]]);
  session.receive([2, 6, 3, 2, null, null, 0]);
  session.receive([2, 6, 3, 1, "chat", "e1", 42]);
  session.receive([2, 6, 3, 1, "chat", "e1", 43]);
  assert.deepEqual(await at, { log: "chat", epoch: "e1", offset: 42 });
  assert.equal(await none, null);
});

test("publish: a value that throws when it is read is a bad request", async () => {
  const { client } = world();
  const err = await failure(client.publish("a", { get x() { throw new Error("mine"); } }));
  assert.deepEqual([err.reason, err.unknown], ["pubsub.bad_request", false]);
});

test("publish: refused, lost, given up", async () => {
  const { client, session } = world(3);
  const refused = failure(client.publish("a", 1));
  const abort = new AbortController();
  const sent = failure(client.publish("a", 2, { signal: abort.signal }));
  const lost = failure(client.publish("a", 3));
  const queued = failure(client.publish("a", 4));
  const given = failure(client.publish("a", 5, { signal: abort.signal }));
  session.receive([2, 7, 0, 1, [7, "pubsub.denied", "no"]]);
  abort.abort();
  session.end();
  assert.equal((await refused).code, Code.PermissionDenied);
  assert.deepEqual([(await sent).code, (await sent).unknown], [Code.Canceled, true]);
  assert.deepEqual([(await given).code, (await given).unknown], [Code.Canceled, false]);
  assert.deepEqual([(await lost).reason, (await lost).unknown], ["pubsub.connection_lost", true]);
  assert.deepEqual([(await queued).reason, (await queued).unknown], ["pubsub.not_connected", false]);
  assert.equal((await failure(client.publish("a", 6))).reason, "pubsub.not_connected");
  assert.equal((await failure(client.publish("a", 7, { signal: abort.signal }))).code, Code.Canceled);
  const next = new FakeSession(client);
  assert.deepEqual(next.take(), [], "a publish is never sent again");
});

test("publish: what is refused here", async () => {
  const { client, session } = world();
  const reason = async (p: Promise<unknown>): Promise<string> => (await failure(p)).reason;
  assert.equal(await reason(client.publish("a.*", 1)), "pubsub.bad_topic");
  assert.equal(await reason(client.publish("a", 1, { key: "k".repeat(256) })), "pubsub.bad_request");
  assert.equal(await reason(client.publish("a", 1, { metadata: { k: "v".repeat(4097) } })), "pubsub.bad_request");
  assert.equal(await reason(client.publish("a", 1, { metadata: { k: 5 as unknown as string } })), "pubsub.bad_request");
  assert.equal(await reason(client.publish("a", () => 1)), "pubsub.bad_request");
  session.maxFrame = 50;
  assert.equal(await reason(client.publish("a", "x".repeat(100))), "pubsub.too_large");
  const full = new PubSub({ maxPending: 2 });
  new FakeSession(full);
  for (let i = 0; i < 2; i++) void full.publish("a", i).catch(() => {});
  assert.equal(await reason(full.members("a")), "pubsub.too_many");
  assert.equal(thrown(() => new PubSub({ maxPending: 0 })).reason, "pubsub.bad_request");
  assert.deepEqual(session.take(), []);
});

test("publishes wait for room in order, and do not change meanwhile", async () => {
  const { client, session } = world(0);
  const value = { text: "one" };
  void client.publish("a", value).catch(() => {});
  void client.publish("a", "two").catch(() => {});
  value.text = "changed";
  session.drain();
  assert.deepEqual(session.take().map((f) => (typeof f[6] === "string" ? f[6] : (f[6] as typeof value).text)), ["one", "two"]);
});

const ann = [me, "ann", new Time(1)];
const bobId = "ff".repeat(16);
const bob = [new Uint8Array(16).fill(255), "bob", new Time(2)];

test("members", async () => {
  const { client, session } = world();
  const got = chat.at("a").members(client);
  const refused = failure(client.members("b"));
  assert.deepEqual(session.take(), [[2, 13, "chat.a", 1], [2, 13, "b", 2]]);
  session.receive([2, 14, 3, 1, [ann, bob]]);
  session.receive([2, 7, 3, 2, [9, "pubsub.no_members", "none kept"]]);
  assert.deepEqual((await got).map((m) => [m.client, m.user, m.since.seconds]), [[myId, "ann", 1], [bobId, "bob", 2]]);
  assert.equal((await refused).reason, "pubsub.no_members");
});

test("a server that names members without end does not fill the page", async () => {
  const { client, session } = world();
  const feed = client.watchMembers("a");
  const id = new Uint8Array(16);
  const view = new DataView(id.buffer);
  const one = (n: number): unknown[] => (view.setUint32(0, n), [id.slice(), "ann", ann[2]]);
  session.receive([2, 2, 3, 1, null, null, 0, false]);
  session.receive([2, 14, 3, 1, Array.from({ length: maxMembers - 1 }, (_, n) => one(n))]);
  await feed.ready;
  for (let n = 0; n < 1000; n++) {
    session.receive([2, 12, 3, "a", true, ...one(maxMembers + n)]);
    session.receive([2, 12, 3, "a", false, ...one(maxMembers + n)]);
  }
  let told = 0;
  const ended = new Promise<unknown>((resolve) => feed.on(() => told++, resolve));
  await settle();
  assert.equal(told, maxMembers - 1); // nothing of those who came and went meanwhile
  session.take();
  session.receive([2, 12, 3, "a", true, ...one(maxMembers)]);
  session.receive([2, 12, 3, "a", true, ...one(maxMembers + 1)]);
  const err = await ended;
  assert.ok(err instanceof TrefoilError && err.is("pubsub.too_large") && err.is(Code.ResourceExhausted));
  assert.deepEqual(session.take().map((f) => f[1]), [3]);
});

test("watching members: all, changes, and the difference after a reconnect", async () => {
  const { client, session } = world();
  const feed = chat.at("a").watchMembers(client);
  const events: string[] = [];
  const other = client.watchMembers("chat.b");
  feed.on((e: MemberEvent) => events.push(`${e.type} ${e.member.user}`), (err) => events.push(`end ${err?.reason}`));
  const told = async (): Promise<string[]> => {
    await settle();
    return events.splice(0);
  };
  session.receive([2, 2, 3, 1, null, null, 0, false]);
  session.receive([2, 14, 3, 1, [ann]]);
  await feed.ready;
  assert.deepEqual(await told(), ["joined ann"]);
  session.receive([2, 12, 3, "chat.a", true, ...bob]);
  assert.deepEqual(await told(), ["joined bob"]);
  assert.deepEqual(feed.list().map((m) => m.user), ["ann", "bob"]);
  session.receive([2, 12, 3, "chat.a", false, ...bob]);
  session.receive([2, 12, 3, "chat.a", true, ...bob]);
  assert.deepEqual(await told(), [], "who came back meanwhile never left");
  session.end();
  const next = new FakeSession(client);
  assert.deepEqual({ ...(next.take()[0]![4] as object) }, { members: true });
  next.receive([2, 2, 3, 1, null, null, 0, false]);
  next.receive([2, 14, 3, 1, [bob]]);
  assert.deepEqual(await told(), ["left ann"]);
  next.receive([2, 15, 3, 1, [7, "pubsub.denied", "no longer"]]);
  assert.deepEqual(await told(), ["end pubsub.denied"]);
  assert.deepEqual(other.list(), []);
  other.close();
  assert.deepEqual(next.take(), [[2, 3, "chat.b", 2]]);
});
