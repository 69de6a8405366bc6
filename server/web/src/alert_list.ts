// The alert list: filters, counts and a listbox that keyboard and screen reader can walk. It is also the
// accessible twin of the map: whatever the map shows as colour is said here in words.

import { countBySeverity, listed, NO_FILTERS, type Filters } from "./alert_order";
import type { Alert, Severity } from "./api_types";
import { el, isDarkScheme } from "./dom";
import { limitIn } from "./explanation";
import { dateTime, duration, quantity, shortDateTime } from "./format";
import { nameOf, t } from "./i18n";
import { ALL_SEVERITIES, severityIcon, svgIcon } from "./icons";
import { look } from "./severity";
import type { Store } from "./store";
import { placeName, thingName } from "./ward_names";

/** More rows than this are not drawn; the count says so, and the filters lead on. */
const MOST_ROWS = 400;

export interface AlertListActions {
    select(id: string): void;
    setFilters(filters: Filters): void;
    hover(id: string | null): void;
}

export class AlertList {
    private readonly head = el("div", { class: "list-head" });
    private readonly box = el("ul", { class: "alerts", id: "alert-list", role: "listbox", tabindex: "0" });
    private readonly foot = el("div", { class: "list-empty" });
    private shown: Alert[] = [];
    private active: string | null = null;

    constructor(panel: HTMLElement, private readonly store: Store, private readonly actions: AlertListActions) {
        panel.replaceChildren(this.head, this.box, this.foot);
        this.box.addEventListener("keydown", (event) => this.onKey(event));
        this.box.addEventListener("focus", () => this.setActive(this.active ?? this.shown[0]?.id ?? null, false));
        this.box.addEventListener("blur", () => this.actions.hover(null));
        this.box.addEventListener("mouseleave", () => this.actions.hover(null));
        store.on(["alerts", "filters", "places", "latest"], () => this.render());
        store.on(["selection", "hover"], () => this.mark());
        setInterval(() => this.tick(), 30_000);
        this.render();
    }

    render(): void {
        const { store } = this;
        this.shown = listed(store.alerts.values(), store.filters);
        this.renderHead();
        this.box.setAttribute("aria-label", t("alerts_title"));
        const top = this.box.scrollTop;
        this.box.replaceChildren(...this.shown.slice(0, MOST_ROWS).map((alert) => this.row(alert)));
        this.box.scrollTop = top;
        this.foot.replaceChildren(...this.emptyText());
        this.mark();
    }

    private renderHead(): void {
        const { store } = this;
        const focused = document.activeElement?.id ?? "";
        const counts = countBySeverity(store.alerts.values());
        const chips = ([4, 3, 2, 1] as Severity[]).map((severity) => el("button", {
            type: "button", id: `chip-${severity}`, class: `chip sev-${severity}`, "aria-pressed": String(store.filters.severity === severity),
            "aria-label": `${t(look(severity).word)} ${counts[severity] ?? 0}`, title: t("at_least", { level: t(look(severity).word) }),
            onclick: () => this.actions.setFilters({ ...store.filters, severity: store.filters.severity === severity ? 0 : severity }),
        }, svgIcon(severityIcon(severity, isDarkScheme()), 18), el("b", {}, String(counts[severity] ?? 0)), el("span", {}, t(look(severity).word))));
        const total = [...store.alerts.values()].filter((a) => store.filters.state === "all" || a.state === store.filters.state).length;
        this.head.replaceChildren(
            el("div", { class: "list-title" }, el("h1", {}, t("alerts_title")),
                el("span", { class: "soft", id: "count" }, t("count_shown", { n: Math.min(this.shown.length, MOST_ROWS), total }))),
            el("div", { class: "chips", role: "group", "aria-label": t("severity") }, ...chips),
            el("div", { class: "filters", role: "group", "aria-label": t("filters") }, this.wardSelect(), this.stateSelect(), this.severitySelect()));
        if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    }

    private pick(id: string, label: string, options: [string, string][], value: string, set: (value: string) => void): HTMLElement {
        const select = el("select", { id, "aria-label": label, onchange: () => set(select.value) },
            ...options.map(([key, text]) => el("option", { value: key }, text)));
        select.value = value;
        return el("label", { class: "pick", for: id }, el("span", {}, label), select);
    }

    private wardSelect(): HTMLElement {
        const wards = [...this.store.wards.values()].sort((a, b) => a.code.localeCompare(b.code));
        const options: [string, string][] = [["", t("all_wards")], ...wards.map((w): [string, string] => [w.code, nameOf(w)]), ["-", t("outside_wards")]];
        return this.pick("filter-ward", t("ward"), options, this.store.filters.ward, (ward) => this.actions.setFilters({ ...this.store.filters, ward }));
    }

    private stateSelect(): HTMLElement {
        const options: [string, string][] = [["open", t("state_open")], ["cleared", t("state_cleared")], ["all", t("state_all")]];
        return this.pick("filter-state", t("state"), options, this.store.filters.state, (state) =>
            this.actions.setFilters({ ...this.store.filters, state: state as Filters["state"] }));
    }

