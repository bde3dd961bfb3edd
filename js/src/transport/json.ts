import { toBase64, toHex } from "../codec/binary.ts";
import { fromJSON } from "../codec/fromjson.ts";
import { toJSON } from "../codec/tojson.ts";
import { CloseCode } from "./close.ts";
import type { Codec } from "./codec.ts";
import { chunkSize } from "./limits.ts";
import { checkFrame, checkMessage, Refused } from "./refused.ts";
import { Control } from "./wire.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Frames as lines of JSON, to be read by people: `new Client(url, { codec: json })`. */
export const json: Codec = {
  subprotocol: "trefoil.1.json",
  gap: 1, // LF
  encode: (frame) => encoder.encode(toJSON(frame)),
  decode: fromJSON,
  chunk(id, last, piece) {
    // Any 16 bytes are written as an id. This saves the way through the encoder.
    const bytes = piece.length === 16 ? `{"$id":"${toHex(piece)}"}` : `{"$bytes":"${toBase64(piece)}"}`;
    return encoder.encode(`[0,${Control.chunk},${id},${last},${bytes}]`);
  },
  pieceSize: (n) => Math.min(chunkSize, Math.floor((n - 64) / 4) * 3),
  message: (bytes) => decoder.decode(bytes),
  split(message, own, take) {
    if (typeof message !== "string") throw new Refused(CloseCode.malformed, "a message is not of the subprotocol");
    checkMessage(utf8Length(message, own.message), own);
    for (let at = 0; at < message.length; ) {
      const lf = message.indexOf("\n", at);
      const line = message.slice(at, lf < 0 ? message.length : lf);
      checkFrame(utf8Length(line, own.frame), own);
      at += line.length + 1;
      if (!take(fromJSON(line))) return;
    }
  },
};

/** How long a text is in UTF-8; not counted exactly where it is clear that it is within, or beyond, the limit. */
function utf8Length(text: string, limit: number): number {
  if (text.length * 3 <= limit || text.length > limit) return text.length;
  return encoder.encode(text).length;
}
