import type { Desk } from '../desk.ts';
import { bounds, boxOf, handles, holds, overlap, resized } from '../geometry.ts';
import { round, type Op, type Point, type Shape } from '../model.ts';
import { measure } from '../render.ts';
import type { Gesture, Tool } from './gesture.ts';

/** Selects, moves and resizes. */
export const select: Tool = (desk, p, shift) => {
  const grip = gripAt(desk, p);
  if (grip) return resize(desk, grip.shape, grip.n);
  const there = desk.at(p) ?? insideSelected(desk, p);
  if (!there) return marquee(desk, p, shift);
  if (shift) {
    if (desk.selection.has(there.id)) desk.selection.delete(there.id);
    else desk.selection.add(there.id);
    desk.changed();
  } else if (!desk.selection.has(there.id)) desk.select([there.id]);
  return move(desk, p);
};

/** The handle at p, if exactly one shape is selected. */
export function gripAt(desk: Desk, p: Point): { shape: Shape; n: number } | null {
  const [only, ...more] = desk.selected();
  if (!only || more.length) return null;
  const reach = 9 / desk.camera.zoom;
  const n = handles(only, measure).findIndex((h) => Math.hypot(h.x - p.x, h.y - p.y) <= reach);
  return n < 0 ? null : { shape: only, n };
}

function insideSelected(desk: Desk, p: Point): Shape | undefined {
  return desk.selected().find((s) => s.kind !== 'line' && overlap(bounds(s, measure), { ...p, w: 0, h: 0 }));
}

function settle(desk: Desk): Op[] {
  const ops = [...desk.moving].map(([id, patch]): Op => ({ op: 'patch', id, patch }));
  desk.moving.clear();
  return ops;
}

function move(desk: Desk, from: Point): Gesture {
  const shapes = desk.selected();
  let began = false;
  return {
    move(points) {
      const to = points.at(-1)!;
      const dx = to.x - from.x, dy = to.y - from.y;
      began ||= Math.hypot(dx, dy) * desk.camera.zoom > 3;
      if (!began) return;
      for (const s of shapes) desk.moving.set(s.id, { x: round(s.x + dx), y: round(s.y + dy) });
    },
    end: () => desk.do(settle(desk)),
    cancel: () => desk.moving.clear(),
  };
}

function resize(desk: Desk, s: Shape, n: number): Gesture {
  return {
    move(points) {
      const b = resized(s, n, points.at(-1)!, measure);
      desk.moving.set(s.id, { x: round(b.x), y: round(b.y), w: round(b.w), h: round(b.h) });
    },
    end: () => desk.do(settle(desk)),
    cancel: () => desk.moving.clear(),
  };
}

function marquee(desk: Desk, from: Point, shift: boolean): Gesture {
  const already = shift ? [...desk.selection] : [];
  desk.select(already);
  return {
    move(points) {
      const box = boxOf(from, points.at(-1)!);
      desk.marquee = box;
      desk.select([...already, ...desk.board.shapes().filter((s) => holds(box, bounds(s, measure))).map((s) => s.id)]);
    },
    end() {
      desk.marquee = null;
      desk.changed();
    },
    cancel() {
      desk.marquee = null;
      desk.select(already);
    },
  };
}
