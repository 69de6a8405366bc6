// The live stream's own part: resuming, reopening, telling that it is lost.
import assert from "node:assert/strict";
import test from "node:test";
import { loadTs } from "./load_ts.mjs";

const { LiveStream, parseEvent, parseTiles } = await loadTs("live.ts");

/** A clock of our own in place of setTimeout: tick(ms) runs what is due, in order. */
function fakeClock(t) {
    const real = { setTimeout, clearTimeout };
    let now = 0;
    let timers = [];
    globalThis.setTimeout = (call, ms) => {
        const timer = { at: now + ms, call };
        timers.push(timer);
        return timer;
    };
    globalThis.clearTimeout = (timer) => (timers = timers.filter((other) => other !== timer));
    t.after(() => Object.assign(globalThis, real));
    return (ms) => {
        now += ms;
        for (const timer of timers.filter((it) => it.at <= now).sort((a, b) => a.at - b.at)) {
            timers = timers.filter((other) => other !== timer);
            timer.call();
        }
    };
}

class FakeSource {
    static made = [];
    readyState = 0;
    calls = {};
    constructor(url) {
        this.url = url;
        FakeSource.made.push(this);
    }
    addEventListener(kind, call) {
        this.calls[kind] = call;
    }
    emit(kind, event = {}) {
        this.calls[kind](event);
    }
    close() {
        this.readyState = 2;
    }
}

function start() {
    FakeSource.made = [];
    const told = [];
    const stream = new LiveStream("/events?tiles=1", {
        onOpen: (resumed) => told.push(resumed ? "resumed" : "open"), onEvent: (e) => told.push(`${e.kind} ${e.alert_id}`),
        onTiles: (layer, tiles) => told.push(`${layer} ${tiles}`), onReset: () => told.push("reset"), onLost: () => told.push("lost"), onSessionEnd: () => told.push("end"),
    }, (url) => new FakeSource(url));
    stream.start();
    return { stream, told, source: () => FakeSource.made.at(-1) };
}

test("a refused stream is opened again with the last event's id", (t) => {
    const tick = fakeClock(t);
    const { told, source } = start();
    source().emit("open");
    source().emit("opened", { lastEventId: "17", data: '{"alert_id":5,"event_id":17}' });
    source().readyState = 2;
    source().emit("error");
    tick(2_000);
    assert.equal(FakeSource.made.length, 2);
    assert.equal(source().url, "/events?tiles=1&last_event_id=17");
    source().emit("open");
    assert.deepEqual(told, ["open", "opened 5", "resumed"]);
});

test("a stream is told as lost after four seconds, not at the first stumble", (t) => {
    const tick = fakeClock(t);
    const { told, source } = start();
    source().emit("open");
    source().emit("error");
    tick(3_900);
    assert.deepEqual(told, ["open"]);
    tick(200);
    assert.deepEqual(told, ["open", "lost"]);
    source().emit("open");
    source().emit("error");
    source().emit("open");
    tick(10_000);
    assert.deepEqual(told, ["open", "lost", "open", "open"]);
});

test("reset and session end are told; after the end nothing is opened again", (t) => {
    const tick = fakeClock(t);
    const { told, source } = start();
    source().emit("reset", { lastEventId: "99" });
    source().emit("session_end");
    source().emit("error");
    tick(60_000);
    assert.deepEqual(told, ["reset", "end"]);
    assert.equal(FakeSource.made.length, 1);
});

test("tiles that changed are told, and leave the place in the stream as it is", (t) => {
    const tick = fakeClock(t);
    const { told, source } = start();
    source().emit("tiles", { data: '{"layer":"thing","tiles":["14/13057/6789","9/408/212"]}', lastEventId: "" });
    source().emit("tiles", { data: "{" });
    source().readyState = 2;
    source().emit("error");
    tick(2_000);
    assert.deepEqual(told, ["thing 14/13057/6789,9/408/212"]);
    assert.equal(source().url, "/events?tiles=1");
    assert.equal(parseTiles('{"layer":"thing"}'), null);
    assert.deepEqual(parseTiles('{"layer":"thing","tiles":["1/2/3","../x","1/2",7]}'), { layer: "thing", tiles: ["1/2/3"] });
});

test("an event that cannot be read is left out", () => {
    assert.equal(parseEvent("{", "opened"), null);
    assert.equal(parseEvent("{}", "opened"), null);
    assert.deepEqual(parseEvent('{"alert_id":3,"event_id":4}', "cleared"), { event_id: "4", alert_id: "3", kind: "cleared" });
});
