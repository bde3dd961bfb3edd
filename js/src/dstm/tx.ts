import { decode, encode } from "../codec/index.ts";
import type { Value } from "../codec/value.ts";
import { Code, TrefoilError } from "../status.ts";
import { fault, invalid, Reason } from "./errors.ts";
import { copyPath, MAX_DEPTH, MAX_KEY, pathString, touches, validPath, type Path } from "./path.ts";
import { Edit, failures, type Failure } from "./tree/edit.ts";
import { keysHash, valueHash } from "./tree/hash.ts";
import { checkValue } from "./tree/leaf.ts";
import type { TreeNode } from "./tree/node.ts";
import { isNumber, type Numeric } from "./tree/numbers.ts";
import { applyWrite, MAX_OPERATIONS, ReadKind, type Part, type Write } from "./txn/txn.ts";
import type { View } from "./view.ts";

/** Bounds of {@link Tx.add}, both inclusive; default none. */
export interface Bounds {
  readonly min?: number | bigint | undefined;
  readonly max?: number | bigint | undefined;
}

/**
 * One run of a transaction, or of a view. It is valid until its function returns. What goes in is copied; what comes out is frozen
 * (bytes, which cannot be, must not be changed).
 *
 * A bad path, a value that cannot be stored, a write in a view throw a {@link TrefoilError}, and the transaction then fails with
 * it even if its function catches it.
 */
export class Tx {
  readonly #view: View;
  readonly #readOnly: boolean;
  readonly #part: Part;
  /** Ascending. */
  readonly #after: number[] = [];
  /** Kind and path of what the part's reads hold. */
  readonly #reads = new Set<string>();
  /** The paths of the part's writes. */
  readonly #wrote = new Set<string>();
  #edit: Edit | null = null;
  #error: TrefoilError | null = null;
  #done = false;

  /** @internal */
  constructor(view: View, readOnly: boolean) {
    this.#view = view;
    this.#readOnly = readOnly;
    this.#part = { object: view.object, epoch: view.epoch, base: view.base, reads: [], writes: [] };
  }

