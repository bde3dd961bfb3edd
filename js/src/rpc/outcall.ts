import { decode, encode } from "../codec/index.ts";
import type { Value } from "../codec/value.ts";
import { aborted } from "../internal/aborted.ts";
import { after } from "../internal/after.ts";
import { Code } from "../status.ts";
import type { TrefoilError } from "../status.ts";
import { badRequest, connectionLost, deadlineExceeded, notConnected, tooLarge } from "./errors.ts";
import type { Link } from "./link.ts";
import type { Metadata } from "./metadata.ts";
import type { CallOptions } from "./method.ts";
import type { Item } from "../internal/outbox.ts";
import type { Peer } from "./peer.ts";
import { callFrame, maxTimeout } from "./wire.ts";

/** What a callee said: a result, or its error. */
export interface Answer {
  readonly payload: Value;
  readonly metadata: Metadata | null;
  readonly error: TrefoilError | null;
}

/** Where a call stands. `waiting`: for a session. `queued`: for room on `link`. */
type State = "waiting" | "queued" | "sent" | "settled";

/** One call that was made, from the program's asking to its settling, over as many sessions as it waits for. */
export class OutCall implements Item {
  readonly peer: Peer;
  readonly procedure: string;
  readonly notify: boolean;
  readonly wait: boolean;
  /** The call's id on `link`. */
  id = 0;
  #payload: unknown;
  readonly #metadata: Metadata | undefined;
  readonly #deadline: number; // of performance.now(), Infinity if none
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (err: TrefoilError) => void;
  #state: State = "waiting";
  #link: Link | null = null;
  #cleanup: (() => void)[] = [];

  constructor(
    peer: Peer, procedure: string, payload: unknown, options: CallOptions, notify: boolean,
    resolve: (answer: Answer) => void, reject: (err: TrefoilError) => void,
  ) {
    this.peer = peer;
    this.procedure = procedure;
    this.notify = notify;
    this.wait = options.waitReady === true;
    this.#payload = payload === undefined ? null : payload;
    this.#metadata = options.metadata;
    this.#resolve = resolve;
    this.#reject = reject;
    const { signal, timeout } = options;
    this.#deadline = timeout === undefined ? Infinity : performance.now() + timeout;
    if (timeout !== undefined && timeout <= maxTimeout) {
      this.#cleanup.push(after(timeout, () => this.#giveUp(deadlineExceeded(this.#state === "sent"), false)));
    }
    if (signal) {
      const abort = (): void => this.#giveUp(aborted(signal, this.#state === "sent"), true);
      signal.addEventListener("abort", abort);
      this.#cleanup.push(() => signal.removeEventListener("abort", abort));
    }
  }

  get settled(): boolean {
    return this.#state === "settled";
  }

  /** Makes the call on a session, or waits for one. */
  start(link: Link | null): void {
    if (this.settled) return;
    if (link) {
      this.#state = "queued";
      this.#link = link;
      this.id = this.peer.nextId();
      link.begin(this);
      return;
    }
    if (this.wait && this.peer.wait(this)) {
      this.#state = "waiting";
      // From here on the program may change what it gave.
      this.#guard(() => this.hold());
      return;
    }
    this.fail(notConnected());
  }

  frame(): readonly unknown[] {
    const left = this.#deadline - performance.now();
    const timeout = this.#deadline === Infinity ? 0 : Math.min(Math.max(Math.ceil(left), 1), maxTimeout);
    return callFrame(this.id, this.procedure, timeout, this.notify, this.#metadata, this.#payload);
  }

  hold(): void {
    this.#payload = decode(encode(this.#payload));
  }

  done(err: TrefoilError | null): void {
    if (err === null) {
      this.#state = "sent";
      if (this.notify) this.answer({ payload: null, metadata: null, error: null });
    } else if (err.is("transport.frame_too_large")) {
      this.fail(tooLarge("call", false, err));
    } else if (err.code === Code.Unavailable) {
      this.#link?.drop();
      this.lost(err);
    } else {
      this.fail(badRequest("the input is no value", err)); // also if reading it threw: the session is none the worse
    }
  }

  /** The session has ended. */
  lost(cause: TrefoilError): void {
    if (this.settled) return;
    const sent = this.#state === "sent";
    this.#leave();
    if (!sent && this.wait) this.start(this.peer.link);
    else this.fail(connectionLost(sent, cause));
  }

  answer(answer: Answer): void {
    if (this.#settle()) this.#resolve(answer);
  }

  fail(err: TrefoilError): void {
    if (this.#settle()) this.#reject(err);
  }

  #giveUp(err: TrefoilError, tell: boolean): void {
    const { id } = this;
    const link = this.#state === "sent" ? this.#link : null;
    this.fail(err);
    // On a deadline the callee knows by itself.
    if (tell) link?.cancel(id);
  }

  #settle(): boolean {
    if (this.settled) return false;
    this.#leave();
    this.#state = "settled";
    for (const clean of this.#cleanup) clean();
    this.#cleanup = [];
    return true;
  }

  #leave(): void {
    this.#link?.forget(this);
    this.#link = null;
    this.peer.unwait(this);
  }

  #guard(fn: () => void): void {
    try {
      fn();
    } catch (err) {
      this.fail(badRequest("the input is no value", err));
    }
  }
}
