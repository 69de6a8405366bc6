// The live layers on the map: vector tiles of our own server, and of those on the screen exactly the ones fetched
// again that the stream of news names.
//
//   news ──▶ TileBook ──▶ a round: map.refreshTiles ──▶ worker ──▶ fetchTile (below) ──▶ worker draws ──▶ map
//
// The first news is followed at once; then rounds keep a pause that grows with how long the last one took, so that a
// city that changes all the time does not keep the page busy all the time. Nothing is fetched while nobody looks.
//
// The map asks through a protocol of ours instead of an address, because only so the page knows when a fetch began
// and what news it has not heard. The browser's own cache holds the tiles and asks by ETag.

import { addProtocol, type Map as MapLibre, type MapSourceDataEvent } from "maplibre-gl";
import { TileBook, type TileKey } from "./tile_book";

export const TILE_LAYERS = ["thing", "alert", "ward"] as const;
export type TileLayer = (typeof TILE_LAYERS)[number];

const PROTOCOL = "ww-tile";
const DEEPEST = 16; // the map enlarges it further
const PAUSE_MS = 150;
const LONGEST_PAUSE_MS = 1_000;
const LOOK_MS = 20;
const ROUND_MS = 5_000; // a round that takes longer is not waited for
const AGAIN_MS = 2_000; // after a tile that could not be had
const MOST_REPEATS = 3;

export class LiveTiles {
    private readonly book = new TileBook();
    private timer: ReturnType<typeof setTimeout> | undefined;
    private dueAt = 0;
    private roundAt: number | null = null; // when the round under way began

    constructor(private readonly map: MapLibre) {
        addProtocol(PROTOCOL, ({ url }, { signal }) => this.fetchTile(url.slice(PROTOCOL.length + 3), signal));
        map.on("sourcedata", (event: MapSourceDataEvent) => {
            const id = (event.tile as { tileID?: { canonical: { z: number; x: number; y: number } } } | undefined)?.tileID?.canonical;
            if (id && this.book.arrived(`${event.sourceId}/${id.z}/${id.x}/${id.y}`)) this.plan();
        });
        document.addEventListener("visibilitychange", () => this.plan());
    }

    addSources(): void {
        for (const layer of TILE_LAYERS) this.map.addSource(layer, { type: "vector", tiles: [`${PROTOCOL}://${layer}/{z}/{x}/{y}`], minzoom: 0, maxzoom: DEEPEST });
    }

    /** The stream told which tiles of a layer changed. */
    tell(layer: string, tiles: readonly string[]): void {
        this.book.tell(layer, tiles);
        this.plan();
    }

    /** The stream was away: anything may have changed. */
    tellAll(): void {
        this.book.tellAll();
        this.plan();
    }

    private async fetchTile(key: TileKey, signal: AbortSignal): Promise<{ data: ArrayBuffer; etag?: string }> {
        for (let n = 0; ; n++) {
            const begun = this.book.begins(key);
            let answer: { data: ArrayBuffer; etag?: string } | null = null;
            try {
                answer = await this.ask(key, signal);
            } finally {
                const isOld = this.book.ends(key, begun, answer !== null);
                if (answer === null && !signal.aborted) this.tryLater(key);
                if (answer !== null && isOld && n < MOST_REPEATS) answer = null;
            }
            if (answer !== null) return answer;
        }
    }

    private async ask(key: TileKey, signal: AbortSignal): Promise<{ data: ArrayBuffer; etag?: string }> {
        const response = await fetch(`/tiles/${key}.mvt`, { credentials: "same-origin", signal });
        if (!response.ok) throw new Error(`tile ${key}: ${response.status}`);
        const etag = response.headers.get("ETag");
        return { data: await response.arrayBuffer(), ...(etag ? { etag } : {}) };
    }

    private tryLater(key: TileKey): void {
        setTimeout(() => {
            this.book.again(key);
            this.plan();
        }, AGAIN_MS);
    }

    private plan(): void {
        if (this.timer !== undefined || this.roundAt !== null || document.hidden || !this.book.hasStale()) return;
        this.timer = setTimeout(() => this.round(), Math.max(0, this.dueAt - performance.now()));
    }

    private round(): void {
        this.timer = undefined;
        const bySource = new Map<string, { z: number; x: number; y: number }[]>();
        for (const key of this.book.takeStale()) {
            const [layer = "", z, x, y] = key.split("/");
            const tiles = bySource.get(layer) ?? [];
            tiles.push({ z: Number(z), x: Number(x), y: Number(y) });
            bySource.set(layer, tiles);
        }
        this.roundAt = performance.now();
        for (const [layer, tiles] of bySource) this.map.refreshTiles(layer, tiles); // those that are not shown it leaves
        this.awaitRound();
    }

    /** Until every tile stands: the next round must not overtake this one. */
    private awaitRound(): void {
        setTimeout(() => {
            const took = performance.now() - (this.roundAt ?? 0);
            if (took < ROUND_MS && (this.book.isBusy() || !this.map.areTilesLoaded())) return this.awaitRound();
            this.roundAt = null;
            this.dueAt = performance.now() + Math.min(LONGEST_PAUSE_MS, Math.max(PAUSE_MS, took));
            this.plan();
        }, LOOK_MS);
    }
}
