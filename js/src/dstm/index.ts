/**
 * Versioned objects that are shared between a server and all its clients, and changed in transactions (distributed software
 * transactional memory). PROTOCOL.md, section 8, is the exact contract.
 *
 * @module
 */
export { Client, type ClientOptions } from "./client.ts";
export { conflictPaths, Reason } from "./errors.ts";
export type { Change } from "./feed.ts";
export type { SharedObject, WaitOptions } from "./object.ts";
export { pathString, type Path } from "./path.ts";
export type { Origin } from "./replica/types.ts";
export type { Bounds, Tx } from "./tx.ts";
export type { UpdateOptions } from "./update.ts";
export { variable, type Lookup, type Ref, type Variable } from "./variable.ts";
export type { Commit, Pending } from "./view.ts";
