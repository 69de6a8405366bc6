// One sensor in full: is it there, does its clock go right, does all of its data come; what it measured last, its
// open alerts, and for a station of HJ 212 what is known of its connection.

import type { Alert, Health, Thing } from "./api_types";
import { compareAlerts } from "./alert_order";
import { el, isDarkScheme } from "./dom";
import { clock, propertyLabel, quantity, shortDateTime, span } from "./format";
import { isIll, stateOf } from "./health";
import { completenessWords, driftWords, expectedFromWords, healthWords, sensorAmount, stateWord } from "./health_words";
import { isKey, nameOf, t } from "./i18n";
import { severityIcon, svgIcon, thingIcon } from "./icons";
import { look } from "./severity";
import type { SideActions } from "./side";
import { copyLink, definitions, failed, figure, part, timeOr, type Body, type View } from "./side_parts";
import { StationPart } from "./station_part";
import type { Store } from "./store";
import { wardOf } from "./ward_names";

export class ThingView implements View {
    private id: string | null = null;
    private readonly station: StationPart;

    constructor(private readonly body: Body, private readonly store: Store, private readonly actions: SideActions) {
        this.station = new StationPart(store);
        store.on(["health", "places", "latest", "alerts", "feeds"], () => this.render());
    }

    async show(id: string): Promise<void> {
        this.id = id;
        this.render();
        this.follow();
    }

    hide(): void {
        this.id = null;
    }

    /** Asks for the station once it is known that the thing is one. */
    private follow(): void {
        const thing = this.id === null ? undefined : this.store.things.get(this.id);
        if (thing && this.isStation(thing)) this.station.show(thing.key);
    }

    private isStation(thing: Thing): boolean {
        return this.store.mayReadStations() && this.store.feeds?.find((feed) => feed.name === thing.feed)?.health?.protocol === "hj212";
    }

    render(): void {
        if (this.id === null) return;
        const thing = this.store.things.get(this.id);
        if (!thing) return this.body(...(this.store.missing.has(this.id) ? failed(t("thing_gone"), () => this.actions.select({ kind: "thing", id: this.id ?? "" })) : [el("p", { class: "soft" }, t("loading"))]));
        const { health } = thing;
        this.follow();
        this.body(this.heading(thing), health ? figures(health) : null, health ? facts(thing, health) : null, this.newest(thing), this.alerts(thing),
            this.isStation(thing) ? this.station.node : null, this.about(thing), this.links(health));
    }

    private heading(thing: Thing): HTMLElement {
        const state = stateOf(thing);
        return el("header", { class: "detail-head" },
            svgIcon(thingIcon(state, isDarkScheme()), 34),
            el("div", {},
                el("div", { class: "alert-top" }, el("span", { class: `tag state ${state}` }, stateWord(state)), el("span", { class: "soft" }, thing.key)),
                el("h2", {}, nameOf(thing)),
                el("p", { id: "health-words", class: isIll(state) ? "ill" : "" }, healthWords(thing.health, Date.now())),
                state === "unknown" ? el("p", { class: "soft" }, t("h_unknown_note")) : null));
    }

    private newest(thing: Thing): HTMLElement | null {
        const streams = (this.store.latest.get(thing.id) ?? []).filter((s) => s.latest);
        if (streams.length === 0) return null;
        return part(t("newest_values"), el("table", { class: "window" },
            el("thead", {}, el("tr", {}, ...(["what", "col_value", "col_time", "col_flag"] as const).map((key) => el("th", { scope: "col" }, t(key))))),
            el("tbody", {}, ...streams.slice(0, 12).map((s) => {
                const flag = s.latest?.flag ?? "N";
                const key = `flag_${flag}`;
                return el("tr", {}, el("td", {}, propertyLabel(s.property)), el("td", { class: "number" }, quantity(s.latest?.value ?? null, s.unit)),
                    el("td", {}, shortDateTime(s.latest?.time ?? "")), el("td", {}, flag === "N" ? "" : isKey(key) ? t(key) : t("flag_other", { flag })));
            }))));
    }

