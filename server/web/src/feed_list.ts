// The feeds as their operators want them: what fails first, each with the few figures that tell why.

import type { Feed } from "./api_types";
import { el, isDarkScheme } from "./dom";
import { duration, span } from "./format";
import { compareFeeds, isFeedIll } from "./health";
import { completenessWords, feedWords, protocolWords, stateWord } from "./health_words";
import { lang, t } from "./i18n";
import { svgIcon, thingIcon } from "./icons";
import { ListBox } from "./listbox";
import type { Store } from "./store";

export class FeedList {
    private readonly title = el("h1", {});
    private readonly count = el("span", { class: "soft" });
    private readonly error = el("div", { class: "list-error", role: "status", hidden: true });
    private readonly box: ListBox<Feed>;
    private readonly foot = el("div", { class: "list-empty" });

    constructor(panel: HTMLElement, private readonly store: Store, select: (name: string) => void, private readonly retry: () => void) {
        this.box = new ListBox<Feed>("feed-list", "feed", {
            key: (feed) => feed.name,
            signature: (feed) => [lang(), isDarkScheme(), JSON.stringify(feed), feedWords(feed, Date.now())].join("|"),
            row: (feed) => ({ class: `thing health-${feedState(feed)}`, content: row(feed) }),
            choose: (feed) => select(feed.name),
            hover: () => undefined,
        });
        panel.replaceChildren(el("div", { class: "list-head" }, el("div", { class: "list-title" }, this.title, this.count)), this.error, this.box.node, this.foot);
        store.on(["feeds", "tab"], () => this.render());
        store.on(["selection"], () => this.mark());
        setInterval(() => this.render(), 30_000);
        this.render();
    }

    render(): void {
        const { store } = this;
        if (store.tab !== "feeds") return;
        const feeds = [...(store.feeds ?? [])].sort(compareFeeds);
        const { feeds: reading } = store.reading;
        this.title.textContent = t("tab_feeds_long");
        this.count.textContent = store.feeds === null ? "" : t("feeds_ill", { n: feeds.filter(isFeedIll).length, total: feeds.length });
        this.error.hidden = reading.state !== "failed";
        this.error.replaceChildren(...(reading.state === "failed" ? [el("span", {}, t("health_failed", { message: reading.message })), el("button", { type: "button", onclick: () => this.retry() }, t("retry"))] : []));
        this.box.render(t("tab_feeds_long"), feeds);
        const empty = reading.state === "loading" ? t("loading") : reading.state === "ready" ? t("no_feeds") : "";
        this.foot.replaceChildren(...(feeds.length > 0 || empty === "" ? [] : [el("p", {}, empty)]));
        this.mark();
    }

    private mark(): void {
        if (this.store.tab === "feeds") this.box.mark(this.store.selectedId("feed"), () => false);
    }

    focus(): void {
        this.box.focus();
    }
}

/** How a feed looks: one whose pull fails looks silent, whatever arrived before. */
export function feedState(feed: Feed): "silent" | "drifting" | "late" | "ok" | "unknown" {
    if (!feed.enabled) return "unknown";
    if (feed.pull?.failing_since) return "silent";
    return feed.health?.state ?? "unknown";
}

export function feedStateWord(feed: Feed): string {
    if (!feed.enabled) return t("f_off");
    if (feed.pull?.failing_since) return t("f_pull_fails");
    return stateWord(feedState(feed));
}

function row(feed: Feed): Node[] {
    const { health } = feed;
    const state = feedState(feed);
    const figures: string[] = [];
    if (health) {
        if (health.last_received_at) figures.push(t("f_last_ago", { duration: duration(Date.now() - Date.parse(health.last_received_at)) }));
        if (health.lag_s !== null) figures.push(t("f_lag", { lag: span(health.lag_s) }));
        figures.push(t("h_complete_short", { share: completenessWords(health.completeness_24h) }));
    }
    const ill = health ? (["silent", "drifting", "late"] as const).filter((s) => health.things[s] > 0).map((s) => `${stateWord(s)} ${health.things[s]}`) : [];
    return [
        svgIcon(thingIcon(state, isDarkScheme()), 24),
        el("div", { class: "alert-body" },
            el("div", { class: "alert-top" }, el("span", { class: `tag state ${state}` }, feedStateWord(feed)), el("span", { class: "protocol" }, protocolWords(health?.protocol ?? ""))),
            el("div", { class: "place feed-title" }, feed.title),
            el("div", {}, feedWords(feed, Date.now())),
            feed.pull?.failing_since && feed.pull.last_error ? el("div", { class: "error clip", title: feed.pull.last_error }, feed.pull.last_error) : null,
            el("div", { class: "soft small" }, figures.join(" · ")),
            health ? el("div", { class: "soft small" }, [t("f_things", { n: health.things.total }), ...ill].join(" · ")) : null,
            health && health.counts.dead > 0 ? el("div", { class: "soft small" }, t("f_dead", { n: health.counts.dead })) : null),
    ];
}
