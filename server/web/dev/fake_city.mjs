// A made-up district in the shapes of docs/API.md: ward squares with wavy edges, a river, sites, sensors,
// series and alerts, the health of sensors and feeds, two HJ 212 stations. Everything follows from the time that it
// is made at; nothing is random.

const HOUR = 3_600_000;
const iso = (ms) => new Date(ms).toISOString();
const wave = (n) => Math.sin(n * 12.9898) * 43758.5453 % 1; // the usual cheap hash, in (-1, 1)

const WARDS = [
    ["甲溪街道", "Jiaxi"], ["乙山街道", "Yishan"], ["丙桥镇", "Bingqiao"], ["丁湖镇", "Dinghu"], ["戊坪街道", "Wuping"], ["己河镇", "Jihe"],
    ["庚林镇", "Genglin"], ["辛口镇", "Xinkou"], ["壬渡镇", "Rendu"], ["癸石镇", "Guishi"], ["子安街道", "Zian"], ["丑田镇", "Choutian"],
];
const COLUMNS = 4;
const WEST = 106.9;
const SOUTH = 29.72;
const STEP = { lon: 0.12, lat: 0.11 };

/** Corner (i, j) of the grid of wards, moved a little: neighbours share their edges. */
function edge(from, to) {
    const points = [];
    for (let k = 0; k < 6; k++) {
        const s = k / 6;
        const bend = Math.sin(s * Math.PI) * 0.012 * wave(from[0] * 7 + from[1] * 13 + to[0] * 3 + to[1] * 5);
        const place = (c) => [WEST + (c[0] + 0.22 * wave(c[0] * 3 + c[1])) * STEP.lon, SOUTH + (c[1] + 0.22 * wave(c[0] + c[1] * 9 + 4)) * STEP.lat];
        const [a, b] = [place(from), place(to)];
        points.push([a[0] + (b[0] - a[0]) * s + bend, a[1] + (b[1] - a[1]) * s + bend]);
    }
    return points;
}

function ring(i, j) {
    const back = (points, end) => [end, ...points.slice(1).reverse()];
    const corner = (c) => edge(c, [c[0] + 1, c[1]])[0];
    const points = [
        ...edge([i, j], [i + 1, j]), ...edge([i + 1, j], [i + 1, j + 1]),
        ...back(edge([i, j + 1], [i + 1, j + 1]), corner([i + 1, j + 1])), ...back(edge([i, j], [i, j + 1]), corner([i, j + 1])),
    ];
    return [...points, points[0]];
}

