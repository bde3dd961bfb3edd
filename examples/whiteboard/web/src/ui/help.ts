// The keyboard, explained and listened to.
import type { Desk } from '../desk.ts';
import { panned, toBoard } from '../camera.ts';
import { inks } from '../model.ts';
import { place } from '../tools/write.ts';
import { button, h } from './dom.ts';
import { closePopover } from './popover.ts';
import { chooseInk, toolKeys, zoomBy } from './toolbar.ts';

const shortcuts: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  ['Tools', toolKeys.map(([, label, key]) => [key, label] as const)],
  ['Edit', [['Ctrl Z', 'Undo'], ['Ctrl Shift Z', 'Redo'], ['Del', 'Delete'], ['Ctrl D', 'Duplicate'], ['Ctrl A', 'Select all'], ['Arrows', 'Move the selection'], ['[ ]', 'To back, to front'], ['. ,', 'Give a note a dot, take it back'], ['1 – 8', 'Colour'], ['Enter', 'Place a shape, edit text']]],
  ['View', [['Space', 'Drag the board'], ['Wheel', 'Scroll'], ['Ctrl Wheel', 'Zoom'], ['+ −', 'Zoom'], ['0', 'Actual size'], ['Shift 1', 'Show everything'], ['Ctrl E', 'Save as picture'], ['?', 'These shortcuts']]],
];

/** The overlay that lists the shortcuts. */
export function helpOverlay(): HTMLDialogElement {
  const apple = /Mac|iPhone|iPad/.test(navigator.platform);
  const keys = (text: string) => text.split(' ').map((k) => (k === '–' ? k : h('kbd', {}, apple && k === 'Ctrl' ? '⌘' : k)));
  const dialog = h('dialog', { class: 'help', 'aria-label': 'Keyboard shortcuts' },
    h('div', { class: 'head' }, h('h2', {}, 'Keyboard shortcuts'), button('close', 'Close', () => dialog.close())),
    h('div', { class: 'columns' }, ...shortcuts.map(([name, list]) =>
      h('section', {}, h('h3', {}, name), h('dl', {}, ...list.flatMap(([key, what]) => [h('dt', {}, ...keys(key)), h('dd', {}, what)]))))));
  dialog.addEventListener('click', (e) => {
    if (e.target === dialog) dialog.close();
  });
  return dialog;
}

export interface Keys {
  undo(): void;
  redo(): void;
  exportPicture(): void;
  help(): void;
  space(down: boolean): void;
  cancel(): void;
}

/** Listens to the keyboard wherever no text is written. */
export function watchKeys(desk: Desk, act: Keys): void {
  addEventListener('keydown', (e) => {
    const at = e.target as HTMLElement;
    if (at.matches('input, textarea, select') || e.isComposing || document.querySelector('dialog[open]')) return;
    const used = e.ctrlKey || e.metaKey ? withCtrl(desk, act, e) : e.altKey ? false : plain(desk, act, e, at);
    if (used) e.preventDefault();
  });
  addEventListener('keyup', (e) => {
    if (e.code === 'Space') act.space(false);
  });
  addEventListener('blur', () => act.space(false));
}

function withCtrl(desk: Desk, act: Keys, e: KeyboardEvent): boolean {
  switch (e.key.toLowerCase()) {
    case 'z':
      if (e.shiftKey) act.redo();
      else act.undo();
      return true;
    case 'y':
      act.redo();
      return true;
    case 'a':
      desk.tool = 'select';
      desk.select(desk.board.shapes().map((s) => s.id));
      return true;
    case 'd':
      desk.duplicate();
      return true;
    case 'e':
      act.exportPicture();
      return true;
    default:
      return false;
  }
}

function plain(desk: Desk, act: Keys, e: KeyboardEvent, at: HTMLElement): boolean {
  const onButton = at.matches('button, a');
  const tool = toolKeys.find(([, , key]) => key === e.key.toUpperCase());
  if (tool && e.key.length === 1 && !e.repeat) {
    desk.pick(tool[0]);
    return true;
  }
  const color = inks[Number(e.key) - 1];
  if (color) {
    chooseInk(desk, color);
    return true;
  }
  switch (e.key) {
    case 'Delete':
    case 'Backspace':
      desk.remove();
      return true;
    case 'Escape':
      if (closePopover()) return true;
      act.cancel();
      desk.select([]);
      return true;
    case 'Enter':
      return !onButton && enter(desk);
    case ' ':
      if (onButton) return false;
      act.space(true);
      return true;
    case '.':
    case ',':
      if (!desk.selection.size) return false;
      desk.vote([...desk.selection], e.key === '.' ? 1 : -1);
      return true;
    case '[':
    case ']':
      desk.restack(e.key === ']' ? 1 : -1);
      return true;
    case '+':
    case '=':
      zoomBy(desk, 1.25);
      return true;
    case '-':
      zoomBy(desk, 1 / 1.25);
      return true;
    case '0':
      zoomBy(desk, 1 / desk.camera.zoom);
      return true;
    case '?':
      act.help();
      return true;
    default:
      if (e.code === 'Digit1' && e.shiftKey) {
        desk.fit(innerWidth, innerHeight);
        return true;
      }
      return arrow(desk, e);
  }
}

function arrow(desk: Desk, e: KeyboardEvent): boolean {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
  if (!step) return false;
  const far = e.shiftKey ? 10 : 2;
  if (desk.selection.size) desk.nudge(step[0]! * far, step[1]! * far);
  else {
    desk.camera = panned(desk.camera, -step[0]! * 40, -step[1]! * 40);
    desk.changed();
  }
  return true;
}

function enter(desk: Desk): boolean {
  const [only] = desk.selected();
  if (only && (only.kind === 'text' || only.kind === 'note')) desk.edit(only, false);
  else if (desk.tool !== 'select' && desk.tool !== 'hand' && desk.tool !== 'vote') place(desk, desk.tool, toBoard(desk.camera, { x: innerWidth / 2, y: innerHeight / 2 }));
  else return false;
  return true;
}
