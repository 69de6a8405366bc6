// Which sensors need a look, and in which order: pure functions of things and filters.

import type { Feed, HealthState, Thing } from "./api_types";

/** What needs somebody first; `unknown` before `ok`, because nobody can vouch for it. */
export const HEALTH_STATES: readonly HealthState[] = ["silent", "drifting", "late", "unknown", "ok"];
const RANK = new Map(HEALTH_STATES.map((state, rank) => [state, rank]));

/** Silent, drifting or late: something is wrong with it. */
export function isIll(state: HealthState): boolean {
    return state === "silent" || state === "drifting" || state === "late";
}

/** A thing that was never seen has no health: unknown. */
export function stateOf(thing: Thing): HealthState {
    return thing.health?.state ?? "unknown";
}

export interface ThingFilters {
    state: HealthState | "ill" | "all";
    feed: string; // "" = all
    ward: string; // a code; "" = all; "-" = outside all wards
    words: string; // a part of the name or of the key
}

export const NO_THING_FILTERS: ThingFilters = { state: "ill", feed: "", ward: "", words: "" };

function matchesPlace(thing: Thing, { feed, ward, words }: ThingFilters): boolean {
    if (feed !== "" && thing.feed !== feed) return false;
    if (ward !== "" && (ward === "-" ? thing.ward !== null : thing.ward !== ward)) return false;
    if (words === "") return true;
    const wanted = words.toLowerCase();
    return [thing.name_zh, thing.name_en, thing.key].some((name) => name.toLowerCase().includes(wanted));
}

/** When the trouble began, for the order: the longest silence first. */
function since(thing: Thing): number {
    const at = Date.parse(thing.health?.silent_since ?? thing.health?.last_received_at ?? "");
    return Number.isNaN(at) ? 0 : at;
}

export function compareThings(a: Thing, b: Thing): number {
    const rank = (RANK.get(stateOf(a)) ?? 0) - (RANK.get(stateOf(b)) ?? 0);
    if (rank !== 0) return rank;
    if (isIll(stateOf(a)) && since(a) !== since(b)) return since(a) - since(b);
    return a.key < b.key ? -1 : a.key > b.key ? 1 : Number(a.id) - Number(b.id);
}

export interface ThingsListed {
    things: Thing[];
    /** Of everything that the other filters let through. */
    counts: Record<HealthState | "ill" | "all", number>;
}

export function listedThings(things: Iterable<Thing>, filters: ThingFilters): ThingsListed {
    const counts = { silent: 0, drifting: 0, late: 0, unknown: 0, ok: 0, ill: 0, all: 0 };
    const out: Thing[] = [];
    for (const thing of things) {
        if (!matchesPlace(thing, filters)) continue;
        const state = stateOf(thing);
        counts[state] += 1;
        counts.all += 1;
        if (isIll(state)) counts.ill += 1;
        if (filters.state === "all" || filters.state === state || (filters.state === "ill" && isIll(state))) out.push(thing);
    }
    return { things: out.sort(compareThings), counts };
}

export function countIll(things: Iterable<Thing>): number {
    let n = 0;
    for (const thing of things) if (isIll(stateOf(thing))) n += 1;
    return n;
}

/** Whether the list as it is asked for shows sensors that are well, so that all must be known. */
export function listsWell({ tab, thingFilters }: { tab: string; thingFilters: ThingFilters }): boolean {
    return tab === "things" && (thingFilters.state === "all" || thingFilters.state === "ok" || thingFilters.words !== "");
}

/** Puts what the server says now in the place of what it said before. Unless it told of all (`isWhole`), what it does not name is well. */
export function mergeHealth(known: ReadonlyMap<string, Thing>, told: readonly Thing[], isWhole: boolean): Map<string, Thing> {
    const things = new Map(known);
    const named = new Set<string>();
    for (const thing of told) {
        named.add(thing.id);
        const before = known.get(thing.id);
        things.set(thing.id, before ? { ...before, health: thing.health } : thing);
    }
    if (isWhole) return things;
    for (const [id, thing] of known) {
        if (named.has(id) || thing.health === null || thing.health.state === "ok") continue;
        things.set(id, { ...thing, health: { ...thing.health, state: "ok", silent_since: null } });
    }
    return things;
}

/** Feeds that need somebody first, then by title. */
export function compareFeeds(a: Feed, b: Feed): number {
    const rank = (feed: Feed): number => {
        if (!feed.enabled) return 9;
        if (feed.pull?.failing_since) return -1;
        return RANK.get(feed.health?.state ?? "unknown") ?? 3;
    };
    return rank(a) - rank(b) || (a.title < b.title ? -1 : 1);
}

export function isFeedIll(feed: Feed): boolean {
    return feed.enabled && (feed.pull?.failing_since != null || (feed.health !== null && isIll(feed.health.state)));
}

/** How a sensor looks on the map; `flagged`: it is well, and its newest value is marked (map_layers.ts). */
export type ThingLook = HealthState | "flagged";
