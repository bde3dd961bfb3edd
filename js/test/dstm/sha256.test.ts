import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { toHex as hex } from "../../src/codec/binary.ts";
import { sha256 } from "../../src/internal/sha256.ts";

const text = new TextEncoder();

test("the examples of FIPS 180 and the NIST", () => {
  const vectors: [string, string][] = [
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    ["abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"],
    ["a".repeat(1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"],
  ];
  for (const [input, want] of vectors) assert.equal(hex(sha256(text.encode(input))), want);
});

test("every length around the blocks, at any offset of a buffer", () => {
  const buffer = Uint8Array.from({ length: 300 }, (_, i) => (i * 7) & 0xff);
  for (let n = 0; n < 260; n++) {
    const data = buffer.subarray(n % 5, (n % 5) + n);
    assert.equal(hex(sha256(data)), createHash("sha256").update(data).digest("hex"), `${n} bytes`);
  }
});
