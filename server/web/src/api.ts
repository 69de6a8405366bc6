// Asks the server. Every answer is JSON from our own origin; 401 means "log in first".

import type {
    Account, Alert, AlertDetail, Datastream, District, Feed, FeedHealth, HealthState, Json, LimitRow, Observation, Site, Station,
    StationCommand, StationGap, Thing, Ward,
} from "./api_types";
import {
    list, obj, readAccount, readAlert, readAlertDetail, readDatastream, readDistrict, readFeed, readFeedHealth, readLimitRow,
    readObservation, readSite, readStation, readStationCommand, readStationGap, readThing, readWard, text,
} from "./api_read";

export class ApiError extends Error {
    constructor(readonly status: number, message: string) {
        super(message);
    }
}

/** Called when the server says that nobody is logged in. */
let onUnauthorised: () => void = () => {};
export function setUnauthorised(call: () => void): void {
    onUnauthorised = call;
}

async function ask(path: string, init: RequestInit = {}): Promise<Json> {
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), 20_000);
    try {
        const response = await fetch(path, { credentials: "same-origin", signal: deadline.signal, ...init });
        const body = await response.text();
        const json = body && (response.headers.get("content-type") ?? "").includes("json") ? (JSON.parse(body) as Json) : null;
        if (!response.ok) throw new ApiError(response.status, text(obj(obj(json)["error"])["message"]) || response.statusText);
        return json;
    } finally {
        clearTimeout(timer);
    }
}

async function get(path: string): Promise<Json> {
    try {
        return await ask(path);
    } catch (error) {
        if (error instanceof ApiError && error.status === 401) onUnauthorised();
        throw error;
    }
}

/** Null where this account may not read. */
async function allowed<T>(answer: Promise<T>): Promise<T | null> {
    try {
        return await answer;
    } catch (error) {
        if (error instanceof ApiError && [401, 403, 404].includes(error.status)) return null;
        throw error;
    }
}

/** Follows `next` until the end or until `most` items are there. */
async function getAll<T>(path: string, read: (value: Json) => T, most: number, from = get): Promise<T[]> {
    const out: T[] = [];
    let next: string | null = path;
    while (next !== null && out.length < most) {
        const page = obj(await from(next));
        for (const item of list(page["items"])) out.push(read(item));
        const after: string = text(page["next"]);
        next = after.startsWith("/") ? after : null;
    }
    return out;
}

/** A collection as GeoJSON: the features for the map, the members for us. */
async function getFeatures<T>(path: string, read: (value: Json) => T): Promise<{ geojson: GeoJSON.FeatureCollection; items: T[] }> {
    const json = await get(path + "?format=geojson");
    const items = list(obj(json)["features"]).map((feature) => {
        const f = obj(feature);
        const geometry = obj(f["geometry"]);
        const members: { [key: string]: Json } = { id: f["id"] ?? null, ...obj(f["properties"]) };
        if (members["place"] == null && geometry["type"] === "Point") members["place"] = geometry["coordinates"] ?? null;
        return read(members);
    });
    return { geojson: json as unknown as GeoJSON.FeatureCollection, items };
}

export const session = {
    /** Null: nobody is logged in (reading may still be allowed). */
    async get(): Promise<Account | null> {
        try {
            return readAccount(await ask("/api/v1/session"));
        } catch (error) {
            if (error instanceof ApiError && error.status === 401) return null;
            throw error;
        }
    },
    async open(token: string): Promise<void> {
        await ask("/api/v1/session", {
            method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }),
        });
    },
    async close(): Promise<void> {
        await ask("/api/v1/session", { method: "DELETE" });
    },
};

