// How long the page keeps its main thread busy with many sensors: the longest task of each thing that people do or
// that happens to them, in CPU time, beside the same with the 33 sensors of the made-up city. Fluid is below 50 ms.
// From the top, after `npm ci && npm run build` in server/web: node tests/bench/page_bench.mjs [sensors, default 20000]

import { startFakeServer } from "../../server/web/dev/fake_server.mjs";
import { mapIsReady, openBrowser, openPage } from "../web/browser.mjs";

const DEADLINE_MS = 120_000;
const rowIs = (key, fake) => `#thing-${fake.city.things.find((t) => t.key === key).id}`;

const STEPS = {
    "load, till the map stands": async (page, fake) => {
        await page.goto(`${fake.url}/#tab=things`);
        await page.waitForSelector("#thing-list [role=option]");
        await mapIsReady(page);
    },
    "a sensor falls silent, told live": async (page, fake) => {
        fake.fallSilent("R-1");
        await page.waitForSelector(rowIs("R-1", fake));
    },
    "listing every sensor": async (page) => {
        await page.selectOption("#things-state", "all");
        await page.waitForFunction(() => document.querySelectorAll("#thing-list [role=option]").length > 30);
    },
    "finding one by name": async (page) => {
        await page.fill("#things-search", "R-3");
        await page.waitForFunction(() => document.querySelectorAll("#thing-list [role=option]").length === 1);
    },
    "the other language": async (page) => {
        await page.click("#lang");
        await page.waitForFunction(() => document.documentElement.lang === "en");
    },
};

/** The longest task of the main thread while `run` runs and the second after it, in ms of CPU time. */
async function longestTask(devtools, page, run) {
    const events = [];
    const collect = ({ value }) => events.push(...value);
    devtools.on("Tracing.dataCollected", collect);
    await devtools.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: ["toplevel", "disabled-by-default-devtools.timeline"] } });
    await run();
    await page.waitForTimeout(1_000);
    const complete = new Promise((resolve) => devtools.once("Tracing.tracingComplete", resolve));
    await devtools.send("Tracing.end");
    await complete;
    devtools.off("Tracing.dataCollected", collect);
    const isMain = new Set(events.filter((e) => e.name === "thread_name" && e.args.name === "CrRendererMain").map((e) => `${e.pid}.${e.tid}`));
    return Math.max(0, ...events.filter((e) => e.name.endsWith("RunTask") && e.tdur && isMain.has(`${e.pid}.${e.tid}`)).map((e) => e.tdur / 1000));
}

async function measure(more) {
    const fake = await startFakeServer({ more });
    const browser = await openBrowser();
    await browser.context.addCookies([{ name: "ww_session", value: "ww_admin", url: fake.url }]);
    const { page } = await openPage(browser, fake.url);
    page.setDefaultTimeout(DEADLINE_MS);
    const devtools = await page.context().newCDPSession(page);
    const out = {};
    for (const [name, run] of Object.entries(STEPS)) out[name] = await longestTask(devtools, page, () => run(page, fake));
    await browser.close();
    await fake.stop();
    return out;
}

const more = Number(process.argv[2] ?? 20_000);
const few = await measure(0);
const many = await measure(more);
console.log(`longest task of the main thread, ms of CPU time          33 sensors   ${33 + more} sensors`);
for (const name of Object.keys(STEPS)) console.log(`${name.padEnd(52)} ${few[name].toFixed(0).padStart(14)} ${many[name].toFixed(0).padStart(15)}`);
