// The inbox: what others have changed, deleted or forbidden while one was changing it, and what is to become of one's own.
import type { Conflict, Inbox } from '../board.ts';
import { bounds, grow, union } from '../geometry.ts';
import type { Shape } from '../model.ts';
import { maxText } from '../model.ts';
import { ground, tones, type Theme } from '../palette.ts';
import { drawShape, measure } from '../render.ts';
import { button, h } from './dom.ts';
import { closePopover, popover } from './popover.ts';

/** What the panel needs of the page. */
export interface Desktop {
  readonly theme: Theme;
  /** The board on the desk, and how a shape of it is now; null: it is not there. */
  readonly board: string;
  now(id: string): Shape | null;
  boardName(id: string): string;
  /** Does it all the same. */
  mine(c: Conflict, text?: string): Promise<void>;
  theirs(c: Conflict): void;
  /** What was said in passing needs no more reading. */
  quiet(): void;
  go(board: string, shape?: string): void;
}

export class InboxPanel {
  readonly button: HTMLButtonElement;
  readonly panel: HTMLElement;
  readonly #inbox: Inbox;
  readonly #desk: Desktop;
  readonly #count = h('span', { class: 'badge' });
  readonly #list = h('div', { class: 'cases' });
  /** The conflict that is being edited; what is written there is not to be lost when something else changes. */
  #editing = '';
  #shown: readonly unknown[] = [];
  readonly #empty: () => void;

