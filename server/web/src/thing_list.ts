// Every sensor by its health, the troubled ones first: the accessible twin of the signs on the map.

import type { HealthState, Thing } from "./api_types";
import { wardOptions } from "./alert_list";
import { el, isDarkScheme } from "./dom";
import { HEALTH_STATES, listedThings, listsWell, NO_THING_FILTERS, stateOf, type ThingFilters } from "./health";
import { completenessWords, healthWords, stateWord } from "./health_words";
import { lang, nameOf, t } from "./i18n";
import { svgIcon, thingIcon } from "./icons";
import { ListBox, MOST_ROWS } from "./listbox";
import { Pick } from "./pick";
import type { Hover, Store } from "./store";
import { wardOf } from "./ward_names";

export interface ThingListActions {
    select(id: string): void;
    setFilters(filters: ThingFilters): void;
    hover(hover: Hover): void;
    retry(): void;
}

export class ThingList {
    private readonly title = el("h1", {});
    private readonly count = el("span", { class: "soft" });
    private readonly error = el("div", { class: "list-error", role: "status", hidden: true });
    private readonly chipBox = el("div", { class: "chips five", role: "group" });
    private readonly chips = new Map<HealthState, { button: HTMLButtonElement; number: HTMLElement; word: HTMLElement; icon: HTMLElement }>();
    private readonly search: HTMLInputElement;
    private readonly state: Pick;
    private readonly ward: Pick;
    private readonly feed: Pick;
    private readonly filterBox: HTMLElement;
    private readonly box: ListBox<Thing>;
    private readonly foot = el("div", { class: "list-empty" });
    private searchTimer: ReturnType<typeof setTimeout> | undefined;

    constructor(panel: HTMLElement, private readonly store: Store, private readonly actions: ThingListActions) {
        const change = (part: Partial<ThingFilters>): void => actions.setFilters({ ...store.thingFilters, ...part });
        this.state = new Pick("things-state", (state) => change({ state: state as ThingFilters["state"] }));
        this.ward = new Pick("things-ward", (ward) => change({ ward }));
        this.feed = new Pick("things-feed", (feed) => change({ feed }));
        this.search = el("input", {
            id: "things-search", type: "search", autocomplete: "off", spellcheck: "false",
            oninput: () => {
                clearTimeout(this.searchTimer);
                this.searchTimer = setTimeout(() => change({ words: this.search.value.trim() }), 150);
            },
        });
        for (const state of ["silent", "drifting", "late", "unknown", "ok"] as const) this.makeChip(state, change);
        this.filterBox = el("div", { class: "filters", role: "group" }, this.state.node, this.ward.node, this.feed.node);
        this.box = new ListBox<Thing>("thing-list", "thing", {
            key: (thing) => thing.id,
            signature: (thing) => [lang(), isDarkScheme(), thing.name_zh, thing.ward, stateOf(thing), healthWords(thing.health, Date.now()), thing.health?.completeness_24h].join("|"),
            row: (thing) => ({ class: `thing health-${stateOf(thing)}`, content: this.row(thing) }),
            choose: (thing) => actions.select(thing.id),
            hover: (thing) => actions.hover(thing && { thing: thing.id }),
        });
        panel.replaceChildren(el("div", { class: "list-head" }, el("div", { class: "list-title" }, this.title, this.count), this.chipBox, this.search, this.filterBox),
            this.error, this.box.node, this.foot);
        store.on(["health", "places", "tab", "feeds"], () => this.render());
        store.on(["selection", "hover"], () => this.mark());
        setInterval(() => this.render(), 30_000); // silences grow while one looks
        this.render();
    }

    render(): void {
        const { store } = this;
        if (store.tab !== "things") return;
        const { things, counts } = listedThings(store.things.values(), store.thingFilters);
        this.renderHead(counts, things.length);
        this.box.render(t("tab_things_long"), things);
        this.renderError();
        this.foot.replaceChildren(...(things.length > 0 ? [] : this.emptyText(counts.all)));
        this.mark();
    }

    private makeChip(state: HealthState, change: (part: Partial<ThingFilters>) => void): void {
        const parts = { number: el("b", {}), word: el("span", {}), icon: el("i", {}) };
        const button = el("button", {
            type: "button", id: `chip-${state}`, class: "chip",
            onclick: () => change({ state: this.store.thingFilters.state === state ? "all" : state }),
        }, parts.icon, parts.number, parts.word);
        this.chips.set(state, { button, ...parts });
        this.chipBox.append(button);
    }

