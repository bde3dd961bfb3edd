import type { Time } from "../codec/value.ts";
import { Code, type TrefoilError } from "../status.ts";
import { aborted, fault, invalid, Reason } from "./errors.ts";
import { changesOf, type Change } from "./feed.ts";
import type { Core } from "./replica/core.ts";
import type { Event, Snapshot, Told } from "./replica/types.ts";
import { TreeNode } from "./tree/node.ts";
import { apply, changedPaths } from "./txn/txn.ts";

/** How many revisions are asked for at once: what is held for a consumer that is slow. */
const AT_ONCE = 64;

/** One commit of an object, as its history tells it. */
export interface Revision {
  /** What the commit made of the object. */
  readonly version: number;
  /** The number of its entry in the log. */
  readonly position: number;
  /** The server's, never decreasing in a log; for display. */
  readonly time: Time;
  /** Who made the commit, as 32 hexadecimal digits; zeros: one of whom this client may not know. */
  readonly client: string;
  /** The name that the server's login gave, "" if none. */
  readonly user: string;
  /** What the transaction carried. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The differences to the version before, of what may be read. */
  readonly changes: readonly Change[];
}

/** Takes the answers to one question. */
interface Asker {
  revision(r: Told): void;
  state(s: Snapshot): void;
  done(error: TrefoilError | null): void;
}

/** The questions about the past of objects that wait for their answers. */
export class Past {
  readonly #askers = new Map<number, Asker>();

  constructor(
    readonly core: Core,
    /** Sends what there is to send. */
    readonly pump: () => void,
    /** Why nothing can be asked any more. */
    readonly over: () => TrefoilError | null,
  ) {}

  /** Passes on an event of the core. */
  tell(e: Event & { kind: "revision" | "state" | "done" }): void {
    const asker = this.#askers.get(e.request);
    if (e.kind === "revision") {
      asker?.revision(e.revision);
      return;
    }
    this.#askers.delete(e.request);
    if (e.kind === "state") asker?.state(e.snapshot);
    else asker?.done(e.error);
  }

  /** Ends all. */
  close(error: TrefoilError): void {
    for (const [request, asker] of [...this.#askers]) {
      this.#askers.delete(request);
      this.core.forget(request);
      asker.done(error);
    }
  }

  /** The state of an object at a version. */
  at(object: string, version: number, signal: AbortSignal | undefined): Promise<Snapshot> {
    return new Promise((resolve, reject) => {
      if (!Number.isSafeInteger(version) || version < 0) throw invalid("a version is an integer from 0 on");
      const stop = this.#ask(() => this.core.at(object, version), signal, {
        revision: () => undefined,
        state: (s) => (stop(), resolve(s)),
        done: (error) => (stop(), reject(error)),
      });
    });
  }

  /**
   * The revisions of an object behind version from, up to version to. The server tells what each wrote; what stood there before follows from the
   * state at from.
   */
  async *history(object: string, from: number, to: number, signal: AbortSignal | undefined): AsyncGenerator<Revision, void, undefined> {
    if (!Number.isSafeInteger(to) || to < 0) throw invalid("a version is an integer from 0 on");
    let root = (await this.at(object, from, signal)).root ?? TreeNode.empty();
    while (from < to) {
      const upto = Math.min(to, from + AT_ONCE);
      for await (const told of this.#some(object, from, upto, signal)) {
        const after = apply(root, told.writes, told.version);
        if (typeof after === "number") {
          throw fault(Code.DataLoss, Reason.History, `version ${told.version} of ${object} does not follow on the one before`);
        }
        const { version } = told;
        const origin = told.client === this.core.client ? "mine" : "remote";
        const changes = changesOf({ before: root, after, version, origin, paths: changedPaths(told.writes) }, []);
        const { writes: _, ...rest } = told;
        yield { ...rest, changes };
        root = after;
      }
      from = upto;
    }
  }

  /** Asks for revisions once. */
  async *#some(object: string, from: number, to: number, signal: AbortSignal | undefined): AsyncGenerator<Told, void, undefined> {
    const come: Told[] = [];
    let end: { error: TrefoilError | null } | null = null;
    let wake = (): void => undefined;
    const stop = this.#ask(() => this.core.history(object, from, to), signal, {
      revision: (r) => (come.push(r), wake()),
      state: () => undefined,
      done: (error) => ((end = { error }), wake()),
    });
    try {
      for (;;) {
        for (let r = come.shift(); r !== undefined; r = come.shift()) yield r;
        const ended = end as { error: TrefoilError | null } | null;
        if (ended?.error) throw ended.error;
        if (ended !== null) return;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      stop();
    }
  }

  /** Asks, and returns what ends the wait. */
  #ask(ask: () => number, signal: AbortSignal | undefined, asker: Asker): () => void {
    const over = this.over() ?? (signal?.aborted === true ? aborted(signal) : null);
    if (over !== null) throw over;
    const request = ask();
    const stop = (): void => {
      signal?.removeEventListener("abort", abort);
      if (this.#askers.delete(request)) this.core.forget(request);
    };
    const abort = (): void => {
      stop();
      asker.done(aborted(signal as AbortSignal));
    };
    this.#askers.set(request, asker);
    signal?.addEventListener("abort", abort);
    this.pump();
    return stop;
  }
}
