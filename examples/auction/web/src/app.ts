// The page: puts places, connection and controls together.
import type { Mine } from './cards.ts';
import { Frame } from './frame.ts';
import { Link, type News } from './link.ts';
import { keepPass, keptPass, type Pass } from './login.ts';
import { money } from './money.ts';
import { bidLots, keepLot } from './receipts.ts';
import { keepSetting, setting } from './settings.ts';
import { AccountView } from './ui/account.ts';
import { AuditView } from './ui/audit.ts';
import { h, icon } from './ui/dom.ts';
import { Gate, takeKey } from './ui/gate.ts';
import { Header } from './ui/header.ts';
import { helpOverlay, watchKeys } from './ui/help.ts';
import { Home } from './ui/home.ts';
import { LotView } from './ui/lot.ts';
import { SellView } from './ui/sell.ts';
import { Toast } from './ui/toast.ts';
import type { Stage, View } from './ui/view.ts';

export class App implements Stage {
  link: Link;
  readonly #frame = new Frame(() => this.#draw());
  readonly #toast = new Toast();
  readonly #header: Header;
  readonly #main = h('main', { id: 'main', tabindex: '-1' });
  readonly #lots = new Set<string>();
  #view: View | null = null;
  #mine: { account: unknown; lots: number; value: Mine } | null = null;

