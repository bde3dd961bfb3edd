import type { Value } from "../codec/value.ts";
import { Code, type TrefoilError } from "../status.ts";
import { denied, fault, invalid, Reason } from "./errors.ts";
import { copyPath, pathString, startsWith, touches, type Path } from "./path.ts";
import { mayRead } from "./replica/terms.ts";
import type { Run } from "./run.ts";
import { compareGuard, GuardOp } from "./tree/compare.ts";
import { Edit, failures, type Failure } from "./tree/edit.ts";
import { keysHash, valueHash } from "./tree/hash.ts";
import type { TreeNode } from "./tree/node.ts";
import { applyWrite, ReadKind, targetOf, type Part, type Read, type Write } from "./txn/txn.ts";
import type { View } from "./view.ts";

/** What a draft held at one moment. */
export interface Mark {
  readonly root: TreeNode;
  readonly writes: number;
  readonly wrote: ReadonlySet<string>;
}

/** What one run reads and writes in one object. */
export class Draft {
  readonly part: Part & { readonly reads: Read[]; readonly writes: Write[] };
  readonly #run: Run;
  readonly #edit: Edit;
  /** What part.reads holds. */
  readonly #reads = new Set<string>();
  /** Paths whose value the transaction knows by itself: set, deleted, inserted. */
  #wrote = new Set<string>();

  constructor(
    run: Run,
    readonly view: View,
  ) {
    this.#run = run;
    this.part = { object: view.object, epoch: view.epoch, base: view.base, reads: [], writes: [] };
    this.#edit = new Edit(view.root, view.base + 1);
  }

  /** What the transaction sees: the view and what it wrote. */
  get root(): TreeNode {
    return this.#edit.root;
  }

