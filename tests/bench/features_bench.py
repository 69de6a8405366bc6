#!/usr/bin/python3
"""Benches the features of /ogc/: against ST_AsGeoJSON through psql, the last page against the first, and beside MapServer and QGIS Server.

    tests/bench/features_bench.py [--build build/bench] [--rows 1000000] [--rounds 3] [--only stream|pages|rivals]

One table of points with five attributes, in schema `layers`, a private PostgreSQL on the same machine. `stream`: all of it as GeoJSON, one feature a line, to curl; and
psql with SELECT ST_AsGeoJSON(t), which is the same text but for the place of the id; in turn. `pages`: 1,000 features by `limit`; the second page, the last one, which is
reached by following `next`, and the same rows by OFFSET in psql; in turn. `rivals`: wrk, 8 connections, pages of 100 and of 1,000 features in boxes at random places,
the same places for all; wardwatch is one process, the others two FastCGI processes behind nginx. Every program's answers are counted and compared once: the same ids.

Needs curl, psql, wrk; for `rivals` nginx, spawn-fcgi, cgi-mapserver, qgis-server and python3-qgis (Debian packages). Those that are not there are left out, and it says so.
"""

import argparse
import json
import os
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = """CREATE TABLE layers.bench (id bigint PRIMARY KEY, name text NOT NULL, class text NOT NULL, value double precision NOT NULL, severity integer NOT NULL,
    at timestamptz NOT NULL, geom geometry(Point, 4490) NOT NULL);
INSERT INTO layers.bench SELECT n, 'WS-' || lpad(n::text, 7, '0'), CASE WHEN n % 3 = 0 THEN 'air' ELSE 'wastewater' END, round((random() * 100)::numeric, 3), n % 4,
    '2026-01-01Z'::timestamptz + make_interval(secs => n), ST_SetSRID(ST_MakePoint(107 + random(), 29 + random()), 4490) FROM generate_series(1, {rows}) n;
CREATE INDEX ON layers.bench USING gist (geom);
COMMENT ON TABLE layers.bench IS E'Bench\\nwardwatch: public';
"""
MAPFILE = """MAP
  NAME "bench"
  EXTENT 107 29 108 30
  SIZE 400 400
  UNITS DD
  PROJECTION "init=epsg:4326" END
  WEB METADATA "ows_title" "bench" "ows_enable_request" "*" "oga_onlineresource" "http://127.0.0.1:{port}/mapserver/ogcapi" "oga_html_template_directory" "/nowhere/" END END
  LAYER
    NAME "bench"
    TYPE POINT
    STATUS ON
    CONNECTIONTYPE POSTGIS
    CONNECTION "{conninfo}"
    PROCESSING "CLOSE_CONNECTION=DEFER"
    DATA "geom FROM layers.bench USING UNIQUE id USING srid=4490"
    EXTENT 107 29 108 30
    PROJECTION "init=epsg:4326" END
    TEMPLATE "x"
    METADATA "ows_title" "bench" "gml_featureid" "id" "gml_include_items" "all" "ows_include_items" "all" "oga_max_limit" "10000" END
  END
END
"""
PROJECT = """
import sys
from qgis.core import QgsApplication, QgsDataSourceUri, QgsProject, QgsVectorLayer
app = QgsApplication([], False)
app.initQgis()
layer = QgsVectorLayer(sys.argv[1], "bench", "postgres")
assert layer.isValid(), layer.error().message()
project = QgsProject.instance()
project.setCrs(layer.crs())
project.addMapLayer(layer)
project.writeEntry("WFSLayers", "/", [layer.id()])
assert project.write(sys.argv[2])
app.exitQgis()
"""
NGINX = """worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/nginx.log; daemon off; user root;
events {{ worker_connections 128; }}
http {{ access_log off; client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3; uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
  fastcgi_buffers 16 256k; fastcgi_buffer_size 256k;
  server {{ listen 127.0.0.1:{port};
    location /mapserver/ {{ include /etc/nginx/fastcgi_params; fastcgi_split_path_info ^(/mapserver)(/.*)$; fastcgi_param PATH_INFO /bench$fastcgi_path_info;
      fastcgi_param SCRIPT_NAME /mapserver; fastcgi_pass unix:{dir}/mapserver.sock; }}
    location /qgis/ {{ include /etc/nginx/fastcgi_params; fastcgi_split_path_info ^(/qgis)(/.*)$; fastcgi_param PATH_INFO $fastcgi_path_info;
      fastcgi_param SCRIPT_NAME /qgis; fastcgi_pass unix:{dir}/qgis.sock; }} }} }}
"""
BOXES = """local paths = {{ {paths} }}
local n = 0
request = function() n = n % #paths + 1; return wrk.format("GET", paths[n]) end
"""


def run(*words, **kw):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, **kw).stdout


def seconds(*words, **kw):
    begun = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, **kw)
    return time.perf_counter() - begun


