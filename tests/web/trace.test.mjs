// The trace of an alert: in words beside it, as lines on the map, and gone with it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { mapIsReady, usePage } from "./browser.mjs";

const withPage = usePage();

test("an alert's sources, stretch, next sample and downstream are told and drawn, in both languages", () => withPage(async (page, fake) => {
    await mapIsReady(page);
    const { items } = await (await page.request.get(`${fake.url}/api/v1/alerts?state=open&limit=1000`)).json();
    const id = items.find((alert) => alert.rule.code === "river-do").id;
    await page.waitForSelector('#map[data-trace="0"]');
    await page.evaluate((hash) => (location.hash = hash), `#alert=${id}`);
    await page.waitForSelector("#trace");
    await page.waitForSelector('#map[data-trace="4"]');
    const told = await page.textContent("#trace");
    assert.match(told, /溯源与下游影响.*3,?200 米.*62 %.*上游厂.*48 %.*S009/s);
    if (process.env.WW_SHOT) {
        await page.waitForTimeout(1500);
        await page.screenshot({ path: `${process.env.WW_SHOT}-trace.png` });
    }
    await page.click("#lang");
    await page.waitForFunction(() => /Sample next on reach R1/.test(document.querySelector("#trace")?.textContent ?? ""));
    await page.keyboard.press("Escape");
    await page.waitForSelector('#map[data-trace="0"]');
}, { map: true }));
