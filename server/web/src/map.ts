// The map: shows what the store holds, tells what is hovered and chosen. It works without a network of its own;
// where WebGL is missing, the page says so and goes on with the list.

import { Map as MapLibre, NavigationControl, ScaleControl, setWorkerUrl, type GeoJSONSource, type LngLatBoundsLike, type MapLayerMouseEvent } from "maplibre-gl";
import { compareAlerts } from "./alert_order";
import type { LonLat } from "./api_types";
import { el, isDarkScheme, isNarrow, wantsCalm } from "./dom";
import { propertyLabel, quantity } from "./format";
import { lang, t } from "./i18n";
import { alertPlace, hotspotFeatures, selectedPlace, siteFeatures, thingPlace, traceFeatures, wardLabels, waterwayFeatures } from "./map_data";
import { addImages, addSources, layers, nameIn, type SourceName } from "./map_layers";
import { LiveTiles } from "./map_tiles";
import { alertTip, thingTip } from "./map_tips";
import type { Hover, Selection, Store } from "./store";

/** The layers that the pointer finds something in, the first first. */
const CLUSTERS = ["alert-cluster", "thing-cluster"];
const POINTED = ["thing", "alert", ...CLUSTERS];

export interface MapActions {
    select(selection: Selection): void;
    chooseWard(code: string): void;
    hover(hover: Hover): void;
    /** The pointer rests on a thing: its newest values are wanted. */
    wantsLatest(thing: string): void;
    moved(): void;
}

