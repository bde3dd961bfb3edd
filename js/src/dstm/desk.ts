import type { TrefoilError } from "../status.ts";
import { aborted } from "./errors.ts";
import { Feed, guarded } from "./feed.ts";
import type { Hub } from "./hub.ts";
import type { Changed } from "./replica/types.ts";
import type { Handle, Shared } from "./shared.ts";
import type { TreeNode } from "./tree/node.ts";
import type { Commit, Pending, View } from "./view.ts";

/** What is behind one open object: its replica, and all that waits for something to happen to it. */
export class Desk implements Handle {
  readonly feed = new Feed();
  /** Called when something has happened. */
  readonly waits = new Set<() => void>();
  /** Called with each step of what is seen. */
  readonly steps = new Set<(e: Changed) => void>();
  /** End the waits of those who have submitted. */
  readonly leaves: ((why: TrefoilError) => void)[] = [];
  readonly #subscribers = new Set<{ readonly fn: () => void }>();
  error: TrefoilError | null = null;
  #last: { head: Commit; pending: Pending; tree: TreeNode } | null = null;

  constructor(
    readonly hub: Hub,
    readonly shared: Shared,
  ) {
    shared.handles.add(this);
  }

  /** The present state; throws if the object has ended. */
  view(): View {
    if (this.error !== null) throw this.error;
    return this.shared.view();
  }

  get tree(): TreeNode {
    return this.#last?.tree ?? this.shared.tree();
  }

  get pending(): Pending {
    return this.#last?.pending ?? this.shared.pending();
  }

  get head(): Commit {
    return this.#last?.head ?? headOf(this.shared.view());
  }

  subscribe(fn: () => void): () => void {
    const s = { fn };
    this.#subscribers.add(s);
    return () => void this.#subscribers.delete(s);
  }

  changed(e: Changed): void {
    for (const step of [...this.steps]) step(e);
    this.feed.publish(e);
  }

  moved(): void {
    for (const check of [...this.waits]) check();
    for (const s of [...this.#subscribers]) {
      if (this.#subscribers.has(s)) guarded(s.fn);
    }
  }

  /** Ends the waits of those who have submitted, the last first: what depends on another must not be refused because that one went. */
  leave(error: TrefoilError): void {
    for (const leave of [...this.leaves].reverse()) leave(error);
  }

  /** The object is no more. Updates go on waiting: the server answers what was sent also when it takes the object away. */
  end(error: TrefoilError): void {
    this.#last = { head: this.head, pending: { count: 0, paths: [] }, tree: this.tree };
    this.error = error;
    this.shared.handles.delete(this);
    this.feed.close(error);
    this.moved();
  }
}

/** The state that a view is of. */
export function headOf(v: View): Commit {
  return { log: v.log, epoch: v.epoch, version: v.base, position: v.position };
}

/**
 * Waits until wake is called. Begin is given that, and returns what takes its listeners away. The signal, the end of one of the objects, and that of
 * the connection for good reject.
 */
export function rest(desks: readonly Desk[], signal: AbortSignal | undefined, begin: (wake: () => void) => () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let over = false;
    let end = (): void => undefined;
    const stop = (): void => {
      over = true;
      end();
      signal?.removeEventListener("abort", check);
      for (const d of desks) d.waits.delete(check);
    };
    const check = (): void => {
      const ended = desks.find((d) => d.error !== null)?.error ?? desks[0]?.hub.over ?? null;
      const why = signal?.aborted === true ? aborted(signal) : ended;
      if (why === null || over) return;
      stop();
      reject(why);
    };
    signal?.addEventListener("abort", check);
    for (const d of desks) d.waits.add(check);
    end = begin(() => {
      if (over) return;
      stop();
      resolve();
    });
    if (over) end();
    else check();
  });
}

/** Waits until check says true, asking whenever something has happened to one of the objects. */
export function until(desks: readonly Desk[], signal: AbortSignal | undefined, check: () => boolean): Promise<void> {
  return rest(desks, signal, (wake) => {
    const ask = (): void => {
      if (check()) wake();
    };
    for (const d of desks) d.waits.add(ask);
    ask();
    return () => desks.forEach((d) => d.waits.delete(ask));
  });
}
