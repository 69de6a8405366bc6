// The alerts of one category: filters, counts and a listbox. It is also the accessible twin of the map: whatever
// the map shows as colour is said here in words.

import { countBySeverity, listed, NO_FILTERS, type Filters } from "./alert_order";
import type { Alert, Category, Severity } from "./api_types";
import { el, isDarkScheme } from "./dom";
import { limitIn } from "./explanation";
import { duration, quantity, shortDateTime, zonedDateTime } from "./format";
import { sensorAmount } from "./health_words";
import { lang, nameOf, t } from "./i18n";
import { ALL_SEVERITIES, severityIcon, svgIcon } from "./icons";
import { ListBox, MOST_ROWS } from "./listbox";
import { Pick } from "./pick";
import { look } from "./severity";
import type { Hover, Store } from "./store";
import { aboutName, placeName } from "./ward_names";

export interface AlertListActions {
    select(id: string): void;
    setFilters(filters: Filters): void;
    hover(hover: Hover): void;
}

export class AlertList {
    private readonly title = el("h1", {});
    private readonly count = el("span", { class: "soft", id: "count" });
    private readonly note = el("p", { class: "list-note soft" });
    private readonly chips = new Map<Severity, { button: HTMLButtonElement; number: HTMLElement; word: HTMLElement; icon: HTMLElement }>();
    private readonly chipBox = el("div", { class: "chips", role: "group" });
    private readonly filterBox = el("div", { class: "filters", role: "group" });
    private readonly ward: Pick;
    private readonly state: Pick;
    private readonly severity: Pick;
    private readonly box: ListBox<Alert>;
    private readonly foot = el("div", { class: "list-empty" });

    constructor(panel: HTMLElement, private readonly store: Store, private readonly actions: AlertListActions) {
        const change = (part: Partial<Filters>): void => actions.setFilters({ ...store.filters, ...part });
        this.ward = new Pick("filter-ward", (ward) => change({ ward }));
        this.state = new Pick("filter-state", (state) => change({ state: state as Filters["state"] }));
        this.severity = new Pick("filter-severity", (value) => change({ severity: Number(value) as Severity }));
        for (const severity of [4, 3, 2, 1] as Severity[]) this.makeChip(severity, change);
        this.filterBox.append(this.ward.node, this.state.node, this.severity.node);
        this.box = new ListBox<Alert>("alert-list", "alert", {
            key: (alert) => alert.id,
            signature: (alert) => this.signature(alert),
            row: (alert) => ({ class: `alert sev-${alert.severity} ${alert.state}`, content: this.row(alert) }),
            choose: (alert) => actions.select(alert.id),
            hover: (alert) => actions.hover(alert && { alert: alert.id }),
        });
        panel.replaceChildren(el("div", { class: "list-head" }, el("div", { class: "list-title" }, this.title, this.count), this.note, this.chipBox, this.filterBox),
            this.box.node, this.foot);
        store.on(["alerts", "filters", "places", "tab"], () => this.render());
        store.on(["selection", "hover"], () => this.mark());
        setInterval(() => (store.tab === "sensor" ? this.render() : this.tick()), 30_000); // silences grow while one looks
        this.render();
    }

    private category(): Category | null {
        const { tab } = this.store;
        return tab === "pollution" || tab === "sensor" ? tab : null;
    }

    render(): void {
        const category = this.category();
        if (category === null) return;
        const shown = listed(this.store.alerts.values(), category, this.store.filters);
        this.renderHead(category, shown.length);
        this.box.render(t(`alerts_${category}`), shown);
        this.foot.replaceChildren(...(shown.length > 0 ? [] : this.emptyText(category)));
        this.mark();
    }

    private makeChip(severity: Severity, change: (part: Partial<Filters>) => void): void {
        const parts = { number: el("b", {}), word: el("span", {}), icon: el("i", {}) };
        const button = el("button", {
            type: "button", id: `chip-${severity}`, class: `chip sev-${severity}`,
            onclick: () => change({ severity: this.store.filters.severity === severity ? 0 : severity }),
        }, parts.icon, parts.number, parts.word);
        this.chips.set(severity, { button, ...parts });
        this.chipBox.append(button);
    }

