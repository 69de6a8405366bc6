// Draws the series of an alert: readings, limit lines, exceedances as filled diamonds, flagged readings as
// hollow crosses apart from the line, the alert's time as a band.

import uPlot from "uplot";
import type { AlertDetail, Limit } from "./api_types";
import { isDarkScheme } from "./dom";
import { getZone, number, quantity, shortDateTime, unit } from "./format";
import { lang, t } from "./i18n";
import type { Series } from "./series";

interface Colours {
    ink: string;
    grid: string;
    line: string;
    limit: string;
    exceed: string;
    flagged: string;
    band: string;
    paper: string;
}

function colours(): Colours {
    return isDarkScheme()
        ? { ink: "#b6c4d0", grid: "#26343f", line: "#5cc0ea", limit: "#ffb45c", exceed: "#ff7a4d", flagged: "#b9a2f2", band: "rgba(255,122,77,.10)", paper: "#121b23" }
        : { ink: "#4a5863", grid: "#e4eaef", line: "#0b5c8a", limit: "#a84300", exceed: "#c22f00", flagged: "#6d4bc3", band: "rgba(217,72,15,.08)", paper: "#ffffff" };
}

type Mark = (ctx: CanvasRenderingContext2D, x: number, y: number, size: number) => void;

const diamond: Mark = (ctx, x, y, size) => {
    ctx.moveTo(x, y - size);
    ctx.lineTo(x + size, y);
    ctx.lineTo(x, y + size);
    ctx.lineTo(x - size, y);
    ctx.closePath();
};
const cross: Mark = (ctx, x, y, size) => {
    ctx.moveTo(x - size, y - size);
    ctx.lineTo(x + size, y + size);
    ctx.moveTo(x - size, y + size);
    ctx.lineTo(x + size, y - size);
};

function drawMarks(plot: uPlot, index: number, mark: Mark, colour: string, isFilled: boolean): void {
    const { ctx } = plot;
    const values = plot.data[index] ?? [];
    const times = plot.data[0];
    ctx.save();
    ctx.beginPath();
    for (let i = 0; i < values.length; i++) {
        const value = values[i];
        const time = times[i];
        if (value == null || time === undefined) continue;
        mark(ctx, plot.valToPos(time, "x", true), plot.valToPos(value, "y", true), 4 * devicePixelRatio);
    }
    ctx.lineWidth = 1.6 * devicePixelRatio;
    ctx.strokeStyle = ctx.fillStyle = colour;
    if (isFilled) ctx.fill();
    else ctx.stroke();
    ctx.restore();
}

function drawBand(plot: uPlot, alert: AlertDetail, colour: string): void {
    const { ctx, bbox } = plot;
    const right = bbox.left + bbox.width;
    const clamp = (x: number): number => Math.min(right, Math.max(bbox.left, x));
    const from = clamp(plot.valToPos(Date.parse(alert.opened_at) / 1000, "x", true));
    const to = alert.cleared_at ? clamp(plot.valToPos(Date.parse(alert.cleared_at) / 1000, "x", true)) : right;
    ctx.save();
    ctx.fillStyle = colour;
    ctx.fillRect(from, bbox.top, to - from, bbox.height);
    ctx.restore();
}

