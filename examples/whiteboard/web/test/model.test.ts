import assert from 'node:assert/strict';
import { test } from 'node:test';
import { split } from '../src/link_board.ts';
import { cleanText, fromFields, maxPoints, maxText, newId, packPoints, round, shape, toFields, unpackPoints, type Op } from '../src/model.ts';

test('a shape survives its way through the object', () => {
  const shapes = [
    shape({ id: 'a', kind: 'pen', x: 1.25, y: -3, points: new Float32Array([0, 0, 5.5, -2.25]), color: 'red', width: 8, z: 3 }),
    shape({ id: 'b', kind: 'line', w: -40, h: 12 }),
    shape({ id: 'c', kind: 'note', w: 190, h: 190, text: 'two\nlines' }),
    shape({ id: 'd', kind: 'text', text: 'hello' }),
  ];
  for (const s of shapes) assert.deepEqual(fromFields(s.id, toFields(s)), s);
});

test('what is no shape is none', () => {
  for (const v of [null, 7, 'pen', [], new Uint8Array(8), {}, { kind: 'star' }, { kind: 'pen' }, { kind: 'pen', points: 'abc' }, { kind: 'pen', points: new Uint8Array(7) }, { kind: 'pen', points: packPoints(new Float32Array([NaN, 0])) }]) {
    assert.equal(fromFields('x', v), null);
  }
});

test('what is out of bounds is brought in', () => {
  const s = fromFields('x', { kind: 'rect', x: 1e300, y: NaN, w: -5, h: '7', color: 'url(evil)', width: 1e9, z: 9n, text: 12 });
  assert.deepEqual(s, shape({ id: 'x', kind: 'rect', x: 1e6, y: 0, w: 0, h: 0, width: 64, z: 9 }));
});

test('keys of a prototype are keys', () => {
  const fields = Object.assign(Object.create(null), { kind: 'rect', ['__proto__']: { w: 5 }, constructor: 1 }) as object;
  assert.deepEqual(fromFields('__proto__', fields), shape({ id: '__proto__', kind: 'rect' }));
});

test('points are packed exactly, and bounded', () => {
  const points = Float32Array.from([0, 0, 1.5, -2.5, 1000.25, 3]);
  assert.deepEqual(unpackPoints(packPoints(points)), points);
  const shifted = new Uint8Array(25); // not aligned
  shifted.set(packPoints(points), 1);
  assert.deepEqual(unpackPoints(shifted.subarray(1)), points);
  assert.equal(unpackPoints(new Uint8Array(8 * (maxPoints + 10)))?.length, maxPoints * 2);
});

test('text is cut and cleaned', () => {
  assert.equal(cleanText('a\r\nb\rc\u0000\u001b\t'), 'a\nb\nc\t');
  assert.equal(cleanText('x'.repeat(1_000_000)).length, maxText);
  assert.equal(cleanText('x'.repeat(maxText - 1) + '😀'), 'x'.repeat(maxText - 1));
  assert.equal(cleanText('a\ud800b😀'), 'ab😀');
});

test('numbers are rounded, ids differ', () => {
  assert.equal(round(1.23456), 1.23);
  assert.ok(Object.is(round(-0.001), 0));
  assert.equal(round(1e12), 1e6);
  assert.notEqual(newId(), newId());
});

test('many steps are cut into transactions', () => {
  const put = (n: number): Op => ({ op: 'put', shape: shape({ id: 'p', kind: 'pen', points: new Float32Array(n * 2) }) });
  assert.deepEqual(split([put(8000), put(8000), put(8000), put(8000), put(8000)]).map((p) => p.length), [4, 1]);
  assert.deepEqual(split(Array.from({ length: 2500 }, (): Op => ({ op: 'delete', id: 'x' }))).map((p) => p.length), [1000, 1000, 500]);
  assert.deepEqual(split([]), []);
});
