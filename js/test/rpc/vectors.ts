import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { decode, equal, fromJSON } from "../../src/codec/index.ts";
import type { Value } from "../../src/codec/index.ts";
import { Code } from "../../src/status.ts";
import type { Frame } from "../../src/transport/pattern.ts";
import { FakeSession, thrown } from "./fake.ts";

/** A frame of docs/vectors, and what it ends the session with. */
export interface Vector {
  name: string;
  msgpack: string;
  json: string;
  close?: number;
}

/** The lists of a file of docs/vectors. */
export function readVectors<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(`../../../docs/vectors/${file}`, import.meta.url), "utf8")) as T;
}

/** Gives a vector's frame to whoever receives. False if it ended the session, as the vector says it should. */
export function give(session: FakeSession, v: Vector): boolean {
  const value = decode(Buffer.from(v.msgpack, "hex"));
  assert.ok(equal(value, fromJSON(v.json)), "the two codecs differ");
  const [, kind, stream, ...body] = value as Value[];
  const receive = (): void => session.receiver.receive({ kind, stream, body } as Frame);
  if (v.close === undefined) {
    receive();
    return true;
  }
  assert.equal(thrown(receive).code, v.close === 4103 ? Code.InvalidArgument : Code.FailedPrecondition);
  return false;
}
