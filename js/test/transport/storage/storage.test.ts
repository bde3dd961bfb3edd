import assert from "node:assert/strict";
import { test } from "node:test";
import { IDBDatabase as Fake } from "fake-indexeddb";
import { Client, openStorage, type SharedStorage } from "../../../src/transport/index.ts";
import { clientId } from "../../../src/transport/key.ts";
import { TrefoilError } from "../../../src/status.ts";
import { World, settle } from "../fake.ts";
import { Browser, raw } from "./browser.ts";

const one = Uint8Array.of(1, 1);
const two = Uint8Array.of(1, 2);
const hex = (s: { key: Uint8Array }): string => Buffer.from(s.key).toString("hex");
const plain = (m: ReadonlyMap<string, Uint8Array>): Record<string, number[]> => Object.fromEntries([...m].map(([k, v]) => [k, [...v]]));
const put = (s: SharedStorage, key: string, value: Uint8Array | null = one, space = "dstm"): Promise<void> => s.apply([{ space, key, value }]);

test("a reload finds its own; a second tab, or a duplicated one, is another client", async () => {
  const browser = new Browser();
  const tab = browser.tab();
  const first = await tab.open();
  assert.deepEqual([first.durable, first.problem, first.key.length], [true, null, 32]);
  await first.apply([{ space: "dstm", key: "work/1", value: one }, { space: "__proto__", key: "constructor", value: two }]);
  await put(first, "work/2");
  await put(first, "work/2", null);
  const second = await browser.tab().open();
  assert.notEqual(hex(second), hex(first));
  assert.deepEqual(plain(second.load("dstm")), {});
  assert.notEqual(hex(await browser.tab().open("another")), hex(first));
  tab.kill();
  const reloaded = await browser.tab().open();
  assert.equal(hex(reloaded), hex(first));
  assert.deepEqual(plain(reloaded.load("dstm")), { "work/1": [1, 1] });
  assert.deepEqual(plain(reloaded.load("__proto__")), { constructor: [1, 2] });
  assert.deepEqual(plain(reloaded.load("dstm")), {});
});

test("tabs that are opened at the same moment get different slots", async () => {
  const browser = new Browser();
  const tabs = Array.from({ length: 5 }, () => browser.tab());
  const first = await Promise.all(tabs.map((t) => t.open()));
  assert.equal(new Set(first.map(hex)).size, 5);
  for (const t of tabs) t.kill();
  const second = await Promise.all(tabs.map((t) => t.open()));
  assert.deepEqual(second.map(hex).sort(), first.map(hex).sort());
});

test("what a dead tab has left undone is taken up before anything else", async () => {
  const browser = new Browser();
  const tabs = [browser.tab(), browser.tab(), browser.tab()];
  const storages: SharedStorage[] = [];
  for (const t of tabs) storages.push(await t.open());
  await put(storages[1] as SharedStorage, "inbox/1");
  await put(storages[0] as SharedStorage, "replica/1");
  for (const t of tabs) t.kill();
  const next = await browser.tab().open();
  assert.equal(hex(next), hex(storages[1] as SharedStorage));
});

test("several dead tabs: each is taken over once, what is left moves, and the rest is deleted", async () => {
  const browser = new Browser();
  const tabs = [browser.tab(), browser.tab(), browser.tab(), browser.tab()];
  const storages: SharedStorage[] = [];
  for (const t of tabs) storages.push(await t.open());
  for (const [i, s] of storages.slice(0, 3).entries()) {
    await s.apply([{ space: "dstm", key: `work/${i}`, value: one }, { space: "dstm", key: `inbox/${i}`, value: two }, { space: "dstm", key: "replica/x", value: one }]);
  }
  for (const t of tabs.slice(0, 3)) t.kill();
  const mine = storages[3] as SharedStorage;
  const other = await browser.tab().open(); // takes one of them
  const [a, b] = [await mine.orphan(), await other.orphan()];
  assert.ok(a !== null && b !== null && hex(a) !== hex(b));
  assert.equal(await mine.orphan(), null);
  const [key] = [...a.load("dstm").keys()].filter((k) => k.startsWith("work/"));
  await a.apply([{ space: "dstm", key: key as string, value: null }]); // done
  const late = a.apply([{ space: "dstm", key: "replica/y", value: one }]);
  const moved = await mine.absorb(a);
  await late;
  await a.apply([{ space: "dstm", key: "replica/z", value: one }]); // nobody has it any more
  assert.deepEqual([...(moved?.get("dstm")?.keys() ?? [])], [(key as string).replace("work", "inbox")]);
  const keys = (await raw(browser, (s) => s.getAllKeys())) as unknown as string[][];
  assert.deepEqual(new Set(keys.map((k) => k[0])).size, 3);
  assert.ok(!keys.some((k) => k[2] === "replica/y" || k[2] === "replica/z"));
  await b.close();
  const again = await mine.orphan();
  assert.ok(again !== null && hex(again) === hex(b));
});

