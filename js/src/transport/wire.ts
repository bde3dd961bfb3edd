import type { Value } from "../codec/value.ts";
import { Code, TrefoilError } from "../status.ts";

/** Kinds of control frames: docs/PROTOCOL.md, section 5. */
export const Control = { hello: 1, welcome: 2, ping: 3, pong: 4, goaway: 5, chunk: 6 } as const;

/** What every frame begins with, and what follows. */
export interface Header {
  readonly pattern: number;
  readonly kind: number;
  readonly stream: number | bigint | string;
  readonly body: readonly Value[];
}

/** Takes a decoded frame apart; null if it is none. */
export function readHeader(frame: unknown): Header | null {
  if (!Array.isArray(frame) || frame.length < 3) return null;
  const [pattern, kind, stream] = frame as Value[];
  if (!isInteger(pattern, 0, 1 << 15) || !isInteger(kind, 1, 127)) return null;
  if (typeof stream !== "string" && typeof stream !== "bigint" && !(typeof stream === "number" && Number.isInteger(stream))) return null;
  return { pattern, kind, stream, body: frame.slice(3) as Value[] };
}

function isInteger(v: unknown, least: number, most: number): v is number {
  return typeof v === "number" && Number.isInteger(v) && v >= least && v <= most;
}

/** The key of the stream that a frame belongs to. An integer and the string of its digits are different streams. */
export function streamKey(h: Header): string {
  return `${h.pattern} ${typeof h.stream === "string" ? "s" : "i"}${h.stream}`;
}

/** Frames as one message, with an LF between two if there is a gap. */
export function joinFrames(frames: readonly Uint8Array[], gap: number): Uint8Array {
  if (frames.length === 1) return frames[0] as Uint8Array;
  const message = new Uint8Array(frames.reduce((n, f) => n + f.length + gap, -gap));
  let at = 0;
  for (const f of frames) {
    message.set(f, at);
    at += f.length;
    if (gap > 0 && at < message.length) message[at++] = 0x0a;
  }
  return message;
}

/** The error of what is no frame. */
export function malformed(what: string): TrefoilError {
  return new TrefoilError(Code.InvalidArgument, "transport.malformed", what);
}
