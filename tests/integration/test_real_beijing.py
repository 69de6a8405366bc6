"""Beijing's twelve national stations, 2013 to 2017, in full: 420,768 station-hours, checked against counts made apart."""

import calendar
import glob
import os

import pytest

import real_records
from real_records import GUIDE

COLUMNS = {"PM2.5": ("pm2_5", 1), "PM10": ("pm10", 1), "SO2": ("so2", 1), "NO2": ("no2", 1), "CO": ("co", 1e-3), "O3": ("o3", 1)}
VALUES = 2_454_305  # as published: 420,768 station-hours of six pollutants without the NA

pytestmark = real_records.skip_without("air_beijing_prsa")


def utc_of_local_hour(row):
    """Beijing time is UTC+8 without summer time."""
    return calendar.timegm((int(row["year"]), int(row["month"]), int(row["day"]), int(row["hour"]), 0, 0)) - 8 * 3600


@pytest.fixture(scope="module")
def source():
    """{(station, property): Series}, counts, files."""
    directory = real_records.data_directory("air_beijing_prsa")
    files = sorted(glob.glob(os.path.join(directory, "PRSA_Data_*.csv.gz")))
    everything, totals = {}, real_records.Counter()
    for path in files:
        found, counts = real_records.read_wide(
            path,
            lambda column, row: (row["station"], *COLUMNS[column]) if column in COLUMNS else None,
            utc_of_local_hour,
            {"NA"},
        )
        assert not found.keys() & everything.keys()
        everything.update(found)
        totals.update(counts)
    return everything, totals, files, directory


@pytest.fixture(scope="module")
def loaded(source, database, serve, scratch):
    """A server that has taken in all of it."""
    _, _, files, directory = source
    stations = os.path.join(directory, "stations.csv")
    guide = os.path.join(GUIDE, "beijing")
    real_records.tune(database)
    database.wardwatch("load", "facts", os.path.join(guide, "district.json"))
    database.wardwatch("load", "wards", real_records.write_stations("beijing-wards", stations, os.path.join(scratch, "bj-wards.json")))
    database.wardwatch("load", "feeds", os.path.join(guide, "feeds.json"))
    database.wardwatch("load", "things", real_records.write_stations("beijing", stations, os.path.join(scratch, "bj-things.json")),
                       "--datum", "WGS84")
    database.wardwatch("load", "rules", os.path.join(guide, "rules.json"))
    server = serve(database)
    sender = real_records.Sender(server, database.add_account("replay", "feed"), scratch)
    for path in files:
        numbers = sender.replay(path, "prsa")
        assert numbers["stored"] == numbers["received"], path
    sender.report("Beijing")
    return server, sender


def test_every_value_of_the_files_is_stored_once(source, database, loaded):
    expected, counts, files, _ = source
    server, sender = loaded
    values = sum(len(series.times) for series in expected.values())
    assert (len(files), counts["rows"], counts["bad"], values) == (12, 420_768, 0, VALUES)
    assert counts["missing"] == 6 * counts["rows"] - VALUES
    assert all(len(set(series.times)) == len(series.times) for series in expected.values())
    assert (sender.totals["received"], sender.totals["stored"], sender.totals["duplicates"], sender.totals["dead"]) == (
        VALUES, VALUES, 0, 0)
    real_records.check_books(database, server, sender)
    real_records.check_series(database, "prsa", expected)


def test_times_are_hours_of_beijing_and_carbon_monoxide_is_in_mg(database, loaded):
    first = database.sql(
        """SELECT o.phenomenon_time, o.interval_s, o.value
           FROM observation o JOIN datastream d ON d.id = o.datastream_id JOIN thing t ON t.id = d.thing_id
           JOIN observed_property p ON p.id = d.property_id
           WHERE t.key = 'Aotizhongxin' AND p.code = 'co' ORDER BY 1 LIMIT 1"""
    )
    assert first == [["2013-02-28 16:00:00+00", "3600", "0.3"]]  # 2013,3,1,0,…,CO 300


def test_every_station_lies_in_its_synthetic_ward(database, loaded):
    assert database.sql("SELECT count(*), count(*) FILTER (WHERE w.code = t.properties->>'cnemc_id' AND w.synthetic) "
                        "FROM thing t JOIN ward w ON w.id = t.ward_id") == [["12", "12"]]
    assert database.value("SELECT count(*) FROM observation o JOIN datastream d ON d.id = o.datastream_id "
                          "JOIN thing t ON t.id = d.thing_id WHERE o.ward_id IS DISTINCT FROM t.ward_id") == "0"


def test_alerts_are_exactly_those_that_plain_sql_finds(database, loaded):
    units = {("ug/m3", p): None for p in ("pm2_5", "pm10", "so2", "no2", "o3")} | {("mg/m3", "co"): None}
    by_rule, by_ward = real_records.compare_alerts(database, "Asia/Shanghai", real_records.factors(units))
    print("\n", by_rule, "\n", by_ward)
    # The highest CO and SO2 of the files are 10 mg/m3 and 500 ug/m3: as much as the hourly limit, and not beyond it.
    assert {rule for rule, (n, _) in by_rule.items() if n == 0} == {"co-1h", "so2-1h"}
    assert len({ward for ward, _ in by_ward}) == 12
    editions = database.sql("SELECT DISTINCT l.standard_no, l.class FROM alert a JOIN limit_value l ON l.id = a.limit_value_id")
    assert editions == [["GB 3095-2012", "air.2"]]


def test_a_file_sent_again_stores_nothing_and_raises_nothing(source, database, loaded):
    _, sender = loaded
    before = database.sql("SELECT count(*), max(id) FROM alert_event")
    path = source[2][0]
    first = sender.replay(path, "prsa")
    other = sender.replay(path, "prsa", "--batch-bytes", "300000")  # other requests: told by the rows, not the bytes
    for numbers in (first, other):
        assert numbers["received"] > 200_000
        assert (numbers["stored"], numbers["duplicates"], numbers["dead"]) == (0, numbers["received"], 0)
    assert database.sql("SELECT count(*), max(id) FROM alert_event") == before
