// The built client in a real browser: its IndexedDB and its Web Locks. CHROMIUM is the browser, default /usr/bin/chromium.
import assert from "node:assert/strict";
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { connect as dial } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const script = readFileSync(new URL("../../dist/trefoil.js", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "trefoil-browser-"));
const program = join(dir, process.platform === "win32" ? "jsserver.exe" : "jsserver");
let server = null;
let addr = null;
let browser = null;

/** Serves the page also while the server is away, as a cache would, and passes WebSockets on to the server. */
const site = createServer((request, response) => {
  const [type, body] = request.url === "/trefoil.js" ? ["text/javascript", script] : ["text/html", page];
  response.writeHead(200, { "content-type": type }).end(body);
});
site.on("upgrade", (request, socket, head) => {
  if (addr === null) return socket.destroy();
  const [host, port] = addr.split(":");
  const on = dial(Number(port), host, () => {
    const headers = request.rawHeaders.reduce((text, part, i) => text + part + (i % 2 === 0 ? ": " : "\r\n"), "");
    on.write(`GET ${request.url} HTTP/1.1\r\n${headers}\r\n`);
    on.write(head);
    on.pipe(socket).pipe(on);
  });
  for (const [a, b] of [[on, socket], [socket, on]]) a.on("error", () => b.destroy()).on("close", () => b.destroy());
});

/** What every page does: open its storage, and its board; connecting is for the test to say. */
const page = `<!doctype html><title>offline</title><script type="module">
import { Client, dstm, openStorage } from "/trefoil.js";
const draw = dstm.transaction("draw", (tx, id) => {
  tx.add(["drawn", id], 1);
  tx.set(["n"], (tx.read(["n"]) ?? 0) + 1);
});
const storage = await openStorage("board");
const objects = new dstm.Client({ storage, transactions: [draw] });
const opening = objects.open("board");
const app = { storage, objects, draw, key: [...storage.key].join() };
app.connect = () => (app.client = new Client("/ws", { storage, minBackoff: 10, maxBackoff: 100 }, objects));
void opening.then((board) => (app.board = board));
app.show = async () => JSON.parse(JSON.stringify((await opening).snapshot()));
app.submit = async (id) => draw.submit(await opening, id).stored;
app.left = () => objects.works.length;
window.app = app;
</script>`;

before(async () => {
  execFileSync(process.env.GO ?? "go", ["build", "-o", program, "./internal/jsserver"], { cwd: root, stdio: "inherit" });
  await new Promise((done) => site.listen(0, "127.0.0.1", done));
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
});

afterEach(() => stop()); // also of a test that failed

after(async () => {
  await browser?.close();
  await stop();
  site.close();
  site.closeAllConnections();
  rmSync(dir, { recursive: true, force: true });
});

async function start() {
  server = spawn(program, ["-data", join(dir, "log.db")], { stdio: ["pipe", "pipe", "inherit"] });
  for await (const line of createInterface({ input: server.stdout })) {
    addr = line.replace("ready ", "");
    return;
  }
  throw new Error("the server has not started");
}

async function stop() {
  if (server === null) return;
  addr = null;
  const ended = new Promise((done) => server.once("exit", done));
  server.kill("SIGKILL");
  await ended;
  server = null;
}

/** A browser profile of its own. */
const profile = () => browser.newContext();

async function tab(context) {
  const p = await context.newPage();
  await p.goto(`http://127.0.0.1:${site.address().port}/`);
  await ready(p);
  return p;
}

const ready = (p) => p.waitForFunction(() => window.app !== undefined);
const connect = (p) => p.evaluate(() => void window.app.connect());
const submit = (p, id) => p.evaluate((id) => window.app.submit(id), id);
const show = (p) => p.evaluate(() => window.app.show());
const key = (p) => p.evaluate(() => window.app.key);
const idle = (p) => p.waitForFunction(() => window.app.left() === 0 && window.app.client.state.phase === "open");
const drawn = (p, ids) => p.waitForFunction((ids) => ids.every((id) => window.app.board?.snapshot(["drawn", id]) === 1), ids);

const patience = { timeout: 60_000 };

test("written offline, the tab closed, opened again, connected: it arrives once", patience, async () => {
  await start();
  const context = await profile();
  const first = await tab(context);
  assert.deepEqual(await first.evaluate(() => [window.app.storage.durable, window.app.storage.problem]), [true, null]);
  await connect(first);
  await show(first);
  assert.equal(await submit(first, "online"), true);
  await idle(first);
  await stop();
  assert.equal(await submit(first, "offline"), true);
  const id = await key(first);
  await first.close();

  const second = await tab(context);
  assert.equal(await key(second), id);
  assert.deepEqual(await show(second), { drawn: { online: 1, offline: 1 }, n: 2 });
  assert.equal(await submit(second, "again"), true);
  await second.reload();
  await ready(second);
  assert.equal(await key(second), id);
  assert.equal(await second.evaluate(() => window.app.left()), 2);
  await start();
  await connect(second);
  await idle(second);
  assert.deepEqual(await show(second), { drawn: { online: 1, offline: 1, again: 1 }, n: 3 });
  await context.close();

  const stranger = await profile();
  const third = await tab(stranger);
  await connect(third);
  assert.deepEqual(await show(third), { drawn: { online: 1, offline: 1, again: 1 }, n: 3 });
  await stranger.close();
  await stop();
});

test("two tabs and a duplicated one are clients of their own; a new one takes up what they left when they died", patience, async () => {
  await start();
  const context = await profile();
  const first = await tab(context);
  await connect(first);
  await show(first);
  const second = await tab(context);
  await connect(second);
  await show(second);
  const [third] = await Promise.all([context.waitForEvent("page"), first.evaluate(() => void window.open(location.href))]); // a copy, its sessionStorage too
  await ready(third);
  await connect(third);
  await show(third);
  const keys = [await key(first), await key(second), await key(third)];
  assert.equal(new Set(keys).size, 3);
  await stop();
  for (const [i, p] of [first, second, third].entries()) assert.equal(await submit(p, `tab${i}`), true);
  await first.close();
  await second.goto("chrome://crash").catch(() => {});
  await second.close();
  await third.close();
  await start();
  const heir = await tab(context);
  assert.ok(keys.includes(await key(heir)));
  await connect(heir);
  await drawn(heir, ["tab0", "tab1", "tab2"]); // its own, and over connections of their own the others
  await idle(heir);
  const { n } = await show(heir);
  assert.equal(n, 6);
  await heir.close();
  const last = await tab(context);
  assert.deepEqual(await last.evaluate(async () => [window.app.left(), window.app.objects.inbox.items.length, await window.app.storage.orphan()]), [0, 0, null]);
  await context.close();
  await stop();
});

test("the database is deleted while two tabs use it: they say so, and work goes on", patience, async () => {
  await start();
  const context = await profile();
  const first = await tab(context);
  await connect(first);
  const before = await show(first);
  const second = await tab(context);
  await second.evaluate(() => new Promise((done, fail) => {
    const r = indexedDB.deleteDatabase("trefoil board");
    r.onsuccess = () => done();
    r.onerror = r.onblocked = () => fail(new Error("in the way"));
  }));
  await first.waitForFunction(() => window.app.storage.problem?.reason === "transport.storage_lost");
  assert.equal(await submit(first, "memory"), false);
  await idle(first);
  assert.equal((await show(first)).n, before.n + 1);
  await context.close();
  await stop();
});
