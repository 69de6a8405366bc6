"""wardwatch trace: map features, decay, known discharges, forecasts downstream, sources in the air."""
import json
import math
import random
import subprocess
from datetime import datetime, timedelta

import pytest

from test_trace import FORK, POINTS, PROGRAM, START, run, write

LINES = {"a": [[113.0, 28.03], [113.0, 28.02], [113.01, 28.0]], "b": [[113.03, 28.03], [113.01, 28.0]],
         "c": [[113.01, 28.0], [113.01, 27.96]]}


def features(folder):
    """The network as GeoJSON, with the lengths of the CSV."""
    rows = [line.split(",") for line in FORK.split()]
    (folder / "network.csv").write_text(json.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "geometry": {"type": "LineString", "coordinates": LINES[r[0]]},
         "properties": {"id": r[0], "downstream": r[1], "flow_m3s": float(r[2]), "velocity_ms": float(r[3]), "length_m": float(r[4])}}
        for r in rows]}))


def test_the_answer_as_features_lies_on_the_water(tmp_path):
    write(tmp_path, FORK, POINTS + "mid,sensor,c,500\n", {"end": (30000, 1.5, 10000), "mid": (25000, 1.5, 5000)})
    features(tmp_path)
    plain, answer = json.loads(run(tmp_path).stdout), json.loads(run(tmp_path, "--geojson").stdout)
    assert answer["type"] == "FeatureCollection" and answer["verdict"] == plain["verdict"]
    sample, first = answer["features"][:2]
    assert sample["properties"]["kind"] == "next sample" and sample["geometry"]["type"] == "Point"
    assert [f["properties"] for f in answer["features"][1:]] == plain["candidates"]
    site = next(f for f in answer["features"] if f["properties"].get("id") == "plant B")
    lon, lat = site["geometry"]["coordinates"]  # a third down a straight line
    assert (lon, lat) == (pytest.approx(113.03 - 0.02 / 3, abs=1e-4), pytest.approx(28.03 - 0.01, abs=1e-4))
    piece = next(f for f in answer["features"] if f["properties"].get("kind") == "stretch")
    assert piece["geometry"]["type"] == "LineString" and len(piece["geometry"]["coordinates"]) >= 2


def test_pieces_keep_the_bends_of_the_line(tmp_path):
    write(tmp_path, FORK, "end,sensor,c,3000\n", {"end": (30000, 1.5, 10000)})
    features(tmp_path)
    answer = json.loads(run(tmp_path, "--geojson", "--piece", 3000, "--top", 10).stdout)
    whole = next(f for f in answer["features"] if f["properties"]["reach"] == "a" and f["properties"]["kind"] == "stretch")
    assert whole["geometry"]["coordinates"] == LINES["a"]


def test_a_network_without_lines_has_features_without_geometry(tmp_path):
    write(tmp_path, FORK, POINTS, {"end": (30000, 1.5, 10000)})
    answer = json.loads(run(tmp_path, "--geojson").stdout)
    assert all(f["geometry"] is None for f in answer["features"])


def test_what_decays_started_stronger(tmp_path):
    write(tmp_path, FORK, POINTS, {"end": (30000, 1.5, 10000)})
    def mass(*options):
        best = next(c for c in json.loads(run(tmp_path, *options).stdout)["candidates"] if c.get("id") == "plant B")
        return best["rate_g_s"] * best["duration_s"], best["sensors"][0]["travel_s"] * best["velocity_factor"]
    stays, _ = mass()
    decays, travel = mass("--decay", 0.5)  # for as long as it travels by the velocities given, not those that fit best
    assert travel == pytest.approx(10000, rel=1e-6)
    assert decays / stays == pytest.approx(math.exp(0.5 * travel / 3600), rel=1e-3)


def test_a_known_discharge_counts_at_its_time_only(tmp_path):
    write(tmp_path, FORK, POINTS, {"end": (30000, 1.5, 10000)})

    def probability(site, begins_h, times=""):
        (tmp_path / "known.csv").write_text("site,from,to,times\n" + f"{site},{(START + timedelta(hours=begins_h)).isoformat()},"
                                            f"{(START + timedelta(hours=begins_h + 1)).isoformat()},{times}\n")
        answer = json.loads(run(tmp_path, "--discharges", tmp_path / "known.csv").stdout)
        return next(c["probability"] for c in answer["candidates"] if c.get("id") == site)

    usual = next(c["probability"] for c in json.loads(run(tmp_path).stdout)["candidates"] if c.get("id") == "plant A")
    assert probability("plant A", 5.5) > 1.5 * usual
    assert probability("plant A", 5.5, 1) == pytest.approx(usual)
    assert probability("plant A", -20) == pytest.approx(usual, rel=0.1)
    (tmp_path / "known.csv").write_text("site,from,to\nnobody,2026-11-01T00:00:00Z,2026-11-02T00:00:00Z\n")
    done = run(tmp_path, "--discharges", tmp_path / "known.csv")
    assert done.returncode == 1 and "known.csv" in done.stderr and "line 2, field site: no such site" in done.stderr


def forward(folder, *options):
    return subprocess.run([PROGRAM, "trace", "--network", str(folder / "network.csv"), "--points", str(folder / "points.csv"),
                           *map(str, options)], capture_output=True, text=True, timeout=60)


