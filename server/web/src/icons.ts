// The signs of the map and of the lists, described once: drawn on a canvas for the map, as SVG for the page.

import { svg } from "./dom";
import { colour, look, SEVERITIES } from "./severity";
import type { Severity } from "./api_types";
import type { ThingLook } from "./health";

interface Stroke {
    path: string;
    fill?: string;
    stroke?: string;
    width?: number;
    dash?: number[];
}

/** In a 16 × 16 box. */
export interface Icon {
    strokes: Stroke[];
    mark?: { text: string; ink: string; y: number };
}

const SMALL_CIRCLE = "M8 3.2a4.8 4.8 0 1 1 0 9.6a4.8 4.8 0 1 1 0-9.6z";
const SQUARE = "M3.2 1.5h9.6q1.7 0 1.7 1.7v9.6q0 1.7-1.7 1.7H3.2q-1.7 0-1.7-1.7V3.2q0-1.7 1.7-1.7z";
const KIND_PATHS: Record<string, string> = {
    hospital: "M6.8 4h2.4v2.8H12v2.4H9.2V12H6.8V9.2H4V6.8h2.8z",
    clinic: "M6.8 4h2.4v2.8H12v2.4H9.2V12H6.8V9.2H4V6.8h2.8z",
    plant: "M4 12V7l2.7 1.7V7l2.7 1.7V4H12v8z",
    wwtp: "M8 3.6C10 6 11.3 7.7 11.3 9.300a3.3 3.3 0 0 1-6.6 0C4.7 7.7 6 6 8 3.600z",
    outfall: "M8 3.6C10 6 11.3 7.7 11.3 9.300a3.3 3.3 0 0 1-6.6 0C4.7 7.7 6 6 8 3.600z",
};
const OTHER_KIND = "M8 5.200a2.8 2.8 0 1 1 0 5.600a2.8 2.8 0 1 1 0-5.600z";
export const SITE_KINDS = [...Object.keys(KIND_PATHS), "other"];

export const THING_LOOKS: readonly ThingLook[] = ["ok", "flagged", "late", "drifting", "silent", "unknown"];
const WIDE_CIRCLE = "M8 1.9a6.1 6.1 0 1 1 0 12.2a6.1 6.1 0 1 1 0-12.2z";

export function severityIcon(severity: Severity, isDark: boolean): Icon {
    const it = look(severity);
    const edge = isDark ? "#0c141b" : "#ffffff";
    const icon: Icon = { strokes: [{ path: it.path, fill: colour(severity, isDark), stroke: edge, width: 1 }] };
    if (it.mark) icon.mark = { text: it.mark, ink: it.ink[isDark ? 1 : 0], y: severity === 2 ? 9.4 : 8.2 };
    return icon;
}

/**
 * Well: a full dot. Everything else is hollow and told by shape: silent a broken ring with a cross, drifting a
 * clock, late a half-filled ring, unknown a question mark, flagged a stroke. What is wrong is violet, a colour
 * that no severity has, and larger.
 */
export function thingIcon(state: ThingLook, isDark: boolean): Icon {
    const edge = isDark ? "#0c141b" : "#ffffff";
    const body = isDark ? "#5cc0ea" : "#0b5c8a";
    const grey = isDark ? "#93a3b1" : "#5a6874";
    const ill = isDark ? "#c9b4ff" : "#5b2fb0";
    switch (state) {
        case "ok":
            return { strokes: [{ path: SMALL_CIRCLE, fill: body, stroke: edge, width: 1.4 }] };
        case "flagged":
            return {
                strokes: [
                    { path: SMALL_CIRCLE, fill: edge, stroke: body, width: 1.8 },
                    { path: "M5 11 11 5", stroke: body, width: 1.8 },
                ],
            };
        case "silent":
            return {
                strokes: [
                    { path: WIDE_CIRCLE, fill: edge, stroke: ill, width: 1.7, dash: [2.6, 1.7] },
                    { path: "M5.6 5.6 10.4 10.4M10.4 5.6 5.6 10.4", stroke: ill, width: 1.9 },
                ],
            };
        case "drifting":
            return {
                strokes: [
                    { path: WIDE_CIRCLE, fill: edge, stroke: ill, width: 1.6 },
                    { path: "M8 4.2V8.3L11 10.2", stroke: ill, width: 1.8 },
                ],
            };
        case "late":
            return {
                strokes: [
                    { path: WIDE_CIRCLE, fill: edge, stroke: ill, width: 1.6 },
                    { path: "M8 1.9a6.1 6.1 0 0 0 0 12.2z", fill: ill },
                ],
            };
        case "unknown":
            return { strokes: [{ path: WIDE_CIRCLE, fill: edge, stroke: grey, width: 1.2 }], mark: { text: "?", ink: grey, y: 8.1 } };
    }
}

export function siteIcon(kind: string, isDark: boolean): Icon {
    const ink = isDark ? "#c9d5df" : "#33414d";
    const paper = isDark ? "#18232d" : "#ffffff";
    return {
        strokes: [
            { path: SQUARE, fill: paper, stroke: ink, width: 1.1 },
            { path: KIND_PATHS[kind] ?? OTHER_KIND, fill: ink },
        ],
    };
}

