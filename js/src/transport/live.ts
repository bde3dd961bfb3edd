import type { Value } from "../codec/value.ts";
import { Code, TrefoilError } from "../status.ts";
import { Chunks } from "./chunks.ts";
import { CloseCode, closeError, closeText } from "./close.ts";
import type { Codec } from "./codec.ts";
import { highWater, openingMessage } from "./limits.ts";
import type { Limits } from "./limits.ts";
import { Outbound } from "./outbound.ts";
import type { Pattern, Receiver } from "./pattern.ts";
import { refused } from "./refused.ts";
import type { Session } from "./session.ts";
import type { Environment, Socket, SocketEvent } from "./socket.ts";
import { Watch } from "./watch.ts";
import { Control, readHeader, streamKey } from "./wire.ts";
import type { Header } from "./wire.ts";
import { readWelcome } from "./handshake.ts";
import type { Welcome } from "./handshake.ts";

/** How long a session that ends waits for the server's close frame. Then the WebSocket is left to itself. */
const closeGrace = 2000;
/** How often the WebSocket is asked what it has sent while something waits for that: it has no event for it. */
const drainPoll = 20;

/** Why a session ended. Only the first counts. */
export interface Ending {
  /** The close code; 0 if the connection broke. */
  readonly code: number;
  readonly error: TrefoilError;
}

/** What a session is made of. */
export interface SessionOptions {
  readonly codec: Codec;
  readonly limits: Limits;
  readonly budget: number;
  readonly patterns: readonly Pattern[];
  readonly env: Environment;
  /** The session is open. */
  opened(session: LiveSession, welcome: Welcome): void;
  /** The server asks to come back in delay ms. */
  goaway(session: LiveSession, delay: number): void;
  /** Everything about the session has ended; called once. */
  ended(session: LiveSession, ending: Ending): void;
}

/** A WebSocket that is open, from hello on. */
export class LiveSession implements Session {
  id = "";
  client = "";
  user = "";
  readonly #socket: Socket;
  readonly #o: SessionOptions;
  #out: Outbound | null = null; // from welcome on
  readonly #chunks: Chunks;
  readonly #watch: Watch;
  #peer: Limits | null = null;
  #numbers: ReadonlyMap<string, number> = new Map();
  #features: readonly string[] = [];
  readonly #receivers = new Map<number, Receiver>();
  #ending: Ending | null = null;
  #given = 0; // bytes that the WebSocket got
  #flushing = false; // a flush is due in a microtask
  #poll: unknown = null;
  #grace: unknown = null;
  #over = false;
  #waiters: (() => void)[] = [];

