// All lots that are known here, the newest card of each, and lists of them in order.
import type { Card } from './house.ts';

/** Closed lots beyond these are let go, the oldest first: robots sell on for days. */
const mostClosed = 400;

export class Cards {
  readonly #byId = new Map<string, Card>();
  #sorted: readonly Card[] | null = null;

  get(id: string): Card | undefined {
    return this.#byId.get(id);
  }

  /** Takes a card unless a newer one is known; returns what was known before, or false if nothing is new. */
  put(card: Card): Card | undefined | false {
    const old = this.#byId.get(card.id);
    if (old && old.version >= card.version) return false;
    this.#byId.set(card.id, card);
    this.#sorted = null;
    return old;
  }

  /** Open lots, the one that ends first at the front; then closed ones, the last one at the front. The same array as long as nothing has changed. */
  all(): readonly Card[] {
    if (this.#sorted) return this.#sorted;
    const sorted = [...this.#byId.values()].sort(byEnd);
    for (const gone of sorted.filter((c) => c.state !== 'open').slice(mostClosed)) {
      this.#byId.delete(gone.id);
      sorted.splice(sorted.indexOf(gone), 1);
    }
    return (this.#sorted = sorted);
  }
}

function byEnd(a: Card, b: Card): number {
  const [x, y] = [a.state === 'open', b.state === 'open'];
  if (x !== y) return x ? -1 : 1;
  return (x ? a.ends - b.ends : b.closed - a.closed) || (a.id < b.id ? -1 : 1);
}

export type Tab = 'open' | 'soon' | 'closed' | 'mine';

/** A lot ends soon if it is over within this time. */
export const soon = 120_000;

/** What somebody has to do with lots. */
export interface Mine {
  readonly id: string;
  /** Lots with bids, escrow or a maximum of one's own. */
  readonly lots: ReadonlySet<string>;
}

export function isMine(c: Card, mine: Mine | null): boolean {
  return mine !== null && (mine.lots.has(c.id) || c.leader === mine.id || c.seller === mine.id);
}

/** Reports whether a lot belongs under a tab at a moment. */
export function under(tab: Tab, c: Card, now: number, mine: Mine | null): boolean {
  switch (tab) {
    case 'open':
      return c.state === 'open';
    case 'soon':
      return c.state === 'open' && c.ends - now < soon;
    case 'closed':
      return c.state !== 'open';
    case 'mine':
      return isMine(c, mine);
  }
}

/** Text as it is searched: without case and accents. */
export function folded(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}

/** Reports whether all words of a search, folded, are in the lot's title or its seller's name. */
export function matches(c: Card, search: string): boolean {
  if (search === '') return true;
  const text = folded(`${c.title} ${c.sellerName}`);
  return search.split(/\s+/).every((word) => text.includes(word));
}

export type Order = 'ends' | 'low' | 'high' | 'bids' | 'new';

export function ordered(cards: readonly Card[], order: Order): readonly Card[] {
  const price = (c: Card) => (c.bids > 0 ? c.price : c.start);
  switch (order) {
    case 'ends':
      return cards;
    case 'low':
      return [...cards].sort((a, b) => price(a) - price(b));
    case 'high':
      return [...cards].sort((a, b) => price(b) - price(a));
    case 'bids':
      return [...cards].sort((a, b) => b.bids - a.bids);
    case 'new':
      return [...cards].sort((a, b) => b.opened - a.opened);
  }
}
