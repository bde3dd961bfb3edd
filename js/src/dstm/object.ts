import type { Value, ValueMap } from "../codec/value.ts";
import { Code, type TrefoilError } from "../status.ts";
import { Desk, until } from "./desk.ts";
import { aborted, fault, invalid, Reason } from "./errors.ts";
import type { Change } from "./feed.ts";
import { Group } from "./group.ts";
import type { Hub } from "./hub.ts";
import type { Revision } from "./past.ts";
import { validPath, type Path } from "./path.ts";
import { Run } from "./run.ts";
import type { Shared } from "./shared.ts";
import { TreeNode } from "./tree/node.ts";
import type { Tx } from "./tx.ts";
import { readMetadata, update, type UpdateOptions } from "./update.ts";
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
  readonly #desk: Desk;

  /** @internal */
  constructor(hub: Hub, shared: Shared) {
    this.name = shared.name;
    this.#desk = new Desk(hub, shared);
  }

  /** @internal */
  static desk(o: SharedObject): Desk {
    return o.#desk;
  }

  /**
   * Whose object it is.
   *
   * @internal
   */
  get home(): object {
    return this.#desk.hub;
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
  async update(fn: (tx: Tx) => void, options: UpdateOptions = {}): Promise<Commit> {
    const [commit] = await update(new Group([this.#desk]), fn, options);
    return commit as Commit;
  }

  /**
   * Runs fn on what is seen of the object now, own unanswered transactions included, and returns what it returns, without waiting and
   * without network. Writes in fn throw.
   */
  view<T>(fn: (tx: Tx) => T): T {
    return new Run([this.#desk.view()], true, this.home).call(fn) as T;
  }

  /**
   * Reverses what an own commit did, as a new transaction: it puts back what stood there, takes away what was not there, adds the opposite, and moves
   * elements back. The commit must be one of the last 100 of this client, else it rejects with `dstm.history`; one of several objects is undone in all
   * of them, and they must be open.
   *
   * If anything that the commit touched has changed since, by whomever, nothing happens and it rejects with `dstm.conflict`; there is no second attempt. Only
   * additions are undone whatever came after. The result can itself be undone. Of the options, signal and metadata count.
   */
  async undo(commit: Commit, options: UpdateOptions = {}): Promise<Commit> {
    const metadata = readMetadata(options);
    if (options.signal?.aborted === true) throw aborted(options.signal);
    return this.#desk.hub.submissions.undo(this.#desk, commit, metadata, options.signal);
  }

  /** Like {@link view}, on the object as it was at a version, which the server is asked for: where a rule allows it, and as far as the log reaches. */
  async viewAt<T>(version: number, fn: (tx: Tx) => T, options: WaitOptions = {}): Promise<T> {
    const { hub, shared } = this.#desk;
    const { terms } = this.#desk.view();
    const s = await hub.past.at(this.name, version, options.signal);
    const log = shared.view().log;
    const view = { log, object: this.name, epoch: s.epoch, base: s.version, position: s.position, seen: s.position, root: s.root ?? TreeNode.empty(), pending: [], terms };
    return new Run([view], true, hub).call(fn) as T;
  }

  /**
   * Who changed what: the commits behind version from, up to version to (0: the present one), ascending. Where a rule allows it, and as far as the
   * log reaches; else it throws `dstm.denied` or `dstm.history`.
   */
  history(from: number, to = 0, options: WaitOptions = {}): AsyncIterable<Revision> {
    const { base } = this.#desk.view();
    return this.#desk.hub.past.history(this.name, from, to === 0 ? base : to, options.signal);
  }

  /**
   * The value that view sees, or that at path (undefined if there is none): frozen, and identical (===) as long as it is equal, subtrees too. After
   * the end of the object it stays what it was. Bytes in it must not be changed.
   */
  snapshot(): ValueMap;
  snapshot(path: Path): Value | undefined;
  snapshot(path: Path = []): Value | undefined {
    if (!validPath(path)) throw invalid("bad path");
    return this.#desk.tree.find(path)?.value();
  }

  /** The keys of the map, or the ids of the list, at path, as {@link Tx.keys} gives them. */
  keys(path: Path = []): string[] {
    if (!validPath(path)) throw invalid("bad path");
    return this.#desk.tree.find(path)?.ids() ?? [];
  }

  /** The own unanswered transactions: for marking what they show as pending. */
  get pending(): Pending {
    return this.#desk.pending;
  }

  /** The confirmed version: own unanswered transactions are not counted. */
  get head(): Commit {
    return this.#desk.head;
  }

  /** Why the object has ended, null as long as it lives. */
  get error(): TrefoilError | null {
    return this.#desk.error;
  }

  /**
   * What changes at or below prefix from the moment that iteration begins, until the signal ends it or the object ends (the
   * iteration then throws, after what has come before). What the consumer is too slow for is folded: it gets one change of origin
   * `reset` in place of more than 1,024, with the value before and after.
   */
  changes(prefix: Path = [], options: WaitOptions = {}): AsyncIterable<Change> {
    return this.#desk.feed.changes(prefix, options.signal);
  }

  /** Calls fn with each change at or below prefix, as it happens; what is returned ends that. Fn may call everything here. */
  onChange(fn: (change: Change) => void, prefix: Path = []): () => void {
    return this.#desk.feed.listen(prefix, fn);
  }

  /**
   * Calls fn whenever snapshot, pending, head or error may have changed, once for all that has come together; what is returned ends that.
   * Fits React's useSyncExternalStore together with snapshot.
   */
  subscribe(fn: () => void): () => void {
    return this.#desk.subscribe(fn);
  }

  /** Is fulfilled when the object has reached version; rejects when the signal, or the end of the object or of the connection for good, comes first. */
  wait(version: number, options: WaitOptions = {}): Promise<void> {
    const reached = (): boolean => this.head.version >= version;
    return reached() ? Promise.resolve() : until([this.#desk], options.signal, reached);
  }

  /** Ends the use of this object; its updates, waits and changes end with `dstm.closed`. Idempotent. */
  close(): void {
    const error = fault(Code.Unavailable, Reason.Closed, "the object is closed");
    if (this.error === null) {
      this.#desk.end(error);
      this.#desk.leave(error);
      this.#desk.hub.release(this.#desk.shared);
    } else {
      this.#desk.leave(error);
    }
  }
}
