// package-lock.json names packages, versions and hashes, and no address.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";

test("the lock file holds no address", async () => {
    const text = await readFile(new URL("../../../server/web/package-lock.json", import.meta.url), "utf8");
    assert.doesNotMatch(text, /:\/\/|"resolved"/);
    assert.match(text, /"integrity"/);
});
