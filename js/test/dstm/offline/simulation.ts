import assert from "node:assert/strict";
import type { MockTimers } from "node:test";
import { transaction, type SharedObject } from "../../../src/dstm/index.ts";
import { Random } from "../random.ts";
import { Net } from "../net.ts";
import { Disk } from "./disk.ts";
import { Page } from "./page.ts";

/** Lets promises that are settled be heard; nothing here waits for anything else. */
async function turn(): Promise<void> {
  for (let n = 0; n < 20; n++) await null;
}

/** Each leaves a mark of its own, by addition: applied twice it would be 2. */
const draw = transaction<string>("draw", (tx, id) => tx.add(["drawn", id], 1));
/** Reads what others write. */
const count = transaction<string>("count", (tx, id) => {
  tx.set(["n"], ((tx.read(["n"]) ?? 0) as number) + 1);
  tx.add(["drawn", id], 1);
});
const fragile = transaction<string>("fragile", (tx, id) => {
  tx.set(["n"], ((tx.read(["n"]) ?? 0) as number) + 1);
  tx.add(["drawn", id], 1);
}, { attempts: 1 });
const edit = transaction<string>("edit", (tx, id) => {
  tx.insert(["list"], { where: 2, anchor: "" }, id);
  tx.add(["drawn", id], 1);
});
const kinds = [draw, count, fragile, edit];

interface Edit {
  readonly id: string;
  /** Its submission was told to be stored. */
  stored: boolean;
  readonly page: number;
}

interface Seat {
  readonly number: number;
  readonly disk: Disk;
  page: Page | null;
  board: SharedObject | null;
  connected: boolean;
}

/** Pages that draw, are cut off, killed and opened again, on one server, driven by a seed. */
export class OfflineSimulation {
  static clock = Date.now();
  readonly random: Random;
  readonly net = new Net();
  readonly seats: Seat[] = [];
  readonly edits: Edit[] = [];
  readonly trace: string[] = [];
  #next = 0;

  constructor(readonly seed: number, readonly timers: MockTimers) {
    this.random = new Random(seed);
    this.net.model.forget = [0, 0, 30, 100][seed % 4] as number;
    this.net.model.cut = [0, 50, 100][seed % 3] as number;
    this.net.model.busy = seed % 5 === 0 ? 10 : 0;
    this.net.model.forgetful = seed % 3 === 0; // disks fail
    for (let i = 1; i <= 2 + (seed % 2); i++) {
      const disk = new Disk();
      disk.key.fill(i);
      this.seats.push({ number: i, disk, page: null, board: null, connected: false });
    }
  }

  fail(text: string): never {
    throw new assert.AssertionError({ message: text });
  }

  /** What was thrown, with what it takes to have it again. */
  explain(e: unknown): Error {
    const text = e instanceof Error ? e.message : String(e);
    return new Error(`seed ${this.seed}: ${text}\n${this.trace.slice(-60).join("\n")}`, { cause: e });
  }

