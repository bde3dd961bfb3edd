import assert from "node:assert/strict";
import { test } from "node:test";
import { equal, fromJSON } from "../../src/codec/index.ts";
import type { Value } from "../../src/codec/index.ts";
import { Peer, method } from "../../src/rpc/index.ts";
import type { TrefoilError } from "../../src/status.ts";
import { FakeSession, settle } from "./fake.ts";
import { give, readVectors } from "./vectors.ts";
import type { Vector } from "./vectors.ts";

interface RpcVector extends Vector {
  result?: string;
  refused?: string;
  settles?: { result?: string; code?: number; reason?: string; unknown?: boolean };
}

const { callee, caller } = readVectors<{ callee: RpcVector[]; caller: RpcVector[] }>("rpc.json");

function text(v: Value): string {
  if (typeof v !== "string") throw new Error("no string");
  return v;
}

const hello = method<string, string>("hello", { input: text, output: text });
const block = method<string, void>("block", { input: text });

for (const v of callee) {
  test(`callee: ${v.name}`, async () => {
    const calls = new Peer({ onError: () => {} });
    hello.handle(calls, (name) => `hello ${name}`);
    block.handle(calls, (_, { signal }) => new Promise((_, stop) => signal.addEventListener("abort", () => stop(signal.reason as Error))));
    const session = new FakeSession(calls);
    session.receive([1, 1, 1, "block", 0, 0, null, ""]);
    await settle();
    give(session, v);
    await settle();
    const answers = session.take().filter((f) => f[2] !== 1);
    const result = answers.find((f) => f[1] === 2);
    const refused = answers.find((f) => f[1] === 3);
    assert.equal((refused?.[3] as Value[] | undefined)?.[1], v.refused);
    assert.equal(result !== undefined, v.result !== undefined);
    if (result && v.result !== undefined) assert.ok(equal(result[3], fromJSON(v.result)));
    session.end();
    await settle();
  });
}

for (const v of caller) {
  test(`caller: ${v.name}`, async () => {
    const calls = new Peer();
    const session = new FakeSession(calls);
    let settled: { result?: string; err?: TrefoilError } | null = null;
    hello.call(calls, "x").then((result) => (settled = { result }), (err: TrefoilError) => (settled = { err }));
    give(session, v);
    await settle();
    const got = settled as { result?: string; err?: TrefoilError } | null;
    if (!v.settles) assert.equal(got, null);
    else if (v.settles.result !== undefined) assert.ok(equal(got?.result, fromJSON(v.settles.result)));
    else assert.deepEqual([got?.err?.code, got?.err?.reason, got?.err?.unknown], [v.settles.code, v.settles.reason, v.settles.unknown]);
    session.end();
    await settle();
  });
}
