import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import * as library from "@msgpack/msgpack";
import { Time, decode, encode, equal, fromJSON, toJSON } from "../../src/codec/index.ts";
import { fromBase64, toBase64 } from "../../src/codec/binary.ts";
import { compareUTF8 } from "../../src/codec/text.ts";
import { TrefoilError } from "../../src/status.ts";

const reason = (of: string) => (err: unknown): boolean => err instanceof TrefoilError && err.is(of) && err.code === 3;
const show = (v: unknown): string => Buffer.from(encode(v)).toString("hex");

test("what is taken besides values", () => {
  class Point {
    x = 1;
  }
  const foreign = runInNewContext("({ o: { a: 1 }, b: new Uint8Array([1]), l: [1], m: new Map([['k', 1]]), d: new Date(0) })") as Record<string, unknown>;
  const cases: [unknown, unknown][] = [
    [undefined, null],
    [[undefined, , 1], [null, null, 1]],
    [{ a: undefined, b: 1 }, { b: 1 }],
    [new Map<string, unknown>([["b", undefined], ["a", 1]]), { a: 1 }],
    [-0, 0],
    [5n, 5],
    [-(2n ** 53n), -(2 ** 53)],
    [new Date(1500), new Time(1, 5e8)],
    [new ArrayBuffer(2), new Uint8Array(2)],
    [Buffer.from("ab"), new Uint8Array([97, 98])],
    [Object.assign(Object.create(null) as object, { a: 1 }), { a: 1 }],
    [foreign, { o: { a: 1 }, b: new Uint8Array([1]), l: [1], m: { k: 1 }, d: new Time(0) }],
  ];
  for (const [given, means] of cases) {
    assert.equal(show(given), show(means));
    assert.equal(toJSON(given), toJSON(means));
    assert.ok(equal(given, means));
  }
  for (const [bad, of] of [
    [() => 0, "codec.type"], [Symbol("s"), "codec.type"], [new Point(), "codec.type"], [new Set(), "codec.type"], [/x/, "codec.type"], [new Uint16Array(1), "codec.type"],
    [Promise.resolve(), "codec.type"], [[{ a: () => 0 }], "codec.type"],
    [2n ** 63n, "codec.integer_range"], [-(2n ** 63n) - 1n, "codec.integer_range"],
    ["\ud800", "codec.utf8"], ["x".repeat(50) + "\udc00", "codec.utf8"], [{ "\ud800": 1 }, "codec.utf8"],
    [new Map([[1, 2]]), "codec.key_type"], [new Date(NaN), "codec.time"], [new Date(253402300800000), "codec.time"],
  ] as const) {
    assert.throws(() => encode(bad), reason(of), String(of));
    assert.throws(() => toJSON(bad), reason(of), String(of));
  }
});

test("a thing that contains itself, or is nested too deep", () => {
  const loop: unknown[] = [];
  loop.push(loop);
  assert.throws(() => encode(loop), reason("codec.depth"));
  assert.throws(() => toJSON(loop), reason("codec.depth"));
  let deep: unknown = 1;
  for (let i = 0; i < 64; i++) deep = i % 2 ? [deep] : { a: deep };
  assert.ok(equal(decode(encode(deep)), deep));
  assert.ok(equal(fromJSON(toJSON(deep)), deep));
  assert.throws(() => encode([deep]), reason("codec.depth"));
});

test("keys of a prototype's names are ordinary", () => {
  const text = '{"__proto__":{"x":1},"constructor":2,"toString":3}';
  for (const value of [fromJSON(text), decode(encode(fromJSON(text)))]) {
    assert.ok(typeof value === "object" && value !== null);
    assert.equal(Object.getPrototypeOf(value), null);
    assert.deepEqual(Object.keys(value).sort(), ["__proto__", "constructor", "toString"]);
    assert.equal(toJSON(value), text);
  }
  assert.equal(Object.hasOwn(Object.prototype, "x"), false);
});

