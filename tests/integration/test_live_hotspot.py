"""Hot-spot rules from outside: readings come in through HTTP, a map comes out, alerts only where the rule says so."""

import datetime
import json

import pytest

from conftest import wait_until

CHINA = datetime.timezone(datetime.timedelta(hours=8))
FEED = {"thing": "t", "property": "p", "value": "v", "time": "at", "place": {"x": "x", "y": "y"}, "register": True}
SIDE = 6  # wards in a square, each 0.02 degrees wide, with a station in the middle
SEED = """
INSERT INTO ward (code, name_zh, name_en, geom)
SELECT format('88000%s%s0', i, k), format('街道%s%s', i, k), format('Ward %s%s', i, k),
       ST_Multi(ST_MakeEnvelope(107 + 0.02 * i, 29 + 0.02 * k, 107.02 + 0.02 * i, 29.02 + 0.02 * k, 4490))
FROM generate_series(0, 5) i, generate_series(0, 5) k;
UPDATE rule SET enabled = false;
INSERT INTO feed (name, config) VALUES ('air', :'feed');
"""
RULE = {"property": "pm2_5", "feed": "air", "hexagon_m": 2000, "rings": 1, "q": 0.05}
HOT = [(i, k) for i in (1, 2, 3) for k in (1, 2, 3)]


class World:
    def __init__(self, database, serve):
        self.database = database
        database.sql(SEED, feed=json.dumps(FEED))
        self.token = database.add_account("root", "admin")
        self.own = database.add_account("own", "coordinator", ["88000220"])
        self.serve = serve
        self.start()

    def start(self):
        self.server = self.serve(self.database)
        self.admin = self.server.client(self.token)

    def measure(self, hot, places=None, value=80, at=None):
        at = (at or datetime.datetime.now(CHINA)).isoformat()
        lines = [json.dumps({"t": f"s{i}{k}", "p": "pm2_5", "at": at, "x": 107.01 + 0.02 * i, "y": 29.01 + 0.02 * k,
                             "v": value + i if (i, k) in hot else 20 + (i * 7 + k * 3) % 5})
                 for i in range(SIDE) for k in range(SIDE) if places is None or (i, k) in places]  # fmt: skip
        answer = self.admin.ingest("air", "\n".join(lines))
        assert answer.status == 200 and answer.json["stored"] == len(lines), answer.text

    def rule(self, config, expect=201, method="post"):
        body = {"name_zh": "颗粒物热点", "name_en": "PM2.5 hot spots", "detector": "hotspot", "severity": 2, "config": config}
        answer = self.admin.post("/api/v1/rules", body | {"code": "hot"}) if method == "post" else self.admin.put("/api/v1/rules/hot", body)
        assert answer.status == expect, answer.text
        return answer

    def map(self, client=None, **filters):
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        return (client or self.admin).get(f"/api/v1/hotspots?limit=1000&{query}").json["items"]

    def alerts(self, state):
        return self.admin.get(f"/api/v1/alerts?rule=hot&state={state}").json["items"]


@pytest.fixture
def world(new_database, serve):
    made = World(new_database(), serve)
    yield made
    made.server.stop()


