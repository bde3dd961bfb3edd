// One lot from near: its object, its history, and bids on it.
import type { dstm } from 'trefoil';
import { bid } from './bid.ts';
import { type Card, cardOf, fields, type Point, words } from './house.ts';
import type { Link, News } from './link.ts';
import { lotHistory, type ProxyState, setProxy } from './methods.ts';
import { keepReceipt } from './receipts.ts';
import { Refusal } from './why.ts';

/** Points beyond these are let go, the oldest first. */
const mostPoints = 2500;

export class Room {
  readonly id: string;
  readonly #link: Link;
  readonly #leave: () => void;
  #object: dstm.SharedObject | null = null;
  #points: Point[] = [];
  #missing = false;
  #closed = false;

  constructor(link: Link, id: string) {
    this.id = id;
    this.#link = link;
    this.#leave = link.onReconnect(() => void this.#load());
    void this.#open();
    if (link.line.phase === 'open') void this.#load();
  }

  /** There is no such lot. */
  get missing(): boolean {
    return this.#missing;
  }

  /** The lot as it is seen now, one's own unanswered bid in it; null as long as nothing is known. */
  get card(): Card | null {
    const listed = this.#link.cards.get(this.id) ?? null;
    if (!this.#object) return listed;
    const version = this.#object.head.version;
    if (listed && listed.version > version) return listed; // the object is on its way
    return cardOf(this.id, this.#object.snapshot(), version, (p) => this.#link.name(p)) ?? listed;
  }

  get text(): string {
    return this.#object ? words(fields(this.#object.snapshot())['text']) : '';
  }

  /** Own bids that wait for their answer. */
  get pending(): number {
    return this.#object?.pending.count ?? 0;
  }

  /** The bids, oldest first; the same array as long as none came. */
  get points(): readonly Point[] {
    return this.#points;
  }

  /** Takes note of what was published. */
  hear(news: News): void {
    if (news.kind === 'card' && news.card.id === this.id) this.#add(news.card);
  }

  /** Bids by oneself, once. */
  async bid(cents: number): Promise<void> {
    this.#link.ready();
    const { pass, purse } = this.#link;
    if (pass!.role === 'auctioneer') throw new Refusal('role');
    if (!purse || !this.#object) throw new Refusal('offline');
    const commit = await bid(this.#object, purse, this.id, pass!.id, cents);
    keepReceipt(pass!.id, { lot: this.id, amount: cents, epoch: commit.epoch, position: commit.position });
  }

  /** Has the house bid, up to most; 0 ends that. */
  async proxy(most: number): Promise<ProxyState> {
    this.#link.ready();
    return setProxy.call(this.#link.calls, { lot: this.id, max: most }, { timeout: 15_000 });
  }

  close(): void {
    this.#closed = true;
    this.#leave();
    this.#object?.close();
  }

  async #open(): Promise<void> {
    try {
      const object = await this.#link.objects.open(`lot/${this.id}`);
      if (this.#closed) return object.close();
      this.#object = object;
      object.subscribe(() => {
        this.#look();
        this.#link.touch();
      });
      this.#look();
    } catch {
      this.#missing = this.#link.line.phase === 'open';
    }
    this.#link.touch();
  }

  #look(): void {
    this.#missing = this.#object !== null && this.#object.snapshot(['state']) === undefined;
  }

  async #load(): Promise<void> {
    try {
      const points = await lotHistory.call(this.#link.calls, { lot: this.id }, { timeout: 15_000 });
      const newer = this.#points.filter((p) => p.bids > (points.at(-1)?.bids ?? 0));
      this.#points = [...points, ...newer];
      this.#link.touch();
    } catch {
      // the chart stays as it is; the next connection asks again
    }
  }

  #add(card: Card): void {
    if (card.bids <= (this.#points.at(-1)?.bids ?? 0)) return;
    const at = this.#link.clock.known ? Math.round(this.#link.clock.now()) : card.opened;
    this.#points = [...this.#points.slice(-mostPoints), { at, price: card.price, leader: card.leader, leaderName: card.leaderName, bids: card.bids }];
  }
}
