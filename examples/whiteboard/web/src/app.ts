// The page: puts board, people and controls together.
import type { Backend, BoardInfo, Line } from './board.ts';
import { Desk } from './desk.ts';
import { fileName, picture, save } from './export.ts';
import { MemoryBoard } from './memory.ts';
import type { Point } from './model.ts';
import type { Theme } from './palette.ts';
import { cleanName, People } from './people.ts';
import { watchPointers } from './pointer.ts';
import { Screen } from './screen.ts';
import { anyName, keepSetting, setting } from './settings.ts';
import { Banner } from './ui/banner.ts';
import { copy, h } from './ui/dom.ts';
import { Editor } from './ui/editor.ts';
import { emptyHint } from './ui/empty.ts';
import { Header } from './ui/header.ts';
import { helpOverlay, watchKeys } from './ui/help.ts';
import { closePopover, Toast } from './ui/popover.ts';
import { corner, selectionBar, toolbar } from './ui/toolbar.ts';

export class App {
  readonly #backend: Backend;
  readonly #desk = new Desk(new MemoryBoard());
  readonly #toast = new Toast();
  readonly #banner = new Banner();
  readonly #editor: Editor;
  readonly #header: Header;
  readonly #screen: Screen;
  readonly #empty = emptyHint((text) => this.#toast.say(text));
  readonly #missing: HTMLElement;
  #people: People | null = null;
  #name = cleanName(setting('name') ?? '') || anyName();
  #pointer: Point | null = null;
  #opening = 0;
  #ready = false;

