import type { Storage, StorageChange } from "../../transport/storage/storage.ts";
import { FORMAT, openRecord, sealRecord } from "../../internal/record.ts";
import { clientId } from "../../transport/key.ts";
import { invalid } from "../errors.ts";
import { Code, TrefoilError } from "../../status.ts";
import type { Hub } from "../hub.ts";
import type { Core } from "../replica/core.ts";
import type { Event } from "../replica/types.ts";
import { Cache, type Changes } from "./cache.ts";
import type { Journal } from "./journal.ts";
import type { NamedTransaction } from "./named.ts";
import { passes, Queue } from "./queue.ts";

const SPACE = "dstm";
const CEILING = "ceiling";
/** In what blocks sequences are reserved: about a second of the clock that they begin with. */
const BLOCK = 2 ** 20;
/** How long what was confirmed may wait until it is kept, in ms. */
const LAZY = 1000;
/** How long a storage that failed is left alone, in ms: it doubles up to the second. */
const REST = 1000;
const LONGEST = 60_000;
/** The highest ceiling that is believed, far above the clock of this century. */
const MAX_CEILING = Number.MAX_SAFE_INTEGER - 2 ** 40;

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
  /** Whose storage it is; null without one. */
  readonly #client: string | null;
  #records: ReadonlyMap<string, Uint8Array>;
  #scheduled = false;
  #collecting = false;
  #raising = false;
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** What is to be written, and what then follows. */
  readonly #unwritten: Changes = new Map();
  #then: (() => void)[] = [];
  /** What is being written: one batch after the other, but for the last of all. */
  #flights: Changes[] = [];
  /** The keys that the storage may hold. */
  readonly #there: Set<string>;
  /** The storage has been durable: then it may be so again. */
  #ever = false;
  /** Until a storage that fails is tried again, and how often that was. */
  #retry: ReturnType<typeof setTimeout> | null = null;
  /** When the ceiling was stored. */
  #reserved = 0;
  #tries = 0;
  #released: { readonly log: string; readonly sequence: number }[] = [];
  #marked: number[] = [];
  #idle: (() => void)[] = [];
  #closed = false;

  constructor(hub: Hub, core: Core, options: OfflineOptions, limit: number) {
    this.#hub = hub;
    this.#core = core;
    const { storage } = options;
    this.#client = storage && clientId(storage.key);
    this.#records = storage?.load(SPACE) ?? new Map();
    // What a newer version has written is that version's: nothing is written over it.
    const newer = (this.#records.get(CEILING)?.[0] ?? 0) > FORMAT;
    if (newer) {
      storage?.report(new TrefoilError(Code.FailedPrecondition, "transport.storage_newer", "a newer version of the program has written the storage"));
      this.#records = new Map();
    }
    this.#storage = newer ? null : storage;
    this.#there = new Set(this.#records.keys());
    this.cache = this.#storage && new Cache(core, this.#records, { objects: options.objects, bytes: options.bytes }, Date.now, () => this.damaged());
    this.queue = new Queue(hub, core, this, options.transactions, limit);
  }

  /** Takes up what an earlier process has left. */
  load(): void {
    if (this.#storage !== null) {
      const ceiling = this.#readCeiling();
      this.#core.ceiling = ceiling;
      // The ceiling may not have been raised since, as the disk was full: then the time since keeps processes apart, or chance where the clock went back.
      const since = Date.now() - this.#reserved;
      if (ceiling >= this.#core.sequence) this.#core.sequence = ceiling + (since > 0 ? since * 1000 : (crypto.getRandomValues(new Uint32Array(1))[0] as number));
    }
    this.queue.load(this.#records);
    this.#records = new Map();
    this.#hub.pump();
  }

  #readCeiling(): number {
    const record = this.#records.get(CEILING);
    if (record === undefined) return 0;
    try {
      const e = openRecord(CEILING, record, SPACE);
      const ceiling = e.count();
      this.#reserved = e.left > 0 ? e.count() : Date.now();
      if (ceiling <= MAX_CEILING) return ceiling;
    } catch {}
    this.#unwritten.set(`aside/${CEILING}`, record); // it is going to be written over
    this.damaged();
    return 0;
  }

  get kept(): boolean {
    return this.#storage !== null;
  }

  holds(key: string): boolean {
    return this.#there.has(key);
  }

  moved(key: string): void {
    this.#there.add(key);
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

  behind(name: string, epoch: string, version: number, changes: Changes): void {
    this.cache?.behind(name, epoch, version, changes);
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
    if (!passes(error)) this.cache?.forget(name);
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
      changes.set(CEILING, reservation(ceiling));
    }
    this.#then.push(() => {
      for (const sequence of marked) this.queue.allow(sequence);
      for (const { log, sequence } of released) this.#core.release(log, sequence);
      if (ceiling > 0) {
        this.#core.ceiling = ceiling;
        this.#raising = false;
      }
      told();
    });
    for (const [key, value] of changes) {
      if (value !== null || this.#there.has(key)) this.#unwritten.set(key, value);
      else this.#unwritten.delete(key);
    }
    this.#write();
  }

  /** Begins to write what there is, if it is time for that. Of a storage that fails only the last batch of all is still tried. */
  #write(): void {
    const storage = this.#storage;
    this.#ever ||= this.durable;
    if (storage === null || !this.#ever || (!storage.durable && !this.#closed)) {
      if (this.#ever && !this.#closed) this.#later();
      else this.#unwritten.clear(); // it would never be written
      return this.#follow();
    }
    if (this.#flights.length > 0 && !this.#closed) return; // with the next one
    if (this.#unwritten.size === 0) return this.#follow();
    const batch: Changes = new Map(this.#unwritten);
    this.#unwritten.clear();
    this.#apply(storage, batch, this.#then.splice(0));
  }

  #apply(storage: Storage, batch: Changes, then: (() => void)[]): void {
    this.#flights.push(batch);
    const written = this.queue.writing(batch);
    for (const [key, value] of batch) if (value !== null) this.#there.add(key);
    const list = Array.from(batch, ([key, value]): StorageChange => ({ space: SPACE, key, value }));
    void storage.apply(list).then(() => {
      this.#flights = this.#flights.filter((f) => f !== batch);
      if (storage.durable) {
        this.#tries = 0;
        written();
        for (const [key, value] of batch) if (value === null && !this.#flights.some((f) => f.has(key))) this.#there.delete(key);
      } else {
        for (const [key, value] of batch) {
          if (!this.#unwritten.has(key) && !this.#flights.some((f) => f.has(key))) this.#unwritten.set(key, value);
        }
      }
      this.#then.unshift(...then);
      this.#follow(then.length);
      if (this.#closed && !storage.durable) return; // the last batch of all is tried once
      if (this.#then.length > 0 || this.#unwritten.size > 0) this.#write();
    });
  }

  /** Does what follows on what was written, or will not be now: as many, or all. */
  #follow(count = Infinity): void {
    for (const fn of this.#then.splice(0, count)) fn();
    this.#rest();
    this.#hub.pump();
  }

  /**
   * Tries a storage that fails again, after a while, with the ceiling alone: what it makes of a batch that fails nobody knows, so that the works made meanwhile had better not be
   * in it.
   */
  #later(): void {
    if (this.#retry !== null || this.#flights.length > 0) return;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      const ceiling = Math.max(this.#core.ceiling, this.#core.sequence + BLOCK);
      if (this.#storage !== null) this.#apply(this.#storage, new Map([[CEILING, reservation(ceiling)]]), []);
    }, Math.min(REST * 2 ** this.#tries++, LONGEST));
  }

  /** Resolves when no named transaction is undecided, and that is stored. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#rest();
    });
  }

  #rest(): void {
    if (!this.queue.empty || this.#scheduled || this.#flights.length > 0) return;
    if (this.#storage !== null && (!this.durable || this.#unwritten.size > 0)) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Throws unless a session is the client's whose storage this is: the server would not recognise what that one has sent. */
  check(client: string): void {
    if (this.#client !== null && this.#client !== client) throw invalid("the connection has another key than the storage: give it the same storage");
  }

  /** A session has come after all. */
  reopen(): void {
    this.#closed = false;
    this.queue.reopen();
  }

  /** Nothing will be decided any more. */
  close(error: TrefoilError): void {
    this.queue.close(error);
    this.#closed = true;
    this.flush();
    for (const timer of [this.#timer, this.#retry]) if (timer !== null) clearTimeout(timer);
    this.#timer = this.#retry = null;
  }
}

/** The record that sequences below the ceiling may have been used, as of now. */
function reservation(ceiling: number): Uint8Array {
  return sealRecord(CEILING, [ceiling, Date.now()]);
}
