import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { dirname, join, relative, sep } from "node:path";

/** Which rooms the code of a room may import besides itself. */
const arrows: Record<string, string[]> = {
  status: ["codec"], // types alone
  codec: ["status"],
  internal: ["codec", "status", "transport"], // of transport types alone
  transport: ["codec", "status", "internal"],
  rpc: ["transport", "codec", "status", "internal"],
  pubsub: ["transport", "codec", "status", "internal"],
  dstm: ["transport", "codec", "status", "internal"],
  index: ["status", "codec", "transport", "rpc", "pubsub", "dstm"],
};
const typesAlone = ["status codec", "internal transport"];

const src = fileURLToPath(new URL("../src/", import.meta.url));
const room = (path: string): string => (relative(src, path).split(sep)[0] ?? "").replace(/\.ts$/, "");

test("imports point the way they may", () => {
  const files = readdirSync(src, { recursive: true }).map((name) => join(src, String(name))).filter((name) => name.endsWith(".ts"));
  assert.ok(files.length > 50);
  for (const file of files) {
    const from = room(file);
    assert.ok(arrows[from], `the room ${from} is not in the table`);
    for (const [, statement, target] of readFileSync(file, "utf8").matchAll(/^(import|export)(?=[^;]*?from "([^"]+)";)/gm)) {
      const text = `${relative(src, file)} ${statement} ${target}`;
      if (target === "@msgpack/msgpack") {
        assert.equal(from, "codec", text);
        continue;
      }
      assert.match(target ?? "", /^\.{1,2}\/.*\.ts$/, text);
      const to = room(join(dirname(file), target ?? ""));
      assert.ok(from === to || arrows[from]?.includes(to), text);
    }
  }
});

test("where only types may be imported, only types are", () => {
  for (const pair of typesAlone) {
    const [from = "", to = ""] = pair.split(" ");
    const files = readdirSync(src, { recursive: true }).map((name) => join(src, String(name))).filter((name) => name.endsWith(".ts") && room(name) === from);
    for (const file of files) {
      for (const [statement, target] of readFileSync(file, "utf8").matchAll(/^import [^;]*?from "([^"]+)";/gm)) {
        if (room(join(dirname(file), target ?? "")) === to) assert.ok(statement.startsWith("import type "), `${relative(src, file)}: ${statement}`);
      }
    }
  }
});