  /** empty is called when the last one was decided in the panel. */
  constructor(inbox: Inbox, desk: Desktop, empty: () => void) {
    this.#inbox = inbox;
    this.#desk = desk;
    this.button = button('inbox', '', () => {});
    this.button.append(this.#count);
    this.button.hidden = true;
    this.panel = h('div', { class: 'panel list right inbox', role: 'dialog', 'aria-label': 'Changes that need a decision', tabindex: -1 },
      h('div', { class: 'head' }, h('h2', {}, 'Changes that need a decision'), button('close', 'Close', () => void closePopover())), this.#list);
    popover(this.button, this.panel, () => {
      desk.quiet();
      this.#editing = '';
      this.#shown = [];
      queueMicrotask(() => {
        this.show();
        this.#focus(0);
      });
    });
    this.#empty = empty;
  }

  /** Brings it up to date. */
  show(): void {
    const all = this.#inbox.conflicts();
    this.button.hidden = all.length === 0;
    const label = all.length === 1 ? '1 change needs a decision' : `${all.length} changes need a decision`;
    if (this.button.title !== label) {
      this.button.title = this.button.ariaLabel = label;
      this.#count.textContent = String(all.length);
    }
    if (this.panel.hidden) return;
    if (all.length === 0) {
      closePopover();
      return this.#empty();
    }
    const seen = [all, this.#desk.theme, this.#desk.board, this.#editing, ...all.flatMap((c) => c.ids.map((id) => this.#desk.now(id)))];
    if (seen.length === this.#shown.length && seen.every((v, i) => v === this.#shown[i])) return;
    const editing = this.#editing && all.some((c) => c.key === this.#editing);
    if (editing && this.#shown.length > 0 && seen[3] === this.#shown[3]) return; // not under the hand of who writes
    this.#shown = seen;
    const at = [...this.#list.children].findIndex((e) => e.contains(document.activeElement));
    this.#list.replaceChildren(...all.map((c) => this.#case(c)));
    if (at >= 0) this.#focus(at);
  }

  #focus(n: number): void {
    const cases = [...this.#list.children];
    const one = cases[Math.min(n, cases.length - 1)];
    (one?.querySelector<HTMLElement>('textarea') ?? one?.querySelector<HTMLElement>('.choice button') ?? this.panel).focus({ preventScroll: true });
    one?.scrollIntoView({ block: 'nearest' });
  }

  #case(c: Conflict): HTMLElement {
    const here = c.board === this.#desk.board;
    const theirs = here && c.ids.length > 0 ? c.ids.flatMap((id) => this.#desk.now(id) ?? []) : c.theirs;
    const { title, text } = words(c, theirs);
    const where = here ? [] : [' On ', h('a', { href: `/b/${c.board}`, click: (e: MouseEvent) => this.#follow(e, c.board) }, this.#desk.boardName(c.board)), '.'];
    const id = `case-${Math.random().toString(36).slice(2)}`;
    const article = h('article', { 'aria-labelledby': id }, h('h3', { id }, title), h('p', {}, text, ...where));
    if (this.#editing === c.key) article.append(this.#editor(c, theirs));
    else article.append(...this.#sides(c, theirs), this.#choice(c, theirs));
    return article;
  }

  #sides(c: Conflict, theirs: readonly Shape[]): HTMLElement[] {
    if (c.why === 'dots' || (c.mine.length === 0 && theirs.length === 0)) return [];
    const written = [...c.mine, ...theirs].every((s) => s.kind === 'note' || s.kind === 'text') && c.ids.length === 1;
    const gone = c.base.length === 0 ? 'Not on the board' : 'Deleted'; // what was new never was there
    const side = (name: string, shapes: readonly Shape[], none: string) => h('figure', {}, h('figcaption', {}, name), shapes.length === 0 ? h('div', { class: 'gone' }, none)
      : written ? this.#paper(shapes[0]!) : drawing(shapes, this.#desk.theme));
    const pair = h('div', { class: 'pair' }, side('Yours', c.mine, 'Deleted by you'), side('Now on the board', theirs, c.board === this.#desk.board || c.why === 'gone' ? gone : 'Not known here'));
    const [base] = c.base;
    const before = c.why === 'text' && base ? [h('details', {}, h('summary', {}, 'What you both began with'), this.#paper(base))] : [];
    return [pair, ...before];
  }

  /** Text as text. */
  #paper(s: Shape): HTMLElement {
    const { paper, onPaper, line } = tones(this.#desk.theme, s.color);
    const p = h('div', { class: 'paper', tabindex: 0 }, s.text || '(empty)');
    p.style.background = s.kind === 'note' ? paper : 'transparent';
    p.style.color = s.kind === 'note' ? onPaper : line;
    return p;
  }

  #choice(c: Conflict, theirs: readonly Shape[]): HTMLElement {
    const [use, keep] = choices(c, theirs);
    const text = c.ids.length === 1 && c.mine[0] && (c.mine[0].kind === 'note' || c.mine[0].kind === 'text') && c.why !== 'unknown' && c.why !== 'denied';
    const edit = () => {
      this.#editing = c.key;
      this.show();
      this.#focus(this.#inbox.conflicts().findIndex((o) => o.key === c.key));
    };
    return h('div', { class: 'choice' },
      h('button', { type: 'button', class: 'small strong', click: () => void this.#desk.mine(c) }, use),
      h('button', { type: 'button', class: 'small', click: () => this.#desk.theirs(c) }, keep),
      ...(text ? [h('button', { type: 'button', class: 'small', click: edit }, 'Edit')] : []));
  }

  #editor(c: Conflict, theirs: readonly Shape[]): HTMLElement {
    const field = h('textarea', { class: 'rewrite', rows: 6, maxlength: maxText, 'aria-label': 'The text as it shall be' });
    field.value = c.mine[0]?.text ?? '';
    const end = () => {
      this.#editing = '';
      this.show();
      this.#focus(this.#inbox.conflicts().findIndex((o) => o.key === c.key));
    };
    const save = () => {
      const text = field.value;
      this.#editing = '';
      void this.#desk.mine(c, text);
    };
    field.addEventListener('keydown', (e) => {
      e.stopPropagation();
      if (e.key === 'Escape') end();
      if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) save();
    });
    const other = theirs[0] ? [h('figure', { class: 'beside' }, h('figcaption', {}, 'Now on the board'), this.#paper(theirs[0]))] : [];
    return h('div', { class: 'edit' }, field, ...other, h('div', { class: 'choice' }, h('button', { type: 'button', class: 'small strong', click: save }, 'Put it on the board'), h('button', { type: 'button', class: 'small', click: end }, 'Back')));
  }

  #follow(e: MouseEvent, board: string): void {
    if (e.ctrlKey || e.metaKey || e.shiftKey || e.button !== 0) return; // a new tab or window
    e.preventDefault();
    this.#desk.go(board);
  }
}

/** A small picture of shapes. */
function drawing(shapes: readonly Shape[], theme: Theme): HTMLElement {
  const canvas = h('canvas', { class: 'drawing', role: 'img', 'aria-label': shapes.map((s) => s.kind).slice(0, 5).join(', ') });
  const [w, hgt, ratio] = [300, 150, 2];
  canvas.width = w * ratio;
  canvas.height = hgt * ratio;
  const ctx = canvas.getContext('2d');
  const all = union(shapes.map((s) => grow(bounds(s, measure), s.width)));
  if (!ctx || !all) return canvas;
  const box = grow(all, 10);
  const k = Math.min(1.5, w / box.w, hgt / box.h) * ratio;
  ctx.fillStyle = ground(theme).paper;
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.setTransform(k, 0, 0, k, canvas.width / 2 - k * (box.x + box.w / 2), canvas.height / 2 - k * (box.y + box.h / 2));
  for (const s of shapes) drawShape(ctx, s, theme);
  return canvas;
}

const nouns = { pen: 'stroke', line: 'line', rect: 'rectangle', ellipse: 'ellipse', text: 'text', note: 'note' } as const;

/** What one wanted to do. */
function did(c: Conflict): string {
  if (c.base.length === 0 && c.mine.length > 0) return 'add';
  return c.base.length > 0 && c.mine.length === 0 ? 'delete' : 'change';
}

/** What happened, in plain words. */
export function words(c: Conflict, theirs: readonly Shape[]): { title: string; text: string } {
  const shape = c.base[0] ?? c.mine[0] ?? theirs[0];
  const noun = c.ids.length > 1 ? `${c.ids.length} shapes` : shape ? `this ${nouns[shape.kind]}` : 'a shape';
  const who = theirs[0]?.by || 'somebody';
  // What somebody did to it, and what one did oneself: while away, or at the same time.
  const both = (name: string, did: string, meanwhile: string) => (c.away ? `While you were away ${name} ${did}` : `${name[0]!.toUpperCase()}${name.slice(1)} ${did} ${meanwhile}`);
  const more = c.count > 1 ? ` You changed it ${c.count} times; this is the last.` : '';
  switch (c.why) {
    case 'text':
      return { title: both(who, `changed the text of ${noun}`, 'while you did'), text: `Both of you have written into it. Nothing is lost: choose which text stays, or make one of both.${more}` };
    case 'gone':
      return { title: both('somebody', `deleted ${noun}`, 'while you changed it'), text: `It can come back with your change, or stay away.${more}` };
    case 'rewritten':
      return { title: both(who, `rewrote ${noun}`, 'while you deleted it'), text: `You had deleted it. Perhaps the new text is worth keeping.${more}` };
    case 'denied':
      return { title: `You may not ${did(c)} ${noun} here any more`, text: `The server said: ${c.message}. Your change is kept here; you can try again if that was a mistake.${more}` };
    case 'unknown':
      return { title: `Nobody knows whether your change of ${noun} was stored`, text: `The server has lost its memory of it. Look at the board: if your change is not there, do it again.${more}` };
    case 'dots':
      return { title: `${c.count === 1 ? 'A dot of yours was' : `${c.count} dots of yours were`} not counted`, text: `There were no dots left for it, or the number of dots was lowered: ${c.message}.` };
    default:
      return { title: `Your change of ${noun} was not stored`, text: `The reason: ${c.message || 'unknown'}.${more}` };
  }
}

/** What the two buttons are called. */
function choices(c: Conflict, theirs: readonly Shape[]): [string, string] {
  switch (c.why) {
    case 'text':
      return ['Use mine', 'Keep theirs'];
    case 'gone':
      return ['Bring it back', 'Leave it deleted'];
    case 'rewritten':
      return theirs.length ? ['Delete it anyway', 'Keep theirs'] : ['Delete it', 'All right'];
    case 'unknown':
      return ['Do it again', 'It is fine'];
    default:
      return ['Try again', 'Give it up'];
  }
}
