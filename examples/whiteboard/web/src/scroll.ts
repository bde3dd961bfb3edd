// Moving what is drawn by whole device pixels. Pure.
import type { Camera } from './camera.ts';
import type { Box } from './geometry.ts';
import type { Point } from './model.ts';

/** A camera so near that nobody sees the difference, and which is whole device pixels away from all others like it of the same zoom. */
export function steady({ x, y, zoom }: Camera, ratio: number): Camera {
  const k = ratio * zoom;
  return { x: Math.round(x * k) / k, y: Math.round(y * k) / k, zoom };
}

/** By how many device pixels what is drawn moves when a steady camera becomes another one; null if it does not only move. */
export function shift(from: Camera, to: Camera, ratio: number): Point | null {
  if (from.zoom !== to.zoom) return null;
  const k = ratio * to.zoom;
  return { x: Math.round((from.x - to.x) * k), y: Math.round((from.y - to.y) * k) };
}

/** What comes into view on a screen of width by height when what is on it moves by less than that: a strip across, and one beside what is left. */
export function exposed(width: number, height: number, by: Point): Box[] {
  const w = Math.abs(by.x), h = Math.abs(by.y);
  const strips: Box[] = [];
  const top = by.y > 0 ? h : 0;
  if (h > 0) strips.push({ x: 0, y: by.y > 0 ? 0 : height - h, w: width, h });
  if (w > 0) strips.push({ x: by.x > 0 ? 0 : width - w, y: top, w, h: height - h });
  return strips;
}
