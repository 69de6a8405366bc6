// The reasons of an alert as people read them: which detectors saw the event, what each expected, what it saw. One
// event has one alert, so there may be several. What the page has no word for keeps its own name.

import { list, num, obj, text } from "./api_read";
import type { Alert, Json } from "./api_types";
import { number, quantity } from "./format";
import { isKey, t } from "./i18n";

export interface Reason {
    detector: string;
    rule: string;
    at: string;
    isFault: boolean; // says that the sensor may be broken
    words: string;
}

function word(prefix: string, name: string): string {
    const key = `${prefix}_${name.replace(/ /g, "_")}`;
    return isKey(key) ? t(key) : name;
}

export function detectorName(detector: string): string {
    return word("det", detector);
}

/** "26.1 … 37.4 mg/L" of a band that may lack an end. */
function band(lower: number | null, upper: number | null, unit: string): string {
    if (lower === null && upper === null) return "";
    if (lower === null) return `≤ ${quantity(upper ?? Number.NaN, unit)}`;
    if (upper === null) return `≥ ${quantity(lower, unit)}`;
    return `${number(lower)} … ${quantity(upper, unit)}`;
}

function wordsOf(reason: Json): string {
    const o = obj(reason);
    const observed = obj(o["observed"]);
    const expected = obj(o["expected"]);
    const value = num(observed["value"]) ?? num(o["observed"]); // a limit's reason is flat
    const unit = text(observed["unit"]);
    const usual = band(num(expected["lower"]) ?? num(o["lower"]), num(expected["upper"]) ?? num(o["upper"]), unit);
    const rate = num(o["false_alarms_per_month"]);
    const isLimit = text(o["detector"]) === "limit";
    return [
        text(o["verdict"]) && word("verdict", text(o["verdict"])),
        ...list(o["signs"]).map((sign) => word("sign", text(sign))),
        value === null ? "" : t("reason_seen", { value: quantity(value, unit) }),
        usual && t(isLimit ? "reason_limit" : "reason_usual", { band: usual }),
        rate === null ? "" : t("reason_rate", { rate: rate < 0.001 ? "< 0.001" : number(rate) }),
        o["explains"] === true ? t("reason_explains") : "",
    ].filter((s) => s !== "").join(t("list_comma"));
}

/** In the order in which they came. */
export function reasonsOf(explanation: Json): Reason[] {
    return list(obj(explanation)["reasons"]).map((reason) => {
        const o = obj(reason);
        return {
            detector: text(o["detector"]), rule: text(o["rule"]), at: text(o["at"]),
            isFault: text(o["category"]) === "sensor", words: wordsOf(reason),
        };
    });
}

/** About a series that was measured, whoever is to blame: it has a curve. The others are about silence and clocks. */
export function isMeasured(alert: Alert): boolean {
    return alert.category === "pollution" || (alert.datastream !== null && alert.property.code !== "silence" && alert.property.code !== "clock_drift");
}
