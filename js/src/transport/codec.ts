import { Reader, decode } from "../codec/decode.ts";
import { encode } from "../codec/encode.ts";
import type { Value } from "../codec/value.ts";
import { CloseCode } from "./close.ts";
import { chunkSize } from "./limits.ts";
import type { Limits } from "./limits.ts";
import { checkFrame, checkMessage, Refused } from "./refused.ts";
import { Control } from "./wire.ts";

/**
 * How frames are written on a connection (docs/PROTOCOL.md, sections 1 and 2): what the option `codec` of a client takes. There are two: msgpack, which a client speaks that is not told
 * otherwise, and `json`, which only those pages pay for that import it.
 */
export interface Codec {
  /** @internal How it is asked for. */
  readonly subprotocol: string;
  /** @internal How many bytes stand between two frames of a message. */
  readonly gap: number;
  /** @internal The bytes of a frame. */
  encode(frame: readonly unknown[]): Uint8Array;
  /** @internal The frame that bytes are. */
  decode(frame: Uint8Array): Value;
  /** @internal The bytes of a chunk of a frame. */
  chunk(id: number, last: boolean, piece: Uint8Array): Uint8Array;
  /** @internal How many bytes a chunk may hold so that its frame fits into n. */
  pieceSize(n: number): number;
  /** @internal What a WebSocket is given for a message of these bytes. */
  message(bytes: Uint8Array): string | ArrayBuffer;
  /**
   * @internal Gives the frames of a message to take, one after another until it says false: a good frame before a bad one is still delivered. Throws {@link Refused} or an error of
   * codec.
   */
  split(message: unknown, own: Limits, take: (frame: Value) => boolean): void;
}

/** The codec of a client that is not told otherwise. */
export const msgpack: Codec = {
  subprotocol: "trefoil.1.msgpack",
  gap: 0,
  encode,
  decode,
  chunk: (id, last, piece) => encode([0, Control.chunk, id, last, piece]),
  pieceSize: (n) => Math.min(chunkSize, n - 32),
  // A buffer of its own: the views that ArrayBuffer.isView knows include shared memory, which send refuses.
  message: (bytes) => (bytes.length < bytes.buffer.byteLength ? bytes.slice() : bytes).buffer as ArrayBuffer,
  split(message, own, take) {
    const bytes = toBytes(message);
    checkMessage(bytes.length, own);
    const r = new Reader(bytes);
    while (r.more) {
      const start = r.at;
      const frame = r.next();
      checkFrame(r.at - start, own);
      if (!take(frame)) return;
    }
  },
};

function toBytes(message: unknown): Uint8Array {
  if (ArrayBuffer.isView(message)) return new Uint8Array(message.buffer, message.byteOffset, message.byteLength);
  // By tag: it may come from another frame of the page.
  if (Object.prototype.toString.call(message) === "[object ArrayBuffer]") return new Uint8Array(message as ArrayBuffer);
  throw new Refused(CloseCode.malformed, "a message is not of the subprotocol");
}
