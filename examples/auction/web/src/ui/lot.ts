// A lot from near.
import { countdown, moment, spoken } from '../clock.ts';
import { soon } from '../cards.ts';
import { type Card, priceOf } from '../house.ts';
import type { News } from '../link.ts';
import { money } from '../money.ts';
import { Room } from '../room.ts';
import { whyWords } from '../why.ts';
import { ask } from './ask.ts';
import { BidForm, standing } from './bidform.ts';
import { flash, stakeTag, stateWords } from './card.ts';
import { Chart, type Step } from './chart.ts';
import { attr, h, icon, show, text } from './dom.ts';
import { History } from './history.ts';
import { picture } from './picture.ts';
import type { Stage, View } from './view.ts';

/** A screen reader hears the price at most so often. */
const calm = 4000;

export class LotView implements View {
  readonly element: HTMLElement;
  readonly #stage: Stage;
  readonly #room: Room;
  readonly #form: BidForm;
  readonly #history: History;
  readonly #chart: Chart;
  readonly #title = h('h1', { tabindex: '-1' }, '…');
  readonly #seller = h('span');
  readonly #number = h('span', { class: 'num' });
  readonly #tag = h('span', { class: 'tag', hidden: true });
  readonly #priceLabel = h('span', { class: 'label' });
  readonly #leftLabel = h('span', { class: 'label' });
  readonly #price = h('strong', { class: 'price' });
  readonly #left = h('span', { class: 'left', role: 'timer' });
  readonly #standing = h('p');
  readonly #about = h('p', { class: 'about' });
  readonly #aboutPanel: HTMLElement;
  readonly #details: HTMLElement;
  readonly #gate: HTMLElement;
  readonly #own = h('div', { class: 'answer' });
  readonly #cancel: HTMLButtonElement;
  readonly #said = h('p', { class: 'unseen', role: 'status', 'aria-live': 'polite' });
  readonly #parts: HTMLElement;
  readonly #missing: HTMLElement;
  #sayings: ReturnType<typeof setTimeout> | undefined;
  #sayAt = 0;
  #drawn: { points: unknown; until: number } | null = null;

