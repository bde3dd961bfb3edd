import type { Value } from "../codec/value.ts";
import { invalid } from "./errors.ts";
import { copyPath, startsWith, validPath, type Path } from "./path.ts";
import type { Changed, Origin } from "./replica/types.ts";
import { diff } from "./tree/diff.ts";
import type { TreeNode } from "./tree/node.ts";
import type { TrefoilError } from "../status.ts";

/** How many changes wait for one consumer before they are folded. */
const MAX_QUEUED = 1024;

/** One difference between two states of an object. */
export interface Change {
  /** The node that changed. Where a map or list was added or replaced, this names that, not each child. */
  readonly path: Path;
  /** The node, an element, has another place in its list; `old` and `new` are the same then. */
  readonly moved: boolean;
  /** The value before, frozen; undefined for absent. */
  readonly old: Value | undefined;
  /** The value after, frozen; undefined for absent. */
  readonly new: Value | undefined;
  /** The version of the object that holds `new`; for a prediction, the confirmed one below it. */
  readonly version: number;
  /** Whose change it is. */
  readonly origin: Origin;
}

/** A change whose values are not yet made. */
interface Step {
  /** What stood at the consumer's prefix before the input that made the change. */
  readonly from: TreeNode | undefined;
  readonly path: Path;
  readonly before: TreeNode | undefined;
  readonly after: TreeNode | undefined;
  readonly moved: boolean;
  readonly version: number;
  readonly origin: Origin;
}

function changeOf(s: Step): Change {
  return { path: s.path, moved: s.moved, old: s.before?.value(), new: s.after?.value(), version: s.version, origin: s.origin };
}

/** What a step changed at or below prefix. */
export function changesOf(e: Omit<Changed, "kind" | "object">, prefix: Path): Change[] {
  const out: Change[] = [];
  collect(e, prefix, (s) => out.push(changeOf(s)) > 0);
  return out;
}

/** Calls emit for the differences of e at or below prefix, until it returns false. Says whether it went to the end. */
function collect(e: Omit<Changed, "kind" | "object">, prefix: Path, emit: (s: Step) => boolean): boolean {
  const from = e.before.find(prefix);
  const at = (path: Path): boolean =>
    diff(path, e.before.find(path), e.after.find(path), (p, before, after, moved) =>
      emit({ from, path: copyPath(p), before, after, moved, version: e.version, origin: e.origin }),
    );
  if (e.paths === null) return at(prefix);
  const paths = e.paths.map((path) => highest(path, e.before, e.after));
  return paths.every((path, i, all) => {
    const covered = all.some((p, k) => (k < i ? startsWith(path, p) : k > i && p.length < path.length && startsWith(path, p)));
    if (covered) return true;
    if (startsWith(path, prefix)) return at(path);
    return startsWith(prefix, path) ? at(prefix) : true;
  });
}

/**
 * The shortest beginning of path at which something came or went, with path below it: a write creates the maps that are missing on its way,
 * and when it is taken back, so are they.
 */
function highest(path: Path, before: TreeNode, after: TreeNode): Path {
  let [old, fresh] = [before, after];
  for (const [i, key] of path.entries()) {
    const [a, b] = [old.kids.get(key), fresh.kids.get(key)];
    if (a === undefined || b === undefined || (a.leaf === undefined) !== (b.leaf === undefined)) return path.slice(0, i + 1);
    [old, fresh] = [a, b];
  }
  return path;
}

/** Hands the changes of one object to those who listen. */
export class Feed {
  readonly #consumers = new Set<Consumer>();
  readonly #listeners = new Set<{ readonly prefix: Path; readonly fn: (change: Change) => void }>();
  #error: TrefoilError | null = null;

  /** Tells of the step from e.before to e.after. Calls come in the order of the states. */
  publish(e: Changed): void {
    for (const c of this.#consumers) c.add(e);
    for (const l of [...this.#listeners]) {
      const steps: Step[] = [];
      collect(e, l.prefix, (s) => steps.push(s) > 0);
      for (const s of steps) {
        if (this.#listeners.has(l)) guarded(() => l.fn(changeOf(s)));
      }
    }
  }

  /** Ends all with error, after what they have queued. */
  close(error: TrefoilError): void {
    this.#error = error;
    this.#listeners.clear();
    for (const c of this.#consumers) c.wake();
  }

  /** Calls fn for each change at or below prefix; returns what ends that. */
  listen(prefix: Path, fn: (change: Change) => void): () => void {
    const l = { prefix: checked(prefix), fn };
    if (this.#error === null) this.#listeners.add(l);
    return () => void this.#listeners.delete(l);
  }

  /** The changes from the moment that iteration begins. */
  changes(prefix: Path, signal: AbortSignal | undefined): AsyncIterable<Change> {
    const at = checked(prefix);
    return {
      [Symbol.asyncIterator]: () => {
        const c = new Consumer(at, () => this.#error, () => {
          this.#consumers.delete(c);
          signal?.removeEventListener("abort", end);
        });
        const end = (): void => void c.return();
        this.#consumers.add(c);
        signal?.addEventListener("abort", end);
        if (signal?.aborted === true) end();
        return c;
      },
    };
  }
}

function checked(prefix: Path): Path {
  if (!validPath(prefix)) throw invalid("bad path");
  return copyPath(prefix);
}

/** Calls a function of the user. What it throws is the program's uncaught error, and does not stop what has called. */
export function guarded(fn: () => void): void {
  try {
    fn();
  } catch (e) {
    queueMicrotask(() => {
      throw e;
    });
  }
}

/** One running iteration. */
class Consumer implements AsyncIterator<Change, undefined> {
  #queue: Step[] = [];
  /** What replaced a queue that grew too long. */
  #fold: Step | null = null;
  #ended = false;
  #waiting: { resolve: (r: IteratorResult<Change, undefined>) => void; reject: (e: unknown) => void }[] = [];

  constructor(
    readonly prefix: Path,
    readonly error: () => TrefoilError | null,
    readonly leave: () => void,
  ) {}

  add(e: Changed): void {
    if (this.#fold !== null) {
      this.#fold = { ...this.#fold, after: e.after.find(this.prefix), version: e.version };
      return;
    }
    const from = this.#queue[0] === undefined ? e.before.find(this.prefix) : this.#queue[0].from;
    const fits = collect(e, this.prefix, (s) => this.#queue.length < MAX_QUEUED && this.#queue.push(s) > 0);
    if (!fits) {
      this.#queue = [];
      this.#fold = { from, path: this.prefix, before: from, after: e.after.find(this.prefix), moved: false, version: e.version, origin: "reset" };
    }
    this.wake();
  }

  /** Serves those who wait, as far as there is something. */
  wake(): void {
    for (let w = this.#waiting[0]; w !== undefined; w = this.#waiting[0]) {
      const error = this.error();
      const step = this.#take();
      if (step !== undefined) w.resolve({ done: false, value: changeOf(step) });
      else if (this.#ended) w.resolve({ done: true, value: undefined });
      else if (error !== null) {
        this.#end();
        w.reject(error);
      } else return;
      this.#waiting.shift();
    }
  }

  #take(): Step | undefined {
    if (this.#fold !== null) {
      const fold = this.#fold;
      this.#fold = null;
      return fold;
    }
    return this.#queue.shift();
  }

  #end(): void {
    this.#ended = true;
    this.#queue = [];
    this.#fold = null;
    this.leave();
  }

  next(): Promise<IteratorResult<Change, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.wake();
    });
  }

  return(): Promise<IteratorResult<Change, undefined>> {
    this.#end();
    this.wake();
    return Promise.resolve({ done: true, value: undefined });
  }
}
