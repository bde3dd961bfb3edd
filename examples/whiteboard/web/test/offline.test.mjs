// What outlives the page: drawing without the server, the page that opens without it, tabs that die, what needs a decision, and dots.
//
//	node test/offline.test.mjs            GO=go CHROMIUM=/usr/bin/chromium SHOTS=folder RUNS=10 SEED=number
//
// RUNS is the number of random runs at the end.
import assert from 'node:assert/strict';
import { away, buildOther, drag, draw, kill, lane, note, open, origin, others, person, resize, rewrite, runTests, same, shapes, shot, start, state, tab, watch } from './harness.mjs';

const tests = [];
const test = (name, fn) => tests.push([name, fn]);
let otter, heron, way, url, id;

const kept = (p) => state(p, 'kept', true);

/** Waits until n changes of p's browser are written down, and the board too. */
const stored = (p, n) => p.page.waitForFunction(async (n) => {
  const db = await new Promise((done, no) => Object.assign(indexedDB.open('trefoil whiteboard'), { onsuccess: (e) => done(e.target.result), onerror: no }));
  const stores = [...db.objectStoreNames];
  const keys = await new Promise((done) => Object.assign(db.transaction(stores).objectStore(stores[0]).getAllKeys(), { onsuccess: (e) => done(e.target.result) }));
  db.close();
  return keys.filter((k) => String(k[2]).startsWith('work/')).length === n && keys.some((k) => String(k[2]).startsWith('replica/board/'));
}, n);

/** What is shown when a page opens has this frame in the middle: so all that lies in it is at the same place on every screen. */
const frame = (p) => draw(p, 'r', [100, 100], [1300, 800]);

/** Waits until the text at a place is so. */
async function says(p, x, y, text) {
  for (let i = 0; ; i++) {
    await p.page.keyboard.press('v');
    await p.page.mouse.dblclick(x, y);
    const now = await p.page.evaluate(() => (document.querySelector('.editor').hidden ? null : document.querySelector('.editor').value));
    await p.page.keyboard.press('Escape');
    await p.page.keyboard.press('Escape');
    if (now === text) return;
    assert.ok(i < 60, `it says ${JSON.stringify(now)}, not ${JSON.stringify(text)}`);
    await p.page.waitForTimeout(50);
  }
}

const press = async (p, name) => p.page.click(`.inbox article >> text="${name}"`);

test('what was drawn without the server is there when the tab is opened again, and arrives once', async () => {
  otter = await person('Quiet Otter');
  await otter.page.goto(origin);
  await otter.page.waitForURL(/\/b\/[a-z0-9]+$/);
  url = otter.page.url();
  id = new URL(url).pathname;
  await open(otter);
  await frame(otter);
  await open(otter);
  await kept(otter);
  otter.log.down = true;
  await kill();
  await away(otter);
  await draw(otter, 'o', [600, 400], [800, 480]);
  await draw(otter, 'l', [300, 500], [800, 520]);
  await state(otter, 'pending', 2);
  await stored(otter, 2);
  await otter.page.close();

  await tab(otter);
  await otter.page.goto(url);
  await shapes(otter, 3);
  await state(otter, 'pending', 2);
  await otter.page.waitForSelector('.banner:not([hidden])');
  assert.match(await otter.page.innerText('.banner'), /2 changes wait for the server$/);
  await kept(otter);
  await otter.page.click('.status');
  assert.match(await otter.page.innerText('.about'), /away[^]*2 changes wait[^]*Kept in this browser[^]*open it again without the server/);
  await shot(otter, 'offline-status');
  await otter.page.keyboard.press('Escape');
  await draw(otter, 'r', [900, 400], [1000, 480]);
  await stored(otter, 3);
  await otter.page.reload();
  await shapes(otter, 4);
  await otter.page.goto(origin); // the board that was open last
  await otter.page.waitForURL(url);
  await shapes(otter, 4);
  await start();
  await open(otter);
  heron = await person('Calm Heron');
  way = await lane();
  await heron.page.goto(way.origin + id);
  await shapes(heron, 4);
  await open(heron);
  await same(otter, heron, 'after the server came back');
  await stored(otter, 0);
  otter.log.down = false;
});

