"""The HJ 212 gateway from outside: a station in Python says each byte (support/hj212_wire.py), the database says what came of it."""

import datetime
import json
import os
import re
import socket
import subprocess
import sys

import pytest

from conftest import ROOT, Cluster, Database, find_program, wait_until

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import hj212_wire as wire
from hj212_wire import Station

REAL = "010000A8900016F000169DC0"  # the standard's own station
QN = "20160801085857223"
KEY, NEW_KEY = bytes([0x30] * 16), bytes(range(16))
QUIET = {"set_clock": False, "history": False}
FEED = '{"protocol": "hj212", "register": true, "hj212": {"units": {"w01018": "mg/L"}}}'


def mn_of(n):
    return f"0A0000A8900016F0{n:08X}"


# One station a test, so that no test sees another's rows.
NAMES = [
    "exact", "sticky", "commit", "silent", "twice", "crc", "packets", "hole", "timeless", "asked", "refused", "mute", "stuck", "history",
    "nodata", "notify", "setup", "lost", "restart", "password", "address", "garbage", "carried1", "carried2", "carried3", "slow", "fast",
    "reader", "ended", "habit", "drift", "strict", "request", "order", "newest", "broken", "flood", "fields", "off", "login", "hardware",
    "unasked", "deviant", "texts", "late", "stop", "keyless",
]  # fmt: skip
MN = {name: mn_of(i + 1) for i, name in enumerate(NAMES)}
MN["exact"] = REAL
CONFIG = {
    "asked": {**QUIET, "over_time_s": 30, "on_connect": {"over_time": False}},
    "mute": {**QUIET, "over_time_s": 1, "re_count": 2, "on_connect": {"over_time": False}},
    "stuck": {**QUIET, "over_time_s": 1, "re_count": 1, "on_connect": {"over_time": False}},
    "notify": {**QUIET, "set_clock": True},
    "drift": {**QUIET, "set_clock": True, "clock_tolerance_s": 30},
    "setup": {"set_clock": True, "over_time_s": 20, "re_count": 3, "rtd_interval_s": 30, "minute_interval_min": 10,
              "on_connect": {"realtime": True, "facility": True}},
    "order": {**QUIET, "rtd_interval_s": 30},
    "address": {**QUIET, "addresses": ["127.0.0.9", "10.0.0.0/8"]},
    "strict": {**QUIET, "mode": "strict"},
}  # fmt: skip


def add_feed(database, name, config=FEED):
    database.sql("INSERT INTO feed (name, config) VALUES (:'name', :'config')", name=name, config=config)


def add_station(database, mn, config=QUIET, password="", key=None, feed="water"):
    database.sql(
        """INSERT INTO station (mn, feed_id, password, sm4_key, config)
           SELECT :'mn', id, :'password', decode(nullif(:'key', ''), 'hex'), :'config' FROM feed WHERE name = :'feed'""",
        mn=mn, password=password, key=key.hex() if key else "", config=json.dumps(config), feed=feed,
    )  # fmt: skip


class Gateway:
    """A server with an HJ 212 door."""

    def __init__(self, serve, database, scratch, ready=True):
        self.database = database
        port_file = os.path.join(scratch, f"hj212-{database.name}-{os.urandom(4).hex()}.port")
        self.server = serve(database, "--hj212", "127.0.0.1:0", "--hj212-port-file", port_file, "--no-outward", ready=ready)
        self.port = int(wait_until(lambda: self.server.read_alive(port_file), "the HJ 212 port"))

    def connect(self, name, **options):
        return Station(self.port, MN.get(name, name), **options)

    def metrics(self):
        text = self.server.client().get("/metrics").text
        return {line.split()[0]: float(line.split()[1]) for line in text.splitlines() if line and line[0] != "#"}

    def metric(self, name):
        return self.metrics().get("wardwatch_" + name, 0)


@pytest.fixture(scope="module")
def filled(database):
    add_feed(database, "water")
    for name, mn in MN.items():
        password = "123456" if name in ("password", "request") else ""
        add_station(database, mn, CONFIG.get(name, QUIET), password)
    database.sql("UPDATE station SET enabled = false WHERE mn = :'mn'", mn=MN["off"])
    for n, mn in enumerate(("2025", "rotate")):
        add_station(database, mn_of(0x2025 + n), {**QUIET, "version": 2025}, key=KEY)
    return database


@pytest.fixture(scope="module")
def gateway(serve, filled, scratch):
    return Gateway(serve, filled, scratch)


@pytest.fixture(scope="module")
def hole(gateway):
    """A set of three packets of which the second never comes; its time runs while the other tests do."""
    station = gateway.connect("hole")
    for number in (1, 3):
        qn = station.upload(2051, f"DataTime=20260801080000;w0101{7 + number // 3}-Avg=1", packet=(3, number))
        assert station.take()["QN"] == qn
    yield station
    station.close()


@pytest.fixture(autouse=True)
def begin(hole):
    pass


def values(database, mn):
    """[[property, time, value, statistic, interval, flag]] of a station."""
    return database.sql(
        """SELECT p.code, to_char(o.phenomenon_time AT TIME ZONE 'Asia/Shanghai', 'YYYYMMDDHH24MISS'), o.value, d.statistic, d.interval_s, o.flag
           FROM observation o JOIN datastream d ON d.id = o.datastream_id JOIN thing t ON t.id = d.thing_id
           JOIN observed_property p ON p.id = d.property_id WHERE t.key = :'mn' OR t.key LIKE :'mn' || '/%'
           ORDER BY p.code, d.statistic, o.phenomenon_time, o.version""",
        mn=mn,
    )


def dead_letters(database, mn):
    return [row[0] for row in database.sql(
        "SELECT reason FROM dead_letter WHERE position(:'mn'::bytea IN raw) > 0 ORDER BY id", mn=mn)]  # fmt: skip


def events(database, mn, kind):
    return [json.loads(row[0]) for row in database.sql(
        "SELECT detail FROM station_event WHERE mn = :'mn' AND kind = :'kind' ORDER BY id", mn=mn, kind=kind)]  # fmt: skip


def ask(database, name, cn, fields=(), purpose="asked"):
    """Queues a command; its id."""
    return database.value(
        "INSERT INTO station_command (mn, cn, fields, purpose) VALUES (:'mn', :cn, :'fields', :'purpose') RETURNING id",
        mn=MN.get(name, name), cn=str(cn), fields=json.dumps(list(fields)), purpose=purpose,
    )  # fmt: skip


