import type { Value } from "../../codec/value.ts";

/** A number in canonical form: an integer within +-2^53 or a float as number, another integer as bigint. */
export type Numeric = number | bigint;

/** Whether v is an integer or a float. */
export function isNumber(v: Value | undefined): v is Numeric {
  return typeof v === "number" || typeof v === "bigint";
}

/** The sum, exact between integers; with a float on either side the double's. Undefined if it is out of range. */
export function addNumbers(a: Numeric, b: Numeric): Numeric | undefined {
  if (isInteger(a) && isInteger(b)) {
    const sum = BigInt(a) + BigInt(b);
    if (sum < -(1n << 63n) || sum >= 1n << 63n) return undefined;
    return sum >= -(1n << 53n) && sum <= 1n << 53n ? Number(sum) : sum;
  }
  const sum = Number(a) + Number(b);
  return Number.isFinite(sum) ? sum + 0 : undefined;
}

/** Negative, zero or positive as a is less than, equal to or greater than b; never rounds. */
export function compareNumbers(a: Numeric, b: Numeric): number {
  return a < b ? -1 : a > b ? 1 : 0; // between bigint and number by mathematical value
}

function isInteger(v: Numeric): boolean {
  return typeof v === "bigint" || (Number.isInteger(v) && Math.abs(v) <= 2 ** 53);
}
