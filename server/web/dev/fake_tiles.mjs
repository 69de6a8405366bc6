// The live tiles of the made-up city, as server/tiles draws them: things, open alerts and wards, clustered below zoom 11
// in squares of a sixteenth of a tile. Small and slow: everything is looked at for every tile.

import { createHash } from "node:crypto";

const EXTENT = 4096;
const MARGIN = 64;
const CLUSTER_BELOW = 11;

/** Where a place lies on the square map, both 0 … 1. */
function spot([lon, lat]) {
    const sin = Math.sin((lat * Math.PI) / 180);
    return [lon / 360 + 0.5, 0.5 - Math.log((1 + sin) / (1 - sin)) / (4 * Math.PI)];
}

export function tileOf(place, z) {
    return `${z}/${spot(place).map((v) => Math.floor(v * 2 ** z)).join("/")}`;
}

/** Rows of a layer that `mine` (a ward's code) lets through: id, properties, and a place or rings. */
function rowsOf(city, layer, mine) {
    const open = city.alerts.filter((a) => a.state === "open" && mine(a.ward?.code));
    const worst = (of) => Math.max(0, ...open.filter((a) => a.category === "pollution" && of(a)).map((a) => a.severity));
    if (layer === "ward") {
        return city.wards.filter((w) => mine(w.code)).map((w) => ({
            id: w.id, rings: city.wardShapes.get(w.code).coordinates,
            properties: { code: w.code, name_zh: w.name_zh, name_en: w.name_en, alerts: open.filter((a) => a.category === "pollution" && a.ward?.code === w.code).length, severity: worst((a) => a.ward?.code === w.code) },
        }));
    }
    if (layer === "alert") {
        return open.filter((a) => a.place).map((a) => ({
            id: a.id, place: a.place,
            properties: { severity: a.severity, category: a.category, rule: a.rule.code, rule_zh: a.rule.name_zh, rule_en: a.rule.name_en, property: a.property.code, ward: a.ward?.code, thing: a.thing?.key, opened: Date.parse(a.opened_at) },
        }));
    }
    const severity = new Map();
    for (const a of open) if (a.category === "pollution" && a.thing) severity.set(a.thing.id, Math.max(severity.get(a.thing.id) ?? 0, a.severity));
    return city.things.filter((t) => mine(t.ward)).map((t) => {
        const state = t.health?.state ?? "unknown";
        const newest = (city.streamsOf.get(t.id) ?? []).filter((s) => s.latest);
        return {
            id: t.id, place: t.place,
            properties: {
                key: t.key, name_zh: t.name_zh, name_en: t.name_en, class: t.class, feed: t.feed, ward: t.ward, severity: severity.get(t.id) ?? 0, health: state,
                ill: ["silent", "drifting", "late"].includes(state) ? 1 : undefined, flag: newest.find((s) => s.latest.flag !== "N")?.latest.flag,
                ...Object.fromEntries(newest.map((s) => [s.property, s.latest.value])),
            },
        };
    });
}

function clustered(points) {
    const squares = new Map();
    for (const point of points) {
        const square = `${point.at[0] >> 8}/${point.at[1] >> 8}`;
        squares.set(square, [...(squares.get(square) ?? []), point]);
    }
    return [...squares.values()].map((members) => {
        if (members.length === 1) return members[0];
        const sum = (of) => members.reduce((n, m) => n + (of(m) ?? 0), 0);
        const ill = sum((m) => m.properties.ill);
        return {
            id: members[0].id, at: [0, 1].map((i) => Math.floor(sum((m) => m.at[i]) / members.length)),
            properties: { count: members.length, severity: Math.max(...members.map((m) => m.properties.severity ?? 0)), ill: ill || undefined },
        };
    });
}

/** The part of a ring within the tile and its margin (Sutherland and Hodgman). */
function clip(ring) {
    let out = ring;
    for (const [axis, edge, sign] of [[0, -MARGIN, 1], [0, EXTENT + MARGIN, -1], [1, -MARGIN, 1], [1, EXTENT + MARGIN, -1]]) {
        const isIn = (p) => (p[axis] - edge) * sign >= 0;
        const points = out;
        out = [];
        points.forEach((p, i) => {
            const before = points.at(i - 1);
            if (isIn(p) !== isIn(before)) {
                const share = (edge - before[axis]) / (p[axis] - before[axis]);
                out.push(before.map((v, k) => v + (p[k] - v) * share));
            }
            if (isIn(p)) out.push(p);
        });
    }
    return out.map((p) => p.map(Math.round));
}

// ── Mapbox Vector Tile 2.1 ──

function varint(n) {
    const out = [];
    for (; n > 127; n = Math.floor(n / 128)) out.push((n % 128) | 128);
    return Buffer.from([...out, n]);
}
const field = (number, bytes) => Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
const whole = (number, n) => Buffer.concat([varint(number << 3), varint(n)]);
const zigzag = (n) => (n < 0 ? -2 * n - 1 : 2 * n);

function valueOf(value) {
    if (typeof value === "string") return field(1, Buffer.from(value));
    if (Number.isInteger(value)) return whole(6, zigzag(value));
    const double = Buffer.alloc(9);
    double[0] = (3 << 3) | 1;
    double.writeDoubleLE(value, 1);
    return double;
}

function geometryOf({ at, rings }) {
    let [x, y] = [0, 0];
    const move = (p) => {
        const out = [zigzag(p[0] - x), zigzag(p[1] - y)];
        [x, y] = p;
        return out;
    };
    if (at) return [9, ...move(at)];
    return rings.flatMap((ring) => [9, ...move(ring[0]), ((ring.length - 1) << 3) | 2, ...ring.slice(1).flatMap(move), 15]);
}

function encode(name, features) {
    const keys = new Map();
    const values = new Map();
    const number = (of, what) => of.get(what) ?? of.set(what, of.size).get(what);
    const body = features.map((feature) => {
        const tags = Object.entries(feature.properties).filter(([, value]) => value !== undefined).flatMap(([key, value]) => [number(keys, key), number(values, value)]);
        return field(2, Buffer.concat([whole(1, feature.id), field(2, Buffer.concat(tags.map(varint))), whole(3, feature.at ? 1 : 3), field(4, Buffer.concat(geometryOf(feature).map(varint)))]));
    });
    return field(3, Buffer.concat([whole(15, 2), field(1, Buffer.from(name)), ...body, ...[...keys.keys()].map((key) => field(3, Buffer.from(key))),
        ...[...values.keys()].map((value) => field(4, valueOf(value))), whole(5, EXTENT)]));
}

/** What is answered: bytes (none: the tile is empty) and ETag. */
export function drawTile(city, layer, [z, x, y], mine) {
    const units = (place) => spot(place).map((v, i) => Math.floor((v * 2 ** z - (i ? y : x)) * EXTENT));
    const isIn = (at) => at.every((v) => v >= 0 && v < EXTENT);
    const rows = rowsOf(city, layer, mine);
    let features;
    if (layer === "ward") {
        features = rows.map((row) => ({ ...row, rings: row.rings.map((ring) => clip(ring.slice(0, -1).map(units))).filter((ring) => ring.length > 2) })).filter((row) => row.rings.length > 0);
    } else {
        features = rows.filter((row) => row.place).map((row) => ({ ...row, at: units(row.place) })).filter((row) => isIn(row.at));
        if (z < CLUSTER_BELOW) features = clustered(features);
    }
    const bytes = features.length > 0 ? encode(layer, features) : Buffer.alloc(0);
    return { bytes, etag: `"${createHash("sha1").update(bytes).digest("hex").slice(0, 16)}"` };
}
