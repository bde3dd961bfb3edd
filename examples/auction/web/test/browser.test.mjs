// An evening at the house: a real server, and several people in browsers of their own.
//
//	node test/browser.test.mjs            GO=go CHROMIUM=/usr/bin/chromium SHOTS=folder
//
// SHOTS, if set, is a folder outside the checkout that gets pictures to look at.
import assert from 'node:assert/strict';
import { answer, bid, enter, fits, go, kill, origin, person, price, priced, printed, ready, sell, shot, stage, start, verdict, visit } from './harness.mjs';

const tests = [];
const test = (name, fn) => tests.push([name, fn]);
const evil = '<img src=x onerror="window.broken=1">';
let ann, ben, cleo, key, lot;

const euros = (cents) => '€' + (cents / 100).toLocaleString('en-GB', { minimumFractionDigits: cents % 100 ? 2 : 0 });
/** What is free on the account that p is shown, in cents. */
const available = async (p) => Math.round(Number((await p.page.innerText('.sums strong >> nth=0')).replace(/[€,]/g, '')) * 100);

test('a visitor sees lots whose prices move, and is asked in before bidding', async () => {
  key = await start('-bots', '16', '-rate', '4');
  ann = await person();
  await ann.page.goto(origin);
  await ready(ann);
  await ann.page.waitForSelector('.card');
  const before = await ann.page.innerText('.grid-lots');
  await ann.page.waitForFunction((b) => document.querySelector('.grid-lots').innerText !== b, before);
  await ann.page.click('.card >> nth=2');
  await ann.page.waitForSelector('a:has-text("Sign in to bid")');
  assert.equal(await ann.page.isVisible('#bid-amount'), false);
  await shot(ann, 'visitor-lot');
});

test('a person outbids a robot, and the money is set aside', async () => {
  await enter(ann, 'Ann Lind');
  for (let tries = 0; ; tries++) {
    assert.ok(tries < 12, 'robots were faster twelve times');
    await ann.page.goto(origin);
    await ready(ann);
    // The lots at the end of the list have time left; one that a robot leads is wanted.
    await ann.page.waitForFunction(() => document.querySelectorAll('.card').length > 3);
    const cards = ann.page.locator('.card:has-text("(robot)")');
    await cards.nth(Math.max(0, (await cards.count()) - 1 - (tries % 4))).click();
    await ann.page.waitForSelector('.steps button:enabled');
    if (!/\(robot\) leads/.test(await ann.page.innerText('.now p'))) continue;
    await ann.page.click('.steps button >> nth=2');
    await ann.page.keyboard.press('Enter');
    if (/counts|counted/.test(await answer(ann))) break;
  }
  const row = ann.page.locator('.history li:has-text("You")').first();
  const said = await ann.page.innerText('.bid > .answer[role="status"]');
  const amount = /€[\d,.]*\d/.exec(said)[0];
  if (/counts/.test(said)) await row.waitFor();
  await shot(ann, 'outbid-a-robot');
  await go(ann, 'Account');
  await ann.page.click('button:has-text("Hold against the log")');
  await ann.page.waitForFunction(() => /stands? in the log/.test(document.querySelector('.verdict').innerText));
  assert.ok(amount, said);
});

test('the audit agrees while robots bid', async () => {
  await go(ann, 'Audit');
  assert.equal(await verdict(ann), 'agrees');
  const page = await ann.page.innerText('.verdict');
  assert.match(page, /The books agree/);
  assert.ok((await ann.page.locator('.accounts tbody tr').count()) >= 17);
  assert.match(await ann.page.innerText('.accounts tbody tr >> nth=0'), /Ann Lind\s+you/);
  assert.match(await ann.page.innerText('.log tbody'), /Bid of €/);
  assert.match(await ann.page.innerText('.checks'), /[1-9]\d* hashes were computed here/);
  await shot(ann, 'audit');
});

test('the house closes with its books in order, and opens again with the same people', async () => {
  ann.log.down = true;
  await go(ann, 'Lots');
  assert.equal(await kill('SIGTERM'), 0, printed.join('\n'));
  assert.match(printed.join('\n'), /self-check passed/);
  await ann.page.waitForSelector('.notice:not([hidden])');
  assert.match(await ann.page.innerText('.notice'), /Offline/);
  assert.ok((await ann.page.locator('.card').count()) > 0, 'prices stay');
  await shot(ann, 'offline');
  key = await start('-bots', '0');
  await ready(ann);
  await ann.page.waitForSelector('.notice', { state: 'hidden' });
  assert.match(await ann.page.innerText('.who'), /Ann Lind/);
  ann.log.down = false;
});

