/**
 * Versioned objects that are shared between a server and all its clients, and changed in transactions (distributed software
 * transactional memory). PROTOCOL.md, section 8, is the exact contract.
 *
 * @module
 */
export { Client, type ClientOptions } from "./client.ts";
export { list, map, type ListOf, type ListRef, type MapOf, type MapRef } from "./collections.ts";
export { conflictPaths, Reason } from "./errors.ts";
export type { Change } from "./feed.ts";
export { updateAll, viewAll } from "./many.ts";
export type { SharedObject, WaitOptions } from "./object.ts";
export type { Inbox, InboxItem } from "./offline/inbox.ts";
export { type NamedOptions, NamedTransaction, type SubmitOptions, transaction } from "./offline/named.ts";
export type { Difference } from "./offline/types.ts";
export type { Work } from "./offline/work.ts";
export type { Revision } from "./past.ts";
export { pathString, type Path } from "./path.ts";
export { after, before, first, last, type Place } from "./place.ts";
export type { Origin } from "./replica/types.ts";
export type { Bounds, Comparison, Tx } from "./tx.ts";
export { UndoStack } from "./undo_stack.ts";
export type { UpdateOptions } from "./update.ts";
export { field, variable, type Lookup, type Ref, type Variable } from "./variable.ts";
export type { Commit, Pending } from "./view.ts";
