import type { Value } from "../codec/value.ts";
import { CloseCode } from "./close.ts";
import type { Codec } from "./codec.ts";
import { maxUnfinished } from "./limits.ts";
import type { Limits } from "./limits.ts";
import { checkFrame, Refused } from "./refused.ts";

/** The frames that arrive in chunks and are not complete. Memory grows with what arrived, never with what was announced. */
export class Chunks {
  readonly #parts = new Map<string, Part>();
  #bytes = 0;
  readonly #codec: Codec;
  readonly #own: Limits;

  constructor(codec: Codec, own: Limits) {
    this.#codec = codec;
    this.#own = own;
  }

  /** Adds a piece to its frame and returns the frame if it was the last, undefined otherwise. */
  add(id: unknown, body: readonly Value[]): Value | undefined {
    const [last, piece] = body;
    if ((typeof id !== "number" && typeof id !== "bigint") || typeof last !== "boolean" || !(piece instanceof Uint8Array)) {
      throw new Refused(CloseCode.malformed, "malformed chunk");
    }
    const key = String(id);
    const part = this.#parts.get(key);
    const length = (part?.length ?? 0) + piece.length;
    checkFrame(length, this.#own);
    if (this.#bytes + piece.length > this.#own.partial) throw new Refused(CloseCode.protocol, `unfinished frames of more than ${this.#own.partial} bytes`);
    if (!part && this.#parts.size >= maxUnfinished) throw new Refused(CloseCode.protocol, `more than ${maxUnfinished} unfinished frames`);
    if (last) {
      this.#parts.delete(key);
      this.#bytes -= part?.length ?? 0;
      const whole = append(part, piece);
      return this.#codec.decode(whole.bytes.subarray(0, whole.length));
    }
    this.#parts.set(key, append(part, piece));
    this.#bytes += piece.length;
    return undefined;
  }
}

/** The beginning of a frame. */
interface Part {
  bytes: Uint8Array;
  length: number;
}

/** Adds a piece to a part. It is copied, so that many small pieces take no more memory than few large ones. */
function append(part: Part | undefined, piece: Uint8Array): Part {
  if (!part) return { bytes: piece, length: piece.length };
  const length = part.length + piece.length;
  if (length > part.bytes.length) {
    const larger = new Uint8Array(Math.max(length, 2 * part.length));
    larger.set(part.bytes.subarray(0, part.length));
    part.bytes = larger;
  }
  part.bytes.set(piece, part.length);
  part.length = length;
  return part;
}
