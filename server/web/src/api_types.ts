// The shapes of docs/API.md, as this page uses them. `read_*` in api_read.ts makes them from JSON.

export type LonLat = [number, number];
export type Severity = 0 | 1 | 2 | 3 | 4;
export type AlertState = "open" | "cleared";

/** Something with a name in both languages. */
export interface Named {
    code: string;
    name_zh: string;
    name_en: string;
}

export interface District {
    name_zh: string;
    name_en: string;
    time_zone: string;
    synthetic: boolean;
    attribution: string;
    bbox: [number, number, number, number] | null;
    counts: { wards: number; sites: number; things: number; datastreams: number };
}

export interface Account {
    name: string;
    role: string;
    all_wards: boolean;
    wards: string[];
}

export interface Ward extends Named {
    id: string;
    seat: LonLat | null;
    bbox: [number, number, number, number] | null;
    synthetic: boolean;
}

export interface Site extends Named {
    id: string;
    kind: string;
    ward: string | null;
    place: LonLat | null;
}

export interface Thing {
    id: string;
    key: string;
    name_zh: string;
    name_en: string;
    class: string;
    ward: string | null;
    site: string | null;
    place: LonLat | null;
}

export interface Property extends Named {
    unit: string;
}

export interface Latest {
    time: string;
    value: number;
    flag: string;
}

export interface Datastream {
    id: string;
    thing: string;
    property: string;
    unit: string;
    latest: Latest | null;
}

export interface Observation {
    time: string;
    interval_s: number;
    value: number;
    flag: string;
    version: number;
}

export interface Limit {
    lower: number | null;
    upper: number | null;
    unit: string;
    standard_no: string;
}

export interface Alert {
    id: string;
    rule: Named;
    severity: Severity;
    state: AlertState;
    ward: Named | null;
    thing: { id: string; key: string; name_zh: string; name_en: string } | null;
    site: string | null; // its code or id
    site_name: { name_zh: string; name_en: string } | null; // when the server tells it with the alert
    datastream: string | null;
    property: Property;
    opened_at: string;
    detected_at: string;
    last_exceeded_at: string;
    cleared_at: string | null;
    exceed_count: number;
    last_value: number;
    peak_value: number;
    peak_at: string;
    limit: Limit;
    place: LonLat | null;
}

export interface AlertEvent {
    id: string;
    kind: string;
    at: string;
    recorded_at: string;
    actor: string;
}

export interface AlertDetail extends Alert {
    explanation: Json;
    events: AlertEvent[];
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A row of the `limits` list, as far as the page needs it. */
export interface LimitRow {
    property: string;
    standard_no: string;
    class: string;
    lower: number | null;
    upper: number | null;
    status: string;
    source: string;
}
