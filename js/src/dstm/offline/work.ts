import { decode } from "../../codec/index.ts";
import type { Value } from "../../codec/value.ts";
import type { TrefoilError } from "../../status.ts";
import type { Commit } from "../view.ts";
import type { Task } from "./types.ts";

/** What is to be told of a work by who does it. */
export interface Foreman {
  stored(durable: boolean): void;
  committed(commits: readonly Commit[]): void;
  refused(error: TrefoilError): void;
}

/** A named transaction that was submitted: from then on until it is decided, over reloads too. */
export class Work {
  /** 16 hexadecimal digits, by chance, since the inboxes of several clients may become one; the same after a reload, and what is refused keeps it in the inbox. */
  readonly id: string;
  /** The transaction's. */
  readonly name: string;
  /** The names of its objects. */
  readonly objects: readonly string[];
  /** When it was submitted, by this computer's clock. */
  readonly made: Date;
  /**
   * Is fulfilled when it is written down: true if it outlives the page, false if there is no storage or that has failed. Then it is only in memory.
   */
  readonly stored: Promise<boolean>;
  /** Is fulfilled when it has committed, with the commit of its first object; rejects with the reason that stands in the inbox, or when the client was closed before. */
  readonly done: Promise<Commit>;
  readonly #input: Uint8Array;
  #state: "pending" | "committed" | "refused" = "pending";
  #commits: readonly Commit[] = [];
  #error: TrefoilError | null = null;
  #durable = false;

  /** @internal */
  constructor(task: Task, begin: (f: Foreman) => void) {
    this.id = task.id;
    this.name = task.name;
    this.objects = task.objects;
    this.made = new Date(task.made);
    this.#input = task.input;
    let store: (durable: boolean) => void = () => undefined;
    let commit: (c: Commit) => void = () => undefined;
    let refuse: (e: TrefoilError) => void = () => undefined;
    this.stored = new Promise((resolve) => (store = resolve));
    this.done = new Promise((resolve, reject) => ([commit, refuse] = [resolve, reject]));
    this.done.catch(() => undefined); // nobody has to wait: the inbox tells too
    begin({
      stored: (durable) => {
        this.#durable = durable;
        store(durable);
      },
      committed: (commits) => {
        if (this.#state !== "pending") return;
        this.#state = "committed";
        this.#commits = Object.freeze([...commits]);
        store(this.#durable);
        commit(commits[0] as Commit);
      },
      refused: (error) => {
        if (this.#state !== "pending") return;
        this.#state = "refused";
        this.#error = error;
        store(this.#durable);
        refuse(error);
      },
    });
  }

  /** What it was submitted with; a new copy each time. */
  get input(): Value {
    return decode(this.#input);
  }

  /** Whether it is written down where it outlives the page. */
  get durable(): boolean {
    return this.#durable;
  }

  /** Where it stands: `refused` also if the client was closed before it was decided; after the next start it goes on then, if it is durable. */
  get state(): "pending" | "committed" | "refused" {
    return this.#state;
  }

  /** When it has committed: a commit for each of its objects, in their order. */
  get commits(): readonly Commit[] {
    return this.#commits;
  }

  /** Why it was refused, null otherwise. */
  get error(): TrefoilError | null {
    return this.#error;
  }
}
