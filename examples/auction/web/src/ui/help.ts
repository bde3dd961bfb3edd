// The keyboard, explained and listened to.
import { h, iconButton } from './dom.ts';

const shortcuts: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  ['Go to', [['G H', 'The house'], ['G A', 'My account'], ['G S', 'Sell'], ['G U', 'Audit'], ['Esc', 'Back to all lots']]],
  ['Lots', [['/', 'Search'], ['J K', 'Next, previous lot'], ['Enter', 'Open the lot'], ['1 – 4', 'Open, ending soon, closed, mine']]],
  ['A lot', [['B', 'To the bid'], ['Enter', 'Place the bid'], ['M', 'Bid once or up to a maximum'], ['← →', 'Read the chart, once it has focus']]],
  ['Page', [['T', 'Light or dark'], ['?', 'These shortcuts']]],
];

/** The overlay that lists the shortcuts. */
export function helpOverlay(): HTMLDialogElement {
  const keys = (text: string) => text.split(' ').map((k) => (k === '–' ? k : h('kbd', {}, k)));
  const dialog = h('dialog', { 'aria-label': 'Keyboard shortcuts' },
    h('div', { class: 'dialog-head' }, h('h2', {}, 'Keyboard shortcuts'), iconButton('close', 'Close', () => dialog.close())),
    h('div', { class: 'columns' }, ...shortcuts.map(([name, list]) =>
      h('section', {}, h('h3', {}, name), h('dl', {}, ...list.flatMap(([key, what]) => [h('dt', {}, ...keys(key)), h('dd', {}, what)]))))));
  dialog.addEventListener('click', (e) => {
    if (e.target === dialog) dialog.close();
  });
  return dialog;
}

/** What keys do besides what the browser does. */
export interface Keys {
  go(path: string): void;
  theme(): void;
  help(): void;
  /** A key for the view that is shown; says whether it was used. */
  view(key: string): boolean;
}

/** Listens to the keyboard wherever no text is written. */
export function watchKeys(act: Keys): void {
  let went = -Infinity; // when G was pressed
  const places: { readonly [key: string]: string } = { h: '/', a: '/account', s: '/sell', u: '/audit' };
  addEventListener('keydown', (e) => {
    const at = e.target as HTMLElement;
    if (e.defaultPrevented || e.isComposing || e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open]')) return;
    if (at.matches('input:not([type=radio]), textarea, select')) {
      if (e.key === 'Escape') at.blur();
      return;
    }
    const key = e.key.length === 1 ? e.key.toLowerCase() : e.key;
    const place = performance.now() - went < 1500 ? places[key] : undefined;
    went = key === 'g' ? performance.now() : -Infinity;
    if (place) act.go(place);
    else if (key === '?') act.help();
    else if (key === 't') act.theme();
    else if (!act.view(key)) return;
    e.preventDefault();
  });
}
