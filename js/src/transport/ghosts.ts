import type { TrefoilError } from "../status.ts";
import { closeReason, CloseCode } from "./close.ts";

/** How often in a row a client comes back. */
const MOST = 5;
/** How long a session stays, in ms, to end the row. */
const GHOSTLESS = 60_000;

/**
 * Counts how often in a row a client was superseded whose key nobody else has. It can only have been by an earlier connection of its own, or of a page before it, whose hello was long on
 * its way, or waited for the server's login. Nobody is at the other end of that one, so the client comes back; but not for ever, or two that have the same key after all would chase
 * each other away.
 */
export class Ghosts {
  #row = 0;

  /** Whether what ended a session of that age, in ms, was superseding, and may have been done by a ghost. */
  passed(error: TrefoilError, age: number): boolean {
    if (!error.is(closeReason(CloseCode.superseded))) return false;
    this.#row = age >= GHOSTLESS ? 1 : this.#row + 1;
    return this.#row <= MOST;
  }
}
