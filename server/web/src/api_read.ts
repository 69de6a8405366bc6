// Turns JSON from the server into api_types.ts, checking what it takes: ids become text, absent members
// become null or "", and a reference may come as a code or as an object that holds one.

import type {
    Account, Alert, AlertDetail, AlertEvent, Counts, Datastream, District, Feed, FeedHealth, Health, HealthState, Json, Latest, Limit,
    LimitRow, LonLat, Named, Observation, Property, Severity, Site, Station, StationCommand, StationGap, Thing, Ward,
} from "./api_types";

type Obj = { [key: string]: Json };

export function obj(value: Json | undefined): Obj {
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
}
export function list(value: Json | undefined): Json[] {
    return Array.isArray(value) ? value : [];
}
export function text(value: Json | undefined): string {
    return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}
export function num(value: Json | undefined): number | null {
    return typeof value === "number" && Number.isFinite(value) ? value : null;
}
function textOrNull(value: Json | undefined): string | null {
    return text(value) === "" ? null : text(value);
}
/** "500115001", 7 or {"code": …} / {"id": …}: the text that stands for it. */
export function ref(value: Json | undefined): string | null {
    if (value !== null && typeof value === "object") return textOrNull(obj(value)["code"]) ?? textOrNull(obj(value)["id"]);
    return textOrNull(value);
}
function place(value: Json | undefined): LonLat | null {
    const [lon, lat] = list(value).map((v) => num(v));
    return lon != null && lat != null ? [lon, lat] : null;
}
function bbox(value: Json | undefined): [number, number, number, number] | null {
    const [w, s, e, n] = list(value).map((v) => num(v));
    return w != null && s != null && e != null && n != null ? [w, s, e, n] : null;
}
export function severityOf(value: Json | undefined): Severity {
    const n = Math.round(num(value) ?? 0);
    return (n < 0 ? 0 : n > 4 ? 4 : n) as Severity;
}
function named(value: Json | undefined): Named {
    const o = obj(value);
    const code = typeof value === "string" ? value : text(o["code"]);
    return { code, name_zh: text(o["name_zh"]) || code, name_en: text(o["name_en"]) || text(o["name_zh"]) || code };
}

export function readDistrict(value: Json): District {
    const o = obj(value);
    const counts = obj(o["counts"]);
    return {
        name_zh: text(o["name_zh"]), name_en: text(o["name_en"]), time_zone: text(o["time_zone"]) || "UTC",
        synthetic: o["synthetic"] === true, attribution: text(o["attribution"]), bbox: bbox(o["bbox"]),
        counts: {
            wards: num(counts["wards"]) ?? 0, sites: num(counts["sites"]) ?? 0,
            things: num(counts["things"]) ?? 0, datastreams: num(counts["datastreams"]) ?? 0,
        },
    };
}

export function readAccount(value: Json): Account {
    const o = obj(obj(value)["account"]);
    return {
        name: text(o["name"]), role: text(o["role"]), all_wards: o["all_wards"] === true,
        wards: list(o["wards"]).map((v) => ref(v) ?? ""),
    };
}

export function readWard(value: Json): Ward {
    const o = obj(value);
    return {
        ...named(value), id: text(o["id"]), synthetic: o["synthetic"] === true,
        seat: place(o["seat"]), bbox: bbox(o["bbox"]),
    };
}

export function readSite(value: Json): Site {
    const o = obj(value);
    return { ...named(value), id: text(o["id"]), kind: text(o["kind"]), ward: ref(o["ward"]), place: place(o["place"]) };
}

export function readThing(value: Json): Thing {
    const o = obj(value);
    const key = text(o["key"]);
    return {
        id: text(o["id"]), feed: ref(o["feed"]) ?? "", key, name_zh: text(o["name_zh"]) || key, name_en: text(o["name_en"]) || text(o["name_zh"]) || key,
        class: text(o["class"]), ward: ref(o["ward"]), site: ref(o["site"]), place: place(o["place"]), health: readHealth(o["health"]),
    };
}

