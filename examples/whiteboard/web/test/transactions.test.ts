import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dstm, TrefoilError } from 'trefoil';
import { fromFields, shape, toFields, type Fields, type Shape } from '../src/model.ts';
import { change, dot, readChange, sides, stepsOf, Why, type ChangeInput, type DotInput } from '../src/transactions.ts';

type Tree = { [key: string]: unknown };

/** What a transaction does to a tree; null: it left it alone. */
function run<In>(t: dstm.NamedTransaction<In>, tree: Tree, input: In): Tree {
  const out = structuredClone(tree);
  const at = (path: readonly string[], make: boolean): [Tree, string] => {
    let node = out;
    for (const key of path.slice(0, -1)) node = (node[key] ?? (make ? (node[key] = {}) : {})) as Tree;
    return [node, path.at(-1)!];
  };
  const read = (path: readonly string[]): unknown => {
    const [node, key] = at(path, false);
    return node[key];
  };
  const write = (path: readonly string[], value: unknown): void => {
    const [node, key] = at(path, true);
    node[key] = structuredClone(value);
  };
  t.fn({
    exists: (path: string[]) => read(path) !== undefined,
    read,
    set: write,
    overwrite: write,
    delete(path: string[]) {
      const [node, key] = at(path, false);
      delete node[key];
    },
    add(path: string[], n: number, { min = -Infinity, max = Infinity } = {}) {
      const sum = ((read(path) as number | undefined) ?? 0) + n;
      if (sum < min || sum > max) throw new Error('bounds');
      write(path, sum);
    },
  } as unknown as dstm.Tx, input);
  return out;
}

const note = shape({ id: 'n', kind: 'note', w: 190, h: 190, text: 'old', by: 'Kim' });
const rect = shape({ id: 'r', kind: 'rect', x: 1, y: 2, w: 3, h: 4 });
const board = (...all: Shape[]): Tree => ({ shapes: Object.fromEntries(all.map((s) => [s.id, toFields(s)])) });
const see = (tree: Tree, id: string): Shape | null => fromFields(id, (tree['shapes'] as Tree)[id]);
const refused = (why: string) => (e: unknown) => e instanceof TrefoilError && e.reason === why;
const steps = (ops: Parameters<typeof stepsOf>[0], ...all: Shape[]): ChangeInput => ({ steps: stepsOf(ops, (id) => all.find((s) => s.id === id), 'Robin') });

const rewrite = steps([{ op: 'patch', id: 'n', patch: { text: 'mine' } }], note);
const move = steps([{ op: 'patch', id: 'r', patch: { x: 50 } }], rect);

test('what nobody else has touched is changed', () => {
  const after = run(change, board(note, rect), rewrite);
  assert.deepEqual(see(after, 'n'), { ...note, text: 'mine', by: 'Robin' });
  assert.equal(see(run(change, after, move), 'r')?.x, 50);
  assert.deepEqual(run(change, board(), steps([{ op: 'put', shape: rect }])), board(rect));
  assert.deepEqual(run(change, board(rect), steps([{ op: 'delete', id: 'r' }], rect)), board());
  assert.deepEqual(run(change, board(), steps([{ op: 'delete', id: 'r' }], rect)), board(), 'what is deleted already is');
});

test('a text that somebody has rewritten is not overwritten, a place is', () => {
  const theirs = board({ ...note, text: 'theirs', x: 9 }, { ...rect, x: 7 });
  assert.throws(() => run(change, theirs, rewrite), refused(Why.Text));
  assert.equal(see(run(change, theirs, move), 'r')?.x, 50);
  assert.equal(see(run(change, board({ ...note, x: 9 }), rewrite), 'n')?.text, 'mine', 'that it was moved is no conflict');
  assert.equal(see(run(change, board({ ...note, text: 'mine', by: 'Kim' }), rewrite), 'n')?.by, 'Kim', 'both wrote the same');
  assert.equal(see(run(change, theirs, { ...rewrite, force: true }), 'n')?.text, 'mine');
});

