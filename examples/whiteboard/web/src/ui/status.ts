// The state of things in the header: whether all is stored, what outlives the page, and what is missing for that.
import type { Keeping, Line } from '../board.ts';
import { keepSetting, setting } from '../settings.ts';
import { h, icon, type Icon } from './dom.ts';
import { closePopover, popover } from './popover.ts';

export interface State {
  readonly line: Line;
  readonly pending: number;
  readonly keeping: Keeping;
  /** The page opens without the server. */
  readonly kept: boolean;
  /** A newer version of the page waits. */
  readonly newer: boolean;
}

/** What browsers ask with before a page is installed; not in the library of types yet. */
interface InstallEvent extends Event {
  prompt(): Promise<unknown>;
}

export class Status {
  readonly button = h('button', { type: 'button', class: 'icon status' });
  readonly panel = h('div', { class: 'panel list right about', role: 'dialog', 'aria-label': 'Connection and storage' });
  readonly #connection = row('cloud');
  readonly #keeping = row('device');
  readonly #update: HTMLElement;
  readonly #install: HTMLElement;
  #problem = '';
  #shown = '';
  #prompt: InstallEvent | null = null;

  constructor(update: () => void) {
    this.#update = h('div', { class: 'offer', hidden: true }, icon('fresh'), h('p', {}, 'There is a newer version of this page.'), h('button', { type: 'button', class: 'small', click: update }, 'Load it'));
    this.#install = h('div', { class: 'offer', hidden: true }, icon('install'), h('p', {}, 'This page can be an app of its own.'), h('button', { type: 'button', class: 'small', click: () => void this.#ask() }, 'Install'));
    this.panel.append(this.#connection.element, this.#keeping.element, this.#update, this.#install);
    this.panel.tabIndex = -1;
    popover(this.button, this.panel, () => {
      keepSetting(`told.${this.#problem}`, 'yes');
      delete this.button.dataset['news'];
      queueMicrotask(() => this.panel.contains(document.activeElement) || this.panel.focus({ preventScroll: true }));
    });
    addEventListener('beforeinstallprompt', (e) => {
      e.preventDefault();
      this.#prompt = e as InstallEvent;
      this.#install.hidden = false;
    });
    addEventListener('appinstalled', () => (this.#install.hidden = true));
  }

  show(s: State): void {
    const text = JSON.stringify(s);
    if (text === this.#shown) return;
    this.#shown = text;
    this.#problem = s.keeping.problem;
    const says = connectionWords(s.line, s.pending);
    const name: Icon = s.line.phase !== 'open' ? 'cloudOff' : s.pending > 0 ? 'cloudWait' : 'cloudDone';
    if (this.button.dataset['shows'] !== name) this.button.replaceChildren(icon(name));
    this.button.dataset['shows'] = name;
    this.button.title = this.button.ariaLabel = says.title;
    this.#connection.show(name, says.title, says.text);
    const kept = keepingWords(s.keeping, s.kept);
    this.#keeping.show('device', kept.title, kept.text);
    this.#update.hidden = !s.newer;
    // Once: who has read it is not told again.
    const news = s.newer || (this.#problem !== '' && setting(`told.${this.#problem}`) === null);
    this.button.toggleAttribute('data-news', news && this.panel.hidden !== false);
  }

  async #ask(): Promise<void> {
    this.#install.hidden = true;
    closePopover();
    await this.#prompt?.prompt();
  }
}

function row(name: Icon): { element: HTMLElement; show(name: Icon, title: string, text: string): void } {
  const title = h('strong'), text = h('p');
  const element = h('div', { class: 'fact' }, icon(name), h('div', {}, title, text));
  return {
    element,
    show(now, t, words) {
      element.firstElementChild!.replaceWith(icon(now));
      title.textContent = t;
      text.textContent = words;
    },
  };
}

export function connectionWords(line: Line, pending: number): { title: string; text: string } {
  const changes = pending === 1 ? '1 change waits' : `${pending} changes wait`;
  switch (line.phase) {
    case 'open':
      return pending ? { title: 'Storing…', text: `${changes} for the server's word.` } : { title: 'All is stored', text: 'The server has everything that is on this board.' };
    case 'closed':
      return { title: 'The connection has ended', text: line.why };
    default: {
      const text = pending ? `${changes} and will be sent once the server is there.` : 'You can go on: what you do is sent once the server is there.';
      return { title: line.phase === 'connecting' ? 'Connecting…' : 'The server is away', text };
    }
  }
}

/** What outlives the page, or what is missing for that and why. */
export function keepingWords({ durable, problem }: Keeping, kept: boolean): { title: string; text: string } {
  const lost = 'Until then keep this page open while changes wait: they would be lost with it.';
  if (durable) {
    const some = { newer: ' Some things here were written by a newer version of this page; they are left as they are.', damaged: ' Some of what was kept cannot be read any more; it is left as it is.' }[problem] ?? '';
    return {
      title: 'Kept in this browser',
      text: (kept ? 'You can close this page and open it again without the server: board, waiting changes and decisions are here.' : 'You can close this page while changes wait: they are sent when it is next open.') + some,
    };
  }
  const title = 'Kept only while this page is open';
  switch (problem) {
    case 'insecure':
      return {
        title,
        text: `This page came over plain http. Browsers let a page open without its server, and keep its work safely, only over https or at localhost. ${lost}`,
      };
    case 'missing':
      return { title, text: `This browser has no storage with locks, which a board needs to outlive the page. A current browser has it. ${lost}` };
    case 'forbidden':
      return { title, text: `This browser lets the page store nothing: perhaps it is a private window, or site data is blocked in its settings. ${lost}` };
    case 'full':
      return { title, text: `There is no room left on this computer, or for this page. Free some and reload. ${lost}` };
    case 'lost':
      return { title, text: `The browser has deleted what this page had stored, or a newer version of the page has it. A reload begins anew. ${lost}` };
    case 'blocked':
      return { title, text: `Another window of this board has an older version and does not let go. Close it and reload. ${lost}` };
    case 'newer':
      return { title, text: `What is stored here was written by a newer version of this page, which this one leaves alone. Reload to get that one. ${lost}` };
    default:
      return { title, text: `The storage of this browser has failed. A reload may mend it. ${lost}` };
  }
}
