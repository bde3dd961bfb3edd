// The inbox: named transactions that were refused in the end, and what was put aside before it was one.
import { Code, type dstm } from 'trefoil';
import type { Conflict, Inbox } from './board.ts';
import { casesOf, type Case, type Refused } from './conflicts.ts';
import { fate, type Home } from './link_board.ts';
import { change, dot, readChange, type ChangeInput, type DotInput } from './transactions.ts';

export class LinkInbox implements Inbox {
  readonly #home: Home;
  readonly #listeners: (() => void)[] = [];
  #from: readonly unknown[] = [];
  #cases: readonly Case[] = [];

  constructor(home: Home) {
    this.#home = home;
    home.objects.inbox.onChange(() => this.#changed());
    home.aside.onChange(() => this.#changed());
  }

  conflicts(): readonly Conflict[] {
    const items = this.#home.objects.inbox.items, held = this.#home.aside.items();
    if (items !== this.#from[0] || held !== this.#from[1]) {
      this.#from = [items, held];
      const aside = held.map((h): Refused => ({
        ...h, name: change.name, denied: false, unknown: false, theirs: Object.entries(h.theirs).map(([id, value]) => ({ path: ['shapes', id], value, elided: false })),
      }));
      this.#cases = casesOf([...items.map(refused), ...aside]);
    }
    return this.#cases;
  }

  onChange(fn: () => void): void {
    this.#listeners.push(fn);
  }

  async mine(c: Conflict, text?: string): Promise<() => Promise<ReadonlySet<string>>> {
    const { parts } = c as Case;
    const last = parts.at(-1)!;
    const { objects } = this.#home;
    const kept = objects.inbox.items.some((i) => i.id === last.id);
    const object = kept ? null : await objects.open(last.object);
    return () => {
      try {
        const work = object ? change.submit(object, again(last, c, text) as ChangeInput) : this.#retry(last, c, text);
        this.#drop(parts.filter((p) => object || p !== last));
        return fate(work, c.ids).then((ids) => new Set(ids));
      } finally {
        object?.close();
      }
    };
  }

  theirs(c: Conflict): void {
    this.#drop((c as Case).parts);
  }

  #retry(r: Refused, c: Conflict, text: string | undefined): dstm.Work {
    const { inbox } = this.#home.objects;
    if (r.name === dot.name) return inbox.retry(r.id, { ...(r.input as DotInput), me: this.#home.me });
    const input = again(r, c, text);
    return input ? inbox.retry(r.id, input) : inbox.retry(r.id);
  }

  #drop(parts: readonly Refused[]): void {
    this.#home.aside.remove(new Set(parts.map((p) => p.id)));
    for (const p of parts) this.#home.objects.inbox.discard(p.id);
    this.#changed();
  }

  #changed(): void {
    for (const fn of this.#listeners) fn();
  }
}

/** What is to be done when a change is done all the same; null: what it is nobody knows. */
function again(r: Refused, c: Conflict, text: string | undefined): ChangeInput | null {
  const given = readChange(r.input);
  // Of what may have happened, and of what was not allowed, nobody knows that it conflicts: that is found out.
  const force = text !== undefined || (c.why !== 'unknown' && c.why !== 'denied');
  return given && { ...given, steps: text === undefined ? given.steps : given.steps.map((s) => rewritten(s, text)), ...(force ? { force } : {}) };
}

/** A step that leaves that text. What the person had deleted stays then. */
function rewritten(step: ChangeInput['steps'][number], text: string): ChangeInput['steps'][number] {
  if (step.op === 'put') return { ...step, shape: { ...step.shape, text } };
  return { op: 'patch', id: step.id, patch: { ...(step.op === 'patch' ? step.patch : {}), text }, ...(step.seen ? { seen: step.seen } : {}) };
}

function refused(i: dstm.InboxItem): Refused {
  const { code, reason, message, unknown } = i.error;
  return {
    id: i.id, name: i.name, input: i.input, object: i.objects[0] ?? '', reason, message, unknown, denied: code === Code.PermissionDenied || code === Code.Unauthenticated,
    made: i.made.getTime(), theirs: i.differences.map(({ path, theirs, elided }) => ({ path, value: theirs, elided })),
  };
}
