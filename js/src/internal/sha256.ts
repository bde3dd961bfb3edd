/**
 * SHA-256 (FIPS 180-4), synchronous: a read of a pending write needs a hash in the middle of a transaction's function,
 * and `crypto.subtle` only answers later, and not at all where a page came over plain http.
 */

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2). */
const rounds = Uint32Array.from(primes(64), (p) => fraction(Math.cbrt(p), p, 3));
/** Likewise of the square roots of the first 8 primes (5.3.3). */
const initial = Uint32Array.from(primes(8), (p) => fraction(Math.sqrt(p), p, 2));

function primes(count: number): number[] {
  const found: number[] = [];
  for (let n = 2; found.length < count; n++) {
    if (found.every((p) => n % p !== 0)) found.push(n);
  }
  return found;
}

/**
 * The 32 bits behind the point of the root of p: floor(root * 2^32) mod 2^32. A double's root is off in the last of the bits
 * that are wanted now and then, so it is put right with integers.
 */
function fraction(root: number, p: number, power: 2 | 3): number {
  let r = BigInt(Math.floor(root * 0x100000000));
  const n = BigInt(p) << BigInt(32 * power);
  const raise = (x: bigint): bigint => (power === 2 ? x * x : x * x * x);
  while (raise(r) > n) r--;
  while (raise(r + 1n) <= n) r++;
  return Number(r & 0xffffffffn);
}

function rotate(x: number, n: number): number {
  return (x >>> n) | (x << (32 - n));
}

/** One block of 64 bytes into the state. `w` is room for the 64 words of the message schedule. */
function compress(state: Uint32Array, w: Uint32Array, block: DataView, at: number): void {
  for (let t = 0; t < 16; t++) w[t] = block.getUint32(at + 4 * t);
  for (let t = 16; t < 64; t++) {
    const a = w[t - 15] as number;
    const b = w[t - 2] as number;
    const s0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3);
    const s1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10);
    w[t] = (w[t - 16] as number) + s0 + (w[t - 7] as number) + s1;
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
  for (let t = 0; t < 64; t++) {
    const t1 = (h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + (rounds[t] as number) + (w[t] as number)) | 0;
    const t2 = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((x, i) => {
    state[i] = (state[i] as number) + x;
  });
}

/** The 32 bytes of SHA-256 over data. */
export function sha256(data: Uint8Array): Uint8Array {
  const state = initial.slice();
  const w = new Uint32Array(64);
  const whole = data.length - (data.length % 64);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at < whole; at += 64) compress(state, w, view, at);
  const rest = data.length - whole;
  const tail = new Uint8Array(rest < 56 ? 64 : 128);
  tail.set(data.subarray(whole));
  tail[rest] = 0x80;
  const last = new DataView(tail.buffer);
  last.setUint32(tail.length - 8, Math.floor(data.length / 0x20000000));
  last.setUint32(tail.length - 4, (data.length * 8) >>> 0);
  for (let at = 0; at < tail.length; at += 64) compress(state, w, last, at);
  const out = new Uint8Array(32);
  const result = new DataView(out.buffer);
  state.forEach((x, i) => result.setUint32(4 * i, x));
  return out;
}