def command(database, number):
    return database.json(f"SELECT row_to_json(c) FROM station_command c WHERE id = {number}")


def ended(database, number):
    """The command's row when it is over."""
    wait_until(lambda: command(database, number)["finished_at"], f"the end of command {number}")
    return command(database, number)


def answer_9014(qn, mn, pw="123456", flag=4):
    return wire.frame(wire.segment_of(qn=qn, st="91", cn=9014, pw=pw, mn=mn, flag=flag))


# ---- Uploads ----


def test_the_flows_of_the_standard_get_its_exact_answers(gateway):
    with gateway.connect("exact") as station:
        station.send(
            b"##0218QN=20160801085857223;ST=32;CN=2011;PW=123456;MN=010000A8900016F000169DC0;Flag=5;CP=&&DataTime=20160801085857;"
            b"w01001-Rtd=7.1,w01001-Flag=N;w01018-SampleTime=20160801070000,w01018-Rtd=2.2,w01018-Flag=N,w01018-EFlag=A01&&6E80\r\n"
        )
        ok = b"##0087QN=20160801085857223;ST=91;CN=9014;PW=123456;MN=010000A8900016F000169DC0;Flag=4;CP=&&&&3240\r\n"
        assert station.take().raw == ok
        station.send(
            b"##0128QN=20160801085857223;ST=32;CN=2021;PW=123456;MN=010000A8900016F000169DC0;Flag=5;CP=&&DataTime=20160801085857;SB1-RS=1;SB2-RS=0&&F141\r\n"
        )
        assert station.take().raw == ok
        station.send(b"##0099QN=20160801085857223;ST=32;CN=1013;PW=123456;MN=010000A8900016F000169DC0;Flag=5;CP=&&PolId=w01018&&CAC1\r\n")
        assert station.take().raw == b"##0087QN=20160801085857223;ST=91;CN=9013;PW=123456;MN=010000A8900016F000169DC0;Flag=4;CP=&&&&2A80\r\n"
        station.send(
            b"##0260QN=20160801085857534;ST=32;CN=2061;PW=123456;MN=010000A8900016F000169DC0;Flag=7;PNUM=2;PNO=1;CP=&&DataTime=20160801080000;"
            b"w00000-Cou=63.0,w00000-Min=16.4,w00000-Avg=17.5,w00000-Max=20.1,w00000-Flag=N;w01001-Min=7.1,w01001-Avg=7.5,w01001-Max=7.8,w01001-Flag=N&&D941\r\n"
        )
        assert station.take().raw == b"##0087QN=20160801085857534;ST=91;CN=9014;PW=123456;MN=010000A8900016F000169DC0;Flag=4;CP=&&&&5B40\r\n"
        station.send(
            b"##0201QN=20160801085857535;ST=32;CN=2061;PW=123456;MN=010000A8900016F000169DC0;Flag=7;PNUM=2;PNO=2;CP=&&DataTime=20160801080000;"
            b"w01018-Cou=63.0,w01018-Min=40.1,w01018-Avg=40.1,w01018-Max=40.1,w01018-Flag=N&&E2C1\r\n"
        )
        assert station.take().raw == b"##0087QN=20160801085857535;ST=91;CN=9014;PW=123456;MN=010000A8900016F000169DC0;Flag=4;CP=&&&&4A40\r\n"
    rows = values(gateway.database, REAL)
    assert ["ph", "20160801085857", "7.1", "", "0", "N"] in rows and ["cod", "20160801085857", "2.2", "", "0", "N"] in rows
    assert ["cod", "20160801080000", "40.1", "mean", "3600", "N"] in rows and ["ph", "20160801080000", "7.8", "max", "3600", "N"] in rows


REQUESTS = [
    # (CN, fields, the request's bytes but for QN, what the station answers between 9011 and 9012)
    (1000, [["OverTime", "5"], ["ReCount", "3"]], "OverTime=5;ReCount=3", []),
    (1011, [["PolId", "w01018"]], "PolId=w01018", [(1011, "PolId=w01018;SystemTime=20160801085857")]),
    (1012, [["SystemTime", "20160801085857"]], "SystemTime=20160801085857", []),
    (1061, [], "", [(1061, "RtdInterval=30")]),
    (1062, [["RtdInterval", "30"]], "RtdInterval=30", []),
    (1063, [], "", [(1063, "MinInterval=10")]),
    (1064, [["MinInterval", "10"]], "MinInterval=10", []),
    (2011, [], "", []),
    (2021, [], "", []),
    (3011, [["PolId", "w01018"]], "PolId=w01018", []),
    (3012, [["PolId", "w01018"]], "PolId=w01018", []),
    (3013, [["PolId", "w01018"]], "PolId=w01018", []),
    (3014, [["PolId", "w01018"]], "PolId=w01018", []),
    (3015, [["PolId", "w01018"]], "PolId=w01018", [(3015, "DataTime=20160801085857;VaseNo=1")]),
    (3016, [["PolId", "w01018"], ["CstartTime", "000000"], ["Ctime", "2"]], "PolId=w01018;CstartTime=000000;Ctime=2", []),
    (3017, [["PolId", "w01018"]], "PolId=w01018", [(3017, "PolId=w01018;CstartTime=000000;Ctime=2")]),
    (3018, [["PolId", "w01018"]], "PolId=w01018", [(3018, "PolId=w01018;Stime=5")]),
    (3019, [["PolId", "w01018"]], "PolId=w01018", [(3019, "PolId=w01018;w01018-SN=001")]),
    (3020, [["PolId", "w01018"], ["InfoId", "i12001"]], "PolId=w01018;InfoId=i12001", [(3020, "DataTime=20160801085857;PolId=w01018;i12001-Info=1")]),
    (3021, [["PolId", "w01018"], ["InfoId", "i13004"], ["i13004-Info", "168"]], "PolId=w01018;InfoId=i13004;i13004-Info=168", []),
]  # fmt: skip


