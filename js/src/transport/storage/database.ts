import { storageError, storageFailure, StorageReason } from "./errors.ts";

/** The only object store: bytes under `[slot, space, key]`. */
const RECORDS = "records";
const VERSION = 1;

/** How long the database may take to open, in ms, before work goes on in memory. */
const PATIENCE = 5000;

/** Where a record stands: a slot, the space of a pattern ("" for the slot's own), and a key. */
export type Address = readonly [slot: string, space: string, key: string];

/** A record to put, or with null to delete; with a slot alone, all of that slot is deleted. */
export type Operation = { readonly at: Address; readonly value: Uint8Array | null } | { readonly slot: string };

/** One open IndexedDB database. What it throws and rejects with is a TrefoilError. */
export class Database {
  readonly #db: IDBDatabase;
  readonly #lost = new Set<() => void>();
  #open = true;

  private constructor(db: IDBDatabase) {
    this.#db = db;
    // Another page wants to delete or upgrade it: whoever holds on to it would stand in the way.
    db.onversionchange = () => {
      db.close();
      this.#lose();
    };
    db.onclose = () => this.#lose();
  }

  /** Opens a database, which is made if need be; one of a newer version stays as it is. */
  static open(factory: IDBFactory, name: string): Promise<Database> {
    return new Promise((resolve, reject) => {
      let over = false;
      const fail = (err: unknown): void => {
        over = true;
        clearTimeout(timer);
        reject(storageFailure(err));
      };
      const timer = setTimeout(() => fail(storageError(StorageReason.Blocked)), PATIENCE);
      let request: IDBOpenDBRequest;
      try {
        request = factory.open(name, VERSION);
      } catch (err) {
        return fail(err);
      }
      request.onblocked = () => fail(storageError(StorageReason.Blocked));
      request.onerror = () => fail(request.error);
      request.onupgradeneeded = () => {
        if (!request.result.objectStoreNames.contains(RECORDS)) request.result.createObjectStore(RECORDS);
      };
      request.onsuccess = () => {
        clearTimeout(timer);
        if (over) return request.result.close(); // too late
        resolve(new Database(request.result));
      };
    });
  }

  /** Whether it can be used. */
  get usable(): boolean {
    return this.#open;
  }

  /** Calls fn when the database is taken away; what is returned ends that. */
  onLost(fn: () => void): () => void {
    this.#lost.add(fn);
    return () => void this.#lost.delete(fn);
  }

  #lose(): void {
    this.#open = false;
    for (const fn of [...this.#lost]) fn();
  }

  /** The addresses of all records. */
  addresses(): Promise<Address[]> {
    return this.#run("readonly", (store) => store.getAllKeys()).then((keys) => (keys as unknown[]).filter(isAddress));
  }

  /** The records of a slot. What is stored where bytes are expected, but is none, comes as null. */
  async slot(slot: string): Promise<{ at: Address; value: Uint8Array | null }[]> {
    const range = IDBRange(slot);
    let keys: unknown[] = [];
    const values: unknown[] = await this.#run("readonly", (store) => {
      const all = store.getAllKeys(range);
      all.onsuccess = () => (keys = all.result);
      return store.getAll(range);
    });
    return keys.flatMap((at, i) => (isAddress(at) ? [{ at, value: asBytes(values[i]) }] : []));
  }

  /** Does operations in order, all or none; it is fulfilled when they are on the disk. */
  async write(operations: readonly Operation[]): Promise<void> {
    await this.#run("readwrite", (store) => {
      for (const o of operations) {
        if ("slot" in o) store.delete(IDBRange(o.slot));
        else if (o.value === null) store.delete(o.at as unknown as IDBValidKey);
        else store.put(o.value, o.at as unknown as IDBValidKey);
      }
      return null;
    });
  }

  #run<T>(mode: IDBTransactionMode, fn: (store: IDBObjectStore) => IDBRequest<T> | null): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (err: unknown): void => reject(storageFailure(err));
      if (!this.#open) return fail(storageError(StorageReason.Lost));
      let tx: IDBTransaction | null = null;
      let thrown: unknown = null;
      try {
        // Without strict a browser may say that it is done before it is on the disk.
        tx = this.#db.transaction(RECORDS, mode, { durability: "strict" });
        const request = fn(tx.objectStore(RECORDS));
        tx.oncomplete = () => resolve(request?.result as T);
      } catch (err) {
        thrown = err;
      }
      if (tx === null) return fail(thrown);
      const done = tx;
      tx.onabort = () => fail(thrown ?? done.error ?? storageError(this.#open ? StorageReason.Failed : StorageReason.Lost));
      if (thrown !== null) tx.abort(); // what was put before must not stay
    });
  }

  close(): void {
    this.#open = false;
    this.#lost.clear();
    this.#db.close();
  }
}

/** All that begins with a slot: arrays sort behind everything else. */
function IDBRange(slot: string): IDBKeyRange {
  return IDBKeyRange.bound([slot], [slot, []]);
}

function isAddress(key: unknown): key is Address {
  return Array.isArray(key) && key.length === 3 && key.every((part) => typeof part === "string");
}

function asBytes(v: unknown): Uint8Array | null {
  return v instanceof Uint8Array ? v : null;
}
