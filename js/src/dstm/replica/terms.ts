import { pathString, startsWith, type Path } from "../path.ts";
import { build } from "../tree/build.ts";
import { shapeOf } from "../tree/shape.ts";
import { MAX_BYTES, MAX_OPERATIONS, targetOf, type Write } from "../txn/txn.ts";
import type { Terms } from "./types.ts";

/** What holds unless the server says something else. */
export const usual: Terms = { strict: false, readable: null, bytes: MAX_BYTES, operations: MAX_OPERATIONS };

/** Whether what is at path may be read, and so is what the server has. */
export function mayRead(t: Terms, path: Path): boolean {
  return t.readable === null || t.readable.some((r) => startsWith(path, r));
}

/** What writes do to what may be read: one above a readable path is what it does there, one elsewhere vanishes. */
export function showable(t: Terms, writes: readonly Write[]): readonly Write[] {
  return t.readable === null ? writes : writes.flatMap((w) => (mayRead(t, targetOf(w)) ? [w] : below(t, w)));
}

function below(t: Terms, w: Write): Write[] {
  const target = targetOf(w);
  const paths = (t.readable ?? []).filter((path) => startsWith(path, target));
  if (w.op === "delete") return paths.map((path) => ({ op: "delete", path }));
  if (w.op !== "set" && w.op !== "insert") return [];
  const whole = build(w.value, w.shape, 0, target.length);
  return paths.map((path) => {
    const node = whole?.find(path.slice(target.length));
    return node === undefined ? { op: "delete", path } : { op: "set", path, value: node.raw(), shape: shapeOf(node) };
  });
}

/** Whether both name the same paths. */
export function sameReadable(a: Terms, b: Terms): boolean {
  if (a.readable === null || b.readable === null) return a.readable === b.readable;
  const names = (t: Terms): string => JSON.stringify((t.readable ?? []).map(pathString).sort());
  return names(a) === names(b);
}
