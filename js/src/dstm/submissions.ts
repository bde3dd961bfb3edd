import type { ValueMap } from "../codec/value.ts";
import type { TrefoilError } from "../status.ts";
import { until, type Desk } from "./desk.ts";
import { aborted, conflict, maybeDone, Reason } from "./errors.ts";
import type { Outcome } from "./group.ts";
import type { Core } from "./replica/core.ts";
import type { Settled } from "./replica/types.ts";
import type { Transaction } from "./txn/txn.ts";
import { undoing } from "./undo.ts";
import type { Commit } from "./view.ts";

/** How often an undoing is made anew, as other things happen in a list. */
const MAX_UNDOES = 100;

/** Those who have submitted transactions and wait for what becomes of them. */
export class Submissions {
  /** By sequence. */
  readonly #waiting = new Map<number, (e: Settled) => void>();

  constructor(
    readonly core: Core,
    /** Takes note that something has happened to an object. */
    readonly note: (object: string) => void,
    /** Tells what has happened and sends what there is to send. */
    readonly pump: () => void,
    /** Why nothing can be decided any more. */
    readonly over: () => TrefoilError | null,
  ) {}

  /**
   * Gives a transaction to the core and waits for its outcome. While it does, the desks hold what ends the wait: the transaction is
   * taken back if it was never sent; otherwise the core keeps it until it is answered. Seen is the last own one that it knows of.
   */
  submit(desks: readonly Desk[], t: Transaction, seen: number, signal: AbortSignal | undefined): Promise<Outcome> {
    const over = this.over();
    if (over !== null) return Promise.reject(over);
    const given = this.core.submit(t, seen);
    if ("error" in given) {
      const lost = given.error.is(Reason.Conflict);
      return Promise.resolve({ error: lost ? conflict(given.path === null ? [] : [given.path]) : given.error, asked: false });
    }
    return new Promise((resolve) => {
      const stop = (): void => {
        this.#waiting.delete(given.sequence);
        for (const { leaves } of desks) leaves.splice(leaves.indexOf(leave), 1);
        signal?.removeEventListener("abort", abort);
      };
      const leave = (why: TrefoilError): void => {
        stop();
        const back = this.core.withdraw(given.sequence);
        resolve({ error: back ? why : maybeDone(why), asked: false });
        for (const part of t.parts) this.note(part.object);
        this.pump();
      };
      const abort = (): void => leave(aborted(signal as AbortSignal));
      for (const { leaves } of desks) leaves.push(leave);
      signal?.addEventListener("abort", abort);
      this.#waiting.set(given.sequence, (e) => {
        stop();
        const error = refusal(e);
        if (error !== null) resolve({ error, asked: e.asked });
        else resolve({ commits: e.versions.map((version) => ({ log: e.log, epoch: e.epoch, version, position: e.position })) });
      });
      for (const part of t.parts) this.note(part.object);
      this.pump();
    });
  }

  /** See SharedObject.undo. */
  async undo(desk: Desk, commit: Commit, metadata: ValueMap | null, signal: AbortSignal | undefined): Promise<Commit> {
    for (let attempt = 1; ; attempt++) {
      const { seen } = desk.view();
      const { parts, known, moves, at, done } = undoing(this.core, desk.shared.name, commit);
      const outcome = await this.submit([desk], { position: seen, after: [], metadata, parts, attempt: 1 }, known, signal);
      if ("commits" in outcome) {
        const made = outcome.commits[at] as Commit;
        done(made.position);
        return made;
      }
      if (!moves || !outcome.error.is(Reason.Conflict) || attempt === MAX_UNDOES) throw outcome.error;
      await until([desk], signal, () => parts.every((p) => this.core.whole(p.object)));
    }
  }

  /** Whether a commit is one that undo knows. */
  undoable(object: string, c: Commit): boolean {
    return this.core.own.some((x) => x.log === c.log && x.epoch === c.epoch && x.parts.some((p) => p.object === object && p.version === c.version));
  }

  /** Passes on an outcome. */
  settled(e: Settled): void {
    this.#waiting.get(e.sequence)?.(e);
  }

  /** Ends the wait for all answers: what was never sent is taken back, anything else is unknown. */
  close(error: TrefoilError): void {
    // The last first: what depends on another must not be refused because that one went.
    for (const sequence of [...this.#waiting.keys()].sort((a, b) => b - a)) {
      const back = this.core.withdraw(sequence);
      this.#waiting.get(sequence)?.({
        kind: "settled", asked: false, sequence, objects: [], log: "", epoch: "", position: 0, versions: [], conflicts: [], error: back ? error : maybeDone(error),
      });
    }
  }
}

/** What a settled event means to the one that waits; null is a commit. */
function refusal(e: Settled): TrefoilError | null {
  return e.error !== null && e.error.is(Reason.Conflict) && !e.error.unknown ? conflict(e.conflicts) : e.error;
}
