import { decodeAll, encode, fromJSON, toJSON } from "../../src/codec/index.ts";
import type { Value } from "../../src/codec/index.ts";
import { Client } from "../../src/transport/index.ts";
import type { ClientOptions, Environment, Pattern, Socket, SocketConstructor, SocketEvent } from "../../src/transport/index.ts";

/** Lets everything happen that is due: microtasks, and what they begin. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A WebSocket whose other end is the test. */
export class FakeSocket implements Socket {
  binaryType = "";
  bufferedAmount = 0;
  protocol = "";
  readonly url: string;
  readonly offered: string[];
  /** The messages that were sent, as they came. */
  readonly sent: (string | ArrayBuffer)[] = [];
  /** What close() was called with. */
  closed: { code: number | undefined; reason: string | undefined } | null = null;
  /** Whether close() is answered at once, as a server that listens does. */
  polite = true;
  /** Counts what is sent as buffered, as a network that stands still does. */
  clogged = false;
  private over = false;
  private readonly listeners = new Map<string, ((event: SocketEvent) => void)[]>();

  constructor(url: string, offered: string[]) {
    this.url = url;
    this.offered = offered;
  }

  addEventListener(type: string, listener: (event: SocketEvent) => void): void {
    this.listeners.set(type, [...(this.listeners.get(type) ?? []), listener]);
  }

  private emit(event: SocketEvent): void {
    for (const fn of this.listeners.get(event.type) ?? []) fn(event);
  }

  send(data: string | ArrayBuffer): void {
    this.sent.push(data);
    if (this.clogged) this.bufferedAmount += typeof data === "string" ? data.length : data.byteLength;
  }

  close(code?: number, reason?: string): void {
    if (this.closed) return;
    this.closed = { code, reason };
    if (this.polite) queueMicrotask(() => this.drop(code ?? 1005, reason ?? ""));
  }

  get json(): boolean {
    return this.offered[0] === "trefoil.1.json";
  }

  /** The server accepts. */
  open(protocol = this.offered[0] ?? ""): this {
    this.protocol = protocol;
    this.emit({ type: "open" });
    return this;
  }

  /** The connection ends; without a code it breaks. */
  drop(code = 1006, reason = ""): void {
    if (this.over) return;
    this.over = true;
    this.emit({ type: "close", code, reason });
  }

  /** The server sends a message as it is. */
  raw(data: string | Uint8Array): void {
    this.emit({ type: "message", data: typeof data === "string" ? data : new Uint8Array(data).buffer });
  }

  /** The server sends frames in one message. */
  say(...frames: unknown[][]): void {
    if (this.json) return this.raw(frames.map(toJSON).join("\n"));
    this.raw(Buffer.concat(frames.map(encode)));
  }

  /** The server sends welcome; more overrides its fields. */
  welcome(more: Record<string, unknown> = {}): this {
    const id = (n: number): Uint8Array => new Uint8Array(16).fill(n);
    this.say([0, 2, 0, { version: 1, session: id(1), node: id(2), client: id(3), user: "anna", patterns: { echo: 16 }, features: ["x"], heartbeat: 1000, time: new Date(0), ...more }]);
    return this;
  }

  /** The frames of the messages from an index on. */
  frames(from = 0): Value[][] {
    return this.sent.slice(from).flatMap((data) => messageFrames(data)) as Value[][];
  }
}

/** The frames of a message. */
export function messageFrames(data: string | ArrayBuffer): Value[] {
  return typeof data === "string" ? data.split("\n").map((line) => fromJSON(line)) : decodeAll(new Uint8Array(data));
}

/** A world whose time and network are the test's. */
export class World {
  readonly sockets: FakeSocket[] = [];
  /** What random() says. */
  chance = 0.5;
  private time = 1000;
  private timers: { at: number; fn: () => void }[] = [];
  private readonly wakers = new Set<() => void>();
  readonly environment: Environment = {
    now: () => this.time,
    random: () => this.chance,
    setTimeout: (fn, ms) => {
      const timer = { at: this.time + ms, fn };
      this.timers.push(timer);
      return timer;
    },
    clearTimeout: (timer) => {
      this.timers = this.timers.filter((t) => t !== timer);
    },
    onWake: (fn) => {
      this.wakers.add(fn);
      return () => void this.wakers.delete(fn);
    },
  };

  /** The constructor of sockets of this world. */
  get Socket(): SocketConstructor {
    const { sockets } = this;
    return class extends FakeSocket {
      constructor(url: string, offered: string[]) {
        super(url, offered);
        sockets.push(this);
      }
    };
  }

  /** The newest socket. */
  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error("no socket");
    return socket;
  }

  /** How many timers and wakers are left. */
  get left(): number {
    return this.timers.length + this.wakers.size;
  }

  client(options: ClientOptions, ...patterns: Pattern[]): Client {
    return new Client("ws://test/", this.options(options), ...patterns);
  }

  options(options: ClientOptions = {}): ClientOptions {
    return { WebSocket: this.Socket, environment: this.environment, keyName: "", ...options };
  }

  /** Time goes on; timers that are due fire in their order, and what they begin happens. */
  async pass(ms: number): Promise<void> {
    const end = this.time + ms;
    await settle();
    for (;;) {
      this.timers.sort((a, b) => a.at - b.at);
      const next = this.timers[0];
      if (!next || next.at > end) break;
      this.timers.shift();
      this.time = Math.max(this.time, next.at);
      next.fn();
      await settle();
    }
    this.time = end;
  }

  /** Time passes and no timer fires, as while a computer sleeps. */
  sleep(ms: number): void {
    this.time += ms;
  }

  /** The network is back, or the page is seen. */
  async wake(): Promise<void> {
    for (const fn of [...this.wakers]) fn();
    await settle();
  }
}