def test_each_request_of_the_standard_is_sent_byte_for_byte_and_followed_to_its_end(gateway):
    with gateway.connect("exact") as station:
        station.upload(1013, "")
        assert station.take()["CN"] == "9013"
        for cn, fields, data, between in REQUESTS:
            number = ask(gateway.database, "exact", cn, fields)
            request = station.take()
            assert request.raw == wire.frame(wire.segment_of(qn=request["QN"], cn=cn, mn=REAL, data=data))
            station.serve_command(request, data=between)
            row = ended(gateway.database, number)
            assert (row["state"], row["qn"]) == ("done", request["QN"])
            said = [(9011, "QnRtn=1"), *between, (9012, "ExeRtn=1")]
            assert [(a["cn"], a["data"]) for a in row["answers"]] == said
        for cn in (2012, 2022):  # notified, two steps
            number = ask(gateway.database, "exact", cn)
            request = station.take()
            assert request.raw == wire.frame(wire.segment_of(qn=request["QN"], cn=cn, mn=REAL))
            station.answer(request, 9013, "")
            assert ended(gateway.database, number)["state"] == "done"
    rows = values(gateway.database, REAL)
    assert ["sample_bottle", "20160801085857", "1", "", "0", "N"] in rows and ["instrument_state", "20160801085857", "1", "", "0", "N"] in rows
    assert [row[0] for row in rows].count("serial_number") == 1


def test_a_log_comes_one_entry_a_frame_under_new_qns(gateway):
    with linked(gateway, "exact") as station:
        fields = [["PolId", "w01018"], ["InfoId", "i11001"], ["BeginTime", "20160801000000"], ["EndTime", "20160802000000"]]
        number = ask(gateway.database, "exact", 3020, fields)
        request = station.take()
        station.answer(request, 9011, "QnRtn=1")
        for hour in (1, 2):
            qn = station.upload(3020, f"DataTime=2016080{hour}010000;PolId=w01018;i11001-Info=//第{hour}条; by hand//")
            assert station.take().raw == answer_9014(qn, REAL)
        station.answer(request, 9012, "ExeRtn=1")
        assert ended(gateway.database, number)["state"] == "done"
    texts = gateway.database.sql(
        """SELECT t.key, o.detail->>'text' FROM observation o JOIN datastream d ON d.id = o.datastream_id JOIN thing t ON t.id = d.thing_id
           JOIN observed_property p ON p.id = d.property_id WHERE p.code = 'instrument_log' ORDER BY 1, o.phenomenon_time"""
    )
    assert texts == [[REAL + "/w01018", "第1条; by hand"], [REAL + "/w01018", "第2条; by hand"]]