test('HTML in every field is text, for everybody', async () => {
  ben = await person();
  await enter(ben, `Ben ${evil}`.slice(0, 40), 'seller');
  lot = await sell(ben, { title: `Vase ${evil} <b>bold</b>`, text: `${evil}\n<script>window.broken=1</script>`, start: '10', step: '1' });
  await visit(ann, lot);
  assert.match(await ann.page.innerText('h1'), /<b>bold<\/b>/);
  assert.match(await ann.page.innerText('.about'), /<script>window\.broken=1<\/script>/);
  for (const place of ['Lots', 'Account', 'Audit', 'Sell']) {
    for (const p of [ann, ben]) {
      await go(p, place);
      if (place === 'Audit') assert.equal(await verdict(p), 'agrees');
      else await p.page.waitForTimeout(100);
      assert.equal(await p.page.evaluate(() => window.broken ?? document.querySelectorAll('body img, body b, main script, body iframe').length), 0, place);
      await fits(p, place);
    }
  }
  await go(ben, 'Sell');
  await shot(ben, 'sell');
});

test('wrong sums are refused in words, and nothing happens', async () => {
  await visit(ann, lot);
  await visit(ben, lot);
  const wrong = [['', /Enter an amount/], ['0', /more than zero/], ['-5', /more than zero/], ['1e308', /not an amount/], ['a lot', /not an amount/], [evil, /not an amount/], ['10.001', /two decimals/], ['9'.repeat(40), /more than anything/], ['9.99', /Too low: it starts at €10/], ['20000', /not enough that is free: €[\d,.]+ of €20,000/]];
  for (const [sum, words] of wrong) assert.match(await bid(ann, sum), words, sum);
  await shot(ann, 'refused');
  assert.equal(await price(ann), '€10');
  assert.equal(await price(ben), '€10');
  assert.match(await ann.page.innerText('.now p'), /Nobody has bid yet/);
  assert.match(await ben.page.innerText('.panel:has(h1)'), /This lot is yours/);
});

test('a computer whose clock is a day off counts down with the house, and its bids count', async () => {
  cleo = await person({}, () => {
    const Real = Date;
    const off = 86_400_000;
    window.Date = class extends Real {
      constructor(...args) {
        if (args.length) super(...args);
        else super(Real.now() + off);
      }
      static now() {
        return Real.now() + off;
      }
    };
  });
  await enter(cleo, 'Cleo Ott');
  await visit(cleo, lot);
  const left = (p) => p.page.evaluate(() => {
    const [min, s] = document.querySelector('.now .left').textContent.split(':').map(Number);
    return min * 60 + s;
  });
  const [a, c] = await Promise.all([left(ann), left(cleo)]);
  assert.ok(Math.abs(a - c) <= 2 && a > 60, `${a} and ${c} seconds`);
  assert.match(await bid(ann, '12.50'), /Your bid of €12\.50 counts/);
  await priced(cleo, '€12.50');
  assert.match(await bid(cleo, '13'), /Too low: Ann Lind bids €12\.50\. The next bid is €13\.50/);
  assert.match(await bid(cleo, '14'), /counts/);
  await ann.page.waitForFunction(() => /Cleo Ott has answered it with €14/.test(document.querySelector('.bid').innerText));
  await priced(ben, '€14');
  assert.match(await bid(cleo, '20'), /You lead already/);
});

test('a maximum bids for one, and nobody else sees it', async () => {
  await go(cleo, 'Lots'); // who looks elsewhere is told by a word at the bottom
  await ann.page.click('label:has-text("Up to a maximum")');
  assert.match(await bid(ann, '40'), /You lead at €15\. The house bids for you up to €40/);
  await cleo.page.waitForFunction(() => /Outbid on .*: Ann Lind bids €15/.test(document.querySelector('.toast').textContent));
  await cleo.page.goBack();
  await cleo.page.waitForFunction(() => /Ann Lind leads/.test(document.querySelector('.now p')?.textContent));
  assert.match(await bid(cleo, '30'), /counted|counts/);
  await priced(cleo, '€31');
  await priced(ann, '€31');
  assert.match(await cleo.page.innerText('.bid > .answer[role="status"]'), /Ann Lind has answered it with €31/);
  assert.ok(!(await cleo.page.content()).includes('€40'));
  assert.match(await ann.page.innerText('.bid'), /up to €40\. Only you see that/);
  assert.match(await ann.page.innerText('.bid > .answer[role="status"]'), /You lead at €15/);
  await shot(ann, 'maximum');
  await go(ann, 'Account');
  await ann.page.waitForSelector('a.row-lot:has-text("bold"):has-text("€31 set aside, your maximum €40"):has-text("You lead")');
  await shot(ann, 'account');
});

