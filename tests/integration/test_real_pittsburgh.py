"""Pittsburgh in full: 100 ZIP areas as wards, 18 files of hourly sensors, 10,353 odour reports placed by ZIP code only."""

import csv
import glob
import gzip
import json
import os
from collections import Counter

import pytest

import real_records
from real_records import GUIDE

# Molar masses in g/mol: our own table here, so that the server's is checked by it.
GAS = {"so2": 64.066, "h2s": 34.081, "co": 28.010, "o3": 47.998, "no": 30.006, "no2": 46.006, "nox": 46.006, "noy": 46.006}
VALUES = 2_098_944  # cells of the 18 files that are not empty, the time column apart

pytestmark = real_records.skip_without("complaints_smell_pittsburgh")


def property_of(column):
    """(station, property, factor to the property's unit), read out of a column's own name."""
    if column == "EpochTime":
        return None
    station, channel = column.split("..")[0].removeprefix("3.feed_").split(".", 1)
    name = {"SIGTHETA_DEG": "wind_sigma_theta", "SONICWD_DEG": "wind_direction", "SONICWS_MPH": "wind_speed", "PM2_5": "pm2_5",
            "OZONE": "o3", "OZONE_PPM": "o3"}.get(channel)
    if name is None:
        stem = channel.split("_")[0]
        name = {"PM25": "pm2_5", "PM25B": "pm2_5", "PM25T": "pm2_5", "PM10B": "pm10"}.get(stem, stem.lower())
    if name == "wind_speed":
        return station, name, 0.44704
    if name not in GAS:
        return station, name, 1.0
    # AirNow's "OZONE" comes in ppb, whatever its description says: it follows the OZONE_PPM of the same place.
    scale = 1 if channel.endswith("PPB") or channel == "OZONE" else 1000
    return station, name, GAS[name] / real_records.MOLAR_VOLUME_L * scale / (1000 if name == "co" else 1)


@pytest.fixture(scope="module")
def source():
    """{(station, property): Series}, counts, files, directory."""
    directory = real_records.data_directory("complaints_smell_pittsburgh")
    files = sorted(glob.glob(os.path.join(directory, "esdr_v2.1", "*.csv.gz")))
    everything, totals = {}, Counter()
    for path in files:
        found, counts = real_records.read_wide(path, lambda column, _: property_of(column), lambda row: int(row["EpochTime"]), {""})
        assert not found.keys() & everything.keys()
        everything.update(found)
        totals.update(counts)
    return everything, totals, files, directory


