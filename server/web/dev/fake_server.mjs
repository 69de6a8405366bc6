// Stands in for the server: docs/API.md over a made-up city, with the headers that the real one sends. Used to
// work on the page and by tests/web. Tokens: "ww_admin" sees all, "ww_viewer" may not read limits, feeds and stations.
// As a program: node dev/fake_server.mjs [port] [sensors]; a new alert comes every 20 s.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { drawTile, tileOf } from "./fake_tiles.mjs";
import { addEvent, feedHealth, makeAlert, makeCity, makeHealth, makeSensorAlert, silentSince } from "./fake_city.mjs";

export const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self'; img-src 'self' data:; " +
    "connect-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml" };
const ACCOUNTS = {
    ww_admin: { name: "admin", role: "admin", all_wards: true, wards: [] },
    ww_viewer: { name: "li.na", role: "viewer", all_wards: true, wards: [] },
    ww_coordinator: { name: "wang.fang", role: "coordinator", all_wards: false, wards: ["900100003"] },
    ww_analyst: { name: "zhao.lei", role: "analyst", all_wards: false, wards: ["900100003"] },
};
const dist = fileURLToPath(new URL("../dist", import.meta.url));

/** Starts it; `anonymous` false asks for a log-in. Returns what tests steer it by. */
export async function startFakeServer({ port = 0, anonymous = false, now = Date.now(), more = 0 } = {}) {
    const city = makeCity(now, more);
    const streams = new Set();
    const state = { resetNext: false, refuseEvents: false, refuseHealth: false, refuseTiles: false, requests: [], tiles: [] };
    const server = createServer((request, response) => {
        answer(request, response).catch((error) => send(response, 500, { error: { message: String(error) } }));
    });

    async function answer(request, response) {
        const url = new URL(request.url, "http://fake");
        state.requests.push(`${request.method} ${request.url}`);
        response.setHeader("Content-Security-Policy", CSP);
        response.setHeader("X-Content-Type-Options", "nosniff");
        if (!/^\/(api|tiles)\//.test(url.pathname)) return sendFile(url.pathname, response);
        const token = /ww_session=(\w+)/.exec(request.headers.cookie ?? "")?.[1] ?? "";
        const account = ACCOUNTS[token];
        if (url.pathname === "/api/v1/session") return session(request, response, account);
        if (!account && !anonymous) return send(response, 401, { error: { message: "log in first" } });
        if (url.pathname === "/api/v1/events") return events(request, response, url);
        if (url.pathname.startsWith("/tiles/")) return tile(request, response, url, account);
        const body = route(url, account);
        return send(response, body.status ?? 200, body.json);
    }

    async function session(request, response, account) {
        if (request.method === "GET") return account ? send(response, 200, { account }) : send(response, 401, { error: { message: "nobody" } });
        if (request.method === "DELETE") {
            response.setHeader("Set-Cookie", "ww_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
            return send(response, 200, {});
        }
        let body = "";
        for await (const chunk of request) body += chunk;
        const { token } = JSON.parse(body);
        if (!ACCOUNTS[token]) return send(response, 403, { error: { message: "wrong token" } });
        response.setHeader("Set-Cookie", `ww_session=${token}; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict`);
        return send(response, 200, { account: ACCOUNTS[token] });
    }

    function tile(request, response, url, account) {
        const [, layer, ...zxy] = /^\/tiles\/(thing|alert|ward)\/(\d+)\/(\d+)\/(\d+)\.mvt$/.exec(url.pathname) ?? [];
        if (!layer) return send(response, 404, { error: { message: "no such tile" } });
        if (state.refuseTiles) return send(response, 503, { error: { message: "the map is being loaded" } });
        const { bytes, etag } = drawTile(city, layer, zxy.map(Number), (ward) => !account || account.all_wards || account.wards.includes(ward));
        const status = request.headers["if-none-match"] === etag ? 304 : bytes.length === 0 ? 204 : 200;
        state.tiles.push({ tile: `${layer}/${zxy.join("/")}`, status });
        response.writeHead(status, { "Content-Type": "application/vnd.mapbox-vector-tile", "Cache-Control": "private, no-cache", ETag: etag, Vary: "Cookie" });
        return response.end(status === 200 ? bytes : undefined);
    }

    function tellTiles(layer, tiles) {
        for (const stream of streams) stream.write(`event: tiles\ndata: ${JSON.stringify({ layer, tiles: [...tiles] })}\n\n`);
    }

    function tellThing(thing) {
        if (thing?.place) tellTiles("thing", [tileOf(thing.place, 14)]);
    }

    function tellAlert(alert) {
        if (alert.place) tellTiles("alert", [tileOf(alert.place, 14)]);
        tellThing(city.things.find((t) => t.id === alert.thing?.id));
        const ward = city.wards.find((w) => w.code === alert.ward?.code);
        if (!ward) return;
        const [west, south, east, north] = ward.bbox;
        tellTiles("ward", new Set([[west, south], [west, north], [east, south], [east, north]].map((corner) => tileOf(corner, 10))));
    }

    function route(url, account) {
        const name = url.pathname.slice("/api/v1/".length);
        const q = url.searchParams;
        const isGeo = q.get("format") === "geojson";
        const listOf = (items, shape = (item) => (item.place ? { type: "Point", coordinates: item.place } : null)) => ({
            json: isGeo
                ? { type: "FeatureCollection", features: items.map((item) => ({ type: "Feature", id: item.id, geometry: shape(item), properties: { ...item, id: undefined } })) }
                : page(items, url),
        });
        const mayReadFeeds = ["prosecutor", "analyst", "admin"].includes(account?.role);
        const refused = { status: 403, json: { error: { message: "not for this role" } } };
        const mine = (ward) => !account || account.all_wards || account.wards.includes(ward);
        if (name === "district") return { json: city.district };
        if (name === "wards") {
            return listOf(city.wards.map((w) => {
                const open = city.alerts.filter((a) => a.state === "open" && a.category === "pollution" && a.ward.code === w.code);
                return { ...w, open_alerts: open.length, worst_severity: Math.max(0, ...open.map((a) => a.severity)) };
            }), (w) => city.wardShapes.get(w.code));
        }
        if (name === "sites") return listOf(city.sites);
        if (name === "things") return listOf(city.things.filter((t) => mine(t.ward) && (!q.get("thing") || String(t.id) === q.get("thing"))));
        if (name === "health/things") {
            if (state.refuseHealth) return { status: 503, json: { error: { message: "the database is away" } } };
            const isIn = (t) => !q.get("state") || (t.health?.state ?? "unknown") === q.get("state");
            return listOf(city.things.filter((t) => mine(t.ward) && isIn(t) && (!q.get("feed") || t.feed === q.get("feed"))));
        }
        if (/^(feeds|stations)(\/|$)/.test(name) && !mayReadFeeds) return refused;
        if (/^stations(\/|$)/.test(name) && !account.all_wards) return refused;
        if (name === "feeds") return listOf(city.feeds.map(({ protocol, more, ...feed }) => feed));
        const feed = /^feeds\/([^/]+)\/health$/.exec(name) && city.feeds.find((f) => f.name === decodeURIComponent(name.split("/")[1]));
        if (feed) return { json: feedHealth(city, feed, Date.now()) };
        if (name === "stations") {
            const isAsked = (s) => (!q.get("feed") || s.feed === q.get("feed")) && (!q.get("connected") || String(s.connected) === q.get("connected"));
            return listOf(city.stations.filter(isAsked).map(({ events, gapRows, commandRows, thing, ...rest }) => ({ ...rest, thing: thing.id })));
        }
        const station = name.startsWith("stations/") && city.stations.find((s) => s.mn === decodeURIComponent(name.split("/")[1]));
        if (station) {
            const { gapRows, commandRows, ...rest } = station;
            return name.endsWith("/gaps") ? listOf(gapRows) : name.endsWith("/commands") ? listOf(commandRows) : { json: rest };
        }
        if (name === "waterways") return listOf(city.waterways.map((w) => w.members), (m) => city.waterways.find((w) => w.members.id === m.id).geometry);
        if (name === "hotspots") return listOf(city.hotspots.map((h) => h.members).filter((h) => mine(h.ward)), (m) => city.hotspots.find((h) => h.members.id === m.id).geometry);
        if (name === "datastreams") return listOf(city.datastreams.filter((d) => !q.get("thing") || String(d.thing.id) === q.get("thing")));
        if (name === "alerts") {
            const items = city.alerts.filter((a) => mine(a.ward?.code) && (!q.get("state") || a.state === q.get("state"))).reverse();
            return listOf(items.map(({ explanation, ...rest }) => rest));
        }
        if (name === "observations") {
            const from = Date.parse(q.get("from") ?? "1970-01-01");
            const to = Date.parse(q.get("to") ?? "2999-01-01");
            return listOf((city.series.get(Number(q.get("datastream"))) ?? []).filter((o) => Date.parse(o.time) >= from && Date.parse(o.time) < to));
        }
        if (name === "limits") {
            if (account?.role !== "admin") return refused;
            return listOf(city.limits.filter((l) => l.property === q.get("property") && l.standard_no === q.get("standard")));
        }
        const traced = /^alerts\/(\d+)\/trace$/.exec(name) && city.alerts.find((a) => a.id === Number(name.split("/")[1]));
        if (traced) return traced.explanation.trace ? { json: city.trace } : { status: 404, json: { error: { message: "no such thing" } } };
        const alert = /^alerts\/(\d+)$/.exec(name) && city.alerts.find((a) => a.id === Number(name.slice(7)));
        if (alert) return { json: { ...alert, events: city.events.filter((e) => e.alert === alert.id) } };
        return { status: 404, json: { error: { message: "no such thing" } } };
    }

    function page(items, url) {
        const limit = Number(url.searchParams.get("limit") ?? 100);
        const at = Number(url.searchParams.get("after") ?? 0);
        const next = new URLSearchParams(url.searchParams);
        next.set("after", String(at + limit));
        return { items: items.slice(at, at + limit), next: at + limit < items.length ? `${url.pathname}?${next}` : null };
    }

    function events(request, response, url) {
        if (state.refuseEvents) return send(response, 503, { error: { message: "too many streams" } });
        response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
        response.write("retry: 300\n: hello\n\n");
        const last = request.headers["last-event-id"] ?? url.searchParams.get("last_event_id");
        if (state.resetNext) {
            state.resetNext = false;
            response.write(`id: ${city.events.length}\nevent: reset\ndata: {"newest":${city.events.length}}\n\n`);
        } else if (last) {
            for (const event of city.events.filter((e) => e.id > Number(last))) response.write(eventText(event));
        }
        streams.add(response);
        request.on("close", () => streams.delete(response));
        return undefined;
    }

    function eventText(event) {
        const alert = city.alerts.find((a) => a.id === event.alert);
        const data = {
            event_id: event.id, alert_id: alert.id, kind: event.kind, at: event.at, recorded_at: event.recorded_at, severity: alert.severity,
            category: alert.category, feed: alert.feed, ward: alert.ward?.code ?? null, rule: alert.rule.code, datastream: alert.datastream, thing: alert.thing, property: alert.property.code, value: alert.last_value, peak_value: alert.peak_value,
        };
        return `id: ${event.id}\nevent: ${event.kind}\ndata: ${JSON.stringify(data)}\n\n`;
    }

    await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
    return {
        city, state,
        url: `http://127.0.0.1:${server.address().port}`,
        streams: () => streams.size,
        /** Opens an alert and tells every reader. */
        open(alert) {
            const made = makeAlert(city, alert);
            for (const stream of streams) stream.write(eventText(city.events.at(-1)));
            tellAlert(made);
            return made;
        },
        /** A sensor falls silent, or another reports again; `isTold`: with an alert. */
        fallSilent(key, { isTold = true, forMs = 3_600_000 } = {}) {
            const thing = city.things.find((t) => t.key === key);
            thing.health = silentSince(Date.now() - forMs, thing.feed, Date.now());
            tellThing(thing);
            if (!isTold) return null;
            const made = makeSensorAlert(city, { property: "silence", key, openedAt: Date.now() - 1000, value: forMs / 1000, upper: 1800 });
            for (const stream of streams) stream.write(eventText(city.events.at(-1)));
            return made;
        },
        recover(key) {
            const thing = city.things.find((t) => t.key === key);
            thing.health = makeHealth(thing.feed, Date.now());
            tellThing(thing);
        },
        /** A sensor says something new: only the map is told. */
        measure(key, property, value) {
            const thing = city.things.find((t) => t.key === key);
            const stream = city.streamsOf.get(thing.id).find((s) => s.property === property);
            stream.latest = { time: new Date().toISOString(), value, flag: "N" };
            tellThing(thing);
        },
        clear(id) {
            const alert = city.alerts.find((a) => a.id === id);
            alert.state = "cleared";
            alert.cleared_at = new Date().toISOString();
            const event = addEvent(city, alert, "cleared", Date.now(), Date.now());
            for (const stream of streams) stream.write(eventText(event));
            tellAlert(alert);
        },
        cutStreams() {
            for (const stream of streams) stream.destroy();
        },
        endSessions() {
            for (const stream of streams) stream.write("event: session_end\ndata: {}\n\n");
        },
        async stop() {
            for (const stream of streams) stream.destroy();
            server.closeAllConnections();
            await new Promise((resolve) => server.close(resolve));
        },
    };
}

function send(response, status, json) {
    response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" });
    response.end(JSON.stringify(json));
}

async function sendFile(path, response) {
    const name = path === "/" || path === "/login" ? "/index.html" : normalize(path);
    try {
        const bytes = await readFile(dist + name);
        response.writeHead(200, { "Content-Type": TYPES[extname(name)] ?? "application/octet-stream", "Cache-Control": name.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache" });
        response.end(bytes);
    } catch {
        send(response, 404, { error: { message: "no such page" } });
    }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const fake = await startFakeServer({ port: Number(process.argv[2] ?? 8088), anonymous: true, more: Number(process.argv[3] ?? 0) });
    process.stdout.write(`${fake.url}/  (tokens: ${Object.keys(ACCOUNTS).join(", ")})\n`);
    let n = 0;
    setInterval(() => {
        fake.open({ rule: "outfall-nh3n", key: `W-${(n++ % 4) * 3 + 3}`, property: "nh3n", openedAt: Date.now() - 60_000, value: 7.2, peak: 9.9, count: 2 });
    }, 20_000);
}
