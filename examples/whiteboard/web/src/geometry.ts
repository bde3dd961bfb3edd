// Where shapes are and what is near what. Pure.
import type { Point, Shape } from './model.ts';

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** The box between two corners. */
export function boxOf(a: Point, b: Point): Box {
  return { x: Math.min(a.x, b.x), y: Math.min(a.y, b.y), w: Math.abs(a.x - b.x), h: Math.abs(a.y - b.y) };
}

export function grow(b: Box, by: number): Box {
  return { x: b.x - by, y: b.y - by, w: b.w + 2 * by, h: b.h + 2 * by };
}

export function overlap(a: Box, b: Box): boolean {
  return a.x <= b.x + b.w && b.x <= a.x + a.w && a.y <= b.y + b.h && b.y <= a.y + a.h;
}

export function holds(outer: Box, inner: Box): boolean {
  return inner.x >= outer.x && inner.y >= outer.y && inner.x + inner.w <= outer.x + outer.w && inner.y + inner.h <= outer.y + outer.h;
}

export function union(boxes: Iterable<Box>): Box | null {
  let left = Infinity, top = Infinity, right = -Infinity, bottom = -Infinity;
  for (const b of boxes) {
    left = Math.min(left, b.x);
    top = Math.min(top, b.y);
    right = Math.max(right, b.x + b.w);
    bottom = Math.max(bottom, b.y + b.h);
  }
  return left === Infinity ? null : { x: left, y: top, w: right - left, h: bottom - top };
}

/** How large the text of a shape is on the board; a canvas has to measure it. */
export type Measure = (s: Shape) => { readonly w: number; readonly h: number };

const pens = new WeakMap<Float32Array, Box>();

/** The box of a shape's lines, without their width. */
export function bounds(s: Shape, measure: Measure): Box {
  switch (s.kind) {
    case 'pen': {
      let b = pens.get(s.points);
      if (!b) {
        b = pointsBox(s.points);
        pens.set(s.points, b);
      }
      return { x: s.x + b.x, y: s.y + b.y, w: b.w, h: b.h };
    }
    case 'line':
      return boxOf(s, { x: s.x + s.w, y: s.y + s.h });
    case 'text':
    case 'note': {
      const size = measure(s);
      return { x: s.x, y: s.y, w: size.w, h: size.h };
    }
    default:
      return { x: s.x, y: s.y, w: s.w, h: s.h };
  }
}

function pointsBox(p: Float32Array): Box {
  let left = Infinity, top = Infinity, right = -Infinity, bottom = -Infinity;
  for (let i = 0; i + 1 < p.length; i += 2) {
    left = Math.min(left, p[i]!);
    right = Math.max(right, p[i]!);
    top = Math.min(top, p[i + 1]!);
    bottom = Math.max(bottom, p[i + 1]!);
  }
  return left === Infinity ? { x: 0, y: 0, w: 0, h: 0 } : { x: left, y: top, w: right - left, h: bottom - top };
}

/** Whether p is on the shape, give or take reach. Outlines are hit on the line and, where they are small, inside. */
export function hits(s: Shape, p: Point, reach: number, measure: Measure): boolean {
  const box = bounds(s, measure);
  const near = reach + s.width / 2;
  if (!overlap(grow(box, near), { x: p.x, y: p.y, w: 0, h: 0 })) return false;
  switch (s.kind) {
    case 'text':
    case 'note':
      return true;
    case 'line':
      return toSegment(p, s.x, s.y, s.x + s.w, s.y + s.h) <= near;
    case 'pen':
      return toStroke({ x: p.x - s.x, y: p.y - s.y }, s.points) <= near;
    case 'rect': {
      const inside = grow(box, -near);
      return inside.w <= 0 || inside.h <= 0 || !overlap(inside, { x: p.x, y: p.y, w: 0, h: 0 });
    }
    case 'ellipse': {
      const rx = s.w / 2, ry = s.h / 2;
      const dx = p.x - s.x - rx, dy = p.y - s.y - ry;
      const within = (by: number) => rx + by > 0 && ry + by > 0 && (dx / (rx + by)) ** 2 + (dy / (ry + by)) ** 2 <= 1;
      return within(near) && !within(-near);
    }
  }
}

