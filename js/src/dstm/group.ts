import type { TrefoilError } from "../status.ts";
import { rest, until, type Desk } from "./desk.ts";
import { invalid } from "./errors.ts";
import type { Hub } from "./hub.ts";
import { touches } from "./path.ts";
import type { Changed } from "./replica/types.ts";
import type { Run } from "./run.ts";
import { stillHolds } from "./txn/judge.ts";
import { MAX_PARTS } from "./txn/txn.ts";
import type { Commit, View } from "./view.ts";

/** What became of a transaction: a commit for each part, or why not, and whether it was the server that said so. */
export type Outcome = { readonly commits: readonly Commit[] } | { readonly error: TrefoilError; readonly asked: boolean };

/** The objects of one transaction or view: of one client, no two of one name. */
export class Group {
  readonly hub: Hub;

  constructor(readonly desks: readonly Desk[]) {
    const [first] = desks;
    if (first === undefined || desks.length > MAX_PARTS) throw invalid(`a transaction has 1 to ${MAX_PARTS} objects`);
    if (desks.some((d) => d.hub !== first.hub)) throw invalid("the objects belong to different clients");
    this.hub = first.hub;
  }

  /** The present states of all objects, or a promise of them where they do not fit each other yet. */
  views(signal: AbortSignal | undefined): readonly View[] | Promise<readonly View[]> {
    const views = this.desks.map((d) => d.view());
    const log = (views[0] as View).log;
    if (views.some((v) => v.log !== log)) throw invalid("the objects share no log");
    if (views.length === 1 || this.hub.level(log)) return views;
    return until(this.desks, signal, () => this.hub.level(log)).then(() => this.views(signal));
  }

  /** Waits until something that a run has read changes. */
  sleep(run: Run, signal: AbortSignal | undefined): Promise<void> {
    return rest(this.desks, signal, (wake) => {
      const ends = this.desks.map((desk, i) => {
        const { part, view } = run.drafts[i] as Run["drafts"][number];
        const holds = (e: Pick<Changed, "after" | "paths">): boolean =>
          part.reads.every((r) => {
            const concerned = e.paths === null || e.paths.some((path) => touches(r.path, path));
            return !concerned || stillHolds(r, view.base, e.after);
          });
        const step = (e: Changed): void => {
          if (e.origin === "reset" || !holds(e)) wake(); // after a reset versions may mean something else
        };
        desk.steps.add(step);
        if (desk.error === null) {
          const now = desk.view(); // what fn itself may have caused; the same tree may hold versions that only predictions have
          if (now.epoch !== view.epoch || (now.root !== view.root && !holds({ after: now.root, paths: null }))) wake();
        }
        return () => desk.steps.delete(step);
      });
      return () => ends.forEach((end) => end());
    });
  }

  /** Waits while a state that replaces what is seen of one of the objects has begun to come. */
  whole(signal: AbortSignal | undefined): Promise<void> {
    return until(this.desks, signal, () => this.desks.every((d) => this.hub.whole(d.shared.name)));
  }

  /** Waits until no view shows one of these own transactions any more. */
  answered(sequences: ReadonlySet<number>, signal: AbortSignal | undefined): Promise<void> {
    return until(this.desks, signal, () => this.desks.every((d) => d.error !== null || !d.view().pending.some((p) => sequences.has(p.sequence))));
  }
}
