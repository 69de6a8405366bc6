// What the chart of an alert shows: which stretch of time, which readings exceed, which are flagged. Pure.

import type { Alert, Limit, Observation } from "./api_types";

export interface Series {
    times: number[]; // seconds since 1970, as the chart wants them
    normal: (number | null)[];
    exceeding: (number | null)[];
    flagged: (number | null)[];
    n: number;
    nExceeding: number;
    nFlagged: number;
}

const HOUR = 3_600_000;
const LONGEST = 31 * 24 * HOUR;

/** Some time before the alert opened, and after it ended; at least 12 h before, so that the normal is seen too. */
export function chartSpan(alert: Alert, now: number): { from: number; to: number } {
    const opened = Date.parse(alert.opened_at);
    const end = alert.cleared_at ? Date.parse(alert.cleared_at) : Math.max(now, Date.parse(alert.last_exceeded_at));
    const length = Math.max(0, end - opened);
    const from = opened - Math.min(7 * 24 * HOUR, Math.max(12 * HOUR, length * 0.5));
    const to = alert.cleared_at ? end + Math.max(3 * HOUR, length * 0.25) : end;
    // an alert that stays open for months: its beginning is the evidence
    return { from, to: Math.min(to, from + LONGEST) };
}

export function exceeds(value: number, limit: Limit): boolean {
    return (limit.upper !== null && value > limit.upper) || (limit.lower !== null && value < limit.lower);
}

/** A null is put where readings are missing for longer than three usual steps, so that no line bridges a gap. */
export function makeSeries(observations: readonly Observation[], limit: Limit | null): Series {
    const series: Series = { times: [], normal: [], exceeding: [], flagged: [], n: 0, nExceeding: 0, nFlagged: 0 };
    const sorted = observations.filter((o) => Number.isFinite(o.value)).sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
    const gap = 3 * usualStep(sorted);
    let before = Number.NaN;
    for (const o of sorted) {
        const at = Date.parse(o.time) / 1000;
        if (at === before) continue; // an interval and a moment may start together: the first stands
        if (at - before > gap) push(series, before + gap / 3, null, null, null);
        const isFlagged = o.flag !== "N";
        const isExceeding = !isFlagged && limit !== null && exceeds(o.value, limit);
        push(series, at, isFlagged ? null : o.value, isExceeding ? o.value : null, isFlagged ? o.value : null);
        series.n += 1;
        series.nExceeding += isExceeding ? 1 : 0;
        series.nFlagged += isFlagged ? 1 : 0;
        before = at;
    }
    return series;
}

function push(series: Series, at: number, normal: number | null, exceeding: number | null, flagged: number | null): void {
    series.times.push(at);
    series.normal.push(normal);
    series.exceeding.push(exceeding);
    series.flagged.push(flagged);
}

/** The median distance of neighbours, in seconds. */
export function usualStep(sorted: readonly Observation[]): number {
    const steps: number[] = [];
    for (let i = 1; i < sorted.length; i++) {
        const step = (Date.parse(sorted[i]!.time) - Date.parse(sorted[i - 1]!.time)) / 1000;
        if (step > 0) steps.push(step);
    }
    steps.sort((a, b) => a - b);
    return steps[Math.floor(steps.length / 2)] ?? Number.POSITIVE_INFINITY;
}
