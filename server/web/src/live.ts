// The live stream of alert events: the browser's EventSource, which resumes by Last-Event-ID, and what it
// leaves open: a stream that the server refused is opened again with growing pauses, and a stream that stays
// away is reported as lost.

export interface LiveEvent {
    event_id: string;
    alert_id: string;
    kind: string;
}

export interface LiveCallbacks {
    /** The stream is there. `resumed` false: events may have been missed, so fetch what is open. */
    onOpen(resumed: boolean): void;
    onEvent(event: LiveEvent): void;
    /** Tiles of a layer of the map changed. */
    onTiles(layer: string, tiles: string[]): void;
    /** The server cannot go back far enough: fetch what is open. */
    onReset(): void;
    onLost(): void;
    onSessionEnd(): void;
}

/** What of EventSource is used, so that tests can put their own in its place. */
export interface Source {
    readyState: number;
    addEventListener(kind: string, call: (event: { data?: string; lastEventId?: string }) => void): void;
    close(): void;
}

/** What detectors find, and what people do. */
const KINDS = [
    "opened", "joined", "raised", "cleared", "acknowledged", "unacknowledged", "assigned", "unassigned", "commented", "snoozed", "unsnoozed",
    "escalated", "resolved", "reopened", "silenced", "unsilenced",
];

const CLOSED = 2;
const LOST_AFTER_MS = 4_000;
const LONGEST_PAUSE_MS = 30_000;

export class LiveStream {
    private source: Source | null = null;
    private lastId = "";
    private failures = 0;
    private lostTimer: ReturnType<typeof setTimeout> | undefined;
    private retryTimer: ReturnType<typeof setTimeout> | undefined;
    private ended = false;

    constructor(
        private readonly path: string, // with a query
        private readonly calls: LiveCallbacks,
        private readonly make: (url: string) => Source = (url) => new EventSource(url) as unknown as Source,
    ) {}

    start(): void {
        const url = this.lastId ? `${this.path}&last_event_id=${encodeURIComponent(this.lastId)}` : this.path;
        const source = this.make(url);
        this.source = source;
        source.addEventListener("open", () => this.opened());
        source.addEventListener("error", () => this.failed(source));
        for (const kind of KINDS) {
            source.addEventListener(kind, (event) => {
                this.remember(event.lastEventId);
                const parsed = parseEvent(event.data ?? "", kind);
                if (parsed) this.calls.onEvent(parsed);
            });
        }
        source.addEventListener("tiles", (event) => {
            const news = parseTiles(event.data ?? "");
            if (news) this.calls.onTiles(news.layer, news.tiles);
        });
        source.addEventListener("reset", (event) => {
            this.remember(event.lastEventId);
            this.calls.onReset();
        });
        source.addEventListener("session_end", () => {
            this.stop();
            this.calls.onSessionEnd();
        });
    }

    stop(): void {
        this.ended = true;
        clearTimeout(this.lostTimer);
        clearTimeout(this.retryTimer);
        this.source?.close();
    }

    private remember(id: string | undefined): void {
        if (id) this.lastId = id;
    }

    private opened(): void {
        clearTimeout(this.lostTimer);
        this.lostTimer = undefined;
        this.failures = 0;
        this.calls.onOpen(this.lastId !== "");
    }

    private failed(source: Source): void {
        if (this.ended || source !== this.source) return;
        this.lostTimer ??= setTimeout(() => this.calls.onLost(), LOST_AFTER_MS);
        if (source.readyState !== CLOSED) return; // the browser tries again by itself
        this.failures += 1;
        const pause = Math.min(LONGEST_PAUSE_MS, 1_000 * 2 ** Math.min(this.failures - 1, 5));
        clearTimeout(this.retryTimer);
        this.retryTimer = setTimeout(() => this.start(), pause * (0.75 + Math.random() / 2));
    }
}

export function parseEvent(data: string, kind: string): LiveEvent | null {
    try {
        const o = JSON.parse(data) as Record<string, unknown>;
        const alert = o["alert_id"];
        if (typeof alert !== "number" && typeof alert !== "string") return null;
        return { event_id: String(o["event_id"] ?? ""), alert_id: String(alert), kind };
    } catch {
        return null;
    }
}

export function parseTiles(data: string): { layer: string; tiles: string[] } | null {
    try {
        const { layer, tiles } = JSON.parse(data) as Record<string, unknown>;
        if (typeof layer !== "string" || !Array.isArray(tiles)) return null;
        return { layer, tiles: tiles.filter((tile): tile is string => typeof tile === "string" && /^\d{1,2}\/\d{1,8}\/\d{1,8}$/.test(tile)) };
    } catch {
        return null;
    }
}
