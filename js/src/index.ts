/**
 * The browser client of Trefoil: remote procedure calls, publish/subscribe, and distributed transactional memory, over one WebSocket.
 *
 * A `Client` holds the connection; the patterns `rpc.Peer`, `pubsub.PubSub` and `dstm.Client` are given to it. Importing this touches no browser global.
 */
export { Code, TrefoilError, codeName } from "./status.ts";
export { Time } from "./codec/index.ts";
export type { Value, ValueMap } from "./codec/index.ts";
export { Client, CloseCode, json, openStorage, StorageReason } from "./transport/index.ts";
export type {
  ClientOptions, Codec, Credentials, Environment, Frame, KeyLocks, KeyStorage, Pattern, Phase, Receiver, Session, SharedStorage, Socket, SocketConstructor, State, Storage,
  StorageChange, StorageOptions,
} from "./transport/index.ts";
export * as codec from "./codec/index.ts";
export * as rpc from "./rpc/index.ts";
export * as pubsub from "./pubsub/index.ts";
export * as dstm from "./dstm/index.ts";
