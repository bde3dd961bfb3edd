import assert from "node:assert/strict";
import { test } from "node:test";
import { Peer, method } from "../../src/rpc/index.ts";
import type { CallInfo, PeerOptions } from "../../src/rpc/index.ts";
import { Code, TrefoilError } from "../../src/status.ts";
import { FakeSession, settle, thrown } from "./fake.ts";

type Run = (input: unknown, call: CallInfo) => unknown;

function serving(run: Run, options: PeerOptions = {}): { calls: Peer; session: FakeSession; errors: unknown[] } {
  const errors: unknown[] = [];
  const calls = new Peer({ onError: (err) => errors.push(err), ...options });
  method<unknown, unknown>("do").handle(calls, run);
  return { calls, session: new FakeSession(calls), errors };
}

const call = (id: number, payload: unknown = null, timeout = 0, flags = 0, metadata: unknown = null): unknown[] =>
  [1, 1, id, "do", timeout, flags, metadata, payload];

/** The answers as [kind, id, payload or [code, reason, unknown]]. */
async function answers(session: FakeSession): Promise<unknown[]> {
  await settle();
  return session.take().map(([, kind, id, what]) => [kind, id, kind === 3 ? [0, 1, 4].map((i) => (what as unknown[])[i]) : what]);
}

test("a handler's result is the answer", async () => {
  const { session } = serving((input, { metadata, procedure, notify, deadline, session }) => {
    assert.equal(procedure, "do");
    assert.equal(metadata?.["k"], "v");
    assert.equal(notify, false);
    assert.equal(deadline, null);
    assert.equal(session, "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    return [input];
  });
  session.receive(call(7, "x", 0, 0, { k: "v" }));
  assert.deepEqual(session.take(), [], "handlers do not run inside receive");
  assert.deepEqual(await answers(session), [[2, 7, ["x"]]]);
});

test("what handlers throw", async () => {
  const { session, errors } = serving((input) => {
    if (input === "own") throw new TrefoilError(Code.Aborted, "my.reason", "no", { unknown: true });
    if (input === "text") throw new Error("secret");
    if (input === "abort") throw new DOMException("gone", "AbortError");
    if (input === "async") return Promise.reject(new RangeError("secret"));
    if (input === "symbol") return Symbol("no value");
    return undefined;
  });
  ["own", "text", "abort", "async", "symbol", "void"].forEach((payload, i) => session.receive(call(i + 1, payload)));
  const got = new Map((await answers(session)).map((a) => [(a as unknown[])[1], a]));
  assert.deepEqual(got.get(1), [3, 1, [10, "my.reason", true]]);
  assert.deepEqual(got.get(2), [3, 2, [2, "", false]]);
  assert.deepEqual(got.get(3), [3, 3, [1, "", true]]);
  assert.deepEqual(got.get(4), [3, 4, [2, "", false]]);
  assert.deepEqual(got.get(5), [3, 5, [13, "rpc.bad_result", true]]);
  assert.deepEqual(got.get(6), [2, 6, null]);
  assert.deepEqual(errors.map((e) => (e as Error).message), ["secret", "secret"]);
});

test("a result that throws when it is read is answered too, at once or when there is room", async () => {
  const bad = (): unknown => ({ get x() { throw new Error("secret"); } });
  for (const room of [Infinity, 0]) {
    const { session } = serving(bad);
    session.room = room;
    session.receive(call(1));
    await settle();
    session.drain();
    assert.deepEqual(await answers(session), [[3, 1, [13, "rpc.bad_result", true]]]);
  }
});

test("the text of a foreign error does not travel", async () => {
  const { session } = serving(() => {
    throw new Error("secret");
  });
  session.receive(call(1));
  await settle();
  assert.doesNotMatch(JSON.stringify(session.take()), /secret/);
});

test("unknown methods and bad requests do not run", async () => {
  const calls = new Peer();
  let ran = 0;
  const strict = method<string, string>("strict", {
    input: (v) => {
      if (typeof v !== "string") throw new Error("no string");
      return v;
    },
  });
  const stop = strict.handle(calls, (s) => {
    ran++;
    return s;
  });
  const session = new FakeSession(calls);
  session.receive([1, 1, 1, "nobody", 0, 0, null, null]);
  session.receive([1, 1, 2, "strict", 0, 0, null, 5]);
  session.receive([1, 1, 3, "strict", 0, 0, { k: "v".repeat(5000) }, "x"]);
  session.receive([1, 1, 4, "nobody", 0, 1, null, null]);
  session.receive([1, 1, 5, "strict", 0, 0, null, "x"]);
  assert.deepEqual((await answers(session)).sort(), [
    [2, 5, "x"], [3, 1, [12, "rpc.unknown_method", false]], [3, 2, [3, "rpc.bad_request", false]], [3, 3, [3, "rpc.bad_request", false]],
  ]);
  assert.equal(ran, 1);
  assert.equal(thrown(() => strict.handle(calls, (s) => s)).code, Code.AlreadyExists);
  stop();
  session.receive([1, 1, 6, "strict", 0, 0, null, "x"]);
  assert.deepEqual(await answers(session), [[3, 6, [12, "rpc.unknown_method", false]]]);
});

test("concurrency is bounded, also by answers that wait for room", async () => {
  const open: (() => void)[] = [];
  const { session } = serving(() => new Promise<void>((resolve) => open.push(resolve)), { maxConcurrent: 2 });
  for (const id of [1, 2, 3]) session.receive(call(id));
  assert.deepEqual(await answers(session), [[3, 3, [8, "rpc.busy", false]]]);
  session.room = 0;
  for (const id of [4, 5]) {
    open.splice(0).forEach((resolve) => resolve());
    await settle();
    session.receive(call(id));
    session.receive(call(id + 10));
    await settle();
  }
  session.drain();
  await settle();
  const busy = (await answers(session)).filter((a) => (a as unknown[])[0] === 3).map((a) => (a as unknown[])[1]);
  assert.deepEqual(busy, [5, 15], "two answers wait and two calls run: no more than four in all");
});

test("notify gets no answer", async () => {
  const { session, errors } = serving((input) => {
    if (input) throw new TrefoilError(Code.NotFound, "my.reason", "only for here");
  });
  session.receive(call(1, null, 0, 1));
  session.receive(call(2, true, 0, 0b1001));
  assert.deepEqual(await answers(session), []);
  assert.equal(errors.length, 1);
});

test("cancel, deadline and the session's end reach the handler", async () => {
  const reasons: Record<string, TrefoilError> = {};
  const run: Run = (input, { signal }) =>
    new Promise((_, reject) =>
      signal.addEventListener("abort", () => {
        reasons[String(input)] = signal.reason as TrefoilError;
        reject(signal.reason as Error);
      }),
    );
  const { session } = serving(run);
  session.receive(call(1, "cancel"));
  session.receive(call(2, "end"));
  await settle();
  session.receive([1, 4, 1]);
  session.receive([1, 4, 99]);
  assert.deepEqual(await answers(session), [[3, 1, [1, "", true]]]);
  session.receive(call(3, "deadline", 1));
  while (!reasons["deadline"]) await settle();
  assert.deepEqual(await answers(session), [[3, 3, [4, "", true]]]);
  session.end();
  await settle();
  assert.equal(reasons["end"], session.error);
  assert.deepEqual(session.take(), []);
});

test("what has not begun does not begin", async () => {
  let ran = 0;
  const { session } = serving(() => ran++);
  session.receive(call(1));
  session.receive([1, 4, 1]);
  assert.deepEqual(await answers(session), [[3, 1, [1, "", false]]]);
  session.receive(call(2));
  session.end();
  await settle();
  assert.equal(ran, 0);
});

test("answers that are too large", async () => {
  const { session } = serving((input) => {
    if (input === "error") throw new TrefoilError(Code.NotFound, "my.reason", "m".repeat(500));
    return "x".repeat(500);
  });
  session.maxFrame = 200;
  session.receive(call(1));
  session.receive(call(2, "error"));
  assert.deepEqual(await answers(session), [[3, 1, [8, "transport.frame_too_large", true]], [3, 2, [5, "my.reason", false]]]);
});

test("an answer that waits for room does not change", async () => {
  const result = ["a"];
  const { session } = serving(() => result);
  session.room = 0;
  session.receive(call(1));
  await settle();
  result.push("b");
  session.drain();
  assert.deepEqual(await answers(session), [[2, 1, ["a"]]]);
});

test("metadata go with the answer", async () => {
  const { session } = serving((input, info) => {
    info.setMetadata("k", "v");
    assert.equal(thrown(() => info.setMetadata("big", "v".repeat(5000))).code, Code.InvalidArgument);
    if (input) throw new TrefoilError(Code.NotFound, "", "");
  });
  session.receive(call(1));
  session.receive(call(2, true));
  await settle();
  assert.deepEqual(session.take().map((f) => ({ ...(f[4] as object) })), [{ k: "v" }, { k: "v" }]);
});

test("a peer that does not read its refusals is closed as slow", () => {
  const { session } = serving(() => null);
  session.room = 0;
  for (let id = 1; id <= 1024; id++) session.receive([1, 1, id, "nobody", 0, 0, null, null]);
  assert.equal(session.closedWith, null);
  session.receive([1, 1, 2000, "nobody", 0, 0, null, null]);
  assert.equal(session.closedWith, 4002);
});

test("a call behind one that never ends is served", async () => {
  const { session } = serving((input) => (input ? new Promise(() => {}) : "quick"));
  session.receive(call(1, true));
  session.receive(call(2));
  assert.deepEqual(await answers(session), [[2, 2, "quick"]]);
});
