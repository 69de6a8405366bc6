// What is known of an HJ 212 station, in short: its connection, what happened lately, what is missing, what was
// asked of it. Only for those who may read stations; for others the part stays away.

import { getStation, getStationCommands, getStationGaps } from "./api";
import type { Station, StationCommand, StationGap } from "./api_types";
import { el } from "./dom";
import { shortDateTime } from "./format";
import { isKey, t } from "./i18n";
import { definitions, timeOr } from "./side_parts";
import type { Store } from "./store";

const MOST = 5;
const AGAIN_AFTER_MS = 25_000;

type Loaded = { station: Station; gaps: StationGap[]; commands: StationCommand[] };

export class StationPart {
    readonly node = el("section", { class: "part", id: "station" });
    private mn: string | null = null;
    private askedAt = 0;
    private loaded: Loaded | null = null;

    constructor(private readonly store: Store) {}

    /** Draws it in the language of now, and asks again when it is another station or when what is known may be old. */
    show(mn: string): void {
        if (mn !== this.mn) this.loaded = null;
        if (this.loaded) this.draw(this.loaded);
        else if (mn !== this.mn) this.fill([el("p", { class: "soft", role: "status" }, t("loading"))]);
        if (mn === this.mn && Date.now() - this.askedAt < AGAIN_AFTER_MS) return;
        this.mn = mn;
        this.askedAt = Date.now();
        void this.load(mn);
    }

    private async load(mn: string): Promise<void> {
        try {
            const [station, gaps, commands] = await Promise.all([getStation(mn), getStationGaps(mn), getStationCommands(mn)]);
            if (mn !== this.mn) return;
            this.loaded = station && { station, gaps: gaps ?? [], commands: commands ?? [] };
            if (this.loaded) this.draw(this.loaded);
            else this.node.hidden = true;
        } catch (error) {
            if (mn === this.mn) this.fill([el("p", { class: "error" }, t("load_failed", { message: (error as Error).message }))]);
        }
    }

    private fill(content: Node[]): void {
        this.node.hidden = !this.store.mayReadStations();
        this.node.replaceChildren(el("h3", {}, t("station")), ...content);
    }

    private draw({ station, gaps, commands }: Loaded): void {
        const words = !station.enabled ? t("st_off") : t(station.connected ? "st_connected" : "st_disconnected");
        this.fill([
            definitions([
                [t("st_connection"), el("span", { id: "station-connection", class: station.connected ? "good" : "ill" }, `${station.connected ? "● " : "○ "}${words}`)],
                [t("st_since"), timeOr(station.connection_since, t("st_never_connected"))],
                [t("st_last_data"), timeOr(station.last_data_at, t("st_no_data_31d"))],
                ...(station.registered === "self" ? [[t("st_registered"), t("st_registered_self")] as [string, string]] : []),
                [t("st_gaps"), tally(station.gaps, "gap_")],
                [t("st_commands"), tally(station.commands, "cmd_")],
            ]),
            short(t("st_events"), station.events.slice(0, MOST).map((e) => [e.at, word("ev_", e.kind), e.detail])),
            short(t("st_gaps_newest"), gaps.slice(0, MOST).map((g) => [g.begin, `CN ${g.cn} · ${word("gap_", g.state)}`, g.end && g.end !== g.begin ? t("st_until", { time: shortDateTime(g.end) }) : ""])),
            short(t("st_commands_newest"), commands.slice(0, MOST).map((c) => [c.created_at, `CN ${c.cn} · ${word("cmd_", c.state)}`, [c.requested_by, c.reason].filter((s) => s !== "").join(" · ")])),
        ].filter((node): node is HTMLElement => node !== null));
    }
}

function word(prefix: string, code: string): string {
    const key = `${prefix}${code}`;
    return isKey(key) ? t(key) : code;
}

function tally(states: readonly [string, number][], prefix: string): string {
    return states.filter(([, n]) => n > 0).map(([state, n]) => `${word(prefix, state)} ${n}`).join(" · ") || t("none");
}

function short(title: string, rows: [string, string, string][]): HTMLElement | null {
    if (rows.length === 0) return null;
    return el("div", { class: "short" }, el("h4", {}, title), el("ul", {}, ...rows.map(([at, what, more]) =>
        el("li", {}, el("time", { datetime: at }, shortDateTime(at)), el("span", {}, what, more ? el("span", { class: "soft" }, ` ${more}`) : null)))));
}
