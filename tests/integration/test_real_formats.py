"""NGSI-LD examples, SensorThings answers and CSV files as others publish them: every file gives readings or dead letters
with reasons, and what is counted apart, in Python, is what is stored. Skips where the data are not."""

import csv
import datetime
import glob
import gzip
import io
import json
import os
import re
import sys
from collections import Counter

import pytest
from conftest import ROOT, wait_until
from real_records import data_directory, skip_without

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from pull_server import PullServer, Reply  # noqa: E402

NGSI_LD = data_directory("proto_ngsi_ld_environment")
SENSORTHINGS = data_directory("proto_sensorthings")
EXAMPLES = sorted(p for p in glob.glob(os.path.join(NGSI_LD, "*", "examples", "*")) if p.endswith((".json", ".jsonld")))
# Attributes of some types that have a property of ours, with the unit for those that name none.
KNOWN = {
    "AirQualityObserved": {"no2": "no2", "NO2": "no2", "so2": "so2", "SO2": "so2", "co": "co", "CO": "co", "no": "no", "NO": "no",
                           "nox": "nox", "NOx": "nox", "temperature": "temperature", "windSpeed": "wind_speed"},
    "WaterObserved": {"flow": "flow", "height": "water_level"},
    "NoiseLevelObserved": {"LAeq": "noise_leq", "LAmax": "noise_lmax"},
    "PhreaticObserved": {"depth": "water_level", "investigationDepth": "wave_height"},
}  # fmt: skip


def feed_name(path):
    kind, _, name = os.path.relpath(path, NGSI_LD).split(os.sep)
    return re.sub(r"[^a-z0-9]+", "-", f"{kind}-{name}".lower())


def attributes(entity):
    """{name: attribute} of an entity or of a GeoJSON feature that is one."""
    if entity.get("type") == "Feature":
        entity = {**entity["properties"], "id": entity["id"]}
    return {k: v for k, v in entity.items() if k not in ("id", "type", "@context", "location", "geometry")}