const PROPERTIES = {
    cod: { code: "cod", name_zh: "化学需氧量", name_en: "chemical oxygen demand", unit: "mg/L" },
    nh3n: { code: "nh3n", name_zh: "氨氮", name_en: "ammonia nitrogen", unit: "mg/L" },
    residual_chlorine: { code: "residual_chlorine", name_zh: "总余氯", name_en: "total residual chlorine", unit: "mg/L" },
    do: { code: "do", name_zh: "溶解氧", name_en: "dissolved oxygen", unit: "mg/L" },
    pm25: { code: "pm25", name_zh: "细颗粒物（PM2.5）", name_en: "fine particles (PM2.5)", unit: "ug/m3" },
    noise: { code: "noise", name_zh: "等效声级", name_en: "equivalent sound level", unit: "dB" },
    silence: { code: "silence", name_zh: "静默", name_en: "silence", unit: "s" },
    clock_drift: { code: "clock_drift", name_zh: "时钟偏差", name_en: "clock drift", unit: "s" },
};
const RULES = {
    "hospital-cod": { code: "hospital-cod", name_zh: "医疗废水 COD 超标", name_en: "Hospital effluent: COD over the limit", severity: 4 },
    "outfall-nh3n": { code: "outfall-nh3n", name_zh: "排污口氨氮超标", name_en: "Outfall: ammonia over the limit", severity: 3 },
    "river-do": { code: "river-do", name_zh: "河流溶解氧过低", name_en: "River: dissolved oxygen too low", severity: 2 },
    "air-pm25": { code: "air-pm25", name_zh: "PM2.5 日均值超标", name_en: "Air: PM2.5 daily mean over the limit", severity: 2 },
    "noise-night": { code: "noise-night", name_zh: "夜间噪声超标", name_en: "Noise at night over the limit", severity: 1 },
};
const LIMITS = {
    "hospital-cod": { id: 1, property: "cod", standard_no: "GB 18466-2005", class: "medical.pretreatment", averaging: "24h", lower: null, upper: 250, unit: "mg/L", status: "check", source: "GB 18466-2005 table 2", note: "" },
    "outfall-nh3n": { id: 2, property: "nh3n", standard_no: "GB 18918-2002", class: "1A", averaging: "24h", lower: null, upper: 5, unit: "mg/L", status: "verified", source: "GB 18918-2002 table 1", note: "" },
    "river-do": { id: 3, property: "do", standard_no: "GB 3838-2002", class: "surface_water.III", averaging: "instant", lower: 5, upper: null, unit: "mg/L", status: "verified", source: "GB 3838-2002 table 1", note: "" },
    "air-pm25": { id: 4, property: "pm25", standard_no: "GB 3095-2012", class: "2", averaging: "24h", lower: null, upper: 0.075, unit: "mg/m3", status: "verified", source: "GB 3095-2012 table 1", note: "" },
    "noise-night": { id: 5, property: "noise", standard_no: "GB 3096-2008", class: "2", averaging: "1h", lower: null, upper: 50, unit: "dB", status: "verified", source: "GB 3096-2008 table 1", note: "" },
};
/** Where a sensor's data comes from, by the first letter of its key. */
const FEED_OF = { W: "hj212", R: "hj212", A: "air", N: "noise" };
const SENSOR_RULES = {
    silence: { code: "sensor-silent", name_zh: "传感器静默", name_en: "Sensor silent", severity: 2 },
    clock_drift: { code: "sensor-clock", name_zh: "设备时钟偏差", name_en: "Device clock off", severity: 1 },
};
const KINDS = [
    { kind: "hospital", zh: "人民医院", en: "People's Hospital", class: "hospital", properties: ["cod", "residual_chlorine"] },
    { kind: "plant", zh: "化工厂", en: "Chemical Works", class: "plant", properties: ["cod", "nh3n"] },
    { kind: "outfall", zh: "排污口", en: "Outfall", class: "outfall", properties: ["nh3n"] },
];
const NORMAL = { cod: [140, 40], nh3n: [3.1, 0.9], residual_chlorine: [4.2, 1], do: [6.8, 0.8], pm25: [42, 14], noise: [44, 4] };

