// Runs the tests: all of test/, or the files and folders that are named. The Go server that some of them talk to is built once.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

function run(command, args, options) {
  const { status, error } = spawnSync(command, args, { stdio: "inherit", ...options });
  if (error) console.error(`${command}: ${error.message}`);
  return status ?? 1;
}

function testsIn(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true })
    .map((name) => join(path, name))
    .filter((name) => name.endsWith(".test.ts"));
}

const named = process.argv.slice(2);
const files = (named.length > 0 ? named : [join(root, "test")]).flatMap(testsIn).sort();
if (files.length === 0) {
  console.error("no tests");
  process.exit(1);
}

const dir = mkdtempSync(join(tmpdir(), "trefoil-js-"));
let status = 1;
try {
  const server = join(dir, process.platform === "win32" ? "jsserver.exe" : "jsserver");
  status = run("go", ["build", "-o", server, "./internal/jsserver"], { cwd: join(root, "..") });
  if (status === 0 && existsSync(server)) {
    // What waits for ever fails, so that it is seen where it waits; no test takes a tenth of that.
    const args = ["--import", "tsx", "--test", "--test-timeout=600000", ...files.map((name) => relative(root, name))];
    status = run(process.execPath, args, { cwd: root, env: { ...process.env, TREFOIL_JSSERVER: server } });
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
process.exit(status);
