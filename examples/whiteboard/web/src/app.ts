// The page: puts board, people and controls together.
import type { Backend, BoardInfo, Conflict, Line } from './board.ts';
import { Desk } from './desk.ts';
import { fileName, picture, save } from './export.ts';
import { forget, known, remember } from './known.ts';
import { MemoryBoard } from './memory.ts';
import type { Point } from './model.ts';
import type { Theme } from './palette.ts';
import { cleanName, People } from './people.ts';
import { watchPointers } from './pointer.ts';
import { Screen } from './screen.ts';
import { anyName, keepSetting, setting } from './settings.ts';
import { keepView, viewOf } from './view.ts';
import { Banner } from './ui/banner.ts';
import { copy, h } from './ui/dom.ts';
import { Editor } from './ui/editor.ts';
import { emptyHint } from './ui/empty.ts';
import { framesPanel } from './ui/frames.ts';
import { Header } from './ui/header.ts';
import { helpOverlay, watchKeys } from './ui/help.ts';
import { InboxPanel } from './ui/inbox.ts';
import { closePopover, Toast } from './ui/popover.ts';
import { Status } from './ui/status.ts';
import { corner, selectionBar, toolbar } from './ui/toolbar.ts';
import { voteBar } from './ui/votes.ts';
import { PageKeeper } from './worker.ts';

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
  readonly #away: HTMLElement;
  readonly #status: Status;
  readonly #inbox: InboxPanel;
  readonly #keeper: PageKeeper;
  #board = '';
  #conflicts = 0;
  #people: People | null = null;
  #name = cleanName(setting('name') ?? '') || anyName();
  #pointer: Point | null = null;
  #opening = 0;
  #ready = false;

  constructor(backend: Backend) {
    this.#backend = backend;
    keepSetting('name', this.#name);
    backend.name = this.#name;
    const desk = this.#desk;
    desk.say = (text) => this.#toast.say(text);
    this.#keeper = new PageKeeper(() => this.#line());
    this.#status = new Status(() => this.#keeper.update());
    this.#inbox = this.#conflictPanel();
    const voting = voteBar(desk, backend.me);
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
      votes: () => voting.open(),
      rename: (name: string) => this.#rename(name),
      say: (text: string) => this.#toast.say(text),
    };
    watchKeys(desk, { undo, redo, ...actions, space: (down) => pointers.space(down), cancel: () => pointers.cancel() });
    this.#header = new Header(backend, actions, [this.#inbox, this.#status]);
    this.#missing = h('section', { class: 'empty missing', hidden: true }, h('h1', {}, 'There is no board at this address'),
      h('p', {}, 'Perhaps the link was cut.'), h('button', { type: 'button', class: 'main', click: () => void this.#home() }, 'Show another board'));
    this.#away = h('section', { class: 'empty away', hidden: true }, h('h1', {}, 'The server is away'), h('p', {}, 'This board is not kept here. It comes up as soon as the server is there.'));
    document.body.replaceChildren(this.#header.element, h('main', {}, ...this.#screen.elements, this.#empty.element, this.#missing, this.#away, this.#editor.element),
      this.#banner.element, h('div', { class: 'bottom' }, corner(desk, undo, redo), selectionBar(desk), voting.element, toolbar(desk)), this.#toast.element, help);
    if (new URLSearchParams(location.search).has('frames')) document.body.append(framesPanel(desk, this.#screen));
    desk.onChange(() => this.#changed());
    this.#watch();
    this.#theme(this.#chosenTheme());
    void this.#start();
  }

  #watch(): void {
    this.#backend.onLine((line) => {
      if (line.phase === 'open') this.#keeper.check();
      this.#line();
    });
    this.#backend.onKeeping(() => this.#line());
    this.#backend.inbox.onChange(() => this.#decide());
    this.#conflicts = this.#backend.inbox.conflicts().length;
    this.#line();
    this.#inbox.show();
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
      this.#editor.close(); // what is being written is a change too
      const { unsaved, keeping, line } = this.#backend;
      if (unsaved > 0 && !keeping.durable && line.phase !== 'open') e.preventDefault(); // what waits would be lost
    });
    addEventListener('pagehide', (e) => {
      this.#editor.close();
      keepView(this.#board, this.#desk.camera);
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
    const last = setting('board');
    if (last && known().some((b) => b.id === last)) return this.#go(last, true);
    let boards: readonly BoardInfo[];
    try {
      boards = await this.#backend.list();
    } catch {
      if (this.#backend.line.phase !== 'closed') setTimeout(() => turn === this.#opening && void this.#home(), 500);
      return;
    }
    if (turn !== this.#opening) return;
    const board = boards.find((b) => b.id === last) ?? boards[0];
    if (board) this.#go(board.id, true);
  }

  #go(id: string, replace = false): void {
    if (replace) history.replaceState(null, '', `/b/${id}`);
    else if (location.pathname !== `/b/${id}`) history.pushState(null, '', `/b/${id}`);
    this.#screen.area.focus({ preventScroll: true });
    void this.#open(id);
  }

  /** Opens a board: at once if it was open here before, for then it is kept here; else when the server has said that there is such a board. */
  async #open(id: string): Promise<void> {
    const turn = ++this.#opening;
    this.#editor.close();
    this.#ready = false;
    this.#missing.hidden = true;
    this.#line();
    const stale = () => turn !== this.#opening;
    const failed = (e: unknown) => {
      if (stale() || this.#backend.line.phase === 'closed') return; // the banner tells
      if ((e as { reason?: string }).reason?.startsWith('whiteboard.')) {
        forget(id);
        this.#lost();
      } else setTimeout(() => !stale() && void this.#open(id), 500); // the connection dropped meanwhile
    };
    const asked = this.#backend.find(id);
    asked.catch(() => {}); // whoever waits for it tells
    const before = known().find((b) => b.id === id);
    try {
      const info = before ?? (await asked);
      const board = await this.#backend.open(id);
      if (stale()) return board.close();
      this.#desk.board.close();
      this.#people?.leave();
      this.#board = id;
      this.#header.show(info);
      remember(info);
      keepSetting('board', id);
      board.onRefused((why) => this.#toast.say(`A change was not kept: ${why}`));
      this.#people = new People(this.#backend.enter(id), this.#backend.me, this.#name);
      this.#people.onChange(() => this.#peopleChanged());
      this.#peopleChanged();
      this.#ready = true;
      this.#desk.show(board);
      const view = viewOf(id);
      if (view) this.#desk.look(view);
      else this.#desk.fit(innerWidth, innerHeight);
    } catch (e) {
      return failed(e);
    }
    if (!before) return;
    try {
      const info = await asked;
      if (stale()) return;
      this.#header.show(info);
      remember(info);
    } catch (e) {
      const { reason } = e as { reason?: string };
      if (!stale() && reason?.startsWith('whiteboard.')) failed(e);
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
    this.#inbox.show();
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
    const { keeping, inbox } = this.#backend;
    this.#banner.show(line, pending, keeping.durable);
    this.#status.show({ line, pending, keeping, kept: this.#keeper.kept, newer: this.#keeper.newer });
    this.#away.hidden = this.#ready || line.phase !== 'waiting' || !this.#missing.hidden;
    document.documentElement.dataset['line'] = line.phase;
    document.documentElement.dataset['pending'] = String(pending);
    document.documentElement.dataset['unsaved'] = String(this.#backend.unsaved);
    document.documentElement.dataset['conflicts'] = String(inbox.conflicts().length);
    document.documentElement.dataset['kept'] = String(this.#keeper.kept);
    this.#screen.repaint();
  }

  #waits(id: string): boolean {
    const since = this.#desk.board.pendingSince(id);
    return since !== undefined && (this.#backend.line.phase !== 'open' || Date.now() - since > 700);
  }

  /** The inbox has changed. */
  #decide(): void {
    const n = this.#backend.inbox.conflicts().length;
    if (n > this.#conflicts) this.#toast.say(n === 1 ? 'A change of yours needs a decision: see the tray above.' : `${n} changes of yours need a decision: see the tray above.`);
    this.#conflicts = n;
    this.#inbox.show();
    this.#line();
  }

  #conflictPanel(): InboxPanel {
    const { inbox } = this.#backend;
    const desk = this.#desk;
    const board = () => this.#board;
    const mine = (c: Conflict, text?: string) => this.#insist(c, text);
    return new InboxPanel(inbox, {
      get theme() {
        return desk.theme;
      },
      get board() {
        return board();
      },
      now: (id) => desk.board.get(id) ?? null,
      boardName: (id) => known().find((b) => b.id === id)?.name ?? 'another board',
      mine,
      theirs: (c) => inbox.theirs(c),
      quiet: () => this.#toast.hide(),
      go: (id) => {
        closePopover();
        this.#go(id);
      },
    }, () => {
      this.#toast.say('All is decided.');
      this.#screen.area.focus({ preventScroll: true });
    });
  }

  /** Does what was refused all the same. */
  async #insist(c: Conflict, text?: string): Promise<void> {
    try {
      const act = await this.#backend.inbox.mine(c, text);
      if (c.board === this.#board) this.#desk.history.record(c.ids, act);
      else await act();
    } catch (e) {
      this.#toast.say(`That did not work: ${(e as Error).message}`);
    }
    this.#desk.changed();
  }

  #undo(done: boolean): void {
    if (!done) this.#toast.say('Somebody else has changed that since.');
  }

  #rename(given: string): void {
    const name = cleanName(given);
    if (name) {
      this.#name = this.#backend.name = name;
      keepSetting('name', name);
    }
    this.#people?.rename(this.#name);
    this.#peopleChanged();
  }

  async #share(): Promise<void> {
    this.#toast.say((await copy(location.href)) ? 'Link copied. Whoever opens it draws along.' : `The link: ${location.href}`);
  }

  async #export(): Promise<void> {
    const blob = await picture(this.#desk.board.shapes(), this.#desk.board.votes.piles(), this.#desk.theme);
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
