"""wardwatch trace on files: planted discharges, silent sensors, one sensor alone, a real network's distances."""
import json
import math
import os
import sqlite3
import struct
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("WW_BIN", str(ROOT / "build/dev/wardwatch"))
SHARED = Path(os.environ.get("WW_SHARED_DATA", ROOT.parent / "shared/data"))
START = datetime(2026, 11, 1, tzinfo=timezone.utc)


def run(folder, *arguments):
    files = [a for name in ("network", "points", "readings") for a in (f"--{name}", str(folder / f"{name}.csv"))]
    return subprocess.run([PROGRAM, "trace", *files, *map(str, arguments)], capture_output=True, text=True, timeout=300)


def write(folder, network, points, clouds, hours=16):
    """clouds: sensor -> (arrival in s, height) or None for silence; a level of 0.2 and a little saw-tooth noise."""
    (folder / "network.csv").write_text("id,downstream,flow_m3s,velocity_ms,length_m\n" + network)
    (folder / "points.csv").write_text("id,kind,reach,at_m\n" + points)
    rows = ["sensor,time,value"]
    for step in range(hours * 6):
        t = step * 600
        for sensor, cloud in clouds.items():
            value = 0.2 + 0.01 * ((step * 7) % 5 - 2)
            if cloud:
                sd = 0.055 * cloud[2]
                value += cloud[1] * (phi((t - cloud[0]) / sd) - phi((t - cloud[0] - 1800) / sd))
            rows.append(f"{sensor},{(START + timedelta(seconds=t)).isoformat()},{value:.6f}")
    (folder / "readings.csv").write_text("\n".join(rows) + "\n")


def phi(z):
    return math.erfc(-z / math.sqrt(2)) / 2


FORK = "a,c,1,0.5,3000\nb,c,1,0.5,3000\nc,,2,0.5,4000\n"
POINTS = "plant A,site,a,1000\nplant B,site,b,1000\nend,sensor,c,3000\n"


def test_a_silent_sensor_clears_the_arm_above_it(tmp_path):
    # from b at 1000 m: 4000 s to the fork, 6000 s more to "end"
    write(tmp_path, FORK, POINTS + "mid,sensor,c,500\non a,sensor,a,2500\n",
          {"end": (30000, 1.5, 10000), "mid": (25000, 1.5, 5000), "on a": None})
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["sensors_that_saw_it"] == 2
    sites = [c["id"] for c in answer["candidates"] if c["kind"] == "site"]
    best = next(c for c in answer["candidates"] if c["kind"] == "site")
    assert sites[0] == "plant B"
    assert best["rate_g_s"] * best["duration_s"] == pytest.approx(1.5 * 2 * 1800, rel=0.15)  # g
    start = datetime.fromisoformat(best["start"].replace("Z", "+00:00"))
    assert abs((start - START).total_seconds() - 20000) < 3000
    seen = {s["sensor"]: s for s in best["sensors"]}
    assert seen["end"]["below"] and not seen["on a"]["below"] and seen["end"]["front"] < seen["end"]["peak"]


def test_one_sensor_gives_a_stretch_and_the_next_sample(tmp_path):
    write(tmp_path, FORK, "end,sensor,c,3000\n", {"end": (30000, 1.5, 10000)})
    answer = json.loads(run(tmp_path).stdout)
    assert answer["verdict"] == "stretch" and answer["stretch_m"] > 2000
    assert 0.2 < answer["next_sample"]["probability_above"] < 0.8
    assert max(c["probability"] for c in answer["candidates"]) < 0.5


def test_quiet_water_accuses_nobody(tmp_path):
    write(tmp_path, FORK, POINTS, {"end": None})
    assert json.loads(run(tmp_path).stdout)["verdict"] == "nothing"


