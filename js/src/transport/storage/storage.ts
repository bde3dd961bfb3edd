import type { TrefoilError } from "../../status.ts";
import type { Pattern } from "../pattern.ts";
import type { Environment } from "../socket.ts";

/** One record that is put, or with null taken away. */
export interface StorageChange {
  /** Whose it is: the name of a pattern. */
  readonly space: string;
  /** A key that begins with `work/` or `inbox/` is something that must not be forgotten: whoever opens the storage next takes it up. */
  readonly key: string;
  /** The first byte names the format, 1 so far; the rest is the pattern's own. */
  readonly value: Uint8Array | null;
}

/** What a client keeps over a restart: who it is, and the records of its patterns. One client uses it at a time. */
export interface Storage {
  /** The client's key, 32 bytes. */
  readonly key: Uint8Array;
  /** Whether what is applied now outlives the page. */
  readonly durable: boolean;
  /** What is wrong with it, null if nothing is. With `durable` true it tells of records that cannot be read; they are kept as they are. */
  readonly problem: TrefoilError | null;
  /** Calls fn when durable or problem change; what is returned ends that. */
  onProblem(fn: (problem: TrefoilError | null) => void): () => void;
  /** What was kept in a space when the storage was opened. For its one user: the second call finds nothing. */
  load(space: string): ReadonlyMap<string, Uint8Array>;
  /**
   * Makes changes, all or none, behind those of earlier calls. It is fulfilled when they are durable, or as soon as it is clear that they are not: `durable`
   * tells. It never rejects.
   */
  apply(changes: readonly StorageChange[]): Promise<void>;
  /** Says that a record cannot be read. */
  report(problem: TrefoilError): void;
  /** Ends its use, when all that was applied is done: then another client may have it. Idempotent. */
  close(): Promise<void>;
}

/** What is used of a client that works off what another one has left. */
export interface Connection {
  onState(fn: (state: { readonly phase: string; readonly error: TrefoilError | null }) => void): () => void;
  close(): Promise<void>;
}

/** Makes a client for the storage of another one, with the patterns that have something to do for it. */
export type Connect = (storage: Storage, forks: Pattern[]) => Connection;

/** Works off what others have left. */
export interface Adopter {
  /** The server is there: looks now, and from time to time. */
  start(): void;
  /** Ends it; what is not done stays for the next one. */
  stop(): Promise<void>;
}

/** A storage among others of its name. */
export interface SharedStorage extends Storage {
  /** Takes over another one with work in it that nobody uses, null if there is none. */
  orphan(): Promise<Storage | null>;
  /**
   * Ends an orphan: what is left of the work in it, such as what needs a decision, becomes this one's, and the rest is deleted. What has come is returned by space;
   * null, and nothing has happened, if it could not be stored.
   */
  absorb(orphan: Storage): Promise<ReadonlyMap<string, ReadonlyMap<string, Uint8Array>> | null>;
  /** What works off orphans for a client with these patterns; null if there never are any. It comes from the storage, so that only who opens one pays for it. */
  adopter(patterns: readonly Pattern[], connect: Connect, env: Environment): Adopter | null;
}

/** Whether a thing is a storage, and not what keys alone are stored in. */
export function isStorage(v: unknown): v is Storage {
  return typeof v === "object" && v !== null && "apply" in v && "load" in v;
}

/** Whether a key names work. */
export function isWork(key: string): boolean {
  return key.startsWith("work/") || key.startsWith("inbox/");
}
