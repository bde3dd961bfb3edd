import { Code, TrefoilError } from "../status.ts";
import type { Frame } from "../transport/pattern.ts";
import type { Session } from "../transport/session.ts";
import { aborted, fault, invalid, Reason } from "./errors.ts";
import { SharedObject } from "./object.ts";
import { Offline, type OfflineOptions } from "./offline/offline.ts";
import { Past } from "./past.ts";
import { validName } from "./path.ts";
import { Core } from "./replica/core.ts";
import type { Event } from "./replica/types.ts";
import { Shared } from "./shared.ts";
import { Submissions } from "./submissions.ts";

/** After what time an object is asked for again that the server had no room or no store for, in ms. */
const RETRY_REFUSED = 1000;

/** The replicas of one client, the pure core that keeps them, and the session that connects it. */
export class Hub {
  readonly past: Past;
  readonly submissions: Submissions;
  /** What outlives the page, null if nothing was asked for that does. */
  readonly offline: Offline | null;
  readonly #core: Core;
  readonly #replicas = new Map<string, Shared>();
  #session: Session | null = null;
  /** The session's queue is; pump goes on when it has drained. */
  #full = false;
  #pumping = false;
  #retry: ReturnType<typeof setTimeout> | null = null;
  /** Why nothing can be opened any more. */
  #over: TrefoilError | null = null;
  #closed = false;

  constructor(start: number, limit: number, offline: OfflineOptions | null) {
    this.#core = new Core(start, limit);
    this.past = new Past(this.#core, () => this.#pump(), () => this.#over);
    this.submissions = new Submissions(this.#core, (object) => this.#note(object), () => this.#pump(), () => this.#over);
    this.offline = offline && new Offline(this, this.#core, offline, limit);
    this.offline?.load();
  }

  /** See Client.open. */
  open(name: string, signal: AbortSignal | undefined): Promise<SharedObject> {
    return new Promise((resolve, reject) => {
      if (!validName(name)) throw invalid("no name for an object: 1 to 255 bytes of UTF-8 without control characters");
      if (this.#over !== null && (this.#closed || !this.#kept(name))) throw this.#over;
      if (signal?.aborted === true) throw aborted(signal);
      const s = this.#share(name);
      s.users++;
      if (this.#over !== null && this.#core.state(name) === undefined) { // what is kept cannot be read
        this.release(s);
        throw this.#over;
      }
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

  /** Whether there is a state of an object without a connection. */
  #kept(name: string): boolean {
    return this.#replicas.has(name) || this.offline?.cache?.holds(name) === true;
  }

  /** The replica of an object, opened if need be. */
  #share(name: string): Shared {
    const known = this.#replicas.get(name);
    if (known !== undefined) return known;
    const s = new Shared(this.#core, name, this.offline);
    this.#replicas.set(name, s);
    this.#core.open(name, this.offline?.cache?.take(name) ?? null);
    return s;
  }

  /** Keeps an object open without a handle. */
  hold(name: string): Shared {
    const s = this.#share(name);
    s.users++;
    return s;
  }

  /** Something about objects has happened that the core does not know. */
  moved(names: readonly string[]): void {
    for (const name of names) this.#note(name);
    this.#pump();
  }

  /** Tells what has happened and sends what there is to send. */
  pump(): void {
    this.#pump();
  }

  /** Takes one user away; with the last one the object is closed. */
  release(s: Shared): void {
    s.users--;
    if (s.users > 0 || this.#replicas.get(s.name) !== s) return;
    this.offline?.closing(s.name);
    this.#replicas.delete(s.name);
    this.#core.close(s.name);
    this.#pump();
  }

  /** Why no session will come any more, null as long as one may. */
  get over(): TrefoilError | null {
    return this.#over;
  }

  /** Whether the states of the log's objects are all of one position. */
  level(log: string): boolean {
    return this.#core.level(log);
  }

  /** See Core.whole. */
  whole(object: string): boolean {
    return this.#core.whole(object);
  }

  #note(object: string): void {
    const s = this.#replicas.get(object);
    if (s !== undefined) s.moved = true;
  }

  /** A session is open. */
  attach(session: Session): void {
    this.offline?.check(session.client);
    if (this.#session !== null) this.#core.lost();
    if (!this.#closed) {
      this.#over = null;
      this.offline?.reopen();
    }
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
    for (const s of this.#replicas.values()) s.moved = true; // what was on its way comes no more
    this.#pump();
  }

  /**
   * No session will come any more, until one is attached after all: ends what waits for one. What may have been sent has an
   * unknown outcome.
   */
  finish(error: TrefoilError): void {
    this.#over ??= error;
    this.#stopRetry();
    this.offline?.close(error);
    this.submissions.close(error);
    for (const s of this.#replicas.values()) s.moved = true;
    this.past.close(error);
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
    this.offline?.close(error);
    this.submissions.close(error);
    for (const s of this.#replicas.values()) s.moved = true;
    this.past.close(error);
    for (const s of [...this.#replicas.values()]) {
      this.#end(s, error);
      this.#core.close(s.name);
    }
    this.#pump();
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
    this.offline?.ended(s.name, error);
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
      if (this.offline?.turn() === true) again = true;
    }
  }

  #tell(e: Event): void {
    this.offline?.tell(e);
    if (e.kind === "entered") return;
    if (e.kind === "settled") {
      for (const object of e.objects) this.#note(object);
      if (this.offline?.queue.settled(e) !== true) this.submissions.settled(e);
      return;
    }
    if (e.kind === "level") {
      for (const s of this.#replicas.values()) s.moved = true;
      return;
    }
    if (e.kind === "revision" || e.kind === "state" || e.kind === "done") {
      this.past.tell(e);
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
