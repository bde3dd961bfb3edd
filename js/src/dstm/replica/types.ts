import type { Time } from "../../codec/value.ts";
import type { TrefoilError } from "../../status.ts";
import type { Path } from "../path.ts";
import type { TreeNode } from "../tree/node.ts";
import type { Edit } from "../tree/edit.ts";
import type { Part, Transaction, Write } from "../txn/txn.ts";

/** How many transactions of one client a server remembers (PROTOCOL.md, section 8). */
export const MAX_UNANSWERED = 64;

/** The version of nodes that only a prediction wrote: above every version there can be, so that nobody takes them for confirmed. */
export const PREDICTED = 2 ** 53;

/**
 * Says why an object changed: `remote`: another client committed it; `mine`: an own transaction, predicted or, where there was no
 * prediction, committed; `rollback`: an own prediction was taken back; `reset`: several changes folded into one, after a snapshot or
 * because the consumer was slow.
 */
export type Origin = "remote" | "mine" | "rollback" | "reset";

/** What is seen of an object went from before to after. */
export interface Changed {
  readonly kind: "changed";
  readonly object: string;
  readonly before: TreeNode;
  readonly after: TreeNode;
  /** The confirmed version. */
  readonly version: number;
  readonly origin: Origin;
  /** Where before and after may differ; null: anywhere. */
  readonly paths: readonly Path[] | null;
}

/** A transaction is answered. */
export interface Settled {
  readonly kind: "settled";
  /** The server said so. */
  readonly asked: boolean;
  readonly sequence: number;
  readonly objects: readonly string[];
  readonly log: string;
  /** Of the first part. */
  readonly epoch: string;
  readonly position: number;
  /** Of a commit: the new version for each part. */
  readonly versions: readonly number[];
  /** Null for a commit. */
  readonly error: TrefoilError | null;
  /** Of a refusal. */
  readonly conflicts: readonly Path[];
}

/** The confirmed state of an object went one version further. */
export interface Entered {
  readonly kind: "entered";
  readonly object: string;
  readonly version: number;
  readonly position: number;
  readonly hash: Uint8Array;
  readonly writes: readonly Write[];
}

/** Something that a user of the core has to hear. */
export type Event =
  /** The object has a state now. */
  | { readonly kind: "opened"; readonly object: string }
  /** The object could not be opened, and is forgotten. */
  | { readonly kind: "refused"; readonly object: string; readonly error: TrefoilError }
  /** The object, open before, was taken away, and is forgotten. */
  | { readonly kind: "ended"; readonly object: string; readonly error: TrefoilError; readonly was: Replica }
  | { readonly kind: "revision"; readonly request: number; readonly revision: Told }
  | { readonly kind: "state"; readonly request: number; readonly snapshot: Snapshot }
  /** The answer is complete, or there is none. */
  | { readonly kind: "done"; readonly request: number; readonly error: TrefoilError | null }
  /** All objects of the log are at one position again. */
  | { readonly kind: "level"; readonly log: string }
  | Entered
  | Changed
  | Settled;

/** What the client knows of one log: its own transactions there. */
export interface Journal {
  readonly name: string;
  epoch: string;
  /** The highest seen. */
  position: number;
  /** Ascending; those that may have been sent stand before those that were not. */
  queue: Submission[];
  /** Sent in this session, not answered. */
  flying: number;
  /** In this session: all objects are open again. */
  ready: boolean;
  /** What is open of the log was at one position, as the server said last. */
  level: boolean;
  /** The highest settled that was sent. */
  told: number;
  /** Sequences above told that were answered committed: the server remembers them, so that transactions may still depend on them. */
  committed: number[];
  /** Sequences of answered durable transactions whose end is not stored yet: settled does not reach them. */
  held: number[];
  /** Of those, the ones that were never sent, though the record says that they are to be: nothing behind them is sent for the first time. */
  unsent: number[];
}

