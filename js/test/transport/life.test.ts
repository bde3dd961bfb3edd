import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, TrefoilError } from "../../src/status.ts";
import { Client, json } from "../../src/transport/index.ts";
import type { State } from "../../src/transport/index.ts";
import { World, settle } from "./fake.ts";
import { Probe } from "./pattern.ts";

/** assert.equal that does not narrow the type of what changes later. */
const same: (actual: unknown, expected: unknown, message?: string) => void = assert.equal;

async function opened(world: World, client: Client, welcome: Record<string, unknown> = {}): Promise<void> {
  await settle();
  world.socket.open().welcome(welcome);
  await settle();
  same(client.state.phase, "open");
}

test("a server that says nothing for two and a half intervals is dead", async () => {
  const world = new World();
  const probe = new Probe("echo");
  const client = world.client({}, probe);
  await opened(world, client);
  await world.pass(2400);
  world.socket.say([0, 3, 0, 1]);
  await world.pass(2400);
  same(client.state.phase, "open");
  const { socket } = world;
  await world.pass(200);
  assert.equal(socket.closed?.code, 4001);
  assert.ok(probe.closed[0]?.is("transport.heartbeat"));
  await world.pass(1000);
  same(world.sockets.length, 2);
  await opened(world, client);
  await client.close();
  assert.equal(world.left, 0);
});

test("a page that was away looks at once, and hears first what had come", async () => {
  const world = new World();
  const client = world.client({});
  await opened(world, client);
  const { socket } = world;
  world.sleep(60_000);
  await world.wake();
  socket.say([0, 3, 0, 1]); // it had been there for long
  await world.pass(100);
  same(socket.closed, null);
  world.sleep(60_000);
  await world.wake();
  await world.pass(60);
  assert.equal(socket.closed?.code, 4001);
  await client.close();
});

test("a server that takes nothing is left, one that is slow is not", async () => {
  const world = new World();
  const client = world.client({}, new Probe("echo"));
  await opened(world, client);
  const { socket } = world;
  socket.clogged = true;
  const talk = async (times: number, each: () => void): Promise<void> => {
    for (let i = 0; i < times && !socket.closed; i++) {
      each();
      socket.say([0, 4, 0, i]);
      await world.pass(500);
    }
  };
  // More comes than goes: what waits grows, and still the server reads.
  await talk(20, () => {
    client.session?.trySend([16, 1, 0, "x".repeat(1000)]);
    socket.bufferedAmount = Math.max(0, socket.bufferedAmount - 100);
  });
  same(socket.closed, null);
  // Nothing waits when it is looked, something is sent just before the next look, and goes in time.
  socket.bufferedAmount = 0;
  await talk(20, () => {
    socket.bufferedAmount = 0;
    client.session?.trySend([16, 1, 0, "x"]);
  });
  same(socket.closed, null);
  await talk(8, () => {});
  assert.equal(socket.closed?.code, 4002);
  await client.close();
});

test("backoff is exponential, bounded and random", async () => {
  const world = new World();
  world.chance = 0.999;
  const client = world.client({ minBackoff: 100, maxBackoff: 1000 });
  const delays: number[] = [];
  client.onState((state) => {
    if (state.retry) delays.push(state.retry.getTime() - Date.now());
  });
  for (let i = 0; i < 6; i++) {
    await settle();
    same(world.sockets.length, i + 1);
    world.socket.drop();
    await settle();
    same(client.state.attempt, i + 1);
    assert.ok(client.state.error?.is("transport.refused"));
    await world.pass([100, 200, 400, 800, 1000, 1000][i] as number);
  }
  for (const [i, top] of [100, 200, 400, 800, 1000, 1000].entries()) assert.ok((delays[i] ?? 0) > top * 0.9 && (delays[i] ?? 0) <= top + 5, `${i}: ${delays[i]}`);
  // A session that lived for an interval begins anew; one that did not counts as a failure.
  await opened(world, client);
  await world.pass(10);
  world.socket.drop();
  await settle();
  same(client.state.attempt, 7);
  await world.pass(1000);
  await opened(world, client);
  await world.pass(1000);
  world.socket.drop();
  await settle();
  same(client.state.attempt, 0);
  world.chance = 0;
  await client.close();
  assert.equal(world.left, 0);
});

