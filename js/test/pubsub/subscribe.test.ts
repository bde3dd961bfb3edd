import assert from "node:assert/strict";
import { test } from "node:test";
import { Cause, PubSub, topic } from "../../src/pubsub/index.ts";
import type { Message } from "../../src/pubsub/index.ts";
import { Code, TrefoilError } from "../../src/status.ts";
import { FakeSession, failure, settle, thrown } from "../rpc/fake.ts";
import { collect, entry, myId, publication, replay, subscribed, world } from "./helpers.ts";

test("subscribe, its answer, messages", async () => {
  const { client, session } = world();
  const chat = topic<{ text: string }>("chat.{room}");
  const sub = chat.at("a").subscribe(client);
  assert.deepEqual(session.take(), [[2, 1, "chat.a", 1, null]]);
  session.receive(subscribed(1, "chat", "e1", 5));
  await sub.ready;
  session.receive([2, 8, 3, "chat.a", 6, 4, null, { k: "v" }, { text: "hi" }, "key", "later"]);
  session.receive(publication("chat.a", 7, 6, { text: "ho" }));
  session.receive(publication("chat.b", 8, 0, { text: "elsewhere" }));
  const events: Message<{ text: string }>[] = [];
  for await (const e of sub) {
    assert.ok(e.type === "message");
    events.push(e);
    if (events.length === 2) break;
  }
  const [a, b] = events;
  assert.equal(a!.value.text, "hi");
  assert.deepEqual(a!.position, { log: "chat", epoch: "e1", offset: 6 });
  assert.deepEqual([a!.topic, a!.from, { ...a!.metadata }, a!.key], ["chat.a", null, { k: "v" }, "key"]);
  assert.deepEqual([b!.from, b!.metadata, b!.key], [myId, null, null]);
  assert.equal(sub.closed, true, "leaving the loop closes");
  assert.deepEqual(session.take(), [[2, 3, "chat.a", 1]]);
});

test("the options of subscribe", () => {
  const { client, session } = world();
  const options = (): unknown => {
    const o = session.take()[0]![4];
    return o && { ...(o as object) };
  };
  client.subscribe("a", { from: { log: "l", epoch: "e", offset: 3 } });
  assert.deepEqual(options(), { log: "l", epoch: "e", offset: 3 });
  client.subscribe("a", { from: "oldest" });
  assert.deepEqual(options(), { last: 2 ** 31 - 1 });
  client.subscribe("a", { last: 7 });
  assert.deepEqual(options(), { last: 7 });
  client.subscribe("a", { from: null, last: 0 });
  assert.equal(options(), null);
  client.watchMembers("a");
  assert.deepEqual(options(), { members: true });
  for (const bad of [{ last: -1 }, { last: 1.5 }, { buffer: 0 }, { from: "oldest" as const, last: 1 }, { from: { log: "", epoch: "e".repeat(33), offset: 0 } }]) {
    assert.equal(thrown(() => client.subscribe("a", bad)).reason, "pubsub.bad_request");
  }
  assert.equal(thrown(() => client.subscribe("a..b")).reason, "pubsub.bad_topic");
});

test("live: seen ones are ignored, holes are told, skips move on", async () => {
  const { client, session } = world();
  const events = collect(client.subscribe("chat.a"));
  session.receive(publication("chat.a", 5, 0, "before the answer"));
  session.receive(subscribed(1, "chat", "e1", 5));
  session.receive(publication("chat.a", 5, 3, "seen"));
  session.receive(publication("chat.a", 6, 5, "next"));
  session.receive(publication("chat.a", 9, 8, "hole"));
  session.receive([2, 11, 3, "chat.a", 12, 9]);
  session.receive(publication("chat.a", 13, 12, "after the skip"));
  session.receive([2, 11, 3, "chat.a", 20, 15]);
  session.receive([2, 11, 3, "chat.a", 20, 15]);
  assert.deepEqual(await events(), ["next", "1:6-8", "hole", "after the skip", "1:13-15"]);
});

