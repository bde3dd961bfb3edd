// What the compiler must accept and refuse; `tsc --noEmit` is the test. Nothing here runs.
import { test } from "node:test";
import { method } from "../../src/rpc/index.ts";
import type { Peer } from "../../src/rpc/index.ts";

export async function accepted(calls: Peer, signal: AbortSignal): Promise<void> {
  const hello = method<{ name: string }, string>("hello", {
    output: (v) => String(v),
  });
  const nothing = method<void, void>("nothing");
  const greeting: string = await hello.call(calls, { name: "x" }, { signal, timeout: 100, metadata: { k: "v" }, waitReady: true });
  void greeting;
  await nothing.call(calls);
  await nothing.notify(calls, undefined, { signal });
  hello.handle(calls, ({ name }, call) => `${name} ${call.signal.aborted}`);
  hello.handle(calls, async ({ name }) => name);

  // @ts-expect-error the input is not the method's
  await hello.call(calls, { nam: "x" });
  // @ts-expect-error the input is missing
  await hello.call(calls);
  // @ts-expect-error the result is a string
  const n: number = await hello.call(calls, { name: "x" });
  void n;
  // @ts-expect-error the handler's result is a string
  hello.handle(calls, () => 5);
  // @ts-expect-error metadata are text
  await hello.call(calls, { name: "x" }, { metadata: { k: 5 } });
  // @ts-expect-error there is no answer to come with
  await hello.notify(calls, { name: "x" }, { onMetadata: () => {} });
  // @ts-expect-error no peer
  await hello.call({}, { name: "x" });
}

test("types are checked by the compiler", () => {});
