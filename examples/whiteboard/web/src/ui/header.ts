// The top of the page: the board's name and the list of boards, who is here, sharing, the menu.
import type { Backend, BoardInfo } from '../board.ts';
import { known } from '../known.ts';
import { personColor, type Theme } from '../palette.ts';
import { button, h, icon, type Icon } from './dom.ts';
import { closePopover, popover } from './popover.ts';

export interface Actions {
  go(id: string): void;
  share(): void;
  exportPicture(): void;
  toggleTheme(): void;
  help(): void;
  votes(): void;
  rename(person: string): void;
  say(text: string): void;
}

/** Faces beyond this number are counted. */
const mostFaces = () => (innerWidth < 520 ? 2 : 4);

export class Header {
  readonly element: HTMLElement;
  readonly #backend: Backend;
  readonly #actions: Actions;
  readonly #title = h('span', { class: 'title' }, 'Whiteboard');
  readonly #name = h('input', { type: 'text', maxlength: 80, 'aria-label': 'Name of this board', autocomplete: 'off', spellcheck: 'false' });
  readonly #list = h('ul', { class: 'boards' });
  readonly #people = h('button', { type: 'button', class: 'faces', 'aria-label': 'Who is here' });
  readonly #everybody = h('ul', { class: 'everybody' });
  readonly #self = h('input', { type: 'text', maxlength: 24, 'aria-label': 'Your name', autocomplete: 'off', spellcheck: 'false' });
  readonly #theme = h('span');
  readonly #themeButton: HTMLButtonElement;
  #board: BoardInfo | null = null;

