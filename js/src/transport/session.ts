import type { TrefoilError } from "../status.ts";

/** One connection from welcome to close, as a pattern sees it. */
export interface Session {
  /** The session's id: 32 hex digits, unique in the cluster. */
  readonly id: string;
  /** The own client's id: 32 hex digits. */
  readonly client: string;
  /** Who the session acts for, "" for anonymous. */
  readonly user: string;
  /** The largest frame that the server accepts, in bytes of the connection's codec. */
  readonly maxFrame: number;
  /** Null while the session lives, and why it ended afterwards. */
  readonly error: TrefoilError | null;
  /** The number of a pattern in this session's frames; undefined if one of the sides does not speak it. */
  number(pattern: string): number | undefined;
  /** Reports whether the server listed name among its features. */
  feature(name: string): boolean;
  /**
   * Queues a frame: an array of pattern number, kind, stream key and whatever follows, encoded before it returns. Throws `transport.full` where the
   * outbound budget has no room now, `transport.frame_too_large`, `transport.closed`, or what encoding throws (`codec.*`); nothing was queued then.
   */
  trySend(frame: readonly unknown[]): void;
  /**
   * Calls fn once when the outbound queue has room again: after a `transport.full`. In the order of asking; never from within afterDrain itself.
   * It is dropped when the session ends.
   */
  afterDrain(fn: () => void): void;
  /** Ends the session with a close code of docs/PROTOCOL.md, section 4. Only the first call counts. */
  close(code: number, reason: string): void;
}
