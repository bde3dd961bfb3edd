import type { Path } from "../path.ts";
import { sameLeaf } from "./leaf.ts";
import type { TreeNode } from "./node.ts";

/** Takes one difference: the path with the node before and after, undefined for absent. False ends the search. */
export type Emit = (path: Path, before: TreeNode | undefined, after: TreeNode | undefined, moved: boolean) => boolean;

/**
 * Calls emit for the smallest differences between two values that hang at path: where both are maps, or both lists, it descends, elsewhere it
 * names the path. An element that stands elsewhere in its list is one with `moved`, and the same node twice, behind what differs
 * below it. Subtrees that both share are skipped. Says whether it went to the end.
 */
export function diff(path: Path, before: TreeNode | undefined, after: TreeNode | undefined, emit: Emit): boolean {
  if (before === after) return true;
  if (before === undefined || after === undefined || before.leaf !== undefined || after.leaf !== undefined || before.isList !== after.isList) {
    if (before?.leaf !== undefined && after?.leaf !== undefined && sameLeaf(before.leaf, after.leaf)) return true;
    return emit(path, before, after, false);
  }
  if (before.kids !== after.kids) {
    for (const key of before.ids()) {
      if (!diff([...path, key], before.kids.get(key), after.kids.get(key), emit)) return false;
    }
    for (const id of after.ids()) {
      if (!before.kids.has(id) && !emit([...path, id], undefined, after.kids.get(id), false)) return false;
    }
  }
  if (before.order === after.order) return true;
  return movedIds(before, after).every((id) => emit([...path, id], after.kids.get(id), after.kids.get(id), true));
}

/** The fewest elements of both lists whose moves make the order of the one that of the other. */
function movedIds(before: TreeNode, after: TreeNode): string[] {
  const place = new Map(before.ids().map((id, i) => [id, i]));
  const ids = after.ids().filter((id) => place.has(id));
  const at = ids.map((id) => place.get(id) as number);
  const stay = ascending(at);
  return ids.filter((_, i) => !stay.has(i));
}

/** The indexes of a longest ascending subsequence. */
function ascending(at: readonly number[]): ReadonlySet<number> {
  const ends: number[] = []; // by length, the index with the least last number
  const back: (number | undefined)[] = [];
  at.forEach((n, i) => {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((at[ends[middle] as number] as number) < n) low = middle + 1;
      else high = middle;
    }
    back[i] = ends[low - 1];
    ends[low] = i;
  });
  const stay = new Set<number>();
  for (let i = ends.at(-1); i !== undefined; i = back[i]) stay.add(i);
  return stay;
}
