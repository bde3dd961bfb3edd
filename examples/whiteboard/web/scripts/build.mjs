// Bundles src/main.ts and the client in js/ into static/app.js, and src/sw.ts into static/sw.js. With --check it changes nothing and fails if those
// files are not what the sources make.
import { build } from 'esbuild';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const web = fileURLToPath(new URL('..', import.meta.url));
const client = fileURLToPath(new URL('../../../../js/', import.meta.url));
const folder = fileURLToPath(new URL('../../static/', import.meta.url));

if (!existsSync(client + 'node_modules')) {
  console.error('the client is not installed: run npm ci in js/ first');
  process.exit(1);
}

async function bundle(source, format) {
  const result = await build({
    absWorkingDir: web,
    entryPoints: [source],
    alias: { trefoil: client + 'src/index.ts' },
    bundle: true,
    minify: true,
    format,
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    write: false,
  });
  return result.outputFiles[0].text;
}

const licence = readFileSync(client + 'node_modules/@msgpack/msgpack/LICENSE', 'utf8').trim();
const notice = `/*! Trefoil whiteboard, Apache-2.0. It contains @msgpack/msgpack:\n\n${licence}\n*/\n`;
const files = { 'app.js': notice + (await bundle('src/main.ts', 'esm')), 'sw.js': await bundle('src/sw.ts', 'iife') };
for (const [name, text] of Object.entries(files)) {
  const out = folder + name;
  if (!process.argv.includes('--check')) {
    writeFileSync(out, text);
    console.log(`static/${name}: ${text.length} bytes`);
  } else if (!existsSync(out) || readFileSync(out, 'utf8') !== text) {
    console.error(`static/${name} is not what the sources make: run npm run build in examples/whiteboard/web`);
    process.exit(1);
  }
}
