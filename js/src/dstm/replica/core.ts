import type { Value } from "../../codec/value.ts";
import type { TrefoilError } from "../../status.ts";
import type { Transaction } from "../txn/txn.ts";
import { checkReady, doubt, find, findJournal, isLevel } from "./journal.ts";
import { forget, newReplica, stateOf } from "./object.ts";
import { ask } from "./open.ts";
import { abort, forgetQuestion, inquire } from "./past.ts";
import { receive } from "./receive.ts";
import { hold, release, restore, stored, unstored } from "./restore.ts";
import { next, sent, unsendable } from "./send.ts";
import { drop } from "./settle.ts";
import { done } from "./show.ts";
import { submit, type Submitted } from "./submit.ts";
import type { Context, Errand, Event, Held, Journal, OwnCommit, Question, Recorded, Replica, State, Submission } from "./types.ts";

/**
 * A client's side of dstm as a pure state machine: the objects that it has open, its own transactions that are not yet
 * answered, and what both look like together. It knows no clock, timer, randomness or network: inputs are method calls, outputs are
 * frames ({@link Core.next}) and events ({@link Core.takeEvents}), and equal inputs give equal outputs.
 *
 * What the user sees of an object is its confirmed root with the layers of predicted writes above it. Taking a prediction
 * back drops its layer; nothing is ever inverted.
 */
export class Core implements Context {
  client = "";
  connected = false;
  queued = 0;
  request = 0;
  ceiling = Infinity;
  maxGrown = 256 << 20; // far above any object, but not what a faulty server could send
  readonly objects = new Map<string, Replica>();
  order: Replica[] = [];
  journals: Journal[] = [];
  requests: Errand[] = [];
  touched: Replica[] = [];
  events: Event[] = [];
  questions: Question[] = [];
  own: OwnCommit[] = [];

  /** Numbers its transactions from sequence + 1 and holds at most limit unanswered ones. */
  constructor(
    public sequence: number,
    readonly limit: number,
  ) {}

  /** What happened since the last call. */
  takeEvents(): Event[] {
    const events = this.events;
    this.events = [];
    return events;
  }

  /** A session is open in which the client has this id. All objects are opened again, with what they hold as resume points. */
  connect(client: string): void {
    if (this.client !== "" && this.client !== client) {
      // The server would not recognise what another client sent before: sent again, it could take effect twice.
      for (const j of [...this.journals]) doubt(this, j, (p) => p.sent);
    }
    this.client = client;
    this.connected = true;
    for (const o of this.order) {
      o.returning = o.log !== null;
      ask(this, o);
    }
    for (const j of this.journals) {
      j.level = false;
      checkReady(this, j);
    }
    done(this);
  }

  /** The session has ended. What objects hold stays. */
  lost(): void {
    for (const j of this.journals) j.level = isLevel(this, j);
    this.connected = false;
    this.requests = [];
    abort(this);
    for (const o of this.order) {
      o.phase = "offline";
      o.returning = false;
      o.growing = null;
    }
    for (const j of this.journals) {
      j.ready = false;
      j.flying = 0;
      for (const p of j.queue) p.flying = p.parked = false;
    }
    done(this);
  }

  /**
   * Begins to open an object, unless it is open or on its way already: an event follows. For the first user of an object. What was kept of it makes
   * that event come at once.
   */
  open(name: string, held: Held | null = null): void {
    if (this.objects.has(name)) return;
    const o = newReplica(name);
    this.objects.set(name, o);
    this.order.push(o);
    if (held !== null) hold(this, o, held);
    if (this.connected) ask(this, o);
    done(this);
  }

  /**
   * Ends the use of an object, for its last user. Its transactions go on. A later open keeps its place behind this: opens and
   * closes travel in one stream.
   */
  close(name: string): void {
    const o = this.objects.get(name);
    if (o === undefined) return;
    // What was opened again because it did not fit is open at the server even if the new opening was not sent.
    const there = this.connected && (o.phase === "open" || (o.phase === "opening" && (o.asked || o.mistaken)));
    forget(this, o);
    if (there) this.requests.push({ name });
    done(this);
  }

  /** Asks once more for the objects that the server had no time for. */
  again(): void {
    for (const o of this.order) {
      if (this.connected && o.phase === "offline") ask(this, o);
    }
  }

