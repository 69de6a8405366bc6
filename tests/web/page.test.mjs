// The page in a real browser, on the fake server: what people see and do.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startFakeServer } from "../../server/web/dev/fake_server.mjs";
import { makeCity } from "../../server/web/dev/fake_city.mjs";
import { mapIsReady, openBrowser, openPage, usePage } from "./browser.mjs";

const NH3N = { rule: "outfall-nh3n", key: "W-6", property: "nh3n", value: 7.7, peak: 9.1, count: 2 };
const SENSOR = makeCity(Date.now()).alerts.find((alert) => alert.id === 3).place; // the city's shape does not move
const withPage = usePage();

const rows = (page) => page.$$eval("#alert-list [role=option]", (nodes) => nodes.map((n) => n.dataset.id));

test("the page loads map and list without console errors, policy violations or outside requests", () => withPage(async (page) => {
    await mapIsReady(page);
    assert.equal((await rows(page)).length, 8);
    assert.match(await page.title(), /示例区/);
    assert.ok(await page.isVisible("#legend"));
    assert.match(await page.textContent("#synthetic"), /示意/);
    assert.match(await page.textContent("#attribution"), /GeoNames \(CC BY 4\.0\)/);
    assert.match(await page.textContent("#live"), /UTC\+8/);
}, { map: true }));

test("the list is sorted by severity and then by time", () => withPage(async (page) => {
    const words = await page.$$eval("#alert-list .tag:first-child", (nodes) => nodes.map((n) => n.textContent));
    assert.deepEqual(words, ["特急", "严重", "严重", "警告", "警告", "警告", "提示", "提示"]);
    assert.deepEqual((await rows(page)).slice(1, 3), ["7", "3"]);
}));

test("a live alert appears in the list, marked as new and announced; a cleared one leaves", () => withPage(async (page, fake) => {
    const made = fake.open({ ...NH3N, openedAt: Date.now() - 60_000 });
    await page.waitForSelector(`#alert-${made.id} .tag.new`);
    await page.waitForFunction(() => /新预警：严重/.test(document.getElementById("announce").textContent));
    fake.clear(made.id);
    await page.waitForSelector(`#alert-${made.id}`, { state: "detached" });
    await page.waitForFunction(() => /已解除/.test(document.getElementById("announce").textContent));
}));

test("choosing an alert opens its details with figures, chart, explanation and raw data", () => withPage(async (page) => {
    await page.click("#alert-2");
    await page.waitForSelector("#chart canvas");
    assert.match(await page.textContent("#fig-observed"), /391 mg\/L/);
    assert.match(await page.textContent("#fig-limit"), /≤ 250 mg\/L.*GB 18466-2005/);
    assert.match(await page.textContent("#limit-status"), /待核对/);
    assert.match(await page.textContent("#series-summary"), /超限 \d+ 个，带标记 3 个/);
    assert.equal(await page.$$eval("#explanation table.window tbody tr", (nodes) => nodes.length), 3);
    assert.equal(await page.getAttribute("#raw-json", "href"), "/api/v1/alerts/2");
    const inked = await page.$eval("#chart canvas", (canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((v) => v > 0));
    assert.ok(inked, "the chart is drawn");
    await page.click("#detail details summary");
    await page.waitForSelector("#detail details table .exceeds");
}));

test("the limit is drawn in the unit of the readings when the law's unit differs", () => withPage(async (page) => {
    await page.waitForSelector("#chart canvas");
    assert.match(await page.textContent("#fig-limit"), /≤ 75 µg\/m³/);
}, { hash: "#alert=5" }));

test("switching the language changes every text and is remembered", () => withPage(async (page) => {
    await page.click("#alert-2");
    await page.waitForSelector("#chart canvas");
    await page.click("#lang");
    await page.waitForFunction(() => document.documentElement.lang === "en");
    await page.waitForSelector("#chart canvas");
    const visible = await page.evaluate(() => document.body.innerText);
    const left = visible.match(/\p{Script=Han}+/gu) ?? [];
    assert.deepEqual(left, ["中文"], "only the button back to Chinese is Chinese");
    const labels = await page.$$eval("[aria-label],[title]", (nodes) => nodes.map((n) => `${n.getAttribute("aria-label")} ${n.getAttribute("title")}`));
    assert.deepEqual(labels.filter((text) => /\p{Script=Han}/u.test(text)), []);
    await page.reload();
    await page.waitForSelector("#alert-list [role=option]");
    assert.match(await page.textContent("#panel-alerts h1"), /Pollution alerts/);
    await page.click("#lang");
}, { map: true }));

test("the list is walked by keyboard: down, up, Enter opens, Escape closes and returns", () => withPage(async (page) => {
    await page.focus("#alert-list");
    const first = await page.getAttribute("#alert-list", "aria-activedescendant");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowUp");
    const active = await page.getAttribute("#alert-list", "aria-activedescendant");
    assert.equal(first, "alert-2");
    assert.equal(active, "alert-7");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#detail h2");
    assert.equal(await page.getAttribute("#alert-7", "aria-selected"), "true");
    await page.keyboard.press("Escape");
    await page.waitForSelector("#detail", { state: "hidden" });
    assert.equal(await page.evaluate(() => document.activeElement.id), "alert-list");
}));

test("the skip link is the first stop and leads to the list", () => withPage(async (page) => {
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.id), "skip");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "alert-list");
}));