def test_a_forecast_says_when_the_front_the_peak_and_the_rear_pass_and_how_strong(tmp_path):
    write(tmp_path, FORK, POINTS, {"end": None}, hours=1)
    done = forward(tmp_path, "--forward", "plant B", "--start", "2026-11-01T00:00:00Z", "--duration", 36000, "--rate", 3)
    assert done.returncode == 0, done.stderr
    arrivals = json.loads(done.stdout)["arrivals"]
    assert [a.get("sensor") or a["end_of_reach"] for a in arrivals] == ["b", "end", "c"]
    end = arrivals[1]
    assert end["travel_s"] == pytest.approx(10000) and end["share"] == 1
    at = {k: (datetime.fromisoformat(end[k].replace("Z", "+00:00")) - START).total_seconds() for k in ("front", "peak", "rear")}
    assert at["front"] == pytest.approx(8900, abs=1)  # 0.89 of the peak's: Jobson 1997
    assert at["peak"] == pytest.approx(10000 + 18000, abs=1)
    assert at["rear"] == pytest.approx(36000 + 10000 + 2 * 550, abs=1)
    assert arrivals[0]["peak_mg_l"] == pytest.approx(3, rel=0.01) and end["peak_mg_l"] == pytest.approx(1.5, rel=0.01)  # mixed with a
    weaker = json.loads(forward(tmp_path, "--forward", "plant B", "--start", "2026-11-01T00:00:00Z", "--duration", 36000, "--rate", 3,
                                "--decay", 0.36).stdout)["arrivals"][1]
    assert weaker["peak_mg_l"] == pytest.approx(1.5 * math.exp(-1), rel=0.01)


def test_a_forecast_needs_a_site_that_is_there(tmp_path):
    write(tmp_path, FORK, POINTS, {"end": None}, hours=1)
    done = forward(tmp_path, "--forward", "nobody", "--start", "2026-11-01T00:00:00Z", "--duration", 1, "--rate", 1)
    assert done.returncode == 1 and 'there is no site "nobody"' in done.stderr
    assert forward(tmp_path, "--forward", "plant B").returncode == 2


def air(folder, truth="east", hours=96, seed=3):
    r = random.Random(seed)
    places = {"east": (113.03, 28.0), "north": (113.0, 28.03), "west": (112.97, 28.005)}
    sensors = {"s1": (113.0, 28.0), "s2": (113.01, 28.012)}
    (folder / "points.csv").write_text("id,kind,lon,lat\n" + "".join(f"{k},site,{x},{y}\n" for k, (x, y) in places.items())
                                       + "".join(f"{k},sensor,{x},{y}\n" for k, (x, y) in sensors.items()))
    wind, readings = ["time,from_deg,speed_ms"], ["sensor,time,value"]
    for hour in range(hours):
        at, from_deg, speed = START + timedelta(hours=hour), r.uniform(0, 360), 0.2 if hour % 8 == 0 else 2.5
        wind.append(f"{at.isoformat()},{from_deg:.1f},{speed}")
        for k, (x, y) in sensors.items():
            east, north = (places[truth][0] - x) * math.cos(math.radians(28)), places[truth][1] - y
            off = (math.degrees(math.atan2(east, north)) - from_deg + 180) % 360 - 180
            level = 20 + (40 * math.exp(-off * off / 450) if speed > 0.5 else 0)
            readings.append(f"{k},{(at + timedelta(minutes=20)).isoformat()},{level + r.gauss(0, 1):.2f}")
    (folder / "wind.csv").write_text("\n".join(wind) + "\n")
    (folder / "readings.csv").write_text("\n".join(readings) + "\n")
    return subprocess.run([PROGRAM, "trace", *(a for f in ("wind", "points", "readings") for a in (f"--{f}", str(folder / f"{f}.csv")))],
                          capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("truth", ["east", "north", "west"])
def test_the_wind_points_to_the_source(tmp_path, truth):
    done = air(tmp_path, truth)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["candidates"][0]["id"] == truth and answer["candidates"][0]["probability"] > 0.9
    sectors = answer["conditional_probability"][0]["sectors"]
    assert sectors.index(max(s for s in sectors if s is not None)) in {"east": (3, 4, 5), "north": (15, 0, 1), "west": (11, 12, 13)}[truth]
    assert answer["conditional_probability"][0]["calm_hours"] == 12


def test_readings_without_wind_are_told(tmp_path):
    air(tmp_path)
    (tmp_path / "wind.csv").write_text("time,from_deg,speed_ms\n2020-01-01T00:00:00Z,90,3\n")
    done = subprocess.run([PROGRAM, "trace", *(a for f in ("wind", "points", "readings") for a in (f"--{f}", str(tmp_path / f"{f}.csv")))],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "no reading lies in an hour whose wind is known" in done.stderr
    (tmp_path / "wind.csv").write_text("time,from_deg,speed_ms\n2020-01-01T00:00:00Z,900,3\n")
    done = subprocess.run([PROGRAM, "trace", *(a for f in ("wind", "points", "readings") for a in (f"--{f}", str(tmp_path / f"{f}.csv")))],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "wind.csv" in done.stderr and "line 2" in done.stderr
