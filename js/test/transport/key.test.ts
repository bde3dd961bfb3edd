import assert from "node:assert/strict";
import { test } from "node:test";
import { createHash } from "node:crypto";
import { clientId, holdKey } from "../../src/transport/key.ts";
import type { KeyLocks, KeyStorage } from "../../src/transport/key.ts";
import { World, settle } from "./fake.ts";

class Storage implements KeyStorage {
  readonly items = new Map<string, string>();
  full = false;

  getItem(name: string): string | null {
    return this.items.get(name) ?? null;
  }

  setItem(name: string, value: string): void {
    if (this.full) throw new Error("QuotaExceededError");
    this.items.set(name, value);
  }
}

/** Locks as navigator.locks has them. */
class Locks implements KeyLocks {
  readonly held = new Set<string>();

  async request(name: string, _options: { ifAvailable: true }, callback: (lock: unknown) => Promise<void> | undefined): Promise<void> {
    await null;
    if (this.held.has(name)) return callback(null);
    this.held.add(name);
    await callback({ name });
    this.held.delete(name);
  }
}

test("a client's id is the beginning of its key's SHA-256", () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => i);
  assert.equal(clientId(key), createHash("sha256").update(key).digest("hex").slice(0, 32));
});

test("a key is found again, and two never hold it at a time", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 1e12 });
  const storage = new Storage();
  const locks = new Locks();
  const first = await holdKey("k", storage, locks);
  const second = await holdKey("k", storage, locks);
  const other = await holdKey("other", storage, locks);
  assert.deepEqual([first.stored, second.stored, other.stored], [true, false, true]);
  assert.notDeepEqual(first.key, second.key);
  assert.notDeepEqual(first.key, other.key);
  first.release();
  await settle();
  t.mock.timers.setTime(1e12 + 5);
  const third = await holdKey("k", storage, locks);
  assert.deepEqual(third.key, first.key);
  third.release();
  await settle();
  // Numbers that come from the clock were used already: this must be another client.
  t.mock.timers.setTime(1e12 + 2);
  const fourth = await holdKey("k", storage, locks);
  assert.ok(fourth.stored);
  assert.notDeepEqual(fourth.key, first.key);
  fourth.release();
  await settle();
  for (const damaged of ["", "nonsense", "00 1", `${"00".repeat(32)} x`, `${"00".repeat(32)}`]) {
    storage.items.set("k", damaged);
    t.mock.timers.tick(1);
    const held = await holdKey("k", storage, locks);
    assert.ok(held.stored && held.key.length === 32 && held.key.some((b) => b !== 0), damaged);
    held.release();
    await settle();
  }
  assert.equal(locks.held.size, 1);
});

test("without storage, with a full one, or without locks a key is the page's own", async () => {
  const full = new Storage();
  full.full = true;
  const forbidden: KeyLocks = { request: () => Promise.reject(new Error("SecurityError")) };
  const broken: KeyLocks = {
    request: () => {
      throw new TypeError("no locks here");
    },
  };
  for (const [storage, locks] of [[null, new Locks()], [new Storage(), null], [full, new Locks()], [new Storage(), forbidden], [new Storage(), broken]] as const) {
    const held = await holdKey("k", storage, locks);
    assert.equal(held.stored, false);
    assert.equal(held.key.length, 32);
    held.release();
  }
});

test("a client holds its key until it is closed", async () => {
  const world = new World();
  const storage = new Storage();
  const locks = new Locks();
  const client = world.client({ keyName: "name", storage, locks });
  assert.equal(client.id, "");
  await settle();
  assert.ok(locks.held.has("name"));
  const [hex] = (storage.getItem("name") ?? "").split(" ");
  assert.equal(client.id, clientId(Buffer.from(hex ?? "", "hex")));
  const second = world.client({ keyName: "name", storage, locks });
  await settle();
  assert.notEqual(second.id, client.id);
  await Promise.all([client.close(), second.close()]);
  await settle();
  assert.equal(locks.held.size, 0);
  const given = world.client({ key: new Uint8Array(32), storage, locks });
  assert.equal(given.id, clientId(new Uint8Array(32)));
  await given.close();
});
