// Which sensors are listed first, and what is said of them.
import assert from "node:assert/strict";
import test from "node:test";
import { loadTs } from "./load_ts.mjs";

const { compareFeeds, isFeedIll, listedThings, listsWell, mergeHealth, NO_THING_FILTERS, stateOf } = await loadTs("health.ts");
const { readAlert, readFeed, readFeedHealth, readHealth, readThing } = await loadTs("api_read.ts");
const { driftWords, feedWords, healthWords, sensorAlertMembers, sensorAlertWords, sensorAmount } = await loadTs("health_words.ts");
const { percent, span } = await loadTs("format.ts");

const MINUTE = 60_000;
const NOW = Date.parse("2026-11-24T12:00:00Z");
const ago = (minutes) => new Date(NOW - minutes * MINUTE).toISOString();
const thing = (id, state, more = {}, health = {}) => readThing({ id, feed: "f", key: `K${id}`, name_zh: `名${id}`, ward: "W1", health: state && { state, counts: {}, ...health }, ...more });
const ids = (things) => things.map((t) => t.id);

test("a sensor that was never seen, or whose state is not known to this page, is unknown and not well", () => {
    assert.equal(readHealth(null), null);
    assert.equal(stateOf(thing(1, null)), "unknown");
    assert.equal(stateOf(thing(1, "some new state")), "unknown");
});

test("troubled sensors come first: silent, the longest first, then clocks that are off, then late ones", () => {
    const things = [thing(1, "ok"), thing(2, "late"), thing(3, "silent", {}, { silent_since: ago(5) }), thing(4, "drifting"), thing(5, "silent", {}, { silent_since: ago(500) }), thing(6, null)];
    const all = listedThings(things, { ...NO_THING_FILTERS, state: "all" });
    assert.deepEqual(ids(all.things), ["5", "3", "4", "2", "6", "1"]);
    assert.deepEqual(all.counts, { silent: 2, drifting: 1, late: 1, unknown: 1, ok: 1, ill: 4, all: 6 });
    assert.deepEqual(ids(listedThings(things, NO_THING_FILTERS).things), ["5", "3", "4", "2"]);
});

test("sensors are found by feed, ward, state, and a part of name or key; counts are of all states", () => {
    const things = [thing(1, "silent"), thing(2, "ok", { feed: "g" }), thing(3, "silent", { ward: null, name_en: "River Gate" })];
    const find = (filters) => listedThings(things, { ...NO_THING_FILTERS, state: "all", ...filters });
    assert.deepEqual(ids(find({ feed: "g" }).things), ["2"]);
    assert.deepEqual(ids(find({ ward: "-" }).things), ["3"]);
    assert.deepEqual(ids(find({ words: "river" }).things), ["3"]);
    assert.deepEqual(ids(find({ words: "k2" }).things), ["2"]);
    assert.equal(find({ state: "ok" }).counts.silent, 2);
});

test("what the server names as troubled is taken; what it does not name is well again, but never seen stays unknown", () => {
    const known = new Map([thing(1, "ok"), thing(2, "silent", {}, { silent_since: ago(9) }), thing(3, null)].map((t) => [t.id, t]));
    const merged = mergeHealth(known, [thing(1, "late"), thing(9, "silent")], false);
    assert.deepEqual([...merged.values()].map(stateOf), ["late", "ok", "unknown", "silent"], "one that was not known is taken in");
    assert.equal(merged.get("2").health.silent_since, null);
    assert.equal(stateOf(mergeHealth(known, [thing(1, "late")], true).get("2")), "silent");
    assert.equal(stateOf(known.get("1")), "ok", "what was known before is left as it was");
});

test("sensors that are well are read only when they are listed", () => {
    const lists = (tab, more) => listsWell({ tab, thingFilters: { ...NO_THING_FILTERS, ...more } });
    assert.ok(lists("things", { state: "all" }) && lists("things", { state: "ok" }) && lists("things", { words: "r-2" }));
    assert.ok(!lists("things", {}) && !lists("things", { state: "silent" }) && !lists("pollution", { state: "all" }));
});

test("a silence says since when, and what would be right", () => {
    const words = (state, more) => healthWords(readHealth({ state, ...more }), NOW);
    assert.equal(words("silent", { silent_since: ago(120), expected_s: 600 }), "已静默 2 小时，应每 10 分钟上报一次");
    assert.equal(words("silent", {}), "已静默");
    assert.equal(words("drifting", { drift_s: 200 }), "时钟快 3 分钟 20 秒");
    assert.equal(words("late", { lag_s: 7200, expected_s: 3600 }), "只收到旧值，到达时已滞后 2 小时，应每 1 小时上报一次");
    assert.equal(words("ok", { expected_s: 30 }), "正常上报，应每 30 秒上报一次");
    assert.equal(words("unknown", { last_received_at: ago(3) }), "有数据，但尚不知道它应多久上报一次");
    assert.equal(healthWords(null, NOW), "从未收到数据");
    assert.equal(driftWords(-1.5), "慢 1.5 秒");
});