test('what waits since before the reload can be taken back', async () => {
  heron.log.down = true;
  way.cut();
  await away(heron);
  await draw(heron, 'r', [1100, 400], [1200, 480]);
  await stored(heron, 1);
  await kept(heron);
  await heron.page.reload();
  await shapes(heron, 5);
  await heron.page.keyboard.press('Control+z');
  await shapes(heron, 4);
  await heron.page.keyboard.press('Control+y');
  await shapes(heron, 5);
  await heron.page.keyboard.press('Control+z');
  way.mend();
  await open(heron);
  await shapes(heron, 4);
  await shapes(otter, 4);
});

test('two tabs and a duplicated one are people of their own, and what dead ones leave arrives', async () => {
  const second = { ...otter };
  await tab(second);
  await second.page.goto(url);
  await shapes(second, 4);
  const [popup] = await Promise.all([second.context.waitForEvent('page'), second.page.evaluate(() => void window.open(location.href))]); // has a copy of its sessionStorage
  const copy = { ...otter, page: popup };
  watch(copy);
  await shapes(copy, 4);
  await others(heron, 4);
  await draw(second, 'l', [200, 600], [300, 620]);
  await draw(copy, 'l', [200, 650], [300, 670]);
  await shapes(heron, 6);
  for (const p of [otter, second, copy]) await open(p);
  await stored(otter, 0);
  otter.log.down = heron.log.down = true;
  await kill();
  for (const [i, p] of [otter, second, copy].entries()) {
    await away(p);
    await draw(p, 'r', [400 + 100 * i, 600], [450 + 100 * i, 650]);
    await stored(p, i + 1);
  }
  for (const p of [otter, second, copy]) await p.page.close();
  await tab(otter);
  await otter.page.goto(url);
  await shapes(otter, 7); // one of the three is this tab now
  await start();
  await shapes(heron, 9); // and it has worked off the others
  await shapes(otter, 9);
  await open(heron);
  await same(otter, heron, 'after the dead tabs');
  await stored(otter, 0);
  await others(heron, 2);
  otter.log.down = heron.log.down = false;
});

test('a text that two have written waits for a decision, over a reload', async () => {
  await note(otter, 400, 230, 'plan');
  await note(otter, 700, 230, 'second');
  await note(otter, 1000, 230, 'third');
  await shapes(heron, 12);
  heron.log.down = true;
  await kept(heron);
  for (const [x, mine, theirs] of [[400, 'my plan', 'their plan'], [700, 'my second', 'their second'], [1000, 'my third', 'their third']]) {
    way.cut();
    await away(heron);
    await rewrite(heron, x, 230, mine);
    await stored(heron, 1);
    await rewrite(otter, x, 230, theirs);
    await open(otter);
    way.mend();
    await open(heron);
  }
  await state(heron, 'conflicts', 3);
  await says(heron, 400, 230, 'their plan');
  assert.equal(await heron.page.isDisabled('[aria-label="Undo"]'), true, 'what was refused cannot be taken back');
  await heron.page.reload();
  await state(heron, 'conflicts', 3);
  await heron.page.click('[aria-label="3 changes need a decision"]');
  const first = heron.page.locator('.inbox article').first();
  assert.match(await first.innerText(), /While you were away Quiet Otter changed the text of this note[^]*my plan[^]*their plan/);
  assert.equal(await first.locator('button').first().evaluate((b) => b === document.activeElement), true, 'the first choice has the focus');
  await shot(heron, 'inbox-light');
  await heron.page.keyboard.press('Enter'); // use mine
  await state(heron, 'conflicts', 2);
  assert.equal(await heron.page.evaluate(() => document.activeElement.closest('article') !== null), true, 'the focus goes on to the next');
  await press(heron, 'Keep theirs');
  await state(heron, 'conflicts', 1);
  await press(heron, 'Edit');
  await heron.page.fill('.rewrite', 'our third');
  await shot(heron, 'inbox-edit');
  await press(heron, 'Put it on the board');
  await state(heron, 'conflicts', 0);
  await heron.page.waitForSelector('.inbox', { state: 'hidden' });
  await open(heron);
  await says(otter, 400, 230, 'my plan');
  await says(otter, 700, 230, 'their second');
  await says(otter, 1000, 230, 'our third');
  await heron.page.keyboard.press('Control+z'); // what was decided is a change as any other
  await says(otter, 1000, 230, 'their third');
  await same(otter, heron, 'after the decisions');
});

