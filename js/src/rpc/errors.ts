import { Code, TrefoilError } from "../status.ts";

/**
 * Why a call failed, where rpc and not the handler decided it: the `reason` of a {@link TrefoilError}. A call that is too large either way
 * fails with `transport.frame_too_large` (resource_exhausted; outcome unknown if it was the result).
 */
export const RpcReason = {
  /** unimplemented: the other side has no handler of that name. */
  UnknownMethod: "rpc.unknown_method",
  /** invalid_argument: the input does not fit the method's type or is no value, or the metadata exceed their limits. The handler did not run. */
  BadRequest: "rpc.bad_request",
  /** internal, outcome unknown: the handler ran, but its result is no value, or does not fit what the caller expects. */
  BadResult: "rpc.bad_result",
  /** resource_exhausted: too many calls of this session are being handled. The handler did not run. */
  Busy: "rpc.busy",
  /** permission_denied: a rule refused the call. The handler did not run. */
  Denied: "rpc.denied",
  /** internal, outcome unknown: the handler failed by a defect. */
  Panic: "rpc.panic",
  /** unavailable: there was no session to send the call on. */
  NotConnected: "rpc.not_connected",
  /** unavailable: the session ended before the answer came. Outcome unknown if the call had been given to the connection. */
  ConnectionLost: "rpc.connection_lost",
} as const;

export const unknownMethod = (): TrefoilError => new TrefoilError(Code.Unimplemented, RpcReason.UnknownMethod, "no such method");

export const busy = (): TrefoilError =>
  new TrefoilError(Code.ResourceExhausted, RpcReason.Busy, "too many calls of this session are being handled");

export const badRequest = (message: string, cause?: unknown): TrefoilError =>
  new TrefoilError(Code.InvalidArgument, RpcReason.BadRequest, message, { cause });

export const badResult = (message: string, cause?: unknown): TrefoilError =>
  new TrefoilError(Code.Internal, RpcReason.BadResult, message, { unknown: true, cause });

export const notConnected = (): TrefoilError => new TrefoilError(Code.Unavailable, RpcReason.NotConnected, "not connected");

export const connectionLost = (sent: boolean, cause: unknown): TrefoilError =>
  new TrefoilError(Code.Unavailable, RpcReason.ConnectionLost, "the connection was lost", { unknown: sent, cause });

export const deadlineExceeded = (sent: boolean): TrefoilError =>
  new TrefoilError(Code.DeadlineExceeded, "", "deadline exceeded", { unknown: sent });

export const canceled = (): TrefoilError => new TrefoilError(Code.Canceled, "", "the caller canceled the call");

export const tooLarge = (what: string, unknown: boolean, cause?: unknown): TrefoilError =>
  new TrefoilError(Code.ResourceExhausted, "transport.frame_too_large", `the ${what} is larger than the other side accepts`, { unknown, cause });

export const metadataLimits = "the metadata exceed their limits";

/** The same error, with the outcome unknown. */
export function maybeDone(err: TrefoilError): TrefoilError {
  if (err.unknown) return err;
  return new TrefoilError(err.code, err.reason, err.message, { details: err.details, unknown: true, cause: err });
}

/** Ends the session: a well-formed frame out of place. */
export const outOfPlace = (message: string): TrefoilError => new TrefoilError(Code.FailedPrecondition, "rpc.protocol", message);
