// A sensor's health in plain words: what is wrong, since when, and what would be right. Pure.

import { list, num, obj, text } from "./api_read";
import type { Alert, Feed, Health, HealthState, Json, Thing } from "./api_types";
import { duration, percent, quantity, span, shortDateTime } from "./format";
import { isKey, t } from "./i18n";
import { isMeasured } from "./reasons";

type Facts = Pick<Health, "state" | "silent_since" | "last_received_at" | "lag_s" | "expected_s"> & { drift_s?: number | null };

/** "Should report every 10 min." or nothing. */
export function expectedWords(expected_s: number | null): string {
    return expected_s === null ? "" : t("h_expected", { interval: span(expected_s) });
}

/** "12 s ahead" / "3 min behind". */
export function driftWords(drift_s: number): string {
    return t(drift_s >= 0 ? "h_ahead" : "h_behind", { span: span(Math.abs(drift_s)) });
}

export function stateWord(state: HealthState): string {
    return t(`health_${state}`);
}

function joined(...sentences: string[]): string {
    return sentences.filter((s) => s !== "").join(t("h_join"));
}

function words(health: Facts, now: number): string {
    const should = expectedWords(health.expected_s);
    switch (health.state) {
        case "silent": {
            const since = health.silent_since ?? health.last_received_at;
            return joined(since === null ? t("h_silent") : t("h_silent_for", { duration: duration(now - Date.parse(since)) }), should);
        }
        case "drifting":
            return health.drift_s == null ? t("h_drifting") : t("h_drifting_by", { drift: driftWords(health.drift_s) });
        case "late":
            return joined(health.lag_s === null ? t("h_late") : t("h_late_by", { lag: span(health.lag_s) }), should);
        case "unknown":
            return health.last_received_at === null ? t("h_never") : t("h_unknown");
        case "ok":
            return joined(t("h_ok"), should);
    }
}

/** One sentence about a sensor, as of `now`. */
export function healthWords(health: Health | null, now: number): string {
    return health === null ? t("h_never") : words(health, now);
}

/** One sentence about a feed: what fails outranks what is quiet. */
export function feedWords(feed: Feed, now: number): string {
    if (!feed.enabled) return t("f_disabled");
    if (feed.pull?.failing_since) return t("f_failing", { duration: duration(now - Date.parse(feed.pull.failing_since)) });
    if (feed.health === null) return t("f_unknown");
    if (feed.health.state === "unknown") return t(feed.health.last_received_at === null ? "f_never" : "f_unknown_interval");
    return words(feed.health, now);
}

/** "24 h: 91 %" or "–". */
export function completenessWords(value: number | null): string {
    return value === null ? "–" : percent(value);
}

export function expectedFromWords(from: string | null): string {
    const key = `expected_from_${from ?? ""}`;
    return isKey(key) ? t(key) : (from ?? "");
}

export function protocolWords(protocol: string): string {
    const key = `protocol_${protocol}`;
    return isKey(key) ? t(key) : protocol;
}

// ── sensor alerts ──

/** When a silence began: the alert says how long it was when somebody last looked, or, of a thing that is heard again, in all. */
function silentSince(alert: Alert): number {
    const looked = Date.parse(alert.feed === null ? alert.last_exceeded_at : alert.opened_at);
    return Number.isFinite(alert.last_value) ? looked - alert.last_value * 1000 : Date.parse(alert.opened_at);
}

function silenceMs(alert: Alert, now: number): number {
    return (alert.cleared_at ? Date.parse(alert.cleared_at) : now) - silentSince(alert);
}

/** The amount of a sensor alert: a time. A silence that is not over has grown since the alert was written. */
export function sensorAmount(alert: Alert, now: number): string {
    if (alert.property.code === "silence") return duration(silenceMs(alert, now));
    if (!Number.isFinite(alert.last_value)) return "–";
    if (isMeasured(alert)) return quantity(alert.last_value, alert.property.unit);
    return alert.property.code === "clock_drift" ? driftWords(alert.last_value) : span(alert.last_value);
}

/** What was expected and what was seen, of an alert about a sensor or a feed. `thing`: how the sensor is now. */
export function sensorAlertWords(alert: Alert & { explanation?: Json }, thing: Thing | undefined, now: number): { expected: string; seen: string } {
    const limit = alert.limit.upper;
    const told = obj(alert.explanation);
    if (alert.property.code === "clock_drift") {
        return {
            expected: limit === null ? t("sa_clock_expected_any") : t("sa_clock_expected", { limit: span(limit) }),
            seen: Number.isFinite(alert.last_value) ? t("sa_clock_seen", { drift: driftWords(alert.last_value), peak: span(Math.abs(alert.peak_value)) }) : "–",
        };
    }
    if (alert.property.code === "silence") {
        const interval = num(told["expected_s"]) ?? thing?.health?.expected_s ?? null;
        const since = text(told["last_received_at"]) || new Date(silentSince(alert)).toISOString();
        const [suspect, watched] = [num(told["suspect"]), num(told["watched"])];
        return {
            expected: joined(expectedWords(interval), limit === null ? "" : t("sa_silence_expected", { limit: span(limit) })),
            seen: joined(t(alert.cleared_at ? "sa_silence_was" : "sa_silence_seen", { since: shortDateTime(since), duration: duration(silenceMs(alert, now)) }),
                alert.feed !== null && suspect !== null && watched !== null ? t("sa_feed_seen", { n: suspect, total: watched }) : ""),
        };
    }
    return { expected: limit === null ? "–" : `≤ ${span(limit)}`, seen: sensorAmount(alert, now) };
}

/** The sensors that an alert about a whole feed names. */
export function sensorAlertMembers(explanation: Json): string[] {
    return list(obj(explanation)["members"]).map(text).filter((id) => id !== "");
}