    private severitySelect(): HTMLElement {
        const options = ALL_SEVERITIES.map((s): [string, string] => {
            const level = t(look(s).word);
            return [String(s), s === 0 ? t("all_severities") : s === 4 ? level : t("at_least", { level })];
        });
        return this.pick("filter-severity", t("severity"), options, String(this.store.filters.severity), (value) =>
            this.actions.setFilters({ ...this.store.filters, severity: Number(value) as Severity }));
    }

    private row(alert: Alert): HTMLElement {
        const site = this.store.siteOf(alert);
        const isOpen = alert.state === "open";
        return el("li", {
            id: `alert-${alert.id}`, role: "option", class: `alert sev-${alert.severity} ${alert.state}`, "data-id": alert.id,
            onclick: () => this.choose(alert.id), onmouseenter: () => this.actions.hover(alert.id),
        },
            svgIcon(severityIcon(alert.severity, isDarkScheme()), 24),
            el("div", { class: "alert-body" },
                el("div", { class: "alert-top" },
                    el("span", { class: "tag" }, t(look(alert.severity).word)),
                    !isOpen && el("span", { class: "tag cleared" }, t("state_cleared")),
                    this.store.unseen.has(alert.id) && el("span", { class: "tag new" }, t("new_mark")),
                    el("span", { class: "place" }, placeName(alert)),
                    el("time", { datetime: alert.opened_at, title: dateTime(alert.opened_at) }, shortDateTime(alert.opened_at))),
                el("div", { class: "alert-what" }, el("span", { class: "clip", title: nameOf(alert.property) }, nameOf(alert.property)),
                    el("b", {}, quantity(alert.last_value, alert.property.unit)), el("span", { class: "soft" }, limitText(alert))),
                el("div", { class: "alert-where soft" },
                    el("span", { class: "clip" }, site ? nameOf(site) : thingName(alert)),
                    el("span", { class: "since", "data-since": alert.id }, sinceText(alert)))));
    }

    private emptyText(): (Node | string)[] {
        if (this.shown.length > 0) return [];
        const { filters, district } = this.store;
        if (district === null) return [t("loading")];
        if (filters.ward === "" && filters.severity === 0 && filters.state !== "cleared") {
            return [el("p", {}, t("no_alerts")), el("p", { class: "soft" }, t("no_alerts_note"))];
        }
        return [el("p", {}, t("none_match")),
            el("button", { type: "button", onclick: () => this.actions.setFilters(NO_FILTERS) }, t("clear_filters"))];
    }

    /** Durations grow while one looks. */
    private tick(): void {
        for (const node of this.box.querySelectorAll<HTMLElement>("[data-since]")) {
            const alert = this.store.alerts.get(node.dataset["since"] ?? "");
            if (alert) node.textContent = sinceText(alert);
        }
    }

    private choose(id: string): void {
        this.setActive(id, false);
        this.actions.select(id);
    }

    private onKey(event: KeyboardEvent): void {
        const rows = this.shown.slice(0, MOST_ROWS);
        const at = rows.findIndex((alert) => alert.id === this.active);
        const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? rows.length - 1 : at - 1, Home: 0, End: rows.length - 1, PageDown: at + 8, PageUp: at - 8 }[event.key];
        if (to !== undefined && rows.length > 0) {
            event.preventDefault();
            const next = rows[Math.min(rows.length - 1, Math.max(0, to))];
            if (next) this.setActive(next.id, true);
        } else if ((event.key === "Enter" || event.key === " ") && this.active) {
            event.preventDefault();
            this.actions.select(this.active);
        }
    }

    private setActive(id: string | null, tellMap: boolean): void {
        this.active = id;
        if (tellMap) this.actions.hover(id);
        this.mark();
        if (id && document.activeElement === this.box) document.getElementById(`alert-${id}`)?.scrollIntoView({ block: "nearest" });
    }

    /** Shows what is selected, active and hovered without drawing the rows again. */
    private mark(): void {
        const { hover, selected } = this.store;
        for (const node of this.box.children) {
            const id = (node as HTMLElement).dataset["id"] ?? "";
            const alert = this.store.alerts.get(id);
            const isHovered = hover !== null && alert !== undefined && (
                ("alert" in hover && hover.alert === id) || ("thing" in hover && hover.thing === alert.thing?.id) ||
                ("ward" in hover && hover.ward === alert.ward?.code));
            node.classList.toggle("hovered", isHovered);
            node.classList.toggle("active", id === this.active);
            node.setAttribute("aria-selected", String(id === selected));
        }
        if (this.active && this.shown.some((alert) => alert.id === this.active)) this.box.setAttribute("aria-activedescendant", `alert-${this.active}`);
        else this.box.removeAttribute("aria-activedescendant");
    }

    focus(): void {
        this.box.focus();
    }
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
