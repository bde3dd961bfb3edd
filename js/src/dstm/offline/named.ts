import type { Value } from "../../codec/value.ts";
import { invalid } from "../errors.ts";
import { SharedObject } from "../object.ts";
import { validName } from "../path.ts";
import type { Tx } from "../tx.ts";
import { DEFAULT_ATTEMPTS, readMetadata } from "../update.ts";
import type { Work } from "./work.ts";

/** Options of a {@link NamedTransaction}; all may be left out. */
export interface NamedOptions {
  /** How often it may run until it loses for the last time and goes to the inbox; 1: a conflict goes there at once. Default 100. */
  readonly attempts?: number | undefined;
}

/** Options of one submission; all may be left out. */
export interface SubmitOptions {
  /** What travels with the transaction and is kept in its log entry: at most 32 entries, keys of 255 bytes, values of 4 KiB. Default none. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** A transaction that can be run again by its name, also after a reload. See {@link transaction}. */
export class NamedTransaction<In = Value> {
  /** Under which it is recorded. */
  readonly name: string;
  /** @internal */
  readonly fn: (tx: Tx, input: In) => void;
  /** @internal */
  readonly attempts: number;

  /** See {@link transaction}. */
  constructor(name: string, fn: (tx: Tx, input: In) => void, options: NamedOptions = {}) {
    if (!validName(name)) throw invalid("no name for a transaction: 1 to 255 bytes of UTF-8 without control characters");
    this.attempts = options.attempts ?? DEFAULT_ATTEMPTS;
    if (!Number.isInteger(this.attempts) || this.attempts < 1) throw invalid("attempts is no positive integer");
    this.name = name;
    this.fn = fn;
  }

  /**
   * Runs the transaction on an object, or on several of one log, of which the function gets the Tx of the first. It is shown when this returns; it is written down, sent when
   * there is a connection, run again if it lost, and decided exactly once, over reloads too. What is refused in the end is in the client's inbox.
   *
   * What the function throws now is thrown on, and nothing has happened. Throws `dstm.busy` if the queue and the inbox are full, `dstm.invalid` if the objects' client was not
   * given this transaction.
   */
  submit(objects: SharedObject | readonly SharedObject[], input: In, options: SubmitOptions = {}): Work {
    const all = objects instanceof SharedObject ? [objects] : objects;
    const desks = all.map((o) => SharedObject.desk(o));
    const [first] = desks;
    if (first === undefined || desks.some((d) => d.hub !== first.hub)) throw invalid("a transaction has objects, all of one client");
    for (const d of desks) if (d.error !== null) throw d.error;
    const { offline } = first.hub;
    if (offline === null) throw invalid(`the client was not given the transaction ${this.name}`);
    return offline.queue.submit(this as NamedTransaction<never>, [...new Set(all.map((o) => o.name))], input, readMetadata(options));
  }
}

/**
 * Defines a transaction that outlives the page: a function of a Tx and an input that is any value. Give it to each `new dstm.Client({ transactions })`. The function must be
 * pure: it may run again, also in a later version of the program, as long as one with this name is given.
 */
export function transaction<In = Value>(name: string, fn: (tx: Tx, input: In) => void, options: NamedOptions = {}): NamedTransaction<In> {
  return new NamedTransaction(name, fn, options);
}