/** `more`: so many sensors beside the usual ones. */
export function makeCity(now, more = 0) {
    const city = { now, feeds: [], stations: [], wards: [], wardShapes: new Map(), sites: [], things: [], datastreams: [], alerts: [], events: [], limits: Object.values(LIMITS), series: new Map(), streamsOf: new Map() };
    WARDS.forEach(([zh, en], index) => {
        const [i, j] = [index % COLUMNS, Math.floor(index / COLUMNS)];
        const points = ring(i, j);
        const lons = points.map((p) => p[0]);
        const lats = points.map((p) => p[1]);
        const code = String(900100001 + index);
        const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
        city.wardShapes.set(code, { type: "Polygon", coordinates: [points] });
        city.wards.push({ id: index + 1, code, name_zh: zh, name_en: en, synthetic: true, seat: [mean(lons), mean(lats)], bbox: [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)] });
    });
    const addThing = (ward, key, names, kind, site, place, properties) => {
        const thing = { id: city.things.length + 1, feed: FEED_OF[key[0]] ?? "demo", key, ...names, class: kind, limit_class: "", site, ward: ward.code, place, datastreams: properties.length };
        city.things.push(thing);
        for (const property of properties) {
            city.datastreams.push({ id: city.datastreams.length + 1, thing: { id: thing.id, key, ...names }, property, unit: PROPERTIES[property].unit, ward: ward.code, latest: null });
        }
    };
    city.wards.forEach((ward, index) => {
        const near = (n, radius = 1) => [ward.seat[0] + 0.045 * radius * wave(index * 5 + n), ward.seat[1] + 0.036 * radius * wave(index * 11 + n * 3)];
        const kind = KINDS[index % KINDS.length];
        const place = near(1);
        const short = ward.name_zh.replace(/街道|镇/, "");
        const code = `S${String(index + 1).padStart(3, "0")}`;
        city.sites.push({ id: index + 1, code, name_zh: short + kind.zh, name_en: `${ward.name_en} ${kind.en}`, kind: kind.kind, limit_class: "", ward: ward.code, place });
        addThing(ward, `W-${index + 1}`, { name_zh: `${short}${kind.zh}出水口`, name_en: `${ward.name_en} ${kind.en} effluent` }, kind.class, code, place, kind.properties);
        addThing(ward, `A-${index + 1}`, { name_zh: `${short}空气站`, name_en: `${ward.name_en} air station` }, "air_station", null, near(2, 1.1), ["pm25"]);
        if (index % 2 === 0) addThing(ward, `N-${index + 1}`, { name_zh: `${short}噪声点`, name_en: `${ward.name_en} noise meter` }, "noise_meter", null, near(3), ["noise"]);
    });
    for (const [n, index] of [1, 6, 7].entries()) {
        const ward = city.wards[index];
        addThing(ward, `R-${n + 1}`, { name_zh: `清水河断面 ${n + 1}`, name_en: `Qingshui River section ${n + 1}` }, "river_station", null, [ward.seat[0] + 0.02, ward.seat[1] - 0.03], ["do", "nh3n"]);
    }
    city.waterways = makeWaterways();
    city.hotspots = makeHotspots(city.wards);
    addAlerts(city, now);
    addHealth(city, now);
    addMore(city, now, more);
    addFeeds(city, now);
    addStations(city, now);
    for (const stream of city.datastreams) {
        const alert = city.alerts.find((a) => a.datastream === stream.id);
        const rows = makeSeries(city, stream, alert, now);
        city.series.set(stream.id, rows);
        const last = rows.at(-1);
        stream.latest = last ? { time: last.time, value: last.value, flag: last.flag } : null;
        city.streamsOf.set(stream.thing.id, [...(city.streamsOf.get(stream.thing.id) ?? []), stream]);
    }
    const lons = city.wards.flatMap((w) => [w.bbox[0], w.bbox[2]]);
    const lats = city.wards.flatMap((w) => [w.bbox[1], w.bbox[3]]);
    city.district = {
        name_zh: "示例区", name_en: "Sample District", time_zone: "Asia/Shanghai", synthetic: true, attribution: "Seats: GeoNames (CC BY 4.0)",
        bbox: [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)],
        counts: { wards: city.wards.length, sites: city.sites.length, things: city.things.length, datastreams: city.datastreams.length },
    };
    return city;
}

/** The river alert comes from a stretch above it and flows on. */
function addTrace(city, alert) {
    const line = city.waterways[0].geometry.coordinates;
    const half = Math.floor(line.length / 2);
    const feature = (role, geometry, more = {}) => ({ type: "Feature", id: role, geometry, properties: { role, ...more } });
    const site = { kind: "site", site: "S001", name_zh: "上游厂", name_en: "Upper works", reach: "R1", at_m: 1200, place: line[1], probability: 0.62 };
    const reach = { kind: "reach", reach: "R1", at_m: 2400, place: line[half - 1], probability: 0.21 };
    const later = (minutes) => new Date(Date.parse(alert.opened_at) + minutes * 60_000).toISOString();
    alert.explanation.trace = {
        kind: "water", verdict: "stretch", sensors: 2, sensors_that_saw_it: 1, sources: [site, reach], stretch_m: 3200,
        stretch: [{ reach: "R1", from_m: 0, to_m: 3200 }], next_sample: { reach: "R1", at_m: 1800, place: line[half - 1], probability_above: 0.48 },
        downstream: [{ site: "S009", reach: "R2", at_m: 400, place: line.at(-1), front_at: later(90), peak_at: later(110), rear_at: later(180) }],
    };
    city.trace = { type: "FeatureCollection", features: [
        feature("stretch", { type: "LineString", coordinates: line.slice(0, half) }), feature("downstream", { type: "LineString", coordinates: line.slice(half - 1) }),
        feature("source", { type: "Point", coordinates: site.place }, site), feature("next_sample", { type: "Point", coordinates: reach.place }),
    ] };
}

