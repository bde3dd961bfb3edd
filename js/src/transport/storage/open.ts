import type { TrefoilError } from "../../status.ts";
import type { KeyLocks } from "../key.ts";
import { newKey, pageLocks } from "../key.ts";
import { Database } from "./database.ts";
import { storageError, storageFailure, StorageReason } from "./errors.ts";
import { MemoryStorage } from "./memory.ts";
import { SlotStorage } from "./slot_storage.ts";
import { Slots } from "./slots.ts";
import type { SharedStorage } from "./storage.ts";

/** Options of {@link openStorage}; all may be left out. */
export interface StorageOptions {
  /** Where the database is; default the page's IndexedDB, null: nowhere. */
  readonly indexedDB?: IDBFactory | null | undefined;
  /** What guards its slots; default navigator.locks, null: nothing, and then nothing is stored. */
  readonly locks?: KeyLocks | null | undefined;
}

/**
 * Opens what this page keeps under a name: the IndexedDB database `trefoil NAME`. It never rejects. Where nothing can be stored, what it gives is in memory, its
 * `durable` false, and its `problem` says why.
 *
 * The database has a slot for each client, which is held under a Web Lock. So a page finds its own again after a reload, two tabs and a duplicated one are
 * different clients, and what a tab left undone when it died is taken up by the next one that is opened.
 */
export async function openStorage(name: string, options: StorageOptions = {}): Promise<SharedStorage> {
  const factory = options.indexedDB === undefined ? pageDatabases() : options.indexedDB;
  const locks = options.locks === undefined ? pageLocks() : options.locks;
  if (!factory || !locks) return new MemoryStorage(storageError(StorageReason.Missing));
  let db: Database | null = null;
  try {
    db = await Database.open(factory, `trefoil ${name}`);
    const slots = new Slots(db, name, locks);
    const findings = { newer: false, damaged: false };
    const held = (await slots.take(false, findings)) ?? (await slots.make(newKey()));
    if (held === null) return memory(db, storageError(StorageReason.Missing));
    const storage = new SlotStorage(slots, held, true);
    storage.note(findings);
    return storage;
  } catch (err) {
    return memory(db, storageFailure(err));
  }
}

function memory(db: Database | null, problem: TrefoilError): MemoryStorage {
  db?.close();
  return new MemoryStorage(problem);
}

/** The page's own databases; null where there are none, or they are forbidden. */
function pageDatabases(): IDBFactory | null {
  try {
    return typeof indexedDB === "undefined" ? null : indexedDB;
  } catch {
    return null;
  }
}
