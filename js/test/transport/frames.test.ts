import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { decode, encode, equal, fromJSON, toJSON } from "../../src/codec/index.ts";
import type { Value } from "../../src/codec/index.ts";
import { Code, TrefoilError } from "../../src/status.ts";
import { CloseCode } from "../../src/transport/close.ts";
import type { ClientOptions } from "../../src/transport/index.ts";
import { speak } from "../speak.ts";
import { World, messageFrames, settle } from "./fake.ts";
import type { FakeSocket } from "./fake.ts";
import { Probe } from "./pattern.ts";

interface Scene {
  world: World;
  socket: FakeSocket;
  probe: Probe;
  send(...frame: unknown[]): void;
}

/** A client with one pattern, number 16, whose session is open. */
async function scene(options: ClientOptions = {}, welcome: Record<string, unknown> = {}): Promise<Scene> {
  const world = new World();
  const probe = new Probe("echo");
  world.client(options, probe);
  await settle();
  const socket = world.socket.open().welcome(welcome);
  const session = probe.sessions[0];
  assert.ok(session);
  return { world, socket, probe, send: (...frame) => session.trySend(frame) };
}

const reason = (of: string) => (err: unknown): boolean => err instanceof TrefoilError && err.is(of);
const both = [false, true];
/** assert.equal that does not narrow the type of what changes later. */
const same: (actual: unknown, expected: unknown, message?: string) => void = assert.equal;

test("hello is the first frame, and nothing else goes before welcome", async () => {
  for (const json of both) {
    const world = new World();
    const probe = new Probe("echo");
    const client = world.client({ ...speak(json), agent: "test/1", credentials: () => ({ "": { token: "t" } }), maxMessage: 5000, maxFrame: 6000 }, probe);
    await settle();
    const { socket } = world;
    assert.equal(socket.sent.length, 0);
    assert.equal(socket.binaryType, "arraybuffer");
    socket.open();
    const [hello] = socket.frames();
    assert.equal(socket.frames().length, 1);
    assert.deepEqual(hello?.slice(0, 3), [0, 1, 0]);
    const map = { ...(hello?.[3] as Record<string, Value>) };
    assert.ok(map["key"] instanceof Uint8Array && map["key"].length === 32);
    delete map["key"];
    assert.ok(equal(map, {
      version: 1, credentials: { "": { token: "t" } }, patterns: ["echo"], features: [], agent: "test/1", maxMessage: 5000, maxFrame: 6000, maxPartial: 8 << 20,
    }), toJSON(map));
    same(probe.sessions.length, 0);
    same(client.session, null);
    socket.welcome();
    const session = client.session;
    assert.ok(session && session === probe.sessions[0]);
    assert.deepEqual([session.id, session.client, session.user, session.number("echo"), session.number("rpc"), session.feature("x"), session.feature("y")],
      ["01".repeat(16), "03".repeat(16), "anna", 16, undefined, true, false]);
    await client.close();
  }
});

test("what a server must not send ends the session, and the client for good", async () => {
  const text = readFileSync(new URL("../../../docs/vectors/frames.json", import.meta.url), "utf8");
  const { malformed } = JSON.parse(text) as { malformed: { name: string; codec: string; input: string; inputHex?: string; close: number }[] };
  for (const v of malformed) {
    // A goaway is a server's right; text that is not UTF-8 no WebSocket hands on.
    if (v.name === "goaway from a client" || v.inputHex !== undefined) continue;
    const json = v.codec === "json";
    const { world, socket, probe } = await scene(speak(json));
    socket.raw(json ? v.input : Buffer.from(v.input, "hex"));
    assert.equal(socket.closed?.code, v.close, `${v.codec}: ${v.name}`);
    await settle();
    assert.equal(probe.finished.length, 1, v.name);
    assert.ok(probe.finished[0]?.is(v.close === 4103 ? "transport.malformed" : "transport.protocol"), v.name);
    assert.equal(world.left, 0, v.name);
  }
});