/** A flower of hot hexagons around one ward's seat, a cold one elsewhere, and the hot ward itself. */
function makeHotspots(wards) {
    const out = [];
    const across = 0.022;
    const hexagon = ([x, y]) => [...Array(7).keys()].map((i) => [x + across * 0.577 * 1.15 * Math.sin((i * Math.PI) / 3), y + across * 0.577 * Math.cos((i * Math.PI) / 3)]);
    const add = (places, kind, ward, geometry, value) => out.push({
        members: { id: out.length + 1, rule: "pm25-hot", places, key: `k${out.length}`, ward: ward.code, name_zh: ward.name_zh, name_en: ward.name_en, property: "pm25", unit: "ug/m3", value,
            things: 1, class: kind, gstar: kind === "hot" ? 4.1 : -3.9, p: 0.0001, q: 0.004, moran_class: null, moran: 1.2, moran_p: 0.2, moran_q: 0.4, as_of: new Date().toISOString() },
        geometry,
    });
    const [hot, cold] = [wards[6], wards[2]];
    for (let i = 0; i < 7; i++) {
        const turn = (i * Math.PI) / 3 + Math.PI / 6;
        const centre = i === 6 ? hot.seat : [hot.seat[0] + across * 1.15 * Math.sin(turn), hot.seat[1] + across * Math.cos(turn)];
        add("hexagon", "hot", hot, { type: "Polygon", coordinates: [hexagon(centre)] }, 88 + i);
    }
    add("hexagon", "cold", cold, { type: "Polygon", coordinates: [hexagon(cold.seat)] }, 9);
    add("hexagon", null, wards[0], { type: "Polygon", coordinates: [hexagon(wards[0].seat)] }, 40);
    return out;
}

function makeWaterways() {
    const line = (id, code, zh, en, downstream, from, to, bend) => {
        const coordinates = [];
        for (let k = 0; k <= 40; k++) {
            const s = k / 40;
            coordinates.push([from[0] + (to[0] - from[0]) * s + Math.sin(s * 9) * bend * 0.4, from[1] + (to[1] - from[1]) * s + Math.sin(s * 7 + 1) * bend]);
        }
        return { members: { id, code, name_zh: zh, name_en: en, downstream, length_m: 52_000, synthetic: true }, geometry: { type: "LineString", coordinates } };
    };
    return [
        line(1, "Q1", "清水河", "Qingshui River", null, [106.9, 29.99], [107.36, 29.75], 0.022),
        line(2, "Q2", "白沙溪", "Baisha Brook", "Q1", [107.3, 30.02], [107.14, 29.872], 0.012),
    ];
}

export function makeAlert(city, { rule, key, property, openedAt, value, peak, count, clearedAt = null, recordedAt = openedAt }) {
    const thing = city.things.find((t) => t.key === key);
    const stream = city.datastreams.find((d) => d.thing.id === thing.id && d.property === property);
    const ward = city.wards.find((w) => w.code === thing.ward);
    const limit = LIMITS[rule];
    const { severity, ...named } = RULES[rule];
    const id = city.alerts.length + 1;
    const last = clearedAt ?? Math.max(openedAt, city.now - 600_000);
    const times = value / peak;
    const bad = (k) => peak * (times + (1 - times) * (0.3 + 0.2 * k));
    const alert = {
        id, category: "pollution", feed: null, rule: named, severity, state: clearedAt ? "cleared" : "open",
        ward: { code: ward.code, name_zh: ward.name_zh, name_en: ward.name_en },
        thing: { id: thing.id, key: thing.key, name_zh: thing.name_zh, name_en: thing.name_en }, site: thing.site, datastream: stream.id,
        property: PROPERTIES[property], opened_at: iso(openedAt), detected_at: iso(recordedAt + 900), last_exceeded_at: iso(last),
        cleared_at: clearedAt ? iso(clearedAt) : null, exceed_count: count, last_value: value, peak_value: peak, peak_at: iso(openedAt + (last - openedAt) / 2),
        limit: { lower: limit.lower, upper: limit.upper, unit: limit.unit, standard_no: limit.standard_no }, place: thing.place,
        explanation: {
            method: "limit, k of n", rule: { code: rule, version: 2, config: { property, standard: limit.standard_no, averaging: limit.averaging, judge: "reading", fire: [2, 3], clear: [3, 3], flags: "N" } },
            judged: "reading", limit: { ...limit, property: undefined, edition: "", hour_from: 0, hour_to: 0, valid_from: "2006-01-01T00:00:00+08:00", valid_to: null },
            window: [2, 1, 0].map((back, k) => ({ time: iso(openedAt - back * HOUR), value: k === 0 ? NORMAL[property][0] : Number(bad(k).toPrecision(4)), exceeds: k > 0, limit_id: limit.id })),
        },
    };
    city.alerts.push(alert);
    addEvent(city, alert, "opened", openedAt, recordedAt);
    if (clearedAt) addEvent(city, alert, "cleared", clearedAt, clearedAt);
    return alert;
}

