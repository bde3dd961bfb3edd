// A lot in the list.
import { countdown } from '../clock.ts';
import { isMine, type Mine, soon } from '../cards.ts';
import { type Card, priceOf } from '../house.ts';
import { money } from '../money.ts';
import { attr, h, icon, show, text } from './dom.ts';
import { picture } from './picture.ts';

export class CardView {
  readonly element: HTMLAnchorElement;
  readonly #until = h('span', { class: 'until' });
  readonly #left = h('span');
  readonly #title = h('h2');
  readonly #price = h('span', { class: 'price' });
  readonly #bids = h('span', { class: 'soft num' });
  readonly #leader = h('span');
  readonly #mine = h('span', { class: 'tag', hidden: true });
  #seen: Card | null = null;
  #tone = '';

  constructor(card: Card) {
    this.#until.append(icon('clock', 15), this.#left);
    this.element = h('a', { class: 'card', href: `/lot/${card.id}`, 'data-lot': card.id }, h('figure', {}, picture(card.id)), this.#until,
      h('div', { class: 'body' }, this.#title, h('div', { class: 'figures' }, this.#price, this.#bids), h('div', { class: 'mine' }, this.#leader, this.#mine)));
  }

  draw(card: Card, now: number, mine: Mine | null): void {
    const old = this.#seen;
    if (old !== card) this.#fill(card, old);
    this.#time(card, now);
    const tag = stakeTag(card, mine);
    show(this.#mine, tag !== null);
    if (tag) {
      text(this.#mine, tag.words);
      attr(this.#mine, 'data-tone', tag.tone);
    }
  }

  #fill(card: Card, old: Card | null): void {
    this.#seen = card;
    text(this.#title, card.title);
    attr(this.#title, 'title', card.title);
    const changed = text(this.#price, money(priceOf(card)));
    text(this.#bids, card.bids === 0 ? 'No bids yet' : card.bids === 1 ? '1 bid' : `${card.bids} bids`);
    text(this.#leader, card.bids === 0 ? `from ${card.sellerName || 'a seller'}` : card.state === 'sold' ? `to ${card.leaderName}` : card.leaderName);
    if (old && changed) flash(this.#price);
    attr(this.element, 'data-over', card.state === 'open' ? null : '');
  }

  #time(card: Card, now: number): void {
    const left = card.ends - now;
    const [words, tone] = card.state === 'open' ? [Number.isNaN(left) ? '…' : left <= 0 ? 'Closing' : countdown(left), left < soon ? 'warn' : ''] : [stateWords(card), card.state === 'sold' ? 'good' : ''];
    text(this.#left, words);
    if (tone === this.#tone) return;
    this.#tone = tone;
    attr(this.#until, 'data-tone', tone || null);
  }
}

export function stateWords(card: Card): string {
  return { open: 'Open', sold: 'Sold', unsold: 'Not sold', cancelled: 'Cancelled' }[card.state];
}

/** How one stands with a lot. */
export function stakeTag(card: Card, mine: Mine | null): { words: string; tone: string | null } | null {
  if (!mine || !isMine(card, mine)) return null;
  if (card.seller === mine.id) return { words: 'Yours', tone: null };
  if (card.leader === mine.id) return card.state === 'open' ? { words: 'You lead', tone: 'good' } : { words: 'Won', tone: 'good' };
  if (card.state === 'open') return card.bids > 0 ? { words: 'Outbid', tone: 'bad' } : null;
  return card.state === 'sold' ? { words: 'Lost', tone: null } : null;
}

/** Lights up for a moment, at most once at a time. */
export function flash(element: HTMLElement): void {
  if (element.classList.contains('flash')) return;
  element.classList.add('flash');
  element.addEventListener('animationend', () => element.classList.remove('flash'), { once: true });
  setTimeout(() => element.classList.remove('flash'), 1000); // where nothing is animated
}
