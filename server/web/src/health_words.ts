// A sensor's health in plain words: what is wrong, since when, and what would be right. Pure.

import type { Alert, Feed, Health, HealthState, Thing } from "./api_types";
import { duration, percent, span, shortDateTime } from "./format";
import { isKey, t } from "./i18n";

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

/** What was expected and what was seen, of an alert about a sensor or a feed. */
export function sensorAlertWords(alert: Alert, thing: Thing | undefined, now: number): { expected: string; seen: string } {
    const limit = alert.limit.upper;
    const end = alert.cleared_at ? Date.parse(alert.cleared_at) : now;
    if (alert.property.code === "clock_drift") {
        const drift = alert.last_value;
        return {
            expected: limit === null ? t("sa_clock_expected_any") : t("sa_clock_expected", { limit: span(limit) }),
            seen: Number.isFinite(drift) ? t("sa_clock_seen", { drift: driftWords(drift), peak: span(Math.abs(alert.peak_value)) }) : "–",
        };
    }
    if (alert.property.code === "silence") {
        const interval = thing?.health?.expected_s ?? null;
        const quiet = alert.last_value;
        // a value is as old as the alert's last look: what is open goes on until now
        const began = Number.isFinite(quiet) ? Date.parse(alert.last_exceeded_at) - quiet * 1000 : Date.parse(alert.opened_at);
        return {
            expected: joined(expectedWords(interval), limit === null ? "" : t("sa_silence_expected", { limit: span(limit) })),
            seen: t(alert.cleared_at ? "sa_silence_was" : "sa_silence_seen", { since: shortDateTime(new Date(began).toISOString()), duration: duration(end - began) }),
        };
    }
    return { expected: limit === null ? "–" : `≤ ${span(limit)}`, seen: Number.isFinite(alert.last_value) ? span(alert.last_value) : "–" };
}

/** The amount of a sensor alert: a time. */
export function sensorAmount(alert: Alert): string {
    if (!Number.isFinite(alert.last_value)) return "–";
    return alert.property.code === "clock_drift" ? driftWords(alert.last_value) : span(alert.last_value);
}
