// What the map says of what the pointer is on: from the tile at once, and what the server added since.

import { severityOf } from "./api_read";
import type { HealthState, Json } from "./api_types";
import { el, isDarkScheme } from "./dom";
import { propertyLabel, quantity, shortDateTime } from "./format";
import { isIll } from "./health";
import { healthWords, stateWord } from "./health_words";
import { nameOf, t } from "./i18n";
import { severityIcon, svgIcon, thingIcon } from "./icons";
import { look } from "./severity";
import type { Store } from "./store";

type Properties = Record<string, unknown>;

const MOST_VALUES = 6;
/** Attributes of a thing's feature that are no observed property (server/tiles/live_map.h). */
const NO_VALUES = new Set(["severity", "ill", "time", "count"]);
const STATES: readonly string[] = ["silent", "drifting", "late", "ok"];

const textOf = (properties: Properties, name: string): string => String(properties[name] ?? "");

function nameIn(properties: Properties): string {
    return nameOf({ name_zh: textOf(properties, "name_zh"), name_en: textOf(properties, "name_en") }) || textOf(properties, "key");
}

export function thingTip(store: Store, id: string, properties: Properties): Node[] {
    const ward = store.wards.get(textOf(properties, "ward"));
    const told = textOf(properties, "health");
    const state = (STATES.includes(told) ? told : "unknown") as HealthState;
    const health = store.things.get(id)?.health ?? null;
    const words = health?.state === state ? healthWords(health, Date.now()) : isIll(state) || state === "unknown" ? t(`thing_${state}_long`) : "";
    return [el("b", {}, nameIn(properties)), el("span", {}, ward ? nameOf(ward) : ""),
        el("span", { class: `tip-health ${state}` }, svgIcon(thingIcon(state, isDarkScheme()), 15), el("span", {}, el("b", {}, stateWord(state)), words && ` · ${words}`)),
        ...values(store, id, properties)];
}

/** With unit, time and mark when the server has told them; till then as the tile has them. */
function values(store: Store, id: string, properties: Properties): Node[] {
    const streams = (store.latest.get(id) ?? []).filter((s) => s.latest);
    if (streams.length > 0) {
        return streams.slice(0, MOST_VALUES).map((s) => el("span", { class: "value" }, `${propertyLabel(s.property)} ${quantity(s.latest?.value ?? null, s.unit)}`,
            el("small", {}, ` ${shortDateTime(s.latest?.time ?? "")}${s.latest && s.latest.flag !== "N" ? ` · ${s.latest.flag}` : ""}`)));
    }
    const shown = Object.entries(properties).filter((entry): entry is [string, number] => typeof entry[1] === "number" && !NO_VALUES.has(entry[0]));
    return shown.slice(0, MOST_VALUES).map(([code, value]) => el("span", { class: "value" }, `${propertyLabel(code)} ${quantity(value, "")}`));
}

/** An alert of a place without a sensor. */
export function alertTip(properties: Properties): Node[] {
    const severity = severityOf(properties["severity"] as Json | undefined);
    const opened = Number(properties["opened"]);
    return [el("b", {}, nameOf({ name_zh: textOf(properties, "rule_zh"), name_en: textOf(properties, "rule_en") }) || textOf(properties, "rule")),
        el("span", { class: "tip-health" }, svgIcon(severityIcon(severity, isDarkScheme()), 15), el("span", {}, t(look(severity).word))),
        ...(Number.isFinite(opened) ? [el("small", {}, shortDateTime(new Date(opened).toISOString()))] : [])];
}