def test_an_answer_comes_after_commit_and_not_before(gateway):
    lock = subprocess.Popen(["psql", "-X", "-q", "-A", "-t", gateway.database.conninfo], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    lock.stdin.write("BEGIN; LOCK TABLE wardwatch.raw_message IN ACCESS EXCLUSIVE MODE; SELECT 'locked';\n")
    lock.stdin.flush()
    assert lock.stdout.readline().strip() == "locked"
    with gateway.connect("commit") as station:
        qn = station.upload(2011, "DataTime=20260801085857;w01018-Rtd=2.5,w01018-Flag=N")
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'raw_message'::regclass"
        wait_until(lambda: int(gateway.database.value(waits)), "the writer to wait for the lock")
        assert station.says_nothing()
        lock.stdin.write("COMMIT;\n")
        lock.stdin.close()
        assert station.take().raw == answer_9014(qn, MN["commit"])
        assert values(gateway.database, MN["commit"]) == [["cod", "20260801085857", "2.5", "", "0", "N"]]
    lock.wait()


def test_frames_come_out_however_the_stream_is_cut(gateway):
    with gateway.connect("sticky") as station:
        frames = [wire.frame(station.segment(2011, f"DataTime=202608010858{i:02};w01018-Rtd={i}", qn=f"202608010858{i:02}000")) for i in range(8)]
        whole = b"".join(frames)
        station.send(whole[:11])
        station.send(whole[11:700])
        for i in range(700, 760):
            station.send(whole[i : i + 1])
        station.send(whole[760:])
        assert [station.take()["QN"] for _ in range(8)] == [f"202608010858{i:02}000" for i in range(8)]
    assert len(values(gateway.database, MN["sticky"])) == 8


def test_who_wants_no_answer_gets_none_and_is_stored(gateway):
    with gateway.connect("silent") as station:
        station.upload(2011, "DataTime=20260801085801;w01018-Rtd=1", answer=False)
        qn = station.upload(2011, "DataTime=20260801085802;w01018-Rtd=2")
        assert station.take()["QN"] == qn
    assert [row[2] for row in values(gateway.database, MN["silent"])] == ["1", "2"]


def test_a_repeat_is_answered_again_and_stored_once(gateway):
    with gateway.connect("twice") as station:
        for _ in range(3):
            station.upload(2011, "DataTime=20260801085857;w01018-Rtd=2", qn="20260801085857001")
            assert station.take().raw == answer_9014("20260801085857001", MN["twice"])
    assert len(values(gateway.database, MN["twice"])) == 1


def test_a_broken_crc_is_kept_and_not_answered(gateway):
    with gateway.connect("crc") as station:
        station.send(wire.frame(station.segment(2011, "DataTime=20260801085857;w01018-Rtd=2"), spoil=1))
        station.send(wire.frame(station.segment(3012, "PolId=w01018", qn="20260801085857009"), spoil=1))
        assert station.take().raw == wire.frame(wire.segment_of(qn="20260801085857009", st="91", cn=9011, mn=MN["crc"], flag=4, data="QnRtn=9"))
        qn = station.upload(2011, "DataTime=20260801085858;w01018-Rtd=3")
        assert station.take()["QN"] == qn
    assert len(dead_letters(gateway.database, MN["crc"])) == 1 and "CRC" in dead_letters(gateway.database, MN["crc"])[0]
    assert [row[2] for row in values(gateway.database, MN["crc"])] == ["3"]


def test_what_is_sent_before_the_connection_ends_is_stored_and_answered(gateway):
    with gateway.connect("ended") as station:
        qns = [station.upload(2011, f"DataTime=202608010858{i:02};w01018-Rtd={i}") for i in range(40)]
        station.end_sending()
        assert [station.take()["QN"] for _ in qns] == qns
        assert station.take() is None
    with gateway.connect("ended") as station:
        station.upload(2011, "DataTime=20260801085959;w01018-Rtd=99", answer=False)
    wait_until(lambda: len(values(gateway.database, MN["ended"])) == 41, "the last value")


# ---- Sub-packets ----


def test_a_set_of_packets_is_counted_when_it_is_whole(gateway):
    before = gateway.metric("hj212_sets_complete_total")
    with gateway.connect("packets") as station:
        for number in (2, 1, 1, 3):
            qn = station.upload(2061, f"DataTime=20260801080000;w0101{6 + number}-Avg={number}", packet=(3, number))
            assert station.take()["QN"] == qn
    assert gateway.metric("hj212_sets_complete_total") == before + 1
    assert len(values(gateway.database, MN["packets"])) == 3


def test_a_packet_without_a_time_has_that_of_its_set(gateway):
    with gateway.connect("timeless") as station:
        station.upload(2061, "DataTime=20260801080000;w01018-Avg=1", packet=(2, 1))
        station.upload(2061, "w01019-Avg=2", packet=(2, 2))
        assert station.take() and station.take()
    assert [row[1] for row in values(gateway.database, MN["timeless"])] == ["20260801080000"] * 2


# ---- Those who may not ----


def test_a_wrong_password_is_kept_and_not_acknowledged(gateway):
    with gateway.connect("password", pw="000000") as station:
        station.upload(2011, "DataTime=20260801085857;w01018-Rtd=2")
        qn = station.upload(3012, "PolId=w01018")
        assert station.take().raw == wire.frame(wire.segment_of(qn=qn, st="91", cn=9011, pw="000000", mn=MN["password"], flag=4, data="QnRtn=3"))
        station.pw = "123456"
        qn = station.upload(2011, "DataTime=20260801085858;w01018-Rtd=3")
        assert station.take()["QN"] == qn
    assert [row[2] for row in values(gateway.database, MN["password"])] == ["3"]
    assert "PW" in dead_letters(gateway.database, MN["password"])[0]
    wait_until(lambda: events(gateway.database, MN["password"], "wrong_password"), "the event")


def test_dead_letters_are_shown_without_passwords_and_kept_with_them(gateway):
    """Whoever inspects dead letters could else speak for the station."""
    database, mn = gateway.database, MN["password"]
    admin = gateway.server.client(database.add_account("inspector", "admin"))
    wait_until(lambda: admin.get("/api/v1/session").status == 200, "the account to be known")

    def shown():
        letters = admin.get("/api/v1/dead-letters?feed=water&limit=1000").json["items"]
        return [letter["raw"] for letter in letters if mn in letter["raw"]]

    with gateway.connect("password", pw="123456") as station:
        qn = station.upload(2011, "DataTime=20260801085857;zz9999-Rtd=2")
        assert station.take()["QN"] == qn
        station.send(wire.frame(f"QN=1;ST=32;CN=2011;pw =\\wrong-1;MN={mn};Flag=4;CP=&&NewPW=wrong-2,NewSK=wrong-3&&".encode(), spoil=1))
        station.send(f"##0012 rubbish \\ \x00 € PW=wrong-4;MN={mn}\r\n".encode())
        wait_until(lambda: any("rubbish" in raw for raw in shown()), "the last dead letter")
    raws = shown()
    assert any("PW=***;MN=" in raw and "zz9999-Rtd=2" in raw for raw in raws) and any("rubbish \\ \x00 € PW=***;" in raw for raw in raws)
    assert any("NewPW=***" in raw and "pw =***;" in raw for raw in raws)
    assert not [raw for raw in raws for secret in ("PW=123456", "PW=0", "wrong-") if secret in raw]
    assert database.value("SELECT count(*) FROM dead_letter WHERE position('PW=123456;'::bytea IN raw) > 0") != "0"


def test_a_wrong_address_is_cut(gateway):
    before = gateway.metric("hj212_wrong_address_total")
    with gateway.connect("address") as station:
        station.upload(2011, "DataTime=20260801085857;w01018-Rtd=2")
        assert station.take() is None
    with gateway.connect("address", source="127.0.0.9") as station:
        qn = station.upload(2011, "DataTime=20260801085858;w01018-Rtd=3")
        assert station.take()["QN"] == qn
    assert gateway.metric("hj212_wrong_address_total") == before + 1
    assert [row[2] for row in values(gateway.database, MN["address"])] == ["3"]
    wait_until(lambda: events(gateway.database, MN["address"], "wrong_address") == [{"address": "127.0.0.1"}], "the event")


def test_a_device_that_asks_like_a_host_is_told_why_not(gateway):
    cases = [("QnRtn=8", {}), ("QnRtn=5", {"st": "321"}), ("QnRtn=6", {"flag": None}), ("QnRtn=7", {"qn": "2026"}), ("QnRtn=3", {"pw": "9"})]
    with gateway.connect("request") as station:
        for wanted, fields in cases:
            station.upload(1062, "RtdInterval=30", **fields)
            got = station.take()
            assert (got["CN"], got["ST"], got.data) == ("9011", "91", wanted)
        station.send(wire.frame(wire.segment_of(qn=QN, cn=1062, mn="NOBODY", data="RtdInterval=30")))
        assert station.take().data == "QnRtn=4"
        station.upload(9012, "ExeRtn=1")  # an answer to nothing, with A set: never answered
        station.upload(2099, "DataTime=20260801085857;w01018-Rtd=2")
        assert station.take().data == "QnRtn=8"
    assert len(dead_letters(gateway.database, MN["request"])) == 1


def test_an_unknown_station_is_kept_and_answered(gateway):
    with Station(gateway.port, "UNKNOWN-KEPT") as station:
        qn = station.upload(2011, "DataTime=20260801085857;w01018-Rtd=2")
        assert station.take().raw == answer_9014(qn, "UNKNOWN-KEPT")
    assert len(dead_letters(gateway.database, "UNKNOWN-KEPT")) == 1


def test_an_unknown_station_registers_itself_where_the_feed_says_so(new_database, serve, scratch):
    database = new_database()
    add_feed(database, "open", '{"protocol": "hj212", "register": true, "hj212": {"unknown": "register", "units": {"w01018": "mg/L"}}}')
    gateway = Gateway(serve, database, scratch)
    with Station(gateway.port, "SELF-1") as one, Station(gateway.port, "SELF-2") as two:
        one.answer_commands()
        sent = [one.upload(2011, f"DataTime=202608010858{i:02};w01018-Rtd={i}") for i in range(5)]
        two.send(wire.frame(two.segment(2011, "DataTime=20260801085857;w01018-Rtd=7", qn=QN), check=wire.crc_modbus))
        assert two.take_cn(9014).raw == answer_9014(QN, "SELF-2")
        wait_until(lambda: one.acknowledged == sent, "the acknowledgements")
    assert len(values(database, "SELF-1")) == 5 and len(values(database, "SELF-2")) == 1
    assert database.sql("SELECT mn, registered, config->>'crc_mode' FROM station ORDER BY mn") == [["SELF-1", "self", ""], ["SELF-2", "self", "modbus"]]
    assert database.value("SELECT count(*) FROM dead_letter") == "0"


def test_an_unknown_station_is_cut_where_the_feed_refuses(new_database, serve, scratch):
    database = new_database()
    add_feed(database, "closed", '{"protocol": "hj212", "hj212": {"unknown": "refuse"}}')
    gateway = Gateway(serve, database, scratch)
    with Station(gateway.port, "NOBODY") as station:
        station.upload(2011, "DataTime=20260801085857;w01018-Rtd=2")
        assert station.take() is None
    assert database.value("SELECT count(*) FROM raw_message") == "0"
    assert gateway.metric("hj212_unknown_stations_total") == 1


def test_garbage_is_kept_within_bounds(gateway):
    with gateway.connect("garbage") as station:
        station.send(b"GARBAGE-FIRST " + MN["garbage"].encode() + b"\r\n")
        qn = station.upload(2011, "DataTime=20260801085857;w01018-Rtd=2")
        assert station.take()["QN"] == qn
        assert len(dead_letters(gateway.database, MN["garbage"])) == 1
        lines = [b"GARBAGE-%d %s\r\n" % (i, MN["garbage"].encode()) for i in range(500)]
        for line in lines:
            station.send(line)
        qn = station.upload(2011, "DataTime=20260801085858;w01018-Rtd=3")
        assert station.take()["QN"] == qn
    assert len(dead_letters(gateway.database, MN["garbage"])) <= 4
    said = """SELECT sum(substring(convert_from(raw, 'UTF8') from 'not kept: ([0-9]+) bytes')::int)
              FROM dead_letter WHERE raw LIKE '(not kept: %'::bytea"""  # more than one word of a slow machine
    # Neighbours may be one piece, and a piece that is cut begins in the middle of a line.
    kept = """SELECT sum(n_bytes) FROM raw_message WHERE id IN (
                SELECT raw_message_id FROM dead_letter WHERE position(:'mn'::bytea IN raw) > 0 AND raw NOT LIKE '(not kept: %'::bytea
                AND id > (SELECT min(id) FROM dead_letter WHERE raw LIKE 'GARBAGE-%'::bytea))"""
    accounted = lambda: [int(gateway.database.value(q, mn=MN["garbage"]) or 0) for q in (said, kept)]  # noqa: E731
    wait_until(lambda: accounted()[0] and sum(accounted()) >= sum(map(len, lines)), "each byte to be kept or counted")
    assert sum(accounted()) == sum(map(len, lines))


def test_a_frame_of_a_strict_station_that_deviates_is_kept_and_acknowledged(gateway):
    with gateway.connect("strict") as station:
        qn = station.upload(2011, "DataTime=20260801085857;;w01018-Rtd=2")
        assert station.take()["QN"] == qn
    assert len(dead_letters(gateway.database, MN["strict"])) == 1 and values(gateway.database, MN["strict"]) == []


def test_a_login_of_2005_is_answered_with_its_qn_in_the_data(gateway):
    with gateway.connect("login", version=2005) as station:
        qn = station.upload(9021, "", answer=False)
        assert station.take().raw == wire.frame(wire.segment_of(qn=qn, st="91", cn=9022, mn=MN["login"], flag=0, data=f"QN={qn};Logon=1"))
    with gateway.connect("password", version=2005, pw="000000") as station:
        qn = station.upload(9021, "")
        assert station.take().data == f"QN={qn};Logon=0"


def test_the_hardware_of_a_logger_is_kept_and_answered_as_a_notification(gateway):
    with gateway.connect("hardware", version=2025) as station:
        qn = station.upload(1001, "i23005-Info=DL-7;i23006-Info=C9")
        assert station.take().raw == wire.frame(wire.segment_of(qn=qn, st="91", cn=9013, mn=MN["hardware"], flag=8))
        station.upload(1014, "SKCreateTime=20260801085857")
        assert station.take()["CN"] == "9013"
        wait_until(lambda: events(gateway.database, MN["hardware"], "key_asked"), "the event")
    assert [row[0] for row in values(gateway.database, MN["hardware"])] == ["logger_id", "logger_processor"]


def test_answers_to_nothing_are_counted_and_told(gateway):
    before = gateway.metric("hj212_replies_unasked_total")
    with linked(gateway, "unasked") as station:
        station.upload(1061, "RtdInterval=30", answer=False)
        wait_until(lambda: events(gateway.database, MN["unasked"], "unasked"), "the event")
        station.upload(1061, "RtdInterval=30;NewPW=654321;NewSK=0123", answer=False)
        wait_until(lambda: len(events(gateway.database, MN["unasked"], "unasked")) == 2, "the next event")
    assert events(gateway.database, MN["unasked"], "unasked") == [
        {"cn": 1061, "data": "RtdInterval=30"}, {"cn": 1061, "data": "RtdInterval=30;NewPW=******;NewSK=****"}]  # fmt: skip
    assert gateway.metric("hj212_replies_unasked_total") > before


def test_deviations_are_a_column_of_each_frame_and_counted_for_each_station(gateway):
    with gateway.connect("deviant") as station:
        for i in range(3):
            station.upload(2011, f"DataTime=202608010858{i:02};w01018-Rtd={i};;" if i else f"DataTime=202608010858{i:02};w01018-Rtd={i}")
            assert station.take()["CN"] == "9014"
        station.upload(2011, "DATATIME=20260801085810;w21003-Rtd=1")  # its unit is nowhere said
        assert station.take()["CN"] == "9014"
        station.send(wire.frame(station.segment(2011, "DataTime=20260801085811;w01018-Rtd=2"), check=wire.crc_modbus))
        counted = "SELECT kind, frames FROM station_deviation WHERE mn = :'mn' ORDER BY kind"
        wait_until(lambda: ["frames", "5"] in gateway.database.sql(counted, mn=MN["deviant"]), "the counts")
    assert gateway.database.sql(counted, mn=MN["deviant"]) == [["assumed_unit", "1"], ["crc_modbus", "1"], ["frames", "5"], ["key_case", "1"], ["stray_separator", "2"]]
    rows = gateway.database.sql(
        """SELECT DISTINCT r.id, hj212_deviations(r.deviations) FROM raw_message r JOIN observation o ON o.raw_message_id = r.id
           JOIN datastream d ON d.id = o.datastream_id JOIN thing t ON t.id = d.thing_id WHERE t.key = :'mn' ORDER BY r.id""",
        mn=MN["deviant"],
    )
    assert [row[1] for row in rows] == ["{}", "{stray_separator}", "{stray_separator}", "{key_case,assumed_unit}"]
    shown = gateway.database.wardwatch("station", "show", MN["deviant"])
    assert "stray_separator 2" in str(shown)


def test_late_data_with_another_value_is_a_new_version(gateway):
    with gateway.connect("late", version=2025) as station:
        for value, late in ((1, False), (1, True), (2, True)):
            qn = station.upload(2061, f"DataTime=20260801080000;w01018-Avg={value},w01018-Flag=N", late=late)
            assert station.take()["QN"] == qn
    assert [row[2] for row in values(gateway.database, MN["late"])] == ["1", "2"]


# ---- Several on one connection, several connections ----


def test_one_connection_may_speak_for_several_stations(gateway):
    names = ["carried1", "carried2", "carried3"]
    with gateway.connect("carried1") as station:
        for name in names:
            qn = station.upload(2011, "DataTime=20260801085857;w01018-Rtd=2", mn=MN[name])
            assert station.take().raw == answer_9014(qn, MN[name])
        numbers = {MN[name]: ask(gateway.database, name, 1011) for name in names}
        for _ in names:
            request = station.take()
            assert request["CN"] == "1011"
            station.serve_command(request)
            assert ended(gateway.database, numbers[request["MN"]])["state"] == "done"
    for name in names:
        wait_until(lambda: len(events(gateway.database, MN[name], "disconnected")) == 1, "the event")


def test_the_newest_connection_of_a_station_is_asked_and_both_may_upload(gateway):
    with gateway.connect("newest") as old, gateway.connect("newest") as new:
        for n, station in enumerate((old, new, old)):
            qn = station.upload(2011, f"DataTime=2026080108580{n};w01018-Rtd={n}")
            assert station.take()["QN"] == qn
        number = ask(gateway.database, "newest", 1011)
        new.serve_command()
        assert ended(gateway.database, number)["state"] == "done"
        new.close()
        number = ask(gateway.database, "newest", 1011)
        old.serve_command()
        assert ended(gateway.database, number)["state"] == "done"
    assert len(values(gateway.database, MN["newest"])) == 3


def test_stalled_and_slow_senders_disturb_nobody(gateway):
    stalled = [gateway.connect("slow") for _ in range(50)]
    for station in stalled:
        station.send(b"##0218QN=20160801085857223;ST=32;CN=2011;")
    slow = gateway.connect("slow")
    frame = wire.frame(slow.segment(2011, "DataTime=20260801085857;w01018-Rtd=2", qn="20260801085857001"))
    with gateway.connect("fast") as fast:
        for i, byte in enumerate(frame):
            slow.send(bytes([byte]))
            if i % 8 == 0:
                qn = fast.upload(2011, f"DataTime=202608010859{i // 8:02};w01018-Rtd={i}")
                assert fast.take()["QN"] == qn
    assert slow.take()["QN"] == "20260801085857001"
    for station in [*stalled, slow]:
        station.close()


def test_who_does_not_read_its_answers_is_cut_and_what_it_sent_is_stored(gateway):
    station = gateway.connect("reader", receive_buffer=4096)
    before = gateway.metric("hj212_answers_total")
    sent = 0
    try:
        while sent < 200000:
            batch = [wire.frame(station.segment(2011, f"DataTime=20260801085857;w01018-Rtd={sent + i}", qn=QN)) for i in range(100)]
            station.send(b"".join(batch))
            sent += 100
    except OSError:
        pass
    station.close()
    assert 0 < sent < 200000
    wait_until(lambda: "does not read its answers" in gateway.server.log(), "the cut")
    assert gateway.metric("hj212_answers_total") > before


# ---- Commands ----


def linked(gateway, name, **options):
    """A connection whose station has spoken: it asked for the time, and nobody sets it."""
    station = gateway.connect(name, **options)
    station.upload(1013, "")
    assert station.take()["CN"] == "9013"
    return station


def test_a_command_runs_to_its_end_and_its_answers_are_kept(gateway):
    with linked(gateway, "asked") as station:
        number = ask(gateway.database, "asked", 1011, [["PolId", "w01018"]])
        request = station.take()
        assert request.raw == wire.frame(wire.segment_of(qn=request["QN"], cn=1011, mn=MN["asked"], data="PolId=w01018"))
        station.answer(request, 9011, "QnRtn=1")
        wait_until(lambda: command(gateway.database, number)["state"] == "accepted", "the acceptance")
        station.answer(request, 1011, "PolId=w01018;SystemTime=20160801085857", st="32")
        station.answer(request, 9012, "ExeRtn=1")
        row = ended(gateway.database, number)
    assert (row["state"], row["qn"], row["qn_rtn"], row["exe_rtn"], row["tries"], row["reason"]) == ("done", request["QN"], 1, 1, 1, "")
    assert [(a["cn"], a["data"]) for a in row["answers"]] == [(9011, "QnRtn=1"), (1011, "PolId=w01018;SystemTime=20160801085857"), (9012, "ExeRtn=1")]


def test_a_request_goes_out_with_a_new_qn_each_time_and_one_at_a_time(gateway):
    with linked(gateway, "fields") as station:
        numbers = [ask(gateway.database, "fields", 3015) for _ in range(3)]
        qns = []
        for number in numbers:
            request = station.take()
            qns.append(request["QN"])
            assert command(gateway.database, number)["state"] == "sent"
            station.serve_command(request)
            ended(gateway.database, number)
    assert qns == sorted(set(qns))


def test_a_refusal_is_told_in_words(gateway):
    with linked(gateway, "refused") as station:
        for qn_rtn, reason in ((2, "refuses"), (8, "CN is wrong"), (77, "QnRtn=77")):
            number = ask(gateway.database, "refused", 3012, [["PolId", "w01018"]])
            station.serve_command(qn_rtn=qn_rtn)
            row = ended(gateway.database, number)
            assert (row["state"], row["qn_rtn"]) == ("refused", qn_rtn) and reason in row["reason"]
        for exe_rtn, state, reason in ((5, "failed", "busy"), (100, "no_data", "no data"), (55, "failed", "ExeRtn=55")):
            number = ask(gateway.database, "refused", 3012)
            station.serve_command(exe_rtn=exe_rtn)
            row = ended(gateway.database, number)
            assert (row["state"], row["exe_rtn"]) == (state, exe_rtn) and reason in row["reason"]


def test_a_request_without_an_answer_is_repeated_and_times_out(gateway):
    with linked(gateway, "mute") as station:
        number = ask(gateway.database, "mute", 3012)
        asked = [station.take().raw for _ in range(3)]
        assert asked[0] == asked[1] == asked[2]
        row = ended(gateway.database, number)
    assert row["state"] == "timed_out" and "does not answer" in row["reason"]


def test_a_command_without_a_result_fails(gateway):
    with linked(gateway, "stuck") as station:
        number = ask(gateway.database, "stuck", 3012)
        station.answer(station.take(), 9011, "QnRtn=1")
        row = ended(gateway.database, number)
    assert row["state"] == "failed" and "no result" in row["reason"]


def test_history_comes_in_packets_and_is_stored_and_answered(gateway):
    with linked(gateway, "history") as station:
        number = ask(gateway.database, "history", 2061, [["BeginTime", "20160801080000"], ["EndTime", "20160801080000"]], "history")
        request = station.take()
        assert request.data == "BeginTime=20160801080000;EndTime=20160801080000"
        station.answer(request, 9011, "QnRtn=1")
        for n in (1, 2):
            qn = station.upload(2061, f"DataTime=20160801080000;w0101{7 + n}-Avg=4{n}", packet=(2, n))
            assert station.take().raw == answer_9014(qn, MN["history"])
        station.answer(request, 9012, "ExeRtn=1")
        assert ended(gateway.database, number)["state"] == "done"
    assert [row[2:5] for row in values(gateway.database, MN["history"])] == [["41", "mean", "3600"], ["42", "mean", "3600"]]


def test_a_station_that_has_no_data_says_so(gateway):
    with linked(gateway, "nodata") as station:
        number = ask(gateway.database, "nodata", 2051, [["BeginTime", "20160801080000"], ["EndTime", "20160801090000"]], "history")
        station.serve_command(exe_rtn=100)
        assert ended(gateway.database, number)["state"] == "no_data"


def near_now(text):
    stated = datetime.datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=wire.CHINA)
    return abs((datetime.datetime.now(wire.CHINA) - stated).total_seconds()) < 60


