// The head of the page: where one can go, the house's time, and who one is.
import { moment } from '../clock.ts';
import { money } from '../money.ts';
import type { Link } from '../link.ts';
import { attr, h, icon, type Icon, iconButton, show, text } from './dom.ts';
import { initials } from './gate.ts';

const places: readonly (readonly [string, Icon, string])[] = [['/', 'house', 'Lots'], ['/account', 'person', 'Account'], ['/sell', 'sell', 'Sell'], ['/audit', 'audit', 'Audit']];

export class Header {
  readonly element: HTMLElement;
  readonly notice = h('div', { class: 'notice', role: 'status', 'aria-live': 'polite', hidden: true });
  readonly #links: HTMLAnchorElement[];
  readonly #clock = h('span', { class: 'clock num', title: 'The house’s clock. Your computer’s is not asked.' });
  readonly #phase = h('span', { class: 'unseen' });
  readonly #face = h('span', { class: 'face', 'aria-hidden': 'true' });
  readonly #name = h('span');
  readonly #money = h('span', { class: 'num' });
  readonly #who: HTMLAnchorElement;
  readonly #signIn = h('a', { class: 'button small', href: '/account' }, 'Sign in');
  readonly #theme: HTMLButtonElement;
  #patience: ReturnType<typeof setTimeout> | undefined;

  constructor(act: { theme(): void; help(): void }) {
    this.#links = places.map(([href, name, label]) => h('a', { href, 'aria-label': label, title: label }, icon(name, 19), h('span', {}, label)));
    this.#who = h('a', { class: 'who', href: '/account' }, this.#face, this.#name, this.#money);
    this.#theme = iconButton('moon', 'Light or dark', () => act.theme(), 'T');
    const keys = iconButton('keys', 'Keyboard shortcuts', () => act.help(), '?');
    keys.classList.add('keys-button');
    this.element = h('header', { class: 'top' }, h('div', { class: 'bar' }, h('a', { class: 'brand', href: '/' }, icon('gavel', 24), 'Auction house'), h('nav', { class: 'nav', 'aria-label': 'Places' }, ...this.#links),
      h('span', { class: 'space' }), h('span', { class: 'line' }, this.#phase, this.#clock), keys, this.#theme, this.#signIn, this.#who), this.notice);
  }

  /** Marks the place that is shown. */
  at(path: string): void {
    for (const a of this.#links) {
      const href = a.getAttribute('href')!;
      attr(a, 'aria-current', href === path || (href === '/' && path.startsWith('/lot/')) ? 'page' : null);
    }
  }

  theme(dark: boolean): void {
    this.#theme.replaceChildren(icon(dark ? 'sun' : 'moon'));
  }

  draw(link: Link): void {
    const { pass, account, line, clock } = link;
    show(this.#signIn, pass === null);
    show(this.#who, pass !== null);
    if (pass) {
      text(this.#face, initials(pass.name));
      text(this.#name, pass.name);
      text(this.#money, account ? money(account.available) : '');
      attr(this.#who, 'aria-label', `${pass.name}${account ? `, ${money(account.available)} available` : ''}`);
    }
    text(this.#clock, clock.known ? moment(clock.now()).split(', ')[1] ?? '' : '');
    document.documentElement.dataset['line'] = line.phase;
    text(this.#phase, line.phase === 'open' ? 'Connected. House time' : 'Not connected. House time');
    this.#say(line.phase === 'closed' ? line.why : line.phase === 'waiting' ? 'Offline. Prices stay as they were last seen; bidding goes on when the house is back.' : '', line.phase === 'closed');
  }

  /** A connection that comes back at once is not worth a word. */
  #say(words: string, now: boolean): void {
    if (words === '') {
      clearTimeout(this.#patience);
      this.#patience = undefined;
      show(this.notice, false);
      return;
    }
    if (this.notice.textContent !== words) this.notice.replaceChildren(icon('warn', 18), words);
    if (now) show(this.notice, true);
    else this.#patience ??= setTimeout(() => show(this.notice, true), 500);
  }
}