test("a welcome that is none", async () => {
  const cases: [Record<string, unknown>, number, string][] = [
    [{ version: 2, session: 5 }, 4106, "transport.outdated"],
    [{ version: "1" }, 4103, "transport.malformed"],
    [{ version: null }, 4103, "transport.malformed"],
    [{ session: new Uint8Array(15) }, 4103, "transport.malformed"],
    [{ client: null }, 4103, "transport.malformed"],
    [{ user: 5 }, 4103, "transport.malformed"],
    [{ patterns: { echo: "16" } }, 4103, "transport.malformed"],
    [{ patterns: [1] }, 4103, "transport.malformed"],
    [{ patterns: { echo: 16, other: 16 } }, 4103, "transport.malformed"],
    [{ features: [1] }, 4103, "transport.malformed"],
    [{ heartbeat: -1 }, 4103, "transport.malformed"],
    [{ maxFrame: 4095 }, 4103, "transport.malformed"],
    [{ maxMessage: 1.5 }, 4103, "transport.malformed"],
  ];
  for (const [more, close, of] of cases) {
    const world = new World();
    const client = world.client({}, new Probe("echo"));
    await settle();
    world.socket.open().welcome(more);
    assert.equal(world.socket.closed?.code, close, toJSON(more));
    await settle();
    assert.equal(client.state.phase, "closed");
    assert.ok(client.state.error?.is(of));
    assert.equal(client.state.error?.code, close === 4106 ? Code.FailedPrecondition : Code.Unavailable);
  }
});

test("what a defect makes of a message ends the session: nothing is left out unseen", async (t) => {
  const { socket } = await scene();
  const told = t.mock.method(console, "error", () => undefined);
  const gone = new ArrayBuffer(8);
  structuredClone(gone, { transfer: [gone] });
  (socket as unknown as { emit(event: object): void }).emit({ type: "message", data: gone }); // no WebSocket gives such a one
  assert.equal(socket.closed?.code, CloseCode.internal);
  assert.equal(told.mock.callCount(), 1);
});

test("messages that are no frames of the connection's codec", async () => {
  for (const json of both) {
    const { socket } = await scene(speak(json));
    socket.raw(json ? encode([16, 1, 0]) : "[16,1,0]");
    assert.equal(socket.closed?.code, 4103);
  }
  const world = new World();
  world.client({});
  await settle();
  world.socket.open().say([0, 3, 0, 1]);
  assert.equal(world.socket.closed?.code, 4104, "a ping before welcome");
});

test("what is larger than announced", async () => {
  for (const json of both) {
    const message = await scene({ ...speak(json), maxMessage: 5000 });
    message.socket.say([16, 1, 0, "x".repeat(5000)]);
    assert.equal(message.socket.closed?.code, 4105);
    const frame = await scene({ ...speak(json), maxFrame: 5000 });
    frame.socket.say([16, 1, 0, "ä".repeat(2490)], [16, 1, 0, "ä".repeat(2500)]);
    assert.equal(frame.socket.closed?.code, 4105);
    assert.equal(frame.probe.frames.length, 1, "the frame before it was good");
  }
  const { socket } = await scene({});
  socket.raw("x".repeat(50_000_000));
  assert.equal(socket.closed?.code, 4103);
});

test("what a pattern throws ends the session", async () => {
  const cases: [unknown, number][] = [
    [new TrefoilError(Code.InvalidArgument, "echo.bad", "bad"), 4103],
    [new TrefoilError(Code.FailedPrecondition, "echo.bad", "bad"), 4104],
  ];
  for (const [thrown, close] of cases) {
    const { socket, probe } = await scene();
    probe.onFrame = () => {
      throw thrown;
    };
    socket.say([16, 1, 0], [16, 1, 1]);
    assert.deepEqual(socket.closed, { code: close, reason: "bad" });
    assert.equal(probe.frames.length, 1);
    assert.equal(probe.closed.length, 1);
  }
});

test("a ping is answered from within its message event", async () => {
  for (const json of both) {
    const { socket, probe, send } = await scene(speak(json));
    const before = socket.sent.length;
    socket.say([0, 3, 0, 17]);
    assert.deepEqual(socket.frames(before), [[0, 4, 0, 17]]);
    // It takes along what was queued before, and a pong asks for nothing.
    send(16, 1, 0);
    socket.say([0, 3, 0, 18], [0, 4, 0, 1]);
    assert.deepEqual(socket.frames(before + 1), [[0, 4, 0, 18], [16, 1, 0]]);
    assert.equal(probe.frames.length, 0);
  }
});

