import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History } from '../src/history.ts';
import { MemoryBoard } from '../src/memory.ts';
import { shape, type Shape } from '../src/model.ts';

function table() {
  const board = new MemoryBoard();
  return { board, history: new History(board), put: (s: Shape) => ({ op: 'put', shape: s }) as const };
}

const a = shape({ id: 'a', kind: 'rect', x: 1, y: 1 });

test('making, moving and deleting are taken back and done again', () => {
  const { board, history, put } = table();
  history.do([put(a)]);
  history.do([{ op: 'patch', id: 'a', patch: { x: 5, y: 6 } }]);
  history.do([{ op: 'delete', id: 'a' }]);
  assert.equal(board.get('a'), undefined);
  assert.ok(history.undo());
  assert.equal(board.get('a')?.x, 5);
  assert.ok(history.undo());
  assert.equal(board.get('a')?.x, 1);
  assert.ok(history.undo());
  assert.equal(board.get('a'), undefined);
  assert.ok(!history.canUndo && history.canRedo);
  for (let i = 0; i < 3; i++) assert.ok(history.redo());
  assert.equal(board.get('a'), undefined);
  assert.ok(history.undo());
  assert.equal(board.get('a')?.x, 5);
});

test('what somebody else has changed since stays', () => {
  const { board, history, put } = table();
  history.do([put(a)]);
  history.do([{ op: 'patch', id: 'a', patch: { x: 5, color: 'red' } }]);
  board.apply([{ op: 'patch', id: 'a', patch: { x: 99 } }]);
  assert.ok(history.undo());
  assert.equal(board.get('a')?.x, 99);
  assert.equal(board.get('a')?.color, 'ink');
});

test('nothing is left to take back', () => {
  const { board, history, put } = table();
  history.do([put(a)]);
  history.do([{ op: 'patch', id: 'a', patch: { x: 5 } }]);
  board.apply([{ op: 'delete', id: 'a' }]);
  assert.equal(history.undo(), false);
  assert.equal(board.get('a'), undefined, 'a change does not bring back what was deleted');
});

test('a new step ends what could be done again', () => {
  const { history, put } = table();
  history.do([put(a)]);
  history.undo();
  history.do([put({ ...a, id: 'b' })]);
  assert.ok(!history.canRedo);
});

test('what was refused leaves the stack, in both directions', async () => {
  const { board, history, put } = table();
  const apply = board.apply.bind(board);
  let refuse: (ids: ReadonlySet<string>) => void = () => {};
  history.do([put(a)]);
  board.apply = (ops) => {
    void apply(ops);
    return new Promise((done) => (refuse = done));
  };
  history.do([{ op: 'patch', id: 'a', patch: { x: 5 } }]);
  void apply([{ op: 'patch', id: 'a', patch: { x: 1 } }]); // it is taken back on the board
  refuse(new Set(['a']));
  await null;
  assert.ok(history.canUndo, 'the making of it was stored');
  history.undo();
  assert.equal(board.get('a'), undefined);
  refuse(new Set(['a']));
  await null;
  assert.ok(!history.canUndo && !history.canRedo);
});

test('of a change of several only what was refused leaves the stack', async () => {
  const { board, put } = table();
  let told = 0;
  const history = new History(board, () => told++);
  const apply = board.apply.bind(board);
  board.apply = async (ops) => {
    await apply(ops);
    return new Set(['b']);
  };
  history.do([put(a), put({ ...a, id: 'b' })]);
  await new Promise(setImmediate);
  assert.equal(told, 1);
  history.undo();
  assert.deepEqual(board.shapes().map((s) => s.id), ['b']);
});

test('what waits since before a reload can be taken back', () => {
  const { board, put } = table();
  void board.apply([put({ ...a, x: 5 })]);
  Object.assign(board, { unfinished: () => [{ changes: [{ id: 'a', before: a, after: { ...a, x: 5 } }], refused: Promise.resolve(new Set()) }] });
  const history = new History(board);
  assert.ok(history.canUndo);
  history.undo();
  assert.equal(board.get('a')?.x, 1);
});
