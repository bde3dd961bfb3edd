import { maxName } from "../internal/limits.ts";
import { anyRest, anySegment, split } from "./name.ts";

/** For how many topics it is kept what was found. */
const kept = 256;

interface Node<V> {
  readonly children: Map<string, Node<V>>; // wildcards under their own names: no topic has such a segment
  readonly values: Set<V>;
}

const node = <V>(): Node<V> => ({ children: new Map(), values: new Set() });

/** Finds the values whose filter matches a topic: a trie by segments, one for each namespace. */
export class Matcher<V> {
  readonly #roots = new Map<string, Node<V>>();
  /** What was found for the last topics: a stream of publications is of few. */
  readonly #found = new Map<string, readonly V[]>();

  /** Puts a value under a valid filter. */
  add(filter: string, value: V): void {
    this.#found.clear();
    const [namespace, segments] = split(filter);
    let n = child(this.#roots, namespace);
    for (const segment of segments) n = child(n.children, segment);
    n.values.add(value);
  }

  /** Takes a value out and prunes what became empty. Removing twice is harmless. */
  remove(filter: string, value: V): void {
    this.#found.clear();
    const [namespace, segments] = split(filter);
    const way: [Map<string, Node<V>>, string, Node<V>][] = [];
    let level = this.#roots;
    for (const key of [namespace, ...segments]) {
      const n = level.get(key);
      if (!n) return;
      way.push([level, key, n]);
      level = n.children;
    }
    way.at(-1)![2].values.delete(value);
    for (const [parent, key, n] of way.reverse()) {
      if (n.values.size > 0 || n.children.size > 0) return;
      parent.delete(key);
    }
  }

  /** The values whose filter matches a topic, each once. A segment that is a wildcard, as no valid topic has, is matched by wildcards alone. */
  collect(topic: string): readonly V[] {
    let found = this.#found.get(topic);
    if (found === undefined) {
      found = this.#search(topic);
      if (topic.length > maxName) return found; // nobody has to keep what is no topic
      if (this.#found.size >= kept) this.#found.clear();
      this.#found.set(topic, found);
    }
    return found;
  }

  #search(topic: string): V[] {
    const [namespace, segments] = split(topic);
    const found: V[] = [];
    let level = [this.#roots.get(namespace)];
    segments.forEach((segment, i) => {
      const next: (Node<V> | undefined)[] = [];
      for (const n of level) {
        if (!n) continue;
        for (const v of n.children.get(anyRest)?.values ?? []) found.push(v);
        if (segment !== anySegment && segment !== anyRest) next.push(n.children.get(segment));
        next.push(n.children.get(anySegment));
      }
      level = next;
      if (i < segments.length - 1) return;
      for (const n of level) for (const v of n?.values ?? []) found.push(v);
    });
    return found;
  }
}

function child<V>(level: Map<string, Node<V>>, key: string): Node<V> {
  let n = level.get(key);
  if (!n) level.set(key, (n = node()));
  return n;
}
