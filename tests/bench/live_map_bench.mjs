// From the POST of a reading to the changed tile in the browser: the program itself, PostgreSQL and headless Chromium (WebGL in
// software) on one machine. The time ends with the first frame that is drawn with the new value in its tile.
// From the top, after building the program (WW_BIN) and the page: node tests/bench/live_map_bench.mjs [readings, default 300] [sensors, default 20000]
//
// alone   half as many, one reading at a time, each to a sensor in view, the next when it is drawn
// flow    ten readings a second to sensors in view, each another sensor, whatever is drawn
// beside  the same while a thousand readings a second come of sensors all over the district

import { cpus, loadavg } from "node:os";
import { mapIsReady, openBrowser, openPage } from "../web/browser.mjs";
import { BOX, startRealServer, watchMap } from "../web/real_server.mjs";

const readings = Number(process.argv[2] ?? 300);
const things = Number(process.argv[3] ?? 20_000);
const [west, south, wide, high] = BOX;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const load = () => loadavg().map((n) => n.toFixed(1)).join(" ");

const server = await startRealServer({ things });
const browser = await openBrowser({ viewport: { width: 1280, height: 720 } });
let value = 0;

/** A page that looks at some 250 sensors at the zoom of streets. */
async function look() {
    const { page } = await openPage(browser, server.url);
    await page.goto(`${server.url}/#z=13.6&c=${west + wide * 0.31},${south + high * 0.52}`);
    await mapIsReady(page);
    await page.waitForSelector("#live.live");
    await page.waitForFunction(() => { const { map } = document.getElementById("map"); return map.areTilesLoaded() && map.querySourceFeatures("thing", { sourceLayer: "thing" }).length > 50; });
    await page.evaluate(watchMap);
    const keys = await page.evaluate(() => {
        const { map } = document.getElementById("map");
        return [...new Set(map.queryRenderedFeatures({ layers: ["thing"] }).map((f) => f.properties.key))];
    });
    await pause(2_000);
    return { page, keys };
}

async function post(page, key) {
    value += 1;
    const at = Date.now();
    await server.send([{ s: key, v: value + 0.5, t: new Date(at).toISOString() }]);
    return { key: `${key} ${value + 0.5}`, at, acknowledged: Date.now() - at };
}

const drawn = (page, keys) => page.waitForFunction((wanted) => wanted.every((key) => window.seenValues.has(key)), keys, { polling: 20 });

async function report(name, page, sent) {
    const seen = await page.evaluate(() => Object.fromEntries(window.seenValues));
    const sorted = (of) => sent.map(of).sort((a, b) => a - b);
    const at = (list, share) => list[Math.min(list.length - 1, Math.ceil(share * list.length) - 1)];
    const tiles = sorted((s) => seen[s.key] - s.at);
    const acks = sorted((s) => s.acknowledged);
    console.log(`${name.padEnd(8)} ${String(sent.length).padStart(5)} readings, POST to tile drawn: p50 ${at(tiles, 0.5)} ms, p90 ${at(tiles, 0.9)}, p99 ${at(tiles, 0.99)}, worst ${tiles.at(-1)}; POST to 200: p50 ${at(acks, 0.5)}, p99 ${at(acks, 0.99)}; load ${load()}`);
}

async function alone() {
    const { page, keys } = await look();
    const sent = [];
    for (let n = 0; n < readings / 2; n++) { // half as many: these take longest
        sent.push(await post(page, keys[(n * 7) % keys.length]));
        await drawn(page, [sent.at(-1).key]);
        await pause((n * 37) % 100);
    }
    await report("alone", page, sent);
    await page.close();
}

async function flow(name) {
    const { page, keys } = await look();
    const sent = [];
    const began = Date.now();
    for (let n = 0; n < readings; n++) {
        await pause(Math.max(0, began + n * 100 - Date.now()));
        sent.push(await post(page, keys[(n * 7) % keys.length]));
    }
    await drawn(page, sent.map((s) => s.key));
    await report(name, page, sent);
    await page.close();
}

/** A thousand readings a second of other sensors than those that are timed. */
async function crowd(timed, isOver) {
    for (let n = 0; !isOver(); n++) {
        const began = Date.now();
        const rows = Array.from({ length: 100 }, (_, i) => ({ s: `S${((n * 100 + i) * 7919) % things}`, v: 0.25, t: new Date(began).toISOString() }));
        await server.send(rows.filter((row) => !timed.has(row.s)));
        await pause(Math.max(0, began + 100 - Date.now()));
    }
}

try {
    await browser.context.addCookies([{ name: "ww_session", value: server.token, url: server.url }]);
    console.log(`${things} sensors, ${cpus().length} cores, load at the start ${load()}`);
    await alone();
    await flow("flow");
    const { page, keys } = await look();
    await page.close();
    let isOver = false;
    const others = crowd(new Set(keys), () => isOver);
    await flow("beside");
    isOver = true;
    await others;
} finally {
    await browser.close();
    await server.stop();
}