  constructor(backend: Backend) {
    this.#backend = backend;
    keepSetting('name', this.#name);
    const desk = this.#desk;
    const help = helpOverlay();
    this.#screen = new Screen(desk, () => this.#people, (s) => this.#waits(s));
    this.#editor = new Editor(desk, (text) => this.#toast.say(text));
    const pointers = watchPointers(this.#screen.area, desk, (p) => {
      this.#pointer = p;
      this.#tell();
    });
    const undo = () => this.#undo(desk.undo());
    const redo = () => this.#undo(desk.redo());
    const actions = {
      go: (id: string) => this.#go(id),
      share: () => void this.#share(),
      exportPicture: () => void this.#export(),
      toggleTheme: () => this.#toggleTheme(),
      help: () => help.showModal(),
      rename: (name: string) => this.#rename(name),
      say: (text: string) => this.#toast.say(text),
    };
    watchKeys(desk, { undo, redo, ...actions, space: (down) => pointers.space(down), cancel: () => pointers.cancel() });
    this.#header = new Header(backend, actions);
    this.#missing = h('section', { class: 'empty missing', hidden: true }, h('h1', {}, 'There is no board at this address'),
      h('p', {}, 'Perhaps the link was cut.'), h('button', { type: 'button', class: 'main', click: () => void this.#home() }, 'Show another board'));
    document.body.replaceChildren(this.#header.element, h('main', {}, ...this.#screen.elements, this.#empty.element, this.#missing, this.#editor.element),
      this.#banner.element, h('div', { class: 'bottom' }, corner(desk, undo, redo), selectionBar(desk), toolbar(desk)), this.#toast.element, help);
    desk.onChange(() => this.#changed());
    this.#watch();
    this.#theme(this.#chosenTheme());
    void this.#start();
  }

  #watch(): void {
    this.#backend.onLine(() => this.#line());
    this.#line();
    addEventListener('popstate', () => void this.#start());
    addEventListener('resize', () => {
      closePopover();
      this.#peopleChanged();
    });
    document.addEventListener('click', (e) => {
      // Whoever clicks a tool goes on with the board, and Space is for dragging it; whoever came to it by Tab stays there.
      const tool = (e.target as Element).closest('.bottom .bar button:not([aria-haspopup])');
      if (tool && e.detail > 0 && !this.#desk.editing) this.#screen.area.focus({ preventScroll: true });
    });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#theme(this.#chosenTheme()));
    addEventListener('beforeunload', (e) => {
      if (this.#desk.board.pending > 0 && this.#backend.line.phase !== 'open') e.preventDefault(); // what waits would be lost
    });
    addEventListener('pagehide', (e) => {
      if (e.persisted) return;
      this.#people?.leave(); // at once, where a lost connection would be waited for
      this.#backend.close();
    });
  }

  /** Shows the board that the address names, any board if it names none. */
  async #start(): Promise<void> {
    const id = /^\/b\/([a-z0-9-]{1,64})$/.exec(location.pathname)?.[1];
    if (id) await this.#open(id);
    else if (location.pathname === '/') await this.#home();
    else this.#lost();
  }

  /** Opens the board that was shown here last, else the newest one. */
  async #home(): Promise<void> {
    const turn = ++this.#opening;
    let boards: readonly BoardInfo[];
    try {
      boards = await this.#backend.list();
    } catch {
      if (this.#backend.line.phase !== 'closed') setTimeout(() => turn === this.#opening && void this.#home(), 500);
      return;
    }
    if (turn !== this.#opening) return;
    const last = setting('board');
    const board = boards.find((b) => b.id === last) ?? boards[0];
    if (board) this.#go(board.id, true);
  }

  #go(id: string, replace = false): void {
    if (replace) history.replaceState(null, '', `/b/${id}`);
    else if (location.pathname !== `/b/${id}`) history.pushState(null, '', `/b/${id}`);
    this.#screen.area.focus({ preventScroll: true });
    void this.#open(id);
  }

  async #open(id: string): Promise<void> {
    const turn = ++this.#opening;
    this.#editor.close();
    try {
      const info = await this.#backend.find(id);
      const board = await this.#backend.open(id);
      if (turn !== this.#opening) return board.close();
      this.#desk.board.close();
      this.#people?.leave();
      this.#missing.hidden = true;
      this.#header.show(info);
      keepSetting('board', id);
      board.onRefused((why) => this.#toast.say(`A change was not kept: ${why}`));
      this.#people = new People(this.#backend.enter(id), this.#backend.me, this.#name);
      this.#people.onChange(() => this.#peopleChanged());
      this.#peopleChanged();
      this.#ready = true;
      this.#desk.show(board);
      this.#desk.fit(innerWidth, innerHeight);
    } catch (e) {
      if (turn !== this.#opening || this.#backend.line.phase === 'closed') return; // the banner tells
      if ((e as { reason?: string }).reason?.startsWith('whiteboard.')) this.#lost();
      else setTimeout(() => turn === this.#opening && void this.#open(id), 500); // the connection dropped meanwhile
    }
  }

  /** The address names no board. */
  #lost(): void {
    this.#missing.hidden = false;
    this.#ready = false;
    this.#changed();
  }

  #changed(): void {
    const { board, draft, editing } = this.#desk;
    this.#empty.show(this.#ready && board.shapes().length === 0 && !draft && !editing);
    this.#line();
    this.#tell();
    this.#screen.repaint();
  }

  #tell(): void {
    this.#people?.show(this.#pointer, this.#desk.draft, this.#desk.moving);
  }

  #peopleChanged(): void {
    if (this.#people) this.#header.showPeople(this.#people.list());
    this.#screen.repaint();
  }

  #line(): void {
    const line: Line = this.#backend.line;
    const pending = this.#desk.board.pending;
    this.#banner.show(line, pending);
    document.documentElement.dataset['line'] = line.phase;
    document.documentElement.dataset['pending'] = String(pending);
    this.#screen.repaint();
  }

  #waits(id: string): boolean {
    const since = this.#desk.board.pendingSince(id);
    return since !== undefined && (this.#backend.line.phase !== 'open' || performance.now() - since > 700);
  }

  #undo(done: boolean): void {
    if (!done) this.#toast.say('Somebody else has changed that since.');
  }

  #rename(given: string): void {
    const name = cleanName(given);
    if (name) {
      this.#name = name;
      keepSetting('name', name);
    }
    this.#people?.rename(this.#name);
    this.#peopleChanged();
  }

  async #share(): Promise<void> {
    this.#toast.say((await copy(location.href)) ? 'Link copied. Whoever opens it draws along.' : `The link: ${location.href}`);
  }

  async #export(): Promise<void> {
    const blob = await picture(this.#desk.board.shapes(), this.#desk.theme);
    if (blob) save(blob, fileName(this.#header.boardName));
    else this.#toast.say('There is nothing on this board to save.');
  }

  #chosenTheme(): Theme {
    const chosen = setting('theme');
    if (chosen === 'dark' || chosen === 'light') return chosen;
    return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  }

  #toggleTheme(): void {
    const theme = this.#desk.theme === 'dark' ? 'light' : 'dark';
    keepSetting('theme', theme);
    this.#theme(theme);
  }

  #theme(theme: Theme): void {
    document.documentElement.dataset['theme'] = theme;
    this.#desk.theme = theme;
    this.#header.showTheme(theme);
    this.#desk.changed();
  }
}
