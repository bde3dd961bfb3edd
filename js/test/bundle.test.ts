import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import * as source from "../src/index.ts";

const dist = new URL("../dist/", import.meta.url);

test("the built module exports what the sources do, and needs no window", async () => {
  const built = (await import(new URL("trefoil.js", dist).href)) as Record<string, unknown>;
  assert.deepEqual(Object.keys(built).sort(), Object.keys(source).sort());
  for (const name of ["codec", "rpc", "pubsub", "dstm"] as const) {
    assert.deepEqual(Object.keys(built[name] as object).sort(), Object.keys(source[name]).sort(), name);
  }
});

test("the plain script defines trefoil and nothing else", () => {
  const page: Record<string, unknown> = { TextEncoder, TextDecoder };
  runInNewContext(readFileSync(new URL("trefoil.global.js", dist), "utf8"), page);
  assert.deepEqual(Object.keys(page).sort(), ["TextDecoder", "TextEncoder", "trefoil"]);
  assert.deepEqual(Object.keys(page["trefoil"] as object).sort(), Object.keys(source).sort());
});
