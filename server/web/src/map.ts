// The map: shows what the store holds, tells what is hovered and chosen. It works without a network of its own;
// where WebGL is missing, the page says so and goes on with the list.

import { Map as MapLibre, NavigationControl, ScaleControl, setWorkerUrl, type GeoJSONSource, type LngLatBoundsLike, type MapLayerMouseEvent } from "maplibre-gl";
import { compareAlerts } from "./alert_order";
import type { LonLat } from "./api_types";
import { el, isDarkScheme, isNarrow, wantsCalm } from "./dom";
import { propertyLabel, quantity, shortDateTime } from "./format";
import { nameOf, t } from "./i18n";
import { healthWords, stateWord } from "./health_words";
import { svgIcon, thingIcon } from "./icons";
import { alertPlace, changedFeatures, hotspotFeatures, selectedPlace, siteFeatures, thingFeatures, traceFeatures, wardFeatures, wardLabels, waterwayFeatures } from "./map_data";
import { addImages, addSources, layers, type SourceName } from "./map_layers";
import { stateOf } from "./health";
import type { Hover, Selection, Store } from "./store";

const MOST_UPDATES = 2_000; // beyond this giving all anew is less work

export interface MapActions {
    select(selection: Selection): void;
    chooseWard(code: string): void;
    hover(hover: Hover): void;
    moved(): void;
}

export class RiskMap {
    private readonly map: MapLibre;
    private readonly tip = el("div", { class: "tip", hidden: true });
    private ready = false;
    private wentTo: Selection | null; // what the map was last moved to
    private drawn: GeoJSON.FeatureCollection | null = null; // the things as they were last given to the map
    private readonly stale = new Set<"alerts" | "places" | "things" | "hotspots" | "trace">();
    private dataTimer: ReturnType<typeof setTimeout> | undefined;

