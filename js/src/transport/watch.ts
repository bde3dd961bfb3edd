import type { Environment } from "./socket.ts";

/** How often it is looked whether a WebSocket that has bytes to send gets on. */
const least = 50;

/** What a watch sees and does. */
export interface Watched {
  /** How many bytes were given to the WebSocket in all. */
  given(): number;
  /** How many of them it has not sent yet. */
  buffered(): number;
  /** The server was not heard of for too long. */
  dead(): void;
  /** The server has not taken a byte for as long. */
  stuck(): void;
}

/** Looks whether the server is alive: one timer that is set anew when it fires, not at each message. */
export class Watch {
  readonly #env: Environment;
  readonly #on: Watched;
  #patience = 0;
  #last = 0;
  #timer: unknown = null;
  #due = 0;
  #buffered = 0;
  #drained = 0;
  #progress = 0; // when the WebSocket was last seen to get on

  constructor(env: Environment, on: Watched) {
    this.#env = env;
    this.#on = on;
  }

  /** Begins; patience in ms. */
  start(patience: number): void {
    this.#patience = patience;
    this.#last = this.#progress = this.#env.now();
    this.#set(patience);
  }

  /** Something came from the server. */
  heard(): void {
    this.#last = this.#env.now();
  }

  stop(): void {
    this.#patience = 0;
    this.#env.clearTimeout(this.#timer);
  }

  /** Judges now. */
  look(): void {
    this.#judge(false);
  }

  /** certain: messages that had come had their chance to be handled. */
  #judge(certain: boolean): void {
    if (this.#patience === 0) return;
    const now = this.#env.now();
    const buffered = this.#on.buffered();
    const drained = this.#on.given() - buffered;
    // What was empty when last seen may have been filled just now.
    if (buffered === 0 || this.#buffered === 0 || drained > this.#drained) this.#progress = now;
    this.#buffered = buffered;
    this.#drained = drained;
    const left = this.#patience - Math.max(now - this.#last, now - this.#progress);
    if (left > 0) return this.#set(buffered > 0 ? Math.min(left, this.#patience / 4) : left);
    // After a sleep, or long work of the page, the timer may come before messages that have been there for long.
    if (!certain) return this.#set(0, true);
    if (now - this.#last >= this.#patience) this.#on.dead();
    else this.#on.stuck();
  }

  #set(ms: number, certain = false): void {
    this.#env.clearTimeout(this.#timer);
    this.#due = certain ? least : Math.max(ms, least);
    this.#timer = this.#env.setTimeout(() => this.#judge(certain), this.#due);
  }
}
