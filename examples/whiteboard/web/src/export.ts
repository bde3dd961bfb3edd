// A picture of the whole board.
import { drawDots } from './dots.ts';
import { bounds, grow, union } from './geometry.ts';
import type { Shape } from './model.ts';
import { ground, type Theme } from './palette.ts';
import { drawShape, measure } from './render.ts';
import type { Pile } from './votes.ts';

const margin = 48;
const longest = 8192; // pixels a side that every browser can make

/** Draws all shapes, at twice their size where that fits. null: there is nothing to draw, or no memory for it. */
export async function picture(shapes: readonly Shape[], piles: ReadonlyMap<string, readonly Pile[]>, theme: Theme): Promise<Blob | null> {
  const all = union(shapes.map((s) => grow(bounds(s, measure), s.width)));
  if (!all) return null;
  const box = grow(all, margin);
  const scale = Math.min(2, longest / box.w, longest / box.h);
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(box.w * scale));
  canvas.height = Math.max(1, Math.round(box.h * scale));
  const ctx = canvas.getContext('2d');
  if (!ctx) return null;
  ctx.fillStyle = ground(theme).paper;
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.setTransform(scale, 0, 0, scale, -box.x * scale, -box.y * scale);
  for (const s of shapes) {
    drawShape(ctx, s, theme);
    drawDots(ctx, s, piles.get(s.id), theme, measure);
  }
  return new Promise((done) => canvas.toBlob(done, 'image/png'));
}

/** Lets the browser save blob under a name. */
export function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A file name made of a board's name. */
export function fileName(board: string): string {
  const words = board.normalize('NFKD').replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '').toLowerCase();
  return `${words.slice(0, 60) || 'board'}.png`;
}
