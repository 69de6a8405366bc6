// The health of sensors and feeds on the page: what people of each role see, in both languages, by mouse and keyboard.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeCity } from "../../server/web/dev/fake_city.mjs";
import { mapIsReady, openBrowser, openPage, usePage } from "./browser.mjs";
import { startFakeServer } from "../../server/web/dev/fake_server.mjs";

const withPage = usePage();
const { things } = makeCity(Date.now()); // the city's shape does not move
const thing = (key) => things.find((t) => t.key === key);
const names = (page, list) => page.$$eval(`${list} [role=option] .place`, (nodes) => nodes.map((n) => n.textContent));
const count = (page, tab) => page.textContent(`#tab-${tab} b`);

test("pollution comes first; sensor alerts stand apart, with counts, and colour no ward", () => withPage(async (page) => {
    assert.deepEqual(await page.$$eval("#tabs [role=tab]:not([hidden]) span", (nodes) => nodes.map((n) => n.textContent)), ["污染预警", "传感器预警", "传感器", "数据源"]);
    assert.equal(await page.getAttribute("#tab-pollution", "aria-selected"), "true");
    await page.waitForFunction(() => document.querySelector("#tab-feeds b").textContent === "1");
    assert.deepEqual([await count(page, "pollution"), await count(page, "sensor"), await count(page, "things")], ["8", "3", "5"]);
    await page.click("#tab-sensor");
    assert.deepEqual(await names(page, "#alert-list"), ["庚林镇", "整个数据源", "戊坪街道"]);
    assert.match(await page.textContent("#panel-alerts .list-note"), /不代表有污染，也不代表没有污染/);
    assert.equal(await page.textContent("#chip-4 b"), "0", "counts are of this category");
}));

test("a sensor alert explains itself: what was expected, what was seen, and leads to the sensor", () => withPage(async (page) => {
    await page.click("#tab-sensor");
    await page.click("#alert-12");
    await page.waitForSelector("#expectation");
    assert.match(await page.textContent("#expectation"), /预期.*设备时钟与服务器相差不超过 1 分钟.*实际.*时钟快 3 分钟 20 秒/);
    await page.click("#alert-11");
    await page.waitForFunction(() => /静默不超过 30 分钟/.test(document.getElementById("expectation")?.textContent ?? ""));
    assert.match(await page.textContent("#expectation"), /应每 10 分钟上报一次.*起没有收到数据，已 2 小时/);
    assert.equal(await page.$("#chart"), null, "there is no curve of a silence");
    await page.click("#to-thing");
    await page.waitForSelector("#health-words");
    assert.match(await page.textContent("#detail h2"), /庚林人民医院出水口/);
}));

test("the sensors are listed by trouble and found by state, feed and name", () => withPage(async (page) => {
    assert.deepEqual(await names(page, "#thing-list"), ["丙桥噪声点", "庚林人民医院出水口", "丙桥排污口出水口", "戊坪化工厂出水口", "丁湖空气站"]);
    assert.match(await page.textContent(`#thing-${thing("W-7").id}`), /静默.*已静默 2 小时 1\d 分钟，应每 10 分钟上报一次.*24 h 完整率 61\s%/);
    await page.click("#chip-unknown");
    assert.deepEqual(await names(page, "#thing-list"), ["壬渡空气站", "子安噪声点"]);
    assert.match(await page.textContent(`#thing-${thing("N-11").id}`), /从未收到数据/);
    await page.selectOption("#things-state", "all");
    await page.fill("#things-search", "r-2");
    await page.waitForFunction(() => document.querySelectorAll("#thing-list [role=option]").length === 1);
    await page.fill("#things-search", "zzz");
    await page.waitForFunction(() => /没有符合筛选条件的传感器/.test(document.querySelector("#panel-things .list-empty").textContent));
}, { hash: "#tab=things" }));

