import { Code, TrefoilError } from "../../src/status.ts";
import type { Core } from "../../src/dstm/replica/core.ts";
import type { Submitted } from "../../src/dstm/replica/submit.ts";
import type { State } from "../../src/dstm/replica/types.ts";
import { Run } from "../../src/dstm/run.ts";
import type { Tx } from "../../src/dstm/tx.ts";
import type { Part } from "../../src/dstm/txn/txn.ts";
import type { View } from "../../src/dstm/view.ts";

export function viewOf(object: string, s: State): View {
  const { log, epoch, version, position, seen, root, pending, terms } = s;
  return { log, object, epoch, base: version, position, seen, root, pending, terms };
}

/** Runs fn as a transaction on one view. */
export function runOn<T>(v: View, readOnly: boolean, fn: (tx: Tx) => T): { result: T | undefined; part: Part; after: readonly number[]; run: Run } {
  const run = new Run([v], readOnly, {});
  const result = run.call(fn);
  return { result, part: run.drafts[0]!.part, after: run.after, run };
}

/** What fn makes on states of some objects, as one transaction. */
export function draft(states: ReadonlyMap<string, State>, fn: (txs: ReadonlyMap<string, Tx>) => void): { parts: Part[]; run: Run; seen: number; position: number } {
  const views = [...states].map(([name, s]) => viewOf(name, s));
  const run = new Run(views, false, {});
  run.call(() => fn(new Map(views.map((v, i) => [v.object, run.txs[i] as Tx]))));
  return {
    run,
    parts: run.drafts.map((d) => d.part).filter((p) => p.reads.length + p.writes.length > 0),
    seen: Math.max(0, ...views.map((v) => v.pending.at(-1)?.sequence ?? 0)),
    position: Math.max(0, ...views.map((v) => v.seen)),
  };
}

/** Submits what fn makes on those states. */
export function submitOn(core: Core, states: ReadonlyMap<string, State>, fn: (txs: ReadonlyMap<string, Tx>) => void): Submitted {
  const { run, parts, seen, position } = draft(states, fn);
  if (run.awaited.size > 0) return { error: new TrefoilError(Code.Aborted, "test.awaited", "an answer must come first"), path: null };
  return core.submit({ position, after: run.after, metadata: null, parts, attempt: 1 }, seen);
}