    private alerts(thing: Thing): HTMLElement | null {
        const open = [...this.store.alerts.values()].filter((a) => a.thing?.id === thing.id && a.state === "open").sort(compareAlerts);
        return open.length === 0 ? null : part(t("open_alerts"), alertLinks(open, (id) => this.actions.select({ kind: "alert", id })));
    }

    private about(thing: Thing): HTMLElement {
        const site = thing.site ? this.store.sites.get(thing.site) : undefined;
        const feed = this.store.feeds?.some((f) => f.name === thing.feed)
            ? el("button", { type: "button", class: "link", id: "to-feed", onclick: () => this.actions.select({ kind: "feed", id: thing.feed }) }, this.store.feedTitle(thing.feed))
            : thing.feed || "–";
        return el("section", { class: "part" }, definitions([[t("ward"), wardOf(this.store, thing)], [t("site"), site ? nameOf(site) : "–"], [t("feed"), feed], [t("thing_class"), thing.class || "–"]]));
    }

    private links(health: Health | null): HTMLElement {
        const copy = el("button", { type: "button", class: "quiet", onclick: () => void copyLink(copy) }, t("permalink"));
        return el("footer", { class: "part links" }, copy, health ? el("span", { class: "soft" }, t("as_of", { time: clock(new Date(health.as_of)) })) : null);
    }
}

function figures(health: Health): HTMLElement {
    const drift = health.drift_s;
    return el("dl", { class: "figures health" },
        figure("h_last_received", health.last_received_at ? shortDateTime(health.last_received_at) : "–", "", "fig-received"),
        figure("h_interval", health.expected_s === null ? "–" : span(health.expected_s), expectedFromWords(health.expected_from), "fig-expected"),
        figure("h_complete", completenessWords(health.completeness_24h), "", "fig-complete"),
        figure("h_lag", health.lag_s === null ? "–" : span(health.lag_s), t("h_lag_note"), "fig-lag"),
        ...(drift === null ? [] : [figure("h_drift", Math.abs(drift) < 0.5 ? t("h_clock_right") : driftWords(drift), t(health.drift_from === "phenomenon" ? "drift_from_phenomenon" : "drift_from_clock"), "fig-drift")]));
}

function facts(thing: Thing, health: Health): HTMLElement {
    const { counts } = health;
    return part(t("h_figures"), definitions([
        ...(health.silent_since ? [[t("h_silent_since"), timeOr(health.silent_since)] as [string, Node]] : []),
        [t("h_last_received"), timeOr(health.last_received_at)],
        [t("h_last_phenomenon"), timeOr(health.last_phenomenon_at)],
        ...countRows(counts),
    ]), stateOf(thing) === "silent" ? el("p", { class: "soft note" }, t("h_silent_note")) : null);
}

/** What came, in plain words. */
export function countRows(counts: Health["counts"]): [string, string][] {
    const n = (value: number): string => t("n_readings", { n: value.toLocaleString("en-US").replaceAll(",", " ") });
    return [[t("c_stored"), n(counts.stored)], [t("c_duplicates"), n(counts.duplicates)], [t("c_corrections"), n(counts.corrections)], [t("c_dead"), n(counts.dead)]];
}

/** Open alerts as a list of buttons. */
export function alertLinks(alerts: readonly Alert[], select: (id: string) => void): HTMLElement {
    return el("ul", { class: "alert-links" }, ...alerts.slice(0, 20).map((alert) => el("li", {}, svgIcon(severityIcon(alert.severity, isDarkScheme()), 16),
        el("button", { type: "button", class: "link", id: `link-alert-${alert.id}`, onclick: () => select(alert.id) },
            `${t(look(alert.severity).word)} · ${nameOf(alert.property)} ${alert.category === "sensor" ? sensorAmount(alert, Date.now()) : quantity(alert.last_value, alert.property.unit)}`))));
}
