import assert from "node:assert/strict";
import { test } from "node:test";
import { Peer, method } from "../../src/rpc/index.ts";
import { Code, TrefoilError } from "../../src/status.ts";
import { FakeSession, failure, settle, thrown } from "./fake.ts";

const hello = method<string, string>("hello");

const pair = (room?: number): { calls: Peer; session: FakeSession } => {
  const calls = new Peer();
  return { calls, session: new FakeSession(calls, room) };
};

test("a call is sent and settles with its result", async () => {
  const { calls, session } = pair();
  const got = hello.call(calls, "world", { metadata: { lang: "en" } });
  assert.deepEqual(session.take().map((f) => [...f.slice(0, 6), { ...(f[6] as object) }, f[7]]), [[1, 1, 1, "hello", 0, 0, { lang: "en" }, "world"]]);
  session.receive([1, 2, 1, "hello world"]);
  assert.equal(await got, "hello world");
});

test("a call settles with the handler's error, once", async () => {
  const { calls, session } = pair();
  const got = failure(hello.call(calls, "world"));
  session.receive([1, 3, 1, [5, "shop.no_item", "there is none", { item: 7 }, true, "later"]]);
  session.receive([1, 2, 1, "too late"]);
  session.end();
  const err = await got;
  assert.equal(err.code, Code.NotFound);
  assert.equal(err.reason, "shop.no_item");
  assert.equal(err.details?.["item"], 7);
  assert.equal(err.unknown, true);
});

test("input that throws when it is read fails its own call, and no other one", async () => {
  for (const room of [Infinity, 0]) {
    const { calls, session } = pair(room);
    const bad = { get x() { throw new Error("mine"); } } as unknown as string;
    const err = await failure(hello.call(calls, bad, { waitReady: true }));
    assert.deepEqual([err.reason, err.unknown, ((err.cause as Error).cause as Error).message], ["rpc.bad_request", false, "mine"]);
    const next = hello.call(calls, "world");
    session.drain();
    const [frame] = session.take();
    session.receive([1, 2, frame?.[2], "hello"]);
    assert.equal(await next, "hello");
  }
});

test("an error without details and of an unknown code", async () => {
  const { calls, session } = pair();
  const got = failure(hello.call(calls, "world"));
  session.receive([1, 3, 1, [77, "", "odd"]]);
  assert.equal((await got).code, Code.Unknown);
});

test("metadata come with results and errors", async () => {
  const { calls, session } = pair();
  const seen: unknown[] = [];
  const onMetadata = (md: unknown): void => void seen.push(md);
  const a = hello.call(calls, "a", { onMetadata });
  const b = failure(hello.call(calls, "b", { onMetadata }));
  const c = hello.call(calls, "c", { onMetadata });
  const d = failure(hello.call(calls, "d", { onMetadata }));
  session.receive([1, 2, 1, "", { k: "v" }]);
  session.receive([1, 3, 2, [5, "", ""], { k: "w" }]);
  session.receive([1, 2, 3, ""]);
  session.receive([1, 2, 4, "", { k: "v".repeat(5000) }]);
  await Promise.all([a, b, c]);
  assert.equal((await d).reason, "rpc.bad_result");
  assert.deepEqual(seen.map((md) => md && { ...md }), [{ k: "v" }, { k: "w" }, null, null]);
});

test("without a session a call fails at once, or waits for one", async () => {
  const calls = new Peer();
  const err = await failure(hello.call(calls, "x"));
  assert.equal(err.reason, "rpc.not_connected");
  assert.equal(err.code, Code.Unavailable);
  assert.equal(err.unknown, false);
  const input = { name: "before" };
  const waits = method<{ name: string }, string>("hello").call(calls, input, { waitReady: true });
  input.name = "after";
  const session = new FakeSession(calls);
  assert.equal((session.take()[0]![7] as { name: string }).name, "before");
  session.receive([1, 2, 1, "there"]);
  assert.equal(await waits, "there");
});

test("no session will come any more", async () => {
  const calls = new Peer();
  const waits = failure(hello.call(calls, "x", { waitReady: true }));
  calls.finish(new TrefoilError(Code.Unavailable, "transport.closed", "closed"));
  assert.equal((await waits).reason, "rpc.not_connected");
  assert.equal((await failure(hello.call(calls, "x", { waitReady: true }))).reason, "rpc.not_connected");
});

test("the end of the session settles what was sent as unknown", async () => {
  const { calls, session } = pair(1);
  const sent = failure(hello.call(calls, "sent", { waitReady: true }));
  const queued = failure(hello.call(calls, "queued"));
  const waits = hello.call(calls, "waits", { waitReady: true });
  const notice = failure(hello.notify(calls, "notice"));
  session.end();
  const err = await sent;
  assert.equal(err.reason, "rpc.connection_lost");
  assert.equal(err.unknown, true);
  assert.equal(err.cause, session.error);
  assert.equal((await queued).reason, "rpc.connection_lost");
  assert.equal((await queued).unknown, false);
  assert.equal((await notice).unknown, false);
  const next = new FakeSession(calls);
  const [frame] = next.take();
  assert.equal(frame![7], "waits");
  assert.ok((frame![2] as number) > 4, "ids increase over all sessions");
  next.receive([1, 2, frame![2], "done"]);
  assert.equal(await waits, "done");
});