/** An own transaction that is not answered, or whose writes are not yet in all roots. */
export interface Submission extends Transaction {
  sequence: number;
  readonly log: Journal;
  /** The parts as they travel, the same each time. */
  readonly wire: readonly unknown[];
  /** One for each part that is not in its object's root. */
  layers: Layer[];
  /** It may have been sent, in whatever session. */
  sent: boolean;
  /** It was sent in this session. */
  flying: boolean;
  /** Its log was closed in this session; it is asked for in the next one, and what is behind it waits, so that sequences ascend. */
  parked: boolean;
  /** Its prediction was taken back. */
  hidden: boolean;
  /** With committed. */
  answered: boolean;
  /** Its change has come: what is held of its objects contains it. */
  applied: boolean;
  /** Its epoch was over, as a state of another one said. */
  left: boolean;
  /**
   * A process before has stored it. Even if the record says that it was never sent, only the server can say so: if the storage failed, that process may have sent it, and it may
   * be committed. So it is sent as it was, whatever has happened since, and only what the server refuses is run anew.
   */
  readonly restored: boolean;
  /** There is a record of it, which outlives this process. */
  readonly durable: boolean;
  /** Its record says that it may have been sent. */
  stored: boolean;
}

/** What an own transaction writes in one object. */
export interface Layer {
  readonly tx: Submission;
  readonly part: Part;
  /** Those of part that the replica can show: of what is readable. */
  writes: readonly Write[];
  readonly object: Replica;
  shown: boolean;
  /** Versions of the object that transactions of tx.after made. */
  readonly made: number[];
  /** The version that the server made of it, 0 while unanswered. The layer stays until the object gets there. */
  reached: number;
}

/** The writes of one own transaction that a state shows. */
export interface Shown {
  readonly sequence: number;
  readonly paths: readonly Path[];
}

/** `offline`: no session, or the server had no time for it; `opening`: asked for, or about to be. */
export type Phase = "offline" | "opening" | "open";

/** What is held of one object: a confirmed root, which only the server's frames change, and layers of predicted writes above it. */
export interface Replica {
  readonly name: string;
  phase: Phase;
  /** Of the opening under way. */
  request: number;
  /** Its frame was sent. */
  asked: boolean;
  /** Transactions wait until it is open again. */
  returning: boolean;
  /** What is held does not fit the server's frames: no resume. */
  mistaken: boolean;

  /** Null until first opened. */
  log: Journal | null;
  epoch: string;
  version: number;
  position: number;
  hash: Uint8Array;
  terms: Terms;
  /** The state that is on its way in pieces. */
  growing: Growing | null;
  /** Confirmed; null until first opened. */
  root: TreeNode | null;
  /** With the layers that are shown. */
  fold: TreeNode | null;
  /** Own transactions not yet in root, ascending by sequence. */
  layers: Layer[];
  /** Of the layers that are shown; null if to be made. */
  visible: readonly Shown[] | null;
  /** While one input is worked on; null otherwise. See show.ts. */
  step: Step | null;
}

/** What one input does to a replica. */
export interface Step {
  /** The fold is to be made again. */
  stale: boolean;
  /** The confirmed root before the input, if that changed. */
  before: TreeNode | null;
  /** The fold made again. */
  next: TreeNode | null;
  origin: Origin;
  /** Root now holds a layer that was shown. */
  landed: boolean;
  /** The fold stays, unless predictions were taken back. */
  kept: boolean;
  /** Written in root. */
  paths: readonly Path[] | null;
  /** Written by layers that were taken back. */
  taken: Path[];
}

/** What was kept of an object over a restart. */
export interface Held {
  readonly log: string;
  readonly epoch: string;
  readonly version: number;
  readonly position: number;
  readonly hash: Uint8Array;
  /** The highest position that was seen of the log. */
  readonly seen: number;
  readonly terms: Terms;
  /** It was of one position with all that was kept of the log and says the same. */
  readonly level: boolean;
  /** All of it counts as written at version 0. */
  readonly root: TreeNode;
}

/** What was kept of an own transaction over a restart. */
export interface Recorded {
  readonly transaction: Transaction;
  readonly sequence: number;
  readonly log: string;
  /** It may have been sent. */
  readonly sent: boolean;
  /** Its prediction is not to be shown. */
  readonly hidden: boolean;
}

