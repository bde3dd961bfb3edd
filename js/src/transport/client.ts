import { Code, TrefoilError } from "../status.ts";
import { Attempt } from "./attempt.ts";
import type { Outcome } from "./attempt.ts";
import { backoff } from "./backoff.ts";
import { CloseCode } from "./close.ts";
import { Ghosts } from "./ghosts.ts";
import { clientId, holdKey, ownKey } from "./key.ts";
import type { HeldKey } from "./key.ts";
import { guard } from "./live.ts";
import type { LiveSession } from "./live.ts";
import { settings } from "./options.ts";
import type { ClientOptions, Settings } from "./options.ts";
import type { Pattern } from "./pattern.ts";
import type { Session } from "./session.ts";
import { StateCell } from "./state.ts";
import type { State } from "./state.ts";
import type { Adopter, SharedStorage, Storage } from "./storage/storage.ts";

/**
 * One client's connection to a server, kept up over reconnects. It connects in the background and keeps trying until it is closed, or until the server, or
 * the options, forbid another attempt.
 */
export class Client {
  readonly #s: Settings;
  readonly #patterns: readonly Pattern[];
  readonly #cell = new StateCell();
  readonly #done: Promise<void>;
  readonly #stopWaking: () => void;
  #held: HeldKey | null = null;
  #attempt: Attempt | null = null;
  #live: LiveSession | null = null;
  #closing = false;
  #until: number | null = null; // a goaway asked to come back then
  #leaving: unknown = null;
  #endPause: (() => void) | null = null;
  #wakeable = false; // the pause is a backoff
  #adoption: Adopter | null = null;
  readonly #ghosts = new Ghosts();
  #first: { resolve(): void; reject(err: TrefoilError): void } | null = null; // dial's

