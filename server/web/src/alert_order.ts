// Which alerts the list shows, and in which order: pure functions of alerts and filters.

import type { Alert, AlertState, Category, Severity } from "./api_types";

export interface Filters {
    ward: string; // a code; "" = all; "-" = outside all wards
    state: AlertState | "all";
    severity: Severity; // this one and worse
}

export const NO_FILTERS: Filters = { ward: "", state: "open", severity: 0 };

/** Open before cleared, then the worst first, then the newest first; ids settle ties, so that the order is total. */
export function compareAlerts(a: Alert, b: Alert): number {
    if (a.state !== b.state) return a.state === "open" ? -1 : 1;
    if (a.severity !== b.severity) return b.severity - a.severity;
    const when = Date.parse(b.opened_at) - Date.parse(a.opened_at);
    if (when !== 0) return when;
    return Number(b.id) - Number(a.id);
}

export function matches(alert: Alert, filters: Filters): boolean {
    if (filters.state !== "all" && alert.state !== filters.state) return false;
    if (alert.severity < filters.severity) return false;
    if (filters.ward === "") return true;
    // an alert about a whole feed is nowhere, neither in a ward nor outside
    return filters.ward === "-" ? alert.ward === null && alert.feed === null : alert.ward?.code === filters.ward;
}

export function listed(alerts: Iterable<Alert>, category: Category, filters: Filters): Alert[] {
    return [...alerts].filter((alert) => alert.category === category && matches(alert, filters)).sort(compareAlerts);
}

export interface WardState {
    worst: Severity;
    open: number;
}

/** Worst severity and number of the open pollution alerts of each ward code: a broken sensor soils no ward. */
export function byWard(alerts: Iterable<Alert>): Map<string, WardState> {
    return group(alerts, (alert) => alert.ward?.code);
}

/** The same of each thing. */
export function byThing(alerts: Iterable<Alert>): Map<string, WardState> {
    return group(alerts, (alert) => alert.thing?.id);
}

function group(alerts: Iterable<Alert>, key: (alert: Alert) => string | undefined): Map<string, WardState> {
    const out = new Map<string, WardState>();
    for (const alert of alerts) {
        const at = key(alert);
        if (alert.state !== "open" || alert.category !== "pollution" || at === undefined) continue;
        const known = out.get(at) ?? { worst: 0, open: 0 };
        out.set(at, { worst: Math.max(known.worst, alert.severity) as Severity, open: known.open + 1 });
    }
    return out;
}

export function countBySeverity(alerts: Iterable<Alert>, category: Category): number[] {
    const counts = [0, 0, 0, 0, 0];
    for (const alert of alerts) {
        if (alert.state === "open" && alert.category === category) counts[alert.severity] = (counts[alert.severity] ?? 0) + 1;
    }
    return counts;
}
