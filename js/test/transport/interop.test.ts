import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { TrefoilError } from "../../src/status.ts";
import { Client } from "../../src/transport/index.ts";
import type { ClientOptions, Phase, SocketConstructor } from "../../src/transport/index.ts";
import { NodeWebSocket, startServer } from "../server.ts";
import type { Server } from "../server.ts";
import { speak } from "../speak.ts";
import { messageFrames } from "./fake.ts";
import { Probe } from "./pattern.ts";

let server: Server;
before(async () => {
  server = await startServer();
});
after(async () => {
  await server.stop();
});

const options = (json: boolean, more: ClientOptions = {}): ClientOptions => ({ WebSocket: NodeWebSocket, ...speak(json), minBackoff: 1, maxBackoff: 10, ...more });

/** Resolves when the client is in a phase. */
async function reach(client: Client, phase: Phase): Promise<void> {
  for await (const state of client.states()) if (state.phase === phase) return;
}

for (const json of [false, true]) {
  const codec = json ? "json" : "msgpack";

  test(`${codec}: a call goes through`, async () => {
    const probe = new Probe();
    const client = await Client.dial(server.url, options(json, { credentials: () => ({ "": { token: "anna" } }) }), probe);
    const session = client.session;
    assert.ok(session);
    assert.match(client.id, /^[0-9a-f]{32}$/);
    assert.equal(session.client, client.id);
    assert.equal(session.user, "anna");
    assert.equal(client.state.session, session.id);
    session.trySend([session.number("rpc"), 1, 1, "echo", 0, 0, null, { text: "hä?", n: 2n ** 60n, __proto__x: [1.5, null] }]);
    await probe.until(() => probe.frames.length === 1);
    const answer = probe.frames[0];
    assert.ok(answer && answer.kind === 2 && answer.stream === 1);
    assert.deepEqual({ ...(answer.body[0] as object) }, { text: "hä?", n: 2n ** 60n, __proto__x: [1.5, null] });
    await client.close();
    assert.equal(client.state.phase, "closed");
    assert.ok(client.state.error?.is("transport.closed"));
    assert.equal(probe.closed.length, 1);
    assert.equal(probe.finished.length, 1);
  });

  test(`${codec}: large frames both ways, in pieces, between small ones`, async () => {
    const probe = new Probe();
    const client = await Client.dial(server.url, options(json, { outbound: 16 << 20 }), probe);
    const session = client.session;
    assert.ok(session);
    const large = Uint8Array.from({ length: 1 << 20 }, (_, i) => (i * i) >> 3);
    // The first two are under way at the same time; the second of stream 1 must not overtake the first.
    session.trySend([1, 1, 1, "echo", 0, 0, null, large]);
    session.trySend([1, 1, 2, "echo", 0, 0, null, large.subarray(1)]);
    for (let id = 3; id < 30; id++) session.trySend([1, 1, id, "echo", 0, 0, null, id]);
    await probe.until(() => probe.frames.length === 29);
    const answers = new Map(probe.frames.map((f) => [f.stream, f.body[0]]));
    assert.deepEqual(answers.get(1), large);
    assert.deepEqual(answers.get(2), large.slice(1));
    assert.equal(answers.get(29), 29);
    assert.ok(![1, 2].includes(Number(probe.frames[0]?.stream)), "a small frame waited for a large one");
    await client.close();
  });

  test(`${codec}: what is too large is refused here`, async () => {
    const client = await Client.dial(server.url, options(json), new Probe());
    const session = client.session;
    assert.ok(session);
    assert.throws(() => session.trySend([1, 1, 1, "echo", 0, 0, null, new Uint8Array(session.maxFrame)]), (err) => err instanceof TrefoilError && err.is("transport.frame_too_large"));
    assert.throws(() => session.trySend([1, 1, 1, "echo", 0, 0, null, () => 0]), (err) => err instanceof TrefoilError && err.is("codec.type"));
    assert.throws(() => session.trySend([1, 200, 1]), (err) => err instanceof TrefoilError && err.is("transport.bad_frame"));
    await client.close();
    assert.throws(() => session.trySend([1, 1, 1, "echo", 0, 0, null, 1]), (err) => err instanceof TrefoilError && err.is("transport.closed"));
  });

  test(`${codec}: it comes back after the connection was cut`, async () => {
    const probe = new Probe();
    const client = await Client.dial(server.url, options(json), probe);
    const first = client.session;
    assert.ok(first);
    first.trySend([1, 1, 1, "cut", 0, 0, null, null]);
    await probe.until(() => probe.sessions.length === 2);
    assert.ok(probe.closed[0]?.is("transport.connection_lost"));
    assert.ok(first.error?.is("transport.connection_lost"));
    await reach(client, "open");
    const second = client.session;
    assert.ok(second && second.id !== first.id && second.client === first.client);
    second.trySend([1, 1, 2, "echo", 0, 0, null, "back"]);
    await probe.until(() => probe.frames.some((f) => f.body[0] === "back"));
    await client.close();
  });

  test(`${codec}: close codes that say come back`, async () => {
    const probe = new Probe();
    const client = await Client.dial(server.url, options(json), probe);
    client.session?.trySend([1, 1, 1, "close", 0, 0, null, 4003]);
    await probe.until(() => probe.sessions.length === 2);
    assert.ok(probe.closed[0]?.is("transport.internal"));
    await client.close();
  });

  test(`${codec}: close codes that say do not`, async () => {
    const probe = new Probe();
    const client = await Client.dial(server.url, options(json), probe);
    client.session?.trySend([1, 1, 1, "close", 0, 0, null, 4107]);
    await reach(client, "closed");
    assert.ok(client.state.error?.is("transport.kicked"));
    assert.equal(client.state.error?.message, "asked for");
    assert.ok(probe.finished[0]?.is("transport.kicked"));
    await client.close();
  });

  test(`${codec}: superseded by a client with the same key`, async () => {
    const key = crypto.getRandomValues(new Uint8Array(32));
    const older = await Client.dial(server.url, options(json, { key }), new Probe());
    const newer = await Client.dial(server.url, options(json, { key }), new Probe());
    await reach(older, "closed");
    assert.ok(older.state.error?.is("transport.superseded"));
    assert.equal(older.id, newer.id);
    assert.equal(newer.state.phase, "open");
    await newer.close();
  });

  test(`${codec}: wrong credentials`, async () => {
    const wrong = options(json, { credentials: async () => ({ "": { token: "wrong" } }) });
    await assert.rejects(Client.dial(server.url, wrong, new Probe()), (err) => err instanceof TrefoilError && err.code === 16 && err.is("transport.unauthenticated"));
  });

  test(`${codec}: pings are answered, and the session lives`, async () => {
    const probe = new Probe();
    let pongs = 0;
    let enough = (): void => {};
    class Counting extends WebSocket {
      override send(data: string | ArrayBuffer): void {
        pongs += messageFrames(data).filter((f) => Array.isArray(f) && f[0] === 0 && f[1] === 4).length;
        super.send(data);
        if (pongs >= 3) enough();
      }
    }
    const quick = await startServer("-heartbeat", "500ms");
    const client = await Client.dial(quick.url, options(json, { WebSocket: Counting as SocketConstructor }), probe);
    const session = client.session;
    // Without the first pongs the server would have closed after two intervals.
    if (pongs < 3) await new Promise<void>((resolve) => (enough = resolve));
    assert.equal(client.session, session);
    assert.equal(probe.closed.length, 0);
    await client.close();
    await quick.stop();
  });
}

test("without a server dial fails, and new keeps trying", async () => {
  const gone = await startServer();
  await gone.stop();
  await assert.rejects(Client.dial(gone.url, options(false)), (err) => err instanceof TrefoilError && err.is("transport.refused") && err.code === 14);
  const client = new Client(gone.url, options(false, { maxAttempts: 3 }), new Probe());
  await reach(client, "closed");
  assert.equal(client.state.attempt, 3);
  assert.ok(client.state.error?.is("transport.refused"));
});

test("it waits for a server, and survives its restart", async () => {
  const first = await startServer();
  const probe = new Probe();
  const client = new Client(first.url, options(false), probe);
  await reach(client, "open");
  await first.stop("SIGKILL");
  await probe.until(() => probe.closed.length === 1);
  const second = await startServer("-addr", first.addr);
  await probe.until(() => probe.sessions.length === 2);
  await client.close();
  await second.stop();
});
