// How the map looks: images and layers of one colour scheme and language. No sprite and no glyphs are fetched
// (MapLibre draws letters from the fonts of the system).

import type { ExpressionSpecification, LayerSpecification, Map as MapLibre } from "maplibre-gl";
import { arrowPixels, ALL_SEVERITIES, hatchPixels, iconPixels, PIXEL_RATIO, severityIcon, SITE_KINDS, siteIcon, THING_LOOKS, thingIcon } from "./icons";
import { colour } from "./severity";

/** What the page itself gives to the map; things, alerts and wards are tiles (map_tiles.ts). */
export const SOURCES = ["waterways", "hotspots", "trace", "labels", "sites", "focus"] as const;
export type SourceName = (typeof SOURCES)[number];

/** Fonts of the system; the word "bold" in the first name is how MapLibre learns the weight. */
const FONTS = ["PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "system-ui"];
const BOLD = ["Noto Sans CJK SC Bold", ...FONTS];

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
    for (const name of SOURCES) map.addSource(name, { type: "geojson", data: { type: "FeatureCollection", features: [] } });
}

const severity: ExpressionSpecification = ["get", "severity"];
const isCluster: ExpressionSpecification = ["has", "count"];
const isInAlert: ExpressionSpecification = [">", ["coalesce", ["get", "severity"], 0], 0];
const isOne: ExpressionSpecification = ["!", ["has", "count"]];

/** No alert, nothing wrong with the sensor: such are many, and small until one has come near. */
const isWell: ExpressionSpecification = ["all", ["!", isInAlert], ["==", ["get", "health"], "ok"]];

/** How a sensor looks: the sign of its pollution alert; else its health, and if that is well the mark of its newest value. */
export const THING_ICON: ExpressionSpecification = ["case", isInAlert, ["concat", "severity-", ["to-string", severity]],
    ["concat", "thing-", ["case", ["all", ["==", ["get", "health"], "ok"], ["has", "flag"]], "flagged", ["coalesce", ["get", "health"], "unknown"]]]];

/** The name in the language of the page, as nameOf has it. */
export function nameIn(lang: "zh" | "en"): ExpressionSpecification {
    return ["coalesce", ["get", `name_${lang}`], ["get", lang === "zh" ? "name_en" : "name_zh"], ["get", "key"]];
}