test('a change of what is gone, and the deletion of what was rewritten', async () => {
  await draw(otter, 'r', [300, 720], [400, 780]);
  await shapes(heron, 13);
  heron.log.down = true;
  way.cut();
  await away(heron);
  await heron.page.keyboard.press('v');
  await drag(heron, [300, 750], [280, 755]); // a rectangle that Otter deletes
  await heron.page.mouse.click(700, 200);
  await heron.page.keyboard.press('Delete'); // a note that Otter rewrites
  await stored(heron, 2);
  await otter.page.keyboard.press('v');
  await otter.page.mouse.click(300, 750);
  await otter.page.keyboard.press('Delete');
  await rewrite(otter, 700, 230, 'worth keeping');
  await open(otter);
  way.mend();
  await open(heron);
  await state(heron, 'conflicts', 2);
  await heron.page.click('[aria-label="2 changes need a decision"]');
  const text = await heron.page.innerText('.inbox');
  assert.match(text, /While you were away somebody deleted this rectangle/);
  assert.match(text, /While you were away Quiet Otter rewrote this note/);
  await shot(heron, 'inbox-gone');
  await resize(heron, 390, 844);
  await heron.page.emulateMedia({ colorScheme: 'dark' });
  await heron.page.click('.icon:has(.badge)');
  await heron.page.waitForSelector('.inbox:not([hidden])');
  await shot(heron, 'inbox-narrow-dark');
  const whole = await heron.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth && [...document.querySelectorAll('header button')].filter((b) => b.offsetParent).every((b) => {
    const r = b.getBoundingClientRect();
    return r.left >= 0 && r.right <= innerWidth && r.width >= 20;
  }));
  assert.ok(whole, 'something is cut off');
  await resize(heron, 1400, 900);
  await heron.page.emulateMedia({ colorScheme: 'light' });
  await heron.page.click('.icon:has(.badge)');
  await press(heron, 'Bring it back');
  await state(heron, 'conflicts', 1);
  await press(heron, 'Delete it anyway');
  await state(heron, 'conflicts', 0);
  await open(heron);
  await shapes(otter, 12);
  await same(otter, heron, 'after the decisions');
  heron.log.down = false;
});

test('who writes while somebody else rewrites the same is asked too', async () => {
  await heron.page.keyboard.press('v');
  await heron.page.mouse.dblclick(400, 230);
  await heron.page.keyboard.type('written slowly');
  await rewrite(otter, 400, 230, 'written fast');
  await open(otter);
  await heron.page.waitForFunction(() => document.documentElement.dataset.line === 'open');
  await others(heron, 2);
  await draw(otter, 'l', [120, 780], [160, 780]);
  await shapes(heron, 13); // so that it has come here
  await heron.page.keyboard.press('Escape');
  await heron.page.keyboard.press('Escape');
  await state(heron, 'conflicts', 1);
  await says(heron, 400, 230, 'written fast');
  await heron.page.reload();
  await state(heron, 'conflicts', 1);
  await heron.page.click('.icon:has(.badge)');
  assert.match(await heron.page.innerText('.inbox'), /Quiet Otter changed the text of this note while you did/);
  await press(heron, 'Use mine');
  await state(heron, 'conflicts', 0);
  await says(otter, 400, 230, 'written slowly');
});

test('everybody has so many dots', async () => {
  await Promise.all([otter, heron].map((p) => p.page.keyboard.press('d')));
  await otter.page.waitForSelector('.voting:not([hidden])');
  const left = (p, text) => p.page.waitForFunction((text) => document.querySelector('.voting .left')?.textContent === text, text);
  await left(otter, '5 of 5 dots left');
  for (let i = 0; i < 3; i++) await otter.page.mouse.click(390, 200);
  for (let i = 0; i < 2; i++) await otter.page.mouse.click(990, 200);
  await left(otter, '0 of 5 dots left');
  await otter.page.mouse.click(390, 200);
  await otter.page.waitForFunction(() => /All your dots are given/.test(document.querySelector('.toast').textContent));
  for (let i = 0; i < 4; i++) await heron.page.mouse.click(390, 200);
  await left(heron, '1 of 5 dots left');
  await Promise.all([open(otter), open(heron)]);
  await same(otter, heron, 'after voting');
  await heron.page.keyboard.down('Shift');
  await heron.page.mouse.click(390, 200);
  await heron.page.keyboard.up('Shift');
  await left(heron, '2 of 5 dots left');
  await heron.page.mouse.click(470, 325); // on the dots themselves
  await left(heron, '3 of 5 dots left');
  await shot(heron, 'dots');
  await heron.page.click('.results');
  await heron.page.waitForFunction(() => [...document.querySelectorAll('.tally strong')].map((e) => e.textContent).join() === '5,2');
  await shot(heron, 'votes');
  await heron.page.click('[aria-label^="Give our third"], [aria-label^="Give their third"]');
  await left(heron, '2 of 5 dots left');
  await heron.page.click('[aria-label="Fewer dots for each person"]');
  await left(otter, '0 of 4 dots left');
  await heron.page.click('[aria-label="More dots for each person"]');
  await left(otter, '0 of 5 dots left');
  await heron.page.keyboard.press('Escape');
  // Dots are given without the server too, and come back from what is deleted.
  heron.log.down = true;
  await kept(heron);
  await open(heron);
  way.cut();
  await away(heron);
  await heron.page.mouse.click(990, 200);
  await left(heron, '1 of 5 dots left');
  await stored(heron, 1);
  await heron.page.reload();
  await shapes(heron, 13);
  await heron.page.keyboard.press('d');
  await left(heron, '1 of 5 dots left');
  way.mend();
  await open(heron);
  await same(otter, heron, 'after voting without the server');
  await otter.page.keyboard.press('v');
  await otter.page.mouse.click(390, 200);
  await otter.page.keyboard.press('Delete');
  await left(heron, '3 of 5 dots left');
  await otter.page.keyboard.press('Control+z');
  await left(heron, '1 of 5 dots left');
  await otter.page.keyboard.press('Escape');
  heron.log.down = false;
});