test("without history everything is delivered, and a reconnect is a gap", async () => {
  const { client, session } = world();
  const events = collect(client.subscribe("plain.a"));
  session.receive(subscribed(1, null, null, 0));
  session.receive(publication("plain.a", 0, 0, 1));
  session.receive(publication("plain.a", 0, 0, 2));
  session.end();
  const next = new FakeSession(client, 0);
  next.receive(publication("plain.a", 0, 0, "not asked for at all"));
  next.drain();
  assert.deepEqual(next.take(), [[2, 1, "plain.a", 1, null]]);
  next.receive(publication("plain.a", 0, 0, "not yet asked for"));
  next.receive(subscribed(1, null, null, 0));
  next.receive(publication("plain.a", 0, 0, 3));
  assert.deepEqual(await events(), [1, 2, "65:0-0", 3]);
});

test("a stored position on a topic that keeps no history any more", async () => {
  const { client, session } = world();
  const events = collect(client.subscribe("plain.a", { from: { log: "l", epoch: "e", offset: 3 } }));
  session.receive(subscribed(1, null, null, 0));
  assert.deepEqual(await events(), ["65:0-0"]);
});

test("replay: in order, once, with skips and missing ones, then live", async () => {
  const { client, session } = world();
  const events = collect(client.subscribe("chat.*", { last: 10 }));
  session.receive(subscribed(1, "chat", "e1", 10, true));
  session.receive(publication("chat.a", 30, 12, "not for who replays"));
  session.receive(replay(1, 20, false, entry("chat.a", 10, "seen"), entry("chat.a", 12, "a"), ["chat.b", 13], ["chat.b", 15, 4], entry("chat.b", 16, "b")));
  session.receive(publication("chat.a", 31, 12, "still not"));
  session.receive(replay(1, 31, true, entry("chat.a", 30, "c"), entry("chat.a", 31, "d")));
  session.receive(publication("chat.a", 31, 30, "seen"));
  session.receive(publication("chat.b", 32, 16, "live"));
  assert.deepEqual(await events(), ["a", "4:14-15#1", "b", "c", "d", "live"]);
});

test("a live subscription is put to replaying and back", async () => {
  const { client, session } = world();
  const sub = client.subscribe("chat.a");
  const events = collect(sub);
  session.receive(subscribed(1, "chat", "e1", 1));
  session.receive(publication("chat.a", 2, 1, 2));
  session.receive(replay(1, 0, false));
  session.receive(publication("chat.a", 4, 3, "not yet"));
  session.receive(replay(1, 3, false, entry("chat.a", 3, 3)));
  session.receive(replay(1, 4, true, entry("chat.a", 4, 4)));
  session.receive(publication("chat.a", 5, 4, 5));
  assert.deepEqual(await events(), [2, 3, 4, 5]);
});

test("upTo moves the position, and never back", async () => {
  const { client, session } = world();
  const events = collect(client.subscribe("chat.a", { last: 1 }));
  session.receive(subscribed(1, "chat", "e1", 10, true));
  session.receive(replay(1, 20, true));
  session.receive(publication("chat.a", 21, 20, "no hole"));
  session.receive(replay(1, 5, true));
  session.receive(publication("chat.a", 21, 20, "seen"));
  assert.deepEqual(await events(), ["no hole"]);
});

test("gaps that the server tells keep the position", async () => {
  const { client, session } = world();
  const sub = client.subscribe("chat.a", { from: { log: "chat", epoch: "e1", offset: 10 } });
  const events = collect(sub);
  session.receive(subscribed(1, "chat", "e1", 10, true));
  session.receive([2, 10, 3, 1, 1, "e1", 10, 41, null]);
  session.receive(replay(1, 41, true, entry("chat.a", 40, "may still come"), entry("chat.a", 41, "x")));
  session.receive([2, 10, 3, 1, 3, null, 0, 0, 7]);
  session.receive([2, 10, 3, 1, 99, null, 0, 0]);
  assert.deepEqual(await events(), ["1:10-41", "may still come", "x", "3:0-0#7", "99:0-0"]);
});

