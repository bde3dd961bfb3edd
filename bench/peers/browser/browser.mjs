// A Chromium without a screen that shows one page, for the benchmark.
//
//   node browser.mjs CHROMIUM URL
//
// It prints "ready" when the page says that it is (window.page is there), answers "restart", "begin" and "report" with what functions of
// these names return in the page, the last with the processor time (cpu, in ms) between the two, and ends when its input does. TREFOIL_BENCH_PAGE_PROFILE names a file for a profile of what the page did between the last two, for the browser's own tools.
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [executablePath, url] = process.argv.slice(2);
const profile = process.env.TREFOIL_BENCH_PAGE_PROFILE;
const browser = await chromium.launch({ executablePath, args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"] });
const page = await browser.newPage();
page.on("pageerror", (err) => {
  console.error(`the page: ${err.message}`);
  process.exitCode = 1;
});
await page.goto(url);
await page.waitForFunction(() => window.page !== undefined);
const devtools = await page.context().newCDPSession(page);
if (profile) await devtools.send("Profiler.enable");
await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
let before = 0;

/** The processor time, in ms, that the page's thread has spent on tasks. */
async function spent() {
  const { metrics } = await devtools.send("Performance.getMetrics");
  return 1000 * metrics.find((m) => m.name === "TaskDuration").value;
}

const commands = {
  restart: () => page.evaluate(() => window.page.restart()),
  begin: async () => {
    if (profile) await devtools.send("Profiler.start");
    await page.evaluate(() => window.page.begin());
    before = await spent();
  },
  report: async () => {
    const cpu = (await spent()) - before;
    if (profile) writeFileSync(profile, JSON.stringify((await devtools.send("Profiler.stop")).profile));
    return JSON.stringify({ ...(await page.evaluate(() => window.page.report())), cpu });
  },
};

const lines = createInterface({ input: process.stdin });
console.log(`ready ${browser.version()}`);
for await (const line of lines) {
  const command = commands[line];
  try {
    console.log(command ? `ok ${(await command()) ?? ""}` : `error there is no command ${line}`);
  } catch (err) {
    console.log(`error ${String(err.message).replaceAll("\n", "; ")}`);
  }
}
await browser.close();