export function addEvent(city, alert, kind, at, recordedAt) {
    const event = { id: city.events.length + 1, alert: alert.id, kind, at: iso(at), recorded_at: iso(recordedAt), actor: "wardwatch" };
    city.events.push(event);
    return event;
}

function addAlerts(city, now) {
    const ago = (hours) => now - hours * HOUR;
    makeAlert(city, { rule: "noise-night", key: "N-9", property: "noise", openedAt: ago(3), value: 53.1, peak: 56.2, count: 3 });
    makeAlert(city, { rule: "hospital-cod", key: "W-1", property: "cod", openedAt: ago(26), value: 391, peak: 478.2, count: 22 });
    makeAlert(city, { rule: "outfall-nh3n", key: "W-3", property: "nh3n", openedAt: ago(9), value: 8.4, peak: 11.92, count: 8 });
    makeAlert(city, { rule: "river-do", key: "R-2", property: "do", openedAt: ago(14), value: 3.7, peak: 3.1, count: 12 });
    addTrace(city, city.alerts.at(-1));
    makeAlert(city, { rule: "air-pm25", key: "A-11", property: "pm25", openedAt: ago(31), value: 96, peak: 121, count: 29 });
    makeAlert(city, { rule: "air-pm25", key: "A-12", property: "pm25", openedAt: ago(28), value: 88, peak: 101, count: 25 });
    makeAlert(city, { rule: "outfall-nh3n", key: "W-9", property: "nh3n", openedAt: ago(1.2), value: 6.1, peak: 6.1, count: 2 });
    makeAlert(city, { rule: "noise-night", key: "N-5", property: "noise", openedAt: ago(5), value: 51.4, peak: 52, count: 2 });
    makeAlert(city, { rule: "hospital-cod", key: "W-4", property: "cod", openedAt: ago(70), value: 262, peak: 312, count: 9, clearedAt: ago(58) });
    makeAlert(city, { rule: "noise-night", key: "N-7", property: "noise", openedAt: ago(52), value: 51, peak: 55, count: 4, clearedAt: ago(46) });
}

/** Hourly readings of four days, with a calibration and a gap; beyond the limit while the alert is open. */
function makeSeries(city, stream, alert, now) {
    const rows = [];
    const [mean, spread] = NORMAL[stream.property];
    const isSilent = stream.id % 11 === 5 && !alert;
    const start = Math.floor(now / HOUR) * HOUR - 96 * HOUR;
    for (let k = 0; k <= (isSilent ? 80 : 96); k++) {
        if (k >= 58 && k < 62) continue;
        const at = start + k * HOUR;
        let value = mean + spread * (0.6 * Math.sin((k / 24) * 2 * Math.PI) + 0.35 * wave(k * 3 + stream.id));
        let flag = "N";
        if (alert && at >= Date.parse(alert.opened_at) - HOUR && at <= Date.parse(alert.cleared_at ?? iso(now))) {
            value = alert.last_value + (alert.peak_value - alert.last_value) * Math.abs(Math.sin(k * 1.7));
        }
        if (k >= 64 && k < 67) {
            flag = "C";
            value = mean * (1.9 + 0.1 * k % 3);
        }
        if (stream.id % 13 === 7 && k >= 94) flag = "D";
        rows.push({ time: iso(at), interval_s: 3600, value: Number(value.toPrecision(4)), flag, version: 1, ward: stream.ward, raw_message: 1000 + k, received_at: iso(at + 20_000), detail: null });
    }
    return rows;
}

// ── health ──

const MINUTE = 60_000;
const INTERVAL_S = { hj212: 600, air: 3600, noise: 60, demo: 600 };

/** A sensor's health; `more` is what differs from one that is well. */
export function makeHealth(feed, now, more = {}) {
    const expected = INTERVAL_S[feed] ?? 600;
    const last = now - Math.min(expected * 500, 240_000);
    return {
        state: "ok", silent_since: null, last_received_at: iso(last), last_phenomenon_at: iso(last - 4200), lag_s: 4.2, expected_s: expected,
        expected_from: feed === "hj212" ? "station" : "learned", completeness_24h: 0.993, drift_s: feed === "hj212" ? -1.5 : null,
        drift_from: feed === "hj212" ? "clock" : null, counts: { stored: 86400 / expected * 30, duplicates: 3, corrections: 1, dead: 0 }, as_of: iso(now), ...more,
    };
}