test("a new epoch moves the position", async () => {
  const { client, session } = world();
  const sub = client.subscribe("chat.a");
  const events = collect(sub);
  session.receive(subscribed(1, "chat", "e1", 100));
  session.receive([2, 10, 3, 1, 2, "e2", 3, 3, null]);
  session.receive(publication("chat.a", 3, 2, "seen in the new epoch"));
  session.receive(publication("chat.a", 4, 3, "new"));
  assert.deepEqual(await events(), ["2:0-0", "new"]);
  session.end();
  const next = new FakeSession(client);
  assert.deepEqual({ ...(next.take()[0]![4] as object) }, { log: "chat", epoch: "e2", offset: 4 });
  next.receive(subscribed(1, "chat", "e3", 9, true));
  next.receive([2, 10, 3, 1, 2, "e3", 9, 9]);
  next.receive(replay(1, 9, true));
  next.receive(publication("chat.a", 10, 9, "newest"));
  assert.deepEqual(await events(), ["2:0-0", "newest"]);
});

test("a connection lost between the answer of a new epoch and its gap", async () => {
  const { client, session } = world();
  const events = collect(client.subscribe("chat.a"));
  session.receive(subscribed(1, "chat", "e1", 100));
  session.end();
  const second = new FakeSession(client);
  second.receive(subscribed(1, "chat", "e2", 9, true));
  second.end();
  const third = new FakeSession(client);
  assert.deepEqual({ ...(third.take()[0]![4] as object) }, { log: "chat", epoch: "e1", offset: 100 }, "nobody was told yet");
  third.receive(subscribed(1, "chat", "e2", 12, true));
  third.receive([2, 10, 3, 1, 2, "e2", 12, 12, null]);
  third.end();
  assert.deepEqual({ ...(new FakeSession(client).take()[0]![4] as object) }, { log: "chat", epoch: "e2", offset: 12 });
  assert.deepEqual(await events(), ["2:0-0"]);
});

test("resume after a reconnect, from where it stood", async () => {
  const { client, session } = world();
  const events = collect(client.subscribe("chat.a", { last: 3 }));
  session.end();
  const second = new FakeSession(client);
  assert.deepEqual({ ...(second.take()[0]![4] as object) }, { last: 3 }, "it was never answered");
  second.receive(subscribed(1, "chat", "e1", 5, true));
  second.receive(replay(1, 7, false, entry("chat.a", 7, 7)));
  second.end();
  const third = new FakeSession(client);
  assert.deepEqual({ ...(third.take()[0]![4] as object) }, { log: "chat", epoch: "e1", offset: 7 });
  third.receive(subscribed(1, "chat", "e1", 7, true));
  third.receive(replay(1, 8, true, entry("chat.a", 7, "again"), entry("chat.a", 8, 8)));
  third.receive(publication("chat.a", 9, 8, 9));
  assert.deepEqual(await events(), [7, 8, 9]);
});

test("an answer cannot move the position back within an epoch", async () => {
  const { client, session } = world();
  const events = collect(client.subscribe("chat.a"));
  session.receive(subscribed(1, "chat", "e1", 7));
  session.end();
  const next = new FakeSession(client);
  next.receive(subscribed(1, "chat", "e1", 5, true));
  next.receive(replay(1, 8, true, entry("chat.a", 6, "seen"), entry("chat.a", 8, 8)));
  assert.deepEqual(await events(), [8]);
});

