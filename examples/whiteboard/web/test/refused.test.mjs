// What the server has refused for good: a board that one may not change any more, and a change of which it has lost its memory.
//
//	node test/refused.test.mjs            GO=go CHROMIUM=/usr/bin/chromium SHOTS=folder
import assert from 'node:assert/strict';
import { away, backup, buildOther, draw, kill, lane, note, open, origin, person, resize, restore, rewrite, runTests, same, shapes, shot, start, state } from './harness.mjs';

const tests = [];
const test = (name, fn) => tests.push([name, fn]);
let otter, heron, way, url;

const unsaved = (p) => state(p, 'unsaved', 0);
const press = (p, n, name) => p.page.locator('.inbox article').nth(n).getByText(name, { exact: true }).click();
const tray = (p, n) => p.page.click(`[aria-label="${n === 1 ? '1 change needs' : `${n} changes need`} a decision"]`);

/** Pictures of what is open, wide and narrow, light and dark; nothing of it is cut off. */
async function pictures(p, name) {
  for (const [look, size, scheme] of [['light', [1400, 900], 'light'], ['dark', [1400, 900], 'dark'], ['narrow-light', [360, 740], 'light'], ['narrow-dark', [360, 740], 'dark']]) {
    await resize(p, ...size);
    await p.page.emulateMedia({ colorScheme: scheme });
    if (await p.page.isHidden('.inbox')) await p.page.click('.icon:has(.badge)'); // a page that changes its size closes it
    await p.page.waitForSelector('.inbox article');
    const cut = await p.page.evaluate(() => [...document.querySelectorAll('.inbox, .inbox button, .inbox figure, header button')].filter((e) => {
      const r = e.getBoundingClientRect();
      return e.offsetParent && (r.left < 0 || r.right > innerWidth || (e.closest('.inbox') && e.scrollWidth > e.clientWidth + 1));
    }).map((e) => e.outerHTML.slice(0, 120)));
    assert.deepEqual(cut, [], `${name}, ${look}: something is cut off`);
    await shot(p, `${name}-${look}`);
  }
  await resize(p, 1400, 900);
  await p.page.emulateMedia({ colorScheme: 'light' });
  if (await p.page.isHidden('.inbox')) await p.page.click('.icon:has(.badge)');
}

test('two draw on a board', async () => {
  // The rules of a later day: nobody changes what is on a board any more.
  buildOther('closed', {
    'server.go': (go) => go.replace('{Object: "board/*", Open: dstm.AllowAll, Write: dstm.AllowAll}', '{Object: "board/*", Open: dstm.AllowAll, Write: closed}'),
    'closed.go': () => `package main

import (
	"context"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

func closed(context.Context, *dstm.Access) error {
	return status.New(status.PermissionDenied, "whiteboard.closed", "this board is closed for changes")
}
`,
  });
  otter = await person('Quiet Otter');
  await otter.page.goto(origin);
  await otter.page.waitForURL(/\/b\/[a-z0-9]+$/);
  url = otter.page.url();
  await open(otter);
  await draw(otter, 'r', [100, 100], [1300, 800]); // so that all lies at the same place on every screen
  await note(otter, 400, 230, 'plan');
  await draw(otter, 'o', [600, 400], [800, 480]);
  await open(otter);
  way = await lane();
  heron = await person('Calm Heron');
  await heron.page.goto(way.origin + new URL(url).pathname);
  await shapes(heron, 3);
  await open(heron);
  await same(otter, heron, 'at the beginning');
});

test('who may not change a board any more is told so kindly, and nothing of theirs is lost', async () => {
  otter.log.down = heron.log.down = true;
  way.cut();
  await away(heron);
  await rewrite(heron, 400, 230, 'the plan as I would have it');
  await draw(heron, 'o', [900, 400], [1000, 480]);
  await shapes(heron, 4);
  await state(heron, 'pending', 2);
  await unsaved(heron);
  await kill();
  await start('closed');
  way.mend();
  await state(heron, 'conflicts', 2);
  await shapes(heron, 3); // what may not be is not shown as if it were
  await open(heron);
  await open(otter);
  await same(otter, heron, 'what is on the board');
  await heron.page.reload();
  await state(heron, 'conflicts', 2);
  await tray(heron, 2);
  const text = await heron.page.innerText('.inbox');
  assert.match(text, /You may not change this note here any more\s+The server said: this board is closed for changes\. Your change is kept here/);
  assert.match(text, /You may not add this ellipse here any more[^]*Not on the board/);
  assert.match(text, /the plan as I would have it[^]*Now on the board\s+plan/i);
  assert.equal(await heron.page.locator('.inbox article').first().locator('.choice button').first().evaluate((b) => b === document.activeElement), true, 'the first choice has the focus');
  await pictures(heron, 'inbox-denied');
  // To try again is no loss while it is not allowed: it leaves the tray, and comes back.
  const back = heron.page.evaluate(() => new Promise((done) => {
    let left = false;
    new MutationObserver((_, observer) => {
      const n = document.documentElement.dataset.conflicts;
      left ||= n === '1';
      if (!left || n !== '2') return;
      observer.disconnect();
      done();
    }).observe(document.documentElement, { attributes: true, attributeFilter: ['data-conflicts'] });
  }));
  await press(heron, 0, 'Try again');
  await back;
  await kill();
  await start();
  await open(heron);
  for (let left = 2; left > 0; left--) {
    if (await heron.page.isHidden('.inbox')) await tray(heron, left);
    await press(heron, 0, 'Try again');
    await state(heron, 'conflicts', left - 1);
  }
  await open(heron);
  await shapes(otter, 4);
  await same(otter, heron, 'after it was allowed again');
  assert.equal(await otter.page.evaluate(() => document.documentElement.dataset.conflicts), '0');
});

test('a change of which the server has lost its memory is done again, or not', async () => {
  const finch = await person('Bright Finch');
  finch.log.down = true;
  const own = await lane();
  await kill();
  backup();
  await start();
  await finch.page.goto(own.origin + new URL(url).pathname);
  await shapes(finch, 4);
  await open(finch);
  own.deafen(); // what the server says to this is lost, and then so is the server's memory
  await draw(finch, 'r', [900, 550], [1000, 630]);
  await shapes(otter, 5);
  await state(finch, 'pending', 1);
  await unsaved(finch);
  await kill();
  restore();
  own.cut();
  await start();
  await shapes(otter, 4); // who has seen what is lost: so the server knows that it has lost something
  own.mend();
  await state(finch, 'conflicts', 1);
  await shapes(finch, 4);
  await tray(finch, 1);
  assert.match(await finch.page.innerText('.inbox'), /Nobody knows whether your change of this rectangle was stored\s+The server has lost its memory of it\. Look at the board/);
  await pictures(finch, 'inbox-unknown');
  await press(finch, 0, 'Do it again');
  await state(finch, 'conflicts', 0);
  await open(finch);
  await shapes(otter, 5);
  await same(otter, finch, 'after it was done again');
  assert.deepEqual(finch.log.errors, []);
  await finch.context.close();
  own.close();
});

test('nothing went wrong on the way', async () => {
  for (const p of [otter, heron]) assert.deepEqual(p.log.errors, [], p.name);
  way.close();
});

await runTests(tests, () => [otter, heron].filter(Boolean), 90);