  /**
   * Runs a function as the transaction, and closes it, also when the function throws.
   *
   * @internal
   */
  static run<T>(tx: Tx, fn: (tx: Tx) => T): { result: T; part: Part; after: readonly number[] } {
    try {
      const result = fn(tx);
      if (tx.#error !== null) throw tx.#error;
      if (typeof result === "object" && result !== null && typeof (result as { then?: unknown }).then === "function") {
        Promise.resolve(result).catch(() => undefined); // what it comes to is of no use
        throw invalid("a transaction's function must not be async: what it reads later would not be seen");
      }
      return { result, part: tx.#part, after: tx.#after };
    } finally {
      tx.#done = true;
    }
  }

  /**
   * Makes the transaction fail, also if its function catches what this returns.
   *
   * @internal
   */
  static fail(tx: Tx, error: TrefoilError): TrefoilError {
    return tx.#fail(error);
  }

  /** The confirmed version that the transaction reads from. */
  get version(): number {
    return this.#view.base;
  }

  /** What the transaction will fail with, null so far. */
  get error(): TrefoilError | null {
    return this.#error;
  }

  /** The value at path, undefined if there is none. It joins the read set: of a map the whole subtree. */
  read(path: Path): Value | undefined {
    this.#ready(path);
    this.#observe(path);
    return this.#root.find(path)?.value();
  }

  /** Whether there is a value at path. That joins the read set: of a map that it is still the same map, not what it holds. */
  exists(path: Path): boolean {
    this.#ready(path);
    if (!this.#own(path)) {
      this.#note(this.#view.root.find(path) === undefined ? ReadKind.Absent : ReadKind.Value, path);
    }
    return this.#root.find(path) !== undefined;
  }

  /**
   * The keys of the map at path, ascending by their bytes; empty if there is no map. The set of keys joins the read set, so that a key
   * added or removed meanwhile is a conflict; the values are not read.
   */
  keys(path: Path): string[] {
    this.#ready(path);
    if (!this.#own(path)) {
      const before = this.#view.root.find(path);
      this.#note(before === undefined ? ReadKind.Absent : before.isMap ? ReadKind.Keys : ReadKind.Value, path);
    }
    return this.#root.find(path)?.sortedKeys() ?? [];
  }

  /**
   * Writes value at path and joins what stood there to the read set: the first committer wins. Missing maps on the way are created, and
   * their absence is read. A plain object or `Map` becomes a map of the tree; any other value, an array too, is one leaf.
   */
  set(path: Path, value: unknown): void {
    this.#writable(path);
    this.#observeForWrite(path);
    this.#write({ op: "set", path: copyPath(path), value: this.#canonical(value, path.length) });
  }

  /** Writes value at path whatever stands there: the last writer wins. */
  overwrite(path: Path, value: unknown): void {
    this.#writable(path);
    this.#write({ op: "set", path: copyPath(path), value: this.#canonical(value, path.length) });
  }

  /** Removes what stands at path, with all below it, and joins it to the read set. */
  delete(path: Path): void {
    this.#writable(path);
    this.#observeForWrite(path);
    this.#write({ op: "delete", path: copyPath(path) });
  }

  /**
   * Increases the number at path by n; absent counts as 0. Nothing joins the read set: two clients that add never conflict. The
   * bounds hold for the sum; an addition that would leave them, meet something that is no number or overflow fails the transaction, at commit
   * as a conflict at path.
   */
  add(path: Path, n: number | bigint, bounds: Bounds = {}): void {
    this.#writable(path);
    const [by, least, most] = [n, bounds.min, bounds.max].map((v) => (v === undefined ? undefined : this.#number(v)));
    if (by === undefined) throw this.#fail(invalid("add takes numbers"));
    this.#write({ op: "add", path: copyPath(path), n: by, least, most });
  }

  /** What the transaction sees: the view and what it wrote. */
  get #root(): TreeNode {
    return this.#edit?.root ?? this.#view.root;
  }

  #number(v: unknown): Numeric {
    const n = this.#canonical(v, 0);
    if (!isNumber(n)) throw this.#fail(invalid(`add takes numbers, no ${typeof v}`));
    return n;
  }

  /** A value of the caller as an own, canonical, frozen copy. */
  #canonical(value: unknown, depth: number): Value {
    if (value === null || typeof value === "boolean") return value;
    if (value === undefined) throw this.#fail(invalid("undefined cannot be stored"));
    let copy: Value;
    try {
      copy = decode(encode(value));
    } catch (e) {
      const why = e instanceof Error ? e.message : String(e);
      throw this.#fail(new TrefoilError(Code.InvalidArgument, Reason.Invalid, `a value cannot be stored: ${why}`, { cause: e }));
    }
    const checked = checkValue(copy, depth);
    if ("fault" in checked) throw this.#fail(invalid(`a value cannot be stored: ${checked.fault}`));
    return checked.value;
  }

  #write(w: Write): void {
    this.#dependOnMaps(w.path);
    this.#edit ??= new Edit(this.#view.root, this.#view.base + 1);
    const failure = applyWrite(this.#edit, w);
    if (failure !== null) throw this.#fail(refusal(w, failure));
    this.#part.writes.push(w);
    // Not for an addition: what stands there now depends on what stood there before, and who reads it reads that.
    if (w.op !== "add") this.#wrote.add(pathString(w.path));
    this.#count();
  }

  /** Whether the transaction itself wrote at or above path, so that what it reads there is its own. */
  #own(path: Path): boolean {
    if (this.#wrote.size === 0) return false;
    for (let i = 0; i <= path.length; i++) {
      if (this.#wrote.has(pathString(path.slice(0, i)))) return true;
    }
    return false;
  }

  /** Joins the value at path to the read set: a leaf, its absence, or a map's whole subtree. */
  #observe(path: Path): void {
    if (this.#own(path)) return;
    const node = this.#view.root.find(path);
    this.#note(node === undefined ? ReadKind.Absent : node.isMap ? ReadKind.Subtree : ReadKind.Value, path);
  }

  /**
   * Like observe, for what a write replaces; where maps on the way are missing, the absence of the first of them is
   * read, since the write creates it.
   */
  #observeForWrite(path: Path): void {
    if (this.#own(path)) return;
    const { node, depth } = this.#view.root.nearest(path);
    if (depth === path.length || !node.isMap) {
      this.#observe(path);
      return;
    }
    const missing = path.slice(0, depth + 1);
    if (!this.#own(missing)) this.#note(ReadKind.Absent, missing);
  }

  /**
   * Adds a read to the read set, once. What an own unanswered transaction wrote at, above or below the path has no version yet: it is
   * read by value, and the transaction depends on that other one.
   */
  #note(kind: ReadKind, path: Path): void {
    if (this.#readOnly) return;
    const id = `${kind}${pathString(path)}`;
    if (this.#reads.has(id)) return;
    this.#reads.add(id);
    const own = copyPath(path);
    if (!this.#depend(own)) {
      this.#part.reads.push({ kind, path: own, hash: null });
    } else {
      const node = this.#view.root.find(own);
      const byKeys = kind === ReadKind.Keys;
      const hash = byKeys ? keysHash(node) : valueHash(node);
      if (hash === undefined) throw this.#fail(fault(Code.ResourceExhausted, Reason.TooLarge, `reading ${pathString(own)}: too many nodes to hash`));
      this.#part.reads.push({ kind: byKeys ? ReadKind.KeysHash : ReadKind.Hash, path: own, hash });
    }
    this.#count();
  }

  #count(): void {
    if (this.#part.reads.length + this.#part.writes.length > MAX_OPERATIONS) {
      throw this.#fail(fault(Code.ResourceExhausted, Reason.TooLarge, `a transaction has at most ${MAX_OPERATIONS} reads and writes`));
    }
  }

  /**
   * Makes the transaction depend on own unanswered ones that created a map on the way to path: without them the server would see a map
   * newer than the base.
   */
  #dependOnMaps(path: Path): void {
    let node: TreeNode | undefined = this.#view.root;
    for (let i = 0; i < path.length - 1; i++) {
      node = node.kids.get(path[i] as string);
      if (node === undefined) return;
      if (node.written > this.#view.base) this.#depend(path.slice(0, i + 1));
    }
  }

  /** Adds every unanswered transaction that wrote at, above or below path to after, and says whether there is one. */
  #depend(path: Path): boolean {
    let found = false;
    for (const p of this.#view.pending) {
      if (!p.paths.some((written) => touches(path, written))) continue;
      found = true;
      if (this.#after.includes(p.sequence)) continue;
      const i = this.#after.findIndex((s) => s > p.sequence);
      this.#after.splice(i < 0 ? this.#after.length : i, 0, p.sequence);
    }
    return found;
  }

  #ready(path: Path): void {
    if (this.#done) throw fault(Code.FailedPrecondition, Reason.Invalid, "a transaction was used after its function had returned");
    if (this.#error !== null) throw this.#error;
    if (!validPath(path)) {
      throw this.#fail(invalid(`bad path: it takes a list of at most ${MAX_DEPTH} keys of 1 to ${MAX_KEY} bytes of UTF-8`));
    }
  }

  #writable(path: Path): void {
    this.#ready(path);
    if (this.#readOnly) throw this.#fail(fault(Code.FailedPrecondition, Reason.Invalid, "a view cannot write"));
  }

  #fail(error: TrefoilError): TrefoilError {
    this.#error ??= error;
    return this.#error;
  }
}

function refusal(w: Write, failure: Failure): TrefoilError {
  const text = `${w.op === "add" ? "adding" : "writing"} at ${pathString(w.path)}: ${failures[failure]}`;
  switch (failure) {
    case "bounds":
      return fault(Code.FailedPrecondition, Reason.Bounds, text);
    case "range":
    case "number":
      return fault(Code.FailedPrecondition, Reason.Invalid, text);
    default:
      return invalid(text);
  }
}
