import { decode, encode } from "../codec/index.ts";
import { aborted } from "../internal/aborted.ts";
import type { Item } from "../internal/outbox.ts";
import type { TrefoilError } from "../status.ts";
import { connectionLost, notConnected, unsent } from "./errors.ts";
import type { OutFrame } from "./frames.ts";
import type { Link } from "./link.ts";
import type { Member, Position } from "./message.ts";

/** What came of a request. */
export interface Outcome {
  readonly position: Position | null;
  readonly members: Member[];
}

/** A publish or a query that waits for its answer. It settles once, on the session that it was sent on. */
export class Request implements Item {
  readonly id: number;
  readonly #link: Link;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #reject: (err: TrefoilError) => void;
  #frame: OutFrame;
  #sent = false;
  #settled = false;
  #detach: (() => void) | null = null;

  constructor(
    id: number, frame: OutFrame, link: Link, signal: AbortSignal | undefined,
    resolve: (outcome: Outcome) => void, reject: (err: TrefoilError) => void,
  ) {
    this.id = id;
    this.#frame = frame;
    this.#link = link;
    this.#resolve = resolve;
    this.#reject = reject;
    if (!signal) return;
    const abort = (): void => this.fail(aborted(signal, this.#sent));
    signal.addEventListener("abort", abort);
    this.#detach = () => signal.removeEventListener("abort", abort);
  }

  frame(): OutFrame {
    return this.#frame;
  }

  hold(): void {
    this.#frame = decode(encode(this.#frame)) as OutFrame;
  }

  done(err: TrefoilError | null): void {
    if (err) return this.fail(unsent(err));
    this.#sent = true;
    this.#frame = []; // its memory is not needed any more
  }

  lost(cause: TrefoilError): void {
    this.fail(this.#sent ? connectionLost(cause) : notConnected(cause));
  }

  settle(outcome: Outcome): void {
    if (this.#finish()) this.#resolve(outcome);
  }

  fail(err: TrefoilError): void {
    if (this.#finish()) this.#reject(err);
  }

  #finish(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#detach?.();
    this.#link.forget(this);
    return true;
  }
}
