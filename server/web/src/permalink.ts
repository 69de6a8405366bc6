// The part of the page that a link can hold: view, selection, filters, in the URL's hash.
// Example: #z=11.2&c=107.0731,29.8604&alert=42&ward=500115001&state=all&sev=2, or #tab=things&health=silent&thing=7

import type { LonLat, Severity } from "./api_types";
import { NO_FILTERS, type Filters } from "./alert_order";
import { HEALTH_STATES, NO_THING_FILTERS, type ThingFilters } from "./health";
import { TABS, type Selection, type Tab } from "./store";

export interface Link {
    view: { zoom: number; centre: LonLat } | null;
    selected: Selection | null;
    filters: Filters;
    tab: Tab;
    thingFilters: ThingFilters;
}

function readSelection(params: URLSearchParams): Selection | null {
    for (const kind of ["alert", "thing"] as const) {
        const id = params.get(kind);
        if (id && /^\d{1,19}$/.test(id)) return { kind, id };
    }
    const feed = params.get("feed");
    return feed ? { kind: "feed", id: feed } : null;
}

function readThingFilters(params: URLSearchParams): ThingFilters {
    const state = params.get("health") ?? "";
    const isState = ["all", ...HEALTH_STATES].includes(state);
    return {
        state: isState ? (state as ThingFilters["state"]) : NO_THING_FILTERS.state,
        feed: params.get("of") ?? "", ward: params.get("in") ?? "", words: params.get("find") ?? "",
    };
}

export function readLink(hash: string): Link {
    const params = new URLSearchParams(hash.replace(/^#/, ""));
    const zoom = Number(params.get("z") ?? "");
    const [lon, lat] = (params.get("c") ?? "").split(",").map(Number);
    const isView = params.has("z") && Number.isFinite(zoom) && zoom >= 0 && zoom <= 24 && lon !== undefined && lat !== undefined
        && Math.abs(lon) <= 180 && Math.abs(lat) <= 85;
    const state = params.get("state");
    const severity = Number(params.get("sev") ?? "0");
    return {
        view: isView ? { zoom, centre: [lon, lat] } : null,
        selected: readSelection(params),
        tab: TABS.find((tab) => tab === params.get("tab")) ?? "pollution",
        thingFilters: readThingFilters(params),
        filters: {
            ward: params.get("ward") ?? NO_FILTERS.ward,
            state: state === "cleared" || state === "all" ? state : "open",
            severity: (Number.isInteger(severity) && severity >= 0 && severity <= 4 ? severity : 0) as Severity,
        },
    };
}

export function writeLink(link: Link): string {
    const out: string[] = [];
    if (link.view) {
        out.push(`z=${link.view.zoom.toFixed(2)}`);
        out.push(`c=${link.view.centre.map((v) => v.toFixed(5)).join(",")}`);
    }
    if (link.selected) out.push(`${link.selected.kind}=${encodeURIComponent(link.selected.id)}`);
    if (link.tab !== "pollution") out.push(`tab=${link.tab}`);
    const { state, feed, ward, words } = link.thingFilters;
    if (state !== NO_THING_FILTERS.state) out.push(`health=${state}`);
    for (const [name, value] of [["of", feed], ["in", ward], ["find", words]]) if (value) out.push(`${name}=${encodeURIComponent(value)}`);
    if (link.filters.ward) out.push(`ward=${encodeURIComponent(link.filters.ward)}`);
    if (link.filters.state !== "open") out.push(`state=${link.filters.state}`);
    if (link.filters.severity > 0) out.push(`sev=${link.filters.severity}`);
    return out.length > 0 ? "#" + out.join("&") : "";
}
