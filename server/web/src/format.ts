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

/** A length of time in seconds, finer than `duration`: "0.4 s", "45 s", "3 min 20 s", "10 min", "2 h", "1 d". */
export function span(seconds: number): string {
    const size = Math.max(0, seconds);
    if (size < 10) return t("d_second", { n: number(Math.round(size * 10) / 10) });
    const whole = Math.round(size);
    if (whole < 60) return t("d_second", { n: whole });
    if (whole >= 3600) return duration(whole * 1000);
    const rest = whole % 60;
    return rest === 0 || whole >= 600 ? t("d_minute", { n: Math.floor(whole / 60) }) : `${t("d_minute", { n: Math.floor(whole / 60) })} ${t("d_second", { n: rest })}`;
}

/** A share of one, rounded down, so that 100 % means that nothing is missing. */
export function percent(share: number): string {
    return `${Math.floor(Math.min(1, Math.max(0, share)) * 1000 + 1e-6) / 10}\u00a0%`;
}

/** A date with its time and the district's zone. */
export function zonedDateTime(iso: string): string {
    const date = new Date(iso);
    return Number.isNaN(date.getTime()) ? "–" : `${dateTime(iso)} ${zoneOffset(zone, date)}`;
}

/** Three significant digits for readings, without inventing any. */
export function number(value: number | null): string {
    if (value === null || !Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    const digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 4;
    return new Intl.NumberFormat(lang() === "zh" ? "zh-CN" : "en-GB", { maximumFractionDigits: digits }).format(value);
}

/** The code of a property as far as it can be read: "residual_chlorine" → "RESIDUAL CHLORINE". */
export function propertyLabel(code: string): string {
    return code.toUpperCase().replaceAll("_", " ");
}

/** Codes of units as they are kept, written as they are read. */
const UNIT_TEXT: Record<string, string> = {
    "uS/cm": "µS/cm", "ug/m3": "µg/m³", "mg/m3": "mg/m³", "ng/m3": "ng/m³", "g/m3": "g/m³",
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
