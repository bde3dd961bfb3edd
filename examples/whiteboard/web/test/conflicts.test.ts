import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Code, TrefoilError } from 'trefoil';
import { Aside } from '../src/aside.ts';
import { casesOf, type Refused } from '../src/conflicts.ts';
import { shape, toFields, type Shape } from '../src/model.ts';
import { stepsOf, Why, type ChangeInput } from '../src/transactions.ts';
import { words } from '../src/ui/inbox.ts';
import { connectionWords, keepingWords } from '../src/ui/status.ts';
import { own, readTally } from '../src/votes.ts';

const note = shape({ id: 'n', kind: 'note', w: 190, h: 190, text: 'old', by: 'Kim' });
const input = (text: string, more: Partial<ChangeInput> = {}): ChangeInput => ({ steps: stepsOf([{ op: 'patch', id: 'n', patch: { text } }], () => note, 'me'), ...more });
const item = (given: Partial<Refused>): Refused => ({
  id: '1', name: 'board.change', input: input('mine'), object: 'board/abc', reason: Why.Text, message: 'm', denied: false, unknown: false, made: 1, theirs: [], ...given,
});

test('all that is about one shape is one conflict, and the newest counts', () => {
  const [a, b, ...more] = casesOf([
    item({ id: '3', made: 3, input: input('mine, later', { away: true }), theirs: [{ path: ['shapes', 'n', 'text'], value: 'theirs', elided: false }] }),
    item({ id: '1', made: 1 }),
    item({ id: '2', made: 2, object: 'board/other' }),
  ]);
  assert.equal(more.length, 0);
  assert.deepEqual([a!.board, a!.why, a!.count, a!.away, a!.ids, a!.parts.map((p) => p.id)], ['abc', 'text', 2, true, ['n'], ['1', '3']]);
  assert.deepEqual([a!.base[0]?.text, a!.mine[0]?.text, a!.theirs[0]?.text], ['old', 'mine, later', 'theirs']);
  assert.equal(b!.board, 'other');
});

test('why it was refused', () => {
  const why = (given: Partial<Refused>) => casesOf([item(given)])[0]!.why;
  assert.equal(why({ reason: Why.Gone }), 'gone');
  assert.equal(why({ reason: Why.Rewritten }), 'rewritten');
  assert.equal(why({ denied: true, reason: 'dstm.denied' }), 'denied');
  assert.equal(why({ unknown: true, reason: 'dstm.outcome_unknown' }), 'unknown');
  assert.equal(why({ name: 'votes.dot', input: { note: 'n' }, reason: 'dstm.bounds' }), 'dots');
  assert.equal(why({ reason: 'dstm.too_large' }), 'other');
  assert.equal(casesOf([item({ reason: Why.Gone })])[0]!.theirs.length, 0);
});

test('whatever lies in the inbox can be shown', () => {
  for (const odd of [null, 7, { steps: [{ op: 'put', id: 'x', shape: { kind: 'star' } }] }, { steps: 'x' }, { note: {} }]) {
    for (const name of ['board.change', 'votes.dot', 'from.tomorrow']) {
      const [c] = casesOf([item({ input: odd, name, object: '', reason: '', theirs: [{ path: ['shapes', '__proto__'], value: 5, elided: false }, { path: [], value: null, elided: true }] })]);
      assert.ok(words(c!, []).title);
    }
  }
});

test('it is told in plain words', () => {
  const title = (given: Partial<Refused>, theirs: Shape[]) => words(casesOf([item(given)])[0]!, theirs).title;
  assert.equal(title({ input: input('x', { away: true }) }, [note]), 'While you were away Kim changed the text of this note');
  assert.equal(title({}, [note]), 'Kim changed the text of this note while you did');
  assert.equal(title({ reason: Why.Gone }, []), 'Somebody deleted this note while you changed it');
  assert.match(title({ denied: true }, [note]), /may not change this note here any more/);
  assert.match(title({ denied: true, input: { steps: stepsOf([{ op: 'delete', id: 'n' }], () => note, '') } }, [note]), /may not delete this note here any more/);
  assert.match(title({ unknown: true }, [note]), /^Nobody knows/);
});

const stored = new Map<string, string>();
Object.assign(globalThis, { localStorage: { getItem: (k: string) => stored.get(k) ?? null, setItem: (k: string, v: string) => stored.set(k, v) } });
afterEach(() => stored.clear());

test('what was put aside survives, for the one page only', () => {
  const error = new TrefoilError(Code.FailedPrecondition, Why.Text, 'm');
  const stroke = shape({ id: '__proto__', kind: 'pen', points: Float32Array.from([0, 0, 1, 2]) });
  const aside = new Aside('me');
  let told = 0;
  aside.onChange(() => told++);
  aside.add('board/abc', input('mine'), error, () => note);
  aside.add('board/abc', { steps: stepsOf([{ op: 'delete', id: '__proto__' }], () => stroke, '') }, error, () => stroke);
  const again = new Aside('me');
  assert.deepEqual(again.items(), aside.items());
  assert.deepEqual(again.items()[0]?.theirs, { n: toFields(note) });
  assert.deepEqual(Object.entries(again.items()[1]!.theirs), [['__proto__', toFields(stroke)]]);
  assert.equal(new Aside('you').items().length, 0);
  aside.remove(new Set([aside.items()[0]!.id]));
  assert.equal(new Aside('me').items().length, 1);
  assert.equal(told, 3);
  for (const odd of ['', '7', '{}', '[null,{"id":1}]', '[{"id":"a","object":"b","made":1,"theirs":{},"input":{"steps":[7]}}]', 'no json']) {
    stored.set('whiteboard.aside.me', odd);
    assert.deepEqual(new Aside('me').items(), [], odd);
  }
});

test('dots are read with care', () => {
  const t = readTally({ dots: 3, by: { a: { used: 2, on: { n: 1, gone: 1, none: 0 } }, b: { on: { n: 2, x: 'many', y: -1 } }, c: 7, d: { on: 5 } } });
  assert.equal(t.each, 3);
  assert.deepEqual([...t.piles], [['n', [{ client: 'a', count: 1 }, { client: 'b', count: 2 }]], ['gone', [{ client: 'a', count: 1 }]]]);
  assert.deepEqual(own(t, 'a', (id) => id !== 'gone'), { left: 2, gone: ['gone'] });
  assert.deepEqual(own({ ...t, each: 1 }, 'b', () => true), { left: 0, gone: [] });
  for (const odd of [null, 7, 'x', [], { dots: 'x', by: [] }, { dots: 1e9 }]) assert.deepEqual(readTally(odd), { each: 5, piles: new Map() });
});

test('the status says what is missing and why', () => {
  assert.match(connectionWords({ phase: 'waiting' }, 1).text, /1 change waits/);
  assert.match(connectionWords({ phase: 'open' }, 0).title, /All is stored/);
  assert.match(keepingWords({ durable: true, problem: '' }, true).text, /without the server/);
  assert.match(keepingWords({ durable: true, problem: 'damaged' }, true).text, /cannot be read/);
  for (const problem of ['insecure', 'missing', 'forbidden', 'full', 'lost', 'blocked', 'newer', 'failed']) {
    const { title, text } = keepingWords({ durable: false, problem }, false);
    assert.match(title + text, /only while this page is open.*they would be lost with it/, problem);
  }
  assert.match(keepingWords({ durable: false, problem: 'insecure' }, false).text, /https/);
});