  constructor() {
    const keyed = takeKey();
    this.link = this.#connect(keptPass());
    const help = helpOverlay();
    const actions = { theme: () => this.#toggleTheme(), help: () => help.showModal() };
    this.#header = new Header(actions);
    document.body.replaceChildren(h('a', { class: 'skip', href: '#main' }, 'To the content'), this.#header.element, this.#main,
      h('footer', { class: 'foot' }, h('span', {}, 'Play money and art from a formula; the transactions are real.'), h('span', {}, h('kbd', {}, '?'), ' for keyboard shortcuts')), this.#toast.element, help);
    watchKeys({ ...actions, go: (path) => this.go(path), view: (key) => this.#view?.key?.(key) === true });
    document.addEventListener('click', (e) => this.#click(e));
    addEventListener('popstate', () => this.#route(true));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#theme());
    addEventListener('pagehide', (e) => {
      if (!e.persisted) this.link.close();
    });
    this.#theme();
    if (keyed) history.replaceState(null, '', '/account');
    this.#route(false);
    this.#ticking();
  }

  go(path: string): void {
    if (path !== location.pathname) history.pushState(null, '', path);
    this.#route(true);
    scrollTo(0, 0);
  }

  say(words: string): void {
    this.#toast.say(words);
  }

  ask(): void {
    this.#frame.ask();
  }

  mine(): Mine | null {
    const { pass, account } = this.link;
    if (!pass) return null;
    if (!this.#mine || this.#mine.account !== account || this.#mine.lots !== this.#lots.size) {
      const lots = new Set([...this.#lots, ...(account?.held.keys() ?? []), ...(account?.maxima.keys() ?? [])]);
      this.#mine = { account, lots: this.#lots.size, value: { id: pass.id, lots } };
    }
    return this.#mine.value;
  }

  join(lot: string): void {
    if (!this.link.pass || this.#lots.has(lot)) return;
    this.#lots.add(lot);
    keepLot(this.link.pass.id, lot);
  }

  become(pass: Pass | null, then: string): void {
    keepPass(pass);
    this.#leave();
    this.link.close();
    this.link = this.#connect(pass);
    if (pass) this.say(`Welcome, ${pass.name}.`);
    this.go(then);
  }

  #connect(pass: Pass | null): Link {
    this.#mine = null;
    this.#lots.clear();
    if (pass) for (const lot of bidLots(pass.id)) this.#lots.add(lot);
    const link: Link = new Link(pass, () => {
      if (this.link === link) this.#changed();
    }, (news) => {
      if (this.link === link) this.#hear(news);
    });
    return link;
  }

  #changed(): void {
    const { line } = this.link;
    if (line.phase === 'closed' && line.forgotten) {
      // The house does not know the token: another file, perhaps. Nothing can be done with it.
      this.become(null, location.pathname);
      this.say('The house does not know your account any more. Sign in anew.');
      return;
    }
    this.ask();
  }

  #hear(news: News): void {
    this.#view?.hear?.(news);
    const me = this.link.pass?.id;
    if (!me) return;
    const here = news.kind !== 'bell' && location.pathname === `/lot/${news.card.id}`; // where it is seen without a word
    if (!here && news.kind === 'card' && news.old?.leader === me && news.card.leader !== me && news.card.state === 'open') {
      this.say(`Outbid on “${short(news.card.title)}”: ${news.card.leaderName} bids ${money(news.card.price)}.`);
    }
    if (news.kind === 'hammer' && news.card.state === 'sold' && news.card.leader === me) this.say(`You have won “${short(news.card.title)}” for ${money(news.card.price)}.`);
    if (news.kind === 'hammer' && news.card.state === 'sold' && news.card.seller === me) this.say(`“${short(news.card.title)}” is sold for ${money(news.card.price)}.`);
  }

  /** Shows the place that the address names. */
  #route(moved: boolean): void {
    const path = location.pathname;
    this.#leave();
    this.#view = this.#place(path);
    this.#main.replaceChildren(this.#view.element);
    this.#header.at(path);
    this.#frame.ask();
    this.#draw();
    if (moved) this.#view.element.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
  }

  #place(path: string): View {
    const lot = /^\/lot\/([a-z0-9-]{1,64})$/.exec(path)?.[1];
    if (lot) return new LotView(this, lot);
    switch (path) {
      case '/':
        return new Home(this);
      case '/audit':
        return new AuditView(this);
      case '/account':
        return this.link.pass ? new AccountView(this) : new Gate(this, '/');
      case '/sell':
        return this.link.pass ? new SellView(this) : new Gate(this, '/sell');
    }
    return lost();
  }

  #leave(): void {
    this.#view?.close?.();
    this.#view = null;
  }

  /** Links within the page need no new page. */
  #click(e: MouseEvent): void {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    const a = (e.target as Element).closest('a');
    const href = a?.getAttribute('href');
    if (!a || !href || a.hasAttribute('download')) return;
    if (href === '#main') {
      e.preventDefault();
      return this.#main.focus();
    }
    if (!href.startsWith('/') || href.startsWith('//')) return;
    e.preventDefault();
    this.go(href);
  }

  #draw(): void {
    this.#header.draw(this.link);
    if (!this.#view) return;
    this.#view.draw();
    const title = `${this.#view.title} · Auction house`;
    if (document.title !== title) document.title = title;
  }

  /** Draws when a second of the house's clock begins, so that all countdowns change together. */
  #ticking(): void {
    const { clock } = this.link;
    const wait = clock.known ? 1000 - (clock.now() % 1000) : 250;
    setTimeout(() => {
      this.ask();
      this.#ticking();
    }, wait + 5);
  }

  #toggleTheme(): void {
    keepSetting('theme', isDark() ? 'light' : 'dark');
    this.#theme();
  }

  #theme(): void {
    document.documentElement.dataset['theme'] = isDark() ? 'dark' : 'light';
    this.#header.theme(isDark());
  }
}

function isDark(): boolean {
  const chosen = setting('theme');
  return chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
}

function short(title: string): string {
  const all = [...title];
  return all.length > 44 ? `${all.slice(0, 43).join('')}…` : title;
}

function lost(): View {
  return {
    title: 'Not found', draw: () => {},
    element: h('div', { class: 'empty' }, icon('search', 44), h('h1', { tabindex: '-1' }, 'There is nothing at this address'), h('a', { class: 'button', href: '/' }, 'See all lots')),
  };
}
