"""How long a look for gaps takes in a city of 2,000 stations with a week of hours, against a plain count of the same rows.

    python3 tests/bench/station_gaps_bench.py [--stations 2000] [--series 12] [--minute-series 0] [--batch 100]

Prints seconds for the first look (every 50th hour is missing, and one station in ten has a sparse first series), for the
next one (nothing new), for count(*) over the rows, and the slowest plan nodes. Needs a built wardwatch (or WW_BIN).
"""

import argparse
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "integration"), os.path.join(HERE, "..", "support")]
from conftest import Cluster  # noqa: E402
from sql_files import run_query  # noqa: E402

MADE = """
INSERT INTO feed (name, config) VALUES ('hj', '{{"protocol":"hj212"}}');
SELECT ensure_partition(now() - interval '10 days');
INSERT INTO observed_property (code, name_zh, name_en, unit) SELECT 'bench_' || n, '', '', 'mg/L' FROM generate_series(1, {series}) n;
INSERT INTO station (mn, feed_id) SELECT 'S' || lpad(n::text, 6, '0'), 1 FROM generate_series(1, {stations}) n;
INSERT INTO thing (feed_id, key) SELECT 1, mn FROM station;
INSERT INTO datastream (thing_id, property_id, statistic, interval_s)
SELECT t.id, p.id, 'mean', 3600 FROM thing t, observed_property p WHERE p.code LIKE 'bench_%' ORDER BY t.id, p.id;
INSERT INTO observation (datastream_id, phenomenon_time, raw_message_id, value, interval_s, version, flag)
SELECT d.id, date_trunc('hour', now()) - make_interval(hours => h), 1, h, 3600, 1, 'N'
FROM datastream d JOIN observed_property p ON p.id = d.property_id, generate_series(2, 168) h
WHERE (d.thing_id + h) % 50 <> 0 AND (p.code <> 'bench_1' OR d.thing_id % 10 <> 0 OR h % 2 = 0);
INSERT INTO datastream (thing_id, property_id, statistic, interval_s)
SELECT t.id, p.id, 'mean', 600 FROM thing t, observed_property p WHERE p.code = ANY (SELECT 'bench_' || n FROM generate_series(1, {minute_series}) n) ORDER BY t.id, p.id;
INSERT INTO observation (datastream_id, phenomenon_time, raw_message_id, value, interval_s, version, flag)
SELECT d.id, date_trunc('hour', now()) - make_interval(mins => 10 * m), 1, m, 600, 1, 'N'
FROM datastream d, generate_series(3, 1000) m WHERE d.interval_s = 600 AND (d.thing_id + m) % 200 <> 0;
ANALYZE;
"""


def look(database, batch):
    after, began = "", time.monotonic()
    found = 0
    while True:
        last, stations, new, _ = run_query(database, "station_gaps_find", "text, int, text", f"'{after}', {batch}, NULL")[0]
        found += int(new)
        if int(stations) < batch:
            return time.monotonic() - began, found
        after = last


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--stations", type=int, default=2000)
    parser.add_argument("--series", type=int, default=12)
    parser.add_argument("--minute-series", type=int, default=0, help="series of ten minutes besides")
    parser.add_argument("--batch", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ww-", dir="/tmp") as directory:
        os.chmod(directory, 0o755)
        cluster = Cluster(os.path.join(directory, "pg"))
        try:
            database = cluster.create_database("bench")
            database.sql(MADE.format(stations=options.stations, series=options.series, minute_series=options.minute_series))
            rows = int(database.value("SELECT count(*) FROM observation"))
            began = time.monotonic()
            database.value("SELECT count(*) FROM observation")
            plain = time.monotonic() - began
            print(f"stations={options.stations} series={options.series} minute_series={options.minute_series} rows={rows} batch={options.batch}")
            for name in ("first look", "next look"):
                seconds, found = look(database, options.batch)
                print(f"{name}: {seconds:.2f} s, {found} windows found; count(*) of the rows: {plain:.2f} s")
            plan = run_query(database, "station_gaps_find", "text, int, text", f"'', {options.batch}, NULL",
                             explain="EXPLAIN (ANALYZE, COSTS OFF, TIMING ON, SUMMARY ON)")
            timed = [line[0] for line in plan if "actual time" in line[0]]
            slow = sorted(timed, key=lambda text: -float(text.split("actual time=")[1].split("..")[1].split(" ")[0]))
            print("\n".join(slow[:12] + [line[0] for line in plan[-3:]]))
        finally:
            cluster.run("remove")


if __name__ == "__main__":
    sys.exit(main())
