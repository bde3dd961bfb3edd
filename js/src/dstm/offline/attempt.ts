import { decode } from "../../codec/index.ts";
import type { Value } from "../../codec/value.ts";
import type { TrefoilError } from "../../status.ts";
import { headOf } from "../desk.ts";
import { invalid, Reason } from "../errors.ts";
import type { Hub } from "../hub.ts";
import type { Core } from "../replica/core.ts";
import { Run } from "../run.ts";
import type { Shared } from "../shared.ts";
import type { Tx } from "../tx.ts";
import { MAX_AFTER } from "../txn/txn.ts";
import type { Commit } from "../view.ts";
import { differencesOf } from "./differences.ts";
import type { NamedTransaction } from "./named.ts";
import type { Difference, Made, Task } from "./types.ts";

/** What one run came to: a transaction that the core has; nothing to decide; own answers that must come first; no room in the core; or nothing, as objects do not fit. */
export type Attempt =
  | { readonly made: Made; readonly differences: readonly Difference[] }
  | { readonly commits: readonly Commit[] }
  | { readonly awaited: ReadonlySet<number> }
  | { readonly error: TrefoilError }
  | { readonly wait: true };

/** How often a transaction that does not fit what has just been read is run again at once. */
const TRIES = 3;

/** Runs a named transaction on objects that are there. Throws what the function throws, and what no other run would change. */
export function attempt(hub: Hub, core: Core, shared: readonly Shared[], def: NamedTransaction<never>, task: Task, durable: boolean): Attempt {
  for (let n = 1; ; n++) {
    const views = shared.map((s) => s.view());
    const log = views[0]?.log ?? "";
    if (views.some((v) => v.log !== log)) throw invalid("the objects share no log");
    if (views.length > 1 && !hub.level(log)) return { wait: true };
    const run = new Run(views, false, hub);
    run.call((tx) => (def.fn as (tx: Tx, input: Value) => unknown)(tx, decode(task.input)));
    if (run.retrying) throw invalid("a named transaction cannot wait: retry is for update");
    if (!run.wrote) return { commits: views.map(headOf) };
    const { after } = run;
    if (run.awaited.size > 0 || after.length > MAX_AFTER) return { awaited: run.awaited.size > 0 ? run.awaited : new Set(after) };
    const drafts = run.drafts.filter((d) => d.part.reads.length + d.part.writes.length > 0);
    const made = { log, position: Math.max(...views.map((v) => v.seen)), after, attempt: task.lost + 1, parts: drafts.map((d) => d.part) };
    const seen = Math.max(...views.map((v) => v.pending.at(-1)?.sequence ?? 0));
    const { position, attempt, parts } = made;
    const given = core.submit({ position, after, metadata: task.metadata, parts, attempt }, seen, durable);
    if ("sequence" in given) return { made: { ...made, sequence: given.sequence }, differences: differencesOf(drafts) };
    if (given.error.is(Reason.Busy)) return { error: given.error };
    const lost = given.error.is(Reason.Conflict) || given.error.is(Reason.Depends);
    if (!lost) throw given.error;
    if (n === TRIES) return { error: given.error };
  }
}