export function layers(isDark: boolean, lang: "zh" | "en"): LayerSpecification[] {
    const ink = isDark ? "#e3ebf1" : "#16222c";
    const halo = isDark ? "rgba(10,16,22,.9)" : "rgba(255,255,255,.92)";
    const border = isDark ? "#4d6070" : "#8495a3";
    const water = isDark ? "#3d7fb0" : "#5ba3d0";
    const focus = isDark ? "#ffffff" : "#0a1a26";
    const well = isDark ? "#5cc0ea" : "#0b5c8a";
    const radius = (more: number): ExpressionSpecification => ["interpolate", ["linear"], ["get", "count"], 2, 7.5 + more, 20, 9.5 + more, 200, 12 + more, 2000, 14 + more];
    const ofCount = { "text-field": ["to-string", ["get", "count"]] as ExpressionSpecification, "text-font": BOLD, "text-size": ["case", [">", ["get", "count"], 999], 8.5, 10] as ExpressionSpecification, "text-allow-overlap": true };
    const isThing = { source: "thing", "source-layer": "thing" };
    const isAlert = { source: "alert", "source-layer": "alert" };
    const isWard = { source: "ward", "source-layer": "ward" };
    const ofAlert = { "icon-image": ["concat", "severity-", ["to-string", severity]] as ExpressionSpecification, "symbol-sort-key": ["-", 0, severity] as ExpressionSpecification };
    return [
        { id: "paper", type: "background", paint: { "background-color": paper(isDark) } },
        { id: "ward-fill", type: "fill", ...isWard, paint: { "fill-color": severityColours(isDark, severity), "fill-opacity": ["case", [">", severity, 0], 0.78, 0.9] } },
        { id: "ward-hatch", type: "fill", ...isWard, filter: [">", severity, 0], paint: { "fill-pattern": ["concat", "hatch-", ["to-string", severity]] } },
        { id: "ward-line", type: "line", ...isWard, paint: { "line-color": border, "line-width": 1, "line-dasharray": [4, 2] } },
        { id: "hotspot-fill", type: "fill", source: "hotspots", filter: ["==", ["get", "places"], "hexagon"], paint: { "fill-color": hotspotColours(isDark), "fill-opacity": 0.42 } },
        { id: "hotspot-line", type: "line", source: "hotspots", paint: { "line-color": hotspotColours(isDark), "line-width": ["case", ["==", ["get", "places"], "ward"], 3, 1.2], "line-dasharray": [2, 1.2] } },
        { id: "water-casing", type: "line", source: "waterways", layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": paper(isDark), "line-width": ["interpolate", ["linear"], ["zoom"], 8, 3, 14, 9], "line-opacity": 0.7 } },
        { id: "water", type: "line", source: "waterways", layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": water, "line-width": ["interpolate", ["linear"], ["zoom"], 8, 1.6, 14, 6] } },
        { id: "trace-below", type: "line", source: "trace", filter: ["==", ["get", "role"], "downstream"], layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": traceColour(isDark), "line-width": 4, "line-dasharray": [0.5, 2], "line-opacity": 0.9 } },
        { id: "trace-stretch", type: "line", source: "trace", filter: ["==", ["get", "role"], "stretch"], layout: { "line-cap": "butt" }, paint: { "line-color": traceColour(isDark), "line-width": 8, "line-opacity": 0.75 } },
        { id: "trace-source", type: "circle", source: "trace", filter: ["==", ["get", "role"], "source"], paint: { "circle-radius": ["interpolate", ["linear"], ["sqrt", ["get", "probability"]], 0, 3, 1, 15], "circle-color": traceColour(isDark), "circle-opacity": 0.35, "circle-stroke-color": traceColour(isDark), "circle-stroke-width": 1.5 } },
        { id: "trace-sample", type: "circle", source: "trace", filter: ["==", ["get", "role"], "next_sample"], paint: { "circle-radius": 7, "circle-color": paper(isDark), "circle-stroke-color": traceColour(isDark), "circle-stroke-width": 3 } },
        { id: "water-arrow", type: "symbol", source: "waterways", layout: { "symbol-placement": "line", "symbol-spacing": 110, "icon-image": "arrow", "icon-padding": 0 } },
        { id: "focus-ward-line", type: "line", ...isWard, paint: { "line-color": focus, "line-width": 2.5, "line-opacity": ["case", ["boolean", ["feature-state", "focus"], false], 1, 0] } },
        { id: "water-name", type: "symbol", source: "waterways", minzoom: 9, layout: { "symbol-placement": "line", "symbol-spacing": 320, "text-field": ["get", "name"], "text-font": FONTS, "text-size": 11, "text-offset": [0, 0.9], "text-letter-spacing": 0.05 }, paint: { "text-color": isDark ? "#86c1ea" : "#1d5f8e", "text-halo-color": halo, "text-halo-width": 1.4 } },
        { id: "site", type: "symbol", source: "sites", minzoom: 9, layout: { "icon-image": ["concat", "site-", ["get", "kind"]], "icon-anchor": "right", "icon-offset": [-9, 0], "icon-allow-overlap": true, "icon-size": ["interpolate", ["linear"], ["zoom"], 9, 0.75, 12, 1.05] } },
        // an alert of a place without a sensor always stands; one that has a sensor is that sensor's sign, if it is on the map
        { id: "alert-of-thing", type: "symbol", ...isAlert, minzoom: 11, filter: ["all", isOne, ["has", "thing"], ["==", ["get", "category"], "pollution"]], layout: ofAlert },
        { id: "alert", type: "symbol", ...isAlert, filter: ["all", isOne, ["!", ["has", "thing"]], ["==", ["get", "category"], "pollution"]], layout: { ...ofAlert, "icon-allow-overlap": true } },
        // sensors that stand together: quiet where nothing is wrong, so that the wards can be seen; in alert they stand over the names
        { id: "thing-cluster", type: "circle", ...isThing, filter: ["all", isCluster, ["!", isInAlert]], paint: { "circle-radius": radius(0), "circle-color": well, "circle-opacity": 0.5 } },
        { id: "thing-count", type: "symbol", ...isThing, filter: ["all", isCluster, ["!", isInAlert]], layout: { ...ofCount, "text-ignore-placement": true }, paint: { "text-color": isDark ? "#06141c" : "#ffffff" } },
        {
            id: "ward-name", type: "symbol", source: "labels",
            layout: {
                "text-field": ["case", ["!=", ["get", "note"], ""], ["format", ["get", "name"], {}, "\n", {}, ["get", "note"], { "font-scale": 0.86 }], ["get", "name"]],
                "text-font": BOLD, "text-size": ["interpolate", ["linear"], ["zoom"], 8, 10, 10, 13, 12, 15], "symbol-sort-key": ["-", 0, severity],
                "text-variable-anchor": ["center", "bottom", "top", "right", "left", "bottom-left", "bottom-right", "top-left", "top-right"], "text-radial-offset": 0.9, "text-padding": 1, "text-max-width": 9,
            },
            paint: { "text-color": ink, "text-halo-color": halo, "text-halo-width": 1.8 },
        },
        { id: "alert-cluster", type: "circle", ...isThing, filter: ["all", isCluster, isInAlert], layout: { "circle-sort-key": severity }, paint: { "circle-radius": radius(2), "circle-color": severityColours(isDark, severity), "circle-stroke-color": isDark ? "#0c141b" : "#ffffff", "circle-stroke-width": 2 } },
        { id: "alert-count", type: "symbol", ...isThing, filter: ["all", isCluster, isInAlert], layout: ofCount, paint: { "text-color": ["case", [">=", severity, 3], isDark ? "#1d0a05" : "#ffffff", isDark ? "#f2f6f9" : "#1c2a35"] } },
        { id: "thing-name", type: "symbol", ...isThing, minzoom: 12, filter: isOne, layout: { "text-field": nameIn(lang), "text-font": FONTS, "text-size": 11, "text-variable-anchor": ["left", "right", "bottom", "top"], "text-radial-offset": 1.25, "text-justify": "auto", "text-max-width": 12, "text-optional": true }, paint: { "text-color": ink, "text-halo-color": halo, "text-halo-width": 1.4 } },
        { id: "thing", type: "symbol", ...isThing, filter: isOne, layout: { "icon-image": THING_ICON, "icon-allow-overlap": true, "symbol-sort-key": ["+", ["coalesce", severity, 0], ["*", 0.5, ["coalesce", ["get", "ill"], 0]]], "icon-size": ["interpolate", ["linear"], ["zoom"], 8, 0.75, 10.99, 0.8, 11, ["case", isWell, 0.45, 0.85], 12.5, ["case", isWell, 0.7, 0.95], 14, 1] } },
        // what is wrong with sensors: beside a cluster how many, if it is a tenth or more; beside an alert's sign which trouble
        {
            id: "cluster-ill", type: "symbol", ...isThing, filter: ["all", isCluster, [">=", ["*", 10, ["coalesce", ["get", "ill"], 0]], ["get", "count"]]],
            layout: { "icon-image": "thing-silent", "icon-size": 0.72, "icon-offset": [15, -15], "icon-allow-overlap": true, "text-field": ["to-string", ["get", "ill"]], "text-font": BOLD, "text-size": 10, "text-offset": [1.95, -1.1], "text-anchor": "left", "text-allow-overlap": true },
            paint: { "text-color": isDark ? "#c9b4ff" : "#5b2fb0", "text-halo-color": halo, "text-halo-width": 1.6 },
        },
        { id: "thing-badge", type: "symbol", ...isThing, filter: ["all", isOne, ["has", "ill"], isInAlert], layout: { "icon-image": ["concat", "thing-", ["get", "health"]], "icon-size": 0.8, "icon-offset": [12, -12], "icon-allow-overlap": true } },
        { id: "focus-ring", type: "circle", source: "focus", paint: { "circle-radius": ["case", ["get", "selected"], 17, 14], "circle-color": "rgba(0,0,0,0)", "circle-stroke-color": focus, "circle-stroke-width": ["case", ["get", "selected"], 3, 2] } },
    ];
}