test("keys stand in the order of their bytes", () => {
  const keys = ["", "a", "aa", "b", "\u007f", "\u0080", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}"];
  const map = Object.fromEntries(keys.map((k, i) => [k, i]).reverse());
  assert.deepEqual(Object.values(decode(encode(map)) as object), keys.map((_, i) => i));
  for (const a of keys) for (const b of keys) assert.equal(Math.sign(compareUTF8(a, b)), Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
  // JavaScript shows digits first whatever the order; the canonical form does not depend on that.
  assert.equal(toJSON({ 9: 1, 10: 2, "": 0 }), '{"":0,"10":2,"9":1}');
});

test("decoded bytes are a copy, strings keep a byte order mark", () => {
  const input = Buffer.from(encode([new Uint8Array([1, 2, 3])]));
  const value = decode(input) as Uint8Array[];
  input.fill(0);
  assert.deepEqual(value[0], new Uint8Array([1, 2, 3]));
  for (const n of [0, 30, 300]) {
    const text = "\ufeff" + "x".repeat(n);
    assert.equal(decode(encode(text)), text);
    assert.equal(fromJSON(new TextEncoder().encode(JSON.stringify(text))), text);
  }
});

test("times", () => {
  assert.equal(new Time(1, 6).toString(), "1970-01-01T00:00:01.000000006Z");
  assert.equal(new Time(-1, 5e8).toDate().getTime(), -500);
  assert.deepEqual(Time.fromDate(new Date(-1)), new Time(-1, 999_000_000));
  assert.ok(Math.abs(Time.now().toDate().getTime() - Date.now()) < 10_000);
  assert.equal(JSON.stringify(new Time(0)), '"1970-01-01T00:00:00Z"');
  for (const [s, n] of [[NaN, 0], [0.5, 0], [0, -1], [0, 1e9], [-62135596801, 0], [253402300800, 0]] as const) assert.throws(() => new Time(s, n), reason("codec.time"));
});

test("long strings and bytes in JSON", () => {
  const text = '\\"\n'.repeat(1 << 20) + "\\".repeat(1 << 20);
  assert.equal(fromJSON(toJSON(text)), text);
  const bytes = new Uint8Array(3 << 20).map((_, i) => i * 7);
  assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
  assert.throws(() => fromJSON("[".repeat(1 << 20)), reason("codec.depth"));
  assert.throws(() => decode(new Uint8Array(1 << 20).fill(0x91)), reason("codec.depth"));
});

/** A generator of pseudo-random numbers below n, the same at each run. */
function dice(seed: number): (n: number) => number {
  return (n) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    return Math.floor(((seed >>> 0) / 2 ** 32) * n);
  };
}

function randomValue(roll: (n: number) => number, depth = 0): unknown {
  const leaves = [
    () => null, () => roll(2) === 1, () => roll(300) - 150, () => (roll(2 ** 31) - 2 ** 30) * roll(2 ** 22), () => roll(1000) / 7,
    () => BigInt.asIntN(64, BigInt(roll(2 ** 31)) << BigInt(roll(34))), () => "x".repeat(roll(40)), () => String.fromCodePoint(roll(0xd800), 0x1f600 + roll(50)),
    () => new Uint8Array(roll(20)).fill(roll(256)), () => new Time(roll(2 ** 31) * (roll(3) - 1), roll(2) * roll(1e9)), () => [NaN, Infinity, -Infinity][roll(3)],
  ];
  const n = roll(depth < 4 ? leaves.length + 2 : leaves.length);
  if (n < leaves.length) return leaves[n]?.();
  if (n === leaves.length) return Array.from({ length: roll(20) }, () => randomValue(roll, depth + 1));
  return new Map(Array.from({ length: roll(20) }, () => [roll(3) ? String(roll(40)) : `$${["int", "map", "x"][roll(3)]}`, randomValue(roll, depth + 1)]));
}

test("random values survive both codecs, and mean the same to another decoder", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const value = randomValue(dice(seed));
    const wire = encode(value);
    const back = decode(wire);
    assert.equal(show(back), Buffer.from(wire).toString("hex"), `seed ${seed}`);
    assert.equal(show(fromJSON(toJSON(value))), Buffer.from(wire).toString("hex"), `seed ${seed}`);
    const theirs = library.decode(wire, { useBigInt64: true, extensionCodec: timestamps });
    assert.ok(equal(theirs, back), `seed ${seed}`);
  }
});

const timestamps = new library.ExtensionCodec();
timestamps.register({
  type: library.EXT_TIMESTAMP,
  encode: () => null,
  decode: (data) => {
    const { sec, nsec } = library.decodeTimestampToTimeSpec(data);
    return new Time(sec, nsec);
  },
});

test("damaged bytes and texts are refused with a reason, or mean something", () => {
  const roll = dice(7);
  for (let i = 0; i < 3000; i++) {
    const value = randomValue(roll);
    const wire = encode(value);
    if (wire.length > 0) wire[roll(wire.length)] = roll(256);
    const text = toJSON(value);
    const at = roll(text.length);
    const damaged = text.slice(0, at) + String.fromCharCode(roll(128)) + text.slice(at + 1);
    for (const [read, write] of [[() => decode(wire), encode], [() => fromJSON(damaged), toJSON]] as const) {
      try {
        write(read());
      } catch (err) {
        assert.ok(err instanceof TrefoilError && err.reason.startsWith("codec."), `${i}: ${String(err)}`);
      }
    }
  }
});

test("what encodes while it is encoded, or throws, spoils nothing", () => {
  const inner = { get x() { return codecLength([1, "a".repeat(300)]); } };
  const want = encode(["b".repeat(200), { x: 305 }, 1]);
  assert.deepEqual(encode(["b".repeat(200), { get x() { return inner.x; } }, 1]), want);
  const first = encode({ a: "b".repeat(200) });
  const copy = first.slice();
  assert.throws(() => encode(["c".repeat(200), () => 1]), (err) => err instanceof TrefoilError && err.is("codec.type"));
  assert.deepEqual(encode([1]), Uint8Array.of(0x91, 1));
  encode("d".repeat(200));
  assert.deepEqual(first, copy); // what was given out is nobody's room
  assert.equal(encode("e".repeat(200_000)).length, 200_005);
  assert.deepEqual(encode([1]), Uint8Array.of(0x91, 1));
});

const codecLength = (v: unknown): number => encode(v).length;