export function svgIcon(icon: Icon, size: number): SVGElement {
    const nodes: Node[] = icon.strokes.map((s) => svg("path", {
        d: s.path, fill: s.fill ?? "none", stroke: s.stroke ?? "none", "stroke-width": s.width ?? 0,
        ...(s.dash ? { "stroke-dasharray": s.dash.join(" ") } : {}),
    }));
    if (icon.mark) {
        const text = svg("text", {
            x: 8, y: icon.mark.y + 3, "text-anchor": "middle", "font-size": 8.5, "font-weight": 700, fill: icon.mark.ink,
        });
        text.textContent = icon.mark.text;
        nodes.push(text);
    }
    return svg("svg", { viewBox: "-1 -1 18 18", width: size, height: size, "aria-hidden": "true", class: "icon" }, ...nodes);
}

export const PIXEL_RATIO = 2;

function context(width: number, height: number): CanvasRenderingContext2D {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const ctx = canvas.getContext("2d", { willReadFrequently: true });
    if (!ctx) throw new Error("no 2d canvas");
    return ctx;
}

export function iconPixels(icon: Icon, size: number): ImageData {
    const pixels = size * PIXEL_RATIO;
    const ctx = context(pixels, pixels);
    ctx.scale(pixels / 18, pixels / 18);
    ctx.translate(1, 1);
    for (const s of icon.strokes) {
        const path = new Path2D(s.path);
        ctx.setLineDash(s.dash ?? []);
        if (s.fill) {
            ctx.fillStyle = s.fill;
            ctx.fill(path);
        }
        if (s.stroke) {
            ctx.strokeStyle = s.stroke;
            ctx.lineWidth = s.width ?? 1;
            ctx.stroke(path);
        }
    }
    if (icon.mark) {
        ctx.fillStyle = icon.mark.ink;
        ctx.font = "700 8.5px system-ui, sans-serif";
        ctx.textAlign = "center";
        ctx.fillText(icon.mark.text, 8, icon.mark.y + 3);
    }
    return ctx.getImageData(0, 0, pixels, pixels);
}

/** The hatching of a severity: none, dots, lines, close lines, crossed lines; it repeats every 12 px. */
export function drawHatch(ctx: CanvasRenderingContext2D, severity: Severity, isDark: boolean): void {
    ctx.strokeStyle = ctx.fillStyle = isDark ? "rgba(8,14,20,.5)" : severity >= 3 ? "rgba(255,255,255,.38)" : "rgba(70,40,0,.3)";
    ctx.lineWidth = 1.1;
    const lines = (step: number, isFalling: boolean): void => {
        ctx.beginPath();
        for (let at = -12; at <= 24; at += step) {
            ctx.moveTo(at, isFalling ? 0 : 12);
            ctx.lineTo(at + 12, isFalling ? 12 : 0);
        }
        ctx.stroke();
    };
    if (severity === 1) {
        for (const [x, y] of [[3, 3], [9, 9]] as const) {
            ctx.beginPath();
            ctx.arc(x, y, 0.9, 0, 7);
            ctx.fill();
        }
    }
    if (severity === 2) lines(12, false);
    if (severity === 3) lines(6, false);
    if (severity === 4) {
        lines(6, false);
        lines(6, true);
    }
}

export function hatchPixels(severity: Severity, isDark: boolean): ImageData {
    const pixels = 12 * PIXEL_RATIO;
    const ctx = context(pixels, pixels);
    ctx.scale(PIXEL_RATIO, PIXEL_RATIO);
    drawHatch(ctx, severity, isDark);
    return ctx.getImageData(0, 0, pixels, pixels);
}

/** A box of the legend: colour and hatching as on the map. */
export function swatch(severity: Severity, isDark: boolean): HTMLCanvasElement {
    const ctx = context(24 * PIXEL_RATIO, 14 * PIXEL_RATIO);
    ctx.scale(PIXEL_RATIO, PIXEL_RATIO);
    ctx.fillStyle = colour(severity, isDark);
    ctx.fillRect(0, 0, 24, 14);
    for (const x of [0, 12]) for (const y of [0, 12]) {
        ctx.save();
        ctx.beginPath();
        ctx.rect(x, y, 12, 12);
        ctx.clip();
        ctx.translate(x, y);
        drawHatch(ctx, severity, isDark);
        ctx.restore();
    }
    ctx.canvas.className = "swatch";
    return ctx.canvas;
}

/** A small arrow that shows where water flows. */
export function arrowPixels(isDark: boolean): ImageData {
    return iconPixels({ strokes: [{ path: "M5 3 11 8 5 13", stroke: isDark ? "#7fb8e0" : "#2f79ad", width: 2 }] }, 12);
}

export const ALL_SEVERITIES: readonly Severity[] = SEVERITIES.map((_, index) => index as Severity);
