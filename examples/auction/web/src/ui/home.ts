// The house: all lots, filtered and searched.
import { type Card } from '../house.ts';
import { folded, matches, type Order, ordered, type Tab, under } from '../cards.ts';
import { CardView } from './card.ts';
import { attr, h, icon, keyed, show, text } from './dom.ts';
import type { Stage, View } from './view.ts';

const tabs: readonly (readonly [Tab, string])[] = [['open', 'Open'], ['soon', 'Ending soon'], ['closed', 'Closed'], ['mine', 'Mine']];
const orders: readonly (readonly [Order, string])[] = [['ends', 'Soonest'], ['low', 'Price, low first'], ['high', 'Price, high first'], ['bids', 'Most bids'], ['new', 'Newest']];

/** What is kept while another place is shown. */
const kept = { tab: 'open' as Tab, search: '', order: 'ends' as Order, scroll: 0 };

/** Cards are made as far as somebody has scrolled, so many at a time. */
const atOnce = 48;

export class Home implements View {
  readonly title = 'Lots';
  readonly element: HTMLElement;
  readonly #stage: Stage;
  readonly #views = new Map<string, CardView>();
  readonly #seen = new Set<Element>();
  readonly #watch: IntersectionObserver;
  readonly #grid = h('div', { class: 'grid-lots' });
  readonly #buttons: HTMLButtonElement[];
  readonly #search: HTMLInputElement;
  readonly #empty = h('div', { class: 'empty', hidden: true });
  readonly #more: HTMLElement;
  readonly #said = h('p', { class: 'unseen', role: 'status', 'aria-live': 'polite' });
  readonly #lead = h('p');
  #limit = atOnce;
  #frozen: string[] | null = null;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#watch = new IntersectionObserver((entries) => {
      for (const e of entries) {
        if (e.isIntersecting) this.#seen.add(e.target);
        else this.#seen.delete(e.target);
      }
      stage.ask();
    }, { rootMargin: '200px' });
    this.#buttons = tabs.map(([tab, label]) => h('button', { type: 'button', 'aria-pressed': String(tab === kept.tab), 'data-tab': tab, click: () => this.#choose(tab) }, label, h('span', { class: 'num' })));
    this.#search = h('input', { type: 'search', placeholder: 'Search lots', 'aria-label': 'Search lots', autocomplete: 'off', maxlength: 100, input: () => this.#find() });
    this.#search.value = kept.search;
    const order = h('select', { 'aria-label': 'Order', change: () => this.#order(order.value as Order) }, ...orders.map(([value, label]) => h('option', { value, ...(value === kept.order ? { selected: true } : {}) }, label)));
    this.#more = h('div', { class: 'more', hidden: true }, h('button', { type: 'button', class: 'button plain', click: () => this.#further() }, 'Show more'));
    this.element = h('section', {}, h('div', { class: 'head' }, h('h1', { tabindex: '-1' }, 'In the house'), this.#lead),
      h('div', { class: 'tools' }, h('div', { class: 'tabs', role: 'group', 'aria-label': 'Which lots' }, ...this.#buttons), h('label', { class: 'search' }, icon('search'), this.#search), h('label', { class: 'sort' }, order)),
      this.#said, this.#grid, this.#empty, this.#more);
    // Under the pointer nothing moves: whoever is about to click a lot gets that one.
    this.#grid.addEventListener('pointerenter', () => (this.#frozen = [...this.#grid.children].map((c) => (c as HTMLElement).dataset['key'] ?? '')));
    this.#grid.addEventListener('pointerleave', () => {
      this.#frozen = null;
      stage.ask();
    });
    requestAnimationFrame(() => scrollTo(0, kept.scroll));
  }

  draw(): void {
    const { link } = this.#stage;
    const now = link.clock.now();
    const mine = this.#stage.mine();
    const search = folded(kept.search.trim());
    const all = link.cards.all().filter((c) => matches(c, search));
    for (const [i, [tab]] of tabs.entries()) {
      text(this.#buttons[i]!.lastElementChild!, String(all.filter((c) => under(tab, c, now, mine)).length));
      attr(this.#buttons[i]!, 'aria-pressed', String(tab === kept.tab));
    }
    const chosen = ordered(all.filter((c) => under(kept.tab, c, now, mine)), kept.order);
    const shown = this.#steady(chosen).slice(0, this.#limit);
    keyed(this.#grid, shown, (c) => c.id, (c) => this.#make(c));
    this.#forget(shown);
    for (const c of shown) {
      const view = this.#views.get(c.id)!;
      if (this.#seen.has(view.element) || !view.element.dataset['drawn']) {
        view.element.dataset['drawn'] = 'yes';
        view.draw(c, now, mine);
      }
    }
    show(this.#more, chosen.length > this.#limit);
    const open = link.cards.all().filter((c) => c.state === 'open').length;
    text(this.#lead, !link.listed ? ' ' : open === 0 ? 'No lot is open now.' : `${open} ${open === 1 ? 'lot is' : 'lots are'} open. Every bid is a transaction.`);
    this.#none(chosen.length === 0);
  }

  key(key: string): boolean {
    if (key === '/') {
      this.#search.focus();
      this.#search.select();
      return true;
    }
    const tab = /^[1-4]$/.test(key) ? tabs[Number(key) - 1] : undefined;
    if (tab) {
      this.#choose(tab[0]);
      return true;
    }
    if (key !== 'j' && key !== 'k') return false;
    const cards = [...this.#grid.children] as HTMLElement[];
    const at = cards.indexOf(document.activeElement as HTMLElement);
    const next = cards[at < 0 ? 0 : at + (key === 'j' ? 1 : -1)];
    next?.focus();
    return next !== undefined;
  }

  close(): void {
    kept.scroll = scrollY;
    this.#watch.disconnect();
  }

  /** The order that is seen while the pointer is over the lots: what is new comes at the end, what is gone stays until it is out of the tab. */
  #steady(chosen: readonly Card[]): readonly Card[] {
    if (!this.#frozen) return chosen;
    const byId = new Map(chosen.map((c) => [c.id, c]));
    const first = this.#frozen.map((id) => byId.get(id) ?? this.#gone(id)).filter((c) => c !== undefined);
    const known = new Set(this.#frozen);
    return [...first, ...chosen.filter((c) => !known.has(c.id))];
  }

  /** A lot that has left the tab by closing stays where it is as long as the order is held. */
  #gone(id: string): Card | undefined {
    const c = this.#stage.link.cards.get(id);
    return c && c.state !== 'open' && (kept.tab === 'open' || kept.tab === 'soon') ? c : undefined;
  }

  #make(card: Card): HTMLElement {
    const view = new CardView(card);
    this.#views.set(card.id, view);
    this.#watch.observe(view.element);
    return view.element;
  }

  #forget(shown: readonly Card[]): void {
    if (this.#views.size <= shown.length) return;
    const ids = new Set(shown.map((c) => c.id));
    for (const [id, view] of this.#views) {
      if (ids.has(id)) continue;
      this.#watch.unobserve(view.element);
      this.#seen.delete(view.element);
      this.#views.delete(id);
    }
  }

  #choose(tab: Tab): void {
    kept.tab = tab;
    this.#reset();
    this.draw();
    text(this.#said, `${tabs.find(([t]) => t === tab)![1]}: ${this.#grid.childElementCount} lots`);
  }

  #find(): void {
    kept.search = this.#search.value;
    this.#reset();
    this.#stage.ask();
  }

  #order(order: Order): void {
    kept.order = order;
    this.#reset();
    this.#stage.ask();
  }

  #further(): void {
    this.#limit += atOnce;
    if (this.#frozen) this.#frozen = null;
    this.#stage.ask();
  }

  #reset(): void {
    this.#frozen = null;
    this.#limit = atOnce;
  }

  #none(none: boolean): void {
    show(this.#empty, none);
    if (!none) return;
    const [head, body] = this.#emptyWords();
    if (this.#empty.dataset['words'] === head) return;
    this.#empty.dataset['words'] = head;
    this.#empty.replaceChildren(icon(kept.search ? 'search' : 'gavel', 44), h('h2', {}, head), h('p', {}, body),
      ...(kept.tab === 'mine' && !this.#stage.link.pass ? [h('a', { class: 'button', href: '/account' }, 'Sign in')] : []));
  }

  #emptyWords(): readonly [string, string] {
    if (!this.#stage.link.listed) return ['Opening the house…', 'The lots are on their way.'];
    if (kept.search.trim()) return ['Nothing found', 'No lot here has all of these words in its title or its seller’s name.'];
    switch (kept.tab) {
      case 'open':
        return ['No lot is open', 'Sellers open new ones all the time; they appear here by themselves.'];
      case 'soon':
        return ['Nothing ends soon', 'Lots appear here in their last two minutes.'];
      case 'closed':
        return ['The hammer has not fallen yet', 'Lots that are sold, not sold or cancelled stay here.'];
      case 'mine':
        return this.#stage.link.pass ? ['Nothing of yours yet', 'Lots that you bid on or sell appear here.'] : ['You are a visitor', 'Sign in to bid and to sell; your lots appear here then.'];
    }
  }
}
