// The right panel: shows the alert, the sensor or the feed that is selected, each by a view of its own.

import { el } from "./dom";
import { AlertView } from "./detail";
import { FeedView } from "./feed_detail";
import { t } from "./i18n";
import type { View } from "./side_parts";
import type { Selection, Store } from "./store";
import { ThingView } from "./thing_detail";
import type { ThingFilters } from "./health";

export interface SideActions {
    close(): void;
    select(selection: Selection): void;
    listThings(filters: Partial<ThingFilters>): void;
}

export class SidePanel {
    private readonly closing: HTMLButtonElement;
    private readonly alert: AlertView;
    private readonly views: Record<Selection["kind"], View>;
    private shown: Selection | null = null;

    constructor(private readonly panel: HTMLElement, private readonly store: Store, actions: SideActions) {
        this.closing = el("button", { type: "button", class: "close", id: "detail-close", onclick: () => actions.close() }, "✕");
        const body = (kind: Selection["kind"]) => (...content: (Node | null)[]): void => {
            if (this.shown?.kind !== kind) return; // came late: something else is shown by now
            const focused = document.activeElement?.id ?? "";
            panel.replaceChildren(this.closing, ...content.filter((node): node is Node => node !== null));
            if (focused && focused !== document.activeElement?.id) document.getElementById(focused)?.focus({ preventScroll: true });
        };
        this.alert = new AlertView(body("alert"), store, actions.select);
        this.views = { alert: this.alert, thing: new ThingView(body("thing"), store, actions), feed: new FeedView(body("feed"), store, actions) };
        store.on(["selection"], () => this.follow());
        this.render();
    }

    render(): void {
        this.panel.hidden = this.shown === null;
        this.panel.setAttribute("aria-label", t(this.shown === null ? "detail_title" : `detail_${this.shown.kind}`));
        this.closing.setAttribute("aria-label", t("close"));
        this.closing.title = t("close");
        if (this.shown) this.views[this.shown.kind].render();
    }

    /** Reads an alert again when it moved. */
    refreshAlert(id: string): void {
        void this.alert.refresh(id);
    }

    private follow(): void {
        const { selected } = this.store;
        if (selected?.kind === this.shown?.kind && selected?.id === this.shown?.id) return;
        if (this.shown) this.views[this.shown.kind].hide();
        this.shown = selected;
        this.render();
        if (selected === null) return this.panel.replaceChildren();
        this.panel.scrollTop = 0;
        this.panel.focus({ preventScroll: true });
        void this.views[selected.kind].show(selected.id);
    }
}
