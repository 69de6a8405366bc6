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
    feed: string; // its name
    key: string;
    name_zh: string;
    name_en: string;
    class: string;
    ward: string | null;
    site: string | null;
    place: LonLat | null;
    health: Health | null; // null: never seen
}

export type HealthState = "silent" | "drifting" | "late" | "ok" | "unknown";

export interface Counts {
    stored: number;
    duplicates: number;
    corrections: number;
    dead: number;
}

/** Is a sensor still there, does its clock go right, does all of its data come? */
export interface Health {
    state: HealthState;
    silent_since: string | null;
    last_received_at: string | null;
    last_phenomenon_at: string | null;
    lag_s: number | null;
    expected_s: number | null;
    expected_from: string | null; // thing, datastream, station, feed, learned
    completeness_24h: number | null; // 0 … 1
    drift_s: number | null; // positive: its clock is ahead
    drift_from: string | null; // clock, phenomenon
    counts: Counts;
    as_of: string;
}

/** A feed: what it is and, when it could be read, how it is. */
export interface Feed {
    name: string;
    title: string;
    enabled: boolean;
    pull: { last_page_at: string | null; failing_since: string | null; last_error: string } | null;
    health: FeedHealth | null;
}

export interface FeedHealth extends Omit<Health, "expected_from" | "drift_s" | "drift_from"> {
    protocol: string;
    things: Record<HealthState | "total", number>;
    open_alerts: number;
}

/** An HJ 212 station, in short. */
export interface Station {
    mn: string;
    feed: string;
    enabled: boolean;
    registered: string; // config, self …
    connected: boolean;
    connection_since: string | null;
    thing: string | null; // its id
    last_data_at: string | null;
    commands: [string, number][]; // state, how many
    gaps: [string, number][];
    events: { id: string; kind: string; at: string; detail: string }[];
}

export interface StationGap {
    cn: string;
    begin: string;
    end: string;
    state: string;
}

export interface StationCommand {
    id: string;
    cn: string;
    purpose: string;
    state: string;
    created_at: string;
    requested_by: string;
    reason: string;
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

/** What an alert speaks of: the environment, or the instruments that watch it. */
export type Category = "pollution" | "sensor";

export interface Alert {
    id: string;
    category: Category;
    isLead: boolean; // readings that look made up: listed with the sensors, and said so
    rule: Named;
    severity: Severity;
    state: AlertState;
    ward: Named | null;
    thing: { id: string; key: string; name_zh: string; name_en: string } | null;
    feed: string | null; // the name of the feed that the alert is about as a whole
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
