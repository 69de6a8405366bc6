#!/usr/bin/env python3
"""Scores files with `wardwatch score` and measures the scores.

    evaluate.py synthetic [--seeds 3]     planted events of our own: VUS-PR, NAB-like score, false alarms on twins
    evaluate.py null                      false alarms a sensor-week on unlabelled real series, exact Poisson interval
    evaluate.py faults                    faults in a third of Beijing's stations, area events: what they are called
    evaluate.py gecco | nab               the labelled sets: for reporting, never for choosing anything

Needs $WW_BIN or build/*/wardwatch; the real sets lie in ../shared/data or $WW_SHARED_DATA.
"""

import argparse
import csv
import glob
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import synthetic  # noqa: E402
from nab_score import LOW_FN, LOW_FP, STANDARD, nab_score  # noqa: E402
from vus_pr import runs_of, vus_pr  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(HERE))
SHARED = os.environ.get("WW_SHARED_DATA") or os.path.join(ROOT, "../shared/data")


def program():
    built = glob.glob(os.path.join(ROOT, "build", "*", "wardwatch"))
    return os.environ.get("WW_BIN") or max(built, key=os.path.getmtime)


def score(path, *options):
    """[(score, alarm)] a row."""
    done = subprocess.run([program(), "score", path, *options], check=True, capture_output=True, text=True)
    return [(float(row["score"]), row["alarm"] == "1") for row in csv.DictReader(done.stdout.splitlines())]


def alarm_starts(rows):
    return [i for i, (_, alarm) in enumerate(rows) if alarm and not (i and rows[i - 1][1])]