    private renderHead(counts: Record<HealthState | "ill" | "all", number>, nShown: number): void {
        const { store } = this;
        const filters = store.thingFilters;
        this.title.textContent = t("tab_things_long");
        const isComing = listsWell(store) && !store.hasAllThings;
        this.count.textContent = isComing ? t("loading") : t("count_shown_things", { n: Math.min(nShown, MOST_ROWS), total: nShown });
        this.chipBox.setAttribute("aria-label", t("health"));
        for (const [state, chip] of this.chips) {
            chip.button.setAttribute("aria-pressed", String(filters.state === state));
            const number = state === "ok" && !store.hasAllThings ? "–" : String(counts[state]); // of a large district only those that are not well are known
            chip.button.setAttribute("aria-label", `${stateWord(state)} ${number}`);
            chip.button.title = t(`thing_${state}_long`);
            chip.number.textContent = number;
            chip.word.textContent = stateWord(state);
            chip.icon.replaceChildren(svgIcon(thingIcon(state, isDarkScheme()), 18));
        }
        this.filterBox.setAttribute("aria-label", t("filters"));
        this.state.render(t("health"), [["ill", t("health_ill")], ["all", t("health_all")], ...HEALTH_STATES.map((s): [string, string] => [s, stateWord(s)])], filters.state);
        this.ward.render(t("ward"), wardOptions(store), filters.ward);
        const feeds = [...new Set([...[...store.things.values()].map((thing) => thing.feed), ...(store.feeds ?? []).map((feed) => feed.name)])].filter((feed) => feed !== "").sort();
        this.feed.render(t("feed"), [["", t("all_feeds")], ...feeds.map((feed): [string, string] => [feed, store.feedTitle(feed)])], filters.feed);
        this.search.placeholder = t("search_things");
        this.search.setAttribute("aria-label", t("search_things"));
        if (document.activeElement !== this.search) this.search.value = filters.words;
    }

    private row(thing: Thing): Node[] {
        const state = stateOf(thing);
        return [
            svgIcon(thingIcon(state, isDarkScheme()), 24),
            el("div", { class: "alert-body" },
                el("div", { class: "alert-top" }, el("span", { class: `tag state ${state}` }, stateWord(state)), el("span", { class: "place", title: nameOf(thing) }, nameOf(thing))),
                el("div", {}, healthWords(thing.health, Date.now())),
                el("div", { class: "alert-where soft" }, el("span", { class: "clip" }, wardOf(this.store, thing)),
                    el("span", { class: "since" }, t("h_complete_short", { share: completenessWords(thing.health?.completeness_24h ?? null) })))),
        ];
    }

    private renderError(): void {
        const { things } = this.store.reading;
        this.error.hidden = things.state !== "failed";
        if (things.state !== "failed") return this.error.replaceChildren();
        this.error.replaceChildren(el("span", {}, t("health_failed", { message: things.message })), el("button", { type: "button", onclick: () => this.actions.retry() }, t("retry")));
    }

    private emptyText(nAll: number): Node[] {
        const { store } = this;
        const filters = store.thingFilters;
        if (store.district === null || store.reading.things.state === "loading") return [el("p", {}, t("loading"))];
        if (store.things.size === 0 && store.hasAllThings) return [el("p", {}, t("no_things"))];
        const isOnlyState = filters.feed === "" && filters.ward === "" && filters.words === "";
        if (filters.state === "ill" && (nAll > 0 || !store.hasAllThings) && isOnlyState && store.reading.things.state === "ready") {
            return [el("p", {}, t("none_ill")), el("p", { class: "soft" }, t("none_ill_note")),
                el("button", { type: "button", onclick: () => this.actions.setFilters({ ...filters, state: "all" }) }, t("show_all_things"))];
        }
        return [el("p", {}, t("none_match_things")),
            el("button", { type: "button", onclick: () => this.actions.setFilters({ ...NO_THING_FILTERS, state: "all" }) }, t("clear_filters"))];
    }

    private mark(): void {
        const { hover, tab } = this.store;
        if (tab !== "things") return;
        this.box.mark(this.store.selectedId("thing"), (thing) => hover !== null && (
            ("thing" in hover && hover.thing === thing.id) || ("ward" in hover && hover.ward === thing.ward)));
    }

    focus(): void {
        this.box.focus();
    }
}
