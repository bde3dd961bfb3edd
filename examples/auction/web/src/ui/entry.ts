// An entry of the log in words.
import type { Change, Entry } from '../books.ts';
import { whole } from '../house.ts';
import { money } from '../money.ts';
import { h } from './dom.ts';

/** What an entry is about. title knows lots by their ids. */
export function entryWords(e: Entry, title: (lot: string) => string | undefined): (string | Node)[] {
  const lotChange = e.changes.find((c) => c.object.startsWith('lot/'));
  const lot = lotChange?.object.slice(4) ?? '';
  const link = lot ? [h('a', { href: `/lot/${lot}` }, title(lot) ?? titleIn(lotChange!) ?? lot)] : [];
  const set = (name: string) => e.changes.find((c) => c.object.startsWith('lot/') && c.path.length === 1 && c.path[0] === name);
  const price = set('price');
  const state = set('state');
  if (e.kind === 'epoch') return ['A new epoch of the log'];
  if (e.kind === 'refusal') return ['A transaction was refused'];
  if (lotChange && lotChange.path.length === 0 && lotChange.op === 'set') return ['Opened ', ...link];
  if (state && state.value === 'open') return ['Opened ', ...link];
  if (state && state.value === 'sold') return ['Sold ', ...link];
  if (state && state.value === 'unsold') return ['Not sold: ', ...link];
  if (state && state.value === 'cancelled') return ['Cancelled ', ...link];
  if (price) return [e.user === '' ? 'Proxy bid of ' : 'Bid of ', h('span', { class: 'num' }, money(whole(price.value))), ' on ', ...link];
  if (e.changes.some((c) => c.path[0] === 'due' && c.op === 'delete')) return ['Escrow returned: ', ...link];
  if (set('ends')) return ['Moved the end of ', ...link];
  if (set('judged')) return ['Looked at the time of the last bid on ', ...link];
  if (e.changes.some((c) => c.path[0] === 'maxima')) return ['Somebody’s maximum on a lot'];
  if (lot) return ['Changed ', ...link];
  if (e.changes.some((c) => c.object.startsWith('account/'))) return ['An account'];
  return e.changes.length > 0 ? ['The house: ', h('span', { class: 'soft' }, e.changes.map((c) => c.path.slice(0, 2).join('/') || c.object).slice(0, 3).join(', '))] : ['Nothing that is shown'];
}

function titleIn(c: Change): string | undefined {
  const v = c.value;
  return typeof v === 'object' && v !== null && typeof (v as { title?: unknown }).title === 'string' ? (v as { title: string }).title : undefined;
}
