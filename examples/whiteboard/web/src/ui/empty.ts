// What an empty board says.
import { button, copy, h, icon } from './dom.ts';

/** The invitation to open a second window. */
export function emptyHint(say: (text: string) => void): { element: HTMLElement; show(empty: boolean): void } {
  const address = h('code');
  const copyButton = button('copy', 'Copy link', () => {
    void copy(location.href).then((done) => {
      if (done) {
        copyButton.replaceChildren(icon('check'));
        setTimeout(() => copyButton.replaceChildren(icon('copy')), 2000);
      }
      say(done ? 'Link copied.' : 'Your browser does not allow copying; the link is in the address bar.');
    });
  });
  const element = h('section', { class: 'empty', hidden: true },
    h('h1', {}, 'Draw something'),
    h('p', {}, 'Open this link in a second window and draw in both.'),
    h('div', { class: 'address' }, address, copyButton));
  return {
    element,
    show(empty) {
      element.hidden = !empty;
      const link = location.host + location.pathname;
      if (empty && address.textContent !== link) address.textContent = link;
    },
  };
}