def test_who_asks_for_the_time_is_given_it(gateway):
    with gateway.connect("notify") as station:
        station.upload(9015, "")
        assert station.take()["CN"] == "9013"
        assert station.serve_command()["CN"] == "1012"  # of the first connection
        wait_until(lambda: events(gateway.database, MN["notify"], "clock_set"), "the first setting")
        qn = station.upload(1013, "PolId=w01018")
        assert station.take().raw == wire.frame(wire.segment_of(qn=qn, st="91", cn=9013, mn=MN["notify"], flag=4))
        request = station.take()
        stated = request.items_of["SystemTime"]
        assert request.raw == wire.frame(wire.segment_of(qn=request["QN"], cn=1012, mn=MN["notify"], data=f"SystemTime={stated}"))
        assert near_now(stated) and near_now(request["QN"][:14])
        station.serve_command(request)
        wait_until(lambda: len(events(gateway.database, MN["notify"], "clock_set")) == 2, "the second setting")


def test_a_clock_that_is_off_is_set(gateway):
    with gateway.connect("drift") as station:
        qn = wire.fresh_qn(datetime.datetime.now(wire.CHINA) - datetime.timedelta(hours=1))
        station.upload(2011, "DataTime=20260801085857;w01018-Rtd=2", qn=qn)
        got = [station.take(), station.take()]
        assert sorted(frame["CN"] for frame in got) == ["1012", "9014"]


