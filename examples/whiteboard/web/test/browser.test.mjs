// Two people at one board, in two separate browser contexts, with a real server.
//
//	node test/browser.test.mjs            GO=go CHROMIUM=/usr/bin/chromium SHOTS=folder
//
// SHOTS, if set, is a folder outside the checkout that gets pictures to look at.
import assert from 'node:assert/strict';
import { drag, draw, elsewhere, kill, lane, open, origin, others, person, pixels, runTests, same, shapes, shot, start } from './harness.mjs';

const tests = [];
const test = (name, fn) => tests.push([name, fn]);
let otter, heron, url;

test('an empty board invites a second person, who is seen to come', async () => {
  otter = await person('Quiet Otter');
  await otter.page.goto(origin);
  await otter.page.waitForURL(/\/b\/[a-z0-9]+$/);
  url = otter.page.url();
  await open(otter);
  assert.match(await otter.page.innerText('.empty:not([hidden])'), /second window/);
  await shot(otter, 'empty');
  heron = await person('Calm Heron');
  await heron.page.goto(url);
  await open(heron);
  await others(otter, 2);
  await otter.page.waitForFunction(() => document.querySelector('.faces').getAttribute('aria-label').includes('Calm Heron'));
  await heron.page.waitForFunction(() => document.querySelector('.faces').getAttribute('aria-label').includes('Quiet Otter'));
});

test('what one draws the other sees', async () => {
  await draw(otter, 'p', [300, 300], [520, 380]);
  await draw(otter, 'r', [600, 250], [780, 360]);
  await otter.page.keyboard.press('3');
  await draw(otter, 'o', [640, 430], [800, 540]);
  await otter.page.keyboard.press('7');
  await draw(otter, 'l', [700, 362], [720, 428]);
  await otter.page.keyboard.press('n');
  await otter.page.mouse.click(400, 560);
  await otter.page.keyboard.type('two browsers,\none board <b>&amp;');
  await otter.page.keyboard.press('Escape');
  await otter.page.keyboard.press('t');
  await otter.page.mouse.click(900, 300);
  await otter.page.keyboard.type('shared');
  await otter.page.keyboard.press('Escape');
  await otter.page.keyboard.press('Escape');
  await shapes(otter, 6);
  await shapes(heron, 6);
  await open(otter);
  await same(otter, heron, 'after drawing');
});

test('pointers carry names', async () => {
  await otter.page.mouse.move(500, 500);
  await otter.page.mouse.move(510, 510);
  await heron.page.waitForFunction(() => [...document.querySelectorAll('.cursor span')].some((s) => s.textContent === 'Quiet Otter'));
  await shot(heron, 'wide-light');
});

test('two move different shapes at the same time, and then the same one', async () => {
  await Promise.all([otter.page.keyboard.press('v'), heron.page.keyboard.press('v')]);
  await Promise.all([drag(otter, [600, 300], [620, 330]), drag(heron, [400, 600], [380, 650])]);
  await Promise.all([open(otter), open(heron)]);
  const before = await same(otter, heron, 'after moving two shapes');
  await Promise.all([drag(otter, [380, 640], [300, 700], 30), drag(heron, [380, 640], [480, 620], 30)]);
  await Promise.all([open(otter), open(heron)]);
  assert.notEqual(await same(otter, heron, 'after moving one shape'), before);
});

test('undo takes back only what is one\'s own', async () => {
  await otter.page.keyboard.press('Escape');
  await draw(heron, 'r', [1000, 500], [1100, 600]);
  await shapes(otter, 7);
  await draw(otter, 'o', [1150, 500], [1250, 600]);
  await shapes(heron, 8);
  await heron.page.keyboard.press('Control+z');
  await shapes(otter, 7);
  await heron.page.keyboard.press('Control+Shift+z');
  await shapes(otter, 8);
  await Promise.all([open(otter), open(heron)]);
  await same(otter, heron, 'after undo and redo');
});

test('after kill -9 everything is there', async () => {
  const before = await pixels(otter);
  otter.log.down = heron.log.down = true;
  await kill();
  await otter.page.waitForFunction(() => document.documentElement.dataset.line === 'waiting');
  await start();
  await Promise.all([open(otter), open(heron)]);
  assert.equal(await same(otter, heron, 'after the restart'), before);
  const fresh = await person('Bright Finch');
  await fresh.page.goto(url);
  await shapes(fresh, 8);
  await fresh.context.close();
});

