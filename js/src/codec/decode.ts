import { EXT_TIMESTAMP, decodeTimestampToTimeSpec } from "@msgpack/msgpack";
import { codecError } from "./errors.ts";
import { fromUTF8 } from "./text.ts";
import { Time, endSecond, maxDepth, maxExact, minSecond } from "./value.ts";
import type { Value, ValueMap } from "./value.ts";

// One loop checks and decodes: nothing is made before the bytes for it were seen. The decoder of @msgpack/msgpack cannot stand here, even
// behind a checker: it refuses the key __proto__ and makes maps with a prototype, drops U+FEFF at the start of strings above 200 bytes, has
// no way to give integers beyond 2^53 alone as bigint, and its bytes keep the whole message alive. What is used of it are timestamps.

/** A container that is open: a list, or a map with the key whose value comes next. */
interface Level {
  list: Value[] | null;
  map: ValueMap | null;
  key: string;
  left: number;
}

/** A value and where the next one begins. */
export interface Decoded {
  readonly value: Value;
  readonly end: number;
}

/** Decodes the one value that b holds. Throws invalid_argument `codec.*`; nothing of b is kept. */
export function decode(b: Uint8Array): Value {
  const { value, end } = decodeAt(b, 0);
  if (end !== b.length) throw codecError("codec.trailing");
  return value;
}

/** Decodes the values that stand one after another in b. */
export function decodeAll(b: Uint8Array): Value[] {
  const list: Value[] = [];
  for (let at = 0; at < b.length; ) {
    const { value, end } = decodeAt(b, at);
    list.push(value);
    at = end;
  }
  return list;
}

/** Decodes the value that begins at an offset of b; others may follow. */
export function decodeAt(b: Uint8Array, at: number): Decoded {
  const r = new Reader(b, at);
  const stack: Level[] = [];
  let top: Level | undefined;
  for (;;) {
    if (top?.map) top.key = r.key(top.map);
    let value = r.value(stack.length);
    if (r.opened) {
      const list = Array.isArray(value) ? value : null;
      const level: Level = { list, map: list ? null : (value as ValueMap), key: "", left: r.opened };
      if (top) stack.push(top);
      else stack.push(rootLevel);
      top = level;
      continue;
    }
    for (;;) {
      if (!top || top === rootLevel) return { value, end: r.at };
      if (top.list) top.list.push(value);
      else if (top.map) top.map[top.key] = value;
      if (--top.left > 0) break;
      value = top.list ?? top.map;
      top = stack.pop();
    }
  }
}

/** Stands below the outermost container, so that the stack's length is the depth. */
const rootLevel: Level = { list: null, map: null, key: "", left: 0 };

/** A cursor that reads heads and leaves. */
class Reader {
  at: number;
  /** How many elements or pairs the container has that the last value() opened; 0 if it opened none. */
  opened = 0;
  readonly #b: Uint8Array;
  readonly #view: DataView;

  constructor(b: Uint8Array, at: number) {
    this.#b = b;
    this.at = at;
    this.#view = new DataView(b.buffer, b.byteOffset, b.byteLength);
  }

  /** Moves on by n bytes and returns where they begin. */
  #take(n: number): number {
    const at = this.at;
    if (n > this.#b.length - at) throw codecError("codec.truncated");
    this.at = at + n;
    return at;
  }

  /** The key of the next pair of map. */
  key(map: ValueMap): string {
    const c = this.#b[this.at];
    let key: string;
    if (c === undefined) throw codecError("codec.truncated");
    if (c >= 0xa0 && c < 0xc0) key = this.#text((this.at++, c & 31));
    else if (c >= 0xd9 && c <= 0xdb) key = this.#text((this.at++, this.#length(c - 0xd9)));
    else {
      if (c === 0xc1) throw codecError("codec.invalid_code");
      this.#head(c); // what is no value at all is told first
      throw codecError("codec.key_type");
    }
    if (key in map) throw codecError("codec.duplicate_key");
    return key;
  }

  /** Looks at the head at the cursor for what a value reports before anything else. */
  #head(c: number): void {
    const sizes = [1, 0, 1, 1, 2, 3, 5, 3, 4, 6, 5, 9, 2, 3, 5, 9, 2, 3, 5, 9, 2, 2, 2, 2, 2, 2, 3, 5, 3, 5, 3, 5];
    if (c < 0xc0 || c >= 0xe0) return;
    if ((sizes[c - 0xc0] ?? 1) > this.#b.length - this.at) throw codecError("codec.truncated");
    if (c === 0xcf && (this.#b[this.at + 1] ?? 0) >= 0x80) throw codecError("codec.integer_range");
    if ((c >= 0xc7 && c <= 0xc9) || (c >= 0xd4 && c <= 0xd8)) {
      this.at++;
      this.#extensionHead(c);
    }
  }

  /** The next value; of a container that is not empty the beginning, see opened. */
  value(depth: number): Value {
    this.opened = 0;
    const c = this.#b[this.#take(1)] as number;
    if (c < 0x80) return c;
    if (c >= 0xe0) return c - 0x100;
    if (c < 0x90) return this.#open(c & 15, true, depth);
    if (c < 0xa0) return this.#open(c & 15, false, depth);
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
      case 0xc4: case 0xc5: case 0xc6: {
        const n = this.#length(c - 0xc4);
        const start = this.#take(n);
        return new Uint8Array(this.#b.subarray(start, start + n)); // a copy; slice of a Buffer makes none
      }
      case 0xca:
        return this.#view.getFloat32(this.#take(4)) + 0; // -0 is 0
      case 0xcb:
        return this.#view.getFloat64(this.#take(8)) + 0;
      case 0xd9: case 0xda: case 0xdb:
        return this.#text(this.#length(c - 0xd9));
      case 0xdc: case 0xdd:
        return this.#open(this.#length(c - 0xdb), false, depth);
      case 0xde: case 0xdf:
        return this.#open(this.#length(c - 0xdd), true, depth);
      case 0xc7: case 0xc8: case 0xc9: case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8:
        return this.#time(c);
    }
    return this.#integer(c);
  }

  /** A length or count of 1, 2 or 4 bytes: size 0, 1 or 2. */
  #length(size: number): number {
    const at = this.#take(1 << size);
    if (size === 0) return this.#view.getUint8(at);
    return size === 1 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #integer(c: number): number | bigint {
    switch (c) {
      case 0xcc:
        return this.#view.getUint8(this.#take(1));
      case 0xcd:
        return this.#view.getUint16(this.#take(2));
      case 0xce:
        return this.#view.getUint32(this.#take(4));
      case 0xd0:
        return this.#view.getInt8(this.#take(1));
      case 0xd1:
        return this.#view.getInt16(this.#take(2));
      case 0xd2:
        return this.#view.getInt32(this.#take(4));
    }
    const at = this.#take(8);
    if (c === 0xcf && this.#view.getUint8(at) >= 0x80) throw codecError("codec.integer_range");
    const near = this.#view.getInt32(at) * 2 ** 32 + this.#view.getUint32(at + 4);
    if (near > -maxExact && near < maxExact) return near;
    const exact = this.#view.getBigInt64(at);
    return exact >= -BigInt(maxExact) && exact <= BigInt(maxExact) ? Number(exact) : exact;
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

  #open(n: number, isMap: boolean, depth: number): Value {
    if (depth >= maxDepth) throw codecError("codec.depth");
    const left = this.#b.length - this.at;
    // A pair takes two bytes at least.
    if (n > (isMap ? Math.floor(left / 2) : left)) throw codecError("codec.count");
    this.opened = n;
    return isMap ? (Object.create(null) as ValueMap) : [];
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
