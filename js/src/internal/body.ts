import { toHex } from "../codec/binary.ts";
import { Time } from "../codec/value.ts";
import type { Value, ValueMap } from "../codec/value.ts";
import { Code, TrefoilError, isCode } from "../status.ts";

let lastId: Uint8Array = new Uint8Array(16);
let lastHex = "0".repeat(32);

/** An id as 32 hex digits. Successive frames mostly name the same one: then they share its text. */
function idText(id: Uint8Array): string {
  for (let i = 0; i < 16; i++) {
    if (id[i] === lastId[i]) continue;
    lastId = id;
    lastHex = toHex(id);
    break;
  }
  return lastHex;
}

/** Reports whether a value is a map. */
export function isMap(v: unknown): v is ValueMap {
  return typeof v === "object" && v !== null && !Array.isArray(v) && !(v instanceof Uint8Array) && !(v instanceof Time);
}

/** How many bytes a string takes in UTF-8 is at most `limit`. */
export function fits(text: string, limit: number): boolean {
  if (text.length > limit) return false;
  return text.length * 3 <= limit || new TextEncoder().encode(text).length <= limit;
}

/**
 * Reads the elements of a frame, or of a list in it, one after another. A missing element or one of the wrong type throws the error
 * that ends the session as malformed; `room` begins its reason.
 */
export class Body {
  readonly #values: readonly Value[];
  readonly #room: string;
  #at = 0;

  constructor(values: readonly Value[], room: string) {
    this.#values = values;
    this.#room = room;
  }

  /** How many elements are left. */
  get left(): number {
    return this.#values.length - this.#at;
  }

  /** The error for a frame that is not what its kind says. */
  malformed(): TrefoilError {
    return new TrefoilError(Code.InvalidArgument, `${this.#room}.malformed`, "malformed frame");
  }

  /** Any value; it must be there. */
  value(): Value {
    if (this.#at >= this.#values.length) throw this.malformed();
    return this.#values[this.#at++]!;
  }

  /** A value that may be missing at the end, which means null. */
  optional(): Value {
    return this.left > 0 ? this.value() : null;
  }

  /** An integer that a counter can have: 0 to 2^53-1. */
  count(): number {
    const v = this.value();
    if (typeof v !== "number" || !Number.isSafeInteger(v) || v < 0) throw this.malformed();
    return v;
  }

  /** A counter, null, or nothing at the end. */
  countOrNull(): number | null {
    if (this.left > 0 && this.#values[this.#at] !== null) return this.count();
    this.optional();
    return null;
  }

  /** Any integer; one that a number does not hold exactly comes as the nearest that it does. */
  int(): number {
    const v = this.value();
    if (typeof v === "bigint") return Number(v);
    if (typeof v !== "number" || !Number.isInteger(v)) throw this.malformed();
    return v;
  }

  /** The low 32 bits of an integer. */
  bits(): number {
    const v = this.value();
    if (typeof v === "bigint") return Number(BigInt.asIntN(32, v));
    if (typeof v !== "number" || !Number.isInteger(v)) throw this.malformed();
    return v | 0;
  }

  bool(): boolean {
    const v = this.value();
    if (typeof v !== "boolean") throw this.malformed();
    return v;
  }

  text(): string {
    const v = this.value();
    if (typeof v !== "string") throw this.malformed();
    return v;
  }

  /** A string or null. */
  textOrNull(): string | null {
    const v = this.value();
    if (v !== null && typeof v !== "string") throw this.malformed();
    return v;
  }

  /** An id as 32 hex digits, or null. */
  id(): string | null {
    const v = this.value();
    if (v === null) return null;
    if (!(v instanceof Uint8Array) || v.length !== 16) throw this.malformed();
    return idText(v);
  }

  time(): Time {
    const v = this.value();
    if (!(v instanceof Time)) throw this.malformed();
    return v;
  }

  /** A list, to be read in its turn. */
  list(): Body {
    const v = this.value();
    if (!Array.isArray(v)) throw this.malformed();
    return new Body(v, this.#room);
  }

  /** A map from string to string, null, or nothing at the end. */
  texts(): Record<string, string> | null {
    const v = this.optional();
    if (v === null) return null;
    if (!isMap(v)) throw this.malformed();
    for (const key of Object.keys(v)) {
      if (typeof v[key] !== "string") throw this.malformed();
    }
    return v as Record<string, string>;
  }

  /** An error (docs/PROTOCOL.md, section 4). Codes that are none of the 16 become unknown. */
  error(): TrefoilError {
    const e = this.list();
    const code = e.int();
    const reason = e.text();
    const message = e.text();
    const details = e.optional();
    const unknown = e.optional();
    return new TrefoilError(isCode(code) ? code : Code.Unknown, reason, message, {
      details: isMap(details) ? details : null,
      unknown: unknown === true,
    });
  }
}

/** An error as it stands in a frame. */
export function errorValue(err: TrefoilError): unknown[] {
  const code = isCode(err.code) ? err.code : Code.Unknown;
  return [code, err.reason, err.message, err.details, err.unknown];
}
