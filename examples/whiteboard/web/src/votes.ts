// Dots on notes: who gave how many, and how many one has left.
import { defaultDots, maxDots } from './transactions.ts';

/** The dots of one person on one note. */
export interface Pile {
  readonly client: string;
  readonly count: number;
}

export interface Votes {
  /** How many dots everybody has. */
  readonly each: number;
  /** How many of one's own are left; those on notes that are gone come back. */
  readonly left: number;
  /** The dots on each note that has some, in an order that is the same on every screen. The same map as long as nothing changed. */
  piles(): ReadonlyMap<string, readonly Pile[]>;
  /** One's own dots on a note. */
  mine(note: string): number;
  /** Gives a dot, or takes one back. False: there is none. */
  give(note: string, by: 1 | -1): boolean;
  /** Says how many everybody has. */
  setEach(n: number): void;
}

/** The dots as they lie in the shared object. */
export interface Tally {
  readonly each: number;
  readonly piles: ReadonlyMap<string, readonly Pile[]>;
}

/** Reads what is shared; the server sees to it that it is fair. */
export function readTally(value: unknown): Tally {
  const map = (v: unknown): readonly [string, unknown][] => (typeof v === 'object' && v !== null && !Array.isArray(v) ? Object.entries(v) : []);
  const all = new Map(map(value));
  const n = all.get('dots');
  const piles = new Map<string, Pile[]>();
  for (const [client, of] of map(all.get('by'))) {
    for (const [note, count] of map(new Map(map(of)).get('on'))) {
      if (typeof count !== 'number' || !(count >= 1)) continue;
      const here = piles.get(note);
      if (here) here.push({ client, count });
      else piles.set(note, [{ client, count }]);
    }
  }
  return { each: typeof n === 'number' && n >= 1 && n <= maxDots ? n : defaultDots, piles };
}

export function total(piles: readonly Pile[] | undefined): number {
  return (piles ?? []).reduce((sum, p) => sum + p.count, 0);
}

/** One's own dots: on which notes, and how many are left when those on notes that are gone do not count. */
export function own(t: Tally, me: string, there: (note: string) => boolean): { left: number; gone: string[] } {
  let used = 0;
  const gone: string[] = [];
  for (const [note, piles] of t.piles) {
    const mine = total(piles.filter((p) => p.client === me));
    if (mine && !there(note)) gone.push(note);
    else used += mine;
  }
  return { left: Math.max(0, t.each - used), gone };
}
