import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitting, panned, toBoard, toScreen, zoomed } from '../src/camera.ts';
import { bounds, boxOf, handles, hits, holds, overlap, relative, resized, simplify, union } from '../src/geometry.ts';
import { shape, type Kind } from '../src/model.ts';
import { layout, wrap } from '../src/text.ts';

const measure = () => ({ w: 100, h: 40 });
const near = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-9, `${a} is not ${b}`);

test('bounds of every kind', () => {
  const s = (kind: Kind, more = {}) => shape({ id: 'x', kind, x: 10, y: 20, w: 30, h: 40, ...more });
  assert.deepEqual(bounds(s('rect'), measure), { x: 10, y: 20, w: 30, h: 40 });
  assert.deepEqual(bounds(s('line', { w: -5, h: -6 }), measure), { x: 5, y: 14, w: 5, h: 6 });
  assert.deepEqual(bounds(s('note'), measure), { x: 10, y: 20, w: 100, h: 40 });
  assert.deepEqual(bounds(s('pen', { points: new Float32Array([0, 0, 5, -5, -2, 3]) }), measure), { x: 8, y: 15, w: 7, h: 8 });
  assert.equal(union([]), null);
  assert.deepEqual(union([{ x: 0, y: 0, w: 1, h: 1 }, { x: 5, y: -2, w: 1, h: 1 }]), { x: 0, y: -2, w: 6, h: 3 });
});

test('outlines are hit on the line, not inside', () => {
  const rect = shape({ id: 'r', kind: 'rect', w: 100, h: 100, width: 2 });
  const round = shape({ id: 'e', kind: 'ellipse', w: 100, h: 60, width: 2 });
  for (const [s, on, inside] of [[rect, { x: 0, y: 50 }, { x: 50, y: 50 }], [round, { x: 50, y: 0 }, { x: 50, y: 30 }]] as const) {
    assert.ok(hits(s, on, 3, measure));
    assert.ok(!hits(s, inside, 3, measure));
    assert.ok(!hits(s, { x: 200, y: 200 }, 3, measure));
  }
  assert.ok(!hits(round, { x: 1, y: 1 }, 3, measure), 'the corner of its box');
  const line = shape({ id: 'l', kind: 'line', w: 100, h: 100 });
  assert.ok(hits(line, { x: 50, y: 52 }, 3, measure));
  assert.ok(!hits(line, { x: 80, y: 20 }, 3, measure));
  const dot = shape({ id: 'p', kind: 'pen', points: new Float32Array([0, 0]) });
  assert.ok(hits(dot, { x: 2, y: 2 }, 3, measure));
  assert.ok(hits(shape({ id: 'n', kind: 'note', w: 9, h: 9 }), { x: 50, y: 20 }, 0, measure));
});

test('a stroke keeps its corners and loses the rest', () => {
  const straight = Array.from({ length: 50 }, (_, i) => ({ x: i, y: 0 }));
  assert.equal(simplify(straight, 0.1).length, 2);
  const bent = [...straight, ...Array.from({ length: 50 }, (_, i) => ({ x: 49, y: i + 1 }))];
  assert.deepEqual(simplify(bent, 0.1), [{ x: 0, y: 0 }, { x: 49, y: 0 }, { x: 49, y: 50 }]);
  assert.deepEqual([...relative([{ x: 5, y: 5 }, { x: 7.004, y: 2 }])], [0, 0, 2, -3]);
});

test('a corner is pulled, the opposite one stays', () => {
  const s = shape({ id: 'r', kind: 'rect', x: 10, y: 10, w: 20, h: 20 });
  assert.equal(handles(s, measure).length, 4);
  assert.deepEqual(resized(s, 2, { x: 50, y: 60 }, measure), { x: 10, y: 10, w: 40, h: 50 });
  assert.deepEqual(resized(s, 0, { x: 0, y: 5 }, measure), { x: 0, y: 5, w: 30, h: 25 });
  assert.deepEqual(resized(s, 2, { x: 0, y: 0 }, measure), { x: 0, y: 0, w: 10, h: 10 }, 'turned over');
  const line = shape({ id: 'l', kind: 'line', x: 0, y: 0, w: 10, h: 10 });
  assert.deepEqual(resized(line, 0, { x: 4, y: 2 }, measure), { x: 4, y: 2, w: 6, h: 8 });
  assert.deepEqual(resized(line, 1, { x: 4, y: 2 }, measure), { x: 0, y: 0, w: 4, h: 2 });
});

test('boxes', () => {
  assert.deepEqual(boxOf({ x: 5, y: 1 }, { x: 2, y: 4 }), { x: 2, y: 1, w: 3, h: 3 });
  const box = { x: 0, y: 0, w: 10, h: 10 };
  assert.ok(overlap(box, { x: 9, y: 9, w: 5, h: 5 }) && !overlap(box, { x: 11, y: 0, w: 1, h: 1 }));
  assert.ok(holds(box, { x: 1, y: 1, w: 9, h: 9 }) && !holds(box, { x: 1, y: 1, w: 10, h: 1 }));
});

test('the camera keeps the place under the pointer', () => {
  const c = { x: 7, y: -3, zoom: 1.5 };
  const at = { x: 200, y: 100 };
  const before = toBoard(c, at), after = toBoard(zoomed(c, 4, at), at);
  near(before.x, after.x);
  near(before.y, after.y);
  const p = { x: 31, y: 17 }, back = toScreen(c, toBoard(c, p));
  near(back.x, p.x);
  near(back.y, p.y);
  near(toScreen(panned(c, 10, 20), toBoard(c, p)).x, p.x + 10);
  assert.equal(zoomed(c, 1000, at).zoom, 8);
  assert.equal(zoomed(c, 0, at).zoom, 0.1);
  const all = fitting({ x: 0, y: 0, w: 4000, h: 100 }, 1000, 800);
  assert.ok(toScreen(all, { x: 0, y: 0 }).x >= 0 && toScreen(all, { x: 4000, y: 0 }).x <= 1000);
});

test('text is broken between words, and inside those that are too long', () => {
  const width = (t: string) => t.length;
  assert.deepEqual(wrap('the quick brown fox', 9, width), ['the quick', 'brown fox']);
  assert.deepEqual(wrap('abcdefghij', 4, width), ['abcd', 'efgh', 'ij']);
  assert.deepEqual(wrap('', 4, width), ['']);
  assert.deepEqual(wrap('😀😀', 1, width), ['😀', '😀']);
  assert.deepEqual(wrap('ab', 0, width), ['a', 'b']);
  const s = shape({ id: 'n', kind: 'note', w: 132, h: 50, text: 'one two\nthree' });
  const l = layout(s, (t, size) => (t.length * size) / 2);
  assert.deepEqual(l.lines, ['one two', 'three']);
  assert.equal(l.w, 132);
  assert.ok(l.h > 50);
});