test('drawing goes on while the server is away', async () => {
  await kill();
  await otter.page.waitForFunction(() => document.documentElement.dataset.line === 'waiting');
  const [a, b] = [await pixels(otter), await pixels(heron)];
  await draw(otter, 'r', [980, 150], [1080, 240]);
  await draw(heron, 'o', [1140, 150], [1260, 240]);
  await draw(otter, 'p', [300, 180], [520, 240]);
  await otter.page.waitForFunction(() => document.documentElement.dataset.pending === '2');
  await otter.page.waitForSelector('.banner:not([hidden])');
  assert.match(await otter.page.innerText('.banner'), /2 changes wait/);
  assert.notEqual(await pixels(otter), a);
  assert.notEqual(await pixels(heron), b);
  await shot(otter, 'offline');
  await start();
  await Promise.all([open(otter), open(heron)]);
  await shapes(otter, 11);
  await shapes(heron, 11);
  await same(otter, heron, 'after the server came back');
  await otter.page.waitForSelector('.banner', { state: 'hidden' });
  otter.log.down = heron.log.down = false;
});

// Pages under remote control are always visible, so this takes from the page what a hidden one lacks: frames to draw in.
test('a hidden page catches up', async () => {
  await heron.page.evaluate(() => {
    const waiting = [];
    const real = window.requestAnimationFrame;
    Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
    window.requestAnimationFrame = (fn) => waiting.push(fn);
    window.showAgain = () => {
      window.requestAnimationFrame = real;
      delete document.visibilityState;
      for (const fn of waiting) fn(performance.now());
      document.dispatchEvent(new Event('visibilitychange'));
    };
  });
  await draw(otter, 'l', [560, 600], [640, 700]);
  await draw(otter, 'l', [660, 600], [740, 700]);
  await open(otter);
  await otter.page.waitForTimeout(200);
  assert.match(await heron.page.getAttribute('.overlay', 'aria-label'), /11 shapes/, 'it was drawn while it was hidden');
  await heron.page.evaluate(() => window.showAgain());
  await shapes(heron, 13);
  await same(otter, heron, 'after being hidden');
});

test('text is text, and not too much of it', async () => {
  const evil = '<img src=x onerror="document.title=\'broken\'">' + 'x'.repeat(1_000_000);
  await otter.page.keyboard.press('n');
  await otter.page.mouse.click(900, 700);
  await otter.page.evaluate((text) => {
    const field = document.querySelector('.editor');
    field.value = text;
    field.dispatchEvent(new Event('input'));
  }, evil);
  assert.equal(await otter.page.evaluate(() => document.querySelector('.editor').value.length), 5000);
  await otter.page.keyboard.press('Escape');
  await shapes(heron, 14);
  await open(otter);
  await same(otter, heron, 'after a long text');
  assert.notEqual(await heron.page.title(), 'broken');
  await otter.page.keyboard.press('Control+z');
  await shapes(heron, 13);
});

test('boards are made, named and found again', async () => {
  await otter.page.click('.board');
  await otter.page.click('text=New board');
  await otter.page.waitForURL((u) => u.href !== url);
  await shapes(otter, 0);
  await otter.page.click('.board');
  await otter.page.fill('[aria-label="Name of this board"]', 'Plans');
  await otter.page.keyboard.press('Enter');
  await heron.page.click('.board');
  await heron.page.click('.boards a:has-text("Plans")');
  await heron.page.waitForURL(otter.page.url());
  await others(otter, 2);
  await draw(heron, 'r', [400, 400], [600, 500]);
  await shapes(otter, 1);
  await otter.page.goBack();
  await shapes(otter, 13);
  await heron.page.goBack();
  await shapes(heron, 13);
  await heron.page.goto(origin + '/b/nothing');
  await heron.page.waitForSelector('.missing:not([hidden])');
  await heron.page.goto(url);
  await shapes(heron, 13);
});

test('the board becomes a picture', async () => {
  const [download] = await Promise.all([otter.page.waitForEvent('download'), otter.page.keyboard.press('Control+e')]);
  assert.equal(download.suggestedFilename(), 'first-board.png');
});

