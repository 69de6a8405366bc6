// Making elements without markup in strings: text from the server can never become HTML.

type Child = Node | string | null | false;
type Attributes = Record<string, string | number | boolean | EventListener | undefined>;

/** el("button", { class: "x", onclick: f, "aria-pressed": true }, "text") */
export function el<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (value === undefined || value === false) continue;
        if (typeof value === "function") node.addEventListener(name.slice(2), value);
        else node.setAttribute(name, value === true ? (name.startsWith("aria-") ? "true" : "") : String(value));
    }
    append(node, children);
    return node;
}

export function append(node: Element, children: Child[]): void {
    for (const child of children) if (child !== null && child !== false) node.append(child);
}

export function svg(tag: string, attributes: Record<string, string | number>, ...children: Node[]): SVGElement {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
    node.append(...children);
    return node;
}

export function byId(id: string): HTMLElement {
    const node = document.getElementById(id);
    if (!node) throw new Error(`the page has no #${id}`);
    return node;
}

export const isDarkScheme = (): boolean => matchMedia("(prefers-color-scheme: dark)").matches;
export const wantsCalm = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;
export const isNarrow = (): boolean => matchMedia("(max-width: 860px)").matches;
