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
  const maja = await person('Maja Berg', options);
  await maja.page.goto(origin);
  await maja.page.waitForURL(/\/b\//);
  await open(maja);
  const ole = await person('Ole', options);
  const ida = await person('Ida Noor', options);
  for (const p of [ole, ida]) {
    await p.page.goto(maja.page.url());
    await open(p);
  }
  await others(maja, 3);
  await maja.page.click('.board');
  await maja.page.fill('[aria-label="Name of this board"]', 'Launch plan');
  await maja.page.keyboard.press('Enter');
  await style(maja, 1, 8);
  await write(maja, 't', 130, 130, 'One connection, three patterns');
  await style(maja, 1, 4);
  await write(maja, 'n', 225, 300, 'rpc\n\ncalls settle\nexactly once');
  await maja.page.keyboard.press('7');
  await write(maja, 'n', 445, 300, 'pubsub\n\nin order, and gaps are told');
  await maja.page.keyboard.press('5');
  await write(maja, 'n', 665, 300, 'dstm\n\nshared objects, changed in transactions');
  await ole.page.keyboard.press('6');
  await draw(ole, 'r', [890, 205], [1110, 315]);
  await write(ole, 't', 940, 260, 'one socket');
  await ole.page.keyboard.press('4');
  await draw(ole, 'o', [900, 440], [1100, 560]);
  await write(ole, 't', 945, 500, 'browsers');
  await ole.page.keyboard.press('2');
  await draw(ole, 'l', [1000, 322], [1000, 434]);
  await ida.page.keyboard.press('8');
  await curve(ida, Array.from({ length: 90 }, (_, i) => [140 + i * 7, 520 + 34 * Math.sin(i / 7) * Math.exp(-i / 70)]));
  await ida.page.keyboard.press('3');
  await curve(ida, Array.from({ length: 40 }, (_, i) => [665 + 128 * Math.cos(i / 6 + 2), 300 + 122 * Math.sin(i / 6 + 2)]));
  await shapes(maja, 11);
  await drag(ida, [600, 600], [640, 610]);
  await ida.page.keyboard.press('Control+z');
  await ida.page.mouse.move(560, 560);
  await ole.page.mouse.move(1080, 390);
  await ole.page.mouse.move(1082, 392);
  await maja.page.keyboard.press('v');
  await maja.page.mouse.move(600, 700);
  await shapes(maja, 11);
  await open(maja);
  await maja.page.waitForTimeout(600);
  await maja.page.screenshot({ path: file });
});
process.exit(0);