/** The distance from p to the segment a-b. */
export function toSegment(p: Point, ax: number, ay: number, bx: number, by: number): number {
  const dx = bx - ax, dy = by - ay;
  const length = dx * dx + dy * dy;
  const t = length === 0 ? 0 : Math.min(1, Math.max(0, ((p.x - ax) * dx + (p.y - ay) * dy) / length));
  return Math.hypot(p.x - ax - t * dx, p.y - ay - t * dy);
}

function toStroke(p: Point, points: Float32Array): number {
  if (points.length === 2) return Math.hypot(p.x - points[0]!, p.y - points[1]!);
  let least = Infinity;
  for (let i = 0; i + 3 < points.length; i += 2) {
    least = Math.min(least, toSegment(p, points[i]!, points[i + 1]!, points[i + 2]!, points[i + 3]!));
  }
  return least;
}

/** Leaves out points that are within tolerance of the line through their neighbours (Douglas and Peucker, 1973). */
export function simplify(points: readonly Point[], tolerance: number): Point[] {
  if (points.length < 3) return [...points];
  const keep = new Uint8Array(points.length);
  keep[0] = keep[points.length - 1] = 1;
  const spans: [number, number][] = [[0, points.length - 1]];
  for (let span = spans.pop(); span; span = spans.pop()) {
    const [from, to] = span;
    const a = points[from]!, b = points[to]!;
    let farthest = tolerance, at = -1;
    for (let i = from + 1; i < to; i++) {
      const d = toSegment(points[i]!, a.x, a.y, b.x, b.y);
      if (d > farthest) [farthest, at] = [d, i];
    }
    if (at >= 0) {
      keep[at] = 1;
      spans.push([from, at], [at, to]);
    }
  }
  return points.filter((_, i) => keep[i]);
}

/** Points as a stroke keeps them: pairs relative to the first. */
export function relative(points: readonly Point[]): Float32Array {
  const first = points[0]!;
  const out = new Float32Array(points.length * 2);
  points.forEach((p, i) => {
    out[2 * i] = Math.round((p.x - first.x) * 100) / 100;
    out[2 * i + 1] = Math.round((p.y - first.y) * 100) / 100;
  });
  return out;
}

/** Where shapes can be taken to be made larger: a line at its ends, boxes at their corners. */
export function handles(s: Shape, measure: Measure): Point[] {
  const b = bounds(s, measure);
  switch (s.kind) {
    case 'line':
      return [{ x: s.x, y: s.y }, { x: s.x + s.w, y: s.y + s.h }];
    case 'rect':
    case 'ellipse':
    case 'note':
      return [{ x: b.x, y: b.y }, { x: b.x + b.w, y: b.y }, { x: b.x + b.w, y: b.y + b.h }, { x: b.x, y: b.y + b.h }];
    default:
      return [];
  }
}

/** The place and size of s when its handle number n is taken to p. */
export function resized(s: Shape, n: number, p: Point, measure: Measure): Box {
  const fixed = handles(s, measure)[s.kind === 'line' ? 1 - n : (n + 2) % 4]!;
  if (s.kind === 'line') {
    return n === 0 ? { x: p.x, y: p.y, w: fixed.x - p.x, h: fixed.y - p.y } : { x: s.x, y: s.y, w: p.x - s.x, h: p.y - s.y };
  }
  const least = s.kind === 'note' ? 80 : 4;
  const b = boxOf(fixed, p);
  const w = Math.max(least, b.w), h = Math.max(least, b.h);
  return { x: p.x < fixed.x ? fixed.x - w : fixed.x, y: p.y < fixed.y ? fixed.y - h : fixed.y, w, h };
}
