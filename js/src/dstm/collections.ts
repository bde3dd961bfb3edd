import type { Value } from "../codec/value.ts";
import { copyPath, type Path } from "./path.ts";
import type { Place } from "./place.ts";
import type { Comparison, Tx } from "./tx.ts";
import { entriesOf, Ref, variable, type Variable } from "./variable.ts";

/**
 * Defines a typed map: values of type T by key. Like a {@link variable} it has a path whose keys in braces are parameters.
 *
 * ```ts
 * const players = map<Player>("games", "{id}", "players");
 * ```
 */
export function map<T = Value>(...path: string[]): MapOf<T> {
  return new MapOf<T>(variable(...path));
}

/** The definition of a typed map. Immutable. */
export class MapOf<T> {
  readonly #at: Variable<Value>;

  /** @internal */
  constructor(at: Variable<Value>) {
    this.#at = at;
  }

  /** Fills the parameters in order. Throws `dstm.invalid` if their number is wrong. */
  at(...params: string[]): MapRef<T> {
    return new MapRef<T>(this.#at.at(...params).path);
  }
}

/**
 * Defines a typed list of values of type T, whose elements have ids. Like a {@link variable} it has a path whose keys in braces are parameters.
 *
 * ```ts
 * const tasks = list<Task>("tasks");
 * ```
 */
export function list<T = Value>(...path: string[]): ListOf<T> {
  return new ListOf<T>(variable(...path));
}

/** The definition of a typed list. Immutable. */
export class ListOf<T> {
  readonly #at: Variable<Value>;

  /** @internal */
  constructor(at: Variable<Value>) {
    this.#at = at;
  }

  /** Fills the parameters in order. Throws `dstm.invalid` if their number is wrong. */
  at(...params: string[]): ListRef<T> {
    return new ListRef<T>(this.#at.at(...params).path);
  }
}

/** What typed maps and lists have in common. */
abstract class Collection<T> {
  /** Where it is. */
  readonly path: Path;

  /** @internal */
  constructor(path: Path) {
    this.path = copyPath(path);
  }

  /** How many entries or elements there are; see {@link Tx.length}. */
  length(tx: Tx): number {
    return tx.length(this.path);
  }

  /** How their number compares with n; what is not there is unequal to any. See {@link Tx.guardLength}. */
  guardLength(tx: Tx, comparison: Comparison, n: number): boolean {
    return tx.guardLength(this.path, comparison, n);
  }

  /** Keys or ids with their values, in order. Which there are joins the read set, and each value that is taken. */
  all(tx: Tx): Generator<[string, T], void, undefined> {
    return entriesOf<T>(tx, this.path, null);
  }
}

/** A typed map in an object. Immutable. */
export class MapRef<T> extends Collection<T> {
  /** The place of the value under key, whether there is one or not. */
  value(key: string): Ref<T> {
    return new Ref<T>([...this.path, key], null);
  }

  /** The keys, ascending; see {@link Tx.keys}. */
  keys(tx: Tx): string[] {
    return tx.keys(this.path);
  }

  /** The value under key, undefined if there is none; see {@link Ref.get}. */
  get(tx: Tx, key: string): T | undefined {
    return this.value(key).get(tx);
  }

  /** Writes the value under key; the first committer wins. See {@link Tx.set}. */
  set(tx: Tx, key: string, value: T): void {
    this.value(key).set(tx, value);
  }

  /** Removes the value under key; see {@link Tx.delete}. */
  delete(tx: Tx, key: string): void {
    this.value(key).delete(tx);
  }
}

/** A typed list in an object. Immutable. */
export class ListRef<T> extends Collection<T> {
  /** The place of the element with an id. */
  element(id: string): Ref<T> {
    return new Ref<T>([...this.path, id], null);
  }

  /** The ids, in the list's order; see {@link Tx.keys}. */
  ids(tx: Tx): string[] {
    return tx.keys(this.path);
  }

  /** Puts a new element into the list and returns its id; see {@link Tx.insert}. */
  insert(tx: Tx, place: Place, value: T): string {
    return tx.insert(this.path, place, value);
  }

  /** Puts an element elsewhere; see {@link Tx.move}. */
  move(tx: Tx, id: string, place: Place): void {
    tx.move(this.path, id, place);
  }

  /** Removes an element; see {@link Tx.delete}. */
  remove(tx: Tx, id: string): void {
    tx.delete([...this.path, id]);
  }
}
