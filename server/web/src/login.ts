// The login page: a token, an error in words, and back to where one came from.

import { ApiError, session } from "./api";
import { el, svg } from "./dom";
import { lang, onLang, setLang, t, type Key } from "./i18n";

/** Reloads as the map, keeping the permalink that sent us here; only ever to our own "/". */
function goHome(): void {
    location.replace("/" + location.hash);
}

export function logo(): SVGElement {
    return svg("svg", { viewBox: "0 0 32 32", width: 28, height: 28, "aria-hidden": "true", class: "logo" },
        svg("path", { fill: "currentColor", d: "M16 2 28 7v9c0 7-5 12-12 14C9 28 4 23 4 16V7z" }),
        svg("path", { fill: "none", stroke: "#fff", "stroke-width": 2.4, "stroke-linecap": "round", "stroke-linejoin": "round", d: "M8 17h4l2-6 4 11 2-5h4" }));
}

export function showLogin(): void {
    const main = el("main", { class: "login" });
    let error: Key | null = new URLSearchParams(location.search).has("ended") ? "session_ended" : null;
    let typed = "";

    const render = (): void => {
        document.title = t("login_title");
        const token = el("input", {
            id: "token", name: "token", type: "password", autocomplete: "current-password", spellcheck: "false", required: true,
            autocapitalize: "off", "aria-describedby": "token-hint login-error", "aria-invalid": error !== null && error !== "session_ended",
        });
        token.value = typed;
        const button = el("button", { type: "submit", class: "primary" }, t("log_in"));
        const show = el("input", { type: "checkbox", id: "show", onchange: () => (token.type = show.checked ? "text" : "password") });
        const submit = async (event: Event): Promise<void> => {
            event.preventDefault();
            typed = token.value.trim();
            error = typed === "" ? "login_empty" : null;
            if (error === null) {
                button.disabled = true;
                error = await logIn(typed);
            }
            if (error === null) return goHome();
            render();
            return undefined;
        };
        const form = el("form", { class: "card", novalidate: true, onsubmit: (event) => void submit(event) },
            el("h1", {}, logo(), t("login_title")),
            el("p", { id: "token-hint", class: "soft" }, t("login_hint")),
            el("label", { for: "token" }, t("login_token")), token,
            el("label", { class: "check", for: "show" }, show, t("login_show")),
            el("p", { id: "login-error", class: "error", role: "alert" }, error ? t(error) : ""),
            button,
            el("button", { type: "button", class: "quiet", id: "lang", lang: lang() === "zh" ? "en" : "zh-CN", onclick: () => {
                typed = token.value;
                setLang(lang() === "zh" ? "en" : "zh");
            } }, t("other_language")));
        main.replaceChildren(form);
        token.focus();
    };
    onLang(render);
    document.body.append(main);
    render();
}

async function logIn(token: string): Promise<Key | null> {
    try {
        await session.open(token);
        return null;
    } catch (error) {
        const isRefused = error instanceof ApiError && [400, 401, 403].includes(error.status);
        return isRefused ? "login_wrong" : "login_busy";
    }
}
