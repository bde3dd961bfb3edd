import { Time } from "../codec/value.ts";

/** What a value takes in memory, roughly. */
export function sizeOf(value: unknown): number {
  if (typeof value === "string") return 8 + value.length;
  if (typeof value !== "object" || value === null) return 8;
  if (value instanceof Uint8Array) return 64 + value.length;
  if (value instanceof Time) return 64;
  if (Array.isArray(value)) return value.reduce((sum: number, v) => sum + sizeOf(v), 32);
  let size = 64;
  for (const key of Object.keys(value)) size += key.length + sizeOf((value as Record<string, unknown>)[key]);
  return size;
}
