import type { Desk } from '../desk.ts';
import { round, type Kind, type Point } from '../model.ts';
import { fontSize } from '../text.ts';
import type { Tool } from './gesture.ts';

export const noteSize = 190;

/** Places a text or note where one clicks, and opens it for writing; on an existing one, opens that. */
function writer(kind: 'text' | 'note'): Tool {
  return (desk, p) => ({
    move() {},
    end() {
      const there = desk.at(p);
      if (there?.kind === kind) desk.edit(there, false);
      else place(desk, kind, p);
    },
    cancel() {},
  });
}

export const text = writer('text');
export const note = writer('note');

/** Begins a shape at p without drawing it: what the keyboard does. */
export function place(desk: Desk, kind: Kind, p: Point): void {
  const at = (w: number, h: number) => ({ x: round(p.x - w / 2), y: round(p.y - h / 2), w, h });
  if (kind === 'note') {
    desk.edit(desk.begin('note', p, at(noteSize, noteSize)), true);
  } else if (kind === 'text') {
    const s = desk.begin('text', p);
    desk.edit({ ...s, y: round(p.y - fontSize(s) * 0.7) }, true);
  } else if (kind !== 'pen') {
    const s = desk.begin(kind, p, at(160, kind === 'line' ? 0 : 100));
    desk.do([{ op: 'put', shape: s }]);
    desk.tool = 'select';
    desk.select([s.id]);
  }
}
