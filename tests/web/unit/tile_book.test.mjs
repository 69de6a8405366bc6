// Which tiles are older than the news about them, whatever overtakes what.
import assert from "node:assert/strict";
import test from "node:test";
import { loadTs } from "./load_ts.mjs";

const { TileBook } = await loadTs("tile_book.ts");

/** A book with tiles that were fetched. */
function holding(...keys) {
    const book = new TileBook();
    for (const key of keys) book.ends(key, book.begins(key), true);
    return book;
}

test("news of a tile makes stale what holds it, at any zoom, in its layer alone, and nothing beside it", () => {
    const book = holding("thing/14/8000/5000", "thing/13/4000/2500", "thing/0/0/0", "thing/16/32003/20003", "thing/16/32004/20000", "thing/14/8001/5000", "alert/14/8000/5000", "ward/13/4000/2500");
    book.tell("thing", ["14/8000/5000"]);
    assert.deepEqual(book.takeStale().sort(), ["thing/0/0/0", "thing/13/4000/2500", "thing/14/8000/5000", "thing/16/32003/20003"]);
    assert.deepEqual(book.takeStale(), [], "each is named once");
    book.tell("ward", ["9/250/156"]);
    assert.deepEqual(book.takeStale(), ["ward/13/4000/2500"]);
});

test("a fetch that began before the news does not answer it", () => {
    const book = holding("thing/14/1/1");
    const early = book.begins("thing/14/1/1");
    book.tell("thing", ["14/1/1"]);
    assert.deepEqual(book.takeStale(), [], "not while it is being fetched");
    assert.equal(book.ends("thing/14/1/1", early, true), true, "and whoever fetched is told that it may be old");
    assert.deepEqual(book.takeStale(), ["thing/14/1/1"]);
    const late = book.begins("thing/14/1/1");
    assert.equal(book.ends("thing/14/1/1", late, true), false);
    assert.ok(!book.hasStale() && !book.isBusy());
});

test("a tile that was not shown yet when it was told to be fetched is told again once it is", () => {
    const book = holding("thing/14/1/1");
    book.tell("thing", ["14/1/1"]);
    book.takeStale(); // the map was deaf: nothing is fetched
    assert.ok(!book.hasStale());
    assert.equal(book.arrived("thing/14/1/1"), true);
    assert.deepEqual(book.takeStale(), ["thing/14/1/1"]);
    assert.equal(book.arrived("thing/9/9/9"), false, "nobody asked for that one");
});

test("after a fetch in vain, and after a gap in the stream, tiles are asked for again", () => {
    const book = holding("thing/14/1/1", "ward/3/1/1");
    book.ends("thing/14/1/1", book.begins("thing/14/1/1"), false);
    assert.ok(!book.hasStale(), "no news, nothing to do: the map still has it");
    book.again("thing/14/1/1");
    assert.deepEqual(book.takeStale(), ["thing/14/1/1"]);
    book.tellAll();
    assert.deepEqual(book.takeStale().sort(), ["thing/14/1/1", "ward/3/1/1"]);
});

test("of very many tiles those that were not asked for lately are forgotten", () => {
    const book = new TileBook();
    for (let x = 0; x < 6000; x++) book.ends(`thing/16/${x}/1`, book.begins(`thing/16/${x}/1`), true);
    book.tellAll();
    const stale = book.takeStale();
    assert.ok(stale.length <= 4096 && stale.includes("thing/16/5999/1") && !stale.includes("thing/16/0/1"));
});
