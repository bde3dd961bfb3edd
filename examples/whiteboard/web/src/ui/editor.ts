// Writing into a text or note: a plain text field that lies exactly over the shape.
import { toScreen } from '../camera.ts';
import type { Desk } from '../desk.ts';
import { cleanText, maxText, type Shape } from '../model.ts';
import { tones } from '../palette.ts';
import { measure } from '../render.ts';
import { family, fontSize, notePadding } from '../text.ts';
import { h } from './dom.ts';

export class Editor {
  readonly element = h('textarea', { class: 'editor', 'aria-label': 'Text', spellcheck: 'false', hidden: true });
  readonly #desk: Desk;
  readonly #say: (text: string) => void;
  #isNew = false;

  constructor(desk: Desk, say: (text: string) => void) {
    this.#desk = desk;
    this.#say = say;
    desk.edit = (s, isNew) => this.open(s, isNew);
    desk.onChange(() => this.#place());
    this.element.addEventListener('input', () => this.#typed());
    this.element.addEventListener('blur', () => this.close());
    this.element.addEventListener('keydown', (e) => {
      e.stopPropagation();
      if (e.key === 'Escape' || (e.key === 'Enter' && (e.ctrlKey || e.metaKey))) {
        e.preventDefault();
        this.close();
      }
    });
  }

  open(s: Shape, isNew: boolean): void {
    this.close();
    this.#isNew = isNew;
    this.#desk.editing = s;
    this.element.value = s.text;
    this.element.hidden = false;
    this.#desk.selection.clear();
    this.#desk.changed();
    this.element.focus({ preventScroll: true });
    this.element.select();
  }

  /** Puts what was written on the board. */
  close(): void {
    const desk = this.#desk;
    const s = desk.editing;
    if (!s) return;
    desk.editing = null;
    this.element.hidden = true;
    const text = cleanText(this.element.value).trimEnd();
    if (this.#isNew) {
      if (text) desk.history.do([{ op: 'put', shape: { ...s, text } }]);
      desk.tool = 'select';
    } else if (text !== s.text) {
      // Seen is the text as it was when writing began: what somebody else has written meanwhile is not overwritten.
      desk.history.do(text || s.kind === 'note' ? [{ op: 'patch', id: s.id, patch: { text }, seen: s }] : [{ op: 'delete', id: s.id, seen: s }]);
    }
    if (desk.board.get(s.id)) desk.select([s.id]);
    else desk.changed();
  }

  #typed(): void {
    if (this.element.value.length > maxText) {
      this.element.value = cleanText(this.element.value);
      this.#say(`A text has at most ${maxText.toLocaleString('en')} characters; the rest was left out.`);
    }
    this.#place();
  }

  #place(): void {
    const { editing, camera, theme } = this.#desk;
    if (!editing) return;
    const s = { ...editing, text: this.element.value };
    const size = measure(s);
    const at = toScreen(camera, s);
    const style = this.element.style;
    const z = camera.zoom;
    const note = s.kind === 'note';
    const { line, paper, onPaper } = tones(theme, s.color);
    style.left = `${at.x}px`;
    style.top = `${at.y}px`;
    style.width = `${(note ? size.w : size.w + fontSize(s) * 2) * z}px`;
    style.height = `${size.h * z + 1}px`;
    style.font = `${fontSize(s) * z}px/1.35 ${family}`;
    style.padding = note ? `${notePadding * z}px` : '0';
    style.color = note ? onPaper : line;
    style.background = note ? paper : 'transparent';
    this.element.dataset['kind'] = s.kind;
  }
}
