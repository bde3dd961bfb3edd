import { startsWith, type Path } from "../path.ts";
import { noKids, TreeNode } from "./node.ts";

/**
 * The tree with nothing in its maps and lists but what leads to paths and is there. Whoever keeps it keeps no more of the
 * memory of an older state. Versions are those of the whole.
 */
export function only(node: TreeNode, paths: readonly Path[]): TreeNode {
  return within(node, paths, []);
}

function within(node: TreeNode, paths: readonly Path[], at: Path): TreeNode {
  if (node.leaf !== undefined || paths.some((p) => p.length === at.length)) return node;
  let kids = noKids;
  for (const key of new Set(paths.map((p) => p[at.length] as string))) {
    const kid = node.kids.get(key);
    const way = [...at, key];
    if (kid !== undefined) kids = kids.put(key, within(kid, paths.filter((p) => startsWith(p, way)), way));
  }
  return new TreeNode(undefined, kids, node.order?.only(Array.from(kids, ([key]) => key)) ?? null, node.written, node.keys, node.below);
}
