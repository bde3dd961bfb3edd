import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { type Balance, Chain, type Entry, heldOf, hex, Ledger, readEntry } from '../src/books.ts';

/** A log of n entries whose bytes begin as the house's do: a format byte, then the hash of the entry before. */
function log(n: number, hidden: (position: number) => boolean = () => false): Entry[] {
  const out: Entry[] = [];
  let previous = '0'.repeat(64);
  for (let position = 1; position <= n; position++) {
    const bytes = Buffer.concat([Buffer.from([1]), Buffer.from(previous, 'hex'), Buffer.from(`entry ${position}`)]);
    const hash = createHash('sha256').update(bytes).digest('hex');
    out.push(readEntry({ position, time: '2024-01-01T00:00:00Z', kind: 'commit', user: '', name: '', epoch: 'e', previous, hash, size: bytes.length, bytes: hidden(position) ? '' : bytes.toString('base64'), changes: [] }));
    previous = hash;
  }
  return out;
}

function problems(entries: readonly Entry[]): readonly string[] {
  const chain = new Chain();
  for (const e of [...entries].reverse()) chain.take(e);
  return chain.problems;
}

test('a chain that holds', () => {
  const chain = new Chain();
  for (const e of log(50, (p) => p % 5 === 0).reverse()) chain.take(e);
  assert.deepEqual([chain.problems, chain.hashed, chain.hidden, chain.links], [[], 40, 10, 49]);
});

test('whatever is changed in the log is seen', () => {
  const good = log(9);
  const bytes = good[4]!.bytes!.slice();
  bytes[35]! ^= 1;
  const change = (at: number, part: Partial<Entry>) => good.map((e, i) => (i === at ? { ...e, ...part } : e));
  assert.match(problems(change(4, { bytes })).join(), /hash of entry 5/);
  assert.match(problems(change(4, { hash: 'f'.repeat(64) })).join(), /entry 6 does not name the hash of entry 5/);
  assert.match(problems(change(4, { previous: 'f'.repeat(64) })).join(), /entry 5 does not name the hash of entry 4/);
  assert.match(problems(good.filter((_, i) => i !== 4)).join(), /some are missing/);
  const other = createHash('sha256').update(bytes).digest('hex');
  assert.match(problems(change(4, { bytes, hash: other })).join(), /entry 6 does not name/, 'a forged entry with its own right hash');
});

function commit(...changes: unknown[]): Entry {
  return readEntry({ position: 1, changes });
}

test('balances come out of the changes', () => {
  const ledger = new Ledger();
  ledger.take(commit({ object: 'account/ann', op: 'set', path: ['available'], value: 1000 }, { object: 'account/bob', op: 'set', path: [], value: { available: 500, held: { x: 20 } } }, { object: 'lot/x', op: 'set', path: ['price'], value: 7 }));
  ledger.take(commit({ object: 'account/ann', op: 'add', path: ['available'], value: -300 }, { object: 'account/ann', op: 'set', path: ['held', 'x'], value: 300 }));
  ledger.take(commit({ object: 'account/ann', op: 'delete', path: ['held', 'x'] }, { object: 'account/ann', op: 'add', path: ['spent'], value: 300 }, { object: 'account/bob', op: 'add', path: ['available'], value: 300 }, { object: 'account/bob', op: 'add', path: ['earned'], value: 300 }));
  const ann = ledger.accounts.get('ann')!;
  assert.deepEqual([ann.available, heldOf(ann), ann.spent, ann.earned], [700, 0, 300, 0]);
  assert.equal(ledger.total(), 1520);
  const balance = (id: string, available: number, held: number, spent = 0, earned = 0): Balance => ({ id, name: id, role: 'bidder', robot: false, available, held, spent, earned, agrees: true });
  const right = [balance('ann', 700, 0, 300), balance('bob', 800, 20, 0, 300)];
  assert.deepEqual(ledger.differences(right), []);
  assert.deepEqual(ledger.differences([right[0]!, balance('bob', 801, 20, 0, 300)]), ['bob']);
  assert.deepEqual(ledger.differences([right[0]!]), ['bob'], 'an account that the house does not show');
  assert.deepEqual(ledger.differences([...right, balance('eve', 1, 0)]), ['eve'], 'an account that the log does not know');
  assert.throws(() => ledger.take(commit({ object: 'account/ann', op: 'double', path: ['available'], value: 1 })), /not known here/);
});

test('bytes in hexadecimal', () => {
  assert.equal(hex(Uint8Array.of(0, 15, 255)), '000fff');
});