@pytest.fixture(scope="module")
def reports(source):
    with open(os.path.join(source[3], "smell_raw_v1.csv"), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def loaded(source, database, serve, scratch):
    _, _, files, directory = source
    guide = os.path.join(GUIDE, "pittsburgh")
    wards = os.path.join(scratch, "zip.geojson")
    with gzip.open(os.path.join(directory, "zipcode_bound_allegheny.geojson.gz")) as packed, open(wards, "wb") as plain:
        plain.write(packed.read())
    real_records.tune(database)
    database.wardwatch("load", "facts", os.path.join(guide, "district.json"))
    said = database.wardwatch("load", "wards", wards, "--code", "ZCTA5CE10", "--name", "ZCTA5CE10", "--datum", "WGS84")
    assert "loaded 100 wards" in said
    for kind in ("feeds", "limits", "rules"):
        database.wardwatch("load", kind, os.path.join(guide, f"{kind}.json"))
    metadata = os.path.join(directory, "esdr_metadata.json")
    database.wardwatch("load", "things", real_records.write_stations("pittsburgh", metadata, os.path.join(scratch, "pgh-things.json")))
    server = serve(database)
    sender = real_records.Sender(server, database.add_account("replay", "feed"), scratch)
    for path in files:
        sender.replay(path, "esdr")
    return server, sender


@pytest.fixture(scope="module")
def sensors(loaded):
    """What replaying the sensor files alone said."""
    server, sender = loaded
    sender.report("Pittsburgh, sensors")
    return Counter(sender.totals)


@pytest.fixture(scope="module")
def complaints(source, loaded, sensors):
    _, sender = loaded
    return sender.replay(os.path.join(source[3], "smell_raw_v1.csv"), "smell")


def test_every_ward_is_a_valid_polygon_of_its_size(database, source, loaded):
    with gzip.open(os.path.join(source[3], "zipcode_bound_allegheny.geojson.gz"), "rt", encoding="utf-8") as file:
        areas = {f["properties"]["ZCTA5CE10"]: f["properties"]["ALAND10"] + f["properties"]["AWATER10"]
                 for f in json.load(file)["features"]}
    rows = database.sql("SELECT code, ST_IsValid(geom), ST_Area(geom::geography) FROM ward")
    assert {code for code, _, _ in rows} == areas.keys() and len(rows) == 100
    for code, valid, area in rows:
        # The census gives land and water in square metres; our outline is its simplified one.
        assert valid == "t" and abs(float(area) / areas[code] - 1) < 0.02, code


def test_every_value_of_the_files_is_stored_once_in_its_unit(source, database, sensors):
    expected, counts, files, _ = source
    values = sum(len(series.times) for series in expected.values())
    assert (len(files), counts["bad"], values) == (18, 0, VALUES)
    assert all(len(set(series.times)) == len(series.times) for series in expected.values())
    assert (sensors["received"], sensors["stored"], sensors["duplicates"], sensors["dead"]) == (VALUES, VALUES, 0, 0)
    real_records.check_series(database, "esdr", expected)


def test_stations_lie_in_the_zip_area_that_their_owner_names(database, sensors):
    rows = database.sql("SELECT t.key, t.properties->>'zipcode', w.code FROM thing t JOIN feed f ON f.id = t.feed_id AND f.name = 'esdr' "
                        "LEFT JOIN ward w ON ST_Covers(w.geom, t.geom) ORDER BY t.key::int")
    assert len(rows) == 14
    assert [row for row in rows if row[1] != row[2]] == []
    assert database.value("SELECT count(*) FROM thing t LEFT JOIN ward w ON w.id = t.ward_id "
                          "WHERE t.geom IS NOT NULL AND w.code IS DISTINCT FROM t.properties->>'zipcode'") == "0"


def test_reports_are_placed_by_their_zip_code_with_their_words(database, reports, complaints):
    # The key of a reading is its thing and time: a report sent twice in one second is one, and another
    # person's report of the same second and ZIP code is kept as a later version of the first.
    versions = {}
    duplicates = corrections = 0
    kept = []
    for report in reports:
        key = report["zipcode"], report["EpochTime"]
        if key in versions and versions[key][-1] == report["smell_value"]:
            duplicates += 1
            continue
        corrections += key in versions
        versions.setdefault(key, []).append(report["smell_value"])
        kept.append(report)
    assert len(reports) == 10_353
    assert complaints["received"] == len(reports) and complaints["dead"] == 0
    assert (complaints["stored"], complaints["corrections"], complaints["duplicates"]) == (len(kept), corrections, duplicates)

    rows = database.json(
        """SELECT coalesce(json_agg(json_build_array(w.code, extract(epoch FROM o.phenomenon_time)::bigint, o.value, o.version,
                                                     o.detail, o.foi_id)
                                    ORDER BY o.phenomenon_time, w.code, o.version), '[]')
           FROM observation o JOIN datastream d ON d.id = o.datastream_id JOIN thing t ON t.id = d.thing_id
           JOIN feed f ON f.id = t.feed_id AND f.name = 'smell' LEFT JOIN ward w ON w.id = o.ward_id""")
    expected, version = [], Counter()
    for report in kept:
        key = report["zipcode"], int(report["EpochTime"])
        version[key] += 1
        words = {name: report[name] for name in ("smell_description", "feelings_symptoms") if report[name]}
        expected.append([*key, float(report["smell_value"]), version[key], words or None, None])
    expected.sort(key=lambda row: (row[1], row[0], row[3]))
    assert rows == expected
    print("\nreports by ward:", Counter(row[0] for row in rows).most_common(5))


def test_alerts_are_exactly_those_that_plain_sql_finds(source, database, sensors, complaints):
    units = {(unit, prop): GAS[prop] for unit, prop in
             (("ppb", "so2"), ("ppb", "no2"), ("ppm", "co"), ("ppm", "o3"), ("ppm", "h2s"))}
    units |= {("ug/m3", "pm2_5"): None, ("ug/m3", "pm10"): None, ("1", "odour_complaint"): None}
    by_rule, by_ward = real_records.compare_alerts(database, "America/New_York", real_records.factors(units))
    print("\n", by_rule, "\n", by_ward)
    assert {rule for rule, (n, _) in by_rule.items() if n > 0} >= {"so2-1h", "pm25-24h", "h2s-24h", "h2s-hours", "smell-hour"}
    assert not any(ward == "" for ward, _ in by_ward)


def test_a_file_sent_again_stores_nothing_and_raises_nothing(source, database, loaded, sensors, complaints):
    _, sender = loaded
    before = database.sql("SELECT count(*), max(id) FROM alert_event")
    for path, feed, options in ((source[2][0], "esdr", ()), (source[2][0], "esdr", ("--batch-bytes", "200000")),
                                (os.path.join(source[3], "smell_raw_v1.csv"), "smell", ())):
        numbers = sender.replay(path, feed, *options)
        assert numbers["received"] > 10_000
        assert (numbers["stored"], numbers["duplicates"], numbers["dead"]) == (0, numbers["received"], 0), path
    assert database.sql("SELECT count(*), max(id) FROM alert_event") == before


def test_the_books_agree_in_the_end(database, loaded, sensors, complaints):
    server, sender = loaded
    real_records.check_books(database, server, sender)
