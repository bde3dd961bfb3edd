// Panels that a button opens; one at a time, closed by Escape or a press elsewhere.
import { h } from './dom.ts';

let close: (() => void) | null = null;

/** Closes the open panel. False: none was. */
export function closePopover(): boolean {
  if (!close) return false;
  close();
  return true;
}

/** Makes opener open and close panel; before is called each time it opens. */
export function popover(opener: HTMLElement, panel: HTMLElement, before: () => void = () => {}): void {
  panel.hidden = true;
  panel.classList.add('popover');
  opener.setAttribute('aria-expanded', 'false');
  opener.setAttribute('aria-haspopup', 'dialog');
  const shut = () => {
    if (panel.contains(document.activeElement)) opener.focus();
    panel.hidden = true;
    opener.setAttribute('aria-expanded', 'false');
    close = null;
  };
  opener.addEventListener('click', () => {
    if (!panel.hidden) return shut();
    closePopover();
    before();
    panel.hidden = false;
    opener.setAttribute('aria-expanded', 'true');
    close = shut;
    (panel.querySelector<HTMLElement>('[data-first]') ?? panel.querySelector<HTMLElement>('button, input'))?.focus({ preventScroll: true });
  });
  document.addEventListener('pointerdown', (e) => {
    const at = e.target as Node;
    if (!panel.hidden && !panel.contains(at) && !opener.contains(at)) shut();
  });
}

/** A line at the bottom that goes away by itself. */
export class Toast {
  readonly element = h('div', { class: 'toast', role: 'status', 'aria-live': 'polite' });
  #timer: ReturnType<typeof setTimeout> | undefined;

  say(text: string): void {
    clearTimeout(this.#timer);
    this.element.textContent = text;
    this.element.dataset['shown'] = 'yes';
    this.#timer = setTimeout(() => this.hide(), 4000);
  }

  hide(): void {
    delete this.element.dataset['shown'];
  }
}
