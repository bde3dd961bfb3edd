import { TrefoilError } from "../status.ts";
import type { Session } from "../transport/session.ts";

/** Something that wants to be sent on one session. */
export interface Item {
  /** The frame as it would be sent now. */
  frame(): readonly unknown[];
  /** Called once when there was no room: from now on the frame must not depend on what the program may change. */
  hold?(): void;
  /** Called once: null when the connection took the frame, else why it never will. */
  done(err: TrefoilError | null): void;
}

/** What waits for room in a session's queue, first come, first served. */
export class Outbox {
  readonly #session: Session;
  readonly #items = new Set<Item>();
  #armed = false;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Sends now if there is room and nothing waits, else as soon as there is. */
  send(item: Item): void {
    if (this.#items.size === 0 && this.#try(item)) return;
    try {
      item.hold?.();
    } catch (err) {
      item.done(TrefoilError.from(err));
      return;
    }
    this.#items.add(item);
    this.#arm();
  }

  /** Takes back what was not sent; done is not called any more. */
  remove(item: Item): void {
    this.#items.delete(item);
  }

  /** Forgets everything without a word: the session has ended. */
  clear(): void {
    this.#items.clear();
  }

  #try(item: Item): boolean {
    try {
      this.#session.trySend(item.frame());
    } catch (err) {
      const failure = TrefoilError.from(err);
      if (failure.is("transport.full")) return false;
      item.done(failure);
      return true;
    }
    item.done(null);
    return true;
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    this.#session.afterDrain(() => {
      this.#armed = false;
      for (const item of this.#items) {
        // Out of the set first: done may send more, which then stands behind those that wait.
        this.#items.delete(item);
        if (this.#try(item)) continue;
        this.#restore(item);
        this.#arm();
        return;
      }
    });
  }

  #restore(item: Item): void {
    const rest = [...this.#items];
    this.#items.clear();
    this.#items.add(item);
    for (const other of rest) this.#items.add(other);
  }
}
