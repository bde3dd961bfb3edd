import type { Path } from "./path.ts";
import type { Shown, Terms } from "./replica/types.ts";
import type { TreeNode } from "./tree/node.ts";

/** One past version of an object, immutable, with the predictions of own transactions that are not yet answered on top. */
export interface View {
  readonly log: string;
  readonly object: string;
  readonly epoch: string;
  /** The confirmed version. */
  readonly base: number;
  /** Of the entry that made base. */
  readonly position: number;
  /** The highest log position seen. */
  readonly seen: number;
  readonly root: TreeNode;
  readonly pending: readonly Shown[];
  readonly terms: Terms;
}

/**
 * Names one state of one object, for ordering across patterns: an object that has reached `version` in `epoch` holds all that
 * the transaction wrote.
 */
export interface Commit {
  readonly log: string;
  readonly epoch: string;
  readonly version: number;
  /** The number of the entry in the log. */
  readonly position: number;
}

/** The own transactions of an object that are not answered yet. Immutable, and the same one until something about it changes. */
export interface Pending {
  /** How many there are. */
  readonly count: number;
  /** What those write whose prediction is shown. A prediction that was taken back counts, but has no paths here. */
  readonly paths: readonly Path[];
}
