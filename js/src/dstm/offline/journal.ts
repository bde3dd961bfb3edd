import type { Changes } from "./cache.ts";

/** Where the queue writes. */
export interface Journal {
  /** Whether there is a storage at all: then its transactions wait for it. */
  readonly kept: boolean;
  /** Whether what is written now outlives the page. */
  readonly durable: boolean;
  /** Whether the storage may hold a record of that key. */
  holds(key: string): boolean;
  /** The storage holds a record of that key now, which it has taken over from another one. */
  moved(key: string): void;
  /** Has the queue collected soon. */
  schedule(): void;
  /** The server may forget these sequences when what is collected next, or right now, is stored. */
  release(held: readonly { readonly log: string; readonly sequence: number }[]): void;
  /** Sees to it that what is kept of an object is not from before a commit whose record goes with these changes. */
  behind(name: string, epoch: string, version: number, changes: Changes): void;
  /** Says that a record cannot be read. */
  damaged(): void;
}
