import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  Client as Objects, after as behind, first, last, list, updateAll, UndoStack, viewAll, type Change, type Revision, type SharedObject,
} from "../../src/dstm/index.ts";
import { method, Peer } from "../../src/rpc/index.ts";
import { Client, type ClientOptions } from "../../src/transport/index.ts";
import { NodeWebSocket, startServer, type Server } from "../server.ts";
import { speak } from "../speak.ts";

let server: Server;
before(async () => {
  server = await startServer();
});
after(async () => {
  await Promise.all(entered.map((p) => p.client.close())); // also those of a test that failed
  await server.stop();
});

const cut = method<null, null>("cut");
/** A test that hangs fails, and the others run. */
const patience = { timeout: 20_000 };

interface Player {
  objects: Objects;
  peer: Peer;
  client: Client;
}

const entered: Player[] = [];

async function enter(json: boolean, user = ""): Promise<Player> {
  const objects = new Objects();
  const peer = new Peer();
  const options: ClientOptions = { WebSocket: NodeWebSocket, ...speak(json), minBackoff: 1, maxBackoff: 20, credentials: () => ({ "": { token: user } }) };
  const player = { objects, peer, client: await Client.dial(server.url, options, objects, peer) };
  entered.push(player);
  return player;
}

async function pair(json: boolean, name: string): Promise<{ mine: SharedObject; theirs: SharedObject; leave: () => Promise<unknown>; a: Player; b: Player }> {
  const [a, b] = await Promise.all([enter(json), enter(!json)]);
  const [mine, theirs] = await Promise.all([a.objects.open(name), b.objects.open(name)]);
  return { mine, theirs, a, b, leave: () => Promise.all([a.client.close(), b.client.close()]) };
}

/** What is left when identity does not count. */
const plain = (v: unknown): unknown => JSON.parse(JSON.stringify(v ?? null));
const tasks = list<{ text: string; done?: boolean }>("tasks");
const counter = (tx: { read(path: string[]): unknown }, key: string): number => (tx.read([key]) ?? 0) as number;

