import { decode, encode } from "../codec/index.ts";
import type { Value } from "../codec/value.ts";
import { after } from "../internal/after.ts";
import type { Body } from "../internal/body.ts";
import { fits } from "../internal/body.ts";
import { maxName } from "../internal/limits.ts";
import { Code, TrefoilError } from "../status.ts";
import { badRequest, badResult, busy, canceled, deadlineExceeded, maybeDone, metadataLimits, outOfPlace, tooLarge, unknownMethod } from "./errors.ts";
import type { Link } from "./link.ts";
import type { Metadata } from "./metadata.ts";
import { validMetadata } from "./metadata.ts";
import type { Item } from "../internal/outbox.ts";
import type { OutFrame } from "./wire.ts";
import { errorFrame, flagNotify, maxTimeout, resultFrame } from "./wire.ts";

/** What a handler knows of the call that it serves. */
export interface CallInfo {
  /** The method's name. */
  readonly procedure: string;
  /** Aborted, with a {@link TrefoilError} as reason, when the caller cancels, its deadline passes, or the session ends. */
  readonly signal: AbortSignal;
  /** When the deadline passes, by `performance.now()`; null if there is none. */
  readonly deadline: number | null;
  /** What came with the call; null if nothing did. */
  readonly metadata: Metadata | null;
  /** No answer is wanted. */
  readonly notify: boolean;
  /** The session on which the call came: 32 hex digits. */
  readonly session: string;
  /** Adds an entry to what goes with the answer. Throws invalid_argument beyond the limits of {@link Metadata}. */
  setMetadata(key: string, value: string): void;
}

/** A handler, its types erased. */
export interface Handler {
  readonly procedure: string;
  input(value: Value): unknown;
  run(input: unknown, call: CallInfo): unknown;
}

/** One call that is served. */
class InCall implements CallInfo {
  readonly id: number;
  readonly handler: Handler;
  readonly deadline: number | null;
  readonly metadata: Metadata | null;
  readonly notify: boolean;
  readonly session: string;
  readonly payload: Value;
  reply: Record<string, string> | null = null;
  readonly #abort = new AbortController();
  readonly #stop: (() => void) | null;

  constructor(id: number, handler: Handler, session: string, payload: Value, timeout: number, notify: boolean, metadata: Metadata | null) {
    this.id = id;
    this.handler = handler;
    this.session = session;
    this.payload = payload;
    this.notify = notify;
    this.metadata = metadata;
    this.deadline = timeout > 0 ? performance.now() + timeout : null;
    this.#stop = timeout > 0 ? after(timeout, () => this.cancel(deadlineExceeded(false))) : null;
  }

  get procedure(): string {
    return this.handler.procedure;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Tells the handler to stop; the first reason counts. */
  cancel(err: TrefoilError): void {
    this.#stop?.();
    this.#abort.abort(err);
  }

  /** The handler has returned. */
  end(): void {
    this.#stop?.();
  }

  setMetadata(key: string, value: string): void {
    const reply = { ...this.reply, [key]: value };
    if (!validMetadata(reply)) throw new TrefoilError(Code.InvalidArgument, "", metadataLimits);
    this.reply = reply;
  }
}

/** The calls of one session that are served. */
export class Inbound {
  readonly #link: Link;
  readonly #calls = new Map<number, InCall>();
  #answering = 0; // answers that wait for room
  #closed = false;

  constructor(link: Link) {
    this.#link = link;
  }

