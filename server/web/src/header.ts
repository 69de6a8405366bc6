// The bar on top, the stale banner, and the line that says whose data this is.

import { session } from "./api";
import { el } from "./dom";
import { clock, getZone, zoneOffset } from "./format";
import { lang, nameOf, setLang, t } from "./i18n";
import { logo } from "./login";
import type { Store } from "./store";

export function drawHeader(bar: HTMLElement, store: Store): void {
    const { district, account } = store;
    const name = district ? nameOf(district) : "";
    document.title = name ? `${name} · ${t("product")}` : t("app_name");
    const leave = async (): Promise<void> => {
        await session.close().catch(() => undefined); // whatever the server says, this page lets go
        location.assign("/login");
    };
    bar.replaceChildren(
        el("div", { class: "brand" }, logo(), el("strong", {}, t("app_name"))),
        el("div", { class: "district" }, name),
        district?.synthetic ? el("div", { class: "synthetic", id: "synthetic", role: "note", title: t("synthetic_banner") }, el("span", { "aria-hidden": "true" }, "◇ "), t("synthetic_banner")) : el("span", {}),
        el("div", { class: "live", id: "live" }, el("i", { "aria-hidden": "true" }), el("span", { class: "word" }), el("time", {})),
        el("button", { type: "button", class: "quiet", id: "lang", lang: lang() === "zh" ? "en" : "zh-CN", onclick: () => setLang(lang() === "zh" ? "en" : "zh") }, t("other_language")),
        account
            ? el("div", { class: "who" }, el("span", { class: "soft", title: account.role }, account.name), el("button", { type: "button", class: "quiet", id: "logout", onclick: () => void leave() }, t("log_out")))
            : el("div", { class: "who" }, el("span", { class: "soft" }, t("anonymous")), el("a", { class: "quiet", href: "/login" }, t("log_in"))));
    drawLive(store);
}

/** The part that changes with every beat of the stream. */
export function drawLive(store: Store): void {
    const live = document.getElementById("live");
    const stale = document.getElementById("stale");
    if (!live || !stale) return;
    live.className = `live ${store.live}`;
    live.querySelector(".word")!.textContent = t(store.live);
    const when = live.querySelector("time")!;
    const zone = zoneOffset(getZone(), new Date());
    when.textContent = store.updated ? t("last_update", { time: `${clock(store.updated)} ${zone}` }) : "";
    if (store.updated) when.dateTime = store.updated.toISOString();
    const isLost = store.live === "lost";
    if (stale.hidden === isLost) {
        stale.hidden = !isLost;
        stale.textContent = isLost ? t("stale_banner", { time: store.updated ? clock(store.updated) : "–" }) : "";
    }
}

export function drawAttribution(box: HTMLElement, store: Store): void {
    const { district } = store;
    const parts = [district?.attribution ?? "", district?.synthetic ? t("attribution_synthetic") : ""].filter((text) => text !== "");
    box.textContent = parts.join(" · ");
    box.hidden = parts.length === 0;
}
