import { toBase64 } from "../codec/binary.ts";
import { decode, encode } from "../codec/index.ts";
import type { Value } from "../codec/value.ts";
import { Code, TrefoilError } from "../status.ts";
import type { Draft } from "./draft.ts";
import { fault, invalid, Reason } from "./errors.ts";
import type { SharedObject } from "./object.ts";
import { copyPath, MAX_DEPTH, MAX_KEY, validKey, validPath, type Path } from "./path.ts";
import type { Place } from "./place.ts";
import type { Run } from "./run.ts";
import { isValueMap } from "./tree/build.ts";
import { GuardOp, lengthOf } from "./tree/compare.ts";
import { checkValue } from "./tree/leaf.ts";
import { isNumber, type Numeric } from "./tree/numbers.ts";
import { Where } from "./tree/order.ts";
import type { Write } from "./txn/txn.ts";

/** Bounds of {@link Tx.add}, both inclusive; default none. */
export interface Bounds {
  readonly min?: number | bigint | undefined;
  readonly max?: number | bigint | undefined;
}

/**
 * How a guard compares what is in an object with what it is given. Numbers compare exactly, integers with floats too; strings and bytes by their
 * bytes; times; false is less than true. Anything else, and nothing, is unequal to whatever it is compared with, and neither less
 * nor greater: `"1"` is not `1`.
 */
export type Comparison = "<" | "<=" | "==" | "!=" | ">=" | ">";

const comparisons: Readonly<Record<Comparison, number>> = {
  "<": GuardOp.Less,
  "<=": GuardOp.LessOrEqual,
  "==": GuardOp.Equal,
  "!=": GuardOp.NotEqual,
  ">=": GuardOp.GreaterOrEqual,
  ">": GuardOp.Greater,
};

/**
 * One run of a transaction, or of a view, on one object; {@link Tx.in} leads to the others. It is valid until its function returns. What goes in
 * is copied; what comes out is frozen, or where it cannot be (bytes), a copy.
 *
 * A bad path, a value that cannot be stored, a write in a view throw a {@link TrefoilError}, and the transaction then fails with
 * it even if its function catches it.
 */
export class Tx {
  readonly #run: Run;
  readonly #draft: Draft;

  /** @internal */
  constructor(run: Run, draft: Draft) {
    this.#run = run;
    this.#draft = draft;
  }

  /**
   * Makes the transaction fail, also if its function catches what this returns.
   *
   * @internal
   */
  static fail(tx: Tx, error: TrefoilError): TrefoilError {
    return tx.#run.fail(error);
  }

  /**
   * Whether anything was written.
   *
   * @internal
   */
  static wrote(tx: Tx): boolean {
    return tx.#run.wrote;
  }

  /** The confirmed version of the object that the transaction reads from. */
  get version(): number {
    return this.#draft.view.base;
  }

  /** What the transaction will fail with, null so far. */
  get error(): TrefoilError | null {
    return this.#run.error;
  }

  /** The names of the transaction's objects, in the order in which they were given. */
  get objects(): readonly string[] {
    return this.#run.drafts.map((d) => d.view.object);
  }

  /**
   * The same transaction on another of its objects: one of those given to `updateAll`, `viewAll` or `submit`. A named transaction names it, as its function may run where the
   * program has not opened the object.
   */
  in(object: SharedObject | string): Tx {
    this.#run.usable();
    const name = typeof object === "string" ? object : object.name;
    const own = typeof object === "string" || object.home === this.#run.home;
    const i = own ? this.#run.drafts.findIndex((d) => d.view.object === name) : -1;
    if (i < 0) throw this.#run.fail(invalid(`${name} is not among the transaction's objects`));
    return this.#run.txs[i] as Tx;
  }

  /** The value at path, undefined if there is none; of a list the array of its elements' values. It joins the read set: of a map or list all that is below. */
  read(path: Path): Value | undefined {
    this.#ready(path);
    this.#draft.observe(path);
    return this.#draft.root.find(path)?.copy();
  }

  /** Whether there is a value at path. That joins the read set: of a map or list that it is still the same, not what it holds. */
  exists(path: Path): boolean {
    this.#ready(path);
    this.#draft.observeThere(path);
    return this.#draft.root.find(path) !== undefined;
  }

