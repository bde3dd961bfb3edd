import { decode, encode, equal } from "../../codec/index.ts";
import type { Core } from "../replica/core.ts";
import type { Entered, Event, Held, Replica, Terms } from "../replica/types.ts";
import { baseKey, isLevelIn, levelKey, openImage, sealBase, sealLevel, sealTail, tailKey, termsValue } from "./image.ts";

/** Changes of the records, by key; null takes one away. */
export type Changes = Map<string, Uint8Array | null>;

/** From how many bytes on changes are not worth being kept beside a state that is smaller. */
const TAIL = 4096;

/** How many changes are noted before the whole state is rather written anew. */
const MAX_ENTRIES = 4096;

/** What is kept of one object. */
interface Kept {
  base: Uint8Array | null;
  tails: Uint8Array[];
  /** Of one that was open in this process. */
  held: Held | null;
  baseBytes: number;
  tailBytes: number;
  tailCount: number;
  used: number;
  /** Of what state that is which is kept or about to be; null: nobody has looked, or nothing is. */
  at: { epoch: string; version: number } | null;
}

/** How what is held of an open object differs from what is kept. */
interface Open {
  /** What is kept is of this state; null: nothing is. */
  at: { epoch: string; version: number; terms: Terms } | null;
  entries: Entered[];
  whole: boolean;
  /** There was no room for it. */
  skip: boolean;
}

/** The confirmed states of objects that were opened, so that they are there at once the next time. */
export class Cache {
  readonly #kept = new Map<string, Kept>();
  readonly #open = new Map<string, Open>();
  /** By log: the records of what was of one position. */
  readonly #levels = new Map<string, Uint8Array>();
  /** What the server took away, and was not collected yet. */
  #left: { readonly was: Replica; readonly open: Open }[] = [];
  /** What is not kept any more. */
  readonly #gone: string[] = [];
  /** What could not be read: it is kept under another key. */
  readonly #aside: Changes = new Map();
  /** Opened since the last collect. */
  readonly #used: string[] = [];
  /** Something is to be written. */
  dirty = false;

  constructor(
    readonly core: Core,
    records: ReadonlyMap<string, Uint8Array>,
    readonly most: { readonly objects: number; readonly bytes: number },
    readonly now: () => number,
    readonly damaged: () => void,
  ) {
    for (const [key, value] of records) {
      if (key.startsWith("replica/")) {
        const k = this.#of(key.slice(8));
        k.base = value;
        k.baseBytes = value.length;
      } else if (key.startsWith("used/")) {
        this.#of(key.slice(5)).used = usedAt(value);
      } else if (key.startsWith("level/")) {
        this.#levels.set(key.slice(6), value);
      } else {
        const [, n, name] = /^tail\/([1-9]\d{0,8})\/(.*)$/s.exec(key) ?? [];
        if (n === undefined || name === undefined) continue;
        const k = this.#of(name);
        k.tails[Number(n) - 1] = value;
        k.tailBytes += value.length;
        k.tailCount = Math.max(k.tailCount, Number(n));
      }
    }
  }

