import { decode } from "../../codec/index.ts";
import type { Value } from "../../codec/value.ts";
import type { TrefoilError } from "../../status.ts";
import { invalid } from "../errors.ts";
import { Listeners } from "./listeners.ts";
import type { Difference, Refusal } from "./types.ts";
import type { Work } from "./work.ts";

/** A named transaction that was refused in the end. Frozen. */
export interface InboxItem {
  /** That of its work. */
  readonly id: string;
  /** The transaction's. */
  readonly name: string;
  /** What it was submitted with, frozen. */
  readonly input: Value;
  /** The names of its objects. */
  readonly objects: readonly string[];
  /** Why. Its `unknown` says that it may have taken effect: look before you try again. */
  readonly error: TrefoilError;
  /** When it was submitted and refused, by this computer's clock. */
  readonly made: Date;
  readonly refused: Date;
  /** What it would have changed, and what stands there instead. */
  readonly differences: readonly Difference[];
}

/** What the inbox has done by the queue. */
export interface Clerk {
  retry(r: Refusal, input: unknown, edited: boolean): Work;
  discard(r: Refusal): void;
}

/** The named transactions that were refused in the end, until somebody decides. It survives reloads. */
export class Inbox {
  readonly #clerk: Clerk;
  readonly #refusals = new Map<string, Refusal>();
  readonly #made = new Map<string, InboxItem>();
  readonly #listeners = new Listeners();
  #items: readonly InboxItem[] | null = null;

  /** @internal */
  constructor(clerk: Clerk) {
    this.#clerk = clerk;
  }

  /** What was refused, the oldest submission first. Frozen, and the same until something changes. */
  get items(): readonly InboxItem[] {
    this.#items ??= Object.freeze([...this.#refusals.values()].sort((a, b) => a.order - b.order).map((r) => this.#item(r)));
    return this.#items;
  }

  /** Calls fn when items has changed; what is returned ends that. */
  onChange(fn: () => void): () => void {
    return this.#listeners.on(fn);
  }

  /**
   * Runs a transaction anew on the present state, with its input or another one, and takes it from the inbox. What its function throws is thrown on, and it stays. Throws
   * `dstm.invalid` for an id that is not here, or if the client was not given a transaction of that name.
   */
  retry(id: string, ...input: [] | [input: unknown]): Work {
    return this.#clerk.retry(this.#find(id), input[0], input.length > 0);
  }

  /** Gives a transaction up. Says whether it was here: if not, nothing happens. */
  discard(id: string): boolean {
    const r = this.#refusals.get(id);
    if (r !== undefined) this.#clerk.discard(r);
    return r !== undefined;
  }

  #find(id: string): Refusal {
    const r = this.#refusals.get(id);
    if (r === undefined) throw invalid(`nothing in the inbox has the id ${String(id)}`);
    return r;
  }

  #item(r: Refusal): InboxItem {
    let item = this.#made.get(r.id);
    if (item === undefined) {
      const { id, name, objects, error, differences } = r;
      item = Object.freeze({
        id, name, objects, error, input: freeze(decode(r.input)), made: new Date(r.made), refused: new Date(r.refused), differences: Object.freeze([...differences]),
      });
      this.#made.set(r.id, item);
    }
    return item;
  }

  /** @internal */
  static add(inbox: Inbox, r: Refusal): void {
    inbox.#refusals.set(r.id, r);
    inbox.#items = null;
  }

  /** @internal */
  static remove(inbox: Inbox, id: string): void {
    inbox.#refusals.delete(id);
    inbox.#made.delete(id);
    inbox.#items = null;
  }

  /** @internal */
  static size(inbox: Inbox): number {
    return inbox.#refusals.size;
  }

  /** @internal */
  static tell(inbox: Inbox): void {
    inbox.#listeners.tell();
  }
}

function freeze(v: Value): Value {
  if (typeof v !== "object" || v === null || v instanceof Uint8Array) return v;
  for (const part of Object.values(v)) freeze(part as Value);
  return Object.freeze(v) as Value;
}
