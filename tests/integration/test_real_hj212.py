"""Frames that were met in the field: what `wardwatch decode` says of each, and what becomes of them at the gateway.

They are not part of the repository (they carry identities of devices); each frame's verdict stands beside it.
"""

import gzip
import json
import os
import re
import subprocess
import sys
from collections import Counter

import pytest

from conftest import ROOT, find_program, wait_until
from real_records import data_directory, skip_without

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import hj212_wire as wire

FRAMES = os.path.join(data_directory("hj212"), "frames.tsv")
CAPTURES = data_directory("proto_hj212_captures")


def frames_of_field():
    """[(frame, stated verdict)]"""
    with open(FRAMES, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    return [(row[0].encode("utf-8"), row[2]) for row in rows]


def decode(data, *options):
    """The lines of `wardwatch decode`, and its exit status."""
    done = subprocess.run([find_program(), "decode", "hj212", *options], input=data, stdout=subprocess.PIPE, timeout=120)
    return [json.loads(line) for line in done.stdout.splitlines()], done.returncode


def segment_of(frame):
    return frame[6 : frame.rindex(b"&&") + 2]


@skip_without("hj212")
@pytest.mark.parametrize("crc_mode", ["standard", "modbus", "ignore"])
def test_every_frame_has_the_verdict_that_is_stated(crc_mode):
    stated = frames_of_field()
    lines, _ = decode(b"\n".join(frame for frame, _ in stated) + b"\n", "--log", "--crc", crc_mode)
    assert len(lines) == len(stated) == 50
    for line, (frame, verdict) in zip(lines, stated):
        segment = segment_of(frame)
        assert line["crc"]["standard"] == f"{wire.crc(segment):04X}" and line["crc"]["modbus"] == f"{wire.crc_modbus(segment):04X}"
        good, plain_modbus = verdict == "CRC ok", "MODBUS" in verdict
        if not good:
            assert line["crc"]["standard"] == re.search("computed ([0-9A-F]{4})", verdict).group(1)
        assert ("crc" in line["deviations"]) == (not good and not plain_modbus), verdict
        assert ("crc_modbus" in line["deviations"]) == plain_modbus, verdict
        assert ("length" in line["deviations"]) == ("length field" in verdict), verdict
        taken = good or crc_mode == "ignore" or (plain_modbus and crc_mode == "modbus")
        assert ("CRC" in line.get("reason", "")) == (not taken), (verdict, line.get("reason"))
        assert (line["verdict"] == "dead") == (not taken), (verdict, line.get("reason"))


@skip_without("hj212")
def test_the_same_frames_come_out_of_a_stream():
    stated = frames_of_field()
    alone, _ = decode(b"\n".join(frame for frame, _ in stated) + b"\n", "--log")
    stream, status = decode(b"".join(frame + b"\r\n" for frame, _ in stated))
    assert status == 1 and len(stream) == len(alone)
    for one, other in zip(alone, stream):
        assert [one[k] for k in ("verdict", "cn", "mn", "crc", "deviations")] == [other[k] for k in ("verdict", "cn", "mn", "crc", "deviations")]


@skip_without("proto_hj212_captures")
def test_a_receiver_s_log_is_understood_or_says_why_not():
    with gzip.open(os.path.join(CAPTURES, "tonyxia_release_rx.log.gz")) as file:
        log = file.read()
    lines, status = decode(log, "--log")
    assert status == 1 and len(lines) == len(re.findall(rb"##\d{4}", log))
    for line in lines:
        raw = log[line["offset"] :][: line["bytes"]]
        good = wire.crc(raw[6 : raw.rindex(b"&&") + 2]) == int(line["crc"]["stated"], 16)
        assert (line["verdict"] == "dead") == (not good)
        assert ("oversize" in line["deviations"]) == (line["segment"] > 1024)
        assert all(dead["reason"] for dead in line.get("dead", []))


@skip_without("proto_hj212_captures")
def test_a_capture_of_a_silent_instrument_is_read_whole():
    with gzip.open(os.path.join(CAPTURES, "skylakezf_first2000.frames.gz")) as file:
        lines, status = decode(file.read(), "--log")
    assert status == 0 and len(lines) == 2000 and {line["verdict"] for line in lines} == {"deviating"}
    assert {line["mn"] for line in lines} == {"Abc"} and {tuple(line["deviations"]) for line in lines} == {("mn",)}
    found = Counter((line["cn"], value["property"], value["statistic"], value["interval_s"], value["unit"], value["flag"], value["value"])
                    for line in lines for value in line["values"])  # fmt: skip
    kinds = Counter(line["cn"] for line in lines)
    assert found[("2011", "waste_gas_flow", "", 0, "m3/s", "D", 0)] == kinds["2011"]
    for cn, length in (("2051", 600), ("2061", 3600), ("2031", 86400)):
        assert found[(cn, "waste_gas_flow", "mean", length, "m3/s", "D", 0)] == kinds[cn]
        assert found[(cn, "waste_gas_flow_volume", "sum", length, "m3", "D", 0)] == kinds[cn]
    assert sum(found.values()) == kinds["2011"] + 4 * (kinds["2051"] + kinds["2061"] + kinds["2031"])


# ---- At the gateway ----


@pytest.fixture(scope="module")
def gateway(serve, database, scratch):
    """A server whose feed lets stations register themselves; its port."""
    database.sql("INSERT INTO feed (name, config) VALUES ('open', :'config')",
                 config='{"protocol": "hj212", "register": true, "hj212": {"unknown": "register"}}')  # fmt: skip
    port_file = os.path.join(scratch, "real-hj212.port")
    server = serve(database, "--hj212", "127.0.0.1:0", "--hj212-port-file", port_file, "--no-outward")
    server.hj212_port = int(wait_until(lambda: server.read_alive(port_file), "the HJ 212 port"))
    return server


def kept(database):
    return [row[0] for row in database.sql("SELECT encode(sha256, 'hex') FROM raw_message")]


@skip_without("hj212")
def test_dirty_senders_lose_nothing_and_disturb_nobody(gateway, database):
    """All frames on one connection, with rubbish between them; a clean station beside it is answered at once."""
    import hashlib

    stated = frames_of_field()
    with wire.Station(gateway.hj212_port, "DIRTY") as dirty, wire.Station(gateway.hj212_port, "0A0000A8900016F0000000FF") as clean:
        answered = 0
        for number, (frame, _) in enumerate(stated):
            dirty.send(frame + b"\r\n" + (b"\x00\xff rubbish ##12\r\n" if number % 7 == 3 else b""))
            qn = clean.upload(2011, f"DataTime=202608010858{number:02};w01018-Rtd={number}")
            assert clean.take_cn(9014)["QN"] == qn
            answered += 1
        dirty.end_sending()
        wait_until(lambda: database.value("SELECT count(*) FROM raw_message r JOIN feed f ON f.id = r.feed_id WHERE r.n_bytes > 1000"), "the long frames")
        wait_until(lambda: dirty.take() is None, "the end of the dirty connection")
    hashes = set(kept(database))
    uploads = ("2011", "2021", "2031", "2041", "2051", "2061", "2081", "3020")
    for frame, verdict in stated:
        cn = re.search(rb"CN=(\d+)", frame).group(1).decode()
        data = segment_of(frame)[segment_of(frame).index(b"CP=&&") + 5 : -2]
        is_request = cn in ("2031", "2051") and data.startswith(b"BeginTime")
        if cn in uploads and not is_request and verdict == "CRC ok":
            assert hashlib.sha256(frame + b"\r\n").hexdigest() in hashes, frame
    assert answered == len(stated)
    reasons = [row[0] for row in database.sql("SELECT reason FROM dead_letter")]
    assert all(reasons) and any("CRC" in reason for reason in reasons) and any("unknown factor" in reason for reason in reasons)
    assert database.value("SELECT count(*) FROM raw_message WHERE received <> stored + duplicates + dead") == "0"


@skip_without("proto_hj212_captures")
def test_a_capture_sent_twice_is_stored_once(gateway, database):
    with gzip.open(os.path.join(CAPTURES, "skylakezf_first2000.frames.gz")) as file:
        frames = [line.strip() for line in file if line.strip()]
    count = "SELECT count(*) FROM observation o JOIN datastream d ON d.id = o.datastream_id JOIN thing t ON t.id = d.thing_id WHERE t.key = 'Abc'"
    asked = "0A0000A8900016F0000000FE"
    numbers = []
    for _ in range(2):
        with wire.Station(gateway.hj212_port, "Abc") as station:
            station.answer_commands()
            for frame in frames:
                station.send(frame + b"\r\n")
            station.upload(2011, "DataTime=20260801085857;w01018-Rtd=1", mn=asked)  # stored behind all the others
            wait_until(lambda: len(station.acknowledged) == 1, "the acknowledgement")
        numbers.append(int(database.value(count)))
    expected = {(re.search(rb"CN=(\d+)", f).group(1), re.search(rb"DataTime=(\d+)", f).group(1)) for f in frames}
    assert numbers[0] == numbers[1] == sum(1 if cn == b"2011" else 4 for cn, _ in expected)
    flags = database.sql(count.replace("count(*)", "DISTINCT o.flag"))
    assert flags == [["D"]]
    assert database.value("SELECT count(*) FROM dead_letter WHERE position('MN=Abc;'::bytea IN raw) > 0") == "0"