  mark(): Mark {
    return { root: this.root, writes: this.part.writes.length, wrote: new Set(this.#wrote) };
  }

  /** Undoes what was written since. */
  rollBack(m: Mark): void {
    this.#edit.root = m.root;
    this.part.writes.length = m.writes;
    this.#wrote = new Set(m.wrote);
  }

  /** Joins the value at path to the read set: a leaf, its absence, or all of a map or list. */
  observe(path: Path): void {
    if (this.#knows(path)) return;
    const node = this.view.root.find(path);
    this.#note(node === undefined ? ReadKind.Absent : node.leaf === undefined ? ReadKind.Subtree : ReadKind.Value, path);
  }

  /** Whether there is a value at path: of a map or list, that it is still the same. */
  observeThere(path: Path): void {
    if (!this.#knows(path)) this.#note(this.view.root.find(path) === undefined ? ReadKind.Absent : ReadKind.Value, path);
  }

  /** The set of keys at path; a leaf, or nothing, as observe does. */
  observeKeys(path: Path): void {
    if (this.#knows(path)) return;
    if (isContainer(this.view.root.find(path))) this.#note(ReadKind.Keys, path);
    else this.observe(path);
  }

  /**
   * What a write replaces; where maps on the way are missing, the absence of the first of them, since the write creates it. Of what
   * may not be read nothing is known: then the absence of the first readable one counts.
   */
  observeForWrite(path: Path): void {
    if (this.#knows(path)) return;
    const { node, depth } = this.view.root.nearest(path);
    if (depth === path.length || node.leaf !== undefined) {
      this.observe(path);
      return;
    }
    let n = depth + 1;
    while (n < path.length && !mayRead(this.view.terms, path.slice(0, n))) n++;
    const missing = path.slice(0, n);
    if (!this.#knows(missing)) this.#note(ReadKind.Absent, missing);
  }

  /**
   * The outcome of a guard, which joins the read set; if the transaction itself wrote at, above or below the path, what was looked
   * at joins it instead.
   */
  guard(op: number, value: Value, path: Path): boolean {
    const truth = compareGuard(this.root.find(path), op, value);
    if (!this.part.writes.some((w) => touches(path, targetOf(w)))) {
      this.#join({ kind: ReadKind.Guard, path, hash: null, guard: { op, value, truth } }, `g${op}${typeof value}${String(value).length}:${String(value)}`);
    } else if (op > GuardOp.Exists) this.observeKeys(path);
    else if (op === GuardOp.Exists || isContainer(this.view.root.find(path))) this.observeThere(path);
    else this.observe(path);
    return truth;
  }

  /** Whether the transaction itself wrote at or above path, so that what it reads there is its own. Additions and the like do not count. */
  #knows(path: Path): boolean {
    if (this.#wrote.size === 0) return false;
    for (let i = 0; i <= path.length; i++) {
      if (this.#wrote.has(pathString(path.slice(0, i)))) return true;
    }
    return false;
  }

  #note(kind: ReadKind, path: Path): void {
    this.#join({ kind, path, hash: null, guard: null }, String(kind));
  }

  /**
   * Adds a read to the read set, once. What an own unanswered transaction wrote at, above or below the path has no version yet: it is
   * read by value, and the transaction depends on that other one. Where versions alone count, the other one's answer must come first.
   */
  #join(r: Read, id: string): void {
    if (!mayRead(this.view.terms, r.path)) throw this.#run.fail(denied(r.path));
    if (this.#run.readOnly) return;
    const key = id + pathString(r.path);
    if (this.#reads.has(key)) return;
    this.#reads.add(key);
    const read = { ...r, path: copyPath(r.path) };
    this.part.reads.push(read.kind !== ReadKind.Guard && this.#depend(read.path) ? this.#byValue(read) : read);
    this.#run.count();
  }

  #byValue(r: Read): Read {
    const node = this.view.root.find(r.path);
    const byKeys = r.kind === ReadKind.Keys;
    const hash = byKeys ? keysHash(node, this.#run.budget) : valueHash(node, this.#run.budget);
    if (hash === undefined) {
      throw this.#run.fail(fault(Code.ResourceExhausted, Reason.TooLarge, `reading ${pathString(r.path)}: too many nodes to hash`));
    }
    return { ...r, kind: byKeys ? ReadKind.KeysHash : ReadKind.Hash, hash };
  }

  /** Presumes every unanswered transaction that wrote at, above or below path, and says whether there is one. */
  #depend(path: Path): boolean {
    let found = false;
    for (const p of this.view.pending) {
      if (!p.paths.some((written) => touches(path, written))) continue;
      found = true;
      this.#run.presume(p);
      if (this.view.terms.strict) this.#run.awaited.add(p.sequence);
    }
    return found;
  }

  /** Applies a write and adds it to the write set. */
  write(w: Write): void {
    const target = targetOf(w);
    this.#dependOnMaps(target);
    // How an unreadable place looks is not known here, so that nothing can be said against what depends on it.
    const blind = w.op !== "set" && w.op !== "delete" && !mayRead(this.view.terms, target);
    const failure = blind ? null : applyWrite(this.#edit, w);
    if (failure !== null) throw this.#run.fail(refusal(target, failure));
    this.part.writes.push(w);
    this.#run.count();
    // Not for additions and moves: what stands there now depends on what stood there before, and who reads it reads that.
    if (w.op === "set" || w.op === "delete" || w.op === "insert") this.#wrote.add(pathString(target));
  }

  /** Presumes the own unanswered transactions that created a map or list on the way: without them the server would see one newer than the base. */
  #dependOnMaps(path: Path): void {
    if (this.view.pending.length === 0) return;
    let node: TreeNode | undefined = this.view.root;
    for (let i = 0; i < path.length - 1; i++) {
      node = node.kids.get(path[i] as string);
      if (node === undefined) return;
      if (node.written > this.view.base) this.#dependOnMaker(path.slice(0, i + 1));
    }
  }

  /**
   * Presumes who created the map at path: the last unanswered one that wrote there or above, or, if that one had left nothing there, the first
   * behind it that wrote below, on whose way the map was missing. Those that wrote below later found it there: however many
   * they are, nothing depends on them.
   */
  #dependOnMaker(path: Path): void {
    const { pending } = this.view;
    let last = pending.length - 1;
    while (last >= 0 && !pending[last]?.paths.some((p) => startsWith(path, p))) last--;
    const first = pending.find((p, i) => i > last && p.paths.some((q) => startsWith(q, path)));
    for (const p of [pending[last], first]) {
      if (p !== undefined) this.#run.presume(p);
    }
  }
}

function isContainer(node: TreeNode | undefined): boolean {
  return node !== undefined && node.leaf === undefined;
}

function refusal(path: Path, failure: Failure): TrefoilError {
  const text = `writing at ${pathString(path)}: ${failures[failure]}`;
  switch (failure) {
    case "bounds":
      return fault(Code.FailedPrecondition, Reason.Bounds, text);
    case "range":
    case "number":
    case "element":
    case "list":
      return fault(Code.FailedPrecondition, Reason.Invalid, text);
    default:
      return invalid(text);
  }
}
