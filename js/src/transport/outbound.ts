import { Code, TrefoilError } from "../status.ts";
import type { Codec } from "./codec.ts";
import { LargeQueue } from "./large.ts";
import type { Large } from "./large.ts";
import { batchSize, chunkSize, controlReserve } from "./limits.ts";
import type { Limits } from "./limits.ts";
import { joinFrames } from "./wire.ts";

/**
 * What waits to be given to the WebSocket, in the connection's codec, bounded in bytes. Small frames are gathered into messages, large ones wait to be
 * cut; so a large frame holds up its own stream alone.
 */
export class Outbound {
  /** Bytes queued here; what the WebSocket has not sent yet comes on top. */
  size = 0;
  readonly budget: number;
  readonly #codec: Codec;
  readonly #peer: Limits;
  #control: Uint8Array[] = [];
  #small: Uint8Array[] = [];
  #smallTaken = 0; // how many small frames have ever left
  readonly #large = new LargeQueue();
  #owed = false; // the next message begins with a piece of a large frame

  constructor(codec: Codec, budget: number, peer: Limits) {
    this.#codec = codec;
    this.budget = budget;
    this.#peer = peer;
  }

  get empty(): boolean {
    return this.#control.length === 0 && this.#small.length === 0 && this.#large.empty;
  }

  get #maxMessage(): number {
    return Math.min(this.#peer.message, batchSize);
  }

  get #maxSmall(): number {
    return Math.min(this.#peer.message, chunkSize);
  }

  /** Queues a frame of a stream; buffered is what the WebSocket has not sent yet. Throws, and queues nothing, if it cannot be. */
  put(wire: Uint8Array, stream: string, buffered: number): void {
    const n = wire.length;
    const isLarge = n > this.#maxSmall;
    if (n > this.#peer.frame || (isLarge && n > this.#peer.partial)) {
      throw new TrefoilError(Code.ResourceExhausted, "transport.frame_too_large", "the frame is larger than the server accepts");
    }
    const waiting = this.size + buffered;
    // A frame larger than the whole budget goes while nothing else does.
    if (waiting > 0 && waiting + n > this.budget) throw new TrefoilError(Code.ResourceExhausted, "transport.full", "the outbound queue is full");
    const first = this.#large.find(stream);
    if (first) first.waiting.push({ wire, large: isLarge });
    else if (isLarge) this.#large.add(stream, wire, this.#smallTaken + this.#small.length);
    else this.#small.push(wire);
    this.size += n;
  }

  /** Queues a control frame. Reports false if even the reserve is full. */
  putControl(wire: Uint8Array, buffered: number): boolean {
    if (this.size + buffered + wire.length > this.budget + controlReserve) return false;
    this.#control.push(wire);
    this.size += wire.length;
    return true;
  }

  /** Takes the next message: control frames, then small ones, then a piece of a large one, so that each gets on. Null if nothing waits. */
  next(): Uint8Array | null {
    const limit = this.#maxMessage;
    const { gap } = this.#codec;
    const frames: Uint8Array[] = [];
    let length = 0;
    const add = (wire: Uint8Array): void => {
      length += wire.length + (frames.length > 0 ? gap : 0);
      frames.push(wire);
    };
    const takeFrom = (lane: Uint8Array[]): number => {
      let n = 0;
      for (const wire of lane) {
        if (frames.length > 0 && length + gap + wire.length > limit) break;
        add(wire);
        this.size -= wire.length;
        n++;
      }
      lane.splice(0, n);
      return n;
    };
    const piece = (): void => {
      const room = limit - length - gap;
      if (frames.length > 0 && this.#codec.pieceSize(room) < this.#codec.pieceSize(limit) / 2) {
        this.#owed = true;
        return;
      }
      const wire = this.#cut(room);
      if (wire) add(wire);
    };
    takeFrom(this.#control);
    const owed = this.#owed;
    this.#owed = false;
    if (owed) piece();
    this.#smallTaken += takeFrom(this.#small);
    if (!owed && !this.#large.empty) piece();
    return frames.length === 0 ? null : joinFrames(frames, gap);
  }

  /** One chunk of the large frame whose turn it is, at most limit bytes long. */
  #cut(limit: number): Uint8Array | null {
    const f = this.#large.pick(this.#smallTaken, this.#peer.partial);
    if (!f) return null;
    const n = Math.min(this.#codec.pieceSize(limit), f.wire.length - f.sent);
    const piece = f.wire.subarray(f.sent, f.sent + n);
    f.sent += n;
    this.size -= n;
    const last = f.sent === f.wire.length;
    if (last) {
      this.#large.done(f);
      this.#follow(f);
    } else {
      this.#large.back(f);
    }
    return this.#codec.chunk(f.id, last, piece);
  }

  /** Queues what waited behind a large frame that is sent. */
  #follow(f: Large): void {
    for (const [i, w] of f.waiting.entries()) {
      if (w.large) {
        this.#large.add(f.stream, w.wire, this.#smallTaken + this.#small.length).waiting = f.waiting.slice(i + 1);
        return;
      }
      this.#small.push(w.wire);
    }
  }
}
