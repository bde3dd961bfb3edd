import { Code, TrefoilError } from "../status.ts";

/** Why an operation of pub/sub failed: the `reason` of a {@link TrefoilError}. */
export const PubSubReason = {
  /** permission_denied: no rule allows it. */
  Denied: "pubsub.denied",
  /** invalid_argument: not a topic, or not a filter. */
  BadTopic: "pubsub.bad_topic",
  /** invalid_argument: options, metadata or key out of their limits, or a value that cannot be encoded. */
  BadRequest: "pubsub.bad_request",
  /** resource_exhausted: too many subscriptions or unanswered requests of this session. Nothing was done. */
  TooMany: "pubsub.too_many",
  /** resource_exhausted: it exceeds what the other side accepts in a frame, nothing was done; or a topic has more members than a feed holds. */
  TooLarge: "pubsub.too_large",
  /** unavailable: there is no session now. Nothing was sent. */
  NotConnected: "pubsub.not_connected",
  /** unavailable, outcome unknown: the session ended before the answer came. */
  ConnectionLost: "pubsub.connection_lost",
  /** failed_precondition: the topic's rule does not keep members. */
  NoMembers: "pubsub.no_members",
  /** unavailable: the client was closed. */
  Closed: "pubsub.closed",
} as const;

export const badTopic = (message: string): TrefoilError => new TrefoilError(Code.InvalidArgument, PubSubReason.BadTopic, message);

export const badRequest = (message: string, cause?: unknown): TrefoilError =>
  new TrefoilError(Code.InvalidArgument, PubSubReason.BadRequest, message, { cause });

export const tooMany = (limit: number): TrefoilError =>
  new TrefoilError(Code.ResourceExhausted, PubSubReason.TooMany, `more than ${limit} requests wait for their answers`);

export const notConnected = (cause?: unknown): TrefoilError =>
  new TrefoilError(Code.Unavailable, PubSubReason.NotConnected, "not connected", { cause });

export const connectionLost = (cause: unknown): TrefoilError =>
  new TrefoilError(Code.Unavailable, PubSubReason.ConnectionLost, "the connection was lost before the answer came", { unknown: true, cause });

export const closed = (cause?: unknown): TrefoilError => new TrefoilError(Code.Unavailable, PubSubReason.Closed, "closed", { cause });

export const tooLarge = (message: string, cause?: unknown): TrefoilError =>
  new TrefoilError(Code.ResourceExhausted, PubSubReason.TooLarge, message, { cause });

/** What a session's refusal to take a request means to the program: it was not sent. */
export function unsent(err: TrefoilError): TrefoilError {
  if (err.is("transport.frame_too_large")) return tooLarge("larger than the other side accepts", err);
  if (err.code === Code.Unavailable) return notConnected(err);
  return badRequest("the value cannot be encoded", err);
}
