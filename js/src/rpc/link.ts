import { Body } from "../internal/body.ts";
import { TrefoilError } from "../status.ts";
import type { Frame, Receiver } from "../transport/pattern.ts";
import type { Session } from "../transport/session.ts";
import { badResult, metadataLimits, outOfPlace } from "./errors.ts";
import { validMetadata } from "./metadata.ts";
import type { OutCall } from "./outcall.ts";
import { Outbox } from "../internal/outbox.ts";
import type { Peer } from "./peer.ts";
import { Inbound } from "./serve.ts";
import { Kind, cancelFrame, errorFrame } from "./wire.ts";

/** How many short frames may wait for room: refusals and cancels. */
const maxNotes = 1024;
/** Close code for a peer that does not read what it is sent. */
const slowConsumer = 4002;

/** A peer's end of one session. */
export class Link implements Receiver {
  readonly peer: Peer;
  readonly session: Session;
  readonly outbox: Outbox;
  readonly #calls = new Map<number, OutCall>();
  readonly #inbound: Inbound;
  #notes = 0;
  #closed = false;

  constructor(peer: Peer, session: Session) {
    this.peer = peer;
    this.session = session;
    this.outbox = new Outbox(session);
    this.#inbound = new Inbound(this);
  }

  receive(frame: Frame): void {
    const body = new Body(frame.body, "rpc");
    const id = frame.stream;
    if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 1) throw body.malformed();
    switch (frame.kind) {
      case Kind.call:
        return this.#inbound.receive(id, body);
      case Kind.result:
        return this.#receiveResult(id, body);
      case Kind.error:
        return this.#receiveError(id, body);
      case Kind.cancel:
        return this.#inbound.cancel(id);
    }
    // Also the kinds reserved for streams: we announce no feature that allows them.
    throw outOfPlace(`unknown kind ${frame.kind}`);
  }

  close(err: TrefoilError): void {
    if (this.#closed) return;
    this.#closed = true;
    this.peer.drop(this);
    this.outbox.clear();
    for (const call of [...this.#calls.values()]) call.lost(err);
    this.#calls.clear();
    this.#inbound.close(err);
  }

  /** Sends a call, now or when there is room. */
  begin(call: OutCall): void {
    this.#calls.set(call.id, call);
    this.outbox.send(call);
  }

  /** The session takes no more: calls that wait for one must not find it again. */
  drop(): void {
    this.peer.drop(this);
  }

  /** Takes a call off this session. */
  forget(call: OutCall): void {
    if (this.#calls.get(call.id) === call) this.#calls.delete(call.id);
    this.outbox.remove(call);
  }

  /** Tells the callee that nobody waits any more. */
  cancel(id: number): void {
    if (this.#notes < maxNotes) this.#note(() => cancelFrame(id));
  }

  /** Refuses a call. A peer that lets too many refusals pile up does not read them: its session ends. */
  refuse(id: number, err: TrefoilError): void {
    if (this.#notes < maxNotes) this.#note(() => errorFrame(id, err));
    else this.session.close(slowConsumer, "too many answers wait to be read");
  }

  #note(frame: () => readonly unknown[]): void {
    this.#notes++;
    this.outbox.send({ frame, done: () => this.#notes-- });
  }

  #receiveResult(id: number, body: Body): void {
    const payload = body.value();
    const metadata = body.texts();
    const over = metadata !== null && !validMetadata(metadata);
    const error = over ? badResult(`the answer's ${metadataLimits.slice(4)}`) : null;
    // Unknown ids: the caller gave up, or it is a second answer.
    this.#calls.get(id)?.answer({ payload, metadata: over ? null : metadata, error });
  }

  #receiveError(id: number, body: Body): void {
    const error = body.error();
    const metadata = body.texts();
    const over = metadata !== null && !validMetadata(metadata);
    this.#calls.get(id)?.answer({ payload: null, metadata: over ? null : metadata, error });
  }
}