  constructor(stage: Stage, id: string) {
    this.#stage = stage;
    this.#room = new Room(stage.link, id);
    this.#form = new BidForm(stage, this.#room);
    this.#history = new History(stage);
    this.#chart = new Chart(() => {
      this.#drawn = null;
      stage.ask();
    });
    this.#gate = h('div', { class: 'bid' }, h('div', { class: 'answer' }, 'You are a visitor: you see everything, and bid once you have an account.'),
      h('a', { class: 'button', href: '/account' }, 'Sign in to bid'));
    this.#cancel = h('button', { type: 'button', class: 'button danger small', hidden: true, click: () => void this.#cancelLot() }, 'Cancel this lot');
    this.#aboutPanel = h('section', { class: 'panel pad section', hidden: true }, h('h2', {}, 'About this lot'), this.#about);
    this.#details = h('div', { class: 'panel pad' }, this.#title, h('div', { class: 'facts' }, this.#seller, this.#number, this.#tag),
      h('div', { class: 'now' }, this.#priceLabel, this.#leftLabel, this.#price, this.#left, this.#standing), this.#form.element, this.#gate, this.#own, this.#cancel);
    this.#cancel.style.marginTop = '14px';
    this.#parts = h('div', { class: 'lot' }, h('div', { class: 'pic' }, picture(id, 20)), h('div', { class: 'side' }, this.#details),
      h('div', { class: 'rest' }, h('section', { class: 'panel pad section' }, h('h2', {}, 'Price'), this.#chart.element), this.#history.element, this.#aboutPanel));
    this.#missing = h('div', { class: 'empty', hidden: true }, icon('search', 44), h('h1', {}, 'There is no lot at this address'), h('p', {}, 'Perhaps the link was cut.'), h('a', { class: 'button', href: '/' }, 'See all lots'));
    this.element = h('section', {}, h('a', { class: 'crumb', href: '/' }, icon('back', 18), 'All lots'), this.#parts, this.#missing, this.#said);
  }

  get title(): string {
    const card = this.#room.card;
    return card ? `${money(priceOf(card))} · ${card.title}` : 'Lot';
  }

  draw(): void {
    const card = this.#room.card;
    show(this.#missing, this.#room.missing && !card);
    show(this.#parts, card !== null);
    if (!card) return;
    const now = this.#stage.link.clock.now();
    this.#head(card, now);
    this.#bid(card);
    this.#text();
    this.#history.draw(this.#room.points, card.bids, now);
    this.#draw(card, now);
  }

  key(key: string): boolean {
    if (key === 'Escape') this.#stage.go('/');
    else if (key === 'b' && !this.#form.element.hidden) this.#form.focus();
    else if (key === 'm' && !this.#form.element.hidden) this.#form.toggle();
    else return false;
    return true;
  }

  hear(news: News): void {
    this.#room.hear(news);
    if (news.kind === 'bell' && news.lot === this.#room.id && news.text === 'extended') this.#stage.say('A late bid: the end moves, so that everybody can answer.');
    if (news.kind === 'card' && news.card.id === this.#room.id && news.old) this.#tell();
  }

  close(): void {
    clearTimeout(this.#sayings);
    this.#room.close();
  }

  #head(card: Card, now: number): void {
    const me = this.#stage.link.pass?.id;
    const open = card.state === 'open';
    const left = card.ends - now;
    text(this.#title, card.title);
    text(this.#seller, `from ${card.sellerName || 'a seller'}`);
    text(this.#number, card.bids === 1 ? '1 bid' : `${card.bids} bids`);
    const tag = stakeTag(card, this.#stage.mine());
    show(this.#tag, tag !== null);
    if (tag) {
      text(this.#tag, tag.words);
      attr(this.#tag, 'data-tone', tag.tone);
    }
    text(this.#priceLabel, card.state === 'sold' ? 'Hammer price' : card.bids > 0 ? 'Highest bid' : 'Starting price');
    const was = this.#price.textContent;
    if (text(this.#price, money(priceOf(card))) && was) flash(this.#price);
    attr(this.#price, 'data-long', this.#price.textContent!.length > 11 ? '' : null);
    text(this.#leftLabel, open ? 'Ends in' : stateWords(card));
    text(this.#left, open ? (Number.isNaN(left) ? '…' : left <= 0 ? 'Closing…' : countdown(left)) : 'Closed');
    attr(this.#left, 'data-tone', open && left < soon ? 'warn' : null);
    attr(this.#left, 'title', open ? `${moment(card.ends)}, by the house’s clock` : card.closed ? moment(card.closed) : null);
    text(this.#standing, this.#room.pending > 0 ? 'Your bid is on its way…' : standing(card, me));
  }

  #bid(card: Card): void {
    const { pass } = this.#stage.link;
    const open = card.state === 'open';
    const own = pass !== null && card.seller === pass.id;
    const bidder = pass !== null && pass.role !== 'auctioneer' && !own;
    // Whoever is writing a bid when the hammer falls keeps the form, and hears why it is too late.
    show(this.#form.element, bidder && (open || (!this.#form.element.hidden && this.#form.busy)));
    if (!this.#form.element.hidden) this.#form.draw(card);
    show(this.#gate, pass === null && open);
    const note = own ? 'This lot is yours.' : pass?.role === 'auctioneer' ? 'Auctioneers do not bid.' : '';
    show(this.#own, note !== '' && open);
    text(this.#own, note);
    show(this.#cancel, open && ((own && card.bids === 0) || pass?.role === 'auctioneer'));
    this.#cancel.disabled = this.#stage.link.line.phase !== 'open';
  }

  #text(): void {
    const about = this.#room.text;
    text(this.#about, about);
    show(this.#aboutPanel, about !== '');
  }

  #draw(card: Card, now: number): void {
    const end = card.closed || (Number.isNaN(now) ? card.opened : Math.min(now, Math.max(card.ends, card.opened)));
    const points = this.#room.points;
    // Time alone moves the line's end by less than a pixel most of the time.
    if (this.#drawn && this.#drawn.points === points && Math.abs(end - this.#drawn.until) < (end - card.opened) / 600) return;
    this.#drawn = { points, until: end };
    const me = this.#stage.link.pass?.id;
    const steps: Step[] = [];
    if (points.length === 0 || points[0]!.bids <= 1) steps.push({ time: card.opened, cents: card.start, who: 'start' });
    for (const p of points) steps.push({ time: p.at, cents: p.price, who: p.leader === me ? 'you' : p.leaderName });
    this.#chart.draw(steps, end);
  }

  /** Says the price to a screen reader, seldom enough to be followed. */
  #tell(): void {
    if (this.#sayings !== undefined) return;
    const wait = Math.max(0, this.#sayAt + calm - performance.now());
    this.#sayings = setTimeout(() => {
      this.#sayings = undefined;
      this.#sayAt = performance.now();
      const card = this.#room.card;
      if (!card) return;
      const left = card.ends - this.#stage.link.clock.now();
      text(this.#said, `${money(priceOf(card))}. ${standing(card, this.#stage.link.pass?.id)}${card.state === 'open' && left > 0 ? ` ${spoken(left)} left.` : ''}`);
    }, wait);
  }

  async #cancelLot(): Promise<void> {
    const card = this.#room.card;
    if (!card || !(await ask('Cancel this lot?', `“${card.title}” will be closed for good${card.bids > 0 ? ', and all money that is set aside for it goes back' : ''}.`, 'Cancel the lot', 'Keep it'))) return;
    try {
      await this.#stage.link.cancelLot(card.id);
      this.#stage.say('The lot was cancelled.');
    } catch (error) {
      this.#stage.say(whyWords(error, { card, cents: 0, available: null, me: '' }));
    }
  }
}
