// Where an alert came from and where it will go, in words: the sources that fit best, the stretch, where to sample
// next, what lies below. The map draws the same (map_data.ts).

import { list, num, obj, text } from "./api_read";
import type { Json } from "./api_types";
import { el } from "./dom";
import { dateTime, number } from "./format";
import { nameOf, t } from "./i18n";

const MOST = 5;

export function traceOf(explanation: Json): Json | null {
    const trace = obj(explanation)["trace"];
    return trace !== undefined && trace !== null && typeof trace === "object" ? trace : null;
}

const percent = (share: number | null): string => (share === null ? "–" : share >= 0.01 ? `${Math.round(share * 100)} %` : "< 1 %");

function sourceName(source: { [key: string]: Json }): string {
    if (text(source["kind"]) === "site") return nameOf({ name_zh: text(source["name_zh"]), name_en: text(source["name_en"]) }) || text(source["site"]);
    return t("trace_reach", { reach: text(source["reach"]), at: number(num(source["at_m"]) ?? 0) });
}

const verdict = (trace: { [key: string]: Json }): string => {
    switch (text(trace["verdict"])) {
        case "place": return t("trace_place");
        case "stretch": return t("trace_stretch", { m: number(num(trace["stretch_m"]) ?? 0) });
        case "several": return t("trace_several");
        default: return t("trace_nothing");
    }
};

export function tracePart(explanation: Json): HTMLElement | null {
    const trace = obj(traceOf(explanation));
    if (Object.keys(trace).length === 0) return null;
    const sources = list(trace["sources"]).map(obj).slice(0, MOST);
    const below = list(trace["downstream"]).map(obj).slice(0, MOST);
    const sample = obj(trace["next_sample"] ?? null);
    const part = el("section", { class: "part", id: "trace" }, el("h3", {}, t("trace")), el("p", {}, verdict(trace)));
    if (sources.length > 0) {
        part.append(el("ol", { class: "trace-sources" }, ...sources.map((s) => el("li", {}, el("b", {}, percent(num(s["probability"]))), ` ${sourceName(s)}`))));
    }
    if (text(sample["reach"])) {
        part.append(el("p", {}, t("trace_sample", { reach: text(sample["reach"]), at: number(num(sample["at_m"]) ?? 0), share: percent(num(sample["probability_above"])) })));
    }
    if (below.length > 0) {
        part.append(el("h4", {}, t("trace_below")), el("ul", {}, ...below.map((b) =>
            el("li", {}, `${text(b["site"]) || text(b["thing"])} · ${t("trace_arrives", { front: dateTime(text(b["front_at"])), peak: dateTime(text(b["peak_at"])) })}`))));
    }
    return part;
}
