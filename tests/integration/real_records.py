"""What the tests on real records share: the data's place, replaying, counting apart, comparing alerts."""

import csv
import gzip
import math
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict

import pytest

from conftest import ROOT, find_program

GUIDE = os.path.join(ROOT, "docs", "guides", "real-records")
SQL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sql")
MOLAR_VOLUME_L = 24.465  # of a gas at 25 degC and 101.325 kPa


SHARED = os.environ.get("WW_SHARED_DATA") or os.path.join(os.path.dirname(ROOT), "shared", "data")


def data_directory(name):
    """../shared/data/NAME beside the repository, or under $WW_SHARED_DATA."""
    return os.path.join(SHARED, name)


def skip_without(name):
    """A mark for tests of a data set that is not part of the repository."""
    path = data_directory(name)
    return pytest.mark.skipif(not os.path.isdir(path), reason=f"the real records {path} are not there (WW_SHARED_DATA says where)")


def tune(database):
    """As the embedded cluster has it (sql/cluster.sh): plans over many partitions take longer to compile than to run."""
    database.sql(f'ALTER DATABASE "{database.name}" SET jit = off')


def write_stations(kind, source, target):
    """Runs the guide's script, as a user would."""
    with open(target, "w", encoding="utf-8") as out:
        subprocess.run([sys.executable, os.path.join(GUIDE, "stations.py"), kind, source], stdout=out, check=True)
    return target


