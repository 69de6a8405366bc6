// An alert's explanation as people read it: the judging window as a table, all else as a list of facts. What
// the page has no word for is shown under its own name: an explanation is never cut.

import { list, num, obj, text } from "./api_read";
import type { Json, Limit } from "./api_types";
import { dateTime, number } from "./format";
import { isKey, t } from "./i18n";

export interface WindowRow {
    time: string;
    value: number | null;
    judged: "exceeds" | "within" | "between";
}

export interface Fact {
    name: string;
    value: string;
}

/** The rows of `window`, oldest first. */
export function windowRows(explanation: Json): WindowRow[] {
    return list(obj(explanation)["window"]).map((item) => {
        const row = obj(item);
        const isWithin = row["exceeds"] === false && row["within"] !== false;
        return { time: text(row["time"]), value: num(row["value"]), judged: row["exceeds"] === true ? "exceeds" : isWithin ? "within" : "between" };
    });
}

/** What the server says of the limit row: "verified", "check" or "". */
export function limitStatus(explanation: Json): string {
    return text(obj(obj(explanation)["limit"])["status"]);
}

export function ruleVersion(explanation: Json): string {
    return text(obj(obj(explanation)["rule"])["version"]);
}

function word(key: string): string {
    const known = `ex_${key}`;
    return isKey(known) ? t(known) : key;
}

function show(value: Json): string {
    if (value === null) return "–";
    if (typeof value === "boolean") return value ? t("yes") : t("no");
    if (typeof value === "number") return Number.isInteger(value) ? String(value) : number(value);
    if (typeof value === "string") return /^\d{4}-\d\d-\d\dT\d\d:/.test(value) ? dateTime(value) : value || "–";
    if (Array.isArray(value)) return value.map((item) => (item !== null && typeof item === "object" && !Array.isArray(item) ? showMember(item) : show(item))).join(" / ");
    return JSON.stringify(value);
}

/** A neighbour's vote: "datastream 17, distance_m 900, z 0.4". */
function showMember(member: { [key: string]: Json }): string {
    return Object.entries(member).map(([key, value]) => `${word(key)} ${show(value)}`).join(", ");
}

const APART = new Set(["window", "reasons", "trace"]);

/** Everything but what has a part of its own, flattened: "Limit row · Class". */
export function facts(explanation: Json): Fact[] {
    const out: Fact[] = [];
    const walk = (value: Json, path: string[]): void => {
        if (value !== null && typeof value === "object" && !Array.isArray(value)) {
            for (const [key, member] of Object.entries(value)) {
                if (path.length > 0 || !APART.has(key)) walk(member, [...path, word(key)]);
            }
        } else if (path.length > 0) {
            out.push({ name: path.join(" · "), value: show(value) });
        }
    };
    walk(explanation, []);
    return out;
}

/** Grams in a litre, for the units in which limits and readings of concentrations come. */
const GRAMS_PER_LITRE: Record<string, number> = {
    "g/L": 1, "mg/L": 1e-3, "ug/L": 1e-6, "ng/L": 1e-9, "g/m3": 1e-3, "mg/m3": 1e-6, "ug/m3": 1e-9, "ng/m3": 1e-12,
};

/** The limit in the unit of the readings, or null when only the server can convert it (ppb, loads). */
export function limitIn(limit: Limit, unit: string): Limit | null {
    if (limit.unit === unit || limit.unit === "") return { ...limit, unit };
    const from = GRAMS_PER_LITRE[limit.unit];
    const to = GRAMS_PER_LITRE[unit];
    if (from === undefined || to === undefined) return null;
    const convert = (value: number | null): number | null => (value === null ? null : Number((value * (from / to)).toPrecision(12)));
    return { ...limit, unit, lower: convert(limit.lower), upper: convert(limit.upper) };
}
