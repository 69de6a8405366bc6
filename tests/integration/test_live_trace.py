"""Traces of alerts from outside: an exceedance comes in through HTTP; sources, stretch, next sample and what lies below come out."""

import datetime
import json

import pytest

from conftest import wait_until

UTC = datetime.timezone.utc
FEED = {"thing": "t", "property": "p", "value": "v", "time": "at"}
LIMIT = {"standard": "TEST 9", "averaging": "instant"}
SEED = """
INSERT INTO ward (code, name_zh, geom) VALUES ('880000010', '甲', ST_Multi(ST_MakeEnvelope(107, 29, 107.2, 29.1, 4490)));
UPDATE rule SET enabled = false;
INSERT INTO feed (name, config) VALUES ('web', :'feed');
-- A river from west to east, with a brook that joins it from the north at 107.05.
INSERT INTO waterway (code, downstream, geom, length_m)
SELECT format('R%s', n), CASE WHEN n < 9 THEN format('R%s', n + 1) END,
       ST_SetSRID(ST_MakeLine(ST_MakePoint(107 + 0.01 * n, 29.05), ST_MakePoint(107.01 + 0.01 * n, 29.05)), 4490), 972
FROM generate_series(0, 9) n;
INSERT INTO waterway (code, downstream, geom, length_m)
SELECT format('B%s', n), CASE n WHEN 2 THEN 'R5' ELSE format('B%s', n + 1) END,
       ST_SetSRID(ST_MakeLine(ST_MakePoint(107.05, 29.08 - 0.01 * n), ST_MakePoint(107.05, 29.07 - 0.01 * n)), 4490), 1112
FROM generate_series(0, 2) n;
INSERT INTO site (code, name_zh, name_en, kind, ward_id, geom) VALUES
  ('UP', '上游厂', 'Upper works', 'plant', 1, ST_SetSRID(ST_MakePoint(107.015, 29.0505), 4490)),
  ('BROOK', '支流厂', 'Brook works', 'plant', 1, ST_SetSRID(ST_MakePoint(107.0505, 29.075), 4490)),
  ('DOWN', '取水口', 'Intake', 'intake', 1, ST_SetSRID(ST_MakePoint(107.095, 29.0495), 4490)),
  ('FAR', '远厂', 'Far works', 'plant', 1, ST_SetSRID(ST_MakePoint(107.015, 29.09), 4490));
INSERT INTO thing (feed_id, key, class, limit_class, ward_id, geom)
SELECT f.id, k.key, 'river', 'judged', 1, ST_SetSRID(ST_MakePoint(k.x, k.y), 4490)
FROM feed f, (VALUES ('GAUGE', 107.08, 29.0501), ('SILENT', 107.0501, 29.062), ('MAST', 107.08, 29.07), ('AIR', 107.08, 29.07), ('AIR2', 107.02, 29.07)) k (key, x, y);
-- Meters of what sites let into the water: of the works, and of a waste water plant that is no site.
INSERT INTO thing (feed_id, key, class, limit_class, site_id, ward_id, geom)
SELECT f.id, k.key, 'outlet', k.class, (SELECT id FROM site WHERE code = k.site), 1, ST_SetSRID(ST_MakePoint(k.x, 29.0503), 4490)
FROM feed f, (VALUES ('METER', 'judged', 'UP', 107.015), ('WWTP', 'wwtp.1A', NULL, 107.06)) k (key, class, site, x);
INSERT INTO datastream (thing_id, property_id)
SELECT t.id, p.id FROM thing t JOIN observed_property p ON p.code = ANY (CASE t.key WHEN 'MAST' THEN '{wind_speed,wind_direction}'::text[]
                                                                          WHEN 'AIR' THEN '{pm2_5}' WHEN 'AIR2' THEN '{pm2_5}' ELSE '{cod}' END);
INSERT INTO limit_value (property_id, standard_no, class, averaging, upper, unit, valid_from, status, source)
SELECT id, 'TEST 9-2026', 'judged', 'instant', CASE code WHEN 'cod' THEN 60 ELSE 150 END, unit, '2020-01-01', 'check', 'test'
FROM observed_property WHERE code IN ('cod', 'pm2_5');
INSERT INTO rule (code, name_zh, name_en, detector, severity, config) VALUES
  ('cod', 'r', 'r', 'limit', 3, :'limit'::jsonb || '{"property": "cod"}'), ('dust', 'r', 'r', 'limit', 3, :'limit'::jsonb || '{"property": "pm2_5"}');
"""


