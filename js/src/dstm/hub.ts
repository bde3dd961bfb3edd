import type { ValueMap } from "../codec/value.ts";
import { Code, TrefoilError } from "../status.ts";
import type { Frame } from "../transport/pattern.ts";
import type { Session } from "../transport/session.ts";
import { aborted, conflict, fault, invalid, maybeDone, Reason } from "./errors.ts";
import { SharedObject } from "./object.ts";
import { validName } from "./path.ts";
import { Core } from "./replica/core.ts";
import type { Event, Settled } from "./replica/types.ts";
import { Shared } from "./shared.ts";
import type { Part } from "./txn/txn.ts";
import type { UpdateOptions } from "./update.ts";
import type { Commit, View } from "./view.ts";

/** After what time an object is asked for again that the server had no room or no store for, in ms. */
const RETRY_REFUSED = 1000;

/** The replicas of one client, the pure core that keeps them, and the session that connects it. */
export class Hub {
  readonly #core: Core;
  readonly #replicas = new Map<string, Shared>();
  /** Those who have submitted, by sequence. */
  readonly #waiting = new Map<number, (e: Settled) => void>();
  #session: Session | null = null;
  /** The session's queue is; pump goes on when it has drained. */
  #full = false;
  #pumping = false;
  #retry: ReturnType<typeof setTimeout> | null = null;
  /** Why nothing can be opened any more. */
  #over: TrefoilError | null = null;
  #closed = false;

  constructor(start: number, limit: number) {
    this.#core = new Core(start, limit);
  }