test('a finger gives dots, on small and dark screens too', async () => {
  for (const [name, options] of [['dots-narrow-light', {}], ['dots-narrow-dark', { colorScheme: 'dark' }]]) {
    const finch = await person('Bright Finch', { hasTouch: true, viewport: { width: 390, height: 844 }, ...options });
    await finch.page.goto(url);
    await shapes(finch, 13);
    await finch.page.tap('[data-tool="vote"]');
    const at = await finch.page.evaluate(() => document.querySelector('.level').textContent);
    assert.match(at, /%/);
    await finch.page.tap('.results');
    await finch.page.tap('.tally li:first-child [aria-label^="Give"]');
    await finch.page.waitForFunction(() => document.querySelector('.voting .left').textContent === '4 of 5 dots left');
    await shot(finch, name);
    const whole = await finch.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth && [...document.querySelectorAll('button')].filter((b) => b.offsetParent).every((b) => {
      const r = b.getBoundingClientRect();
      return r.left >= 0 && r.right <= innerWidth && r.width >= 20;
    }));
    assert.ok(whole, `${name}: something is cut off`);
    await finch.page.tap('.tally li:first-child [aria-label^="Take"]');
    await finch.page.waitForFunction(() => document.querySelector('.voting .left').textContent === '5 of 5 dots left');
    await open(finch);
    assert.deepEqual(finch.log.errors, []);
    await finch.context.close();
  }
});

test('a newer version is told, and comes when it is asked for', async () => {
  buildOther('later', { 'static/style.css': (css) => `${css}\n/* later */\n` });
  const style = (p) => p.page.evaluate(async () => (await (await fetch('/static/style.css')).text()).includes('/* later */'));
  const second = { ...otter };
  await tab(second);
  await second.page.goto(url);
  await shapes(second, 13);
  otter.log.down = heron.log.down = true;
  await kill();
  await start('later');
  await Promise.all([open(otter), open(second)]);
  await otter.page.waitForSelector('.status[data-news]');
  assert.equal(await style(otter), false);
  await otter.page.click('.status');
  await shot(otter, 'newer');
  await Promise.all([otter.page.waitForEvent('load'), otter.page.click('text="Load it"')]);
  await shapes(otter, 13);
  assert.equal(await style(otter), true);
  assert.equal(await second.page.evaluate(() => document.querySelector('.overlay') !== null), true);
  await second.page.close();
  await kill();
  await start();
  await open(otter);
  await otter.page.waitForSelector('.status[data-news]');
  await otter.page.reload(); // there is no other tab that the old version would be for
  await shapes(otter, 13);
  await otter.page.waitForFunction(async () => !(await (await fetch('/static/style.css')).text()).includes('/* later */'));
  await otter.page.waitForFunction(() => document.querySelector('.status') && !document.querySelector('.status[data-news]'));
});

