// Keeps the health of things and feeds as young as the server's own numbers: it is asked every 30 s, sooner when an
// alert about a sensor comes, not while nobody looks, and slower when an answer takes long. Of a large district only
// the things that are not well are read, until somebody lists the others; the map has its own (map_tiles.ts).

import * as api from "./api";
import type { Feed, HealthState } from "./api_types";
import { listsWell, mergeHealth } from "./health";
import type { Store } from "./store";

const EVERY_MS = 30_000;
const SOON_MS = 1_000;
const MOST_THINGS = 50_000;
/** Up to so many things all of them are asked for; beyond, those that are not well, and all when they are listed, then every ten minutes. */
const ALL_BELOW = 1_000;
const ALL_EVERY_MS = 600_000;
const NOT_WELL: readonly HealthState[] = ["silent", "drifting", "late", "unknown"];

export class HealthPoll {
    private timer: ReturnType<typeof setTimeout> | undefined;
    private dueAt = 0;
    private isAsking = false;
    private allAt = 0;

    constructor(private readonly store: Store) {}

    start(): void {
        document.addEventListener("visibilitychange", () => {
            if (!document.hidden) this.soon();
        });
        void this.ask();
    }

    /** Something happened to a sensor: ask in a moment, once for a burst. */
    soon(): void {
        this.plan(SOON_MS);
    }

    /** What is listed changed: sensors that are well may be wanted. */
    look(): void {
        if (this.wantsAll()) this.plan(0);
    }

    private wantsAll(): boolean {
        const { store } = this;
        const isStale = !store.hasAllThings || Date.now() - this.allAt > ALL_EVERY_MS;
        return (store.district?.counts.things ?? 0) <= ALL_BELOW || (isStale && listsWell(store));
    }

    private plan(pause: number): void {
        const at = Date.now() + pause;
        if (this.timer !== undefined && this.dueAt <= at) return;
        clearTimeout(this.timer);
        this.dueAt = at;
        this.timer = setTimeout(() => {
            this.timer = undefined;
            if (document.hidden) return; // asked when somebody looks again
            void this.ask();
        }, pause);
    }

    private async ask(): Promise<void> {
        if (this.isAsking) return this.plan(SOON_MS);
        this.isAsking = true;
        const began = Date.now();
        await Promise.all([this.askThings(), this.askFeeds()]);
        this.isAsking = false;
        this.plan(Math.max(EVERY_MS, 4 * (Date.now() - began)));
    }

    private async askThings(): Promise<void> {
        const { store } = this;
        try {
            const isWhole = this.wantsAll();
            const told = isWhole
                ? await api.getThingHealth("", MOST_THINGS)
                : (await Promise.all(NOT_WELL.map((state) => api.getThingHealth(state, MOST_THINGS)))).flat();
            if (isWhole) this.allAt = Date.now();
            if (isWhole) store.hasAllThings = true;
            store.things = mergeHealth(store.things, told, isWhole);
            store.reading.things = { state: "ready", message: "" };
        } catch (error) {
            store.reading.things = { state: "failed", message: (error as Error).message };
        }
        store.changed("health");
    }

    private async askFeeds(): Promise<void> {
        const { store } = this;
        if (!store.mayReadFeeds()) {
            store.reading.feeds = { state: "ready", message: "" };
            return;
        }
        try {
            const feeds = await api.getFeeds();
            store.feeds = feeds && await withHealth(feeds);
            store.reading.feeds = { state: "ready", message: "" };
        } catch (error) {
            store.reading.feeds = { state: "failed", message: (error as Error).message };
        }
        store.changed("feeds");
    }
}

/** Each feed's health, six questions at a time; one that fails leaves its feed without. */
async function withHealth(feeds: readonly Feed[]): Promise<Feed[]> {
    const out = feeds.map((feed) => ({ ...feed }));
    let next = 0;
    const work = async (): Promise<void> => {
        for (let at = next++; at < out.length; at = next++) {
            const feed = out[at];
            if (feed) feed.health = await api.getFeedHealth(feed.name).catch(() => null);
        }
    };
    await Promise.all(Array.from({ length: 6 }, work));
    return out;
}
