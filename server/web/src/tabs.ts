// The tabs of the left panel: pollution alerts first, then what is wrong with the instruments, then the sensors
// and feeds themselves. Arrow keys move between them; counts say what waits behind each.

import { el } from "./dom";
import { countIll, isFeedIll } from "./health";
import { lang, t } from "./i18n";
import { type Store, type Tab, TABS } from "./store";

export class Tabs {
    private readonly buttons = new Map<Tab, { button: HTMLButtonElement; word: HTMLElement; number: HTMLElement }>();

    constructor(private readonly bar: HTMLElement, private readonly store: Store, private readonly choose: (tab: Tab) => void) {
        bar.setAttribute("role", "tablist");
        for (const tab of TABS) {
            const parts = { word: el("span", {}), number: el("b", {}) };
            const button = el("button", { type: "button", role: "tab", id: `tab-${tab}`, "aria-controls": panelOf(tab), onclick: () => choose(tab) }, parts.word, parts.number);
            this.buttons.set(tab, { button, ...parts });
            bar.append(button);
        }
        bar.addEventListener("keydown", (event) => this.onKey(event));
        store.on(["alerts", "health", "feeds", "tab", "places"], () => this.render());
        this.render();
    }

    /** The tabs that this account has. */
    private visible(): Tab[] {
        return TABS.filter((tab) => tab !== "feeds" || this.store.feeds !== null || (this.store.mayReadFeeds() && this.store.reading.feeds.state !== "ready"));
    }

    render(): void {
        const { store } = this;
        const open = { pollution: 0, sensor: 0 };
        for (const alert of store.alerts.values()) if (alert.state === "open") open[alert.category] += 1;
        const counts: Record<Tab, number> = { ...open, things: countIll(store.things.values()), feeds: (store.feeds ?? []).filter(isFeedIll).length };
        const visible = this.visible();
        this.bar.setAttribute("aria-label", t("tabs"));
        this.bar.lang = lang() === "zh" ? "zh-CN" : "en";
        for (const [tab, { button, word, number }] of this.buttons) {
            const isChosen = tab === store.tab;
            button.hidden = !visible.includes(tab);
            button.setAttribute("aria-selected", String(isChosen));
            button.tabIndex = isChosen ? 0 : -1;
            word.textContent = t(`tab_${tab}`);
            number.textContent = String(counts[tab]);
            number.classList.toggle("none", counts[tab] === 0);
            button.setAttribute("aria-label", `${t(`tab_${tab}`)}: ${t(`tab_${tab}_count`, { n: counts[tab] })}`);
            button.title = t(`tab_${tab}_count`, { n: counts[tab] });
        }
    }

    private onKey(event: KeyboardEvent): void {
        const tabs = this.visible();
        const at = tabs.indexOf(this.store.tab);
        const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
        if (to === undefined) return;
        event.preventDefault();
        const next = tabs[(to + tabs.length) % tabs.length];
        if (!next) return;
        this.choose(next);
        this.buttons.get(next)?.button.focus();
    }
}

/** The element that holds a tab's list. */
export function panelOf(tab: Tab): string {
    return tab === "pollution" || tab === "sensor" ? "panel-alerts" : `panel-${tab}`;
}
