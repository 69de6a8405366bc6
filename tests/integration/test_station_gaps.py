"""Gaps in what HJ 212 stations sent: found exactly, asked for one at a time, with patience, and not for ever."""

import collections
import datetime
import os
import random
import subprocess
import sys

import pytest

from conftest import ROOT, wait_until

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import hj212_wire  # noqa: E402
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


def hours(database, mn, missing, config="", series=1):
    """A station that sent two days of hours but for `missing` (hours back from the last complete one)."""
    now = away_from_an_edge(database)
    station = Made(mn, config=config)
    last = station.number(2061, now - datetime.timedelta(seconds=3600 + GRACE[2061]))
    station.rows[2061, 0] = {last - back for back in range(49) if back not in missing}
    database.sql(station.sql())
    return station, last


def connect(database, mn, kind="connected"):
    database.sql(f"INSERT INTO station_event (mn, kind) VALUES ('{mn}', '{kind}')")


def store(database, station, numbers):
    """Rows that came late."""
    ids = database.value(f"SELECT d.id FROM datastream d JOIN thing t ON t.id = d.thing_id WHERE t.key = '{station.mn}'")
    stamps = [int(station.start(2061, n).timestamp()) for n in numbers]
    database.sql(
        "INSERT INTO observation (datastream_id, phenomenon_time, raw_message_id, value, interval_s, version, flag)"
        f" SELECT {ids}, to_timestamp(n), 1, 1, 3600, 1, 'N' FROM unnest(ARRAY{stamps}::bigint[]) n"
    )


def finish(database, state, **columns):
    sets = ", ".join(f"{name} = {value}" for name, value in {"finished_at": "now()", **columns}.items())
    database.sql(f"UPDATE station_command SET state = '{state}', {sets} WHERE state IN ('queued', 'sent', 'accepted')")


def states(database):
    return [row[0] for row in database.sql("SELECT state FROM station_gap ORDER BY mn, cn, begin_at")]


def test_a_gap_is_asked_for_in_local_time_one_at_a_time_oldest_first(clean):
    station, last = hours(clean, "G1", {3, 4, 20})
    find(clean)
    assert ask(clean) == 0  # nobody has seen it connect
    connect(clean, "G1")
    assert ask(clean) == 1 and ask(clean) == 0
    local = (station.start(2061, last - 20) + datetime.timedelta(hours=8)).strftime("%Y%m%d%H0000")
    assert clean.sql("SELECT cn, fields::text, purpose, state FROM station_command") == [
        ["2061", f'[["BeginTime", "{local}"], ["EndTime", "{local}"]]', "history", "queued"]
    ]
    assert clean.sql("SELECT state, tries FROM station_gap ORDER BY begin_at") == [["asked", "1"], ["open", "0"]]
    finish(clean, "done", exe_rtn=1)
    store(clean, station, [last - 20])
    find(clean), settle(clean)
    assert states(clean) == ["filled", "open"]
    assert ask(clean) == 1
    begin, end = ((station.start(2061, last - n) + datetime.timedelta(hours=8)).strftime("%Y%m%d%H0000") for n in (4, 3))
    assert clean.value("SELECT fields::text FROM station_command ORDER BY id DESC LIMIT 1") == f'[["BeginTime", "{begin}"], ["EndTime", "{end}"]]'


def test_a_station_that_left_or_is_off_or_wants_no_history_is_not_asked(clean):
    for mn, config in (("N1", ""), ("N2", ""), ("N3", ',"history":false'), ("N4", ',"expects":[2011,2031]')):
        hours(clean, mn, {5}, config)
        connect(clean, mn)
    connect(clean, "N1", "disconnected")
    find(clean)
    assert clean.sql("SELECT mn FROM station_gap ORDER BY mn") == [["N1"], ["N2"]]
    clean.sql("UPDATE station SET enabled = false WHERE mn = 'N2'")
    assert ask(clean) == 0
    connect(clean, "N1")
    assert ask(clean) == 1


def test_no_data_ends_a_gap_for_good(clean):
    hours(clean, "D1", {7, 8})
    connect(clean, "D1")
    find(clean), ask(clean)
    finish(clean, "no_data", exe_rtn=100)
    find(clean), settle(clean)
    assert states(clean) == ["no_data"]
    for _ in range(2):
        assert find(clean)[1:] == [0, 0] and ask(clean) == 0
    assert states(clean) == ["no_data"]