test("a sensor in full: since when, interval, completeness, lag, clock, what came, in plain words", () => withPage(async (page) => {
    await page.waitForSelector("#fig-drift");
    const words = await page.textContent("#detail");
    for (const part of [/已静默 2 小时 1\d 分钟，应每 10 分钟上报一次/, /按监测站的配置/, /近 24 小时完整率61\s%/, /到达延迟4.2 秒/, /时钟偏差慢 1.5 秒/, /重复（已忽略）3 条/, /无法识别（已留存待查）0 条/,
        /没有数据不等于没有污染/, /静默起始.*UTC\+8/, /进行中的预警.*静默/]) assert.match(words, part);
    await page.waitForSelector("#station-connection");
    const station = await page.textContent("#station");
    for (const part of [/未连接/, /待补 2/, /待发 1/, /断开/, /CN 2061 · 待补/]) assert.match(station, part);
}, { hash: `#tab=things&thing=${thing("W-7").id}` }));

test("the operator's feeds: what fails first with its error; states lead to the sensors, stations to theirs", () => withPage(async (page) => {
    assert.deepEqual((await names(page, "#feed-list"))[0], "气象局逐时观测");
    assert.match(await page.textContent("#feed-weather"), /拉取失败.*502 Bad Gateway/);
    await page.click("#feed-weather");
    await page.waitForSelector("#pull .error");
    assert.match(await page.textContent("#pull"), /失败起始.*UTC\+8.*502 Bad Gateway/);
    await page.click("#feed-hj212");
    await page.waitForSelector("#stations-away li");
    const words = await page.textContent("#detail");
    for (const part of [/HJ 212/, /重复（已忽略）12 条/, /更正（保留旧值）3 条/, /无法识别（已留存待查）1 条/, /2 个监测站未连接/]) assert.match(words, part);
    await page.click("#feed-things-silent");
    await page.waitForSelector("#panel-things:not([hidden])");
    assert.deepEqual(await names(page, "#thing-list"), ["庚林人民医院出水口", "丙桥排污口出水口"]);
    await page.click("#station-W-7");
    await page.waitForSelector("#station-connection");
    assert.match(await page.textContent("#detail h2"), /庚林人民医院出水口/);
}, { hash: "#tab=feeds" }));

test("who may not read feeds is not shown them, and nothing is asked that would be refused", async () => {
    for (const token of ["ww_viewer", "ww_coordinator"]) {
        await withPage(async (page, fake) => {
            await page.waitForSelector("#tab-things b:not(.none)");
            assert.ok(!(await page.isVisible("#tab-feeds")));
            await page.click("#tab-things");
            await page.click("#thing-list [role=option]");
            await page.waitForSelector("#health-words");
            assert.ok(!(await page.isVisible("#station")));
            assert.deepEqual(fake.state.requests.filter((r) => /feeds|stations/.test(r)), []);
        }, { token });
    }
    await withPage(async (page, fake) => {
        await page.waitForSelector("#feed-list [role=option]");
        assert.deepEqual(fake.state.requests.filter((r) => /stations/.test(r)), [], "stations are for accounts over all wards");
    }, { token: "ww_analyst", hash: "#tab=feeds" });
    await withPage(async (page) => assert.ok(!(await page.isVisible("#tab-feeds"))), { anonymous: true, expected: [/401/] });
});

test("in English nothing is Chinese, and the words say the same", () => withPage(async (page) => {
    await page.waitForSelector("#station-connection");
    await page.click("#lang");
    await page.waitForFunction(() => document.documentElement.lang === "en");
    try {
        assert.match(await page.textContent("#health-words"), /Silent for 2 h 1\d min; should report every 10 min/);
        const names = /[\p{Script=Han}（）。，]/u;
        for (const tab of ["pollution", "sensor", "things", "feeds"]) {
            await page.click(`#tab-${tab}`);
            await page.waitForSelector("[role=tabpanel]:not([hidden]) [role=option]");
            // titles of feeds are in whatever language their operator gave them
            const left = await page.evaluate(() => {
                const copy = document.body.cloneNode(true);
                for (const node of copy.querySelectorAll("noscript, #feed-list .place, #things-feed option, #to-feed, #lang, [hidden], .clip")) node.remove();
                return copy.innerText;
            });
            assert.doesNotMatch(left, names, tab);
        }
        await page.waitForFunction(() => /Not connected/.test(document.getElementById("station-connection")?.textContent ?? ""));
        assert.match(await page.textContent("#legend"), /Silent/);
    } finally {
        await page.click("#lang");
    }
}, { hash: `#tab=things&thing=${thing("W-7").id}` }));

