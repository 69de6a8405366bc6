// The page: loads the district, keeps the alerts live, and ties list, map and details together.

import * as api from "./api";
import { AlertList } from "./alert_list";
import type { Filters } from "./alert_order";
import { byId, el, isNarrow } from "./dom";
import { FeedList } from "./feed_list";
import { setZone } from "./format";
import { drawAttribution, drawHeader, drawLive } from "./header";
import { NO_THING_FILTERS, type ThingFilters } from "./health";
import { HealthPoll } from "./health_poll";
import { nameOf, onLang, t } from "./i18n";
import { drawLegend } from "./legend";
import { LiveStream, type LiveEvent } from "./live";
import { RiskMap } from "./map";
import { readLink, writeLink } from "./permalink";
import { look } from "./severity";
import { makeSheet } from "./sheet";
import { SidePanel } from "./side";
import { Store, TABS, type Hover, type Selection, type Tab } from "./store";
import type { Alert } from "./api_types";
import { panelOf, Tabs } from "./tabs";
import { ThingList } from "./thing_list";
import { aboutName, placeName } from "./ward_names";

const CLEARED_DAYS = 7; // how far back the list of cleared alerts goes
const AGAIN_EVERY_MS = 60_000;
const LATEST_FOR_MS = 10_000; // newest values that were read so long ago are read again when somebody looks
const POINTING_MS = 150; // the pointer only passes by what it leaves sooner

const PANELS = [...new Set(TABS.map(panelOf))];
const LISTS: Record<Tab, string> = { pollution: "alert-list", sensor: "alert-list", things: "thing-list", feeds: "feed-list" };

function toLogin(reason: string): void {
    location.replace("/login" + reason + location.hash);
}

function buildPage(): void {
    document.body.append(
        el("a", { class: "skip", href: "#alert-list", id: "skip" }),
        el("header", { class: "top", id: "top" }),
        el("div", { class: "notice", id: "stale", role: "alert", hidden: true }),
        el("main", { class: "stage", id: "stage" },
            el("section", { class: "panel list", id: "alerts" }, el("div", { class: "tabs", id: "tabs" }), ...PANELS.map((id) => el("div", { class: "tab-panel", id, role: "tabpanel" }))),
            el("section", { class: "mapbox", id: "mapbox" }, el("div", { id: "map" }), el("button", { type: "button", class: "fit", id: "fit" }),
                el("div", { class: "strip" }, el("div", { class: "legend", id: "legend" }), el("div", { class: "attribution", id: "attribution" }))),
            el("section", { class: "panel detail", id: "detail", tabindex: "-1", hidden: true })),
        el("div", { class: "sr", id: "announce", "aria-live": "polite", "aria-atomic": "true" }));
}

export async function showApp(): Promise<void> {
    api.setUnauthorised(() => toLogin(""));
    const store = new Store();
    const link = readLink(location.hash);
    store.filters = link.filters;
    store.tab = link.tab;
    store.thingFilters = link.thingFilters;
    buildPage();
    const page = new Page(store);
    try {
        store.account = await api.session.get();
        store.district = await api.getDistrict();
        setZone(store.district.time_zone);
        await page.loadPlaces();
    } catch (error) {
        if (error instanceof api.ApiError && error.status === 401) return;
        page.fail(error as Error);
        return;
    }
    page.start(link);
}

class Page {
    private readonly tabs: Tabs;
    private readonly list: AlertList;
    private readonly things: ThingList;
    private readonly feeds: FeedList;
    private readonly side: SidePanel;
    private readonly health: HealthPoll;
    private readonly setSheet: ReturnType<typeof makeSheet>;
    private map: RiskMap | null = null;
    private queue = new Map<string, LiveEvent>();
    private queueTimer: ReturnType<typeof setTimeout> | undefined;
    private cameLive = false;
    private clearedLoaded = false;
    private ownHash = "";
    private pointTimer: ReturnType<typeof setTimeout> | undefined;
    private readonly latestAt = new Map<string, number>(); // when newest values were asked for, by thing