test("when the network is back or the page is seen it does not wait", async () => {
  const world = new World();
  const client = world.client({ minBackoff: 20_000 });
  await settle();
  world.socket.drop();
  await world.pass(1);
  same(world.sockets.length, 1);
  await world.wake();
  same(world.sockets.length, 2);
  assert.equal(client.state.retry, null);
  await client.close();
});

test("goaway: the session goes on until the delay is over, and the next follows at once", async () => {
  const world = new World();
  const probe = new Probe("echo");
  const client = world.client({ minBackoff: 20_000 }, probe);
  await opened(world, client, { heartbeat: 0 });
  const { socket } = world;
  socket.say([0, 5, 0, 3000, "restart"]);
  await world.pass(2900);
  socket.say([16, 1, 0]);
  assert.equal(probe.frames.length, 1);
  await world.pass(200);
  assert.equal(socket.closed?.code, 4000);
  same(world.sockets.length, 2);
  // If the server is faster, what is left of the delay is waited, whatever the page sees.
  await opened(world, client, { heartbeat: 0 });
  world.socket.say([0, 5, 0, 3000]);
  world.socket.drop(4000, "restart");
  await world.pass(1000);
  await world.wake();
  same(world.sockets.length, 2);
  await world.pass(2100);
  same(world.sockets.length, 3);
  await client.close();
});

test("close codes: who comes back", async () => {
  const cases: [number, boolean, string][] = [
    [1000, false, "transport.normal"], [1001, true, "transport.connection_lost"], [1006, true, "transport.connection_lost"], [4000, true, "transport.going_away"],
    [4005, true, "transport.expired"], [4050, true, "transport.close_4050"], [4099, true, "transport.close_4099"], [4100, true, "transport.superseded"],
    [4102, false, "transport.permission_denied"], [4107, false, "transport.kicked"], [4150, false, "transport.close_4150"], [4199, false, "transport.close_4199"],
    [4200, true, "transport.connection_lost"],
  ];
  for (const [code, back, of] of cases) {
    const world = new World();
    const probe = new Probe("echo");
    const client = world.client({}, probe);
    await opened(world, client);
    const session = client.session;
    world.socket.drop(code, "why");
    assert.ok(probe.closed[0]?.is(of), `${code}: ${probe.closed[0]}`);
    assert.equal(session?.error, probe.closed[0]);
    await world.pass(100);
    assert.equal(world.sockets.length, back ? 2 : 1, String(code));
    assert.equal(client.state.phase, back ? "connecting" : "closed", String(code));
    assert.equal(probe.finished.length, back ? 0 : 1);
    await client.close();
    assert.equal(probe.finished.length, 1);
    assert.equal(world.left, 0);
  }
});

test("a client that is superseded by its own predecessor comes back, but not for ever", async () => {
  const world = new World();
  const client = world.client({ minBackoff: 1, maxBackoff: 1 });
  const superseded = async (): Promise<void> => {
    world.socket.drop(4100, "late");
    await settle();
    if (client.state.phase === "closed") return;
    await world.pass(1);
    await opened(world, client);
  };
  await opened(world, client);
  for (let i = 0; i < 5; i++) await superseded();
  for (let i = 0; i < 60; i++) {
    await world.pass(1000);
    world.socket.say([0, 3, 0, 1]);
  }
  for (let i = 0; i < 5; i++) await superseded(); // the row began anew
  same(client.state.phase, "open");
  await superseded();
  same(client.state.phase, "closed");
  assert.ok(client.state.error?.is("transport.superseded"));
  assert.equal(world.left, 0);

  const other = new World();
  const given = other.client({ key: new Uint8Array(32) });
  await opened(other, given);
  other.socket.drop(4100, "another has the key");
  await settle();
  same(given.state.phase, "closed");
});

