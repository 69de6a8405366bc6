// Where an alert is and what it is about, in a few words.

import type { Alert, Thing } from "./api_types";
import { nameOf, t } from "./i18n";
import type { Store } from "./store";

export function placeName(alert: Alert): string {
    if (alert.feed !== null) return t("whole_feed");
    return alert.ward ? nameOf(alert.ward) : t("outside_wards");
}

/** The ward of a sensor; one without a place is not outside. */
export function wardOf(store: Store, thing: Thing): string {
    const ward = thing.ward ? store.wards.get(thing.ward) : undefined;
    return ward ? nameOf(ward) : t(thing.place === null ? "no_place" : "outside_wards");
}

export function thingName(alert: Alert): string {
    return alert.thing ? nameOf(alert.thing) : "–";
}

/** The site of a pollution alert, the device of a sensor alert, the feed of an alert about a feed. */
export function aboutName(alert: Alert, store: Store): string {
    if (alert.feed !== null) return store.feedTitle(alert.feed);
    const site = alert.category === "pollution" ? store.siteOf(alert) : null;
    return site ? nameOf(site) : thingName(alert);
}