test('what is gone is told, unless some of it is there', () => {
  assert.throws(() => run(change, board(), move), refused(Why.Gone));
  const two = steps([{ op: 'patch', id: 'r', patch: { x: 50 } }, { op: 'patch', id: 'n', patch: { x: 60 } }], rect, note);
  assert.deepEqual(run(change, board(note), two), board({ ...note, x: 60 }));
  assert.deepEqual(run(change, board(), { ...move, force: true }), board({ ...rect, x: 50 }), 'it comes back with the change');
});

test('what was rewritten is not deleted unasked', () => {
  const gone = steps([{ op: 'delete', id: 'n' }], note);
  const theirs = board({ ...note, text: 'theirs' });
  assert.throws(() => run(change, theirs, gone), refused(Why.Rewritten));
  assert.deepEqual(run(change, theirs, { ...gone, force: true }), board());
  assert.deepEqual(run(change, board({ ...note, x: 5, color: 'red' }), gone), board());
});

test('undo leaves what others have changed, and never conflicts', () => {
  const back = { ...steps([{ op: 'patch', id: 'n', patch: { text: 'older', x: 0, color: 'blue' } }], { ...note, x: 5 }), undo: true };
  assert.deepEqual(see(run(change, board({ ...note, x: 7, text: 'theirs' }), back), 'n'), { ...note, x: 7, text: 'theirs', color: 'blue' });
  assert.deepEqual(run(change, board(), back), board());
  assert.deepEqual(run(change, board({ ...rect, x: 9 }), { ...steps([{ op: 'put', shape: rect }]), undo: true }), board({ ...rect, x: 9 }));
  const theirs = board({ ...note, text: 'theirs' });
  assert.deepEqual(run(change, theirs, { ...steps([{ op: 'delete', id: 'n' }], note), undo: true }), theirs);
});

test('dots are counted twice and bounded', () => {
  const give = (by: 1 | -1, gone: string[] = []): DotInput => ({ me: 'me', note: 'n', by, gone });
  const one = run(dot, {}, give(1));
  assert.deepEqual(one, { by: { me: { used: 1, on: { n: 1 } } } });
  assert.deepEqual(run(dot, one, give(-1)), { by: { me: { used: 0, on: { n: 0 } } } });
  const full = { dots: 2, by: { me: { used: 2, on: { n: 1, old: 1 } } } };
  assert.throws(() => run(dot, full, give(1)), /bounds/);
  assert.throws(() => run(dot, {}, give(-1)), /bounds/);
  assert.deepEqual(run(dot, full, give(1, ['old'])), { dots: 2, by: { me: { used: 2, on: { n: 2 } } } }, 'those on what is gone come back');
  assert.deepEqual(run(dot, { ...full, dots: 1 }, give(-1)), { dots: 1, by: { me: { used: 1, on: { n: 0, old: 1 } } } }, 'who has too many can take some back');
});

test('steps say what was seen, and large strokes only once', () => {
  const [first, second] = ['a', 'b'].map((id) => shape({ id, kind: 'pen', points: new Float32Array(10_000) }));
  const made = stepsOf([{ op: 'delete', id: 'a' }, { op: 'delete', id: 'b' }, { op: 'delete', id: 'n' }], (id) => [first!, second!, note].find((s) => s.id === id), '');
  assert.deepEqual(made.map((s) => s.op === 'delete' && s.seen !== undefined), [true, false, true]);
  assert.deepEqual(sides(made[0]!), { before: first, after: null });
  assert.equal(sides(made[1]!), undefined);
  assert.deepEqual(sides(rewrite.steps[0]!), { before: note, after: { ...note, text: 'mine', by: 'Robin' } });
});

test('what was written down by another version, or by hand, is read with care', () => {
  for (const v of [null, 7, 'x', [], {}, { steps: 7 }, { steps: [null] }, { steps: [{ op: 'put', id: 'a' }] }, { steps: [{ op: 'burn', id: 'a' }] }, { steps: [{ op: 'patch', id: 7, patch: {} }] },
    { steps: [{ op: 'delete', id: 'a', seen: 5 }] }]) assert.equal(readChange(v), null, JSON.stringify(v));
  const odd: ChangeInput = { steps: [{ op: 'put', id: '__proto__', shape: Object.assign(Object.create(null), { kind: 'rect' }) as Fields }] };
  assert.equal(sides(readChange(odd)!.steps[0]!)?.after?.id, '__proto__');
});
