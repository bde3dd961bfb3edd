// A short word about what has happened, which goes away by itself.
import { h } from './dom.ts';

export class Toast {
  readonly element = h('div', { class: 'toast', role: 'status', 'aria-live': 'polite' });
  #timer: ReturnType<typeof setTimeout> | undefined;

  say(words: string): void {
    this.element.textContent = words;
    this.element.dataset['shown'] = '';
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => delete this.element.dataset['shown'], Math.min(9000, 2500 + words.length * 50));
  }
}
