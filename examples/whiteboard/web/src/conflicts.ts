// What was refused, as a person looks at it: all that is about one shape is one conflict, and the newest of it is what they want.
import type { Conflict } from './board.ts';
import { fromFields, type Fields, type Shape } from './model.ts';
import { change, dot, readChange, sides, Why, type Step } from './transactions.ts';

/** Something that was refused, wherever it is kept. */
export interface Refused {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
  readonly object: string;
  readonly reason: string;
  readonly message: string;
  readonly denied: boolean;
  readonly unknown: boolean;
  readonly made: number;
  /** What others have left at a path, as far as it was kept. */
  readonly theirs: readonly { readonly path: readonly (string | number)[]; readonly value: unknown; readonly elided: boolean }[];
}

/** A conflict and what it is made of, the newest last. */
export interface Case extends Conflict {
  readonly parts: readonly Refused[];
}

/** Puts what was refused together, the oldest first. */
export function casesOf(items: readonly Refused[]): Case[] {
  const groups = new Map<string, Refused[]>();
  for (const item of [...items].sort((a, b) => a.made - b.made)) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return [...groups].map(([key, parts]) => caseOf(key, parts));
}

function keyOf(item: Refused): string {
  const ids = idsIn(item);
  return ids.length === 1 ? `${item.object} ${item.name} ${ids[0]}` : item.id;
}

function idsIn({ name, input }: Refused): string[] {
  if (name === change.name) return [...new Set(readChange(input)?.steps.map((s) => s.id) ?? [])];
  const { note } = (input ?? {}) as { readonly note?: unknown };
  return name === dot.name && typeof note === 'string' ? [note] : [];
}

function caseOf(key: string, parts: readonly Refused[]): Case {
  const last = parts.at(-1)!;
  const steps = last.name === change.name ? (readChange(last.input)?.steps ?? []) : [];
  const both = steps.flatMap((s) => sides(s) ?? []);
  const shapes = (list: readonly (Shape | null)[]) => list.filter((s) => s !== null);
  return {
    key,
    board: last.object.slice(last.object.indexOf('/') + 1),
    why: whyOf(last),
    message: last.message,
    base: shapes(both.map((b) => b.before)),
    mine: shapes(both.map((b) => b.after)),
    theirs: shapes(steps.map((s) => theirs(s, last))),
    ids: idsIn(last),
    away: last.name === change.name && readChange(last.input)?.away === true,
    made: new Date(last.made),
    count: parts.length,
    parts,
  };
}

function whyOf(r: Refused): Conflict['why'] {
  if (r.unknown) return 'unknown';
  if (r.denied) return 'denied';
  if (r.name === dot.name) return 'dots';
  return ({ [Why.Text]: 'text', [Why.Gone]: 'gone', [Why.Rewritten]: 'rewritten' } as const)[r.reason] ?? 'other';
}

/** How others have left the shape of a step: what was seen of it, with what is known of its fields since. */
function theirs(step: Step, r: Refused): Shape | null {
  if (r.reason === Why.Gone) return null;
  let fields: Fields = step.op === 'put' ? {} : { ...step.seen };
  for (const { path, value, elided } of r.theirs) {
    if (path[0] !== 'shapes' || path[1] !== step.id || elided) continue;
    if (path.length === 2) fields = value === undefined ? {} : { ...(value as Fields) };
    else if (path.length === 3 && value !== undefined) fields[path[2] as string] = value as Fields[string]; // all of it is read with care below
  }
  return fromFields(step.id, fields);
}