def inmost(value):
    """The value itself, whatever wraps it."""
    while isinstance(value, dict) and ("value" in value or "@value" in value):
        value = value.get("value", value.get("@value"))
    return value


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def numbers_of(entity):
    return {k: inmost(v) for k, v in attributes(entity).items() if is_number(inmost(v))}


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def is_time(text):
    return isinstance(text, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", text) is not None


def has_time(entity):
    """Whether the entity says when it was observed."""
    known = [inmost(attributes(entity).get(k)) for k in ("dateObservedFrom", "dateObserved", "observationDateTime")]
    return any(isinstance(t, str) and all(is_time(part) for part in t.split("/")) for t in known)


def expected(entity, mapping):
    """(stored, dead): a value has a time of its own that can be read, or the entity's."""
    stored = dead = 0
    for name in numbers_of(entity):
        if name in mapping:
            attribute = attributes(entity)[name]
            own = attribute.get("observedAt") if isinstance(attribute, dict) else None
            good = is_time(own) if own else has_time(entity)
            stored, dead = stored + good, dead + (not good)
    return stored, dead


@pytest.fixture(scope="module")
def seeded(database):
    database.sql("INSERT INTO ward (code, name_zh, geom) VALUES ('1', 'w', ST_Multi(ST_MakeEnvelope(-180, -90, 180, 90, 4490)))")
    codes = [row[0] for row in database.sql("SELECT code FROM observed_property ORDER BY code")]
    for path in EXAMPLES:
        entity = load(path)
        kind = os.path.relpath(path, NGSI_LD).split(os.sep)[0]
        names = list(numbers_of(entity)) or ["value"]
        mapping = KNOWN.get(kind) or dict(zip(names, codes))
        add_feed(database, feed_name(path), {"format": "ngsi-ld", "properties": mapping, "register": True})
    observations = {"format": "sensorthings", "thing": {"const": "logger"}, "property": {"const": "pressure"}, "unit": {"const": "hPa"},
                    "place": {"x": {"const": "107.1"}, "y": {"const": "29.8"}}, "register": True,
                    "quality": {"field": "resultQuality.quality", "map": {"Good": "N"}}}  # fmt: skip
    add_feed(database, "observations", observations)
    add_feed(database, "datastreams", {"format": "sensorthings", "register": True})
    return database


def add_feed(database, name, config):
    database.sql("INSERT INTO feed (name, config) VALUES (:'name', :'config')", name=name, config=json.dumps(config))


@pytest.fixture(scope="module")
def clients(seeded, serve):
    tokens = {role: seeded.add_account(role, role) for role in ("feed", "admin")}
    server = serve(seeded)
    return {role: server.client(token) for role, token in tokens.items()}


def reasons(clients, feed):
    return [letter["reason"] for letter in clients["admin"].pages(f"/api/v1/dead-letters?feed={feed}")]


@skip_without("proto_ngsi_ld_environment")
@pytest.mark.parametrize("path", EXAMPLES, ids=[feed_name(path) for path in EXAMPLES])
def test_every_ngsi_ld_example_gives_readings_or_dead_letters_with_reasons(clients, path):
    with open(path, "rb") as file:
        body = file.read()
    feed = feed_name(path)
    answer = clients["feed"].ingest(feed, body, "application/ld+json" if path.endswith("ld") else "application/json")
    assert answer.status == 200, answer.text
    took = answer.json
    assert took["received"] == took["stored"] + took["dead"] > 0, took
    letters = reasons(clients, feed)
    assert len(letters) == took["dead"] and all(letters), letters
    kind = os.path.relpath(path, NGSI_LD).split(os.sep)[0]
    if kind in KNOWN:
        entity = load(path)
        stored, dead = expected(entity, KNOWN[kind])
        if not has_time(entity) and dead:  # what the entity's values share is one dead letter
            own = sum(1 for n in numbers_of(entity) if n in KNOWN[kind] and "observedAt" in str(attributes(entity)[n]))
            dead = own + (dead > own)
        assert (took["stored"], took["dead"]) == (stored, dead), (took, letters)


@skip_without("proto_ngsi_ld_environment")
def test_values_units_intervals_and_places_of_the_examples_are_those_of_the_file(clients, seeded):
    air = feed_name(os.path.join(NGSI_LD, "AirQualityObserved", "examples", "example-normalized.jsonld"))
    noise = feed_name(os.path.join(NGSI_LD, "NoiseLevelObserved", "examples", "example-normalized.jsonld"))
    rows = {feed: {row[0]: row[1:] for row in seeded.sql(
        """SELECT p.code, o.value, o.interval_s, to_char(o.phenomenon_time, 'YYYY-MM-DD HH24:MI')
           FROM observation o JOIN datastream d ON d.id = o.datastream_id JOIN observed_property p ON p.id = d.property_id
           JOIN thing t ON t.id = d.thing_id JOIN feed f ON f.id = t.feed_id WHERE f.name = :'feed'""", feed=feed)}
        for feed in (air, noise)}  # fmt: skip
    entity = load(os.path.join(NGSI_LD, "AirQualityObserved", "examples", "example-normalized.jsonld"))
    for name, value in numbers_of(entity).items():
        code = KNOWN["AirQualityObserved"].get(name)
        if code:
            assert rows[air][code] == [str(value), "0", "2016-03-15 11:00"], (name, rows[air])
    assert rows[noise]["noise_leq"] == ["67.8", "3600", "2016-12-28 11:00"]


def constants(name):
    """The JSON constants of a TypeScript file, by name."""
    with open(os.path.join(SENSORTHINGS, "src", "__fixtures__", name), encoding="utf-8") as file:
        text = file.read()
    found = {}
    for match in re.finditer(r"export const (\w+)[^=]*= ", text):
        end = text.find("\nexport const", match.end())
        literal = text[match.end() : end if end >= 0 else len(text)].strip().rstrip(";")
        literal = re.sub(r"^(\s*)(\w+):", r'\1"\2":', literal, flags=re.M)
        found[match.group(1)], _ = json.JSONDecoder().raw_decode(re.sub(r",(\s*[}\]])", r"\1", literal))
    return found


@skip_without("proto_sensorthings")
def test_sensorthings_observations_are_stored_once_each_with_their_marks(clients, seeded):
    times = {}
    for name, page in constants("observationsDataFixtures.ts").items():
        items = page["value"] if isinstance(page, dict) else page
        answer = clients["feed"].ingest("observations", json.dumps(page), "application/json")
        assert answer.status == 200, answer.text
        took = answer.json
        good = [i for i in items if is_number(i["result"]) and i["resultQuality"]["quality"] == "Good"]
        assert took["received"] == len(items) and took["dead"] == len(items) - len(good), (name, took)
        times.update({i["phenomenonTime"]: i["result"] for i in good})
    count = seeded.value("SELECT count(DISTINCT phenomenon_time) FROM observation o JOIN datastream d ON d.id = o.datastream_id"
                         " JOIN thing t ON t.id = d.thing_id JOIN feed f ON f.id = t.feed_id WHERE f.name = 'observations'")  # fmt: skip
    assert int(count) == len(times) > 0


@skip_without("proto_sensorthings")
def test_sensorthings_datastreams_without_observations_are_dead_letters(clients):
    (features,) = constants("datastreamsByFeatureFixtures.ts").values()
    n = 0
    for datastreams in features.values():
        answer = clients["feed"].ingest("datastreams", json.dumps({"value": datastreams}), "application/json")
        assert answer.status == 200 and answer.json["dead"] == len(datastreams), answer.text
        n += len(datastreams)
    assert set(reasons(clients, "datastreams")) == {"the entity holds no Observation: fetch it with $expand"} and n > 0


# ── CSV as it is published, fetched as it is published: packed ──


def packed(path):
    """The file's bytes (gzip) and its rows."""
    with open(path, "rb") as file:
        body = file.read()
    return body, list(csv.DictReader(io.StringIO(gzip.decompress(body).decode("utf-8-sig"))))


def fetched(database, clients, feed, body, config):
    """What came of a body that an endpoint sends once, packed: the feed's counts."""
    with PullServer() as endpoint:
        endpoint.answer = lambda r: Reply(304) if "If-None-Match" in r.headers else Reply(
            body=body, headers={"Content-Encoding": "gzip", "ETag": '"1"'}, content_type="text/csv")  # fmt: skip
        source = {"url": endpoint.url(), "every_s": 5, "max_bytes": 16777216}
        added = clients["admin"].post("/api/v1/feeds", {"name": feed, "config": {**config, "protocol": "pull", "pull": source}})
        assert added.status == 201, added.text

        def counts():
            return clients["admin"].get(f"/api/v1/feeds/{feed}").json["counts"]

        wait_until(lambda: counts()["messages"], "the page to be stored")
        assert clients["admin"].put(f"/api/v1/feeds/{feed}", {"enabled": False}).status == 200
        return counts()


GAUGES = os.path.join(data_directory("city_cologne"), "environment", "lanuv-gauge", "gauge_values_daily.csv.gz")
BEACHES = os.path.join(data_directory("water_chicago_beach_sensors"), "beach-water-quality-automated-sensors-1.csv.gz")


@skip_without("city_cologne")
def test_daily_gauges_are_a_series_for_each_statistic(clients, seeded):
    body, rows = packed(GAUGES)
    statistics = {"Minimum": "min", "Maximum": "max", "Mittelwert": "mean"}
    config = {"format": "csv", "thing": "Name", "time": {"field": "Datum", "format": "%Y-%m-%d"}, "time_zone": "Europe/Berlin",
              "interval_s": 86400, "register": True, "place": {"x": {"const": "7"}, "y": {"const": "51"}},
              "values": [{"field": f, "property": "water_level", "unit": "cm", "statistic": s} for f, s in statistics.items()]}  # fmt: skip
    counts = fetched(seeded, clients, "gauges", body, config)
    expected = {}
    for row in rows:
        for field, statistic in statistics.items():
            if row[field]:
                expected[row["Name"], row["Datum"], statistic] = float(row[field])
    assert counts["dead"] == 0 and counts["stored"] - counts["corrections"] == len(expected), counts
    sums = Counter()
    for (name, _, statistic), value in expected.items():
        sums[name, statistic] += value / 100
    stored = seeded.sql("""SELECT key, statistic, sum(value)
                           FROM (SELECT DISTINCT ON (d.id, o.phenomenon_time) t.key, d.statistic, o.value
                                 FROM observation o JOIN datastream d ON d.id = o.datastream_id
                                 JOIN thing t ON t.id = d.thing_id JOIN feed f ON f.id = t.feed_id
                                 WHERE f.name = 'gauges' ORDER BY d.id, o.phenomenon_time, o.version DESC) newest
                           GROUP BY 1, 2""")  # fmt: skip
    assert {(name, statistic): float(total) for name, statistic, total in stored} == pytest.approx(dict(sums))


@skip_without("water_chicago_beach_sensors")
def test_beach_sensors_with_american_times_are_stored(clients, seeded):
    body, rows = packed(BEACHES)
    config = {"format": "csv", "thing": "Beach Name", "time": {"field": "Measurement Timestamp", "format": "%m/%d/%Y %I:%M:%S %p"},
              "time_zone": "America/Chicago", "register": True, "place": {"x": {"const": "-87.6"}, "y": {"const": "41.9"}},
              "values": [{"field": "Wave Height", "property": "wave_height", "unit": "m"}]}  # fmt: skip
    counts = fetched(seeded, clients, "beaches", body, config)
    values = [row["Wave Height"] for row in rows if row["Wave Height"]]
    assert counts["received"] == counts["stored"] + counts["duplicates"] == len(values) > 0, counts
    first = seeded.value("""SELECT to_char(min(o.phenomenon_time) AT TIME ZONE 'America/Chicago', 'YYYY-MM-DD HH24:MI')
                            FROM observation o JOIN datastream d ON d.id = o.datastream_id JOIN thing t ON t.id = d.thing_id
                            JOIN feed f ON f.id = t.feed_id WHERE f.name = 'beaches'""")  # fmt: skip
    times = [datetime.datetime.strptime(row["Measurement Timestamp"], "%m/%d/%Y %I:%M:%S %p") for row in rows if row["Wave Height"]]
    assert first == min(times).strftime("%Y-%m-%d %H:%M")
