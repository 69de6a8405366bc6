#!/usr/bin/python3
"""What row-level security costs: the routes' own queries as a reader, beside the same as the owner with the conditions alone.

    tests/bench/visibility_bench.py [--rounds 9] [--times 100]

Makes a cluster with 20 wards, 2,000 things, 4,000 series, 400,000 readings (of one series 100,000, over six partitions) and 50,000
alerts; alternates the two, round by round, and prints the medians and their ratio. Each side is one psql that executes the prepared statement
so many times; what psql itself takes is measured with SELECT and taken off.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DIRECTORY = f"/tmp/ww-vis-bench-{os.getpid()}"
SCRIPT = os.path.join(ROOT, "tests", "support", "pg_cluster.sh")

SEED = """
INSERT INTO ward (code, geom) SELECT 'w' || n, ST_Multi(ST_MakeEnvelope(107 + n / 10.0, 29, 107.1 + n / 10.0, 29.1, 4490)) FROM generate_series(1, 20) n;
INSERT INTO feed (name, config) VALUES ('f', '{}');
INSERT INTO observed_property (code, name_zh, name_en, unit) VALUES ('bench_a', 'a', 'a', '1'), ('bench_b', 'b', 'b', '1');
INSERT INTO thing (feed_id, key, ward_id, geom) SELECT 1, 't' || n, 1 + n % 20, ST_SetSRID(ST_MakePoint(107.05 + n % 20 / 10.0, 29.05), 4490) FROM generate_series(0, 1999) n;
INSERT INTO datastream (thing_id, property_id) SELECT t.id, p.id FROM thing t, observed_property p WHERE p.code LIKE 'bench_%' ORDER BY t.id;
INSERT INTO raw_message (id, feed_id, received_at, peer, sha256, n_bytes, received, stored, corrections, duplicates, dead) VALUES (1, 1, now(), '', '', 0, 0, 0, 0, 0, 0);
SELECT ensure_partition('2026-01-15'::timestamptz + make_interval(months => m)) FROM generate_series(0, 5) m;
INSERT INTO observation SELECT 1, '2026-01-01Z'::timestamptz + make_interval(mins => 2 * n), 1, NULL, n, 0, 1, 1, 'N', NULL FROM generate_series(0, 99999) n;
INSERT INTO observation SELECT 2 + n % 3999, '2026-01-01Z'::timestamptz + make_interval(mins => n / 2), 1, NULL, n, 0, 1 + (1 + n % 3999) / 2 % 20, 1, 'N', NULL FROM generate_series(0, 299999) n;
INSERT INTO limit_value (property_id, standard_no, class, averaging, upper, unit, valid_from, status, source)
    SELECT id, 'B', 'b', 'instant', 1, '1', '2020-01-01', 'check', 'bench' FROM observed_property WHERE code = 'bench_a';
INSERT INTO rule (code, name_zh, name_en, detector, severity, config) VALUES ('bench', 'b', 'b', 'limit', 1, '{}');
INSERT INTO alert (rule_id, rule_version, subject_kind, subject_id, ward_id, state, severity, opened_at, last_exceeded_at, cleared_at, exceed_count,
                   last_value, peak_value, peak_at, limit_value_id, explanation)
    SELECT r.id, 1, 'datastream', 1 + n % 4000, 1 + n % 20, 'cleared', 1, now(), now(), now(), 1, 1, 1, now(), l.id, '{}'
    FROM generate_series(1, 50000) n, rule r, limit_value l WHERE r.code = 'bench' AND l.standard_no = 'B';
VACUUM ANALYZE;
"""

# name, query, arguments behind $1, the wards of the reader
CASES = [
    ("500 readings of a series, one ward", "api_observations", "NULL, 501, false, 1, NULL, NULL, NULL", "{1}"),
    ("500 readings of a series, all wards", "api_observations", "NULL, 501, false, 1, NULL, NULL, NULL", None),
    ("500 readings of a month, newest first, one ward", "api_observations_desc", "NULL, 501, false, 1, '2026-03-01Z', '2026-04-01Z', NULL", "{1}"),
    ("10,000 readings of a series, one ward", "api_observations", "NULL, 10001, false, 1, NULL, NULL, NULL", "{1}"),
    ("500 alerts, three wards", "api_alerts", "NULL, 501, false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL", "{1,2,3}"),
    ("500 alerts, all wards", "api_alerts", "NULL, 501, false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL", None),
    ("500 things, three wards", "api_things", "NULL, 501, true, NULL, NULL, NULL", "{1,2,3}"),
    ("500 series with latest values, three wards", "api_datastreams", "NULL, 501, false, NULL, NULL, NULL", "{1,2,3}"),
]


def psql(conninfo, sql):
    command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", conninfo, "-f", "-"]
    environment = dict(os.environ, PGOPTIONS="-c search_path=wardwatch,public -c timezone=UTC -c jit=off -c plan_cache_mode=force_custom_plan")
    begun = time.perf_counter()
    subprocess.run(command, input=sql, env=environment, check=True, stdout=subprocess.DEVNULL, text=True)
    return time.perf_counter() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--program", default=os.path.join(ROOT, "build", "dev", "wardwatch"))
    options = parser.parse_args()
    conninfo = subprocess.run(["sh", SCRIPT, "start", DIRECTORY], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    try:
        subprocess.run([options.program, "migrate", "--db", conninfo], check=True, stdout=subprocess.DEVNULL)
        psql(conninfo, SEED)
        for name, query, rest, wards in CASES:
            with open(os.path.join(ROOT, "sql", "queries", query + ".sql"), encoding="utf-8") as file:
                text = file.read().rstrip().rstrip(";")
            given = f"'{wards}'" if wards else "NULL"
            owner = f"PREPARE q AS {text};\n" + f"EXECUTE q ({given}, {rest});\n" * options.times
            reader = f"SET wardwatch.wards = '{wards or 'all'}'; SET ROLE wardwatch_reader;\n" + owner
            nothing = "SELECT;\n" * options.times
            rounds = [(psql(conninfo, owner), psql(conninfo, reader), psql(conninfo, nothing)) for _ in range(options.rounds + 1)][1:]
            idle = statistics.median(r[2] for r in rounds)
            a, b = (statistics.median(r[i] - idle for r in rounds) / options.times * 1000 for i in (0, 1))
            ratio = statistics.median((r[1] - idle) / (r[0] - idle) for r in rounds)
            print(f"{name:50} conditions alone {a:7.2f} ms   as a reader {b:7.2f} ms   ratio {ratio:.3f}", flush=True)
    finally:
        subprocess.run(["sh", SCRIPT, "remove", DIRECTORY], check=True)


if __name__ == "__main__":
    sys.exit(main())