test('the chart is read by the keyboard', async () => {
  await visit(ann, lot);
  await ann.page.waitForSelector('.chart .line[d]');
  await ann.page.focus('.chart');
  await ann.page.keyboard.press('End');
  assert.match(await ann.page.innerText('.tip'), /€31\n.*you/);
  await ann.page.keyboard.press('Home');
  assert.match(await ann.page.innerText('.tip'), /€10/);
  await ann.page.keyboard.press('Escape');
  assert.equal(await ann.page.isVisible('.tip'), false);
});

test('a late bid is refused with its reason, from a page that knows and from one that does not', async () => {
  const late = await sell(ben, { title: 'Quick one', start: '5', step: '1', length: '30 seconds' });
  // Dora's page is told nothing from some moment on: what the house sends is held back.
  const dora = await person();
  const held = { on: false, waiting: [] };
  await dora.page.routeWebSocket(/\/ws$/, (page) => {
    const house = page.connectToServer();
    page.onMessage((m) => house.send(m));
    house.onMessage((m) => (held.on ? held.waiting.push(() => page.send(m)) : page.send(m)));
  });
  await enter(dora, 'Dora Falk');
  await visit(dora, late);
  await visit(ann, late);
  assert.match(await bid(ann, '5'), /counts/);
  await priced(dora, '€5');
  await ann.page.fill('#bid-amount', '9');
  await dora.page.fill('#bid-amount', '9');
  held.on = true;
  await ann.page.waitForFunction(() => document.querySelector('.now .left').textContent === 'Closed', undefined, { timeout: 60_000 });
  await ann.page.press('#bid-amount', 'Enter');
  assert.match(await answer(ann), /Too late: the hammer fell at \d\d:\d\d:\d\d, at €5 for you/);
  await shot(ann, 'too-late');
  await dora.page.press('#bid-amount', 'Enter');
  await dora.page.waitForFunction(() => document.querySelector('.bid button[type="submit"]').textContent === 'Sending…');
  held.on = false;
  for (const send of held.waiting) send();
  assert.match(await answer(dora), /Too late: the hammer fell at \d\d:\d\d:\d\d, at €5 for Ann Lind/);
  await go(dora, 'Account');
  await dora.page.waitForFunction(() => /Available\s*€10,000/.test(document.querySelector('.sums').innerText.replace(/\n/g, ' ')));
  assert.deepEqual(dora.log.errors, []);
  await dora.context.close();
  await go(ann, 'Account');
  await ann.page.waitForSelector('.rows:has-text("Won") a:has-text("Quick one")');
});

test('a forged role opens nothing', async () => {
  await cleo.page.evaluate(() => {
    const pass = JSON.parse(localStorage.getItem('auction.pass'));
    localStorage.setItem('auction.pass', JSON.stringify({ ...pass, role: 'seller' }));
  });
  await cleo.page.goto(`${origin}/sell`);
  await ready(cleo);
  await cleo.page.fill('label:has-text("Title") input', 'Not mine to sell');
  await cleo.page.fill('label:has-text("Starting price") input', '5');
  await cleo.page.click('button:has-text("Open the lot")');
  await cleo.page.waitForSelector('.form .answer:not([hidden])');
  assert.match(await cleo.page.innerText('.form .answer'), /Your role does not allow that/);
  await cleo.page.evaluate(() => {
    const pass = JSON.parse(localStorage.getItem('auction.pass'));
    localStorage.setItem('auction.pass', JSON.stringify({ ...pass, role: 'auctioneer' }));
  });
  await cleo.page.goto(`${origin}/audit`);
  await ready(cleo);
  await cleo.page.click('button:has-text("Run the self-check")');
  await cleo.page.waitForFunction(() => /Your role does not allow/.test(document.querySelector('.toast').textContent));
  // A token that nobody was given: the page forgets it and goes on as a visitor's.
  await cleo.page.evaluate(() => {
    const pass = JSON.parse(localStorage.getItem('auction.pass'));
    localStorage.setItem('auction.pass', JSON.stringify({ ...pass, token: 'f'.repeat(40) }));
  });
  await cleo.page.goto(origin);
  await cleo.page.waitForSelector('.top a:has-text("Sign in"):visible');
  assert.equal(await cleo.page.evaluate(() => localStorage.getItem('auction.pass')), null);
  await go(cleo, 'Account');
  for (const [name, words] of [['Ann Lind', /has that name already/], ['   ', /1 to 40 characters/], ['x'.repeat(41), /1 to 40 characters/]]) {
    await cleo.page.fill('#name', name);
    await cleo.page.click('button:has-text("Come in")');
    await cleo.page.waitForFunction((w) => new RegExp(w).test(document.querySelector('.wrong:not([hidden])')?.textContent ?? ''), words.source);
  }
});

