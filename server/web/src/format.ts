// Numbers, durations and times as people read them. Times are shown in the district's zone, never in the
// browser's: two people who look at one alert must read the same hour.

import { lang, t } from "./i18n";

let zone = "UTC";

export function setZone(name: string): void {
    try {
        new Intl.DateTimeFormat("en", { timeZone: name });
        zone = name;
    } catch {
        zone = "UTC"; // a zone that this browser does not know
    }
}

export function getZone(): string {
    return zone;
}

/** "UTC+8" of a zone at a moment. */
export function zoneOffset(timeZone: string, at: Date): string {
    const parts = new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "shortOffset" }).formatToParts(at);
    return (parts.find((p) => p.type === "timeZoneName")?.value ?? "UTC").replace("GMT", "UTC");
}

function parts(iso: string, options: Intl.DateTimeFormatOptions): string {
    const date = new Date(iso);
    if (Number.isNaN(date.getTime())) return "–";
    const locale = lang() === "zh" ? "zh-CN" : "en-GB";
    return new Intl.DateTimeFormat(locale, { timeZone: zone, hourCycle: "h23", ...options }).format(date);
}

export function dateTime(iso: string): string {
    return parts(iso, { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" });
}

export function shortDateTime(iso: string): string {
    return parts(iso, { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" });
}

export function clock(date: Date): string {
    return parts(date.toISOString(), { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

/** Two units at most: "3 d 4 h", "2 h 5 min", "12 min". */
export function duration(ms: number): string {
    const minutes = Math.floor(Math.max(0, ms) / 60_000);
    if (minutes < 1) return t("d_under_minute");
    const days = Math.floor(minutes / 1440);
    const hours = Math.floor((minutes % 1440) / 60);
    const rest = minutes % 60;
    const out: string[] = [];
    if (days > 0) out.push(t("d_day", { n: days }));
    if (hours > 0) out.push(t("d_hour", { n: hours }));
    if (days === 0 && rest > 0) out.push(t("d_minute", { n: rest }));
    return out.join(" ");
}

/** Three significant digits for readings, without inventing any. */
export function number(value: number | null): string {
    if (value === null || !Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    const digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 4;
    return new Intl.NumberFormat(lang() === "zh" ? "zh-CN" : "en-GB", { maximumFractionDigits: digits }).format(value);
}

/** Codes of units as they are kept, written as they are read. */
const UNIT_TEXT: Record<string, string> = {
    "ug/m3": "µg/m³", "mg/m3": "mg/m³", "ng/m3": "ng/m³", "g/m3": "g/m³",
    "ug/L": "µg/L", degC: "°C", degF: "°F", deg: "°", "m3/s": "m³/s", "m3/h": "m³/h", "m3/d": "m³/d", m3: "m³", "Bq/m3": "Bq/m³",
    "[pH]": "", "{count}": "", "1": "",
};

export function unit(code: string): string {
    return UNIT_TEXT[code] ?? code;
}

export function quantity(value: number | null, unitCode: string): string {
    const text = unit(unitCode);
    return text ? `${number(value)} ${text}` : number(value);
}