  #of(name: string): Kept {
    let k = this.#kept.get(name);
    if (k === undefined) this.#kept.set(name, (k = { base: null, tails: [], held: null, baseBytes: 0, tailBytes: 0, tailCount: 0, used: 0, at: null }));
    return k;
  }

  /** Whether something is kept of an object that is not open. */
  holds(name: string): boolean {
    const k = this.#kept.get(name);
    return k !== undefined && (k.base !== null || k.held !== null);
  }

  /** What is kept of an object that is being opened, null if nothing. What is damaged is set aside, and asked for. */
  take(name: string): Held | null {
    const k = this.#kept.get(name);
    let held = k?.held ?? null;
    if (k !== undefined && k.base !== null) {
      try {
        held = { ...openImage(name, k.base, Array.from({ length: k.tailCount }, (_, i) => k.tails[i] as Uint8Array)), level: false };
      } catch {
        this.#aside.set(`aside/${baseKey(name)}`, k.base);
        k.tails.forEach((tail, i) => this.#aside.set(`aside/${tailKey(name, i + 1)}`, tail));
        this.forget(name);
        this.damaged();
      }
      k.base = null;
      k.tails = [];
    }
    if (k !== undefined) {
      k.held = null; // its user has it
      if (held !== null) k.at = { epoch: held.epoch, version: held.version };
    }
    if (held !== null) {
      held = { ...held, level: !this.#moved(held.log) && isLevelIn(this.#levels.get(held.log), name, held) };
      this.#used.push(name);
    }
    this.#open.set(name, { at: held && { epoch: held.epoch, version: held.version, terms: held.terms }, entries: [], whole: false, skip: false });
    return held;
  }

  /** Whether objects of a log hold what is not collected yet: then the record of what was of one position is of the time before. */
  #moved(log: string): boolean {
    const differs = ([name, { at }]: [string, Open]): boolean => {
      const o = this.core.objects.get(name);
      return o !== undefined && o.root !== null && o.log?.name === log && (at?.epoch !== o.epoch || at.version !== o.version);
    };
    return this.#left.some(({ was }) => was.log?.name === log) || [...this.#open].some(differs);
  }

  /** Takes note of an event of the core. */
  tell(e: Event): void {
    if (!("object" in e)) return;
    const open = this.#open.get(e.object);
    if (open === undefined) return;
    if (e.kind === "entered") {
      if (open.entries.push(e) > MAX_ENTRIES) [open.entries, open.whole] = [[], true];
    } else if (e.kind === "ended") {
      this.#open.delete(e.object);
      if (!open.skip) this.#left.push({ was: e.was, open }); // the record of a work that it holds may go before it comes again
    } else if (e.kind === "changed" && e.origin === "reset") open.whole = true;
    else if (e.kind !== "opened") return;
    this.dirty = true;
  }

  /** An object is about to be closed, and all of it was collected. */
  close(name: string): void {
    const open = this.#open.get(name);
    const o = this.core.objects.get(name);
    const k = this.#kept.get(name);
    this.#open.delete(name);
    if (k === undefined || open === undefined || open.skip || o === undefined || o.root === null || o.log === null || o.epoch === "") return;
    k.held = {
      log: o.log.name, epoch: o.epoch, version: o.version, position: o.position, hash: o.hash, seen: o.log.position, terms: o.terms, root: o.root, level: false,
    };
  }

  /** The server does not let this client have an object: nothing of it is kept. */
  forget(name: string): void {
    this.#left = this.#left.filter((l) => l.was.name !== name);
    const k = this.#kept.get(name);
    if (k === undefined) return;
    this.#gone.push(baseKey(name), `used/${name}`, ...Array.from({ length: k.tailCount }, (_, i) => tailKey(name, i + 1)));
    this.#kept.delete(name);
    this.dirty = true;
  }

  /** Adds what is to be written, so that all open objects are kept as they are now. */
  collect(changes: Changes): void {
    this.#sweep(changes);
    for (const [key, value] of this.#aside) changes.set(key, value);
    this.#aside.clear();
    for (const name of this.#used.splice(0)) {
      const k = this.#kept.get(name);
      if (k !== undefined) changes.set(`used/${name}`, usedRecord((k.used = this.now())));
    }
    const logs = new Set<string>();
    const write = (o: Replica | undefined, open: Open): void => {
      if (o === undefined || o.root === null || o.epoch === "" || open.skip) return;
      if (this.#write(o, open, changes) && o.log !== null) logs.add(o.log.name);
    };
    for (const { was, open } of this.#left.splice(0)) write(was, open);
    for (const [name, open] of this.#open) write(this.core.objects.get(name), open);
    for (const log of logs) this.#level(log, changes);
    this.#makeRoom();
    this.#sweep(changes);
    this.dirty = false;
  }

  /**
   * The record of a work goes: what is kept of an object, as it was collected just now, must hold its commit. An object that is not there, as one that the server took away before the answer
   * came, may be kept as it was before; then it is forgotten.
   */
  behind(name: string, epoch: string, version: number, changes: Changes): void {
    const at = this.#kept.get(name)?.at ?? null;
    if (at === null || at.epoch !== epoch || at.version >= version) return;
    this.forget(name);
    this.#sweep(changes);
    const open = this.#open.get(name);
    if (open !== undefined) open.at = null; // as a whole when it is there
  }

  #sweep(changes: Changes): void {
    for (const key of this.#gone.splice(0)) changes.set(key, null);
  }

  /** Records that what is kept of a log's objects is of one position, if it is. */
  #level(log: string, changes: Changes): void {
    const key = levelKey(log);
    const objects = this.core.order.filter((o) => o.log?.name === log && o.root !== null);
    if (this.core.level(log) && objects.length > 1) changes.set(key, sealLevel(log, objects));
    else if (this.#levels.has(log)) changes.set(key, null);
    else return;
    this.#levels.set(log, changes.get(key) ?? new Uint8Array());
  }

  /** Says whether there was anything to write. */
  #write(o: Replica, open: Open, changes: Changes): boolean {
    const { at } = open;
    const same = at !== null && at.epoch === o.epoch && (at.terms === o.terms || equal(termsValue(at.terms), termsValue(o.terms)));
    if (same && at.version === o.version && !open.whole) {
      open.entries = [];
      return false;
    }
    const entries = same ? open.entries.filter((e) => e.version > at.version && e.version <= o.version) : [];
    const follows = same && !open.whole && entries.length === o.version - at.version && entries.every((e, i) => e.version === at.version + 1 + i);
    const k = this.#of(o.name);
    open.entries = [];
    open.whole = false;
    open.at = { epoch: o.epoch, version: o.version, terms: o.terms };
    k.at = open.at;
    if (follows) {
      const record = sealTail(o, k.tailCount + 1, entries);
      if (k.tailBytes + record.length <= Math.max(k.baseBytes, TAIL)) {
        changes.set(tailKey(o.name, ++k.tailCount), record);
        k.tailBytes += record.length;
        return true;
      }
    }
    const record = sealBase(o);
    for (let n = 1; n <= k.tailCount; n++) changes.set(tailKey(o.name, n), null);
    k.used = this.now();
    k.baseBytes = record.length;
    k.tailBytes = k.tailCount = 0;
    changes.set(baseKey(o.name), record);
    changes.set(`used/${o.name}`, usedRecord(k.used));
    return true;
  }

  /** Gives up what was not used for the longest time, beyond the bounds; open objects last. */
  #makeRoom(): void {
    let bytes = [...this.#kept.values()].reduce((n, k) => n + k.baseBytes + k.tailBytes, 0);
    const order = [...this.#kept].sort(([a, x], [b, y]) => Number(this.#open.has(a)) - Number(this.#open.has(b)) || x.used - y.used);
    for (const [name, k] of order) {
      if (this.#kept.size <= this.most.objects && bytes <= this.most.bytes) return;
      bytes -= k.baseBytes + k.tailBytes;
      this.forget(name);
      const open = this.#open.get(name);
      if (open !== undefined) open.skip = true;
    }
  }
}

/** Says when an object was used last; it begins with the format, as all records do. */
function usedRecord(at: number): Uint8Array {
  return Uint8Array.of(1, ...encode(at));
}

/** When an object was used last; 0 if nobody knows. */
function usedAt(record: Uint8Array): number {
  try {
    const at = decode(record.subarray(1));
    return typeof at === "number" ? at : 0;
  } catch {
    return 0;
  }
}
