import { EXT_TIMESTAMP, encodeTimeSpecToTimestamp } from "@msgpack/msgpack";
import { codecError } from "./errors.ts";
import { toUTF8 } from "./text.ts";
import { entries, isBytes, plain } from "./plain.ts";
import { Time, maxDepth, maxExact } from "./value.ts";

// The encoder of @msgpack/msgpack is not canonical in our sense: it sorts keys as JavaScript does and not by their bytes, writes 2^53 as a float and every bigint in nine
// bytes, and lets lone surrogates pass. What is used of it are timestamps.

/**
 * Encodes v in canonical form (docs/PROTOCOL.md, section 2). Besides the values it takes plain objects, `Map` with string keys, `Date`, and
 * `ArrayBuffer`. A property or map entry that is undefined is left out, as in JSON; undefined anywhere else is null. Throws invalid_argument:
 * `codec.type` for functions, symbols, instances of other classes and keys that are no strings, `codec.integer_range`, `codec.utf8`
 * for a lone surrogate, `codec.depth` beyond 64 levels (also of an object that contains itself), `codec.time`.
 */
export function encode(v: unknown): Uint8Array {
  const w = spare ?? new Writer();
  spare = null; // what is encoded may have properties that encode something when they are read
  try {
    w.value(v, 0);
    return w.bytes();
  } finally {
    if (w.clear()) spare = w;
  }
}

/** Up to what length the room of a writer is kept for the next value. */
const kept = 64 << 10;

/** The writer that nobody uses now: to make room anew costs more than to encode what is small. */
let spare: Writer | null = null;

class Writer {
  #b = new Uint8Array(256);
  #view = new DataView(this.#b.buffer);
  #n = 0;

  bytes(): Uint8Array {
    return this.#b.slice(0, this.#n);
  }

  /** Forgets what was written. Reports whether it is worth to be kept. */
  clear(): boolean {
    this.#n = 0;
    return this.#b.length <= kept;
  }

  /** Makes room for n bytes and returns where they begin. */
  #room(n: number): number {
    const at = this.#n;
    this.#n += n;
    if (this.#n > this.#b.length) {
      const larger = new Uint8Array(Math.max(this.#n, this.#b.length * 2));
      larger.set(this.#b.subarray(0, at));
      this.#b = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  #byte(c: number): void {
    const at = this.#room(1);
    this.#b[at] = c;
  }

  #append(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#b.set(bytes, at);
  }

  value(v: unknown, depth: number): void {
    switch (typeof v) {
      case "undefined":
        return this.#byte(0xc0);
      case "boolean":
        return this.#byte(v ? 0xc3 : 0xc2);
      case "number":
        return this.#number(v);
      case "bigint":
        return this.#bigint(v);
      case "string":
        return this.#string(v);
      case "object":
        return v === null ? this.#byte(0xc0) : this.#object(plain(v), depth);
    }
    throw codecError("codec.type");
  }

  #object(v: object, depth: number): void {
    if (v instanceof Time) return this.#time(v);
    if (isBytes(v)) {
      this.#head(v.length, 0xc4, 0, 0);
      return this.#append(v);
    }
    if (depth >= maxDepth) throw codecError("codec.depth");
    if (Array.isArray(v)) {
      this.#head(v.length, 0xdb, 0x90, 16);
      // Not forEach: it would pass over holes.
      for (let i = 0; i < v.length; i++) this.value(v[i], depth + 1);
      return;
    }
    const pairs = entries(v);
    this.#head(pairs.length, 0xdd, 0x80, 16);
    for (const [key, value] of pairs) {
      this.#string(key);
      this.value(value, depth + 1);
    }
  }

  /** A length in the shortest head: in one byte with base below a bound, else code and 1 byte, code+1 and 2, code+2 and 4. */
  #head(n: number, code: number, base: number, below: number): void {
    if (n < below) return this.#byte(base | n);
    const isText = code === 0xc4 || code === 0xd9; // lists and maps have no form of one byte
    if (isText && n <= 0xff) {
      const at = this.#room(2);
      this.#b[at] = code;
      this.#b[at + 1] = n;
    } else if (n <= 0xffff) {
      const at = this.#room(3);
      this.#b[at] = code + 1;
      this.#view.setUint16(at + 1, n);
    } else {
      const at = this.#room(5);
      this.#b[at] = code + 2;
      this.#view.setUint32(at + 1, n);
    }
  }

  #string(text: string): void {
    if (text.length < 24) {
      const start = this.#n;
      let at = this.#room(1 + text.length);
      let i = 0;
      for (; i < text.length; i++) {
        const c = text.charCodeAt(i);
        if (c >= 0x80) break;
        this.#b[++at] = c;
      }
      if (i === text.length) {
        this.#b[start] = 0xa0 | i;
        return;
      }
      this.#n = start;
    }
    const bytes = toUTF8(text);
    this.#head(bytes.length, 0xd9, 0xa0, 32);
    this.#append(bytes);
  }

  #number(v: number): void {
    if (Number.isInteger(v) && v >= -maxExact && v <= maxExact) return this.#integer(v);
    const at = this.#room(9);
    this.#b[at] = 0xcb;
    if (Number.isNaN(v)) {
      this.#view.setUint32(at + 1, 0x7ff80000); // the bits of a NaN are not the engine's choice
      this.#view.setUint32(at + 5, 0);
    } else {
      this.#view.setFloat64(at + 1, v);
    }
  }

  #integer(v: number): void {
    if (v >= -32 && v < 0x80) return this.#byte(v & 0xff);
    const unsigned = v >= 0;
    if (unsigned ? v <= 0xff : v >= -0x80) {
      const at = this.#room(2);
      this.#b[at] = unsigned ? 0xcc : 0xd0;
      this.#b[at + 1] = v & 0xff;
    } else if (unsigned ? v <= 0xffff : v >= -0x8000) {
      const at = this.#room(3);
      this.#b[at] = unsigned ? 0xcd : 0xd1;
      this.#view.setUint16(at + 1, v & 0xffff);
    } else if (unsigned ? v <= 0xffff_ffff : v >= -0x8000_0000) {
      const at = this.#room(5);
      this.#b[at] = unsigned ? 0xce : 0xd2;
      this.#view.setUint32(at + 1, v >>> 0);
    } else {
      this.#integer64(BigInt(v));
    }
  }

  #integer64(v: bigint): void {
    const at = this.#room(9);
    this.#b[at] = v >= 0n ? 0xcf : 0xd3;
    this.#view.setBigInt64(at + 1, v);
  }

  #bigint(v: bigint): void {
    if (v >= -BigInt(maxExact) && v <= BigInt(maxExact)) return this.#integer(Number(v));
    if (BigInt.asIntN(64, v) !== v) throw codecError("codec.integer_range");
    this.#integer64(v);
  }

  #time(v: Time): void {
    const body = encodeTimeSpecToTimestamp({ sec: v.seconds, nsec: v.nanos });
    if (body.length === 12) {
      this.#byte(0xc7);
      this.#byte(12);
    } else {
      this.#byte(body.length === 4 ? 0xd6 : 0xd7);
    }
    this.#byte(EXT_TIMESTAMP & 0xff);
    this.#append(body);
  }
}
