import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ago, Clock, countdown, spoken } from '../src/clock.ts';

test('the time is the server’s, halfway between question and answer', () => {
  let ticks = 1000;
  const clock = new Clock(() => ticks);
  assert.equal(clock.known, false);
  assert.ok(Number.isNaN(clock.now()));
  const asked = clock.ticks();
  ticks += 40;
  clock.answer(asked, 5_000_000);
  assert.equal(clock.now(), 5_000_020);
  ticks += 1000;
  assert.equal(clock.now(), 5_001_020);
});

test('a slow answer does not spoil a quick one, a quicker one does better', () => {
  let ticks = 0;
  const clock = new Clock(() => ticks);
  ticks = 10;
  clock.answer(0, 1000);
  assert.equal(clock.now(), 1005);
  ticks = 2010;
  clock.answer(10, 9999);
  assert.equal(clock.now(), 3005);
  ticks = 2012;
  clock.answer(2010, 3100);
  assert.equal(clock.now(), 3101);
});

test('after a long sleep the next answer counts, however slow', () => {
  let ticks = 0;
  const clock = new Clock(() => ticks);
  clock.answer(0, 1000);
  clock.doubt();
  ticks = 500;
  clock.answer(0, 90_000);
  assert.equal(clock.now(), 90_250);
});

test('answers that make no sense are not taken', () => {
  const clock = new Clock(() => 5);
  clock.answer(9, 1000);
  clock.answer(1, NaN);
  assert.equal(clock.known, false);
});

test('the computer’s clock is not asked', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 0 });
  let ticks = 0;
  const clock = new Clock(() => ticks);
  clock.answer(0, 1_700_000_000_000);
  t.mock.timers.setTime(86_400_000);
  ticks = 1000;
  assert.equal(clock.now(), 1_700_000_001_000);
});

test('durations in words', () => {
  assert.equal(countdown(-5), '0:00');
  assert.equal(countdown(1), '0:01');
  assert.equal(countdown(61_000), '1:01');
  assert.equal(countdown(3_599_999), '1 h 00 min');
  assert.equal(countdown(90_000_000), '1 d 1 h');
  assert.equal(spoken(61_000), '1 minute 1 second');
  assert.equal(spoken(1000), '1 second');
  assert.equal(ago(0), 'now');
  assert.equal(ago(59_999), '59 s ago');
  assert.equal(ago(7_200_000), '2 h ago');
});
