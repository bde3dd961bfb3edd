import { decode, encode, type Value } from "../../src/codec/index.ts";
import { Client, type ClientOptions } from "../../src/dstm/client.ts";
import { Code, TrefoilError } from "../../src/status.ts";
import { clientId } from "../../src/transport/key.ts";
import type { Receiver } from "../../src/transport/pattern.ts";
import type { Session } from "../../src/transport/session.ts";
import { Model, newLink, type Frame, type Link } from "./model.ts";
import { Random } from "./random.ts";

/** A session whose other end is a model; frames move when told. */
export class FakeSession implements Session {
  readonly id = "00".repeat(16);
  readonly user = "";
  readonly maxFrame = 4 << 20;
  error: TrefoilError | null = null;
  readonly link: Link;
  receiver: Receiver | null = null;
  /** What trySend throws next. */
  refusal: TrefoilError | null = null;
  readonly drains: (() => void)[] = [];

  constructor(readonly client: string) {
    this.link = newLink(client);
  }

  number(pattern: string): number | undefined {
    return pattern === "dstm" ? 3 : undefined;
  }

  feature(): boolean {
    return false;
  }

  close(): void {
    throw new Error("dstm closes no session");
  }

  trySend(frame: readonly unknown[]): void {
    if (this.error !== null) throw new TrefoilError(Code.Unavailable, "transport.closed", "closed");
    if (this.refusal !== null) throw this.refusal;
    this.link.toServer.push(decode(encode(frame)) as Value[]);
  }

  afterDrain(fn: () => void): void {
    this.drains.push(fn);
  }
}

/** Clients and a model between whom frames move when told, so that every test says what happens when. */
export class Net {
  readonly model = new Model(new Random(1));
  readonly #sessions = new Map<Client, FakeSession>();
  #clients = 0;
  readonly #ids = new Map<Client, string>();

  /** A new client; with the number of an earlier one the same again, in a new process. */
  client(options?: ClientOptions, number = ++this.#clients): Client {
    const c = new Client(options);
    this.#ids.set(c, options?.storage ? clientId(options.storage.key) : number.toString(16).padStart(2, "0").padEnd(32, "0"));
    return c;
  }

  /** The latest client with a number. */
  clientOf(number: number): Client {
    const id = number.toString(16).padStart(2, "0").padEnd(32, "0");
    return [...this.#ids].filter(([, of]) => of === id).at(-1)?.[0] as Client;
  }

  connect(c: Client): FakeSession {
    const s = new FakeSession(this.#ids.get(c) as string);
    this.#sessions.set(c, s);
    s.receiver = c.attach(s);
    return s;
  }

  cut(c: Client): void {
    const s = this.#sessions.get(c);
    if (s === undefined) return;
    this.#sessions.delete(c);
    s.error = new TrefoilError(Code.Unavailable, "transport.lost", "cut");
    s.receiver?.close(s.error);
  }

  session(c: Client): FakeSession {
    return this.#sessions.get(c) as FakeSession;
  }

  /** Gives the server what the client has sent, or the first n of it. */
  send(c: Client, n = Infinity): void {
    const { link } = this.session(c);
    const links = [...this.#sessions.values()].map((s) => s.link);
    for (let f = link.toServer.shift(); f !== undefined; f = --n > 0 ? link.toServer.shift() : undefined) this.model.handle(link, f, links);
    if (this.model.faults.length > 0) throw new Error(this.model.faults.join(", "));
  }

  /** Gives the client what the server has sent, or the first n of it. */
  receive(c: Client, n = Infinity): void {
    const { link } = this.session(c);
    for (let f = link.toClient.shift(); f !== undefined; f = --n > 0 ? link.toClient.shift() : undefined) this.give(c, f);
  }

  give(c: Client, frame: Frame): void {
    const [, kind, stream, ...body] = decode(encode(frame)) as Value[];
    this.#sessions.get(c)?.receiver?.receive({ kind: kind as number, stream: stream as string, body });
  }

  /** Exchanges until nothing is left; between, those who wait are woken. */
  async sync(): Promise<void> {
    for (let idle = 0; idle < 3; ) {
      idle++;
      for (const [c, s] of this.#sessions) {
        if (s.link.toServer.length + s.link.toClient.length === 0) continue;
        idle = 0;
        this.send(c);
        this.receive(c);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Exchanges until a promise is settled: retries may pause in between. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    void promise.then(() => (settled = true), () => (settled = true));
    while (!settled) await this.sync();
    return promise;
  }
}
