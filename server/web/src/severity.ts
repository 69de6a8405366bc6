// The four severities (and none): each has a word, a colour, a shape and a hatching, so that colour is never
// the only sign. Colours run light to dark in ColorBrewer's YlOrRd order, which stays ordered for colour-blind
// eyes because lightness alone already ranks them; in the dark scheme the worst is the brightest.

import type { Severity } from "./api_types";
import type { Key } from "./strings";

export interface SeverityLook {
    word: Key;
    light: string;
    dark: string;
    /** The sign in a 16 × 16 box, as an SVG path. */
    path: string;
    /** What is written in the sign. */
    mark: string;
    /** The ink of the mark on the light and the dark colour. */
    ink: [string, string];
}

const CIRCLE = "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 1 1 0-13z";
const TRIANGLE = "M8 .8 15.6 14.4H.4z";
const DIAMOND = "M8 0 16 8 8 16 0 8z";
const OCTAGON = "M4.9.4h6.2l4.5 4.5v6.2l-4.5 4.5H4.9L.4 11.1V4.9z";

export const SEVERITIES: readonly SeverityLook[] = [
    { word: "sev_0", light: "#e3e9ee", dark: "#22303d", path: CIRCLE, mark: "", ink: ["#33414d", "#dfe7ee"] },
    { word: "sev_1", light: "#fbd972", dark: "#8a7a33", path: CIRCLE, mark: "1", ink: ["#2b2100", "#fffbe8"] },
    { word: "sev_2", light: "#f59a2f", dark: "#d98a2b", path: TRIANGLE, mark: "2", ink: ["#2b1500", "#1d1000"] },
    { word: "sev_3", light: "#d9480f", dark: "#ff7a4d", path: DIAMOND, mark: "3", ink: ["#ffffff", "#2a0b00"] },
    { word: "sev_4", light: "#86093a", dark: "#ff9bb8", path: OCTAGON, mark: "4", ink: ["#ffffff", "#3a0016"] },
];

export function look(severity: Severity): SeverityLook {
    return SEVERITIES[severity] ?? (SEVERITIES[0] as SeverityLook);
}

export function colour(severity: Severity, isDark: boolean): string {
    return isDark ? look(severity).dark : look(severity).light;
}
