import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Client as Objects, transaction, type SharedObject } from "../../../src/dstm/index.ts";
import { Client, type SharedStorage } from "../../../src/transport/index.ts";
import { NodeWebSocket, startServer, type Server } from "../../server.ts";
import { speak } from "../../speak.ts";
import { Browser, type Tab } from "../../transport/storage/browser.ts";

const add = transaction<number>("add", (tx, n) => tx.add(["total"], n));
const next = transaction<null>("next", (tx) => tx.set(["n"], ((tx.read(["n"]) ?? 0) as number) + 1));
const once = transaction<string>("once", (tx, text) => tx.set(["text"], text), { attempts: 1 });
const transactions = [add, next, once];

const dir = mkdtempSync(join(tmpdir(), "trefoil-offline-"));
const pages: Page[] = [];
const servers: Server[] = [];
after(async () => {
  for (const p of pages) await p.close();
  for (const s of servers) await s.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** A page of a browser, its server perhaps away. */
class Page {
  client: Client | null = null;

  private constructor(
    readonly tab: Tab,
    readonly storage: SharedStorage,
    readonly objects: Objects,
  ) {
    pages.push(this);
  }

  static async open(browser: Browser): Promise<Page> {
    const tab = browser.tab();
    const storage = await tab.open();
    return new Page(tab, storage, new Objects({ storage, transactions }));
  }

  connect(server: Server, user = "", json = false, adopt = true): this {
    this.client = new Client(server.url, {
      WebSocket: NodeWebSocket, storage: this.storage, minBackoff: 1, maxBackoff: 20, ...speak(json), adopt, credentials: () => ({ "": { token: user } }),
    }, this.objects);
    return this;
  }

  /** The tab is closed as a user does: what is on its way to the disk gets there, and the lock is let go. */
  async close(): Promise<void> {
    await this.client?.close();
    await this.storage.close();
    this.tab.kill();
  }
}

async function start(...flags: string[]): Promise<Server> {
  const s = await startServer(...flags);
  servers.push(s);
  return s;
}

/** Is fulfilled when check says so. */
async function until(check: () => boolean): Promise<void> {
  for (let n = 0; !check(); n++) {
    if (n > 2000) throw new Error("it does not come");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Somebody else, who looks at an object. */
async function look(server: Server, name: string): Promise<SharedObject> {
  const page = (await Page.open(new Browser())).connect(server);
  return page.objects.open(name);
}

const patience = { timeout: 30_000 };

for (const json of [false, true]) {
  test(`${json ? "json" : "msgpack"}: written offline, the page closed and opened again: it arrives once`, patience, async () => {
    const server = await start();
    const browser = new Browser();
    const first = (await Page.open(browser)).connect(server, "", json);
    const board = await first.objects.open("board");
    await add.submit(board, 1).done;
    await first.close();

    const second = await Page.open(browser);
    const offline = await second.objects.open("board");
    assert.equal(offline.snapshot(["total"]), 1);
    const works = [add.submit(offline, 2), next.submit(offline, null), next.submit(offline, null)];
    assert.deepEqual(await Promise.all(works.map((w) => w.stored)), [true, true, true]);
    await second.close();

    const third = await Page.open(browser);
    const shown = await third.objects.open("board");
    assert.deepEqual([shown.snapshot(["total"]), shown.snapshot(["n"]), shown.pending.count, third.objects.works.length], [3, 2, 3, 3]);
    const done = Promise.all(third.objects.works.map((w) => w.done));
    third.connect(server, "", json);
    await done;
    const theirs = await look(server, "board");
    assert.deepEqual({ ...theirs.snapshot() }, { total: 3, n: 2 });
    assert.deepEqual([theirs.head.version, third.objects.inbox.items.length, shown.pending.count], [4, 0, 0]);
  });
}

test("dead tabs: the next one becomes one of them, and works off the others; what is left of them is in its inbox", patience, async () => {
  const server = await start();
  const browser = new Browser();
  const tabs: Page[] = [];
  for (let i = 0; i < 3; i++) tabs.push((await Page.open(browser)).connect(server));
  for (const p of tabs) await p.objects.open("board");
  for (const p of tabs) await p.close(); // what they have seen is kept
  const offline: Page[] = [];
  for (let i = 0; i < 3; i++) offline.push(await Page.open(browser));
  for (const p of offline) {
    const board = await p.objects.open("board");
    await Promise.all([add.submit(board, 1).stored, next.submit(board, null).stored, once.submit(board, "mine").stored]);
    p.tab.kill(); // crashed
  }
  const theirs = await look(server, "board");
  await theirs.update((tx) => tx.set(["text"], "theirs"));
  const heir = (await Page.open(browser)).connect(server);
  const board = await heir.objects.open("board");
  await until(() => heir.objects.inbox.items.length === 3);
  assert.deepEqual([board.snapshot(["n"]), board.snapshot(["total"]), board.snapshot(["text"])], [3, 3, "theirs"]);
  assert.deepEqual(heir.objects.inbox.items.map((i) => [i.name, i.error.reason, i.differences[0]?.theirs]), Array(3).fill(["once", "dstm.conflict", "theirs"]));
  assert.equal(heir.objects.works.length, 0);
  await heir.close();
  const last = await Page.open(browser);
  assert.equal(last.objects.inbox.items.length, 3); // it is one client's now
  assert.equal(await last.storage.orphan(), null);
  const again = last.connect(server);
  await again.objects.inbox.retry(again.objects.inbox.items[0]?.id as string).done;
  await until(() => theirs.snapshot(["text"]) === "mine");
});

test("who does not adopt leaves the queues of dead tabs to others; a live tab's is its own", patience, async () => {
  const server = await start();
  const browser = new Browser();
  const seen = (await Page.open(browser)).connect(server);
  await seen.objects.open("board");
  await seen.close();
  const dead = await Page.open(browser);
  await add.submit(await dead.objects.open("board"), 1).stored;
  const live = (await Page.open(browser)).connect(server, "", false, false);
  const board = await live.objects.open("board");
  dead.tab.kill();
  await add.submit(board, 2).done;
  assert.equal(board.snapshot(["total"]), 2);
  const [mine] = [add.submit(board, 4)];
  await mine.done;
  const other = (await Page.open(browser)).connect(server); // becomes the dead one
  const theirs = await other.objects.open("board");
  await until(() => theirs.snapshot(["total"]) === 7 && other.objects.works.length === 0);
  assert.equal(live.client?.state.phase, "open");
});

test("a permission that was revoked meanwhile: the work is in the inbox, and no copy is kept", patience, async () => {
  const server = await start();
  const browser = new Browser();
  const first = (await Page.open(browser)).connect(server, "member");
  const board = await first.objects.open("members/a");
  await add.submit(board, 1).done;
  await first.close();
  const second = await Page.open(browser);
  const offline = await second.objects.open("members/a");
  const work = add.submit(offline, 2);
  const refused = assert.rejects(work.done, (e: { reason?: string }) => e.reason === "dstm.denied");
  second.connect(server, "guest");
  await refused;
  assert.deepEqual(second.objects.inbox.items.map((i) => [i.id, i.error.reason]), [[work.id, "dstm.denied"]]);
  await until(() => offline.error !== null);
  await second.close();
  const third = await Page.open(browser);
  assert.equal(third.objects.inbox.items.length, 1);
  let opened = false;
  void third.objects.open("members/a").then(() => (opened = true), () => undefined);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(opened, false);
});

test("a server that is killed, and one that was restored from a backup", patience, async () => {
  const data = join(dir, "log.db");
  let server = await start("-data", data);
  const addr = server.addr;
  const browser = new Browser();
  const page = (await Page.open(browser)).connect(server);
  const board = await page.objects.open("board");
  await next.submit(board, null).done;
  await server.stop();
  copyFileSync(data, `${data}.backup`);
  server = await start("-data", data, "-addr", addr);
  await next.submit(board, null).done; // will be lost with the server
  const running = next.submit(board, null);
  await running.stored;
  await server.stop("SIGKILL");
  const offline = next.submit(board, null);
  await offline.stored;
  server = await start("-data", data, "-addr", addr);
  await Promise.all([running.done, offline.done]);
  assert.equal(board.snapshot(["n"]), 4);
  await page.close();

  const alone = await Page.open(browser);
  const shown = await alone.objects.open("board");
  assert.equal(shown.snapshot(["n"]), 4);
  const fresh = [add.submit(shown, 5), next.submit(shown, null)];
  await Promise.all(fresh.map((w) => w.stored));
  await server.stop();
  copyFileSync(`${data}.backup`, data);
  server = await start("-data", data, "-addr", addr);
  alone.connect(server);
  await Promise.all(fresh.map((w) => w.done)); // never sent: run on what there is
  assert.deepEqual([shown.snapshot(["n"]), shown.snapshot(["total"]), alone.objects.inbox.items.length], [2, 5, 0]);
});
