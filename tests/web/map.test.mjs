// The live tiles on the map: which are fetched again, what a click on a cluster does, what a refusal leads to.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeCity } from "../../server/web/dev/fake_city.mjs";
import { tileOf } from "../../server/web/dev/fake_tiles.mjs";
import { mapIsReady, usePage } from "./browser.mjs";

const withPage = usePage();
const STATION = makeCity(Date.now()).things.find((thing) => thing.key === "A-6"); // the city's shape does not move

/** Waits until the map has a value of the station. */
const shows = (page, value) => page.waitForFunction(([key, wanted]) => document.getElementById("map").map
    .querySourceFeatures("thing", { sourceLayer: "thing" }).some(({ properties }) => properties.key === key && properties.pm25 === wanted), [STATION.key, value]);

test("of the tiles on the screen only the one that the news names is fetched again, and refused, again until it is there", () => withPage(async (page, fake) => {
    await mapIsReady(page);
    await page.waitForFunction(() => document.getElementById("map").map.areTilesLoaded());
    for (const value of [71, 72]) { // the second is shown after all that the opening of the stream asked for
        fake.measure(STATION.key, "pm25", value);
        await shows(page, value);
    }
    const isShown = new Set(fake.state.tiles.map(({ tile }) => tile));
    assert.ok(isShown.size >= 6, `several tiles of several layers are shown: ${[...isShown]}`);
    fake.state.tiles.length = 0;
    fake.measure(STATION.key, "pm25", 73);
    await shows(page, 73);
    assert.deepEqual(fake.state.tiles, [{ tile: `thing/${tileOf(STATION.place, 12)}`, status: 200 }]);
    fake.state.refuseTiles = true;
    fake.measure(STATION.key, "pm25", 74);
    for (let asked = false; !asked;) asked = (await page.waitForResponse((response) => response.url().includes("/tiles/thing/"))).status() === 503;
    fake.state.refuseTiles = false;
    await shows(page, 74);
}, { map: true, hash: `#z=12.4&c=${STATION.place.join(",")}`, expected: [/503/] }));

test("a cluster has the colour of its worst alert and leads to its sensors when it is clicked", () => withPage(async (page) => {
    await mapIsReady(page);
    const cluster = () => page.evaluate(() => {
        const { map } = document.getElementById("map");
        const found = map.queryRenderedFeatures({ layers: ["alert-cluster"] }).sort((a, b) => b.properties.severity - a.properties.severity)[0];
        if (!found) return null;
        const { x, y } = map.project(found.geometry.coordinates);
        return { x, y, severity: found.properties.severity, count: found.properties.count };
    });
    await page.waitForFunction(() => document.getElementById("map").map.queryRenderedFeatures({ layers: ["alert-cluster"] }).some((f) => f.properties.severity === 4));
    const box = await (await page.$("#map")).boundingBox();
    const found = await cluster();
    assert.ok(found.count > 1);
    const before = await page.evaluate(() => document.getElementById("map").map.getZoom());
    await page.mouse.click(box.x + found.x, box.y + found.y);
    await page.waitForFunction((zoom) => document.getElementById("map").map.getZoom() > zoom + 1.5, before);
    assert.equal(await page.isVisible("#detail h2"), false, "a cluster opens nothing");
}, { map: true, more: 1500 }));
