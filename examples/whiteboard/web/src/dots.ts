// The dots on a note: a slip of paper over its lower edge, with a dot in the colour of each who gave it, and how many there are.
import { bounds, overlap, type Box, type Measure } from './geometry.ts';
import type { Point, Shape } from './model.ts';
import { ground, personColor, type Theme } from './palette.ts';
import type { Context } from './render.ts';
import { family } from './text.ts';
import { total, type Pile } from './votes.ts';

/** More dots than these are only counted. */
const mostDots = 7;
const step = 13, radius = 5, height = 24, inset = 8;

/** Where the dots of a note are; null if there are none. */
export function dotsBox(s: Shape, piles: readonly Pile[] | undefined, measure: Measure): Box | null {
  const n = total(piles);
  if (n === 0 || s.kind !== 'note') return null;
  const b = bounds(s, measure);
  const w = Math.min(n, mostDots) * step + 2 * inset + 8 * String(n).length + 2;
  return { x: b.x + b.w - w - 8, y: b.y + b.h - height / 2, w, h: height };
}

export function onDots(s: Shape, piles: readonly Pile[] | undefined, p: Point, measure: Measure): boolean {
  const box = dotsBox(s, piles, measure);
  return box !== null && overlap(box, { ...p, w: 0, h: 0 });
}

export function drawDots(ctx: Context, s: Shape, piles: readonly Pile[] | undefined, theme: Theme, measure: Measure): void {
  const box = dotsBox(s, piles, measure);
  if (!box || !piles) return;
  const { slip, edge, onSlip } = ground(theme);
  ctx.beginPath();
  ctx.roundRect(box.x, box.y, box.w, box.h, box.h / 2);
  ctx.fillStyle = slip;
  ctx.strokeStyle = edge;
  ctx.lineWidth = 1;
  ctx.fill();
  ctx.stroke();
  const y = box.y + box.h / 2;
  let x = box.x + inset + radius;
  for (const { client } of piles.flatMap((p) => Array<Pile>(p.count).fill(p)).slice(0, mostDots)) {
    ctx.beginPath();
    ctx.arc(x, y, radius, 0, 2 * Math.PI);
    ctx.fillStyle = personColor(client);
    ctx.fill();
    x += step;
  }
  ctx.fillStyle = onSlip;
  ctx.font = `600 13px ${family}`;
  ctx.textBaseline = 'middle';
  ctx.fillText(String(total(piles)), x - radius + 4, y + 0.5);
}
