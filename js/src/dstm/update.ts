import type { ValueMap } from "../codec/value.ts";
import { Code, TrefoilError } from "../status.ts";
import { headOf } from "./desk.ts";
import { aborted, fault, invalid, Reason } from "./errors.ts";
import type { Group, Outcome } from "./group.ts";
import { withinUtf8 } from "./path.ts";
import { Run } from "./run.ts";
import type { Tx } from "./tx.ts";
import { MAX_AFTER } from "./txn/txn.ts";
import type { Commit } from "./view.ts";

/** How often `update` runs a transaction at most, unless told otherwise. */
export const DEFAULT_ATTEMPTS = 100;
/** From which attempt on a refused transaction pauses in any case. */
const PATIENCE = 8;

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
  /**
   * Has a transaction that writes nothing decided by the server too: it commits only if what it read still holds at the end of the log, at some moment
   * between the call and its answer (strictly serializable). Without it such a transaction commits at once on one past version. Default false.
   */
  readonly strict?: boolean | undefined;
}

/** Runs fn as a transaction until it is decided: a commit for each object. The first attempt begins before this returns. */
export async function update(group: Group, fn: (tx: Tx) => void, options: UpdateOptions): Promise<readonly Commit[]> {
  const most = options.maxAttempts ?? DEFAULT_ATTEMPTS;
  if (!Number.isInteger(most) || most < 1) throw invalid("maxAttempts is no positive integer");
  const metadata = readMetadata(options);
  const { signal } = options;
  for (let attempt = 1; ; attempt++) {
    if (signal?.aborted === true) throw aborted(signal);
    const given = group.views(signal);
    const views = given instanceof Promise ? await given : given;
    const run = new Run(views, false, group.hub);
    run.call(fn);
    if (run.retrying) {
      await group.sleep(run, signal);
      attempt = 0; // it has lost nothing
      continue;
    }
    if (!run.wrote && options.strict !== true) return views.map(headOf);
    if (run.awaited.size > 0) {
      await group.answered(run.awaited, signal);
      attempt--;
      continue;
    }
    const outcome = await decide(group, run, attempt, metadata, options);
    if ("commits" in outcome) return outcome.commits;
    if (attempt === most || !lost(outcome.error)) throw outcome.error;
    await group.whole(signal); // what was refused because of the state that comes must not run again on the one before
    await pause(attempt, outcome.asked && outcome.error.is(Reason.Conflict), signal);
  }
}

/** Has what a run did decided. */
async function decide(group: Group, run: Run, attempt: number, metadata: ValueMap | null, options: UpdateOptions): Promise<Outcome> {
  const { after } = run;
  if (after.length > MAX_AFTER) {
    throw fault(Code.ResourceExhausted, Reason.Busy, `the transaction depends on more than ${MAX_AFTER} unanswered ones`);
  }
  const drafts = run.drafts.filter((d) => d.part.reads.length + d.part.writes.length > 0 || options.strict === true);
  const position = Math.max(...run.drafts.map((d) => d.view.seen));
  const seen = Math.max(...run.drafts.map((d) => d.view.pending.at(-1)?.sequence ?? 0));
  const outcome = await group.hub.submissions.submit(group.desks, { position, after, metadata, parts: drafts.map((d) => d.part), attempt }, seen, options.signal);
  if (!("commits" in outcome)) return outcome;
  return { commits: run.drafts.map((d) => outcome.commits[drafts.indexOf(d)] ?? headOf(d.view)) };
}

/** Whether e is a refusal after which the transaction may be run again. */
function lost(e: TrefoilError): boolean {
  return e.is(Reason.Conflict) || e.is(Reason.Depends);
}

/**
 * Waits between attempts: not at all after the first, since the view is fresh already, then for a random time that grows with the
 * attempts up to 64 ms. A conflict that the server told says whose turn it is, so that the next attempt goes at once, unless so many failed that
 * there seem to be no turns.
 */
function pause(attempt: number, turn: boolean, signal: AbortSignal | undefined): Promise<void> {
  if (attempt === 1 || (turn && attempt < PATIENCE)) return Promise.resolve();
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

/** The metadata of a transaction, null for none. */
export function readMetadata(options: UpdateOptions): ValueMap | null {
  const entries = Object.entries(options.metadata ?? {});
  const good = entries.every(([key, value]) => withinUtf8(key, 255) && typeof value === "string" && withinUtf8(value, 4096));
  if (!good || entries.length > 32) throw invalid("metadata has more than 32 entries, or one that is too long or no text");
  return entries.length > 0 ? Object.assign(Object.create(null) as ValueMap, Object.fromEntries(entries)) : null;
}
