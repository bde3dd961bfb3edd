import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message, Room } from '../src/board.ts';
import { shape, toFields } from '../src/model.ts';
import { cleanName, People } from '../src/people.ts';
import { words } from '../src/ui/banner.ts';
import { initials } from '../src/ui/header.ts';

class FakeRoom implements Room {
  here = ['me'];
  readonly sent: Message[] = [];
  came = () => {};
  hear: (from: string, message: unknown) => void = () => {};
  people = () => this.here;
  send = (m: Message) => void this.sent.push(m);
  onPeople = (fn: () => void) => void (this.came = fn);
  onMessage = (fn: (from: string, message: unknown) => void) => void (this.hear = fn);
  leave() {}
}

test('who comes learns names, who goes is gone', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const room = new FakeRoom();
  const people = new People(room, 'me', 'Otter');
  assert.equal(room.sent.length, 0, 'nobody is there to be told');
  room.here = ['me', 'you'];
  room.came();
  assert.deepEqual(room.sent, [{ name: 'Otter' }]);
  assert.deepEqual(people.list().map((p) => p.name), ['Otter', 'Guest']);
  room.hear('you', { name: 'Heron', x: 3, y: 4 });
  assert.deepEqual(people.list().map((p) => p.name), ['Otter', 'Heron']);
  assert.deepEqual([...people.others()][0]?.at, { x: 3, y: 4 });
  room.here = ['me'];
  room.came();
  assert.deepEqual([...people.others()], []);
  people.leave();
});

test('many movements become few messages, the last one among them', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const room = new FakeRoom();
  const people = new People(room, 'me', 'Otter');
  people.show({ x: 5, y: 5 }, null, new Map());
  assert.equal(room.sent.length, 0, 'nobody is there to be told');
  room.here = ['me', 'you'];
  for (let i = 0; i < 100; i++) people.show({ x: i, y: 0 }, null, new Map());
  assert.equal(room.sent.length, 1);
  t.mock.timers.tick(50);
  assert.deepEqual(room.sent.map((m) => m.x), [0, 99]);
  people.leave();
});

test('a long draft is thinned out', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const room = new FakeRoom();
  room.here = ['me', 'you'];
  const people = new People(room, 'me', 'Otter');
  people.show(null, shape({ id: 'd', kind: 'pen', points: new Float32Array(20_000).map((_, i) => i) }), new Map());
  t.mock.timers.tick(50);
  const draft = room.sent.at(-1)?.draft?.shape as { points: Uint8Array };
  assert.equal(draft.points.length, 300 * 8);
  people.leave();
});

test('whatever others send does no harm', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const room = new FakeRoom();
  const people = new People(room, 'me', 'Otter');
  room.here = ['me', 'you'];
  room.came();
  const bad = [null, 7, 'x', [], { name: {}, x: NaN, y: 1 }, { name: 'n'.repeat(1e6), draft: 5, moving: [] }, { moving: { a: [1], b: ['x', 'y'], c: [1, 2], d: [1, 2, 3], e: [Infinity, 0] } }, { draft: { id: 'q', shape: { kind: 'bomb' } } }];
  for (const m of bad) room.hear('you', m);
  room.hear('you', { name: 'Heron', x: 1, y: 2, draft: { id: 'q', shape: toFields(shape({ id: 'q', kind: 'rect', w: 3, h: 4 })) }, moving: { c: [1, 2] } });
  t.mock.timers.tick(400);
  const [you] = [...people.others()];
  assert.equal(you?.draft?.w, 3);
  assert.deepEqual([...you!.moving], [['c', { x: 1, y: 2 }]]);
  room.hear('you', { name: 'Heron' });
  const lingering = [...people.doings()];
  assert.equal(lingering.length, 2, 'shown until the board has it');
  t.mock.timers.tick(400);
  assert.equal([...people.doings()].length, 1);
  people.leave();
});

test('names', () => {
  assert.equal(cleanName('  Calm \n\u202e\u0007 Otter '), 'Calm Otter');
  assert.equal(cleanName('x'.repeat(100)).length, 24);
  assert.equal(initials('Quiet Otter'), 'QO');
  assert.equal(initials('otter'), 'O');
  assert.equal(initials(''), '?');
});

test('the banner says what matters', () => {
  assert.equal(words({ phase: 'open' }, 3, true), '');
  assert.match(words({ phase: 'waiting' }, 1, true), /1 change waits/);
  assert.match(words({ phase: 'waiting' }, 2, true), /2 changes wait/);
  assert.match(words({ phase: 'waiting' }, 2, false), /keep this page open/);
  assert.equal(words({ phase: 'closed', why: 'because' }, 0, true), 'because');
});