test("work that is left is never done in the name of another client, and what nobody has looked at stays", async () => {
  const browser = new Browser();
  const tabs = [browser.tab(), browser.tab(), browser.tab()];
  const storages: SharedStorage[] = [];
  for (const t of tabs) storages.push(await t.open());
  await put(storages[0] as SharedStorage, "work/odd");
  await put(storages[1] as SharedStorage, "work/of another pattern", one, "pubsub");
  for (const t of tabs.slice(0, 2)) t.kill();
  const mine = storages[2] as SharedStorage;
  const results: string[][] = [];
  for (let n = 0; n < 2; n++) {
    const orphan = await mine.orphan();
    assert.ok(orphan !== null);
    orphan.load("dstm");
    const moved = await mine.absorb(orphan);
    results.push(moved === null ? [] : [...(moved.get("dstm")?.keys() ?? [])]);
    if (n === 0 && moved === null) (await browser.tab().open()).load("dstm"); // keeps it, so that the other one is next
  }
  assert.deepEqual(results.sort(), [[], ["work/odd"]]);
  const keys = (await raw(browser, (s) => s.getAllKeys())) as unknown as string[][];
  assert.deepEqual(keys.map((k) => k[2]).filter((k) => k !== "key").sort(), ["aside/work/odd", "work/of another pattern"]);
});

test("an orphan whose end could not be written stays: what is left of it may be done already", async () => {
  const browser = new Browser();
  const [dead, tab] = [browser.tab(), browser.tab()];
  await put(await dead.open(), "work/1");
  const mine = await tab.open();
  dead.kill();
  const orphan = await mine.orphan();
  assert.ok(orphan !== null);
  orphan.load("dstm");
  const empty = fill(Fake.prototype, "aborts");
  await orphan.apply([{ space: "dstm", key: "work/1", value: null }]);
  empty();
  assert.equal(await mine.absorb(orphan), null);
  const keys = (await raw(browser, (s) => s.getAllKeys())) as unknown as string[][];
  assert.deepEqual(keys.map((k) => k[2]).sort(), ["key", "key", "work/1"]);
});

test("a lock that somebody steals: nothing is written any more, and it says so", async () => {
  const browser = new Browser();
  let steal: (why: Error) => void = () => undefined;
  const locks = { request: (_n: string, _o: unknown, cb: (lock: unknown) => unknown) => (cb({}), new Promise((_, reject) => (steal = reject))) };
  const s = await openStorage("test", { indexedDB: browser.indexedDB, locks: locks as never });
  await put(s, "work/1");
  steal(new DOMException("stolen", "AbortError"));
  await settle();
  await put(s, "work/2");
  assert.deepEqual([s.durable, s.problem?.reason], [false, "transport.storage_lost"]);
  const keys = (await raw(browser, (store) => store.getAllKeys())) as unknown as string[][];
  assert.deepEqual(keys.map((k) => k[2]).sort(), ["key", "work/1"]);
});

test("no IndexedDB, no locks: in memory, and it says so", async () => {
  const browser = new Browser();
  for (const options of [{ indexedDB: null, locks: browser.tab().locks }, { indexedDB: browser.indexedDB, locks: null }]) {
    const s = await openStorage("test", options);
    assert.deepEqual([s.durable, s.problem?.reason, s.key.length, s.load("dstm").size], [false, "transport.storage_missing", 32, 0]);
    await put(s, "work/1");
    assert.equal(await s.orphan(), null);
    await s.close();
  }
  const refused = { request: () => Promise.reject(new Error("no")) };
  assert.equal((await openStorage("test", { indexedDB: browser.indexedDB, locks: refused })).problem?.reason, "transport.storage_missing");
  assert.equal((await openStorage("test")).problem?.reason, "transport.storage_missing"); // Node has neither
});

const request = (fire: string, error: unknown = null): IDBFactory =>
  ({
    open: () => {
      const r = { error } as Record<string, unknown>;
      queueMicrotask(() => (r[fire] as (() => void) | undefined)?.());
      return r;
    },
  }) as unknown as IDBFactory;