  /** Whether there is an object for {@link Core.again}. */
  get waiting(): boolean {
    return this.connected && this.order.some((o) => o.phase === "offline");
  }

  /** What is seen of an object, undefined before its first opening. */
  state(name: string): State | undefined {
    return stateOf(this, name);
  }

  /** Whether the states of the log's objects are all of one position, so that one transaction or view may span them. */
  level(log: string): boolean {
    const j = findJournal(this, log);
    return j !== undefined && isLevel(this, j);
  }

  /** Whether what is seen of the object is not about to be replaced by a state that is on its way; a `level` event follows that. */
  whole(name: string): boolean {
    const o = this.objects.get(name);
    return o === undefined || !this.connected || (o.growing === null && !(o.phase === "opening" && o.mistaken));
  }

  /** Asks for the revisions of an object behind version from up to version to (0: the present one); events tell. */
  history(object: string, from: number, to: number): number {
    return inquire(this, object, from, to);
  }

  /** Asks for the state of an object at a version; an event tells it, or why not. */
  at(object: string, version: number): number {
    return inquire(this, object, null, version);
  }

  /** Nobody waits for the answer to a request any more: no event about it follows. */
  forget(request: number): void {
    forgetQuestion(this, request);
  }

  /** How many own transactions that name the object are not answered. */
  unanswered(name: string): number {
    const queue = this.objects.get(name)?.log?.queue ?? [];
    return queue.filter((p) => !p.answered && p.parts.some((part) => part.object === name)).length;
  }

  /**
   * Takes a transaction of open objects of one log, gives it its sequence and shows its writes. It is sent as soon as
   * possible, and an event `settled` tells its outcome. `after` holds sequences of State.pending, and seen is the last sequence
   * there was. The transaction belongs to the core from now on.
   *
   * What can no longer commit because of what happened since the state that the transaction was made on is refused at
   * once: with conflict, and the path because of which, or with depends.
   *
   * A durable one is not sent before {@link Core.stored}, and settled does not reach it before {@link Core.release}.
   */
  submit(t: Transaction, seen: number, durable = false): Submitted {
    return submit(this, t, seen, durable);
  }

  /**
   * Takes up a durable transaction of an earlier process. Those of one log come ascending, after what was kept of their objects, and before anything is submitted.
   */
  restore(r: Recorded): void {
    restore(this, r);
  }

  /** The durable transactions that would be sent next if their records said that they may have been sent. */
  unstored(): Submission[] {
    return unstored(this);
  }

  /** The record of a durable transaction says now that it may have been sent. */
  stored(sequence: number): void {
    stored(this, sequence);
  }

  /** The end of a durable transaction is stored: the server may forget it. */
  release(log: string, sequence: number): void {
    release(this, log, sequence);
  }

  /** The transaction with this sequence, as long as it is in a queue. */
  submission(sequence: number): Submission | undefined {
    for (const j of this.journals) {
      const p = find(j, sequence);
      if (p !== undefined) return p;
    }
    return undefined;
  }

  /**
   * Takes a transaction back that was never sent, and says whether it was such a one. No event follows then; otherwise the outcome
   * comes as if nothing had been asked.
   */
  withdraw(sequence: number): boolean {
    for (const j of this.journals) {
      const p = find(j, sequence);
      if (p !== undefined && !p.sent) {
        drop(this, p);
        done(this);
        return true;
      }
    }
    return false;
  }

  /**
   * The frame to send next, null if there is none now. It stays the next until {@link Core.sent} or {@link Core.unsendable}
   * says what became of it, with no other input between.
   */
  next(): unknown[] | null {
    return next(this);
  }

  /** The frame of next was given to the session, so that it may arrive. */
  sent(): void {
    sent(this);
  }

  /** The server would not accept the frame of next, whatever the time. */
  unsendable(error: TrefoilError): void {
    unsendable(this, error);
  }

  /**
   * Takes one frame of the server, and keeps nothing of it. Throws if the frame is none of PROTOCOL.md; the session should
   * end then. Frames about objects and transactions that are not open are ignored.
   */
  receive(kind: number, stream: number | bigint | string, body: readonly Value[]): void {
    receive(this, kind, stream, body);
  }
}