test("a session that takes no more is found dead before its end is told", async () => {
  const { calls, session } = pair();
  session.end(false);
  assert.equal((await failure(hello.call(calls, "x"))).reason, "rpc.connection_lost");
  const waits = hello.call(calls, "y", { waitReady: true });
  const next = new FakeSession(calls);
  session.end();
  next.receive([1, 2, next.take()[0]![2], "y"]);
  assert.equal(await waits, "y");
});

test("calls wait for room, in order, and do not change meanwhile", async () => {
  const { calls, session } = pair(0);
  const list = method<string[], null>("list");
  const input = ["a"];
  void list.call(calls, input).catch(() => {});
  input.push("b");
  void hello.call(calls, "second").catch(() => {});
  session.drain(1);
  assert.deepEqual(session.take().map((f) => f[7]), [["a"]]);
  void hello.call(calls, "third").catch(() => {});
  session.drain();
  assert.deepEqual(session.take().map((f) => f[7]), ["second", "third"]);
});

test("an abort sends cancel, and only for what was sent", async () => {
  const { calls, session } = pair(1);
  const abort = new AbortController();
  const sent = failure(hello.call(calls, "sent", { signal: abort.signal }));
  const queued = failure(hello.call(calls, "queued", { signal: abort.signal }));
  abort.abort("enough");
  session.drain();
  const err = await sent;
  assert.equal(err.code, Code.Canceled);
  assert.equal(err.unknown, true);
  assert.equal(err.cause, "enough");
  assert.equal((await queued).unknown, false);
  assert.deepEqual(session.take().map((f) => f.slice(1, 3)), [[1, 1], [4, 1]]);
  session.receive([1, 2, 1, "late"]);
  assert.equal((await failure(hello.call(calls, "never", { signal: abort.signal }))).code, Code.Canceled);
  assert.equal(session.take().length, 0);
});

test("an abort while waiting for a session", async () => {
  const calls = new Peer();
  const abort = new AbortController();
  const waits = failure(hello.call(calls, "x", { signal: abort.signal, waitReady: true }));
  abort.abort();
  assert.equal((await waits).code, Code.Canceled);
  assert.equal(new FakeSession(calls).take().length, 0);
});

test("the deadline travels and is kept", async () => {
  const { calls, session } = pair();
  const long = hello.call(calls, "long", { timeout: 1e12 + 0.5 });
  const late = await failure(hello.call(calls, "late", { timeout: 1 }));
  assert.equal(late.code, Code.DeadlineExceeded);
  assert.equal(late.unknown, true);
  const [first, second, ...more] = session.take();
  assert.ok((first![4] as number) > 9e11 && (first![4] as number) <= 1e12 + 1 && Number.isInteger(first![4]));
  assert.equal(second![4], 1);
  assert.deepEqual(more, [], "the callee knows the deadline by itself");
  session.receive([1, 2, 1, "ok"]);
  assert.equal(await long, "ok");
  assert.equal((await failure(hello.call(calls, "x", { timeout: 0 }))).reason, "rpc.bad_request");
});

test("AbortSignal.timeout is a deadline", async () => {
  const { calls, session } = pair();
  const abort = new AbortController(); // as AbortSignal.timeout, whose timer does not keep Node alive
  const got = failure(hello.call(calls, "x", { signal: abort.signal }));
  abort.abort(new DOMException("late", "TimeoutError"));
  const err = await got;
  assert.equal(err.code, Code.DeadlineExceeded);
  assert.equal(session.take().at(-1)![1], 4, "the callee does not know this one");
});

test("what cannot be sent", async () => {
  const { calls, session } = pair();
  const any = method<unknown, unknown>("any");
  assert.equal((await failure(any.call(calls, Symbol("no")))).reason, "rpc.bad_request");
  const metadata = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [String(i), ""]));
  assert.equal((await failure(any.call(calls, 1, { metadata }))).reason, "rpc.bad_request");
  session.maxFrame = 100;
  const err = await failure(any.call(calls, "x".repeat(200)));
  assert.equal(err.reason, "transport.frame_too_large");
  assert.equal(err.unknown, false);
  assert.deepEqual(session.take(), []);
  for (const name of ["", "a\n", "x".repeat(256)]) assert.equal(thrown(() => method(name)).code, Code.InvalidArgument);
});

test("notify resolves when the connection took it", async () => {
  const { calls, session } = pair(0);
  let done = false;
  const got = hello.notify(calls, "x").then(() => (done = true));
  await settle();
  assert.equal(done, false);
  session.drain();
  await got;
  assert.equal(session.take()[0]![5], 1);
});

test("results are checked where the method says how", async () => {
  const { calls, session } = pair();
  const count = method<null, number>("count", {
    output: (v) => {
      if (typeof v !== "number") throw new Error("no number");
      return v;
    },
  });
  const good = count.call(calls, null);
  const bad = failure(count.call(calls, null));
  session.receive([1, 2, 1, 3]);
  session.receive([1, 2, 2, "3"]);
  assert.equal(await good, 3);
  assert.equal((await bad).reason, "rpc.bad_result");
  assert.equal((await bad).unknown, true);
});

test("cancels that find no room are bounded", () => {
  const { calls, session } = pair(3000);
  const abort = new AbortController();
  for (let i = 0; i < 3000; i++) void hello.call(calls, "", { signal: abort.signal }).catch(() => {});
  session.take();
  abort.abort();
  session.drain();
  assert.equal(session.take().length, 1024);
  assert.equal(session.closedWith, null);
});
