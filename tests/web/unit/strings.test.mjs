// The two languages say the same things.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import test from "node:test";
import { loadTs } from "./load_ts.mjs";

const { STRINGS } = await loadTs("strings.ts");
const { chooseLang, fill } = await loadTs("i18n.ts");
const places = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();

test("both languages have the same keys, none empty", () => {
    assert.deepEqual(Object.keys(STRINGS.en).sort(), Object.keys(STRINGS.zh).sort());
    for (const [lang, table] of Object.entries(STRINGS)) for (const [key, text] of Object.entries(table)) assert.notEqual(text.trim(), "", `${lang}.${key}`);
});

test("both languages have the same {places} in each text", () => {
    for (const key of Object.keys(STRINGS.zh)) assert.deepEqual(places(STRINGS.en[key]), places(STRINGS.zh[key]), key);
});

test("English holds no Chinese, but for the name of the other language", () => {
    for (const [key, text] of Object.entries(STRINGS.en)) if (key !== "other_language") assert.doesNotMatch(text, /\p{Script=Han}/u, key);
});

test("no Chinese text stands in the modules outside the string table", async () => {
    const src = new URL("../../../server/web/src/", import.meta.url);
    for (const name of (await readdir(src)).filter((n) => n.endsWith(".ts") && n !== "strings.ts")) {
        assert.doesNotMatch(await readFile(new URL(name, src), "utf8"), /\p{Script=Han}/u, name);
    }
});

test("the remembered language wins, then the browser's, then Chinese", () => {
    assert.equal(chooseLang("en", ["zh-CN"]), "en");
    assert.equal(chooseLang(null, ["fr-FR", "en-US", "zh-CN"]), "en");
    assert.equal(chooseLang(null, ["zh-TW", "en"]), "zh");
    assert.equal(chooseLang("xx", ["de"]), "zh");
});

test("a place without a value stays visible", () => {
    assert.equal(fill("{a} of {b}", { a: 1 }), "1 of {b}");
});
