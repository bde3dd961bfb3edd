import assert from "node:assert/strict";
import { test } from "node:test";
import { Time, type Value, type ValueMap } from "../src/codec/index.ts";
import { PubSub } from "../src/pubsub/index.ts";
import { Peer, method } from "../src/rpc/index.ts";
import { Code, TrefoilError } from "../src/status.ts";
import { Random } from "./dstm/random.ts";
import { FakeSession, settle } from "./rpc/fake.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000_000);
const random = new Random(seed);

const map = (entries: Record<string, Value>): ValueMap => Object.defineProperties(Object.create(null) as ValueMap, Object.getOwnPropertyDescriptors(entries));
/** Names that mean something to JavaScript, as text everywhere. */
const odd = ["__proto__", "constructor", "toString", "then", "", "a.*", ">", "a..b", "\u0000", "*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*"];
const id = new Uint8Array(16);
const scalars: Value[] = [null, true, false, 0, 1, 2, 3, -1, 0.5, 2 ** 53, 2n ** 62n, -(2n ** 62n), NaN, Infinity, id, new Uint8Array(3), new Time(0), map({}), ...odd];

function some(depth: number): Value {
  if (depth === 0 || random.int(3) > 0) return random.pick(scalars);
  const list = Array.from({ length: random.int(6) }, () => some(depth - 1));
  if (random.int(2) === 0) return list;
  return map(Object.fromEntries(list.map((v) => [random.pick(odd), v])));
}

/** A frame that a good server could send, at another time, or with something in it that it would not. */
function spoiled(good: readonly Value[]): Value[] {
  const frame = [...good];
  for (let n = random.int(10) === 0 ? 1 + random.int(2) : 0; n > 0; n--) {
    const at = 2 + random.int(frame.length - 1);
    const there = frame[at];
    if (random.int(6) === 0) frame.length = Math.max(3, at);
    else if (Array.isArray(there) && there.length > 0 && random.int(2) === 0) frame[at] = there.map((v) => (random.int(3) === 0 ? some(2) : v));
    else frame[at] = some(3);
  }
  return frame;
}

/** Has a session take a frame; what it throws ends a session in an orderly way. */
function give(session: FakeSession, frame: readonly Value[]): boolean {
  try {
    session.receive(frame);
    return true;
  } catch (e) {
    const orderly = e instanceof TrefoilError && (e.code === Code.InvalidArgument || e.code === Code.FailedPrecondition);
    assert.ok(orderly, `seed ${seed}: ${e instanceof Error ? e.stack : String(e)}`);
    return false;
  }
}

const texts = map({ ["__proto__"]: "x", k: "v" });
const failed: Value = [10, "no", "not now", map({ ["__proto__"]: 1, by: 2 }), false];

test("rpc: whatever a server sends, calls settle, handlers are bounded, and the next session is as good as new", async () => {
  const ask = method<Value, Value>("ask");
  for (let run = 0; run < 200; run++) {
    const calls = new Peer({ maxConcurrent: 4, onError: () => undefined });
    let running = 0;
    let most = 0;
    method<Value, Value>("do").handle(calls, async (input, info) => {
      most = Math.max(most, ++running);
      info.setMetadata("__proto__", "own");
      await settle();
      running--;
      return input;
    });
    const session = new FakeSession(calls);
    const settled: unknown[] = [];
    for (let n = 0; n < 3; n++) ask.call(calls, n, { onMetadata: () => undefined }).then(() => settled.push(n), () => settled.push(n));
    for (let n = 0; n < 60; n++) {
      const call = 1 + random.int(8);
      const good = random.pick<readonly Value[]>([[1, 1, call, "do", 0, random.int(2), texts, "x"], [1, 2, call, "x", texts], [1, 3, call, failed, texts], [1, 4, call]]);
      if (!give(session, spoiled(good))) break;
      if (random.int(8) === 0) await settle();
    }
    session.end();
    await settle();
    await settle();
    assert.deepEqual([settled.length, running, most <= 4], [3, 0, true], `seed ${seed}`);
    const next = new FakeSession(calls);
    const answer = ask.call(calls, "again");
    next.receive([1, 2, next.take()[0]?.[2], "good"]);
    assert.equal(await answer, "good");
    next.receive([1, 1, 1, "do", 0, 0, null, "x"]);
    await settle();
    await settle();
    const [[, kind, , result, metadata]] = next.take() as [Value[]];
    assert.deepEqual([kind, result, Object.entries(metadata as object)], [2, "x", [["__proto__", "own"]]]);
    next.end();
  }
  assert.equal((Object.prototype as Record<string, unknown>)["k"], undefined);
});

test("pubsub: whatever a server sends, requests settle, subscriptions go on or end, and the next session is as good as new", async () => {
  for (let run = 0; run < 200; run++) {
    const client = new PubSub();
    const session = new FakeSession(client);
    const subs = ["a", "a.*", "*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*", ">"].map((filter) => client.subscribe(filter, { buffer: 8, last: random.int(2) }));
    const members = client.watchMembers("a");
    let heard = 0;
    for (const feed of [...subs, members]) feed.on(() => heard++);
    let settled = 0;
    for (const request of [client.publish("a", 1), client.members("a")]) request.then(() => settled++, () => settled++);
    for (let n = 0; n < 60; n++) {
      const at = 1 + random.int(8);
      const entry: Value = ["a", n, id, texts, "x", null];
      const member: Value = [id, "user", new Time(0)];
      const good = random.pick<readonly Value[]>([
        [2, 2, 3, at, "l", "e", n, random.int(2) === 0], [2, 6, 3, at, "l", "e", n], [2, 7, 3, at, failed], [2, 8, 3, random.pick(["a", "a.b", ...odd]), n, n - 1, id, texts, "x", "k"],
        [2, 9, 3, at, n, random.int(2) === 0, [entry, ["a", n], ["a", n, 4], entry]], [2, 10, 3, at, 1 + random.int(5), "e", 0, n, null], [2, 11, 3, "a", n, 0],
        [2, 12, 3, "a", random.int(2) === 0, member], [2, 14, 3, at, [member, member]], [2, 15, 3, at, failed],
      ]);
      if (!give(session, spoiled(good))) break;
      if (random.int(8) === 0) await settle();
    }
    session.end();
    await settle();
    assert.equal(settled, 2, `seed ${seed}`);
    const next = new FakeSession(client);
    assert.equal(next.take().length, [...subs, members].filter((s) => !s.closed).length, `seed ${seed}`);
    const fresh = client.subscribe("fresh", { last: 1 });
    const asked = next.take()[0] as Value[];
    next.receive([2, 2, 3, asked[3], "fresh", "e", 0, false]);
    await fresh.ready;
    const before = heard;
    fresh.on((e) => e.type === "message" && e.value === "good" && (heard += 1000));
    next.receive([2, 8, 3, "fresh", 1, 0, null, null, "good", null]);
    await settle();
    assert.ok(heard >= before + 1000, `seed ${seed}`);
    client.close();
    next.end();
  }
});
