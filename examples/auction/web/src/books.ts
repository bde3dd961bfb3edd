// The house's books: its log, asked for over HTTP, and what this page makes of it by itself.
import { sha256 } from '../../../../js/src/internal/sha256.ts'; // crypto.subtle is missing where a page came over plain HTTP from another computer
import { fields, items, roleOf, type Role, whole, words } from './house.ts';

export interface Change {
  readonly object: string;
  readonly version: number;
  readonly op: string;
  readonly path: readonly string[];
  readonly value: unknown;
}

/** An entry of the log. */
export interface Entry {
  readonly position: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly kind: string;
  readonly user: string;
  readonly name: string;
  readonly epoch: string;
  readonly previous: string;
  readonly hash: string;
  readonly size: number;
  /** What the hash is of; null where something in it is hidden. */
  readonly bytes: Uint8Array | null;
  readonly changes: readonly Change[];
}

export interface LogPage {
  readonly head: number;
  readonly first: number;
  /** The newest first. */
  readonly entries: readonly Entry[];
}

export interface Balance {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly robot: boolean;
  readonly available: number;
  readonly held: number;
  readonly spent: number;
  readonly earned: number;
  readonly agrees: boolean;
}

/** What the house says of its books. */
export interface Audit {
  readonly position: number;
  readonly hash: string;
  readonly first: number;
  readonly whole: boolean;
  readonly problems: readonly string[];
  readonly entries: number;
  readonly bids: number;
  readonly minted: number;
  readonly total: number;
  readonly accounts: readonly Balance[];
  readonly lots: { readonly [state: string]: number };
  readonly agrees: boolean;
}

function timeOf(v: unknown): number {
  return typeof v === 'string' ? Date.parse(v) : whole(v);
}

function bytesOf(v: unknown): Uint8Array | null {
  if (typeof v !== 'string' || v === '') return null;
  const text = atob(v);
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

function readChange(v: unknown): Change {
  const c = fields(v);
  return { object: words(c['object']), version: whole(c['version']), op: words(c['op']), path: items(c['path']).map(words), value: c['value'] };
}

export function readEntry(v: unknown): Entry {
  const e = fields(v);
  return {
    position: whole(e['position']), time: timeOf(e['time']), kind: words(e['kind']), user: words(e['user']), name: words(e['name']), epoch: words(e['epoch']), previous: words(e['previous']), hash: words(e['hash']),
    size: whole(e['size']), bytes: bytesOf(e['bytes']), changes: items(e['changes']).map(readChange),
  };
}

export function readAudit(v: unknown): Audit {
  const a = fields(v);
  const account = (v: unknown): Balance => {
    const b = fields(v);
    return {
      id: words(b['id']), name: words(b['name']), role: roleOf(b['role']), robot: b['robot'] === true, available: whole(b['available']), held: whole(b['held']), spent: whole(b['spent']), earned: whole(b['earned']), agrees: b['agrees'] === true,
    };
  };
  const lots = fields(a['lots'] ?? {});
  return {
    position: whole(a['position']), hash: words(a['hash']), first: whole(a['first']), whole: a['whole'] === true, problems: items(a['problems']).map(words), entries: whole(a['entries']), bids: whole(a['bids']),
    minted: whole(a['minted']), total: whole(a['total']), accounts: items(a['accounts']).map(account), lots: Object.fromEntries(Object.entries(lots).map(([k, n]) => [k, whole(n)])), agrees: a['agrees'] === true,
  };
}

async function get(path: string, signal: AbortSignal): Promise<unknown> {
  const answer = await fetch(path, { signal, cache: 'no-store' });
  if (!answer.ok) throw new Error(`the house answered ${answer.status}`);
  return answer.json();
}

export async function fetchAudit(signal: AbortSignal): Promise<Audit> {
  return readAudit(await get('/api/audit', signal));
}

/** Entries with positions below before, the newest first; 0: the newest there are. */
export async function fetchLog(before: number, limit: number, signal: AbortSignal): Promise<LogPage> {
  const p = fields(await get(`/api/audit/log?before=${before}&limit=${limit}`, signal));
  return { head: whole(p['head']), first: whole(p['first']), entries: items(p['entries']).map(readEntry) };
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}

/** Follows the chain of hashes from the newest entry to the oldest. */
export class Chain {
  /** Entries whose own hash this page has computed itself from their bytes. */
  hashed = 0;
  /** Entries of which something is hidden: their hash is taken from them, and the next entry must name it. */
  hidden = 0;
  links = 0;
  readonly problems: string[] = [];
  #above: Entry | null = null;

  /** Takes the next older entry. */
  take(e: Entry): void {
    const above = this.#above;
    if (above) {
      if (above.previous !== e.hash) this.#wrong(`entry ${above.position} does not name the hash of entry ${e.position}`);
      else this.links++;
      if (above.position !== e.position + 1) this.#wrong(`between entries ${e.position} and ${above.position} some are missing`);
    }
    this.#above = e;
    if (!e.bytes) {
      this.hidden++;
      return;
    }
    this.hashed++;
    if (hex(sha256(e.bytes)) !== e.hash) this.#wrong(`the hash of entry ${e.position} is not that of its bytes`);
    else if (hex(e.bytes.subarray(1, 33)) !== e.previous) this.#wrong(`entry ${e.position} names another entry before it than its bytes do`);
  }

  #wrong(words: string): void {
    if (this.problems.length < 20) this.problems.push(words);
  }
}