  constructor(socket: Socket, options: SessionOptions) {
    this.#socket = socket;
    this.#o = options;
    this.#chunks = new Chunks(options.codec, options.limits);
    this.#watch = new Watch(options.env, {
      given: () => this.#given,
      buffered: () => this.#socket.bufferedAmount,
      dead: () => this.close(CloseCode.heartbeat, "nothing was heard for too long"),
      stuck: () => this.close(CloseCode.slowConsumer, "the server does not read"),
    });
    socket.addEventListener("message", (event) => this.#message(event.data));
    socket.addEventListener("close", (event) => this.#socketClosed(event));
  }

  get maxFrame(): number {
    return this.#peer ? Math.min(this.#peer.frame, this.#peer.partial) : openingMessage;
  }

  get error(): TrefoilError | null {
    return this.#ending?.error ?? null;
  }

  /** Sends the hello frame, before anything else. */
  greet(hello: readonly unknown[]): void {
    this.#transmit(this.#o.codec.encode(hello));
  }

  number(pattern: string): number | undefined {
    return this.#numbers.get(pattern);
  }

  feature(name: string): boolean {
    return this.#features.includes(name);
  }

  trySend(frame: readonly unknown[]): void {
    if (this.#ending || !this.#out) {
      throw new TrefoilError(Code.Unavailable, "transport.closed", "the session has ended", { cause: this.error });
    }
    const h = readHeader(frame);
    if (!h) throw new TrefoilError(Code.Internal, "transport.bad_frame", "the frame is not well-formed");
    this.#out.put(this.#o.codec.encode(frame), streamKey(h), this.#socket.bufferedAmount);
    this.#flushSoon();
  }

  afterDrain(fn: () => void): void {
    if (this.#ending) return;
    this.#waiters.push(fn);
    // Also if there is room already: never from within this call.
    this.#flushSoon();
  }

  /** Looks at once whether the server is dead: after the page was hidden, or the network away. */
  check(): void {
    this.#watch.look();
  }

  close(code: number, reason: string): void {
    this.#end({ code, error: closeError(code, reason) }, reason);
  }

  #end(ending: Ending, reason: string | null): void {
    if (this.#ending) return;
    // What was queued before still goes, unless the server would not read it.
    if (reason !== null && ending.code !== CloseCode.slowConsumer && ending.code !== CloseCode.heartbeat) this.#flushAll();
    this.#ending = ending;
    this.#watch.stop();
    this.#o.env.clearTimeout(this.#poll);
    this.#waiters = [];
    for (const receiver of this.#receivers.values()) guard(() => receiver.close(ending.error));
    this.#receivers.clear();
    if (reason === null) return this.#finish();
    this.#grace = this.#o.env.setTimeout(() => this.#finish(), closeGrace);
    try {
      this.#socket.close(ending.code, closeText(reason));
    } catch {
      this.#finish(); // it never opened
    }
  }

  #socketClosed(event: SocketEvent): void {
    const code = event.code ?? 0;
    // 1005 and 1006: no close frame, which is as good as a broken connection.
    const named = code === 1000 || (code >= 4000 && code <= 4999);
    const reason = named ? (event.reason ?? "") : "";
    if (!this.#ending) this.#end({ code: named ? code : 0, error: closeError(named ? code : 0, reason, event) }, null);
    else this.#finish();
  }

  #finish(): void {
    if (this.#over || !this.#ending) return;
    this.#over = true;
    this.#o.env.clearTimeout(this.#grace);
    this.#o.ended(this, this.#ending);
  }

  // Receiving.

  #message(data: unknown): void {
    if (this.#ending) return;
    this.#watch.heard();
    try {
      this.#o.codec.split(data, this.#o.limits, this.#take);
      if (this.#ending) return;
    } catch (err) {
      const why = refused(err);
      if (why === null) report(err);
      // After a defect, too: what was left out of the message is not to be missing unseen.
      this.close(why?.code ?? CloseCode.internal, why?.reason ?? "internal error");
    }
    // A page in the background has its timers slowed down; what comes in is a chance to send on.
    if (this.#poll !== null) this.#flushSoon();
  }

  /** Takes a frame of a message; false if it has ended the session. */
  readonly #take = (frame: Value): boolean => {
    this.#frame(frame, false);
    return this.#ending === null;
  };

  #frame(frame: Value, whole: boolean): void {
    const h = readHeader(frame);
    if (!h) return this.close(CloseCode.malformed, "not a frame");
    if (!this.#out) return this.#welcome(h);
    if (h.pattern === 0) return this.#control(h, whole);
    const receiver = this.#receivers.get(h.pattern);
    if (!receiver) return this.close(CloseCode.protocol, `unknown pattern ${h.pattern}`);
    try {
      receiver.receive(h);
    } catch (err) {
      if (!(err instanceof TrefoilError)) report(err);
      const e = TrefoilError.from(err);
      this.close(e.code === Code.InvalidArgument ? CloseCode.malformed : CloseCode.protocol, e.message);
    }
  }

  #welcome(h: Header): void {
    if (h.pattern !== 0 || h.kind !== Control.welcome) return this.close(CloseCode.protocol, "the first frame must be welcome");
    let w: Welcome;
    try {
      w = readWelcome(h);
    } catch (err) {
      const e = TrefoilError.from(err);
      return this.close(e.is("transport.outdated") ? CloseCode.outdated : CloseCode.malformed, e.message);
    }
    [this.id, this.client, this.user, this.#features, this.#numbers, this.#peer] = [w.session, w.client, w.user, w.features, w.patterns, w.limits];
    this.#out = new Outbound(this.#o.codec, this.#o.budget, w.limits);
    if (w.heartbeat > 0) this.#watch.start(w.heartbeat * 2.5);
    for (const pattern of this.#o.patterns) {
      const number = w.patterns.get(pattern.name);
      if (number === undefined) continue;
      let receiver: Receiver;
      try {
        receiver = pattern.attach(this);
      } catch (err) {
        report(err);
        return this.close(CloseCode.internal, "internal error");
      }
      if (this.#ending) {
        // It closed the session itself. Every receiver is told, also this one.
        const { error } = this.#ending;
        return guard(() => receiver.close(error));
      }
      this.#receivers.set(number, receiver);
    }
    this.#o.opened(this, w);
  }

  #control(h: Header, whole: boolean): void {
    const [first, second] = h.body;
    switch (h.kind) {
      case Control.ping:
        if (typeof first !== "number" && typeof first !== "bigint") break;
        return this.#pong(first);
      case Control.pong:
        return;
      case Control.chunk: {
        if (whole) return this.close(CloseCode.protocol, "a chunk in a chunk");
        const frame = this.#chunks.add(h.stream, h.body);
        if (frame !== undefined) this.#frame(frame, true);
        return;
      }
      case Control.goaway:
        if (typeof first !== "number" || !Number.isInteger(first) || first < 0 || (second !== undefined && second !== null && typeof second !== "string")) break;
        return this.#o.goaway(this, Math.min(first, 24 * 3600 * 1000));
      default:
        return this.close(CloseCode.protocol, `unexpected control frame of kind ${h.kind}`);
    }
    this.close(CloseCode.malformed, `malformed control frame of kind ${h.kind}`);
  }

  /** Answers a ping, from the message event itself: timers of a hidden page are slow. */
  #pong(time: number | bigint): void {
    if (typeof time === "number" && !Number.isInteger(time)) return this.close(CloseCode.malformed, "malformed control frame of kind 3");
    const wire = this.#o.codec.encode([0, Control.pong, 0, time]);
    if (!this.#out?.putControl(wire, this.#socket.bufferedAmount)) return this.close(CloseCode.slowConsumer, "the outbound queue and its reserve are full");
    this.#flush();
  }

  // Sending.

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      if (!this.#ending) this.#flush();
    });
  }

  /** Gives the WebSocket what it may take, and sees to it that the rest follows. */
  #flush(): void {
    const out = this.#out;
    if (!out) return;
    while (!out.empty && this.#socket.bufferedAmount < highWater && !this.#ending) {
      const message = out.next();
      if (!message) break;
      this.#transmit(message);
    }
    if (out.size + this.#socket.bufferedAmount <= out.budget / 2) {
      const due = this.#waiters;
      this.#waiters = [];
      for (const fn of due) {
        if (!this.#ending) guard(fn);
      }
    }
    if (this.#poll !== null || this.#ending || (out.empty && this.#waiters.length === 0)) return;
    this.#poll = this.#o.env.setTimeout(() => {
      this.#poll = null;
      if (!this.#ending) this.#flush();
    }, drainPoll);
  }

  #flushAll(): void {
    const out = this.#out;
    for (let message = out?.next(); message; message = out?.next()) this.#transmit(message);
  }

  #transmit(message: Uint8Array): void {
    this.#given += message.length;
    try {
      this.#socket.send(this.#o.codec.message(message));
    } catch (err) {
      this.#end({ code: 0, error: closeError(0, "", err) }, null);
    }
  }
}

/** Runs what a pattern does; its defect is reported as an uncaught error is and goes no further. */
export function guard(fn: () => void): void {
  try {
    fn();
  } catch (err) {
    report(err);
  }
}

/** Reports a defect where uncaught errors are seen. */
function report(err: unknown): void {
  console.error("trefoil: uncaught in a pattern:", err);
}
