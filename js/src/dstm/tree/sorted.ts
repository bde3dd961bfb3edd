/** How many entries a page holds. */
const PAGE = 32;

/** A page of the tree: entries (height 0), or further pages, each with a key that none in it is below. */
interface Page<K, V> {
  readonly height: number;
  readonly keys: readonly K[];
  readonly vals: readonly (V | Page<K, V>)[];
}

/**
 * An immutable map in the order of its keys: a B+ tree of which a change copies one page at each height, so that a change in a wide
 * map costs what it would in a narrow one. Pages that deletes leave small are not joined, only dropped when they are empty.
 */
export class Sorted<K, V> {
  private constructor(
    private readonly compare: (a: K, b: K) => number,
    private readonly root: Page<K, V>,
    /** How many entries there are. */
    readonly size: number,
  ) {}

  /** The map without entries. */
  static empty<K, V>(compare: (a: K, b: K) => number): Sorted<K, V> {
    return new Sorted(compare, { height: 0, keys: [], vals: [] }, 0);
  }

  /** The map of these entries, whose keys ascend. */
  static from<K, V>(compare: (a: K, b: K) => number, keys: readonly K[], vals: readonly V[]): Sorted<K, V> {
    let pages: Page<K, V>[] = cut(0, keys, vals);
    while (pages.length > 1) pages = cut<K, V>(pages[0]!.height + 1, pages.map((p) => p.keys[0] as K), pages);
    return pages.length === 0 ? Sorted.empty(compare) : new Sorted(compare, pages[0]!, keys.length);
  }

  get(key: K): V | undefined {
    let page = this.root;
    while (page.height > 0) page = page.vals[slot(page, key, this.compare)] as Page<K, V>;
    const i = search(page.keys, key, this.compare);
    return i >= 0 ? (page.vals[i] as V) : undefined;
  }

  has(key: K): boolean {
    return this.get(key) !== undefined;
  }

  /** The map with this entry; it replaces one of the same key. */
  put(key: K, val: V): Sorted<K, V> {
    const grown = { n: 0 };
    const parts = put(this.root, key, val, this.compare, grown);
    const root = parts.length === 1 ? parts[0]! : join(parts);
    return new Sorted(this.compare, root, this.size + grown.n);
  }

  /** The map without this entry; itself if there is none. */
  delete(key: K): Sorted<K, V> {
    if (!this.has(key)) return this;
    let root = remove(this.root, key, this.compare);
    while (root !== null && root.height > 0 && root.keys.length === 1) root = root.vals[0] as Page<K, V>;
    return root === null ? Sorted.empty(this.compare) : new Sorted(this.compare, root, this.size - 1);
  }

  /** The entry nearest above key, or without a key the first. */
  above(key?: K): [K, V] | undefined {
    return this.#beside(this.root, key, 1);
  }

  /** The entry nearest below key, or without a key the last. */
  below(key?: K): [K, V] | undefined {
    return this.#beside(this.root, key, -1);
  }

  #beside(page: Page<K, V>, key: K | undefined, step: 1 | -1): [K, V] | undefined {
    const { keys, vals, height } = page;
    let i = step > 0 ? 0 : keys.length - 1;
    if (key !== undefined) {
      i = height > 0 ? slot(page, key, this.compare) : search(keys, key, this.compare);
      if (height === 0) i = i >= 0 ? i + step : step > 0 ? ~i : ~i - 1;
    }
    if (height === 0) return i in vals ? [keys[i] as K, vals[i] as V] : undefined;
    for (; i >= 0 && i < vals.length; i += step) {
      const found = this.#beside(vals[i] as Page<K, V>, key, step);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The entries, keys ascending. */
  [Symbol.iterator](): Generator<[K, V], void, undefined> {
    return walk(this.root);
  }

  /** The keys, ascending. */
  keys(): K[] {
    return Array.from(this, ([key]) => key);
  }
}

function cut<K, V>(height: number, keys: readonly K[], vals: readonly (V | Page<K, V>)[]): Page<K, V>[] {
  const pages: Page<K, V>[] = [];
  for (let i = 0; i < keys.length; i += PAGE) pages.push({ height, keys: keys.slice(i, i + PAGE), vals: vals.slice(i, i + PAGE) });
  return pages;
}

/** Where key is, or if it is not there, the complement (~) of where it would be. */
function search<K>(keys: readonly K[], key: K, compare: (a: K, b: K) => number): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const c = compare(keys[middle] as K, key);
    if (c === 0) return middle;
    if (c < 0) low = middle + 1;
    else high = middle;
  }
  return ~low;
}

/** Which page of a page holds key. What is below all keys is in the first. */
function slot<K, V>(page: Page<K, V>, key: K, compare: (a: K, b: K) => number): number {
  const i = search(page.keys, key, compare);
  return i >= 0 ? i : Math.max(0, ~i - 1);
}

function join<K, V>(parts: readonly Page<K, V>[]): Page<K, V> {
  return { height: parts[0]!.height + 1, keys: parts.map((p) => p.keys[0] as K), vals: parts };
}

/** What replaces the page: one, or two. */
function put<K, V>(page: Page<K, V>, key: K, val: V, compare: (a: K, b: K) => number, grown: { n: number }): Page<K, V>[] {
  const { height } = page;
  const keys = page.keys.slice();
  const vals = page.vals.slice();
  if (height > 0) {
    const i = slot(page, key, compare);
    const [first, second] = put(vals[i] as Page<K, V>, key, val, compare, grown) as [Page<K, V>, Page<K, V>?];
    vals[i] = first;
    if (second !== undefined) {
      keys.splice(i + 1, 0, second.keys[0] as K);
      vals.splice(i + 1, 0, second);
    }
  } else {
    const i = search(keys, key, compare);
    if (i >= 0) {
      vals[i] = val;
    } else {
      keys.splice(~i, 0, key);
      vals.splice(~i, 0, val);
      grown.n = 1;
    }
  }
  if (keys.length <= PAGE) return [{ height, keys, vals }];
  const half = keys.length >>> 1;
  return [
    { height, keys: keys.slice(0, half), vals: vals.slice(0, half) },
    { height, keys: keys.slice(half), vals: vals.slice(half) },
  ];
}

/** The page without key, which is in it; null if nothing is left. */
function remove<K, V>(page: Page<K, V>, key: K, compare: (a: K, b: K) => number): Page<K, V> | null {
  const i = page.height > 0 ? slot(page, key, compare) : search(page.keys, key, compare);
  const kid = page.height > 0 ? remove(page.vals[i] as Page<K, V>, key, compare) : null;
  if (kid === null && page.keys.length === 1) return null;
  const vals = page.vals.slice();
  if (kid !== null) {
    vals[i] = kid;
    return { ...page, vals };
  }
  const keys = page.keys.slice();
  keys.splice(i, 1);
  vals.splice(i, 1);
  return { height: page.height, keys, vals };
}

function* walk<K, V>(page: Page<K, V>): Generator<[K, V], void, undefined> {
  for (let i = 0; i < page.keys.length; i++) {
    if (page.height > 0) yield* walk(page.vals[i] as Page<K, V>);
    else yield [page.keys[i] as K, page.vals[i] as V];
  }
}
