// Hot spots on the map: those that are significant are drawn, and the legend says what they are in both languages.

import assert from "node:assert/strict";
import { test } from "node:test";
import { mapIsReady, usePage } from "./browser.mjs";

const withPage = usePage();

test("hot and cold hexagons are drawn, what is not significant is not, and the legend names them", () => withPage(async (page) => {
    await mapIsReady(page);
    await page.waitForSelector('#map[data-hotspots="8"]');
    assert.match(await page.textContent("#legend"), /热点（数值聚集偏高）.*冷点（数值聚集偏低）/s);
    if (process.env.WW_SHOT) {
        await page.waitForTimeout(1500);
        await page.screenshot({ path: `${process.env.WW_SHOT}-zh.png` });
    }
    await page.click("#lang");
    await page.waitForFunction(() => /Hot spot \(high together\)/.test(document.querySelector("#legend")?.textContent ?? ""));
    if (process.env.WW_SHOT) await page.screenshot({ path: `${process.env.WW_SHOT}-en.png` });
}, { map: true }));
