// Drawing shapes on a canvas.
import { Boxes } from './boxes.ts';
import type { Camera } from './camera.ts';
import { drawDots } from './dots.ts';
import { bounds, grow, type Box, type Measure } from './geometry.ts';
import type { Shape } from './model.ts';
import { ground, tones, type Theme } from './palette.ts';
import { family, layout, notePadding, type Layout } from './text.ts';
import type { Pile } from './votes.ts';

export type Context = CanvasRenderingContext2D;

const layouts = new WeakMap<Shape, Layout>();
let ruler: Context | null = null;
let ruled = 0; // the size of the ruler's letters: setting a font takes longer than measuring

function width(text: string, size: number): number {
  ruler ??= document.createElement('canvas').getContext('2d')!;
  if (ruled !== size) ruler.font = `${(ruled = size)}px ${family}`;
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

/** The dotted ground of an area of the screen, in CSS pixels. */
function drawGround(ctx: Context, c: Camera, area: Box, theme: Theme): void {
  const { paper, dots } = ground(theme);
  ctx.fillStyle = paper;
  ctx.fillRect(area.x, area.y, area.w, area.h);
  let step = 24 * c.zoom;
  while (step < 16) step *= 4;
  ctx.fillStyle = dots;
  const size = 1.1;
  // The first one that reaches into the area, of those that stand a whole number of steps away from the board's middle.
  const first = (from: number, middle: number) => middle + Math.ceil((from - size - middle) / step) * step;
  const left = first(area.x, -c.x * c.zoom), top = first(area.y, -c.y * c.zoom);
  for (let x = left; x < area.x + area.w + size; x += step) {
    for (let y = top; y < area.y + area.h + size; y += step) ctx.fillRect(x - size, y - size, 2 * size, 2 * size);
  }
}

export interface Scene {
  readonly shapes: readonly Shape[];
  /** The id of a shape that is not drawn here, because its text is being written. */
  readonly editing: string | undefined;
  /** Whether a shape waits to be stored: it is drawn lighter, with a mark. null: none does. */
  readonly waits: ((s: Shape) => boolean) | null;
  readonly piles: ReadonlyMap<string, readonly Pile[]>;
  readonly theme: Theme;
}

const boxes = new WeakMap<readonly Shape[], Boxes>();

function boxesOf(shapes: readonly Shape[]): Boxes {
  let b = boxes.get(shapes);
  if (!b) boxes.set(shapes, (b = new Boxes(shapes.map((s) => bounds(s, measure)))));
  return b;
}

/** How far a shape is drawn beyond its bounds, on the board: half the widest line, the shadow of a note, the dots on it. */
const reach = 60;
/** How far the clock of one that waits is, on the screen. */
const clockReach = 20;

/** Draws what the camera sees in an area of the canvas, which is in device pixels, of which a CSS pixel has ratio. */
export function drawScene(ctx: Context, scene: Scene, c: Camera, area: Box, ratio: number): void {
  ctx.save();
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.beginPath();
  ctx.rect(area.x, area.y, area.w, area.h);
  ctx.clip();
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  drawGround(ctx, c, { x: area.x / ratio, y: area.y / ratio, w: area.w / ratio, h: area.h / ratio }, scene.theme);
  toCamera(ctx, c, ratio);
  const k = ratio * c.zoom;
  const view = grow({ x: c.x + area.x / k, y: c.y + area.y / k, w: area.w / k, h: area.h / k }, scene.waits ? reach + clockReach / c.zoom : reach);
  for (const i of boxesOf(scene.shapes).within(view)) {
    const s = scene.shapes[i]!;
    if (s.id === scene.editing) continue;
    const waits = scene.waits?.(s) ?? false;
    ctx.globalAlpha = waits ? 0.5 : 1;
    drawShape(ctx, s, scene.theme);
    drawDots(ctx, s, scene.piles.get(s.id), scene.theme, measure);
    ctx.globalAlpha = 1;
    if (waits) drawWaiting(ctx, s, c.zoom, scene.theme);
  }
  ctx.restore();
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
