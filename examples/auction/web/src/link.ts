// The network: lots by calls and published cards, money and bids as shared objects, all over one WebSocket.
import { Client, dstm, pubsub, rpc, type State } from 'trefoil';
import { Cards } from './cards.ts';
import { Clock } from './clock.ts';
import { type Account, type Card, type Line, type Person, readAccount, readCard, fields, words } from './house.ts';
import type { Pass } from './login.ts';
import { askClock, bell, cancelLot, findPeople, findReceipts, type Found, hammer, listLots, type NewLot, openLot, prices, type Receipt, type Report, runCheck } from './methods.ts';
import { Refusal } from './why.ts';

/** What has just happened to a lot. */
export type News =
  | { readonly kind: 'card'; readonly card: Card; readonly old: Card | undefined }
  | { readonly kind: 'hammer'; readonly card: Card }
  | { readonly kind: 'bell'; readonly lot: string; readonly text: string };

/** The connection to the house of one person, or of a visitor, until close. */
export class Link {
  readonly clock = new Clock();
  readonly cards = new Cards();
  readonly pass: Pass | null;
  readonly calls = new rpc.Peer();
  readonly objects = new dstm.Client();
  readonly #topics = new pubsub.PubSub();
  readonly #client: Client;
  readonly #changed: () => void;
  readonly #news: (news: News) => void;
  readonly #people = new Map<string, Person>();
  readonly #asked = new Set<string>();
  readonly #reconnected = new Set<() => void>();
  #account: dstm.SharedObject | null = null;
  #accountSeen: unknown;
  #accountRead: Account | null = null;
  #line: Line = { phase: 'connecting' };
  #wasOpen = false;
  #listed = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  #closed = false;

