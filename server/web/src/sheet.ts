// The bottom sheet of small screens: three heights, by button, keyboard or drag.

import { el } from "./dom";
import { onLang, t } from "./i18n";

const HEIGHTS = ["low", "half", "full"] as const;

export function makeSheet(stage: HTMLElement): (height: (typeof HEIGHTS)[number]) => void {
    const handle = el("button", { type: "button", class: "handle", id: "sheet-handle", "aria-label": t("sheet") }, el("i", {}));
    const set = (height: (typeof HEIGHTS)[number]): void => {
        stage.dataset["sheet"] = height;
    };
    const step = (by: number): void => {
        const at = HEIGHTS.indexOf((stage.dataset["sheet"] ?? "half") as (typeof HEIGHTS)[number]);
        set(HEIGHTS[Math.min(2, Math.max(0, at + by))] ?? "half");
    };
    let startY: number | null = null;
    let dragged = false;
    handle.addEventListener("pointerdown", (event) => {
        startY = event.clientY;
        dragged = false;
        handle.setPointerCapture(event.pointerId);
    });
    handle.addEventListener("pointerup", (event) => {
        const moved = startY === null ? 0 : event.clientY - startY;
        startY = null;
        dragged = Math.abs(moved) > 24;
        if (dragged) step(moved < 0 ? 1 : -1);
    });
    handle.addEventListener("click", () => {
        if (dragged) return;
        if (stage.dataset["sheet"] === "full") set("low");
        else step(1);
    });
    handle.addEventListener("keydown", (event) => {
        if (event.key === "ArrowUp") step(1);
        if (event.key === "ArrowDown") step(-1);
    });
    onLang(() => handle.setAttribute("aria-label", t("sheet")));
    stage.append(handle);
    set("half");
    return set;
}
