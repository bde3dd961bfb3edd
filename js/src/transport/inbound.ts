import { decode, fromJSON } from "../codec/index.ts";
import { decodeAt } from "../codec/decode.ts";
import type { Value } from "../codec/index.ts";
import { TrefoilError } from "../status.ts";
import { CloseCode } from "./close.ts";
import { maxUnfinished } from "./limits.ts";
import type { Limits } from "./limits.ts";

/** Why a message ends the session. */
export class Refused {
  readonly code: number;
  readonly reason: string;

  constructor(code: number, reason: string) {
    this.code = code;
    this.reason = reason;
  }
}

/** What a thing that decoding threw means for the session; null for a defect. */
export function refused(err: unknown): Refused | null {
  if (err instanceof Refused) return err;
  return err instanceof TrefoilError ? new Refused(CloseCode.malformed, err.reason) : null;
}

/**
 * The frames of one message, one after another: a good frame before a bad one is still delivered. Throws {@link Refused} or an error of the codec.
 */
export function* split(data: unknown, json: boolean, own: Limits): Generator<Value> {
  if (json !== (typeof data === "string")) throw new Refused(CloseCode.malformed, "a message is not of the subprotocol");
  if (typeof data === "string") yield* splitText(data, own);
  else yield* splitBytes(toBytes(data), own);
}

function toBytes(data: unknown): Uint8Array {
  // By tag: it may come from another frame of the page.
  if (Object.prototype.toString.call(data) === "[object ArrayBuffer]") return new Uint8Array(data as ArrayBuffer);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  throw new Refused(CloseCode.malformed, "a message is neither text nor bytes");
}

function* splitBytes(bytes: Uint8Array, own: Limits): Generator<Value> {
  checkMessage(bytes.length, own);
  for (let at = 0; at < bytes.length; ) {
    const { value, end } = decodeAt(bytes, at);
    checkFrame(end - at, own);
    at = end;
    yield value;
  }
}

function* splitText(text: string, own: Limits): Generator<Value> {
  checkMessage(utf8Length(text, own.message), own);
  for (let at = 0; at < text.length; ) {
    const lf = text.indexOf("\n", at);
    const end = lf < 0 ? text.length : lf;
    const line = text.slice(at, end);
    checkFrame(utf8Length(line, own.frame), own);
    at = end + 1;
    yield fromJSON(line);
  }
}

/** How long a text is in UTF-8; not counted exactly where it is clear that it is within, or beyond, the limit. */
function utf8Length(text: string, limit: number): number {
  if (text.length * 3 <= limit || text.length > limit) return text.length;
  return new TextEncoder().encode(text).length;
}

function checkMessage(n: number, own: Limits): void {
  if (n === 0) throw new Refused(CloseCode.malformed, "a message without a frame");
  if (n > own.message) throw new Refused(CloseCode.tooLarge, `a message is larger than ${own.message} bytes`);
}

function checkFrame(n: number, own: Limits): void {
  if (n > own.frame) throw new Refused(CloseCode.tooLarge, `a frame is larger than ${own.frame} bytes`);
}

/** The frames that arrive in chunks and are not complete. Memory grows with what arrived, never with what was announced. */
export class Chunks {
  readonly #parts = new Map<string, Part>();
  #bytes = 0;
  readonly #json: boolean;
  readonly #own: Limits;

  constructor(json: boolean, own: Limits) {
    this.#json = json;
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
      const frame = whole.bytes.subarray(0, whole.length);
      return this.#json ? fromJSON(frame) : decode(frame);
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
