import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TrefoilError } from 'trefoil';
import { Cards, folded, isMine, matches, ordered, under } from '../src/cards.ts';
import { type Card, cardOf, heldOf, readAccount, readCard } from '../src/house.ts';
import { loginWords } from '../src/login.ts';
import { lineOf } from '../src/link.ts';
import { initials } from '../src/ui/gate.ts';
import { Refusal, whyOf, whyWords } from '../src/why.ts';

function card(part: Partial<Card> & { id: string }): Card {
  return readCard({ title: 'A vase', seller: 's', sellerName: 'Seller', state: 'open', start: 1000, step: 100, price: 0, next: 1000, leader: '', leaderName: '', bids: 0, opened: 0, ends: 1000, closed: 0, version: 1, ...part });
}

test('what is no card is refused, and odd fields do no harm', () => {
  for (const bad of [null, 7, 'x', [], {}, { id: '' }, { id: 5 }]) assert.throws(() => readCard(bad), TypeError);
  const odd = readCard({ id: 'a', title: {}, price: 1e308, next: NaN, bids: 1.5, state: 'bomb', leader: 7 });
  assert.deepEqual([odd.title, odd.price, odd.next, odd.bids, odd.state, odd.leader], ['', 0, 0, 0, 'open', '']);
});

test('of two cards the newer one stays', () => {
  const cards = new Cards();
  const first = card({ id: 'a', version: 3, price: 300 });
  assert.equal(cards.put(first), undefined);
  assert.equal(cards.put(card({ id: 'a', version: 2, price: 200 })), false);
  assert.equal(cards.put(card({ id: 'a', version: 3, price: 999 })), false);
  assert.equal(cards.put(card({ id: 'a', version: 4, price: 400 })), first);
  assert.equal(cards.get('a')!.price, 400);
});

test('open lots come first by their end, closed ones by their hammer, and the same array until something changes', () => {
  const cards = new Cards();
  cards.put(card({ id: 'late', ends: 900 }));
  cards.put(card({ id: 'old', state: 'sold', closed: 10 }));
  cards.put(card({ id: 'soon', ends: 100 }));
  cards.put(card({ id: 'new', state: 'unsold', closed: 50 }));
  assert.deepEqual(cards.all().map((c) => c.id), ['soon', 'late', 'new', 'old']);
  assert.equal(cards.all(), cards.all());
});

test('of closed lots only the newest are held', () => {
  const cards = new Cards();
  for (let i = 1; i <= 1000; i++) cards.put(card({ id: `c${i}`, state: 'sold', closed: i }));
  cards.put(card({ id: 'open' }));
  assert.equal(cards.all().length, 401);
  assert.equal(cards.all()[1]!.id, 'c1000');
  assert.equal(cards.get('c1'), undefined);
});

test('tabs, search and order', () => {
  const now = 1000;
  const mine = { id: 'me', lots: new Set(['b']) };
  const soon = card({ id: 'a', ends: now + 60_000 });
  const later = card({ id: 'b', ends: now + 600_000, title: 'Été à Nice', bids: 3, price: 5000 });
  const sold = card({ id: 'c', state: 'sold', leader: 'me' });
  assert.deepEqual([soon, later, sold].map((c) => under('soon', c, now, mine)), [true, false, false]);
  assert.deepEqual([soon, later, sold].map((c) => under('closed', c, now, mine)), [false, false, true]);
  assert.deepEqual([soon, later, sold].map((c) => under('mine', c, now, mine)), [false, true, true]);
  assert.equal(isMine(sold, null), false);
  assert.ok(matches(later, folded('ETE nice')));
  assert.ok(matches(later, folded('seller')));
  assert.ok(!matches(later, folded('ete paris')));
  assert.deepEqual(ordered([soon, later], 'high').map((c) => c.id), ['b', 'a']);
});

test('the object of a lot is a card with its own bid in it', () => {
  const c = cardOf('x', { title: 't', text: 'y', seller: 's', state: 'open', start: 500, step: 50, price: 700, leader: 'me', bids: 2, opened: 1, ends: 2 }, 9, (id) => `<${id}>`)!;
  assert.deepEqual([c.next, c.leaderName, c.sellerName, c.version], [750, '<me>', '<s>', 9]);
  assert.equal(cardOf('x', {}, 0, () => ''), null);
  assert.equal(cardOf('x', { state: 'open', start: 500, step: 50 }, 1, () => '')!.next, 500);
});

test('accounts', () => {
  const a = readAccount({ available: 5, held: { x: 10, y: 20, z: 0 }, maxima: { x: 99 }, spent: 1 });
  assert.equal(heldOf(a), 30);
  assert.deepEqual([...a.maxima], [['x', 99]]);
  assert.equal(heldOf(readAccount({})), 0);
});

test('each refusal has its words', () => {
  const sold = card({ id: 'a', state: 'sold', bids: 2, price: 4200, leader: 'x', leaderName: 'Ann', closed: Date.UTC(2024, 0, 1, 12, 0, 7) });
  const context = { card: sold, cents: 5000, available: 100, me: 'me' };
  assert.match(whyWords(new Refusal('closed'), context), /^Too late: the hammer fell at \d\d:\d\d:07, at €42 for Ann\.$/);
  assert.match(whyWords(new Refusal('closed'), { ...context, me: 'x' }), /for you\.$/);
  assert.match(whyWords(new Refusal('low'), { ...context, card: card({ id: 'a', bids: 1, price: 4200, next: 4300, leaderName: 'Ann' }) }), /Ann bids €42\. The next bid is €43 or more/);
  assert.match(whyWords(new Refusal('money'), context), /€1 of €50/);
  const invariant = (why: string) => new TrefoilError(9, 'dstm.invariant', 'no', { details: { why } });
  for (const why of ['closed', 'low', 'leading', 'own_lot', 'money', 'amount']) {
    assert.equal(whyOf(invariant(why)), why);
    assert.equal(whyWords(invariant(why), context), whyWords(new Refusal(why as 'low'), context));
  }
  assert.equal(whyOf(new TrefoilError(9, 'auction.closed', '')), 'closed');
  assert.equal(whyOf(new TrefoilError(7, 'dstm.denied', '')), 'role');
  assert.equal(whyOf(new TrefoilError(9, 'dstm.bounds', '')), 'money');
  assert.match(whyWords(new TrefoilError(14, 'rpc.lost', '', { unknown: true }), context), /counted or not/);
  assert.equal(whyWords(new TrefoilError(9, 'auction.other', 'it is so'), context), 'It is so.');
  assert.equal(whyWords(invariant('shape'), context), 'No.');
});

test('the connection in words', () => {
  const state = { phase: 'closed', session: '', attempt: 0, retry: null, error: new TrefoilError(16, 'transport.unauthenticated', 'who?') } as const;
  assert.deepEqual(lineOf(state, true), { phase: 'closed', why: 'The connection has ended: who?. Reload the page to go on here.', forgotten: true });
  assert.equal(lineOf({ ...state, phase: 'connecting', error: null }, false).phase, 'connecting');
  assert.equal(lineOf({ ...state, phase: 'connecting', error: null }, true).phase, 'waiting');
});

test('names', () => {
  assert.equal(initials('Ada Lind'), 'AL');
  assert.equal(initials(''), '?');
  assert.equal(initials('😀 x'), '😀X');
  for (const reason of ['auction.bad_name', 'auction.name_taken', 'auction.bad_key', 'auction.full', 'offline']) assert.notEqual(loginWords(reason), loginWords('other'));
});
