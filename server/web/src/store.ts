// What the page knows, in one place, and who wants to hear of changes.

import { type Filters, NO_FILTERS } from "./alert_order";
import type { Account, Alert, Datastream, District, Json, Site, Thing, Ward } from "./api_types";
import type { ThingLook } from "./icons";

export type Topic = "alerts" | "filters" | "selection" | "hover" | "places" | "latest" | "live";
export type LiveState = "connecting" | "live" | "lost";

/** What the pointer or the keyboard is on, in the list or on the map. */
export type Hover = { alert: string } | { thing: string } | { ward: string } | null;

type Layer = GeoJSON.FeatureCollection;
const EMPTY: Layer = { type: "FeatureCollection", features: [] };

export class Store {
    district: District | null = null;
    account: Account | null = null;
    wards = new Map<string, Ward>(); // by code
    sites = new Map<string, Site>(); // by id and by code
    things = new Map<string, Thing>(); // by id
    layers = { wards: EMPTY, sites: EMPTY, waterways: EMPTY };
    waterways: Json[] = [];
    alerts = new Map<string, Alert>(); // by id
    latest = new Map<string, Datastream[]>(); // by thing
    filters: Filters = NO_FILTERS;
    selected: string | null = null; // an alert's id
    hover: Hover = null;
    unseen = new Set<string>(); // alerts that came live and were not opened yet
    live: LiveState = "connecting";
    updated: Date | null = null; // when the server last told us something

    private readonly listeners = new Map<Topic, Set<() => void>>();
    private readonly pending = new Set<Topic>();

    on(topics: Topic[], call: () => void): void {
        for (const topic of topics) {
            const known = this.listeners.get(topic) ?? new Set();
            known.add(call);
            this.listeners.set(topic, known);
        }
    }

    /** Listeners are called once a turn, however many changes were told. */
    changed(...topics: Topic[]): void {
        if (this.pending.size === 0) queueMicrotask(() => this.tell());
        for (const topic of topics) this.pending.add(topic);
    }

    private tell(): void {
        const calls = new Set<() => void>();
        for (const topic of this.pending) for (const call of this.listeners.get(topic) ?? []) calls.add(call);
        this.pending.clear();
        for (const call of calls) call();
    }

    siteOf(alert: Alert): { name_zh: string; name_en: string } | null {
        return (alert.site ? this.sites.get(alert.site) : undefined) ?? alert.site_name;
    }

    touch(): void {
        this.updated = new Date();
        this.changed("live");
    }
}

/** After this long without a value a sensor counts as silent. */
export const SILENT_AFTER_MS = 6 * 3_600_000;

/** How a sensor looks from its newest values: the newest decides; a flag shows only when nothing newer is normal. */
export function thingLook(streams: readonly Datastream[] | undefined, now: number): ThingLook {
    if (streams === undefined) return "unknown";
    let newest = Number.NEGATIVE_INFINITY;
    let flag = "N";
    for (const stream of streams) {
        const at = stream.latest ? Date.parse(stream.latest.time) : Number.NaN;
        if (stream.latest && at > newest) {
            newest = at;
            flag = stream.latest.flag;
        } else if (stream.latest && at === newest && stream.latest.flag !== "N") {
            flag = stream.latest.flag;
        }
    }
    if (now - newest > SILENT_AFTER_MS) return "silent";
    return flag === "N" ? "ok" : "flagged";
}
