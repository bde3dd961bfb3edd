import { boxOf } from '../geometry.ts';
import { round, type Point } from '../model.ts';
import type { Tool } from './gesture.ts';

/** Draws a line; shift keeps it to steps of 15 degrees. */
export const line: Tool = (desk, p) => {
  const start = desk.begin('line', p);
  return {
    move(points, shift) {
      let { x: dx, y: dy } = difference(points.at(-1)!, p);
      if (shift) {
        const angle = (Math.round(Math.atan2(dy, dx) / (Math.PI / 12)) * Math.PI) / 12;
        const length = Math.hypot(dx, dy);
        [dx, dy] = [length * Math.cos(angle), length * Math.sin(angle)];
      }
      desk.draft = { ...start, w: round(dx), h: round(dy) };
    },
    ...finish(desk),
  };
};

function boxed(kind: 'rect' | 'ellipse'): Tool {
  return (desk, p) => {
    const start = desk.begin(kind, p);
    return {
      move(points, shift) {
        let to = points.at(-1)!;
        if (shift) {
          const d = difference(to, p);
          const side = Math.max(Math.abs(d.x), Math.abs(d.y));
          to = { x: p.x + (d.x < 0 ? -side : side), y: p.y + (d.y < 0 ? -side : side) };
        }
        const b = boxOf(p, to);
        desk.draft = { ...start, x: round(b.x), y: round(b.y), w: round(b.w), h: round(b.h) };
      },
      ...finish(desk),
    };
  };
}

/** Draws a rectangle or ellipse; shift makes it a square or circle. */
export const rect = boxed('rect');
export const ellipse = boxed('ellipse');

function difference(a: Point, b: Point): Point {
  return { x: a.x - b.x, y: a.y - b.y };
}

/** A mere click draws nothing. */
function finish(desk: Parameters<Tool>[0]) {
  return {
    end() {
      const s = desk.draft;
      desk.draft = null;
      if (s && Math.abs(s.w) + Math.abs(s.h) > 4 / desk.camera.zoom) desk.do([{ op: 'put', shape: s }]);
    },
    cancel() {
      desk.draft = null;
    },
  };
}
