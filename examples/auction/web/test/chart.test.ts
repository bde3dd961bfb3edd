import assert from 'node:assert/strict';
import { test } from 'node:test';
import { art, artHeight, artWidth } from '../src/art.ts';
import { priceAt, priceRange, scale, stepPath, ticks, timeTicks } from '../src/chart.ts';
import { Chance } from '../src/random.ts';

test('a scale leads there and back', () => {
  const x = scale(100, 300, 0, 50);
  assert.equal(x.at(200), 25);
  assert.equal(x.value(25), 200);
  assert.equal(scale(5, 5, 0, 10).at(5), 0);
});

test('ticks are round and within', () => {
  assert.deepEqual(ticks(0, 100, 5), [0, 20, 40, 60, 80, 100]);
  assert.deepEqual(ticks(3300, 9700, 3), [4000, 6000, 8000]);
  const seed = String(process.env['SEED'] ?? 7);
  console.log(`seed ${seed}`);
  const c = new Chance(seed);
  for (let i = 0; i < 500; i++) {
    const from = Math.floor(c.between(0, 1e11));
    const to = from + Math.floor(c.between(2, 1e11));
    const all = ticks(from, to, 4);
    assert.ok(all.length <= 11, `${from} ${to}: ${all.length}`);
    for (const t of all) assert.ok(t >= from && t <= to && Number.isInteger(t));
  }
});

test('moments on the axis are whole steps', () => {
  assert.deepEqual(timeTicks(0, 60_000, 6), [0, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000]);
  assert.ok(timeTicks(0, 7 * 86_400_000, 6).length <= 8);
  assert.ok(timeTicks(1, 400 * 86_400_000, 6).length < 100);
});

test('the line goes in steps to its end', () => {
  const x = scale(0, 100, 0, 100);
  const y = scale(0, 100, 100, 0);
  assert.equal(stepPath([{ time: 0, cents: 10 }, { time: 50, cents: 40 }], x, y, 100), 'M0 90H50V60H100');
  assert.equal(stepPath([], x, y, 100), '');
});

test('many bids make no more steps than there are columns, and the last price is right', () => {
  const points = Array.from({ length: 20_000 }, (_, i) => ({ time: i, cents: i }));
  const d = stepPath(points, scale(0, 20_000, 0, 300), scale(0, 20_000, 200, 0), 20_000);
  assert.ok(d.split('H').length < 500, d.length.toString());
  assert.ok(d.endsWith('V0H300'), d.slice(-20));
});

test('the price under the pointer is the one that held then', () => {
  const points = [{ time: 10, cents: 1 }, { time: 20, cents: 2 }, { time: 20, cents: 3 }, { time: 30, cents: 4 }];
  assert.equal(priceAt(points, 9), undefined);
  assert.equal(priceAt(points, 10)?.cents, 1);
  assert.equal(priceAt(points, 29)?.cents, 3);
  assert.equal(priceAt(points, 99)?.cents, 4);
});

test('the range never goes below zero and is never empty', () => {
  assert.deepEqual(priceRange([]), [0, 100]);
  const [low, high] = priceRange([{ time: 0, cents: 50 }]);
  assert.ok(low === 0 && high > 50);
});

test('a picture follows from its id alone, and differs from others', () => {
  const seen = new Set<string>();
  for (let i = 0; i < 200; i++) {
    const marks = art(`lot-${i}`);
    assert.deepEqual(marks, art(`lot-${i}`));
    const text = JSON.stringify(marks);
    assert.ok(!/NaN|undefined|Infinity/.test(text), `lot-${i}: ${text}`);
    assert.ok(marks.length < 120, `lot-${i}: ${marks.length} marks`);
    assert.deepEqual([marks[0]!.attrs['width'], marks[0]!.attrs['height']], [artWidth, artHeight]);
    seen.add(text);
  }
  assert.equal(seen.size, 200);
});
