// Turns JSON from the server into api_types.ts, checking what it takes: ids become text, absent members
// become null or "", and a reference may come as a code or as an object that holds one.

import type {
    Account, Alert, AlertDetail, AlertEvent, Datastream, District, Json, Latest, Limit, LimitRow, LonLat, Named,
    Observation, Property, Severity, Site, Thing, Ward,
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
        id: text(o["id"]), key, name_zh: text(o["name_zh"]) || key, name_en: text(o["name_en"]) || text(o["name_zh"]) || key,
        class: text(o["class"]), ward: ref(o["ward"]), site: ref(o["site"]), place: place(o["place"]),
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
        id: text(o["id"]), rule: named(o["rule"]), severity: severityOf(o["severity"]),
        state: o["state"] === "cleared" ? "cleared" : "open",
        ward: o["ward"] == null ? null : named(o["ward"]),
        thing: o["thing"] == null ? null : {
            id: text(thing["id"]), key, name_zh: text(thing["name_zh"]) || key,
            name_en: text(thing["name_en"]) || text(thing["name_zh"]) || key,
        },
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
