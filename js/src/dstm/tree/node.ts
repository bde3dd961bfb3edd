import type { Value, ValueMap } from "../../codec/value.ts";
import { compareKeys, type Path } from "../path.ts";
import { holdsBytes, sameLeaf, thaw } from "./leaf.ts";
import type { Order } from "./order.ts";
import { Sorted } from "./sorted.ts";

/** The children of a node, by key or by element id. */
export type Kids = Sorted<string, TreeNode>;

/** No children. */
export const noKids: Kids = Sorted.empty(compareKeys);

/**
 * One value in the tree: a leaf, a map of further nodes, or a list of them. Nodes are immutable, and versions of an object share the nodes that
 * did not change. Every node knows when it was written, so that a transaction's reads can be judged by versions alone and a
 * delete leaves nothing behind.
 */
export class TreeNode {
  /** What {@link TreeNode.value} gave. */
  #shown: Value | undefined = undefined;
  /** Whether there are bytes in the value, once that was asked. */
  #bytes: boolean | undefined = undefined;

  constructor(
    /** The value of a leaf, undefined for a map or list. */
    readonly leaf: Value | undefined,
    /** The children of a map by key, the elements of a list by id. */
    readonly kids: Kids,
    /** The order of a list's elements, null for anything else. */
    readonly order: Order | null,
    /** The version that last wrote the node; for a map or list, that created or replaced it. */
    readonly written: number,
    /** The version that last changed which keys a map has, or which elements a list, or their order. */
    readonly keys: number,
    /** The version of the last change anywhere below. */
    readonly below: number,
  ) {}

  /** A leaf. The value is canonical, frozen, and no map. */
  static leaf(value: Value, version: number): TreeNode {
    return new TreeNode(value, noKids, null, version, 0, 0);
  }

  /** A map, or with an order a list, that version has made. */
  static of(kids: Kids, order: Order | null, version: number): TreeNode {
    return new TreeNode(undefined, kids, order, version, version, version);
  }

  /** An object of version 0. */
  static empty(): TreeNode {
    return TreeNode.of(noKids, null, 0);
  }

  get isMap(): boolean {
    return this.leaf === undefined && this.order === null;
  }

  get isList(): boolean {
    return this.order !== null;
  }

  /** The version of the last change at the node or below it. */
  get changed(): number {
    return Math.max(this.written, this.below);
  }

  /** The node at path, undefined if there is none. */
  find(path: Path): TreeNode | undefined {
    let node: TreeNode | undefined = this;
    for (const key of path) {
      node = node.kids.get(key);
      if (node === undefined) return undefined;
    }
    return node;
  }

  /** The deepest node that exists on the way to path, and how many keys lead to it. */
  nearest(path: Path): { node: TreeNode; depth: number } {
    let node: TreeNode = this;
    for (let i = 0; i < path.length; i++) {
      const kid = node.kids.get(path[i] as string);
      if (kid === undefined) return { node, depth: i };
      node = kid;
    }
    return { node, depth: path.length };
  }

  /** The keys of a map, ascending by bytes; the ids of a list, in its order; none of a leaf. */
  ids(): string[] {
    return this.order === null ? this.kids.keys() : [...this.order];
  }

  /** The value, frozen; the same one each time, and subtrees that versions share have the same one in each. */
  value(): Value {
    this.#shown ??= this.#show();
    return this.#shown;
  }

  /** Like value, but whoever gets it may change the bytes in it. */
  copy(): Value {
    return this.#holdsBytes() ? thaw(this.value()) : this.value();
  }

  #holdsBytes(): boolean {
    this.#bytes ??= this.leaf !== undefined ? holdsBytes(this.leaf) : Array.from(this.kids, ([, kid]) => kid.#holdsBytes()).includes(true);
    return this.#bytes;
  }

  /** Like value, but the bytes in it are those of the tree: not for users. */
  raw(): Value {
    return this.leaf !== undefined ? this.leaf : this.#gather((kid) => kid.raw());
  }

  #show(): Value {
    if (this.leaf === undefined) return this.#gather((kid) => kid.value());
    return this.#holdsBytes() ? thaw(this.leaf) : this.leaf;
  }

  #gather(of: (kid: TreeNode) => Value): Value {
    if (this.order !== null) return Object.freeze(Array.from(this.order, (id) => of(this.kids.get(id) as TreeNode))) as Value[];
    const out = Object.create(null) as ValueMap;
    for (const [key, kid] of this.kids) out[key] = of(kid);
    return Object.freeze(out);
  }

  /**
   * Takes over the values that another version has shown for what is the same, so that they stay identical for
   * whoever compares with ===. Says whether both have the same value.
   */
  adopt(before: TreeNode): boolean {
    if (before === this) return true;
    let same: boolean;
    if (before.leaf !== undefined || this.leaf !== undefined) {
      same = before.leaf !== undefined && this.leaf !== undefined && sameLeaf(before.leaf, this.leaf);
    } else {
      same = sameIds(before, this);
      for (const [key, kid] of this.kids) {
        const was = before.kids.get(key);
        if (was === undefined || !kid.adopt(was)) same = false;
      }
    }
    if (!same) this.#shown = undefined; // what it held of its children may be replaced
    else if (before.#shown !== undefined) this.#shown = before.#shown;
    return same;
  }
}

/** Whether two nodes that are no leaves are of one kind and have the same keys, or the same elements in the same order. */
export function sameIds(a: TreeNode, b: TreeNode): boolean {
  if (a.isList !== b.isList || a.kids.size !== b.kids.size) return false;
  if (a.order === b.order && a.kids === b.kids) return true;
  const ids = b.ids();
  return a.ids().every((id, i) => id === ids[i]);
}
