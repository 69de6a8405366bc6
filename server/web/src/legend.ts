// The legend: always on the main screen, colours with hatching, shapes and words together. On a small screen
// it can be folded, and stays as one line of colours.

import { el, isDarkScheme, isNarrow } from "./dom";
import { t } from "./i18n";
import { ALL_SEVERITIES, severityIcon, siteIcon, svgIcon, swatch, thingIcon, THING_LOOKS } from "./icons";
import { look } from "./severity";

let folded: boolean | null = null;

export function drawLegend(box: HTMLElement): void {
    const isDark = isDarkScheme();
    const isFolded = folded ?? isNarrow();
    const toggle = el("button", {
        type: "button", class: "quiet fold-legend", id: "legend-toggle", "aria-expanded": String(!isFolded), "aria-label": t(isFolded ? "legend_show" : "legend_hide"),
        onclick: () => {
            folded = !isFolded;
            drawLegend(box);
            document.getElementById("legend-toggle")?.focus();
        },
    }, isFolded ? "＋" : "－");
    const severities = el("ul", { class: "severities" }, ...[...ALL_SEVERITIES].reverse().map((severity) => el("li", {},
        swatch(severity, isDark), severity > 0 && svgIcon(severityIcon(severity, isDark), 16), el("span", {}, t(look(severity).word)))));
    const points = el("ul", {},
        el("li", {}, svgIcon(severityIcon(3, isDark), 16), t("thing_alert")),
        ...THING_LOOKS.map((state) => el("li", { title: t(`thing_${state}_long`) }, svgIcon(thingIcon(state, isDark), 16), t(`thing_${state}`))),
        el("li", {}, svgIcon(siteIcon("hospital", isDark), 16), t("site")),
        el("li", {}, el("i", { class: "cluster-sign", "aria-hidden": "true" }, "5"), t("cluster")),
        el("li", { title: t("ill_beside_long") }, el("span", { class: "badge-sign", "aria-hidden": "true" }, svgIcon(severityIcon(3, isDark), 16), svgIcon(thingIcon("silent", isDark), 13)), t("ill_beside")),
        el("li", {}, el("i", { class: "water-sign", "aria-hidden": "true" }), t("waterway")),
        ...(["hot", "cold"] as const).map((kind) => el("li", { title: t("hotspot_long") }, el("i", { class: `hotspot-sign ${kind}`, "aria-hidden": "true" }), t(`hotspot_${kind}`))),
        el("li", { title: t("trace_long") }, el("i", { class: "trace-sign", "aria-hidden": "true" }), t("trace_line")));
    box.classList.toggle("folded", isFolded);
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", t("legend"));
    box.replaceChildren(el("b", {}, t("legend_wards")), severities, toggle, ...(isFolded ? [] : [el("b", {}, t("legend_points")), points]));
}
