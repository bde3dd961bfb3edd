import { Code, type TrefoilError } from "../status.ts";
import { Draft, type Mark } from "./draft.ts";
import { fault, invalid, Reason } from "./errors.ts";
import type { Shown } from "./replica/types.ts";
import { HASH_BUDGET, type Budget } from "./tree/hash.ts";
import { Tx } from "./tx.ts";
import type { View } from "./view.ts";

/** What `retry` throws: it leaves the function, and is caught where the function was called. */
class Retry extends Error {
  constructor() {
    super("tx.retry was called: a function must let this pass");
  }
}

/** One run of a function, with what it has in common over all its objects. */
export class Run {
  readonly drafts: readonly Draft[];
  readonly txs: readonly Tx[];
  /** Own unanswered transactions that this one presumes, ascending. */
  readonly after: number[] = [];
  /** Those that it read in strict objects, where their answer must come first. */
  readonly awaited = new Set<number>();
  readonly budget: Budget = { left: HASH_BUDGET };
  /** Reads and writes that there is still room for. */
  room: number;
  /** `retry` was called, and no `orElse` has taken that up. */
  retrying = false;
  error: TrefoilError | null = null;
  #done = false;

  constructor(
    views: readonly View[],
    readonly readOnly: boolean,
    /** Whose objects they are. */
    readonly home: object,
  ) {
    this.room = Math.min(...views.map((v) => v.terms.operations));
    this.drafts = views.map((v) => new Draft(this, v));
    this.txs = this.drafts.map((d) => new Tx(this, d));
  }

  /** Calls fn with the first object's Tx, and closes the run, also when fn throws. `retrying` tells if there is no result. */
  call<T>(fn: (tx: Tx) => T): T | undefined {
    try {
      const result = this.#catch(() => fn(this.txs[0] as Tx));
      if (this.error !== null) throw this.error;
      if (this.retrying) return undefined;
      if (typeof result === "object" && result !== null && typeof (result as { then?: unknown }).then === "function") {
        Promise.resolve(result).catch(() => undefined); // what it comes to is of no use
        throw invalid("a transaction's function must not be async: what it reads later would not be seen");
      }
      return result;
    } finally {
      this.#done = true;
    }
  }

  /** See Tx.retry. */
  retry(): never {
    this.usable();
    if (this.readOnly) throw this.fail(fault(Code.FailedPrecondition, Reason.Invalid, "a view cannot wait: retry is for update"));
    this.retrying = true;
    throw new Retry();
  }

  /** See Tx.orElse. */
  orElse<T>(tx: Tx, a: (tx: Tx) => T, b: (tx: Tx) => T): T {
    this.usable();
    const marks = this.drafts.map((d): Mark => d.mark());
    const { room } = this;
    const reads = this.#reads();
    const result = this.#catch(() => a(tx));
    if (!this.retrying) return result as T;
    if (this.error !== null) throw this.error;
    this.retrying = false;
    this.drafts.forEach((d, i) => d.rollBack(marks[i] as Mark));
    this.room = room - (this.#reads() - reads); // what a read stays read
    return b(tx);
  }

  #reads(): number {
    return this.drafts.reduce((n, d) => n + d.part.reads.length, 0);
  }

  /** The result of fn, undefined if it was left by `retry`. */
  #catch<T>(fn: () => T): T | undefined {
    try {
      return fn();
    } catch (e) {
      if (this.retrying) return undefined; // whatever fn made of that
      throw e;
    }
  }

  /** Throws unless calls may go on. */
  usable(): void {
    if (this.#done) throw fault(Code.FailedPrecondition, Reason.Invalid, "a transaction was used after its function had returned");
    if (this.error !== null) throw this.error;
    if (this.retrying) throw new Retry();
  }

  /** Makes the transaction fail, also if its function catches what this returns. */
  fail(error: TrefoilError): TrefoilError {
    this.error ??= error;
    return this.error;
  }

  /** Takes one more read or write into account. */
  count(): void {
    if (--this.room < 0) throw this.fail(fault(Code.ResourceExhausted, Reason.TooLarge, "a transaction has too many reads and writes"));
  }

  /** Makes the transaction presume an own unanswered one. */
  presume(p: Shown): void {
    if (this.after.includes(p.sequence)) return;
    const i = this.after.findIndex((s) => s > p.sequence);
    this.after.splice(i < 0 ? this.after.length : i, 0, p.sequence);
  }

  /** Whether anything was written. */
  get wrote(): boolean {
    return this.drafts.some((d) => d.part.writes.length > 0);
  }
}