test("frames of one turn make one message, as long as the server takes it", async () => {
  for (const json of both) {
    const { socket, send } = await scene(speak(json), { maxMessage: 4096 });
    const before = socket.sent.length;
    for (let i = 0; i < 100; i++) send(16, 1, i, "x".repeat(100));
    assert.equal(socket.sent.length, before);
    await settle();
    const sizes = socket.sent.slice(before).map((m) => (typeof m === "string" ? m.length : m.byteLength));
    assert.ok(sizes.length >= 3 && sizes.length <= 4 && Math.max(...sizes) <= 4096, String(sizes));
    assert.deepEqual(socket.frames(before).map((f) => f[2]), Array.from({ length: 100 }, (_, i) => i));
  }
});

/** Puts chunks together; returns the frames in the order in which they arrive whole, and the largest sum of unfinished ones. */
function assemble(socket: FakeSocket, from: number): { order: Value[][]; unfinished: number } {
  const parts = new Map<Value, Uint8Array[]>();
  const whole = new Map<Value, number>();
  const order: Value[][] = [];
  let unfinished = 0;
  for (const frame of socket.frames(from)) {
    const [pattern, kind, id, last, piece] = frame;
    if (pattern !== 0 || kind !== 6) {
      order.push(frame);
      continue;
    }
    assert.ok(piece instanceof Uint8Array);
    parts.set(id as Value, [...(parts.get(id as Value) ?? []), piece]);
    unfinished = Math.max(unfinished, parts.size);
    if (last !== true) continue;
    const bytes = Buffer.concat(parts.get(id as Value) ?? []);
    parts.delete(id as Value);
    whole.set(id as Value, bytes.length);
    order.push((socket.json ? fromJSON(bytes) : decode(bytes)) as Value[]);
  }
  assert.equal(parts.size, 0);
  return { order, unfinished };
}

test("large frames go in pieces: fair to others, in order within their stream", async () => {
  for (const json of both) {
    const { socket, send } = await scene({ ...speak(json), outbound: 8 << 20 }, { maxMessage: 8192 });
    const before = socket.sent.length;
    const large = "ä".repeat(60_000);
    send(16, 1, "a", 0);
    send(16, 1, "a", 1, large);
    send(16, 1, "a", 2);
    send(16, 1, "a", 3, large);
    send(16, 1, "a", 4);
    send(16, 1, "b", 5, large);
    send(16, 1, 7, 6);
    await settle();
    for (const m of socket.sent.slice(before)) assert.ok((typeof m === "string" ? Buffer.byteLength(m) : m.byteLength) <= 8192);
    const { order, unfinished } = assemble(socket, before);
    const of = (stream: Value): Value[] => order.filter((f) => f[2] === stream).map((f) => f[3] as Value);
    assert.deepEqual(of("a"), [0, 1, 2, 3, 4]);
    assert.equal(order.find((f) => f[3] === 3)?.[4], large);
    assert.equal(unfinished, 2, "the two streams did not take turns");
    const at = (n: number): number => order.findIndex((f) => f[3] === n);
    assert.ok(at(6) < at(1) && at(5) < at(3), "another stream waited");
    // Small frames that come all the time do not keep the large one waiting for ever.
    const { socket: busy, send: sendBusy } = await scene(speak(json), { maxMessage: 4096 });
    const from = busy.sent.length;
    sendBusy(16, 1, "a", large);
    for (let i = 0; i < 500; i++) sendBusy(16, 1, i, "x".repeat(300));
    await settle();
    const first = busy.frames(from).findIndex((f) => f[0] === 0);
    assert.ok(first >= 0 && first < 30, `the first piece comes behind ${first} frames`);
    assert.equal(assemble(busy, from).order.length, 501);
  }
});

test("unfinished frames stay within what the server takes", async () => {
  const { socket, send } = await scene({ outbound: 8 << 20 }, { maxMessage: 4096, maxFrame: 100_000, maxPartial: 150_000 });
  const before = socket.sent.length;
  for (const stream of ["a", "b", "c"]) send(16, 1, stream, new Uint8Array(90_000));
  await settle();
  const { order, unfinished } = assemble(socket, before);
  assert.equal(order.length, 3);
  assert.equal(unfinished, 1, "two of 90,000 bytes at once");
  assert.throws(() => send(16, 1, "a", new Uint8Array(100_000)), reason("transport.frame_too_large"));
});

