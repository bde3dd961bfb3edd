import type { TrefoilError } from "../../status.ts";
import type { Pattern } from "../pattern.ts";
import type { Environment } from "../socket.ts";
import { Adoption } from "./adopt.ts";
import { ProblemCell } from "./cell.ts";
import type { Database, Operation } from "./database.ts";
import { storageError, storageFailure, StorageReason } from "./errors.ts";
import type { Findings, HeldSlot, Slots } from "./slots.ts";
import { isWork, type Adopter, type Connect, type SharedStorage, type Storage, type StorageChange } from "./storage.ts";

/** How long a write may take, in ms, before nobody waits for it any more. */
const PATIENCE = 10_000;

/** A slot of a database as a storage. */
export class SlotStorage implements SharedStorage {
  readonly key: Uint8Array;
  readonly #slots: Slots;
  readonly #db: Database;
  readonly #held: HeldSlot;
  readonly #last: boolean;
  readonly #cell = new ProblemCell(true, null);
  /** What is wrong with the records, whether or not they can be written. */
  #unreadable: TrefoilError | null = null;
  #loaded = new Set<string>();
  /** What was applied and is not on the disk, by space and key. Writes are made one at a time, so that the disk always holds what was applied up to some call. */
  #next = new Map<string, StorageChange>();
  #waiting: (() => void)[] = [];
  /** There was a call since the last write began. */
  #asked = false;
  /** A write does not come to its end. */
  #stuck = false;
  #writing: Promise<void> | null = null;
  #closed: Promise<void> | null = null;
  #freed: () => void = () => {};
  readonly #hanging = new Promise<void>((resolve) => (this.#freed = resolve));
  readonly #forget: () => void;
  /** What its user still has to say does not count: it becomes another's. */
  #sealed = false;

  /** For a slot that is held; last: closing it closes the database. */
  constructor(slots: Slots, held: HeldSlot, last: boolean) {
    this.#slots = slots;
    this.#db = slots.db;
    this.#held = held;
    this.#last = last;
    this.key = held.key;
    this.#forget = this.#db.onLost(() => this.#fail(storageError(StorageReason.Lost)));
    void held.lost.then(() => {
      if (this.#closed !== null) return;
      this.#sealed = true; // it is somebody else's now
      this.#fail(storageError(StorageReason.Lost));
    });
    if (held.odd) this.report(storageError(StorageReason.Damaged));
  }

  get durable(): boolean {
    return this.#cell.durable;
  }

  get problem(): TrefoilError | null {
    return this.#cell.problem;
  }

  onProblem(fn: (problem: TrefoilError | null) => void): () => void {
    return this.#cell.on(fn);
  }

  /** What findings say about slots that were passed over. */
  note(findings: Findings): void {
    if (findings.newer) this.report(storageError(StorageReason.Newer));
    if (findings.damaged) this.report(storageError(StorageReason.Damaged));
  }

  report(problem: TrefoilError): void {
    this.#unreadable ??= problem;
    if (this.#cell.durable) this.#cell.set(true, this.#unreadable);
  }

  load(space: string): ReadonlyMap<string, Uint8Array> {
    const records = this.#loaded.has(space) ? undefined : this.#held.records.get(space);
    this.#loaded.add(space);
    (this.#held.records as Map<string, unknown>).delete(space); // its user has it now
    return records ?? new Map();
  }

  apply(changes: readonly StorageChange[]): Promise<void> {
    if (this.#sealed) return Promise.resolve();
    for (const c of changes) this.#next.set(JSON.stringify([c.space, c.key]), c);
    this.#asked = true;
    return new Promise((resolve) => {
      if (this.#stuck) return resolve();
      this.#waiting.push(resolve);
      this.#writing ??= this.#write();
    });
  }

  /** Writes until there is nothing to write. A failure leaves what was to be written for the next call. */
  async #write(): Promise<void> {
    await null; // with what else is applied now
    while (this.#asked) {
      const batch = this.#next;
      const waiting = this.#waiting;
      this.#asked = false;
      this.#next = new Map();
      this.#waiting = [];
      const timer = setTimeout(() => this.#giveUp(waiting), PATIENCE);
      const { id } = this.#held;
      try {
        await this.#db.write([...batch.values()].map((c): Operation => ({ at: [id, c.space, c.key], value: c.value })));
        // Nobody waited for what was applied while this was stuck: it is not there yet.
        if (!this.#sealed && !(this.#stuck && this.#asked)) this.#cell.set(true, this.#unreadable);
      } catch (err) {
        this.#fail(storageFailure(err));
        // What was applied meanwhile is newer. Without a database nothing will ever be written.
        if (this.#db.usable) this.#next = new Map([...batch, ...this.#next]);
      }
      clearTimeout(timer);
      this.#stuck = false;
      for (const resolve of waiting) resolve();
    }
    this.#writing = null;
  }

  /** A write takes too long: those who wait go on. If it ends after all, what was applied meanwhile follows. */
  #giveUp(waiting: readonly (() => void)[]): void {
    this.#stuck = true;
    this.#fail(storageError(StorageReason.Blocked));
    for (const resolve of [...waiting, ...this.#waiting.splice(0)]) resolve();
    this.#freed();
  }

  #fail(problem: TrefoilError): void {
    if (this.#closed === null || this.#cell.durable) this.#cell.set(false, problem);
  }

  async orphan(): Promise<Storage | null> {
    if (this.#closed !== null || !this.#db.usable) return null;
    const findings = { newer: false, damaged: false };
    try {
      const held = await this.#slots.take(true, findings);
      this.note(findings);
      return held === null ? null : new SlotStorage(this.#slots, held, false);
    } catch (err) {
      this.#fail(storageFailure(err));
      return null;
    }
  }

  async absorb(orphan: Storage): Promise<ReadonlyMap<string, ReadonlyMap<string, Uint8Array>> | null> {
    if (!(orphan instanceof SlotStorage)) return null;
    orphan.#sealed = true;
    await Promise.race([orphan.#writing, orphan.#hanging]);
    if (!orphan.durable) {
      await orphan.close();
      return null; // what is there may be done already
    }
    const from = orphan.#held.id;
    const moved = new Map<string, Map<string, Uint8Array>>();
    try {
      const operations: Operation[] = [];
      for (const { at: [, space, key], value } of await this.#db.slot(from)) {
        if (space === "" || !isWork(key)) continue;
        // It is not ours to judge: it stays where it is. So does what nobody here has looked at.
        if (value === null || !orphan.#loaded.has(space)) return null;
        // What is still to be done could not be read. It must never be done in the name of another client.
        operations.push({ at: [this.#held.id, space, key.startsWith("work/") ? `aside/${key}` : key], value });
        if (!moved.has(space)) moved.set(space, new Map());
        moved.get(space)?.set(key, value);
      }
      await this.#db.write([...operations, { slot: from }]);
    } catch (err) {
      this.#fail(storageFailure(err));
      return null;
    } finally {
      await orphan.close();
    }
    return moved;
  }

  adopter(patterns: readonly Pattern[], connect: Connect, env: Environment): Adopter {
    return new Adoption(this, patterns, connect, env);
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      if (!this.#stuck) await Promise.race([this.#writing, this.#hanging]);
      this.#forget();
      this.#held.release();
      if (this.#last) this.#db.close();
    })();
    return this.#closed;
  }
}
