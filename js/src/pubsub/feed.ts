import { Code, TrefoilError } from "../status.ts";

interface Waiter<E> {
  resolve(result: IteratorResult<E, undefined>): void;
  reject(err: TrefoilError): void;
}

/** A source of events: what subscriptions and member feeds have in common. */
export abstract class Feed<E> implements AsyncIterable<E> {
  /**
   * Resolves when the server has answered: everything published from then on is delivered, or told as a gap. Rejects if it refused, or the feed
   * ended before. Nobody has to look at it: the same error ends the iteration.
   */
  readonly ready: Promise<void>;
  #settle: { resolve(): void; reject(err: TrefoilError): void } | null = null;
  readonly #waiters: Waiter<E>[] = [];
  readonly #listeners = new Map<(event: E) => void, ((err: TrefoilError | null) => void) | undefined>();
  /** Those of them that an event goes to: who comes or goes meanwhile changes nothing for the others. */
  #functions: readonly ((event: E) => void)[] = [];
  #pumping = false;
  #ended = false;
  #error: TrefoilError | null = null;
  #detach: (() => void) | null = null;

  constructor() {
    this.ready = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.ready.catch(() => {});
  }

  /** The next event, undefined if there is none now. */
  protected abstract take(): E | undefined;
  /** Tells whoever feeds this that nothing more is wanted. */
  protected abstract leave(): void;

  /** True once the feed has ended; what is in its buffer is still yielded. */
  get closed(): boolean {
    return this.#ended;
  }

  /** Ends the feed, without an error. What waits in its buffer is still yielded. Closing twice is harmless. */
  close(): void {
    if (this.#ended) return;
    this.leave();
    this.end(null);
  }

  /**
   * Calls fn for every event, also those that wait already, and onEnd once when the feed ends: with null after {@link close}, else with why. What it
   * returns takes fn away. Several functions may listen; an event goes either to those who listen or to who iterates.
   */
  on(fn: (event: E) => void, onEnd?: (err: TrefoilError | null) => void): () => void {
    const own = (event: E): void => fn(event); // the same function may listen twice
    this.#listeners.set(own, onEnd);
    this.#functions = [...this.#listeners.keys()];
    this.wake();
    return () => {
      this.#listeners.delete(own);
      this.#functions = [...this.#listeners.keys()];
    };
  }

  /**
   * Yields the events as they come. It ends without an error after {@link close}, and throws why the server took the feed away, or `pubsub.closed`
   * when the client was closed. Leaving the loop closes the feed.
   */
  [Symbol.asyncIterator](): AsyncIterator<E, undefined> {
    return {
      next: () => this.#next(),
      return: () => {
        this.close();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  /** @internal Closes the feed when the signal is aborted. */
  follow(signal: AbortSignal | undefined): void {
    if (!signal || this.#ended) return;
    const close = (): void => this.close();
    signal.addEventListener("abort", close);
    this.#detach = () => signal.removeEventListener("abort", close);
    if (signal.aborted) close();
  }

  /** @internal The server has answered. */
  answered(): void {
    this.#settle?.resolve();
    this.#settle = null;
  }

  /** @internal Ends the feed; only the first call counts. */
  end(err: TrefoilError | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = err;
    this.#detach?.();
    this.#detach = null;
    this.#settle?.reject(err ?? new TrefoilError(Code.Canceled, "", "closed before the server answered"));
    this.#settle = null;
    this.wake();
  }

  /** @internal There may be something to take. */
  wake(): void {
    if (this.#listeners.size > 0) return this.#pump();
    while (this.#waiters.length > 0) {
      const event = this.take();
      if (event === undefined && !this.#ended) return;
      const waiter = this.#waiters.shift()!;
      if (event !== undefined) waiter.resolve({ done: false, value: event });
      else if (this.#error) waiter.reject(this.#error);
      else waiter.resolve({ done: true, value: undefined });
    }
  }

  #next(): Promise<IteratorResult<E, undefined>> {
    // What waits for a loop that keeps turning goes to it without a way through the queue of those who wait.
    const event = this.#listeners.size + this.#waiters.length === 0 ? this.take() : undefined;
    if (event !== undefined) return Promise.resolve({ done: false, value: event });
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.wake();
    });
  }

  /** Serves those who listen, in a microtask: they must not run inside the connection's own work. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      while (this.#listeners.size > 0) {
        const event = this.take();
        if (event === undefined) break;
        for (const fn of this.#functions) shielded(fn, event);
      }
      if (!this.#ended || this.#listeners.size === 0) return this.#wakeOthers();
      const ends = [...this.#listeners.values()];
      this.#listeners.clear();
      this.#functions = [];
      for (const fn of ends) if (fn) shielded(fn, this.#error);
      this.#wakeOthers();
    });
  }

  /** Those who iterate beside those who listen get their turn when nobody listens any more. */
  #wakeOthers(): void {
    if (this.#listeners.size === 0) this.wake();
  }
}

/** One listener's throw must not keep the others from their events: it is reported as an error that nobody caught. */
function shielded<T>(fn: (arg: T) => void, arg: T): void {
  try {
    fn(arg);
  } catch (err) {
    if (typeof globalThis.reportError === "function") return globalThis.reportError(err);
    queueMicrotask(() => {
      throw err; // Node has no reportError
    });
  }
}