test("the legend names every state in words beside its shape", () => withPage(async (page) => {
    const words = await page.textContent("#legend");
    for (const part of [/静默/, /时钟偏差/, /数据滞后/, /数据带标记/, /未知/, /传感器异常/]) assert.match(words, part);
    const shapes = await page.$$eval("#legend ul:last-child li > svg", (nodes) => nodes.map((n) => [...n.querySelectorAll("path")].map((p) => p.getAttribute("d") + p.getAttribute("stroke-dasharray")).join() + n.textContent));
    assert.equal(new Set(shapes).size, shapes.length, "no two signs have the same shape");
}));

test("a silence that comes live is there at once: alert, count, list, map; an ordinary change within the next reading", () => withPage(async (page, fake) => {
    await page.waitForFunction(() => document.querySelector("#tab-things b").textContent === "5");
    await page.evaluate(() => (window.untouched = document.querySelector(`#thing-list [role=option]`)));
    const made = fake.fallSilent("R-1");
    await page.waitForFunction(() => /新传感器预警：警告，清水河断面 1/.test(document.getElementById("announce").textContent));
    await page.waitForFunction(() => document.querySelector("#tab-things b").textContent === "6");
    assert.ok(await page.isVisible(`#thing-${thing("R-1").id}`));
    assert.equal(await count(page, "sensor"), "4");
    assert.equal(await count(page, "pollution"), "8", "it is no pollution alert");
    assert.ok(await page.evaluate(() => window.untouched.isConnected), "rows that did not change were not drawn again");
    fake.recover("R-1");
    fake.clear(made.id);
    await page.waitForFunction(() => document.querySelector("#tab-things b").textContent === "5");
    fake.fallSilent("R-3", { isTold: false });
    await page.waitForFunction(() => document.querySelector("#tab-things b").textContent === "6", undefined, { timeout: 35_000 });
}, { hash: "#tab=things" }));

test("health that cannot be read is said so, with a way to try again", () => withPage(async (page, fake) => {
    fake.state.refuseHealth = true;
    fake.fallSilent("R-1");
    await page.waitForSelector("#panel-things .list-error:not([hidden])");
    assert.match(await page.textContent("#panel-things .list-error"), /读取失败（the database is away）.*可能已过时/);
    fake.state.refuseHealth = false;
    await page.click("#panel-things .list-error button");
    await page.waitForSelector("#panel-things .list-error", { state: "hidden" });
    await page.waitForSelector(`#thing-${thing("R-1").id}`);
}, { hash: "#tab=things", expected: [/503/] }));

test("tabs, list and details are walked by keyboard", () => withPage(async (page) => {
    await page.focus("#tab-pollution");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.evaluate(() => document.activeElement.id), "tab-things");
    assert.equal(await page.getAttribute("#tab-things", "aria-selected"), "true");
    await page.focus("#thing-list");
    await page.keyboard.press("ArrowDown");
    assert.equal(await page.getAttribute("#thing-list", "aria-activedescendant"), `thing-${thing("W-7").id}`);
    await page.keyboard.press("Enter");
    await page.waitForSelector("#health-words");
    assert.equal(await page.getAttribute(`#thing-${thing("W-7").id}`, "aria-selected"), "true");
    assert.equal(await page.getAttribute("#detail", "aria-label"), "传感器详情");
    await page.keyboard.press("Escape");
    await page.waitForSelector("#detail", { state: "hidden" });
    assert.equal(await page.evaluate(() => document.activeElement.id), "thing-list");
    assert.match(await page.evaluate(() => location.hash), /tab=things/);
}));