test("filters choose by ward, state and severity, and the link holds them", () => withPage(async (page, fake) => {
    await page.selectOption("#filter-severity", "3");
    assert.deepEqual(await rows(page), ["2", "7", "3"]);
    await page.selectOption("#filter-severity", "0");
    await page.selectOption("#filter-state", "cleared");
    await page.waitForSelector("#alert-9");
    assert.equal((await rows(page)).length, 2);
    await page.selectOption("#filter-state", "open");
    await page.selectOption("#filter-ward", "900100009");
    assert.deepEqual(await rows(page), ["7", "1"]);
    await page.waitForFunction(() => location.hash.includes("ward=900100009"));
    await page.goto("about:blank");
    await page.goto(`${fake.url}/#alert=3&sev=3`);
    await page.waitForSelector("#alert-3[aria-selected=true]");
    assert.equal((await rows(page)).length, 3);
    assert.match(await page.textContent("#detail h2"), /丙桥镇/);
}));

test("the map takes part: a click on a sensor in alert opens it, hovering marks the row", () => withPage(async (page) => {
    await mapIsReady(page);
    await page.waitForSelector("#detail h2");
    await page.waitForFunction(() => document.querySelector("#chart canvas"));
    await page.keyboard.press("Escape");
    await page.waitForSelector("#detail", { state: "hidden" });
    const box = await (await page.$("#map")).boundingBox();
    const centre = [box.x + box.width / 2, box.y + box.height / 2];
    // the link's view has alert 3's sensor in its middle; the map draws it when its worker is done
    for (let n = 0; n < 50 && !(await page.isVisible(".tip")); n++) {
        await page.mouse.move(centre[0] + (n % 2), centre[1]);
        await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 100))));
    }
    assert.match(await page.textContent(".tip"), /丙桥排污口出水口/);
    assert.deepEqual(await page.$$eval("#alert-list .hovered", (nodes) => nodes.map((n) => n.dataset.id)), ["3"], "the row of the hovered sensor is marked");
    await page.mouse.click(...centre);
    await page.waitForSelector("#alert-3[aria-selected=true]");
}, { map: true, hash: `#z=12&c=${SENSOR.join(",")}&alert=3` }));

test("a lost stream raises the stale banner; when it is back, what was missed is there", () => withPage(async (page, fake) => {
    fake.state.refuseEvents = true;
    fake.cutStreams();
    await page.waitForSelector("#stale:not([hidden])", { timeout: 15_000 });
    assert.match(await page.textContent("#stale"), /可能已过时/);
    const made = fake.open({ ...NH3N, openedAt: Date.now() - 30_000 });
    fake.state.refuseEvents = false;
    await page.waitForSelector(`#alert-${made.id}`, { timeout: 40_000 });
    await page.waitForSelector("#stale", { state: "hidden" });
}, { map: true, expected: [/503/, /ERR_/] }));

test("after a reset the open alerts are fetched anew", () => withPage(async (page, fake) => {
    fake.state.resetNext = true;
    const before = fake.state.requests.filter((r) => r.includes("alerts?state=open")).length;
    fake.cutStreams();
    const made = fake.open({ ...NH3N, openedAt: Date.now() - 30_000 });
    await page.waitForSelector(`#alert-${made.id}`, { timeout: 15_000 });
    assert.ok(fake.state.requests.filter((r) => r.includes("alerts?state=open")).length > before);
}, { expected: [/ERR_/] }));

test("without a session the page leads to the login; a wrong token is refused in words; a right one leads home; one can log out", () => withPage(async (page, fake) => {
    await page.waitForURL("**/login**");
    await page.fill("#token", "ww_wrong");
    await page.click("button[type=submit]");
    await page.waitForFunction(() => /令牌无效/.test(document.getElementById("login-error").textContent));
    await page.fill("#token", "ww_viewer");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#alert-list [role=option]");
    assert.equal(new URL(page.url()).pathname, "/");
    assert.match(await page.textContent(".who"), /li\.na/);
    await page.click("#logout");
    await page.waitForURL("**/login");
    assert.ok(fake.state.requests.includes("DELETE /api/v1/session"));
}, { ready: false, token: null, expected: [/401/, /403/] }));

test("when the session ends, the page says so on the login page", () => withPage(async (page, fake) => {
    fake.endSessions();
    await page.waitForURL("**/login?ended=1**");
    assert.match(await page.textContent("#login-error"), /已过期/);
}));

test("anonymous reading shows the map and offers to log in", () => withPage(async (page) => {
    assert.match(await page.textContent(".who"), /匿名只读/);
}, { anonymous: true, expected: [/401/] }));

test("a small screen has a sheet that can be raised and lowered", async () => {
    const small = await openBrowser({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, map: false });
    const fake = await startFakeServer({ anonymous: true });
    try {
        const { page, sins } = await openPage(small, fake.url, [/401/]);
        await page.goto(fake.url);
        await page.waitForSelector("#alert-list [role=option]");
        const height = () => page.$eval("#alerts", (node) => node.clientHeight);
        await page.emulateMedia({ reducedMotion: "reduce" });
        const half = await height();
        await page.click("#sheet-handle");
        assert.ok((await height()) > half * 1.5);
        await page.click("#sheet-handle");
        assert.ok((await height()) < half);
        await page.tap("#alert-2");
        await page.waitForSelector("#chart canvas");
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing sticks out sideways");
        assert.deepEqual(sins, []);
    } finally {
        await small.close();
        await fake.stop();
    }
});