test("subscriptions to what comes share the wire", async () => {
  const { client, session } = world();
  const a = client.subscribe("chat.a");
  const b = client.subscribe("chat.a");
  const history = client.subscribe("chat.a", { last: 1 });
  assert.equal(session.take().length, 2);
  session.receive(subscribed(1, "chat", "e1", 1));
  const c = client.subscribe("chat.a");
  await Promise.all([a.ready, b.ready, c.ready]);
  assert.equal(session.take().length, 0);
  const events = [a, b, c, history].map(collect);
  session.receive(publication("chat.a", 2, 1, "x"));
  assert.deepEqual(await Promise.all(events.map((e) => e())), [["x"], ["x"], ["x"], []]);
  a.close();
  b.close();
  assert.deepEqual(session.take(), []);
  c.close();
  c.close();
  assert.deepEqual(session.take(), [[2, 3, "chat.a", 1]]);
  session.end();
  client.subscribe("chat.a"); // the wire that replays cannot be joined
  assert.equal(new FakeSession(client).take().length, 2);
});

test("a filter gets what it matches, once, and topics of its namespace only", async () => {
  const { client, session } = world();
  const filters = ["chat.*", "chat.>", ">", "*.a", "chat.a", "shop:>", "*"];
  const events = filters.map((f) => collect(client.subscribe(f)));
  filters.forEach((_, i) => session.receive(subscribed(i + 1, "l", "e", 0)));
  session.receive(publication("chat.a", 1, 0, 1));
  session.receive(publication("chat.a.b", 2, 0, 2));
  session.receive(publication("shop:chat.a", 3, 0, 3));
  session.receive(publication("chat", 4, 0, 4));
  assert.deepEqual(await Promise.all(events.map((e) => e())), [[1], [1, 2], [1, 2, 4], [1], [1], [3], [4]]);
});

test("refused and ended subscriptions end with the server's error", async () => {
  const { client, session } = world();
  const a = client.subscribe("a");
  const b = client.subscribe("b");
  const ends = collect(b);
  session.receive([2, 7, 0, 1, [7, "pubsub.denied", "no"]]);
  assert.equal((await failure(a.ready)).reason, "pubsub.denied");
  assert.equal((await failure((async () => { for await (const _ of a); })())).code, Code.PermissionDenied);
  session.receive(subscribed(2, "l", "e", 0));
  session.receive(publication("b", 1, 0, "last"));
  session.receive([2, 15, 3, 2, [7, "pubsub.denied", "no longer"]]);
  assert.deepEqual(await ends(), ["last", "end pubsub.denied"]);
  assert.equal(b.closed, true);
  session.receive(replay(2, 9, true));
  session.take();
  b.close();
  assert.deepEqual(session.take(), [], "nothing is told about what has ended");
  session.end();
  assert.deepEqual(new FakeSession(client).take(), []);
});

test("subscriptions made without a session, or without room", async () => {
  const client = new PubSub();
  const a = client.subscribe("a");
  const b = client.subscribe("b");
  const gone = client.subscribe("gone");
  gone.close();
  assert.equal((await failure(gone.ready)).code, Code.Canceled);
  const session = new FakeSession(client, 1);
  assert.deepEqual(session.take().map((f) => f[2]), ["a"]);
  b.close();
  client.subscribe("c");
  session.drain();
  assert.deepEqual(session.take().map((f) => [f[1], f[2]]), [[1, "c"]], "b was never asked for");
  session.receive(subscribed(1, "l", "e", 0));
  await a.ready;
});

test("a signal closes a subscription", async () => {
  const { client, session } = world();
  const abort = new AbortController();
  const sub = client.subscribe("a", { signal: abort.signal });
  const feed = client.watchMembers("a", { signal: abort.signal });
  const ends = collect(sub);
  session.take();
  abort.abort();
  assert.deepEqual(await ends(), ["end"]);
  assert.equal(feed.closed, true);
  assert.deepEqual(session.take().map((f) => f[1]), [3, 3]);
  assert.equal(client.subscribe("a", { signal: abort.signal }).closed, true);
  assert.equal(client.watchMembers("a", { signal: abort.signal }).closed, true);
  assert.deepEqual(session.take(), []);
});

