// One feed in full: what it says and when, its sensors by state, what came of its messages, why a pull fails, and
// for HJ 212 which stations are away.

import { getUnconnected } from "./api";
import { compareAlerts } from "./alert_order";
import type { Feed, HealthState, Station } from "./api_types";
import { el, isDarkScheme } from "./dom";
import { feedState, feedStateWord } from "./feed_list";
import { clock, duration, shortDateTime, span } from "./format";
import { HEALTH_STATES, isFeedIll } from "./health";
import { completenessWords, feedWords, protocolWords, stateWord } from "./health_words";
import { nameOf, t } from "./i18n";
import { svgIcon, thingIcon } from "./icons";
import type { SideActions } from "./side";
import { copyLink, definitions, failed, figure, loading, part, timeOr, type Body, type View } from "./side_parts";
import type { Store } from "./store";
import { alertLinks, countRows } from "./thing_detail";

const MOST_STATIONS = 20;
const AGAIN_AFTER_MS = 25_000;

export class FeedView implements View {
    private name: string | null = null;
    private away: { feed: string; at: number; stations: Station[] | null } | null = null;

    constructor(private readonly body: Body, private readonly store: Store, private readonly actions: SideActions) {
        store.on(["feeds", "alerts", "health"], () => this.render());
    }

    async show(name: string): Promise<void> {
        this.name = name;
        this.render();
    }

    hide(): void {
        this.name = null;
    }

    render(): void {
        const { name, store } = this;
        if (name === null) return;
        const feed = store.feeds?.find((f) => f.name === name);
        if (!feed) {
            if (store.mayReadFeeds() && store.reading.feeds.state === "loading") return this.body(loading());
            return this.body(...failed(t("feed_gone"), () => this.render()));
        }
        this.askStations(feed);
        this.body(this.heading(feed), this.pull(feed), this.figures(feed), this.things(feed), this.counts(feed), this.alerts(feed), this.stations(feed), this.links(feed));
    }

    private heading(feed: Feed): HTMLElement {
        const state = feedState(feed);
        return el("header", { class: "detail-head" },
            svgIcon(thingIcon(state, isDarkScheme()), 34),
            el("div", {},
                el("div", { class: "alert-top" }, el("span", { class: `tag state ${state}` }, feedStateWord(feed)),
                    el("span", { class: "protocol" }, protocolWords(feed.health?.protocol ?? "")), el("span", { class: "soft" }, feed.name)),
                el("h2", {}, feed.title),
                el("p", { class: isFeedIll(feed) ? "ill" : "" }, feedWords(feed, Date.now()))));
    }

    private pull({ pull }: Feed): HTMLElement | null {
        if (!pull) return null;
        return el("section", { class: "part", id: "pull" }, el("h3", {}, t("pull")), definitions([
            [t("pull_last_page"), timeOr(pull.last_page_at)],
            ...(pull.failing_since ? [[t("pull_failing_since"), timeOr(pull.failing_since)] as [string, Node]] : []),
        ]), pull.failing_since && pull.last_error ? el("p", { class: "error mono" }, pull.last_error) : null);
    }

    private figures({ health }: Feed): HTMLElement {
        if (!health) return el("p", { class: "soft pad" }, t("f_unknown"));
        return el("dl", { class: "figures health" },
            figure("h_last_received", health.last_received_at ? shortDateTime(health.last_received_at) : "–",
                health.last_received_at ? t("ago", { duration: duration(Date.now() - Date.parse(health.last_received_at)) }) : t("f_never"), "fig-received"),
            figure("h_interval", health.expected_s === null ? "–" : span(health.expected_s), "", "fig-expected"),
            figure("h_complete", completenessWords(health.completeness_24h), "", "fig-complete"),
            figure("h_lag", health.lag_s === null ? "–" : span(health.lag_s), t("h_lag_note"), "fig-lag"));
    }

    /** Every state leads to the list of those sensors. */
    private things({ name, health }: Feed): HTMLElement | null {
        if (!health) return null;
        const row = (state: HealthState): HTMLElement => el("button", {
            type: "button", class: "chip", id: `feed-things-${state}`, disabled: health.things[state] === 0, "aria-label": t("show_things", { state: stateWord(state), n: health.things[state] }),
            onclick: () => this.actions.listThings({ feed: name, state }),
        }, svgIcon(thingIcon(state, isDarkScheme()), 18), el("b", {}, String(health.things[state])), el("span", {}, stateWord(state)));
        return part(t("f_things", { n: health.things.total }), el("div", { class: "chips five" }, ...HEALTH_STATES.map(row)), el("p", { class: "soft note" }, t("feed_things_note")));
    }

    private counts({ health }: Feed): HTMLElement | null {
        return health && part(t("h_figures"), definitions([[t("h_last_phenomenon"), timeOr(health.last_phenomenon_at)], ...countRows(health.counts)]));
    }

    private alerts({ name }: Feed): HTMLElement | null {
        const { store } = this;
        const open = [...store.alerts.values()].filter((a) => a.state === "open" && a.category === "sensor" && (a.feed === name || (a.thing && store.things.get(a.thing.id)?.feed === name))).sort(compareAlerts);
        return open.length === 0 ? null : part(t("open_sensor_alerts", { n: open.length }), alertLinks(open, (id) => this.actions.select({ kind: "alert", id })));
    }

    // ── stations that are away ──

    private askStations(feed: Feed): void {
        if (feed.health?.protocol !== "hj212" || !this.store.mayReadStations()) return;
        if (this.away?.feed === feed.name && Date.now() - this.away.at < AGAIN_AFTER_MS) return;
        const asked = { feed: feed.name, at: Date.now(), stations: this.away?.feed === feed.name ? this.away.stations : null };
        this.away = asked;
        void getUnconnected(feed.name, MOST_STATIONS).then((stations) => {
            asked.stations = stations;
            this.render();
        }, () => undefined); // tried again with the next reading of the feeds
    }

    private stations(feed: Feed): HTMLElement | null {
        const stations = this.away?.feed === feed.name ? this.away.stations : null;
        if (stations === null) return null;
        const words = stations.length === 0 ? t("st_all_connected") : t(stations.length === MOST_STATIONS ? "st_away_many" : "st_away", { n: stations.length });
        return el("section", { class: "part", id: "stations-away" }, el("h3", {}, t("stations")), el("p", {}, words), el("ul", { class: "alert-links" }, ...stations.map((station) => {
            const id = station.thing;
            const thing = id ? this.store.things.get(id) : undefined; // of a large district only some are known
            const name = thing && nameOf(thing) !== station.mn ? `${nameOf(thing)} (${station.mn})` : station.mn;
            const since = station.connection_since ? t("st_away_since", { time: shortDateTime(station.connection_since) }) : t("st_never_connected");
            return el("li", {}, id
                ? el("button", { type: "button", class: "link", id: `station-${station.mn}`, onclick: () => this.actions.select({ kind: "thing", id }) }, name)
                : el("span", {}, name), el("span", { class: "soft" }, since));
        })));
    }

    private links(feed: Feed): HTMLElement {
        const copy = el("button", { type: "button", class: "quiet", onclick: () => void copyLink(copy) }, t("permalink"));
        return el("footer", { class: "part links" },
            el("a", { href: `/api/v1/feeds/${encodeURIComponent(feed.name)}/health`, target: "_blank", rel: "noopener" }, t("raw_json")), copy,
            feed.health ? el("span", { class: "soft" }, t("as_of", { time: clock(new Date(feed.health.as_of)) })) : null);
    }
}
