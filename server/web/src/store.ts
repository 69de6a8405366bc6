// What the page knows, in one place, and who wants to hear of changes.

import { type Filters, NO_FILTERS } from "./alert_order";
import type { Account, Alert, Category, Datastream, District, Feed, Json, LonLat, Site, Thing, Ward } from "./api_types";
import { NO_THING_FILTERS, type ThingFilters } from "./health";

export type Topic = "alerts" | "filters" | "selection" | "hover" | "places" | "latest" | "live" | "health" | "feeds" | "tab" | "hotspots" | "trace";
export type LiveState = "connecting" | "live" | "lost";

/** What the left panel lists: alerts of either category, sensors by their health, feeds. */
export type Tab = Category | "things" | "feeds";
export const TABS: readonly Tab[] = ["pollution", "sensor", "things", "feeds"];

/** What the right panel shows in full. */
export interface Selection {
    kind: "alert" | "thing" | "feed";
    id: string; // a feed's is its name
}

/** How reading the health of things or feeds went the last time. */
export interface Loading {
    state: "loading" | "ready" | "failed";
    message: string;
}

/** What the pointer or the keyboard is on, in the list or on the map. */
export type Hover = { alert: string } | { thing: string } | { ward: string } | null;

type Layer = GeoJSON.FeatureCollection;
export const EMPTY: Layer = { type: "FeatureCollection", features: [] };

export class Store {
    district: District | null = null;
    account: Account | null = null;
    wards = new Map<string, Ward>(); // by code
    sites = new Map<string, Site>(); // by id and by code
    things = new Map<string, Thing>(); // by id: all of a small district; of a large one those in trouble and those that were asked for
    hasAllThings = false;
    missing = new Set<string>(); // things that were asked for in vain
    seenAt = new Map<string, LonLat>(); // things that the pointer met on the map
    layers = { sites: EMPTY, waterways: EMPTY, hotspots: EMPTY, trace: EMPTY };
    waterways: Json[] = [];
    alerts = new Map<string, Alert>(); // by id
    latest = new Map<string, Datastream[]>(); // by thing: of those that somebody looks at
    filters: Filters = NO_FILTERS;
    tab: Tab = "pollution";
    thingFilters: ThingFilters = NO_THING_FILTERS;
    feeds: Feed[] | null = null; // null: this account may not read them
    reading: { things: Loading; feeds: Loading } = { things: { state: "loading", message: "" }, feeds: { state: "loading", message: "" } };
    selected: Selection | null = null;
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

    selectedId(kind: Selection["kind"]): string | null {
        return this.selected?.kind === kind ? this.selected.id : null;
    }

    /** Feeds are read by those who work with them; a question that would only be refused is not asked. */
    mayReadFeeds(): boolean {
        return ["prosecutor", "analyst", "admin"].includes(this.account?.role ?? "");
    }

    mayReadStations(): boolean {
        return this.mayReadFeeds() && this.account?.all_wards === true;
    }

    feedTitle(name: string): string {
        return this.feeds?.find((feed) => feed.name === name)?.title ?? name;
    }

    touch(): void {
        this.updated = new Date();
        this.changed("live");
    }
}