    constructor(private readonly store: Store) {
        this.setSheet = makeSheet(byId("stage"));
        this.health = new HealthPoll(store);
        this.tabs = new Tabs(byId("tabs"), store, (tab) => this.choose(tab));
        this.list = new AlertList(byId("panel-alerts"), store, {
            select: (id) => this.select({ kind: "alert", id }),
            setFilters: (filters) => void this.setFilters(filters),
            hover: (hover) => this.hover(hover),
        });
        this.things = new ThingList(byId("panel-things"), store, {
            select: (id) => this.select({ kind: "thing", id }),
            setFilters: (filters) => this.setThingFilters(filters),
            hover: (hover) => this.hover(hover),
            retry: () => this.health.soon(),
        });
        this.feeds = new FeedList(byId("panel-feeds"), store, (id) => this.select({ kind: "feed", id }), () => this.health.soon());
        this.side = new SidePanel(byId("detail"), store, {
            close: () => this.closeDetail(),
            select: (selection) => this.select(selection),
            listThings: (filters) => {
                this.setThingFilters({ ...NO_THING_FILTERS, ...filters });
                this.choose("things");
                if (isNarrow()) this.closeDetail(); // the details lie over the list
                else this.things.focus();
            },
        });
        store.on(["tab"], () => this.showTab());
        store.on(["live"], () => drawLive(store));
        onLang(() => this.draw());
        byId("skip").addEventListener("click", (event) => {
            event.preventDefault();
            this.focusList();
        });
        this.showTab();
        this.draw();
    }

    async loadPlaces(): Promise<void> {
        const { store } = this;
        const [wards, sites, waterways] = await Promise.all([api.getWards(), api.getSites(), api.getWaterways()]);
        store.wards = new Map(wards.map((ward) => [ward.code, ward]));
        store.sites = new Map(sites.items.flatMap((site) => [[site.id, site], [site.code, site]]));
        store.layers = { sites: sites.geojson, waterways: waterways.geojson, hotspots: store.layers.hotspots, trace: store.layers.trace };
        store.changed("places");
    }

    /** What is hot now; without it the map is still right. */
    private async loadHotspots(): Promise<void> {
        try {
            this.store.layers.hotspots = (await api.getHotspots()).geojson;
            this.store.changed("hotspots");
        } catch {
            // as it was: the next question may be answered
        }
    }

    start(link: ReturnType<typeof readLink>): void {
        const { store } = this;
        this.draw();
        try {
            this.map = new RiskMap(byId("map"), this.store, {
                select: (selection) => this.select(selection),
                chooseWard: (code) => this.chooseWard(code),
                hover: (hover) => this.hover(hover),
                wantsLatest: (thing) => this.pointAt(thing),
                moved: () => this.remember(),
            }, link.view, link.selected);
        } catch {
            byId("map").replaceChildren(el("p", { class: "no-map", id: "no-map" }));
            this.draw();
        }
        byId("fit").addEventListener("click", () => this.map?.fitDistrict());
        addEventListener("hashchange", () => this.follow());
        document.addEventListener("keydown", (event) => {
            if (event.key === "Escape" && this.store.selected) this.closeDetail();
        });
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
        this.openStream();
        if (link.filters.state !== "open") void this.loadCleared();
        if (link.selected) this.select(link.selected);
        this.health.start();
        void this.loadHotspots();
        setInterval(() => {
            if (document.hidden) return;
            void this.loadHotspots();
            const thing = store.selectedId("thing");
            if (thing !== null) void this.loadLatest(thing);
            // counts and last values of open alerts move without an event
            if (store.live === "live") void this.loadOpen();
        }, AGAIN_EVERY_MS);
    }

    fail(error: Error): void {
        const stale = byId("stale");
        stale.hidden = false;
        stale.replaceChildren(t("load_failed", { message: error.message }), " ",
            el("button", { type: "button", onclick: () => location.reload() }, t("retry")));
    }

    private draw(): void {
        const { store } = this;
        drawHeader(byId("top"), store);
        drawLegend(byId("legend"));
        drawAttribution(byId("attribution"), store);
        byId("skip").textContent = t("skip_to_list");
        byId("alerts").setAttribute("aria-label", t("lists"));
        byId("mapbox").setAttribute("aria-label", t("map_title"));
        byId("fit").textContent = t("fit_district");
        this.tabs.render();
        this.list.render();
        this.things.render();
        this.feeds.render();
        this.side.render();
        this.map?.relabel();
        const noMap = document.getElementById("no-map");
        if (noMap) noMap.textContent = t("no_webgl");
    }

