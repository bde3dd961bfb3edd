import type { Value } from "../codec/value.ts";
import { aborted } from "../internal/aborted.ts";
import { Backlog } from "../internal/backlog.ts";
import { isMap } from "../internal/body.ts";
import { Code, TrefoilError } from "../status.ts";
import type { Pattern, Receiver } from "../transport/pattern.ts";
import type { Session } from "../transport/session.ts";
import type { Storage } from "../transport/storage/storage.ts";
import { badRequest, metadataLimits, notConnected, RpcReason } from "./errors.ts";
import { Link } from "./link.ts";
import { validMetadata } from "./metadata.ts";
import type { Metadata } from "./metadata.ts";
import { validName } from "./method.ts";
import type { CallOptions } from "./method.ts";
import type { Answer } from "./outcall.ts";
import { OutCall } from "./outcall.ts";
import type { Handler } from "./serve.ts";

/** Options of a {@link Peer}; all may be left out. */
export interface PeerOptions {
  /** How many calls of the server are handled at once; one more is answered `rpc.busy`. A positive integer; default 64. */
  maxConcurrent?: number | undefined;
  /**
   * Receives what a handler threw that is no {@link TrefoilError}, or nobody hears about because the call wanted no answer; of the former nothing travels.
   * Default: `console.error`.
   */
  onError?: ((err: unknown, procedure: string) => void) | undefined;
  /** Where calls with `queue` wait: what `openStorage` gave, the same as that of the connection. Default: in memory. */
  storage?: Storage | undefined;
  /** How many of those may wait, and their bytes; one more fails at once with `rpc.busy`. Defaults 256 and 1 MiB. */
  queueLength?: number | undefined;
  queueBytes?: number | undefined;
}

/**
 * This client's end of rpc: it holds the handlers, and the session to call on. It is a {@link Pattern}: hand it to one client, which it serves over all
 * its reconnects.
 */
export class Peer implements Pattern {
  readonly name = "rpc";
  /** How many calls are handled at once. */
  readonly maxConcurrent: number;
  readonly #onError: (err: unknown, procedure: string) => void;
  readonly #handlers = new Map<string, Handler>();
  readonly #waiting = new Set<OutCall>();
  readonly #options: PeerOptions;
  readonly #backlog: Backlog<Answer>;
  #link: Link | null = null;
  #lastId = 0;
  #over = false;

  /** Throws invalid_argument for options that make no sense. */
  constructor(options: PeerOptions = {}) {
    const max = options.maxConcurrent ?? 64;
    if (!Number.isSafeInteger(max) || max < 1) {
      throw new TrefoilError(Code.InvalidArgument, "", "maxConcurrent is a positive integer");
    }
    this.maxConcurrent = max;
    const [most, mostBytes] = [options.queueLength ?? 256, options.queueBytes ?? 1 << 20];
    if (!(most >= 0) || !(mostBytes >= 0)) throw badRequest("queueLength and queueBytes are no negative numbers");
    this.#options = options;
    this.#backlog = new Backlog<Answer>({
      room: "rpc", storage: options.storage ?? null, most, mostBytes,
      full: () => new TrefoilError(Code.ResourceExhausted, RpcReason.Busy, `more than ${most} calls, or too large ones, wait for a connection`),
      check: checkCall,
      send: async ([procedure, metadata, input]) => {
        const answer = await this.send(procedure as string, input, { metadata: (metadata ?? undefined) as Metadata | undefined }, false);
        // Whoever handles it, or stands before that, may have had no time for it.
        if (answer.error !== null && (answer.error.is(RpcReason.Busy) || answer.error.code === Code.Unavailable)) throw answer.error;
        return answer;
      },
    });
    this.#onError = options.onError ?? ((err, procedure) => console.error(`trefoil: the handler of ${procedure} failed:`, err));
  }

  /** Implements {@link Pattern}. */
  attach(session: Session): Receiver {
    const link = new Link(this, session);
    this.#link = link;
    this.#over = false;
    for (const call of [...this.#waiting]) {
      this.#waiting.delete(call);
      call.start(this.#link); // the link may be found dead at the first one
    }
    this.#backlog.start();
    return link;
  }

  /** Implements {@link Pattern}: calls that wait for a session fail with `rpc.not_connected`. */
  finish(_err: TrefoilError): void {
    this.#over = true;
    this.#backlog.close(notConnected());
    for (const call of [...this.#waiting]) call.fail(notConnected());
  }

  /** @internal The session to call on now. */
  get link(): Link | null {
    return this.#link;
  }

  /** @internal Strictly increasing over all sessions. */
  nextId(): number {
    return ++this.#lastId;
  }

  /** @internal Makes one call; {@link Method.call} is the typed way. */
  send(procedure: string, input: unknown, options: CallOptions, notify: boolean): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { signal, timeout, metadata } = options;
      if (signal?.aborted) throw aborted(signal, false);
      if (timeout !== undefined && !(timeout > 0)) throw badRequest("a timeout is above 0");
      if (metadata && !validMetadata(metadata)) throw badRequest(metadataLimits);
      const own = metadata && { ...metadata };
      if (options.queue === true) {
        if (options.idempotent !== true || notify || timeout !== undefined) throw badRequest("only an idempotent call that wants an answer, without a timeout, can be queued");
        return resolve(this.#backlog.add([procedure, own ?? null, input === undefined ? null : input], signal));
      }
      new OutCall(this, procedure, input, { ...options, metadata: own }, notify, resolve, reject).start(this.#link);
    });
  }

  /** @internal Makes a call wait for the next session; false if none will come. */
  wait(call: OutCall): boolean {
    if (!this.#over) this.#waiting.add(call);
    return !this.#over;
  }

  /** @internal */
  unwait(call: OutCall): void {
    this.#waiting.delete(call);
  }

  /** @internal Forgets a session that can send no more, unless there is a newer one. */
  drop(link: Link): void {
    if (this.#link !== link) return;
    this.#link = null;
    this.#backlog.stop();
  }

  /** Implements {@link Pattern}. */
  fork(storage: Storage): Peer | null {
    return this.#options.storage ? new Peer({ ...this.#options, storage }) : null;
  }

  /** Implements {@link Pattern}. */
  drained(): Promise<void> {
    return this.#backlog.drained();
  }

  /** @internal Adds a handler; what it returns takes it away. */
  register(handler: Handler): () => void {
    if (this.#handlers.has(handler.procedure)) {
      throw new TrefoilError(Code.AlreadyExists, "", `method ${handler.procedure} is handled already`);
    }
    this.#handlers.set(handler.procedure, handler);
    return () => {
      if (this.#handlers.get(handler.procedure) === handler) this.#handlers.delete(handler.procedure);
    };
  }

  /** @internal */
  handler(procedure: string): Handler | undefined {
    return this.#handlers.get(procedure);
  }

  /** @internal Tells the program what no caller is told. */
  report(err: unknown, procedure: string): void {
    try {
      this.#onError(err, procedure);
    } catch (again) {
      console.error("trefoil: onError failed:", again);
    }
  }
}

/** Throws unless content is that of a call. */
function checkCall(content: readonly Value[]): void {
  const [procedure, metadata, input] = content;
  const good = metadata === null || (isMap(metadata) && validMetadata(metadata as Metadata));
  if (content.length !== 3 || typeof procedure !== "string" || !validName(procedure) || !good || input === undefined) throw badRequest("no call");
}
