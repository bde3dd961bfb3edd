// Opening lots, and one's own ones.
import { faultWords, money, parseMoney } from '../money.ts';
import { whyOf, whyWords } from '../why.ts';
import { TrefoilError } from 'trefoil';
import { attr, h, icon, show, text } from './dom.ts';
import { bidsWords, Rows } from './rows.ts';
import type { Stage, View } from './view.ts';

const lengths: readonly (readonly [string, number])[] = [['30 seconds', 30], ['1 minute', 60], ['5 minutes', 300], ['15 minutes', 900], ['1 hour', 3600], ['1 day', 86_400], ['7 days', 604_800]];

interface Field {
  readonly element: HTMLElement;
  readonly input: HTMLInputElement | HTMLTextAreaElement;
  readonly wrong: HTMLElement;
}

export class SellView implements View {
  readonly title = 'Sell';
  readonly element: HTMLElement;
  readonly #stage: Stage;
  readonly #lots: Rows;
  readonly #titleField = field('Title', h('input', { type: 'text', autocomplete: 'off', maxlength: 400 }), 'What it is, in up to 80 characters.');
  readonly #text = field('Description', h('textarea', { maxlength: 4000 }), 'Up to 1,000 characters. It is shown as you write it.');
  readonly #start = field('Starting price', h('input', { type: 'text', inputmode: 'decimal', autocomplete: 'off', maxlength: 40 }), 'The least that the first bid must be.', true);
  readonly #step = field('Step', h('input', { type: 'text', inputmode: 'decimal', autocomplete: 'off', maxlength: 40 }), 'How much more each bid must be. Empty: the house chooses.', true);
  readonly #length = h('select', {}, ...lengths.map(([label, seconds]) => h('option', { value: seconds, ...(seconds === 300 ? { selected: true } : {}) }, label)));
  readonly #submit = h('button', { type: 'submit', class: 'button' }, 'Open the lot');
  readonly #answer = h('div', { class: 'answer', role: 'alert', 'data-tone': 'bad', hidden: true });

  constructor(stage: Stage) {
    this.#stage = stage;
    const { pass } = stage.link;
    this.#lots = new Rows('Your lots', 'You have not opened a lot yet.', bidsWords);
    const form = h('form', { class: 'panel pad form', novalidate: true, submit: (e: Event) => void this.#send(e) }, this.#titleField.element, this.#text.element,
      h('div', { class: 'pair' }, this.#start.element, this.#step.element), h('label', { class: 'field' }, h('span', {}, 'Open for'), this.#length, h('small', {}, 'A bid in the last 15 seconds moves the end.')), this.#answer, this.#submit);
    const may = pass?.role === 'seller' || pass?.role === 'auctioneer';
    const no = h('div', { class: 'panel empty' }, icon('sell', 44), h('h2', {}, 'You came in to bid'), h('p', {}, 'Only sellers open lots. Sign out and come in again as a seller; your account here stays with the house.'), h('a', { class: 'button', href: '/account' }, 'My account'));
    this.element = h('section', {}, h('div', { class: 'head' }, h('h1', { tabindex: '-1' }, 'Sell'), h('p', {}, 'A picture is made from the lot’s number.')), h('div', { class: 'two' }, may ? form : no, this.#lots.element));
  }

  draw(): void {
    const { pass, cards, clock, line } = this.#stage.link;
    this.#lots.draw(cards.all().filter((c) => c.seller === pass?.id), clock.now(), this.#stage.mine());
    this.#submit.disabled = line.phase !== 'open';
    if (line.phase !== 'open') text(this.#submit, 'The house cannot be reached now');
    else if (this.#submit.textContent !== 'Opening…') text(this.#submit, 'Open the lot');
  }

  key(key: string): boolean {
    if (key !== 'Escape') return false;
    this.#stage.go('/');
    return true;
  }

  async #send(e: Event): Promise<void> {
    e.preventDefault();
    show(this.#answer, false);
    const title = this.#titleField.input.value.trim();
    const about = this.#text.input.value.trim();
    const start = sum(this.#start, false);
    const step = sum(this.#step, true);
    const titleGood = length(title, 1, 80, this.#titleField, title ? 'A title has at most 80 characters.' : 'A lot needs a title.');
    const textGood = length(about, 0, 1000, this.#text, 'A description has at most 1,000 characters.');
    if (start === null || step === null || !titleGood || !textGood) {
      this.element.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
      return;
    }
    text(this.#submit, 'Opening…');
    try {
      const card = await this.#stage.link.openLot({ title, text: about, start, step, seconds: Number(this.#length.value) });
      for (const f of [this.#titleField, this.#text, this.#start, this.#step]) f.input.value = '';
      this.#stage.say(`“${card.title}” is open, from ${money(card.start)}.`);
      this.#stage.go(`/lot/${card.id}`);
    } catch (error) {
      this.#refused(error);
    }
    text(this.#submit, 'Open the lot');
  }

  /** Says what the house said, at the field that it is about where that is known. */
  #refused(error: unknown): void {
    const words = whyOf(error) === 'role' ? 'Your role does not allow that.' : whyWords(error, { card: null, cents: 0, available: null, me: '' });
    const reason = error instanceof TrefoilError ? error.reason : '';
    const at = reason === 'auction.bad_title' ? this.#titleField : reason === 'auction.bad_text' ? this.#text : null;
    if (at) return wrong(at, words);
    this.#answer.replaceChildren(icon('warn', 18), h('span', {}, words));
    show(this.#answer, true);
  }
}

function field(label: string, input: HTMLInputElement | HTMLTextAreaElement, hint: string, isMoney = false): Field {
  const wrong = h('span', { class: 'wrong', role: 'alert', hidden: true });
  input.addEventListener('input', () => {
    attr(input, 'aria-invalid', null);
    show(wrong, false);
  });
  return { element: h('label', { class: 'field' }, h('span', {}, label), isMoney ? h('span', { class: 'money' }, input) : input, wrong, h('small', {}, hint)), input, wrong };
}

function wrong(f: Field, words: string): void {
  attr(f.input, 'aria-invalid', 'true');
  text(f.wrong, words);
  show(f.wrong, true);
}

function length(value: string, least: number, most: number, f: Field, words: string): boolean {
  const n = [...value].length;
  if (n >= least && n <= most) return true;
  wrong(f, words);
  return false;
}

function sum(f: Field, optional: boolean): number | null {
  const result = parseMoney(f.input.value);
  if ('cents' in result) return result.cents;
  if (optional && result.fault === 'empty') return 0;
  wrong(f, faultWords(result.fault));
  return null;
}
