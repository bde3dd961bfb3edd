// A board of many shapes, and what the page says of itself when it pans over it: node test/frames.mjs
//
//	SHAPES=10000 SEED=1        how many shapes, and where and which; the seed is printed
//	GO=go CHROMIUM=/usr/bin/chromium SHOTS=folder
//
// How fast a machine draws is printed and not judged.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { open, origin, person, runTests, shapes, shot } from './harness.mjs';

const count = Number(process.env.SHAPES ?? 10_000);
const seed = Number(process.env.SEED ?? 1);
const trefoil = readFileSync(new URL('../../../../js/dist/trefoil.global.js', import.meta.url), 'utf8');
const tests = [];
const test = (name, fn) => tests.push([name, fn]);
let p, url;

/** Somebody who waits as long as a slow machine takes. */
async function somebody(name, options) {
  const one = await person(name, options);
  one.page.setDefaultTimeout(110_000);
  return one;
}

/** Runs in the page: draws all that many, as a client of its own, 500 a transaction. */
async function fill({ board, count, seed }) {
  const { Client, dstm } = window.trefoil;
  const random = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const one = (list) => list[Math.floor(random() * list.length)];
  const words = 'a board that many people have drawn on for a week holds notes and strokes of every kind'.split(' ');
  const text = (n) => Array.from({ length: n }, () => one(words)).join(' ');
  const side = Math.sqrt(count) * 140; // about as dense as boards are
  const stroke = () => {
    const n = 10 + Math.floor(random() * 50);
    const view = new DataView(new ArrayBuffer(n * 8));
    for (let i = 0, x = 0, y = 0, a = random() * 6; i < n; i++, a += random() - 0.5) {
      view.setFloat32(i * 8, x, true);
      view.setFloat32(i * 8 + 4, y, true);
      [x, y] = [x + 7 * Math.cos(a), y + 7 * Math.sin(a)];
    }
    return new Uint8Array(view.buffer);
  };
  const make = (z) => {
    const kind = one(['pen', 'pen', 'pen', 'line', 'rect', 'ellipse', 'text', 'note']);
    const s = {
      kind, x: Math.round(random() * side), y: Math.round(random() * side), z, width: one([2, 4, 8]),
      color: one(['ink', 'grey', 'red', 'orange', 'green', 'teal', 'blue', 'violet']),
    };
    if (kind === 'pen') s.points = stroke();
    else if (kind === 'text') s.text = text(3);
    else Object.assign(s, { w: 60 + Math.round(random() * 180), h: 60 + Math.round(random() * 120) });
    if (kind === 'note') Object.assign(s, { w: Math.max(s.w, 160), text: text(8) });
    return s;
  };
  const objects = new dstm.Client();
  const client = await Client.dial('/ws', {}, objects);
  const object = await objects.open(`board/${board}`);
  for (let done = 0; done < count; ) {
    const part = Array.from({ length: Math.min(500, count - done) }, (_, i) => make(done + i));
    await object.update((tx) => part.forEach((s, i) => tx.set(['shapes', `s${done + i}`], s)));
    done += part.length;
  }
  const bytes = window.trefoil.codec.encode(object.snapshot()).length;
  await client.close();
  return bytes;
}

test(`a board of ${count} shapes (seed ${seed})`, async () => {
  p = await somebody('Quiet Otter');
  await p.page.goto(origin);
  await p.page.waitForURL(/\/b\/[a-z0-9]+$/);
  await open(p);
  url = p.page.url();
  await p.page.evaluate(`${trefoil}; window.trefoil = trefoil;`);
  const began = performance.now();
  const bytes = await p.page.evaluate(fill, { board: url.split('/').at(-1), count, seed });
  await shapes(p, count);
  console.log(`      made by transactions of 500 in ${Math.round(performance.now() - began)} ms, ${(bytes / 2 ** 20).toFixed(1)} MiB`);
});