test("the client's end ends everything", async () => {
  const { client, session } = world();
  const sub = client.subscribe("a");
  const ends = collect(sub);
  const publish = failure(client.publish("a", 1));
  session.take();
  client.close();
  client.finish(new TrefoilError(Code.Unavailable, "transport.closed", ""));
  assert.deepEqual(await ends(), ["end pubsub.closed"]);
  assert.equal((await publish).unknown, true);
  assert.deepEqual(session.take().map((f) => f[1]), [3]);
  assert.equal((await failure(client.publish("a", 1))).reason, "pubsub.closed");
  assert.equal((await failure(client.subscribe("a").ready)).reason, "pubsub.closed");
  assert.deepEqual(new FakeSession(client).take(), []);
  session.receive(publication("a", 1, 0, 1));
});

test("a throw in a listener is nobody else's", async (t) => {
  const { client, session } = world();
  const sub = client.subscribe("a");
  const stray: unknown[] = [];
  const before = globalThis.reportError; // Node has none
  globalThis.reportError = (err) => void stray.push(err);
  t.after(() => (globalThis.reportError = before));
  const stop = sub.on(() => {
    throw new Error("mine");
  });
  const events = collect(sub);
  session.receive(subscribed(1, "l", "e", 0));
  session.receive(publication("a", 1, 0, 1));
  session.receive(publication("a", 2, 1, 2));
  assert.deepEqual(await events(), [1, 2]);
  stop();
  session.receive(publication("a", 3, 2, 3));
  assert.deepEqual(await events(), [3]);
  assert.equal(stray.length, 2);
});

test("a buffer that is full drops the oldest and tells", async () => {
  const { client, session } = world();
  const sub = client.subscribe("a", { buffer: 2 });
  session.receive(subscribed(1, "l", "e", 0));
  for (let i = 1; i <= 5; i++) {
    session.receive(publication("a", i, i - 1, i));
    await settle();
  }
  const events = collect(sub);
  assert.deepEqual(await events(), ["64:0-3#3", 4, 5]);
  session.receive(publication("a", 6, 5, 6));
  assert.deepEqual(await events(), [6]);
});

test("dropped gaps count as what they stood for", async () => {
  const { client, session } = world();
  const sub = client.subscribe("a", { buffer: 1 });
  session.receive(subscribed(1, "l", "e", 0));
  session.receive(publication("a", 5, 4, 5));
  await settle();
  session.receive(publication("a", 6, 5, 6));
  const events = collect(sub);
  assert.deepEqual(await events(), ["64:0-5", 6]);
});

test("dropped events of several epochs have no bounds", async () => {
  const { client, session } = world();
  const sub = client.subscribe("a", { buffer: 1 });
  session.receive(subscribed(1, "l", "e", 0));
  for (const frame of [publication("a", 5, 0, 5), [2, 10, 3, 1, 2, "e2", 1, 1, null], publication("a", 2, 1, 2), publication("a", 3, 2, 3)]) {
    session.receive(frame);
    await settle();
  }
  const { value: gap } = await sub[Symbol.asyncIterator]().next();
  assert.ok(gap?.type === "gap");
  assert.deepEqual([gap.epoch, gap.after, gap.to, gap.count], ["e2", 0, 0, null]);
});

test("the buffer is bounded in bytes, too", async () => {
  const { client, session } = world();
  const sub = client.subscribe("plain.a", { bufferBytes: 2000 });
  session.receive(subscribed(1, null, null, 0));
  for (const payload of [["x".repeat(700)], { k: new Uint8Array(700) }, "small", "x".repeat(5000)]) {
    session.receive(publication("plain.a", 0, 0, payload));
    await settle();
  }
  const events = collect(sub);
  assert.deepEqual(await events(), ["64:0-0#3", "x".repeat(5000)]);
});

