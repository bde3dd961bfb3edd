import type { Value } from "../codec/value.ts";
import { fits } from "../internal/body.ts";
import { badRequest } from "./errors.ts";
import { Feed } from "./feed.ts";
import type { Position, SubscriptionEvent } from "./message.ts";
import { Queue, defaultBuffer, defaultBufferBytes } from "./queue.ts";
import type { Begin } from "./wire.ts";
import { maxLast } from "./wire.ts";

/** Options of one subscription; all may be left out. Without `from` and `last` it begins with what is published from now on. */
export interface SubscribeOptions {
  /**
   * Begins behind this position, as far as history reaches; what it no longer holds is told by a gap. "oldest" begins with the oldest publication that is
   * kept, null is as if it were left out.
   */
  from?: Position | "oldest" | null | undefined;
  /** Begins with the newest `last` publications that history holds. Not together with `from`. */
  last?: number | undefined;
  /** How many events may wait for the program, at least 1; default 256. When it is full the oldest are dropped, and told by a gap. */
  buffer?: number | undefined;
  /** In the same way, how many bytes they take, roughly; default 8 MiB. An event that is larger than that waits alone. */
  bufferBytes?: number | undefined;
  /** Closes the subscription when it is aborted. Default: none. */
  signal?: AbortSignal | undefined;
}

/**
 * A subscription. It survives reconnects: it resumes where it stood, and what it could not be given is told by a {@link Gap} in its place. Messages come in the
 * log's order; without history, in the order of each topic.
 */
export class Subscription<T = Value> extends Feed<SubscriptionEvent<T>> {
  /** What was subscribed to. */
  readonly filter: string;
  readonly #queue: Queue;
  readonly #leave: (self: Subscription<unknown>) => void;

  /** @internal Made by {@link PubSub.subscribe}. */
  constructor(filter: string, queue: Queue, leave: (self: Subscription<unknown>) => void) {
    super();
    this.filter = filter;
    this.#queue = queue;
    this.#leave = leave;
  }

  /** @internal */
  push(event: SubscriptionEvent): void {
    if (this.closed) return;
    this.#queue.push(event);
    this.wake();
  }

  protected override take(): SubscriptionEvent<T> | undefined {
    return this.#queue.take() as SubscriptionEvent<T> | undefined;
  }

  protected override leave(): void {
    this.#leave(this as Subscription<unknown>);
  }
}

/** Where a subscription begins. Throws `pubsub.bad_request` for options that make no sense. */
export function beginOf(options: SubscribeOptions): Begin {
  const last = options.last ?? 0;
  if (!natural(last)) throw badRequest("last is a natural number");
  if (options.from && last > 0) throw badRequest("from and last contradict each other");
  if (options.from === "oldest") return { from: { log: "", epoch: "", offset: 0 }, last: 0 };
  return { from: options.from ? checkPosition(options.from) : null, last: Math.min(last, maxLast) };
}

function checkPosition({ log, epoch, offset }: Position): Position {
  if (typeof log !== "string" || typeof epoch !== "string" || !fits(epoch, 32) || !natural(offset)) {
    throw badRequest("a position has a log, an epoch and an offset");
  }
  return { log, epoch, offset };
}

/** What waits for the program. Throws `pubsub.bad_request` for options that make no sense. */
export function queueOf(filter: string, options: SubscribeOptions): Queue {
  const { buffer = defaultBuffer, bufferBytes = defaultBufferBytes } = options;
  if (!natural(buffer) || buffer < 1 || !natural(bufferBytes) || bufferBytes < 1) throw badRequest("buffer and bufferBytes are positive integers");
  return new Queue(filter, buffer, bufferBytes);
}

function natural(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0;
}