test("forbidden, blocked, or never answered: in memory, and it says so", async (t) => {
  const { locks } = new Browser().tab();
  const forbidden = { open: () => { throw new DOMException("no", "SecurityError"); } } as unknown as IDBFactory;
  const reason = async (indexedDB: IDBFactory): Promise<unknown> => (await openStorage("test", { indexedDB, locks })).problem?.reason;
  assert.equal(await reason(forbidden), "transport.storage_forbidden");
  assert.equal(await reason(request("onerror", new DOMException("no", "QuotaExceededError"))), "transport.storage_full");
  assert.equal(await reason(request("onerror", new DOMException("no", "UnknownError"))), "transport.storage_failed");
  assert.equal(await reason(request("onblocked")), "transport.storage_blocked");
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const late = reason(request("nothing"));
  await new Promise((resolve) => setImmediate(resolve));
  t.mock.timers.tick(5000);
  assert.equal(await late, "transport.storage_blocked");
});

test("a database of a newer version is left alone", async () => {
  const browser = new Browser();
  await new Promise<void>((resolve) => {
    const open = browser.indexedDB.open("trefoil test", 7);
    open.onupgradeneeded = () => open.result.createObjectStore("records").put("new", "key");
    open.onsuccess = () => (open.result.close(), resolve());
  });
  const s = await browser.tab().open();
  assert.deepEqual([s.durable, s.problem?.reason], [false, "transport.storage_newer"]);
  assert.equal(await raw(browser, (store) => store.get("key")), "new");
});

test("slots that a newer version has written, or that are damaged, are set aside as they are", async () => {
  for (const [what, key, value, reason] of [
    ["newer", ["slot", "dstm", "work/1"], Uint8Array.of(2, 5), "transport.storage_newer"],
    ["no key", ["slot", "", "key"], Uint8Array.of(1, 2, 3), "transport.storage_damaged"],
    ["a key that is no bytes", ["slot", "", "key"], { a: 1 }, "transport.storage_damaged"],
  ] as const) {
    const browser = new Browser();
    const first = browser.tab();
    const s = await first.open();
    await put(s, "work/1");
    first.kill();
    const [[slot]] = (await raw(browser, (store) => store.getAllKeys())) as unknown as [[string]];
    const at = [slot, key[1], key[2]];
    await raw(browser, (store) => store.put(value, at));
    const next = await browser.tab().open();
    assert.notEqual(hex(next), hex(s), what);
    assert.deepEqual([next.durable, next.problem?.reason], [true, reason], what);
    assert.equal(next.load("dstm").size, 0);
    assert.equal(await next.orphan(), null);
    assert.deepEqual(await raw(browser, (store) => store.get(at)), value);
  }
});

test("what is no bytes stays where it is, and the rest is used", async () => {
  const browser = new Browser();
  const first = browser.tab();
  const s = await first.open();
  await put(s, "work/1");
  first.kill();
  const [[slot]] = (await raw(browser, (store) => store.getAllKeys())) as unknown as [[string]];
  await raw(browser, (store) => store.put({ polluted: true }, [slot, "dstm", "work/2"]));
  await raw(browser, (store) => store.put("stranger", "not an address"));
  const next = await browser.tab().open();
  assert.deepEqual([hex(next), next.durable, next.problem?.reason], [hex(s), true, "transport.storage_damaged"]);
  assert.deepEqual(plain(next.load("dstm")), { "work/1": [1, 1] });
  assert.deepEqual(await raw(browser, (store) => store.get([slot, "dstm", "work/2"])), { polluted: true });
  const fresh = await browser.tab().open();
  await next.close();
  assert.equal(await fresh.orphan(), null); // nobody can work that off
});

/** Has the next puts of a database fail as those of a full disk. */
function fill(s: { transaction: IDBDatabase["transaction"] }, how: "throws" | "aborts"): () => void {
  const real = s.transaction;
  s.transaction = function (this: IDBDatabase, ...args: Parameters<IDBDatabase["transaction"]>): IDBTransaction {
    const tx = real.apply(this, args);
    if (args[1] !== "readwrite") return tx;
    const store = tx.objectStore("records");
    const put = store.put.bind(store);
    let n = 0;
    store.put = (value: unknown, key?: IDBValidKey) => {
      if (++n > 1 && how === "throws") throw new DOMException("full", "QuotaExceededError");
      return put(value, key);
    };
    tx.objectStore = () => store;
    if (how === "aborts") {
      Object.defineProperty(tx, "error", { get: () => new DOMException("full", "QuotaExceededError") });
      queueMicrotask(() => tx.abort());
    }
    return tx;
  };
  return () => (s.transaction = real);
}

