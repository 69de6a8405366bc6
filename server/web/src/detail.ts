// One alert in full: what, where, since when, how sure; the series with its limit, or what was expected of the
// sensor and what was seen; how it was judged; what happened since; and the way to the raw data.

import { alertPath, ApiError, getAlert, getLimits, getObservations, getTrace, observationsPath } from "./api";
import type { AlertDetail, Limit, LimitRow, Observation } from "./api_types";
import { drawChart } from "./chart";
import { el, isDarkScheme } from "./dom";
import { traceOf, tracePart } from "./trace_part";
import { facts, limitIn, limitStatus, ruleVersion, windowRows } from "./explanation";
import { clock, dateTime, duration, getZone, number, quantity, shortDateTime, span, zoneOffset } from "./format";
import { sensorAlertMembers, sensorAlertWords, sensorAmount } from "./health_words";
import { isKey, nameOf, t, type Key } from "./i18n";
import { severityIcon, svgIcon } from "./icons";
import { detectorName, isMeasured, reasonsOf } from "./reasons";
import { chartSpan, exceeds, makeSeries, type Series } from "./series";
import { look } from "./severity";
import { copyLink, definitions, failed, figure, fold, loading, time, type Body, type View } from "./side_parts";
import { EMPTY, type Selection, type Store } from "./store";
import { aboutName, placeName, thingName } from "./ward_names";

interface Loaded {
    alert: AlertDetail;
    limits: LimitRow[] | null;
    observations: Observation[] | null; // null: could not be read
    span: { from: number; to: number };
    at: Date;
}

const MOST_READINGS = 20_000;

export class AlertView implements View {
    private loaded: Loaded | null = null;
    private failure = "";
    private wanted: string | null = null;
    private dropChart: () => void = () => {};
    private readonly open = new Set<string>(); // folded parts that the reader has opened

    constructor(private readonly body: Body, private readonly store: Store, private readonly select: (selection: Selection) => void) {}

    async show(id: string): Promise<void> {
        this.wanted = id;
        this.loaded = null;
        this.failure = "";
        this.render();
        await this.load(id);
    }

    hide(): void {
        this.wanted = null;
        this.showTrace(EMPTY);
        this.dropChart();
        this.dropChart = () => {};
    }

    /** Reads the alert again when it moved. */
    async refresh(id: string): Promise<void> {
        if (id === this.wanted && this.loaded) await this.load(id);
    }

    private async load(id: string): Promise<void> {
        try {
            const alert = await getAlert(id);
            const span = chartSpan(alert, Date.now());
            const [limits, observations] = await Promise.all([
                limitStatus(alert.explanation) || alert.category === "sensor" ? null : getLimits(alert.property.code, alert.limit.standard_no).catch(() => null),
                alert.datastream
                    ? getObservations(alert.datastream, new Date(span.from).toISOString(), new Date(span.to + 1000).toISOString()).catch(() => null)
                    : Promise.resolve([]),
            ]);
            if (this.wanted !== id) return;
            this.failure = "";
            void this.loadTrace(alert);
            this.loaded = { alert, limits, observations, span, at: new Date() };
        } catch (error) {
            if (this.wanted !== id) return;
            const isGone = error instanceof ApiError && (error.status === 404 || error.status === 403);
            this.failure = isGone ? t("alert_gone") : t("load_failed", { message: String((error as Error).message) });
        }
        this.render();
    }

    /** The map shows the trace of what is read, and no other. */
    private async loadTrace(alert: AlertDetail): Promise<void> {
        const trace = traceOf(alert.explanation) === null ? EMPTY : await getTrace(alert.id).catch(() => EMPTY);
        if (this.wanted === alert.id) this.showTrace(trace);
    }

    private showTrace(trace: GeoJSON.FeatureCollection): void {
        if (trace === this.store.layers.trace) return;
        this.store.layers.trace = trace;
        this.store.changed("trace");
    }

    render(): void {
        const id = this.wanted;
        if (id === null) return;
        this.dropChart();
        this.dropChart = () => {};
        if (this.failure) return this.body(...failed(this.failure, () => void this.load(id)));
        if (!this.loaded) return this.body(loading());
        const { alert } = this.loaded;
        if (!isMeasured(alert)) {
            return this.body(this.heading(alert), this.sensorFigures(alert), this.expectation(alert), this.factsOf(alert), this.judging(alert), this.history(alert), this.links(this.loaded));
        }
        const chartBox = el("section", { class: "part" });
        this.body(this.heading(alert), this.figures(alert), ...this.reasons(alert), ...[tracePart(alert.explanation)].filter((part) => part !== null), chartBox, this.factsOf(alert),
            ...(alert.limit.standard_no === "" ? [] : [this.sureness(this.loaded)]), this.judging(alert), this.history(alert), this.links(this.loaded));
        this.chart(chartBox, this.loaded);
    }

