// How the map looks: sources, images and layers of one colour scheme. Nothing here is fetched: no tiles, no
// sprite, no glyphs (MapLibre draws letters from the fonts of the system).

import type { ExpressionSpecification, LayerSpecification, Map as MapLibre } from "maplibre-gl";
import { arrowPixels, ALL_SEVERITIES, hatchPixels, iconPixels, PIXEL_RATIO, severityIcon, SITE_KINDS, siteIcon, THING_LOOKS, thingIcon } from "./icons";
import { colour } from "./severity";

export const SOURCES = ["wards", "waterways", "hotspots", "trace", "labels", "sites", "things", "focus", "focus-ward"] as const;
export type SourceName = (typeof SOURCES)[number];

/** Fonts of the system; the word "bold" in the first name is how MapLibre learns the weight. */
const FONTS = ["PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "system-ui"];
const BOLD = ["Noto Sans CJK SC Bold", ...FONTS];

/** Above this zoom every sensor stands for itself. */
export const CLUSTER_BELOW = 11;

export const paper = (isDark: boolean): string => (isDark ? "#0e161d" : "#f4f6f8");

function severityColours(isDark: boolean, of: ExpressionSpecification, none = colour(0, isDark)): ExpressionSpecification {
    return ["match", of, ...ALL_SEVERITIES.slice(1).flatMap((s) => [s, colour(s, isDark)]), none] as unknown as ExpressionSpecification;
}

/** Colours that no severity has; hot and cold differ in lightness too. */
export const hotspotColour = (kind: "hot" | "cold", isDark: boolean): string =>
    kind === "hot" ? (isDark ? "#ff7ac6" : "#b0006e") : isDark ? "#6fd3e8" : "#3aa0b8";

/** Of what was traced: not water's blue, not a severity's. */
const traceColour = (isDark: boolean): string => (isDark ? "#c3f53c" : "#4a6b00");

function hotspotColours(isDark: boolean): ExpressionSpecification {
    return ["match", ["get", "kind"], "hot", hotspotColour("hot", isDark), hotspotColour("cold", isDark)];
}

export function addImages(map: MapLibre, isDark: boolean): void {
    const put = (name: string, image: ImageData): void => {
        if (map.hasImage(name)) map.updateImage(name, image);
        else map.addImage(name, image, { pixelRatio: PIXEL_RATIO });
    };
    for (const severity of ALL_SEVERITIES) {
        put(`hatch-${severity}`, hatchPixels(severity, isDark));
        put(`severity-${severity}`, iconPixels(severityIcon(severity, isDark), 24));
    }
    for (const state of THING_LOOKS) put(`thing-${state}`, iconPixels(thingIcon(state, isDark), 20));
    for (const kind of SITE_KINDS) put(`site-${kind}`, iconPixels(siteIcon(kind, isDark), 18));
    put("arrow", arrowPixels(isDark));
}

export function addSources(map: MapLibre): void {
    for (const name of SOURCES) {
        map.addSource(name, {
            type: "geojson",
            data: { type: "FeatureCollection", features: [] },
            ...(name === "things" ? {
                promoteId: "id", // by which single things are updated
                cluster: true, clusterMaxZoom: CLUSTER_BELOW - 1, clusterRadius: 26, clusterMinPoints: 3,
                clusterProperties: { worst: ["max", ["get", "severity"]], ill: ["+", ["get", "ill"]] },
            } : {}),
        });
    }
}

export function layers(isDark: boolean): LayerSpecification[] {
    const ink = isDark ? "#e3ebf1" : "#16222c";
    const halo = isDark ? "rgba(10,16,22,.9)" : "rgba(255,255,255,.92)";
    const border = isDark ? "#4d6070" : "#8495a3";
    const water = isDark ? "#3d7fb0" : "#5ba3d0";
    const focus = isDark ? "#ffffff" : "#0a1a26";
    const severity: ExpressionSpecification = ["get", "severity"];
    return [
        { id: "paper", type: "background", paint: { "background-color": paper(isDark) } },
        { id: "ward-fill", type: "fill", source: "wards", paint: { "fill-color": severityColours(isDark, severity), "fill-opacity": ["case", [">", severity, 0], 0.78, 0.9] } },
        { id: "ward-hatch", type: "fill", source: "wards", filter: [">", severity, 0], paint: { "fill-pattern": ["concat", "hatch-", ["to-string", severity]] } },
        { id: "ward-line", type: "line", source: "wards", paint: { "line-color": border, "line-width": 1, "line-dasharray": [4, 2] } },
        { id: "hotspot-fill", type: "fill", source: "hotspots", filter: ["==", ["get", "places"], "hexagon"], paint: { "fill-color": hotspotColours(isDark), "fill-opacity": 0.42 } },
        { id: "hotspot-line", type: "line", source: "hotspots", paint: { "line-color": hotspotColours(isDark), "line-width": ["case", ["==", ["get", "places"], "ward"], 3, 1.2], "line-dasharray": [2, 1.2] } },
        { id: "water-casing", type: "line", source: "waterways", layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": paper(isDark), "line-width": ["interpolate", ["linear"], ["zoom"], 8, 3, 14, 9], "line-opacity": 0.7 } },
        { id: "water", type: "line", source: "waterways", layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": water, "line-width": ["interpolate", ["linear"], ["zoom"], 8, 1.6, 14, 6] } },
        { id: "trace-below", type: "line", source: "trace", filter: ["==", ["get", "role"], "downstream"], layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": traceColour(isDark), "line-width": 4, "line-dasharray": [0.5, 2], "line-opacity": 0.9 } },
        { id: "trace-stretch", type: "line", source: "trace", filter: ["==", ["get", "role"], "stretch"], layout: { "line-cap": "butt" }, paint: { "line-color": traceColour(isDark), "line-width": 8, "line-opacity": 0.75 } },
        { id: "trace-source", type: "circle", source: "trace", filter: ["==", ["get", "role"], "source"], paint: { "circle-radius": ["interpolate", ["linear"], ["sqrt", ["get", "probability"]], 0, 3, 1, 15], "circle-color": traceColour(isDark), "circle-opacity": 0.35, "circle-stroke-color": traceColour(isDark), "circle-stroke-width": 1.5 } },
        { id: "trace-sample", type: "circle", source: "trace", filter: ["==", ["get", "role"], "next_sample"], paint: { "circle-radius": 7, "circle-color": paper(isDark), "circle-stroke-color": traceColour(isDark), "circle-stroke-width": 3 } },
        { id: "water-arrow", type: "symbol", source: "waterways", layout: { "symbol-placement": "line", "symbol-spacing": 110, "icon-image": "arrow", "icon-padding": 0 } },
        { id: "focus-ward-line", type: "line", source: "focus-ward", paint: { "line-color": focus, "line-width": 2.5 } },
        { id: "water-name", type: "symbol", source: "waterways", minzoom: 9, layout: { "symbol-placement": "line", "symbol-spacing": 320, "text-field": ["get", "name"], "text-font": FONTS, "text-size": 11, "text-offset": [0, 0.9], "text-letter-spacing": 0.05 }, paint: { "text-color": isDark ? "#86c1ea" : "#1d5f8e", "text-halo-color": halo, "text-halo-width": 1.4 } },
        {
            id: "ward-name", type: "symbol", source: "labels",
            layout: {
                "text-field": ["case", ["!=", ["get", "note"], ""], ["format", ["get", "name"], {}, "\n", {}, ["get", "note"], { "font-scale": 0.86 }], ["get", "name"]],
                "text-font": BOLD, "text-size": ["interpolate", ["linear"], ["zoom"], 8, 10, 10, 13, 12, 15], "symbol-sort-key": ["-", 0, severity],
                "text-variable-anchor": ["center", "bottom", "top", "right", "left", "bottom-left", "bottom-right", "top-left", "top-right"], "text-radial-offset": 0.9, "text-padding": 1, "text-max-width": 9,
            },
            paint: { "text-color": ink, "text-halo-color": halo, "text-halo-width": 1.8 },
        },
        { id: "site", type: "symbol", source: "sites", minzoom: 9, layout: { "icon-image": ["concat", "site-", ["get", "kind"]], "icon-anchor": "right", "icon-offset": [-9, 0], "icon-allow-overlap": true, "icon-size": ["interpolate", ["linear"], ["zoom"], 9, 0.75, 12, 1.05] } },
        { id: "thing-cluster", type: "circle", source: "things", filter: ["has", "point_count"], paint: { "circle-radius": ["interpolate", ["linear"], ["get", "point_count"], 3, 9, 200, 20], "circle-color": severityColours(isDark, ["get", "worst"], isDark ? "#5cc0ea" : "#0b5c8a"), "circle-stroke-color": isDark ? "#0c141b" : "#ffffff", "circle-stroke-width": 2 } },
        { id: "thing-count", type: "symbol", source: "things", filter: ["has", "point_count"], layout: { "text-field": ["to-string", ["get", "point_count"]], "text-font": BOLD, "text-size": 11, "text-allow-overlap": true }, paint: { "text-color": ["case", ["any", ["==", ["get", "worst"], 0], [">=", ["get", "worst"], 3]], isDark ? "#1d0a05" : "#ffffff", isDark ? "#f2f6f9" : "#1c2a35"] } },
        { id: "thing", type: "symbol", source: "things", filter: ["!", ["has", "point_count"]], layout: { "icon-image": ["get", "icon"], "icon-allow-overlap": true, "symbol-sort-key": ["+", severity, ["*", 0.5, ["get", "ill"]]], "icon-size": ["interpolate", ["linear"], ["zoom"], 8, 0.75, 12, 1] } },
        // what is wrong with sensors: beside a cluster how many, beside an alert's sign which trouble
        {
            id: "cluster-ill", type: "symbol", source: "things", filter: ["all", ["has", "point_count"], [">", ["get", "ill"], 0]],
            layout: { "icon-image": "thing-silent", "icon-size": 0.72, "icon-offset": [15, -15], "icon-allow-overlap": true, "text-field": ["to-string", ["get", "ill"]], "text-font": BOLD, "text-size": 10, "text-offset": [1.95, -1.1], "text-anchor": "left", "text-allow-overlap": true },
            paint: { "text-color": isDark ? "#c9b4ff" : "#5b2fb0", "text-halo-color": halo, "text-halo-width": 1.6 },
        },
        { id: "thing-badge", type: "symbol", source: "things", filter: ["all", ["!", ["has", "point_count"]], ["!=", ["get", "badge"], ""]], layout: { "icon-image": ["get", "badge"], "icon-size": 0.8, "icon-offset": [12, -12], "icon-allow-overlap": true } },
        { id: "focus-ring", type: "circle", source: "focus", paint: { "circle-radius": ["case", ["get", "selected"], 17, 14], "circle-color": "rgba(0,0,0,0)", "circle-stroke-color": focus, "circle-stroke-width": ["case", ["get", "selected"], 3, 2] } },
        { id: "thing-name", type: "symbol", source: "things", minzoom: 12, filter: ["!", ["has", "point_count"]], layout: { "text-field": ["get", "name"], "text-font": FONTS, "text-size": 11, "text-anchor": "left", "text-offset": [1.1, 0], "text-max-width": 12, "text-optional": true }, paint: { "text-color": ink, "text-halo-color": halo, "text-halo-width": 1.4 } },
    ];
}