@pytest.mark.parametrize("state", ["no_data", "given_up", "asked"])
def test_new_holes_beside_a_window_that_is_settled_are_windows_of_their_own(clean, state):
    station, last = hours(clean, "V1", {7, 8})
    find(clean)
    clean.sql(f"UPDATE station_gap SET state = '{state}', tries = 8")
    for back in (6, 9):
        clean.sql(f"DELETE FROM observation WHERE phenomenon_time = '{station.start(2061, last - back).isoformat()}'")
    assert find(clean)[1:] == [2, 0]
    assert gaps(clean, "V1", 2061) == [(station.start(2061, last - back),) * 2 for back in (9, 6)]
    assert gaps(clean, "V1", 2061, state) == [(station.start(2061, last - 8), station.start(2061, last - 7))]


@pytest.mark.parametrize("answer", [("refused", {"qn_rtn": 2}), ("failed", {"exe_rtn": 5}), ("timed_out", {}), ("done", {"exe_rtn": 1})])
def test_a_station_that_is_busy_is_asked_again_after_a_doubling_while_and_given_up_after_eight_tries(clean, answer):
    hours(clean, "B1", {9})
    connect(clean, "B1")
    find(clean)
    waits = []
    for n in range(1, 9):
        assert ask(clean) == 1
        finish(clean, answer[0], **answer[1])
        find(clean), settle(clean)
        assert ask(clean) == 0  # not at once
        waits.append(float(clean.value("SELECT extract(epoch from not_before - (SELECT max(finished_at) FROM station_command)) FROM station_gap")))
        assert clean.value("SELECT tries FROM station_gap") == str(n)
        if n < 8:
            assert states(clean) == ["open"]
            clean.sql("UPDATE station_gap SET not_before = now()")
    assert waits[:7] == [300 * 2**n for n in range(7)] and max(waits) <= 12 * 3600
    assert states(clean) == ["given_up"]
    assert find(clean)[1:] == [0, 0] and ask(clean) == 0


def test_what_came_late_by_itself_fills_a_gap_and_a_part_of_it_shrinks_the_next_request(clean):
    station, last = hours(clean, "F1", {10, 11, 12, 30})
    connect(clean, "F1")
    find(clean)
    store(clean, station, [last - 30])
    assert find(clean)[2] == 1 and states(clean) == ["filled", "open"]
    assert ask(clean) == 1
    store(clean, station, [last - 12])
    finish(clean, "done", exe_rtn=1)
    find(clean), settle(clean), find(clean)
    assert gaps(clean, "F1", 2061) == [(station.start(2061, last - 11), station.start(2061, last - 10))]
    store(clean, station, [last - 11, last - 10])
    assert find(clean)[2] == 1 and states(clean) == ["filled", "filled"]


def test_a_hole_that_grows_stays_one_window_up_to_its_limit(clean):
    now = away_from_an_edge(clean)
    station = Made("L1")
    last = station.number(2061, now - datetime.timedelta(seconds=3600 + GRACE[2061]))
    station.rows[2061, 0] = set(range(last - 100, last - 59))
    clean.sql(station.sql())
    find(clean)
    whole = [(station.start(2061, last - 59), station.start(2061, last - 12)), (station.start(2061, last - 11), station.start(2061, last))]
    assert gaps(clean, "L1", 2061) == whole  # 2 days, and the rest
    # As it was found an hour ago:
    clean.sql("UPDATE station_gap SET end_at = end_at - interval '1 hour' WHERE begin_at = (SELECT max(begin_at) FROM station_gap)")
    found = clean.value("SELECT max(found_at) FROM station_gap")
    find(clean)
    assert gaps(clean, "L1", 2061) == whole and clean.value("SELECT max(found_at) FROM station_gap") == found