    private heading(alert: AlertDetail): HTMLElement {
        const isOpen = alert.state === "open";
        return el("header", { class: `detail-head sev-${alert.severity}` },
            svgIcon(severityIcon(alert.severity, isDarkScheme()), 34),
            el("div", {},
                el("div", { class: "alert-top" },
                    el("span", { class: "tag" }, t(look(alert.severity).word)),
                    alert.category === "sensor" && el("span", { class: "tag kind" }, t(alert.isLead ? "lead_alert" : "sensor_alert")),
                    el("span", { class: isOpen ? "tag open" : "tag cleared" }, t(isOpen ? "state_open" : "state_cleared")),
                    el("span", { class: "soft" }, `#${alert.id}`)),
                el("h2", {}, `${alert.category === "sensor" ? aboutName(alert, this.store) : placeName(alert)} · ${nameOf(alert.property)}`),
                el("p", { class: "soft" }, nameOf(alert.rule))));
    }

    /** The four numbers that one reads first. */
    private figures(alert: AlertDetail): HTMLElement {
        const end = alert.cleared_at ? Date.parse(alert.cleared_at) : Date.now();
        const limit = limitIn(alert.limit, alert.property.unit);
        const times = limit?.upper && limit.upper > 0 && alert.peak_value > limit.upper ? t("ratio", { n: number(alert.peak_value / limit.upper) }) : "";
        return el("dl", { class: "figures" },
            figure("observed", quantity(alert.last_value, alert.property.unit), shortDateTime(alert.last_exceeded_at), "fig-observed"),
            figure(alert.limit.standard_no === "" ? "usual_range" : "limit", limitWords(limit ?? alert.limit), alert.limit.standard_no, "fig-limit"),
            figure("peak", quantity(alert.peak_value, alert.property.unit), times || shortDateTime(alert.peak_at), "fig-peak"),
            figure("duration", duration(end - Date.parse(alert.opened_at)), `${t("exceed_count")} ${t("times", { n: alert.exceed_count })}`, "fig-duration"));
    }

    /** Which detectors saw it, and what each says; one alert for all of them. */
    private reasons(alert: AlertDetail): HTMLElement[] {
        const reasons = reasonsOf(alert.explanation);
        if (reasons.length === 0) return [];
        return [el("section", { class: "part", id: "reasons" }, el("h3", {}, t("reasons_title")),
            definitions(reasons.map((reason) => [detectorName(reason.detector),
                el("span", {}, reason.words, " ", el("span", { class: "soft" }, `${time(reason.at)} · ${reason.rule}`))])),
            alert.category === "sensor" && el("p", { class: "soft note" }, t(alert.isLead ? "lead_note" : "sensor_alerts_note")))];
    }

    /** A sensor's alert is measured in time: how far it has gone, and how far it may go. */
    private sensorFigures(alert: AlertDetail): HTMLElement {
        const end = alert.cleared_at ? Date.parse(alert.cleared_at) : Date.now();
        const isClock = alert.property.code === "clock_drift";
        return el("dl", { class: "figures sensor" },
            figure(isClock ? "sa_drift" : "sa_silence", sensorAmount(alert, Date.now()), "", "fig-observed"),
            figure("sa_allowed", alert.limit.upper === null ? "–" : `${isClock ? "± " : "≤ "}${span(alert.limit.upper)}`, "", "fig-limit"),
            figure("duration", duration(end - Date.parse(alert.opened_at)), "", "fig-duration"),
            figure("severity", t(look(alert.severity).word), nameOf(alert.rule), "fig-severity"));
    }

    /** What was expected, what was seen; and that neither says anything about pollution. */
    private expectation(alert: AlertDetail): HTMLElement {
        const words = sensorAlertWords(alert, alert.thing ? this.store.things.get(alert.thing.id) : undefined, Date.now());
        return el("section", { class: "part", id: "expectation" }, el("h3", {}, t("sa_title")),
            definitions([[t("sa_expected"), words.expected || "–"], [t("sa_seen"), words.seen], ...this.members(alert)]),
            el("p", { class: "soft note" }, t("sensor_alerts_note")));
    }

