import { fromHex, toHex } from "../codec/binary.ts";
import { sha256 } from "../internal/sha256.ts";

/** What is used of a Web Storage such as localStorage. */
export interface KeyStorage {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
}

/** What is used of the Web Locks of a page: `navigator.locks`. */
export interface KeyLocks {
  request(name: string, options: { ifAvailable: true }, callback: (lock: unknown) => Promise<void> | undefined): Promise<unknown>;
}

/** A client's key, for as long as it is held. */
export interface HeldKey {
  readonly key: Uint8Array;
  /** Whether the next holder will find it: another page, or this one after a reload. */
  readonly stored: boolean;
  /** Lets another holder have it. Idempotent. */
  release(): void;
}

/** The id of the client that holds a key: the first 16 bytes of its SHA-256, as 32 hex digits. */
export function clientId(key: Uint8Array): string {
  return toHex(sha256(key).subarray(0, 16));
}

/** A new random key of 32 bytes. */
export function newKey(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(32));
}

/** A key that nobody else has and nobody will find. */
export function ownKey(key: Uint8Array = newKey()): HeldKey {
  return { key, stored: false, release: () => {} };
}

/**
 * The key that is stored under a name, or a new one that is stored from now on; in either case held under a lock, so that two pages never are the same client. Whoever does
 * not get the lock, or finds no storage or no locks (a page over plain http has none), gets a key of its own that is not stored.
 */
export async function holdKey(name: string, storage: KeyStorage | null, locks: KeyLocks | null): Promise<HeldKey> {
  if (!storage || !locks) return ownKey();
  return new Promise((resolve) => {
    const request = async (): Promise<unknown> =>
      locks.request(name, { ifAvailable: true }, (lock) => {
        const key = lock === null ? null : storedKey(name, storage);
        if (!key) {
          resolve(ownKey());
          return undefined;
        }
        // The lock is held until the promise is settled, or the page goes away.
        return new Promise<void>((release) => resolve({ key, stored: true, release }));
      });
    request().catch(() => resolve(ownKey())); // locks may be forbidden
  });
}

/** The stored key, or a new one that was stored; null if storage is full or forbidden. */
function storedKey(name: string, storage: KeyStorage): Uint8Array | null {
  try {
    const now = Date.now();
    const [text = "", since = ""] = (storage.getItem(name) ?? "").split(" ");
    let key = fromHex(text);
    // Patterns number what they send by the clock, so that numbers ascend over reloads. A clock that went back would give numbers
    // that were used: then this is another client.
    if (key?.length !== 32 || !(Number(since) > 0 && Number(since) < now)) key = newKey();
    storage.setItem(name, `${toHex(key)} ${now}`);
    return key;
  } catch {
    return null;
  }
}

/** The page's own storage; null where there is none, or it is forbidden. */
export function pageStorage(): KeyStorage | null {
  try {
    return typeof localStorage === "undefined" ? null : localStorage;
  } catch {
    return null;
  }
}

/** The page's own locks; null where there are none. */
export function pageLocks(): KeyLocks | null {
  return typeof navigator === "undefined" ? null : ((navigator as { locks?: KeyLocks }).locks ?? null);
}
