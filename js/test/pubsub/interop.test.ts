import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PubSub, topic } from "../../src/pubsub/index.ts";
import type { Message, MemberEvent, Subscription } from "../../src/pubsub/index.ts";
import { Peer, method } from "../../src/rpc/index.ts";
import { Client } from "../../src/transport/index.ts";
import { failure } from "../rpc/fake.ts";
import { NodeWebSocket, startServer } from "../server.ts";
import type { Server } from "../server.ts";
import { speak } from "../speak.ts";
import { short } from "./helpers.ts";

const chat = topic<number>("chat.{room}");
const plain = topic<number>("plain.{room}");
const room = topic<string>("room.{name}");
const cut = method<void, void>("cut");

let server: Server;
before(async () => {
  server = await startServer();
});
after(() => server.stop());

interface User {
  id: string;
  topics: PubSub;
  client: Client;
  /** Breaks the connection and waits until there is another one. */
  cut(): Promise<void>;
}

for (const json of [false, true]) {
  const codec = json ? "json" : "msgpack";

  async function connect(name: string): Promise<User> {
    const [calls, topics] = [new Peer(), new PubSub()];
    const credentials = (): Record<string, Record<string, string>> => ({ "": { token: name } });
    const options = { WebSocket: NodeWebSocket, ...speak(json), minBackoff: 1, maxBackoff: 10, credentials };
    const client = await Client.dial(server.url, options, calls, topics);
    const again = async (): Promise<void> => {
      await cut.call(calls).catch(() => {});
      await method("echo").call(calls, null, { waitReady: true });
    };
    return { id: client.id, topics, client, cut: again };
  }

  const together = (name: string, fn: (ann: User, bob: User, place: string) => Promise<void>): void => {
    test(`${codec}: ${name}`, async () => {
      const [ann, bob] = [await connect("ann"), await connect("bob")];
      try {
        await fn(ann, bob, `${codec}-${name.replace(/\W/g, "-")}`);
      } finally {
        await Promise.all([ann.client.close(), bob.client.close()]);
      }
    });
  };

  /** The next n events, shortened. */
  async function take(sub: Subscription<number>, n: number): Promise<unknown[]> {
    const it = sub[Symbol.asyncIterator]();
    const events: unknown[] = [];
    while (events.length < n) {
      const { value, done } = await it.next();
      if (done) break;
      events.push(short(value));
    }
    return events;
  }

  together("messages, history, positions", async (ann, bob, place) => {
    const live = chat.at(place).subscribe(bob.topics);
    await live.ready;
    const first = await chat.at(place).publish(ann.topics, 1, { metadata: { k: "v" }, key: "key" });
    for (const n of [2, 3, 4]) await chat.at(place).publish(ann.topics, n);
    assert.ok(first && first.offset > 0);
    const { value } = await live[Symbol.asyncIterator]().next();
    const message = value as Message<number>;
    assert.deepEqual([message.value, message.topic, message.position, message.from, message.key], [1, `chat.${place}`, first, ann.id, "key"]);
    assert.equal(message.metadata?.["k"], "v");
    assert.deepEqual(await take(live, 3), [2, 3, 4]);
    assert.deepEqual(await take(chat.at(place).subscribe(bob.topics, { last: 2 }), 2), [3, 4]);
    assert.deepEqual(await take(chat.at(place).subscribe(bob.topics, { from: first }), 3), [2, 3, 4]);
    assert.deepEqual(await take(chat.at(place).subscribe(bob.topics, { from: "oldest" }), 4), [1, 2, 3, 4]);
    const made = chat.at(place).subscribe(bob.topics, { from: { ...first, epoch: "another" } });
    assert.deepEqual(await take(made, 1), ["2:0-0"]);
    await chat.at(place).publish(ann.topics, 5);
    assert.deepEqual(await take(made, 1), [5]);
  });

  together("cuts lose and double nothing", async (ann, bob, place) => {
    const exact = chat.at(place).subscribe(bob.topics);
    const all = chat.all().subscribe(bob.topics, { buffer: 1000 });
    await Promise.all([exact.ready, all.ready]);
    const many = 90; // history holds 100
    const publishing = (async () => {
      for (let n = 1; n <= many; n++) await chat.at(place).publish(ann.topics, n);
    })();
    const cutting = (async () => {
      for (let i = 0; i < 6; i++) await bob.cut();
    })();
    const wanted = Array.from({ length: many }, (_, i) => i + 1);
    assert.deepEqual(await take(exact, many), wanted);
    assert.deepEqual(await take(all, many), wanted);
    await Promise.all([publishing, cutting]);
  });

  together("history that does not reach back is told", async (ann, bob, place) => {
    const sub = chat.at(place).subscribe(bob.topics, { last: 1 });
    const first = await chat.at(place).publish(ann.topics, 0);
    assert.ok(first);
    assert.deepEqual(await take(sub, 1), [0]);
    for (let n = 1; n <= 150; n++) await chat.at(place).publish(ann.topics, n);
    const late = chat.at(place).subscribe(bob.topics, { from: first });
    const [gap, ...rest] = await take(late, 101);
    assert.match(String(gap), /^1:/);
    assert.deepEqual(rest, Array.from({ length: 100 }, (_, i) => i + 51));
  });

  together("without history a cut is told", async (ann, bob, place) => {
    const sub = plain.at(place).subscribe(bob.topics);
    await sub.ready;
    assert.equal(await plain.at(place).publish(ann.topics, 1), null);
    assert.deepEqual(await take(sub, 1), [1]);
    await bob.cut();
    assert.deepEqual(await take(sub, 1), ["65:0-0"]);
    await plain.at(place).publish(ann.topics, 2);
    assert.deepEqual(await take(sub, 1), [2]);
  });

  together("not to myself", async (ann, bob, place) => {
    const mine = chat.at(place).subscribe(ann.topics);
    const theirs = chat.at(place).subscribe(bob.topics);
    await Promise.all([mine.ready, theirs.ready]);
    await chat.at(place).publish(ann.topics, 1, { notToMyself: true });
    await chat.at(place).publish(ann.topics, 2);
    assert.deepEqual(await take(theirs, 2), [1, 2]);
    assert.deepEqual(await take(mine, 1), [2]);
  });

  together("what no rule allows", async (ann) => {
    const refused = ann.topics.subscribe("secret");
    assert.equal((await failure(refused.ready)).reason, "pubsub.denied");
    assert.equal((await failure(ann.topics.publish("secret", 1))).reason, "pubsub.denied");
    assert.equal((await failure(ann.topics.members("chat.a"))).reason, "pubsub.no_members");
    assert.equal((await failure(ann.topics.watchMembers("chat.a").ready)).reason, "pubsub.no_members");
  });

  together("members", async (ann, bob, place) => {
    const feed = room.at(place).watchMembers(ann.topics);
    const events = feed[Symbol.asyncIterator]();
    await feed.ready;
    const next = async (): Promise<string> => {
      const { type, member } = (await events.next()).value as MemberEvent;
      return `${type} ${member.user} ${member.client === bob.id}`;
    };
    const sub = room.at(place).subscribe(bob.topics);
    assert.equal(await next(), "joined bob true");
    const [member] = await room.at(place).members(ann.topics);
    assert.deepEqual([member?.client, member?.user], [bob.id, "bob"]);
    assert.ok(member && Math.abs(member.since.toDate().getTime() - Date.now()) < 60_000);
    await ann.cut();
    sub.close();
    assert.equal(await next(), "left bob true");
    assert.deepEqual(feed.list(), []);
  });
}
