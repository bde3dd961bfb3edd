// A board's shapes in the shared object "board/{id}", each a map under shapes/{id}: who changes one does not disturb who changes another.
import { TrefoilError, type dstm } from 'trefoil';
import type { Aside } from './aside.ts';
import type { Board, Change, Line } from './board.ts';
import { LinkVotes } from './link_votes.ts';
import { byDepth, fromFields, type Op, type Shape } from './model.ts';
import { change, idsOf, readChange, sides, stepsOf, type ChangeInput } from './transactions.ts';

/** Steps and bytes of one transaction; more are cut into several. */
const mostOps = 1000;
const mostBytes = 256 * 1024;

/** What a board needs of the connection that it came over. */
export interface Home {
  readonly objects: dstm.Client;
  readonly aside: Aside;
  readonly me: string;
  readonly name: string;
  readonly line: Line;
}

/** An own change that waits. */
interface Waiting {
  readonly ids: readonly string[];
  readonly made: number;
}

export class LinkBoard implements Board {
  readonly votes: LinkVotes;
  readonly #object: dstm.SharedObject;
  readonly #home: Home;
  readonly #read = new WeakMap<object, Shape | null>();
  readonly #listeners: (() => void)[] = [];
  readonly #refused: ((why: string) => void)[] = [];
  readonly #leave: () => void;
  readonly #inputs = new WeakMap<dstm.Work, Waiting>();
  #works: readonly dstm.Work[] | null = null;
  #since: ReadonlyMap<string, number> = new Map();
  #pending = 0;
  #seen: unknown;
  #byId: ReadonlyMap<string, Shape> = new Map();
  #sorted: readonly Shape[] = [];

  /** For the two objects of the board; the second one may come later. */
  constructor(object: dstm.SharedObject, votes: Promise<dstm.SharedObject>, home: Home) {
    this.#object = object;
    this.#home = home;
    this.votes = new LinkVotes(votes, home.me, (id) => this.get(id) !== undefined, () => this.#changed(), (why) => this.#tell(why));
    object.subscribe(() => this.#changed());
    this.#leave = home.objects.onWorks(() => this.#changed());
  }

  shapes(): readonly Shape[] {
    this.#refresh();
    return this.#sorted;
  }

  get(id: string): Shape | undefined {
    this.#refresh();
    return this.#byId.get(id);
  }

  async apply(ops: readonly Op[], undo = false): Promise<ReadonlySet<string>> {
    const parts = split(ops).map((part) => this.#submit(part, undo));
    this.#changed();
    return new Set((await Promise.all(parts)).flat());
  }

  pendingSince(id: string): number | undefined {
    this.#wait();
    return this.#since.get(id);
  }

  get pending(): number {
    this.#wait();
    return this.#pending;
  }

  unfinished(): { changes: Change[]; refused: Promise<ReadonlySet<string>> }[] {
    return this.#own().flatMap((w) => {
      const input = w.name === change.name ? readChange(w.input) : null;
      const changes = (input?.steps ?? []).flatMap((s) => {
        const both = sides(s);
        return both ? [{ id: s.id, ...both }] : [];
      });
      const refused = fate(w, changes.map((c) => c.id)).then((ids) => new Set(ids));
      return changes.length ? [{ changes, refused }] : [];
    });
  }

  onChange(fn: () => void): void {
    this.#listeners.push(fn);
  }

  onRefused(fn: (why: string) => void): void {
    this.#refused.push(fn);
  }

  close(): void {
    this.#leave();
    this.votes.close();
    this.#object.close();
  }

  #changed(): void {
    for (const fn of this.#listeners) fn();
  }

  #tell(why: string): void {
    for (const fn of this.#refused) fn(why);
  }

  /** Does one transaction; fulfilled when it is decided, with the ids of what was refused. */
  #submit(ops: readonly Op[], undo: boolean): Promise<readonly string[]> {
    const ids = idsOf(ops);
    const input: ChangeInput = { steps: stepsOf(ops, (id) => this.get(id), this.#home.name), ...(undo ? { undo } : {}), ...(this.#home.line.phase === 'open' ? {} : { away: true }) };
    try {
      const work = change.submit(this.#object, input);
      void work.stored.then(() => this.#changed());
      return fate(work, ids);
    } catch (e) {
      // What does not fit what is on the board now never was a transaction. It is put aside, to be decided like those that were.
      if (e instanceof TrefoilError && e.reason.startsWith('whiteboard.')) this.#home.aside.add(this.#object.name, input, e, (id) => this.get(id));
      else this.#tell((e as Error).message);
      return Promise.resolve(ids);
    }
  }

  #own(): readonly dstm.Work[] {
    const id = this.#object.name.slice('board/'.length);
    return this.#home.objects.works.filter((w) => w.objects[0] === `board/${id}` || w.objects[0] === `votes/${id}`);
  }

  /** Brings up to date what waits. */
  #wait(): void {
    const { works } = this.#home.objects;
    if (works === this.#works) return;
    this.#works = works;
    const since = new Map<string, number>();
    const all = this.#own();
    for (const w of all) {
      let of = this.#inputs.get(w);
      if (!of) this.#inputs.set(w, (of = { ids: touched(w), made: w.made.getTime() }));
      for (const id of of.ids) since.set(id, of.made);
    }
    this.#since = since;
    this.#pending = all.length;
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
}

/** The shapes that a work is about. */
function touched(w: dstm.Work): readonly string[] {
  if (w.name === change.name) return readChange(w.input)?.steps.map((s) => s.id) ?? [];
  const { note } = (w.input ?? {}) as { readonly note?: unknown };
  return typeof note === 'string' ? [note] : [];
}

/** Fulfilled when a work is decided: with nothing, or with ids if it was refused. */
export function fate(w: dstm.Work, ids: readonly string[]): Promise<readonly string[]> {
  return w.done.then(() => [], () => ids);
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
