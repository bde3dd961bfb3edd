// What the house tells, checked where it comes in: types end at the wire.

export type LotState = 'open' | 'sold' | 'unsold' | 'cancelled';
export type Role = 'bidder' | 'seller' | 'auctioneer' | '';

/** A lot as lists show it. Sums are cents, moments milliseconds since 1970 by the house's clock. */
export interface Card {
  readonly id: string;
  readonly title: string;
  readonly seller: string;
  readonly sellerName: string;
  readonly state: LotState;
  readonly start: number;
  readonly step: number;
  /** The highest bid; 0 without bids. */
  readonly price: number;
  /** The least that the next bid may be. */
  readonly next: number;
  /** Who leads, or has won; "" without bids. */
  readonly leader: string;
  readonly leaderName: string;
  readonly bids: number;
  readonly opened: number;
  readonly ends: number;
  /** When the hammer fell; 0 while open. */
  readonly closed: number;
  /** Of the object: of two cards the one with the higher version is the newer. */
  readonly version: number;
}

/** A bid as the price chart shows it. */
export interface Point {
  readonly at: number;
  readonly price: number;
  readonly leader: string;
  readonly leaderName: string;
  readonly bids: number;
}

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly robot: boolean;
}

/** One's own money. */
export interface Account {
  readonly available: number;
  /** Escrow by lot. */
  readonly held: ReadonlyMap<string, number>;
  /** Proxy maxima by lot. */
  readonly maxima: ReadonlyMap<string, number>;
  readonly spent: number;
  readonly earned: number;
}

/** The connection as a person sees it. */
export type Line =
  | { readonly phase: 'connecting' }
  | { readonly phase: 'open' }
  | { readonly phase: 'waiting' }
  | { readonly phase: 'closed'; readonly why: string; readonly forgotten: boolean };

type Fields = { readonly [key: string]: unknown };

/** The fields of a map; throws if it is none. */
export function fields(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('not a map');
  return value as Fields;
}

/** The items of a list; throws if it is none. */
export function items(value: unknown): readonly unknown[] {
  if (value === null || value === undefined) return []; // an empty list of Go
  if (!Array.isArray(value)) throw new TypeError('not a list');
  return value;
}

export function words(v: unknown): string {
  return typeof v === 'string' ? v : '';
}

export function whole(v: unknown): number {
  return typeof v === 'number' && Number.isSafeInteger(v) ? v : 0;
}

function stateOf(v: unknown): LotState {
  return v === 'sold' || v === 'unsold' || v === 'cancelled' ? v : 'open';
}

export function roleOf(v: unknown): Role {
  return v === 'bidder' || v === 'seller' || v === 'auctioneer' ? v : '';
}

export function readCard(value: unknown): Card {
  const c = fields(value);
  if (typeof c['id'] !== 'string' || c['id'] === '') throw new TypeError('not a lot');
  return {
    id: c['id'], title: words(c['title']), seller: words(c['seller']), sellerName: words(c['sellerName']), state: stateOf(c['state']), start: whole(c['start']), step: whole(c['step']),
    price: whole(c['price']), next: whole(c['next']), leader: words(c['leader']), leaderName: words(c['leaderName']), bids: whole(c['bids']),
    opened: whole(c['opened']), ends: whole(c['ends']), closed: whole(c['closed']), version: whole(c['version']),
  };
}

export function readPoint(value: unknown): Point {
  const p = fields(value);
  return { at: whole(p['at']), price: whole(p['price']), leader: words(p['leader']), leaderName: words(p['leaderName']), bids: whole(p['bids']) };
}

export function readPerson(value: unknown): Person {
  const p = fields(value);
  return { id: words(p['id']), name: words(p['name']), role: roleOf(p['role']), robot: p['robot'] === true };
}

export function readAccount(value: unknown): Account {
  const a = fields(value);
  const sums = (v: unknown) => new Map(typeof v === 'object' && v !== null ? Object.entries(v).map(([lot, n]) => [lot, whole(n)] as const).filter(([, n]) => n > 0) : []);
  return { available: whole(a['available']), held: sums(a['held']), maxima: sums(a['maxima']), spent: whole(a['spent']), earned: whole(a['earned']) };
}

/** The card of a lot as its object says: the newest there is, one's own unanswered bid in it. What objects do not hold is taken from known. */
export function cardOf(id: string, value: unknown, version: number, name: (person: string) => string): Card | null {
  const o = fields(value);
  if (typeof o['state'] !== 'string') return null;
  const [start, step, price, bids] = [whole(o['start']), whole(o['step']), whole(o['price']), whole(o['bids'])];
  const [seller, leader] = [words(o['seller']), words(o['leader'])];
  return {
    id, title: words(o['title']), seller, sellerName: name(seller), state: stateOf(o['state']), start, step, price, next: bids > 0 ? price + step : start, leader, leaderName: name(leader), bids,
    opened: whole(o['opened']), ends: whole(o['ends']), closed: whole(o['closed']), version,
  };
}

/** What the lot costs now, or would with a first bid. */
export function priceOf(c: Card): number {
  return c.bids > 0 ? c.price : c.start;
}

/** All money that is set aside. */
export function heldOf(a: Account): number {
  let sum = 0;
  for (const n of a.held.values()) sum += n;
  return sum;
}
