import { encode } from "./encode.ts";

export { decode, decodeAll } from "./decode.ts";
export { fromJSON } from "./fromjson.ts";
export { toJSON } from "./tojson.ts";
export { Time } from "./value.ts";
export type { Value, ValueMap } from "./value.ts";
export { encode };

/** Reports whether a and b are the same value: their canonical forms have the same bytes. NaN equals NaN; 1 does not equal "1". Throws what encoding throws. */
export function equal(a: unknown, b: unknown): boolean {
  const x = encode(a);
  const y = encode(b);
  return x.length === y.length && x.every((c, i) => c === y[i]);
}
