"""Gaps in what HJ 212 stations sent: found exactly, asked for one at a time, with patience, and not for ever."""

import collections
import datetime
import random
import sys
import os

import pytest

from conftest import ROOT, wait_until

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from sql_files import run_query  # noqa: E402

UTC = datetime.timezone.utc
STEP = {2061: 3600, 2031: 86400, 2041: 86400}
GRACE = {2051: 900, 2061: 1800, 2031: 10800, 2041: 10800}
OFFSET = {"Asia/Shanghai": 8 * 3600, "Asia/Kolkata": 19800, "UTC": 0}  # zones without summer time
SEED = """
INSERT INTO feed (name, config) VALUES ('hj', '{"protocol":"hj212"}');
INSERT INTO observed_property (code, name_zh, name_en, unit) VALUES ('test_a', 'a', 'a', 'mg/L'), ('test_b', 'b', 'b', 'mg/L'),
  ('test_c', 'c', 'c', 'mg/L');
SELECT nextval('raw_message_id');
INSERT INTO raw_message (id, feed_id, received_at, peer, sha256, n_bytes, received, stored, corrections, duplicates, dead)
VALUES (1, 1, now(), '127.0.0.1', '\\x00', 1, 1, 1, 0, 0, 0);
SELECT ensure_partition(now() - interval '40 days');
"""


@pytest.fixture(scope="module")
def seeded(database):
    database.sql(SEED)
    return database


@pytest.fixture
def clean(seeded):
    seeded.sql("DELETE FROM station; DELETE FROM station_event; DELETE FROM datastream; DELETE FROM thing; DELETE FROM observation;")
    return seeded


