// Where a visitor becomes somebody.
import type { Role } from '../house.ts';
import { login, LoginError } from '../login.ts';
import { Chance } from '../random.ts';
import { attr, h, show, text } from './dom.ts';
import type { Stage, View } from './view.ts';

const first = ['Ada', 'Bruno', 'Clara', 'Dario', 'Edith', 'Felix', 'Greta', 'Hugo', 'Ines', 'Jonas', 'Klara', 'Leo', 'Mira', 'Nils', 'Olga', 'Paul', 'Rosa', 'Sven', 'Tilda', 'Vera'];
const last = ['Abel', 'Berg', 'Castell', 'Dorn', 'Engel', 'Falk', 'Grand', 'Holm', 'Jansen', 'Kern', 'Lind', 'Moor', 'Nord', 'Ott', 'Prinz', 'Roth', 'Stern', 'Tal', 'Voss', 'Winter'];

/** The key in the auctioneer's address, until it was used. */
let key = '';

/** Takes the auctioneer's key out of the page's address, so that nobody reads it over a shoulder or copies it with the link. */
export function takeKey(): boolean {
  const url = new URL(location.href);
  const found = url.searchParams.get('key');
  if (!found) return false;
  key = found;
  url.searchParams.delete('key');
  history.replaceState(null, '', url.pathname + url.search);
  return true;
}

export class Gate implements View {
  readonly title = 'Sign in';
  readonly element: HTMLElement;
  readonly #stage: Stage;
  readonly #then: string;
  readonly #name: HTMLInputElement;
  readonly #wrong = h('span', { class: 'wrong', role: 'alert', hidden: true });
  readonly #seller: HTMLInputElement;
  readonly #submit = h('button', { type: 'submit', class: 'button' }, 'Come in');

  constructor(stage: Stage, then: string) {
    this.#stage = stage;
    this.#then = then;
    this.#name = h('input', { type: 'text', autocomplete: 'nickname', maxlength: 200, required: true, id: 'name', placeholder: 'Any name' });
    const role = (value: Role, label: string, checked: boolean) => {
      const input = h('input', { type: 'radio', name: 'role', value, ...(checked ? { checked } : {}) });
      return [input, h('label', {}, input, h('span', {}, label))] as const;
    };
    const [, bidderLabel] = role('bidder', 'Bid', then !== '/sell');
    const [seller, sellerLabel] = role('seller', 'Bid and sell', then === '/sell');
    this.#seller = seller;
    const chance = new Chance(String(Math.random()));
    const names = new Set<string>();
    while (names.size < 4) names.add(`${chance.any(first)} ${chance.any(last)}`);
    const suggestions = h('div', { class: 'names' }, ...[...names].map((n) => h('button', { type: 'button', click: () => void this.#enter(n) }, h('span', { class: 'face', 'aria-hidden': 'true' }, initials(n)), h('span', {}, n))));
    this.element = h('section', { class: 'gate' }, h('div', {}, h('h1', { tabindex: '-1' }, key ? 'Welcome, auctioneer' : 'Take a seat'),
      h('p', { class: 'soft' }, key ? 'Your key opens the house’s own account: it opens and cancels lots and runs the self-check.' : 'A name is enough. You get €10,000 of play money, and what you buy with it is art from a formula.')),
      h('form', { class: 'panel pad form', novalidate: true, submit: (e: Event) => {
        e.preventDefault();
        void this.#enter(this.#name.value);
      } }, h('label', { class: 'field' }, h('span', {}, 'Your name'), this.#name, this.#wrong),
      ...(key ? [] : [h('fieldset', { class: 'choice' }, h('legend', { class: 'unseen' }, 'What do you want to do?'), bidderLabel, sellerLabel)]), this.#submit),
      ...(key ? [] : [h('div', { class: 'form' }, h('p', { class: 'label' }, 'Or come in as'), suggestions)]));
  }

  draw(): void {}

  key(key: string): boolean {
    if (key !== 'Escape') return false;
    this.#stage.go('/');
    return true;
  }

  async #enter(name: string): Promise<void> {
    this.#name.value = name;
    this.#submit.disabled = true;
    attr(this.#name, 'aria-invalid', null);
    try {
      const trimmed = name.trim();
      const length = [...trimmed].length;
      if (length < 1 || length > 40) throw new LoginError('auction.bad_name');
      const pass = await login(trimmed, this.#seller.checked ? 'seller' : 'bidder', key);
      key = '';
      this.#stage.become(pass, this.#then);
    } catch (e) {
      text(this.#wrong, e instanceof LoginError ? e.message : 'Something went wrong here.');
      show(this.#wrong, true);
      attr(this.#name, 'aria-invalid', 'true');
      this.#name.focus();
    }
    this.#submit.disabled = false;
  }
}

/** The first letters of the first and last word of a name. */
export function initials(name: string): string {
  const parts = name.split(/\s+/).filter(Boolean);
  const first = [...(parts[0] ?? '')][0] ?? '?';
  const last = parts.length > 1 ? ([...parts.at(-1)!][0] ?? '') : '';
  return (first + last).toUpperCase();
}
