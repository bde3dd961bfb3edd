// Makes the icons of the installed page in static/ from the knot: node scripts/icons.mjs (needs Chromium; CHROMIUM=path).
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const knot = '<g fill="none" stroke="#fff" stroke-width="1.8"><circle cx="12" cy="8.2" r="4.6"/><circle cx="8.4" cy="14.4" r="4.6"/><circle cx="15.6" cy="14.4" r="4.6"/></g>';

/** A tile with the knot on it; what may be cut off (a mask) has no corners of its own and a smaller knot. */
const tile = (size, mask) => {
  const k = mask ? 26 : 36;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" viewBox="0 0 48 48"><defs><linearGradient id="g" x2="0" y2="1"><stop stop-color="#17a3a0"/><stop offset="1" stop-color="#0b7577"/></linearGradient></defs>
<rect width="48" height="48" rx="${mask ? 0 : 11}" fill="url(#g)"/><svg x="${24 - k / 2}" y="${24 - k / 2}" width="${k}" height="${k}" viewBox="0 0 24 24">${knot}</svg></svg>`;
};

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--headless', '--no-sandbox', '--disable-gpu'] });
for (const [name, size, mask] of [['icon-192', 192, false], ['icon-512', 512, false], ['icon-maskable', 512, true]]) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(`<body style="margin:0">${tile(size, mask)}</body>`);
  await page.screenshot({ path: fileURLToPath(new URL(`../../static/${name}.png`, import.meta.url)), omitBackground: true });
}
await browser.close();
