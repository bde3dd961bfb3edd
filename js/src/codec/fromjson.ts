import { codecError } from "./errors.ts";
import { checkUnicode, fromUTF8 } from "./text.ts";
import type { Value, ValueMap } from "./value.ts";
import { maxDepth } from "./value.ts";
import { unwrap } from "./wrapper.ts";

// Not JSON.parse: it loses the first of two equal keys, puts a key like __proto__ into a prototype's place only sometimes, and nests as deep as
// the engine's stack. Single strings go through it.

/** A JSON object as it was written: whether it is a wrapper depends on what is around it. */
class Pairs {
  readonly keys: string[] = [];
  readonly values: Raw[] = [];
}

type Raw = null | boolean | number | string | Raw[] | Pairs;

/**
 * Reads the one value that text is the JSON of; bytes are read as UTF-8. The inverse of `toJSON`. A number is the double that JavaScript reads, and one beyond the
 * doubles is refused. Throws invalid_argument: `codec.json`, `codec.wrapper`, `codec.utf8`, `codec.duplicate_key`, `codec.depth`.
 */
export function fromJSON(text: string | Uint8Array): Value {
  const p = new Parser(typeof text === "string" ? text : fromUTF8(text));
  return settle(p.parse(), false, 0);
}

/** Makes the value of what was parsed. plain: an object here is what a `{"$map": ...}` holds, and no wrapper itself. */
function settle(raw: Raw, plain: boolean, depth: number): Value {
  if (Array.isArray(raw)) {
    if (depth >= maxDepth) throw codecError("codec.depth");
    return raw.map((one) => settle(one, false, depth + 1));
  }
  if (!(raw instanceof Pairs)) return raw;
  const first = raw.keys[0];
  if (!plain && raw.keys.length === 1 && first?.startsWith("$")) {
    const held = raw.values[0] as Raw;
    if (first !== "$map") return unwrap(first, held);
    if (!(held instanceof Pairs)) throw codecError("codec.wrapper");
    return settle(held, true, depth);
  }
  if (depth >= maxDepth) throw codecError("codec.depth");
  const map = Object.create(null) as ValueMap;
  for (const [i, key] of raw.keys.entries()) {
    if (key in map) throw codecError("codec.duplicate_key");
    map[key] = settle(raw.values[i] as Raw, false, depth + 1);
  }
  return map;
}

const space = /[ \t\n\r]*/y;
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/** A parser of RFC 8259. It recurses once a container, and no deeper than values may be nested with each level wrapped. */
class Parser {
  #at = 0;
  #depth = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Raw {
    const value = this.#value();
    this.#skip();
    if (this.#at !== this.#text.length) throw codecError("codec.json", "text after the JSON value");
    return value;
  }

  #skip(): void {
    space.lastIndex = this.#at;
    space.test(this.#text);
    this.#at = space.lastIndex;
  }

  /** The next character that is no white space, "" at the end. */
  #peek(): string {
    const c = this.#text.charCodeAt(this.#at);
    if (c <= 0x20) this.#skip();
    return this.#text.charAt(this.#at);
  }

  #value(): Raw {
    switch (this.#peek()) {
      case "{":
        return this.#object();
      case "[":
        return this.#list();
      case '"':
        return this.#string();
      case "t":
        return this.#literal("true", true);
      case "f":
        return this.#literal("false", false);
      case "n":
        return this.#literal("null", null);
    }
    const v = Number(this.#match(number, "not a JSON value"));
    if (!Number.isFinite(v)) throw codecError("codec.json", "number beyond float64");
    return v + 0; // -0 is 0
  }

  #match(pattern: RegExp, otherwise: string): string {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) throw codecError("codec.json", otherwise);
    const found = this.#text.slice(this.#at, pattern.lastIndex);
    this.#at = pattern.lastIndex;
    return found;
  }

  #literal<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw codecError("codec.json", "not a JSON value");
    this.#at += word.length;
    return value;
  }

  #string(): string {
    const found = this.#quoted();
    checkUnicode(found);
    return found;
  }

  #quoted(): string {
    const start = this.#at;
    let end = this.#text.indexOf('"', start + 1);
    // A quote behind an odd number of backslashes is one inside.
    while (end > 0 && this.#backslashes(end) % 2 === 1) end = this.#text.indexOf('"', end + 1);
    if (end < 0) throw codecError("codec.json", "string without an end");
    this.#at = end + 1;
    const inside = this.#text.slice(start + 1, end);
    if (!/[\\\u0000-\u001f]/.test(inside)) return inside;
    try {
      return JSON.parse(this.#text.slice(start, this.#at)) as string;
    } catch {
      throw codecError("codec.json", "control character or unknown escape in a string");
    }
  }

  /** How many backslashes stand right before an offset. */
  #backslashes(at: number): number {
    let n = 0;
    while (this.#text.charCodeAt(at - 1 - n) === 0x5c) n++;
    return n;
  }

  #enter(): void {
    // Each level may be wrapped once, and the innermost be a wrapper.
    if (this.#depth++ > 2 * maxDepth) throw codecError("codec.depth");
    this.#at++;
  }

  #list(): Raw[] {
    this.#enter();
    const list: Raw[] = [];
    if (this.#peek() !== "]") {
      do list.push(this.#value());
      while (this.#comma("]"));
    }
    this.#at++;
    this.#depth--;
    return list;
  }

  #object(): Pairs {
    this.#enter();
    const pairs = new Pairs();
    if (this.#peek() !== "}") {
      do {
        if (this.#peek() !== '"') throw codecError("codec.json", "no key");
        pairs.keys.push(this.#string());
        if (this.#peek() !== ":") throw codecError("codec.json", "no colon after a key");
        this.#at++;
        pairs.values.push(this.#value());
      } while (this.#comma("}"));
    }
    this.#at++;
    this.#depth--;
    return pairs;
  }

  /** Goes behind a comma and reports true, or stays before the end of the container. */
  #comma(end: string): boolean {
    const c = this.#peek();
    if (c === ",") {
      this.#at++;
      return true;
    }
    if (c !== end) throw codecError("codec.json", "no comma and no end of the list or object");
    return false;
  }
}
