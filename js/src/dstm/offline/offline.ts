import type { Storage, StorageChange } from "../../transport/storage/storage.ts";
import { openRecord, sealRecord } from "../../internal/record.ts";
import { clientId } from "../../transport/key.ts";
import { invalid } from "../errors.ts";
import { Code, TrefoilError } from "../../status.ts";
import type { Hub } from "../hub.ts";
import type { Core } from "../replica/core.ts";
import type { Event } from "../replica/types.ts";
import { Cache, type Changes } from "./cache.ts";
import type { Journal } from "./journal.ts";
import type { NamedTransaction } from "./named.ts";
import { Queue } from "./queue.ts";

const SPACE = "dstm";
const CEILING = "ceiling";
/** In what blocks sequences are reserved: about a second of the clock that they begin with. */
const BLOCK = 2 ** 20;
/** How long what was confirmed may wait until it is kept, in ms. */
const LAZY = 1000;

/** What a client was given for what outlives it. */
export interface OfflineOptions {
  readonly storage: Storage | null;
  readonly transactions: readonly NamedTransaction<never>[];
  readonly objects: number;
  readonly bytes: number;
}

/** What a client keeps over a restart: named transactions, the inbox, the states of objects, and how far its sequences have gone. */
export class Offline implements Journal {
  readonly queue: Queue;
  /** Null without a storage. */
  readonly cache: Cache | null;
  readonly #hub: Hub;
  readonly #core: Core;
  readonly #storage: Storage | null;
  #records: ReadonlyMap<string, Uint8Array>;
  #scheduled = false;
  #flushing = 0;
  #collecting = false;
  #raising = false;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #released: { readonly log: string; readonly sequence: number }[] = [];
  #marked: number[] = [];
  #idle: (() => void)[] = [];
  #closed = false;

  constructor(hub: Hub, core: Core, options: OfflineOptions, limit: number) {
    this.#hub = hub;
    this.#core = core;
    this.#storage = options.storage;
    this.#records = options.storage?.load(SPACE) ?? new Map();
    this.cache = options.storage && new Cache(core, this.#records, { objects: options.objects, bytes: options.bytes }, Date.now);
    this.queue = new Queue(hub, core, this, options.transactions, limit);
  }

  /** Takes up what an earlier process has left. */
  load(): void {
    if (this.#storage !== null) {
      this.#core.ceiling = this.#readCeiling();
      this.#core.sequence = Math.max(this.#core.sequence, this.#core.ceiling);
    }
    this.queue.load(this.#records);
    this.#records = new Map();
    this.#hub.pump();
  }

  #readCeiling(): number {
    const record = this.#records.get(CEILING);
    if (record === undefined) return 0;
    try {
      return openRecord(CEILING, record, SPACE).count();
    } catch {
      this.damaged();
      return 0;
    }
  }

  get kept(): boolean {
    return this.#storage !== null;
  }

  get durable(): boolean {
    return this.#storage?.durable === true;
  }

  damaged(): void {
    this.#storage?.report(new TrefoilError(Code.DataLoss, "transport.storage_damaged", "records of transactions cannot be read; they are kept as they are"));
  }

  release(held: readonly { readonly log: string; readonly sequence: number }[]): void {
    this.#released.push(...held);
  }

  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      if (this.#scheduled) this.flush();
    });
  }

  /** Takes note of an event of the core. */
  tell(e: Event): void {
    if (this.cache === null) return;
    this.cache.tell(e);
    if (e.kind === "ended" || e.kind === "refused") this.#gone(e.object, e.error);
    if (this.cache.dirty && this.#timer === null && !this.#closed) this.#timer = setTimeout(() => this.flush(), LAZY);
  }

  /** What the server does not let this client have is not kept; what it has no time for is. */
  #gone(name: string, error: TrefoilError): void {
    if (error.code !== Code.Unavailable && error.code !== Code.ResourceExhausted) this.cache?.forget(name);
  }

  /** An object was taken away, or cannot be opened. */
  ended(name: string, error: TrefoilError): void {
    this.queue.ended(name, error);
  }

  /** An object is about to be closed. */
  closing(name: string): void {
    if (this.cache === null) return;
    if (!this.#collecting) this.flush();
    this.cache.close(name);
  }

  /** Does what is due; the pump calls this until nothing happens any more. */
  turn(): boolean {
    const happened = this.queue.turn();
    if (this.#storage !== null) {
      const marked = this.queue.mark();
      this.#marked.push(...marked);
      if (marked.length > 0 || this.#low()) this.schedule();
    }
    return this.queue.tell() || happened;
  }

  /** Whether the sequences that may be sent come to their end. */
  #low(): boolean {
    return !this.#raising && this.#core.sequence > this.#core.ceiling - BLOCK / 2;
  }

  /** Writes all that is to be written, as one change. */
  flush(): void {
    this.#scheduled = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const changes: Changes = new Map();
    // The states first: the record of what has committed goes only together with a state that contains it.
    this.#collecting = true;
    this.cache?.collect(changes);
    const told = this.queue.collect(changes);
    this.#collecting = false;
    const [marked, released] = [this.#marked, this.#released];
    this.#marked = [];
    this.#released = [];
    let ceiling = 0;
    if (this.#storage !== null && this.#low()) {
      ceiling = this.#core.sequence + BLOCK;
      this.#raising = true;
      changes.set(CEILING, sealRecord(CEILING, [ceiling]));
    }
    const done = (): void => {
      for (const sequence of marked) this.#core.stored(sequence);
      for (const { log, sequence } of released) this.#core.release(log, sequence);
      if (ceiling > 0) {
        this.#core.ceiling = ceiling;
        this.#raising = false;
      }
      told();
      this.#rest();
      this.#hub.pump();
    };
    if (this.#storage === null || changes.size === 0) return done();
    this.#flushing++;
    const list = Array.from(changes, ([key, value]): StorageChange => ({ space: SPACE, key, value }));
    void this.#storage.apply(list).then(() => {
      this.#flushing--;
      done();
    });
  }

  /** Resolves when no named transaction is undecided, and that is stored. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#rest();
    });
  }

  #rest(): void {
    if (!this.queue.empty || this.#scheduled || this.#flushing > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Throws unless a session is the client's whose storage this is: the server would not recognise what that one has sent. */
  check(client: string): void {
    const { key } = this.#storage ?? {};
    if (key !== undefined && clientId(key) !== client) throw invalid("the connection has another key than the storage: give it the same storage");
  }

  /** A session has come after all. */
  reopen(): void {
    this.#closed = false;
    this.queue.reopen();
  }

  /** Nothing will be decided any more. */
  close(error: TrefoilError): void {
    this.queue.close(error);
    this.flush();
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
