import type { TrefoilError } from "../status.ts";
import type { Pattern, Receiver } from "../transport/pattern.ts";
import type { Session } from "../transport/session.ts";
import type { Storage } from "../transport/storage/storage.ts";
import { invalid } from "./errors.ts";
import { Hub } from "./hub.ts";
import type { SharedObject, WaitOptions } from "./object.ts";
import type { Inbox } from "./offline/inbox.ts";
import type { NamedTransaction } from "./offline/named.ts";
import type { Offline } from "./offline/offline.ts";
import type { Work } from "./offline/work.ts";

/** Options of a {@link Client}. */
export interface ClientOptions {
  /**
   * Bounds the transactions that wait for their answer, those made while there is no connection included; `update` of one more
   * rejects with `dstm.busy`. Default 1,024.
   */
  readonly maxPending?: number | undefined;
  /**
   * Where named transactions, the inbox and the states of objects are kept: what `openStorage` gave, the same as that of the connection. Default: nowhere; named transactions
   * then live as long as the page.
   */
  readonly storage?: Storage | undefined;
  /** The named transactions of the program; each client that may find their works in its storage has to have them. Default: none. */
  readonly transactions?: readonly NamedTransaction<any>[] | undefined;
  /** How many objects are kept in the storage, those least recently opened go first. Default 32. */
  readonly maxCached?: number | undefined;
  /** How many bytes of them. Default 64 MiB. */
  readonly maxCachedBytes?: number | undefined;
}

/** The start of the last client's sequences. */
let latest = 0;

/**
 * Sequences ascend over all processes that ever use the client's key: microseconds since 1970 do, as long as clocks do
 * (docs/decisions/0005-client-replica.md).
 */
function firstSequence(): number {
  latest = Math.max(Date.now() * 1000, latest + 1000);
  return latest;
}

/**
 * The client's side of dstm: replicas of the objects that are open, and the own transactions on their way. It is a pattern: give it to
 * one connection.
 *
 * When the connection drops, objects stay: `view` and `snapshot` go on with what was last seen, `update` queues its transaction, shows it
 * at once, and is fulfilled when it was decided after the reconnect. When the connection has ended for good, so does what waits for it.
 */
export class Client implements Pattern {
  /** The pattern's name. */
  readonly name = "dstm";
  readonly #hub: Hub;
  readonly #options: ClientOptions;

  /** Throws `dstm.invalid` for options that make no sense. */
  constructor(options: ClientOptions = {}) {
    const limit = options.maxPending ?? 1024;
    if (!Number.isInteger(limit) || limit < 1) throw invalid("maxPending is no positive integer");
    this.#options = options;
    const { storage, transactions } = options;
    const objects = options.maxCached ?? 32;
    const bytes = options.maxCachedBytes ?? 64 << 20;
    if (!(objects >= 0) || !(bytes >= 0)) throw invalid("maxCached and maxCachedBytes are no negative numbers");
    const offline = storage || transactions ? { storage: storage ?? null, transactions: transactions ?? [], objects, bytes } : null;
    this.#hub = new Hub(firstSequence(), limit, offline);
  }

  /**
   * The named transactions that are not decided, the oldest first, also those of before a reload. Frozen, and the same until something changes. Throws `dstm.invalid`, as do
   * `onWorks` and `inbox`, without `storage` and `transactions`.
   */
  get works(): readonly Work[] {
    return this.#offline.queue.works;
  }

  /** Calls fn when `works` has changed; what is returned ends that. */
  onWorks(fn: () => void): () => void {
    return this.#offline.queue.changed.on(fn);
  }

  /** The named transactions that were refused in the end. */
  get inbox(): Inbox {
    return this.#offline.queue.inbox;
  }

  /**
   * Why works, the inbox and objects are not kept, or not all of them: what `storage.problem` says. Null while all is well, and without a storage. `storage.onProblem` tells when
   * it changes.
   */
  get storageError(): TrefoilError | null {
    return this.#options.storage?.problem ?? null;
  }

  get #offline(): Offline {
    const { offline } = this.#hub;
    if (offline === null) throw invalid("the client has neither a storage nor transactions");
    return offline;
  }

  /**
   * Opens an object, and is fulfilled when its state has arrived: at once if another one of the name is open already. It waits for a
   * connection until the signal ends that. What a storage keeps of it is there at once, also when the connection has ended for good. Rejects with the server's refusal
   * (`dstm.denied` for instance), `dstm.closed`, or canceled. Whoever opens an object closes it.
   */
  open(name: string, options: WaitOptions = {}): Promise<SharedObject> {
    return this.#hub.open(name, options.signal);
  }

  /**
   * Ends the use of all objects: their updates and changes end with `dstm.closed`, which says `unknown` for what may have been sent. The
   * connection stays. Idempotent.
   */
  close(): void {
    this.#hub.close();
  }

  /** Called by the transport: see {@link Pattern}. */
  attach(session: Session): Receiver {
    this.#hub.attach(session);
    return {
      receive: (frame) => this.#hub.receive(session, frame),
      close: () => this.#hub.detach(session),
    };
  }

  /** Called by the transport: see {@link Pattern}. */
  fork(storage: Storage): Client {
    return new Client({ ...this.#options, storage });
  }

  /** Called by the transport: see {@link Pattern}. */
  drained(): Promise<void> {
    return this.#offline.drained();
  }

  /** Called by the transport: see {@link Pattern}. */
  absorb(records: ReadonlyMap<string, Uint8Array>): void {
    this.#hub.offline?.queue.absorb(records);
  }

  /** Called by the transport when the connection has ended for good. Objects that are open stay readable. */
  finish(error: TrefoilError): void {
    this.#hub.finish(error);
  }
}
