// A question that must be answered before something is done that cannot be undone.
import { h } from './dom.ts';

/** Asks; true for yes. */
export function ask(head: string, body: string, yes: string, no: string): Promise<boolean> {
  return new Promise((done) => {
    const dialog = h('dialog', { class: 'ask', 'aria-label': head }, h('div', { class: 'dialog-head' }, h('h2', {}, head)), h('p', { class: 'soft' }, body),
      h('div', { class: 'dialog-foot' }, h('button', { type: 'button', class: 'button plain', click: () => dialog.close('no') }, no), h('button', { type: 'button', class: 'button danger', click: () => dialog.close('yes') }, yes)));
    dialog.addEventListener('close', () => {
      dialog.remove();
      done(dialog.returnValue === 'yes');
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