class World:
    def __init__(self, database, serve):
        self.database = database
        database.sql(SEED, feed=json.dumps(FEED), limit=json.dumps(LIMIT))
        self.server = serve(database)
        self.admin = self.server.client(database.add_account("root", "admin"))
        self.stranger = self.server.client(database.add_account("other", "coordinator", []))
        self.now = datetime.datetime.now(UTC)

    def send(self, thing, prop, series):
        """Values by the minutes that they are old."""
        lines = [json.dumps({"t": thing, "p": prop, "v": v, "at": (self.now - datetime.timedelta(minutes=m)).isoformat()}) for m, v in series]
        answer = self.admin.ingest("web", "\n".join(lines))
        assert answer.status == 200 and answer.json["stored"] == len(lines), answer.text

    def alert(self, rule):
        return wait_until(lambda: self.admin.get(f"/api/v1/alerts?rule={rule}&state=open").json["items"], "the alert")[0]

    def trace(self, alert):
        return wait_until(lambda: self.admin.get(f"/api/v1/alerts/{alert['id']}").json["explanation"].get("trace"), "its trace")


@pytest.fixture
def world(new_database, serve):
    made = World(new_database(), serve)
    yield made
    made.server.stop()


def quiet(until, level=20):
    return [(m, level + m % 3) for m in range(47 * 60, until, -10)]


def test_an_exceedance_on_a_river_is_traced_up_and_down(world):
    world.send("SILENT", "cod", quiet(0))
    # A front that has spread for as long as water from the works takes: a sharper one would speak for a place near by.
    world.send("GAUGE", "cod", quiet(100) + list(zip(range(100, 0, -10), (22.5, 27, 36, 50, 65, 79, 88, 92.5, 94.5, 95))))
    alert = world.alert("cod")
    trace = world.trace(alert)
    assert trace["kind"] == "water" and trace["sensors"] == 2 and trace["sensors_that_saw_it"] == 1
    # One sensor alone cannot tell distance from time: a stretch, and where to sample next.
    assert trace["verdict"] == "stretch" and trace["stretch_m"] > 500 and {"reach", "at_m", "place", "probability_above"} <= set(trace["next_sample"])
    assert 0.1 <= trace["next_sample"]["probability_above"] <= 0.9  # the works alone may hold more than half
    # The brook's own sensor saw nothing: what lies above it is less likely than the works on the river.
    chance = {s["site"]: s["probability"] for s in trace["sources"] if s["kind"] == "site"}
    assert chance["UP"] > 3 * chance.get("BROOK", 0) and "DOWN" not in chance and "FAR" not in chance
    assert trace["sources"] == sorted(trace["sources"], key=lambda s: -s["probability"])
    # What it will reach, and when.
    below = {d["site"]: d for d in trace["downstream"] if "site" in d}
    assert set(below) == {"DOWN"} and alert["opened_at"] < below["DOWN"]["front_at"] <= below["DOWN"]["peak_at"] <= below["DOWN"]["rear_at"]
    # As GeoJSON, for those who may see the alert.
    geojson = world.admin.get(f"/api/v1/alerts/{alert['id']}/trace").json
    roles = {f["properties"]["role"]: f["geometry"]["type"] for f in geojson["features"]}
    assert geojson["type"] == "FeatureCollection" and geojson["trace"]["verdict"] == "stretch"
    assert roles == {"source": "Point", "stretch": "LineString", "next_sample": "Point", "downstream": "LineString"}
    downstream = [f for f in geojson["features"] if f["properties"]["role"] == "downstream"]
    assert {f["properties"]["reach"] for f in downstream} >= {"R8", "R9"} and "R4" not in {f["properties"]["reach"] for f in downstream}
    assert world.stranger.get(f"/api/v1/alerts/{alert['id']}/trace").status == 404


def test_what_a_site_measures_itself_is_no_gauge_of_the_river(world):
    # The meters stay as usual while the gauge below them sees a cloud: they are not asked.
    for key in ("SILENT", "METER", "WWTP"):
        world.send(key, "cod", quiet(0))
    world.send("GAUGE", "cod", quiet(100) + [(m, 95) for m in range(100, 0, -10)])
    trace = world.trace(world.alert("cod"))
    assert trace["sensors"] == 2 and all("thing" not in d for d in trace["downstream"])


def test_a_sites_own_meter_names_its_site_and_what_lies_below(world):
    world.send("METER", "cod", quiet(30) + [(m, 95) for m in (20, 10, 0.2)])
    trace = world.trace(world.alert("cod"))
    assert trace["verdict"] == "place" and trace["own_outlet"] is True and [s["site"] for s in trace["sources"]] == ["UP"]
    assert {d.get("site") for d in trace["downstream"]} >= {"DOWN"}