  /**
   * The keys of the map at path, ascending by their bytes, or the ids of the list there, in its order; empty if there is neither. The set of keys, of a
   * list also their order, joins the read set, so that a key added or removed meanwhile is a conflict; the values are not read.
   */
  keys(path: Path): string[] {
    this.#ready(path);
    this.#draft.observeKeys(path);
    return this.#draft.root.find(path)?.ids() ?? [];
  }

  /**
   * How many keys the map, or elements the list or array, at path has, and how many bytes the string or binary; 0 of anything else. What joins the read
   * set is as for {@link Tx.keys}; where a bound is all that matters, {@link Tx.guardLength} conflicts less.
   */
  length(path: Path): number {
    this.#ready(path);
    this.#draft.observeKeys(path);
    return lengthOf(this.#draft.root.find(path)) ?? 0;
  }

  /**
   * How the value at path compares with another, which is no map or array. Not the value joins the read set but this outcome: the transaction
   * conflicts only with what changes it, and a guard that is false now must be false at commit. What the transaction itself wrote at, above or
   * below path makes it a plain read.
   */
  guard(path: Path, comparison: Comparison, value: unknown): boolean {
    this.#ready(path);
    const op = this.#comparison(comparison);
    const canonical = this.#canonical(value, 0);
    if (Array.isArray(canonical) || isValueMap(canonical)) throw this.#run.fail(invalid("a guard compares with no map or array"));
    return this.#draft.guard(op, canonical, path);
  }

  /** Whether there is a value at path. Unlike with {@link Tx.exists}, that it is another one at commit is no conflict. */
  guardExists(path: Path): boolean {
    this.#ready(path);
    return this.#draft.guard(GuardOp.Exists, null, path);
  }

  /**
   * How the length at path, as {@link Tx.length} gives it, compares with n; where there is nothing that has a length it is unequal to any. Only this
   * outcome joins the read set.
   */
  guardLength(path: Path, comparison: Comparison, n: number): boolean {
    this.#ready(path);
    if (!Number.isSafeInteger(n)) throw this.#run.fail(invalid("a length is compared with an integer"));
    return this.#draft.guard(GuardOp.Length + this.#comparison(comparison), n, path);
  }

  /**
   * Writes value at path and joins what stood there to the read set: the first committer wins. Missing maps on the way are created, and
   * their absence is read. A plain object or `Map` becomes a map of the tree; any other value, an array too, is one leaf.
   */
  set(path: Path, value: unknown): void {
    this.#writable(path);
    this.#draft.observeForWrite(path);
    this.overwrite(path, value);
  }

  /** Writes value at path whatever stands there: the last writer wins. */
  overwrite(path: Path, value: unknown): void {
    this.#writable(path);
    this.#write({ op: "set", path, value: this.#canonical(value, path.length), shape: null });
  }

  /** Removes what stands at path, with all below it, and joins it to the read set. The path of a list and the id of an element remove that element. */
  delete(path: Path): void {
    this.#writable(path);
    this.#draft.observeForWrite(path);
    this.#write({ op: "delete", path });
  }

  /**
   * Increases the number at path by n; absent counts as 0. Nothing joins the read set: two clients that add never conflict. The
   * bounds hold for the sum; an addition that would leave them, meet something that is no number or overflow fails the transaction, at commit
   * as a conflict at path.
   */
  add(path: Path, n: number | bigint, bounds: Bounds = {}): void {
    this.#writable(path);
    const [least, most] = [bounds.min, bounds.max].map((v) => (v === undefined ? undefined : this.#number(v)));
    this.#write({ op: "add", path, n: this.#number(n), least, most });
  }

  /** Makes the number at path the smaller of itself and n; absent becomes n. As with {@link Tx.add}, nothing joins the read set. */
  min(path: Path, n: number | bigint): void {
    this.#writable(path);
    this.#write({ op: "min", path, n: this.#number(n) });
  }

  /** Makes the number at path the greater of itself and n; absent becomes n. As with {@link Tx.add}, nothing joins the read set. */
  max(path: Path, n: number | bigint): void {
    this.#writable(path);
    this.#write({ op: "max", path, n: this.#number(n) });
  }

  /**
   * Puts value as a new element into the list at path and returns its id, a key that stays the element's wherever it moves. The list, and missing maps
   * on the way, are created if absent. Nothing joins the read set, but the list must still be the same at commit, and so must be there what the
   * place names as a neighbour; inserts at one place do not conflict. Where something else than a list stands, an array written by `set` for instance, or
   * no such neighbour, the transaction fails with `dstm.invalid`.
   */
  insert(path: Path, place: Place, value: unknown): string {
    this.#writable(path);
    const id = newElementId();
    this.#element(path, id, place);
    this.#write({ op: "insert", path, id, spot: { ...place }, value: this.#canonical(value, path.length + 1), shape: null });
    return id;
  }

  /**
   * Puts an element of the list at path elsewhere. Nothing joins the read set, but that the list is the same, and that the element and its new
   * neighbour are there; of two who move one element the last wins.
   */
  move(path: Path, id: string, place: Place): void {
    this.#writable(path);
    this.#element(path, id, place);
    this.#write({ op: "move", path, id, spot: { ...place } });
  }

  /**
   * Says that the transaction cannot go on with what it has read. The run is abandoned with all that it wrote, `update` sleeps, and runs the
   * function again when something that it read has changed in this replica. Changes elsewhere do not wake it, and asleep it takes up nothing at the
   * server. The signal of `update` and the end of an object end the sleep. What is read by a guard wakes when the guard's outcome changes.
   *
   * It leaves the function by throwing, which the function must let pass.
   */
  retry(): never {
    return this.#run.retry();
  }

  /**
   * Runs a, and if that calls {@link Tx.retry}, b in its place: what a wrote is undone, in all objects; what it read stays in the read set, as b would not
   * have run otherwise. If b calls retry too, the whole transaction does. (Harris, Marlow, Peyton Jones and Herlihy, "Composable memory
   * transactions", PPoPP 2005.)
   */
  orElse<T>(a: (tx: Tx) => T, b: (tx: Tx) => T): T {
    return this.#run.orElse(this, a, b);
  }

  #write(w: Write): void {
    this.#draft.write({ ...w, path: copyPath(w.path) });
  }

  #element(path: Path, id: string, { where, anchor }: Place): void {
    this.#ready([...path, id]);
    const placed = where === Where.First || where === Where.Last ? anchor === "" : validKey(anchor);
    if (!placed) throw this.#run.fail(invalid("a place in a list is first, last, or after or before an element"));
  }

  #comparison(c: Comparison): number {
    const op: unknown = comparisons[c];
    if (typeof op !== "number") throw this.#run.fail(invalid(`there is no comparison ${String(c)}`));
    return op;
  }

