"""wardwatch hotspot on files: published answers, a plain oracle, every way to say who is whose neighbour.

No database is needed.
"""
import csv
import io
import json
import math
import os
import random
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("WW_BIN", str(ROOT / "build/dev/wardwatch"))
SHARED = Path(os.environ.get("WW_SHARED_DATA", ROOT.parent / "shared/data"))


def run(*arguments, text=None):
    return subprocess.run([PROGRAM, "hotspot", *map(str, arguments)], capture_output=True, text=True, input=text,
                          timeout=300)


def hotspot(*arguments, text=None):
    done = run(*arguments, text=text)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def by_id(answer):
    return {place["id"]: place for place in answer["places"]}


def shared(name):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"no {path} (WW_SHARED_DATA names the folder of shared data)")
    return path


def gstar(values, neighbours):
    """Gi* with binary weights, straight from the formula."""
    n = len(values)
    mean = sum(values) / n
    spread = math.sqrt(sum(v * v for v in values) / n - mean * mean)
    z = []
    for i, near in enumerate(neighbours):
        members = set(near) | {i}
        w = len(members)
        z.append((sum(values[j] for j in members) - w * mean) / (spread * math.sqrt((n * w - w * w) / (n - 1))))
    return z


# ---- Published answers ----


@pytest.mark.parametrize("band", [30, 60, 90, 120, 150])
def test_the_grid_of_getis_and_ord(band):
    folder = shared("detection/getisord_grid")
    places = by_id(hotspot("--values", folder / "grid_xyz.csv", "--band", band))
    for row in csv.DictReader(open(folder / "local_G.csv")):
        place = places[row["i"]]
        assert place["g"] == pytest.approx(float(row[f"G{band}"]), abs=1e-6)
        assert place["gstar"] == pytest.approx(float(row[f"Gstar{band}"]), abs=1e-6)


def test_north_carolina():
    folder = shared("detection/sids_spdep")
    table = folder / "nc_sids_local_stats.csv"
    common = ["--values", table, "--weights", folder / "ncCR85_pairs.csv", "--row-standardise"]
    raw = hotspot(*common, "--value", "r74")
    rows = list(csv.DictReader(open(table)))
    for place, row in zip(raw["places"], rows):
        assert place["moran"]["i"] == pytest.approx(float(row["Ii_r74"]), abs=1e-6)
        assert place["moran"]["variance"] == pytest.approx(float(row["Var_r74"]), abs=1e-6)
        assert place["moran"]["z"] == pytest.approx(float(row["Z_r74"]), abs=1e-6)
    assert raw["global"]["moran"]["i"] == pytest.approx(0.23851723, abs=5e-9)
    assert raw["global"]["moran"]["z"] == pytest.approx(3.8674, abs=5e-5)
    made = hotspot(*common, "--value", "SID74", "--population", "BIR74", "--transform", "freeman-tukey")
    assert made["global"]["moran"]["i"] == pytest.approx(0.24719261, abs=5e-9)
    best = max(zip(made["places"], rows), key=lambda pair: pair[0]["gstar"])
    assert best[1]["NAME"] == "Northampton" and best[0]["gstar"] == pytest.approx(3.684213, abs=1e-6)


# ---- Neighbours ----


def town(n=60, seed=1):
    dice = random.Random(seed)
    return [(f"s{i}", dice.uniform(107.0, 107.1), dice.uniform(29.8, 29.9), dice.gauss(10, 3)) for i in range(n)]


def as_csv(places, head="id,lon,lat,value"):
    return head + "\n" + "".join(",".join(map(str, p)) + "\n" for p in places)


def metres(a, b):
    r = math.pi / 180
    u, v = math.sin((b[2] - a[2]) * r / 2), math.sin((b[1] - a[1]) * r / 2)
    return 2 * 6371008.8 * math.asin(math.sqrt(u * u + math.cos(a[2] * r) * math.cos(b[2] * r) * v * v))


def test_a_band_in_metres_on_degrees_goes_along_great_circles():
    places = town()
    done = run("--values", "-", "--band", 1500, text=as_csv(places))
    assert "great circles" in done.stderr
    answer = json.loads(done.stdout)
    near = [[j for j, b in enumerate(places) if j != i and metres(a, b) <= 1500] for i, a in enumerate(places)]
    want = gstar([p[3] for p in places], near)
    for place, z, neighbours in zip(answer["places"], want, near):
        assert place["gstar"] == pytest.approx(z, abs=1e-6) and place["neighbours"] == len(neighbours)
        assert place["p_normal"] == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), rel=1e-6)


