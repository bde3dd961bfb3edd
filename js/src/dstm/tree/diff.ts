import type { Path } from "../path.ts";
import { sameLeaf } from "./leaf.ts";
import type { TreeNode } from "./node.ts";

/** Takes one difference: the path with the node before and after, undefined for absent. False ends the search. */
export type Emit = (path: Path, before: TreeNode | undefined, after: TreeNode | undefined) => boolean;

/**
 * Calls emit for the smallest differences between two values that hang at path: where both are maps it descends, elsewhere it names
 * the path. Subtrees that both share are skipped. Says whether it went to the end.
 */
export function diff(path: Path, before: TreeNode | undefined, after: TreeNode | undefined, emit: Emit): boolean {
  if (before === after) return true;
  if (before === undefined || after === undefined || !before.isMap || !after.isMap) {
    if (before?.leaf !== undefined && after?.leaf !== undefined && sameLeaf(before.leaf, after.leaf)) return true;
    return emit(path, before, after);
  }
  for (const [key, old] of before.kids) {
    if (!diff([...path, key], old, after.kids.get(key), emit)) return false;
  }
  for (const [key, fresh] of after.kids) {
    if (!before.kids.has(key) && !emit([...path, key], undefined, fresh)) return false;
  }
  return true;
}
