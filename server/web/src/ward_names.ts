// Where an alert is and what it is about, in a few words.

import type { Alert } from "./api_types";
import { nameOf, t } from "./i18n";

export function placeName(alert: Alert): string {
    return alert.ward ? nameOf(alert.ward) : t("outside_wards");
}

export function thingName(alert: Alert): string {
    return alert.thing ? nameOf(alert.thing) : "–";
}