test('a storage that is lost is told, and work goes on in memory', async () => {
  const finch = await person('Bright Finch');
  const own = await lane();
  await finch.page.goto(own.origin + id);
  await shapes(finch, 13);
  await open(finch);
  assert.equal(await finch.page.getAttribute('.status', 'data-news'), null);
  await finch.page.evaluate(() => new Promise((done) => (indexedDB.deleteDatabase('trefoil whiteboard').onsuccess = done)));
  finch.log.down = true;
  own.cut();
  await away(finch);
  await draw(finch, 'l', [900, 600], [1000, 620]);
  await finch.page.waitForFunction(() => /1 change waits for the server: keep this page open/.test(document.querySelector('.banner').textContent));
  await finch.page.click('.status[data-news]');
  assert.match(await finch.page.innerText('.about'), /only while this page is open[^]*has deleted what this page had stored/);
  await finch.page.keyboard.press('Escape');
  own.mend();
  await open(finch);
  await shapes(otter, 14);
  await finch.page.keyboard.press('Control+z');
  await shapes(otter, 13);
  assert.deepEqual(finch.log.errors.map((e) => /storage_lost/.test(e)), [true]);
  await finch.context.close();
  own.close();
});

const runs = Number(process.env.RUNS ?? 10);
test(`${runs} random runs of drawing, cutting, killing and opening again`, async () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`      SEED=${seed} RUNS=${runs}`);
  let x = seed || 1;
  const random = (n) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % n;
  };
  const finch = await person('Bright Finch');
  const own = await lane();
  finch.log.down = true;
  await otter.page.click('.board');
  await otter.page.click('text=New board');
  await otter.page.waitForURL((u) => u.href !== url);
  await shapes(otter, 0);
  await frame(otter);
  await note(otter, 700, 230, 'counted');
  const path = new URL(otter.page.url()).pathname;
  await shapes(otter, 2);
  await otter.page.click('[data-tool="vote"]');
  await otter.page.click('.results');
  for (let i = 5; i < 50; i++) await otter.page.click('[aria-label="More dots for each person"]');
  await otter.page.keyboard.press('Escape');
  await open(otter);
  await finch.page.goto(own.origin + path);
  await shapes(finch, 2);
  await open(finch);
  await kept(finch);
  let drawn = 0, given = 0;
  const sees = (p) => p.page.waitForFunction(([n, dots]) => document.querySelector('.overlay')?.getAttribute('aria-label') === `Whiteboard, ${n} shapes` && [...document.querySelectorAll('.tally strong')].map((e) => e.textContent).join() === String(dots), [drawn + 2, given]);
  for (let run = 0; run < runs; run++) {
    own.cut();
    if (random(4) > 0) await away(finch);
    await finch.page.waitForSelector('.overlay[data-tool]');
    for (let n = 1 + random(3); n > 0; n--) {
      if (random(3) === 0 && given < 48) {
        await finch.page.keyboard.press('v');
        await finch.page.mouse.click(700, 200);
        await finch.page.keyboard.press('.');
        given++;
        await finch.page.keyboard.press('Escape');
      } else {
        const [left, top] = [100 + random(1000), 450 + random(300)];
        await draw(finch, random(2) ? 'r' : 'o', [left, top], [left + 60, top + 40]);
        drawn++;
      }
      await shapes(finch, drawn + 2);
      if (random(3) === 0) own.mend();
      if (random(3) === 0) own.cut();
    }
    if (random(3) > 0) {
      // What is not on the disk when a page is killed is lost, as in any program: so it is killed when all is.
      await finch.page.waitForFunction(() => document.documentElement.dataset.unsaved === '0');
      await finch.page.close();
      await tab(finch);
      await finch.page.goto(own.origin + path);
      await shapes(finch, drawn + 2);
    }
    for (let n = random(3); n > 0; n--) {
      own.mend();
      await finch.page.waitForTimeout(random(120));
      own.cut();
    }
    if (random(2) === 0) {
      await kill();
      await start();
    }
  }
  own.mend();
  await open(finch);
  assert.equal(await finch.page.getAttribute('html', 'data-conflicts'), '0');
  for (const p of [finch, otter]) {
    await p.page.keyboard.press('d');
    if (await p.page.isHidden('.votes')) await p.page.click('.results');
    await sees(p);
  }
  console.log(`      ${drawn} shapes and ${given} dots`);
  await finch.context.close();
  own.close();
});

test('nothing went wrong on the way', async () => {
  for (const p of [otter, heron]) assert.deepEqual(p.log.errors, [], p.name);
  way.close();
});

await runTests(tests, () => [otter, heron].filter(Boolean), 90 + 10 * runs);