export function silentSince(ms, feed, now) {
    return makeHealth(feed, now, { state: "silent", silent_since: iso(ms), last_received_at: iso(ms), last_phenomenon_at: iso(ms - 4200), completeness_24h: 0.61 });
}

function addHealth(city, now) {
    const set = (key, health) => (city.things.find((t) => t.key === key).health = health);
    for (const thing of city.things) thing.health = makeHealth(thing.feed, now);
    set("W-7", silentSince(now - 130 * MINUTE, "hj212", now));
    set("N-3", silentSince(now - 26 * HOUR, "noise", now));
    set("W-3", silentSince(now - 45 * MINUTE, "hj212", now)); // and in alert for pollution
    set("W-5", makeHealth("hj212", now, { state: "drifting", drift_s: 200.4 }));
    set("A-4", makeHealth("air", now, { state: "late", lag_s: 10_800, completeness_24h: 0.87 }));
    set("A-9", makeHealth("air", now, { state: "unknown", expected_s: null, expected_from: null, completeness_24h: null }));
    set("N-11", null); // never seen
    makeSensorAlert(city, { property: "silence", key: "W-7", openedAt: now - 100 * MINUTE, value: 1800, upper: 1800 });
    makeSensorAlert(city, { property: "clock_drift", key: "W-5", openedAt: now - 5 * HOUR, value: 200.4, upper: 60 });
    makeSensorAlert(city, { property: "silence", feed: "weather", openedAt: now - 3 * HOUR, value: 3600, upper: 3600 });
}

/** An alert about a thing (`key`) or about a whole feed (`feed`). */
export function makeSensorAlert(city, { property, key = null, feed = null, openedAt, value, upper, clearedAt = null }) {
    const thing = key === null ? null : city.things.find((t) => t.key === key);
    const ward = thing && city.wards.find((w) => w.code === thing.ward);
    const { severity, ...named } = SENSOR_RULES[property];
    const last = clearedAt ?? openedAt; // what is open is not written again
    const alert = {
        id: city.alerts.length + 1, category: "sensor", rule: named, severity, state: clearedAt ? "cleared" : "open",
        ward: ward && { code: ward.code, name_zh: ward.name_zh, name_en: ward.name_en },
        thing: thing && { id: thing.id, key: thing.key, name_zh: thing.name_zh, name_en: thing.name_en }, feed, site: thing?.site ?? null, datastream: null,
        property: PROPERTIES[property], opened_at: iso(openedAt), detected_at: iso(openedAt + 900), last_exceeded_at: iso(last), cleared_at: clearedAt ? iso(clearedAt) : null,
        exceed_count: 1, last_value: value, peak_value: value, peak_at: iso(last), limit: { lower: null, upper, unit: "s", standard_no: "" }, place: thing?.place ?? null,
        explanation: {
            method: property, rule: { code: named.code, version: 1, config: property === "silence" ? { multiple: 3, after_s: 900 } : { limit_s: upper, for_s: 600 } },
            expected: { upper, unit: "s" }, observed: { value, unit: "s" }, last_received_at: iso(openedAt - (property === "silence" ? 1000 * upper : 0)),
            ...(feed ? { watched: 6, suspect: 6, overdue: 1, members: [3] } : { expected_s: thing.health.expected_s, expected_from: thing.health.expected_from }),
        },
    };
    city.alerts.push(alert);
    addEvent(city, alert, "opened", openedAt, openedAt);
    return alert;
}

/** Many sensors on a spiral over the district, a hundredth of them in trouble. */
function addMore(city, now, n) {
    for (let k = 0; k < n; k++) {
        const ward = city.wards[k % city.wards.length];
        const turn = k * 2.399963;
        const far = Math.sqrt((k + 1) / n);
        const health = k % 300 === 7 ? silentSince(now - (k % 50 + 1) * HOUR, "demo", now) : k % 300 === 107 ? makeHealth("demo", now, { state: "drifting", drift_s: -95 })
            : k % 300 === 207 ? makeHealth("demo", now, { state: "late", lag_s: 7200 }) : makeHealth("demo", now);
        city.things.push({
            id: city.things.length + 1, feed: "demo", key: `M-${k + 1}`, name_zh: `微型站 ${k + 1}`, name_en: `Micro station ${k + 1}`, class: "micro_station", limit_class: "", site: null,
            ward: ward.code, place: [107.13 + 0.22 * far * Math.cos(turn), 29.88 + 0.15 * far * Math.sin(turn)], datastreams: 1, health,
        });
    }
}