  /** See Client.open. */
  open(name: string, signal: AbortSignal | undefined): Promise<SharedObject> {
    return new Promise((resolve, reject) => {
      if (!validName(name)) throw invalid("no name for an object: 1 to 255 bytes of UTF-8 without control characters");
      if (this.#over !== null) throw this.#over;
      if (signal?.aborted === true) throw aborted(signal);
      const s = this.#share(name);
      s.users++;
      const give = (error: TrefoilError | null): void => {
        signal?.removeEventListener("abort", abort);
        if (error === null) {
          resolve(new SharedObject(this, s));
        } else {
          this.release(s);
          reject(error);
        }
      };
      const abort = (): void => {
        s.openers = s.openers.filter((o) => o !== give);
        give(aborted(signal as AbortSignal));
      };
      if (s.ready) {
        give(null);
      } else {
        s.openers.push(give);
        signal?.addEventListener("abort", abort);
      }
      this.#pump();
    });
  }

  /** The replica of an object, opened if need be. */
  #share(name: string): Shared {
    const known = this.#replicas.get(name);
    if (known !== undefined) return known;
    const s = new Shared(this.#core, name);
    this.#replicas.set(name, s);
    this.#core.open(name);
    return s;
  }

  /** Takes one user away; with the last one the object is closed. */
  release(s: Shared): void {
    s.users--;
    if (s.users > 0 || this.#replicas.get(s.name) !== s) return;
    this.#replicas.delete(s.name);
    this.#core.close(s.name);
    this.#pump();
  }

  /**
   * Gives a transaction to the core and waits for its outcome. While it does, leaves holds what ends the wait: the transaction is
   * taken back if it was never sent; otherwise the core keeps it until it is answered.
   */
  submit(v: View, part: Part, after: readonly number[], o: UpdateOptions, leaves: ((why: TrefoilError) => void)[]): Promise<Commit> {
    if (this.#over !== null) return Promise.reject(this.#over);
    const { signal } = o;
    const metadata = Object.keys(o.metadata ?? {}).length > 0 ? ({ ...o.metadata } as ValueMap) : null;
    const seen = v.pending.at(-1)?.sequence ?? 0;
    const given = this.#core.submit({ position: v.seen, after, metadata, parts: [part] }, seen);
    if ("error" in given) {
      const lost = given.error.is(Reason.Conflict);
      return Promise.reject(lost ? conflict(given.path === null ? [] : [given.path]) : given.error);
    }
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        this.#waiting.delete(given.sequence);
        leaves.splice(leaves.indexOf(leave), 1);
        signal?.removeEventListener("abort", abort);
      };
      const leave = (why: TrefoilError): void => {
        stop();
        const back = this.#core.withdraw(given.sequence);
        reject(back ? why : maybeDone(why));
        this.#note(v.object);
        this.#pump();
      };
      const abort = (): void => leave(aborted(signal as AbortSignal));
      leaves.push(leave);
      signal?.addEventListener("abort", abort);
      this.#waiting.set(given.sequence, (e) => {
        stop();
        const error = outcome(e);
        if (error !== null) reject(error);
        else resolve({ log: e.log, epoch: e.epoch, version: e.versions[0] as number, position: e.position });
      });
      this.#note(v.object);
      this.#pump();
    });
  }

  #note(object: string): void {
    const s = this.#replicas.get(object);
    if (s !== undefined) s.moved = true;
  }

  /** A session is open. */
  attach(session: Session): void {
    if (this.#session !== null) this.#core.lost();
    if (!this.#closed) this.#over = null;
    this.#session = session;
    this.#full = false;
    this.#core.connect(session.client);
    this.#pump();
  }

  /** A frame has come. */
  receive(session: Session, frame: Frame): void {
    if (this.#session !== session) return;
    try {
      this.#core.receive(frame.kind, frame.stream, frame.body);
    } finally {
      this.#pump();
    }
  }

  /** A session has ended. */
  detach(session: Session): void {
    if (this.#session !== session) return;
    this.#session = null;
    this.#core.lost();
    this.#pump();
  }

  /**
   * No session will come any more, until one is attached after all: ends what waits for one. What may have been sent has an
   * unknown outcome.
   */
  finish(error: TrefoilError): void {
    this.#over ??= error;
    this.#stopRetry();
    this.#settleAll(error);
    for (const s of [...this.#replicas.values()]) {
      if (!s.ready) {
        this.#core.close(s.name);
        this.#end(s, error);
      }
    }
    this.#pump();
  }

  /** See Client.close. */
  close(): void {
    const error = fault(Code.Unavailable, Reason.Closed, "the client is closed");
    this.#over ??= error;
    this.#closed = true;
    this.#stopRetry();
    this.#settleAll(error);
    for (const s of [...this.#replicas.values()]) {
      this.#end(s, error);
      this.#core.close(s.name);
    }
    this.#pump();
  }

  /** Ends the wait for all answers: what was never sent is taken back, anything else is unknown. */
  #settleAll(error: TrefoilError): void {
    // The last first: what depends on another must not be refused because that one went.
    for (const sequence of [...this.#waiting.keys()].sort((a, b) => b - a)) {
      const back = this.#core.withdraw(sequence);
      this.#waiting.get(sequence)?.({
        kind: "settled", sequence, objects: [], log: "", epoch: "", position: 0, versions: [], conflicts: [], error: back ? error : maybeDone(error),
      });
    }
    for (const s of this.#replicas.values()) s.moved = true;
  }

  #stopRetry(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
  }

  /** There is no such object any more. */
  #end(s: Shared, error: TrefoilError): void {
    this.#replicas.delete(s.name);
    s.settle(error);
    for (const h of [...s.handles]) h.end(error);
  }

  /**
   * Tells what has happened and sends what there is to send. Whoever gave the core an input calls this. Users may call
   * everything from what is called here: the pump that runs already goes on with it.
   */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      do this.#deliver();
      while (this.#sendOne());
    } finally {
      this.#pumping = false;
    }
    if (this.#core.waiting && this.#retry === null && this.#over === null) {
      this.#retry = setTimeout(() => {
        this.#retry = null;
        this.#core.again();
        this.#pump();
      }, RETRY_REFUSED);
    }
  }

  /** Sends the next frame, if there is one, and says whether to go on. */
  #sendOne(): boolean {
    const session = this.#session;
    const frame = session === null || this.#full ? null : this.#core.next();
    if (session === null || frame === null) return false;
    try {
      session.trySend(frame);
    } catch (e) {
      return this.#unsent(session, TrefoilError.from(e));
    }
    this.#core.sent();
    return true;
  }

  #unsent(session: Session, error: TrefoilError): boolean {
    if (error.is("transport.full")) {
      this.#full = true;
      session.afterDrain(() => {
        if (this.#session !== session) return;
        this.#full = false;
        this.#pump();
      });
      return false;
    }
    if (error.is("transport.closed")) return false; // its close comes
    this.#core.unsendable(
      error.is("transport.frame_too_large") ? fault(Code.ResourceExhausted, Reason.TooLarge, "the server accepts no frame that large") : error,
    );
    return true;
  }

  /** Passes on the core's events, and then tells the objects that something may be new. */
  #deliver(): void {
    for (let again = true; again; ) {
      again = false;
      for (let events = this.#core.takeEvents(); events.length > 0; events = this.#core.takeEvents()) {
        for (const e of events) this.#tell(e);
      }
      for (const s of [...this.#replicas.values()]) {
        if (!s.moved) continue;
        s.moved = false;
        again = true;
        for (const h of [...s.handles]) h.moved();
      }
    }
  }

  #tell(e: Event): void {
    if (e.kind === "settled") {
      for (const object of e.objects) this.#note(object);
      this.#waiting.get(e.sequence)?.(e);
      return;
    }
    const s = this.#replicas.get(e.object);
    if (s === undefined) return; // closed meanwhile
    s.refresh();
    switch (e.kind) {
      case "opened":
        s.settle(null);
        break;
      case "refused":
      case "ended":
        this.#end(s, e.error);
        break;
      case "changed":
        for (const h of [...s.handles]) h.changed(e);
        break;
    }
  }
}

/** What a settled event means to the one that waits; null is a commit. */
function outcome(e: Settled): TrefoilError | null {
  return e.error !== null && e.error.is(Reason.Conflict) && !e.error.unknown ? conflict(e.conflicts) : e.error;
}