test("a full disk: told of once, all or nothing, and made up for when there is room again", async () => {
  for (const how of ["throws", "aborts"] as const) {
    const browser = new Browser();
    const tab = browser.tab();
    const s = await tab.open();
    await put(s, "work/1");
    const told: (string | undefined)[] = [];
    s.onProblem((p) => told.push(p?.reason));
    const empty = fill(Fake.prototype, how);
    await s.apply([{ space: "dstm", key: "work/2", value: one }, { space: "dstm", key: "work/1", value: null }, { space: "dstm", key: "work/3", value: one }]);
    assert.deepEqual([s.durable, s.problem?.reason], [false, "transport.storage_full"], how);
    await s.apply([{ space: "dstm", key: "work/4", value: one }, { space: "dstm", key: "work/5", value: one }]);
    empty();
    assert.deepEqual(((await raw(browser, (store) => store.getAllKeys())) as unknown as string[][]).map((k) => k[2]).sort(), ["key", "work/1"], how);
    await put(s, "work/6");
    assert.deepEqual([s.durable, s.problem, told], [true, null, ["transport.storage_full", undefined]]);
    tab.kill();
    const next = await browser.tab().open();
    assert.deepEqual([...next.load("dstm").keys()].sort(), ["work/2", "work/3", "work/4", "work/5", "work/6"]);
  }
});

test("a database that is deleted while it is used: in memory from then on, nobody is held up", async () => {
  const browser = new Browser();
  const s = await browser.tab().open();
  await put(s, "work/1");
  const told: (string | undefined)[] = [];
  s.onProblem((p) => told.push(p?.reason));
  await new Promise<void>((resolve, reject) => {
    const r = browser.indexedDB.deleteDatabase("trefoil test");
    r.onsuccess = () => resolve();
    r.onblocked = () => reject(new Error("it stands in the way"));
  });
  await put(s, "work/2");
  assert.deepEqual([s.durable, s.problem?.reason, told], [false, "transport.storage_lost", ["transport.storage_lost"]]);
  await s.close();
  const fresh = await browser.tab().open();
  assert.deepEqual([fresh.durable, fresh.load("dstm").size, hex(fresh) === hex(s)], [true, 0, false]);
});

test("a write that never ends holds nobody up, and what follows is made up for when it does", async (t) => {
  const browser = new Browser();
  const s = await browser.tab().open();
  await put(s, "work/1");
  let go = (): void => undefined;
  const real = Fake.prototype.transaction;
  Fake.prototype.transaction = function (this: IDBDatabase, ...args: Parameters<IDBDatabase["transaction"]>): IDBTransaction {
    const tx = real.apply(this as never, args as never) as IDBTransaction;
    Object.defineProperty(tx, "oncomplete", { set: (fn: () => void) => tx.addEventListener("complete", () => (go = () => fn())) });
    return tx;
  } as never;
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const late = put(s, "work/2");
  await settle();
  Fake.prototype.transaction = real;
  t.mock.timers.tick(10_000);
  await late;
  assert.deepEqual([s.durable, s.problem?.reason], [false, "transport.storage_blocked"]);
  await put(s, "work/3"); // at once
  t.mock.timers.reset();
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setTimeout(resolve, 1));
  go();
  await settle();
  await put(s, "work/4");
  assert.deepEqual([s.durable, s.problem], [true, null]);
  await s.close();
  assert.deepEqual([...(await browser.tab().open()).load("dstm").keys()].sort(), ["work/1", "work/2", "work/3", "work/4"]);
});

test("closing waits for what was applied, and lets the next one in", async () => {
  const browser = new Browser();
  const s = await browser.tab().open();
  void put(s, "work/1");
  await s.close();
  await s.close();
  const next = await browser.tab().open();
  assert.deepEqual([hex(next), plain(next.load("dstm"))], [hex(s), { "work/1": [1, 1] }]);
});

test("a client takes its key from its storage, and closes it when it ends", async () => {
  const browser = new Browser();
  const storage = await browser.tab().open();
  const world = new World();
  const options = { WebSocket: world.Socket, environment: world.environment };
  const bad = (e: unknown): boolean => e instanceof TrefoilError && e.is("transport.bad_option");
  assert.throws(() => new Client("ws://example.test/", { ...options, storage, key: new Uint8Array(32) }), bad);
  const client = new Client("ws://example.test/", { ...options, storage });
  await settle();
  assert.equal(client.id, clientId(storage.key));
  const next = await browser.tab().open();
  assert.notEqual(hex(next), hex(storage));
  await client.close();
  assert.equal(hex(await browser.tab().open()), hex(storage));
});