function addFeeds(city, now) {
    const add = (name, title, protocol, more = {}, pull = null) => {
        city.feeds.push({ name, title, enabled: more.enabled ?? true, config: {}, counts: { messages: 9000, received: 123472, stored: 123456, duplicates: 12, corrections: 3, dead: more.dead ?? 0 }, last_received_at: more.last === undefined ? iso(now - 8000) : more.last, pull, protocol, more });
    };
    add("hj212", "重点排污单位在线监测", "hj212", { state: "ok", lag_s: 4.2, dead: 1 });
    add("air", "空气微站", "mqtt", { state: "ok", lag_s: 1.1 });
    add("noise", "噪声自动监测", "http", { state: "ok", lag_s: 0.6 });
    add("demo", "微型站", "http", { state: "ok", lag_s: 2 });
    add("weather", "气象局逐时观测", "pull", { state: "silent", last: iso(now - 4 * HOUR), silent_since: iso(now - 4 * HOUR), lag_s: 900, completeness: 0.82 },
        { last_page_at: iso(now - 4 * HOUR), failing_since: iso(now - 3.9 * HOUR), last_error: "https://weather.example/v1/hourly: 502 Bad Gateway" });
    add("old-buoys", "旧浮标（停用）", "http", { enabled: false, state: "unknown", last: null });
}

/** docs/API.md: feeds/{name}/health, counted from the things as they are now. */
export function feedHealth(city, feed, now) {
    const of = city.things.filter((t) => t.feed === feed.name);
    const n = (state) => of.filter((t) => (t.health?.state ?? "unknown") === state).length;
    const { more } = feed;
    return {
        feed: feed.name, protocol: feed.protocol, state: more.state, silent_since: more.silent_since ?? null, last_received_at: feed.last_received_at,
        last_phenomenon_at: feed.last_received_at, lag_s: more.lag_s ?? null, expected_s: INTERVAL_S[feed.name] ?? null, completeness_24h: more.completeness ?? (feed.last_received_at ? 0.98 : null),
        things: { total: of.length, ok: n("ok"), late: n("late"), drifting: n("drifting"), silent: n("silent"), unknown: n("unknown") },
        counts: { stored: feed.counts.stored, duplicates: feed.counts.duplicates, corrections: feed.counts.corrections, dead: feed.counts.dead },
        open_alerts: city.alerts.filter((a) => a.state === "open" && a.category === "sensor" && a.feed === feed.name).length, as_of: iso(now),
    };
}

function addStations(city, now) {
    for (const thing of city.things.filter((t) => t.feed === "hj212")) {
        const isAway = thing.health?.state === "silent";
        const since = iso(isAway ? Date.parse(thing.health.silent_since) + 60_000 : now - 90 * HOUR);
        const event = (id, kind, ms, detail = {}) => ({ id, kind, at: iso(ms), detail });
        city.stations.push({
            mn: thing.key, feed: "hj212", enabled: true, registered: "loaded", has_password: true, has_key: false, key_since: null, connected: !isAway, connection_since: since, config: {},
            thing: { id: thing.id, name_zh: thing.name_zh, name_en: thing.name_en, class: thing.class }, created_at: iso(now - 900 * HOUR), updated_at: iso(now - 900 * HOUR),
            last_data_at: thing.health?.last_phenomenon_at ?? null, commands: isAway ? { queued: 1, done: 4 } : { done: 4 }, gaps: isAway ? { open: 2, filled: 5 } : { filled: 5 },
            events: [...(isAway ? [event(9, "disconnected", Date.parse(since), { peer: "10.3.0.7:51122" })] : []), event(8, "clock_off", now - 50 * HOUR, { off_s: 31 }), event(7, "connected", now - 90 * HOUR, { peer: "10.3.0.7:51122" })],
            gapRows: [{ mn: thing.key, cn: 2061, begin: iso(now - 20 * HOUR), end: iso(now - 18 * HOUR), state: isAway ? "open" : "filled", tries: 1 }],
            commandRows: [{ id: 17, mn: thing.key, cn: 2061, fields: [], purpose: "history", state: isAway ? "queued" : "done", requested_by: "wardwatch", created_at: iso(now - 17 * HOUR), reason: "" }],
        });
    }
}
