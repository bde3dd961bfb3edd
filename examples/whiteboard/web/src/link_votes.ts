// The dots of a board in the shared object "votes/{board}".
import type { dstm } from 'trefoil';
import { dot, dots, maxDots } from './transactions.ts';
import { own, readTally, total, type Pile, type Tally, type Votes } from './votes.ts';

export class LinkVotes implements Votes {
  readonly #me: string;
  readonly #there: (note: string) => boolean;
  readonly #changed: () => void;
  readonly #refused: (why: string) => void;
  #object: dstm.SharedObject | null = null;
  #seen: unknown = undefined;
  #tally: Tally = readTally(null);
  #closed = false;

  /** The object may come later than the board: until then nobody has voted. */
  constructor(object: Promise<dstm.SharedObject>, me: string, there: (note: string) => boolean, changed: () => void, refused: (why: string) => void) {
    this.#me = me;
    this.#there = there;
    this.#changed = changed;
    this.#refused = refused;
    object.then((o) => {
      if (this.#closed) return o.close();
      this.#object = o;
      o.subscribe(changed);
      changed();
    }, () => {}); // the board itself tells
  }

  get #now(): Tally {
    const value = this.#object?.snapshot();
    if (value !== this.#seen) {
      this.#seen = value;
      this.#tally = readTally(value);
    }
    return this.#tally;
  }

  get each(): number {
    return this.#now.each;
  }

  get left(): number {
    return own(this.#now, this.#me, this.#there).left;
  }

  piles(): ReadonlyMap<string, readonly Pile[]> {
    return this.#now.piles;
  }

  mine(note: string): number {
    return total(this.#now.piles.get(note)?.filter((p) => p.client === this.#me));
  }

  give(note: string, by: 1 | -1): boolean {
    const { left, gone } = own(this.#now, this.#me, this.#there);
    if (by > 0 ? left < 1 : this.mine(note) < 1) return false;
    return this.#do((o) => dot.submit(o, { me: this.#me, note, by, gone: by > 0 ? gone : [] }));
  }

  setEach(n: number): void {
    this.#do((o) => dots.submit(o, Math.min(maxDots, Math.max(1, Math.round(n)))));
  }

  close(): void {
    this.#closed = true;
    this.#object?.close();
  }

  #do(submit: (o: dstm.SharedObject) => dstm.Work): boolean {
    if (!this.#object) return false;
    try {
      void submit(this.#object).stored.then(this.#changed);
    } catch (e) {
      this.#refused((e as Error).message);
    }
    this.#changed();
    return true;
  }
}
