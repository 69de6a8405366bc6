#!/usr/bin/env python3
"""Benches vector tiles: drawn from memory against ST_AsMVT of the same points, and answers from the cache.

    tests/bench/tile_bench.py [--build build/bench] [--points 20000] [--seconds 5] [--only drawn|kept]

Needs wrk and pgbench (Debian packages wrk, postgresql-15). `drawn`: tiles of zoom 14 and 12 at random places of a district half a degree wide: `bench_tile` (one
core) and pgbench -M prepared with one client on a table with a GiST index, one after the other, twice. Tiles are not packed in either. `kept`: wrk, one thread, 32
connections, beside the server on the same machine, three rounds: one tile from the cache, and the same asked for with its ETag; /healthz, which answers a few bytes
without a look at anything, says what HTTP alone costs here. Behind each rate: the server's CPU time for an answer, which other work on the machine hardly changes. Ratios hold within one run.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
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


def bench_drawn(args, folder, conninfo):
    run("psql", "-Xq", "-d", conninfo, "-c", "CREATE EXTENSION IF NOT EXISTS postgis")
    run("psql", "-Xq", "-d", conninfo, "-c", TABLE.format(points=args.points))
    for _ in range(2):
        ours = dict(re.findall(r"^z(\d+) +(\d+) tiles/s", run(os.path.join(args.build, "tests/bench_tile"), str(args.points)), re.M))
        for zoom in ("14", "12"):
            script = os.path.join(folder, "tile.sql")
            pathlib.Path(script).write_text(TILE.format(z=zoom))
            out = run("pgbench", "-n", "-M", "prepared", "-c", "1", "-T", str(args.seconds), "-f", script, "-d", conninfo, stderr=subprocess.DEVNULL)
            theirs = float(re.search(r"tps = ([\d.]+)", out).group(1))
            print(f"z{zoom}, {args.points} points: from memory {int(ours[zoom])}/s, ST_AsMVT {theirs:.0f}/s: {int(ours[zoom]) / theirs:.1f} times", flush=True)


def first_tile(url, token, server):
    """Waits until the map is loaded; the answer to the tile's first request."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"})
    while server.poll() is None:
        try:
            return urllib.request.urlopen(request)
        except urllib.error.HTTPError as problem:
            if problem.code != 503:
                raise
            time.sleep(0.1)
    raise SystemExit("the server ended")


def cpu_seconds(server):
    """What the process has used so far, in user and in system mode."""
    fields = pathlib.Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rate(server, seconds, url, headers):
    """Answers a second, and what one costs the server in CPU time; ends the bench when one was not as it should be."""
    before = cpu_seconds(server)
    out = run("wrk", "-t", "1", "-c", "32", "-d", f"{seconds}s", *(word for h in headers for word in ("-H", h)), url)
    used = cpu_seconds(server) - before
    if re.search(r"Non-2xx or 3xx responses|Socket errors", out):
        raise SystemExit(out)
    answers = int(re.search(r"(\d+) requests in", out).group(1))
    return f"{float(re.search(r'Requests/sec: +([0-9.]+)', out).group(1)):.0f}/s ({used / answers * 1e6:.1f} us)"


def bench_kept(args, folder, conninfo):
    database = conninfo.replace("dbname=wardwatch", "dbname=tiles")
    run("psql", "-Xq", "-d", conninfo, "-c", "CREATE DATABASE tiles")
    program = os.path.join(args.build, "wardwatch")
    run(program, "migrate", "--db", database)
    token = run(program, "account", "add", "bench", "--role", "admin", "--all-wards", "--db", database).strip()
    run("psql", "-Xq", "-d", database, "-c", f"""INSERT INTO wardwatch.feed (name, title, config, enabled) VALUES ('f', 'f', '{{}}', false);
        INSERT INTO wardwatch.thing (feed_id, key, class, geom) SELECT (SELECT id FROM wardwatch.feed WHERE name = 'f'), 'T' || n, 'outfall',
            ST_SetSRID(ST_MakePoint(106.9 + 0.5 * random(), 29.6 + 0.5 * random()), 4490) FROM generate_series(1, {args.points}) n""")
    port_file = os.path.join(folder, "port")
    server = subprocess.Popen([program, "serve", "--db", database, "--listen", "127.0.0.1:0", "--port-file", port_file, "--log", "warn"],
                              stdout=subprocess.PIPE, text=True)
    try:
        if not server.stdout.readline().startswith("ready"):
            raise SystemExit("the server did not start")
        root = f"http://127.0.0.1:{int(pathlib.Path(port_file).read_text())}"
        url = f"{root}/tiles/thing/13/6534/3383.mvt"
        answer = first_tile(url, token, server)
        size, etag = len(answer.read()), answer.headers["ETag"]
        if answer.status != 200 or not size:
            raise SystemExit(f"no tile to ask for: {answer.status}")
        headers = [f"Authorization: Bearer {token}", "Accept-Encoding: gzip"]
        for _ in range(3):
            kept = rate(server, args.seconds, url, headers)
            same = rate(server, args.seconds, url, [*headers, f"If-None-Match: {etag}"])
            bare = rate(server, args.seconds, root + "/healthz", [])
            print(f"{size} bytes from the cache {kept}, not modified {same}; /healthz {bare}", flush=True)
    finally:
        server.terminate()
        server.wait()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default=str(ROOT / "build/bench"))
    p.add_argument("--points", type=int, default=20000)
    p.add_argument("--seconds", type=int, default=5)
    p.add_argument("--only", choices=("drawn", "kept"))
    args = p.parse_args()
    folder = tempfile.mkdtemp(prefix="ww-tiles-", dir="/tmp")
    os.chmod(folder, 0o755)
    pg = os.path.join(folder, "pg")
    cluster = ["sh", str(ROOT / "tests/support/pg_cluster.sh")]
    conninfo = run(*cluster, "start", pg).strip()
    try:
        if args.only != "kept":
            bench_drawn(args, folder, conninfo)
        if args.only != "drawn":
            bench_kept(args, folder, conninfo)
    finally:
        run(*cluster, "stop", pg)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
