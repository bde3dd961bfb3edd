import type { Value, ValueMap } from "../../codec/value.ts";
import { compareKeys, type Path } from "../path.ts";
import { sameLeaf, showLeaf } from "./leaf.ts";

const noKids: ReadonlyMap<string, TreeNode> = new Map();

/**
 * One value in the tree: a leaf, or a map of further nodes. Nodes are immutable once the edit that made them is over, and
 * versions of an object share the nodes that did not change. Every node knows when it was written, so that a
 * transaction's reads can be judged by versions alone and a delete leaves nothing behind.
 */
export class TreeNode {
  /** What {@link TreeNode.value} gave. */
  #shown: Value | undefined = undefined;

  private constructor(
    /** The value of a leaf, undefined for a map. */
    readonly leaf: Value | undefined,
    /** The children of a map. Only the edit that made the node changes them. */
    readonly kids: ReadonlyMap<string, TreeNode>,
    /** The version that last wrote the node; for a map, that created or replaced it. */
    readonly written: number,
    /** The version that last changed which keys a map has. */
    public keys: number,
    /** The version of the last change anywhere below. */
    public below: number,
    /** The edit that may still change the node. A token, so that nodes keep nothing alive. */
    readonly owner: object | null,
  ) {}

  /** A leaf. The value is canonical, frozen, and no map. */
  static leaf(value: Value, version: number): TreeNode {
    return new TreeNode(value, noKids, version, 0, 0, null);
  }

  /** A map. */
  static map(kids: Map<string, TreeNode>, written: number, keys: number, below: number, owner: object | null): TreeNode {
    return new TreeNode(undefined, kids, written, keys, below, owner);
  }

  /** An object of version 0. */
  static empty(): TreeNode {
    return TreeNode.map(new Map(), 0, 0, 0, null);
  }

  /** Whether the node is a map. */
  get isMap(): boolean {
    return this.leaf === undefined;
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

  /** The keys of a map, ascending by bytes. */
  sortedKeys(): string[] {
    return [...this.kids.keys()].sort(compareKeys);
  }

  /** The value, frozen; the same one each time, and subtrees that versions share have the same one in each. */
  value(): Value {
    if (this.#shown !== undefined) return this.#shown;
    if (this.leaf !== undefined) {
      this.#shown = showLeaf(this.leaf);
      return this.#shown;
    }
    const out = Object.create(null) as ValueMap;
    for (const key of this.sortedKeys()) out[key] = (this.kids.get(key) as TreeNode).value();
    this.#shown = Object.freeze(out);
    return out;
  }

  /** Forgets the value: the node's edit goes on. */
  touch(): void {
    this.#shown = undefined;
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
      same = before.kids.size === this.kids.size;
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
