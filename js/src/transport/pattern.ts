import type { TrefoilError } from "../status.ts";
import type { Value } from "../codec/value.ts";
import type { Session } from "./session.ts";
import type { Storage } from "./storage/storage.ts";

/**
 * What plugs into a connection: rpc, pubsub, dstm, or one of the user's own. One pattern value serves the successive sessions of one client.
 */
export interface Pattern {
  /** The pattern's name in the handshake. */
  readonly name: string;
  /** Optional kinds that the pattern understands (docs/PROTOCOL.md, section 10). */
  readonly features?: readonly string[];
  /**
   * Called once when a session opens, before any of its frames is received; returns what receives them. A throw ends the session.
   */
  attach(session: Session): Receiver;
  /**
   * Called once, after the last {@link Receiver.close}, when the client has ended for good: nothing may wait for a session any more.
   * Not called when `Client.dial` fails: the pattern may be used again then.
   */
  finish?(err: TrefoilError): void;
  /** Makes a pattern like this one for what another client of this program has left in a storage; null if there is nothing for it to do. */
  fork?(storage: Storage): Pattern | null;
  /** Resolves when nothing is left that the pattern has to do for its storage. */
  drained?(): Promise<void>;
  /** Takes records that were left over in the storage of another client, and now are in the own one. */
  absorb?(records: ReadonlyMap<string, Uint8Array>): void;
}

/** Takes the frames of one session that belong to one pattern. */
export interface Receiver {
  /**
   * Called for one frame at a time, in the order of arrival. A throw ends the session: a TrefoilError of code invalid_argument closes it as malformed
   * (4103), anything else as protocol (4104).
   */
  receive(frame: Frame): void;
  /** Called exactly once, after the last receive, when the session has ended; err says why. */
  close(err: TrefoilError): void;
}

/** One inbound frame, checked and decoded. */
export interface Frame {
  /** The pattern's own number for the frame's meaning, 1 to 127. */
  readonly kind: number;
  /** The key of the frame's stream. */
  readonly stream: number | bigint | string;
  /** The elements behind the stream key. */
  readonly body: readonly Value[];
}

/** Numbers of the patterns in a frame (docs/PROTOCOL.md, section 3). */
export const PatternNumber = { control: 0, rpc: 1, pubsub: 2, dstm: 3, firstFree: 16 } as const;