def reaches_of(path):
    """rid -> (start, end, length, upDist) of the shared GeoPackage, WKB read by hand."""
    out = {}
    for rid, blob, length, up in sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute(
            "select rid, geom, Length, upDist from edges"):
        envelope = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}[(blob[3] >> 1) & 7]
        wkb = blob[8 + envelope:]
        n = struct.unpack_from("<I", wkb, 5)[0]
        at = [struct.unpack_from("<2d", wkb, 9 + 16 * i) for i in range(n)]
        out[rid] = (at[0], at[-1], length, up)
    return out


def test_distances_on_a_real_network_are_its_own(tmp_path):
    folder = SHARED / "river_network_middlefork"
    if not folder.exists():
        pytest.skip(f"no {folder} (WW_SHARED_DATA names the folder of shared data)")
    reaches = reaches_of(folder / "edges.gpkg")

    def near(a, b):
        return abs(a[0] - b[0]) < 1 and abs(a[1] - b[1]) < 1

    lines = []
    for rid, (start, end, length, up) in reaches.items():
        down = [o for o, r in reaches.items() if o != rid and near(r[0], end)]
        assert len(down) <= 1
        lines.append((rid, down[0] if down else "", length))
    network = "".join(f"{rid},{down},1,1,{length!r}\n" for rid, down, length in lines)
    sites = sqlite3.connect(f"file:{folder / 'sites.gpkg'}?mode=ro", uri=True).execute(
        "select pid, rid, ratio, upDist from sites order by upDist").fetchall()
    lowest = sites[0]
    points = f"low,sensor,{lowest[1]},{reaches[lowest[1]][2] * (1 - lowest[2])!r}\n"
    points += "".join(f"s{pid},site,{rid},{reaches[rid][2] * (1 - ratio)!r}\n" for pid, rid, ratio, _ in sites[1:])
    write(tmp_path, network, points, {"low": (40000, 1, 20000)}, hours=18)
    done = run(tmp_path, "--piece", 5000, "--top", 1000)
    assert done.returncode == 0, done.stderr
    up = {f"s{pid}": upstream for pid, _, _, upstream in sites}
    compared = 0
    for c in json.loads(done.stdout)["candidates"]:
        for s in c.get("sensors", []):
            if c["kind"] == "site" and s["below"]:
                assert s["travel_s"] * c["velocity_factor"] == pytest.approx(up[c["id"]] - lowest[3], rel=0.02)
                compared += 1
    assert compared >= 3


@pytest.mark.parametrize("file,text,says", [
    ("network", "id,downstream,flow_m3s,velocity_ms,length_m\na,nowhere,1,1,1\n",
     'line 2, field downstream: no reach "nowhere"'),
    ("network", "id,downstream,flow_m3s,velocity_ms,length_m\na,b,1,1,1\nb,a,1,1,1\n", "circle"),
    ("network", "id,downstream,flow_m3s,length_m\na,,1,1\n", "needs velocity_ms above 0, or --velocity"),
    ("points", "id,kind,reach,at_m\nx,sensor,z,1\n", "line 2, field reach: no such reach"),
    ("points", "id,kind,reach,at_m\nx,sensor,a,9999\n", "from 0 to the reach's length"),
    ("points", "id,kind,reach,at_m\nx,boat,a,1\n", "kind is sensor, site or outfall"),
    ("readings", "sensor,time,value\nend,yesterday,1\n", "line 2, field time"),
    ("readings", "sensor,time,value\nnobody,2026-11-01T00:00:00Z,1\n", "no such sensor"),
    ("readings", "sensor,time\n", "no rows"),
])
def test_errors_name_file_line_and_field(tmp_path, file, text, says):
    write(tmp_path, FORK, POINTS, {"end": None}, hours=1)
    (tmp_path / f"{file}.csv").write_text(text)
    done = run(tmp_path)
    assert done.returncode == 1 and says in done.stderr and f"{file}.csv" in done.stderr, done.stderr


def test_help_teaches_in_two_languages():
    done = subprocess.run([PROGRAM, "trace", "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "--network" in done.stdout and "溯源" in done.stdout
    assert subprocess.run([PROGRAM, "trace"], capture_output=True).returncode == 2