    private renderHead(category: Category, nShown: number): void {
        const { store } = this;
        const { filters } = store;
        this.title.textContent = t(`alerts_${category}`);
        this.note.hidden = category === "pollution";
        this.note.textContent = t("sensor_alerts_note");
        const total = [...store.alerts.values()].filter((a) => a.category === category && (filters.state === "all" || a.state === filters.state)).length;
        this.count.textContent = t("count_shown", { n: Math.min(nShown, MOST_ROWS), total });
        const counts = countBySeverity(store.alerts.values(), category);
        this.chipBox.setAttribute("aria-label", t("severity"));
        for (const [severity, chip] of this.chips) {
            const level = t(look(severity).word);
            const n = String(counts[severity] ?? 0);
            chip.button.setAttribute("aria-pressed", String(filters.severity === severity));
            chip.button.setAttribute("aria-label", `${level} ${n}`);
            chip.button.title = t("at_least", { level });
            chip.number.textContent = n;
            chip.word.textContent = level;
            chip.icon.replaceChildren(svgIcon(severityIcon(severity, isDarkScheme()), 18));
        }
        this.filterBox.setAttribute("aria-label", t("filters"));
        this.ward.render(t("ward"), wardOptions(store), filters.ward);
        this.state.render(t("state"), [["open", t("state_open")], ["cleared", t("state_cleared")], ["all", t("state_all")]], filters.state);
        this.severity.render(t("severity"), ALL_SEVERITIES.map((s): [string, string] => {
            const level = t(look(s).word);
            return [String(s), s === 0 ? t("all_severities") : s === 4 ? level : t("at_least", { level })];
        }), String(filters.severity));
    }

    private signature(alert: Alert): string {
        const site = this.store.siteOf(alert);
        return [lang(), isDarkScheme(), alert.state, alert.severity, alert.last_value, alert.cleared_at, alert.limit.upper, this.store.unseen.has(alert.id),
            alert.category === "sensor" ? sensorAmount(alert, Date.now()) : "", site ? nameOf(site) : "", alert.feed ? this.store.feedTitle(alert.feed) : ""].join("|");
    }

    private row(alert: Alert): (Node | false)[] {
        const isOpen = alert.state === "open";
        const isSensor = alert.category === "sensor";
        return [
            svgIcon(severityIcon(alert.severity, isDarkScheme()), 24),
            el("div", { class: "alert-body" },
                el("div", { class: "alert-top" },
                    el("span", { class: "tag" }, t(look(alert.severity).word)),
                    !isOpen && el("span", { class: "tag cleared" }, t("state_cleared")),
                    this.store.unseen.has(alert.id) && el("span", { class: "tag new" }, t("new_mark")),
                    el("span", { class: "place" }, placeName(alert)),
                    el("time", { datetime: alert.opened_at, title: zonedDateTime(alert.opened_at) }, shortDateTime(alert.opened_at))),
                el("div", { class: "alert-what" }, el("span", { class: "clip", title: nameOf(alert.property) }, nameOf(alert.property)),
                    el("b", {}, isSensor ? sensorAmount(alert, Date.now()) : quantity(alert.last_value, alert.property.unit)), el("span", { class: "soft" }, isSensor ? "" : limitText(alert))),
                el("div", { class: "alert-where soft" },
                    el("span", { class: "clip" }, aboutName(alert, this.store)),
                    el("span", { class: "since", "data-since": alert.id }, sinceText(alert)))),
        ];
    }

    private emptyText(category: Category): (Node | string)[] {
        const { filters, district } = this.store;
        if (district === null) return [t("loading")];
        if (filters.ward === "" && filters.severity === 0 && filters.state !== "cleared") {
            return category === "pollution"
                ? [el("p", {}, t("no_alerts")), el("p", { class: "soft" }, t("no_alerts_note"))]
                : [el("p", {}, t("no_sensor_alerts")), el("p", { class: "soft" }, t("no_sensor_alerts_note"))];
        }
        return [el("p", {}, t("none_match")),
            el("button", { type: "button", onclick: () => this.actions.setFilters(NO_FILTERS) }, t("clear_filters"))];
    }

    /** Durations grow while one looks. */
    private tick(): void {
        for (const node of this.box.node.querySelectorAll<HTMLElement>("[data-since]")) {
            const alert = this.store.alerts.get(node.dataset["since"] ?? "");
            if (alert) node.textContent = sinceText(alert);
        }
    }

    private mark(): void {
        if (this.category() === null) return;
        const { hover, store } = { hover: this.store.hover, store: this.store };
        this.box.mark(store.selectedId("alert"), (alert) => hover !== null && (
            ("alert" in hover && hover.alert === alert.id) || ("thing" in hover && hover.thing === alert.thing?.id) ||
            ("ward" in hover && hover.ward === alert.ward?.code)));
    }

    focus(): void {
        this.box.focus();
    }
}

export function wardOptions(store: Store): [string, string][] {
    const wards = [...store.wards.values()].sort((a, b) => a.code.localeCompare(b.code));
    return [["", t("all_wards")], ...wards.map((w): [string, string] => [w.code, nameOf(w)]), ["-", t("outside_wards")]];
}

function limitText(alert: Alert): string {
    const { upper, lower, unit } = limitIn(alert.limit, alert.property.unit) ?? alert.limit;
    if (upper !== null) return ` > ${quantity(upper, unit)}`;
    return lower !== null ? ` < ${quantity(lower, unit)}` : "";
}

export function sinceText(alert: Alert): string {
    const end = alert.cleared_at ? Date.parse(alert.cleared_at) : Date.now();
    const length = duration(end - Date.parse(alert.opened_at));
    return alert.cleared_at ? t("lasted", { duration: length }) : t("open_for", { duration: length });
}