    constructor(private readonly box: HTMLElement, private readonly store: Store, private readonly actions: MapActions, view: { zoom: number; centre: LonLat } | null, selected: Selection | null) {
        this.wentTo = view ? selected : null; // a link that holds a view keeps it
        setWorkerUrl(document.querySelector<HTMLMetaElement>('meta[name="ww-map-worker"]')?.content ?? "");
        const bounds = store.district?.bbox;
        this.map = new MapLibre({
            container: box,
            style: { version: 8, sources: {}, layers: [] },
            ...(view ? { center: view.centre, zoom: view.zoom } : bounds ? { bounds: bounds as LngLatBoundsLike, fitBoundsOptions: { padding: this.padding() } } : {}),
            attributionControl: false, // the page has its own, in both languages
            dragRotate: false, pitchWithRotate: false, touchPitch: false,
            minZoom: 3, maxZoom: 18, fadeDuration: wantsCalm() ? 0 : 150,
            locale: { "NavigationControl.ZoomIn": t("zoom_in"), "NavigationControl.ZoomOut": t("zoom_out"), "Map.Title": t("map_title") },
        });
        this.map.touchZoomRotate.disableRotation();
        this.map.addControl(new NavigationControl({ showCompass: false }), "top-right");
        this.map.addControl(new ScaleControl({ maxWidth: 110 }), "bottom-right");
        box.append(this.tip);
        this.map.on("load", () => this.install());
        this.map.on("moveend", () => actions.moved());
        this.listen();
        store.on(["alerts"], () => this.dataLater("alerts"));
        store.on(["places"], () => this.dataLater("places"));
        store.on(["latest", "looks"], () => this.dataLater("things"));
        store.on(["trace"], () => this.dataLater("trace"));
        store.on(["hotspots"], () => this.dataLater("hotspots"));
        store.on(["selection"], () => {
            this.focus();
            this.goToSelected();
        });
        store.on(["hover"], () => this.focus());
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.restyle());
    }

    view(): { zoom: number; centre: LonLat } {
        const centre = this.map.getCenter();
        return { zoom: this.map.getZoom(), centre: [centre.lng, centre.lat] };
    }

    setView(view: { zoom: number; centre: LonLat }): void {
        this.map.jumpTo({ center: view.centre, zoom: view.zoom });
    }

    fitDistrict(): void {
        const bounds = this.store.district?.bbox;
        if (bounds) this.map.fitBounds(bounds as LngLatBoundsLike, { padding: this.padding(), animate: !wantsCalm() });
    }

    /** The language changed: names and the words of the controls. */
    relabel(): void {
        if (this.ready) this.allData();
        for (const [name, key] of [["zoom-in", "zoom_in"], ["zoom-out", "zoom_out"]] as const) {
            const button = this.box.querySelector(`.maplibregl-ctrl-${name}`);
            button?.setAttribute("aria-label", t(key));
            button?.setAttribute("title", t(key));
        }
        this.map.getCanvas().setAttribute("aria-label", t("map_title"));
    }

    private padding(): { top: number; bottom: number; left: number; right: number } {
        // the sheet covers the lower part of a small screen
        return isNarrow() ? { top: 110, bottom: Math.round(this.box.clientHeight * 0.45), left: 24, right: 24 } : { top: 40, bottom: 40, left: 40, right: 40 };
    }

    private install(): void {
        addSources(this.map);
        this.ready = true;
        this.restyle();
        this.relabel();
        this.focus();
        this.box.dataset["ready"] = "true";
    }

    private restyle(): void {
        if (!this.ready) return;
        const isDark = isDarkScheme();
        addImages(this.map, isDark);
        for (const layer of layers(isDark)) {
            if (this.map.getLayer(layer.id)) this.map.removeLayer(layer.id);
            this.map.addLayer(layer);
        }
    }

    private put(name: SourceName, data: GeoJSON.FeatureCollection): void {
        void this.map.getSource<GeoJSONSource>(name)?.setData(data);
    }

    /** A burst of changes costs one drawing, and only of what they concern. */
    private dataLater(what: "alerts" | "places" | "things" | "hotspots" | "trace"): void {
        this.stale.add(what);
        this.dataTimer ??= setTimeout(() => {
            this.dataTimer = undefined;
            if (this.ready) this.data();
        }, 200);
    }

    private allData(): void {
        this.stale.add("places");
        this.data();
    }

    private data(): void {
        const { stale, store } = this;
        if (stale.has("places")) {
            this.put("waterways", waterwayFeatures(store));
            this.put("sites", siteFeatures(store));
        }
        if (stale.has("places") || stale.has("hotspots")) this.putHotspots(hotspotFeatures(store));
        if (stale.has("places") || stale.has("trace")) this.putTrace(traceFeatures(store));
        if (stale.has("places") || stale.has("alerts")) {
            this.put("wards", wardFeatures(store));
            this.put("labels", wardLabels(store));
        }
        this.putThings(thingFeatures(store));
        stale.clear();
        this.focus();
    }

    private putTrace(trace: GeoJSON.FeatureCollection): void {
        this.put("trace", trace);
        this.box.dataset["trace"] = String(trace.features.length);
    }

    /** How many are drawn is told to whoever asks the page, and to its tests. */
    private putHotspots(hotspots: GeoJSON.FeatureCollection): void {
        this.put("hotspots", hotspots);
        this.box.dataset["hotspots"] = String(hotspots.features.length);
    }

    /** Twenty thousand points take the main thread a tenth of a second to hand over: only what looks different is. */
    private putThings(things: GeoJSON.FeatureCollection): void {
        const changed = changedFeatures(this.drawn, things);
        this.drawn = things;
        if (changed === null || changed.length > MOST_UPDATES) return this.put("things", things);
        if (changed.length === 0) return undefined;
        void this.map.getSource<GeoJSONSource>("things")?.updateData({
            update: changed.map(({ properties }) => ({
                id: String(properties?.["id"]), addOrUpdateProperties: Object.entries(properties ?? {}).map(([key, value]) => ({ key, value: value as unknown })),
            })),
        });
        return undefined;
    }

    /** Rings around what is selected and hovered, a line around their ward. */
    private focus(): void {
        if (!this.ready) return;
        const { store } = this;
        const points: GeoJSON.Feature[] = [];
        const ring = (place: LonLat | null | undefined, selected: boolean): void => {
            if (place) points.push({ type: "Feature", geometry: { type: "Point", coordinates: place }, properties: { selected } });
        };
        const hover = store.hover;
        ring(selectedPlace(store), true);
        if (hover && "alert" in hover) ring(alertPlace(store, hover.alert), false);
        if (hover && "thing" in hover) ring(store.things.get(hover.thing)?.place, false);
        const wardOf = (id: string | null): string | undefined => (id ? store.alerts.get(id)?.ward?.code : undefined);
        const codes = new Set([wardOf(store.selectedId("alert")), hover && "alert" in hover ? wardOf(hover.alert) : undefined,
            hover && "ward" in hover ? hover.ward : undefined, store.filters.ward]);
        this.put("focus", { type: "FeatureCollection", features: points });
        this.put("focus-ward", { type: "FeatureCollection", features: store.layers.wards.features.filter((f) => f.geometry && codes.has(String(f.properties?.["code"]))) });
    }

    private goToSelected(): void {
        const { selected } = this.store;
        const place = selectedPlace(this.store);
        if (selected === this.wentTo || (selected !== null && !place)) return;
        this.wentTo = selected;
        if (!place) return;
        this.map.resize(); // the details may have come or gone beside it
        const isVisible = this.map.getBounds().contains(place) && !isNarrow();
        if (isVisible && this.map.getZoom() >= 10) return;
        this.map.easeTo({ center: place, zoom: Math.max(this.map.getZoom(), 10.8), padding: isNarrow() ? this.padding() : { top: 0, bottom: 0, left: 0, right: 0 }, animate: !wantsCalm() });
    }

    private listen(): void {
        const canvas = (): HTMLElement => this.map.getCanvas();
        const at = (event: MapLayerMouseEvent, name: string): string => String(event.features?.[0]?.properties[name] ?? "");
        this.map.on("mousemove", "ward-fill", (event) => {
            if (this.hit(event, ["thing", "site", "thing-cluster"])) return;
            this.hideTip();
            this.hover({ ward: at(event, "code") });
        });
        this.map.on("mouseleave", "ward-fill", () => this.hover(null));
        this.map.on("mousemove", "hotspot-fill", (event) => {
            const of = event.features?.[0]?.properties ?? {};
            if (this.hit(event, ["thing", "site", "thing-cluster"])) return;
            this.showTip(event, [el("b", {}, t(of["kind"] === "hot" ? "hotspot_hot" : "hotspot_cold")), el("span", {}, String(of["name"] ?? "")),
                el("span", { class: "value" }, `${propertyLabel(String(of["property"] ?? ""))} ${quantity(Number(of["value"]), String(of["unit"] ?? ""))} · q ${Number(of["q"]).toPrecision(2)}`)]);
        });
        this.map.on("mouseleave", "hotspot-fill", () => this.hideTip());
        this.map.on("mousemove", "thing", (event) => {
            canvas().style.cursor = "pointer";
            this.hover({ thing: at(event, "id") });
            this.showTip(event, this.thingTip(at(event, "id")));
        });
        this.map.on("mousemove", "thing-cluster", (event) => {
            const of = event.features?.[0]?.properties ?? {};
            canvas().style.cursor = "pointer";
            this.showTip(event, [el("b", {}, t("cluster_tip", { n: Number(of["point_count"] ?? 0) })), el("span", {}, Number(of["ill"] ?? 0) > 0 ? t("cluster_ill", { n: Number(of["ill"]) }) : t("cluster_well"))]);
        });
        this.map.on("mousemove", "site", (event) => {
            if (!this.hit(event, ["thing"])) this.showTip(event, [el("b", {}, at(event, "name")), el("span", {}, t("site"))]);
        });
        for (const layer of ["thing", "site", "thing-cluster"]) {
            this.map.on("mouseleave", layer, () => {
                canvas().style.cursor = "";
                this.hideTip();
            });
        }
        this.map.on("click", (event) => {
            const feature = this.map.queryRenderedFeatures(event.point, { layers: ["thing", "thing-cluster", "ward-fill"] })[0];
            if (!feature) return;
            if (feature.layer.id === "thing") this.chooseThing(String(feature.properties["id"]));
            else if (feature.layer.id === "thing-cluster") this.map.easeTo({ center: event.lngLat, zoom: this.map.getZoom() + 1.6, animate: !wantsCalm() });
            else this.actions.chooseWard(String(feature.properties["code"]));
        });
    }

    private hit(event: MapLayerMouseEvent, names: string[]): boolean {
        return this.map.queryRenderedFeatures(event.point, { layers: names }).length > 0;
    }

    private hover(hover: Hover): void {
        if (JSON.stringify(hover) !== JSON.stringify(this.store.hover)) this.actions.hover(hover);
    }

    private chooseThing(id: string): void {
        const worst = [...this.store.alerts.values()].filter((a) => a.thing?.id === id && a.state === "open" && a.category === "pollution").sort(compareAlerts)[0];
        this.hideTip();
        this.actions.select(worst ? { kind: "alert", id: worst.id } : { kind: "thing", id });
    }

    private thingTip(id: string): Node[] {
        const thing = this.store.things.get(id);
        if (!thing) return [];
        const ward = thing.ward ? this.store.wards.get(thing.ward) : undefined;
        const values = (this.store.latest.get(id) ?? []).filter((s) => s.latest).slice(0, 6);
        const state = stateOf(thing);
        return [el("b", {}, nameOf(thing)), el("span", {}, ward ? nameOf(ward) : ""),
            el("span", { class: `tip-health ${state}` }, svgIcon(thingIcon(state, isDarkScheme()), 15), el("span", {}, el("b", {}, stateWord(state)), ` · ${healthWords(thing.health, Date.now())}`)),
            ...values.map((s) => el("span", { class: "value" }, `${propertyLabel(s.property)} ${quantity(s.latest?.value ?? null, s.unit)}`,
                el("small", {}, ` ${shortDateTime(s.latest?.time ?? "")}${s.latest && s.latest.flag !== "N" ? ` · ${s.latest.flag}` : ""}`)))];
    }

    private showTip(event: MapLayerMouseEvent, content: Node[]): void {
        this.tip.replaceChildren(...content);
        this.tip.hidden = content.length === 0;
        const isRight = event.point.x > this.box.clientWidth - 240;
        this.tip.style.left = `${event.point.x + (isRight ? -12 : 14)}px`;
        this.tip.style.top = `${Math.min(event.point.y + 12, this.box.clientHeight - 120)}px`;
        this.tip.classList.toggle("left", isRight);
    }

    private hideTip(): void {
        this.tip.hidden = true;
    }
}
