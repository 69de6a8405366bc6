// A labelled choice of the filters. It is made once and set again in place, so that nothing that comes live closes
// it under the reader's hand.

import { el } from "./dom";

export class Pick {
    readonly node: HTMLElement;
    private readonly label = el("span", {});
    private readonly select: HTMLSelectElement;
    private options = "";

    constructor(id: string, set: (value: string) => void) {
        this.select = el("select", { id, onchange: () => set(this.select.value) });
        this.node = el("label", { class: "pick", for: id }, this.label, this.select);
    }

    render(label: string, options: readonly [string, string][], value: string): void {
        this.label.textContent = label;
        this.select.setAttribute("aria-label", label);
        const told = JSON.stringify(options);
        if (told !== this.options) {
            this.options = told;
            this.select.replaceChildren(...options.map(([key, text]) => el("option", { value: key }, text)));
        }
        this.select.value = value;
    }
}