def most_of(cn, minute_s):
    return {2051: max(21600 // minute_s, 1), 2061: 48, 2031: 31, 2041: 31}[cn]


class Made:
    """One station with its rows, as SQL and as plain Python."""

    def __init__(self, mn, zone="Asia/Shanghai", minute_min=10, config=""):
        self.mn, self.zone, self.minute_s, self.config = mn, zone, minute_min * 60, config
        self.rows = collections.defaultdict(set)  # (cn, series) → interval numbers

    def step(self, cn):
        return STEP.get(cn, self.minute_s)

    def start(self, cn, n):
        return datetime.datetime.fromtimestamp(n * self.step(cn) - OFFSET[self.zone], UTC)

    def number(self, cn, moment):
        return int((moment.timestamp() + OFFSET[self.zone]) // self.step(cn))

    def sql(self, late=0):
        config = f'{{"time_zone":"{self.zone}","minute_interval_min":{self.minute_s // 60}{self.config}}}'
        text = [f"INSERT INTO station (mn, feed_id, config) VALUES ('{self.mn}', 1, '{config}');"]
        for (cn, series), numbers in self.rows.items():
            key = f"{self.mn}/SB{series}" if cn == 2041 else self.mn
            prop = "test_" + "abc"[series % 3]
            text.append(
                f"WITH t AS (INSERT INTO thing (feed_id, key) VALUES (1, '{key}') ON CONFLICT (feed_id, key) DO UPDATE SET key = excluded.key"
                f" RETURNING id), d AS (INSERT INTO datastream (thing_id, property_id, statistic, interval_s) SELECT t.id, p.id, 'mean',"
                f" {self.step(cn)} FROM t, observed_property p WHERE p.code = '{prop}' RETURNING id)"
                " INSERT INTO observation (datastream_id, phenomenon_time, raw_message_id, value, interval_s, version, flag)"
                f" SELECT d.id, to_timestamp(n), 1, 1, {self.step(cn)}, 1, 'N' FROM d, unnest(ARRAY"
                f"{[int(self.start(cn, n).timestamp()) + late for n in sorted(numbers)]}::bigint[]) n;"
            )
        return "\n".join(text)

    def windows(self, cn, now):
        """What should be found, by counting one interval after the other."""
        seen = set().union(*(v for (c, _), v in self.rows.items() if c == cn))
        edge = now - datetime.timedelta(days=7)
        recent = [n for n in seen if self.start(cn, n) >= edge]
        last = self.number(cn, now - datetime.timedelta(seconds=self.step(cn) + GRACE[cn]))
        if not recent or len([n for n in recent if n <= last]) < 3:
            return []
        found, most = [], most_of(cn, self.minute_s)
        for n in range(min(recent), last + 1):
            if n in seen:
                continue
            if found and found[-1][1] == n - 1 and n - found[-1][2] < most:
                found[-1][1] = n
            else:
                found.append([n, n, n])
        return [(self.start(cn, a), self.start(cn, b)) for a, b, _ in found]


def find(database, mns="NULL", batch=100):
    after, total = "", [0, 0, 0]
    while True:
        last, *counts = run_query(database, "station_gaps_find", "text, int, text", f"'{after}', {batch}, {mns}")[0]
        total = [a + int(b) for a, b in zip(total, counts)]
        if int(counts[0]) < batch:
            return total
        after = last


def settle(database):
    return int(run_query(database, "station_gaps_settle", "text", "NULL")[0][0])


def ask(database):
    return int(run_query(database, "station_gaps_ask", "text", "NULL")[0][0])


def gaps(database, mn, cn, state="open"):
    rows = database.sql(
        f"SELECT extract(epoch from begin_at)::bigint, extract(epoch from end_at)::bigint FROM station_gap"
        f" WHERE mn = '{mn}' AND cn = {cn} AND state = '{state}' ORDER BY begin_at"
    )
    return [tuple(datetime.datetime.fromtimestamp(int(v), UTC) for v in row) for row in rows]


def clock(database):
    return datetime.datetime.fromtimestamp(float(database.value("SELECT extract(epoch from now())")), UTC)


def away_from_an_edge(database):
    """The oracle and the query read two clocks: not within two seconds of a change of interval."""
    wait_until(lambda: 2 < clock(database).timestamp() % 60 < 45, "a quiet part of the minute")
    return clock(database)


def test_random_holes_are_found_exactly_as_a_plain_count_finds_them(clean):
    dice = random.Random(212)
    now = away_from_an_edge(clean)
    made = []
    for i in range(40):
        station = Made(f"R{i:02}", dice.choice(list(OFFSET)), dice.choice([1, 5, 10, 30]) if i % 4 == 0 else 10)
        for cn in dice.sample([2051, 2061, 2031, 2041], dice.randint(1, 4)):
            last = station.number(cn, now)
            days = dice.choice([1, 3, 6, 9])
            first = station.number(cn, now - datetime.timedelta(days=days))
            hole = [set(range(a, a + dice.choice([1, 2, 5, 60]))) for a in dice.choices(range(first, last + 1), k=dice.randint(0, 4))]
            there = set(range(first, last)) - set().union(*hole)
            n_series = dice.randint(1, 3)
            for series in range(n_series):  # sparse factors: each interval is in at least one of the series
                share = {n for n in there if n % n_series == series or dice.random() < 0.5}
                if share:
                    station.rows[cn, series + (0 if cn != 2041 else 1)] = share
        made.append(station)
    clean.sql("\n".join(s.sql(late=s.mn > "R30") for s in made))
    now = away_from_an_edge(clean)
    total = find(clean, batch=7)
    wrong = []
    for station in made:
        for cn in (2051, 2061, 2031, 2041):
            expected = station.windows(cn, now) if any(c == cn for c, _ in station.rows) else []
            if gaps(clean, station.mn, cn) != expected:
                wrong.append((station.mn, station.zone, cn, expected, gaps(clean, station.mn, cn)))
    assert not wrong, wrong[:3]
    assert total[0] == 40 and total[1] == int(clean.value("SELECT count(*) FROM station_gap")) > 40
    assert find(clean)[1:] == [0, 0]  # a second look finds nothing new
