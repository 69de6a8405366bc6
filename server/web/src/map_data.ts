// What the map is given beside the live tiles: names, sites, waters, and what belongs to the alert that is read. Pure.

import { byWard } from "./alert_order";
import { nameOf, t } from "./i18n";
import { obj, text } from "./api_read";
import type { Json, LonLat } from "./api_types";
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

/** As the list knows it, else as it was seen on the map. */
export function thingPlace(store: Store, id: string): LonLat | null {
    return store.things.get(id)?.place ?? store.seenAt.get(id) ?? null;
}

/** Where an alert is: its own place, else its thing's, else its ward's seat. */
export function alertPlace(store: Store, id: string | null): LonLat | null {
    const alert = id === null ? undefined : store.alerts.get(id);
    if (!alert) return null;
    return alert.place ?? (alert.thing ? thingPlace(store, alert.thing.id) : null) ?? (alert.ward ? store.wards.get(alert.ward.code)?.seat : null) ?? null;
}

/** Where the selected alert or thing is. */
export function selectedPlace(store: Store): LonLat | null {
    const thing = store.selectedId("thing");
    return thing === null ? alertPlace(store, store.selectedId("alert")) : thingPlace(store, thing);
}