test("a sensor alert says what was expected and what was seen", () => {
    const sensor = (code, value, upper, more = {}) => readAlert({
        id: 1, category: "sensor", severity: 2, state: "open", opened_at: ago(30), last_exceeded_at: ago(0), last_value: value, peak_value: value,
        rule: { code: "r" }, property: { code, unit: "s" }, limit: { upper, unit: "s" }, ...more,
    });
    const silence = sensorAlertWords(sensor("silence", 3600, 1800), thing(1, "silent", {}, { expected_s: 600, silent_since: ago(60) }), NOW);
    assert.equal(silence.expected, "应每 10 分钟上报一次，静默不超过 30 分钟");
    assert.match(silence.seen, /自 11.24 11:00 起没有收到数据，已 1 小时/);
    const clock = sensorAlertWords(sensor("clock_drift", -95, 60), undefined, NOW);
    assert.deepEqual(clock, { expected: "设备时钟与服务器相差不超过 1 分钟", seen: "时钟慢 1 分钟 35 秒，偏差最大 1 分钟 35 秒" });
});

test("a silence that is not over has grown since its alert was written; one that is over has not", () => {
    const silence = (more) => readAlert({ id: 1, category: "sensor", property: { code: "silence", unit: "s" }, limit: {}, opened_at: ago(100), last_exceeded_at: ago(100), last_value: 900, thing: { id: 1 }, ...more });
    assert.equal(sensorAmount(silence({}), NOW), "1 小时 55 分钟");
    assert.equal(sensorAmount(silence({ thing: null, feed: "f" }), NOW), "1 小时 55 分钟");
    assert.equal(sensorAmount(silence({ state: "cleared", cleared_at: ago(40), last_exceeded_at: ago(40), last_value: 4500 }), NOW), "1 小时 15 分钟");
    assert.equal(sensorAmount(silence({ state: "cleared", cleared_at: ago(40), last_exceeded_at: ago(40), thing: null, feed: "f" }), NOW), "1 小时 15 分钟");
    assert.equal(sensorAmount(silence({ property: { code: "clock_drift", unit: "s" }, last_value: -95 }), NOW), "慢 1 分钟 35 秒");
});

test("an alert about a feed says how many sensors went silent together, and names them", () => {
    const explanation = { expected: { upper: 900 }, last_received_at: ago(60), watched: 12, suspect: 9, members: [4, 5] };
    const alert = { ...readAlert({ id: 1, category: "sensor", property: { code: "silence" }, limit: { upper: 900 }, opened_at: ago(45), last_value: 900, feed: "f" }), explanation };
    assert.match(sensorAlertWords(alert, undefined, NOW).seen, /自 11.24 11:00 起没有收到数据，已 1 小时，同一数据源的 12 个传感器中有 9 个一起没有数据/);
    assert.deepEqual(sensorAlertMembers(explanation), ["4", "5"]);
});

test("feeds that fail come first, feeds that are off last; a failing pull is told before anything else", () => {
    const feed = (name, state, more = {}) => ({ ...readFeed({ name, ...more }), health: readFeedHealth({ state, things: {}, counts: {} }) });
    const failing = feed("z", "ok", { pull: { failing_since: ago(90), last_error: "502" } });
    const feeds = [feed("off", "silent", { enabled: false }), feed("a", "ok"), feed("b", "silent"), failing];
    assert.deepEqual(feeds.sort(compareFeeds).map((f) => f.name), ["z", "b", "a", "off"]);
    assert.deepEqual(feeds.map(isFeedIll), [true, true, false, false]);
    assert.equal(feedWords(failing, NOW), "拉取失败已 1 小时 30 分钟");
    assert.equal(feedWords(readFeed({ name: "x" }), NOW), "健康状态暂时读不到");
});

test("short times keep their seconds; a share is never rounded up to all", () => {
    assert.deepEqual([0.42, 4.2, 45, 60, 95, 600, 900, 3600, 86400].map(span), ["0.4 秒", "4.2 秒", "45 秒", "1 分钟", "1 分钟 35 秒", "10 分钟", "15 分钟", "1 小时", "1 天"]);
    assert.deepEqual([0, 0.9996, 1, 0.5].map(percent), ["0\u00a0%", "99.9\u00a0%", "100\u00a0%", "50\u00a0%"]);
});