    /** The first of the sensors that fell silent together. */
    private members(alert: AlertDetail): [string, Node][] {
        const things = sensorAlertMembers(alert.explanation).flatMap((id) => this.store.things.get(id) ?? []).slice(0, 10);
        if (alert.feed === null || things.length === 0) return [];
        return [[t("sa_members"), el("ul", { class: "alert-links" }, ...things.map((thing) => el("li", {},
            el("button", { type: "button", class: "link", onclick: () => this.select({ kind: "thing", id: thing.id }) }, nameOf(thing)))))]];
    }

    /** The way to the sensor or the feed itself. */
    private about(alert: AlertDetail): Node | string {
        const { feed, thing } = alert;
        if (thing) {
            const words = `${thingName(alert)} (${thing.key})`;
            return el("button", { type: "button", class: "link", id: "to-thing", onclick: () => this.select({ kind: "thing", id: thing.id }) }, words);
        }
        if (feed === null) return "–";
        return this.store.mayReadFeeds() ? el("button", { type: "button", class: "link", id: "to-feed", onclick: () => this.select({ kind: "feed", id: feed }) }, this.store.feedTitle(feed)) : feed;
    }

    private factsOf(alert: AlertDetail): HTMLElement {
        const site = this.store.siteOf(alert);
        const isSensor = alert.category === "sensor";
        const rows: [Key, string | Node][] = [
            ...(alert.feed === null ? [["ward", placeName(alert)] as [Key, string], ["site", site ? nameOf(site) : "–"] as [Key, string]] : []),
            [alert.feed === null ? "thing" : "feed", this.about(alert)],
            ["since", time(alert.opened_at)],
            ["detected", time(alert.detected_at)],
        ];
        if (!isSensor) rows.push(["last_exceeded", time(alert.last_exceeded_at)], ["peak_at", time(alert.peak_at)]);
        if (alert.cleared_at) rows.push(["cleared_at", time(alert.cleared_at)]);
        return el("section", { class: "part" }, definitions(rows.map(([key, value]) => [t(key), value])));
    }

    private sureness({ alert, limits }: Loaded): HTMLElement {
        const told = limitStatus(alert.explanation);
        const row = limits?.find((l) => l.upper === alert.limit.upper && l.lower === alert.limit.lower);
        const status = told || row?.status || (limits === null ? "hidden" : "unknown");
        const key = `status_${status}`;
        const words = isKey(key) ? t(key) : status;
        return el("section", { class: "part" }, el("h3", {}, t("how_sure")), definitions([
            [t("rule"), `${nameOf(alert.rule)} (${alert.rule.code})`],
            [t("rule_version"), ruleVersion(alert.explanation) || "–"],
            [t("standard"), alert.limit.standard_no],
            [t("limit"), limitWords(alert.limit)],
            [t("limit_status"), el("span", { class: `status ${status}`, id: "limit-status" }, status === "verified" ? "✓ " : status === "check" ? "⚠ " : "", words)],
        ]));
    }

    private chart(box: HTMLElement, loaded: Loaded): void {
        const { alert, observations, span } = loaded;
        const zone = `${getZone()} ${zoneOffset(getZone(), new Date(span.to))}`;
        box.append(el("h3", {}, `${t("series")} · ${nameOf(alert.property)}`, el("small", { class: "soft" }, t("time_zone", { zone }))));
        if (observations === null) return box.append(el("p", { class: "error" }, t("series_failed")));
        const limit = limitIn(alert.limit, alert.property.unit);
        const series = makeSeries(observations, limit);
        if (series.n === 0) return box.append(el("p", { class: "soft" }, t("series_none")));
        const summary = t("series_summary", {
            from: shortDateTime(new Date(span.from).toISOString()), to: shortDateTime(new Date(span.to).toISOString()),
            n: series.n, exceed: series.nExceeding, flagged: series.nFlagged,
        });
        const canvas = el("div", { class: "chart", id: "chart", role: "img", "aria-label": summary });
        const readout = el("p", { class: "readout", "aria-hidden": "true" }, "\u00a0");
        box.append(canvas, readout, chartKey(series), el("p", { class: "soft", id: "series-summary" }, summary));
        if (limit === null) box.append(el("p", { class: "soft" }, t("limit_other_unit", { unit: alert.limit.unit })));
        if (observations.length >= MOST_READINGS) box.append(el("p", { class: "soft" }, t("series_many", { n: MOST_READINGS })));
        box.append(fold(this.open, "table", t("show_table"), () => readingsTable(observations, alert, (value) => limit !== null && exceeds(value, limit))));
        this.dropChart = drawChart(canvas, alert, limit, series, (text) => (readout.textContent = text || "\u00a0"));
    }

