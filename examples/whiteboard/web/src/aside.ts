// Changes that did not fit what had come meanwhile when they were made, such as a text that was being written while somebody rewrote it: nothing was submitted, so they
// are not in the inbox of the objects. They are kept beside it, in the browser's settings, and decided in the same way.
import type { TrefoilError } from 'trefoil';
import { toFields, type Fields, type Shape } from './model.ts';
import { keepSetting, setting } from './settings.ts';
import { readChange, type ChangeInput } from './transactions.ts';

export interface Held {
  readonly id: string;
  readonly object: string;
  readonly input: ChangeInput;
  readonly reason: string;
  readonly message: string;
  readonly made: number;
  /** Shapes as others had left them. */
  readonly theirs: { readonly [id: string]: Fields };
}

const most = 100;

export class Aside {
  readonly #setting: string;
  readonly #listeners: (() => void)[] = [];
  #items: readonly Held[];

  /** me: what one page has put aside is no business of another one. */
  constructor(me: string) {
    this.#setting = `aside.${me}`;
    this.#items = read(setting(this.#setting));
  }

  items(): readonly Held[] {
    return this.#items;
  }

  onChange(fn: () => void): void {
    this.#listeners.push(fn);
  }

  add(object: string, input: ChangeInput, error: TrefoilError, shape: (id: string) => Shape | undefined): void {
    const made = Date.now();
    const theirs: { [id: string]: Fields } = {};
    for (const { id } of input.steps) {
      const s = shape(id);
      if (s) Object.defineProperty(theirs, id, { value: toFields(s), enumerable: true });
    }
    const id = `aside ${made} ${Math.random().toString(36).slice(2)}`;
    this.#set([...this.#items, { id, object, input, reason: error.reason, message: error.message, made, theirs }].slice(-most));
  }

  remove(ids: ReadonlySet<string>): void {
    if (this.#items.some((i) => ids.has(i.id))) this.#set(this.#items.filter((i) => !ids.has(i.id)));
  }

  #set(items: readonly Held[]): void {
    this.#items = items;
    keepSetting(this.#setting, JSON.stringify(items, (_, v: unknown) => (v instanceof Uint8Array ? { bytes: Array.from(v) } : v)));
    for (const fn of this.#listeners) fn();
  }
}

/** Reads what was kept; whatever else stands there is left out. */
function read(text: string | null): Held[] {
  try {
    const all: unknown = JSON.parse(text ?? '[]', (_, v: unknown) => {
      const { bytes } = (v ?? {}) as { readonly bytes?: unknown };
      return Array.isArray(bytes) ? Uint8Array.from(bytes as number[]) : v;
    });
    return (Array.isArray(all) ? (all as Held[]) : []).filter((h) => typeof h === 'object' && h !== null && typeof h.id === 'string' && typeof h.object === 'string' && typeof h.made === 'number'
      && typeof h.theirs === 'object' && h.theirs !== null && readChange(h.input) !== null);
  } catch {
    return [];
  }
}
