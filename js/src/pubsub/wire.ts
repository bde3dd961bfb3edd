import { TrefoilError } from "../status.ts";
import type { OutFrame } from "./frames.ts";
import { subscribeFrame, unsubscribeFrame } from "./frames.ts";
import type { MemberFeed } from "./member_feed.ts";
import { Cause } from "./message.ts";
import type { Gap, Position, SubscriptionEvent } from "./message.ts";
import type { Subscription } from "./subscription.ts";

/** Where a wire stands on the present session. */
export type WireState =
  | "unsent" // subscribe was not sent
  | "asked" // no answer yet
  | "replaying" // history comes; what is live is not for this one yet
  | "live";

/** How a subscription begins. */
export interface Begin {
  readonly from: Position | null;
  readonly last: number;
}

const nowhere: Position = { log: "", epoch: "", offset: 0 };

/** The most publications that `last` asks for. */
export const maxLast = 2 ** 31 - 1;

/**
 * One subscription as the server knows it. Several subscriptions of the program to one filter share it if they want nothing but what
 * comes from now on.
 */
export class Wire {
  readonly filter: string;
  readonly id: number;
  readonly begin: Begin;
  /** Set if it wants members instead of publications. */
  readonly watch: MemberFeed | null;
  readonly sinks = new Set<Subscription<unknown>>();
  state: WireState = "unsent";
  /** It has been answered on some session. */
  started = false;
  /** What was seen; "" and 0 without history. */
  at: Position = nowhere;
  /**
   * The position that was asked for, where the answer was of another log or epoch and the gap that tells so has not come yet. Should the connection be lost
   * before it does, this is asked for again: otherwise nobody would ever be told.
   */
  #asked: Position | null = null;

  constructor(filter: string, id: number, begin: Begin, watch: MemberFeed | null) {
    this.filter = filter;
    this.id = id;
    this.begin = begin;
    this.watch = watch;
  }

  /** Whether a subscription to what comes from now on can join. */
  get joinable(): boolean {
    return !this.watch && (this.state === "live" || (!this.started && !this.begin.from && this.begin.last === 0));
  }

  subscribeFrame(): OutFrame {
    return subscribeFrame(this.filter, this.id, this.#options());
  }

  unsubscribeFrame(): OutFrame {
    return unsubscribeFrame(this.filter, this.id);
  }

  #options(): Record<string, unknown> | null {
    if (this.watch) return { members: true };
    const { from, last } = this.begin;
    const at = this.#resumePoint();
    if (at.epoch !== "") return { log: at.log, epoch: at.epoch, offset: at.offset };
    if (this.started) return null;
    if (from) return { last: maxLast }; // the zero position: from the oldest on
    return last > 0 ? { last } : null;
  }

  #resumePoint(): Position {
    if (this.started) return this.#asked ?? this.at;
    return this.begin.from ?? nowhere;
  }

  /** Takes the server's answer. */
  subscribed(at: Position, replay: boolean): void {
    if (this.state !== "asked") return;
    const asked = this.#resumePoint();
    this.#asked = null;
    if (this.watch) {
      // members have no position
    } else if (at.log === "") {
      if (this.started || asked.offset > 0) this.gap({ topic: null, epoch: null, after: 0, to: 0, count: null, cause: Cause.Reconnected });
    } else if (asked.epoch !== "" && (asked.epoch !== at.epoch || asked.log !== at.log)) {
      this.#asked = asked;
    } else if (asked.epoch !== "") {
      at = { ...at, offset: Math.max(at.offset, asked.offset) };
    }
    this.at = at;
    this.state = replay ? "replaying" : "live";
    this.started = true;
    this.watch?.answered();
    for (const sink of this.sinks) sink.answered();
  }

  /** Moves the position: what was to be told about the way there was told. */
  move(at: Position): void {
    this.at = at;
    this.#asked = null;
  }

  /**
   * Moves the position to offset, and tells what was left out on the way if prev says so. False if it was seen already.
   */
  advance(topic: string, offset: number, prev: number): boolean {
    if (offset <= this.at.offset) return false;
    if (prev > this.at.offset) {
      this.gap({ topic, epoch: this.at.epoch, after: this.at.offset, to: prev, count: null, cause: Cause.HistoryLost });
    }
    this.move({ log: this.at.log, epoch: this.at.epoch, offset });
    return true;
  }

  /** The subscription was refused or taken away, or the client was closed. It is no longer among the client's wires. */
  finish(err: TrefoilError): void {
    this.watch?.end(err);
    for (const sink of [...this.sinks]) sink.end(err);
  }

  push(event: SubscriptionEvent): void {
    for (const sink of this.sinks) sink.push(event);
  }

  gap(gap: Omit<Gap, "type" | "filter">): void {
    this.push(Object.freeze({ type: "gap", filter: this.filter, ...gap, epoch: gap.epoch === "" ? null : gap.epoch }));
  }
}