/** What the page says. */
const said = () => p.page.evaluate(() => ({ ...document.querySelector('.frames').dataset }));
const line = (what, d, key) => console.log(`      ${what}: p50 ${d[`${key}P50`]} ms, p95 ${d[`${key}P95`]} ms, longest ${d[`${key}Longest`]} ms`);

test('it opens, from the server and as it is kept in the browser', async () => {
  for (const context of ['from the server', 'as it is kept']) {
    if (context === 'from the server') p = await somebody('Calm Heron');
    await p.page.goto(`${url}?frames`);
    await shapes(p, count);
    const { shown, first } = await said();
    assert.ok(Number(shown) > 0 && Number(first) > 0);
    console.log(`      ${context}: shown ${shown} ms after the page was asked for, the first drawing took ${first} ms`);
    await open(p);
  }
});

test('it pans at actual size and with all of it in view', async () => {
  for (const [key, what] of [['0', 'actual size'], ['Shift+Digit1', 'everything in view']]) {
    await p.page.locator('.overlay').focus();
    await p.page.keyboard.press(key);
    const devtools = await p.context.newCDPSession(p.page);
    await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
    const spent = async () => 1000 * (await devtools.send('Performance.getMetrics')).metrics.find((m) => m.name === 'TaskDuration').value;
    const before = await spent();
    await p.page.click('.frames button');
    await p.page.waitForFunction(() => document.querySelector('.frames').dataset.state === 'done');
    const d = await said();
    assert.ok(Number(d.shapes) === count && Number(d.frames) > 0 && Number(d.frameP95) > 0 && Number(d.drawingP95) > 0, JSON.stringify(d));
    console.log(`      ${what}: ${d.frames} frames, each ${(((await spent()) - before) / d.frames).toFixed(1)} ms of processor time of the page's thread`);
    line('frames', d, 'frame');
    line('drawing', d, 'drawing');
    await shot(p, `frames-${key}`);
  }
  assert.deepEqual(p.log.errors, []);
});

test('what was shifted is what would be drawn anew, but for a few edges', async () => {
  p = await somebody('Bright Finch', { deviceScaleFactor: 1.5 });
  await p.page.goto(url);
  await shapes(p, count);
  for (const zoom of ['0', 'Shift+Digit1']) {
    await p.page.locator('.overlay').focus();
    await p.page.keyboard.press(zoom);
    const [all, differ, most, far] = await p.page.evaluate(shifting);
    console.log(`      ${differ} of ${all} values differed until the board was at rest, ${far} of them by more than 16, by ${most} at most`);
    assert.ok(far < all / 1000);
  }
});

/** Runs in the page: moves the board a little, and compares what it shows with what it shows when it is at rest. */
async function shifting() {
  const shapes = document.querySelector('canvas.shapes'), overlay = document.querySelector('.overlay');
  const frames = async (n) => {
    for (let i = 0; i < n; i++) await new Promise(requestAnimationFrame);
  };
  const data = () => shapes.getContext('2d').getImageData(0, 0, shapes.width, shapes.height).data;
  await new Promise((done) => setTimeout(done, 500));
  await frames(3);
  for (const [deltaX, deltaY] of [[37, 0], [0, -23], [-61, 44], [250, 170], [-3, -7], [1, 1]]) {
    overlay.dispatchEvent(new WheelEvent('wheel', { deltaX, deltaY, clientX: 700, clientY: 450, bubbles: true, cancelable: true }));
    await frames(1);
  }
  await frames(1);
  const shifted = data();
  await new Promise((done) => setTimeout(done, 500));
  await frames(3);
  const rest = data();
  let differ = 0, most = 0, far = 0;
  for (let i = 0; i < rest.length; i++) {
    const d = Math.abs(rest[i] - shifted[i]);
    if (d > 0) differ++;
    if (d > 16) far++;
    most = Math.max(most, d);
  }
  return [rest.length, differ, most, far];
}

await runTests(tests, () => [p], 120);
