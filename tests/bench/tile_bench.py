#!/usr/bin/env python3
"""Benches vector tiles: drawn from memory against ST_AsMVT of the same points, and answers from the cache.

    tests/bench/tile_bench.py [--build build/dev] [--points 20000] [--seconds 5]

Needs wrk and pgbench (Debian packages wrk, postgresql-15). 1. Tiles of zoom 14 and 12 at random places of a district half a degree wide: `bench_tile` (one core) and
pgbench -M prepared with one client on a table with a GiST index, one after the other, twice. Tiles are not packed in either. 2. wrk, 32 connections, beside the
server on the same machine: one tile from the cache, and the same asked for with its ETag. Ratios hold within one run.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = """CREATE TABLE pts AS
SELECT n AS id, 'WS-' || lpad(n::text, 6, '0') AS name, CASE WHEN n % 3 = 0 THEN 'air' ELSE 'wastewater' END AS class, random() * 100 AS value,
       (random() * 3.99)::int AS severity, ST_Transform(ST_SetSRID(ST_MakePoint(106.9 + 0.5 * random(), 29.6 + 0.5 * random()), 4326), 3857) AS g
FROM generate_series(1, {points}) n;
CREATE INDEX ON pts USING gist (g); ANALYZE pts;"""
TILE = """\\set r random(0, 1000000000)
\\set s random(0, 1000000000)
SELECT length(ST_AsMVT(q, 'thing', 4096, 'geom', 'id')) FROM (
    SELECT id, name, class, value, severity, ST_AsMVTGeom(g, e.box, 4096, 64, true) AS geom
    FROM pts, (SELECT ST_TileEnvelope({z}, floor((106.9 + 0.5 * :r / 1e9 + 180) / 360 * 2 ^ {z})::int,
        floor((1 - asinh(tan(radians(29.6 + 0.5 * :s / 1e9))) / pi()) / 2 * 2 ^ {z})::int) AS box) e
    WHERE g && e.box) q;
"""


def run(*words, **kw):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, **kw).stdout


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default=str(ROOT / "build/dev"))
    p.add_argument("--points", type=int, default=20000)
    p.add_argument("--seconds", type=int, default=5)
    args = p.parse_args()
    folder = tempfile.mkdtemp(prefix="ww-tiles-", dir="/tmp")
    os.chmod(folder, 0o755)
    pg = os.path.join(folder, "pg")
    cluster = ["sh", str(ROOT / "tests/support/pg_cluster.sh")]
    conninfo = run(*cluster, "start", pg).strip()
    server = None
    try:
        run("psql", "-Xq", "-d", conninfo, "-c", "CREATE EXTENSION IF NOT EXISTS postgis")
        run("psql", "-Xq", "-d", conninfo, "-c", TABLE.format(points=args.points))
        for again in range(2):
            ours = dict(re.findall(r"^z(\d+) +(\d+) tiles/s", run(os.path.join(args.build, "tests/bench_tile"), str(args.points)), re.M))
            for zoom in ("14", "12"):
                script = os.path.join(folder, "tile.sql")
                pathlib.Path(script).write_text(TILE.format(z=zoom))
                out = run("pgbench", "-n", "-M", "prepared", "-c", "1", "-T", str(args.seconds), "-f", script, "-d", conninfo, stderr=subprocess.DEVNULL)
                theirs = float(re.search(r"tps = ([\d.]+)", out).group(1))
                print(f"z{zoom}, {args.points} points: from memory {int(ours[zoom])}/s, ST_AsMVT {theirs:.0f}/s: {int(ours[zoom]) / theirs:.1f} times", flush=True)
        database = conninfo.replace("dbname=wardwatch", "dbname=tiles")
        run("psql", "-Xq", "-d", conninfo, "-c", "CREATE DATABASE tiles")
        program = os.path.join(args.build, "wardwatch")
        run(program, "migrate", "--db", database)
        token = run(program, "account", "add", "bench", "--role", "admin", "--db", database).strip()
        run("psql", "-Xq", "-d", database, "-c", f"""INSERT INTO wardwatch.feed (name, title, config) VALUES ('f', 'f', '{{}}');
            INSERT INTO wardwatch.thing (feed_id, key, class, geom) SELECT (SELECT id FROM wardwatch.feed WHERE name = 'f'), 'T' || n, 'outfall',
                ST_SetSRID(ST_MakePoint(106.9 + 0.5 * random(), 29.6 + 0.5 * random()), 4490) FROM generate_series(1, {args.points}) n""")
        port_file = os.path.join(folder, "port")
        server = subprocess.Popen([program, "serve", "--db", database, "--listen", "127.0.0.1:0", "--port-file", port_file, "--log", "warn"])
        url, answer = None, None
        end = time.monotonic() + 60
        while answer is None:
            time.sleep(0.1)
            try:
                url = f"http://127.0.0.1:{int(pathlib.Path(port_file).read_text())}/tiles/thing/13/6534/3383.mvt"
                request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"})
                got = urllib.request.urlopen(request)
                answer = got if got.status == 200 else None
            except (OSError, ValueError) as problem:
                if time.monotonic() > end:
                    raise SystemExit(f"the server does not answer: {problem}")
        etag, size = answer.headers["ETag"], len(answer.read())
        for what, more in (("from the cache", []), ("not modified", ["-H", f"If-None-Match: {etag}"])):
            out = run("wrk", "-t", "1", "-c", "32", "-d", f"{args.seconds}s", "-H", f"Authorization: Bearer {token}", "-H", "Accept-Encoding: gzip", *more, url)
            print(f"{what}: {re.search(r'Requests/sec: +([0-9.]+)', out).group(1)} a second, {size} bytes packed", flush=True)
            if "Non-2xx" in out and "not modified" != what:
                raise SystemExit(out)
    finally:
        if server:
            server.terminate()
            server.wait()
        run(*cluster, "stop", pg)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
