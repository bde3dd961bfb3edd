// A board in this page alone: what lies on the desk before one is opened, and what tests draw on.
import type { Board } from './board.ts';
import { byDepth, type Op, type Shape } from './model.ts';
import { defaultDots } from './transactions.ts';
import type { Pile, Votes } from './votes.ts';

const nobody: ReadonlySet<string> = new Set();

export class MemoryBoard implements Board {
  readonly #shapes = new Map<string, Shape>();
  #sorted: readonly Shape[] | null = null;
  readonly #listeners: (() => void)[] = [];
  readonly pending = 0;
  readonly votes = new MemoryVotes();

  shapes(): readonly Shape[] {
    return (this.#sorted ??= [...this.#shapes.values()].sort(byDepth));
  }

  get(id: string): Shape | undefined {
    return this.#shapes.get(id);
  }

  apply(ops: readonly Op[]): Promise<ReadonlySet<string>> {
    for (const op of ops) {
      if (op.op === 'put') this.#shapes.set(op.shape.id, op.shape);
      else if (op.op === 'delete') this.#shapes.delete(op.id);
      else {
        const s = this.#shapes.get(op.id);
        if (s) this.#shapes.set(op.id, { ...s, ...op.patch });
      }
    }
    this.#sorted = null;
    for (const fn of this.#listeners) fn();
    return Promise.resolve(nobody);
  }

  pendingSince(): undefined {}
  unfinished(): [] {
    return [];
  }
  onChange(fn: () => void): void {
    this.#listeners.push(fn);
  }
  onRefused(): void {}
  close(): void {}
}

/** Nobody votes here. */
class MemoryVotes implements Votes {
  readonly each = defaultDots;
  readonly left = defaultDots;
  readonly #none = new Map<string, readonly Pile[]>();

  piles(): ReadonlyMap<string, readonly Pile[]> {
    return this.#none;
  }
  mine(): number {
    return 0;
  }
  give(): boolean {
    return false;
  }
  setEach(): void {}
}