export class RiskMap {
    private readonly map: MapLibre;
    private readonly tiles: LiveTiles;
    private readonly tip = el("div", { class: "tip", hidden: true });
    private ready = false;
    private wentTo: Selection | null; // what the map was last moved to
    private pointed: { id: string; properties: Record<string, unknown>; event: MapLayerMouseEvent } | null = null; // the thing that the tip tells of
    private focused = new Set<number>(); // wards with a line around them, by id
    private readonly stale = new Set<"alerts" | "places" | "hotspots" | "trace">();
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
            maxTileCacheSize: 0, // a tile that comes back into view is asked for again: the browser has it, by its ETag
            minZoom: 3, maxZoom: 18, fadeDuration: wantsCalm() ? 0 : 150,
            locale: { "NavigationControl.ZoomIn": t("zoom_in"), "NavigationControl.ZoomOut": t("zoom_out"), "Map.Title": t("map_title") },
        });
        this.map.touchZoomRotate.disableRotation();
        this.map.on("error", () => undefined); // a tile that could not be had: it is asked for again
        this.tiles = new LiveTiles(this.map);
        Object.assign(box, { map: this.map }); // for tests, and whoever looks with the browser's tools
        this.map.addControl(new NavigationControl({ showCompass: false }), "top-right");
        this.map.addControl(new ScaleControl({ maxWidth: 110 }), "bottom-right");
        box.append(this.tip);
        this.map.on("load", () => this.install());
        this.map.on("moveend", () => actions.moved());
        this.listen();
        store.on(["alerts"], () => this.dataLater("alerts"));
        store.on(["places"], () => this.dataLater("places"));
        store.on(["latest", "health"], () => this.retip());
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

    /** The stream told which tiles of a layer changed. */
    tilesChanged(layer: string, tiles: readonly string[]): void {
        this.tiles.tell(layer, tiles);
    }

    /** The stream was away: anything may have changed. */
    anythingChanged(): void {
        this.tiles.tellAll();
    }

    /** The language changed: names and the words of the controls. */
    relabel(): void {
        if (this.ready) {
            this.allData();
            this.map.setLayoutProperty("thing-name", "text-field", nameIn(lang()));
        }
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
        this.tiles.addSources();
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
        for (const layer of layers(isDark, lang())) {
            if (this.map.getLayer(layer.id)) this.map.removeLayer(layer.id);
            this.map.addLayer(layer);
        }
    }

    private put(name: SourceName, data: GeoJSON.FeatureCollection): void {
        void this.map.getSource<GeoJSONSource>(name)?.setData(data);
    }

    /** A burst of changes costs one drawing, and only of what they concern. */
    private dataLater(what: "alerts" | "places" | "hotspots" | "trace"): void {
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
        if (stale.has("places") || stale.has("alerts")) this.put("labels", wardLabels(store));
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
        if (hover && "thing" in hover) ring(thingPlace(store, hover.thing), false);
        this.put("focus", { type: "FeatureCollection", features: points });
        this.focusWards();
    }

    private focusWards(): void {
        const { store } = this;
        const { hover } = store;
        const wardOf = (id: string | null): string | undefined => (id ? store.alerts.get(id)?.ward?.code : undefined);
        const codes = [wardOf(store.selectedId("alert")), hover && "alert" in hover ? wardOf(hover.alert) : undefined,
            hover && "ward" in hover ? hover.ward : undefined, store.filters.ward];
        const ids = new Set(codes.flatMap((code) => { const ward = code ? store.wards.get(code) : undefined; return ward ? [Number(ward.id)] : []; }));
        for (const id of this.focused) if (!ids.has(id)) this.map.setFeatureState({ source: "ward", sourceLayer: "ward", id }, { focus: false });
        for (const id of ids) this.map.setFeatureState({ source: "ward", sourceLayer: "ward", id }, { focus: true });
        this.focused = ids;
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
        const of = (event: MapLayerMouseEvent): Record<string, unknown> => event.features?.[0]?.properties ?? {};
        this.map.on("mousemove", "ward-fill", (event) => {
            if (this.hit(event, [...POINTED, "site"])) return;
            this.hideTip();
            this.hover({ ward: String(of(event)["code"] ?? "") });
        });
        this.map.on("mouseleave", "ward-fill", () => this.hover(null));
        this.map.on("mousemove", "hotspot-fill", (event) => {
            if (this.hit(event, [...POINTED, "site"])) return;
            const spot = of(event);
            this.showTip(event, [el("b", {}, t(spot["kind"] === "hot" ? "hotspot_hot" : "hotspot_cold")), el("span", {}, String(spot["name"] ?? "")),
                el("span", { class: "value" }, `${propertyLabel(String(spot["property"] ?? ""))} ${quantity(Number(spot["value"]), String(spot["unit"] ?? ""))} · q ${Number(spot["q"]).toPrecision(2)}`)]);
        });
        this.map.on("mouseleave", "hotspot-fill", () => this.hideTip());
        this.map.on("mousemove", "thing", (event) => this.pointAt(event));
        this.map.on("mousemove", CLUSTERS, (event) => {
            const { count, ill } = of(event);
            canvas().style.cursor = "pointer";
            this.pointed = null;
            this.showTip(event, [el("b", {}, t("cluster_tip", { n: Number(count ?? 0) })), el("span", {}, Number(ill ?? 0) > 0 ? t("cluster_ill", { n: Number(ill) }) : t("cluster_well"))]);
        });
        this.map.on("mousemove", "alert", (event) => {
            if (this.hit(event, ["thing"])) return;
            canvas().style.cursor = "pointer";
            this.hover({ alert: String(event.features?.[0]?.id ?? "") });
            this.showTip(event, alertTip(of(event)));
        });
        this.map.on("mousemove", "site", (event) => {
            if (!this.hit(event, POINTED)) this.showTip(event, [el("b", {}, String(of(event)["name"] ?? "")), el("span", {}, t("site"))]);
        });
        for (const layer of [...POINTED, "site"]) {
            this.map.on("mouseleave", layer, () => {
                canvas().style.cursor = "";
                this.hideTip();
            });
        }
        this.map.on("click", (event) => {
            const feature = this.map.queryRenderedFeatures(event.point, { layers: [...POINTED, "ward-fill"] })[0];
            if (!feature) return;
            this.hideTip();
            if (feature.layer.id === "thing") this.chooseThing(String(feature.id), placeOf(feature));
            else if (feature.layer.id === "alert") this.actions.select({ kind: "alert", id: String(feature.id) });
            else if (CLUSTERS.includes(feature.layer.id)) this.map.easeTo({ center: placeOf(feature) ?? event.lngLat, zoom: this.map.getZoom() + 1.6, animate: !wantsCalm() });
            else this.actions.chooseWard(String(feature.properties["code"]));
        });
    }

    private hit(event: MapLayerMouseEvent, names: string[]): boolean {
        return this.map.queryRenderedFeatures(event.point, { layers: names }).length > 0;
    }

    private hover(hover: Hover): void {
        if (JSON.stringify(hover) !== JSON.stringify(this.store.hover)) this.actions.hover(hover);
    }

    private pointAt(event: MapLayerMouseEvent): void {
        const feature = event.features?.[0];
        if (!feature) return;
        const id = String(feature.id);
        const place = placeOf(feature);
        if (place) this.store.seenAt.set(id, place);
        this.map.getCanvas().style.cursor = "pointer";
        if (this.pointed?.id !== id) this.actions.wantsLatest(id);
        this.pointed = { id, properties: feature.properties, event };
        this.hover({ thing: id });
        this.retip();
    }

    private retip(): void {
        if (this.pointed) this.showTip(this.pointed.event, thingTip(this.store, this.pointed.id, this.pointed.properties));
    }

    private chooseThing(id: string, place: LonLat | null): void {
        if (place) this.store.seenAt.set(id, place);
        const worst = [...this.store.alerts.values()].filter((a) => a.thing?.id === id && a.state === "open" && a.category === "pollution").sort(compareAlerts)[0];
        this.actions.select(worst ? { kind: "alert", id: worst.id } : { kind: "thing", id });
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
        this.pointed = null;
        this.tip.hidden = true;
    }
}

function placeOf(feature: GeoJSON.Feature): LonLat | null {
    const [lon, lat] = feature.geometry.type === "Point" ? feature.geometry.coordinates : [];
    return lon === undefined || lat === undefined ? null : [lon, lat];
}