  /** changed is called whenever anything here may have. */
  constructor(pass: Pass | null, changed: () => void, news: (news: News) => void) {
    this.pass = pass;
    this.#changed = changed;
    this.#news = news;
    this.#client = new Client('/ws', {
      agent: 'trefoil-auction', maxBackoff: 4000, keyName: `trefoil.key auction ${pass?.id ?? 'visitor'}`,
      ...(pass ? { credentials: () => ({ '': { token: pass.token } }) } : {}),
    }, this.calls, this.#topics, this.objects);
    this.#client.onState((s) => this.#state(s));
    void this.#follow(prices.all().subscribe(this.#topics, { buffer: 2048 }), (v) => this.#put(readCard(v)));
    void this.#follow(hammer.at().subscribe(this.#topics), (v) => {
      const card = readCard(v);
      this.#put(card);
      this.#news({ kind: 'hammer', card });
    });
    void this.#follow(bell.at().subscribe(this.#topics), (v) => this.#news({ kind: 'bell', lot: words(fields(v)['lot']), text: words(fields(v)['text']) }));
    if (pass && pass.role !== 'auctioneer') void this.#openAccount(pass.id);
    this.#timer = setInterval(() => void this.#askTime(), 20_000);
  }

  get line(): Line {
    return this.#line;
  }

  /** Whether the list of lots has arrived. */
  get listed(): boolean {
    return this.#listed;
  }

  /** One's account as it shows, unanswered bids counted; null as long as it is not there, and for those who have none. */
  get account(): Account | null {
    if (!this.#account) return null;
    const all = this.#account.snapshot();
    if (all !== this.#accountSeen) {
      this.#accountSeen = all;
      this.#accountRead = readAccount(all);
    }
    return this.#accountRead;
  }

  /** The object of one's account, for bids. */
  get purse(): dstm.SharedObject | null {
    return this.#account;
  }

  /** Somebody's name as far as it is known; it is asked for if not. */
  name(id: string): string {
    if (id === '') return '';
    return this.person(id)?.name ?? '';
  }

  person(id: string): Person | undefined {
    const p = this.#people.get(id);
    if (!p && id !== '' && !this.#asked.has(id)) {
      if (this.#asked.size === 0) queueMicrotask(() => void this.#askPeople());
      this.#asked.add(id);
    }
    return p;
  }

  /** Calls fn after each reconnect, when things may have been missed, until what is returned is called. */
  onReconnect(fn: () => void): () => void {
    this.#reconnected.add(fn);
    return () => void this.#reconnected.delete(fn);
  }

  /** Tells that something has changed which is seen here. */
  touch(): void {
    if (!this.#closed) this.#changed();
  }

  async openLot(lot: NewLot): Promise<Card> {
    this.ready();
    const card = await openLot.call(this.calls, lot, { timeout: 15_000 });
    this.#put(card);
    return card;
  }

  async cancelLot(id: string): Promise<void> {
    this.ready();
    this.#put(await cancelLot.call(this.calls, { lot: id }, { timeout: 15_000 }));
  }

  findReceipts(receipts: readonly Receipt[]): Promise<Found[]> {
    return findReceipts.call(this.calls, [...receipts], { timeout: 15_000 });
  }

  runCheck(): Promise<Report> {
    return runCheck.call(this.calls, {}, { timeout: 120_000 });
  }

  /** Throws why nothing may be asked for now, if so. */
  ready(): void {
    if (!this.pass) throw new Refusal('visitor');
    if (this.#line.phase !== 'open') throw new Refusal('offline');
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    void this.#client.close();
  }

  #state(state: State): void {
    const was = this.#line.phase;
    this.#wasOpen ||= state.phase === 'open';
    this.#line = lineOf(state, this.#wasOpen);
    if (state.phase === 'open') {
      this.clock.doubt();
      void this.#askTime(3);
      void this.#list();
      if (was !== 'open') for (const fn of this.#reconnected) fn();
    }
    if (state.phase === 'closed') clearInterval(this.#timer);
    this.touch();
  }

  #put(card: Card): void {
    this.#keepName(card.seller, card.sellerName);
    this.#keepName(card.leader, card.leaderName);
    const old = this.cards.put(card);
    if (old === false) return;
    this.#news({ kind: 'card', card, old });
    this.touch();
  }

  #keepName(id: string, name: string): void {
    if (id === '' || name === '' || this.#people.has(id)) return;
    this.#people.set(id, { id, name, role: '', robot: false });
  }

  /** Hands on what is published. Where something was missed the list is asked for anew. */
  async #follow(feed: pubsub.Subscription<unknown>, take: (value: unknown) => void): Promise<void> {
    try {
      for await (const event of feed) {
        if (event.type === 'gap') {
          void this.#list();
          continue;
        }
        try {
          take(event.value);
        } catch (e) {
          console.warn('a message that is none of the contract', e);
        }
      }
    } catch {
      // the connection has ended for good, which the notice tells
    }
  }

  async #list(): Promise<void> {
    try {
      const cards = await listLots.call(this.calls, {}, { timeout: 15_000 });
      for (const card of cards) this.#put(card);
      this.#listed = true;
      this.touch();
    } catch {
      if (this.#line.phase === 'open' && !this.#closed) setTimeout(() => void this.#list(), 1000);
    }
  }

  async #askTime(times = 1): Promise<void> {
    for (let i = 0; i < times && this.#line.phase === 'open'; i++) {
      const asked = this.clock.ticks();
      try {
        this.clock.answer(asked, await askClock.call(this.calls, {}, { timeout: 5000 }));
        this.touch();
      } catch {
        return; // the next round asks again
      }
    }
  }

  async #askPeople(): Promise<void> {
    const ids = [...this.#asked].slice(0, 100);
    try {
      for (const p of await findPeople.call(this.calls, { ids }, { waitReady: true, timeout: 30_000 })) this.#people.set(p.id, p);
      for (const id of ids) if (!this.#people.has(id)) this.#people.set(id, { id, name: '', role: '', robot: false });
      this.touch();
    } catch {
      // asked again when they are next shown
    }
    for (const id of ids) this.#asked.delete(id);
    if (this.#asked.size > 0 && !this.#closed) void this.#askPeople();
  }

  async #openAccount(id: string): Promise<void> {
    try {
      const account = await this.objects.open(`account/${id}`);
      this.#account = account;
      account.subscribe(() => this.touch());
      this.touch();
    } catch {
      // the token is not known, or the connection has ended: the notice tells
    }
  }
}

/** The state of the connection in a person's terms. */
export function lineOf(state: State, wasOpen: boolean): Line {
  if (state.phase === 'open') return { phase: 'open' };
  if (state.phase === 'connecting') return { phase: wasOpen || state.attempt > 0 ? 'waiting' : 'connecting' };
  const forgotten = state.error?.reason === 'transport.unauthenticated';
  const why = state.error?.reason === 'transport.superseded' ? 'The auction goes on in another window.' : `The connection has ended: ${state.error?.message ?? 'closed'}.`;
  return { phase: 'closed', why: `${why} Reload the page to go on here.`, forgotten };
}
