"""`wardwatch score` from outside: a CSV in, a score and reasons for every row out."""

import csv
import io
import math
import random
import subprocess

import pytest

from conftest import find_program


def run(text, *options, code=0):
    done = subprocess.run([find_program(), "score", "-", *options], input=text, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done


def scored(text, *options):
    return list(csv.DictReader(io.StringIO(run(text, *options).stdout)))


def series(days=8, step_min=10, odd=None, seed=1, header="time,value", separator=",", decimal="."):
    """A noisy daily course; `odd` = {row: value}."""
    r = random.Random(seed)
    lines = [header]
    for i in range(days * 1440 // step_min):
        minute = i * step_min
        value = (odd or {}).get(i, 50 + 10 * math.sin(2 * math.pi * minute / 1440) + r.gauss(0, 1))
        text = value if isinstance(value, str) else f"{value:.2f}".replace(".", decimal)
        day, hour = 1 + minute // 1440, minute // 60 % 24
        lines.append(f"2026-03-{day:02d} {hour:02d}:{minute % 60:02d}{separator}{text}")
    return "\n".join(lines) + "\n"


def test_every_row_gets_a_score_and_the_odd_one_the_highest_with_its_reason():
    rows = scored(series(odd={1000: 120}), "--time", "time", "--value", "value")
    assert [int(row["row"]) for row in rows] == list(range(1, 1153))
    scores = [float(row["score"]) for row in rows]
    assert all(0 <= s <= 1 for s in scores)
    assert scores.index(max(scores)) == 1000
    odd = rows[1000]
    assert odd["time"] == "2026-03-07 22:40" and "value 120 is above" in odd["reasons"]
    assert float(odd["value_low"]) < float(odd["value_expected"]) < float(odd["value_high"]) < 120
    assert rows[5]["reasons"] == "learning" and rows[500]["reasons"] == "as usual"


def test_a_score_does_not_change_when_more_rows_follow():
    whole = scored(series(odd={1000: 120}), "--time", "time")
    part = scored("\n".join(series(odd={1000: 120}).split("\n")[:901]) + "\n", "--time", "time")
    assert part == whole[: len(part)] and len(part) == 900


def test_reasons_in_chinese():
    rows = scored(series(odd={1000: 120}), "--time", "time", "--lang", "zh")
    assert "高于" in rows[1000]["reasons"] and rows[500]["reasons"] == "正常" and rows[0]["reasons"] == "学习中"


def test_semicolons_and_decimal_commas_give_the_same_scores():
    plain = scored(series(), "--time", "time")
    european = scored(series(header="time;value", separator=";", decimal=","), "--time", "time")
    assert [row["score"] for row in plain] == [row["score"] for row in european]


@pytest.mark.parametrize("missing", ["", "NA", "null", "--"])
def test_a_missing_value_is_a_row_without_value_and_teaches_nothing(missing):
    rows = scored(series(odd={600: missing}), "--time", "time")
    assert rows[600]["reasons"] == "no value" and float(rows[600]["score"]) == 0 and rows[600]["value_expected"] == ""
    assert rows[601]["reasons"] == "as usual"


def test_what_is_no_number_is_told_with_line_and_column_and_stops_only_when_strict():
    text = series(odd={600: "broken"})
    done = run(text, "--time", "time", "--value", "value")
    assert '"broken" is not a number' in done.stderr and "(line 602, column 18)" in done.stderr
    assert "1 values are not numbers" in done.stdout
    strict = run(text, "--time", "time", "--value", "value", "--strict", code=1)
    assert "(line 602, column 18)" in strict.stderr
    assert len(strict.stdout.splitlines()) == 601  # the rows before it are there


def test_repeated_and_backward_times_are_judged_and_marked():
    lines = series().split("\n")
    lines[700:700] = [lines[699], lines[650]]
    rows = scored("\n".join(lines), "--time", "time")
    assert len(rows) == 1154
    assert [i for i, row in enumerate(rows) if "did not advance" in row["reasons"]] == [699, 700]


def test_times_in_parts_in_formats_and_as_numbers_agree():
    base = series(days=4).split("\n")[1:-1]
    iso = scored("t,v\n" + "\n".join(base), "--time", "t")
    american = scored("t,v\n" + "\n".join(f"03/{l[8:10]}/2026 {l[11:]}" for l in base), "--time", "t", "--time-format", "%m/%d/%Y %H:%M")
    parts = scored("y,h,v\n" + "\n".join(f"{l[:10]},{l[11:]}" for l in base), "--time", "y", "--time", "h")
    epoch = scored("t,v\n" + "\n".join(f"{1772323200 + 600 * i},{l[17:]}" for i, l in enumerate(base)), "--time", "t")
    for other in (american, parts, epoch):
        assert [row["score"] for row in other] == [row["score"] for row in iso]


def test_columns_that_agree_outweigh_each_of_them():
    r = random.Random(3)
    lines = ["time,a,b,c,note"]
    for i in range(2000):
        shift = 4.5 if 1800 <= i < 1803 else 0
        lines.append(f"{1772323200 + 600 * i}," + ",".join(f"{10 + r.gauss(0, 1) + shift:.3f}" for _ in range(3)) + ",x")
    text = "\n".join(lines)
    together = scored(text, "--time", "time")
    assert set(together[0]) == {"row", "time", "score", "alarm", "reasons"} | {
        f"{c}_{k}" for c in "abc" for k in ("expected", "low", "high")}  # the note is no number
    alone = [scored(text, "--time", "time", "--value", c) for c in "abc"]
    peak = max(float(row["score"]) for row in together[1800:1806])
    assert peak > max(float(row["score"]) for rows in alone for row in rows[1800:1806])


@pytest.mark.parametrize("options, words", [
    ((), "usage"),
    (("--time",), "need a column"),
    (("--time", "time", "--lang", "fr"), "--lang is en or zh"),
    (("--time", "time", "--zone", "Mars/Base"), "--zone"),
    (("--time", "time", "--false-alarms", "0"), "numbers above 0"),
])
def test_wrong_use_says_what_is_wrong(options, words):
    assert words in run("time,value\n", *options, code=2).stderr


@pytest.mark.parametrize("text, words", [
    ("", "the file is empty"),
    ("when,value\n1,2\n", "there is no column time; the first line has: when, value (line 1, column 1)"),
    ("time,value\nnever,2\n", "no time could be read"),
    ('time,value\n2026-01-01,2\n"2026', "a quoted cell does not end (line 3, column 1)"),
])
def test_a_file_that_can_not_be_read_says_why(text, words):
    assert words in run(text, "--time", "time", code=1).stderr


def test_memory_does_not_grow_with_rows():
    def peak_kib(rows):
        lines = "".join(f"{1772323200 + 60 * i},{i % 7}\n" for i in range(rows))
        done = subprocess.run(["/usr/bin/python3", "-c", "import resource, subprocess, sys\n"
                               "subprocess.run(sys.argv[1:], stdin=sys.stdin, stdout=subprocess.DEVNULL, check=True)\n"
                               "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)",
                               find_program(), "score", "-", "--time", "t"], input="t,v\n" + lines, capture_output=True, text=True, check=True)
        return int(done.stdout)

    assert peak_kib(300_000) < peak_kib(3_000) + 2048
