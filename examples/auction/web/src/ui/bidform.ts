// Where a bid is made: the amount, once or as a maximum, and at once what became of it or why not.
import { type Card, priceOf } from '../house.ts';
import { faultWords, fieldMoney, money, parseMoney } from '../money.ts';
import type { Room } from '../room.ts';
import { whyWords } from '../why.ts';
import { attr, h, icon, type Icon, show, text } from './dom.ts';
import type { Stage } from './view.ts';

type Tone = 'good' | 'bad' | 'warn' | '';

export class BidForm {
  readonly element: HTMLFormElement;
  readonly #stage: Stage;
  readonly #room: Room;
  readonly #amount: HTMLInputElement;
  readonly #label = h('span');
  readonly #hint = h('small', { id: 'bid-hint' });
  readonly #submit = h('button', { type: 'submit', class: 'button' }, 'Bid');
  readonly #steps = [1, 2, 5].map((n) => h('button', { type: 'button', click: () => void this.#fill(n) }));
  readonly #once: HTMLInputElement;
  readonly #upTo: HTMLInputElement;
  readonly #answer = h('div', { class: 'answer', role: 'status', 'aria-live': 'assertive', hidden: true });
  readonly #proxy = h('div', { class: 'answer', hidden: true });
  readonly #proxyWords = h('span');
  /** The bid, or the maximum, that the word shown is about, if it is that it counts. */
  #counted: { readonly cents: number; readonly price: number; readonly most: boolean } | null = null;
  #asking = 0;
  #typed = false;

