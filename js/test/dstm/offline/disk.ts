import type { Storage, StorageChange } from "../../../src/transport/storage/storage.ts";
import { TrefoilError, Code } from "../../../src/status.ts";

/** What is on a disk: it outlives the clients that use it. */
export class Disk {
  readonly key = new Uint8Array(32).fill(7);
  readonly spaces = new Map<string, Map<string, Uint8Array>>();
  /** Every batch that was made durable, in order. */
  readonly batches: string[][] = [];

  put(space: string, key: string, value: Uint8Array | null): void {
    let of = this.spaces.get(space);
    if (of === undefined) this.spaces.set(space, (of = new Map()));
    if (value === null) of.delete(key);
    else of.set(key, value.slice());
  }

  /** The keys of dstm that begin so. */
  keys(prefix: string): string[] {
    return [...(this.spaces.get("dstm")?.keys() ?? [])].filter((k) => k.startsWith(prefix)).sort();
  }

  get(key: string): Uint8Array {
    return this.spaces.get("dstm")?.get(key) as Uint8Array;
  }
}

interface Write {
  readonly changes: readonly StorageChange[];
  readonly resolve: () => void;
}

/** A storage on a disk whose writes are made when told, or at once. When it is dropped with the process, what was not written is lost. */
export class DiskStorage implements Storage {
  readonly key: Uint8Array;
  durable = true;
  problem: TrefoilError | null = null;
  /** Writes wait for {@link DiskStorage.step}. */
  slow = false;
  readonly waiting: Write[] = [];
  readonly #listeners = new Set<(problem: TrefoilError | null) => void>();
  #dead = false;

  constructor(readonly disk: Disk) {
    this.key = disk.key;
  }

  onProblem(fn: (problem: TrefoilError | null) => void): () => void {
    this.#listeners.add(fn);
    return () => void this.#listeners.delete(fn);
  }

  load(space: string): ReadonlyMap<string, Uint8Array> {
    return new Map([...(this.disk.spaces.get(space) ?? [])].map(([k, v]) => [k, v.slice()]));
  }

  apply(changes: readonly StorageChange[]): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push({ changes, resolve });
      if (!this.slow) this.step();
    });
  }

  /** Makes the first write that waits; says whether there was one. */
  step(): boolean {
    const w = this.#dead ? undefined : this.waiting.shift();
    if (w === undefined) return false;
    if (this.durable) {
      for (const c of w.changes) this.disk.put(c.space, c.key, c.value);
      this.disk.batches.push(w.changes.map((c) => `${c.value === null ? "-" : "+"}${c.key}`));
    }
    w.resolve();
    return true;
  }

  /** From now on nothing is written any more. */
  fail(): void {
    this.durable = false;
    this.report(new TrefoilError(Code.ResourceExhausted, "transport.storage_full", "full"));
  }

  report(problem: TrefoilError): void {
    this.problem = problem;
    for (const fn of this.#listeners) fn(problem);
  }

  /** The process is gone. */
  kill(): void {
    this.#dead = true;
    this.waiting.length = 0;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