test("chunks from the server", async () => {
  for (const json of both) {
    const { socket, probe } = await scene({ ...speak(json), maxFrame: 20_000, maxPartial: 30_000 });
    const wire = (...frame: unknown[]): Uint8Array => (json ? new TextEncoder().encode(toJSON(frame)) : encode(frame));
    const a = wire(16, 1, "a", "ä".repeat(2000));
    const b = wire(16, 1, "b", "b".repeat(100));
    socket.say([0, 6, 1, false, a.subarray(0, 777)], [0, 6, 2, true, b], [16, 1, "c"]);
    for (let i = 777; i < a.length; i++) socket.say([0, 6, 1, false, a.subarray(i, i + 1)]);
    socket.say([0, 6, 1, true, new Uint8Array()], [0, 6, 1, true, b]);
    assert.deepEqual(probe.frames.map((f) => f.stream), ["b", "c", "a", "b"]);
    assert.equal(probe.frames[2]?.body[0], "ä".repeat(2000));
    // A ping may be cut as well.
    const before = socket.sent.length;
    socket.say([0, 6, 9, true, wire(0, 3, 0, 5)]);
    assert.deepEqual(socket.frames(before), [[0, 4, 0, 5]]);
    socket.say([0, 6, 1, false, new Uint8Array(15_000)]);
    socket.say([0, 6, 1, false, new Uint8Array(5_001)]);
    assert.equal(socket.closed?.code, 4105);
  }
  const partial = await scene({ maxFrame: 20_000, maxPartial: 30_000 });
  for (const id of [1, 2, 1]) partial.socket.say([0, 6, id, false, new Uint8Array(10_000)]);
  same(partial.socket.closed, null);
  partial.socket.say([0, 6, 3, true, new Uint8Array(1)]);
  assert.equal(partial.socket.closed?.code, 4104);
  const many = await scene();
  for (let i = 0; i < 256; i++) many.socket.say([0, 6, i, false, new Uint8Array()]);
  same(many.socket.closed, null);
  many.socket.say([0, 6, 256, false, new Uint8Array()]);
  assert.equal(many.socket.closed?.code, 4104);
});

test("the queue is bounded, what the WebSocket holds included, and tells when there is room", async () => {
  const { world, socket, probe, send } = await scene({ outbound: 700_000 });
  const session = probe.sessions[0];
  assert.ok(session);
  socket.clogged = true;
  const piece = new Uint8Array(10_000);
  let sent = 0;
  assert.throws(() => {
    for (;;) {
      send(16, 1, sent, piece);
      sent++;
    }
  }, reason("transport.full"));
  assert.equal(sent, 69);
  await settle();
  assert.ok(socket.bufferedAmount >= 256 << 10 && socket.bufferedAmount < 400_000, "it gave the WebSocket more than it can take back");
  const told: string[] = [];
  session.afterDrain(() => told.push("a"));
  session.afterDrain(() => told.push("b"));
  assert.throws(() => send(16, 1, 0, piece), reason("transport.full"));
  await world.pass(100);
  same(told.length, 0);
  socket.bufferedAmount = 0;
  await world.pass(100);
  same(told.length, 0, "the rest went to the WebSocket and is still there");
  socket.bufferedAmount = 0;
  await world.pass(100);
  same(told.join(), "a,b");
  assert.equal(socket.frames(1).length, sent);
  // With room it is told soon, but not at once.
  session.afterDrain(() => told.push("c"));
  same(told.length, 2);
  await settle();
  assert.equal(told.length, 3);
  // A frame above the whole budget goes when nothing else waits.
  socket.bufferedAmount = 0;
  send(16, 1, "large", new Uint8Array(800_000));
  assert.throws(() => send(16, 1, 0), reason("transport.full"));
});

test("pongs have a reserve; when that is full too the session ends", async () => {
  const { socket, probe } = await scene({ outbound: 4096 });
  socket.clogged = true;
  let pings = 0;
  while (!socket.closed && pings < 100_000) {
    socket.say([0, 3, 0, pings++]);
  }
  assert.equal(socket.closed?.code, 4002);
  assert.ok(pings > 5000);
  await settle();
  assert.ok(probe.closed[0]?.is("transport.slow_consumer"));
});

test("a message holds what messageFrames takes apart", () => {
  assert.deepEqual(messageFrames("[1,2,3]\n[4,5,6]"), [[1, 2, 3], [4, 5, 6]]);
});
