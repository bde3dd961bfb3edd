// Builds dist/trefoil.js (an ES module) and dist/trefoil.global.js (a plain script that defines trefoil), and prints their sizes. The output depends on
// the sources and package-lock.json alone. With --check nothing is written: it fails if what is checked in is not what the sources make.
import { readFile, writeFile, mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = new URL("..", import.meta.url);
const check = process.argv.includes("--check");
const { version } = JSON.parse(await readFile(new URL("package.json", root), "utf8"));
const licence = (await readFile(new URL("node_modules/@msgpack/msgpack/LICENSE", root), "utf8")).trim();
const banner = `/*!
 * trefoil ${version}, SPDX-License-Identifier: Apache-2.0
 *
 * It contains parts of @msgpack/msgpack, under this licence:
 *
${licence.split("\n").map((line) => ` * ${line}`.trimEnd()).join("\n")}
 */`;

const formats = [
  { file: "dist/trefoil.js", options: { format: "esm" } },
  { file: "dist/trefoil.global.js", options: { format: "iife", globalName: "trefoil" } },
];

let failed = false;
for (const { file, options } of formats) {
  const result = await build({
    entryPoints: [fileURLToPath(new URL("src/index.ts", root))],
    absWorkingDir: fileURLToPath(root),
    bundle: true,
    write: false,
    minify: true,
    charset: "utf8",
    target: "es2022",
    platform: "browser",
    legalComments: "none",
    banner: { js: banner },
    logLevel: "warning",
    ...options,
  });
  const [output] = result.outputFiles;
  const text = output.text;
  // zlib of one version or another may differ by a few bytes, so sizes are printed and not compared.
  console.log(`${file}: ${output.contents.length} bytes, ${gzipSync(output.contents, { level: 9 }).length} with gzip`);
  const path = new URL(file, root);
  if (check) {
    const there = await readFile(path, "utf8").catch(() => "");
    if (there !== text) {
      console.error(`${file} is not what the sources make: run npm run build`);
      failed = true;
    }
  } else {
    await mkdir(new URL(".", path), { recursive: true });
    await writeFile(path, text);
  }
}
process.exitCode = failed ? 1 : 0;
