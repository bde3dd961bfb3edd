// A real server and real browsers, for the browser test and for pictures.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'whiteboard-'));
const program = (version) => join(dir, process.platform === 'win32' ? `${version}.exe` : version);
const data = join(dir, 'board.db');
const shots = process.env.SHOTS;
const size = { width: 1400, height: 900 };
let server = null;
let browser = null;

const port = await new Promise((done) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address();
    probe.close(() => done(port));
  });
});
/** A name of another computer, for the browser; it is this machine. */
export const elsewhere = 'board.test';
export const origin = `http://localhost:${port}`;

/** Starts the server; the boards are in the same file each time. version: one that was built by buildOther. */
export async function start(version = 'whiteboard') {
  server = spawn(program(version), ['-addr', `:${port}`, '-data', data], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: server.stdout })) if (line.includes('http://')) return;
  throw new Error('the server has not started');
}

/** Ends the server without a chance to clean up. */
export async function kill(signal = 'SIGKILL') {
  const ended = new Promise((done) => server.once('exit', (code) => done(code)));
  server.kill(signal);
  return ended;
}

/** Builds another version of the program: some of its files are made from what they are, null if they are not there. */
export function buildOther(version, files) {
  const overlay = {};
  for (const [name, change] of Object.entries(files)) {
    const path = join(root, 'examples/whiteboard', name);
    overlay[path] = join(dir, name.replace(/\//g, '-'));
    const was = existsSync(path) ? readFileSync(path, 'utf8') : null;
    const is = change(was);
    assert.notEqual(is, was, `${name} is the same in ${version}`);
    writeFileSync(overlay[path], is);
  }
  writeFileSync(join(dir, 'overlay.json'), JSON.stringify({ Replace: overlay }));
  execFileSync(process.env.GO ?? 'go', ['build', '-overlay', join(dir, 'overlay.json'), '-o', program(version), './examples/whiteboard'], { cwd: root, stdio: 'inherit' });
}

/** Copies the file of the boards, of a server that is away. */
export const backup = () => copyFileSync(data, join(dir, 'backup.db'));
/** Puts that copy in its place. */
export const restore = () => copyFileSync(join(dir, 'backup.db'), data);

/** A way of its own to the server, which can be cut for one person alone, or swallow what the server answers. */
export async function lane() {
  const sockets = new Set();
  let whole = true, deaf = false;
  const proxy = createServer((near) => {
    if (!whole) return near.destroy();
    const far = connect(port, '127.0.0.1');
    for (const [a, b] of [[near, far], [far, near]]) {
      sockets.add(a);
      a.on('error', () => {});
      a.on('close', () => {
        sockets.delete(a);
        b.destroy();
      });
    }
    near.pipe(far);
    far.on('data', (bytes) => {
      if (!deaf) near.write(bytes);
    });
  });
  await new Promise((done) => proxy.listen(0, '127.0.0.1', done));
  return {
    origin: `http://localhost:${proxy.address().port}`,
    cut() {
      whole = false;
      for (const s of sockets) s.destroy();
    },
    mend() {
      whole = true;
      deaf = false;
    },
    deafen() {
      deaf = true;
    },
    close: () => proxy.close(),
  };
}

/** Runs tests, which build on each other, with a server and a browser. What is left of people is shown if one fails. */
export async function runTests(tests, people, seconds = 45) {
  let failed = false;
  await stage(async () => {
    for (const [name, fn] of tests) {
      const began = performance.now();
      try {
        await Promise.race([fn(), new Promise((_, no) => setTimeout(no, seconds * 1000, new Error('takes too long')).unref())]);
        console.log(`ok    ${name} (${Math.round(performance.now() - began)} ms)`);
      } catch (e) {
        failed = true;
        console.error(`FAIL  ${name}\n${e.stack}`);
        for (const p of people()) {
          console.error(p.name, p.log.errors);
          if (!p.page.isClosed()) await shot(p, `failed-${p.name.toLowerCase().replace(/ /g, '-')}`);
        }
        break; // what follows builds on it
      }
    }
  });
  console.log(failed ? 'failed' : `${tests.length} passed`);
  process.exit(failed ? 1 : 0);
}

/** Makes the page so large, and waits until it knows: browsers tell pages of that before they draw the next time. */
export async function resize(p, width, height) {
  await p.page.setViewportSize({ width, height });
  await p.page.evaluate((width) => new Promise((done) => {
    const look = () => (innerWidth === width ? requestAnimationFrame(() => requestAnimationFrame(done)) : requestAnimationFrame(look));
    look();
  }), width);
}

/** Somebody with a browser of their own. What the page asks for over the network and says on the console is kept. */
export async function person(name, options = {}) {
  const context = await browser.newContext({ viewport: size, ...options });
  await context.addInitScript((n) => {
    try {
      localStorage.setItem('whiteboard.name', n);
    } catch {}
  }, name);
  const p = { name, context, log: { requests: [], sockets: 0, errors: [], down: false } };
  await tab(p);
  return p;
}

/** Opens a new tab in somebody's browser: their page from now on. */
export async function tab(p) {
  p.page = await p.context.newPage();
  watch(p);
  return p;
}

/** Keeps what a page asks for and says. */
export function watch({ page, log }) {
  page.on('request', (r) => log.requests.push(r.url()));
  page.on('websocket', () => log.sockets++);
  page.on('pageerror', (e) => log.errors.push(String(e)));
  page.on('console', (m) => {
    const refused = log.down && /WebSocket connection|Failed to load resource|fetching the script/.test(m.text()); // the browser's own words about a server that is away
    if ((m.type() === 'error' || m.type() === 'warning') && !refused) log.errors.push(m.text());
  });
}

/** Waits until p's page says so of itself. */
export const state = (p, name, value) => p.page.waitForFunction(([name, value]) => document.documentElement.dataset[name] === value, [name, String(value)]);
/** Waits until p's page knows that it has no connection. */
export const away = (p) => state(p, 'line', 'waiting');
/** Waits until all that p has drawn is stored. */
export const open = (p) => p.page.waitForFunction(() => document.documentElement.dataset.line === 'open' && document.documentElement.dataset.pending === '0');
/** Waits until p sees n shapes. */
export const shapes = (p, n) => p.page.waitForFunction((n) => document.querySelector('.overlay')?.getAttribute('aria-label') === `Whiteboard, ${n} ${n === 1 ? 'shape' : 'shapes'}`, n);
export const pixels = (p) => p.page.evaluate(() => document.querySelector('canvas.shapes').toDataURL());
/** Waits until p sees n people. */
export const others = (p, n) => p.page.waitForFunction((n) => document.querySelectorAll('.everybody li').length === n, n);

/** Both screens come to show the very same. */
export async function same(a, b, what) {
  let left, right;
  for (let i = 0; i < 100; i++) {
    [left, right] = [await pixels(a), await pixels(b)];
    if (left === right) return left;
    await a.page.waitForTimeout(50);
  }
  throw new assert.AssertionError({ message: `${what}: the screens differ` });
}

export async function drag(p, from, to, steps = 12) {
  await p.page.mouse.move(...from);
  await p.page.mouse.down();
  await p.page.mouse.move(...to, { steps });
  await p.page.mouse.up();
}

export async function draw(p, key, from, to) {
  await p.page.keyboard.press(key);
  await drag(p, from, to);
}

/** Makes a note and leaves it unselected. */
export async function note(p, x, y, text) {
  await p.page.keyboard.press('n');
  await p.page.mouse.click(x, y);
  await p.page.keyboard.type(text);
  await p.page.keyboard.press('Escape');
  await p.page.keyboard.press('Escape');
}

/** Writes another text into the note at a place. */
export async function rewrite(p, x, y, text) {
  await p.page.keyboard.press('v');
  await p.page.mouse.dblclick(x, y);
  await p.page.keyboard.press('Control+a');
  await p.page.keyboard.type(text);
  await p.page.keyboard.press('Control+Enter');
  await p.page.keyboard.press('Escape');
}

export async function shot(p, name) {
  if (!shots) return;
  mkdirSync(shots, { recursive: true });
  await p.page.screenshot({ path: join(shots, `${name}.png`) });
}

/** Builds the program and starts it and a browser, calls fn, and cleans up. */
export async function stage(fn) {
  try {
    execFileSync(process.env.GO ?? 'go', ['build', '-o', program('whiteboard'), './examples/whiteboard'], { cwd: root, stdio: 'inherit' });
    await start();
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', `--host-resolver-rules=MAP ${elsewhere} 127.0.0.1`],
    });
    return await fn();
  } finally {
    await browser?.close();
    server?.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  }
}
