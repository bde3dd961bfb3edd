// A Chromium without a screen that shows one page, for the benchmark.
//
//   node browser.mjs CHROMIUM URL
//
// It prints "ready" when the page says that it is (window.page is there), answers "restart", "begin" and "report" with what functions of
// these names return in the page, the last with the processor time (cpu, in ms) between the two, and ends when its input does. Between "trace" and "task" it traces the browser, and answers the
// latter with the most processor time that one task took, in ms: not at the same time, for a trace takes half a processor. TREFOIL_BENCH_PAGE_PROFILE names a file for a profile of what the page did between "begin" and "report", for the browser's own tools.
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

/** The most processor time, in ms, that one task of the page's thread has taken in a trace of the browser. */
function longestTask(trace) {
  const { traceEvents } = JSON.parse(trace);
  const main = new Set(traceEvents.filter((e) => e.name === "thread_name" && e.args.name === "CrRendererMain").map((e) => `${e.pid} ${e.tid}`));
  const tasks = traceEvents.filter((e) => e.ph === "X" && /(^|::)RunTask$/.test(e.name) && e.tdur !== undefined && main.has(`${e.pid} ${e.tid}`));
  if (tasks.length === 0) throw new Error("the browser's trace has no task of the page");
  return tasks.reduce((most, e) => Math.max(most, e.tdur), 0) / 1000;
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
  trace: () => browser.startTracing(page, { categories: ["toplevel"] }),
  task: async () => String(longestTask((await browser.stopTracing()).toString())),
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