def test_high_values_side_by_side_are_hot_wards_and_hexagons_until_they_fall(world):
    world.rule(RULE)
    world.measure(HOT)
    wait_until(lambda: {p["ward"] for p in world.map(places="ward", **{"class": "hot"})} >= {"88000220"}, "the hot ward")
    wait_until(lambda: len(world.map(places="ward")) == 36, "all wards")
    middle = next(p for p in world.map(places="ward") if p["ward"] == "88000220")
    assert middle["class"] == "hot" and middle["q"] <= 0.05 and middle["gstar"] > 2 and middle["value"] == 82 and middle["things"] == 1
    assert middle["label_zh"] == "热点" and middle["label_en"] == "Hot spot" and middle["moran_class"] == "high-high"
    assert middle["rule"] == "hot" and middle["property"] == "pm2_5" and middle["name_zh"] == "街道22" and middle["name_en"] == "Ward 22"
    corner = next(p for p in world.map(places="ward") if p["ward"] == "88000550")
    assert corner["class"] is None and corner["label_zh"] == "不显著"
    hexagons = wait_until(lambda: world.map(places="hexagon", **{"class": "hot"}), "hot hexagons")
    assert all(h["key"].startswith("h2000_107_29_") for h in hexagons) and {h["ward"] for h in hexagons} <= {f"88000{i}{k}0" for i, k in HOT}
    geojson = world.admin.get("/api/v1/hotspots?format=geojson").json
    shapes = {f["properties"]["places"]: f["geometry"]["type"] for f in geojson["features"]}
    assert shapes == {"ward": "MultiPolygon", "hexagon": "Polygon"}
    assert len(next(f for f in geojson["features"] if f["properties"]["places"] == "hexagon")["geometry"]["coordinates"][0]) == 7
    # A reader sees his ward alone; the whole map was judged.
    assert {p["ward"] for p in world.map(world.server.client(world.own))} == {"88000220"}
    # Each reading moves it.
    world.measure([])
    wait_until(lambda: not world.map(**{"class": "hot"}), "nothing to be hot any more")
    assert world.alerts("open") == world.alerts("cleared") == []


def test_alerts_of_their_own_kind_come_only_where_the_rule_says_so(world):
    world.rule(RULE | {"alert": {"for_s": 0}})
    world.measure(HOT)
    alerts = wait_until(lambda: world.alerts("open"), "an alert")
    hot = next(a for a in alerts if a["ward"]["code"] == "88000220")
    assert hot["property"]["code"] == "pm2_5" and hot["last_value"] >= 81 and hot["limit"]["upper"] < 50
    why = world.admin.get(f"/api/v1/alerts/{hot['id']}").json["explanation"]
    assert why["method"] == "hotspot" and why["q"] <= 0.05 and {m["class"] for m in why["members"]} == {"hot"}
    # A restart changes nothing.
    world.server.stop()
    world.start()
    wait_until(lambda: len(world.map(places="ward")) == 36, "the map")
    world.measure(HOT)
    wait_until(lambda: world.map(places="ward", **{"class": "hot"}), "hot wards")
    assert {a["id"] for a in world.alerts("open")} >= {a["id"] for a in alerts}
    world.measure([])
    wait_until(lambda: not world.alerts("open"), "all to clear")


def test_values_grow_old_and_a_silent_hot_place_is_no_good_news(world):
    old = datetime.datetime.now(CHINA) - datetime.timedelta(hours=2)
    world.rule(RULE | {"max_age_s": 3600, "alert": {"for_s": 0}})
    world.measure(HOT, at=old)
    world.measure(HOT, places=[(i, k) for i in range(SIDE) for k in range(SIDE) if (i, k) != (5, 5)])
    wait_until(lambda: len(world.map(places="ward")) == 35, "the wards with a young value")
    wait_until(lambda: world.alerts("open"), "an alert")


def test_a_rule_that_is_gone_leaves_no_map(world):
    world.rule(RULE)
    world.measure(HOT)
    wait_until(lambda: world.map(), "a map")
    world.database.sql("UPDATE rule SET enabled = false")
    wait_until(lambda: not world.map(), "the map to go")


def test_what_a_config_gets_wrong_is_named(world):
    for change, field in [({"property": "x" * 200}, "config.property"), ({"q": 2}, "config.q"), ({"rings": 0}, "config.rings"),
                          ({"places": "street"}, "config.places"), ({"alert": {"for": 1}}, "config.alert.for"),
                          ({"places": "hexagon", "alert": {}}, "config.alert"), ({"property": "nothing"}, "config.property")]:  # fmt: skip
        answer = world.rule(RULE | change, expect=400)
        assert answer.json["error"]["field"] == field, (change, answer.text)
