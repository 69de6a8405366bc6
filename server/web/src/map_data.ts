// What the map is given: the server's features joined with what is open now. Pure.

import { byThing, byWard } from "./alert_order";
import { nameOf, t } from "./i18n";
import { obj, text } from "./api_read";
import type { Json, LonLat } from "./api_types";
import { isIll, stateOf, thingLook } from "./health";
import { SITE_KINDS } from "./icons";
import { look } from "./severity";
import type { Store } from "./store";

type Collection = GeoJSON.FeatureCollection;
type Members = { [key: string]: Json };

function collection(features: GeoJSON.Feature[]): Collection {
    return { type: "FeatureCollection", features };
}

function point(place: LonLat, properties: Members): GeoJSON.Feature {
    return { type: "Feature", geometry: { type: "Point", coordinates: place }, properties };
}

export function wardFeatures(store: Store): Collection {
    const states = byWard(store.alerts.values());
    return collection(store.layers.wards.features.filter((f) => f.geometry).map((feature) => {
        const code = text(obj(feature.properties as Json)["code"]);
        return { ...feature, properties: { code, severity: states.get(code)?.worst ?? 0 } };
    }));
}

/** Names, and in words what the colour says. */
export function wardLabels(store: Store): Collection {
    const states = byWard(store.alerts.values());
    const out: GeoJSON.Feature[] = [];
    for (const ward of store.wards.values()) {
        const place = ward.seat ?? (ward.bbox ? [(ward.bbox[0] + ward.bbox[2]) / 2, (ward.bbox[1] + ward.bbox[3]) / 2] as LonLat : null);
        const state = states.get(ward.code);
        if (place) {
            out.push(point(place, {
                code: ward.code, name: nameOf(ward), severity: state?.worst ?? 0,
                note: state ? `${t(look(state.worst).word)} · ${state.open}` : "",
            }));
        }
    }
    return collection(out);
}

export function siteFeatures(store: Store): Collection {
    const seen = new Set<string>();
    const out: GeoJSON.Feature[] = [];
    for (const site of store.sites.values()) {
        if (!site.place || seen.has(site.id)) continue;
        seen.add(site.id);
        out.push(point(site.place, { id: site.id, kind: SITE_KINDS.includes(site.kind) ? site.kind : "other", name: nameOf(site) }));
    }
    return collection(out);
}

/** The sign of a thing is its pollution alert; what is wrong with the sensor itself is then a badge beside it. */
export function thingFeatures(store: Store): Collection {
    const states = byThing(store.alerts.values());
    const out: GeoJSON.Feature[] = [];
    for (const thing of store.things.values()) {
        if (!thing.place) continue;
        const severity = states.get(thing.id)?.worst ?? 0;
        const state = stateOf(thing);
        const ill = isIll(state) ? 1 : 0;
        const icon = severity > 0 ? `severity-${severity}` : `thing-${thingLook(thing, store.latest.get(thing.id) ?? [])}`;
        out.push(point(thing.place, { id: thing.id, severity, ill, icon, badge: severity > 0 && ill ? `thing-${state}` : "", name: nameOf(thing) }));
    }
    return collection(out);
}

const SHOWN = ["severity", "ill", "icon", "badge", "name"] as const;

/** The features that look different; null: another set, order or place of things, so that all must be given anew. */
export function changedFeatures(before: Collection | null, now: Collection): GeoJSON.Feature[] | null {
    if (before === null || before.features.length !== now.features.length) return null;
    const out: GeoJSON.Feature[] = [];
    for (const [i, feature] of now.features.entries()) {
        const old = before.features[i];
        const [p, q] = [feature.properties ?? {}, old?.properties ?? {}];
        const [[x, y], [oldX, oldY]] = [feature, old].map((f) => (f?.geometry as GeoJSON.Point | undefined)?.coordinates ?? []) as [number[], number[]];
        if (p["id"] !== q["id"] || x !== oldX || y !== oldY) return null;
        if (SHOWN.some((name) => p[name] !== q[name])) out.push(feature);
    }
    return out;
}

/** Hot and cold places alone: what is not significant is not drawn. */
export function hotspotFeatures(store: Store): Collection {
    return collection(store.layers.hotspots.features.filter((f) => f.geometry).flatMap((feature) => {
        const o = obj(feature.properties as Json);
        const name = nameOf({ name_zh: text(o["name_zh"]), name_en: text(o["name_en"]) });
        const members = { places: text(o["places"]), kind: text(o["class"]), name, value: Number(o["value"]), unit: text(o["unit"]), property: text(o["property"]), q: Number(o["q"]) };
        return members.kind === "" ? [] : [{ ...feature, properties: members }];
    }));
}

/** Lines of the stretch and of what lies below, sources, the next sample: of the alert that is read. */
export function traceFeatures(store: Store): Collection {
    return collection(store.layers.trace.features.filter((f) => f.geometry).map((feature) => {
        const o = obj(feature.properties as Json);
        return { ...feature, properties: { role: text(o["role"]), probability: Number(o["probability"] ?? 0) } };
    }));
}

export function waterwayFeatures(store: Store): Collection {
    return collection(store.layers.waterways.features.filter((f) => f.geometry).map((feature) => {
        const o = obj(feature.properties as Json);
        const name = nameOf({ name_zh: text(o["name_zh"]), name_en: text(o["name_en"]) });
        const isMarked = o["synthetic"] !== true || name === "" || name.includes(t("synthetic_mark")); // some carry it in their name
        return { ...feature, properties: { name: isMarked ? name : `${name} (${t("synthetic_mark")})` } };
    }));
}

/** Where an alert is: its own place, else its thing's, else its ward's seat. */
export function alertPlace(store: Store, id: string | null): LonLat | null {
    const alert = id === null ? undefined : store.alerts.get(id);
    if (!alert) return null;
    return alert.place ?? (alert.thing ? store.things.get(alert.thing.id)?.place : null) ?? (alert.ward ? store.wards.get(alert.ward.code)?.seat : null) ?? null;
}

/** Where the selected alert or thing is. */
export function selectedPlace(store: Store): LonLat | null {
    const thing = store.selectedId("thing");
    return thing === null ? alertPlace(store, store.selectedId("alert")) : store.things.get(thing)?.place ?? null;
}
