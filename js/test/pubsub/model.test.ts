import assert from "node:assert/strict";
import { test } from "node:test";
import { PubSub } from "../../src/pubsub/index.ts";
import { settle } from "../rpc/fake.ts";
import { Checker, Model, Random } from "./model.ts";

/** One history; hard: also history that forgets, new epochs and programs that are slow. */
async function run(seed: number, hard: boolean): Promise<void> {
  const random = new Random(seed);
  const client = new PubSub();
  const model = new Model(client, random);
  const buffer = hard ? 1 + random.below(20) : 1000;
  const checkers = [
    new Checker(client.subscribe("t.a", { buffer }), model),
    new Checker(client.subscribe("t.b", { last: 1 + random.below(5), buffer }), model),
    new Checker(client.subscribe("t.*", { from: "oldest", buffer }), model),
  ];
  for (let step = 0; step < 120; step++) {
    const dice = random.below(100);
    if (dice < 40) model.publish();
    else if (dice < 55) model.catchUp();
    else if (dice < 80) model.deliver(1 + random.below(5));
    else if (dice < 86) model.cut();
    else if (dice < 90) await checkers[random.below(3)]!.take(random.below(5));
    else if (dice < 93 && hard) model.trim();
    else if (dice < 95 && hard) model.renew();
    model.hear();
    if (random.chance(30)) await settle();
  }
  for (;;) {
    model.hear();
    const more = model.catchUp();
    model.deliver(Infinity);
    for (const c of checkers) while ((await c.take(100)) > 0);
    if (!more && model.quiet) break;
  }
  for (const c of checkers) {
    c.verify();
    if (!hard) assert.deepEqual(c.gaps, []);
  }
  client.close();
}

for (const hard of [false, true]) {
  test(`random cuts and replays${hard ? ", forgetful history, new epochs, slow programs" : ""}: each publication comes once, or a gap tells`, async (t) => {
    const first = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
    t.diagnostic(`seed ${first}`);
    for (let seed = first; seed < first + 60; seed++) {
      try {
        await run(seed, hard);
      } catch (err) {
        throw new Error(`SEED=${seed}`, { cause: err });
      }
    }
  });
}