def events_found(rows, labels):
    """(found, all, median delay in rows) of labelled runs with an alarm row inside."""
    runs = runs_of(labels)
    delays = []
    for a, b in runs:
        hit = next((i for i in range(a, b + 1) if rows[i][1]), None)
        if hit is not None:
            delays.append(hit - a)
    delays.sort()
    return len(delays), len(runs), delays[len(delays) // 2] if delays else None


def poisson_interval(n, exposure):
    """The exact 95 % interval of a rate: n seen in `exposure`, by bisection on the Poisson tail."""
    import math

    def tail(mean, upto):  # P(X <= upto)
        term = total = math.exp(-mean)
        for i in range(1, upto + 1):
            term *= mean / i
            total += term
        return total

    def solve(wanted, upto):
        low, high = 0.0, n * 2 + 50.0
        for _ in range(100):
            middle = (low + high) / 2
            if tail(middle, upto) > wanted:
                low = middle
            else:
                high = middle
        return (low + high) / 2

    lower = 0.0 if n == 0 else solve(0.975, n - 1)
    return lower / exposure, solve(0.025, n) / exposure


def false_alarms(rows, labels, step_s):
    """Alarms that begin outside labelled runs and half an hour or three rows behind them, and the weeks there."""
    near = set()
    for a, b in runs_of(labels):
        near.update(range(a, b + 1 + max(3, int(1800 / step_s))))
    starts = [i for i in alarm_starts(rows) if i not in near]
    return len(starts), (len(rows) - len(near)) * step_s / (7 * 86400)


def run_synthetic(seeds):
    by_kind, windows = {}, []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            for events in (True, False):
                for case in synthetic.cases(seed, events):
                    path = os.path.join(folder, "case.csv")
                    case.write(path)
                    rows = score(path, "--time", "time")
                    kept = by_kind.setdefault(case.name, {"vus": [], "fa": 0, "weeks": 0.0, "found": 0, "all": 0, "w": []})
                    if events:
                        kept["vus"].append(vus_pr([s for s, _ in rows], case.labels, 50))
                        found, count, _ = events_found(rows, case.labels)
                        kept["found"] += found
                        kept["all"] += count
                        one = ([s for s, _ in rows], case.windows())
                        kept["w"].append(one)
                        if not case.name.startswith("water"):
                            windows.append(one)
                    else:
                        alarms, weeks = false_alarms(rows, case.labels, case.step_s)
                        kept["fa"] += alarms
                        kept["weeks"] += weeks
    print(f"{'kind':18s} VUS-PR  found    NAB-like  false alarms/month (twin)")
    vus = []
    for name, k in by_kind.items():
        mean = sum(k["vus"]) / len(k["vus"])
        vus.append(mean)
        print(f"{name:18s} {mean:.3f}  {k['found']:3d}/{k['all']:3d}  {nab_score(k['w'])[0]:6.1f}   {k['fa'] / k['weeks'] * 4.35:6.2f}")
    print(f"mean VUS-PR {sum(vus) / len(vus):.4f}; NAB-like, one threshold: "
          + " / ".join(f"{nab_score(windows, w)[0]:.1f}" for w in (STANDARD, LOW_FP, LOW_FN))
          + f" at {nab_score(windows)[1]:.3f}")


def beijing(column):
    for path in sorted(glob.glob(os.path.join(SHARED, "air_beijing_prsa/PRSA*.csv.gz"))):
        yield path, ["--time", "year", "--time", "month", "--time", "day", "--time", "hour", "--time-format", "%Y %m %d %H",
                     "--zone", "Asia/Shanghai", "--value", column], 3600


def null_series():
    for column in ("PM2.5", "NO2", "O3", "TEMP", "PRES"):
        yield f"beijing {column}", list(beijing(column))
    station = os.path.join(SHARED, "detection/canary_station_b/station_b.csv")
    for column in ("B_CL2_VAL", "B_TURB_VAL", "B_PH_VAL", "B_TOC_VAL", "B_COND_VAL", "B_TEMP_VAL"):
        yield f"station B {column}", [(station, ["--time", "TimeStep", "--time-format", "%m/%d/%Y %H:%M:%S", "--value", column], 1200)]


def run_null():
    """Real series without labels: what is called an alarm here is partly true, so the rate is an upper bound."""
    with tempfile.TemporaryDirectory() as folder:
        for name, files in null_series():
            alarms, weeks = 0, 0.0
            for path, options, step_s in files:
                if path.endswith(".gz"):
                    plain = os.path.join(folder, "plain.csv")
                    with gzip.open(path, "rb") as packed, open(plain, "wb") as out:
                        shutil.copyfileobj(packed, out)
                    path = plain
                rows = score(path, *options)
                alarms += len(alarm_starts(rows))
                weeks += len(rows) * step_s / (7 * 86400)
            low, high = poisson_interval(alarms, weeks)
            print(f"{name:22s} alarms {alarms:5d} in {weeks:7.1f} sensor-weeks: {alarms / weeks:.3f} a week [{low:.3f}, {high:.3f}]")


def run_faults(seeds):
    """Twelve real stations; faults and area events are planted by tests/detect/faults.c, which is compared with a rule."""
    with open(os.path.join(SHARED, "air_beijing_prsa/stations.csv"), newline="") as file:
        place = {row["station"]: (row["lon"], row["lat"]) for row in csv.DictReader(file)}
    for column in ("PM2.5", "NO2", "O3"):
        series = {}
        for path in sorted(glob.glob(os.path.join(SHARED, "air_beijing_prsa/PRSA*.csv.gz"))):
            with gzip.open(path, "rt") as file:
                rows = list(csv.DictReader(file))
            series[rows[0]["station"]] = [row[column].replace("NA", "nan") for row in rows]
        names = sorted(series)
        text = f"{len(names)}\n" + "".join(f"{place[n][0]} {place[n][1]}\n" for n in names)
        text += "\n".join(" ".join(values) for values in zip(*(series[n] for n in names)))
        tool = os.path.join(os.path.dirname(program()), "tests/detect_faults")
        for seed in range(1, seeds + 1):
            print(f"== {column}, seed {seed}")
            print(subprocess.run([tool, str(seed)], input=text, check=True, capture_output=True, text=True).stdout, end="")


def nab_files(shared):
    """[(name, rows, windows as row numbers)] in file order; an edge is the first row with its stamp."""
    spans = json.load(open(os.path.join(shared, "detection/nab/labels/windows.json")))
    for name in sorted(spans):
        with open(os.path.join(shared, "detection/nab/data", name), newline="") as file:
            stamps = [row["timestamp"] for row in csv.DictReader(file)]
        at = {}
        for i, stamp in enumerate(stamps):
            at.setdefault(stamp[:19], i)
        yield name, stamps, [(at[a[:19]], at[b[:19]]) for a, b in spans[name]]


def run_nab():
    files = []
    for name, stamps, windows in nab_files(SHARED):
        rows = score(os.path.join(SHARED, "detection/nab/data", name), "--time", "timestamp", "--value", "value")
        assert len(rows) == len(stamps)
        files.append(([s for s, _ in rows], windows))
        inside = sum(any(a <= i <= b for a, b in windows) for i in alarm_starts(rows))
        hit = sum(any(rows[i][1] for i in range(a, b + 1)) for a, b in windows)
        alone = [nab_score([files[-1]], w)[0] for w in (STANDARD, LOW_FP)]
        print(f"{name:60s} windows hit at the shipped setting {hit}/{len(windows)}; alarms inside {inside}, outside "
              f"{len(alarm_starts(rows)) - inside}; alone {alone[0]:.0f} / {alone[1]:.0f}")
    for label, weights in (("standard", STANDARD), ("low FP", LOW_FP), ("low FN", LOW_FN)):
        print(f"{label}: {nab_score(files, weights)[0]:.1f} at score {nab_score(files, weights)[1]:.4f}")


def run_gecco():
    path = os.path.join(SHARED, "detection/gecco2018_water/geccoIC2018Train.csv.gz")
    columns = ("Tp", "Cl", "pH", "Redox", "Leit", "Trueb", "Cl_2")
    with tempfile.TemporaryDirectory() as folder:
        plain = os.path.join(folder, "gecco.csv")
        with gzip.open(path, "rb") as packed, open(plain, "wb") as out:
            shutil.copyfileobj(packed, out)
        rows = score(plain, "--time", "Time", *[o for c in columns for o in ("--value", c)])
        with open(plain, newline="") as file:
            table = list(csv.DictReader(file))
    complete = [i for i, row in enumerate(table) if "NA" not in row.values()]
    labels = [row["EVENT"] == "TRUE" for row in table]
    kept = [labels[i] for i in complete]
    print(f"rows {len(table)}, without NA {len(complete)}, events {len(runs_of(kept))}")
    for w in (57, 100):
        print(f"VUS-PR (W = {w}): {vus_pr([rows[i][0] for i in complete], kept, w):.4f}")
    found, count, delay = events_found(rows, labels)
    alarms, weeks = false_alarms(rows, labels, 60)
    low, high = poisson_interval(alarms, weeks)
    print(f"at the shipped setting: {found}/{count} events, median delay {delay} min, false alarms a week "
          f"{alarms / weeks:.2f} [{low:.2f}, {high:.2f}] ({alarms} in {weeks:.1f} weeks)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("synthetic", "null", "faults", "gecco", "nab"))
    parser.add_argument("--seeds", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.what in ("synthetic", "faults"):
        {"synthetic": run_synthetic, "faults": run_faults}[arguments.what](arguments.seeds)
    else:
        {"null": run_null, "gecco": run_gecco, "nab": run_nab}[arguments.what]()


if __name__ == "__main__":
    main()
