import { TrefoilError } from "../status.ts";
import { CloseCode } from "./close.ts";
import type { Limits } from "./limits.ts";

/** Why a message ends the session. */
export class Refused {
  readonly code: number;
  readonly reason: string;

  constructor(code: number, reason: string) {
    this.code = code;
    this.reason = reason;
  }
}

/** What a thing that decoding threw means for the session; null for a defect. */
export function refused(err: unknown): Refused | null {
  if (err instanceof Refused) return err;
  return err instanceof TrefoilError ? new Refused(CloseCode.malformed, err.reason) : null;
}

/** Throws {@link Refused} for a message of so many bytes that may not be. */
export function checkMessage(n: number, own: Limits): void {
  if (n === 0) throw new Refused(CloseCode.malformed, "a message without a frame");
  if (n > own.message) throw new Refused(CloseCode.tooLarge, `a message is larger than ${own.message} bytes`);
}

/** Likewise for a frame. */
export function checkFrame(n: number, own: Limits): void {
  if (n > own.frame) throw new Refused(CloseCode.tooLarge, `a frame is larger than ${own.frame} bytes`);
}
