import { Code, TrefoilError } from "../status.ts";
import { withinUtf8 } from "./path.ts";
import { aborted, fault, invalid, Reason } from "./errors.ts";
import { Tx } from "./tx.ts";
import { MAX_AFTER, type Part } from "./txn/txn.ts";
import type { Commit, View } from "./view.ts";

/** How often `update` runs a transaction at most, unless told otherwise. */
export const DEFAULT_ATTEMPTS = 100;

/** Options of one `update`. */
export interface UpdateOptions {
  /**
   * Ends the wait. A transaction that was never sent is taken back; otherwise the error's `unknown` says that it may yet commit.
   */
  readonly signal?: AbortSignal | undefined;
  /** How often the function runs before `update` gives up with `dstm.conflict`; 1 means no retry. Default 100. */
  readonly maxAttempts?: number | undefined;
  /** What travels with the transaction and is kept in its log entry: at most 32 entries, keys of 255 bytes, values of 4 KiB. Default none. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Where transactions start from and go to. */
export interface Origin {
  /** The present state; throws if the object has ended. */
  view(): View;
  /** Has part, made on v, decided. A conflict rejects only when view has reached the state that refused the transaction. */
  submit(v: View, part: Part, after: readonly number[], options: UpdateOptions): Promise<Commit>;
}

/** Runs fn as a transaction until it is decided. The first attempt begins before this returns. */
export async function update(origin: Origin, fn: (tx: Tx) => void, options: UpdateOptions): Promise<Commit> {
  const most = options.maxAttempts ?? DEFAULT_ATTEMPTS;
  if (!Number.isInteger(most) || most < 1) throw invalid("maxAttempts is no positive integer");
  checkMetadata(options.metadata ?? {});
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptOnce(origin, fn, options);
    } catch (e) {
      if (attempt === most || !lost(e)) throw e;
    }
    await pause(attempt, options.signal);
  }
}

function attemptOnce(origin: Origin, fn: (tx: Tx) => void, options: UpdateOptions): Promise<Commit> {
  if (options.signal?.aborted === true) throw aborted(options.signal);
  const v = origin.view();
  const { part, after } = Tx.run(new Tx(v, false), fn);
  if (part.writes.length === 0) {
    return Promise.resolve({ log: v.log, epoch: v.epoch, version: v.base, position: v.position });
  }
  if (after.length > MAX_AFTER) {
    throw fault(Code.ResourceExhausted, Reason.Busy, `the transaction depends on more than ${MAX_AFTER} unanswered ones`);
  }
  return origin.submit(v, part, after, options);
}

/** Whether e is a refusal after which the transaction may be run again. */
function lost(e: unknown): boolean {
  return e instanceof TrefoilError && (e.is(Reason.Conflict) || e.is(Reason.Depends));
}

/**
 * Waits between attempts: not at all after the first, since the view is fresh already, then for a random time that grows with the
 * attempts up to 64 ms.
 */
function pause(attempt: number, signal: AbortSignal | undefined): Promise<void> {
  if (attempt === 1) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      reject(aborted(signal as AbortSignal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, Math.random() * 2 ** Math.min(attempt - 1, 6));
    if (signal?.aborted === true) end();
    else signal?.addEventListener("abort", end, { once: true });
  });
}

function checkMetadata(m: Readonly<Record<string, string>>): void {
  const entries = Object.entries(m);
  const good = entries.every(([key, value]) => withinUtf8(key, 255) && typeof value === "string" && withinUtf8(value, 4096));
  if (!good || entries.length > 32) throw invalid("metadata has more than 32 entries, or one that is too long or no text");
}
