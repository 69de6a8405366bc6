// The chart's data and the words for times and numbers.
import assert from "node:assert/strict";
import test from "node:test";
import { loadTs } from "./load_ts.mjs";

const { chartSpan, makeSeries } = await loadTs("series.ts");
const { dateTime, duration, number, setZone, zoneOffset } = await loadTs("format.ts");

const HOUR = 3_600_000;
const START = Date.parse("2026-01-01T00:00:00Z");
const reading = (hour, value, flag = "N") => ({ time: new Date(START + hour * HOUR).toISOString(), interval_s: 3600, value, flag, version: 1 });
const LIMIT = { lower: null, upper: 10, unit: "", standard_no: "" };

test("exceedances are marked, flagged readings stand apart and never exceed", () => {
    const s = makeSeries([reading(2, 99, "C"), reading(0, 5), reading(1, 11)], LIMIT);
    assert.deepEqual(s.normal, [5, 11, null]);
    assert.deepEqual(s.exceeding, [null, 11, null]);
    assert.deepEqual(s.flagged, [null, null, 99]);
    assert.deepEqual([s.n, s.nExceeding, s.nFlagged], [3, 1, 1]);
});

test("a value on the limit does not exceed; a value below a lower limit does", () => {
    assert.equal(makeSeries([reading(0, 10)], LIMIT).nExceeding, 0);
    assert.equal(makeSeries([reading(0, 4.9)], { ...LIMIT, upper: null, lower: 5 }).nExceeding, 1);
    assert.equal(makeSeries([reading(0, 99)], null).nExceeding, 0);
});

test("no line bridges a gap of more than three steps", () => {
    const s = makeSeries([reading(0, 1), reading(1, 1), reading(2, 1), reading(9, 1)], LIMIT);
    assert.equal(s.times.length, 5);
    assert.equal(s.normal[3], null);
    assert.equal(s.n, 4);
});

test("the chart begins before the alert and reaches to now while it is open", () => {
    const alert = { opened_at: new Date(START).toISOString(), last_exceeded_at: new Date(START + HOUR).toISOString(), cleared_at: null };
    assert.deepEqual(chartSpan(alert, START + 2 * HOUR), { from: START - 12 * HOUR, to: START + 2 * HOUR });
    const cleared = { ...alert, cleared_at: new Date(START + 4 * HOUR).toISOString() };
    assert.equal(chartSpan(cleared, START + 900 * HOUR).to, START + 7 * HOUR);
});

test("times are shown in the district's zone, whatever the reader's", () => {
    setZone("Asia/Shanghai");
    assert.match(dateTime("2026-01-01T20:30:00Z"), /2026.01.02 04:30/);
    assert.equal(zoneOffset("Asia/Shanghai", new Date(START)), "UTC+8");
    assert.equal(dateTime("nonsense"), "–");
});

test("durations use two units at most", () => {
    assert.equal(duration(30_000), "不到 1 分钟");
    assert.equal(duration(65 * 60_000), "1 小时 5 分钟");
    assert.equal(duration(49 * HOUR + 5 * 60_000), "2 天 1 小时");
});

test("numbers keep the digits that small limits need", () => {
    assert.equal(number(0.0512), "0.0512");
    assert.equal(number(478.24), "478.2");
    assert.equal(number(Number.NaN), "–");
});