test("attempts have a limit, and a time", async () => {
  const world = new World();
  const probe = new Probe("echo");
  const client = world.client({ maxAttempts: 2, connectTimeout: 500, minBackoff: 10 }, probe);
  await world.pass(600);
  world.socket.open(); // and then no welcome
  await world.pass(501);
  assert.equal(world.socket.closed?.code, 4006);
  same(client.state.phase, "closed");
  same(client.state.attempt, 2);
  assert.ok(client.state.error?.is("transport.handshake_timeout"));
  assert.ok(probe.finished[0]?.is("transport.handshake_timeout"));
  assert.equal(probe.sessions.length, 0);
  assert.equal(world.left, 0);
});

test("credentials are asked for anew each time, and may fail", async () => {
  const world = new World();
  const answers: (() => unknown)[] = [
    () => Promise.reject(new Error("login server down")),
    () => null,
    () => ({ "": { token: "x".repeat(70_000) } }),
  ];
  const client = world.client({ credentials: () => answers.shift()?.() as null });
  await world.pass(100);
  same(world.sockets.length, 1);
  assert.equal(Object.hasOwn(world.socket.open().frames()[0]?.[3] as object, "credentials"), false);
  world.socket.drop();
  await world.pass(200);
  same(client.state.phase, "closed");
  assert.ok(client.state.error?.is("transport.bad_credentials"));
  const wrong = new World();
  const never = wrong.client({ credentials: () => ({ "": { token: () => 0 } }) });
  await settle();
  assert.ok(never.state.error?.is("transport.bad_credentials"));
});

test("a server without the subprotocol is none", async () => {
  const world = new World();
  const client = world.client({ codec: json });
  await settle();
  assert.deepEqual(world.socket.offered, ["trefoil.1.json"]);
  world.socket.open("");
  await settle();
  assert.ok(world.socket.closed && client.state.error?.is("transport.refused"));
  assert.equal(world.socket.sent.length, 0);
  await client.close();
});

test("dial says how the first attempt went, and leaves the patterns usable", async () => {
  const world = new World();
  const probe = new Probe("echo");
  const failed = Client.dial("ws://test/", world.options(), probe);
  await settle();
  world.socket.drop();
  await assert.rejects(failed, (err) => err instanceof TrefoilError && err.is("transport.refused"));
  assert.equal(probe.finished.length, 0);
  const good = Client.dial("ws://test/", world.options(), probe);
  await settle();
  world.socket.open().welcome();
  const client = await good;
  assert.equal(client.state.phase, "open");
  await client.close();
  const refused = Client.dial("ws://test/", world.options(), probe);
  await settle();
  world.socket.open().drop(4101, "who are you?");
  await assert.rejects(refused, (err) => err instanceof TrefoilError && err.code === Code.Unauthenticated && err.message === "who are you?");
  assert.equal(world.left, 0);
});

test("close at every stage", async () => {
  const stages: ((world: World) => Promise<unknown> | void)[] = [
    () => {},
    () => settle(),
    async (world) => void (await settle(), world.socket.open()),
    async (world) => void (await settle(), world.socket.open().welcome()),
    async (world) => void (await settle(), world.socket.drop(), await settle()),
  ];
  for (const [i, stage] of stages.entries()) {
    for (const bySignal of [false, true]) {
      const world = new World();
      const stop = new AbortController();
      const probe = new Probe("echo");
      const client = world.client({ signal: stop.signal }, probe);
      await stage(world);
      if (bySignal) stop.abort();
      await client.close();
      await client.close();
      assert.equal(client.state.phase, "closed");
      assert.ok(client.state.error?.is("transport.closed"), `${i}`);
      assert.equal(probe.finished.length, 1);
      assert.equal(world.left, 0, `${i}`);
      if (i === 3) assert.equal(world.socket.closed?.code, 1000);
    }
  }
});

