"""/api/v1/latest: which series of an area are given, to whom, in which form, and that it is memory that answers."""

import csv
import io
import json
import subprocess
import urllib.parse

import pytest

from conftest import wait_until
from test_api import SEED

A1 = "datastream 1: 24 in its own ward; what it measured in ward B an hour later is not told"


@pytest.fixture(scope="module")
def seeded(database):
    database.sql(SEED)
    database.sql("""
        INSERT INTO observed_property (code, name_zh, name_en, unit) VALUES ('test_ph', '酸碱度', 'pH', '1');
        INSERT INTO thing (feed_id, key, name_zh, class, ward_id, geom) SELECT 1, 'A9', '带,逗号"引号', 'air', 1, ST_SetSRID(ST_MakePoint(107.08, 29.08), 4490);
        INSERT INTO datastream (thing_id, property_id) SELECT t.id, p.id FROM thing t, observed_property p WHERE t.key = 'A9' AND p.code LIKE 'test\\_%' ORDER BY p.code;
        INSERT INTO observation SELECT d.id, '2026-06-01T05:00:00Z', 1, NULL, 6.5, 0, 1, 1, 'M', NULL
        FROM datastream d JOIN observed_property p ON p.id = d.property_id WHERE p.code = 'test_ph'""")
    return database


@pytest.fixture(scope="module")
def server(seeded, serve):
    server = serve(seeded)
    wait_until(lambda: "map=loaded" in server.log(), "the newest values to be loaded")
    return server


@pytest.fixture(scope="module")
def admin(seeded, server):
    return client_of(seeded, server, "root", "admin")


def client_of(seeded, server, name, role, wards=None):
    client = server.client(seeded.add_account(name, role, wards))
    wait_until(lambda: client.get("/api/v1/session").status == 200, "the account to be known")
    return client


def latest(client, query=""):
    answer = client.get("/api/v1/latest" + ("?" + query if query else ""))
    assert answer.status == 200, answer.text
    return answer.json["items"]


def keys(client, query=""):
    return [f"{i['thing']['feed']}/{i['thing']['key']}/{i['property']}" for i in latest(client, query)]


ALL = ["water/A1/test_cod", "water/B1-BMARK/test_cod", "water/O1-OUTMARK/test_cod", "csv/A1/test_cod", "strict/A1/test_cod", "water/A9/test_cod", "water/A9/test_ph"]


def test_every_series_comes_with_its_newest_value(admin):
    items = latest(admin)
    assert keys(admin) == ALL and [i["id"] for i in items] == sorted(i["id"] for i in items)
    first = items[0]
    assert first["latest"] == {"time": "2026-06-02T00:00:00Z", "value": 24, "flag": "N"}, A1
    assert first["thing"] == {"id": 1, "key": "A1", "name_zh": "", "name_en": "Alpha", "class": "outfall", "feed": "water", "site": "SA"}
    assert (first["unit"], first["statistic"], first["interval_s"], first["ward"], first["lon"], first["lat"]) == ("mg/L", "", 0, "500115001", 107.03, 29.03)
    assert items[2]["ward"] is None and "lon" not in items[2] and items[2]["latest"]["value"] == 888, "a thing without a place is listed too"
    assert items[3]["latest"] is None, "a series that has never spoken"
    assert items[6]["latest"]["flag"] == "M"


POLYGON = "S_INTERSECTS(geom,POLYGON((107.02 29.02,107.04 29.02,107.04 29.04,107.02 29.04,107.02 29.02)))"


@pytest.mark.parametrize(
    "query, wanted",
    [
        ("ward=500115002", ALL[1:2]),
        ("ward=nowhere", []),
        ("class=air", ALL[5:]),
        ("property=test_ph", ALL[6:]),
        ("feed=csv", ALL[3:4]),
        ("site_kind=plant", ALL[1:2]),
        ("bbox=107.07,29.07,107.2,29.2", ALL[5:]),
        ("bbox=107,29,107.05,29.05&class=outfall", ALL[:1]),
        ("bbox=-170,-80,-160,-70", []),
        ("since=2026-06-01T05:00:00Z", [ALL[0], ALL[6]]),
        ("filter=" + urllib.parse.quote(POLYGON), ALL[:1]),
        ("filter=" + urllib.parse.quote("value > 20 AND ward IS NOT NULL"), ALL[:2]),
        ("filter=" + urllib.parse.quote("unit = '1' OR site IN ('SA','SB-BMARK')"), [*ALL[:2], ALL[6]]),
        ("filter=" + urllib.parse.quote("T_AFTER(time, TIMESTAMP('2026-06-01T12:00:00Z'))"), ALL[:1]),
    ],
    ids=range(14),
)
def test_an_area_is_a_ward_a_box_a_polygon_a_class_or_any_filter(admin, query, wanted):
    assert keys(admin, query) == wanted


