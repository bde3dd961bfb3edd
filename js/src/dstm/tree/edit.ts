import type { Value } from "../../codec/value.ts";
import type { Path } from "../path.ts";
import { build } from "./build.ts";
import { noKids, TreeNode } from "./node.ts";
import { addNumbers, compareNumbers, isNumber, type Numeric } from "./numbers.ts";
import { Order, type Spot } from "./order.ts";
import type { Shape } from "./shape.ts";

/** Why a change cannot be made. */
export type Failure = "leaf" | "root" | "depth" | "number" | "bounds" | "range" | "list" | "element" | "exists" | "self";

/** What the failures mean, for messages. */
export const failures: Readonly<Record<Failure, string>> = {
  leaf: "the path leads through a value that is no map",
  root: "the root is always a map",
  depth: "the value nests too deeply",
  number: "there is a value that is no number",
  bounds: "the sum is outside the bounds",
  range: "the sum is outside the range of numbers",
  list: "there is something else than a list",
  element: "there is no such element in the list",
  exists: "the list has an element of that id already",
  self: "an element cannot stand beside itself",
};

/** Changes made by one version. The tree that it began with stays as it is. A change that fails changes nothing. */
export class Edit {
  constructor(
    /** The tree as it is now. */
    public root: TreeNode,
    readonly version: number,
  ) {}

  /** Puts a checked value at path; missing maps on the way are created. */
  set(path: Path, value: Value, shape: Shape | null = null): Failure | null {
    const fresh = build(value, shape, this.version, path.length);
    if (fresh === undefined) return "depth";
    if (path.length > 0) return this.#put(path, () => fresh);
    if (!fresh.isMap) return "root";
    this.root = fresh;
    return null;
  }

  /** Removes the node at path; nothing if there is none. */
  delete(path: Path): Failure | null {
    if (path.length === 0) return "root";
    if (this.root.find(path) === undefined) return null;
    const last = path.at(-1) as string;
    return this.#put(path.slice(0, -1), (at) => {
      const { kids, order, written } = at as TreeNode;
      return new TreeNode(undefined, kids.delete(last), order?.delete(last) ?? null, written, this.version, this.version);
    });
  }

  /** Increases the number at path by n; absent counts as 0. Undefined bounds are none. */
  add(path: Path, n: Numeric, least: Numeric | undefined, most: Numeric | undefined): Failure | null {
    return this.#number(path, (old = 0) => {
      const sum = addNumbers(old, n);
      if (sum === undefined) return "range";
      const outside = (least !== undefined && compareNumbers(sum, least) < 0) || (most !== undefined && compareNumbers(sum, most) > 0);
      return outside ? "bounds" : sum;
    });
  }

  /** Makes the number at path the smaller of itself and n; absent becomes n. */
  min(path: Path, n: Numeric): Failure | null {
    return this.#number(path, (old = n) => (compareNumbers(n, old) < 0 ? n : old));
  }

  /** Makes the number at path the greater of itself and n; absent becomes n. */
  max(path: Path, n: Numeric): Failure | null {
    return this.#number(path, (old = n) => (compareNumbers(n, old) > 0 ? n : old));
  }

  /** Puts a new element into the list at path, which is created if absent. */
  insert(path: Path, id: string, spot: Spot, value: Value, shape: Shape | null = null): Failure | null {
    if (id === spot.anchor) return "self";
    const fresh = build(value, shape, this.version, path.length + 1);
    if (fresh === undefined) return "depth";
    return this.#put(path, (at) => {
      if (at !== undefined && !at.isList) return "list";
      const order = at?.order ?? Order.of([]);
      if (order.has(id)) return "exists";
      if (spot.anchor !== "" && !order.has(spot.anchor)) return "element";
      const kids = (at?.kids ?? noKids).put(id, fresh);
      return new TreeNode(undefined, kids, order.insert(id, spot), at?.written ?? this.version, this.version, this.version);
    });
  }

  /** Puts an element of the list at path elsewhere. */
  move(path: Path, id: string, spot: Spot): Failure | null {
    if (id === spot.anchor) return "self";
    const list = this.root.find(path);
    if (list === undefined) return this.#through(path) ?? "element";
    if (list.order === null) return "list";
    if (!list.order.has(id) || (spot.anchor !== "" && !list.order.has(spot.anchor))) return "element";
    const order = list.order.delete(id).insert(id, spot);
    return this.#put(path, () => new TreeNode(undefined, list.kids, order, list.written, this.version, this.version));
  }

  #number(path: Path, change: (old: Numeric | undefined) => Numeric | Failure): Failure | null {
    const at = this.root.find(path);
    if (at !== undefined && !isNumber(at.leaf)) return "number";
    const now = change(at?.leaf as Numeric | undefined);
    return typeof now === "string" ? now : this.set(path, now);
  }

  /** Why nothing can be put at path, null if something can. */
  #through(path: Path): Failure | null {
    const { node, depth } = this.root.nearest(path);
    if (depth === path.length || node.isMap) return null;
    return node.isList ? "element" : "leaf";
  }

  /** Has change make the node at path of the one that is there, and copies what is above. */
  #put(path: Path, change: (at: TreeNode | undefined) => TreeNode | Failure): Failure | null {
    const failure = this.#through(path);
    if (failure !== null) return failure;
    const root = this.#replace(this.root, path, 0, change);
    if (typeof root === "string") return root;
    this.root = root;
    return null;
  }

  #replace(at: TreeNode | undefined, path: Path, i: number, change: (at: TreeNode | undefined) => TreeNode | Failure): TreeNode | Failure {
    if (i === path.length) return change(at);
    const key = path[i] as string;
    const node = at ?? TreeNode.of(noKids, null, this.version);
    const old = node.kids.get(key);
    const kid = this.#replace(old, path, i + 1, change);
    if (typeof kid === "string") return kid;
    const keys = old === undefined ? this.version : node.keys;
    return new TreeNode(undefined, node.kids.put(key, kid), node.order, node.written, keys, this.version);
  }
}
