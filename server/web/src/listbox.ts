// A listbox that keyboard and screen reader can walk, and that draws again only the rows that changed: an open
// menu, a pointer or a reading position survives whatever comes live.

import { el } from "./dom";

/** More rows than this are not drawn; what owns the list says how many there are. */
export const MOST_ROWS = 400;

export interface Rows<T> {
    /** What names a row, unique in the list. */
    key(item: T): string;
    /** What the row says: the same text, the same row. */
    signature(item: T): string;
    /** Its class and content. */
    row(item: T): { class: string; content: (Node | false | null)[] };
    choose(item: T): void;
    /** The pointer or the keyboard is on it; null: on none. */
    hover(item: T | null): void;
}

interface Row<T> {
    node: HTMLLIElement;
    signature: string;
    item: T;
}

const STEPS: Record<string, (at: number, last: number) => number> = {
    ArrowDown: (at) => at + 1,
    ArrowUp: (at, last) => (at < 0 ? last : at - 1),
    Home: () => 0,
    End: (_, last) => last,
    PageDown: (at) => at + 8,
    PageUp: (at) => at - 8,
};

export class ListBox<T> {
    readonly node: HTMLUListElement;
    private rows = new Map<string, Row<T>>();
    private order: string[] = [];
    private active: string | null = null;

    /** Rows get the ids `prefix`-KEY. */
    constructor(id: string, private readonly prefix: string, private readonly calls: Rows<T>) {
        this.node = el("ul", { class: "rows", id, role: "listbox", tabindex: "0" });
        this.node.addEventListener("keydown", (event) => this.onKey(event));
        this.node.addEventListener("focus", () => this.setActive(this.active !== null && this.rows.has(this.active) ? this.active : this.order[0] ?? null, false));
        this.node.addEventListener("blur", () => this.calls.hover(null));
        this.node.addEventListener("mouseleave", () => this.calls.hover(null));
        this.node.addEventListener("mouseover", (event) => {
            const row = this.rowAt(event);
            if (row) this.calls.hover(row.item);
        });
        this.node.addEventListener("click", (event) => {
            const row = this.rowAt(event);
            if (!row) return;
            this.setActive(this.calls.key(row.item), false);
            this.calls.choose(row.item);
        });
    }

    render(label: string, items: readonly T[]): void {
        this.node.setAttribute("aria-label", label);
        const before = this.rows;
        this.rows = new Map();
        this.order = [];
        for (const item of items.slice(0, MOST_ROWS)) {
            const key = this.calls.key(item);
            const signature = this.calls.signature(item);
            let row = before.get(key);
            if (!row) row = { node: el("li", { id: `${this.prefix}-${key}`, role: "option", "data-id": key, "aria-selected": "false" }), signature: "", item };
            row.item = item;
            if (row.signature !== signature) {
                const { class: name, content } = this.calls.row(item);
                row.node.className = name;
                row.node.replaceChildren(...content.filter((node): node is Node => node instanceof Node));
                row.signature = signature;
            }
            this.rows.set(key, row);
            this.order.push(key);
        }
        for (const [key, row] of before) if (!this.rows.has(key)) row.node.remove();
        let at = this.node.firstElementChild;
        for (const row of this.rows.values()) {
            if (row.node === at) at = at.nextElementSibling;
            else this.node.insertBefore(row.node, at);
        }
        this.markActive();
    }

    /** Shows what is selected and hovered without drawing rows again. */
    mark(selected: string | null, isHovered: (item: T) => boolean): void {
        for (const [key, { node, item }] of this.rows) {
            node.classList.toggle("hovered", isHovered(item));
            node.setAttribute("aria-selected", String(key === selected));
        }
        this.markActive();
    }

    focus(): void {
        this.node.focus();
    }

    private rowAt(event: Event): Row<T> | undefined {
        const node = event.target instanceof Element ? event.target.closest<HTMLElement>("li[data-id]") : null;
        return this.rows.get(node?.dataset["id"] ?? "");
    }

    private onKey(event: KeyboardEvent): void {
        const step = STEPS[event.key];
        const row = this.rows.get(this.active ?? "");
        if (step && this.order.length > 0) {
            event.preventDefault();
            const last = this.order.length - 1;
            const to = step(this.order.indexOf(this.active ?? ""), last);
            this.setActive(this.order[Math.min(last, Math.max(0, to))] ?? null, true);
        } else if ((event.key === "Enter" || event.key === " ") && row) {
            event.preventDefault();
            this.calls.choose(row.item);
        }
    }

    private setActive(key: string | null, isHovering: boolean): void {
        this.active = key;
        const row = this.rows.get(key ?? "");
        if (isHovering && row) this.calls.hover(row.item);
        this.markActive();
        if (row && document.activeElement === this.node) row.node.scrollIntoView({ block: "nearest" });
    }

    private markActive(): void {
        for (const [key, { node }] of this.rows) node.classList.toggle("active", key === this.active);
        if (this.active !== null && this.rows.has(this.active)) this.node.setAttribute("aria-activedescendant", `${this.prefix}-${this.active}`);
        else this.node.removeAttribute("aria-activedescendant");
    }
}
