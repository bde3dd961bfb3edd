// Undo and redo of one's own changes. What somebody else has changed since is left as it is, and what was refused cannot be taken back.
import type { Board, Change } from './board.ts';
import { idOf, type Op, type Patch, type Shape } from './model.ts';

/** A step of the history; changes that were refused leave it. */
interface Entry {
  changes: readonly Change[];
}

const patchable = ['x', 'y', 'w', 'h', 'color', 'width', 'z', 'text'] as const;
const most = 200;

export class History {
  readonly #board: Board;
  readonly #changed: () => void;
  #done: Entry[] = [];
  #undone: Entry[] = [];

  /** changed is called when undo or redo have become possible or impossible without being called. */
  constructor(board: Board, changed: () => void = () => {}) {
    this.#board = board;
    this.#changed = changed;
    // What waits since before a reload can be taken back too.
    for (const { changes, refused } of board.unfinished()) this.#done.push(this.#follow(changes, refused));
  }

  get canUndo(): boolean {
    return this.#done.length > 0;
  }

  get canRedo(): boolean {
    return this.#undone.length > 0;
  }

  /** Applies ops and remembers how to take them back. */
  do(ops: readonly Op[]): void {
    if (ops.length > 0) this.record(ops.map(idOf), () => this.#board.apply(ops));
  }

  /** Remembers what act does to shapes. */
  record(ids: readonly string[], act: () => Promise<ReadonlySet<string>>): void {
    const entry = this.#watch(ids, act);
    if (entry.changes.length === 0) return;
    this.#done.push(entry);
    if (this.#done.length > most) this.#done.shift();
    this.#undone = [];
  }

  /** Takes back the last own change. False: others have changed all of it since, so nothing was done. */
  undo(): boolean {
    return this.#step(this.#done, this.#undone);
  }

  redo(): boolean {
    return this.#step(this.#undone, this.#done);
  }

  #watch(ids: readonly string[], act: () => Promise<ReadonlySet<string>>): Entry {
    const before = new Map(ids.map((id) => [id, this.#board.get(id) ?? null]));
    const refused = act();
    const changes = [...before].map(([id, b]) => ({ id, before: b, after: this.#board.get(id) ?? null })).filter((c) => c.before !== c.after);
    return this.#follow(changes, refused);
  }

  #follow(changes: readonly Change[], refused: Promise<ReadonlySet<string>>): Entry {
    const entry: Entry = { changes };
    void refused.then((ids) => {
      if (!entry.changes.some((c) => ids.has(c.id))) return;
      entry.changes = entry.changes.filter((c) => !ids.has(c.id));
      const kept = (e: Entry) => e.changes.length > 0;
      this.#done = this.#done.filter(kept);
      this.#undone = this.#undone.filter(kept);
      this.#changed();
    });
    return entry;
  }

  #step(from: Entry[], to: Entry[]): boolean {
    const entry = from.pop();
    if (!entry) return true;
    const ops = entry.changes.flatMap((c) => reverse(c, this.#board.get(c.id) ?? null));
    if (ops.length === 0) return false;
    to.push(this.#watch(ops.map(idOf), () => this.#board.apply(ops, true)));
    return true;
  }
}

/** What takes c back, given how the shape is now. */
function reverse(c: Change, now: Shape | null): Op[] {
  if (c.before === null) return now ? [{ op: 'delete', id: c.id }] : [];
  if (c.after === null) return now ? [] : [{ op: 'put', shape: c.before }];
  if (!now) return [];
  const patch: Record<string, unknown> = {};
  for (const key of patchable) {
    if (c.before[key] !== c.after[key] && now[key] === c.after[key]) patch[key] = c.before[key];
  }
  return Object.keys(patch).length ? [{ op: 'patch', id: c.id, patch: patch as Patch }] : [];
}
