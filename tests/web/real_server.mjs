// The program itself, on a PostgreSQL of its own, with a district made up for the map: `things` sensors on a grid over two wards.
// Needs a build of wardwatch (WW_BIN, else build/dev) and of the page.

import { execFile, spawn } from "node:child_process";
import { access, chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const START_MS = 180_000; // a deadline, for machines that have much else to do

/** West, south, and how wide and high: what the sensors stand in. */
export const BOX = [107, 29.8, 0.36, 0.24];

const DISTRICT = `
INSERT INTO setting VALUES ('district', '{"name_zh":"示例区","name_en":"Sample District","time_zone":"Asia/Shanghai","synthetic":true,"attribution":""}');
INSERT INTO ward (code, name_zh, name_en, geom) VALUES
  ('900100001', '甲溪街道', 'Jiaxi', ST_Multi(ST_MakeEnvelope(107, 29.8, 107.18, 30.04, 4490))), ('900100002', '乙山街道', 'Yishan', ST_Multi(ST_MakeEnvelope(107.18, 29.8, 107.36, 30.04, 4490)));
INSERT INTO observed_property (code, name_zh, name_en, unit) VALUES ('page_value', '数值', 'Value', 'mg/L');
INSERT INTO feed (name, title, config) VALUES ('live', 'Live', '{"format":"ndjson","thing":"s","property":{"const":"page_value"},"value":"v","time":"t","unit":{"const":"mg/L"}}');
`;
const things = (n) => `
WITH side AS (SELECT ceil(sqrt(${n}))::int AS n), made AS (
  INSERT INTO thing (feed_id, key, name_zh, name_en, class, ward_id, geom)
  SELECT (SELECT id FROM feed), 'S' || i, '微型站 ' || i, 'Micro station ' || i, 'micro_station', CASE WHEN x < 0.5 THEN 1 ELSE 2 END, ST_SetSRID(ST_MakePoint(107 + 0.36 * x, 29.8 + 0.24 * y), 4490)
  FROM (SELECT i, ((i % n) + 0.5) / n AS x, ((i / n) + 0.5) / n AS y FROM side, generate_series(0, ${n} - 1) i) p
  RETURNING id)
INSERT INTO datastream (thing_id, property_id) SELECT m.id, p.id FROM made m, observed_property p WHERE p.code = 'page_value';
`;

export async function startRealServer({ things: count = 400 } = {}) {
    const binary = process.env.WW_BIN ?? join(root, "build/dev/wardwatch");
    await access(binary);
    const folder = await mkdtemp(join(tmpdir(), "ww-page-"));
    await chmod(folder, 0o755);
    const cluster = (verb) => run("sh", [join(root, "tests/support/pg_cluster.sh"), verb, join(folder, "pg")]);
    let server;
    const stop = async () => {
        if (server && server.exitCode === null) {
            const gone = new Promise((resolve) => server.once("exit", resolve));
            server.kill("SIGTERM");
            await gone;
        }
        await cluster("remove").catch(() => undefined);
        await rm(folder, { recursive: true, force: true });
    };
    try {
        const db = (await cluster("start")).stdout.trim();
        const say = async (...words) => (await run(binary, words)).stdout.trim();
        await say("migrate", "--db", db);
        await run("psql", ["-Xq", "-v", "ON_ERROR_STOP=1", "-d", db, "-c", `SET search_path = wardwatch, public; ${DISTRICT}`, "-c", `SET search_path = wardwatch, public; ${things(count)}`]);
        const token = await say("account", "add", "root", "--role", "admin", "--all-wards", "--db", db);
        const portFile = join(folder, "port");
        let log = "";
        server = spawn(binary, ["serve", "--db", db, "--listen", "127.0.0.1:0", "--port-file", portFile, "--web", join(root, "server/web/dist")], { stdio: ["ignore", "ignore", "pipe"] });
        server.stderr.on("data", (text) => (log += text));
        const end = Date.now() + START_MS;
        const wait = async (what, isThere) => {
            for (let value; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
                if ((value = await isThere().catch(() => null))) return value;
                if (server.exitCode !== null || Date.now() > end) throw new Error(`${what} did not come:\n${log}`);
            }
        };
        const url = `http://127.0.0.1:${await wait("the port", () => readFile(portFile, "utf8").then((text) => text.trim()))}`;
        const headers = { Authorization: `Bearer ${token}` };
        await wait("the map", async () => (await fetch(`${url}/tiles/thing/0/0/0.mvt`, { headers })).status === 200);
        const send = async (rows) => {
            const answer = await fetch(`${url}/ingest/v1/live`, { method: "POST", headers: { ...headers, "Content-Type": "application/x-ndjson" }, body: rows.map((row) => JSON.stringify(row)).join("\n") });
            if (answer.status !== 200) throw new Error(`ingest: ${answer.status} ${await answer.text()}`);
        };
        await wait("the feed", async () => (await fetch(`${url}/readyz`)).status === 200);
        return { url, token, send, stop, log: () => log };
    } catch (error) {
        await stop();
        throw error;
    }
}

/** In the page: notes when each value of a thing was first drawn, by key and value. */
export function watchMap() {
    const { map } = document.getElementById("map");
    const seen = (window.seenValues = new Map());
    let isNew = true;
    map.on("sourcedata", (event) => (isNew ||= event.sourceId === "thing" && event.tile !== undefined));
    map.on("render", () => {
        if (!isNew) return;
        isNew = false;
        for (const { properties } of map.querySourceFeatures("thing", { sourceLayer: "thing", filter: ["has", "page_value"] })) {
            const key = `${properties.key} ${properties.page_value}`;
            if (!seen.has(key)) seen.set(key, Date.now());
        }
    });
    map.triggerRepaint();
}
