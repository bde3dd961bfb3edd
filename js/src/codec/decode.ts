import { EXT_TIMESTAMP, decodeTimestampToTimeSpec } from "@msgpack/msgpack";
import { codecError } from "./errors.ts";
import { fromUTF8 } from "./text.ts";
import { Time, endSecond, maxDepth, maxExact, minSecond } from "./value.ts";
import type { Value, ValueMap } from "./value.ts";

// One pass checks and decodes: nothing is made before the bytes for it were seen. The decoder of @msgpack/msgpack cannot stand here, even
// behind a checker: it refuses the key __proto__ and makes maps with a prototype, drops U+FEFF at the start of strings above 200 bytes, has
// no way to give integers beyond 2^53 alone as bigint, and its bytes keep the whole message alive. What is used of it are timestamps.

/** Decodes the one value that b holds. Throws invalid_argument `codec.*`; nothing of b is kept. */
export function decode(b: Uint8Array): Value {
  const r = new Reader(b);
  const value = r.next();
  if (r.more) throw codecError("codec.trailing");
  return value;
}

/** Decodes the values that stand one after another in b. */
export function decodeAll(b: Uint8Array): Value[] {
  const list: Value[] = [];
  for (const r = new Reader(b); r.more; ) list.push(r.next());
  return list;
}

/** Decodes values that stand one after another. It calls itself once a container, and values are no deeper than 64 of them. */
export class Reader {
  /** Where the next value begins. */
  at = 0;
  readonly #b: Uint8Array;
  readonly #view: DataView;

  constructor(b: Uint8Array) {
    const { buffer, byteOffset, byteLength } = b;
    this.#b = new Uint8Array(buffer, byteOffset, byteLength); // slice of a Buffer is no copy
    this.#view = new DataView(buffer, byteOffset, byteLength);
  }

  /** Whether there is another value. */
  get more(): boolean {
    return this.at < this.#b.length;
  }

  /** The next value. */
  next(): Value {
    return this.#value(0);
  }

  /** Moves on by n bytes and returns where they begin. */
  #take(n: number): number {
    const at = this.at;
    if (n > this.#b.length - at) throw codecError("codec.truncated");
    this.at = at + n;
    return at;
  }

  #value(depth: number): Value {
    const c = this.#b[this.#take(1)] as number;
    if (c < 0x80) return c;
    if (c >= 0xe0) return c - 0x100;
    if (c < 0x90) return this.#map(c & 15, depth);
    if (c < 0xa0) return this.#list(c & 15, depth);
    if (c < 0xc0) return this.#text(c & 31);
    switch (c) {
      case 0xc0:
        return null;
      case 0xc1:
        throw codecError("codec.invalid_code");
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4: case 0xc5: case 0xc6:
        return this.#bytes(this.#length(c - 0xc4));
      case 0xca:
        return this.#view.getFloat32(this.#take(4)) + 0; // -0 is 0
      case 0xcb:
        return this.#view.getFloat64(this.#take(8)) + 0;
      case 0xcc: case 0xcd: case 0xce:
        return this.#length(c - 0xcc);
      case 0xd0:
        return this.#view.getInt8(this.#take(1));
      case 0xd1:
        return this.#view.getInt16(this.#take(2));
      case 0xd2:
        return this.#view.getInt32(this.#take(4));
      case 0xcf: case 0xd3:
        return this.#integer(c);
      case 0xd9: case 0xda: case 0xdb:
        return this.#text(this.#length(c - 0xd9));
      case 0xdc: case 0xdd:
        return this.#list(this.#length(c - 0xdb), depth);
      case 0xde: case 0xdf:
        return this.#map(this.#length(c - 0xdd), depth);
    }
    return this.#time(c);
  }

  /** An unsigned number of 1, 2 or 4 bytes: size 0, 1 or 2. */
  #length(size: number): number {
    const at = this.#take(1 << size);
    if (size === 0) return this.#b[at] as number;
    return size === 1 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #integer(c: number): number | bigint {
    const at = this.#take(8);
    if (c === 0xcf && (this.#b[at] as number) >= 0x80) throw codecError("codec.integer_range");
    const near = this.#view.getInt32(at) * 2 ** 32 + this.#view.getUint32(at + 4);
    if (near > -maxExact && near < maxExact) return near;
    const exact = this.#view.getBigInt64(at);
    return exact >= -BigInt(maxExact) && exact <= BigInt(maxExact) ? Number(exact) : exact;
  }

  #bytes(n: number): Uint8Array {
    const start = this.#take(n);
    return this.#b.slice(start, start + n);
  }

  #text(n: number): string {
    const start = this.#take(n);
    if (n < 24) {
      let text = "";
      let i = start;
      for (; i < this.at; i++) {
        const c = this.#b[i] as number;
        if (c >= 0x80) break;
        text += String.fromCharCode(c);
      }
      if (i === this.at) return text;
    }
    return fromUTF8(this.#b.subarray(start, this.at));
  }

  /** Looks whether a container of so many elements, each of so many bytes at least, may begin here. */
  #enter(n: number, bytes: number, depth: number): void {
    if (depth >= maxDepth) throw codecError("codec.depth");
    if (n * bytes > this.#b.length - this.at) throw codecError("codec.count");
  }

  #list(n: number, depth: number): Value[] {
    this.#enter(n, 1, depth);
    const list: Value[] = [];
    for (let i = 0; i < n; i++) list.push(this.#value(depth + 1));
    return list;
  }

  #map(n: number, depth: number): ValueMap {
    this.#enter(n, 2, depth);
    const map = Object.create(null) as ValueMap;
    for (let i = 0; i < n; i++) {
      const key = this.#key();
      if (key in map) throw codecError("codec.duplicate_key");
      map[key] = this.#value(depth + 1);
    }
    return map;
  }

  #key(): string {
    const c = this.#b[this.at];
    if (c === undefined) throw codecError("codec.truncated");
    if (c >= 0xa0 && c < 0xc0) return this.#text((this.at++, c & 31));
    if (c >= 0xd9 && c <= 0xdb) return this.#text((this.at++, this.#length(c - 0xd9)));
    if (c === 0xc1) throw codecError("codec.invalid_code");
    this.#head(c); // what is no value at all is told first
    throw codecError("codec.key_type");
  }

  /** Looks at the head at the cursor for what a value reports before anything else. */
  #head(c: number): void {
    if (c < 0xc0 || c >= 0xe0) return;
    const size = Number("10112353465923592359222222353535"[c - 0xc0]);
    if (size > this.#b.length - this.at) throw codecError("codec.truncated");
    if (c === 0xcf && (this.#b[this.at + 1] as number) >= 0x80) throw codecError("codec.integer_range");
    if ((c >= 0xc7 && c <= 0xc9) || (c >= 0xd4 && c <= 0xd8)) {
      this.at++;
      this.#extensionHead(c);
    }
  }

  /** How long the body of the extension is whose first byte has been read; only timestamps pass. */
  #extensionHead(c: number): number {
    const n = c <= 0xc9 ? this.#length(c - 0xc7) : 1 << (c - 0xd4);
    if (this.#view.getInt8(this.#take(1)) !== EXT_TIMESTAMP || (n !== 4 && n !== 8 && n !== 12)) throw codecError("codec.extension");
    return n;
  }

  #time(c: number): Time {
    const n = this.#extensionHead(c);
    const start = this.#take(n);
    const { sec, nsec } = decodeTimestampToTimeSpec(this.#b.subarray(start, start + n));
    if (nsec > 999_999_999 || sec < minSecond || sec >= endSecond) throw codecError("codec.time");
    return new Time(sec, nsec);
  }
}
