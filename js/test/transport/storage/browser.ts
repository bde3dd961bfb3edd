import { IDBFactory, IDBKeyRange } from "fake-indexeddb";
import type { KeyLocks } from "../../../src/transport/key.ts";
import { openStorage } from "../../../src/transport/index.ts";
import type { SharedStorage } from "../../../src/transport/index.ts";

(globalThis as { IDBKeyRange?: unknown }).IDBKeyRange = IDBKeyRange;

/** A browser with tabs: one IndexedDB, and locks that end with the tab that has them. */
export class Browser {
  readonly indexedDB = new IDBFactory();
  readonly held = new Map<string, Tab>();

  tab(): Tab {
    return new Tab(this);
  }
}

/** One tab of a browser. */
export class Tab {
  readonly locks: KeyLocks;

  constructor(readonly browser: Browser) {
    this.locks = {
      request: async (name, _options, callback) => {
        await null;
        if (browser.held.has(name)) return callback(null);
        browser.held.set(name, this);
        await callback({ name });
        if (browser.held.get(name) === this) browser.held.delete(name);
        return undefined;
      },
    };
  }

  open(name = "test"): Promise<SharedStorage> {
    return openStorage(name, { indexedDB: this.browser.indexedDB, locks: this.locks });
  }

  /** It is closed, or crashes: nobody is told. */
  kill(): void {
    for (const [name, tab] of this.browser.held) if (tab === this) this.browser.held.delete(name);
  }
}

/** Does something with the raw records of a database. */
export function raw<T>(browser: Browser, fn: (store: IDBObjectStore) => IDBRequest<T>, name = "test"): Promise<T> {
  return new Promise((resolve, reject) => {
    const open = browser.indexedDB.open(`trefoil ${name}`);
    open.onerror = () => reject(open.error);
    open.onsuccess = () => {
      const tx = open.result.transaction("records", "readwrite");
      const request = fn(tx.objectStore("records"));
      tx.oncomplete = () => {
        open.result.close();
        resolve(request.result);
      };
    };
  });
}
