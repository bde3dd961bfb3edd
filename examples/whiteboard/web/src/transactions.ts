// What the page does to a board: named transactions, which are written down with their arguments and are run again by their names, perhaps after a reload and in
// a later version of the page. So they are pure, and are given what the person saw: what somebody else has rewritten is not overwritten but refused, and
// then waits in the inbox for a decision.
import { Code, dstm, TrefoilError } from 'trefoil';
import { cleanText, fromFields, idOf, patchFields, toFields, type Fields, type Op, type Shape } from './model.ts';

/** One step of a change. seen is how the shape was when the person decided, left out where it is too large. */
export type Step =
  | { readonly op: 'put'; readonly id: string; readonly shape: Fields }
  | { readonly op: 'patch'; readonly id: string; readonly patch: Fields; readonly seen?: Fields }
  | { readonly op: 'delete'; readonly id: string; readonly seen?: Fields };

export interface ChangeInput {
  readonly steps: readonly Step[];
  /** It takes back, or does again: what somebody has changed since stays, and that is no conflict. */
  readonly undo?: boolean;
  /** It was made while there was no connection. */
  readonly away?: boolean;
  /** It was decided in view of what others did: it overwrites that, and brings back what they have deleted. */
  readonly force?: boolean;
}

/** Why a change was refused by the page itself. */
export const Why = {
  /** Somebody has rewritten the text that the person rewrote. */
  Text: 'whiteboard.text_changed',
  /** Somebody has deleted what the person changed. */
  Gone: 'whiteboard.shape_gone',
  /** Somebody has rewritten what the person deleted. */
  Rewritten: 'whiteboard.rewritten',
} as const;

function refuse(why: string, message: string): never {
  throw new TrefoilError(Code.FailedPrecondition, why, message);
}

export const change = dstm.transaction<ChangeInput>('board.change', (tx, input) => {
  let done = 0, gone = 0;
  for (const step of input.steps) {
    const path = ['shapes', step.id];
    const there = tx.exists(path);
    if (step.op === 'put') {
      if (!(there && input.undo)) tx.set(path, step.shape);
      done++;
    } else if (step.op === 'delete') {
      if (there) remove(tx, path, step.seen, input);
      done++;
    } else if (there) {
      patch(tx, path, step, input);
      done++;
    } else if (input.force && step.seen) {
      tx.set(path, { ...step.seen, ...step.patch });
      done++;
    } else gone++;
  }
  if (gone > 0 && done === 0 && !input.undo) refuse(Why.Gone, 'somebody has deleted it');
});

function textAt(tx: dstm.Tx, path: readonly string[]): string {
  const text = tx.read([...path, 'text']);
  return typeof text === 'string' ? cleanText(text) : '';
}

function remove(tx: dstm.Tx, path: readonly string[], seen: Fields | undefined, input: ChangeInput): void {
  const rewritten = !input.force && seen?.['text'] !== undefined && textAt(tx, path) !== seen['text'];
  if (rewritten && !input.undo) refuse(Why.Rewritten, 'somebody has rewritten it');
  if (!rewritten) tx.delete(path);
}

/**
 * Reading that the shape is there keeps a late change from bringing back a part of one that was deleted. Places, sizes and colours are overwritten: of two who move one
 * shape the last wins, on every screen. Of a text that would be a loss.
 */
function patch(tx: dstm.Tx, path: readonly string[], step: Step & { op: 'patch' }, input: ChangeInput): void {
  for (const [key, value] of Object.entries(step.patch)) {
    if (key === 'by') continue; // goes with the text
    const at = [...path, key];
    if (step.seen && !input.force && (input.undo || key === 'text')) {
      const now = key === 'text' ? textAt(tx, path) : tx.read(at);
      if (now === value) continue; // the same, by whomever
      if (now !== step.seen[key]) {
        if (input.undo) continue;
        refuse(Why.Text, 'somebody has rewritten the text');
      }
    }
    tx.overwrite(at, value);
    if (key === 'text' && step.patch['by'] !== undefined) tx.overwrite([...path, 'by'], step.patch['by']);
  }
}

