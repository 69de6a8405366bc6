// What a feature of the live tiles looks like: the map's own expressions, evaluated.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import test from "node:test";
import { loadTs } from "./load_ts.mjs";

const require = createRequire(new URL("../../../server/web/package.json", import.meta.url));
const { createExpression, validateStyleMin } = require("@maplibre/maplibre-gl-style-spec");
const { layers, nameIn, SOURCES, THING_ICON } = await loadTs("map_layers.ts");

function evaluate(expression, properties) {
    const made = createExpression(expression, { type: "string", "property-type": "data-driven", expression: { parameters: ["zoom", "feature"] } });
    assert.equal(made.result, "success", JSON.stringify(made.value));
    return made.value.evaluate({ zoom: 12 }, { type: 1, properties });
}

test("an alert outranks health, health a mark; a mark shows on a sensor that is well", () => {
    const icon = (properties) => evaluate(THING_ICON, properties);
    assert.equal(icon({ severity: 3, health: "silent", flag: "D" }), "severity-3");
    assert.equal(icon({ severity: 0, health: "silent", flag: "D" }), "thing-silent");
    assert.equal(icon({ severity: 0, health: "ok", flag: "C" }), "thing-flagged");
    assert.equal(icon({ health: "ok" }), "thing-ok");
    assert.equal(icon({ severity: 0 }), "thing-unknown", "nobody can vouch for it");
});

test("a name is in the language of the page, else in the other, else the key", () => {
    const both = { name_zh: "河", name_en: "River", key: "R" };
    assert.deepEqual([evaluate(nameIn("zh"), both), evaluate(nameIn("en"), both)], ["河", "River"]);
    assert.deepEqual([evaluate(nameIn("en"), { name_zh: "河", key: "R" }), evaluate(nameIn("zh"), { key: "R" })], ["河", "R"]);
});

test("the style is one that the map library takes, in both languages and colour schemes", () => {
    const sources = Object.fromEntries([...SOURCES.map((name) => [name, { type: "geojson", data: { type: "FeatureCollection", features: [] } }]),
        ...["thing", "alert", "ward"].map((name) => [name, { type: "vector", tiles: ["http://x/{z}/{x}/{y}"] }])]);
    for (const isDark of [false, true]) for (const lang of ["zh", "en"]) {
        const faults = validateStyleMin({ version: 8, glyphs: "http://x/{fontstack}/{range}", sources, layers: layers(isDark, lang) });
        assert.deepEqual(faults.map((fault) => fault.message), []);
    }
});
