// Voting: how many dots are left, above the tools while dots are given; and the notes by their dots.
import type { Desk } from '../desk.ts';
import type { Shape } from '../model.ts';
import { personColor, tones } from '../palette.ts';
import { maxDots } from '../transactions.ts';
import { total } from '../votes.ts';
import { button, h, icon } from './dom.ts';
import { popover } from './popover.ts';

/** More of one's dots than these are only counted. */
const mostPips = 12;

/** The bar, and the panel with the result that it opens; me is the client's id. */
export function voteBar(desk: Desk, me: string): { element: HTMLElement; open(): void } {
  const pips = h('span', { class: 'pips', 'aria-hidden': 'true' });
  const left = h('span', { class: 'left', role: 'status' });
  const opener = h('button', { type: 'button', class: 'wide results' }, icon('chart'), h('span', {}, 'Result'));
  const list = h('ol', { class: 'tally' });
  const none = h('p', { class: 'none' }, 'There is no sticky note on this board yet.');
  const each = h('output', { class: 'each' });
  const fewer = button('minus', 'Fewer dots for each person', () => desk.board.votes.setEach(desk.board.votes.each - 1));
  const more = button('plus', 'More dots for each person', () => desk.board.votes.setEach(desk.board.votes.each + 1));
  const panel = h('div', { class: 'panel list votes', role: 'dialog', 'aria-label': 'Notes by their dots' }, h('h2', {}, 'Notes by their dots'), none, list,
    h('div', { class: 'setting' }, h('span', {}, 'Dots for each person'), fewer, each, more));
  const bar = h('div', { class: 'panel bar' }, pips, left, h('span', { class: 'rule' }), opener);
  const element = h('div', { class: 'voting', hidden: true }, panel, bar);
  const lines = new Map<string, Line>();
  const show = () => {
    element.hidden = desk.tool !== 'vote' && panel.hidden;
    if (element.hidden) return;
    const { votes } = desk.board;
    const text = `${votes.left} of ${votes.each} ${votes.each === 1 ? 'dot' : 'dots'} left`;
    if (left.textContent !== text) left.textContent = text;
    pips.hidden = votes.each > mostPips;
    pips.style.color = personColor(me);
    while (pips.children.length > votes.each) pips.lastChild!.remove();
    while (pips.children.length < Math.min(votes.each, mostPips)) pips.append(h('span', { class: 'pip' }));
    [...pips.children].forEach((p, i) => p.toggleAttribute('data-given', i >= votes.left));
    if (panel.hidden) return;
    each.textContent = String(votes.each);
    fewer.disabled = votes.each <= 1;
    more.disabled = votes.each >= maxDots;
    const notes = desk.board.shapes().filter((s) => s.kind === 'note');
    none.hidden = notes.length > 0;
    showLines(desk, list, lines, notes);
  };
  popover(opener, panel, () => queueMicrotask(() => {
    lines.clear();
    list.replaceChildren();
    show();
    list.querySelector<HTMLElement>('button')?.focus({ preventScroll: true });
  }));
  desk.onChange(show);
  return {
    element,
    open() {
      desk.pick('vote');
      if (panel.hidden) opener.click();
    },
  };
}

interface Line {
  readonly element: HTMLElement;
  show(s: Shape): void;
}

/** Keeps the elements of notes, so that a focused button stays so while others vote; they are put in order of dots only when a hand is not among them. */
function showLines(desk: Desk, list: HTMLElement, lines: Map<string, Line>, notes: readonly Shape[]): void {
  const piles = desk.board.votes.piles();
  const sorted = [...notes].sort((a, b) => total(piles.get(b.id)) - total(piles.get(a.id)));
  const there = new Set(notes.map((s) => s.id));
  for (const [id, line] of lines) {
    if (there.has(id)) continue;
    line.element.remove();
    lines.delete(id);
  }
  for (const s of sorted) {
    let line = lines.get(s.id);
    if (!line) {
      lines.set(s.id, (line = newLine(desk, s.id)));
      list.append(line.element);
    }
    line.show(s);
  }
  const order = sorted.map((s) => lines.get(s.id)!.element);
  if (list.matches(':focus-within') || order.every((e, i) => list.children[i] === e)) return;
  list.replaceChildren(...order);
}

function newLine(desk: Desk, id: string): Line {
  const count = h('strong');
  const dots = h('span', { class: 'row', 'aria-hidden': 'true' });
  const text = h('span', { class: 'text' });
  const goTo = h('button', { type: 'button', class: 'goto', title: 'Show this note', click: () => desk.goTo(id, innerWidth, innerHeight) }, text, dots);
  const back = button('minus', 'Take a dot back', () => desk.vote([id], -1)), give = button('plus', 'Give a dot', () => desk.vote([id], 1));
  return {
    element: h('li', {}, goTo, back, count, give),
    show(s) {
      const { votes } = desk.board;
      const piles = votes.piles().get(id) ?? [];
      const n = total(piles), mine = votes.mine(id);
      const words = s.text.trim().split('\n').find(Boolean)?.slice(0, 80) ?? '';
      text.textContent = words || 'Empty note';
      goTo.style.setProperty('--paper', tones(desk.theme, s.color).paper);
      count.textContent = String(n);
      count.setAttribute('aria-label', `${n} ${n === 1 ? 'dot' : 'dots'}, ${mine} of them yours`);
      back.setAttribute('aria-label', `Take a dot back from ${words || 'the empty note'}`);
      give.setAttribute('aria-label', `Give ${words || 'the empty note'} a dot`);
      // A button that has the focus is not switched off under the finger: it says why nothing happens.
      back.toggleAttribute('data-idle', mine === 0);
      give.toggleAttribute('data-idle', votes.left === 0);
      dots.replaceChildren(...piles.flatMap((p) => Array.from({ length: p.count }, () => {
        const dot = h('span', { class: 'pip' });
        dot.style.color = personColor(p.client);
        return dot;
      })).slice(0, 30));
    },
  };
}