  /** Takes a call in, or refuses it. */
  receive(id: number, body: Body): void {
    const procedure = body.text();
    const timeout = body.int();
    const flags = body.bits();
    const metadata = body.texts();
    const payload = body.value();
    if (timeout < 0) throw body.malformed();
    if (this.#calls.has(id)) throw outOfPlace(`call id ${id} is in use`);
    const notify = (flags & flagNotify) !== 0;
    const handler = this.#link.peer.handler(procedure);
    const refusal = this.#refusal(handler, metadata);
    if (!handler || refusal) {
      if (refusal && !notify) this.#link.refuse(id, refusal);
      return;
    }
    const call = new InCall(id, handler, this.#link.session.id, payload, Math.min(timeout, maxTimeout), notify, metadata);
    this.#calls.set(id, call);
    // Not at once: a handler's throw must not reach the connection, and a cancel right behind must still be in time.
    queueMicrotask(() => void this.#serve(call));
  }

  /** Tells the handler; what is not open is ignored. */
  cancel(id: number): void {
    this.#calls.get(id)?.cancel(canceled());
  }

  /** The session has ended: handlers are told, and those that have not begun never will. */
  close(err: TrefoilError): void {
    this.#closed = true;
    for (const call of this.#calls.values()) call.cancel(err);
    this.#calls.clear();
  }

  #refusal(handler: Handler | undefined, metadata: Metadata | null): TrefoilError | null {
    const max = this.#link.peer.maxConcurrent;
    if (!handler) return unknownMethod();
    if (metadata && !validMetadata(metadata)) return badRequest(metadataLimits);
    // A call makes place before its answer is sent; so answers that wait are bounded apart, by as many again.
    return this.#calls.size >= max || this.#calls.size + this.#answering >= 2 * max ? busy() : null;
  }

  async #serve(call: InCall): Promise<void> {
    if (this.#closed) return;
    let error: TrefoilError | null = null;
    let result: unknown = null;
    if (call.signal.aborted) {
      error = TrefoilError.from(call.signal.reason);
    } else {
      try {
        result = await this.#run(call);
      } catch (err) {
        error = this.#failed(call, err);
      }
    }
    call.end();
    this.#calls.delete(call.id);
    if (!call.notify && !this.#closed) this.#answer(call, result, error);
  }

  async #run(call: InCall): Promise<unknown> {
    let input: unknown;
    try {
      input = call.handler.input(call.payload);
    } catch (err) {
      throw badRequest("the input does not fit", err);
    }
    return call.handler.run(input, call);
  }

  /** The error that travels; of what has no code of its own only the program here hears. */
  #failed(call: InCall, err: unknown): TrefoilError {
    const error = TrefoilError.from(err);
    const brokeOff = error.code === Code.Canceled || error.code === Code.DeadlineExceeded;
    if (!brokeOff && (call.notify || error !== err)) this.#link.peer.report(err, call.procedure);
    return brokeOff ? maybeDone(error) : error;
  }

  #answer(call: InCall, result: unknown, error: TrefoilError | null): void {
    const { id, reply } = call;
    let frame = error ? errorFrame(id, error, reply) : resultFrame(id, result === undefined ? null : result, reply);
    this.#send({
      frame: () => frame,
      // The program may change what it has returned.
      hold: () => (frame = decode(encode(frame)) as OutFrame),
      done: (why) => {
        if (why?.is("transport.frame_too_large")) this.#replace(id, error ? shortened(error) : tooLarge("result", true));
        else if (why && why.code !== Code.Unavailable) this.#replace(id, badResult("the result is no value")); // also if reading it threw
      },
    });
  }

  /** An answer in place of one that cannot be sent. */
  #replace(id: number, error: TrefoilError): void {
    this.#send({ frame: () => errorFrame(id, error), done: () => {} });
  }

  #send(item: Item): void {
    this.#answering++;
    const done = (why: TrefoilError | null): void => {
      this.#answering--;
      item.done(why);
    };
    this.#link.outbox.send({ ...item, done });
  }
}

/** An error that has more to say than the caller accepts. */
function shortened(err: TrefoilError): TrefoilError {
  const reason = fits(err.reason, maxName) ? err.reason : "";
  return new TrefoilError(err.code, reason, "the error has more to say than the caller accepts", { unknown: err.unknown });
}
