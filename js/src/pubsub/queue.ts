import { sizeOf } from "../internal/size.ts";
import { Cause } from "./message.ts";
import type { Gap, SubscriptionEvent } from "./message.ts";

/** How many events wait for the program if it does not say. */
export const defaultBuffer = 256;
/** How many bytes they take if it does not say. */
export const defaultBufferBytes = 8 << 20;

/** What an event takes besides its content, roughly. */
const overhead = 200;

interface Entry {
  readonly event: SubscriptionEvent;
  readonly size: number;
}

/**
 * A subscription's events between the connection and the program. It never holds up the connection: when it is full the oldest events make room
 * and are counted.
 *
 * All that arrives in one turn (a message of the connection carries many publications, and the program cannot run in between) counts as one: room is
 * made before the turn's first event, so that a program which always keeps up never loses any.
 */
export class Queue {
  readonly #filter: string;
  readonly #limit: number;
  readonly #most: number;
  #entries: Entry[] = [];
  #first = 0;
  #bytes = 0;
  #lost: Gap | null = null; // what was dropped; stands before the first event
  #mixed = false; // what was dropped is of several epochs
  #turn = false;

  constructor(filter: string, limit: number, bytes: number) {
    this.#filter = filter;
    this.#limit = limit;
    this.#most = bytes;
  }

  push(event: SubscriptionEvent): void {
    const size = event.type === "gap" ? overhead : overhead + sizeOf(event.value) + sizeOf(event.metadata) + event.topic.length;
    if (!this.#turn) {
      this.#turn = true;
      queueMicrotask(() => (this.#turn = false));
      while (this.#waits > 0 && (this.#waits >= this.#limit || this.#bytes + size > this.#most)) this.#drop();
    }
    this.#entries.push({ event, size });
    this.#bytes += size;
  }

  /** The next event; undefined if there is none. */
  take(): SubscriptionEvent | undefined {
    const gap = this.#lost;
    this.#lost = null;
    this.#mixed = false;
    return gap ?? this.#pop();
  }

  get #waits(): number {
    return this.#entries.length - this.#first;
  }

  #pop(): SubscriptionEvent | undefined {
    const entry = this.#entries[this.#first];
    if (entry === undefined) return undefined;
    this.#first++;
    this.#bytes -= entry.size;
    if (this.#first * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
    return entry.event;
  }

  /** Takes the oldest event out and adds it to what was lost. */
  #drop(): void {
    const event = this.#pop()!;
    const lost = (this.#lost ??= {
      type: "gap", filter: this.#filter, topic: null, epoch: null, after: 0, to: 0, count: 0, cause: Cause.BufferFull,
    });
    const { epoch, after, to, count } = boundsOf(event);
    const changed = event.type === "gap" && event.cause === Cause.EpochChanged;
    if (changed || (epoch !== null && lost.epoch !== null && epoch !== lost.epoch)) this.#mixed = true;
    // Offsets of several epochs have no bounds in common.
    const bounds = this.#mixed ? { after: 0, to: 0 } : lost.to === 0 ? { after, to } : { after: lost.after, to: Math.max(lost.to, to) };
    this.#lost = { ...lost, ...bounds, epoch: epoch ?? lost.epoch, count: lost.count === null || count === null ? null : lost.count + count };
  }
}

/** What is missing if an event is. */
function boundsOf(event: SubscriptionEvent): Pick<Gap, "epoch" | "after" | "to" | "count"> {
  if (event.type === "gap") return event;
  const at = event.position;
  return at ? { epoch: at.epoch, after: at.offset - 1, to: at.offset, count: 1 } : { epoch: null, after: 0, to: 0, count: 1 };
}
