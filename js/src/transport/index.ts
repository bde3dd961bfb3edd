export { Client } from "./client.ts";
export { CloseCode, comeBack } from "./close.ts";
export type { KeyLocks, KeyStorage } from "./key.ts";
export type { ClientOptions, Credentials } from "./options.ts";
export { PatternNumber } from "./pattern.ts";
export type { Frame, Pattern, Receiver } from "./pattern.ts";
export type { Session } from "./session.ts";
export type { Environment, Socket, SocketConstructor, SocketEvent } from "./socket.ts";
export type { Phase, State } from "./state.ts";
