import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { decode, decodeAll, encode, equal, fromJSON, toJSON } from "../../src/codec/index.ts";
import { TrefoilError } from "../../src/status.ts";

interface Values {
  values: { name: string; msgpack: string; canonical: string; json: string }[];
  reads: { name: string; json: string; canonical: string }[];
  malformed: { name: string; codec: string; input?: string; inputHex?: string; reason: string }[];
}

interface Frames {
  frames: { name: string; pattern: string; kind: number; msgpack: string; json: string }[];
}

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`../../../docs/vectors/${name}`, import.meta.url), "utf8"));
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const show = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const vectors = read("values.json") as Values;
const frames = read("frames.json") as Frames;

test("the vectors are there", () => {
  assert.ok(vectors.values.length >= 50 && vectors.reads.length > 0 && vectors.malformed.length >= 50 && frames.frames.length > 30);
});

for (const v of vectors.values) {
  test(`value: ${v.name}`, () => {
    const value = decode(hex(v.msgpack));
    assert.equal(show(encode(value)), v.canonical);
    assert.equal(show(encode(decode(hex(v.canonical)))), v.canonical);
    assert.equal(toJSON(value), v.json);
    assert.equal(show(encode(fromJSON(v.json))), v.canonical);
    assert.equal(show(encode(fromJSON(new TextEncoder().encode(v.json)))), v.canonical);
    assert.ok(equal(value, fromJSON(v.json)));
    assert.equal(decodeAll(hex(v.msgpack + v.canonical)).length, 2);
  });
}

for (const v of vectors.reads) {
  test(`reads: ${v.name}`, () => {
    assert.equal(show(encode(fromJSON(v.json))), v.canonical);
  });
}

for (const v of vectors.malformed) {
  test(`malformed ${v.codec}: ${v.name}`, () => {
    const input = v.inputHex === undefined ? v.input ?? "" : hex(v.inputHex);
    assert.throws(
      () => (v.codec === "json" ? fromJSON(input) : decode(hex(String(input)))),
      (err) => err instanceof TrefoilError && err.is("codec." + v.reason.slice(6)) && err.code === 3,
      v.reason,
    );
  });
}

for (const v of frames.frames) {
  test(`frame: ${v.name}`, () => {
    const frame = decode(hex(v.msgpack));
    assert.equal(toJSON(frame), v.json);
    assert.equal(show(encode(fromJSON(v.json))), v.msgpack);
    assert.equal(show(encode(frame)), v.msgpack);
    const numbers: Record<string, number> = { control: 0, rpc: 1, pubsub: 2, dstm: 3, cursors: 16 };
    assert.ok(Array.isArray(frame) && frame[0] === numbers[v.pattern] && frame[1] === v.kind);
  });
}
