import type { TrefoilError } from "../status.ts";

/** Where a client's connection stands: trying (now or after a backoff), a session is live, or over for good. */
export type Phase = "connecting" | "open" | "closed";

/** An observable state of a client. It is frozen; each change makes a new one. */
export interface State {
  readonly phase: Phase;
  /** The id of the live session, "" unless open. */
  readonly session: string;
  /** Counts failed connections in a row while connecting. */
  readonly attempt: number;
  /** When the next attempt begins, null unless one is scheduled. */
  readonly retry: Date | null;
  /** Why the last session or attempt ended, null while open. Of one that the server closed the reason is `transport.` and the close code's name. */
  readonly error: TrefoilError | null;
}

/** A state that can be watched. */
export class StateCell {
  #current: State = Object.freeze({ phase: "connecting", session: "", attempt: 0, retry: null, error: null });
  readonly #listeners = new Set<(state: State) => void>();

  get state(): State {
    return this.#current;
  }

  /** Changes the state; closed stays. */
  set(phase: Phase, parts: Partial<State> = {}): void {
    if (this.#current.phase === "closed") return;
    this.#current = Object.freeze({ session: "", attempt: 0, retry: null, error: null, ...parts, phase });
    for (const fn of [...this.#listeners]) {
      try {
        fn(this.#current);
      } catch (err) {
        // A listener's defect is not the connection's; it is reported as any uncaught error is.
        queueMicrotask(() => {
          throw err;
        });
      }
    }
  }

  /** Calls fn at every change; returns what ends that. */
  on(fn: (state: State) => void): () => void {
    const own = (state: State): void => fn(state);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Yields the present state and then those that follow, until closed or the signal. Who is slow skips states but not the latest. */
  async *watch(signal?: AbortSignal): AsyncGenerator<State, void, void> {
    let wake: () => void = () => {};
    const stop = this.on(() => wake());
    const aborted = (): void => wake();
    signal?.addEventListener("abort", aborted);
    try {
      for (let seen: State | null = null; !signal?.aborted; ) {
        if (seen === this.#current) {
          await new Promise<void>((resolve) => (wake = resolve));
          continue;
        }
        seen = this.#current;
        yield seen;
        if (seen.phase === "closed") return;
      }
    } finally {
      stop();
      signal?.removeEventListener("abort", aborted);
    }
  }
}
