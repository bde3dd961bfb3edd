// Bundles src/main.ts and the client in js/ into static/app.js. With --check it changes nothing and fails if that file
// is not what the sources make.
import { build } from 'esbuild';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const web = fileURLToPath(new URL('..', import.meta.url));
const client = fileURLToPath(new URL('../../../../js/', import.meta.url));
const out = fileURLToPath(new URL('../../static/app.js', import.meta.url));

if (!existsSync(client + 'node_modules')) {
  console.error('the client is not installed: run npm ci in js/ first');
  process.exit(1);
}
const result = await build({
  absWorkingDir: web,
  entryPoints: ['src/main.ts'],
  alias: { trefoil: client + 'src/index.ts' },
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  charset: 'utf8',
  legalComments: 'none',
  write: false,
});
const licence = readFileSync(client + 'node_modules/@msgpack/msgpack/LICENSE', 'utf8').trim();
const notice = `/*! Trefoil auction, Apache-2.0. It contains @msgpack/msgpack:\n\n${licence}\n*/\n`;
const text = notice + result.outputFiles[0].text;
if (process.argv.includes('--check')) {
  if (!existsSync(out) || readFileSync(out, 'utf8') !== text) {
    console.error('static/app.js is not what the sources make: run npm run build in examples/auction/web');
    process.exit(1);
  }
} else {
  writeFileSync(out, text);
  console.log(`static/app.js: ${text.length} bytes`);
}
