import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Time, equal } from "../../src/codec/index.ts";
import type { Value } from "../../src/codec/index.ts";
import { Peer, method } from "../../src/rpc/index.ts";
import { Code, TrefoilError } from "../../src/status.ts";
import { Client } from "../../src/transport/index.ts";
import { NodeWebSocket, startServer } from "../server.ts";
import type { Server } from "../server.ts";
import { speak } from "../speak.ts";
import { failure } from "./fake.ts";

const echo = method<unknown, Value>("echo");
const fail = method<string, void>("fail");
const slow = method<number, string>("slow");
const interrupted = method<void, boolean>("slow.interrupted");
const greet = method<string, string>("greet");
const cut = method<void, void>("cut");

let server: Server;
before(async () => {
  server = await startServer();
});
after(() => server.stop());

for (const json of [false, true]) {
  const codec = json ? "json" : "msgpack";

  /** Runs with a connected client. */
  const connected = (name: string, fn: (calls: Peer) => Promise<void>): void => {
    test(`${codec}: ${name}`, async () => {
      const calls = new Peer({ onError: () => {} });
      const options = { WebSocket: NodeWebSocket, ...speak(json), minBackoff: 1, maxBackoff: 10 };
      const client = await Client.dial(server.url, options, calls);
      try {
        await fn(calls);
      } finally {
        await client.close();
      }
    });
  };

  connected("values go and come back", async (calls) => {
    const values: unknown[] = [
      null, true, 7, -0.5, 2n ** 62n, "hä?", new Uint8Array([1, 2]), new Uint8Array(16), new Time(5, 6), [[], {}], { $int: "1", a: [NaN] }, "x".repeat(3 << 20),
    ];
    for (const v of values) assert.ok(equal(await echo.call(calls, v), v));
    assert.equal(await echo.call(calls, undefined), null);
    const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => echo.call(calls, i)));
    assert.deepEqual(answers, Array.from({ length: 60 }, (_, i) => i));
    assert.equal((await failure(echo.call(calls, "x".repeat(5 << 20)))).reason, "transport.frame_too_large");
  });

  connected("errors come with all they have", async (calls) => {
    const err = await failure(fail.call(calls, "test.reason"));
    assert.deepEqual([err.code, err.reason, err.unknown, err.details?.["n"]], [Code.FailedPrecondition, "test.reason", true, 7]);
    assert.equal((await failure(method("nobody").call(calls, null))).reason, "rpc.unknown_method");
    assert.equal((await failure(method<number, string>("fail").call(calls, 5))).reason, "rpc.bad_request");
  });

  connected("the server calls this client", async (calls) => {
    assert.equal((await failure(greet.call(calls, "ann"))).reason, "rpc.unknown_method");
    greet.handle(calls, async (name, { metadata, signal }) => {
      assert.equal(metadata, null);
      assert.equal(signal.aborted, false);
      if (name === "nobody") throw new TrefoilError(Code.NotFound, "test.nobody", "who?");
      if (name === "defect") throw new Error("secret");
      return `hello ${name}`;
    });
    assert.equal(await greet.call(calls, "ann"), "hello ann");
    assert.equal((await failure(greet.call(calls, "nobody"))).reason, "test.nobody");
    const defect = await failure(greet.call(calls, "defect"));
    assert.equal(defect.code, Code.Unknown);
    assert.doesNotMatch(defect.message, /secret/);
  });

  connected("deadline and abort reach the server", async (calls) => {
    const late = await failure(slow.call(calls, 60_000, { timeout: 200 }));
    assert.deepEqual([late.code, late.unknown], [Code.DeadlineExceeded, true]);
    assert.equal(await interrupted.call(calls, undefined, { timeout: 10_000 }), true);
    const abort = new AbortController();
    const gone = failure(slow.call(calls, 60_000, { signal: abort.signal }));
    await echo.call(calls, "slow has begun");
    abort.abort();
    assert.deepEqual([(await gone).code, (await gone).unknown], [Code.Canceled, true]);
    assert.equal(await interrupted.call(calls, undefined, { timeout: 10_000 }), true);
  });

  connected("a cut connection settles what was sent, and the next call waits", async (calls) => {
    const open = failure(slow.call(calls, 60_000));
    const lost = await failure(cut.call(calls));
    assert.deepEqual([lost.reason, lost.unknown], ["rpc.connection_lost", true]);
    assert.deepEqual([(await open).reason, (await open).unknown], ["rpc.connection_lost", true]);
    assert.equal(await echo.call(calls, "again", { waitReady: true }), "again");
    assert.equal(await interrupted.call(calls, undefined, { timeout: 10_000 }), true);
    await echo.notify(calls, "nobody listens");
  });
}
