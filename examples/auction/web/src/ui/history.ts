// The bids on a lot, the newest first.
import { ago, moment } from '../clock.ts';
import type { Point } from '../house.ts';
import { money } from '../money.ts';
import { attr, h, keyed, show, text } from './dom.ts';
import type { Stage } from './view.ts';

const atOnce = 12;

export class History {
  readonly element: HTMLElement;
  readonly #stage: Stage;
  readonly #list = h('ol', { class: 'history', reversed: true });
  readonly #none = h('p', { class: 'soft' }, 'No bids yet.');
  readonly #count = h('small');
  readonly #more: HTMLButtonElement;
  #limit = atOnce;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#more = h('button', { type: 'button', class: 'button plain small', click: () => {
      this.#limit += 50;
      stage.ask();
    } }, 'Older bids');
    this.element = h('section', { class: 'panel pad section' }, h('h2', {}, 'Bids', this.#count), this.#none, this.#list, this.#more);
  }

  draw(points: readonly Point[], bids: number, now: number): void {
    const me = this.#stage.link.pass?.id;
    const shown = points.slice(-this.#limit).reverse();
    text(this.#count, bids === 0 ? '' : `${bids} in all`);
    show(this.#none, shown.length === 0);
    show(this.#more, points.length > shown.length);
    keyed(this.#list, shown, (p) => String(p.bids), (p) => this.#make(p));
    for (const [i, row] of [...this.#list.children].entries()) {
      const p = shown[i]!;
      text(row.firstElementChild!, p.leader === me ? 'You' : p.leaderName || this.#stage.link.name(p.leader) || 'Somebody');
      text(row.lastElementChild!, Number.isNaN(now) ? moment(p.at) : ago(now - p.at));
      attr(row, 'data-mine', p.leader === me ? '' : null);
    }
  }

  #make(p: Point): HTMLElement {
    return h('li', {}, h('span', { class: 'who-bid' }), h('span', { class: 'num' }, money(p.price)), h('time', { class: 'when', datetime: new Date(p.at).toISOString(), title: moment(p.at) }));
  }
}
