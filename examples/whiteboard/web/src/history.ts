// Undo and redo of one's own changes. What somebody else has changed since is left as it is.
import type { Board } from './board.ts';
import type { Op, Patch, Shape } from './model.ts';

interface Change {
  readonly id: string;
  readonly before: Shape | null;
  readonly after: Shape | null;
}

const patchable = ['x', 'y', 'w', 'h', 'color', 'width', 'z', 'text'] as const;
const most = 200;

export class History {
  readonly #board: Board;
  readonly #done: Change[][] = [];
  readonly #undone: Change[][] = [];

  constructor(board: Board) {
    this.#board = board;
  }

  get canUndo(): boolean {
    return this.#done.length > 0;
  }

  get canRedo(): boolean {
    return this.#undone.length > 0;
  }

  /** Applies ops and remembers how to take them back. */
  do(ops: readonly Op[]): void {
    if (ops.length === 0) return;
    const changes = this.#apply(ops);
    if (changes.length === 0) return;
    this.#done.push(changes);
    if (this.#done.length > most) this.#done.shift();
    this.#undone.length = 0;
  }

  /** Takes back the last own change. False: others have changed all of it since, so nothing was done. */
  undo(): boolean {
    return this.#step(this.#done, this.#undone);
  }

  redo(): boolean {
    return this.#step(this.#undone, this.#done);
  }

  #apply(ops: readonly Op[]): Change[] {
    const before = new Map(ops.map((op) => [idOf(op), this.#board.get(idOf(op)) ?? null]));
    this.#board.apply(ops);
    return [...before].map(([id, b]) => ({ id, before: b, after: this.#board.get(id) ?? null })).filter((c) => c.before !== c.after);
  }

  #step(from: Change[][], to: Change[][]): boolean {
    const changes = from.pop();
    if (!changes) return true;
    const ops = changes.flatMap((c) => reverse(c, this.#board.get(c.id) ?? null));
    if (ops.length === 0) return false;
    to.push(this.#apply(ops));
    return true;
  }
}

function idOf(op: Op): string {
  return op.op === 'put' ? op.shape.id : op.id;
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