    // ── the lists ──

    private choose(tab: Tab): void {
        if (tab === this.store.tab) return;
        this.store.tab = tab;
        this.health.look();
        this.store.changed("tab", "hover");
        this.remember();
    }

    private showTab(): void {
        const { tab } = this.store;
        for (const id of PANELS) {
            byId(id).hidden = id !== panelOf(tab);
            if (id === panelOf(tab)) byId(id).setAttribute("aria-labelledby", `tab-${tab}`);
        }
        byId("skip").setAttribute("href", `#${LISTS[tab]}`);
    }

    private focusList(): void {
        const { tab } = this.store;
        (tab === "things" ? this.things : tab === "feeds" ? this.feeds : this.list).focus();
    }

    private setThingFilters(filters: ThingFilters): void {
        this.store.thingFilters = filters;
        this.health.look();
        this.store.changed("tab");
        this.remember();
    }

    /** A ward that is chosen on the map chooses what the list shows. */
    private chooseWard(code: string): void {
        const { store } = this;
        if (store.tab === "things") return this.setThingFilters({ ...store.thingFilters, ward: store.thingFilters.ward === code ? "" : code });
        if (store.tab === "feeds") return undefined;
        void this.setFilters({ ...store.filters, ward: store.filters.ward === code ? "" : code });
        return undefined;
    }

    // ── choosing ──

    private select(selection: Selection): void {
        this.store.selected = selection;
        if (selection.kind === "thing") void this.loadThing(selection.id);
        if (selection.kind === "alert" && this.store.unseen.delete(selection.id)) this.store.changed("alerts");
        if (isNarrow()) this.setSheet("half");
        byId("stage").classList.add("has-detail");
        this.store.changed("selection");
        this.remember();
    }

    private closeDetail(): void {
        const had = this.store.selected;
        this.store.selected = null;
        byId("stage").classList.remove("has-detail");
        this.store.changed("selection");
        this.remember();
        if (had) this.focusList();
    }

    private hover(hover: Hover): void {
        this.store.hover = hover;
        this.store.changed("hover");
    }

    private async setFilters(filters: Filters): Promise<void> {
        this.store.filters = filters;
        this.store.changed("filters", "hover");
        this.remember();
        if (filters.state !== "open") await this.loadCleared();
    }

    // ── the permalink ──

    private remember(): void {
        const { selected, filters, tab, thingFilters } = this.store;
        const hash = writeLink({ view: this.map?.view() ?? null, selected, filters, tab, thingFilters });
        this.ownHash = hash;
        history.replaceState(null, "", location.pathname + location.search + hash);
    }

    /** Somebody typed another hash. */
    private follow(): void {
        if (location.hash === this.ownHash) return;
        const link = readLink(location.hash);
        if (link.view) this.map?.setView(link.view);
        void this.setFilters(link.filters);
        this.setThingFilters(link.thingFilters);
        this.choose(link.tab);
        if (link.selected) this.select(link.selected);
        else if (this.store.selected) this.closeDetail();
    }

    // ── alerts, live ──

    private openStream(): void {
        const { store } = this;
        const stream = new LiveStream("/api/v1/events?tiles=1", {
            // fetched after the stream is there, so that nothing falls between the two
            onOpen: () => {
                store.live = "live";
                store.touch();
                void this.loadOpen();
                this.map?.anythingChanged();
            },
            onEvent: (event) => this.enqueue(event),
            onTiles: (layer, tiles) => {
                store.touch();
                this.map?.tilesChanged(layer, tiles);
            },
            onReset: () => void this.loadOpen(),
            onLost: () => {
                store.live = "lost";
                store.changed("live");
                void api.session.get().then((account) => {
                    if (account === null && store.account !== null) toLogin("?ended=1");
                }).catch(() => undefined); // the server is away: the banner says so
            },
            onSessionEnd: () => toLogin("?ended=1"),
        });
        stream.start();
    }

