import { Code, TrefoilError } from "../status.ts";

/** What one side accepts, in bytes of the connection's codec. */
export interface Limits {
  readonly message: number;
  readonly frame: number;
  readonly partial: number;
}

/** Defaults of docs/PROTOCOL.md, section 11; also what a welcome without limits means. */
export const defaultLimits: Limits = { message: 1 << 20, frame: 4 << 20, partial: 8 << 20 };
/** The least that a peer may announce. */
export const leastLimit = 4096;
/** The longest message to a peer whose limits are not known yet. */
export const openingMessage = 64 << 10;
/** How many chunked frames may be under way at a time in one direction. */
export const maxUnfinished = 256;
/** Where a message is ended although the peer would take more. */
export const batchSize = 64 << 10;
/** The longest frame that is not cut, and the length of the pieces. */
export const chunkSize = 16 << 10;
/** What control frames may use beyond the outbound budget. */
export const controlReserve = 64 << 10;
/** How many bytes are handed to the WebSocket before it has sent the ones before: what is in it can no longer be overtaken. */
export const highWater = 256 << 10;

/** The limits that options ask for. */
export function ownLimits(options: { maxMessage?: number; maxFrame?: number; maxPartial?: number }): Limits {
  const message = within("maxMessage", options.maxMessage ?? defaultLimits.message, leastLimit, 2 ** 30);
  const frame = within("maxFrame", options.maxFrame ?? defaultLimits.frame, leastLimit, 2 ** 30);
  const partial = within("maxPartial", options.maxPartial ?? defaultLimits.partial, leastLimit, 2 ** 30);
  // What does not fit into all unfinished frames together can never be finished.
  return { message, frame, partial: Math.max(partial, frame) };
}

/** v if it is a number between least and most; throws invalid_argument `transport.bad_option` otherwise. */
export function within(name: string, v: number, least: number, most: number): number {
  if (!(v >= least && v <= most)) throw new TrefoilError(Code.InvalidArgument, "transport.bad_option", `${name} must lie between ${least} and ${most}`);
  return v;
}