  /**
   * Begins to connect to a url (`ws:`, `wss:`; `http:` and `https:` mean the same, and in a page it may be relative). Throws invalid_argument `transport.bad_option` or
   * `transport.bad_url`, also for two patterns of the same name.
   */
  constructor(url: string, options: ClientOptions = {}, ...patterns: Pattern[]) {
    this.#s = settings(url, options);
    this.#patterns = patterns;
    if (new Set(patterns.map((p) => p.name)).size !== patterns.length) {
      throw new TrefoilError(Code.InvalidArgument, "transport.bad_option", "two patterns have the same name");
    }
    const { keep } = this.#s;
    if (keep !== null && this.#s.adopt) {
      // A client of its own for each: who takes over what another has sent must be that other.
      const connect = (storage: Storage, forks: Pattern[]): Client => new Client(url, { ...options, storage, adopt: false }, ...forks);
      this.#adoption = (keep as Partial<SharedStorage>).adopter?.(patterns, connect, this.#s.env) ?? null;
    }
    this.#stopWaking = this.#s.env.onWake(() => this.#wake());
    const { signal } = options;
    const abort = (): void => void this.close();
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) this.#closing = true;
    this.#done = this.#run().finally(() => signal?.removeEventListener("abort", abort));
  }

  /**
   * Connects and resolves when the first session is open. It rejects if the first attempt fails: a client that should wait for its server is
   * made with `new`.
   */
  static async dial(url: string, options: ClientOptions = {}, ...patterns: Pattern[]): Promise<Client> {
    const c = new Client(url, options, ...patterns);
    // Nothing has happened yet: run() waits at least once before it comes to its first outcome.
    await new Promise<void>((resolve, reject) => (c.#first = { resolve, reject }));
    return c;
  }

  /** The client's id, 32 hex digits; "" until the key is known, which is so before the first attempt. */
  get id(): string {
    return this.#held ? clientId(this.#held.key) : "";
  }

  /** Where the connection stands now. */
  get state(): State {
    return this.#cell.state;
  }

  /** The live session, null while there is none. */
  get session(): Session | null {
    return this.#live?.error === null ? this.#live : null;
  }

  /**
   * Yields the present state and then every change, until the client is closed for good (that state is the last) or the signal is aborted. Who is slow
   * skips states, but never the latest.
   */
  states(signal?: AbortSignal): AsyncIterable<State> {
    return this.#cell.watch(signal);
  }

  /** Calls fn at every change of the state, until the function that it returns is called. */
  onState(fn: (state: State) => void): () => void {
    return this.#cell.on(fn);
  }

  /** Ends the client for good: its session closes as normal, nothing reconnects. Resolves when all has ended, two seconds later at most. Idempotent; never rejects. */
  async close(): Promise<void> {
    this.#closing = true;
    void this.#adoption?.stop();
    this.#attempt?.close();
    this.#endPause?.();
    await this.#done;
  }

  async #run(): Promise<void> {
    if (this.#s.keep) this.#held = ownKey(this.#s.keep.key);
    else this.#held = this.#s.key || this.#s.keyName === "" ? ownKey(this.#s.key ?? undefined) : await holdKey(this.#s.keyName, this.#s.storage, this.#s.locks);
    await null; // dial must have said that it waits
    for (let failed = 0; ; ) {
      const begun = this.#s.env.now();
      const { outcome, lived } = await this.#once(this.#held.key);
      const closed = new TrefoilError(Code.Unavailable, "transport.closed", "closed");
      if (this.#first) {
        const error = this.#closing ? closed : outcome.error;
        this.#over({ attempt: 1, error });
        return this.#first.reject(error);
      }
      failed = lived ? 0 : failed + 1;
      const final = outcome.final && !(this.#s.key === null && this.#ghosts.passed(outcome.error, this.#s.env.now() - begun));
      if (!this.#closing && (final || (this.#s.maxAttempts > 0 && failed >= this.#s.maxAttempts))) {
        return this.#finish({ attempt: failed, error: outcome.error });
      }
      if (!this.#closing) await this.#pause(failed, outcome.error);
      if (this.#closing) return this.#finish({ error: closed });
    }
  }

  /** One connection; lived: its session was open for one heartbeat interval. */
  async #once(key: Uint8Array): Promise<{ outcome: Outcome; lived: boolean }> {
    let since = Infinity;
    const attempt = new Attempt(this.#s, key, this.#patterns, {
      opened: (session, welcome) => {
        since = this.#s.env.now() + welcome.heartbeat;
        this.#live = session;
        this.#cell.set("open", { session: session.id });
        this.#adoption?.start();
        this.#first?.resolve();
        this.#first = null;
      },
      goaway: (session, delay) => this.#leave(session, delay),
    });
    this.#attempt = attempt;
    if (this.#closing) attempt.close();
    const outcome = await attempt.run();
    this.#attempt = this.#live = null;
    this.#s.env.clearTimeout(this.#leaving);
    return { outcome, lived: outcome.opened && this.#s.env.now() >= since };
  }

  /** What a goaway asks for: stay until the delay is over, then come back at once. If the server closes before that, what is left of the delay is waited. */
  #leave(session: LiveSession, delay: number): void {
    this.#until = this.#s.env.now() + delay;
    this.#s.env.clearTimeout(this.#leaving);
    this.#leaving = this.#s.env.setTimeout(() => session.close(CloseCode.goingAway, "asked to go"), delay);
  }

  async #pause(failed: number, error: TrefoilError): Promise<void> {
    const { env, minBackoff, maxBackoff } = this.#s;
    let delay = backoff(Math.max(0, failed - 1), minBackoff, maxBackoff, env.random());
    this.#wakeable = this.#until === null;
    if (this.#until !== null) {
      // The server knows better, and has spread its clients itself.
      delay = Math.max(0, this.#until - env.now());
      this.#until = null;
    }
    this.#cell.set("connecting", { attempt: failed, retry: new Date(Date.now() + delay), error });
    if (this.#closing) return; // a listener closed the client
    await new Promise<void>((resolve) => {
      const timer = env.setTimeout(resolve, delay);
      this.#endPause = () => {
        env.clearTimeout(timer);
        resolve();
      };
    });
    this.#endPause = null;
    if (!this.#closing) this.#cell.set("connecting", { attempt: failed, error });
  }

  /** The network is back, or the page is seen again. */
  #wake(): void {
    if (this.#live) this.#live.check();
    else if (this.#wakeable) this.#endPause?.();
  }

  /** Ends for good and tells the patterns. */
  async #finish(state: Partial<State> & { error: TrefoilError }): Promise<void> {
    for (const p of this.#patterns) guard(() => p.finish?.(state.error));
    this.#over(state);
    await this.#adoption?.stop();
    await this.#s.keep?.close();
  }

  #over(state: Partial<State>): void {
    this.#stopWaking();
    this.#held?.release();
    this.#cell.set("closed", state);
  }
}
