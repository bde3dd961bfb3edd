// What pages and server agree on, besides objects; contract.go has the other half.
import { pubsub, rpc } from 'trefoil';
import { type Card, fields, items, type Person, type Point, readCard, readPerson, readPoint, whole, words } from './house.ts';

type None = Record<string, never>;

const lots = (v: unknown) => items(v).map(readCard);

export const askClock = rpc.method<None, number>('clock', { output: (v) => whole(fields(v)['now']) });
export const listLots = rpc.method<None, Card[]>('lots.list', { output: lots });
export const lotHistory = rpc.method<{ lot: string }, Point[]>('lots.history', { output: (v) => items(v).map(readPoint) });
export const openLot = rpc.method<NewLot, Card>('lots.open', { output: readCard });
export const cancelLot = rpc.method<{ lot: string }, Card>('lots.cancel', { output: readCard });
export const setProxy = rpc.method<{ lot: string; max: number }, ProxyState>('proxy.set', { output: readProxy });
export const findPeople = rpc.method<{ ids: string[] }, Person[]>('people.find', { output: (v) => items(v).map(readPerson) });
export const findReceipts = rpc.method<Receipt[], Found[]>('receipts.find', { output: (v) => items(v).map(readFound) });
export const runCheck = rpc.method<None, Report>('audit.check', { output: readReport });

export const prices = pubsub.topic<unknown, 'prices.{lot}'>('prices.{lot}');
export const hammer = pubsub.topic<unknown, 'hammer'>('hammer');
export const bell = pubsub.topic<unknown, 'bell'>('bell');

export interface NewLot {
  readonly title: string;
  readonly text: string;
  readonly start: number;
  /** 0 leaves it to the house. */
  readonly step: number;
  readonly seconds: number;
}

export interface ProxyState {
  readonly leading: boolean;
  readonly price: number;
  readonly max: number;
}

function readProxy(value: unknown): ProxyState {
  const p = fields(value);
  return { leading: p['leading'] === true, price: whole(p['price']), max: whole(p['max']) };
}

/** A bid that was acknowledged: the commit of its transaction. */
export interface Receipt {
  readonly lot: string;
  readonly amount: number;
  readonly epoch: string;
  readonly position: number;
}

export interface Found {
  readonly found: boolean;
  readonly why: string;
}

function readFound(value: unknown): Found {
  const f = fields(value);
  return { found: f['found'] === true, why: words(f['why']) };
}

/** The outcome of the house's self-check. */
export interface Report {
  readonly ok: boolean;
  readonly lines: readonly string[];
}

function readReport(value: unknown): Report {
  const r = fields(value);
  return { ok: r['ok'] === true, lines: items(r['lines']).map(words) };
}
