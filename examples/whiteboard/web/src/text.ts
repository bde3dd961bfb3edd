// Breaking text into lines, as the canvas draws it.
import type { Shape } from './model.ts';

export const family = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
/** Space between a note's edge and its text. */
export const notePadding = 16;
const lineHeight = 1.35;

/** The size of letters that goes with a shape's width. */
export function fontSize(s: Pick<Shape, 'kind' | 'width'>): number {
  const size = s.width <= 2 ? 16 : s.width <= 4 ? 22 : 36;
  return s.kind === 'note' ? Math.min(size, 28) - 2 : size;
}

export interface Layout {
  readonly lines: readonly string[];
  readonly size: number;
  readonly step: number;
  readonly w: number;
  readonly h: number;
}

/** How wide text is at a size of letters. */
export type Ruler = (text: string, size: number) => number;

/** The lines of a text or note, and the room that they take on the board. */
export function layout(s: Shape, ruler: Ruler): Layout {
  const size = fontSize(s);
  const step = size * lineHeight;
  if (s.kind === 'note') {
    const lines = s.text.split('\n').flatMap((line) => wrap(line, s.w - 2 * notePadding, (t) => ruler(t, size)));
    return { lines, size, step, w: s.w, h: Math.max(s.h, lines.length * step + 2 * notePadding) };
  }
  const lines = s.text.split('\n').flatMap((line) => wrap(line, 900, (t) => ruler(t, size)));
  const w = Math.max(...lines.map((line) => ruler(line, size)), size / 2);
  return { lines, size, step, w, h: lines.length * step };
}

/** Breaks line between words, and words that are longer than a line wherever they must be. */
export function wrap(line: string, room: number, width: (text: string) => number): string[] {
  const out: string[] = [];
  let now = '';
  for (let word of line.split(/(?<=\s)/)) {
    if (width((now + word).trimEnd()) <= room) {
      now += word;
      continue;
    }
    if (now) out.push(now.trimEnd());
    while (width(word.trimEnd()) > room) {
      const n = fitting(word, room, width);
      if (n >= word.length) break; // narrower it does not get
      out.push(word.slice(0, n));
      word = word.slice(n);
    }
    now = word;
  }
  out.push(now.trimEnd());
  return out;
}

/** How many characters of word fit into room, at least one, by bisection. */
function fitting(word: string, room: number, width: (text: string) => number): number {
  let low = 1, high = Math.min(word.length, 512);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (width(word.slice(0, middle)) <= room) low = middle;
    else high = middle - 1;
  }
  const pair = /[\ud800-\udbff]/.test(word[low - 1]!) && low < word.length; // does not tear a pair of surrogates
  return pair ? (low > 1 ? low - 1 : 2) : low;
}