def test_a_trace_is_made_again_after_the_alert_has_cleared_until_the_gauges_below_have_seen_it(world):
    world.send("GAUGE", "cod", quiet(0))
    world.send("SILENT", "cod", quiet(100) + [(m, 95) for m in range(100, 40, -10)])
    alert = world.alert("cod")
    made = world.trace(alert)
    assert made["sensors"] == 2 and made["until"] > made["as_of"]
    world.send("SILENT", "cod", [(m, 20) for m in (30, 20, 10, 5, 1)])
    wait_until(lambda: world.admin.get(f"/api/v1/alerts/{alert['id']}").json["state"] == "cleared", "the alert to clear")

    def grow_old(until):
        world.database.sql(f"UPDATE alert_trace SET as_of = now() - interval '11 minutes', until = {until}")
        return world.database.sql("SELECT as_of FROM alert_trace")[0][0]

    old = grow_old("now() + interval '1 hour'")
    wait_until(lambda: world.database.sql("SELECT as_of FROM alert_trace")[0][0] != old, "the trace to be made again")
    again = world.trace(alert)
    assert again["as_of"] > made["as_of"] and again["until"] < made["until"]  # it lasted for less than was thought
    # Once more when that is over, and then no more: what was asked last is answered first, so another alert's trace tells.
    old = grow_old("now() - interval '12 minutes'")
    world.send("GAUGE", "cod", [(0.5, 99), (0.4, 99)])
    other = world.alert("cod")
    assert other["id"] != alert["id"] and world.trace(other)["kind"] == "water"
    assert world.database.sql(f"SELECT as_of FROM alert_trace WHERE alert_id = {alert['id']}")[0][0] == old


def test_dust_is_traced_to_the_site_that_lies_upwind(world):
    world.send("MAST", "wind_speed", [(m, 3) for m in range(40 * 60, 0, -30)])
    # From the north at first; then every other hour from the works in the west-south-west, when it is dusty, or from the brook, when it is not.
    def dusty(m):
        return m <= 9 * 60 and (world.now - datetime.timedelta(minutes=m)).hour % 2 == world.now.hour % 2

    world.send("MAST", "wind_direction", [(m, 0 if m > 9 * 60 else 252 if dusty(m) else 285) for m in range(40 * 60, 0, -30)])
    world.send("AIR2", "pm2_5", quiet(0, 40))
    world.send("AIR", "pm2_5", quiet(9 * 60, 40) + [(m, 220 if dusty(m) else 41) for m in range(9 * 60, 0, -10)])
    world.send("MAST", "wind_speed", [(0.3, 3)])
    world.send("MAST", "wind_direction", [(0.3, 252)])
    world.send("AIR", "pm2_5", [(0.2, 220)])  # the alert is open
    trace = world.trace(world.alert("dust"))
    assert trace["kind"] == "air" and trace["hours_of_wind"] >= 30 and trace["verdict"] in ("place", "several")
    assert trace["sources"][0]["site"] == "UP" and trace["sources"][0]["probability"] > 0.5 and trace["sources"][0]["llr"] > 0


def test_an_alert_that_cannot_be_traced_says_why_and_holds_up_no_other(world):
    # A reach of two equal points is no line: what lies on the water can't be traced, and this alert has waited longest.
    world.database.sql("""INSERT INTO waterway (code, downstream, geom, length_m)
        VALUES ('BAD', 'R5', ST_SetSRID(ST_MakeLine(ST_MakePoint(107, 29), ST_MakePoint(107, 29)), 4490), 1)""")
    world.send("GAUGE", "cod", quiet(60) + [(50, 99)])
    cod = world.alert("cod")
    world.send("MAST", "wind_speed", [(m, 3) for m in range(40 * 60, 0, -30)])
    world.send("MAST", "wind_direction", [(m, 252) for m in range(40 * 60, 0, -30)])
    world.send("AIR2", "pm2_5", quiet(0, 40))
    world.send("AIR", "pm2_5", quiet(60, 40) + [(m, 220) for m in range(60, 0, -10)])
    assert world.trace(world.alert("dust"))["kind"] == "air"
    assert "two different points" in world.trace(cod)["failed"]


def test_without_water_or_wind_there_is_no_trace_and_the_alert_stands(world):
    world.database.sql("DELETE FROM waterway; DELETE FROM datastream WHERE property_id IN (SELECT id FROM observed_property WHERE code LIKE 'wind%')")
    world.send("GAUGE", "cod", quiet(60) + [(50, 99)])
    alert = world.alert("cod")
    assert "trace" not in world.admin.get(f"/api/v1/alerts/{alert['id']}").json["explanation"]
    assert world.admin.get(f"/api/v1/alerts/{alert['id']}/trace").status == 404


def test_waterways_load_from_a_file(new_database, scratch):
    database = new_database()
    path = f"{scratch}/waterways.geojson"
    features = [{"type": "Feature", "geometry": {"type": "LineString", "coordinates": [[107, 29], [107.01, 29]]},
                 "properties": {"code": "A", "name_zh": "甲河", "downstream": "B", "velocity_ms": 0.4}},
                {"type": "Feature", "geometry": {"type": "LineString", "coordinates": [[107.01, 29], [107.02, 29]]},
                 "properties": {"code": "B", "name_zh": "乙河"}}]  # fmt: skip
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"type": "FeatureCollection", "features": features}, file)
    database.wardwatch("load", "waterways", path)
    assert database.sql("SELECT code, downstream, properties->>'velocity_ms' FROM waterway ORDER BY code") == [["A", "B", "0.4"], ["B", "", ""]]
