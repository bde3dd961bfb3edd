import { compareKeys } from "../path.ts";
import { Sorted } from "./sorted.ts";

/** Where an element goes: the numbers are those of PROTOCOL.md, section 8. */
export const Where = { First: 1, Last: 2, After: 3, Before: 4 } as const;
/** One of {@link Where}. */
export type Where = (typeof Where)[keyof typeof Where];

/** A place in a list; the anchor is "" for First and Last. */
export interface Spot {
  readonly where: Where;
  readonly anchor: string;
}

/** How far apart ranks are at the ends of a list. */
const GAP = 2 ** 32;
/** Ranks lie between this and its opposite. */
const LIMIT = 2 ** 52;

const byRank = (a: number, b: number): number => a - b;

/**
 * The order of a list's elements. Immutable: a change copies a few pages. Each id has a rank, a number of this replica alone, between those of its
 * neighbours. Where there is no room left, those around are spread out: the smallest aligned range that is not too full, which costs O(log n)
 * ranks an insertion on average, wherever one inserts (M. Bender, R. Cole, E. Demaine, M. Farach-Colton, J. Zito, "Two simplified algorithms
 * for maintaining order in a list", ESA 2002).
 */
export class Order {
  private constructor(
    private readonly ranks: Sorted<string, number>,
    private readonly ids: Sorted<number, string>,
  ) {}

  /** The order of these ids, all different. */
  static of(ids: readonly string[]): Order {
    const gap = Math.min(GAP, Math.floor(2 ** 51 / (ids.length + 1)));
    const ranked = ids.map((id, i): [string, number] => [id, (i + 1) * gap]);
    const byId = [...ranked].sort((a, b) => compareKeys(a[0], b[0]));
    return new Order(
      Sorted.from(compareKeys, byId.map((r) => r[0]), byId.map((r) => r[1])),
      Sorted.from(byRank, ranked.map((r) => r[1]), ids),
    );
  }

  /** The same with none but these ids, as far as they are there. */
  only(ids: Iterable<string>): Order {
    let order = Order.of([]);
    for (const id of ids) {
      const rank = this.ranks.get(id);
      if (rank !== undefined) order = order.#put(id, rank);
    }
    return order;
  }

  has(id: string): boolean {
    return this.ranks.has(id);
  }

  /** The order with an id that it does not have; the anchor is there. */
  insert(id: string, spot: Spot): Order {
    const [low, high] = this.#around(spot);
    const rank = low === undefined ? (high ?? 0) - GAP : high === undefined ? low + GAP : Math.floor((low + high) / 2);
    if (Math.abs(rank) > LIMIT) return Order.of([...this]).insert(id, spot);
    if (rank === low) return this.#spread(rank).insert(id, spot);
    return this.#put(id, rank);
  }

  #put(id: string, rank: number): Order {
    return new Order(this.ranks.put(id, rank), this.ids.put(rank, id));
  }

  /** The same order, with room for ranks around one. */
  #spread(around: number): Order {
    let most = 1; // at most (2/3)^n of a range of 2^n may be taken
    for (let width = 2; width <= LIMIT; width *= 2) {
      most *= 4 / 3;
      const low = Math.floor(around / width) * width;
      const ids: string[] = [];
      for (let e = this.ids.above(low - 1); e !== undefined && e[0] < low + width && ids.length <= most; e = this.ids.above(e[0])) ids.push(e[1]);
      const step = Math.floor(width / (ids.length + 1));
      if (ids.length > most || step < 4) continue;
      let order: Order = ids.reduce((o: Order, id) => o.delete(id), this);
      ids.forEach((id, i) => (order = order.#put(id, low + (i + 1) * step)));
      return order;
    }
    return Order.of([...this]);
  }

  /** The order without an id that it has. */
  delete(id: string): Order {
    return new Order(this.ranks.delete(id), this.ids.delete(this.ranks.get(id) as number));
  }

  /** The neighbour in front of an element that is there, undefined for the first. */
  before(id: string): string | undefined {
    return this.ids.below(this.ranks.get(id) as number)?.[1];
  }

  /** The ranks between which a place lies. */
  #around({ where, anchor }: Spot): [number | undefined, number | undefined] {
    if (where === Where.First) return [undefined, this.ids.above()?.[0]];
    if (where === Where.Last) return [this.ids.below()?.[0], undefined];
    const at = this.ranks.get(anchor) as number;
    return where === Where.After ? [at, this.ids.above(at)?.[0]] : [this.ids.below(at)?.[0], at];
  }

  /** The ids, first to last. */
  *[Symbol.iterator](): Generator<string, void, undefined> {
    for (const [, id] of this.ids) yield id;
  }
}