class Sender:
    """Replays files into one server and keeps the books."""

    def __init__(self, server, token, directory):
        self.server = server
        self.token_file = os.path.join(directory, "token")
        with open(self.token_file, "w", encoding="ascii") as file:
            file.write(token + "\n")
        self.totals = Counter()
        self.seconds = 0.0

    def replay(self, path, feed, *options):
        """The numbers of wardwatch replay's last line."""
        command = [find_program(), "replay", path, "--feed", feed, "--server", f"http://127.0.0.1:{self.server.port}"]
        done = subprocess.run([*command, "--token-file", self.token_file, "--quiet", *options], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        numbers = {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)(?=[ \n])", done.stdout)}
        self.seconds += float(re.search(r"seconds=([0-9.]+)", done.stdout).group(1))
        self.totals.update({k: numbers[k] for k in ("records", "received", "stored", "corrections", "duplicates", "dead")})
        return numbers

    def report(self, title):
        """For the log only: how fast a shared machine is proves nothing."""
        rate = self.totals["received"] / self.seconds if self.seconds else math.nan
        print(f"\n{title}: {dict(self.totals)} in {self.seconds:.1f} s, {rate:.0f} values/s")


class Series:
    """One column of values, counted from the source."""

    def __init__(self):
        self.times = []
        self.total = 0.0

    def add(self, time, value):
        self.times.append(time)
        self.total += value


def read_wide(path, series_of, time_of, missing):
    """Counts a wide CSV. `series_of(column, row)` gives (thing, property, factor) or None.

    Returns {(thing, property): Series in the property's unit}, and counts: rows, missing, bad.
    """
    found = defaultdict(Series)
    counts = Counter()
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        header = next(rows)
        for row in rows:
            counts["rows"] += 1
            if len(row) != len(header):
                counts["bad"] += 1
                continue
            named = dict(zip(header, row))
            for column, text in named.items():
                series = series_of(column, named)
                if series is None:
                    continue
                if text in missing:
                    counts["missing"] += 1
                    continue
                value = float(text)
                if not math.isfinite(value):
                    counts["bad"] += 1
                    continue
                thing, prop, factor = series
                found[thing, prop].add(time_of(named), value * factor)
    return found, counts


def check_series(database, feed, expected):
    """Number and sum of every series in the database against the source's own."""
    rows = database.sql(
        """SELECT t.key, p.code, count(*), sum(o.value), count(DISTINCT o.phenomenon_time), count(DISTINCT o.version)
           FROM observation o
           JOIN datastream d ON d.id = o.datastream_id
           JOIN observed_property p ON p.id = d.property_id
           JOIN thing t ON t.id = d.thing_id
           JOIN feed f ON f.id = t.feed_id
           WHERE f.name = :'feed'
           GROUP BY 1, 2""",
        feed=feed,
    )
    stored = {(thing, prop): (int(n), float(total), int(times), int(versions)) for thing, prop, n, total, times, versions in rows}
    assert stored.keys() == expected.keys()
    for key, series in expected.items():
        n, total, times, versions = stored[key]
        assert (n, times, versions) == (len(series.times), len(set(series.times)), 1), key
        assert math.isclose(total, series.total, rel_tol=1e-9), key


def factors(entries):
    """VALUES of (unit, property, factor): `entries` = {(unit, property): molar mass or None for equal units}."""
    mg = {"co"}  # kept in mg/m3, other gases in ug/m3
    rows = []
    for (unit, prop), mass in entries.items():
        factor = 1.0
        if mass is not None:
            factor = mass / MOLAR_VOLUME_L * {"ppb": 1, "ppm": 1000}[unit] / (1000 if prop in mg else 1)
        rows.append((unit, prop, factor))
    return rows


def differing_alerts(database):
    with open(os.path.join(SQL, "alerts_differ.sql"), encoding="utf-8") as file:
        return database.sql(file.read())


def compare_alerts(database, zone, factor_rows):
    """Computes all alerts of limits again in SQL and asserts that the server's are exactly these.

    Returns {rule: (alerts, open)} and {(ward, rule): alerts} as the server has them.
    """
    factor_values = ",".join(f"('{u}', '{p}', {f!r}::float8)" for u, p, f in factor_rows)
    database.sql(
        f"""DROP SCHEMA IF EXISTS again CASCADE;
            CREATE SCHEMA again;
            CREATE TABLE again.factor (unit, property, factor) AS VALUES {factor_values};
            ANALYZE wardwatch.observation;"""
    )
    with open(os.path.join(SQL, "alerts_again.sql"), encoding="utf-8") as file:
        database.sql(file.read(), zone=zone)
    differ = differing_alerts(database)
    assert not differ, "server and SQL disagree (rule, datastream, fault, then server, SQL in turn):\n" + "\n".join(map(str, differ))
    by_rule = {code: (int(n), int(still)) for code, n, still in database.sql(
        """SELECT r.code, count(a.id), count(*) FILTER (WHERE a.state = 'open')
           FROM wardwatch.rule r LEFT JOIN wardwatch.alert a ON a.rule_id = r.id WHERE r.detector = 'limit' GROUP BY 1 ORDER BY 1""")}
    by_ward = {(ward, code): int(n) for ward, code, n in database.sql(
        """SELECT w.code, r.code, count(*)
           FROM wardwatch.alert a JOIN wardwatch.rule r ON r.id = a.rule_id LEFT JOIN wardwatch.ward w ON w.id = a.ward_id
           WHERE r.detector = 'limit' GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2""")}
    return by_rule, by_ward


def check_books(database, server, sender):
    """Nothing is lost between replay's numbers, the messages, the rows and the metrics."""
    messages = database.sql("SELECT sum(received), sum(stored), sum(corrections), sum(duplicates), sum(dead) FROM raw_message")[0]
    names = ("received", "stored", "corrections", "duplicates", "dead")
    assert dict(zip(names, map(int, messages))) == {name: sender.totals[name] for name in names}
    assert int(database.value("SELECT count(*) FROM observation")) == sender.totals["stored"]
    assert int(database.value("SELECT count(*) FROM dead_letter")) == sender.totals["dead"]
    events = database.sql("SELECT count(*) FILTER (WHERE kind = 'opened'), count(*) FILTER (WHERE kind = 'cleared') FROM alert_event")
    alerts = database.sql("SELECT count(*), count(cleared_at) FROM alert")
    assert events == alerts
    assert server.client().get("/metrics").status == 200
