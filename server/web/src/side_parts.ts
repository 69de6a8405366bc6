// What the views of the right panel are made of: figures, lists of facts, folds, states of loading.

import { el } from "./dom";
import { zonedDateTime } from "./format";
import { t, type Key } from "./i18n";

/** Puts a view's content into the panel. */
export type Body = (...content: (Node | null)[]) => void;

export interface View {
    /** Loads and shows what has this id. */
    show(id: string): Promise<void>;
    /** Draws again: the language or the data changed. */
    render(): void;
    hide(): void;
}

export function time(iso: string): HTMLElement {
    return el("time", { datetime: iso }, zonedDateTime(iso));
}

export function timeOr(iso: string | null, otherwise = "–"): HTMLElement | string {
    return iso === null ? otherwise : time(iso);
}

export function definitions(rows: [string, string | Node][]): HTMLElement {
    return el("dl", { class: "facts" }, ...rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

export function figure(name: Key, value: string, note: string, id: string): HTMLElement {
    return el("div", { class: "figure" }, el("dt", {}, t(name)), el("dd", { id }, el("b", {}, value), note ? el("small", {}, note) : null));
}

export function part(title: string, ...content: (Node | string | null | false)[]): HTMLElement {
    return el("section", { class: "part" }, el("h3", {}, title), ...content);
}

export function loading(): HTMLElement {
    return el("p", { class: "soft pad", role: "status" }, t("loading"));
}

export function failed(message: string, retry: () => void): HTMLElement[] {
    return [el("p", { class: "error pad", role: "alert" }, message), el("button", { type: "button", class: "retry", onclick: retry }, t("retry"))];
}

/** A part that is made only when it is opened, and stays open when the panel is drawn again. */
export function fold(open: Set<string>, name: string, title: string, make: () => HTMLElement): HTMLElement {
    const body = el("div", {});
    const node = el("details", { class: "fold", open: open.has(name), ontoggle: () => {
        if (node.open && !body.firstChild) body.append(make());
        if (node.open) open.add(name);
        else open.delete(name);
    } }, el("summary", {}, title), body);
    return node;
}

export async function copyLink(button: HTMLElement): Promise<void> {
    try {
        await navigator.clipboard.writeText(location.href);
        button.textContent = t("copied");
    } catch {
        button.textContent = t("copy_failed");
    }
}
