import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocket as NodeWebSocket } from "ws";
import { TrefoilError, json } from "../../src/index.ts";
import type { ClientOptions, Code, KeyLocks, KeyStorage, Pattern, SocketConstructor, State, Value } from "../../src/index.ts";

// What the compiler says about these is the test.

/** The platform's own things fit, without a cast. */
export const platform = (): [SocketConstructor, SocketConstructor, KeyStorage, KeyLocks] => [WebSocket, NodeWebSocket, localStorage, navigator.locks];

/** Options are checked by name and type. */
export const options: ClientOptions[] = [
  { codec: json, credentials: async () => ({ "": { token: "t" } }) },
  // @ts-expect-error there is no such option
  { json: true },
  // @ts-expect-error a key is bytes
  { key: "0".repeat(64) },
  // @ts-expect-error credentials are maps by namespace
  { credentials: () => ({ token: "t" }) },
];

/** A pattern needs a name and attach alone. */
export const pattern: Pattern = { name: "cursors", attach: () => ({ receive: () => {}, close: () => {} }) };

/** Phases, codes and values are closed sets. */
export function closed(state: State, err: TrefoilError, value: Value): Code {
  // @ts-expect-error there is no such phase
  if (state.phase === "opening") return err.code;
  // @ts-expect-error a state is read-only
  state.phase = "open";
  // @ts-expect-error a value may be anything
  const text: string = value;
  return text === "" ? err.code : 14;
}

test("types", () => {
  assert.equal(options.length, 4);
});
