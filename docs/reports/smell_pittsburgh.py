#!/usr/bin/python3
"""Makes every figure and map of smell-pittsburgh.md: smell_pittsburgh.py DATA WORK [--wardwatch PROGRAM].

DATA is the data set's folder (smell_raw_v1.csv, esdr_v2.1/, the ZIP outlines), WORK gets the inputs and answers
of each run. Only the maps are written beside this script. Steps: inputs, scan, sensors, maps.
"""

import argparse
import csv
import datetime as dt
import glob
import gzip
import json
import os
import subprocess
from collections import Counter, defaultdict
from zoneinfo import ZoneInfo

from smell_pittsburgh_maps import draw_calendar, draw_clusters, draw_reports

HERE = os.path.dirname(os.path.abspath(__file__))
CITY = ZoneInfo("America/New_York")
FIRST, LAST = dt.date(2016, 11, 1), dt.date(2018, 9, 29)  # the whole local days of the reports
HISTORY = 90  # days that a daily run sees
HOOKS = {"h2s": ("H2S_PPM",), "so2": ("SO2_PPM", "SO2_PPB"), "pm2_5": ("PM25", "PM2_5")}

NAMES = {"h2s": "H2S", "so2": "SO2", "pm2_5": "PM2.5"}
SITES = {"1": "Avalon", "3": "North Braddock", "26": "Lawrenceville", "27": "Lawrenceville", "28": "Liberty", "29": "Liberty",
         "43": "Parkway East", "5975": "Parkway East"}
# One feed a site; 3506, 3508 and 5975 repeat the PM2.5 of 26, 29 and 43 for AirNow.
SHOWN = (("h2s", "1"), ("h2s", "28"), ("so2", "1"), ("so2", "3"), ("so2", "27"), ("so2", "28"), ("pm2_5", "1"), ("pm2_5", "26"), ("pm2_5", "29"))


def day_of(epoch):
    return dt.datetime.fromtimestamp(int(epoch), CITY).date()


def read_areas(data):
    """{ZIP: list of rings} of all areas of the county."""
    with gzip.open(os.path.join(data, "zipcode_bound_allegheny.geojson.gz"), "rt", encoding="utf-8") as file:
        found = {}
        for feature in json.load(file)["features"]:
            shape = feature["geometry"]
            polygons = [shape["coordinates"]] if shape["type"] == "Polygon" else shape["coordinates"]
            found[feature["properties"]["ZCTA5CE10"]] = [ring for polygon in polygons for ring in polygon]
        return found


