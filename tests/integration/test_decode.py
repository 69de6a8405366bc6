"""`wardwatch decode hj212`: what an engineer has at a station's door, a log or bytes of a connection, is read as what it is."""

import json
import os
import subprocess
import sys

import pytest

from conftest import ROOT, find_program

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import hj212_wire as wire

FRAME = wire.frame(b"QN=20240601000000000;ST=32;CN=2011;PW=secret-1;MN=010000A8900016F000169DC0;Flag=5;CP=&&DataTime=20240601000000;w01018-Rtd=12.5,w01018-Flag=N&&")
BARE = FRAME.removesuffix(b"\r\n")
COMMAND = [find_program(), "decode", "hj212"]


def decode(data, *options):
    """Verdicts, the lines, the exit status."""
    done = subprocess.run([*COMMAND, *options], input=data, stdout=subprocess.PIPE, timeout=120)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [line["verdict"] for line in lines], lines, done.returncode


@pytest.mark.parametrize(
    "log",
    [
        b"2024-06-01 00:00:01.123 [RX] <-- " + FRAME + b"2024-06-01 00:00:02 --> " + FRAME,
        b"[2024-06-01 00:00:01]\r\r\n" + BARE + b"\r\r\n[2024-06-01 00:00:02]\r\r\n" + BARE + b"\r\r\n",
        BARE + b"\ta source\tCRC ok\n" + BARE + b"\tanother\tCRC ok\n",
        b'"' + BARE + b'"\n"' + BARE + b'"',
        "00:00:01 收到：".encode() + FRAME + "00:00:02 发送：".encode("gbk") + BARE,
    ],
    ids=["arrows", "windows", "table", "quotes", "chinese"],
)
def test_a_log_is_known_by_what_stands_around_its_first_frame(log):
    verdicts, lines, status = decode(log)
    assert verdicts == ["ok", "ok"] and status == 0
    assert all(log[line["offset"] :].startswith(BARE) for line in lines) and all(line["line"] > 0 for line in lines)
    assert decode(log, "--log")[1] == lines
    assert "garbage" in decode(log, "--stream")[0]


@pytest.mark.parametrize(
    "stream, wanted",
    [
        (FRAME + FRAME, ["ok", "ok"]),
        (BARE + b"\n" + BARE, ["deviating", "deviating"]),
        (BARE + BARE, ["deviating", "deviating"]),
        (b"\x00\xff10:15" + FRAME, ["garbage", "ok"]),
        (BARE[-40:] + b"\r\n" + FRAME, ["garbage", "ok"]),
        (FRAME + b"rubbish\r\n" + FRAME, ["ok", "garbage", "ok"]),
        (BARE[:60], ["garbage"]),
        (b"", []),
        (b"\r\n \r\n", []),
    ],
    ids=["whole", "lf", "glued", "noise", "half", "between", "cut", "empty", "blank"],
)
def test_all_else_is_a_stream_and_says_what_is_no_frame(stream, wanted):
    verdicts, lines, status = decode(stream)
    assert verdicts == wanted and status == ("garbage" in wanted)
    assert decode(stream, "--stream", "-")[1] == lines


@pytest.mark.skipif(not wire.has_sm4(), reason="no SM4 here")
def test_ciphertexts_in_a_log_may_hold_line_ends():
    key = bytes(range(16))
    frames = [
        wire.encrypted_frame(
            f"QN=20240601000000{n:03};ST=32;CN=2011;PW=1;MN=010000A8900016F000169DC0;Flag=13;CP=&&DataTime=20240601{n % 24:02}0000;w01018-Rtd={n}&&", key)
        for n in range(100)
    ]  # fmt: skip
    cut = next(n for n, frame in enumerate(frames) if b"\n" in frame[:-2])
    log = b"".join(b"2024-06-01 00:00:01 <-- " + frame for frame in frames)
    verdicts, lines, status = decode(log, "--sm4-key", key.hex())
    assert verdicts == ["ok"] * 100 and status == 0 and [line["values"][0]["value"] for line in lines] == list(range(100))
    assert all(log[line["offset"] :].startswith(frame) for line, frame in zip(lines, frames))
    assert lines[-1]["line"] == log[: lines[-1]["offset"]].count(b"\n") + 1
    # What was cut off by the end, and a length that lies, take nothing from their neighbours.
    lying = BARE.replace(b"##0", b"##9", 1)
    assert decode(b"00:00:01 " + lying + b"\n00:00:02 " + FRAME + b"00:00:03 " + frames[cut][:-30], "--sm4-key", key.hex())[0][1] == "ok"


def test_a_frame_is_shown_as_soon_as_it_has_come_and_its_password_never():
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        for _ in range(2):
            program.stdin.write(FRAME)
            program.stdin.flush()
            line = program.stdout.readline()
            assert b'"verdict":"ok"' in line and b"secret-1" not in line
        program.stdin.close()
        assert program.stdout.read() == b"" and program.wait(60) == 0


def test_wrong_use_says_how_and_ends_with_2():
    for wrong in (["--log", "--stream"], ["--crc", "none"], ["--sm4-key", "12"], ["--zone", "Nowhere/At-All"], ["a", "b"]):
        done = subprocess.run([*COMMAND, *wrong], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        assert done.returncode == 2 and done.stdout == b"" and done.stderr
