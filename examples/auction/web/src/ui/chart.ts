// The price of a lot over time: steps, an axis each way, and the price under the pointer, or under the arrow keys.
import { hour } from '../clock.ts';
import { type Point, priceAt, priceRange, scale, type Scale, stepPath, ticks, timeTicks } from '../chart.ts';
import { money, shortMoney } from '../money.ts';
import { h, s, text } from './dom.ts';

/** A point of the chart and who made it. */
export interface Step extends Point {
  readonly who: string;
}

const height = 232;
const pad = { top: 14, right: 14, bottom: 26, left: 58 };

export class Chart {
  readonly #svg = s('svg', { class: 'plot', 'aria-hidden': 'true', height });
  readonly #grid = s('g', { class: 'grid' });
  readonly #area = s('path', { class: 'area' });
  readonly #line = s('path', { class: 'line' });
  readonly #last = s('circle', { class: 'last', r: 3.5 });
  readonly #cursor = s('g', { class: 'cursor', visibility: 'hidden' });
  readonly #rule = s('path');
  readonly #dot = s('circle', { r: 4.5 });
  readonly #tip = h('div', { class: 'tip', hidden: true });
  readonly #tipPrice = h('strong');
  readonly #tipWho = h('span');
  readonly #said = h('p', { class: 'unseen', 'aria-live': 'polite' });
  readonly element: HTMLElement;
  #steps: readonly Step[] = [];
  #until = 0;
  #x: Scale | null = null;
  #y: Scale | null = null;
  #width = 0;
  #chosen: number | null = null;

  /** changed is called when the chart wants to be drawn anew. */
  constructor(changed: () => void) {
    this.#cursor.append(this.#rule, this.#dot);
    this.#svg.append(this.#grid, this.#area, this.#line, this.#last, this.#cursor);
    this.#tip.append(this.#tipPrice, this.#tipWho);
    this.element = h('div', { class: 'chart', tabindex: '0', role: 'group', 'aria-roledescription': 'chart' }, this.#svg, this.#tip, this.#said);
    new ResizeObserver(([entry]) => {
      const width = Math.floor(entry!.contentRect.width);
      if (width === this.#width) return;
      this.#width = width;
      changed();
    }).observe(this.element);
    this.#svg.addEventListener('pointermove', (e) => this.#point(e));
    this.#svg.addEventListener('pointerdown', (e) => this.#point(e));
    this.element.addEventListener('pointerleave', () => this.#choose(null));
    this.element.addEventListener('blur', () => this.#choose(null));
    this.element.addEventListener('keydown', (e) => {
      if (this.#key(e.key)) e.preventDefault();
    });
  }

  /** Draws the steps, which ascend in time; the last price holds until until. */
  draw(steps: readonly Step[], until: number): void {
    const width = this.#width;
    this.#steps = steps;
    const first = steps[0];
    const last = steps.at(-1);
    if (width < 120 || !first || !last) return;
    this.#until = Math.max(until, last.time + 1000);
    const x = (this.#x = scale(first.time, this.#until, pad.left, width - pad.right));
    const y = (this.#y = scale(...priceRange(steps), height - pad.bottom, pad.top));
    this.#svg.setAttribute('width', String(width));
    this.#axes(x, y, width);
    const d = stepPath(steps, x, y, this.#until);
    this.#line.setAttribute('d', d);
    this.#area.setAttribute('d', `${d}V${height - pad.bottom}H${pad.left}Z`);
    this.#last.setAttribute('cx', String(x.to === this.#until ? width - pad.right : x.at(this.#until)));
    this.#last.setAttribute('cy', String(y.at(last.cents)));
    this.element.setAttribute('aria-label', `Price from ${money(first.cents)} at ${hour(first.time)} to ${money(last.cents)} at ${hour(last.time)}, ${steps.length - 1} bids. Arrow keys read it step by step.`);
    if (this.#chosen !== null) this.#mark(this.#chosen, false);
  }

  #axes(x: Scale, y: Scale, width: number): void {
    const parts: SVGElement[] = [];
    const sums = ticks(y.from, y.to, 4);
    const step = sums.length > 1 ? sums[1]! - sums[0]! : 1;
    for (const cents of sums) {
      const at = Math.round(y.at(cents)) + 0.5;
      parts.push(s('path', { d: `M${pad.left} ${at}H${width - pad.right}` }), s('text', { x: pad.left - 8, y: at + 4, 'text-anchor': 'end' }, shortMoney(cents, step)));
    }
    const seconds = x.to - x.from < 240_000;
    for (const time of timeTicks(x.from, x.to, Math.max(2, Math.floor(width / 110)))) {
      const at = x.at(time);
      if (at > pad.left + 14 && at < width - 30) parts.push(s('text', { x: at, y: height - 7, 'text-anchor': 'middle' }, hour(time, seconds)));
    }
    parts.push(s('path', { class: 'axis', d: `M${pad.left} ${height - pad.bottom + 0.5}H${width - pad.right}` }));
    this.#grid.replaceChildren(...parts);
  }

  #point(e: PointerEvent): void {
    if (!this.#x) return;
    const at = e.clientX - this.#svg.getBoundingClientRect().left;
    this.#choose(Math.min(this.#until, Math.max(this.#x.from, this.#x.value(at))));
  }

  #choose(time: number | null): void {
    this.#chosen = time;
    if (time !== null) return this.#mark(time, false);
    this.#cursor.setAttribute('visibility', 'hidden');
    this.#tip.hidden = true;
  }

  /** Shows the price at a moment; said: also to a screen reader. */
  #mark(time: number, said: boolean): void {
    const step = priceAt(this.#steps, time) ?? this.#steps[0];
    if (!step || !this.#x || !this.#y) return;
    const [px, py] = [this.#x.at(time), this.#y.at(step.cents)];
    this.#rule.setAttribute('d', `M${Math.round(px) + 0.5} ${pad.top}V${height - pad.bottom}`);
    this.#dot.setAttribute('cx', String(px));
    this.#dot.setAttribute('cy', String(py));
    this.#cursor.setAttribute('visibility', 'visible');
    text(this.#tipPrice, money(step.cents));
    text(this.#tipWho, `${hour(step.time, true)}${step.who ? ` · ${step.who}` : ''}`);
    this.#tip.hidden = false;
    const half = this.#tip.offsetWidth / 2;
    this.#tip.style.left = `${Math.min(Math.max(px, half + 2), this.#width - half - 2)}px`;
    this.#tip.style.top = `${Math.max(py - this.#tip.offsetHeight - 12, 0)}px`;
    if (said) text(this.#said, `${money(step.cents)} at ${hour(step.time, true)}${step.who ? `, ${step.who}` : ''}`);
  }

  #key(key: string): boolean {
    const steps = this.#steps;
    if (steps.length === 0 || !['ArrowLeft', 'ArrowRight', 'Home', 'End', 'Escape'].includes(key)) return false;
    if (key === 'Escape') {
      if (this.#chosen === null) return false;
      this.#choose(null);
      return true;
    }
    const now = this.#chosen === null ? steps.length : steps.indexOf(priceAt(steps, this.#chosen) ?? steps[0]!);
    const next = key === 'Home' ? 0 : key === 'End' ? steps.length - 1 : Math.min(steps.length - 1, Math.max(0, now + (key === 'ArrowLeft' ? -1 : 1)));
    this.#chosen = steps[next]!.time;
    this.#mark(this.#chosen, true);
    return true;
  }
}
