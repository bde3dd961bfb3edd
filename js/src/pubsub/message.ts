import type { Time, Value } from "../codec/value.ts";

/** A place in a log. A plain value, which may be stored: a subscription with `from` continues behind it, on any server of the cluster. */
export interface Position {
  /** The name of the log. */
  readonly log: string;
  /** One life of the log; offsets of different epochs do not compare. */
  readonly epoch: string;
  /** Strictly increasing over all topics of the log within an epoch, from 1, and not dense. */
  readonly offset: number;
}

/** One publication as a subscriber gets it. It is shared with other subscriptions of this client: read-only. */
export interface Message<T = Value> {
  readonly type: "message";
  /** What was published. Types end at the wire: check what strangers may publish. */
  readonly value: T;
  /** Where, without wildcards. */
  readonly topic: string;
  /** Where it stands in its log; null if the topic keeps no history. */
  readonly position: Position | null;
  /** The client that published it (32 hex digits), vouched for by the server; null if the server did. */
  readonly from: string | null;
  /** What came with it; null if nothing did. */
  readonly metadata: Readonly<Record<string, string>> | null;
  /** What the publication is about (a cursor, a price); usually null. */
  readonly key: string | null;
}

/** Says that publications are missing at this point of a subscription, which goes on behind it. */
export interface Gap {
  readonly type: "gap";
  /** The subscription's filter. */
  readonly filter: string;
  /** The only topic concerned; null if it may be any that the filter matches. */
  readonly topic: string | null;
  /** The log's epoch from here on; null without history. */
  readonly epoch: string | null;
  /** With `to` it bounds what is missing: publications with after < offset <= to. Both are 0 where that is not known (no history, or the epoch changed). */
  readonly after: number;
  /** See `after`. */
  readonly to: number;
  /** How many are missing; null if not known. */
  readonly count: number | null;
  /** Why: one of {@link Cause}, or a number that a newer server gave. */
  readonly cause: number;
}

/** What a subscription yields. */
export type SubscriptionEvent<T = Value> = Message<T> | Gap;

/** The causes of a {@link Gap}; those below 64 have these numbers on the wire. */
export const Cause = {
  /** History no longer reaches back to where the subscription stood. */
  HistoryLost: 1,
  /** The log began a new life (a restart without storage, a restored backup): old offsets mean nothing. */
  EpochChanged: 2,
  /** The connection could not keep up and the topic keeps no history. */
  SlowConsumer: 3,
  /** A publication exceeds what this client accepts in a frame. */
  TooLarge: 4,
  /** The server lost touch with its broker, and the topic keeps no history. */
  FeedLost: 5,
  /** The program did not consume the subscription in time; the oldest were dropped. */
  BufferFull: 64,
  /** The connection was lost meanwhile, and the topic keeps no history. */
  Reconnected: 65,
} as const;

/** A client that is subscribed to a topic whose rule keeps members. */
export interface Member {
  /** The client: 32 hex digits. */
  readonly client: string;
  /** Who the client acted for when it joined, "" if anonymous. */
  readonly user: string;
  /** When it joined, by the server's clock. */
  readonly since: Time;
}

/** Says that a client became a member of a topic, or no longer is one. */
export interface MemberEvent {
  readonly type: "joined" | "left";
  readonly member: Member;
}