@pytest.mark.parametrize(
    "query, field, words",
    [
        ("filter=valeu%20%3E%203", "valeu", "valeu"),
        ("filter=value%20%3E", "filter", "position"),
        ("filter=value%20%3D%20'" + "x" * 5000 + "'", "filter", "4096"),
        ("bbox=1,2,3", "bbox", "four numbers"),
        ("limit=0", "limit", "from 1 to 100000"),
        ("after=x", "after", "whole number"),
        ("format=xml", "format", "json|csv"),
        ("since=yesterday", "since", "time"),
        ("colour=red", "colour", "unknown"),
    ],
    ids=range(9),
)
def test_a_mistake_is_named_with_its_parameter(admin, query, field, words):
    answer = admin.get("/api/v1/latest?" + query)
    error = answer.json["error"]
    assert answer.status == 400 and error["field"] == field, error
    assert words in error["message"] or words == "position", error
    if words == "position":
        assert error["line"] == 1 and error["column"] > 1, error


def test_pages_follow_the_datastreams_and_together_are_the_whole(admin):
    whole, paged, target = latest(admin, "limit=1000"), [], "/api/v1/latest?limit=2&filter=" + urllib.parse.quote("id > 0")
    pages = 0
    while target:
        answer = admin.get(target).json
        paged += answer["items"]
        target = answer["next"]
        pages += 1
    assert paged == whole and pages == 4


def test_the_table_has_the_same_rows(admin):
    answer = admin.get("/api/v1/latest?format=csv")
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.body.decode("utf-8"))))
    assert [int(r["id"]) for r in rows] == [i["id"] for i in latest(admin)]
    assert rows[0]["value"] == "24" and rows[0]["time"] == "2026-06-02T00:00:00Z" and rows[0]["lon"] == "107.03"
    assert rows[3]["value"] == "" and rows[5]["name_zh"] == '带,逗号"引号'


def test_the_etag_holds_until_a_value_of_the_area_changes(seeded, admin):
    def get(query, tag=None):
        return admin.get("/api/v1/latest?" + query, headers={"If-None-Match": tag} if tag else {})

    air, outfalls = get("class=air"), get("class=outfall")
    assert "no-cache" in air.headers["Cache-Control"] and air.headers["ETag"] != outfalls.headers["ETag"]
    assert get("class=air", air.headers["ETag"]).status == 304
    posted = admin.ingest("water", json.dumps({"s": "A1", "v": 25, "t": "2026-06-03T00:00:00Z"}))
    assert posted.status == 200 and posted.json["stored"] == 1, posted.text
    # Committed is noted before it is acknowledged: no waiting here.
    again = get("class=outfall", outfalls.headers["ETag"])
    assert again.status == 200 and again.json["items"][0]["latest"]["value"] == 25
    assert get("class=air", air.headers["ETag"]).status == 304, "its area did not change"


def test_a_reader_of_one_ward_is_told_of_that_ward(seeded, server):
    viewer = client_of(seeded, server, "vera", "viewer", ["500115001"])
    assert [i["ward"] for i in latest(viewer)] == ["500115001"] * 5
    assert latest(viewer, "ward=500115002") == [] and "BMARK" not in viewer.get("/api/v1/latest?format=csv").text
    assert latest(client_of(seeded, server, "nora", "viewer", [])) == []


def test_what_a_correction_moved_to_another_ward_is_no_longer_the_newest_here(seeded, admin):
    """With the correction that another server wrote, seen at the next look."""
    admin.ingest("water", json.dumps({"s": "A9", "v": 50, "t": "2026-06-04T00:00:00Z"}))
    (item,) = latest(admin, "class=air&property=test_cod")
    assert item["latest"]["value"] == 50
    seeded.sql(f"""
        INSERT INTO observation SELECT datastream_id, phenomenon_time, 2, NULL, 51, interval_s, 2, 2, 'N', NULL FROM observation WHERE datastream_id = {item['id']};
        INSERT INTO observation_moved SELECT datastream_id, phenomenon_time, interval_s, 1, 1 FROM observation WHERE datastream_id = {item['id']} AND version = 1;
        NOTIFY ww_catalog, 'thing'""")
    wait_until(lambda: latest(admin, "class=air&property=test_cod")[0]["latest"] is None, "the moved value to go")


def test_the_database_is_not_asked(seeded, admin):
    """Answers come while nobody can read the tables."""
    wanted = latest(admin)
    command = ["psql", "-Xqt", "-d", seeded.conninfo]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as psql:
        psql.stdin.write("BEGIN; LOCK TABLE wardwatch.thing, wardwatch.datastream, wardwatch.observation, wardwatch.ward; SELECT 'locked';\n")
        psql.stdin.flush()
        assert psql.stdout.readline().strip() == "locked"
        assert latest(admin) == wanted
        psql.stdin.close()
