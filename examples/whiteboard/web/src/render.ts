// Drawing shapes on a canvas.
import type { Camera } from './camera.ts';
import { drawDots } from './dots.ts';
import { bounds, overlap, type Box, type Measure } from './geometry.ts';
import type { Shape } from './model.ts';
import { ground, tones, type Theme } from './palette.ts';
import { family, layout, notePadding, type Layout } from './text.ts';
import type { Pile } from './votes.ts';

export type Context = CanvasRenderingContext2D;

const layouts = new WeakMap<Shape, Layout>();
let ruler: Context | null = null;

function width(text: string, size: number): number {
  ruler ??= document.createElement('canvas').getContext('2d')!;
  ruler.font = `${size}px ${family}`;
  return ruler.measureText(text).width;
}

function layoutOf(s: Shape): Layout {
  let l = layouts.get(s);
  if (!l) layouts.set(s, (l = layout(s, width)));
  return l;
}

/** The room that a text or note takes. */
export const measure: Measure = (s) => layoutOf(s);

/** Draws one shape in board units. */
export function drawShape(ctx: Context, s: Shape, theme: Theme): void {
  const { line } = tones(theme, s.color);
  ctx.strokeStyle = ctx.fillStyle = line;
  ctx.lineWidth = s.width;
  ctx.lineCap = ctx.lineJoin = 'round';
  ctx.beginPath();
  switch (s.kind) {
    case 'pen':
      return drawStroke(ctx, s);
    case 'line':
      ctx.moveTo(s.x, s.y);
      ctx.lineTo(s.x + s.w, s.y + s.h);
      return ctx.stroke();
    case 'rect':
      ctx.roundRect(s.x, s.y, s.w, s.h, Math.min(6, s.w / 2, s.h / 2));
      return ctx.stroke();
    case 'ellipse':
      ctx.ellipse(s.x + s.w / 2, s.y + s.h / 2, s.w / 2, s.h / 2, 0, 0, 2 * Math.PI);
      return ctx.stroke();
    case 'text':
      return drawLines(ctx, layoutOf(s), s.x, s.y);
    case 'note':
      return drawNote(ctx, s, theme);
  }
}

/** A stroke runs smoothly through the middles between its points. */
function drawStroke(ctx: Context, s: Shape): void {
  const p = s.points;
  const n = p.length / 2;
  const x = (i: number) => s.x + p[2 * i]!;
  const y = (i: number) => s.y + p[2 * i + 1]!;
  if (n === 1) {
    ctx.arc(x(0), y(0), s.width / 2, 0, 2 * Math.PI);
    return ctx.fill();
  }
  ctx.moveTo(x(0), y(0));
  for (let i = 1; i < n - 1; i++) ctx.quadraticCurveTo(x(i), y(i), (x(i) + x(i + 1)) / 2, (y(i) + y(i + 1)) / 2);
  ctx.lineTo(x(n - 1), y(n - 1));
  ctx.stroke();
}

function drawNote(ctx: Context, s: Shape, theme: Theme): void {
  const l = layoutOf(s);
  const { paper, onPaper } = tones(theme, s.color);
  ctx.save();
  ctx.shadowColor = theme === 'dark' ? 'rgba(0, 0, 0, 0.5)' : 'rgba(60, 50, 30, 0.18)';
  const scale = ctx.getTransform().a; // shadows do not follow the transformation
  ctx.shadowBlur = 12 * scale;
  ctx.shadowOffsetY = 3 * scale;
  ctx.fillStyle = paper;
  ctx.roundRect(s.x, s.y, l.w, l.h, 5);
  ctx.fill();
  ctx.restore();
  ctx.fillStyle = onPaper;
  drawLines(ctx, l, s.x + notePadding, s.y + notePadding);
}

function drawLines(ctx: Context, l: Layout, x: number, y: number): void {
  ctx.font = `${l.size}px ${family}`;
  ctx.textBaseline = 'middle';
  l.lines.forEach((line, i) => ctx.fillText(line, x, y + (i + 0.5) * l.step));
}

/** The dotted ground of the screen. */
export function drawGround(ctx: Context, c: Camera, w: number, h: number, theme: Theme): void {
  const { paper, dots } = ground(theme);
  ctx.fillStyle = paper;
  ctx.fillRect(0, 0, w, h);
  let step = 24 * c.zoom;
  while (step < 16) step *= 4;
  ctx.fillStyle = dots;
  const size = 1.1;
  const mod = (a: number) => ((a % step) + step) % step;
  for (let x = mod(-c.x * c.zoom); x < w + size; x += step) {
    for (let y = mod(-c.y * c.zoom); y < h + size; y += step) ctx.fillRect(x - size, y - size, 2 * size, 2 * size);
  }
}

export interface Scene {
  readonly shapes: readonly Shape[];
  /** Whether a shape waits to be stored: it is drawn lighter, with a mark. */
  readonly waits: (s: Shape) => boolean;
  /** Shapes that are not drawn here: the one whose text is being written. */
  readonly hidden: (s: Shape) => boolean;
  readonly piles: ReadonlyMap<string, readonly Pile[]>;
  readonly theme: Theme;
}

/** Draws all that the camera sees on a canvas of w by h CSS pixels at ratio device pixels each. */
export function drawScene(ctx: Context, scene: Scene, c: Camera, w: number, h: number, ratio: number): void {
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  drawGround(ctx, c, w, h, scene.theme);
  toCamera(ctx, c, ratio);
  const view: Box = { x: c.x - 32, y: c.y - 32, w: w / c.zoom + 64, h: h / c.zoom + 64 };
  for (const s of scene.shapes) {
    if (scene.hidden(s) || !overlap(bounds(s, measure), view)) continue;
    const waits = scene.waits(s);
    ctx.globalAlpha = waits ? 0.5 : 1;
    drawShape(ctx, s, scene.theme);
    drawDots(ctx, s, scene.piles.get(s.id), scene.theme, measure);
    ctx.globalAlpha = 1;
    if (waits) drawWaiting(ctx, s, c.zoom, scene.theme);
  }
}

export function toCamera(ctx: Context, c: Camera, ratio: number): void {
  const k = ratio * c.zoom;
  ctx.setTransform(k, 0, 0, k, -c.x * k, -c.y * k);
}

/** A small clock at the upper right corner. */
function drawWaiting(ctx: Context, s: Shape, zoom: number, theme: Theme): void {
  const b = bounds(s, measure);
  const { paper, accent } = ground(theme);
  const r = 6 / zoom;
  const x = b.x + b.w + 2 * r, y = b.y - r;
  ctx.beginPath();
  ctx.arc(x, y, r, 0, 2 * Math.PI);
  ctx.fillStyle = paper;
  ctx.strokeStyle = accent;
  ctx.lineWidth = 1.5 / zoom;
  ctx.fill();
  ctx.stroke();
  ctx.beginPath();
  ctx.moveTo(x, y - 0.6 * r);
  ctx.lineTo(x, y);
  ctx.lineTo(x + 0.45 * r, y + 0.2 * r);
  ctx.stroke();
}
