import { Code, TrefoilError } from "../status.ts";
import { fault, invalid, Reason } from "./errors.ts";
import { SharedObject } from "./object.ts";
import type { Work } from "./offline/work.ts";
import { Tx } from "./tx.ts";
import type { UpdateOptions } from "./update.ts";
import type { Commit } from "./view.ts";

/** How many own commits a client can undo. */
const MOST = 100;

/**
 * Undoes and redoes what was done through it to one object, the last first. It holds this client's own commits only; what others do in
 * between stays. The object stays its opener's to close.
 */
export class UndoStack {
  readonly #object: SharedObject;
  readonly #limit: number;
  /** To be undone, the last at the end. */
  #done: Commit[] = [];
  /** The commits that undid, to be undone by redo. */
  #undone: Commit[] = [];
  /** They go one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  /** For an object; at most limit commits are remembered, 1 to 100, else 100. */
  constructor(object: SharedObject, limit = MOST) {
    this.#object = object;
    this.#limit = limit >= 1 && limit <= MOST ? Math.floor(limit) : MOST;
  }

  /**
   * {@link SharedObject.update} of the object. A commit that wrote something can be undone from then on, and what had been undone can no longer be
   * redone.
   */
  async update(fn: (tx: Tx) => void, options: UpdateOptions = {}): Promise<Commit> {
    let wrote = false;
    const commit = await this.#object.update((tx) => {
      const result = fn(tx);
      wrote = Tx.wrote(tx);
      return result;
    }, options);
    if (!wrote) return commit;
    this.#done = this.#push(this.#done, commit);
    this.#undone = [];
    return commit;
  }

  /**
   * Takes up what a named transaction did, once it has committed: then it can be undone as if it had been an {@link UndoStack.update}. One that was refused is passed over.
   */
  follow(work: Work): void {
    const at = work.objects.indexOf(this.#object.name);
    if (at < 0) throw invalid(`the work is not about ${this.#object.name}`);
    void work.done.then(
      () => {
        const commit = work.commits[at];
        if (commit === undefined || !SharedObject.desk(this.#object).hub.submissions.undoable(this.#object.name, commit)) return; // it wrote nothing here
        this.#done = this.#push(this.#done, commit);
        this.#undone = [];
      },
      () => undefined,
    );
  }

  /**
   * Undoes the last commit that was not undone, as a transaction of its own; see {@link SharedObject.undo}. What is refused with `dstm.conflict` or
   * `dstm.history` never can be undone, and is taken off the stack; after any other error it is still there. With nothing to undo it rejects with `dstm.invalid`.
   */
  undo(options: UpdateOptions = {}): Promise<Commit> {
    return this.#take(() => this.#reverse("undo", options));
  }

  /** Undoes the last undo, with the same errors. */
  redo(options: UpdateOptions = {}): Promise<Commit> {
    return this.#take(() => this.#reverse("redo", options));
  }

  /** Whether there is something for undo. */
  get canUndo(): boolean {
    return this.#done.length > 0;
  }

  /** Whether there is something for redo. */
  get canRedo(): boolean {
    return this.#undone.length > 0;
  }

  #take(fn: () => Promise<Commit>): Promise<Commit> {
    const made = this.#turn.then(fn);
    this.#turn = made.catch(() => undefined);
    return made;
  }

  async #reverse(verb: "undo" | "redo", options: UpdateOptions): Promise<Commit> {
    const commit = (verb === "undo" ? this.#done : this.#undone).at(-1);
    if (commit === undefined) throw fault(Code.FailedPrecondition, Reason.Invalid, `there is nothing to ${verb}`);
    try {
      const made = await this.#object.undo(commit, options);
      this.#drop(commit);
      if (verb === "undo") this.#undone = this.#push(this.#undone, made);
      else this.#done = this.#push(this.#done, made);
      return made;
    } catch (e) {
      if (e instanceof TrefoilError && (e.is(Reason.Conflict) || e.is(Reason.History))) this.#drop(commit);
      throw e;
    }
  }

  /** The list with c below later commits of the same history: of two updates at the same time the first may be answered last. */
  #push(list: readonly Commit[], c: Commit): Commit[] {
    let at = list.length;
    for (let x = list[at - 1]; x !== undefined && x.epoch === c.epoch && x.version > c.version; x = list[at - 1]) at--;
    return [...list.slice(0, at), c, ...list.slice(at)].slice(-this.#limit);
  }

  /** Takes a commit off the lists, on which an update may have pushed, or which it may have cleared, meanwhile. */
  #drop(commit: Commit): void {
    this.#done = this.#done.filter((c) => c !== commit);
    this.#undone = this.#undone.filter((c) => c !== commit);
  }
}