export const getDistrict = async (): Promise<District> => readDistrict(await get("/api/v1/district"));
export const getWards = (): Promise<Ward[]> => getAll("/api/v1/wards?limit=1000", readWard, 10_000);
export const getSites = () => getFeatures<Site>("/api/v1/sites", readSite);
/** Null: there is none, or it is not for this account. */
export const getThing = async (id: string): Promise<Thing | null> => (await getAll(`/api/v1/things?thing=${encodeURIComponent(id)}`, readThing, 1))[0] ?? null;
export const getWaterways = () => getFeatures<Json>("/api/v1/waterways", (value) => value);
/** Places that are hot or cold now; empty where no rule looks for them. */
export const getHotspots = () => getFeatures<Json>("/api/v1/hotspots", (value) => value);
export const getOpenAlerts = (): Promise<Alert[]> => getAll("/api/v1/alerts?state=open&limit=1000", readAlert, 20_000);
export const getClearedAlerts = (since: string): Promise<Alert[]> =>
    getAll(`/api/v1/alerts?state=cleared&since=${encodeURIComponent(since)}&limit=1000`, readAlert, 5_000);
export const getAlert = async (id: string): Promise<AlertDetail> =>
    readAlertDetail(await get(alertPath(id)));
/** Only of an alert that says it has one. */
export const getTrace = async (id: string): Promise<GeoJSON.FeatureCollection> =>
    (await get(`${alertPath(id)}/trace`)) as unknown as GeoJSON.FeatureCollection;
export const alertPath = (id: string): string => `/api/v1/alerts/${encodeURIComponent(id)}`;
/** Of one thing, with their newest values. */
export const getDatastreams = (thing: string): Promise<Datastream[]> =>
    getAll(`/api/v1/datastreams?thing=${encodeURIComponent(thing)}&limit=1000`, readDatastream, 1_000);
export const observationsPath = (datastream: string, from: string, to: string): string =>
    `/api/v1/observations?datastream=${encodeURIComponent(datastream)}&from=${encodeURIComponent(from)}` +
    `&to=${encodeURIComponent(to)}&order=asc&limit=5000`;
export const getObservations = (datastream: string, from: string, to: string): Promise<Observation[]> =>
    getAll(observationsPath(datastream, from, to), readObservation, 20_000);
/** Only some roles may read limits: null for the others. */
export const getLimits = (property: string, standard: string): Promise<LimitRow[] | null> =>
    allowed(ask(`/api/v1/limits?property=${encodeURIComponent(property)}&standard=${encodeURIComponent(standard)}`))
        .then((json) => (json === null ? null : list(obj(json)["items"]).map(readLimitRow)));

// ── health ──

/** Things with their health: those in one state, or all. */
export const getThingHealth = (state: HealthState | "", most: number): Promise<Thing[]> =>
    getAll(`/api/v1/health/things?${state ? `state=${state}&` : ""}limit=1000`, readThing, most);
/** Null: not for this account. */
export const getFeeds = (): Promise<Feed[] | null> => allowed(getAll("/api/v1/feeds?limit=1000", readFeed, 1_000, ask));
export const getFeedHealth = async (name: string): Promise<FeedHealth | null> =>
    readFeedHealth(await ask(`/api/v1/feeds/${encodeURIComponent(name)}/health`));
const stationPath = (mn: string): string => `/api/v1/stations/${encodeURIComponent(mn)}`;
export const getStation = (mn: string): Promise<Station | null> => allowed(ask(stationPath(mn)).then(readStation));
export const getStationGaps = (mn: string): Promise<StationGap[] | null> =>
    allowed(ask(`${stationPath(mn)}/gaps?limit=5`).then((json) => list(obj(json)["items"]).map(readStationGap)));
export const getStationCommands = (mn: string): Promise<StationCommand[] | null> =>
    allowed(ask(`${stationPath(mn)}/commands?limit=5`).then((json) => list(obj(json)["items"]).map(readStationCommand)));
export const getUnconnected = (feed: string, most: number): Promise<Station[] | null> =>
    allowed(ask(`/api/v1/stations?feed=${encodeURIComponent(feed)}&connected=false&enabled=true&limit=${most}`)
        .then((json) => list(obj(json)["items"]).map(readStation)));
