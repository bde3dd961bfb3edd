// How smoothly the page draws: what frames took, and a walk over the board to measure by. Pure.
import type { Camera } from './camera.ts';
import type { Box } from './geometry.ts';

/** Times in ms. */
export interface Figures {
  readonly p50: number;
  readonly p95: number;
  readonly longest: number;
}

/** Of no times at all: zeros. */
export function figures(times: readonly number[]): Figures {
  const sorted = [...times].sort((a, b) => a - b);
  const rank = (p: number) => sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? 0;
  return { p50: rank(0.5), p95: rank(0.95), longest: sorted.at(-1) ?? 0 };
}

/** Screen pixels a second: about a screen's width. */
const along = 1200, across = 500;

/** Where a camera is after so many seconds that goes to and fro over box, beginning at from; the screen has w by h pixels. */
export function walk(from: Camera, box: Box, w: number, h: number, seconds: number): Camera {
  const { zoom } = from;
  const x = bounce(from.x, box.x, box.x + box.w - w / zoom, w / zoom, (seconds * along) / zoom);
  const y = bounce(from.y, box.y, box.y + box.h - h / zoom, h / zoom, (seconds * across) / zoom);
  return { x, y, zoom };
}

/** Goes on from a place between two ends, and back at each; where there is no room, a screen's half either way. */
function bounce(at: number, low: number, high: number, screen: number, way: number): number {
  if (high - low < screen) [low, high] = [(low + high - screen) / 2, (low + high + screen) / 2];
  const room = high - low;
  const d = (Math.min(Math.max(at - low, 0), room) + way) % (2 * room);
  return low + (d <= room ? d : 2 * room - d);
}
