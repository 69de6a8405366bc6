#!/usr/bin/env python3
"""Benches the one path: acknowledged observations a second against raw COPY, delays, memory.

    tests/bench/ingest_bench.py [--wardwatch FILE] [--rounds 3] [--seconds 10] [--wards 41000] [--series 20000]

Everything runs on this machine, generator included, against a private durable PostgreSQL
(fsync on, synchronous_commit on). Each round sends rows over loopback HTTP (NDJSON, --place, locate,
judge and commit on, raw bytes kept), then copies the very same rows, dumped in binary, into the same
emptied table through one psql connection. What is printed are ratios within one run; absolute figures depend on
the machine. Delays are measured at half the rate just reached: from the first byte of the POST to the
2xx, and from the same moment to the arrival of the alert's SSE event, for readings that open an alert.
"""

import argparse
import http.client
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLUMNS = ("datastream_id, phenomenon_time, raw_message_id, foi_id, value, interval_s, ward_id, version, flag, detail")
ALERT_TIME_MS = 1774742400000  # 2026-03-29T00:00:00Z: after all that the generator sends
SETTINGS = "-c shared_buffers=1GB -c max_wal_size=16GB -c checkpoint_timeout=30min"


class Bench:
    def __init__(self, args):
        self.args = args
        self.dir = tempfile.mkdtemp(prefix="ww-bench-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        self.pg_dir = os.path.join(self.dir, "pg")
        self.server = None

    def cluster(self, verb):
        env = dict(os.environ, PG_CLUSTER_DURABLE="1", PG_CLUSTER_OPTIONS=SETTINGS)
        done = subprocess.run(["sh", str(ROOT / "tests/support/pg_cluster.sh"), verb, self.pg_dir], env=env, check=True,
                              stdout=subprocess.PIPE, text=True)
        return done.stdout.strip()

    def ww(self, *words):
        done = subprocess.run([self.args.wardwatch, *words, "--db", self.conninfo], check=True, stdout=subprocess.PIPE,
                              text=True)
        return done.stdout.strip()

    def sql(self, text):
        done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.conninfo, "-c", text], check=True,
                              stdout=subprocess.PIPE, text=True)
        return done.stdout.strip()

    def path(self, name):
        return os.path.join(self.dir, name)

    def start(self):
        self.conninfo = self.cluster("start")
        self.ww("migrate")
        with open(self.path("token"), "w", encoding="ascii") as file:
            file.write(self.ww("account", "add", "bench", "--role", "admin", "--all-wards"))
        self.load_district()
        self.start_server()

    def load_district(self):
        city = self.path("city")
        subprocess.run([self.args.wardwatch, "simulate", "--write-district", city, "--wards", str(self.args.wards)],
                       check=True, stdout=subprocess.DEVNULL)
        self.ww("load", "facts", os.path.join(city, "district.json"))
        self.ww("load", "wards", os.path.join(city, "wards.geojson"))
        feed = subprocess.run([self.args.wardwatch, "simulate", "--load", "--print-feed"], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        pathlib.Path(self.path("feed.json")).write_text(json.dumps({**json.loads(feed), "keep_raw": True}), encoding="utf-8")
        self.ww("feed", "add", "load", "--config", self.path("feed.json"))
        subprocess.run([self.args.wardwatch, "simulate", "--load", "--things", self.path("things.geojson"), "--series",
                        str(self.args.series)], check=True, stdout=subprocess.DEVNULL)
        self.ww("load", "things", self.path("things.geojson"))
        prop = "cod"
        # A limit that every reading is compared with and only 999 passes.
        self.sql("INSERT INTO wardwatch.limit_value (property_id, standard_no, class, averaging, upper, unit, valid_from, "
                 f"status, source) SELECT id, 'BENCH', 'bench', 'instant', 500, unit, '2000-01-01', 'check', 'bench' "
                 f"FROM wardwatch.observed_property WHERE code = '{prop}'")
        rule = [{"code": "bench", "name_zh": "压测", "name_en": "bench", "severity": 1,
                 "config": {"property": prop, "limit_class": "bench", "standard": "BENCH", "averaging": "instant",
                            "fire": [1, 3], "clear": [1, 1]}}]
        pathlib.Path(self.path("rules.json")).write_text(json.dumps(rule), encoding="utf-8")
        self.ww("load", "rules", self.path("rules.json"))

    def start_server(self):
        self.server = subprocess.Popen([self.args.wardwatch, "serve", "--db", self.conninfo, "--listen", "127.0.0.1:0",
                                        "--port-file", self.path("port")], stdout=subprocess.PIPE, text=True,
                                       stderr=open(self.path("serve.log"), "w", encoding="utf-8"))
        line = self.server.stdout.readline()
        assert line.startswith("ready"), line
        self.port = int(pathlib.Path(self.path("port")).read_text())

    def stop(self):
        if self.server:
            self.server.send_signal(signal.SIGINT)
            self.server.wait(30)
        self.cluster("remove")
        shutil.rmtree(self.dir, ignore_errors=True)

    def metric(self, name):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/metrics")
        for line in connection.getresponse().read().decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise KeyError(name)

    def generate(self, *words):
        done = subprocess.run([self.args.wardwatch, "simulate", "--load", "--server", f"http://127.0.0.1:{self.port}",
                               "--token-file", self.path("token"), "--series", str(self.args.series), "--place", *words],
                              stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout)

    def copy_same_rows(self):
        """One connection, binary COPY, into the same table with its partitions and keys. Rows a second."""
        dump = self.path("rows.bin")
        self.sql(f"\\copy (SELECT {COLUMNS} FROM wardwatch.observation ORDER BY raw_message_id, phenomenon_time, "
                 f"datastream_id) TO '{dump}' (FORMAT binary)")
        rows = int(self.sql("SELECT count(*) FROM wardwatch.observation"))
        self.sql("TRUNCATE wardwatch.observation")
        self.sql("CHECKPOINT")
        begin = time.monotonic()
        self.sql(f"\\copy wardwatch.observation ({COLUMNS}) FROM '{dump}' (FORMAT binary)")
        seconds = time.monotonic() - begin
        os.unlink(dump)
        return rows, rows / seconds

    def round(self, number):
        self.sql("TRUNCATE wardwatch.observation, wardwatch.raw_message, wardwatch.ledger CASCADE")
        self.sql("CHECKPOINT")
        sent = self.generate("--rate", "max", "--seconds", str(self.args.seconds), "--connections",
                             str(self.args.connections), "--batch-rows", str(self.args.batch_rows),
                             "--start", f"2026-03-{number:02d}T00:00:00Z")
        rows, copied = self.copy_same_rows()
        assert rows == sent["acked_rows"], (rows, sent)
        ratio = sent["rows_per_s"] / copied
        print(f"round {number}: rows={rows} acknowledged/s={sent['rows_per_s']:.0f} COPY/s={copied:.0f} "
              f"ratio={ratio:.2f}", flush=True)
        return ratio, sent["rows_per_s"]

    def delays(self, rate):
        """POST → 2xx and POST → SSE at that rate. A second, slow client sends readings that open alerts."""
        events = {}
        ready = threading.Event()
        token = pathlib.Path(self.path("token")).read_text().strip()

        def listen():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            connection.request("GET", "/api/v1/events", headers={"Authorization": f"Bearer {token}"})
            response = connection.getresponse()
            ready.set()
            while True:
                line = response.readline()
                if not line:
                    return
                if line.startswith(b"data:"):
                    event = json.loads(line[5:])
                    if event.get("kind") == "opened":
                        events[event["thing"]["key"]] = time.monotonic()

        threading.Thread(target=listen, daemon=True).start()
        assert ready.wait(30)
        load = {}
        seconds = self.args.seconds
        generator = threading.Thread(target=lambda: load.update(
            self.generate("--rate", str(int(rate)), "--seconds", str(seconds), "--connections", str(self.args.connections),
                          "--batch-rows", str(self.args.delay_batch_rows), "--start", "2026-03-20T00:00:00Z")))
        generator.start()
        time.sleep(1)  # into the steady state
        posted = {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        end = time.monotonic() + seconds - 2
        number = 0
        while time.monotonic() < end:
            key = f"L{number:06d}"
            body = json.dumps({"s": key, "t": ALERT_TIME_MS, "v": 999.0})
            posted[key] = time.monotonic()
            connection.request("POST", "/ingest/v1/load", body=body, headers={
                "Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"})
            answer = connection.getresponse()
            receipt = json.loads(answer.read())
            assert answer.status == 200 and receipt["stored"] == 1, receipt
            number += 1
            time.sleep(0.02)
        generator.join()
        deadline = time.monotonic() + 10
        while len(events) < len(posted) and time.monotonic() < deadline:
            time.sleep(0.05)
        delays = sorted((events[k] - posted[k]) * 1000 for k in posted if k in events)
        missing = len(posted) - len(delays)
        print(f"at {load['rows_per_s']:.0f} rows/s: POST→2xx p50={load['p50_ms']:.1f} ms p99={load['p99_ms']:.1f} ms; "
              f"POST→SSE p50={statistics.median(delays):.1f} ms p99={delays[int(len(delays) * 0.99) - 1]:.1f} ms "
              f"({len(delays)} alerts, {missing} missing)", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wardwatch", default=str(ROOT / "build/release/wardwatch"))
    for name, value in (("rounds", 3), ("seconds", 10), ("wards", 41000), ("series", 20000), ("connections", 8),
                        ("batch-rows", 2000), ("delay-batch-rows", 500)):
        parser.add_argument("--" + name, type=int, default=value)
    args = parser.parse_args()
    bench = Bench(args)
    try:
        bench.start()
        resident = bench.metric("process_resident_memory_bytes") / 2**20
        wards = bench.metric("wardwatch_wards")
        print(f"wards={wards:.0f} datastreams={bench.metric('wardwatch_datastreams'):.0f} resident={resident:.0f} MiB at rest",
              flush=True)
        results = [bench.round(n + 1) for n in range(args.rounds)]
        print(f"acknowledged / raw COPY: median {statistics.median(r for r, _ in results):.2f} of {args.rounds} rounds")
        bench.delays(statistics.median(rate for _, rate in results) / 2)
        print(f"resident={bench.metric('process_resident_memory_bytes') / 2**20:.0f} MiB after the load")
    finally:
        bench.stop()


if __name__ == "__main__":
    sys.exit(main())