    private judging(alert: AlertDetail): HTMLElement {
        const rows = windowRows(alert.explanation);
        const all = facts(alert.explanation);
        const part = el("section", { class: "part", id: "explanation" }, el("h3", {}, t("explanation")));
        if (rows.length === 0 && all.length === 0) part.append(el("p", { class: "soft" }, t("explanation_none")));
        if (rows.length > 0) {
            part.append(el("table", { class: "window" }, el("caption", {}, t("window_title")),
                el("thead", {}, el("tr", {}, ...(["col_time", "col_value", "col_judged"] as Key[]).map((k) => el("th", { scope: "col" }, t(k))))),
                el("tbody", {}, ...rows.map((row) => el("tr", { class: row.judged },
                    el("td", {}, dateTime(row.time)), el("td", { class: "number" }, quantity(row.value, alert.property.unit)),
                    el("td", {}, row.judged === "exceeds" ? "◆ " : "", t(`judged_${row.judged}`)))))));
        }
        if (all.length > 0) part.append(fold(this.open, "facts", alert.category === "sensor" ? t("ex_rule") : `${t("ex_rule")} · ${t("ex_limit")}`, () => definitions(all.map((f) => [f.name, f.value]))));
        return part;
    }

    private history(alert: AlertDetail): HTMLElement {
        return el("section", { class: "part" }, el("h3", {}, t("history")), el("ol", { class: "history" }, ...alert.events.map((event) => {
            const key = `event_${event.kind}`;
            return el("li", {}, time(event.at), ` ${isKey(key) ? t(key) : event.kind} `, el("span", { class: "soft" }, event.actor));
        })));
    }

    private links({ alert, span, at }: Loaded): HTMLElement {
        const copy = el("button", { type: "button", class: "quiet", onclick: () => void copyLink(copy) }, t("permalink"));
        return el("footer", { class: "part links" },
            el("a", { href: alertPath(alert.id), target: "_blank", rel: "noopener", id: "raw-json" }, t("raw_json")),
            alert.datastream ? el("a", { href: observationsPath(alert.datastream, new Date(span.from).toISOString(), new Date(span.to + 1000).toISOString()), target: "_blank", rel: "noopener" }, t("raw_observations")) : null,
            copy, el("span", { class: "soft" }, t("last_update", { time: clock(at) })));
    }
}

function limitWords({ lower, upper, unit }: Limit): string {
    const out: string[] = [];
    if (upper !== null) out.push(`≤ ${quantity(upper, unit)}`);
    if (lower !== null) out.push(`≥ ${quantity(lower, unit)}`);
    return out.join(" · ") || "–";
}

function chartKey(series: Series): HTMLElement {
    const item = (sign: string, kind: string, key: Key): HTMLElement => el("li", {}, el("i", { class: kind, "aria-hidden": "true" }, sign), t(key));
    return el("ul", { class: "chart-key" }, item("●", "normal", "key_value"), item("◆", "exceed", "key_exceed"),
        ...(series.nFlagged > 0 ? [item("✕", "flagged", "key_flagged")] : []), item("┅", "limit", "key_limit"), item("▒", "band", "key_alert_period"));
}

function readingsTable(observations: readonly Observation[], alert: AlertDetail, isOver: (value: number) => boolean): HTMLElement {
    const rows = observations.slice(-500);
    return el("table", { class: "window" },
        el("thead", {}, el("tr", {}, ...(["col_time", "col_value", "col_judged", "col_flag"] as Key[]).map((k) => el("th", { scope: "col" }, t(k))))),
        el("tbody", {}, ...rows.map((o) => {
            const isBeyond = o.flag === "N" && isOver(o.value);
            const key = `flag_${o.flag}`;
            return el("tr", { class: isBeyond ? "exceeds" : "" }, el("td", {}, dateTime(o.time)),
                el("td", { class: "number" }, quantity(o.value, alert.property.unit)), el("td", {}, isBeyond ? `◆ ${t("judged_exceeds")}` : ""),
                el("td", {}, o.flag === "N" ? "" : isKey(key) ? `${t(key)} (${o.flag})` : t("flag_other", { flag: o.flag })));
        })));
}
