import { errorValue } from "../internal/body.ts";
import { metadataValue } from "../internal/limits.ts";
import type { TrefoilError } from "../status.ts";
import type { Metadata } from "./metadata.ts";

/** The kinds of docs/PROTOCOL.md, section 6. Kinds 5 to 10 are reserved for streams. */
export const Kind = { call: 1, result: 2, error: 3, cancel: 4 } as const;

/** Flag of a call: no answer wanted. */
export const flagNotify = 1;

/** The longest timeout on the wire, in ms: 34 years are as good as none. */
export const maxTimeout = 2 ** 40;

const rpc = 1; // the pattern's number

/** A frame, ready to be given to a session. */
export type OutFrame = readonly unknown[];

export function callFrame(id: number, procedure: string, timeout: number, notify: boolean, metadata: Metadata | undefined, payload: unknown): OutFrame {
  return [rpc, Kind.call, id, procedure, timeout, notify ? flagNotify : 0, metadataValue(metadata), payload];
}

export function resultFrame(id: number, payload: unknown, metadata: Metadata | null): OutFrame {
  const md = metadataValue(metadata);
  return md ? [rpc, Kind.result, id, payload, md] : [rpc, Kind.result, id, payload];
}

export function errorFrame(id: number, err: TrefoilError, metadata: Metadata | null = null): OutFrame {
  const md = metadataValue(metadata);
  return md ? [rpc, Kind.error, id, errorValue(err), md] : [rpc, Kind.error, id, errorValue(err)];
}

export function cancelFrame(id: number): OutFrame {
  return [rpc, Kind.cancel, id];
}
