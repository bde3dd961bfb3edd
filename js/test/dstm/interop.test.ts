import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Time } from "../../src/codec/index.ts";
import { Client as Objects, variable, type SharedObject } from "../../src/dstm/index.ts";
import { method, Peer } from "../../src/rpc/index.ts";
import { Client, type ClientOptions } from "../../src/transport/index.ts";
import { NodeWebSocket, startServer, type Server } from "../server.ts";
import { speak } from "../speak.ts";

let server: Server;
before(async () => {
  server = await startServer();
});
after(async () => {
  await server.stop();
});

const cut = method<null, null>("cut");

interface Player {
  objects: Objects;
  peer: Peer;
  client: Client;
}

const options = (json: boolean): ClientOptions => ({ WebSocket: NodeWebSocket, ...speak(json), minBackoff: 1, maxBackoff: 20 });

async function enter(url: string, json: boolean): Promise<Player> {
  const objects = new Objects();
  const peer = new Peer();
  return { objects, peer, client: await Client.dial(url, options(json), objects, peer) };
}

/** What is left when times and identity do not count. */
const plain = (board: SharedObject): unknown => JSON.parse(JSON.stringify(board.snapshot()));

for (const json of [false, true]) {
  const codec = json ? "json" : "msgpack";
  const room = (name: string): string => `${name}/${codec}`;

  test(`${codec}: the scene of the talk`, async () => {
    const [a, b] = await Promise.all([enter(server.url, json), enter(server.url, !json)]);
    const [mine, theirs] = await Promise.all([a.objects.open(room("scene")), b.objects.open(room("scene"))]);
    const hello = variable<string>("hello");
    const seen: (string | undefined)[] = [];
    await theirs.update((tx) => hello.at().set(tx, "world"));
    const commit = await mine.update((tx) => {
      seen.push(hello.at().get(tx));
      hello.at().set(tx, "code camp");
    });
    assert.equal(commit.version, 2);
    assert.equal(seen.at(-1), "world"); // whether it lost once depends on who was faster
    await theirs.wait(2);
    assert.deepEqual(plain(mine), { hello: "code camp" });
    assert.deepEqual(plain(theirs), { hello: "code camp" });
    await Promise.all([a.client.close(), b.client.close()]);
  });

  test(`${codec}: every value comes through, and hashes are the server's`, async () => {
    const [a, b] = await Promise.all([enter(server.url, json), enter(server.url, !json)]);
    const [mine, theirs] = await Promise.all([a.objects.open(room("values")), b.objects.open(room("values"))]);
    const value = {
      int: 2n ** 62n, half: 0.5, text: "hä?", bytes: Uint8Array.of(0, 255), time: new Time(1, 5), list: [1, { k: null }],
      map: { __proto__x: true, "": undefined }, "\u{10000}": 1, "\uffff": 2,
    };
    delete (value.map as { ""?: undefined })[""];
    const first = mine.update((tx) => tx.set(["v"], value));
    // These read the pending writes: by hash, decided by the server behind the first.
    const second = mine.update((tx) => tx.set(["copy"], tx.read(["v"])));
    const third = mine.update((tx) => tx.set(["keys"], tx.keys(["v"])));
    const commits = await Promise.all([first, second, third]);
    assert.deepEqual(commits.map((c) => c.version), [1, 2, 3]);
    await theirs.wait(3);
    assert.deepEqual(theirs.snapshot(), mine.snapshot());
    assert.deepEqual(theirs.snapshot(["copy"]), theirs.snapshot(["v"]));
    assert.equal((theirs.snapshot(["v"]) as { int: bigint }).int, 2n ** 62n);
    assert.deepEqual((theirs.snapshot(["keys"]) as string[]).slice(-2), ["\uffff", "\u{10000}"]);
    await Promise.all([a.client.close(), b.client.close()]);
  });

  test(`${codec}: adders and counters over connections that break`, async () => {
    const players = await Promise.all([enter(server.url, json), enter(server.url, json)]);
    const boards = await Promise.all(players.map((p) => p.objects.open(room("sum"))));
    const sessions = players.map(({ client }) => {
      const seen = new Set<string>();
      client.onState((state) => seen.add(state.session));
      return seen;
    });
    const each = 60;
    await Promise.all(
      boards.map(async (board, i) => {
        const { peer } = players[i] as Player;
        const rounds: Promise<unknown>[] = [];
        for (let n = 0; n < each; n++) {
          rounds.push(board.update((tx) => tx.add(["added"], 1)));
          await board.update((tx) => tx.set(["counted"], ((tx.read(["counted"]) ?? 0) as number) + 1));
          if (n % 15 === 7) rounds.push(cut.call(peer, null).catch(() => undefined)); // the answer is lost with the connection
        }
        await Promise.all(rounds);
      }),
    );
    const head = Math.max(...boards.map((b) => b.head.version));
    assert.equal(head, 4 * each);
    for (const seen of sessions) assert.ok(seen.size > 2, "the connection did not break"); // "" is among them
    for (const board of boards) {
      await board.wait(head);
      assert.deepEqual(plain(board), { added: 2 * each, counted: 2 * each });
      assert.equal(board.pending.count, 0);
    }
    await Promise.all(players.map((p) => p.client.close()));
  });
}

test("a large object, larger than a message", async () => {
  const [a, b] = await Promise.all([enter(server.url, false), enter(server.url, true)]);
  const mine = await a.objects.open("large");
  for (let n = 0; n < 6; n++) await mine.update((tx) => tx.set([`part${n}`], "x".repeat(400_000)));
  const theirs = await b.objects.open("large");
  assert.equal((theirs.snapshot(["part5"]) as string).length, 400_000);
  await Promise.all([a.client.close(), b.client.close()]);
});

test("a server that is killed and comes back with the same file", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "trefoil-js-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const flags = ["-data", join(dir, "objects")];
  let own = await startServer(...flags);
  const { addr, url } = own;
  const a = await enter(url, false);
  const board = await a.objects.open("kept");
  let sum = 0;
  const add = (n: number): Promise<unknown> => {
    sum += n;
    return board.update((tx) => tx.add(["n"], n));
  };
  for (let round = 0; round < 3; round++) {
    const under = [1, 2, 3, 4, 5].map(add);
    if (round > 0) await under[0];
    await own.stop("SIGKILL");
    const offline = [add(10), board.update((tx) => tx.set(["last"], round))];
    assert.equal(board.snapshot()["n"], sum);
    assert.ok(board.pending.count >= 2);
    own = await startServer("-addr", addr, ...flags);
    await Promise.all([...under, ...offline]);
    assert.deepEqual(plain(board), { n: sum, last: round });
  }
  const b = await enter(url, true);
  const fresh = await b.objects.open("kept");
  assert.deepEqual(plain(fresh), { n: sum, last: 2 });
  assert.equal(fresh.head.version, board.head.version);
  await Promise.all([a.client.close(), b.client.close()]);
  await own.stop();
});