class Bench:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.children = []

    def start(self, conninfo):
        self.conninfo = conninfo
        program = os.path.join(self.args.build, "wardwatch")
        run(program, "migrate", "--db", conninfo)
        self.token = run(program, "account", "add", "bench", "--role", "viewer", "--all-wards", "--db", conninfo).strip()
        self.sql(TABLE.format(rows=self.args.rows))
        self.sql("VACUUM ANALYZE layers.bench")
        port_file = os.path.join(self.folder, "port")
        server = subprocess.Popen([program, "serve", "--db", conninfo, "--listen", "127.0.0.1:0", "--port-file", port_file, "--log", "warn"], stdout=subprocess.PIPE, text=True)
        self.children.append(server)
        if not server.stdout.readline().startswith("ready"):
            raise SystemExit("the server did not start")
        self.root = f"http://127.0.0.1:{int(pathlib.Path(port_file).read_text())}"
        self.items = self.root + "/ogc/collections/bench/items"
        while True:  # until accounts and layers are read
            try:
                self.get(self.items + "?limit=1")
                break
            except urllib.error.HTTPError as problem:
                if problem.code not in (404, 503) or server.poll() is not None:
                    raise
                time.sleep(0.2)

    def sql(self, text):
        return run("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.conninfo, "-c", text)

    def get(self, url):
        return json.load(urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": f"Bearer {self.token}"})))

    # ---- all of it ----

    def stream(self):
        curl = ["curl", "-sf", "-H", f"Authorization: Bearer {self.token}"]
        psql = ["psql", "-XqAt", "-d", self.conninfo, "-c"]
        theirs = "SELECT ST_AsGeoJSON(t, 'geom', 8) FROM layers.bench t ORDER BY id"
        lines = int(run("sh", "-c", '"$@" | wc -l', "sh", *curl, self.items + "?f=ndjson"))
        if lines != self.args.rows:
            raise SystemExit(f"{lines} features of {self.args.rows}")
        ratios = []
        for _ in range(self.args.rounds):
            ours, other = seconds(*curl, self.items + "?f=ndjson"), seconds(*psql, theirs, env=dict(os.environ, PGOPTIONS="-c jit=off"))
            ratios.append(other / ours)
            print(f"{self.args.rows} features: GeoJSON lines {self.args.rows / ours:.0f}/s, ST_AsGeoJSON through psql {self.args.rows / other:.0f}/s: {other / ours:.2f} times", flush=True)
        print(f"median {statistics.median(ratios):.2f} times", flush=True)

    # ---- pages ----

    def pages(self):
        url, second, last, n = self.items + "?limit=1000", None, None, 0
        while url:
            page = self.get(url)
            second, last, n = (url if n == 1 else second), url, n + 1
            url = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
        ids = [f["id"] for f in page["features"]]
        if n != (self.args.rows + 999) // 1000 or ids[-1] != self.args.rows:
            raise SystemExit(f"{n} pages, the last ends with {ids[-1]}")
        offset = ["psql", "-XqAt", "-d", self.conninfo, "-c", f"SELECT ST_AsGeoJSON(t, 'geom', 8) FROM layers.bench t ORDER BY id LIMIT 1000 OFFSET {self.args.rows - 1000}"]
        near, far, by_offset = [], [], []
        for _ in range(10 * self.args.rounds):
            for taken, what in ((near, second), (far, last)):
                begun = time.perf_counter()
                self.get(what)
                taken.append(time.perf_counter() - begun)
        for _ in range(self.args.rounds):
            by_offset.append(seconds(*offset))
        a, b, c = (statistics.median(x) * 1000 for x in (near, far, by_offset))
        print(f"{n} pages of 1,000: the second {a:.1f} ms, the last {b:.1f} ms: {b / a:.2f} times; the last by OFFSET in psql {c:.0f} ms", flush=True)

    # ---- others ----

    def spawn(self, name, program, **more):
        socket = os.path.join(self.folder, name + ".sock")
        pid = os.path.join(self.folder, name + ".pid")
        run("spawn-fcgi", "-s", socket, "-F", "2", "-P", pid, "--", program, env=dict(os.environ, **more), stderr=subprocess.DEVNULL)
        return [int(word) for word in pathlib.Path(pid).read_text().split()]

    def rivals(self):
        missing = [name for name in ("nginx", "spawn-fcgi", "wrk") if not shutil.which(name)]
        if missing:
            print("rivals: left out, there is no", ", ".join(missing))
            return
        port, pids, others = 19471, [], {}
        if os.path.exists("/usr/lib/cgi-bin/mapserv"):
            mapfile, config = (os.path.join(self.folder, name) for name in ("bench.map", "mapserver.conf"))
            pathlib.Path(mapfile).write_text(MAPFILE.format(port=port, conninfo=self.conninfo))
            pathlib.Path(config).write_text(f'CONFIG\n  ENV\n    MS_MAP_PATTERN "."\n  END\n  MAPS\n    bench "{mapfile}"\n  END\nEND\n')
            pids += self.spawn("mapserver", "/usr/lib/cgi-bin/mapserv", MAPSERVER_CONFIG_FILE=config)
            others["MapServer"] = "/mapserver/ogcapi/collections/bench/items?f=json"
        if os.path.exists("/usr/lib/cgi-bin/qgis_mapserv.fcgi"):
            project = os.path.join(self.folder, "bench.qgs")
            uri = f"{self.conninfo} key='id' srid=4490 type=Point estimatedmetadata=true table=\"layers\".\"bench\" (geom)"
            quiet = dict(os.environ, QT_QPA_PLATFORM="offscreen", HOME=self.folder)
            run("/usr/bin/python3", "-c", PROJECT, uri, project, env=quiet, stderr=subprocess.DEVNULL)
            pids += self.spawn("qgis", "/usr/lib/cgi-bin/qgis_mapserv.fcgi", QGIS_PROJECT_FILE=project, QT_QPA_PLATFORM="offscreen", HOME=self.folder, QGIS_SERVER_LOG_LEVEL="2",
                               QGIS_SERVER_API_WFS3_MAX_LIMIT="10000", QGIS_SERVER_TRUST_LAYER_METADATA="1")
            others["QGIS Server"] = "/qgis/wfs3/collections/bench/items.json?"
        pathlib.Path(self.folder, "nginx.conf").write_text(NGINX.format(dir=self.folder, port=port))
        nginx = subprocess.Popen(["nginx", "-c", os.path.join(self.folder, "nginx.conf")], stderr=subprocess.DEVNULL)
        self.children.append(nginx)
        time.sleep(0.5)
        try:
            self.compare(port, others)
        finally:
            for pid in pids:
                os.kill(pid, 9)  # mapserv waits for its next request before it heeds anything milder

    def compare(self, port, others):
        dice = random.Random(7)
        for limit in (100, 1000):
            side = (4 * limit / self.args.rows) ** 0.5  # four times as many features as a page has
            boxes = []
            for _ in range(200):
                west, south = 107 + dice.random() * (1 - side), 29 + dice.random() * (1 - side)
                boxes.append(f"{west:.6f},{south:.6f},{west + side:.6f},{south + side:.6f}")
            ours = [f"/ogc/collections/bench/items?f=json&limit={limit}&bbox={box}" for box in boxes]
            first = {f["id"] for f in self.get(self.root + ours[0])["features"]}
            results = [("wardwatch", *self.load(self.root, ours, [f"Authorization: Bearer {self.token}"]))]
            for name, path in others.items():
                theirs = [f"{path}&limit={limit}&bbox={box}" for box in boxes]
                got = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}{theirs[0]}"))["features"]
                if len(got) != limit or len(first) != limit:
                    raise SystemExit(f"{name}: {len(got)} features, ours {len(first)}")
                same = {int(re.search(r"\d+$", str(f["id"]))[0]) for f in got} == first
                results.append((name + ("" if same else " (other rows of the same boxes)"), *self.load(f"http://127.0.0.1:{port}", theirs, [])))
            for name, rate, size in results:
                print(f"pages of {limit}: {name} {rate:.0f} pages/s, {rate * limit:.0f} features/s, {size / limit:.0f} bytes each: ours is {results[0][1] / rate:.1f} times", flush=True)

    def load(self, root, paths, headers):
        """Pages a second, and the bytes of one."""
        script = os.path.join(self.folder, "boxes.lua")
        pathlib.Path(script).write_text(BOXES.format(paths=", ".join(json.dumps(p) for p in paths)))
        words = ["wrk", "-t", "1", "-c", "8", "--timeout", "30s", "-d", f"{self.args.seconds}s", "-s", script, *(w for h in headers for w in ("-H", h)), root]
        out = run(*words)
        wrong = re.search(r"Non-2xx or 3xx responses|Socket errors.*", out)
        if wrong:
            raise SystemExit(out)
        answers = int(re.search(r"(\d+) requests in", out)[1])
        amount, unit = re.search(r"requests in [\d.]+s, ([\d.]+)([KMG]?)B read", out).groups()
        return float(re.search(r"Requests/sec: +([\d.]+)", out)[1]), float(amount) * 1024 ** " KMG".index(unit or " ") / answers

    def stop(self):
        for child in self.children:
            child.terminate()
            child.wait()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default=str(ROOT / "build/bench"))
    p.add_argument("--rows", type=int, default=1000000)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=int, default=5)
    p.add_argument("--only", choices=("stream", "pages", "rivals"))
    args = p.parse_args()
    folder = tempfile.mkdtemp(prefix="ww-feat-", dir="/tmp")
    os.chmod(folder, 0o755)
    cluster = ["sh", str(ROOT / "tests/support/pg_cluster.sh")]
    bench = Bench(args, folder)
    try:
        bench.start(run(*cluster, "start", os.path.join(folder, "pg")).strip())
        for name in ("stream", "pages", "rivals"):
            if args.only in (None, name):
                getattr(bench, name)()
    finally:
        bench.stop()
        run(*cluster, "remove", os.path.join(folder, "pg"))
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
