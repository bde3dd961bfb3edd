/** Exponential backoff with full jitter: docs/PROTOCOL.md, section 9. A delay in ms drawn uniformly from 0 to min(most, least * 2^attempt). */
export function backoff(attempt: number, least: number, most: number, random: number): number {
  return random * Math.min(most, least * 2 ** Math.min(attempt, 60));
}