/** An open frame of object to send, or a close of name. */
export type Errand = { readonly object: Replica } | { readonly name: string };

/** What is seen of an object. Read-only. */
export interface State {
  readonly log: string;
  readonly epoch: string;
  /** Confirmed. */
  readonly version: number;
  /** Of the entry that made version. */
  readonly position: number;
  /** The highest position seen of the log. */
  readonly seen: number;
  readonly root: TreeNode;
  readonly pending: readonly Shown[];
  readonly terms: Terms;
}

/** What the server said of an object when it opened it. */
export interface Terms {
  /** It is judged by versions alone. */
  readonly strict: boolean;
  /** The paths at and below which one may read; null: everything. */
  readonly readable: readonly Path[] | null;
  /** The bytes of a transaction's parts. */
  readonly bytes: number;
  /** Its reads and writes. */
  readonly operations: number;
}

/** What an own commit did to one object. */
export interface Own {
  readonly object: string;
  readonly version: number;
  /** Of the object before, what the writes concern. */
  readonly before: TreeNode;
  /** About what is kept in memory. */
  readonly bytes: number;
  /** Null if not all of it may be read. */
  readonly writes: readonly Write[] | null;
  /** The elements of its moves that others have moved since. */
  readonly moved: Path[];
  /** A snapshot came since, and others may have moved any. */
  unseen: boolean;
}

/** An own commit, for taking it back. */
export interface OwnCommit {
  readonly log: string;
  readonly epoch: string;
  readonly position: number;
  /** All its parts, or it is not kept. */
  readonly parts: readonly Own[];
  /** It undid another one. */
  reversal: boolean;
}

/** A request about the past of an object, in the session in which it is sent. */
export interface Question {
  readonly request: number;
  readonly object: string;
  /** Null for the state at version to; otherwise the revisions behind it up to to are asked for. */
  readonly from: number | null;
  readonly to: number;
  /** The last version told. */
  last: number;
  asked: boolean;
  /** Nobody wants the answer any more, but it counts until it is there. */
  forgotten: boolean;
}

/** One commit of an object, as the server tells it. */
export interface Told {
  readonly version: number;
  readonly position: number;
  readonly time: Time;
  /** 32 hexadecimal digits. */
  readonly client: string;
  readonly user: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** What is readable of them. */
  readonly writes: readonly Write[];
}

/** A state of which pieces are still to come. */
export interface Growing {
  readonly log: string;
  readonly snapshot: Snapshot;
  readonly edit: Edit;
  /** It is a reset, not the answer to an open. */
  readonly reset: boolean;
  /** What the pieces take in memory, about, in bytes. */
  bytes: number;
}

/** A whole state; root is null if the resume point was accepted. */
export interface Snapshot {
  readonly terms: Terms;
  /** The state is only the beginning. */
  readonly pieces: boolean;
  /** A reset because a transaction has seen more than the log holds. */
  readonly ahead: boolean;
  readonly epoch: string;
  readonly version: number;
  readonly position: number;
  readonly hash: Uint8Array;
  readonly root: TreeNode | null;
}

/** The fields of the core that its parts share. */
export interface Context {
  /** In hex, "" before the first session. */
  client: string;
  connected: boolean;
  /** Transactions not answered, in all journals. */
  queued: number;
  readonly limit: number;
  /** The most bytes that the pieces of one state may make. */
  maxGrown: number;
  /** The last one given; one counter serves all logs, gaps are allowed. */
  sequence: number;
  request: number;
  /** Sequences above it are not sent: a restart might give them again. */
  ceiling: number;
  readonly objects: Map<string, Replica>;
  /** In the order of their first opening. */
  order: Replica[];
  journals: Journal[];
  /** Opens and closes to send. */
  requests: Errand[];
  /** By the input that is worked on. */
  touched: Replica[];
  events: Event[];
  /** Not yet answered. */
  questions: Question[];
  /** The latest own commits that can be taken back. */
  own: OwnCommit[];
}