/** Sums of one account as the log gives them. */
export interface Sums {
  available: number;
  held: Map<string, number>;
  spent: number;
  earned: number;
}

/** Recomputes all accounts from the entries of the log, which are given oldest first. */
export class Ledger {
  readonly accounts = new Map<string, Sums>();

  take(e: Entry): void {
    for (const c of e.changes) {
      if (c.object.startsWith('account/')) this.#change(c.object.slice(8), c);
    }
  }

  /** The ids of accounts that differ from what the house says of them. */
  differences(balances: readonly Balance[]): string[] {
    const wrong: string[] = [];
    const known = new Set<string>();
    for (const b of balances) {
      known.add(b.id);
      const s = this.accounts.get(b.id) ?? empty();
      if (s.available !== b.available || heldOf(s) !== b.held || s.spent !== b.spent || s.earned !== b.earned) wrong.push(b.id);
    }
    for (const [id, s] of this.accounts) if (!known.has(id) && s.available + heldOf(s) !== 0) wrong.push(id);
    return wrong;
  }

  /** All money that there is. */
  total(): number {
    let sum = 0;
    for (const s of this.accounts.values()) sum += s.available + heldOf(s);
    return sum;
  }

  #change(id: string, c: Change): void {
    let s = this.accounts.get(id);
    if (!s) this.accounts.set(id, (s = empty()));
    const [name, lot] = c.path;
    if (name === undefined) this.accounts.set(id, c.op === 'set' ? sumsOf(c.value) : empty());
    else if (name === 'held') {
      if (lot === undefined) s.held = c.op === 'set' ? sumsOf({ held: c.value }).held : new Map();
      else apply(c, s.held.get(lot) ?? 0, (n) => (n === null ? s.held.delete(lot) : s.held.set(lot, n)));
    } else if (name === 'available' || name === 'spent' || name === 'earned') apply(c, s[name], (n) => (s[name] = n ?? 0));
  }
}

function empty(): Sums {
  return { available: 0, held: new Map(), spent: 0, earned: 0 };
}

function sumsOf(value: unknown): Sums {
  const v = fields(value);
  const held = typeof v['held'] === 'object' && v['held'] !== null ? Object.entries(v['held']).map(([k, n]) => [k, whole(n)] as const) : [];
  return { available: whole(v['available']), held: new Map(held), spent: whole(v['spent']), earned: whole(v['earned']) };
}

export function heldOf(s: Sums): number {
  let sum = 0;
  for (const n of s.held.values()) sum += n;
  return sum;
}

function apply(c: Change, old: number, put: (n: number | null) => void): void {
  const n = whole(c.value);
  switch (c.op) {
    case 'set':
      return put(n);
    case 'add':
      return put(old + n);
    case 'min':
      return put(Math.min(old, n));
    case 'max':
      return put(Math.max(old, n));
    case 'delete':
      return put(null);
    default:
      throw new Error(`the log has an operation that is not known here: ${c.op}`);
  }
}

/** What became of a check of the whole log. */
export interface Checked {
  readonly audit: Audit;
  readonly chain: Chain;
  readonly ledger: Ledger;
  readonly entries: number;
  readonly differs: readonly string[];
}

/** Reads the whole log up to where the house's own audit ends, follows its chain, and recomputes all balances. progress is given the share that is done. */
export async function check(signal: AbortSignal, progress: (share: number, entries: number) => void): Promise<Checked> {
  const audit = await fetchAudit(signal);
  const chain = new Chain();
  const ledger = new Ledger();
  const pages: Entry[][] = [];
  let count = 0;
  for (let before = audit.position + 1; before > Math.max(1, audit.first); ) {
    const { entries } = await fetchLog(before, 200, signal);
    if (entries.length === 0) break;
    const page: Entry[] = [];
    for (const e of entries) {
      if (count === 0 && e.hash !== audit.hash) chain.problems.push(`the newest entry is not the one that the audit names`);
      chain.take(e);
      count++;
      page.push(e.bytes ? { ...e, bytes: null } : e); // what is hashed need not be kept
    }
    pages.push(page);
    before = entries.at(-1)!.position;
    progress(1 - (before - audit.first) / Math.max(1, audit.position - audit.first), count);
    await new Promise((done) => setTimeout(done)); // the page stays quick
  }
  while (pages.length > 0) for (const e of pages.pop()!.reverse()) ledger.take(e);
  return { audit, chain, ledger, entries: count, differs: audit.whole ? ledger.differences(audit.accounts) : [] };
}
