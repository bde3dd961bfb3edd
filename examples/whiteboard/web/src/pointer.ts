// Mouse, touch and pen on the canvas.
import { panned, toBoard, zoomed } from './camera.ts';
import type { Desk, ToolName } from './desk.ts';
import type { Point } from './model.ts';
import { ellipse, line, rect } from './tools/box.ts';
import type { Gesture, Tool } from './tools/gesture.ts';
import { pen } from './tools/pen.ts';
import { gripAt, select } from './tools/select.ts';
import { vote } from './tools/vote.ts';
import { note, text } from './tools/write.ts';

const tools: Record<Exclude<ToolName, 'hand'>, Tool> = { select, pen, line, rect, ellipse, text, note, vote };

/** Lets pointers work on desk; moved is told where the pointer is on the board, null when it leaves. */
export function watchPointers(area: HTMLElement, desk: Desk, moved: (p: Point | null) => void): { space(down: boolean): void; cancel(): void } {
  const touches = new Map<number, Point>();
  let gesture: Gesture | null = null;
  let active = -1;
  let pan: Point | null = null;
  let space = false;
  let penSeen = false; // whoever has a pen moves the board with the fingers

  const local = (e: MouseEvent): Point => {
    const r = area.getBoundingClientRect();
    return { x: e.clientX - r.left, y: e.clientY - r.top };
  };
  const stop = () => {
    gesture?.cancel();
    gesture = pan = null;
    active = -1;
  };
  const cursor = () => {
    area.dataset['grab'] = pan ? 'now' : space || desk.tool === 'hand' ? 'can' : '';
  };

  area.addEventListener('pointerdown', (e) => {
    const p = local(e);
    if (e.pointerType === 'pen') penSeen = true;
    if (e.pointerType === 'touch') {
      touches.set(e.pointerId, p);
      if (touches.size === 2) {
        stop();
        desk.changed();
        return;
      }
      if (touches.size > 2) return;
    }
    if (active >= 0 || (e.button !== 0 && e.button !== 1)) return;
    area.setPointerCapture(e.pointerId);
    area.focus({ preventScroll: true });
    e.preventDefault();
    active = e.pointerId;
    const fingers = penSeen && e.pointerType === 'touch' && desk.tool !== 'select';
    if (space || e.button === 1 || desk.tool === 'hand' || fingers) pan = p;
    else gesture = tools[desk.tool as keyof typeof tools](desk, toBoard(desk.camera, p), e.shiftKey);
    cursor();
    desk.changed();
  });

  area.addEventListener('pointermove', (e) => {
    const p = local(e);
    if (touches.has(e.pointerId) && touches.size >= 2) {
      pinch(desk, touches, e.pointerId, p);
      return;
    }
    moved(toBoard(desk.camera, p));
    if (pan && e.pointerId === active) {
      desk.camera = panned(desk.camera, p.x - pan.x, p.y - pan.y);
      pan = p;
      desk.changed();
    } else if (gesture && e.pointerId === active) {
      const all = e.getCoalescedEvents?.() ?? [];
      gesture.move((all.length ? all : [e]).map((one) => toBoard(desk.camera, local(one))), e.shiftKey);
      desk.changed();
    } else {
      area.dataset['grip'] = desk.tool === 'select' && gripAt(desk, toBoard(desk.camera, p)) ? 'yes' : '';
    }
  });

  const up = (e: PointerEvent, cancelled: boolean) => {
    touches.delete(e.pointerId);
    if (e.pointerId !== active) return;
    if (cancelled) gesture?.cancel();
    else gesture?.end();
    gesture = pan = null;
    active = -1;
    cursor();
    desk.changed();
  };
  area.addEventListener('pointerup', (e) => up(e, false));
  area.addEventListener('pointercancel', (e) => up(e, true));
  area.addEventListener('pointerleave', () => moved(null));

  area.addEventListener('wheel', (e) => {
    e.preventDefault();
    const step = e.deltaMode === 1 ? 16 : e.deltaMode === 2 ? 400 : 1;
    if (e.ctrlKey || e.metaKey) desk.camera = zoomed(desk.camera, desk.camera.zoom * Math.exp(-e.deltaY * step * 0.004), local(e));
    else if (e.shiftKey && e.deltaX === 0) desk.camera = panned(desk.camera, -e.deltaY * step, 0);
    else desk.camera = panned(desk.camera, -e.deltaX * step, -e.deltaY * step);
    desk.changed();
  }, { passive: false });

  area.addEventListener('dblclick', (e) => {
    if (desk.tool !== 'select') return;
    const there = desk.at(toBoard(desk.camera, local(e)));
    if (there?.kind === 'text' || there?.kind === 'note') desk.edit(there, false);
  });
  area.addEventListener('contextmenu', (e) => e.preventDefault());

  return {
    space(down) {
      space = down;
      cursor();
    },
    cancel() {
      stop();
      cursor();
      desk.changed();
    },
  };
}

/** One of two fingers has moved: the board follows both. */
function pinch(desk: Desk, touches: Map<number, Point>, id: number, to: Point): void {
  const other = [...touches].find(([n]) => n !== id)![1];
  const from = touches.get(id)!;
  const before = Math.hypot(from.x - other.x, from.y - other.y), after = Math.hypot(to.x - other.x, to.y - other.y);
  const middle = { x: (to.x + other.x) / 2, y: (to.y + other.y) / 2 };
  desk.camera = panned(desk.camera, (to.x - from.x) / 2, (to.y - from.y) / 2);
  if (before > 10) desk.camera = zoomed(desk.camera, desk.camera.zoom * (after / before), middle);
  touches.set(id, to);
  desk.changed();
}
