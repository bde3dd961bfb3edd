// What part of the board the screen shows. Pure: each step makes a new camera.
import type { Box } from './geometry.ts';
import type { Point } from './model.ts';

export interface Camera {
  /** The place on the board that is at the top left of the screen. */
  readonly x: number;
  readonly y: number;
  /** Screen pixels for one board unit. */
  readonly zoom: number;
}

export const minZoom = 0.1;
export const maxZoom = 8;

export function toBoard(c: Camera, p: Point): Point {
  return { x: p.x / c.zoom + c.x, y: p.y / c.zoom + c.y };
}

export function toScreen(c: Camera, p: Point): Point {
  return { x: (p.x - c.x) * c.zoom, y: (p.y - c.y) * c.zoom };
}

/** Moves the board under the screen by a distance in screen pixels. */
export function panned(c: Camera, dx: number, dy: number): Camera {
  return { ...c, x: c.x - dx / c.zoom, y: c.y - dy / c.zoom };
}

/** Changes the zoom so that the board stays where it is under the screen point at. */
export function zoomed(c: Camera, zoom: number, at: Point): Camera {
  const z = Math.min(maxZoom, Math.max(minZoom, zoom));
  const p = toBoard(c, at);
  return { x: p.x - at.x / z, y: p.y - at.y / z, zoom: z };
}

/** Shows all of box on a screen of that size, not larger than life. */
export function fitting(box: Box | null, width: number, height: number): Camera {
  if (!box) return { x: -width / 2, y: -height / 2, zoom: 1 };
  const margin = Math.min(96, width / 8, height / 8);
  const zoom = Math.min(1, (width - 2 * margin) / Math.max(box.w, 1), (height - 2 * margin) / Math.max(box.h, 1));
  const z = Math.max(minZoom, zoom);
  return { x: box.x + box.w / 2 - width / 2 / z, y: box.y + box.h / 2 - height / 2 / z, zoom: z };
}
