// Lots as lines of a list.
import { countdown } from '../clock.ts';
import type { Mine } from '../cards.ts';
import { type Card, priceOf } from '../house.ts';
import { money } from '../money.ts';
import { stakeTag, stateWords } from './card.ts';
import { attr, h, keyed, show, text } from './dom.ts';
import { picture } from './picture.ts';

export class Rows {
  readonly element: HTMLElement;
  readonly #list = h('div', { class: 'panel' });
  readonly #none: HTMLElement;
  readonly #detail: (card: Card) => string;

  /** none is said where there is nothing. */
  constructor(head: string, none: string, detail: (card: Card) => string) {
    this.#none = h('p', { class: 'panel none' }, none);
    this.#detail = detail;
    this.element = h('section', { class: 'rows' }, h('h2', {}, head), this.#list, this.#none);
  }

  draw(cards: readonly Card[], now: number, mine: Mine | null): void {
    show(this.#none, cards.length === 0);
    show(this.#list, cards.length > 0);
    keyed(this.#list, cards, (c) => c.id, make);
    for (const [i, row] of [...this.#list.children].entries()) this.#draw(row, cards[i]!, now, mine);
  }

  #draw(row: Element, card: Card, now: number, mine: Mine | null): void {
    const [, middle, end] = row.children as unknown as [Element, Element, Element];
    text(middle.children[0]!, card.title);
    text(middle.children[1]!, `${card.state === 'open' ? (Number.isNaN(now) ? 'Open' : `Ends in ${countdown(card.ends - now)}`) : stateWords(card)} · ${this.#detail(card)}`);
    text(end.children[0]!, money(priceOf(card)));
    const tag = stakeTag(card, mine);
    show(end.children[1] as HTMLElement, tag !== null);
    if (tag) {
      text(end.children[1]!, tag.words);
      attr(end.children[1]!, 'data-tone', tag.tone);
    }
  }
}

function make(card: Card): HTMLElement {
  return h('a', { class: 'row-lot', href: `/lot/${card.id}` }, h('span', { class: 'thumb' }, picture(card.id)), h('span', {}, h('span', { class: 'name' }), h('span', { class: 'detail num' })),
    h('span', { class: 'end' }, h('strong', { class: 'num' }), h('span', { class: 'tag', hidden: true })));
}

/** What a line says beside the time: how often was bid. */
export function bidsWords(card: Card): string {
  return card.bids === 0 ? 'no bids yet' : card.bids === 1 ? '1 bid' : `${card.bids} bids`;
}