test('the keyboard is enough', async () => {
  const eve = await person();
  const { keyboard } = eve.page;
  await eve.page.goto(origin);
  await ready(eve);
  await eve.page.waitForSelector('.card');
  await keyboard.press('?');
  await eve.page.waitForSelector('dialog[open]');
  await shot(eve, 'help');
  await keyboard.press('Escape');
  await keyboard.press('g');
  await keyboard.press('a');
  await eve.page.waitForSelector('#name');
  for (let i = 0; i < 5 && (await eve.page.evaluate(() => document.activeElement.id)) !== 'name'; i++) await keyboard.press('Tab');
  await keyboard.type('Eve Voss');
  await keyboard.press('Enter');
  await eve.page.waitForSelector('.who:not([hidden])');
  await ready(eve);
  await eve.page.waitForSelector('.card');
  await keyboard.press('/');
  await keyboard.type('vase bold');
  await eve.page.waitForFunction(() => document.querySelectorAll('.card').length === 1);
  await keyboard.press('Escape');
  await keyboard.press('j');
  assert.equal(await eve.page.evaluate(() => document.activeElement.className), 'card');
  const ring = await eve.page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(ring, 'solid', 'focus is seen');
  await keyboard.press('Enter');
  await eve.page.waitForURL(/\/lot\//);
  await eve.page.waitForSelector('.bid button[type="submit"]:enabled');
  await keyboard.press('b');
  await keyboard.type('35.5');
  await keyboard.press('Enter');
  assert.match(await answer(eve), /counts|counted/);
  await keyboard.press('Escape');
  await keyboard.press('Escape');
  await eve.page.waitForURL(`${origin}/`);
  assert.deepEqual(eve.log.errors, []);
  await eve.context.close();
});

test('without the house nobody bids, and the reason is shown', async () => {
  await visit(ann, lot);
  const before = await price(ann);
  ann.log.down = ben.log.down = cleo.log.down = true;
  await kill();
  await ann.page.waitForFunction(() => document.documentElement.dataset.line === 'waiting');
  assert.equal(await ann.page.isDisabled('.bid button[type="submit"]'), true);
  assert.match(await ann.page.innerText('.bid'), /cannot be reached now: bidding waits/);
  assert.equal(await price(ann), before);
  await ann.page.waitForSelector('.notice:not([hidden])');
  await shot(ann, 'lot-offline');
  key = await start('-bots', '0');
  await ready(ann);
  await ann.page.waitForSelector('.bid button[type="submit"]:enabled');
  assert.equal(await price(ann), before);
  ann.log.down = ben.log.down = cleo.log.down = false;
});

test('the auctioneer cancels a lot, and the self-check passes', async () => {
  const boss = await person();
  await boss.page.goto(`${origin}/?key=${key}`);
  await boss.page.waitForSelector('#name');
  assert.ok(!boss.page.url().includes(key), 'the key is gone from the address');
  await boss.page.fill('#name', 'The auctioneer');
  await boss.page.click('button:has-text("Come in")');
  await boss.page.waitForSelector('.who:not([hidden])');
  await boss.page.click('.nav a:has-text("Audit")');
  await boss.page.click('button:has-text("Run the self-check")');
  await boss.page.waitForFunction(() => /self-check passes/.test(document.querySelector('.toast').textContent));
  await shot(boss, 'self-check');
  await go(ann, 'Account');
  await ann.page.waitForSelector('a.row-lot:has-text("bold"):has-text("€36.50 set aside")');
  const before = await available(ann);
  await visit(boss, lot);
  await visit(ann, lot);
  await boss.page.click('button:has-text("Cancel this lot")');
  await boss.page.click('dialog button:has-text("Cancel the lot")');
  await ann.page.waitForFunction(() => /was cancelled/.test(document.querySelector('.now p').textContent));
  await go(ann, 'Account');
  await ann.page.waitForFunction((w) => document.querySelector('.sums strong').textContent === w, euros(before + 3650));
  assert.deepEqual(boss.log.errors, []);
  await boss.context.close();
});

test('it looks well on small and dark screens', async () => {
  const place = await sell(ben, { title: 'A title that is as long as titles may be, with one Donaudampfschifffahrtsgesell', start: '999999999.99', step: '1' });
  for (const [name, options] of [['narrow-light', { viewport: { width: 360, height: 740 }, hasTouch: true }], ['narrow-dark', { viewport: { width: 360, height: 740 }, colorScheme: 'dark', hasTouch: true }], ['middle-dark', { viewport: { width: 820, height: 1100 }, colorScheme: 'dark' }], ['wide-dark', { colorScheme: 'dark' }], ['still', { reducedMotion: 'reduce' }]]) {
    const one = await person(options);
    await enter(one, `Guest ${name}`, 'seller');
    for (const path of ['/', place, '/account', '/sell', '/audit']) {
      await one.page.goto(origin + path);
      await ready(one);
      if (path === '/audit') await verdict(one);
      if (path === place) await one.page.waitForSelector('.lot .price:not(:empty)');
      await one.page.waitForTimeout(250);
      await fits(one, `${name} ${path}`);
      await shot(one, `${name}${path === place ? '-lot' : path === '/' ? '-lots' : path.replace('/', '-')}`, name.startsWith('narrow') && path !== '/');
    }
    assert.deepEqual(one.log.errors, []);
    await one.context.close();
  }
});

test('on a small screen nothing that gets the focus lies under the bars', async () => {
  const fay = await person({ viewport: { width: 360, height: 740 } });
  await enter(fay, 'Fay Rem', 'seller');
  const place = await sell(fay, { title: 'Read by the keyboard', text: 'Word by word. '.repeat(60) });
  await ann.page.goto(origin + place);
  await bid(ann, '10');
  for (const path of [place, '/', '/audit']) {
    await fay.page.goto(origin + path);
    await ready(fay);
    if (path === '/audit') await verdict(fay);
    let seen = 0;
    for (let i = 0; i < 60; i++) {
      await fay.page.keyboard.press(i < 40 ? 'Tab' : 'Shift+Tab');
      const under = await fay.page.evaluate(() => {
        const e = document.activeElement, main = document.querySelector('main');
        if (!main.contains(e) || e === main) return null;
        const { top, bottom } = e.getBoundingClientRect();
        const [least, most] = [document.querySelector('.top').getBoundingClientRect().bottom, document.querySelector('.nav').getBoundingClientRect().top];
        return bottom - top < most - least && (top < least || bottom > most) ? `${e.outerHTML.slice(0, 90)} at ${Math.round(top)} to ${Math.round(bottom)} of ${least} to ${most}` : '';
      });
      if (under !== null) seen++;
      assert.ok(!under, `${path}: ${under}`);
    }
    assert.ok(seen > 5, `${path}: ${seen} stops`);
  }
  assert.deepEqual(fay.log.errors, []);
  await fay.context.close();
});

test('it works where storage is forbidden, and loads nothing but its own files', async () => {
  const strict = await person({}, () => {
    for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, { get() { throw new DOMException('forbidden', 'SecurityError'); } });
  });
  await enter(strict, 'Nobody');
  await go(strict, 'Lots');
  const strange = strict.log.requests.map((u) => u.replace(origin, '')).filter((u) => !/^\/($|static\/(app\.js|style\.css|icon\.svg)$|api\/login$)/.test(u));
  assert.deepEqual(strange, []);
  assert.deepEqual(strict.log.errors, []);
  await strict.context.close();
});

