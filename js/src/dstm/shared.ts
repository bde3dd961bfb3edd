import type { TrefoilError } from "../status.ts";
import type { Offline } from "./offline/offline.ts";
import type { Core } from "./replica/core.ts";
import type { Changed, Shown, State } from "./replica/types.ts";
import type { TreeNode } from "./tree/node.ts";
import type { Pending, View } from "./view.ts";

/** One user of a replica. */
export interface Handle {
  changed(e: Changed): void;
  /** Something about the object may have changed. */
  moved(): void;
  end(error: TrefoilError): void;
}

/** One replica and those who use it. */
export class Shared {
  /** Handles, and calls of open that wait. */
  users = 0;
  readonly handles = new Set<Handle>();
  /** Those who wait for the first state; null is success. */
  openers: ((error: TrefoilError | null) => void)[] = [];
  ready = false;
  /** Something has happened since the handles were told. */
  moved = false;
  /** What was there before the object ended. */
  #last: State | undefined;
  /** What snapshot showed last. */
  #shown: TreeNode | null = null;
  #pending: { value: Pending; shown: readonly Shown[] } | null = null;

  constructor(
    readonly core: Core,
    readonly name: string,
    readonly offline: Offline | null = null,
  ) {}

  /** Tells those who wait that there is a state, or why not. */
  settle(error: TrefoilError | null): void {
    this.ready ||= error === null;
    const openers = this.openers;
    this.openers = [];
    for (const opener of openers) opener(error);
  }

  /** What is seen now. Only for those who hold an open object. */
  view(): View {
    const s = this.#state();
    return {
      log: s.log, object: this.name, epoch: s.epoch, base: s.version, position: s.position, seen: s.seen, root: s.root, pending: s.pending, terms: s.terms,
    };
  }

  /** The tree now, whose values are, where they equal those of the last call, identical. */
  tree(): TreeNode {
    const { root } = this.#state();
    if (this.#shown !== null && this.#shown !== root) root.adopt(this.#shown);
    this.#shown = root;
    return root;
  }

  /** The own unanswered transactions. */
  pending(): Pending {
    const shown = this.#state().pending;
    const count = this.core.unanswered(this.name) + (this.offline?.queue.waiting(this.name) ?? 0);
    if (this.#pending === null || this.#pending.shown !== shown || this.#pending.value.count !== count) {
      this.#pending = { value: Object.freeze({ count, paths: Object.freeze(shown.flatMap((s) => s.paths)) }), shown };
    }
    return this.#pending.value;
  }

  /** Takes note that something has happened. */
  refresh(): void {
    this.moved = true;
    this.#last = this.core.state(this.name) ?? this.#last;
  }

  #state(): State {
    const s = this.core.state(this.name) ?? this.#last;
    if (s === undefined) throw new Error(`defect: ${this.name} has no state`);
    return s;
  }
}