def test_a_first_connection_is_set_up_in_the_standard_s_order(gateway):
    with gateway.connect("setup") as station:
        station.upload(9015, "")
        assert station.take()["CN"] == "9013"
        seen = [station.serve_command() for _ in range(6)]
    assert [request["CN"] for request in seen] == ["1012", "1000", "1062", "1064", "2011", "2021"]
    assert [request.data for request in seen[1:]] == ["OverTime=20;ReCount=3", "RtdInterval=30", "MinInterval=10", "", ""]
    assert near_now(seen[0].items_of["SystemTime"])


def test_the_setup_comes_before_what_was_asked_before(gateway):
    number = ask(gateway.database, "order", 3012)
    with gateway.connect("order") as station:
        station.upload(9015, "")
        assert station.take()["CN"] == "9013"
        assert [station.serve_command()["CN"] for _ in range(2)] == ["1062", "3012"]
        assert ended(gateway.database, number)["state"] == "done"


def test_a_command_whose_connection_is_lost_is_sent_again(gateway):
    with linked(gateway, "lost") as station:
        number = ask(gateway.database, "lost", 3012)
        first = station.take()
    wait_until(lambda: command(gateway.database, number)["state"] == "queued", "the command to wait again")
    assert "connection was lost" in command(gateway.database, number)["reason"]
    with linked(gateway, "lost") as station:
        again = station.take()
        assert again["CN"] == "3012" and again["QN"] != first["QN"]
        station.serve_command(again)
        row = ended(gateway.database, number)
    assert (row["state"], row["tries"]) == ("done", 2)


