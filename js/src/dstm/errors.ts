import { Code, TrefoilError } from "../status.ts";
import type { Value } from "../codec/value.ts";
import { pathString, type Path } from "./path.ts";

/**
 * Reasons of transactions and of opening, as a {@link TrefoilError} carries them. Unless its `unknown` is set, nothing was
 * changed.
 */
export const Reason = {
  /** Something that the transaction read has changed. `update` runs it again by itself; this is what remains after the last attempt. */
  Conflict: "dstm.conflict",
  /** An own earlier transaction that this one presumed was refused. */
  Depends: "dstm.depends",
  /** A rule of the server forbids it, or it reads what this client may not. */
  Denied: "dstm.denied",
  /** The transaction, a path or a value is malformed. */
  Invalid: "dstm.invalid",
  /** A rule over the state after the transaction would be broken. */
  Invariant: "dstm.invariant",
  /** Beyond the limits of a transaction or an object. */
  TooLarge: "dstm.too_large",
  /** The queue of the log, or of this client, is full; it was not tried. */
  Busy: "dstm.busy",
  /** The sequence number was used with other content. */
  SequenceReused: "dstm.sequence_reused",
  /** The sequence number is neither new nor remembered. */
  StaleSequence: "dstm.stale_sequence",
  /** The server can no longer tell what became of a transaction that was sent before; it was not run again. */
  OutcomeUnknown: "dstm.outcome_unknown",
  /** The log does not reach that far back, or the version never was. */
  History: "dstm.history",
  /** The object, client or store is closed. */
  Closed: "dstm.closed",
  /** An `add` would leave its bounds already by what the transaction sees. */
  Bounds: "dstm.bounds",
  /** A value is not what a checked variable wants. */
  Type: "dstm.type",
} as const;

/** Makes an error of this room. */
export function fault(code: Code, reason: string, message: string): TrefoilError {
  return new TrefoilError(code, reason, message);
}

/** A frame that is none of PROTOCOL.md. */
export function malformed(what: string): TrefoilError {
  return fault(Code.InvalidArgument, "dstm.malformed", what);
}

/** A mistake of the caller. */
export function invalid(what: string): TrefoilError {
  return fault(Code.InvalidArgument, Reason.Invalid, what);
}

/** A read of what this client may not read. */
export function denied(path: Path): TrefoilError {
  return fault(Code.PermissionDenied, Reason.Denied, `${pathString(path)} is not readable`);
}

/** The error of a transaction refused because of paths. */
export function conflict(paths: readonly Path[]): TrefoilError {
  const first = paths[0];
  const message = first === undefined ? "what the transaction read has changed" : `conflict at ${pathString(first)}`;
  const details = Object.assign(Object.create(null), { paths: paths.map((p) => [...p]) }) as { paths: Value };
  return new TrefoilError(Code.Aborted, Reason.Conflict, message, { details });
}

/** The same error, but the effect may have happened. */
export function maybeDone(e: TrefoilError): TrefoilError {
  return new TrefoilError(e.code, e.reason, e.message, { details: e.details, unknown: true, cause: e });
}

/** The paths because of which a transaction was refused, if error is such a refusal; otherwise none. */
export function conflictPaths(error: unknown): Path[] {
  if (!(error instanceof TrefoilError) || error.reason !== Reason.Conflict) return [];
  const paths = error.details?.["paths"];
  return Array.isArray(paths) ? (paths as string[][]) : [];
}

/** What an aborted signal means: its reason if that is one of ours, deadline_exceeded for a timeout, canceled otherwise. */
export function aborted(signal: AbortSignal): TrefoilError {
  const reason: unknown = signal.reason;
  if (reason instanceof TrefoilError) return reason;
  const timeout = reason instanceof Error && reason.name === "TimeoutError";
  return new TrefoilError(timeout ? Code.DeadlineExceeded : Code.Canceled, "", timeout ? "the deadline has passed" : "canceled", { cause: reason });
}