test("a message of the connection larger than the buffer loses nothing for who keeps up", async () => {
  const { client, session } = world();
  const sub = client.subscribe("a", { buffer: 2 });
  session.receive(subscribed(1, "l", "e", 0));
  const values: unknown[] = [];
  const done = (async () => {
    for await (const e of sub) {
      assert.equal(e.type, "message");
      if (e.type === "message" && values.push(e.value) === 1000) break;
    }
  })();
  for (let i = 1; i <= 1000; i++) session.receive(publication("a", i, i - 1, i));
  await done;
  assert.deepEqual(values, Array.from({ length: 1000 }, (_, i) => i + 1));
});

test("several iterators share the messages", async () => {
  const { client, session } = world();
  const sub = client.subscribe("a");
  const [x, y] = [sub[Symbol.asyncIterator](), sub[Symbol.asyncIterator]()];
  const both = [x.next(), y.next(), x.next()];
  session.receive(subscribed(1, "l", "e", 0));
  session.receive(publication("a", 1, 0, 1));
  session.receive(publication("a", 2, 1, 2));
  sub.close();
  const got = await Promise.all(both);
  assert.deepEqual(got.map((r) => (r.done ? "end" : (r.value as Message).value)), [1, 2, "end"]);
});

test("an entry that is malformed is asked for again in the next session", async () => {
  const { client, session } = world();
  const events = collect(client.subscribe("a", { last: 5 }));
  session.take();
  session.receive(subscribed(1, "l", "e", 0, true));
  assert.throws(() => session.receive(replay(1, 2, true, entry("a", 1, "good"), ["a", 2, "no id", null, "bad", null])));
  session.end();
  const next = new FakeSession(client);
  assert.deepEqual(next.take().map((f) => ({ ...(f[4] as object) })), [{ log: "l", epoch: "e", offset: 1 }]);
  assert.deepEqual(await events(), ["good"]);
});

test("the same function may listen twice, and each is taken away by itself", async () => {
  const { client, session } = world();
  const sub = client.subscribe("a");
  let n = 0;
  const fn = (): void => void n++;
  const stop = sub.on(fn);
  sub.on(fn);
  session.receive(subscribed(1, "l", "e", 0));
  session.receive(publication("a", 1, 0, 1));
  await settle();
  stop();
  session.receive(publication("a", 2, 1, 2));
  await settle();
  assert.equal(n, 3);
});

test("malformed frames end the session as such", () => {
  const { client, session } = world();
  client.subscribe("a");
  const bad = [
    [2, 8, 3, "a", 1, 0, me16(15), null, 1, null], [2, 8, 3, "a", 1], [2, 8, 3, "a", 1.5, 0, null, null, 1], [2, 8, 3, "a", 1, 0, null, { k: 1 }, 1],
    [2, 8, 3, 7, 1, 0, null, null, 1], [2, 2, 3, 1, "l"], [2, 2, 3, "1", "l", "e", 0, false], [2, 2, 3, 1, "l", "e", -1, false],
    [2, 9, 3, 1, 5, true], [2, 9, 3, 1, 5, true, [[1, 2]]], [2, 9, 3, 1, 5, true, [5]], [2, 10, 3, 1, 1, "e", 0], [2, 7, 3, 1, 5],
    [2, 12, 3, "a", true, null, "", null], [2, 11, 3, "a"], [2, 11, "a", "a", 1, 0],
  ];
  for (const frame of bad) assert.equal(thrown(() => session.receive(frame)).code, Code.InvalidArgument, JSON.stringify(frame));
  assert.equal(thrown(() => session.receive([2, 99, 3, 1])).code, Code.FailedPrecondition);
  assert.equal(thrown(() => session.receive([2, 1, 3, 1, null])).code, Code.FailedPrecondition);
  assert.equal(Cause.BufferFull, 64);
});

function me16(length: number): Uint8Array {
  return new Uint8Array(length);
}