  #number(v: unknown): Numeric {
    const n = this.#canonical(v, 0);
    if (!isNumber(n)) throw this.#run.fail(invalid(`a number was wanted, not ${n === null ? "null" : `a ${typeof v}`}`));
    return n;
  }

  /** A value of the caller as an own, canonical, frozen copy. */
  #canonical(value: unknown, depth: number): Value {
    if (value === null || typeof value === "boolean") return value;
    if (value === undefined) throw this.#run.fail(invalid("undefined cannot be stored"));
    let copy: Value;
    try {
      copy = decode(encode(value));
    } catch (e) {
      const why = e instanceof Error ? e.message : String(e);
      throw this.#run.fail(new TrefoilError(Code.InvalidArgument, Reason.Invalid, `a value cannot be stored: ${why}`, { cause: e }));
    }
    const checked = checkValue(copy, null, depth);
    if ("fault" in checked) throw this.#run.fail(invalid(`a value cannot be stored: ${checked.fault}`));
    return checked.value;
  }

  #ready(path: Path): void {
    this.#run.usable();
    if (!validPath(path)) {
      throw this.#run.fail(invalid(`bad path: it takes a list of at most ${MAX_DEPTH} keys of 1 to ${MAX_KEY} bytes of UTF-8`));
    }
  }

  #writable(path: Path): void {
    this.#ready(path);
    if (this.#run.readOnly) throw this.#run.fail(fault(Code.FailedPrecondition, Reason.Invalid, "a view cannot write"));
  }
}

/** Draws the id of an element: 96 random bits (docs/decisions/0009-element-ids.md). */
function newElementId(): string {
  return toBase64(crypto.getRandomValues(new Uint8Array(12))).replaceAll("+", "-").replaceAll("/", "_");
}