test('nothing went wrong on anybody’s page, the books agree, and SIGTERM closes cleanly', async () => {
  await go(ann, 'Audit');
  assert.equal(await verdict(ann), 'agrees');
  for (const p of [ann, ben, cleo]) assert.deepEqual(p.log.errors, []);
  ann.log.down = ben.log.down = cleo.log.down = true;
  assert.equal(await kill('SIGTERM'), 0, printed.join('\n'));
  assert.match(printed.join('\n'), /self-check passed/);
});

let failed = 0;
await stage(async () => {
  for (const [name, fn] of tests) {
    const began = performance.now();
    try {
      await Promise.race([fn(), new Promise((_, no) => setTimeout(no, 120_000, new Error('takes too long')).unref())]);
      console.log(`ok    ${name} (${Math.round(performance.now() - began)} ms)`);
    } catch (e) {
      failed++;
      console.error(`FAIL  ${name}\n${e.stack}`);
      for (const [who, p] of Object.entries({ ann, ben, cleo })) {
        if (!p) continue;
        console.error(who, p.page.url(), p.log.errors);
        await shot(p, `failed-${who}`);
      }
      console.error(printed.join('\n'));
      break; // what follows builds on it
    }
  }
});
console.log(failed ? 'failed' : `${tests.length} passed`);
process.exit(failed ? 1 : 0);