test('a finger draws, two fingers zoom, a pen draws', async () => {
  const touch = await person('Finger', { hasTouch: true, viewport: { width: 390, height: 844 } });
  await touch.page.goto(url);
  await shapes(touch, 13);
  const cdp = await touch.context.newCDPSession(touch.page);
  const fingers = (type, ...points) => cdp.send('Input.dispatchTouchEvent', { type, touchPoints: points.map(([x, y], id) => ({ x, y, id })) });
  await fingers('touchStart', [100, 200]);
  for (let i = 1; i <= 8; i++) await fingers('touchMove', [100 + 10 * i, 200 + 5 * i]);
  await fingers('touchEnd');
  await shapes(touch, 14);
  await shapes(otter, 14);
  const zoom = () => touch.page.innerText('.level');
  const before = await zoom();
  await fingers('touchStart', [150, 400], [250, 400]);
  for (let i = 1; i <= 8; i++) await fingers('touchMove', [150 - 5 * i, 400], [250 + 5 * i, 400]);
  await fingers('touchEnd');
  await touch.page.waitForFunction((b) => document.querySelector('.level').textContent !== b, before);
  assert.ok(parseInt(await zoom()) > parseInt(before));
  await touch.page.click('[aria-label="Undo"]');
  await shapes(touch, 13);
  await shapes(otter, 13);
  for (const [type, x, y] of [['mousePressed', 100, 300], ['mouseMoved', 140, 330], ['mouseMoved', 180, 300], ['mouseReleased', 180, 300]]) {
    await cdp.send('Input.dispatchMouseEvent', { type, x, y, button: 'left', buttons: 1, clickCount: 1, pointerType: 'pen', force: 0.5 });
  }
  await shapes(otter, 14);
  await touch.page.keyboard.press('Control+z');
  await shapes(otter, 13);
  assert.deepEqual(touch.log.errors, []);
  await touch.context.close();
});

// A name that is not localhost makes the page what it is on another computer: one without a secure context. The browser is told to
// find it on this machine, so nothing leaves it.
test('it works over plain HTTP from another computer', async () => {
  const far = await person('Far');
  await far.page.goto(url.replace('localhost', elsewhere));
  await shapes(far, 13);
  assert.equal(await far.page.evaluate(() => isSecureContext), false);
  await far.page.click('.share');
  await far.page.waitForSelector('.toast[data-shown]');
  assert.match(await far.page.innerText('.toast'), /copied/);
  await draw(far, 'r', [300, 700], [350, 750]);
  await shapes(otter, 14);
  await far.page.keyboard.press('Control+z');
  await shapes(otter, 13);
  assert.equal(await far.page.getAttribute('html', 'data-kept'), 'false');
  // What is missing is said once, in the status, and why.
  await far.page.waitForSelector('.status[data-news]');
  await far.page.click('.status');
  assert.match(await far.page.innerText('.about'), /only while this page is open[^]*plain http[^]*https/);
  await shot(far, 'insecure');
  await far.page.keyboard.press('Escape');
  await far.page.reload();
  await shapes(far, 13);
  assert.equal(await far.page.getAttribute('.status', 'data-news'), null);
  assert.deepEqual(far.log.errors.map((e) => /storage_missing/.test(e)), [true, true]); // the client's own warning, once for each time it was loaded
  await far.context.close();
});

test('a corner is pulled, text is written anew, what is selected gets another colour', async () => {
  await otter.page.keyboard.press('Escape');
  await draw(otter, 'r', [1000, 650], [1060, 700]);
  await shapes(heron, 14);
  await otter.page.keyboard.press('v');
  await otter.page.mouse.click(1000, 670);
  await drag(otter, [1060, 700], [1120, 760]);
  await otter.page.keyboard.press('5');
  await otter.page.click('.selection [aria-label="Duplicate"]');
  await shapes(heron, 15);
  await open(otter);
  await otter.page.keyboard.press('Escape');
  await same(otter, heron, 'after resizing and colouring');
  for (let i = 0; i < 4; i++) await otter.page.keyboard.press('Control+z');
  await shapes(heron, 13);
  await otter.page.mouse.dblclick(900, 300);
  await otter.page.keyboard.type('written anew');
  await otter.page.keyboard.press('Control+Enter');
  await otter.page.keyboard.press('Escape');
  await open(otter);
  await same(otter, heron, 'after writing');
});

test('much is drawn on a new board while the server is away', async () => {
  await heron.page.click('.board');
  await heron.page.click('text=New board');
  await heron.page.waitForURL((u) => u.href !== url);
  await shapes(heron, 0);
  otter.log.down = heron.log.down = true;
  await kill();
  await heron.page.waitForFunction(() => document.documentElement.dataset.line === 'waiting');
  for (let i = 0; i < 80; i++) {
    await heron.page.keyboard.press('r');
    await heron.page.keyboard.press('Enter');
    if (i % 4 === 0) await heron.page.keyboard.press('ArrowRight');
  }
  await heron.page.waitForFunction(() => document.documentElement.dataset.pending === '100');
  await start();
  await Promise.all([open(otter), open(heron)]);
  const fresh = await person('Bright Finch');
  await fresh.page.goto(heron.page.url());
  await shapes(fresh, 80);
  await shapes(heron, 80);
  await fresh.context.close();
  await heron.page.goBack();
  await shapes(heron, 13);
  otter.log.down = heron.log.down = false;
});

