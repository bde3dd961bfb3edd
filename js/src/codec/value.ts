import { TrefoilError, Code } from "../status.ts";

/**
 * A value of the protocol (docs/PROTOCOL.md, section 2), as decoding returns it.
 * Integers within +-2^53 are `number`, others `bigint`; bytes are `Uint8Array`; a time is {@link Time}.
 */
export type Value = null | boolean | number | bigint | string | Uint8Array | Time | Value[] | ValueMap;

/**
 * A map with string keys. Decoded maps have a null prototype, so `__proto__` and `constructor` are ordinary keys; encoding also
 * accepts plain objects and `Map<string, ...>`.
 */
export interface ValueMap {
  [key: string]: Value;
}

/** The first second that a time may hold: 0001-01-01T00:00:00Z. */
export const minSecond = -62135596800;
/** The first second that a time may not hold: 10000-01-01T00:00:00Z. */
export const endSecond = 253402300800;
/** How deep lists and maps may be nested: a value that is no container has depth 0, an empty list 1. */
export const maxDepth = 64;
/** Up to here, on both sides and inclusive, an integer is a `number`: 2^53. */
export const maxExact = 2 ** 53;

/**
 * An instant in UTC with nanoseconds, in the years 1 to 9999. It is immutable.
 */
export class Time {
  /** Whole seconds since 1970-01-01T00:00:00Z, negative before. */
  readonly seconds: number;
  /** Nanoseconds within the second, 0 to 999,999,999. */
  readonly nanos: number;

  /** Throws invalid_argument `codec.time` outside the years 1 to 9999, or if a part is no integer in its range. */
  constructor(seconds: number, nanos = 0) {
    if (!Number.isInteger(seconds) || seconds < minSecond || seconds >= endSecond || !Number.isInteger(nanos) || nanos < 0 || nanos > 999_999_999) {
      throw new TrefoilError(Code.InvalidArgument, "codec.time", "a time lies outside the years 1 to 9999, or has bad nanoseconds");
    }
    this.seconds = seconds;
    this.nanos = nanos === 0 ? 0 : nanos; // no -0
    Object.freeze(this);
  }

  /** The instant of a `Date`, which has milliseconds. Throws `codec.time` for an invalid one. */
  static fromDate(date: Date): Time {
    const millis = date.getTime();
    const seconds = Math.floor(millis / 1000);
    return new Time(seconds, (millis - seconds * 1000) * 1e6);
  }

  /** The present instant by this computer's clock. */
  static now(): Time {
    return Time.fromDate(new Date());
  }

  /** As a `Date`: what is below a millisecond is cut off. */
  toDate(): Date {
    return new Date(this.seconds * 1000 + Math.floor(this.nanos / 1e6));
  }

  /** RFC 3339 in UTC, with as many decimals as the nanoseconds need: `2026-01-02T03:04:05.000000006Z`. */
  toString(): string {
    const whole = new Date(this.seconds * 1000).toISOString().slice(0, 19);
    if (this.nanos === 0) return `${whole}Z`;
    return `${whole}.${String(this.nanos).padStart(9, "0").replace(/0+$/, "")}Z`;
  }

  /** What `JSON.stringify` writes: the text of {@link toString}. */
  toJSON(): string {
    return this.toString();
  }
}