test("the map tells of a silent sensor on hovering and opens it on a click", () => withPage(async (page) => {
    await mapIsReady(page);
    const box = await (await page.$("#map")).boundingBox();
    const centre = [box.x + box.width / 2, box.y + box.height / 2];
    for (let n = 0; n < 50 && !(await page.isVisible(".tip")); n++) {
        await page.mouse.move(centre[0] + (n % 2), centre[1]);
        await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 100))));
    }
    await page.waitForFunction(() => /丙桥噪声点.*静默 · 已静默 1 天 2 小时，应每 1 分钟上报一次/.test(document.querySelector(".tip").textContent)); // the tile knows the state, the list since when
    await page.mouse.click(...centre);
    await page.waitForSelector("#health-words");
    assert.match(await page.textContent("#detail h2"), /丙桥噪声点/);
}, { map: true, hash: `#z=14&c=${thing("N-3").place.join(",")}` }));

test("the sign on the map changes when its sensor falls silent, and back", () => withPage(async (page, fake) => {
    await mapIsReady(page);
    const box = await (await page.$("#map")).boundingBox();
    const clip = { x: box.x + box.width / 2 - 14, y: box.y + box.height / 2 - 14, width: 28, height: 28 };
    const sign = async () => (await page.screenshot({ clip })).toString("base64");
    /** Waits until the picture is as wanted; on a busy machine what is half drawn can stand for a while. */
    const until = async (isWanted) => {
        for (let n = 0; n < 300; n++) {
            if (isWanted(await sign())) return;
            await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 100))));
        }
        throw new Error("the picture does not come");
    };
    let well = "";
    let nSame = 0;
    await until((now) => {
        nSame = now === well ? nSame + 1 : 0;
        well = now;
        return nSame === 10;
    });
    fake.fallSilent("R-1");
    await until((now) => now !== well);
    fake.recover("R-1");
    fake.clear(fake.city.alerts.at(-1).id);
    await until((now) => now === well);
}, { map: true, hash: `#z=15&c=${thing("R-1").place.join(",")}` }));

test("of thousands of sensors only those in trouble are read again, and no more rows are drawn than one can read", () => withPage(async (page, fake) => {
    await page.selectOption("#things-state", "all");
    await page.waitForFunction(() => /^显示 400 \/ 3033 个$/.test(document.querySelector("#panel-things .list-title .soft").textContent));
    assert.equal((await names(page, "#thing-list")).length, 400);
    fake.state.requests.length = 0;
    fake.fallSilent("M-2500");
    await page.waitForSelector(`#thing-${fake.city.things.find((t) => t.key === "M-2500").id} .tag.silent`);
    assert.deepEqual(fake.state.requests.filter((r) => r.includes("/health/things")).map((r) => new URL(r.split(" ")[1], "http://x").searchParams.get("state")), ["silent", "drifting", "late", "unknown"]);
    assert.equal(fake.state.requests.filter((r) => /\/things\?format/.test(r)).length, 0);
}, { hash: "#tab=things", more: 3000 }));

test("on a small screen the tabs stay within reach and nothing sticks out sideways", async () => {
    const small = await openBrowser({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, map: false });
    const fake = await startFakeServer();
    try {
        await small.context.addCookies([{ name: "ww_session", value: "ww_admin", url: fake.url }]);
        const { page, sins } = await openPage(small, fake.url);
        await page.goto(`${fake.url}/#tab=things`);
        await page.emulateMedia({ reducedMotion: "reduce" });
        for (const tab of ["things", "sensor", "feeds"]) {
            await page.tap(`#tab-${tab}`);
            await page.waitForSelector("[role=tabpanel]:not([hidden]) [role=option]");
            await page.tap("[role=tabpanel]:not([hidden]) [role=option]");
            await page.waitForSelector("#detail h2");
            assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), tab);
            await page.tap("#detail-close");
        }
        assert.deepEqual(sins, []);
    } finally {
        await small.close();
        await fake.stop();
    }
});