test('a second window of the same browser is a person of its own, and a reload is not', async () => {
  const second = { page: await otter.context.newPage(), log: otter.log };
  await second.page.goto(url);
  await shapes(second, 13);
  await others(otter, 3);
  await draw(second, 'l', [900, 600], [960, 620]);
  await shapes(otter, 14);
  await second.page.keyboard.press('Control+z');
  await shapes(otter, 13);
  await second.page.reload();
  await shapes(second, 13);
  await others(heron, 3);
  await second.page.close();
  await others(otter, 2);
  await otter.page.reload();
  await shapes(otter, 13);
  await others(otter, 2);
  await others(heron, 2);
});

test('it works where storage is forbidden', async () => {
  const strict = await person('Nobody');
  await strict.context.addInitScript(() => {
    const forbidden = () => { throw new DOMException('forbidden', 'SecurityError'); };
    for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, { get: forbidden });
    IDBFactory.prototype.open = forbidden;
  });
  const way = await lane();
  await strict.page.goto(url.replace(origin, way.origin));
  await shapes(strict, 13);
  await strict.page.click('.status');
  assert.match(await strict.page.innerText('.about'), /only while this page is open[^]*lets the page store nothing/);
  await strict.page.keyboard.press('Escape');
  strict.log.down = true;
  way.cut();
  await strict.page.waitForFunction(() => document.documentElement.dataset.line === 'waiting');
  await draw(strict, 'r', [300, 700], [350, 750]);
  await strict.page.waitForFunction(() => /keep this page open/.test(document.querySelector('.banner').textContent));
  const asked = strict.page.waitForEvent('dialog');
  await strict.page.close({ runBeforeUnload: true });
  const dialog = await asked; // what waits would be lost, so whoever closes it is asked
  assert.equal(dialog.type(), 'beforeunload');
  await dialog.dismiss();
  way.mend();
  await shapes(otter, 14);
  await open(strict);
  await strict.page.keyboard.press('Control+z');
  await shapes(otter, 13);
  assert.deepEqual(strict.log.errors.map((e) => /storage_forbidden/.test(e)), [true]);
  await strict.context.close();
  way.close();
});

test('it looks well on small and dark screens', async () => {
  for (const [name, options] of [['narrow-light', { viewport: { width: 390, height: 844 }, hasTouch: true }], ['wide-dark', { colorScheme: 'dark' }], ['narrow-dark', { viewport: { width: 390, height: 844 }, colorScheme: 'dark' }]]) {
    const one = await person('Bright Finch', options);
    await one.page.goto(url);
    await shapes(one, 13);
    await one.page.waitForTimeout(200);
    const wide = await one.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth && [...document.querySelectorAll('button')].filter((b) => b.offsetParent).every((b) => {
      const r = b.getBoundingClientRect();
      return r.left >= 0 && r.right <= innerWidth && r.width >= 20;
    }));
    assert.ok(wide, `${name}: something is cut off`);
    await shot(one, name);
    assert.deepEqual(one.log.errors, []);
    await one.context.close();
  }
});

test('nothing but the static files and one upgrade for each connection', async () => {
  const last = await person('Last');
  await last.page.goto(url);
  await shapes(last, 13);
  await draw(last, 'p', [300, 100], [400, 150]);
  await shapes(otter, 14);
  assert.deepEqual(last.log.requests.sort(), [url, `${origin}/static/app.js`, `${origin}/static/icon.svg`, `${origin}/static/style.css`].filter((u) => last.log.requests.includes(u) || !u.endsWith('icon.svg')).sort());
  assert.equal(last.log.sockets, 1);
  for (const p of [otter, heron, last]) assert.deepEqual(p.log.errors, [], p.name);
  await last.context.close();
  await otter.page.waitForFunction(() => document.querySelectorAll('.everybody li').length === 2, undefined, { timeout: 5000 });
});

test('SIGTERM closes cleanly', async () => {
  otter.log.down = heron.log.down = true;
  assert.equal(await kill('SIGTERM'), 0);
});

await runTests(tests, () => [otter, heron].filter(Boolean));