const HEALTH_STATES: readonly string[] = ["silent", "drifting", "late", "ok"];

function readCounts(value: Json | undefined): Counts {
    const o = obj(value);
    return { stored: num(o["stored"]) ?? 0, duplicates: num(o["duplicates"]) ?? 0, corrections: num(o["corrections"]) ?? 0, dead: num(o["dead"]) ?? 0 };
}

/** A state that this page does not know is shown as unknown, never as well. */
function readState(value: Json | undefined): HealthState {
    const state = text(value);
    return HEALTH_STATES.includes(state) ? (state as HealthState) : "unknown";
}

export function readHealth(value: Json | undefined): Health | null {
    const o = obj(value);
    if (o["state"] === undefined) return null;
    return {
        state: readState(o["state"]), silent_since: textOrNull(o["silent_since"]), last_received_at: textOrNull(o["last_received_at"]),
        last_phenomenon_at: textOrNull(o["last_phenomenon_at"]), lag_s: num(o["lag_s"]), expected_s: num(o["expected_s"]),
        expected_from: textOrNull(o["expected_from"]), completeness_24h: num(o["completeness_24h"]), drift_s: num(o["drift_s"]),
        drift_from: textOrNull(o["drift_from"]), counts: readCounts(o["counts"]), as_of: text(o["as_of"]),
    };
}

export function readFeed(value: Json): Feed {
    const o = obj(value);
    const pull = obj(o["pull"]);
    return {
        name: text(o["name"]), title: text(o["title"]) || text(o["name"]), enabled: o["enabled"] !== false, health: null,
        pull: o["pull"] == null ? null : {
            last_page_at: textOrNull(pull["last_page_at"]), failing_since: textOrNull(pull["failing_since"]), last_error: text(pull["last_error"]),
        },
    };
}

export function readFeedHealth(value: Json): FeedHealth | null {
    const o = obj(value);
    const health = readHealth(value);
    const things = obj(o["things"]);
    const n = (name: string): number => num(things[name]) ?? 0;
    return health && {
        ...health, protocol: text(o["protocol"]), open_alerts: num(o["open_alerts"]) ?? 0,
        things: { total: n("total"), ok: n("ok"), late: n("late"), drifting: n("drifting"), silent: n("silent"), unknown: n("unknown") },
    };
}

function tally(value: Json | undefined): [string, number][] {
    return Object.entries(obj(value)).map(([state, n]): [string, number] => [state, num(n) ?? 0]);
}

function plain(value: Json | undefined): string {
    if (value === null || value === undefined) return "";
    if (typeof value !== "object") return String(value);
    return (Array.isArray(value) ? value.map(plain) : Object.entries(value).map(([key, member]) => `${key} ${plain(member)}`)).filter((s) => s.trim() !== "").join(", ");
}

export function readStation(value: Json): Station {
    const o = obj(value);
    return {
        mn: text(o["mn"]), feed: text(o["feed"]), enabled: o["enabled"] !== false, registered: text(o["registered"]),
        connected: o["connected"] === true, connection_since: textOrNull(o["connection_since"]), thing: ref(o["thing"]),
        last_data_at: textOrNull(o["last_data_at"]), commands: tally(o["commands"]), gaps: tally(o["gaps"]),
        events: list(o["events"]).map((item) => {
            const e = obj(item);
            return { id: text(e["id"]), kind: text(e["kind"]), at: text(e["at"]), detail: plain(e["detail"]) };
        }),
    };
}

export function readStationGap(value: Json): StationGap {
    const o = obj(value);
    return { cn: text(o["cn"]), begin: text(o["begin"]), end: text(o["end"]), state: text(o["state"]) };
}

