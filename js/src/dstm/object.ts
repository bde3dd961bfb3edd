import type { Value, ValueMap } from "../codec/value.ts";
import { Code, type TrefoilError } from "../status.ts";
import { aborted, fault, Reason } from "./errors.ts";
import { Feed, guarded, type Change } from "./feed.ts";
import type { Hub } from "./hub.ts";
import type { Path } from "./path.ts";
import type { Shared } from "./shared.ts";
import { Tx } from "./tx.ts";
import { update, type UpdateOptions } from "./update.ts";
import type { Commit, Pending } from "./view.ts";

/** What ends a wait. */
export interface WaitOptions {
  /** Default: nothing but the answer. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * An open object: a replica of a shared value. It lives until its `close`, or until the server takes it away; another one of the same name
 * lives on then.
 */
export class SharedObject {
  /** The object's name. */
  readonly name: string;
  readonly #hub: Hub;
  readonly #shared: Shared;
  readonly #feed = new Feed();
  readonly #subscribers = new Set<{ readonly fn: () => void }>();
  readonly #waits = new Set<() => void>();
  /** Ends the waits of those who have submitted, the last first. */
  readonly #leaves: ((why: TrefoilError) => void)[] = [];
  #error: TrefoilError | null = null;
  #last: { head: Commit; pending: Pending; value: ValueMap } | null = null;

  /** @internal */
  constructor(hub: Hub, shared: Shared) {
    this.name = shared.name;
    this.#hub = hub;
    this.#shared = shared;
    shared.handles.add({
      changed: (e) => this.#feed.publish(e),
      moved: () => this.#moved(),
      end: (error) => this.#end(error), // updates go on waiting: the server answers what was sent also when it takes the object away
      owner: this,
    });
  }

  /**
   * Runs fn as a transaction; the promise is fulfilled when the server has committed it. What fn reads is remembered, what it writes shows
   * here at once. If what was read has changed by the commit, the object is brought up to date and fn runs again, with jittered pauses, up
   * to `maxAttempts` times; so fn must be free of effects outside tx, and not async.
   *
   * What fn throws ends the transaction without effect and is thrown on. A transaction without writes commits at once on the version
   * it saw. While there is no connection transactions wait, at most as many as the client's `maxPending`, and are sent when there is one.
   *
   * Rejects with a TrefoilError: `dstm.conflict` after the last attempt (see {@link conflictPaths}), other refusals of {@link Reason},
   * canceled or deadline_exceeded when the signal ended the wait. Unless its `unknown` is set nothing was changed.
   */
  update(fn: (tx: Tx) => void, options: UpdateOptions = {}): Promise<Commit> {
    return update(
      {
        view: () => {
          if (this.#error !== null) throw this.#error;
          return this.#shared.view();
        },
        submit: (v, part, after, o) => this.#hub.submit(v, part, after, o, this.#leaves),
      },
      fn,
      options,
    );
  }

  /**
   * Runs fn on what is seen of the object now, own unanswered transactions included, and returns what it returns, without waiting and
   * without network. Writes in fn throw.
   */
  view<T>(fn: (tx: Tx) => T): T {
    if (this.#error !== null) throw this.#error;
    return Tx.run(new Tx(this.#shared.view(), true), fn).result;
  }

  /**
   * The value that view sees, or that at path (undefined if there is none): frozen, and identical (===) as long as it is equal, subtrees too. After
   * the end of the object it stays what it was.
   */
  snapshot(): ValueMap;
  snapshot(path: Path): Value | undefined;
  snapshot(path: Path = []): Value | undefined {
    let value: Value | undefined = this.#last?.value ?? this.#shared.snapshot();
    for (const key of path) {
      if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== null) return undefined;
      value = (value as ValueMap)[key];
    }
    return value;
  }

  /** The own unanswered transactions: for marking what they show as pending. */
  get pending(): Pending {
    return this.#last?.pending ?? this.#shared.pending();
  }

  /** The confirmed version: own unanswered transactions are not counted. */
  get head(): Commit {
    if (this.#last !== null) return this.#last.head;
    const v = this.#shared.view();
    return { log: v.log, epoch: v.epoch, version: v.base, position: v.position };
  }

  /** Why the object has ended, null as long as it lives. */
  get error(): TrefoilError | null {
    return this.#error;
  }

  /**
   * What changes at or below prefix from the moment that iteration begins, until the signal ends it or the object ends (the
   * iteration then throws, after what has come before). What the consumer is too slow for is folded: it gets one change of origin
   * `reset` in place of more than 1,024, with the value before and after.
   */
  changes(prefix: Path = [], options: WaitOptions = {}): AsyncIterable<Change> {
    return this.#feed.changes(prefix, options.signal);
  }

  /** Calls fn with each change at or below prefix, as it happens; what is returned ends that. Fn may call everything here. */
  onChange(fn: (change: Change) => void, prefix: Path = []): () => void {
    return this.#feed.listen(prefix, fn);
  }

  /**
   * Calls fn whenever snapshot, pending, head or error may have changed, once for all that has come together; what is returned ends that.
   * Fits React's useSyncExternalStore together with snapshot.
   */
  subscribe(fn: () => void): () => void {
    const s = { fn };
    this.#subscribers.add(s);
    return () => void this.#subscribers.delete(s);
  }

  /** Is fulfilled when the object has reached version; rejects when the signal or the end of the object comes first. */
  wait(version: number, options: WaitOptions = {}): Promise<void> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const ended = signal?.aborted === true ? aborted(signal) : this.#error;
        if (this.head.version >= version) resolve();
        else if (ended !== null) reject(ended);
        else return;
        this.#waits.delete(check);
        signal?.removeEventListener("abort", check);
      };
      this.#waits.add(check);
      signal?.addEventListener("abort", check);
      check();
    });
  }

  /** Ends the use of this object; its updates, waits and changes end with `dstm.closed`. Idempotent. */
  close(): void {
    if (this.#error !== null) {
      this.#leave();
      return;
    }
    this.#end(fault(Code.Unavailable, Reason.Closed, "the object is closed"));
    this.#leave();
    this.#hub.release(this.#shared);
  }

  /** Ends the wait of the updates. */
  #leave(): void {
    const error = fault(Code.Unavailable, Reason.Closed, "the object is closed");
    for (const leave of [...this.#leaves].reverse()) leave(error);
  }

  #moved(): void {
    for (const check of [...this.#waits]) check();
    for (const s of [...this.#subscribers]) {
      if (this.#subscribers.has(s)) guarded(s.fn);
    }
  }

  #end(error: TrefoilError): void {
    this.#last = { head: this.head, pending: { count: 0, paths: [] }, value: this.snapshot() };
    this.#error = error;
    for (const h of this.#shared.handles) {
      if (h.owner === this) this.#shared.handles.delete(h);
    }
    this.#feed.close(error);
    this.#moved();
  }
}
