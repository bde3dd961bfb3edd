// The boards that were open in this browser, by name: what there is to choose from while the server is away.
import type { BoardInfo } from './board.ts';
import { keepSetting, setting } from './settings.ts';

/** As many as the objects that are kept leave room for: two for a board. */
const most = 16;

/** The boards that were open here, the last one first. */
export function known(): BoardInfo[] {
  try {
    const all: unknown = JSON.parse(setting('boards') ?? '[]');
    return (Array.isArray(all) ? all : []).flatMap((b: unknown) => {
      const { id, name } = (b ?? {}) as { readonly [key: string]: unknown };
      return typeof id === 'string' && typeof name === 'string' && /^[a-z0-9-]{1,64}$/.test(id) ? [{ id, name: name.slice(0, 80), people: 0 }] : [];
    });
  } catch {
    return [];
  }
}

export function remember({ id, name }: BoardInfo): void {
  keep([{ id, name, people: 0 }, ...known().filter((b) => b.id !== id)]);
}

/** There is no such board any more. */
export function forget(id: string): void {
  keep(known().filter((b) => b.id !== id));
}

function keep(all: readonly BoardInfo[]): void {
  keepSetting('boards', JSON.stringify(all.slice(0, most).map(({ id, name }) => ({ id, name }))));
}
