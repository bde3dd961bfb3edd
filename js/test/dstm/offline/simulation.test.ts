import { mock, test } from "node:test";
import { OfflineSimulation } from "./simulation.ts";

/** How many seeds, from which on. */
const runs = Number(process.env["RUNS"] ?? 1000);
const first = Number(process.env["SEED"] ?? Date.now() % 1_000_000_000);

async function run(seed: number): Promise<number> {
  const s = new OfflineSimulation(seed, mock.timers);
  try {
    for (let n = 60 + s.random.int(120); n > 0; n--) await s.step();
    await s.rest();
  } catch (e) {
    throw s.explain(e); // whatever was thrown, by what the test is about too: its seed and its trace
  }
  return s.edits.length;
}

test("draw offline, kill the page, open it again, reconnect, cut again", async (t) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { now } = Date;
  Date.now = () => OfflineSimulation.clock;
  t.after(() => {
    mock.timers.reset();
    Date.now = now;
  });
  let edits = 0;
  for (let seed = 0; seed < 50; seed++) edits += await run(seed); // the same every time
  for (let seed = first; seed < first + runs - 50; seed++) edits += await run(seed); // a failure names its seed
  t.diagnostic(`${runs} runs from seed ${first}, ${edits} edits`);
});