  #note(s: Seat, text: string): void {
    this.trace.push(`${s.number} ${text}`);
  }

  #open(s: Seat): void {
    this.#note(s, "opens");
    OfflineSimulation.clock++; // with a full disk that alone keeps sequences apart
    s.page = new Page(this.net, s.disk, { transactions: kinds }, s.number);
    s.page.storage.slow = true;
    const { page } = s;
    void page.c.open("board").then((board) => s.page === page && (s.board = board));
  }

  #kill(s: Seat): void {
    if (s.page === null) return;
    // What is on the way may arrive, also when its page is gone.
    if (s.connected) this.net.send(s.page.c, this.random.int(4) + 1);
    this.#note(s, `is killed, ${s.page.storage.waiting.length} writes lost`);
    s.page.kill();
    s.page = s.board = null;
    s.connected = false;
  }

  #cut(s: Seat): void {
    if (s.page === null || !s.connected) return;
    if (this.random.int(2) === 0) this.net.send(s.page.c, this.random.int(4) + 1);
    this.net.cut(s.page.c);
    s.connected = false;
    this.#note(s, "is cut");
  }

  /** Closes the board and opens it again, connection or not. */
  async #leave(s: Seat): Promise<void> {
    const { page, board } = s;
    if (page === null || board === null) return;
    this.#note(s, `leaves the board at version ${board.head.version}`);
    const { epoch, version } = board.head;
    s.board = null;
    board.close();
    if (this.random.int(2) === 0) await turn();
    void page.c.open("board").then((again) => s.page === page && (s.board = again));
    await turn();
    const now = s.board as SharedObject | null;
    if (now === null) this.fail(`${s.number} had the board open, and waits for it`);
    if (now.head.epoch !== epoch || now.head.version !== version) this.fail(`${s.number} left version ${version}, and finds ${now.head.version}`);
  }

  #draw(s: Seat): void {
    if (s.board === null) return;
    const e: Edit = { id: `e${++this.#next}`, stored: false, page: s.number };
    const kind = this.random.pick(kinds);
    const work = kind.submit(s.board, e.id);
    this.#note(s, `submits ${kind.name} ${e.id}`);
    void work.stored.then((durable) => (e.stored = durable));
    this.edits.push(e);
    const own = `e${this.#next}`; // what has no name has no record
    if (this.random.int(4) === 0) s.board.update((tx) => tx.add(["anonymous", own], 1)).catch(() => undefined);
  }

  /** Does one random thing. */
  async step(): Promise<void> {
    const s = this.random.pick(this.seats);
    const n = this.random.int(100);
    if (s.page === null) this.#open(s);
    else if (n < 30) this.#draw(s);
    else if (n < 32) await this.#leave(s);
    else if (n < 34) this.#kill(s);
    else if (n < 39) this.#cut(s);
    else if (n < 53) this.#connect(s);
    else if (n < 67) s.page.storage.step();
    else if (n < 81) s.connected && this.net.send(s.page.c, this.random.int(3) + 1);
    else if (n < 95) s.connected && this.net.receive(s.page.c, this.random.int(4) + 1);
    else if (n < 96 && this.net.model.forgetful && s.page.storage.durable) {
      this.#note(s, "has a full disk");
      s.page.storage.fail();
    } else if (n < 97) this.net.model.refusals.push(this.random.pick([[7, "dstm.denied", "no"], [9, "rule", "no"]]));
    else this.timers.tick(1000);
    await turn();
    // Whatever happens, nobody ever sees an edit twice.
    for (const map of ["drawn", "anonymous"]) {
      const drawn = Object.entries((s.board?.snapshot([map]) ?? {}) as Record<string, number>);
      for (const [id, times] of drawn) if (times !== 1) this.fail(`${s.number} shows ${map} ${id} ${times} times`);
    }
  }

  #connect(s: Seat): void {
    if (s.page === null || s.connected) return;
    this.#note(s, "connects");
    s.page.connect();
    s.connected = true;
  }

  /** Lets everybody finish, and checks what has become of every edit. */
  async rest(): Promise<void> {
    this.net.model.busy = 0;
    this.net.model.refusals.length = 0;
    for (const s of this.seats) {
      if (this.random.int(2) === 0) this.#kill(s);
      if (s.page === null) this.#open(s);
      const { storage } = s.page as unknown as Page; // disks have room again
      storage.durable = true;
      storage.problem = null;
    }
    for (let quiet = 0, n = 0; quiet < 5; n++) {
      if (n > 2000) this.fail(`does not come to rest: ${this.seats.map((s) => s.page?.c.works.map((w) => `${w.name} ${String(w.input)}`).join()).join(" | ")}`);
      let moved = false;
      for (const s of this.seats) {
        const page = s.page as Page;
        this.#connect(s);
        while (page.storage.step()) moved = true;
        const { link } = this.net.session(page.c);
        moved ||= link.toServer.length + link.toClient.length > 0 || page.c.works.length > 0;
        this.net.send(page.c);
        this.net.receive(page.c);
      }
      this.timers.tick(1000);
      await turn();
      quiet = moved ? 0 : quiet + 1;
    }
    this.#check();
  }

  #check(): void {
    const { root } = this.net.model.object("board");
    const inbox = new Map<string, boolean>();
    for (const s of this.seats) {
      const page = s.page as Page;
      for (const item of page.c.inbox.items) {
        if (inbox.has(item.input as string)) this.fail(`${String(item.input)} is twice in the inbox`);
        inbox.set(item.input as string, item.error.unknown);
      }
      if (!page.storage.durable) continue;
      if (s.disk.keys("work/").length > 0) this.fail(`${s.number} keeps ${s.disk.keys("work/").join()}`);
      if (s.disk.keys("inbox/").length !== page.c.inbox.items.length) this.fail("the inbox is not what is stored");
      if (page.storage.problem !== null) this.fail(String(page.storage.problem));
      const shown = s.board?.snapshot() as Record<string, unknown>;
      assert.deepEqual(shown, root.value(), `seed ${this.seed}: ${s.number} shows something else`);
    }
    for (const e of this.edits) {
      const applied = (root.find(["drawn", e.id])?.leaf ?? 0) as number;
      const unknown = inbox.get(e.id);
      if (unknown === true && !this.net.model.forgetful) this.fail(`${e.id} is unknown, and no disk has failed`);
      if (applied > 1) this.fail(`${e.id} was applied ${applied} times`);
      if (applied === 1 && unknown === false) this.fail(`${e.id} was applied, and is in the inbox as refused`);
      if (e.stored && applied === 0 && unknown === undefined) this.fail(`${e.id} is lost`);
    }
  }
}
