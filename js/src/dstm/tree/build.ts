import type { Value, ValueMap } from "../../codec/value.ts";
import { compareKeys, MAX_DEPTH, type Path } from "../path.ts";
import { keysOf } from "./leaf.ts";
import { TreeNode } from "./node.ts";
import { Order } from "./order.ts";
import { ShapeWalk, type Shape } from "./shape.ts";
import { Sorted } from "./sorted.ts";

/** The nodes of a checked value, written by version, to hang depth keys below the root; undefined if that is too deep. */
export function build(value: Value, shape: Shape | null, version: number, depth: number): TreeNode | undefined {
  return grow(value, new ShapeWalk(shape), version, depth, []);
}

function grow(value: Value, walk: ShapeWalk, version: number, depth: number, path: Path): TreeNode | undefined {
  if (depth > MAX_DEPTH) return undefined;
  if (!isValueMap(value)) {
    const ids = Array.isArray(value) ? walk.ids(path) : undefined;
    return ids === undefined ? TreeNode.leaf(value, version) : growList(value as Value[], ids, walk, version, depth, path);
  }
  const keys = keysOf(value);
  const kids = growAll(keys, keys.map((key) => value[key] as Value), walk, version, depth, path);
  return kids && TreeNode.of(Sorted.from(compareKeys, keys, kids), null, version);
}

function growList(values: readonly Value[], ids: readonly string[], walk: ShapeWalk, version: number, depth: number, path: Path): TreeNode | undefined {
  const nodes = growAll(ids, values, walk, version, depth, path);
  if (nodes === undefined) return undefined;
  const byId = ids.map((id, i): [string, TreeNode] => [id, nodes[i] as TreeNode]).sort((a, b) => compareKeys(a[0], b[0]));
  return TreeNode.of(Sorted.from(compareKeys, byId.map((e) => e[0]), byId.map((e) => e[1])), Order.of(ids), version);
}

function growAll(keys: readonly string[], values: readonly Value[], walk: ShapeWalk, version: number, depth: number, path: Path): TreeNode[] | undefined {
  const nodes: TreeNode[] = [];
  for (let i = 0; i < keys.length; i++) {
    const node = grow(values[i] as Value, walk, version, depth + 1, walk.shape === null ? path : [...path, keys[i] as string]);
    if (node === undefined) return undefined;
    nodes.push(node);
  }
  return nodes;
}

/** Whether a canonical value is a map: those have no prototype, unlike everything else that is an object. */
export function isValueMap(value: Value): value is ValueMap {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === null;
}
