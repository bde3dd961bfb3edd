// Who else is here, where their pointers are and what they are about to draw.
import type { Message, Room } from './board.ts';
import { cleanName, fromFields, maxCoordinate, toFields, type Patch, type Point, type Shape } from './model.ts';

export { cleanName };

/** What one other person is doing. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly at: Point | null;
  readonly draft: Shape | null;
  readonly moving: ReadonlyMap<string, Patch>;
  /** When they last said something, by performance.now. */
  readonly seen: number;
}

/** Time between two messages, in milliseconds; only the last state of each such time is sent. */
const pace = 45;
/** How long a commit may take that follows what was shown, in milliseconds. */
const linger = 300;
/** Points of a draft that travel; a longer one is thinned out. */
const draftPoints = 300;
/** Shapes that are shown moving; more jump at the end. */
const mostMoving = 100;

export class People {
  readonly #room: Room;
  readonly #me: string;
  readonly #others = new Map<string, Person>();
  readonly #listeners: (() => void)[] = [];
  readonly #ended = new Set<Pick<Person, 'draft' | 'moving'>>();
  #name: string;
  #next: Message;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last = -Infinity;

  constructor(room: Room, me: string, name: string) {
    this.#room = room;
    this.#me = me;
    this.#name = name;
    this.#next = { name };
    room.onPeople(() => this.#came());
    room.onMessage((from, m) => this.#heard(from, m));
    this.#came();
  }

  /** Everybody who is here, oneself first, with their names. */
  list(): { id: string; name: string; me: boolean }[] {
    const others = this.#room.people().filter((id) => id !== this.#me);
    return [{ id: this.#me, name: this.#name, me: true }, ...others.map((id) => ({ id, name: this.#others.get(id)?.name || 'Guest', me: false }))];
  }

  others(): Iterable<Person> {
    return this.#others.values();
  }

  /** What others are drawing and moving, or have just let go of. */
  doings(): Iterable<Pick<Person, 'draft' | 'moving'>> {
    return [...this.#ended, ...this.#others.values()];
  }

  onChange(fn: () => void): void {
    this.#listeners.push(fn);
  }

  rename(name: string): void {
    this.#name = name;
    this.#tell({ ...this.#next, name });
    this.#changed();
  }

  /** Shows the others where one's pointer is and what one is about to do. */
  show(at: Point | null, draft: Shape | null, moving: ReadonlyMap<string, Patch>): void {
    this.#tell({
      name: this.#name,
      ...(at ? { x: Math.round(at.x * 10) / 10, y: Math.round(at.y * 10) / 10 } : {}),
      ...(draft ? { draft: { id: draft.id, shape: toFields(thin(draft)) } } : {}),
      ...(moving.size ? { moving: pack(moving) } : {}),
    });
  }

  leave(): void {
    clearTimeout(this.#timer);
    this.#room.leave();
  }

  #tell(m: Message): void {
    this.#next = m;
    if (this.#timer !== undefined || this.#room.people().length < 2) return; // nobody is there to be told
    const wait = this.#last + pace - performance.now();
    if (wait <= 0) this.#send();
    else this.#timer = setTimeout(() => this.#send(), wait);
  }

  #send(): void {
    this.#timer = undefined;
    this.#last = performance.now();
    this.#room.send(this.#next);
  }

  #came(): void {
    const here = new Set(this.#room.people());
    for (const id of this.#others.keys()) if (!here.has(id)) this.#others.delete(id);
    for (const id of here) {
      if (id !== this.#me && !this.#others.has(id)) this.#others.set(id, { id, name: '', at: null, draft: null, moving: new Map(), seen: -Infinity });
    }
    this.#tell(this.#next); // whoever is new learns one's name
    this.#changed();
  }

  #heard(from: string, message: unknown): void {
    if (from === this.#me || !from) return;
    const m = readMessage(message);
    if (!m) return;
    const before = this.#others.get(from);
    this.#others.set(from, { ...m, id: from, seen: performance.now() });
    if ((before?.draft && before.draft.id !== m.draft?.id) || (before?.moving.size && !m.moving.size)) this.#linger(before);
    this.#changed();
  }

  /** Goes on showing what somebody has let go of until the board itself has it, so that it does not blink. */
  #linger(doing: Pick<Person, 'draft' | 'moving'>): void {
    this.#ended.add(doing);
    setTimeout(() => {
      this.#ended.delete(doing);
      this.#changed();
    }, linger);
  }

  #changed(): void {
    for (const fn of this.#listeners) fn();
  }
}

function finite(v: unknown): v is number {
  return typeof v === 'number' && Math.abs(v) <= maxCoordinate;
}

/** Reads what somebody sent; it may be anything. */
function readMessage(value: unknown): Omit<Person, 'id' | 'seen'> | null {
  if (typeof value !== 'object' || value === null) return null;
  const m = value as { readonly [key: string]: unknown };
  const { x, y } = m;
  const d = m['draft'] as { readonly [key: string]: unknown } | null | undefined;
  return {
    name: typeof m['name'] === 'string' ? cleanName(m['name']) : '',
    at: finite(x) && finite(y) ? { x, y } : null,
    draft: typeof d === 'object' && d && typeof d['id'] === 'string' ? fromFields(d['id'], d['shape']) : null,
    moving: unpack(m['moving']),
  };
}

function pack(moving: ReadonlyMap<string, Patch>): { [id: string]: number[] } {
  const out: { [id: string]: number[] } = Object.create(null) as { [id: string]: number[] };
  for (const [id, p] of [...moving].slice(0, mostMoving)) out[id] = [p.x!, p.y!, ...(p.w !== undefined ? [p.w, p.h!] : [])];
  return out;
}

function unpack(value: unknown): Map<string, Patch> {
  const out = new Map<string, Patch>();
  if (typeof value !== 'object' || value === null) return out;
  for (const [id, v] of Object.entries(value).slice(0, mostMoving)) {
    if (!Array.isArray(v) || !v.every(finite) || (v.length !== 2 && v.length !== 4)) continue;
    const [x, y, w, h] = v as number[];
    out.set(id, { x: x!, y: y!, ...(w !== undefined ? { w, h: h! } : {}) });
  }
  return out;
}

function thin(s: Shape): Shape {
  const n = s.points.length / 2;
  if (n <= draftPoints) return s;
  const points = new Float32Array(draftPoints * 2);
  for (let i = 0; i < draftPoints; i++) {
    const j = Math.round((i * (n - 1)) / (draftPoints - 1));
    points[2 * i] = s.points[2 * j]!;
    points[2 * i + 1] = s.points[2 * j + 1]!;
  }
  return { ...s, points };
}
