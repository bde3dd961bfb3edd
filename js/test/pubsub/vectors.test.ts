import assert from "node:assert/strict";
import { test } from "node:test";
import type { SubscriptionEvent } from "../../src/pubsub/index.ts";
import type { TrefoilError } from "../../src/status.ts";
import { FakeSession, settle } from "../rpc/fake.ts";
import { give, readVectors } from "../rpc/vectors.ts";
import type { Vector } from "../rpc/vectors.ts";
import { subscribed, world } from "./helpers.ts";

interface PubSubVector extends Vector {
  yields?: unknown[];
  position?: unknown[];
  settles?: unknown;
}

const { client: vectors } = readVectors<{ client: PubSubVector[] }>("pubsub.json");

const written = (e: SubscriptionEvent): unknown[] =>
  e.type === "message" ? ["message", e.topic, e.position?.offset ?? 0] : ["gap", e.cause, e.topic ?? "", e.after, e.to, e.count];

for (const v of vectors) {
  test(v.name, async () => {
    const { client, session } = world();
    const yields: unknown[] = [];
    const sub = client.subscribe("chat.*");
    sub.on((e) => yields.push(written(e)), (err) => err && yields.push(["end", err.reason]));
    session.receive(subscribed(1, "chat", "e1", 41));
    const spare = client.publish("chat.room", "answered"); // so that the next ids are 3 and 4
    session.receive([2, 6, 3, 2, null, null, 0]);
    await spare;
    const settles: unknown[] = [];
    const failed = (err: TrefoilError): void => void settles.push({ reason: err.reason });
    client.publish("chat.room", "").then((at) => settles.push({ position: at ? [at.log, at.epoch, at.offset] : [null, null, 0] }), failed);
    client.members("chat.room").then((list) => settles.push({ members: list.map((m) => m.client) }), failed);
    const lives = give(session, v);
    await settle();
    assert.deepEqual(yields, v.yields ?? []);
    if (lives) assert.deepEqual(settles, v.settles ? [v.settles] : []);
    session.end();
    await settle();
    if (!v.position) return;
    const { epoch, offset } = new FakeSession(client).take()[0]![4] as { epoch: string; offset: number };
    assert.deepEqual([epoch, offset], v.position);
  });
}