  /** extra: buttons and their panels beside those of the header. */
  constructor(backend: Backend, actions: Actions, extra: readonly { readonly button: HTMLElement; readonly panel: HTMLElement }[]) {
    this.#backend = backend;
    this.#actions = actions;
    const opener = h('button', { type: 'button', class: 'board', title: 'Boards' }, this.#title, icon('down'));
    const boards = h('div', { class: 'panel list', role: 'dialog', 'aria-label': 'Boards' },
      h('label', {}, h('span', {}, 'This board'), this.#name), h('h2', {}, 'All boards'), this.#list,
      h('button', { type: 'button', class: 'main', 'data-first': true, click: () => void this.#create() }, icon('plus'), 'New board'));
    popover(opener, boards, () => void this.#refresh());
    onEnter(this.#name, () => void this.#rename());

    const people = h('div', { class: 'panel list right', role: 'dialog', 'aria-label': 'Who is here' }, h('label', {}, h('span', {}, 'Your name'), this.#self), h('h2', {}, 'Here now'), this.#everybody);
    popover(this.#people, people);
    onEnter(this.#self, () => actions.rename(this.#self.value));

    const share = h('button', { type: 'button', class: 'share', 'aria-label': 'Copy link to this board', title: 'Copy link to this board', click: () => actions.share() }, icon('link'), h('span', {}, 'Share'));
    const more = button('more', 'More', () => {});
    this.#themeButton = item('moon', this.#theme, '', actions.toggleTheme);
    const menu = h('div', { class: 'panel list right menu', role: 'dialog', 'aria-label': 'More' },
      item('chart', 'Notes by their dots', '', actions.votes), item('picture', 'Save as picture', 'Ctrl+E', actions.exportPicture), this.#themeButton, item('keys', 'Keyboard shortcuts', '?', actions.help));
    popover(more, menu);
    this.element = h('header', {},
      h('div', { class: 'group' }, h('div', { class: 'panel bar' }, h('span', { class: 'knot', title: 'Trefoil whiteboard' }, icon('knot')), opener), boards),
      h('div', { class: 'group' }, h('div', { class: 'panel bar' }, ...extra.map((e) => e.button), this.#people, share, more), ...extra.map((e) => e.panel), people, menu));
    backend.onList(() => void this.#refresh());
  }

  show(board: BoardInfo): void {
    this.#board = board;
    this.#title.textContent = board.name;
    this.#name.value = board.name;
    document.title = `${board.name} · whiteboard`;
  }

  get boardName(): string {
    return this.#board?.name ?? 'Whiteboard';
  }

  showTheme(theme: Theme): void {
    this.#theme.textContent = theme === 'dark' ? 'Light colours' : 'Dark colours';
    this.#themeButton.firstElementChild!.replaceWith(icon(theme === 'dark' ? 'sun' : 'moon'));
  }

  showPeople(people: readonly { id: string; name: string; me: boolean }[]): void {
    const round = (p: { id: string; name: string }) => {
      const face = h('span', { class: 'face' }, initials(p.name));
      face.style.backgroundColor = personColor(p.id);
      return face;
    };
    const faces = mostFaces();
    const extra = people.length - faces;
    this.#people.replaceChildren(...people.slice(0, extra > 0 ? faces - 1 : faces).map(round), ...(extra > 0 ? [h('span', { class: 'face rest' }, `+${extra + 1}`)] : []));
    this.#people.setAttribute('aria-label', `Who is here: ${people.map((p) => p.name).join(', ')}`);
    this.#people.title = people.map((p) => (p.me ? `${p.name} (you)` : p.name)).join(', ');
    this.#everybody.replaceChildren(...people.map((p) => h('li', {}, round(p), h('span', {}, p.name), ...(p.me ? [h('small', {}, 'you')] : []))));
    const me = people.find((p) => p.me);
    if (me && document.activeElement !== this.#self) this.#self.value = me.name;
  }

  async #refresh(): Promise<void> {
    if (this.#backend.line.phase !== 'open') this.#list.replaceChildren(...known().map((b) => this.#line(b))); // those that are kept here
    try {
      const boards = await this.#backend.list();
      const here = boards.find((b) => b.id === this.#board?.id);
      if (here && document.activeElement !== this.#name) this.show(here);
      this.#list.replaceChildren(...boards.map((b) => this.#line(b)));
    } catch {
      // without a connection the list stays as it was
    }
  }

  #line(b: BoardInfo): HTMLElement {
    const current = b.id === this.#board?.id;
    const link = h('a', { href: `/b/${b.id}`, ...(current ? { 'aria-current': 'page' } : {}), click: (e: MouseEvent) => this.#follow(e, b.id) }, h('span', {}, b.name));
    if (b.people > 0) link.append(h('small', {}, `${b.people} here`));
    return h('li', {}, link);
  }

  #follow(e: MouseEvent, id: string): void {
    if (e.ctrlKey || e.metaKey || e.shiftKey || e.button !== 0) return; // a new tab or window
    e.preventDefault();
    closePopover();
    this.#actions.go(id);
  }

  async #create(): Promise<void> {
    try {
      const board = await this.#backend.create('Untitled board');
      closePopover();
      this.#actions.go(board.id);
    } catch (e) {
      this.#actions.say(reason(e, 'A new board needs a connection to the server.'));
    }
  }

  async #rename(): Promise<void> {
    const board = this.#board;
    const name = this.#name.value.trim();
    if (!board || !name || name === board.name) return;
    try {
      this.show(await this.#backend.rename(board.id, name));
    } catch (e) {
      this.#name.value = board.name;
      this.#actions.say(reason(e, 'A new name needs a connection to the server.'));
    }
  }
}

/** What went wrong, in words. */
function reason(e: unknown, offline: string): string {
  const coded = e as { readonly reason?: string; readonly message?: string };
  return coded.reason?.startsWith('whiteboard.') ? `That did not work: ${coded.message ?? ''}.` : offline;
}

function item(name: Icon, label: string | Node, key: string, click: () => void): HTMLButtonElement {
  const act = () => {
    closePopover();
    click();
  };
  return h('button', { type: 'button', class: 'item', click: act }, icon(name), h('span', {}, label), h('kbd', {}, key));
}

/** done runs when one presses Enter in field or leaves it. */
function onEnter(field: HTMLInputElement, done: () => void): void {
  field.addEventListener('change', done);
  field.addEventListener('keydown', (e) => {
    e.stopPropagation();
    if (e.key === 'Enter' && !e.isComposing) {
      field.blur();
      closePopover();
    }
    if (e.key === 'Escape') closePopover();
  });
}

/** One or two letters for a name. */
export function initials(name: string): string {
  const words = name.split(' ').filter(Boolean);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((w) => (w ? [...w][0]! : ''));
  return letters.join('').toUpperCase() || '?';
}