def test_what_a_dead_server_left_in_the_middle_is_put_back(gateway):
    number = ask(gateway.database, "restart", 3012)
    gateway.database.sql(f"UPDATE station_command SET state = 'accepted', qn = '{QN}', tries = 1 WHERE id = {number}")
    with linked(gateway, "restart") as station:
        request = station.take()
        assert request["CN"] == "3012" and request["QN"] != QN
        station.serve_command(request)
        assert ended(gateway.database, number)["state"] == "done"


def test_fields_that_can_t_be_said_fail(gateway):
    with linked(gateway, "broken"):
        number = ask(gateway.database, "broken", 3021, [["PolId", "w01018&&9999\r\n"]])
        row = ended(gateway.database, number)
    assert row["state"] == "failed" and "data area" in row["reason"]


# ---- 2025 ----


@pytest.mark.skipif(not wire.has_sm4(), reason="no openssl program with SM4")
def test_a_station_of_2025_speaks_in_cipher_and_is_answered_with_flag_8(gateway):
    mn = mn_of(0x2025)
    with Station(gateway.port, mn, version=2025, key=KEY) as station:
        qn = station.upload(2011, "DataTime=20260801085857;w01018-Rtd=2.2,w01018-Flag=N")
        assert station.take().raw == answer_9014(qn, mn, flag=8)
        qn = station.upload(9015, "")
        assert station.take().raw == wire.frame(wire.segment_of(qn=qn, st="91", cn=9013, mn=mn, flag=8))
        station.key = NEW_KEY  # not ours: kept, not acknowledged
        station.upload(2011, "DataTime=20260801085858;w01018-Rtd=3.3,w01018-Flag=N")
        station.key = KEY
        qn = station.upload(2061, "DataTime=20260801080000;w01018-Avg=4.4", late=True)
        assert station.take()["QN"] == qn
    assert [row[2] for row in values(gateway.database, mn)] == ["2.2", "4.4"]
    assert len(dead_letters(gateway.database, mn)) == 1