    private async loadOpen(): Promise<void> {
        try {
            const open = await api.getOpenAlerts();
            const { store } = this;
            const known = new Set([...store.alerts.values()].filter((a) => a.state === "open").map((a) => a.id));
            const fresh = this.cameLive ? open.filter((a) => !store.alerts.has(a.id)) : [];
            for (const alert of open) {
                store.alerts.set(alert.id, alert);
                known.delete(alert.id);
            }
            for (const id of known) store.alerts.delete(id); // cleared while we were not listening
            for (const alert of fresh) store.unseen.add(alert.id);
            if (fresh.length > 0 || known.size > 0) this.say(t("alerts_changed", { n: fresh.length + known.size }));
            if (known.size > 0 && this.clearedLoaded) {
                this.clearedLoaded = false;
                void this.loadCleared();
            }
            this.cameLive = true;
            store.touch();
            store.changed("alerts", "selection");
        } catch {
            this.store.live = "lost";
            this.store.changed("live");
        }
    }

    private async loadCleared(): Promise<void> {
        if (this.clearedLoaded) return;
        this.clearedLoaded = true;
        try {
            const since = new Date(Date.now() - CLEARED_DAYS * 86_400_000).toISOString();
            for (const alert of await api.getClearedAlerts(since)) this.store.alerts.set(alert.id, alert);
            this.store.changed("alerts");
        } catch {
            this.clearedLoaded = false; // the next change of the filter tries again
        }
    }

    /** Events are gathered for a moment: a burst costs a few requests, not one each. */
    private enqueue(event: LiveEvent): void {
        this.queue.set(event.alert_id, event);
        this.queueTimer ??= setTimeout(() => {
            this.queueTimer = undefined;
            const events = [...this.queue.values()];
            this.queue.clear();
            void this.take(events);
        }, 150);
    }

    private async take(events: LiveEvent[]): Promise<void> {
        if (events.length > 12) return this.loadOpen();
        const { store } = this;
        await Promise.all(events.map(async (event) => {
            try {
                const alert = await api.getAlert(event.alert_id);
                const isNew = !store.alerts.has(alert.id) && alert.state === "open";
                store.alerts.set(alert.id, alert);
                if (isNew) store.unseen.add(alert.id);
                if (alert.category === "sensor") this.health.soon();
                if (events.length === 1 && (isNew || event.kind === "cleared")) this.announce(alert, isNew);
                if (store.selectedId("alert") === alert.id) this.side.refreshAlert(alert.id);
            } catch {
                // not visible to us, or the server is away: the stream's state says which
            }
        }));
        if (events.length > 1) this.say(t("alerts_changed", { n: events.length }));
        store.touch();
        store.changed("alerts");
    }

    private announce(alert: Alert, isNew: boolean): void {
        const words = { level: t(look(alert.severity).word), what: nameOf(alert.property) };
        if (alert.category === "sensor") return this.say(t(isNew ? "new_sensor_alert" : "sensor_alert_cleared", { ...words, place: aboutName(alert, this.store) }));
        return this.say(t(isNew ? "new_alert" : "alert_cleared", { ...words, place: placeName(alert) }));
    }

    private say(words: string): void {
        byId("announce").textContent = words;
    }

    // ── one thing ──

    /** All of a thing that somebody chose. */
    private async loadThing(id: string): Promise<void> {
        const { store } = this;
        try {
            const thing = await api.getThing(id);
            if (thing) store.things.set(id, thing);
            if (thing) store.missing.delete(id);
            else store.missing.add(id);
            store.changed("places");
        } catch {
            // what is known stays; the stream's state is what tells of a lost server
        }
        await this.loadLatest(id);
    }

    private pointAt(thing: string): void {
        clearTimeout(this.pointTimer);
        this.pointTimer = setTimeout(() => {
            if (Date.now() - (this.latestAt.get(thing) ?? 0) > LATEST_FOR_MS) void this.loadLatest(thing);
        }, POINTING_MS);
    }

    private async loadLatest(thing: string): Promise<void> {
        const { store } = this;
        this.latestAt.set(thing, Date.now());
        try {
            store.latest.set(thing, await api.getDatastreams(thing));
            store.touch();
            store.changed("latest");
        } catch {
            this.latestAt.delete(thing);
        }
    }
}
