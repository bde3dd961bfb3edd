import type { Value } from "../../codec/value.ts";
import type { Path } from "../path.ts";
import type { TreeNode } from "./node.ts";

/**
 * Which arrays of a value are lists, and the ids of their elements: paths relative to the value, in the order in which a walk of it meets
 * them (maps by ascending key; a list before what is in it).
 */
export type Shape = readonly (readonly [path: Path, ids: readonly string[]])[];

/** The shape of a node's value, null if there is no list in it. */
export function shapeOf(node: TreeNode): Shape | null {
  const out: [Path, string[]][] = [];
  collect(node, [], out);
  return out.length > 0 ? out : null;
}

function collect(node: TreeNode, path: Path, out: [Path, string[]][]): void {
  const ids = node.leaf === undefined ? node.ids() : [];
  if (node.isList) out.push([path, ids]);
  for (const id of ids) {
    const kid = node.kids.get(id) as TreeNode;
    if (kid.leaf === undefined) collect(kid, [...path, id], out);
  }
}

/** Goes through a shape while a value is walked. */
export class ShapeWalk {
  #next = 0;

  constructor(readonly shape: Shape | null) {}

  /** The ids of the array that the walk meets at path, undefined if it is a leaf. */
  ids(path: Path): readonly string[] | undefined {
    const entry = this.shape?.[this.#next];
    if (entry === undefined || entry[0].length !== path.length || !path.every((key, i) => key === entry[0][i])) return undefined;
    this.#next++;
    return entry[1];
  }

  /** Whether every list of the shape was met. */
  get done(): boolean {
    return this.#next === (this.shape?.length ?? 0);
  }
}

/** A shape as it came, if it looks like one; its keys and whether it fits a value are not judged. */
export function asShape(v: Value): Shape | null | undefined {
  if (v === null) return null;
  const texts = (x: unknown): x is string[] => Array.isArray(x) && x.every((s) => typeof s === "string");
  if (!Array.isArray(v) || !v.every((e) => Array.isArray(e) && e.length === 2 && texts(e[0]) && texts(e[1]))) return undefined;
  return v.length === 0 ? null : (v as unknown as Shape);
}