@pytest.mark.skipif(not wire.has_sm4(), reason="no openssl program with SM4")
def test_a_key_is_rotated_without_losing_a_frame(gateway):
    mn = mn_of(0x2026)
    with Station(gateway.port, mn, version=2025, key=KEY) as station:
        station.upload(9015, "")
        assert station.take()["CN"] == "9013"
        number = ask(gateway.database, mn, 1014, [["NewSK", NEW_KEY.hex()]])
        request = station.take()
        assert request["Flag"] == "9" and wire.sm4(KEY, request.area, decrypt=True).startswith(b"NewSK=" + NEW_KEY.hex().encode() + b";SKCreateTime=20")
        station.serve_command(request)
        station.key = NEW_KEY  # from now on, at once
        sent = [station.upload(2011, f"DataTime=202608010858{i:02};w01018-Rtd={i},w01018-Flag=N") for i in range(5)]
        assert [station.take()["QN"] for _ in sent] == sent
        row = ended(gateway.database, number)
    assert row["state"] == "done" and NEW_KEY.hex() not in json.dumps(row)
    keys = gateway.database.sql("SELECT encode(sm4_key, 'hex'), encode(sm4_previous, 'hex') FROM station WHERE mn = :'mn'", mn=mn)
    assert keys == [[NEW_KEY.hex(), KEY.hex()]]
    assert len(values(gateway.database, mn)) == 5 and dead_letters(gateway.database, mn) == []


# ---- Habits; a set that stays incomplete ----


def test_a_change_of_habit_is_told(gateway):
    with gateway.connect("habit") as station:
        station.answer_commands()
        for i in range(101):
            station.upload(2011, f"DataTime=20260801{i // 60:02}{i % 60:02}00;w01018-Rtd={i}")
        station.upload(2011, "DataTime=20260801085857;;w01018-Rtd=2")
        wait_until(lambda: events(gateway.database, MN["habit"], "habit"), "the event")
    assert events(gateway.database, MN["habit"], "habit") == [{"deviation": "stray_separator", "frames_before": 101}]


def test_a_set_that_stays_incomplete_is_told(gateway, hole):
    wait_until(lambda: events(gateway.database, MN["hole"], "incomplete"), "the event")
    assert events(gateway.database, MN["hole"], "incomplete") == [
        {"cn": 2051, "data_time": "20260801080000", "packets": 3, "came": 2, "first_missing": 2}
    ]


# ---- The database away; the end ----


@pytest.fixture
def own_database(scratch):
    """A cluster that a test may stop."""
    cluster = Cluster(os.path.join(scratch, "pg-away"))
    yield cluster.create_database("away")
    cluster.run("remove")


def test_while_the_database_is_away_nothing_is_answered_or_lost(own_database, serve, scratch):
    add_feed(own_database, "water")
    add_station(own_database, MN["exact"])
    gateway = Gateway(serve, own_database, scratch)
    station = gateway.connect("exact")
    qn = station.upload(2011, "DataTime=20260801000000;w01018-Rtd=0,w01018-Flag=N")
    assert station.take()["QN"] == qn
    own_database.cluster.kill()
    station.socket.settimeout(1)
    frames = [wire.frame(station.segment(2011, f"DataTime={20260802000000 + i // 3600 * 10000 + i // 60 % 60 * 100 + i % 60};w01018-Rtd={i}", qn=f"2026080208{i:07}"))
              for i in range(60000)]  # fmt: skip
    whole, at = b"".join(frames), 0
    try:
        while at < len(whole):
            at += station.socket.send(whole[at : at + 65536])
    except socket.timeout:
        pass
    assert at < len(whole)  # it is not read any more
    assert station.says_nothing()
    own_database.cluster.start()
    end = whole.index(b"\r\n", at - 1) + 2
    whole_frames = whole[:end].count(b"\r\n")
    station.socket.settimeout(wire.DEADLINE_S)
    station.send(whole[at:end])
    got = [station.take()["QN"] for _ in range(whole_frames)]
    assert got == [f"2026080208{i:07}" for i in range(whole_frames)]
    assert own_database.value("SELECT count(*) FROM observation") == str(whole_frames + 1)
    station.close()


def test_a_server_that_is_told_to_stop_stores_what_it_has_read(filled, serve, scratch):
    gateway = Gateway(serve, filled, scratch)
    with gateway.connect("flood") as station:
        qn = station.upload(2011, "DataTime=20260801000000;w01018-Rtd=0")
        assert station.take_cn(9014)["QN"] == qn
        sent = [station.upload(2011, f"DataTime=20260802{i // 60:02}{i % 60:02}00;w01018-Rtd={i}") for i in range(300)]
        assert station.take_cn(9014)["QN"] == sent[0]
        assert gateway.server.stop() == 0
        answered = [sent[0]]
        while (got := station.take()) is not None:
            answered.append(got["QN"])
    assert answered == sent[: len(answered)]
    assert len(values(filled, MN["flood"])) - 1 >= len(answered)