export interface DotInput {
  /** The client whose dot it is. */
  readonly me: string;
  readonly note: string;
  /** 1 gives one, -1 takes one back. */
  readonly by: 1 | -1;
  /** Notes that are gone, from which dots come back. */
  readonly gone: readonly string[];
}

/** How many dots everybody has unless the board says otherwise, and at most; votes.go has the same. */
export const defaultDots = 5, maxDots = 50;

/** Adding within bounds reads nothing, and each person has numbers of their own: so voters never meet. */
export const dot = dstm.transaction<DotInput>('votes.dot', (tx, { me, note, by, gone }) => {
  for (const id of gone) {
    const n = tx.read(['by', me, 'on', id]);
    if (typeof n !== 'number' || n <= 0) continue;
    tx.delete(['by', me, 'on', id]);
    tx.add(['by', me, 'used'], -n, { min: 0 });
  }
  const dots = by > 0 ? tx.read(['dots']) : maxDots;
  const max = typeof dots === 'number' ? dots : defaultDots;
  tx.add(['by', me, 'used'], by, { min: 0, max });
  tx.add(['by', me, 'on', note], by, { min: 0, max });
});

/** How many dots everybody has. */
export const dots = dstm.transaction<number>('votes.dots', (tx, n) => tx.overwrite(['dots'], n));

export const transactions = [change, dot, dots];

/** Bytes of shapes that go along with one change only so that they can be shown and brought back. */
const mostSeen = 64 * 1024;

/** ops as they are written down; shape finds what is on the board, by is who does it. */
export function stepsOf(ops: readonly Op[], shape: (id: string) => Shape | undefined, by: string): Step[] {
  let room = mostSeen;
  const seenOf = (s: Shape | undefined): { seen?: Fields } => {
    if (!s) return {};
    room -= s.points.byteLength;
    return s.points.byteLength > 0 && room < 0 ? {} : { seen: toFields(s) };
  };
  return ops.map((op): Step => {
    if (op.op === 'put') return { op: 'put', id: op.shape.id, shape: toFields({ ...op.shape, by: op.shape.by || by }) };
    const seen = seenOf(op.seen ?? shape(op.id));
    if (op.op === 'delete') return { op: 'delete', id: op.id, ...seen };
    return { op: 'patch', id: op.id, patch: { ...patchFields(op.patch), ...(op.patch.text !== undefined && by ? { by } : {}) }, ...seen };
  });
}

/** A shape before and after a step, null where there is none; undefined where the step does not say. */
export function sides(step: Step): { before: Shape | null; after: Shape | null } | undefined {
  if (step.op === 'put') return { before: null, after: fromFields(step.id, step.shape) };
  if (!step.seen) return undefined;
  const before = fromFields(step.id, step.seen);
  return { before, after: step.op === 'delete' ? null : fromFields(step.id, { ...step.seen, ...step.patch }) };
}

/** What was submitted, read anew: an older or newer version of the page may have written it. */
export function readChange(input: unknown): ChangeInput | null {
  const { steps, undo, away, force } = (input ?? {}) as { readonly [key: string]: unknown };
  if (!Array.isArray(steps) || !steps.every(isStep)) return null;
  return { steps: steps as Step[], ...(undo === true ? { undo } : {}), ...(away === true ? { away } : {}), ...(force === true ? { force } : {}) };
}

function isStep(v: unknown): boolean {
  const { op, id, shape, patch, seen } = (v ?? {}) as { readonly [key: string]: unknown };
  const fields = (f: unknown) => typeof f === 'object' && f !== null && !Array.isArray(f);
  if (typeof id !== 'string' || !(seen === undefined || fields(seen))) return false;
  return op === 'delete' || (op === 'put' && fields(shape)) || (op === 'patch' && fields(patch));
}

/** The shapes that ops are about. */
export function idsOf(ops: readonly Op[]): string[] {
  return [...new Set(ops.map(idOf))];
}
