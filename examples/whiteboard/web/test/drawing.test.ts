import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Boxes } from '../src/boxes.ts';
import { figures, walk } from '../src/frames.ts';
import { overlap, type Box } from '../src/geometry.ts';
import { exposed, shift, steady } from '../src/scroll.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1e6);
console.log(`seed ${seed}`);

function random(): () => number {
  let s = seed;
  return () => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    return s / 2 ** 32;
  };
}

test('boxes within a view are those that overlap it, in order', () => {
  const r = random();
  const box = (most: number): Box => ({ x: r() * 1000 - 500, y: r() * 1000 - 500, w: r() * most, h: r() * most });
  const all = Array.from({ length: 300 }, () => box(80));
  const boxes = new Boxes(all);
  for (let i = 0; i < 200; i++) {
    const view = box(600);
    assert.deepEqual(boxes.within(view), all.flatMap((b, i) => (overlap(b, view) ? [i] : [])));
  }
  assert.deepEqual(new Boxes([]).within(box(600)), []);
});

test('steady cameras are less than a pixel off, and whole pixels apart', () => {
  const r = random();
  for (const ratio of [1, 1.25, 1.5, 2]) {
    for (let i = 0; i < 200; i++) {
      const zoom = 0.1 + r() * 3;
      const camera = { x: r() * 1e4 - 5e3, y: r() * 1e4 - 5e3, zoom };
      const from = steady(camera, ratio);
      assert.ok(Math.abs(from.x - camera.x) * zoom * ratio <= 0.5 + 1e-6 && Math.abs(from.y - camera.y) * zoom * ratio <= 0.5 + 1e-6);
      assert.deepEqual(steady(from, ratio), from);
      const to = steady({ x: camera.x + r() * 40, y: camera.y - r() * 40, zoom }, ratio);
      const by = shift(from, to, ratio)!;
      assert.ok(by.x <= 0 && by.y >= 0, 'what is drawn moves against the camera');
      assert.ok(Math.abs((from.x - to.x) * zoom * ratio - by.x) < 1e-6 && Math.abs((from.y - to.y) * zoom * ratio - by.y) < 1e-6);
      assert.equal(shift(from, { ...to, zoom: zoom * 1.1 }, ratio), null);
    }
  }
});

test('each pixel of the screen is shifted there or exposed, once', () => {
  const width = 13, height = 9;
  for (let x = 1 - width; x < width; x++) {
    for (let y = 1 - height; y < height; y++) {
      const count = new Uint8Array(width * height);
      const fill = (b: Box) => {
        for (let i = b.x; i < b.x + b.w; i++) for (let j = b.y; j < b.y + b.h; j++) count[j * width + i]!++;
      };
      exposed(width, height, { x, y }).forEach(fill);
      fill({ x: Math.max(0, x), y: Math.max(0, y), w: width - Math.abs(x), h: height - Math.abs(y) });
      assert.ok(count.every((n) => n === 1), `by ${x}, ${y}: ${count}`);
    }
  }
});

test('figures are the nearest ranks', () => {
  assert.deepEqual(figures([]), { p50: 0, p95: 0, longest: 0 });
  assert.deepEqual(figures([3]), { p50: 3, p95: 3, longest: 3 });
  const all = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.deepEqual(figures(all), { p50: 50, p95: 95, longest: 100 });
});

test('a walk begins where the camera is, stays on the board, and never jumps', () => {
  const board = { x: -1000, y: -500, w: 4000, h: 3000 };
  for (const [zoom, box] of [[1, board], [0.1, board], [2, { x: 0, y: 0, w: 10, h: 10 }]] as const) {
    const [w, h] = [800, 600];
    const from = { x: box.x, y: box.y, zoom };
    let last = walk(from, box, w, h, 0);
    if (box === board) assert.deepEqual(last, from);
    const low = Math.min(box.x, box.x + box.w / 2 - w / zoom), high = Math.max(box.x + box.w, box.x + box.w / 2 + w / zoom);
    let moved = 0;
    for (let t = 1 / 60; t < 8; t += 1 / 60) {
      const c = walk(from, box, w, h, t);
      assert.equal(c.zoom, zoom);
      assert.ok(c.x >= low - 1e-6 && c.x + w / zoom <= high + 1e-6, `${c.x} at ${zoom}`);
      moved += Math.abs(c.x - last.x) * zoom;
      assert.ok(Math.abs(c.x - last.x) * zoom < 21 && Math.abs(c.y - last.y) * zoom < 9);
      last = c;
    }
    assert.ok(moved > 5000);
  }
});
