// Makes a picture of a lot that a person and robots bid on, and of the house behind it: node scripts/picture.mjs FILE.png [dark]
import { bid, enter, origin, person, ready, stage, start } from '../test/harness.mjs';

const [file, theme] = process.argv.slice(2);
if (!file) {
  console.error('usage: node scripts/picture.mjs FILE.png [dark]');
  process.exit(2);
}

await stage(async () => {
  await start('-bots', '40', '-rate', '6');
  const ann = await person({ viewport: { width: 1280, height: 1000 }, colorScheme: theme === 'dark' ? 'dark' : 'light', deviceScaleFactor: 1.25 });
  await enter(ann, 'Ada Lind');
  await ann.page.waitForTimeout(45_000); // an auction needs its time
  const title = await ann.page.evaluate(() => [...document.querySelectorAll('.card')].map((c) => ({ lot: c.dataset.lot, bids: parseInt(c.querySelector('.num').textContent, 10) || 0 })).sort((a, b) => b.bids - a.bids)[0].lot);
  await ann.page.goto(`${origin}/lot/${title}`);
  await ready(ann);
  for (let i = 0; i < 6; i++) {
    await ann.page.waitForSelector('.steps button:enabled');
    const next = (await ann.page.innerText('.steps button >> nth=2')).replace(/[€,]/g, '');
    if (/counts/.test(await bid(ann, next))) break;
  }
  await ann.page.waitForTimeout(6000);
  await ann.page.mouse.move(600, 800);
  await ann.page.waitForTimeout(1200);
  await ann.page.screenshot({ path: file });
});
process.exit(0);
