// From the POST of a reading to the map in the browser, on the program itself: each reading arrives.

import assert from "node:assert/strict";
import { test } from "node:test";
import { mapIsReady, openBrowser, openPage } from "./browser.mjs";
import { BOX, startRealServer, watchMap } from "./real_server.mjs";

const THINGS = 400; // twenty a side
const READINGS = 200;

test("each reading that is posted is drawn on the map, and layers that show nothing new are not fetched again", async () => {
    const [west, south, wide, high] = BOX;
    const server = await startRealServer({ things: THINGS });
    const browser = await openBrowser({ viewport: { width: 900, height: 600 } });
    try {
        await browser.context.addCookies([{ name: "ww_session", value: server.token, url: server.url }]);
        const { page, sins } = await openPage(browser, server.url);
        // everything but the westernmost and the northern part is in view; single points, not clusters
        await page.goto(`${server.url}/#z=11.2&c=${west + wide * 0.5},${south + high * 0.5}`);
        await mapIsReady(page);
        await page.waitForSelector("#live.live");
        await page.waitForFunction(() => { const { map } = document.getElementById("map"); return map.areTilesLoaded() && map.querySourceFeatures("thing", { sourceLayer: "thing" }).length >= 200; });
        await page.evaluate(watchMap);
        const inView = await page.evaluate(() => [...new Set(document.getElementById("map").map.querySourceFeatures("thing", { sourceLayer: "thing" }).map((f) => f.properties.key))]);
        assert.ok(inView.length >= READINGS, `${inView.length} sensors in view`);
        const sent = [];
        const post = async (n) => {
            sent.push(`${inView[n]} ${n + 0.5}`);
            await server.send([{ s: inView[n], v: n + 0.5, t: new Date().toISOString() }]);
        };
        const areDrawn = () => page.waitForFunction((wanted) => wanted.every((key) => window.seenValues.has(key)), sent);
        for (const n of [0, 1]) { // the second is drawn after all that the opening of the stream asked for
            await post(n);
            await areDrawn();
        }
        const fetched = [];
        page.on("request", (request) => /\/tiles\//.test(request.url()) && fetched.push(new URL(request.url()).pathname));
        for (let n = 2; n < READINGS; n++) await post(n);
        await areDrawn();
        assert.deepEqual([...new Set(fetched.map((path) => path.split("/")[2]))], ["thing"], "wards and alerts did not change");
        assert.deepEqual(sins, []);
    } finally {
        await browser.close();
        await server.stop();
    }
});
