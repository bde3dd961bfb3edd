import { Tx } from "../../src/dstm/tx.ts";
import type { Core } from "../../src/dstm/replica/core.ts";
import type { State } from "../../src/dstm/replica/types.ts";
import type { Submitted } from "../../src/dstm/replica/submit.ts";
import type { Part } from "../../src/dstm/txn/txn.ts";
import type { View } from "../../src/dstm/view.ts";

export function viewOf(object: string, s: State): View {
  return { log: s.log, object, epoch: s.epoch, base: s.version, position: s.position, seen: s.seen, root: s.root, pending: s.pending };
}

/** What fn makes on states of some objects, as one transaction. */
export function draft(states: ReadonlyMap<string, State>, fn: (txs: ReadonlyMap<string, Tx>) => void): { parts: Part[]; after: number[]; seen: number; position: number } {
  const txs = new Map([...states].map(([name, s]) => [name, new Tx(viewOf(name, s), false)]));
  fn(txs);
  const parts: Part[] = [];
  const after = new Set<number>();
  let [seen, position] = [0, 0];
  for (const [name, tx] of txs) {
    const run = Tx.run(tx, () => undefined);
    const s = states.get(name) as State;
    seen = Math.max(seen, s.pending.at(-1)?.sequence ?? 0);
    position = Math.max(position, s.seen);
    run.after.forEach((a) => after.add(a));
    if (run.part.reads.length + run.part.writes.length > 0) parts.push(run.part);
  }
  return { parts, after: [...after].sort((a, b) => a - b), seen, position };
}

/** Submits what fn makes on those states. */
export function submitOn(core: Core, states: ReadonlyMap<string, State>, fn: (txs: ReadonlyMap<string, Tx>) => void): Submitted {
  const d = draft(states, fn);
  return core.submit({ position: d.position, after: d.after, metadata: null, parts: d.parts }, d.seen);
}
