// The part of the page that a link can hold: view, selection, filters, in the URL's hash.
// Example: #z=11.2&c=107.0731,29.8604&alert=42&ward=500115001&state=all&sev=2

import type { LonLat, Severity } from "./api_types";
import { NO_FILTERS, type Filters } from "./alert_order";

export interface Link {
    view: { zoom: number; centre: LonLat } | null;
    alert: string | null;
    filters: Filters;
}

export function readLink(hash: string): Link {
    const params = new URLSearchParams(hash.replace(/^#/, ""));
    const zoom = Number(params.get("z") ?? "");
    const [lon, lat] = (params.get("c") ?? "").split(",").map(Number);
    const isView = params.has("z") && Number.isFinite(zoom) && zoom >= 0 && zoom <= 24 && lon !== undefined && lat !== undefined
        && Math.abs(lon) <= 180 && Math.abs(lat) <= 85;
    const state = params.get("state");
    const severity = Number(params.get("sev") ?? "0");
    const alert = params.get("alert");
    return {
        view: isView ? { zoom, centre: [lon, lat] } : null,
        alert: alert && /^\d{1,19}$/.test(alert) ? alert : null,
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
    if (link.alert) out.push(`alert=${link.alert}`);
    if (link.filters.ward) out.push(`ward=${encodeURIComponent(link.filters.ward)}`);
    if (link.filters.state !== "open") out.push(`state=${link.filters.state}`);
    if (link.filters.severity > 0) out.push(`sev=${link.filters.severity}`);
    return out.length > 0 ? "#" + out.join("&") : "";
}
