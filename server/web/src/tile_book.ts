// Which tiles the page holds, and which of them are older than the news about them. Pure: map_tiles.ts asks the
// server and the map.
//
// Every tile counts the news that touched it; a fetch answers for the news that was known when it began. So a tile is
// stale as long as a younger piece of news stands, whatever overtakes what.

/** "thing/14/13057/6789": layer, zoom, column, row. */
export type TileKey = string;

interface Held {
    news: number; // how many pieces of news touched it
    fetched: number; // the news that its newest answer knew
    asked: number; // the news for which the map was told to fetch it again
    busy: number; // fetches under way
}

const MOST = 4_096; // far more than a screen shows

export class TileBook {
    private readonly tiles = new Map<TileKey, Held>();

    /** A fetch begins: what to give to `ends`. */
    begins(key: TileKey): number {
        const held = this.tiles.get(key) ?? { news: 0, fetched: -1, asked: 0, busy: 0 };
        this.tiles.delete(key);
        this.tiles.set(key, held); // the last one used stands last
        held.busy += 1;
        this.prune();
        return held.news;
    }

    /** A fetch ended, in vain or not. True: news came meanwhile, so that what was fetched may be old. */
    ends(key: TileKey, begun: number, hasIt: boolean): boolean {
        const held = this.tiles.get(key);
        if (!held) return false;
        held.busy -= 1;
        if (hasIt) held.fetched = Math.max(held.fetched, begun);
        return held.news > begun;
    }

    /** News names tiles of any zoom: what lies in one, above it or below it has changed. */
    tell(layer: string, named: Iterable<string>): void {
        const exact = new Set<string>();
        const above = new Set<string>();
        for (const name of named) {
            exact.add(name);
            for (let at = parent(name); at !== null && !above.has(at); at = parent(at)) above.add(at);
        }
        for (const [key, held] of this.tiles) {
            if (!key.startsWith(layer + "/")) continue;
            const name = key.slice(layer.length + 1);
            if (above.has(name) || isWithin(name, exact)) held.news += 1;
        }
    }

    tellAll(): void {
        for (const held of this.tiles.values()) held.news += 1;
    }

    /** A tile could not be had: it is as if there were news of it. */
    again(key: TileKey): void {
        const held = this.tiles.get(key);
        if (held) held.news += 1;
    }

    /** Tiles to fetch again; each is named once for all news that is known now. */
    takeStale(): TileKey[] {
        const out: TileKey[] = [];
        for (const [key, held] of this.tiles) {
            if (held.busy > 0 || held.news <= Math.max(held.fetched, held.asked)) continue;
            held.asked = held.news;
            out.push(key);
        }
        return out;
    }

    /** The map shows what was fetched. True: there is younger news, and the map was deaf when it was told so. */
    arrived(key: TileKey): boolean {
        const held = this.tiles.get(key);
        if (!held || held.busy > 0 || held.news <= held.fetched) return false;
        held.asked = held.fetched;
        return true;
    }

    hasStale(): boolean {
        for (const held of this.tiles.values()) if (held.busy === 0 && held.news > Math.max(held.fetched, held.asked)) return true;
        return false;
    }

    isBusy(): boolean {
        for (const held of this.tiles.values()) if (held.busy > 0) return true;
        return false;
    }

    private prune(): void {
        for (const [key, held] of this.tiles) {
            if (this.tiles.size <= MOST) return;
            if (held.busy === 0) this.tiles.delete(key);
        }
    }
}

/** Of "14/13057/6789": "13/6528/3394"; null above 0/0/0. */
function parent(name: string): string | null {
    const [z, x, y] = name.split("/").map(Number);
    if (z === undefined || x === undefined || y === undefined || !(z > 0)) return null;
    return `${z - 1}/${x >> 1}/${y >> 1}`;
}

function isWithin(name: string, tiles: ReadonlySet<string>): boolean {
    for (let at: string | null = name; at !== null; at = parent(at)) if (tiles.has(at)) return true;
    return false;
}
