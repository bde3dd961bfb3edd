// Tools, colours and widths; undo, redo and zoom; what can be done with a selection.
import { maxZoom, minZoom, zoomed } from '../camera.ts';
import type { Desk, ToolName } from '../desk.ts';
import { inks, widths, type Ink } from '../model.ts';
import { tones } from '../palette.ts';
import { button, h } from './dom.ts';
import { total } from '../votes.ts';
import { popover } from './popover.ts';

export const toolKeys: readonly (readonly [ToolName, string, string])[] = [
  ['select', 'Select', 'V'],
  ['hand', 'Move the board', 'H'],
  ['pen', 'Pen', 'P'],
  ['line', 'Line', 'L'],
  ['rect', 'Rectangle', 'R'],
  ['ellipse', 'Ellipse', 'O'],
  ['text', 'Text', 'T'],
  ['note', 'Sticky note', 'N'],
  ['vote', 'Dots', 'D'],
];

const widthNames = ['Thin', 'Medium', 'Thick'];

/** The bar at the bottom with the tools. */
export function toolbar(desk: Desk): HTMLElement {
  const tools = toolKeys.map(([tool, label, key]) => {
    const b = button(tool, label, () => desk.pick(tool), key);
    b.dataset['tool'] = tool;
    return b;
  });
  const dot = h('span', { class: 'dot' });
  const style = h('button', { type: 'button', class: 'icon', 'aria-label': 'Colour and width', title: 'Colour and width' }, dot);
  const colors = inks.map((ink, i) => swatch(desk, ink, i));
  const strokes = widths.map((w, i) => {
    const line = h('span', { class: 'stroke' });
    line.style.height = `${w}px`;
    return h('button', { type: 'button', class: 'wide', 'aria-label': widthNames[i]!, title: widthNames[i]!, 'data-width': w, click: () => chooseWidth(desk, w) }, line);
  });
  const panel = h('div', { class: 'panel styles', role: 'dialog', 'aria-label': 'Colour and width' }, h('div', { class: 'swatches' }, ...colors), h('div', { class: 'strokes' }, ...strokes));
  popover(style, panel);
  const show = () => {
    for (const b of tools) b.setAttribute('aria-pressed', String(b.dataset['tool'] === desk.tool));
    const [only] = desk.selected();
    const ink = only?.color ?? desk.ink, width = only?.width ?? desk.width;
    dot.style.backgroundColor = tones(desk.theme, ink).line;
    dot.style.transform = `scale(${width <= 2 ? 0.55 : width <= 4 ? 0.78 : 1})`;
    colors.forEach((b, i) => {
      b.style.color = tones(desk.theme, inks[i]!).line;
      b.setAttribute('aria-pressed', String(inks[i] === ink));
    });
    strokes.forEach((b, i) => b.setAttribute('aria-pressed', String(widths[i] === width)));
  };
  desk.onChange(show);
  show();
  return h('div', { class: 'dock' }, panel, h('div', { class: 'panel bar', role: 'toolbar', 'aria-label': 'Tools' }, ...tools, h('span', { class: 'rule' }), style));
}

function swatch(desk: Desk, ink: Ink, i: number): HTMLButtonElement {
  const name = ink === 'ink' ? 'Black or white' : ink[0]!.toUpperCase() + ink.slice(1);
  return h('button', { type: 'button', class: 'swatch', 'aria-label': name, title: `${name}  (${i + 1})`, click: () => chooseInk(desk, ink) });
}

export function chooseInk(desk: Desk, color: Ink): void {
  desk.ink = color;
  if (desk.selection.size) desk.restyle({ color });
  desk.changed();
}

export function chooseWidth(desk: Desk, width: number): void {
  desk.width = width;
  if (desk.selection.size) desk.restyle({ width });
  desk.changed();
}

/** Zooms about the middle of the screen. */
export function zoomBy(desk: Desk, factor: number): void {
  desk.camera = zoomed(desk.camera, desk.camera.zoom * factor, { x: innerWidth / 2, y: innerHeight / 2 });
  desk.changed();
}

/** Undo and redo; zoom. */
export function corner(desk: Desk, undo: () => void, redo: () => void): HTMLElement {
  const back = button('undo', 'Undo', undo, 'Ctrl+Z'), again = button('redo', 'Redo', redo, 'Ctrl+Shift+Z');
  const out = button('minus', 'Zoom out', () => zoomBy(desk, 1 / 1.25), '-'), nearer = button('plus', 'Zoom in', () => zoomBy(desk, 1.25), '+');
  const level = h('button', { type: 'button', class: 'level', title: 'Show everything  (Shift+1)', click: () => desk.fit(innerWidth, innerHeight) });
  const show = () => {
    back.disabled = !desk.history.canUndo;
    again.disabled = !desk.history.canRedo;
    const percent = `${Math.round(desk.camera.zoom * 100)}%`;
    if (level.textContent !== percent) {
      level.textContent = percent;
      level.setAttribute('aria-label', `Zoom ${percent}, show everything`);
    }
    out.disabled = desk.camera.zoom <= minZoom;
    nearer.disabled = desk.camera.zoom >= maxZoom;
  };
  desk.onChange(show);
  show();
  return h('div', { class: 'corner' }, h('div', { class: 'panel bar', role: 'group', 'aria-label': 'History' }, back, again), h('div', { class: 'panel bar zoom', role: 'group', 'aria-label': 'Zoom' }, out, level, nearer));
}

/** Appears above the tools while something is selected. */
export function selectionBar(desk: Desk): HTMLElement {
  const count = h('span', { class: 'count', role: 'status' });
  const piles = h('span', { class: 'count' });
  const back = button('minus', 'Take a dot back', () => desk.vote([...desk.selection], -1), ',');
  const dots = h('span', { class: 'dots', role: 'group', 'aria-label': 'Dots' }, back, piles, button('plus', 'Give a dot', () => desk.vote([...desk.selection], 1), '.'), h('span', { class: 'rule' }));
  const bar = h('div', { class: 'panel bar selection', role: 'toolbar', 'aria-label': 'Selection', hidden: true }, count, dots,
    button('front', 'Bring to front', () => desk.restack(1), ']'), button('back', 'Send to back', () => desk.restack(-1), '['),
    button('copy', 'Duplicate', () => desk.duplicate(), 'Ctrl+D'), button('trash', 'Delete', () => desk.remove(), 'Del'));
  desk.onChange(() => {
    const n = desk.selection.size;
    bar.hidden = n === 0 || desk.tool === 'vote' || desk.moving.size > 0 || desk.marquee !== null;
    const [only] = desk.selected();
    const { votes } = desk.board;
    dots.hidden = n !== 1 || only?.kind !== 'note';
    count.hidden = !dots.hidden;
    if (only && !dots.hidden) {
      const all = total(votes.piles().get(only.id));
      piles.textContent = all === 1 ? '1 dot' : `${all} dots`;
      back.disabled = votes.mine(only.id) === 0;
    }
    const text = `${n} selected`;
    if (n && count.textContent !== text) count.textContent = text;
  });
  return bar;
}
