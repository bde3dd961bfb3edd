// A real server and real browsers, for the browser test and for pictures.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'auction-'));
const program = join(dir, process.platform === 'win32' ? 'auction.exe' : 'auction');
const data = join(dir, 'auction.db');
const shots = process.env.SHOTS;
let server = null;
let browser = null;
/** What the server has printed since its start. */
export let printed = [];

const port = await new Promise((done) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address();
    probe.close(() => done(port));
  });
});
export const origin = `http://localhost:${port}`;

/** Starts the server; the house is in the same file each time. It resolves to the auctioneer's key. */
export async function start(...flags) {
  printed = [];
  server = spawn(program, ['-addr', `:${port}`, '-data', data, ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: server.stdout });
  const key = await new Promise((done, no) => {
    server.once('exit', (code) => no(new Error(`the server has not started: ${code}`)));
    lines.on('line', (line) => {
      printed.push(line);
      const found = /[?&]key=([a-z0-9]+)/.exec(line);
      if (found) done(found[1]);
    });
  });
  server.removeAllListeners('exit');
  return key;
}

/** Ends the server: without a chance to clean up, or as a person would. */
export async function kill(signal = 'SIGKILL') {
  const ended = new Promise((done) => server.once('exit', (code) => done(code)));
  server.kill(signal);
  return ended;
}

/** Somebody with a browser of their own. What goes wrong in it is kept. init runs in the page before its own program does. */
export async function person(options = {}, init = null) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, ...options });
  if (init) await context.addInitScript(init);
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const log = { requests: [], sockets: 0, errors: [], down: false };
  page.on('request', (r) => log.requests.push(r.url()));
  page.on('websocket', () => log.sockets++);
  page.on('pageerror', (e) => log.errors.push(String(e)));
  page.on('console', (m) => {
    // The browser's own words about a server that is away, or about a refusal that the page shows itself.
    const known = (log.down && /WebSocket connection|Failed to load resource/.test(m.text())) || /status of 4(00|01|09)/.test(m.text());
    if ((m.type() === 'error' || m.type() === 'warning') && !known) log.errors.push(m.text());
  });
  return { context, page, log };
}

/** Waits until p is connected and knows the lots and the time. */
export const ready = (p) => p.page.waitForFunction(() => document.documentElement.dataset.line === 'open' && document.querySelector('.clock')?.textContent !== '');

/** Comes in under a name. */
export async function enter(p, name, role = 'bidder') {
  await p.page.goto(`${origin}/`);
  await ready(p);
  await p.page.click('.top a:has-text("Sign in")');
  await p.page.fill('#name', name);
  if (role === 'seller') await p.page.check('input[name="role"][value="seller"]', { force: true });
  await p.page.click('button:has-text("Come in")');
  await p.page.waitForSelector('.who:not([hidden])');
  await p.page.waitForFunction(() => /€/.test(document.querySelector('.who .num').textContent));
}

/** Goes to a place by the page's own links. */
export async function go(p, label) {
  await p.page.click(`.nav a:has-text("${label}")`);
}

/** Opens a lot, and resolves to its path. */
export async function sell(p, lot) {
  await go(p, 'Sell');
  await p.page.fill('label:has-text("Title") input', lot.title);
  await p.page.fill('label:has-text("Description") textarea', lot.text ?? '');
  await p.page.fill('label:has-text("Starting price") input', lot.start ?? '10');
  await p.page.fill('label:has-text("Step") input', lot.step ?? '1');
  await p.page.selectOption('label:has-text("Open for") select', lot.length ?? '5 minutes');
  await p.page.click('button:has-text("Open the lot")');
  await p.page.waitForURL(/\/lot\/[a-z0-9-]+$/);
  await p.page.waitForSelector('.lot:not([hidden])');
  return new URL(p.page.url()).pathname;
}

/** Shows a lot. */
export async function visit(p, path) {
  await p.page.goto(origin + path);
  await ready(p);
  await p.page.waitForSelector('.lot .price:not(:empty)');
}

/** Bids, and resolves to what the page says to it. */
export async function bid(p, amount) {
  await p.page.waitForSelector('.bid button[type="submit"]:enabled');
  await p.page.evaluate(() => (document.querySelector('.bid > .answer[role="status"]').hidden = true));
  await p.page.fill('#bid-amount', amount);
  await p.page.press('#bid-amount', 'Enter');
  return answer(p);
}

export async function answer(p) {
  await p.page.waitForSelector('.bid > .answer[role="status"]:not([hidden])');
  return p.page.innerText('.bid > .answer[role="status"]');
}

export const price = (p) => p.page.innerText('.now .price');
/** Waits until p sees a price on the lot that is shown. */
export const priced = (p, words) => p.page.waitForFunction((w) => document.querySelector('.now .price')?.textContent === w, words);

/** Waits for the verdict of the audit that is shown. */
export async function verdict(p) {
  await p.page.waitForSelector('[data-verdict]', { timeout: 40_000 });
  return p.page.getAttribute('[data-verdict]', 'data-verdict');
}

/** Nothing reaches beyond the right edge. */
export async function fits(p, what) {
  const wide = await p.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `${what}: ${wide} pixels too wide`);
  const cut = await p.page.evaluate(() => [...document.querySelectorAll('button, a, input, select')].filter((b) => b.offsetParent && !b.closest('.scroll, .unseen, .tabs')).filter((b) => {
    const r = b.getBoundingClientRect();
    return r.left < -1 || r.right > innerWidth + 1;
  }).map((b) => b.outerHTML.slice(0, 80)));
  assert.deepEqual(cut, [], `${what}: cut off`);
}

export async function shot(p, name, fullPage = false) {
  if (!shots) return;
  mkdirSync(shots, { recursive: true });
  await p.page.screenshot({ path: join(shots, `${name}.png`), fullPage });
}

/** Builds the program and starts a browser, calls fn, and cleans up. */
export async function stage(fn) {
  try {
    execFileSync(process.env.GO ?? 'go', ['build', '-o', program, './examples/auction'], { cwd: root, stdio: 'inherit' });
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'] });
    return await fn();
  } finally {
    await browser?.close();
    server?.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  }
}
