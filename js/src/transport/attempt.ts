import { Code, TrefoilError } from "../status.ts";
import { CloseCode, closeError, comeBack, refusal } from "./close.ts";
import { helloFrame } from "./handshake.ts";
import type { Welcome } from "./handshake.ts";
import { openingMessage } from "./limits.ts";
import { LiveSession } from "./live.ts";
import type { Settings } from "./options.ts";
import type { Pattern } from "./pattern.ts";
import type { Socket } from "./socket.ts";

/** How a connection went, when everything about it has ended. */
export interface Outcome {
  /** Its session was open. */
  readonly opened: boolean;
  /** There is no point in trying again. */
  readonly final: boolean;
  readonly error: TrefoilError;
}

/** What one connection tells while it lives. */
export interface Listener {
  opened(session: LiveSession, welcome: Welcome): void;
  goaway(session: LiveSession, delay: number): void;
}

/** One connection, from the question for credentials to its end. */
export class Attempt {
  readonly #s: Settings;
  readonly #key: Uint8Array;
  readonly #patterns: readonly Pattern[];
  readonly #on: Listener;
  readonly #abort = new AbortController();
  #session: LiveSession | null = null;
  #opened = false;
  #timer: unknown = null;

  constructor(s: Settings, key: Uint8Array, patterns: readonly Pattern[], on: Listener) {
    this.#s = s;
    this.#key = key;
    this.#patterns = patterns;
    this.#on = on;
  }

  /** Ends it: a session is closed as normal. */
  close(): void {
    this.#session?.close(CloseCode.normal, "");
    this.#abort.abort(new TrefoilError(Code.Unavailable, "transport.closed", "closed"));
  }

  /** Connects and resolves when the connection has ended; never rejects. */
  async run(): Promise<Outcome> {
    this.#timer = this.#s.env.setTimeout(() => this.#late(), this.#s.connectTimeout);
    try {
      const hello = await this.#hello();
      return await this.#connect(hello);
    } catch (err) {
      const e = TrefoilError.from(err);
      return { opened: false, final: e.code === Code.InvalidArgument, error: e };
    } finally {
      this.#s.env.clearTimeout(this.#timer);
    }
  }

  #late(): void {
    if (this.#session) return this.#session.close(CloseCode.handshakeTimeout, "no welcome in time");
    this.#abort.abort(new TrefoilError(Code.Unavailable, "transport.refused", "the server was not reached in time"));
  }

  async #hello(): Promise<unknown[]> {
    const { signal } = this.#abort;
    const credentials = this.#s.credentials ? await race(async () => this.#s.credentials?.(signal), signal) : null;
    const hello = helloFrame({
      key: this.#key, credentials, limits: this.#s.limits, agent: this.#s.agent,
      patterns: this.#patterns.map((p) => p.name), features: this.#patterns.flatMap((p) => p.features ?? []),
    });
    let size: number;
    try {
      size = this.#s.codec.encode(hello).length;
    } catch (err) {
      throw new TrefoilError(Code.InvalidArgument, "transport.bad_credentials", "the credentials cannot be encoded", { cause: err });
    }
    if (size > openingMessage) throw new TrefoilError(Code.InvalidArgument, "transport.bad_credentials", "the credentials are too large");
    return hello;
  }

  #connect(hello: unknown[]): Promise<Outcome> {
    const { signal } = this.#abort;
    const { subprotocol } = this.#s.codec;
    return new Promise((resolve) => {
      const fail = (error: TrefoilError, final = false): void => resolve({ opened: false, final, error });
      if (signal.aborted) return fail(TrefoilError.from(signal.reason));
      let socket: Socket;
      try {
        socket = new this.#s.WebSocket(this.#s.url, [subprotocol]);
      } catch (err) {
        return fail(new TrefoilError(Code.InvalidArgument, "transport.bad_url", "the url cannot be connected to", { cause: err }), true);
      }
      socket.binaryType = "arraybuffer";
      socket.addEventListener("error", () => {}); // a close event follows
      socket.addEventListener("open", () => {
        if (signal.aborted) return;
        if (socket.protocol !== subprotocol) {
          socket.close();
          return fail(new TrefoilError(Code.Unavailable, "transport.refused", "the server does not speak the subprotocol"));
        }
        this.#session = this.#begin(socket, resolve);
        this.#session.greet(hello);
      });
      socket.addEventListener("close", (event) => {
        if (this.#session) return; // it hears for itself
        const of = event.code ?? 0;
        if (of >= 4000) return fail(refusal(closeError(of, event.reason ?? "")), !comeBack(of));
        fail(new TrefoilError(Code.Unavailable, "transport.refused", "the server cannot be reached"));
      });
      signal.addEventListener("abort", () => {
        if (this.#session) return;
        socket.close();
        fail(TrefoilError.from(signal.reason));
      });
    });
  }

  #begin(socket: Socket, resolve: (outcome: Outcome) => void): LiveSession {
    const { codec, limits, outbound: budget, env } = this.#s;
    return new LiveSession(socket, {
      codec, limits, budget, env,
      patterns: this.#patterns,
      opened: (session, welcome) => {
        this.#opened = true;
        env.clearTimeout(this.#timer);
        this.#on.opened(session, welcome);
      },
      goaway: (session, delay) => this.#on.goaway(session, delay),
      // What this side found wrong with the server is not better next time either.
      ended: (_, { code, error }) => resolve({ opened: this.#opened, final: !comeBack(code), error: refusal(error) }),
    });
  }
}

/** The result of fn, or the signal's reason if that is first. */
function race<T>(fn: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => reject(TrefoilError.from(signal.reason));
    if (signal.aborted) return aborted();
    signal.addEventListener("abort", aborted);
    fn().then(resolve, reject);
  });
}
