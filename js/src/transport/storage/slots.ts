import { toHex } from "../../codec/binary.ts";
import type { KeyLocks } from "../key.ts";
import type { Database } from "./database.ts";
import { isWork } from "./storage.ts";

/** The format of records that this version reads and writes: their first byte. */
export const FORMAT = 1;

/** A slot that is held: no other page has it. */
export interface HeldSlot {
  readonly id: string;
  readonly key: Uint8Array;
  /** Its records: by space, by key. */
  readonly records: ReadonlyMap<string, Map<string, Uint8Array>>;
  /** Some of it is not bytes. */
  readonly odd: boolean;
  /** Is fulfilled if the lock is lost: another page may have it. */
  readonly lost: Promise<void>;
  release(): void;
}

/** Why a slot was passed over. */
export interface Findings {
  newer: boolean;
  damaged: boolean;
}

/** The slots of one database: each is a client, its key and its records, held under a Web Lock. */
export class Slots {
  constructor(
    readonly db: Database,
    readonly name: string,
    readonly locks: KeyLocks,
  ) {}

  /** Takes a slot that nobody holds, one with work in it first; with `busy` only such. Null if there is none. */
  async take(busy: boolean, findings: Findings): Promise<HeldSlot | null> {
    const slots = new Map<string, boolean>();
    for (const [slot, space, key] of await this.db.addresses()) slots.set(slot, slots.get(slot) === true || (space !== "" && isWork(key)));
    const order = [...slots].filter(([, work]) => work || !busy).sort((a, b) => Number(b[1]) - Number(a[1]));
    for (const [id] of order) {
      const held = await lock(this.locks, this.#lockName(id));
      if (held === null) continue;
      const slot = await this.#read(id, held, findings).catch((err: unknown) => {
        held.release();
        throw err;
      });
      if (slot !== null && (!busy || (!slot.odd && hasWork(slot)))) return slot; // who had it may have done its work meanwhile
      if (slot?.odd) findings.damaged = true; // nobody can work off what is no bytes
      held.release();
    }
    return null;
  }

  /** Makes a slot; null if its lock cannot be had. */
  async make(key: Uint8Array): Promise<HeldSlot | null> {
    const id = toHex(crypto.getRandomValues(new Uint8Array(8)));
    const held = await lock(this.locks, this.#lockName(id));
    if (held === null) return null;
    const value = new Uint8Array(1 + key.length);
    value[0] = FORMAT;
    value.set(key, 1);
    try {
      await this.db.write([{ at: [id, "", "key"], value }]);
    } catch (err) {
      held.release();
      throw err;
    }
    return { id, key, records: new Map(), odd: false, ...held };
  }

  #lockName(id: string): string {
    return `trefoil.storage ${this.name} ${id}`;
  }

  /** The slot now that it is held: it may be gone. One that cannot be used is left as it is. */
  async #read(id: string, lock: Lock, findings: Findings): Promise<HeldSlot | null> {
    const all = await this.db.slot(id);
    if (all.length === 0) return null;
    if (all.some((r) => r.value !== null && (r.value[0] ?? 0) > FORMAT)) {
      findings.newer = true;
      return null;
    }
    const own = all.find((r) => r.at[1] === "" && r.at[2] === "key")?.value;
    if (own?.length !== 33 || own[0] !== FORMAT) {
      findings.damaged = true;
      return null;
    }
    const records = new Map<string, Map<string, Uint8Array>>();
    let odd = false;
    for (const { at: [, space, key], value } of all) {
      if (space === "") continue;
      if (value === null) {
        odd = true;
        continue;
      }
      let of = records.get(space);
      if (of === undefined) records.set(space, (of = new Map()));
      of.set(key, value);
    }
    return { id, key: own.slice(1), records, odd, ...lock };
  }
}

function hasWork(slot: HeldSlot): boolean {
  return [...slot.records.values()].some((records) => [...records.keys()].some(isWork));
}

type Lock = Pick<HeldSlot, "release" | "lost">;

/** Takes a lock if it can be had at once. Null if somebody has it, or locks are forbidden. */
function lock(locks: KeyLocks, name: string): Promise<Lock | null> {
  return new Promise((resolve) => {
    let lose: () => void = () => undefined;
    const lost = new Promise<void>((fn) => (lose = fn));
    const request = async (): Promise<unknown> =>
      locks.request(name, { ifAvailable: true }, (held) => {
        if (held === null) {
          resolve(null);
          return undefined;
        }
        return new Promise<void>((release) => resolve({ release, lost })); // held until then, or until the page goes away
      });
    request().catch(() => {
      lose(); // if it was had: somebody stole it
      resolve(null);
    });
  });
}
