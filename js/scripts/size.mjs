// What a page pays that imports parts of the client: bundled, tree-shaken and minified as a page's own bundler does it, in bytes and in bytes with gzip, with and
// without @msgpack/msgpack. It fails if a part has outgrown its budget.
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

// In bytes with gzip, without @msgpack/msgpack: about 2 % above what they were when they were last set, for versions of zlib differ by some bytes. Whoever raises one
// says in the commit what the page gets for it. That of the transport is the aim of 12 KiB. In it are connecting, reconnecting and its states, the watch over the server, the queues and
// large frames in pieces, msgpack with our own checks, SHA-256, and the client's key; not in it are the JSON codec (1.8 KiB) and openStorage, which only those pay for that import them.
const budgets = [
  { name: "transport", uses: ["Client"], budget: 12_288 },
  { name: "rpc", uses: ["Client", "rpc.Peer"], budget: 17_600 },
  { name: "pubsub", uses: ["Client", "pubsub.PubSub"], budget: 20_300 },
  { name: "rpc + pubsub", uses: ["Client", "rpc.Peer", "pubsub.PubSub"], budget: 23_400 },
  { name: "dstm", uses: ["Client", "dstm.Client"], budget: 49_200 },
  { name: "dstm + storage", uses: ["Client", "dstm.Client", "openStorage"], budget: 52_400 },
  { name: "all, and JSON", uses: null, budget: 64_500 },
];

const src = fileURLToPath(new URL("../src", import.meta.url));

async function bundle(contents, external) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: src, loader: "ts" },
    external, bundle: true, write: false, minify: true, format: "esm", platform: "browser", target: "es2022", charset: "utf8", legalComments: "none",
  });
  const bytes = outputFiles[0].contents;
  return { plain: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length };
}

/** A page that uses these parts and imports nothing else. */
function page(uses) {
  const names = new Set(uses.map((use) => use.split(".")[0]));
  return `import { ${[...names].join(", ")} } from "./index.ts"; console.log(${uses.join(", ")});`;
}

const line = (...cells) => `| ${cells.map((cell, i) => (i === 0 ? String(cell).padEnd(14) : String(cell).padStart(14))).join(" | ")} |`;
console.log(line("a page with", "bytes", "gzip", "of them ours", "gzip", "budget"));
console.log(`|${"-".repeat(16)}|${`${"-".repeat(15)}:|`.repeat(5)}`);
for (const { name, uses, budget } of budgets) {
  const contents = uses ? page(uses) : `export * from "./index.ts";`;
  const all = await bundle(contents, []);
  const ours = await bundle(contents, ["@msgpack/msgpack"]);
  console.log(line(name, all.plain, all.gzip, ours.plain, ours.gzip, budget));
  if (ours.gzip > budget) {
    console.error(`${name}: ${ours.gzip} bytes with gzip, ${ours.gzip - budget} more than its budget`);
    process.exitCode = 1;
  }
}