test("a signal that is aborted already", async () => {
  const world = new World();
  const client = world.client({ signal: AbortSignal.abort() });
  await client.close();
  assert.equal(world.sockets.length, 0);
});

test("close sends what was queued, and waits for a rude server for two seconds", async () => {
  const world = new World();
  const client = world.client({}, new Probe("echo"));
  await opened(world, client);
  world.socket.polite = false;
  client.session?.trySend([16, 1, 0, "last"]);
  let done = false;
  const closed = client.close().then(() => (done = true));
  assert.deepEqual(world.socket.frames().at(-1), [16, 1, 0, "last"]);
  await world.pass(1900);
  same(done, false);
  await world.pass(200);
  same(done, true);
  await closed;
});

test("a pattern that cannot attach ends the session, not the page", async (t) => {
  const shown = t.mock.method(console, "error", () => {});
  const world = new World();
  const client = world.client({}, {
    name: "echo",
    attach: () => {
      throw new Error("defect");
    },
  });
  await settle();
  world.socket.open().welcome();
  assert.equal(world.socket.closed?.code, 4003);
  assert.equal(shown.mock.callCount(), 1);
  await settle();
  assert.equal(client.state.phase, "connecting");
  await client.close();
});

test("a pattern that closes the session while it attaches is told all the same", async () => {
  const world = new World();
  const told: string[] = [];
  const client = world.client({}, {
    name: "echo",
    attach: (session) => {
      session.close(4107, "no");
      return { receive: () => {}, close: (err) => told.push(err.reason) };
    },
  });
  await settle();
  world.socket.open().welcome();
  await settle();
  assert.deepEqual(told, ["transport.kicked"]);
  assert.equal(client.state.phase, "closed");
});

test("states can be watched", async () => {
  const world = new World();
  const client = world.client({});
  const seen: State[] = [];
  const watching = (async () => {
    for await (const state of client.states()) seen.push(state);
  })();
  const stop = new AbortController();
  const short = (async () => {
    let n = 0;
    for await (const _ of client.states(stop.signal)) n++;
    return n;
  })();
  await opened(world, client);
  stop.abort();
  assert.equal(await short, 2);
  const heard: string[] = [];
  const off = client.onState((state) => heard.push(state.phase));
  world.socket.drop();
  await settle();
  off();
  await client.close();
  await watching;
  assert.deepEqual(seen.map((s) => s.phase), ["connecting", "open", "connecting", "closed"]);
  assert.deepEqual(heard, ["connecting"]);
  assert.ok(seen.every((s) => Object.isFrozen(s)));
  assert.equal(seen[1]?.session, "01".repeat(16));
});

test("options that contradict each other", () => {
  const world = new World();
  const bad = (of: string) => (err: unknown): boolean => err instanceof TrefoilError && err.is(of) && err.code === Code.InvalidArgument;
  for (const options of [
    { maxMessage: 100 }, { maxFrame: NaN }, { maxPartial: 2 ** 31 }, { outbound: 1 }, { minBackoff: -1 }, { maxAttempts: -1 }, { connectTimeout: 0 }, { key: new Uint8Array(31) },
  ]) assert.throws(() => world.client(options), bad("transport.bad_option"), JSON.stringify(options));
  assert.throws(() => world.client({}, new Probe("a"), new Probe("a")), bad("transport.bad_option"));
  for (const url of ["", "/ws", "ftp://x/", "ws//x"]) assert.throws(() => new Client(url, world.options()), bad("transport.bad_url"), url);
  assert.equal(world.left, 0);
});

test("http urls mean the same", async () => {
  const world = new World();
  const client = new Client("https://example.org/ws#x", world.options());
  await settle();
  assert.equal(world.socket.url, "wss://example.org/ws");
  await client.close();
});