function drawLimit(plot: uPlot, value: number, text: string, c: Colours): void {
    const { ctx, bbox } = plot;
    const y = plot.valToPos(value, "y", true);
    ctx.save();
    ctx.strokeStyle = c.limit;
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.font = `600 ${11 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "bottom";
    const x = bbox.left + 5 * devicePixelRatio;
    ctx.setLineDash([]);
    ctx.lineWidth = 3 * devicePixelRatio;
    ctx.strokeStyle = c.paper;
    ctx.strokeText(text, x, y - 3 * devicePixelRatio);
    ctx.fillStyle = c.limit;
    ctx.fillText(text, x, y - 3 * devicePixelRatio);
    ctx.restore();
}

/** Axis labels: the date when the day changes, else the hour. */
function timeLabels(_: uPlot, splits: number[]): string[] {
    const locale = lang() === "zh" ? "zh-CN" : "en-GB";
    const day = new Intl.DateTimeFormat(locale, { timeZone: getZone(), month: "2-digit", day: "2-digit" });
    const hour = new Intl.DateTimeFormat(locale, { timeZone: getZone(), hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    let before = "";
    return splits.map((split) => {
        const at = new Date(split * 1000);
        const today = day.format(at);
        const label = today === before ? hour.format(at) : `${hour.format(at)}\n${today}`;
        before = today;
        return label;
    });
}

export function drawChart(box: HTMLElement, alert: AlertDetail, limit: Limit | null, series: Series, onPoint: (text: string) => void): () => void {
    const c = colours();
    const { lower, upper } = limit ?? { lower: null, upper: null };
    const unitText = unit(alert.property.unit);
    const bounds = [lower, upper].filter((v): v is number => v !== null);
    const axis = { stroke: c.ink, grid: { stroke: c.grid, width: 1 }, ticks: { stroke: c.grid, width: 1, size: 5 }, font: "11px system-ui, sans-serif" };
    const hidden = { stroke: "transparent", width: 0, points: { show: false } };
    const size = (): { width: number; height: number } => ({ width: Math.max(240, box.clientWidth), height: 240 });
    const plot = new uPlot({
        ...size(),
        legend: { show: false },
        cursor: { y: false, drag: { x: true, y: false }, points: { show: false } },
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), getZone()),
        scales: {
            x: { time: true },
            y: {
                range: (_, low, high) => {
                    const all = [...bounds, low, high].filter((v) => Number.isFinite(v));
                    const min = Math.min(...all);
                    const max = Math.max(...all);
                    const room = (max - min || Math.abs(max) || 1) * 0.1;
                    return [min >= 0 && min < max * 0.5 ? 0 : min - room, max + room];
                },
            },
        },
        axes: [
            { ...axis, space: 68, size: 44, values: timeLabels },
            { ...axis, size: 54, values: (_, splits) => splits.map((v) => number(v)), ...(unitText ? { label: unitText, labelSize: 20, labelFont: "11px system-ui, sans-serif" } : {}) },
        ],
        series: [
            {},
            { stroke: c.line, width: 1.6, points: { show: series.n < 150, size: 4, fill: c.line }, spanGaps: false },
            hidden,
            hidden,
        ],
        hooks: {
            drawClear: [(u) => drawBand(u, alert, c.band)],
            draw: [(u) => {
                drawMarks(u, 2, diamond, c.exceed, true);
                drawMarks(u, 3, cross, c.flagged, false);
                if (upper !== null) drawLimit(u, upper, `${t("key_limit")} ${quantity(upper, alert.property.unit)}`, c);
                if (lower !== null) drawLimit(u, lower, `${t("key_limit")} ${quantity(lower, alert.property.unit)}`, c);
            }],
            setCursor: [(u) => {
                const i = u.cursor.idx;
                const value = i == null ? null : (u.data[1]?.[i] ?? u.data[3]?.[i] ?? null);
                const time = i == null ? undefined : u.data[0][i];
                if (value === null || time === undefined || i == null) return onPoint("");
                const mark = u.data[3]?.[i] != null ? ` · ${t("key_flagged")}` : u.data[2]?.[i] != null ? ` · ${t("judged_exceeds")}` : "";
                return onPoint(`${shortDateTime(new Date(time * 1000).toISOString())} · ${quantity(value, alert.property.unit)}${mark}`);
            }],
        },
    }, [series.times, series.normal, series.exceeding, series.flagged], box);
    const observer = new ResizeObserver(() => plot.setSize(size()));
    observer.observe(box);
    return () => {
        observer.disconnect();
        plot.destroy();
    };
}
