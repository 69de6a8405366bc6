"""wardwatch scan on files: published answers, and our own small town against a plain, slow oracle.

The oracle shares nothing with the program: it makes circles, windows, expectations and likelihood ratios anew, in
the plainest way. No database is needed.
"""
import datetime
import json
import math
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests/data/scan"
PROGRAM = os.environ.get("WW_BIN", str(ROOT / "build/dev/wardwatch"))
SHARED = Path(os.environ.get("WW_SHARED_DATA", ROOT.parent / "shared/data")) / "detection"


def run(*arguments, cwd=None):
    return subprocess.run([PROGRAM, "scan", *map(str, arguments)], capture_output=True, text=True, cwd=cwd, timeout=300)


def scan(*arguments, cwd=None):
    done = run(*arguments, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# ---- Published answers ----


def published():
    sets = []
    for line in (DATA / "published.cases").read_text().splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "set":
            sets.append((words[1], words[2:], []))
        else:
            sets[-1][2].append(words[1:])
    return sets


def files_of(folder, where):
    """The options that name the files of a shared folder; tables are first made into the field's forms."""
    source = SHARED / folder
    if not source.is_dir():
        pytest.skip(f"{source} is not there")
    if (source / "tracts.csv").exists():
        rows = [line.split(",") for line in (source / "tracts.csv").read_text().splitlines()[1:]]
        (where / "t.geo").write_text("".join(f"{r[0]} {r[1]} {r[2]}\n" for r in rows))
        (where / "t.pop").write_text("".join(f"{r[0]} 1980 {r[3]}\n" for r in rows))
        (where / "t.cas").write_text("".join(f"{r[0]} {r[5]}\n" for r in rows))
        source = where
    options = []
    for kind in "geo", "cas", "pop", "ctl":
        for file in source.glob(f"*.{kind}"):
            options += [f"--{kind}", file]
    return options


@pytest.mark.parametrize("folder, options, answers", published(), ids=lambda x: x if isinstance(x, str) else "")
def test_a_published_answer_comes_out(folder, options, answers, tmp_path):
    found = scan(*files_of(folder, tmp_path), *options)
    replicas = found["method"]["replicas"]
    for answer, cluster in zip(answers, found["clusters"], strict=False):
        llr, cases, expected, risk, p, start, end, *members = answer
        assert f'{cluster["llr"]:.6f}' == llr
        assert cluster["cases"] == int(cases)
        assert f'{cluster["expected"]:.2f}' == expected
        if risk != "-":
            assert f'{cluster["relative_risk"]:.2f}' == risk
        if p != "-":  # both are estimates
            p = float(p)
            assert abs(cluster["p"] - p) <= 3 * math.sqrt(2 * max(p * (1 - p), 1e-4) / replicas)
        if start != "-":
            assert (cluster["start"], cluster["end"]) == (start, end)
        assert set(cluster["members"]) == set(members)
    assert len(found["clusters"]) >= len(answers)


# ---- The oracle ----


def rows_of(name):
    return [line.replace(",", " ").split() for line in (DATA / name).read_text().splitlines()]


def day_of(text, first="first"):
    parts = [int(x) for x in text.replace("-", "/").split("/")]
    if len(parts) == 1:
        parts += [7, 1]
    if len(parts) == 2:
        parts += [15]
    return datetime.date(*parts).toordinal()


class Town:
    """The files of tests/data/scan/town as plain dictionaries over places (coordinates) and days."""

    def __init__(self, cases="town.cas"):
        self.at = {r[0]: (float(r[1]), float(r[2])) for r in rows_of("town.geo")}
        self.places = sorted(set(self.at.values()))
        self.cases = [(self.at[r[0]], int(r[1]), day_of(r[2]), tuple(r[3:])) for r in rows_of(cases)]
        self.controls = [(self.at[r[0]], int(r[1]), day_of(r[2])) for r in rows_of("town.ctl")]
        days = [c[2] for c in self.cases]
        self.first, self.last = min(days), max(days)

    def ids(self, places):
        return {name for name, at in self.at.items() if at in places}

    def chains(self, radius, weight):
        most = sum(weight.values()) / 2 + 1e-9
        for centre in self.places:
            order = sorted(self.places, key=lambda p: (math.dist(p, centre), p))
            zone = []
            for place in order:
                zone.append(place)
                if math.dist(place, centre) > radius or sum(weight[p] for p in zone) > most:
                    break
                yield centre, tuple(zone)

    def windows(self, length, prospective):
        for end in range(self.last, self.last + 1) if prospective else range(self.first, self.last + 1):
            for start in range(max(self.first, end - length + 1), end + 1):
                yield start, end


def person_days(census, start, end):
    """Day by hundredths, so that the integral owes nothing to a formula. census: [(day, people)]"""

    def people(t):
        if t <= census[0][0]:
            return census[0][1]
        for (a, p), (b, q) in zip(census, census[1:]):
            if a <= t <= b:
                return p + (q - p) * (t - a) / (b - a)
        return census[-1][1]

    return sum(people(day + (k + 0.5) / 4) / 4 for day in range(start, end + 1) for k in range(4))


def xlog(x, y):
    return x * math.log(x / y) if x > 0 else 0.0


def poisson_llr(c, mu, total):
    return xlog(c, mu) + xlog(total - c, total - mu) if c > mu else 0.0


def bernoulli_llr(c, n, cases, everyone):
    if c * everyone <= n * cases:
        return 0.0
    return (xlog(c, n) + xlog(n - c, n) + xlog(cases - c, everyone - n)
            + xlog(everyone - n - cases + c, everyone - n) - xlog(cases, everyone) - xlog(everyone - cases, everyone))


def best_clusters(town, table, measure, weight, llr, radius, length, prospective, least=2):
    """The best window of each centre, best first, then those that share no place."""
    best = {}
    spans = list(town.windows(length, prospective))
    for centre, zone in town.chains(radius, weight):
        for start, end in spans:
            c = sum(table[p].get(d, 0) for p in zone for d in range(start, end + 1))
            if c < least:
                continue
            m = sum(measure(p, start, end) for p in zone)
            value = llr(c, m)
            if value > best.get(centre, (0,))[0] + 1e-12:
                best[centre] = (value, c, m, zone, start, end)
    taken, out = set(), []
    for cluster in sorted(best.values(), key=lambda b: (-round(b[0], 9), len(b[3]))):
        if not taken & set(cluster[3]):
            out.append(cluster)
            taken |= set(cluster[3])
    return out


def count(rows, places):
    table = {p: {} for p in places}
    for place, n, day, *_ in rows:
        table[place][day] = table[place].get(day, 0) + n
    return table


def assert_same(town, found, expected):
    assert expected and len(found["clusters"]) >= min(5, len(expected))
    for want, got in zip(expected[:5], found["clusters"]):
        value, c, _, zone, start, end = want
        assert got["llr"] == pytest.approx(value, abs=1e-9)
        assert got["cases"] == c
        assert set(got["members"]) == town.ids(zone)
        assert (day_of(got["start"]), day_of(got["end"])) == (start, end)


@pytest.mark.parametrize("prospective, form", [(True, []), (True, ["--general"]), (False, [])])
def test_the_permutation_form_is_what_an_oracle_finds(prospective, form):
    town = Town("town_plain.cas")
    table = count(town.cases, town.places)
    total = sum(c[1] for c in town.cases)
    of_place = {p: sum(table[p].values()) for p in town.places}
    of_day = {d: sum(table[p].get(d, 0) for p in town.places) for d in range(town.first, town.last + 1)}

    def measure(place, start, end):
        return of_place[place] * sum(of_day[d] for d in range(start, end + 1)) / total

    expected = best_clusters(town, table, measure, of_place, lambda c, m: poisson_llr(c, m, total), 1500, 7, prospective)
    found = scan("--model", "stp", "--geo", DATA / "town.geo", "--cas", DATA / "town_plain.cas", "--max-radius", 1500,
                 "--coordinates", "plane", "--max-days", 7, "--replicas", 99, *["--prospective"] * prospective, *form)
    assert found["method"]["form"] == ("live" if prospective and not form else "general")
    assert_same(town, found, expected)
    if prospective:
        first = found["clusters"][0]
        assert first["recurrence_days"] == pytest.approx(min(1 / first["p"], 36525))


def test_what_chance_hardly_ever_makes_is_said_in_words_and_not_in_powers_of_ten(tmp_path):
    days = [f"2026/{1 + d // 28:02}/{1 + d % 28:02}" for d in range(56)]
    lines = [f"{p} 1 {day}" for p in "abcd" for day in days] + [f"a 200 {days[-1]}"]
    (tmp_path / "x.cas").write_text("\n".join(lines))
    (tmp_path / "x.geo").write_text("a 0 0\nb 1000 0\nc 0 1000\nd 1000 1000\n")
    found = scan("--model", "ebp", "--geo", tmp_path / "x.geo", "--cas", tmp_path / "x.cas", "--max-radius", 500, "--coordinates", "plane",
                 "--max-days", 2, "--replicas", 999, "--prospective")  # fmt: skip
    first = found["clusters"][0]
    assert first["p"] < 1e-9 and first["recurrence_days"] == 36525
    assert first["says_en"] == "by chance, something as extreme appears less than once in 100 years"
    assert first["says_zh"] == "若无异常，同等极端的聚集百年也难得偶然出现一次"


def test_the_permutation_form_keeps_to_the_strata_of_covariates():
    town = Town()
    total = sum(c[1] for c in town.cases)
    strata = {c[3] for c in town.cases}
    tables = {k: count([c for c in town.cases if c[3] == k], town.places) for k in strata}
    table = count(town.cases, town.places)

    def measure(place, start, end):
        value = 0
        for t in tables.values():
            everyone = sum(sum(days.values()) for days in t.values())
            then = sum(n for days in t.values() for d, n in days.items() if start <= d <= end)
            value += sum(t[place].values()) * then / everyone
        return value

    weight = {p: sum(table[p].values()) for p in town.places}
    expected = best_clusters(town, table, measure, weight, lambda c, m: poisson_llr(c, m, total), 1500, 5, True)
    found = scan("--model", "stp", "--geo", DATA / "town.geo", "--cas", DATA / "town.cas", "--max-radius", 1500,
                 "--coordinates", "plane", "--max-days", 5, "--prospective", "--replicas", 9)
    assert found["input"]["strata"] == 3  # f, m, and the empty one that nobody uses
    assert_same(town, found, expected)


def test_the_poisson_form_adjusts_for_sex_and_for_growth():
    town = Town()
    total = sum(c[1] for c in town.cases)
    dates = sorted({day_of(r[1]) for r in rows_of("town.pop")})
    census = {}
    for name, date, people, sex in rows_of("town.pop"):
        group = census.setdefault((town.at[name], sex), dict.fromkeys(dates, 0))
        group[day_of(date)] += float(people)
    time = {(key, d): person_days(sorted(group.items()), d, d)
            for key, group in census.items() for d in range(town.first, town.last + 1)}
    rate = {}
    for sex in "fm":
        cases = sum(c[1] for c in town.cases if c[3] == (sex,))
        rate[sex] = cases / sum(t for (key, _), t in time.items() if key[1] == sex)

    def measure(place, start, end):
        return sum(rate[sex] * time[(place, sex), d] for sex in "fm" for d in range(start, end + 1))

    weight = {p: measure(p, town.first, town.last) for p in town.places}
    assert sum(weight.values()) == pytest.approx(total)
    table = count(town.cases, town.places)
    expected = best_clusters(town, table, measure, weight, lambda c, m: poisson_llr(c, m, total), 1200, 6, True)
    found = scan("--model", "poisson", "--geo", DATA / "town.geo", "--cas", DATA / "town.cas", "--pop", DATA / "town.pop",
                 "--coordinates", "plane", "--max-radius", 1200, "--max-days", 6, "--prospective", "--replicas", 9)
    assert_same(town, found, expected)


@pytest.mark.parametrize("spatial", [True, False])
def test_the_bernoulli_form_is_what_an_oracle_finds(spatial):
    town = Town("town_plain.cas")
    cases, controls = count(town.cases, town.places), count(town.controls, town.places)
    total = sum(c[1] for c in town.cases)
    everyone = total + sum(c[1] for c in town.controls)

    def measure(place, start, end):
        return sum(t[place].get(d, 0) for t in (cases, controls) for d in range(start, end + 1))

    weight = {p: sum(cases[p].values()) + sum(controls[p].values()) for p in town.places}
    length = 100 if spatial else 4
    if spatial:
        town.windows = lambda *_: [(town.first, town.last)]
    expected = best_clusters(town, cases, measure, weight, lambda c, n: bernoulli_llr(c, n, total, everyone), 9e9, length, True)
    found = scan("--model", "bernoulli", "--geo", DATA / "town.geo", "--cas", DATA / "town_plain.cas", "--ctl",
                 DATA / "town.ctl", "--coordinates", "plane", "--replicas", 99,
                 *(["--purely-spatial"] if spatial else ["--max-days", 4, "--prospective"]))
    assert_same(town, found, expected)


def test_the_expectation_based_form_takes_its_baseline_from_pop(tmp_path):
    town = Town("town_plain.cas")
    base = {name: 0.05 + 0.01 * i for i, name in enumerate(town.at)}
    (tmp_path / "b.pop").write_text("".join(f"{name} {b}\n" for name, b in base.items()))
    of_place = {p: sum(b for name, b in base.items() if town.at[name] == p) for p in town.places}
    table = count(town.cases, town.places)
    expected = best_clusters(town, table, lambda p, s, e: of_place[p] * (e - s + 1), of_place,
                             lambda c, b: xlog(c, b) + b - c if c > b else 0.0, 1500, 4, True)
    found = scan("--model", "ebp", "--geo", DATA / "town.geo", "--cas", DATA / "town_plain.cas", "--pop", tmp_path / "b.pop",
                 "--coordinates", "plane", "--max-radius", 1500, "--max-days", 4, "--prospective", "--replicas", 99)
    assert_same(town, found, expected)


def test_the_expectation_is_learned_from_the_days_before():
    town = Town("town_plain.cas")
    table = count(town.cases, town.places)
    judged = range(town.last - 3, town.last + 1)
    past = [d for d in range(town.first, town.last + 1) if d not in judged]
    everything = sum(table[p].get(d, 0) for p in town.places for d in past)
    mean = everything / (len(town.places) * len(past))
    per_day = everything / len(past)

    def weekday(day):
        same = [d for d in past if d % 7 == day % 7]
        return sum(table[p].get(d, 0) for p in town.places for d in same) / len(same) / per_day

    factor = {d: weekday(d) for d in judged}
    base = {p: (sum(table[p].get(d, 0) for d in past) + 7 * mean) / (len(past) + 7) for p in town.places}
    town.first = judged[0]
    weight = {p: 1 for p in town.places}
    expected = best_clusters(town, table, lambda p, s, e: base[p] * sum(factor[d] for d in range(s, e + 1)), weight,
                             lambda c, b: xlog(c, b) + b - c if c > b else 0.0, 1200, 4, True)
    found = scan("--model", "ebp", "--geo", DATA / "town.geo", "--cas", DATA / "town_plain.cas", "--coordinates", "plane",
                 "--max-radius", 1200, "--max-days", 4, "--prospective", "--replicas", 9, "--max-share", 1)
    assert_same(town, found, expected)


def test_wards_that_touch_make_a_cluster_without_coordinates(tmp_path):
    """A street of eight wards: 3, 4 and 5 have twelve cases of their own on the last two days."""
    (tmp_path / "w.txt").write_text("".join(f"w{i} w{i + 1}\n" for i in range(1, 8)))
    lines = [f"w{i} 2 2025/03/{day:02}\n" for i in range(1, 9) for day in range(1, 21)]
    lines += [f"w{i} 4 2025/03/{day}\n" for i in (3, 4, 5) for day in (19, 20)]
    (tmp_path / "w.cas").write_text("".join(lines))
    found = scan("--model", "stp", "--cas", "w.cas", "--borders", "w.txt", "--connected", 5, "--prospective", "--max-days", 4,
                 cwd=tmp_path)
    first = found["clusters"][0]
    assert set(first["members"]) == {"w3", "w4", "w5"} and first["start"] == "2025-03-19"
    of_zone, of_days, everything = 3 * 40 + 24, 2 * 16 + 24, 8 * 40 + 24
    assert first["llr"] == pytest.approx(poisson_llr(3 * 4 + 24, of_zone * of_days / everything, everything))
    assert found["method"]["zones"] == "connected sets" and found["method"]["coordinates"] == "none"


def test_a_source_is_seen_down_the_river(tmp_path):
    """a and b flow into c, c into d, d into e: b, c and d are full on the last day."""
    (tmp_path / "r.txt").write_text("a c\nb c\nc d\nd e\n")
    lines = [f"{r} 1 2025/03/{day:02}\n" for r in "abcde" for day in range(1, 31)]
    lines += [f"{r} 9 2025/03/30\n" for r in "bcd"]
    (tmp_path / "r.cas").write_text("".join(lines))
    found = scan("--model", "stp", "--cas", "r.cas", "--river", "r.txt", "--prospective", "--max-days", 3, "--max-share", 0.8,
                 cwd=tmp_path)
    assert found["clusters"][0]["members"] == ["b", "c", "d"]
    assert found["method"]["zones"] == "river"


# ---- What a user meets ----


STP = ["--model", "stp", "--geo", DATA / "town.geo", "--cas", DATA / "town_plain.cas", "--coordinates", "plane",
       "--max-radius", "1500", "--max-days", "7", "--prospective"]


def test_the_same_seed_gives_the_same_answer_and_another_seed_about_the_same_p():
    first, again, other = scan(*STP, "--seed", 7), scan(*STP, "--seed", 7), scan(*STP, "--seed", 8)
    assert first == again
    assert first["method"]["seed"] == "7"
    for a, b in zip(first["clusters"], other["clusters"]):
        assert a["llr"] == b["llr"]
        p = a["p_rank"]
        assert abs(p - b["p_rank"]) <= 4 * math.sqrt(2 * max(p * (1 - p), 1e-3) / 999)


def test_the_live_form_and_the_general_one_agree():
    live, general = scan(*STP), scan(*STP, "--general")
    assert len(live["clusters"]) == len(general["clusters"])
    for a, b in zip(live["clusters"], general["clusters"]):
        for key in "centre", "members", "start", "end", "cases", "llr", "expected", "relative_risk":
            assert a[key] == pytest.approx(b[key]) if isinstance(a[key], float) else a[key] == b[key]
        p = b["p_rank"]
        assert abs(a["p_rank"] - p) <= 4 * math.sqrt(2 * max(p * (1 - p), 1e-3) / 999)


def test_the_planted_rise_is_found_and_told_in_both_languages():
    cluster = scan(*STP)["clusters"][0]
    assert cluster["p"] < 0.01
    assert cluster["start"] >= "2025-04-28" and cluster["end"] == "2025-05-01"
    assert "once in" in cluster["says_en"] and "才会偶然出现一次" in cluster["says_zh"]


def test_a_cluster_is_also_a_feature_of_geojson(tmp_path):
    out = tmp_path / "clusters.geojson"
    clusters = scan(*STP, "--geojson", out, "--replicas", 9)["clusters"]
    features = json.loads(out.read_text())["features"]
    rings = [f for f in features if f["properties"]["kind"] == "cluster"]
    assert [f["properties"]["rank"] for f in rings] == [c["rank"] for c in clusters]
    members = {f["properties"]["id"] for f in features if f["properties"]["kind"] == "member" and f["properties"]["rank"] == 1}
    assert members == set(clusters[0]["members"])
    ring = rings[0]["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1]
    area = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(ring, ring[1:])) / 2
    assert area == pytest.approx(math.pi * clusters[0]["radius"] ** 2, rel=0.01)  # counter-clockwise
    assert json.loads(run(*STP, "--format", "geojson", "--replicas", 9).stdout)["type"] == "FeatureCollection"


def test_stopping_early_gives_the_share_of_the_replicas_made():
    calm = scan(*STP, "--start", "2025/03/03", "--end", "2025/04/20", "--stop-after", 5)
    made = calm["method"]["replicas"]
    assert 5 <= made < 999
    assert calm["clusters"][0]["p_rank"] == pytest.approx(5 / made)
    assert calm["input"]["cases_outside_period"] > 0


WRONG = [
    ("cas", "P01 1 2025/13/01\n", "line 1, column 3", "date"),
    ("cas", "P01 1 2025/03/01\nP99 1 2025/03/01\n", "line 2, column 1", "P99"),
    ("cas", "P01 1.5 2025/03/01\n", "line 1, column 2", "count"),
    ("cas", "P01 -1 2025/03/01\n", "line 1, column 2", "count"),
    ("cas", "P01 1\n", "line 1, column 0", "date"),
    ("cas", "P01 1 2025/02/29\n", "line 1, column 3", "date"),
    ("cas", "P01 1 2025/03/01\nP02 1 2025/03/01 f\n", "line 2, column 4", "fields"),
    ("cas", "P01 1 2025/03\nP02 1 2025/03\n", "t.cas", "less exact"),
    ("cas", "", "no rows", ""),
    ("geo", "P01 1\n", "line 1", "coordinates"),
    ("geo", "P01 1 x\n", "line 1, column 3", "longitude or y"),
    ("geo", "P01 1 2\nP01 1 3\n", "line 2", "other coordinates"),
]


@pytest.mark.parametrize("kind, text, place, word", WRONG, ids=range(len(WRONG)))
def test_what_cannot_be_read_is_named_with_file_line_and_field(kind, text, place, word, tmp_path):
    (tmp_path / "t.geo").write_text("P01 1 2\nP02 3 4\n")
    (tmp_path / "t.cas").write_text("P01 1 2025/03/01\nP02 2 2025/03/09\n")
    (tmp_path / f"t.{kind}").write_text(text)
    done = run("--model", "stp", "--geo", "t.geo", "--cas", "t.cas", "--prospective", "--unit", "day", cwd=tmp_path)
    assert done.returncode == 1 and done.stdout == ""
    assert f"t.{kind}" in done.stderr and place in done.stderr and word in done.stderr
    assert done.stderr.count("\n") == 1


def test_wrong_use_is_told_in_one_line():
    for arguments in (["--model", "stp"], ["--model", "mean", "--cas", "x"], ["--model", "poisson", "--cas", "x", "--geo", "y"],
                      [*STP, "--purely-spatial"], [*STP, "--max-radius", "far"], [*STP, "--seed", "-1"], [*STP, "--replicas", "1e3"]):
        done = run(*arguments)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert run("--help").returncode == 0


def test_metres_are_asked_for_when_a_radius_could_be_kilometres(tmp_path):
    (tmp_path / "t.geo").write_text("a 30.1 120.2\nb 30.11 120.21\n")
    (tmp_path / "t.cas").write_text("a 3 2025/03/01\nb 2 2025/03/09\n")
    base = ["--model", "stp", "--geo", "t.geo", "--cas", "t.cas", "--replicas", 9]
    assert "3km" in run(*base, "--max-radius", "3", cwd=tmp_path).stderr
    assert scan(*base, "--max-radius", "3km", cwd=tmp_path)["method"]["max_radius_m"] == 3000
