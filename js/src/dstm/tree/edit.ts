import type { Value, ValueMap } from "../../codec/value.ts";
import { MAX_DEPTH, type Path } from "../path.ts";
import { TreeNode } from "./node.ts";
import { addNumbers, compareNumbers, isNumber, type Numeric } from "./numbers.ts";

/** Why a change cannot be made. */
export type Failure = "leaf" | "root" | "depth" | "number" | "bounds" | "range";

/** What the failures mean, for messages. */
export const failures: Readonly<Record<Failure, string>> = {
  leaf: "the path leads through a value that is no map",
  root: "the root is always a map",
  depth: "the value nests too deeply",
  number: "there is a value that is no number",
  bounds: "the sum is outside the bounds",
  range: "the sum is outside the range of numbers",
};

/**
 * Changes made by one version. The tree that it began with stays as it is; what the edit has copied once it
 * changes in place, so many writes to a wide map copy that map once. A change that fails changes nothing.
 */
export class Edit {
  readonly #token = {};
  #root: TreeNode;

  constructor(
    root: TreeNode,
    readonly version: number,
  ) {
    this.#root = root;
  }

  /** The tree as it is now. Whoever keeps it must not let the edit go on. */
  get root(): TreeNode {
    return this.#root;
  }

  /** Puts a canonical value at path; missing maps on the way are created. */
  set(path: Path, value: Value): Failure | null {
    const fresh = build(value, this.version, path.length, this.#token);
    if (typeof fresh === "string") return fresh;
    if (path.length === 0) {
      if (!fresh.isMap) return "root";
      this.#root = fresh;
      return null;
    }
    for (let i = 0, at: TreeNode | undefined = this.#root; i < path.length && at !== undefined; i++) {
      if (!at.isMap) return "leaf";
      at = at.kids.get(path[i] as string);
    }
    let node = (this.#root = this.#own(this.#root));
    const last = path.length - 1;
    path.forEach((key, i) => {
      const kids = node.kids as Map<string, TreeNode>;
      const old = kids.get(key);
      node.below = this.version;
      if (old === undefined) node.keys = this.version;
      const kid = i === last ? fresh : old === undefined ? emptyMap(this.version, this.#token) : this.#own(old);
      if (kid !== old) kids.set(key, kid);
      node = kid;
    });
    return null;
  }

  /** Removes the node at path; nothing if there is none. */
  delete(path: Path): Failure | null {
    if (path.length === 0) return "root";
    if (this.#root.find(path) === undefined) return null;
    let node = (this.#root = this.#own(this.#root));
    const last = path.length - 1;
    path.forEach((key, i) => {
      const kids = node.kids as Map<string, TreeNode>;
      node.below = this.version;
      if (i === last) {
        kids.delete(key);
        node.keys = this.version;
        return;
      }
      const old = kids.get(key) as TreeNode;
      const kid = this.#own(old);
      if (kid !== old) kids.set(key, kid);
      node = kid;
    });
    return null;
  }

  /** Increases the number at path by n; absent counts as 0. Undefined bounds are none. */
  add(path: Path, n: Numeric, least: Numeric | undefined, most: Numeric | undefined): Failure | null {
    const at = this.#root.find(path);
    let old: Numeric = 0;
    if (at !== undefined) {
      if (!isNumber(at.leaf)) return "number";
      old = at.leaf;
    }
    const sum = addNumbers(old, n);
    if (sum === undefined) return "range";
    if ((least !== undefined && compareNumbers(sum, least) < 0) || (most !== undefined && compareNumbers(sum, most) > 0)) {
      return "bounds";
    }
    return this.set(path, sum);
  }

  #own(node: TreeNode): TreeNode {
    if (node.owner === this.#token) {
      node.touch();
      return node;
    }
    return TreeNode.map(new Map(node.kids), node.written, node.keys, node.below, this.#token);
  }
}

function emptyMap(version: number, owner: object | null): TreeNode {
  return TreeNode.map(new Map(), version, version, version, owner);
}

/** The nodes of a canonical value, written by version, to hang depth keys below the root. */
export function build(value: Value, version: number, depth: number, owner: object | null = null): TreeNode | "depth" {
  if (depth > MAX_DEPTH) return "depth";
  if (!isValueMap(value)) return TreeNode.leaf(value, version);
  const kids = new Map<string, TreeNode>();
  for (const key of Object.keys(value)) {
    const kid = build(value[key] as Value, version, depth + 1, owner);
    if (kid === "depth") return kid;
    kids.set(key, kid);
  }
  return TreeNode.map(kids, version, version, version, owner);
}

/** Whether a canonical value is a map: those have no prototype, unlike everything else that is an object. */
export function isValueMap(value: Value): value is ValueMap {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === null;
}
