import type { Value } from "../codec/value.ts";
import { Code } from "../status.ts";
import { fault, invalid, Reason } from "./errors.ts";
import { copyPath, pathString, validPath, type Path } from "./path.ts";
import { Tx, type Bounds, type Comparison } from "./tx.ts";

/** Says whether a value is what is wanted. */
export type Check = (value: Value) => boolean;

/** What a {@link Ref} found. */
export type Lookup<T> = { readonly exists: true; readonly value: T } | { readonly exists: false; readonly value: undefined };

/**
 * Defines a variable of type T at a path, whose keys in braces are parameters, such as
 *
 * ```ts
 * const price = variable<number>("lots", "{id}", "price");
 * ```
 *
 * T is the programmer's word and is not looked at when the program runs, unless {@link Variable.checked} adds a check. Throws
 * `dstm.invalid` for a bad path.
 */
export function variable<T = Value>(...path: string[]): Variable<T> {
  return new Variable<T>(path, null);
}

/** The definition of a typed place in an object. Immutable. */
export class Variable<T> {
  readonly #keys: Path;
  readonly #params: number;
  readonly #check: Check | null;

  /** @internal */
  constructor(path: Path, check: Check | null) {
    if (!validPath(path)) throw invalid("variable: bad path");
    this.#keys = copyPath(path);
    this.#params = path.filter(isParam).length;
    this.#check = check;
  }

  /** The same variable with a check: reading a value that does not pass it fails the transaction with `dstm.type`. */
  checked<U extends T & Value>(check: (value: Value) => value is U): Variable<U> {
    return new Variable<U>(this.#keys, check);
  }

  /** Fills the parameters in order. Throws `dstm.invalid` if their number is wrong. */
  at(...params: string[]): Ref<T> {
    if (params.length !== this.#params) {
      throw invalid(`${pathString(this.#keys)} takes ${this.#params} parameters, not ${params.length}`);
    }
    return new Ref<T>(this.#fill(params), this.#check);
  }

  /**
   * The keys of the map whose key is the variable's last parameter, which must also be the last key of its path; takes the other
   * parameters. See {@link Tx.keys}.
   */
  keys(tx: Tx, ...params: string[]): string[] {
    return tx.keys(this.#parent(params));
  }

  /** The entries of that map, keys ascending, with their values. Set of keys and values join the read set. */
  *all(tx: Tx, ...params: string[]): Generator<[string, T], void, undefined> {
    const parent = this.#parent(params);
    yield* entriesOf<T>(tx, parent, this.#check);
  }

  #parent(params: string[]): Path {
    const last = this.#keys.at(-1);
    if (last === undefined || !isParam(last) || params.length !== this.#params - 1) {
      throw invalid(`keys and all of ${pathString(this.#keys)} take a path that ends in a parameter, and the others`);
    }
    return this.#fill(params).slice(0, -1);
  }

  #fill(params: string[]): Path {
    let next = 0;
    return this.#keys.map((key) => (isParam(key) && next < params.length ? (params[next++] as string) : key));
  }
}

/** The entries of a map, or elements of a list, with their keys, or ids. */
export function* entriesOf<T>(tx: Tx, path: Path, check: Check | null): Generator<[string, T], void, undefined> {
  for (const key of tx.keys(path)) {
    const found = new Ref<T>([...path, key], check).lookup(tx);
    if (found.exists) yield [key, found.value];
  }
}

function isParam(key: string): boolean {
  return key.length > 2 && key.startsWith("{") && key.endsWith("}");
}

/** A typed place in an object. Immutable. */
export class Ref<T> {
  /** Where it is. */
  readonly path: Path;
  readonly #check: Check | null;

  /** @internal */
  constructor(path: Path, check: Check | null) {
    this.path = copyPath(path);
    this.#check = check;
  }

  /** The value, the fallback if there is none; it joins the read set. */
  get(tx: Tx): T | undefined;
  get(tx: Tx, fallback: T): T;
  get(tx: Tx, fallback?: T): T | undefined {
    const found = this.lookup(tx);
    return found.exists ? found.value : fallback;
  }

  /** Like get, and says whether there is a value. */
  lookup(tx: Tx): Lookup<T> {
    const value = tx.read(this.path);
    if (value === undefined) return { exists: false, value: undefined };
    if (this.#check !== null && !this.#check(value)) {
      throw Tx.fail(tx, fault(Code.InvalidArgument, Reason.Type, `the value at ${pathString(this.path)} has another type`));
    }
    return { exists: true, value: value as T };
  }

  /** Whether there is a value; see {@link Tx.exists}. */
  exists(tx: Tx): boolean {
    return tx.exists(this.path);
  }

  /** The keys of the map that stands there; see {@link Tx.keys}. */
  keys(tx: Tx): string[] {
    return tx.keys(this.path);
  }

  /** Writes value; the first committer wins. See {@link Tx.set}. */
  set(tx: Tx, value: T): void {
    tx.set(this.path, value);
  }

  /** Writes value; the last writer wins. See {@link Tx.overwrite}. */
  overwrite(tx: Tx, value: T): void {
    tx.overwrite(this.path, value);
  }

  /** Removes the value; see {@link Tx.delete}. */
  delete(tx: Tx): void {
    tx.delete(this.path);
  }

  /** Increases the number by n without reading it, so that adders never conflict; absent counts as 0. See {@link Tx.add}. */
  add(this: Ref<number> | Ref<bigint> | Ref<number | bigint>, tx: Tx, n: number | bigint, bounds?: Bounds): void {
    tx.add(this.path, n, bounds);
  }

  /** Makes the number the smaller of itself and n without reading it; absent becomes n. See {@link Tx.min}. */
  min(this: Ref<number> | Ref<bigint> | Ref<number | bigint>, tx: Tx, n: number | bigint): void {
    tx.min(this.path, n);
  }

  /** Makes the number the greater of itself and n without reading it; absent becomes n. See {@link Tx.max}. */
  max(this: Ref<number> | Ref<bigint> | Ref<number | bigint>, tx: Tx, n: number | bigint): void {
    tx.max(this.path, n);
  }

  /** How the value compares with another; only the outcome joins the read set. See {@link Tx.guard}. */
  guard(tx: Tx, comparison: Comparison, value: T): boolean {
    return tx.guard(this.path, comparison, value);
  }

  /** Whether there is a value, whichever; see {@link Tx.guardExists}. */
  guardExists(tx: Tx): boolean {
    return tx.guardExists(this.path);
  }
}

/**
 * The place of one field, or one key, of what is at a place: what is written there conflicts with no other field.
 *
 * ```ts
 * field(task, "done").set(tx, true);
 * ```
 */
export function field<T, K extends keyof T & string>(ref: Ref<T>, name: K): Ref<Exclude<T[K], undefined>> {
  return new Ref<Exclude<T[K], undefined>>([...ref.path, name], null);
}
