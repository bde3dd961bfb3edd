import type { Path } from "../path.ts";
import { Edit } from "../tree/edit.ts";
import type { TreeNode } from "../tree/node.ts";
import type { Numeric } from "../tree/numbers.ts";
import { Where, type Spot } from "../tree/order.ts";
import { shapeOf } from "../tree/shape.ts";
import { applyWrite, ReadKind, targetOf, type Read, type Write } from "./txn.ts";

/** What takes writes back. The reads are what must not have changed since, judged with the version that the writes made as base. */
export interface Inverse {
  readonly reads: readonly Read[];
  readonly writes: readonly Write[];
}

/**
 * What undoes writes that were applied to before: sets what stood there, deletes what was not there, adds the opposite, and puts elements back
 * behind the neighbour that they had. Null if the writes do not fit before, or add the one integer that has no opposite.
 */
export function invert(before: TreeNode, writes: readonly Write[]): Inverse | null {
  const edit = new Edit(before, before.changed + 1);
  const states = [before];
  for (const w of writes) {
    if (applyWrite(edit, w) !== null) return null;
    states.push(edit.root);
  }
  const i = new Inverter(edit.root);
  for (let n = writes.length - 1; n >= 0; n--) {
    if (!i.undo(states[n] as TreeNode, writes[n] as Write)) return null;
  }
  return { reads: i.reads, writes: i.writes };
}

/**
 * The paths of what {@link invert} has to know of before: what the writes replace, and of lists the elements that they name and those before what
 * they take away.
 */
export function concerns(before: TreeNode, writes: readonly Write[]): Path[] {
  const paths: Path[] = [];
  const edit = new Edit(before, before.changed + 1);
  for (const w of writes) {
    const at = targetOf(w);
    const above = at.slice(0, -1);
    paths.push(at);
    if ((w.op === "insert" || w.op === "move") && w.spot.anchor !== "") paths.push([...above, w.spot.anchor]);
    const list = at.length > 0 && w.op !== "insert" ? edit.root.find(above) : undefined;
    const id = at.at(-1) as string;
    const neighbour = list?.order?.has(id) === true ? list.order.before(id) : undefined;
    if (neighbour !== undefined) paths.push([...above, neighbour]);
    if (applyWrite(edit, w) !== null) break;
  }
  return paths;
}

class Inverter {
  readonly reads: Read[] = [];
  readonly writes: Write[] = [];

  constructor(readonly after: TreeNode) {}

  undo(before: TreeNode, w: Write): boolean {
    switch (w.op) {
      case "add": {
        const n = opposite(w.n);
        if (n === undefined) return false;
        this.writes.push({ op: "add", path: w.path, n, least: undefined, most: undefined });
        return true;
      }
      case "delete":
        this.#undoDelete(before, w.path);
        return true;
      case "insert":
        this.#observe(targetOf(w));
        this.writes.push({ op: "delete", path: targetOf(w) });
        return true;
      case "move":
        if (this.after.find(targetOf(w)) !== undefined) this.#read(ReadKind.Value, targetOf(w)); // else a later write took it away, and what undoes that reads
        this.writes.push({ op: "move", path: w.path, id: w.id, spot: spotOf(before.find(w.path) as TreeNode, w.id) });
        return true;
      default:
        this.#undoSet(before, w.path);
        return true;
    }
  }

  /** Also of min and max. */
  #undoSet(before: TreeNode, path: Path): void {
    const old = before.find(path);
    if (old !== undefined) {
      this.#observe(path);
      this.writes.push({ op: "set", path, value: old.raw(), shape: shapeOf(old) });
      return;
    }
    const created = path.slice(0, before.nearest(path).depth + 1); // the first of the maps that had to be created, or the value itself
    this.#observe(created);
    this.writes.push({ op: "delete", path: created });
  }

  #undoDelete(before: TreeNode, path: Path): void {
    const old = before.find(path);
    if (old === undefined) return;
    this.#observe(path);
    const above = path.slice(0, -1);
    if (above.length > 0 && this.after.find(above) !== undefined) this.#read(ReadKind.Value, above); // else the set would make another map
    const parent = before.find(above) as TreeNode;
    const id = path.at(-1) as string;
    const what = { value: old.raw(), shape: shapeOf(old) };
    this.writes.push(parent.isList ? { op: "insert", path: above, id, spot: spotOf(parent, id), ...what } : { op: "set", path, ...what });
  }

  /** Reads what all writes left at path: a leaf, its absence, or all of a map or list. */
  #observe(path: Path): void {
    const node = this.after.find(path);
    this.#read(node === undefined ? ReadKind.Absent : node.leaf !== undefined ? ReadKind.Value : ReadKind.Subtree, path);
  }

  #read(kind: ReadKind, path: Path): void {
    const known = this.reads.some((r) => r.kind === kind && r.path.length === path.length && r.path.every((key, i) => key === path[i]));
    if (!known) this.reads.push({ kind, path, hash: null, guard: null });
  }
}

/** Where an element of a list stands: behind the one before it, or first. */
function spotOf(list: TreeNode, id: string): Spot {
  const anchor = list.order?.before(id);
  return anchor === undefined ? { where: Where.First, anchor: "" } : { where: Where.After, anchor };
}

function opposite(n: Numeric): Numeric | undefined {
  if (typeof n === "number") return 0 - n;
  return n === -(1n << 63n) ? undefined : -n;
}
