// A board's shapes in the shared object "board/{id}", each a map under shapes/{id}: who changes one does not disturb who changes another.
import type { dstm } from 'trefoil';
import type { Board } from './board.ts';
import { byDepth, fromFields, round, toFields, type Op, type Shape } from './model.ts';

/** Steps and bytes of one transaction; more are cut into several. */
const mostOps = 1000;
const mostBytes = 256 * 1024;

export class LinkBoard implements Board {
  readonly #object: dstm.SharedObject;
  readonly #read = new WeakMap<object, Shape | null>();
  readonly #waiting = new Map<string, { count: number; since: number }>();
  readonly #listeners: (() => void)[] = [];
  readonly #refused: ((why: string) => void)[] = [];
  #seen: unknown;
  #byId: ReadonlyMap<string, Shape> = new Map();
  #sorted: readonly Shape[] = [];
  #pending = 0;
  #closed = false;

  constructor(object: dstm.SharedObject) {
    this.#object = object;
    object.subscribe(() => this.#changed());
  }

  shapes(): readonly Shape[] {
    this.#refresh();
    return this.#sorted;
  }

  get(id: string): Shape | undefined {
    this.#refresh();
    return this.#byId.get(id);
  }

  apply(ops: readonly Op[]): void {
    for (const part of split(ops)) this.#update(part);
    this.#changed();
  }

  pendingSince(id: string): number | undefined {
    return this.#waiting.get(id)?.since;
  }

  get pending(): number {
    return this.#pending;
  }

  onChange(fn: () => void): void {
    this.#listeners.push(fn);
  }

  onRefused(fn: (why: string) => void): void {
    this.#refused.push(fn);
  }

  close(): void {
    this.#closed = true;
    this.#object.close();
  }

  #changed(): void {
    for (const fn of this.#listeners) fn();
  }

  /** Brings the list up to date. Parts of a snapshot stay the same objects as long as they are equal, so only what is new is read. */
  #refresh(): void {
    const all = this.#object.snapshot(['shapes']);
    if (all === this.#seen) return;
    this.#seen = all;
    const byId = new Map<string, Shape>();
    if (typeof all === 'object' && all !== null && !Array.isArray(all)) {
      for (const [id, value] of Object.entries(all)) {
        const s = this.#shape(id, value);
        if (s) byId.set(id, s);
      }
    }
    this.#byId = byId;
    this.#sorted = [...byId.values()].sort(byDepth);
  }

  #shape(id: string, value: unknown): Shape | null {
    if (typeof value !== 'object' || value === null) return null;
    let s = this.#read.get(value);
    if (s === undefined || (s && s.id !== id)) this.#read.set(value, (s = fromFields(id, value)));
    return s;
  }

  #update(ops: readonly Op[]): void {
    const ids = ops.map((op) => (op.op === 'put' ? op.shape.id : op.id));
    const done = this.#object.update((tx) => {
      for (const op of ops) step(tx, op);
    });
    this.#pending++;
    for (const id of ids) {
      const w = this.#waiting.get(id);
      this.#waiting.set(id, { count: (w?.count ?? 0) + 1, since: performance.now() });
    }
    void done.then(
      () => {},
      (e: Error) => {
        if (!this.#closed) for (const fn of this.#refused) fn(e.message);
      },
    ).finally(() => {
      this.#pending--;
      for (const id of ids) {
        const w = this.#waiting.get(id)!;
        if (w.count === 1) this.#waiting.delete(id);
        else this.#waiting.set(id, { ...w, count: w.count - 1 });
      }
      this.#changed();
    });
  }
}

/** One step of a transaction. It may run again when somebody else was faster. */
function step(tx: dstm.Tx, op: Op): void {
  const path = ['shapes', op.op === 'put' ? op.shape.id : op.id];
  switch (op.op) {
    case 'put':
      return tx.set(path, toFields(op.shape));
    case 'delete':
      if (tx.exists(path)) tx.delete(path);
      return;
    case 'patch':
      // Reading that the shape is there keeps a late change from bringing back a part of one that was deleted. The fields
      // themselves are overwritten: of two who move one shape the last wins, on every screen.
      if (!tx.exists(path)) return;
      for (const [key, value] of Object.entries(op.patch)) {
        if (value !== undefined) tx.overwrite([...path, key], typeof value === 'number' && key !== 'z' ? round(value) : value);
      }
  }
}

/** Cuts steps into parts that are small enough for a transaction. */
export function split(ops: readonly Op[]): Op[][] {
  const parts: Op[][] = [];
  let bytes = 0;
  for (const op of ops) {
    const size = 200 + (op.op === 'put' ? op.shape.points.byteLength + op.shape.text.length * 3 : op.op === 'patch' ? (op.patch.text?.length ?? 0) * 3 : 0);
    const now = parts.at(-1);
    if (now && now.length < mostOps && bytes + size <= mostBytes) {
      now.push(op);
      bytes += size;
    } else {
      parts.push([op]);
      bytes = size;
    }
  }
  return parts;
}
