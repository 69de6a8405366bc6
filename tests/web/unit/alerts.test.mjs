// Order, filters, links, numbers: what can be judged without a browser.
import assert from "node:assert/strict";
import test from "node:test";
import { loadTs } from "./load_ts.mjs";

const { byThing, byWard, countBySeverity, listed, NO_FILTERS } = await loadTs("alert_order.ts");
const { NO_THING_FILTERS } = await loadTs("health.ts");
const { readLink, writeLink } = await loadTs("permalink.ts");
const { readAlert } = await loadTs("api_read.ts");
const { limitIn, facts, windowRows } = await loadTs("explanation.ts");

const alert = (id, severity, opened_at, more = {}) => readAlert({ id, severity, state: "open", opened_at, rule: { code: "r" }, property: { code: "cod", unit: "mg/L" }, limit: {}, ward: { code: "W1" }, ...more });

test("alerts are sorted open first, then by severity, then newest first, then by id", () => {
    const alerts = [
        alert(1, 2, "2026-01-01T00:00:00Z"), alert(2, 4, "2026-01-01T00:00:00Z"), alert(3, 2, "2026-01-02T00:00:00Z"),
        alert(4, 2, "2026-01-02T00:00:00Z"), alert(5, 4, "2026-01-05T00:00:00Z", { state: "cleared" }),
    ];
    assert.deepEqual(listed(alerts, "pollution", { ...NO_FILTERS, state: "all" }).map((a) => a.id), ["2", "4", "3", "1", "5"]);
});

test("filters choose by state, least severity and ward, also outside all wards", () => {
    const alerts = [alert(1, 1, ""), alert(2, 3, "", { ward: null }), alert(3, 4, "", { state: "cleared" })];
    const ids = (filters) => listed(alerts, "pollution", { ...NO_FILTERS, ...filters }).map((a) => a.id);
    assert.deepEqual(ids({}), ["2", "1"]);
    assert.deepEqual(ids({ severity: 2 }), ["2"]);
    assert.deepEqual(ids({ ward: "-" }), ["2"]);
    assert.deepEqual(ids({ ward: "W1", state: "cleared" }), ["3"]);
});

test("a ward has the worst of its open alerts; cleared ones do not count", () => {
    const alerts = [alert(1, 2, ""), alert(2, 3, ""), alert(3, 4, "", { state: "cleared" })];
    assert.deepEqual(byWard(alerts).get("W1"), { worst: 3, open: 2 });
    assert.deepEqual(countBySeverity(alerts, "pollution"), [0, 0, 1, 1, 0]);
});

test("a sensor alert never colours a ward or a thing, and is listed and counted apart", () => {
    const alerts = [alert(1, 1, "", { thing: { id: 7 } }), alert(2, 4, "", { category: "sensor", thing: { id: 7 } }), alert(3, 3, "", { category: "sensor", ward: null, thing: null, feed: "air" })];
    assert.deepEqual(byWard(alerts), new Map([["W1", { worst: 1, open: 1 }]]));
    assert.deepEqual(byThing(alerts), new Map([["7", { worst: 1, open: 1 }]]));
    assert.deepEqual(listed(alerts, "pollution", NO_FILTERS).map((a) => a.id), ["1"]);
    assert.deepEqual(listed(alerts, "sensor", NO_FILTERS).map((a) => a.id), ["2", "3"]);
    assert.deepEqual(countBySeverity(alerts, "sensor"), [0, 0, 0, 1, 1]);
});

test("an alert about a whole feed is in no ward, and not outside all wards either", () => {
    const alerts = [alert(1, 1, "", { category: "sensor", ward: null, feed: "air" }), alert(2, 1, "", { category: "sensor", ward: null, thing: { id: 1 } })];
    assert.deepEqual(listed(alerts, "sensor", { ...NO_FILTERS, ward: "-" }).map((a) => a.id), ["2"]);
});

test("a permalink comes back as it was written", () => {
    const link = {
        view: { zoom: 11.25, centre: [107.1, 29.9] }, selected: { kind: "alert", id: "42" }, filters: { ward: "500115001", state: "all", severity: 2 },
        tab: "things", thingFilters: { state: "silent", feed: "air quality", ward: "-", words: "甲 1" },
    };
    assert.deepEqual(readLink(writeLink(link)), link);
    for (const selected of [{ kind: "thing", id: "7" }, { kind: "feed", id: "a/b&c" }]) assert.deepEqual(readLink(writeLink({ ...link, selected })).selected, selected);
});

test("a broken permalink falls back to the defaults", () => {
    const nothing = { view: null, selected: null, filters: NO_FILTERS, tab: "pollution", thingFilters: NO_THING_FILTERS };
    assert.deepEqual(readLink("#z=999&c=1,2&alert=../x&thing=x&state=odd&sev=9&tab=odd&health=odd"), nothing);
    assert.deepEqual(readLink("#z=10&c=nope"), nothing);
    assert.equal(writeLink(nothing), "");
});

test("references may come as a code or as an object", () => {
    assert.equal(alert(1, 1, "", { site: "S1" }).site, "S1");
    assert.equal(alert(1, 1, "", { site: { code: "S2", name_zh: "x" } }).site, "S2");
    assert.equal(alert(1, 9, "").severity, 4);
});

test("a limit is shown in the unit of the readings, or not at all", () => {
    const limit = { lower: null, upper: 0.075, unit: "mg/m3", standard_no: "x" };
    assert.equal(limitIn(limit, "ug/m3").upper, 75);
    assert.equal(limitIn(limit, "mg/m3").upper, 0.075);
    assert.equal(limitIn({ ...limit, unit: "ppb" }, "ug/m3"), null);
});

test("an explanation is shown whole: window rows as a table, all else as facts", () => {
    const explanation = { method: "m", limit: { status: "check", odd_member: 7 }, window: [{ time: "t", value: 3, exceeds: true }, { time: "u", value: 1, exceeds: false }] };
    assert.deepEqual(windowRows(explanation).map((r) => r.judged), ["exceeds", "within"]);
    assert.deepEqual(facts(explanation).map((f) => f.value), ["m", "check", "7"]);
    assert.match(facts(explanation)[2].name, /odd_member/);
});