def write_inputs(data, work, areas):
    """Reports of strength 3 and more as cases; the borders of the reporting ZIPs."""
    kept = Counter()
    with open(os.path.join(data, "smell_raw_v1.csv"), encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            day = day_of(row["EpochTime"])
            if int(row["smell_value"]) >= 3 and FIRST <= day <= LAST:
                kept[row["zipcode"], day] += 1
    with open(os.path.join(work, "smell.cas"), "w", encoding="utf-8") as file:
        for (code, day), count in sorted(kept.items()):
            print(code, count, day, file=file)
    codes = sorted({code for code, _ in kept})
    corners = {code: {tuple(point) for ring in areas[code] for point in ring} for code in codes}
    with open(os.path.join(work, "zips.txt"), "w", encoding="utf-8") as file:
        for code in codes:
            print(code, *(other for other in codes if other != code and corners[code] & corners[other]), file=file)
    return kept


def scan(program, work, *options):
    command = [program, "scan", "--cas", f"{work}/smell.cas", "--borders", f"{work}/zips.txt", "--connected", "4",
               "--max-days", "7", *options]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def kept_answer(path, make):
    """The answer of a run, taken from WORK if it was made before."""
    if not os.path.exists(path):
        answer = make()
        with open(path, "w", encoding="utf-8") as file:
            json.dump(answer, file)
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def daily(program, work, model):
    """What a run each morning after 90 days of history would have said: [(last day, answer)]."""
    answers = []
    day = FIRST + dt.timedelta(days=HISTORY - 1)
    while day <= LAST:
        start = day - dt.timedelta(days=HISTORY - 1)
        answer = scan(program, work, "--model", model, "--prospective", "--start", str(start), "--end", str(day), "--clusters", "1")
        answers.append((str(day), answer["clusters"][:1]))
        day += dt.timedelta(days=1)
    return answers


def read_sensors(data):
    """{property: {feed: {day: hourly values}}}; SO2 and H2S in ppb, PM2.5 in ug/m3."""
    found = {name: defaultdict(dict) for name in HOOKS}
    for path in sorted(glob.glob(os.path.join(data, "esdr_v2.1", "*.csv.gz"))):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            heads = next(rows)
            columns = []
            for index, head in enumerate(heads[1:], 1):
                feed, channel = head.split("..")[0].removeprefix("3.feed_").split(".", 1)
                for name, hooks in HOOKS.items():
                    if channel.startswith(hooks):
                        columns.append((index, name, feed, 1000 if channel.endswith("_PPM") else 1))
            for row in rows:
                # A row bears the hour that it is stamped with; days are local.
                day = day_of(row[0])
                if not FIRST <= day <= LAST:
                    continue
                for index, name, feed, factor in columns:
                    if row[index] != "":
                        found[name][feed].setdefault(day, []).append(float(row[index]) * factor)
    return found


def unusual_days(series):
    """Days whose greatest hour is above zero and among the top 5 % of the 91 days around, own day included."""
    high = set()
    for day, value in series.items():
        around = [series[other] for k in range(-45, 46) if (other := day + dt.timedelta(days=k)) in series]
        above = sum(other >= value for other in around)
        if len(around) >= 60 and value > 0 and above <= 0.05 * len(around):
            high.add(day)
    return high


def coincide(windows, high):
    """How many windows hold an unusual day, and the same for windows shifted by whole weeks around the period."""
    length = (LAST - FIRST).days + 1

    def hits(shift):
        return sum(any(FIRST + dt.timedelta(days=((first - FIRST).days + k + shift) % length) in high
                       for k in range((last - first).days + 1)) for first, last in windows)
    shifted = [hits(7 * week) for week in range(2, length // 7 - 1)]
    observed = hits(0)
    return observed, sum(shifted) / len(shifted), (1 + sum(s >= observed for s in shifted)) / (1 + len(shifted))


def window_of(cluster):
    return dt.date.fromisoformat(cluster["start"].replace("/", "-")), dt.date.fromisoformat(cluster["end"].replace("/", "-"))


QUARTERS = [(dt.date(2016, 11, 1), dt.date(2017, 1, 31)), (dt.date(2017, 2, 1), dt.date(2017, 4, 30)),
            (dt.date(2017, 5, 1), dt.date(2017, 7, 31)), (dt.date(2017, 8, 1), dt.date(2017, 10, 31)),
            (dt.date(2017, 11, 1), dt.date(2018, 1, 31)), (dt.date(2018, 2, 1), dt.date(2018, 4, 30)),
            (dt.date(2018, 5, 1), dt.date(2018, 7, 31)), (dt.date(2018, 8, 1), LAST)]


def events_of(answers, least=365):
    """Mornings whose best cluster is that rare, put together while windows touch and share a ZIP: [[first, last, best cluster, mornings]]."""
    events = []
    for _, clusters in answers:
        for cluster in clusters:
            if cluster["recurrence_days"] < least:
                continue
            first, last = window_of(cluster)
            old = events[-1] if events else None
            if old and first <= old[1] and set(cluster["members"]) & set(old[2]["members"]):
                best = max(old[2], cluster, key=lambda c: c["llr"])
                events[-1] = [min(old[0], first), max(old[1], last), best, old[3] + 1]
            else:
                events.append([first, last, cluster, 1])
    return events


def print_cluster(label, cluster, *more):
    print(label, cluster["start"], cluster["end"], "+".join(cluster["members"]), f"{cluster['cases']}/{cluster['expected']:.1f}",
          f"llr {cluster['llr']:.2f} p {cluster['p']:.2g}", *more)


def hot_spots(program, work, kept, areas):
    """Reports by ZIP and month, and what `wardwatch hotspot` says of them."""
    codes = sorted({code for code, _ in kept})
    months = sorted({day.strftime("%Y-%m") for _, day in kept})
    counts = Counter()
    for (code, day), count in kept.items():
        counts[code, day.strftime("%Y-%m")] += count
    with open(f"{work}/months.csv", "w", encoding="utf-8") as file:
        print("id,lon,lat,month,value", file=file)
        for code in codes:
            ring = max(areas[code], key=len)
            lon, lat = (sum(point[k] for point in ring) / len(ring) for k in (0, 1))
            for month in months:
                print(f"{code},{lon:.5f},{lat:.5f},{month},{counts[code, month]}", file=file)
    with open(f"{work}/zips.txt", encoding="utf-8") as lines, open(f"{work}/borders.csv", "w", encoding="utf-8") as file:
        print("from,to", file=file)
        for line in lines:
            code, *others = line.split()
            for other in others:
                print(f"{code},{other}", file=file)
    command = [program, "hotspot", "--values", f"{work}/months.csv", "--time", "month", "--weights", f"{work}/borders.csv"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def draw_maps(data, areas, kept, quarters, events, high):
    with open(os.path.join(data, "esdr_metadata.json"), encoding="utf-8") as file:
        places = {str(place["id"]): place for place in json.load(file)}
    measured = defaultdict(set)
    for name, feed in high:
        place = places[feed]
        # Feeds of one site lie within metres of each other: one triangle for all of them.
        measured[round(place["longitude"], 2), round(place["latitude"], 2)].add((name, feed))
    stations = []
    for found in measured.values():
        place = places[min((feed for _, feed in found), key=int)]
        names = [NAMES[name] for name in NAMES if any(name == other for other, _ in found)]
        stations.append((SITES[str(place["id"])], ", ".join(names), place["longitude"], place["latitude"]))
    draw_reports(os.path.join(HERE, "smell-pittsburgh-reports.svg"), areas, kept, stations)
    draw_clusters(os.path.join(HERE, "smell-pittsburgh-clusters.svg"), areas, sorted({code for code, _ in kept}),
                  [(*quarter, clusters) for quarter, clusters in zip(QUARTERS, quarters)])
    rows = [("retrospective clusters", "#2171b5", [window_of(c) for clusters in quarters for c in clusters])]
    rows += [(f"daily {model}: events", colour, [event[:2] for event in events[model]]) for model, colour in (("stp", "#6baed6"), ("ebp", "#d94801"))]
    rows += [(f"{NAMES[name]} {SITES[feed]}", "#555", [(day, day) for day in sorted(high[name, feed])]) for name, feed in SHOWN]
    draw_calendar(os.path.join(HERE, "smell-pittsburgh-calendar.svg"), FIRST, LAST, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("work")
    parser.add_argument("--wardwatch", default="wardwatch")
    given = parser.parse_args()
    os.makedirs(given.work, exist_ok=True)
    areas = read_areas(given.data)
    kept = write_inputs(given.data, given.work, areas)
    print("reports kept:", sum(kept.values()), "in", len({code for code, _ in kept}), "ZIPs")

    whole = kept_answer(f"{given.work}/whole.json", lambda: scan(given.wardwatch, given.work, "--model", "stp"))
    for cluster in whole["clusters"]:
        if cluster["p"] <= 0.05:
            print_cluster("whole", cluster)
    quarters = []
    for number, (start, end) in enumerate(QUARTERS):
        answer = kept_answer(f"{given.work}/quarter{number}.json", lambda start=start, end=end: scan(
            given.wardwatch, given.work, "--model", "stp", "--start", str(start), "--end", str(end)))
        quarters.append([cluster for cluster in answer["clusters"] if cluster["p"] <= 0.05 / len(QUARTERS)])
        print("quarter", start, answer["input"]["cases"], "reports", len(quarters[-1]), "clusters")
        for cluster in quarters[-1]:
            print_cluster("  ", cluster)
    events = {}
    for model in ("stp", "ebp"):
        answers = kept_answer(f"{given.work}/daily-{model}.json", lambda model=model: daily(given.wardwatch, given.work, model))
        rare = sum(bool(clusters) and clusters[0]["recurrence_days"] >= 365 for _, clusters in answers)
        events[model] = events_of(answers)
        print("daily", model, len(answers), "mornings", rare, "rare", len(events[model]), "events")
        for first, last, best, mornings in events[model]:
            print_cluster(f"  {first}..{last} {mornings}", best, f"every {min(best['recurrence_days'], 10000):.0f} d")

    sensors = read_sensors(given.data)
    limits = {"so2": (max, 75), "h2s": (lambda v: sum(v) / len(v), 5), "pm2_5": (lambda v: sum(v) / len(v), 35)}
    sets = {"retrospective": [window_of(c) for clusters in quarters for c in clusters],
            **{model: [window_of(event[2]) for event in events[model]] for model in events}}
    high = {}
    for name, feeds in sensors.items():
        for feed, days in feeds.items():
            judge, limit = limits[name]
            over = sum(len(values) >= 18 and judge(values) > limit for values in days.values())
            high[name, feed] = unusual_days({day: max(values) for day, values in days.items()})
            print(name, feed, len(days), "days", len(high[name, feed]), "unusual", over, "over", limit, end=" ")
            for label, windows in sets.items():
                observed, usual, p = coincide(windows, high[name, feed])
                print(f"| {label} {observed}/{len(windows)} usual {usual:.1f} p {p:.3f}", end=" ")
            print()
    anywhere = set().union(*high.values())
    for label, windows in sets.items():
        observed, usual, p = coincide(windows, anywhere)
        print(f"any sensor high at {label}: {observed}/{len(windows)} usual {usual:.1f} p {p:.3f}")
        for first, last in windows:
            span = {first + dt.timedelta(days=k) for k in range((last - first).days + 1)}
            print("  ", first, last, [f"{name}@{feed}" for (name, feed), days in high.items() if days & span])

    spots = kept_answer(f"{given.work}/hotspot.json", lambda: hot_spots(given.wardwatch, given.work, kept, areas))
    for place in spots["places"]:
        print("hotspot", place["id"], place["class"], "months hot", place["hot_bins"], "cold", place["cold_bins"],
              f"trend p {place['trend_p']:.2g} tau {place['trend_tau']:.2f}")
    draw_maps(given.data, areas, kept, quarters, events, high)


if __name__ == "__main__":
    main()
