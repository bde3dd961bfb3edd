import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultWords, fieldMoney, money, mostCents, parseMoney, shortMoney } from '../src/money.ts';

test('sums are read to the cent', () => {
  const good: readonly (readonly [string, number])[] = [
    ['1', 100], ['0.01', 1], ['.5', 50], ['12.', 1200], ['1250.5', 125_050], ['1,250.50', 125_050], [' 1 250 ', 125_000], ['€ 99', 9900], ['99 EUR', 9900], ['1’000', -1], ["1'000", 100_000],
    ['0.29', 29], ['1.15', 115], ['4.35', 435], ['1000000000', mostCents], ['000000000000000000012', 1200],
  ];
  for (const [text, cents] of good) {
    const r = parseMoney(text);
    if (cents < 0) assert.deepEqual(r, { fault: 'not_a_number' }, text);
    else assert.deepEqual(r, { cents }, text);
  }
});

test('what is no sum is refused with its reason', () => {
  const bad: readonly (readonly [string, string])[] = [
    ['', 'empty'], ['   ', 'empty'], ['€', 'empty'], ['0', 'zero'], ['0.00', 'zero'], ['-5', 'negative'], ['\u22125', 'negative'], ['-0', 'negative'], ['1e308', 'not_a_number'], ['1E3', 'not_a_number'],
    ['0x10', 'not_a_number'], ['NaN', 'not_a_number'], ['Infinity', 'not_a_number'], ['ten', 'not_a_number'], ['1.2.3', 'not_a_number'], ['1,2', 'not_a_number'], ['12,34.5', 'not_a_number'], ['+5', 'not_a_number'],
    ['<b>5</b>', 'not_a_number'], ['٣', 'not_a_number'], ['1.001', 'fractions'], ['1000000000.01', 'too_large'], ['9'.repeat(400), 'too_large'], ['5;', 'not_a_number'],
  ];
  for (const [text, fault] of bad) assert.deepEqual(parseMoney(text), { fault }, JSON.stringify(text));
  assert.notEqual(faultWords('negative'), '');
});

test('sums are written to the cent', () => {
  assert.equal(money(0), '€0');
  assert.equal(money(5), '€0.05');
  assert.equal(money(123_456_789), '€1,234,567.89');
  assert.equal(money(100_000_000_000), '€1,000,000,000');
  assert.equal(money(-150), '−€1.50');
  assert.equal(money(9_007_199_254_740_991), '€90,071,992,547,409.91');
});

test('what a field is filled with is read back as the same sum', () => {
  for (const cents of [1, 10, 99, 100, 101, 123_456, 100_000, mostCents, mostCents - 1]) assert.deepEqual(parseMoney(fieldMoney(cents)), { cents });
});

test('axes have short sums', () => {
  assert.equal(shortMoney(0, 100), '€0');
  assert.equal(shortMoney(95_000, 5000), '€950');
  assert.equal(shortMoney(1_250_000, 50_000), '€12.5k');
  assert.equal(shortMoney(340_000_000, 20_000_000), '€3.4M');
  assert.equal(shortMoney(1_000_050, 50), '€10,000.50');
  assert.deepEqual([99_500_000_000, 100_000_000_000, 100_500_000_000].map((n) => shortMoney(n, 500_000_000)), ['€995M', '€1B', '€1.005B']);
});
