// Alerts of detectors that learn, in a real browser: the usual range, every reason in words, the curve; leads.

import assert from "node:assert/strict";
import { test } from "node:test";
import { usePage } from "./browser.mjs";

const withPage = usePage();
const NH3N = { rule: "outfall-nh3n", key: "W-6", property: "nh3n", value: 7.7, peak: 9.1, count: 2 };

/** What the judge writes (ingest/judge_explain.c), on an alert of the fake city. */
function learned(alert, at) {
    const band = { value: 3.1, lower: 2.2, upper: 4.4, unit: "mg/L" };
    const reason = (detector, more) => ({ detector, rule: `${detector}-rule`, version: 1, category: "pollution", datastream: alert.datastream, at, observed: { value: 7.7, unit: "mg/L", time: at }, expected: band, ...more });
    Object.assign(alert, {
        limit: { lower: 2.2, upper: 4.4, unit: "mg/L", standard_no: "" },
        explanation: {
            method: "seasonal robust baseline, k of n", rule: { code: "plant-unusual", version: 1, config: { property: "nh3n", side: "up", false_alarms_per_month: 0.1 } },
            observed: { value: 7.7, unit: "mg/L", time: at }, expected: band, false_alarms_per_month: { allowed: 0.1, expected: 0.002 }, learned: { readings: 4000, since: "2026-05-01T00:00:00Z" },
            reasons: [reason("baseline", { false_alarms_per_month: 0.002 }), reason("quality", { category: "sensor", signs: ["stuck"], explains: true })],
        },
    });
}

test("an alert of a detector that learns shows its usual range, its reasons in words and its curve", () => withPage(async (page, fake) => {
    const made = fake.open({ ...NH3N, openedAt: Date.now() - 60_000 });
    learned(made, new Date().toISOString());
    await page.click(`#alert-${made.id}`);
    await page.waitForSelector("#reasons");
    assert.match(await page.textContent("#detail .figures"), /通常范围/);
    assert.match(await page.textContent("#fig-limit"), /≤ 4\.4 mg\/L.*≥ 2\.2 mg\/L/);
    const reasons = await page.textContent("#reasons");
    assert.match(reasons, /与往常比较.*实测 7\.7 mg\/L.*通常 2\.2 … 4\.4 mg\/L.*误报 0\.002 次/);
    assert.match(reasons, /数据质量.*读数卡住不变.*超标预警照常有效/);
    await page.waitForSelector("#chart canvas");
    assert.equal(await page.$("#limit-status"), null); // there is no limit row to be sure of
}));

test("readings that look made up are a lead among the sensor alerts, with a curve and a word of caution", () => withPage(async (page, fake) => {
    const made = fake.open({ ...NH3N, openedAt: Date.now() - 60_000 });
    learned(made, new Date().toISOString());
    made.category = "lead";
    made.explanation.reasons = [{ ...made.explanation.reasons[1], category: "lead", signs: ["digits"], explains: undefined }];
    await page.waitForFunction(() => document.getElementById("announce").textContent !== "");
    await page.click("#tab-sensor");
    await page.click(`#alert-${made.id}`);
    await page.waitForSelector("#reasons");
    assert.match(await page.textContent(".detail-head"), /造假嫌疑线索/);
    assert.match(await page.textContent("#reasons"), /末位数字不随机.*不是超标的证据/);
    await page.waitForSelector("#chart canvas");
}));
