// The state of the connection, when there is something to say about it.
import type { Line } from '../board.ts';
import { h } from './dom.ts';

/** A connection that comes back within this time is not worth a word. */
const patience = 500;

export class Banner {
  readonly element = h('div', { class: 'banner', role: 'status', 'aria-live': 'polite', hidden: true });
  #timer: ReturnType<typeof setTimeout> | undefined;
  #was: Line['phase'] = 'connecting';

  show(line: Line, pending: number, durable: boolean): void {
    const text = words(line, pending, durable);
    const change = line.phase !== this.#was;
    this.#was = line.phase;
    if (!text) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.element.hidden = true;
      return;
    }
    if (this.element.textContent !== text) this.element.textContent = text;
    this.element.dataset['phase'] = line.phase;
    if (!this.element.hidden) return;
    if (line.phase === 'closed') this.element.hidden = false;
    else if (change || this.#timer === undefined) {
      this.#timer ??= setTimeout(() => {
        this.element.hidden = false;
        this.#timer = undefined;
      }, patience);
    }
  }
}

/** What the banner says; nothing while all is well. */
export function words(line: Line, pending: number, durable: boolean): string {
  const changes = pending === 1 ? '1 change waits' : `${pending} changes wait`;
  switch (line.phase) {
    case 'open':
      return '';
    case 'connecting':
      return pending ? `Connecting… ${changes}` : 'Connecting…';
    case 'waiting':
      return pending ? `Offline. ${changes} for the server${durable ? '' : ': keep this page open'}` : 'Offline. You can go on drawing';
    case 'closed':
      return line.why;
  }
}