def test_a_station_back_after_weeks_is_asked_for_all_of_them(clean):
    now = away_from_an_edge(clean)
    station = Made("W1")
    last = station.number(2061, now - datetime.timedelta(seconds=3600 + GRACE[2061]))
    station.rows[2061, 0] = {last, last - 1, last - 2}
    clean.sql(station.sql())
    first = station.start(2061, last - 240)
    clean.sql(f"INSERT INTO station_gap (mn, cn, begin_at, end_at) VALUES ('W1', 2061, '{first.isoformat()}', '{first.isoformat()}')")
    find(clean)
    found = gaps(clean, "W1", 2061)
    assert found[0][0] == first and found[-1][1] == station.start(2061, last - 3)
    assert sum(int((b - a).total_seconds()) // 3600 + 1 for a, b in found) == 238
    assert len(found) == 5  # of 48 hours at most


def test_two_servers_cannot_look_at_the_same_time_nor_ask_twice(clean):
    hours(clean, "T1", {4, 20})
    connect(clean, "T1")
    lock = "SELECT pg_advisory_lock(hashtext('wardwatch.station_gaps'))"
    other = subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-d", clean.conninfo], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    other.stdin.write(lock + ";\n\\echo held\n")
    other.stdin.flush()
    while other.stdout.readline().strip() != "held":
        pass
    assert find(clean) == [0, 0, 0]
    other.communicate("\\q\n")
    assert find(clean)[1] == 2
    assert ask(clean) == 1
    with pytest.raises(RuntimeError, match="station_command_one_history"):
        clean.sql("INSERT INTO station_command (mn, cn, purpose) VALUES ('T1', 2061, 'history')")


def test_who_is_to_be_looked_at_before_the_next_round(clean):
    due = lambda last: run_query(clean, "station_gaps_due", "bigint", str(last))[0]  # noqa: E731
    connect(clean, "X0")
    newest, mns = due("NULL")
    assert mns == ""
    connect(clean, "X1"), connect(clean, "X2", "disconnected"), connect(clean, "X3", "restarted")
    assert due(newest) == [str(int(newest) + 3), "{X1,X3}"]
    hours(clean, "X4", {6})
    connect(clean, "X4")
    find(clean), ask(clean)
    newest = due("NULL")[0]
    assert due(newest) == [newest, ""]
    finish(clean, "failed", exe_rtn=5)
    assert due(newest) == [newest, "{X4}"]
    assert run_query(clean, "station_gaps_settle", "text", "'{X1}'") == [["0"]]
    assert run_query(clean, "station_gaps_settle", "text", "'{X4}'") == [["1"]]


def test_a_connected_station_fills_its_holes_when_it_is_asked(new_database, serve, scratch):
    database = new_database()
    database.sql("INSERT INTO feed (name, config) VALUES ('hj', '{\"protocol\":\"hj212\",\"register\":true}')")
    config = os.path.join(scratch, "station.json")
    with open(config, "w", encoding="ascii") as file:
        file.write('{"set_clock": false, "expects": [2061], "units": {"w01018": "mg/L"}}')
    mn = "010000A8900016F000169DC0"
    database.wardwatch("station", "add", mn, "--feed", "hj", "--config", config)
    port_file = os.path.join(scratch, f"{database.name}.hj212")
    serve(database, "--no-outward", "--hj212", "127.0.0.1:0", "--hj212-port-file", port_file)
    wait_until(lambda: os.path.exists(port_file), "the door to open")
    with open(port_file, encoding="ascii") as file:
        port = int(file.read())
    clocked = Made(mn)
    last = clocked.number(2061, away_from_an_edge(database) - datetime.timedelta(seconds=3600 + GRACE[2061]))
    local = lambda n: hj212_wire.local_time(clocked.start(2061, n))  # noqa: E731

    def send_hour(station, n):
        qn = station.upload(2061, f"DataTime={local(n)};w01018-Avg={n % 50}.5,w01018-Min=1,w01018-Max=60,w01018-Cou=9,w01018-Flag=N")
        while (answer := station.take()) and answer["QN"] != qn:
            pass
        assert answer["CN"] == "9014"

    with hj212_wire.Station(port, mn) as station:
        for back in (9, 8, 7, 4, 2, 1, 0, -1):  # 6 and 5 are missing, and 3; the next hour comes early
            send_hour(station, last - back)
        station.upload(2081, f"DataTime={hj212_wire.local_time()};RestartTime={hj212_wire.local_time()}")
        request = station.take_cn(2061)
        assert request.items_of == {"BeginTime": local(last - 6), "EndTime": local(last - 5)}
        station.answer(request, 9011, "QnRtn=1")
        for back in (6, 5):
            send_hour(station, last - back)
        station.answer(request, 9012, "ExeRtn=1")
        request = station.take_cn(2061)
        assert request.items_of == {"BeginTime": local(last - 3), "EndTime": local(last - 3)}
        station.serve_command(request, exe_rtn=100)
        wait_until(lambda: states(database) == ["filled", "no_data"], "the gaps to be settled")
    assert database.sql("SELECT state, qn_rtn, exe_rtn FROM station_command WHERE purpose = 'history' ORDER BY id") == [
        ["done", "1", "1"], ["no_data", "1", "100"],
    ]
    assert database.value("SELECT count(DISTINCT phenomenon_time) FROM observation WHERE interval_s = 3600") == "10"