  constructor(stage: Stage, room: Room) {
    this.#stage = stage;
    this.#room = room;
    this.#amount = h('input', {
      type: 'text', inputmode: 'decimal', autocomplete: 'off', maxlength: 40, id: 'bid-amount', 'aria-describedby': 'bid-hint',
      input: () => {
        this.#typed = this.#amount.value !== '';
        attr(this.#amount, 'aria-invalid', null);
      },
    });
    const choice = (label: string, checked: boolean) => {
      const input = h('input', { type: 'radio', name: 'how', change: () => stage.ask(), ...(checked ? { checked } : {}) });
      return [input, h('label', {}, input, h('span', {}, label))] as const;
    };
    const [once, onceLabel] = choice('Bid once', true);
    const [upTo, upToLabel] = choice('Up to a maximum', false);
    [this.#once, this.#upTo] = [once, upTo];
    this.#proxy.append(icon('check', 18), this.#proxyWords, h('button', { type: 'button', class: 'button plain small', click: () => void this.#endProxy() }, 'End'));
    this.#proxyWords.style.flex = '1';
    this.element = h('form', { class: 'bid', novalidate: true, submit: (e: Event) => void this.#send(e) },
      this.#proxy,
      h('fieldset', { class: 'choice' }, h('legend', { class: 'unseen' }, 'How to bid'), onceLabel, upToLabel),
      h('div', { class: 'steps', role: 'group', 'aria-label': 'Fill in an amount' }, ...this.#steps),
      h('div', { class: 'row' }, h('label', { class: 'field', for: 'bid-amount' }, this.#label, h('span', { class: 'money' }, this.#amount)), this.#submit),
      this.#answer, this.#hint);
  }

  focus(): void {
    this.#amount.focus();
    this.#amount.select();
  }

  /** Changes between one bid and a maximum. */
  toggle(): void {
    (this.#once.checked ? this.#upTo : this.#once).checked = true;
    this.#stage.ask();
  }

  draw(card: Card): void {
    const { link } = this.#stage;
    const account = link.account;
    const upTo = this.#upTo.checked;
    text(this.#label, upTo ? 'Your maximum' : 'Your bid');
    attr(this.#amount, 'placeholder', `${fieldMoney(card.next)} or more`);
    const open = card.state === 'open';
    const offline = link.line.phase !== 'open';
    const factor = [0, 1, 4];
    for (const [i, b] of this.#steps.entries()) {
      text(b, money(card.next + factor[i]! * Math.max(card.step, 1)));
      b.disabled = !open || offline;
    }
    text(this.#submit, this.#asking > 0 ? 'Sending…' : upTo ? 'Set' : 'Bid');
    this.#submit.disabled = offline;
    const most = account?.maxima.get(card.id) ?? null;
    show(this.#proxy, most !== null && open);
    if (most !== null) {
      attr(this.#proxy, 'data-tone', card.leader === link.pass?.id ? 'good' : null);
      text(this.#proxyWords, `The house bids for you, up to ${money(most)}. Only you see that.`);
    }
    const held = account?.held.get(card.id) ?? 0;
    text(this.#hint, !open ? '' : offline ? 'The house cannot be reached now: bidding waits until it is back. Prices stay as they were last seen.'
      : upTo ? 'Nobody sees your maximum. The house bids as little as it takes, one step above the others.'
        : account && card.leader === link.pass?.id && held > 0 ? `${money(held)} of yours are set aside for this lot, and come back as soon as somebody bids more.`
        : account ? `${money(account.available + held)} are free for this lot. A bid is set aside until somebody bids more.` : ' ');
    this.#overtaken(card);
  }

  /** A good word about a bid is not left standing when somebody has answered it. */
  #overtaken(card: Card): void {
    const own = this.#counted;
    if (own === null || card.leader === this.#stage.link.pass?.id || card.price <= own.price) return;
    if (own.most && card.price < own.cents) return; // the house is about to answer for one
    const who = card.leaderName;
    if (who === '') return; // it is on its way
    this.#say('warn', own.most ? `Your maximum of ${money(own.cents)} is passed: ${who} leads with ${money(card.price)}.` : `Your bid of ${money(own.cents)} counted, and ${who} has answered it with ${money(card.price)}.`);
  }

  #fill(n: number): void {
    const card = this.#room.card;
    if (!card) return;
    this.#amount.value = fieldMoney(card.next + (n === 1 ? 0 : n === 2 ? 1 : 4) * Math.max(card.step, 1));
    this.#typed = true;
    attr(this.#amount, 'aria-invalid', null);
    this.#submit.focus();
  }

  async #send(e: Event): Promise<void> {
    e.preventDefault();
    const sum = parseMoney(this.#amount.value);
    if ('fault' in sum) {
      attr(this.#amount, 'aria-invalid', 'true');
      this.#say('bad', faultWords(sum.fault));
      return this.#amount.focus();
    }
    const upTo = this.#upTo.checked;
    this.#asking++;
    this.#stage.ask();
    try {
      if (upTo) {
        const state = await this.#room.proxy(sum.cents);
        this.#say(state.leading ? 'good' : 'warn', state.leading ? `You lead at ${money(state.price)}. The house bids for you up to ${money(state.max)}.` : `Somebody’s maximum is higher: the price is ${money(state.price)} now.`);
        if (state.leading) this.#counted = { cents: sum.cents, price: state.price, most: true };
      } else {
        await this.#room.bid(sum.cents);
        this.#say('good', `Your bid of ${money(sum.cents)} counts.`);
        this.#counted = { cents: sum.cents, price: sum.cents, most: false };
      }
      this.#stage.join(this.#room.id);
      this.#amount.value = '';
      this.#typed = false;
      attr(this.#amount, 'aria-invalid', null);
    } catch (error) {
      this.#say('bad', whyWords(error, this.#context(sum.cents)));
    } finally {
      this.#asking--;
      this.#stage.ask();
    }
  }

  async #endProxy(): Promise<void> {
    try {
      await this.#room.proxy(0);
      this.#say('', 'The house no longer bids for you. A bid that leads stays.');
    } catch (error) {
      this.#say('bad', whyWords(error, this.#context(0)));
    }
  }

  #context(cents: number) {
    const account = this.#stage.link.account;
    return { card: this.#room.card, cents, available: account ? account.available + (account.held.get(this.#room.id) ?? 0) : null, me: this.#stage.link.pass?.id ?? '' };
  }

  /** Whether somebody is in the middle of a bid. */
  get busy(): boolean {
    return this.#typed || this.#asking > 0 || this.element.contains(document.activeElement) || !this.#answer.hidden;
  }

  #say(tone: Tone, words: string): void {
    this.#counted = null;
    const sign: Icon = tone === 'good' ? 'check' : 'warn';
    this.#answer.replaceChildren(...(tone ? [icon(sign, 18)] : []), h('span', {}, words));
    attr(this.#answer, 'data-tone', tone || null);
    show(this.#answer, true);
  }
}

/** How the price stands, in words. */
export function standing(card: Card, me: string | undefined): string {
  if (card.state === 'cancelled') return 'This lot was cancelled.';
  if (card.state === 'unsold') return 'The hammer fell without a bid.';
  if (card.state === 'sold') return card.leader === me ? 'You have won this lot.' : `Sold to ${card.leaderName || 'somebody'}.`;
  if (card.bids === 0) return `Nobody has bid yet. It starts at ${money(priceOf(card))}.`;
  return card.leader === me ? 'You lead.' : `${card.leaderName || 'Somebody'} leads. The next bid is ${money(card.next)} or more.`;
}
