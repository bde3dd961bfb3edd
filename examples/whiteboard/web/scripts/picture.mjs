// Makes a picture of a board that three people work on: node scripts/picture.mjs FILE.png [dark]
import { drag, draw, open, origin, others, person, shapes, stage } from '../test/harness.mjs';

const [file, theme] = process.argv.slice(2);
if (!file) {
  console.error('usage: node scripts/picture.mjs FILE.png [dark]');
  process.exit(2);
}

/** Draws a curve through points by hand. */
async function curve(p, points) {
  const { mouse, keyboard } = p.page;
  await keyboard.press('p');
  await mouse.move(...points[0]);
  await mouse.down();
  for (const at of points) await mouse.move(...at);
  await mouse.up();
}

async function write(p, key, x, y, text) {
  await p.page.keyboard.press(key);
  await p.page.mouse.click(x, y);
  await p.page.keyboard.type(text);
  await p.page.keyboard.press('Escape');
  await p.page.keyboard.press('Escape');
}

async function style(p, color, width) {
  await p.page.keyboard.press(String(color));
  await p.page.click('button[aria-label="Colour and width"]');
  await p.page.click(`[data-width="${width}"]`);
  await p.page.keyboard.press('Escape');
}

await stage(async () => {
  const options = { viewport: { width: 1280, height: 800 }, colorScheme: theme === 'dark' ? 'dark' : 'light', deviceScaleFactor: 1.5 };
  const otter = await person('Quiet Otter', options);
  await otter.page.goto(origin);
  await otter.page.waitForURL(/\/b\//);
  await open(otter);
  const heron = await person('Calm Heron', options);
  const finch = await person('Bright Finch', options);
  for (const p of [heron, finch]) {
    await p.page.goto(otter.page.url());
    await open(p);
  }
  await others(otter, 3);
  await otter.page.click('.board');
  await otter.page.fill('[aria-label="Name of this board"]', 'Launch plan');
  await otter.page.keyboard.press('Enter');
  await style(otter, 1, 8);
  await write(otter, 't', 130, 130, 'One connection, three patterns');
  await style(otter, 1, 4);
  await write(otter, 'n', 225, 300, 'rpc\n\ncalls settle\nexactly once');
  await otter.page.keyboard.press('7');
  await write(otter, 'n', 445, 300, 'pubsub\n\nin order, and gaps are told');
  await otter.page.keyboard.press('5');
  await write(otter, 'n', 665, 300, 'dstm\n\nshared objects, changed in transactions');
  await heron.page.keyboard.press('6');
  await draw(heron, 'r', [890, 205], [1110, 315]);
  await write(heron, 't', 940, 260, 'one socket');
  await heron.page.keyboard.press('4');
  await draw(heron, 'o', [900, 440], [1100, 560]);
  await write(heron, 't', 945, 500, 'browsers');
  await heron.page.keyboard.press('2');
  await draw(heron, 'l', [1000, 322], [1000, 434]);
  await finch.page.keyboard.press('8');
  await curve(finch, Array.from({ length: 90 }, (_, i) => [140 + i * 7, 520 + 34 * Math.sin(i / 7) * Math.exp(-i / 70)]));
  await finch.page.keyboard.press('3');
  await curve(finch, Array.from({ length: 40 }, (_, i) => [665 + 128 * Math.cos(i / 6 + 2), 312 + 145 * Math.sin(i / 6 + 2)]));
  await shapes(otter, 11);
  await drag(finch, [600, 600], [640, 610]);
  await finch.page.keyboard.press('Control+z');
  await finch.page.mouse.move(560, 560);
  await heron.page.mouse.move(1080, 390);
  await heron.page.mouse.move(1082, 392);
  for (const [p, notes] of [[otter, [225, 225, 665, 665, 665]], [heron, [445, 665, 665]], [finch, [225, 445, 665, 665]]]) {
    await p.page.keyboard.press('d');
    for (const x of notes) await p.page.mouse.click(x, 350);
    await p.page.keyboard.press('v');
  }
  await finch.page.mouse.move(560, 560);
  await heron.page.mouse.move(1082, 392);
  await otter.page.mouse.move(600, 700);
  await shapes(otter, 11);
  await open(otter);
  await otter.page.waitForTimeout(600);
  await otter.page.screenshot({ path: file });
});
process.exit(0);