def test_plane_and_degrees_are_told_apart():
    places = [(i, 30.0 * (i % 5), 30.0 * (i // 5), i) for i in range(25)]
    done = run("--values", "-", "--band", 30, text=as_csv(places, "id,x,y,value"))
    assert "plane" in done.stderr and json.loads(done.stdout)["method"]["distances"] == "plane"
    done = run("--values", "-", "--band", 30, "--degrees", text=as_csv(places, "id,x,y,value"))
    assert done.returncode == 1 and "line 22, field y: 0, 120 are no degrees" in done.stderr


def test_files_say_the_same_as_the_nearest_they_were_made_of(tmp_path):
    places = town()
    near = [sorted(range(len(places)), key=lambda j, a=a: metres(a, places[j]))[1:5] for a in places]
    gal = f"0 {len(places)} town id\n"
    gwt = f"0 {len(places)} town id\n"
    pairs = "from,to\n"
    for a, row in zip(places, near):
        gal += f"{a[0]} {len(row)}\n" + " ".join(places[j][0] for j in row) + "\n"
        for j in row:
            gwt += f"{a[0]} {places[j][0]} {metres(a, places[j]):.6f}\n"
            pairs += f"{a[0]},{places[j][0]}\n"
    (tmp_path / "w.gal").write_text(gal)
    (tmp_path / "w.gwt").write_text(gwt)
    (tmp_path / "w.csv").write_text(pairs)
    want = hotspot("--values", "-", "--knn", 4, text=as_csv(places))["places"]
    for name in ["w.gal", "w.gwt", "w.csv"]:
        answer = hotspot("--values", "-", "--weights", tmp_path / name, text=as_csv(places))
        assert answer["places"] == want, name
        if name == "w.gwt":
            assert answer["method"]["third_column"].startswith("distance")
    weighted = hotspot("--values", "-", "--weights", tmp_path / "w.gwt", "--gwt", "weight", text=as_csv(places))
    assert weighted["places"] != want


def chessboard(side=8, value=lambda x, y: x):
    features = []
    for y in range(side):
        for x in range(side):
            a, b, s = 107 + x * 0.01, 29 + y * 0.01, 0.01
            ring = [[a, b], [a + s, b], [a + s, b + s], [a, b + s], [a, b]]
            features.append({"type": "Feature", "properties": {"id": f"{x}-{y}", "value": value(x, y)},
                             "geometry": {"type": "Polygon", "coordinates": [ring]}})
    return json.dumps({"type": "FeatureCollection", "features": features})


@pytest.mark.parametrize("kind,corner,edge,inside", [("queen", 3, 5, 8), ("rook", 2, 3, 4)])
def test_polygons_neighbour_as_queens_and_rooks(kind, corner, edge, inside):
    places = by_id(hotspot("--values", "-", "--contiguity", kind, text=chessboard()))
    assert [places[i]["neighbours"] for i in ("0-0", "3-0", "3-3")] == [corner, edge, inside]


def test_wards_of_the_district_neighbour():
    wards = json.loads(shared("changshou/wards_synthetic.geojson").read_text())
    for i, ward in enumerate(wards["features"]):
        ward["properties"]["value"] = i
    answer = hotspot("--values", "-", "--id", "code", "--contiguity", "queen", text=json.dumps(wards))
    assert answer["n"] == len(wards["features"]) and answer["without_neighbours"] == 0


def test_hexagons_keep_their_names_and_hold_their_rows():
    places = town(400)
    first = hotspot("--values", "-", "--hex", 1000, text=as_csv(places))
    second = hotspot("--values", "-", "--hex", 1000, text=as_csv(places[::-1] + town(30, seed=9)))
    assert {p["id"] for p in first["places"]} <= {p["id"] for p in second["places"]}
    counted = hotspot("--values", "-", "--hex", 1000, "--of", "count", text=as_csv(places))
    assert sum(p["value"] for p in counted["places"]) == 400
    done = run("--values", "-", "--hex", 1000, "--format", "geojson", text=as_csv(places))
    for feature in json.loads(done.stdout)["features"]:
        ring = feature["geometry"]["coordinates"][0]
        assert len(ring) == 7 and ring[0] == ring[-1]
        sides = [metres((0, *a), (0, *b)) for a, b in zip(ring, ring[1:])]
        assert all(s == pytest.approx(1000 / math.sqrt(3), rel=0.005) for s in sides)


# ---- What is found ----


def test_a_planted_spot_is_hot_and_the_rest_is_not():
    spot = chessboard(12, lambda x, y: (20 if 3 <= x <= 5 and 3 <= y <= 5 else 10) + ((x * 7 + y * 13) % 5) / 5)
    for extra in ([], ["--p", "permutation", "--permutations", "9999"], ["--statistic", "moran"]):
        places = by_id(hotspot("--values", "-", "--contiguity", "queen", *extra, text=spot))
        assert places["4-4"]["class"] == "hot" and places["10-10"]["class"] == "none"
    same = [hotspot("--values", "-", "--contiguity", "queen", "--permutations", 999, "--seed", 5, text=spot)
            for _ in range(2)]
    assert same[0] == same[1]


def test_places_without_a_value_are_left_out():
    places = town(30)
    text = as_csv(places[:10] + [("gap", 107.05, 29.85, "")] + [("na", 107.05, 29.85, "NA")] + places[10:])
    answer = hotspot("--values", "-", "--knn", 5, text=text)
    assert answer["without_value"] == 2 and answer["places"] == hotspot("--values", "-", "--knn", 5,
                                                                        text=as_csv(places))["places"]


def test_skewed_values_are_not_judged_by_the_normal_law():
    dice = random.Random(4)
    skewed = chessboard(15, lambda x, y: dice.lognormvariate(0, 1))
    answer = hotspot("--values", "-", "--contiguity", "queen", text=skewed)
    assert answer["method"]["p"] == "dealt" and answer["hot"] == 0
    normal = hotspot("--values", "-", "--contiguity", "queen", "--p", "normal", text=skewed)
    assert all(p["p"] == p["p_normal"] for p in normal["places"])


def test_a_spot_that_grows_over_months_intensifies():
    rows = []
    dice = random.Random(2)
    for month in range(1, 13):
        for y in range(10):
            for x in range(10):
                value = dice.gauss(10, 1) + (5 + month if x < 3 and y < 3 else 0)
                rows.append((f"{x}-{y}", x * 100, y * 100, value, f"2026-{month:02d}-15T08:00:00+08:00"))
    dice.shuffle(rows)
    answer = hotspot("--values", "-", "--band", 150, "--time", "at", "--bin", "month",
                     text=as_csv(rows, "id,x,y,value,at"))
    assert answer["bins"] == [f"2026-{m:02d}" for m in range(1, 13)]
    places = by_id(answer)
    assert (places["1-1"]["class"], places["1-1"]["side"]) == ("intensifying", "hot")
    assert places["7-7"]["class"] == "none"


def test_formats_agree():
    text = as_csv(town())
    answer = hotspot("--values", "-", "--knn", 4, text=text)
    rows = list(csv.DictReader(io.StringIO(run("--values", "-", "--knn", 4, "--format", "csv", text=text).stdout)))
    features = json.loads(run("--values", "-", "--knn", 4, "--format", "geojson", text=text).stdout)["features"]
    for place, row, feature in zip(answer["places"], rows, features):
        assert float(row["gstar"]) == place["gstar"] and row["class"] == place["class"]
        assert feature["properties"] == place and feature["geometry"]["type"] == "Point"


# ---- What is refused ----


@pytest.mark.parametrize("arguments,text,says", [
    (["--knn", 2], "id,x,y,value\na,1,1,1\n", "three are needed"),
    (["--knn", 2], "id,x,y,value\na,1,1,1\nb,2,2,q\n", 'line 3, field value: "q" is not a number'),
    (["--knn", 2], "id,x,y,value\na,1,1,1\na,2,2,3\n", "line 3, field id: a stands in line 2 already"),
    (["--knn", 2], "id,x,y\na,1,1\n", 'no column "value"; there are: id, x, y'),
    (["--knn", 2], "id,x,y,value\na,1,1\n", "the row has 3 cells, the head 4"),
    (["--knn", 9], "id,x,y,value\na,1,1,1\nb,1,2,2\nc,2,2,3\n", "9 nearest neighbours of 3 places"),
    (["--knn", "1.5"], "id,x,y,value\na,1,1,1\nb,1,2,2\nc,2,2,3\n", "whole number"),
    (["--band", "far"], "id,x,y,value\na,1,1,1\nb,1,2,2\nc,2,2,3\n", "--band needs a number, not far"),
    (["--band", 10], "id,lon,lat,value\na,1,91,1\nb,1,2,2\nc,2,2,3\n", "line 2, field lat"),
    (["--knn", 2], "id,value\na,1\nb,2\nc,3\n", "need coordinates of all places"),
    (["--contiguity", "queen"], "id,value\na,1\nb,2\nc,3\n", "line 2: contiguity needs polygons"),
    (["--contiguity", "bishop"], "id,value\na,1\nb,2\nc,3\n", "queen or rook"),
    (["--knn", 2, "--transform", "rate"], "id,x,y,value\na,1,1,1\n", 'no column "population"'),
    (["--knn", 2, "--transform", "rate"], "id,x,y,value,population\na,1,1,1,0\n", "a population must be above 0"),
    (["--knn", 1], '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"value":"x"}}]}',
     "feature 1, field value"),
    (["--knn", 1], "", "no rows"),
])
def test_errors_name_line_and_field(arguments, text, says):
    done = run("--values", "-", *arguments, text=text)
    assert done.returncode == 1 and says in done.stderr, done.stderr


def test_a_bad_weights_file_is_named_with_its_line(tmp_path):
    (tmp_path / "w.gal").write_text("3\na 1\nb\nb 1\nnobody\nc 0\n")
    done = run("--values", "-", "--weights", tmp_path / "w.gal", text="id,value\na,1\nb,2\nc,3\n")
    assert done.returncode == 1 and "w.gal" in done.stderr and "no place has this name" in done.stderr
    assert "line 5" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["--knn", "2", "--band", "3"], ["--knn", "2", "--p", "maybe"], ["--knn", "2", "--fdr", "2"], ["--what", "1"],
                                       ["--knn", "2", "--statistic", "moran", "--sides", "hot"]])
def test_wrong_use_is_told_from_wrong_input(arguments):
    assert run("--values", "-", *arguments, text="").returncode == 2


def test_help_teaches_in_two_languages():
    done = run("--help")
    assert done.returncode == 0 and "--contiguity queen|rook" in done.stdout and "热点" in done.stdout
