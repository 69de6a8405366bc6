// Reasons of alerts in words, and which alerts have a curve.
import assert from "node:assert/strict";
import test from "node:test";
import { loadTs } from "./load_ts.mjs";

const { detectorName, isMeasured, reasonsOf } = await loadTs("reasons.ts");
const { readAlert } = await loadTs("api_read.ts");
const { facts } = await loadTs("explanation.ts");

const baseline = {
    detector: "baseline", rule: "unusual", category: "pollution", datastream: 7, at: "2026-05-11T00:05:00Z",
    observed: { value: 58, unit: "mg/L" }, expected: { value: 30, lower: 26, upper: 34, unit: "mg/L" }, false_alarms_per_month: 0.00002,
};

test("each reason says who saw it, what was seen and what is usual", () => {
    const [first, second, third] = reasonsOf({ reasons: [
        { detector: "limit", rule: "cod-now", at: "2026-05-11T00:10:00Z", observed: 81, lower: null, upper: 60 }, baseline,
        { detector: "quality", rule: "q", category: "sensor", at: "2026-05-11T00:15:00Z", signs: ["stuck"], observed: { value: 31.5, unit: "mg/L" }, explains: true }] });
    assert.match(first.words, /81.*60/);
    assert.match(second.words, /58 mg\/L.*26 … 34 mg\/L.*0\.001/);
    assert.equal(second.rule, "unusual");
    assert.ok(!second.isFault && third.isFault);
    assert.match(third.words, /31\.5/);
    assert.ok(!/(^|，|, )stuck(，|, |$)/.test(third.words)); // in words, not by its code
    assert.deepEqual(reasonsOf(null), []);
    assert.deepEqual(reasonsOf({ method: "limit, k of n" }), []);
});

test("a detector or sign without a word keeps its own name", () => {
    assert.equal(detectorName("oracle"), "oracle");
    assert.match(reasonsOf({ reasons: [{ detector: "x", signs: ["odd"] }] })[0].words, /odd/);
});

test("leads are listed with the sensors, and what was measured has a curve", () => {
    const read = (more) => readAlert({ id: 1, severity: 1, state: "open", rule: { code: "r" }, property: { code: "cod", unit: "mg/L" }, limit: {}, ...more });
    const lead = read({ category: "lead", datastream: 4 });
    assert.equal(lead.category, "sensor");
    assert.ok(lead.isLead && isMeasured(lead));
    const silent = read({ category: "sensor", property: { code: "silence", unit: "s" } });
    assert.ok(!silent.isLead && !isMeasured(silent));
    assert.ok(isMeasured(read({ category: "pollution", datastream: 4 })));
});

test("neighbours' votes are shown as words, and reasons are not repeated among the facts", () => {
    const shown = facts({ members: [{ datastream: 3, distance_m: 900, z: 0.5 }], reasons: [baseline] });
    assert.equal(shown.length, 1);
    assert.ok(!shown[0].value.includes("{") && shown[0].value.includes("900"));
});
