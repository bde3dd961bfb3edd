/** Typed calls over a connection, in both directions. */
export { Method, method } from "./method.ts";
export type { CallOptions, MethodOptions } from "./method.ts";
export { Peer } from "./peer.ts";
export type { PeerOptions } from "./peer.ts";
export type { CallInfo } from "./serve.ts";
export type { Metadata } from "./metadata.ts";
export { RpcReason } from "./errors.ts";