for (const json of [false, true]) {
  const codec = json ? "json" : "msgpack";
  const room = (name: string): string => `${name}/${codec}`;

  test(`${codec}: a list that two edit`, patience, async () => {
    const { mine, theirs, leave } = await pair(json, room("list"));
    const ids: string[] = [];
    await mine.update((tx) => {
      ids.length = 0;
      ids.push(tasks.at().insert(tx, last(), { text: "milk" }));
      ids.push(tasks.at().insert(tx, behind(ids[0] as string), { text: "bread" }));
    });
    await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        (i % 2 === 0 ? mine : theirs).update((tx) => void tasks.at().insert(tx, i % 3 === 0 ? first() : last(), { text: `t${i}` })),
      ),
    );
    const moved = await mine.update((tx) => {
      tasks.at().move(tx, ids[0] as string, last());
      tx.set(["tasks", ids[1] as string, "done"], true);
    });
    await theirs.wait(moved.version);
    assert.deepEqual(theirs.keys(["tasks"]), mine.keys(["tasks"]));
    assert.deepEqual(plain(theirs.snapshot()), plain(mine.snapshot()));
    assert.equal(mine.keys(["tasks"]).at(-1), ids[0]);
    assert.equal(theirs.keys(["tasks"]).length, 32);
    const third = await enter(json);
    const fresh = await third.objects.open(room("list"));
    assert.deepEqual(fresh.keys(["tasks"]), mine.keys(["tasks"]));
    assert.deepEqual(plain(fresh.snapshot(["tasks", ids[1] as string])), { text: "bread", done: true });
    // Reads of the pending writes of a list: value with shape, and ids, by hash.
    const under = [
      mine.update((tx) => void tasks.at().insert(tx, first(), { text: "new" })),
      mine.update((tx) => tx.set(["count"], tasks.at().ids(tx).length)),
      mine.update((tx) => tx.set(["all"], tx.read(["tasks"]))),
      mine.update((tx) => tasks.at().remove(tx, ids[0] as string)),
    ];
    await Promise.all(under);
    assert.deepEqual([mine.snapshot()["count"], (mine.snapshot(["all"]) as unknown[]).length, mine.keys(["tasks"]).length], [33, 33, 32]);
    await third.client.close();
    await leave();
  });

  test(`${codec}: guards let sellers sell as long as there is something`, patience, async () => {
    const { mine, theirs, leave } = await pair(json, room("stock"));
    await mine.update((tx) => tx.overwrite(["left"], 10));
    const sell = (o: SharedObject): Promise<boolean> => {
      let sold = false;
      return o
        .update((tx) => {
          sold = tx.guard(["left"], ">=", 1);
          if (sold) tx.add(["left"], -1);
          else tx.add(["refused"], 1);
        })
        .then(() => sold);
    };
    const sold = await Promise.all(Array.from({ length: 24 }, (_, i) => sell(i % 2 === 0 ? mine : theirs)));
    assert.equal(sold.filter((s) => s).length, 10);
    const head = Math.max(mine.head.version, theirs.head.version);
    await mine.wait(head);
    assert.deepEqual(plain(mine.snapshot()), { left: 0, refused: 14 });
    await mine.update((tx) => {
      tx.max(["high"], 5);
      tx.min(["low"], -5);
    });
    await theirs.wait(head + 1);
    assert.deepEqual([theirs.snapshot()["high"], theirs.snapshot()["low"]], [5, -5]);
    await leave();
  });

  test(`${codec}: who waits for a condition is woken by another client`, patience, async () => {
    const { mine, theirs, leave } = await pair(json, room("queue"));
    let runs = 0;
    const jobs: string[] = [];
    const taking = mine.update((tx) => {
      runs++;
      const [key] = tx.keys(["jobs"]);
      if (key === undefined) tx.retry();
      jobs.push(key as string);
      tx.delete(["jobs", key as string]);
    });
    for (let i = 0; i < 5; i++) await theirs.update((tx) => tx.add(["other"], 1));
    await mine.wait(5);
    assert.equal(runs, 1);
    await theirs.update((tx) => tx.set(["jobs", "a"], 1));
    await taking;
    assert.deepEqual([jobs.at(-1), runs], ["a", 2]);
    await leave();
  });

  test(`${codec}: several objects, over connections that break`, patience, async () => {
    const [a, b] = await Promise.all([enter(json), enter(!json)]);
    const [left, right] = await Promise.all(["left", "right"].map((name) => a.objects.open(room(name)))) as [SharedObject, SharedObject];
    const [x, y] = await Promise.all(["left", "right"].map((name) => b.objects.open(room(name)))) as [SharedObject, SharedObject];
    const sums: number[] = [];
    let over = false;
    const watching = (async () => {
      while (!over) {
        sums.push(await viewAll([x, y], (tx) => counter(tx, "n") + counter(tx.in(y), "n")));
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let i = 0; i < 40; i++) {
      const moved = updateAll([left, right], (tx) => {
        tx.add(["n"], -1);
        tx.in(right).set(["n"], counter(tx.in(right), "n") + 1);
      });
      if (i % 15 === 7) {
        await cut.call(a.peer, null).catch(() => undefined);
        await cut.call(b.peer, null).catch(() => undefined);
      }
      await moved;
    }
    over = true;
    await watching;
    assert.ok(sums.every((sum) => sum === 0), String(sums.filter((s) => s !== 0)));
    const final = await viewAll([left, right], (tx) => [counter(tx, "n"), counter(tx.in(right), "n")]);
    assert.deepEqual(final, [-40, 40]);
    await Promise.all([a.client.close(), b.client.close()]);
  });

  test(`${codec}: strict objects`, patience, async () => {
    const { mine, theirs, leave } = await pair(json, room("strict"));
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 4 === 0 ? theirs : mine).update((tx) => tx.set(["n"], counter(tx, "n") + 1))),
    );
    const checked = await mine.update((tx) => void tx.read(["n"]), { strict: true });
    assert.equal(checked.version, 20);
    await theirs.wait(20);
    assert.deepEqual([mine.snapshot()["n"], theirs.snapshot()["n"]], [20, 20]);
    await leave();
  });

  test(`${codec}: a reader of parts`, patience, async () => {
    const [dealer, ada] = await Promise.all([enter(json, "dealer"), enter(!json, "ada")]);
    const all = await dealer.objects.open(room("game"));
    await all.update((tx) => tx.set([], { table: { round: 1 }, hands: { ada: { card: 7 }, bob: { card: 9 } }, pot: 5 }));
    const mine = await ada.objects.open(room("game"));
    assert.deepEqual(plain(mine.snapshot()), { table: { round: 1 }, hands: { ada: { card: 7 } } });
    assert.throws(() => mine.view((tx) => tx.read(["pot"])), { reason: "dstm.denied" });
    const seen: Change[] = [];
    mine.onChange((c) => seen.push(c));
    await all.update((tx) => tx.set(["hands", "bob", "card"], 2));
    await all.update((tx) => tx.overwrite(["hands"], { ada: { card: 8 }, bob: { card: 3 } }));
    const commit = await mine.update((tx) => {
      tx.add(["pot"], 1);
      tx.set(["table", "round"], 2);
    });
    assert.equal(commit.version, 4);
    assert.deepEqual(plain(mine.snapshot()), { table: { round: 2 }, hands: { ada: { card: 8 } } });
    assert.ok(!JSON.stringify(seen).includes("bob"));
    await all.wait(4);
    assert.equal(all.snapshot()["pot"], 6);
    await cut.call(ada.peer, null).catch(() => undefined);
    await all.update((tx) => tx.delete(["hands", "ada"]));
    await mine.wait(5);
    assert.deepEqual(plain(mine.snapshot()), { table: { round: 2 }, hands: {} });
    await Promise.all([dealer.client.close(), ada.client.close()]);
  });

  test(`${codec}: an invariant refuses with its own words`, patience, async () => {
    const { mine, leave } = await pair(json, room("bank"));
    await mine.update((tx) => tx.add(["balance"], 5));
    await assert.rejects(mine.update((tx) => tx.add(["balance"], -9)), (e: { reason: string; message: string; details: unknown }) => {
      assert.deepEqual([e.reason, e.message, plain(e.details)], ["dstm.invariant", "the balance would be -4", { balance: -4 }]);
      return true;
    });
    assert.equal(mine.snapshot()["balance"], 5);
    await leave();
  });

  test(`${codec}: undo, and the past`, patience, async () => {
    const { mine, theirs, leave } = await pair(json, room("past"));
    const stack = new UndoStack(mine);
    await stack.update((tx) => void tasks.at().insert(tx, last(), { text: "milk" }));
    await stack.update((tx) => tx.set(["title"], "A"));
    await stack.update((tx) => tx.set(["title"], "B"), { metadata: { why: "better" } });
    await theirs.wait(3);
    await theirs.update((tx) => tx.add(["n"], 1));
    await mine.wait(4);
    await stack.undo();
    await stack.undo();
    assert.deepEqual(plain(mine.snapshot()), { n: 1, tasks: [{ text: "milk" }] });
    await stack.redo();
    assert.equal(mine.snapshot()["title"], "A");
    const revisions: Revision[] = [];
    const head = mine.head.version;
    await theirs.wait(head);
    for await (const r of theirs.history(0)) revisions.push(r);
    assert.deepEqual(revisions.map((r) => r.version), Array.from({ length: head }, (_, i) => i + 1));
    assert.deepEqual([revisions[2]?.metadata, revisions[2]?.changes[0]?.old, revisions[2]?.changes[0]?.new], [Object.assign(Object.create(null), { why: "better" }), "A", "B"]);
    assert.deepEqual([revisions[2]?.changes[0]?.origin, revisions[3]?.changes[0]?.origin], ["remote", "mine"]);
    assert.deepEqual(plain(await theirs.viewAt(3, (tx) => tx.read([]))), { title: "B", tasks: [{ text: "milk" }] });
    await assert.rejects(theirs.viewAt(99, () => 1), { reason: "dstm.history" });
    await leave();
  });

  test(`${codec}: an object in pieces`, patience, async () => {
    const { mine, leave } = await pair(json, room("pieces"));
    for (let i = 0; i < 6; i++) {
      await mine.update((tx) => {
        for (let n = 0; n < 40; n++) tasks.at().insert(tx, last(), { text: `${i}/${n} ${"x".repeat(500)}` });
        tx.set(["blobs", `b${i}`], "y".repeat(50_000));
      });
    }
    const third = await enter(json);
    const fresh = await third.objects.open(room("pieces"));
    assert.deepEqual(fresh.keys(["tasks"]), mine.keys(["tasks"]));
    assert.deepEqual(plain(fresh.snapshot()), plain(mine.snapshot()));
    await third.client.close();
    await leave();
  });

  test(`${codec}: many who read and set the same each commit`, patience, async () => {
    const players = await Promise.all(Array.from({ length: 8 }, () => enter(json)));
    const boards = await Promise.all(players.map((p) => p.objects.open(room("contended"))));
    const attempts: number[] = [];
    await Promise.all(
      boards.map(async (board) => {
        for (let n = 0; n < 5; n++) {
          let runs = 0;
          await board.update((tx) => {
            runs++;
            tx.set(["n"], counter(tx, "n") + 1);
          });
          attempts.push(runs);
        }
      }),
    );
    const head = Math.max(...boards.map((b) => b.head.version));
    assert.equal(head, 40);
    await boards[0]!.wait(head);
    assert.equal(boards[0]!.snapshot()["n"], 40);
    assert.ok(Math.max(...attempts) < 100, String(attempts));
    await Promise.all(players.map((p) => p.client.close()));
  });
}
