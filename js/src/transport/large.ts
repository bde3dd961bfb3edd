import { maxUnfinished } from "./limits.ts";

/** A frame that is sent in pieces, and what must wait behind it because it belongs to the same stream. */
export interface Large {
  readonly stream: string;
  readonly wire: Uint8Array;
  /** How much of it was sent. */
  sent: number;
  /** 0 until its first piece is sent. */
  id: number;
  /** The small frames below this number must leave before. */
  after: number;
  waiting: { wire: Uint8Array; large: boolean }[];
}

/** The large frames of one session, at most one for each stream; they take turns. */
export class LargeQueue {
  #frames: Large[] = [];
  readonly #byStream = new Map<string, Large>();
  #lastId = 0;
  #begun = 0;
  #bytes = 0;

  get empty(): boolean {
    return this.#frames.length === 0;
  }

  find(stream: string): Large | undefined {
    return this.#byStream.get(stream);
  }

  add(stream: string, wire: Uint8Array, after: number): Large {
    const f: Large = { stream, wire, sent: 0, id: 0, after, waiting: [] };
    this.#byStream.set(stream, f);
    this.#frames.push(f);
    return f;
  }

  /** Removes the frame whose turn it is and that may be sent now: taken small frames have left, and the peer has room for partial bytes. */
  pick(taken: number, partial: number): Large | undefined {
    const i = this.#frames.findIndex((f) => {
      if (f.after > taken) return false; // a smaller frame of its stream is still queued
      if (f.id !== 0) return true;
      // The receiver counts what is unfinished as a whole.
      return this.#begun < maxUnfinished && (this.#begun === 0 || this.#bytes + f.wire.length <= partial);
    });
    if (i < 0) return undefined;
    const f = this.#frames.splice(i, 1)[0] as Large;
    if (f.id === 0) {
      f.id = ++this.#lastId;
      this.#begun++;
      this.#bytes += f.wire.length;
    }
    return f;
  }

  /** Puts a frame back at the end: the others come first. */
  back(f: Large): void {
    this.#frames.push(f);
  }

  /** Forgets a frame that was sent whole. */
  done(f: Large): void {
    this.#begun--;
    this.#bytes -= f.wire.length;
    this.#byStream.delete(f.stream);
  }
}