export function readStationCommand(value: Json): StationCommand {
    const o = obj(value);
    return {
        id: text(o["id"]), cn: text(o["cn"]), purpose: text(o["purpose"]), state: text(o["state"]), created_at: text(o["created_at"]),
        requested_by: text(o["requested_by"]), reason: text(o["reason"]),
    };
}

function readLatest(value: Json | undefined): Latest | null {
    const o = obj(value);
    const v = num(o["value"]);
    return v === null ? null : { time: text(o["time"]), value: v, flag: text(o["flag"]) || "N" };
}

export function readDatastream(value: Json): Datastream {
    const o = obj(value);
    const thing = obj(o["thing"]);
    return {
        id: text(o["id"]), thing: text(thing["id"]) || text(o["thing"]), property: ref(o["property"]) ?? "",
        unit: text(o["unit"]) || text(obj(o["property"])["unit"]), latest: readLatest(o["latest"]),
    };
}

export function readObservation(value: Json): Observation {
    const o = obj(value);
    return {
        time: text(o["time"]), interval_s: num(o["interval_s"]) ?? 0, value: num(o["value"]) ?? Number.NaN,
        flag: text(o["flag"]) || "N", version: num(o["version"]) ?? 1,
    };
}

export function readLimit(value: Json | undefined): Limit {
    const o = obj(value);
    return { lower: num(o["lower"]), upper: num(o["upper"]), unit: text(o["unit"]), standard_no: text(o["standard_no"]) };
}

export function readLimitRow(value: Json): LimitRow {
    const o = obj(value);
    return {
        property: ref(o["property"]) ?? "", standard_no: text(o["standard_no"]), class: text(o["class"]),
        lower: num(o["lower"]), upper: num(o["upper"]), status: text(o["status"]), source: text(o["source"]),
    };
}

function readProperty(value: Json | undefined): Property {
    return { ...named(value), unit: text(obj(value)["unit"]) };
}

export function readAlert(value: Json): Alert {
    const o = obj(value);
    const thing = obj(o["thing"]);
    const site = obj(o["site"]);
    const key = text(thing["key"]);
    return {
        id: text(o["id"]), category: o["category"] === "sensor" || o["category"] === "lead" ? "sensor" : "pollution", isLead: o["category"] === "lead",
        rule: named(o["rule"]), severity: severityOf(o["severity"]),
        state: o["state"] === "cleared" ? "cleared" : "open",
        ward: o["ward"] == null ? null : named(o["ward"]),
        thing: o["thing"] == null ? null : {
            id: text(thing["id"]), key, name_zh: text(thing["name_zh"]) || key,
            name_en: text(thing["name_en"]) || text(thing["name_zh"]) || key,
        },
        feed: ref(o["feed"]),
        site: ref(o["site"]),
        site_name: text(site["name_zh"]) ? { name_zh: text(site["name_zh"]), name_en: text(site["name_en"]) || text(site["name_zh"]) } : null,
        datastream: ref(o["datastream"]),
        property: readProperty(o["property"]),
        opened_at: text(o["opened_at"]), detected_at: text(o["detected_at"]),
        last_exceeded_at: text(o["last_exceeded_at"]), cleared_at: textOrNull(o["cleared_at"]),
        exceed_count: num(o["exceed_count"]) ?? 0, last_value: num(o["last_value"]) ?? Number.NaN,
        peak_value: num(o["peak_value"]) ?? Number.NaN, peak_at: text(o["peak_at"]),
        limit: readLimit(o["limit"]), place: place(o["place"]),
    };
}

export function readAlertDetail(value: Json): AlertDetail {
    const o = obj(value);
    const events: AlertEvent[] = list(o["events"]).map((v) => {
        const e = obj(v);
        return { id: text(e["id"]), kind: text(e["kind"]), at: text(e["at"]), recorded_at: text(e["recorded_at"]), actor: text(e["actor"]) };
    });
    return { ...readAlert(value), explanation: o["explanation"] ?? null, events };
}
