#!/usr/bin/env python3
"""Benches /api/v1/latest: the newest values of 20,000 datastreams while ingest runs at half the rate that it reaches.

    tests/bench/latest_bench.py [--wardwatch FILE] [--series 20000] [--wards 2000] [--seconds 30]

Set up as ingest_bench.py (private durable PostgreSQL, everything on this machine, generator included). First the rate that ingest reaches, then half of it
for the rest of the run. Meanwhile one client asks again and again, as JSON, as CSV and with the ETag that it has, on one connection: from the request's first
byte to the answer's last. Beside it, in the same run, what PostgreSQL takes for the same rows through psql (`sql/queries/api_datastreams.sql`'s
way: one step down the index for each datastream), and the same requests with ingest at rest.
"""

import argparse
import http.client
import pathlib
import statistics
import threading
import time

from ingest_bench import ROOT, Bench

QUERY = """SELECT count(v.value) FROM (SELECT d.id, l.value FROM wardwatch.datastream d LEFT JOIN LATERAL (SELECT o.value FROM wardwatch.observation o
    WHERE o.datastream_id = d.id ORDER BY o.phenomenon_time DESC, o.interval_s DESC, o.version DESC LIMIT 1) l ON true) v"""


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def ask(bench, token, seconds):
    """Again and again for so long: milliseconds by form; bytes by form."""
    connection = http.client.HTTPConnection("127.0.0.1", bench.port, timeout=60)
    took, size, tag = {"json": [], "csv": [], "not modified": [], "one ward, csv": []}, {}, None
    ward = bench.sql("SELECT w.code FROM wardwatch.ward w JOIN wardwatch.thing t ON t.ward_id = w.id GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1")
    forms = {"json": "limit=100000", "csv": "limit=100000&format=csv", "not modified": "limit=100000&format=csv",
             "one ward, csv": f"limit=100000&format=csv&ward={ward}"}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for form, query in forms.items():
            headers = {"Authorization": f"Bearer {token}"}
            if form == "not modified" and tag:
                headers["If-None-Match"] = tag
            begin = time.monotonic()
            connection.request("GET", "/api/v1/latest?" + query, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            elapsed = (time.monotonic() - begin) * 1000
            if form == "csv":
                tag = answer.headers["ETag"]
            if form != "not modified" or answer.status == 304:
                took[form].append(elapsed)
                size[form] = len(body)
            assert answer.status in (200, 304), answer.status
            assert form != "csv" or body.count(b"\n") == bench.args.series + 1, body[-200:]
        time.sleep(0.2)
    return took, size


def wait_loaded(bench, token):
    """At start the newest values are read once from the database; until then it says 503."""
    begin = time.monotonic()
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", bench.port, timeout=60)
        connection.request("GET", "/api/v1/latest?limit=1", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        if answer.status == 200:
            return
        if time.monotonic() - begin > 300:
            raise SystemExit(f"the newest values are not loaded: {pathlib.Path(bench.path('serve.log')).read_text()[-1000:]}")
        time.sleep(0.2)


def show(what, took, size):
    for form, values in took.items():
        if values:
            print(f"{what}, {form}: p50={statistics.median(values):.1f} ms p90={percentile(values, 0.9):.1f} ms p99={percentile(values, 0.99):.1f} ms "
                  f"({len(values)} answers of {size[form]} bytes)", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--wardwatch", default=str(ROOT / "build/release/wardwatch"))
    p.add_argument("--series", type=int, default=20000)
    p.add_argument("--wards", type=int, default=2000)
    p.add_argument("--seconds", type=int, default=30)
    p.add_argument("--connections", type=int, default=8)
    p.add_argument("--batch-rows", type=int, default=2000)
    p.add_argument("--delay-batch-rows", type=int, default=500)
    args = p.parse_args()
    bench = Bench(args)
    try:
        bench.start()
        token = pathlib.Path(bench.path("token")).read_text().strip()
        sent = bench.generate("--rate", "max", "--seconds", "8", "--connections", str(args.connections), "--batch-rows", str(args.batch_rows),
                              "--start", "2026-03-01T00:00:00Z")
        print(f"ingest alone: {sent['rows_per_s']:.0f} rows/s", flush=True)
        wait_loaded(bench, token)
        show("at rest", *ask(bench, token, args.seconds / 3))
        half, load = sent["rows_per_s"] / 2, {}
        generator = threading.Thread(target=lambda: load.update(bench.generate(
            "--rate", str(int(half)), "--seconds", str(args.seconds + 30), "--connections", str(args.connections), "--batch-rows",
            str(args.delay_batch_rows), "--start", "2026-03-20T00:00:00Z")))
        generator.start()
        time.sleep(2)  # into the steady state
        took, size = ask(bench, token, args.seconds)
        begin = time.monotonic()
        rows = bench.sql(QUERY)
        theirs = (time.monotonic() - begin) * 1000
        was_alive = generator.is_alive()
        generator.join()
        if not was_alive:
            raise SystemExit("ingest ended before the asking did: give more --seconds")
        show(f"at {load['rows_per_s']:.0f} rows/s", took, size)
        print(f"beside it PostgreSQL alone finds the newest of {rows} series in {theirs:.0f} ms: {theirs / statistics.median(took['json']):.1f} times the JSON answer; "
              f"POST→2xx meanwhile p50={load['p50_ms']:.1f} p99={load['p99_ms']:.1f} ms", flush=True)
    finally:
        bench.stop()


if __name__ == "__main__":
    main()
