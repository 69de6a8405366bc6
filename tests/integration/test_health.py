"""Feed health from outside: who is silent, late, complete, whose clock is off; sensor alerts and what they never do."""

import datetime
import json
import os
import sys
import threading
import time

import pytest

from conftest import ROOT, Cluster, wait_until

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from hj212_wire import CHINA, Station  # noqa: E402

FEED = {"thing": "t", "property": "p", "value": "v", "time": "at", "place": {"x": "x", "y": "y"}, "register": True,
        "thing_class": "outfall"}  # fmt: skip
SPOT = {"property": "cod", "limit_class": "judged", "standard": "TEST 9", "averaging": "instant"}
SILENCE = {"multiple": 2, "after_s": 2, "thing_class": "outfall", "feed_least": 3}
STATION_SILENCE = {"multiple": 0, "after_s": 3, "feed": "hj"}
CLOCK = {"limit_s": 60, "for_s": 0.5, "feed": "hj"}
MN = "HEALTH0000000001"
SEED = """
INSERT INTO ward (code, name_zh, geom) VALUES
  ('880000001', '甲', ST_Multi(ST_MakeEnvelope(107, 29, 107.1, 29.1, 4490))),
  ('880000002', '乙', ST_Multi(ST_MakeEnvelope(107.1, 29, 107.2, 29.1, 4490)));
UPDATE rule SET enabled = false;
INSERT INTO feed (name, config) VALUES ('web', :'feed'), ('many', :'feed'), ('hj', '{"protocol":"hj212","expected_step_s":1}');
INSERT INTO thing (feed_id, key, class, limit_class, ward_id, geom)
SELECT f.id, k.key, k.class, 'judged', 1, ST_SetSRID(ST_MakePoint(107.05, 29.05), 4490)
FROM feed f, (VALUES ('hj', :'mn', 'station'), ('web', 'W1', 'outfall')) k (feed, key, class)
WHERE f.name = k.feed;
INSERT INTO datastream (thing_id, property_id) SELECT t.id, p.id FROM thing t, observed_property p WHERE p.code = 'cod';
INSERT INTO station (mn, feed_id) SELECT :'mn', id FROM feed WHERE name = 'hj';
INSERT INTO limit_value (property_id, standard_no, class, averaging, upper, unit, valid_from, status, source)
SELECT id, 'TEST 9-2026', 'judged', 'instant', 60, 'mg/L', '2020-01-01', 'check', 'test' FROM observed_property WHERE code = 'cod';
INSERT INTO rule (code, name_zh, name_en, detector, severity, config) VALUES
  ('spot', 'r', 'r', 'limit', 3, :'spot'), ('quiet', '静默', 'Quiet', 'silence', 2, :'silence'),
  ('station-quiet', '静默', 'Quiet', 'silence', 2, :'station_silence'), ('clock', '时钟', 'Clock', 'clock_drift', 1, :'clock');
"""
MEMBERS = "state silent_since last_received_at last_phenomenon_at lag_s expected_s expected_from completeness_24h drift_s drift_from counts as_of"


class World:
    """A database, a server on it, and the accounts of its tests."""

    def __init__(self, database, serve, scratch):
        self.database = database
        database.sql(SEED, feed=json.dumps(FEED), spot=json.dumps(SPOT), silence=json.dumps(SILENCE),
                     station_silence=json.dumps(STATION_SILENCE), clock=json.dumps(CLOCK), mn=MN)  # fmt: skip
        self.tokens = {
            "admin": database.add_account("root", "admin"),
            "own": database.add_account("own", "coordinator", ["880000001"]),
            "other": database.add_account("other", "coordinator", ["880000002"]),
        }
        self.serve, self.scratch = serve, scratch
        self.start()

    def start(self):
        port_file = os.path.join(self.scratch, f"hj212-{time.monotonic_ns()}.port")
        self.server = self.serve(self.database, "--no-outward", "--hj212", "127.0.0.1:0", "--hj212-port-file", port_file)
        self.hj212 = int(wait_until(lambda: os.path.exists(port_file) and open(port_file, encoding="ascii").read(), "the HJ 212 port"))
        self.admin = self.client("admin")

    def client(self, who):
        return self.server.client(self.tokens[who])

    def alerts(self, who="admin", **filters):
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        return self.client(who).get(f"/api/v1/alerts?limit=1000&{query}").json["items"]

    def health(self, key, who="admin"):
        found = [t for t in self.client(who).get("/api/v1/health/things").json["items"] if t["key"] == key]
        return found[0]["health"] if found else None


@pytest.fixture
def world(new_database, serve, scratch):
    made = World(new_database(), serve, scratch)
    yield made
    made.server.stop()


def now(offset_s=0):
    return datetime.datetime.now(CHINA) + datetime.timedelta(seconds=offset_s)


class Sending(threading.Thread):
    """Sends one reading of each thing every `every_s` until it is told to stop; what is refused meanwhile is lost.

    Each has its own clock that ticks evenly, as a sensor's does, however long a busy machine takes to send: a rhythm is there to be
    learned. It is set right when it is far behind."""

    def __init__(self, world, feed, things, every_s=0.3, value=5):
        super().__init__(daemon=True)
        self.world, self.feed, self.things, self.every_s, self.value = world, feed, list(things), every_s, value
        self.over = threading.Event()
        self.start()

    def run(self):
        at = now(self.every_s)
        while not self.over.wait(max(0.01, (at - now()).total_seconds())):
            late = now() - at > datetime.timedelta(seconds=1.5)
            row = {"p": "cod", "v": self.value, "at": (now() if late else at).isoformat(), "x": 107.05, "y": 29.05}
            at = (now() if late else at) + datetime.timedelta(seconds=self.every_s)
            lines = [json.dumps({"t": t, **row}) for t in self.things]
            try:
                self.world.admin.ingest(self.feed, "\n".join(lines))
            except OSError:
                pass

    def stop(self):
        self.over.set()
        self.join()


class Talking(threading.Thread):
    """An HJ 212 station that sends `value` every `every_s`, its clock `offset_s` ahead."""

    def __init__(self, world, every_s=0.3, value=5, offset_s=0):
        super().__init__(daemon=True)
        self.world, self.every_s, self.value, self.offset_s = world, every_s, value, offset_s
        self.over = threading.Event()
        self.start()

    def run(self):
        with Station(self.world.hj212, MN, pw="") as station:
            station.answer_commands()
            while not self.over.wait(self.every_s):
                at = now(self.offset_s)
                station.upload(2011, f"DataTime={at:%Y%m%d%H%M%S};w01018-Rtd={self.value},w01018-Flag=N",
                               qn=f"{at:%Y%m%d%H%M%S}{at.microsecond // 1000:03d}")  # fmt: skip

    def stop(self):
        self.over.set()
        self.join()


def test_a_silent_station_raises_one_sensor_alert_and_clears_it_when_it_is_back(world):
    with world.client("own").events(last_event_id=0) as events:
        talking = Talking(world, value=70)
        wait_until(lambda: world.alerts(rule="spot"), "the pollution alert")
        wait_until(lambda: (world.health(MN) or {}).get("expected_from") == "feed", "its health")
        talking.stop()
        alert = wait_until(lambda: world.alerts(rule="station-quiet"), "the alert about silence")[0]
        assert alert["category"] == "sensor" and alert["state"] == "open" and alert["thing"]["key"] == MN
        assert alert["ward"]["code"] == "880000001" and alert["feed"] is None and alert["datastream"] is None and alert["site"] is None
        assert alert["property"] == {"code": "silence", "name_zh": "静默时长", "name_en": "Silence", "unit": "s"}
        assert alert["limit"] == {"lower": None, "upper": 3, "unit": "s", "standard_no": ""} and alert["last_value"] >= 3
        assert alert["place"] == [107.05, 29.05]
        assert world.health(MN)["state"] == "silent" and world.health(MN)["silent_since"] == world.health(MN)["last_received_at"]
        # Silence is no good news, and none about pollution.
        assert [a["state"] for a in world.alerts(rule="spot")] == ["open"]
        ward = world.client("own").get("/api/v1/wards").json["items"][0]
        assert ward["open_alerts"] == 1 and ward["worst_severity"] == 3
        told = [events.next(), events.next()]
        assert [e["data"]["category"] for e in told] == ["pollution", "sensor"]
        assert told[1]["event"] == "opened" and told[1]["data"]["property"] == "silence" and told[1]["data"]["feed"] is None
        talking = Talking(world, value=70)
        wait_until(lambda: world.alerts(rule="station-quiet", state="cleared"), "it to be back")
        cleared = events.next()
        assert cleared["event"] == "cleared" and cleared["data"]["alert_id"] == alert["id"]
        talking.stop()
    assert [a["state"] for a in world.alerts(rule="spot")] == ["open"]
    assert len(world.alerts(category="sensor", state="cleared")) == 1
    shown = world.admin.get(f"/api/v1/alerts/{alert['id']}").json
    assert [e["kind"] for e in shown["events"]] == ["opened", "cleared"]
    why = shown["explanation"]
    assert why["method"] == "silence" and why["rule"]["code"] == "station-quiet" and why["expected"]["upper"] == 3
    assert why["observed"]["value"] >= 3 and why["last_received_at"]
    # Nobody else's business.
    assert world.alerts("other") == [] and world.client("other").get(f"/api/v1/alerts/{alert['id']}").status == 404
    assert world.client("other").get("/api/v1/health/things").json["items"] == []
    assert MN in world.client("own").get("/api/v1/alerts?format=geojson&category=sensor").text
    books = "SELECT count(*) FROM alert_event e WHERE NOT EXISTS (SELECT FROM ledger l WHERE l.kind = 'alert_event' AND l.ref = e.id)"
    assert world.database.value(books) == "0"
    assert world.database.value("SELECT count(*) FROM outbox") == world.database.value("SELECT count(*) FROM alert_event")


def test_a_clock_that_is_off_is_told_by_qn_and_its_readings_count_all_the_same(world):
    talking = Talking(world, offset_s=-400, value=70)
    alert = wait_until(lambda: world.alerts(rule="clock"), "the alert about its clock")[0]
    assert alert["category"] == "sensor" and alert["property"]["code"] == "clock_drift" and -410 < alert["last_value"] < -390
    assert alert["limit"] == {"lower": -60, "upper": 60, "unit": "s", "standard_no": ""}
    health = wait_until(lambda: world.health(MN) if world.health(MN)["state"] == "drifting" else None, "drifting")
    assert health["drift_from"] == "clock" and -410 < health["drift_s"] < -390
    assert world.alerts(rule="spot", state="open"), "it is judged"
    assert int(world.database.value("SELECT count(*) FROM observation")) > 3
    talking.stop()
    talking = Talking(world, value=70)
    wait_until(lambda: world.alerts(rule="clock", state="cleared"), "its clock to be right again")
    talking.stop()
    assert world.alerts(rule="spot", state="open")


def test_a_feed_that_falls_silent_as_a_whole_is_one_alert(world):
    things = [f"M{i}" for i in range(12)]
    sending = Sending(world, "many", things, every_s=0.2)
    single = Sending(world, "web", ["W1"])
    wait_until(lambda: (world.health("M11") or {}).get("expected_from") == "learned", "their rhythm")
    sending.stop()
    alert = wait_until(lambda: world.alerts(rule="quiet", state="open"), "the alert of the feed")[0]
    assert alert["feed"] == "many" and alert["thing"] is None and alert["ward"] is None and alert["category"] == "sensor"
    wait_until(lambda: world.admin.get("/api/v1/feeds/many/health").json["things"]["silent"] == 12, "all to be silent")
    assert len(world.alerts(category="sensor")) == 1
    shown = world.admin.get("/api/v1/feeds/many/health").json
    assert shown["state"] == "silent" and shown["silent_since"] and shown["open_alerts"] == 1 and shown["things"]["total"] == 12
    assert shown["protocol"] == "http" and shown["counts"]["stored"] > 12 and shown["counts"]["stored"] % 12 == 0
    why = world.admin.get(f"/api/v1/alerts/{alert['id']}").json["explanation"]
    assert why["suspect"] == why["watched"] == 12 and why["members"]
    assert world.alerts("own") == [], "a feed belongs to no ward"
    words = world.database.wardwatch("feed", "health", "many").splitlines()
    assert words[0].startswith("many") and "silent" in words[0] and "12 silent" in words[0] and len(words) == 13, words
    assert world.database.wardwatch("feed", "health").count("last heard") == 3
    sending = Sending(world, "many", things, every_s=0.2)
    wait_until(lambda: world.alerts(rule="quiet", state="cleared"), "the feed to be back")
    wait_until(lambda: world.admin.get("/api/v1/feeds/many/health").json["things"]["ok"] == 12, "all to be well")
    sending.stop()
    single.stop()
    assert {a["feed"] for a in world.alerts(category="sensor")} <= {"many", None}


def test_one_of_many_is_an_alert_of_its_own(world):
    things = [f"M{i}" for i in range(8)]
    sending = Sending(world, "many", things, every_s=0.2)
    wait_until(lambda: (world.health("M7") or {}).get("expected_from") == "learned", "their rhythm")
    sending.things = things[1:]
    alert = wait_until(lambda: world.alerts(category="sensor"), "the alert")[0]
    assert alert["thing"]["key"] == "M0" and alert["feed"] is None
    sending.stop()


def test_while_the_database_is_away_nobody_is_silent(cluster_of_its_own, serve, scratch):
    world = World(cluster_of_its_own.create_database("away"), serve, scratch)
    world.database.sql("""UPDATE feed SET config = config || '{"expected_step_s": 1}' WHERE name = 'web'""")
    sending = Sending(world, "web", ["W1"])
    wait_until(lambda: (world.health("W1") or {"expected_from": None})["expected_from"] == "feed", "its health")
    wait_until(lambda: world.health("W1")["state"] == "ok", "it to be well")
    cluster_of_its_own.stop()
    away = time.monotonic()
    wait_until(lambda: time.monotonic() - away > 8, "more than three times what the rule allows")
    cluster_of_its_own.start()
    wait_until(lambda: world.server.client().get("/readyz").status == 200, "the server to be ready")
    before = world.health("W1")["last_received_at"]
    wait_until(lambda: world.health("W1")["last_received_at"] > before, "it to be heard again", 90)
    assert world.alerts(category="sensor") == []
    sending.stop()
    wait_until(lambda: world.alerts(category="sensor"), "real silence to be told all the same")
    world.server.stop()


@pytest.fixture
def cluster_of_its_own(scratch):
    made = Cluster(os.path.join(scratch, "pg-health"))
    yield made
    made.run("remove")


def test_a_restart_keeps_the_one_alert_and_what_was_learned(world):
    sending = Sending(world, "web", ["W1"])
    wait_until(lambda: (world.health("W1") or {}).get("expected_from") == "learned", "its rhythm")
    sending.stop()
    wait_until(lambda: world.alerts(rule="quiet"), "the alert about silence")
    silent_since = world.health("W1")["silent_since"]
    for end in ("stop", "kill"):
        getattr(world.server, end)()
        world.start()
        wait_until(lambda: "health=judge" in world.server.log(), "it to judge")
        assert world.health("W1")["state"] == "silent" and world.health("W1")["silent_since"] == silent_since
        assert [a["state"] for a in world.alerts(category="sensor")] == ["open"]
    sending = Sending(world, "web", ["W1"])
    wait_until(lambda: world.alerts(rule="quiet", state="cleared"), "it to be back")
    sending.stop()


def test_two_servers_do_not_disagree(world):
    """What one hears, the other knows; alerts are one's alone."""
    world.database.sql("""UPDATE rule SET config = config || '{"after_s": 4}' WHERE code = 'quiet'""")
    second = world.serve(world.database, "--no-outward")
    first, world.server = world.server, second
    sending = Sending(world, "web", ["W1"])
    sending.world.admin = second.client(world.tokens["admin"])
    wait_until(lambda: (world.health("W1") or {}).get("expected_from") == "learned", "its rhythm")
    until = time.monotonic() + 20  # two rounds of news
    wait_until(lambda: time.monotonic() > until, "the servers to talk")
    assert world.alerts(category="sensor") == []
    assert [s.log().count("health=judge") for s in (first, second)] == [1, 0]
    first.stop()
    wait_until(lambda: "health=judge" in second.log(), "the other to judge")
    sending.stop()
    wait_until(lambda: world.alerts(category="sensor", state="open"), "the alert", 120)
    world.server = second


def test_the_contract_of_health(world):
    sending = Sending(world, "web", ["W1"])
    wait_until(lambda: (world.health("W1") or {}).get("expected_from") == "learned", "its rhythm")
    sending.stop()
    old = now(-7200).isoformat()
    world.admin.ingest("web", "\n".join(json.dumps({"t": t, "p": p, "v": 1, "at": old})
                                        for t, p in (("W1", "cod"), ("W1", "cod"), ("W1", "no-such"))))  # fmt: skip
    health = wait_until(lambda: world.health("W1") if world.health("W1")["counts"]["duplicates"] == 1 else None, "the counts", 90)
    assert list(health) == MEMBERS.split() and health["counts"]["dead"] == 1 and health["counts"]["stored"] > 5
    assert health["expected_s"] < 1.5 and abs(health["lag_s"]) < 60 and health["drift_from"] is None
    assert list(world.admin.get("/api/v1/feeds/web/health").json) == (
        "feed protocol state silent_since last_received_at last_phenomenon_at lag_s expected_s completeness_24h things counts "
        "open_alerts as_of").split()  # fmt: skip
    things = {t["key"]: t for t in world.admin.get("/api/v1/things").json["items"]}
    assert things["W1"]["health"]["state"] and things[MN]["health"] is None
    for state in ("silent", "drifting", "late", "ok", "unknown"):
        found = world.admin.get(f"/api/v1/health/things?state={state}").json["items"]
        assert all((t["health"] or {"state": "unknown"})["state"] == state for t in found)
    assert [t["key"] for t in world.admin.get("/api/v1/health/things?state=unknown&feed=hj").json["items"]] == [MN]
    assert world.admin.get("/api/v1/health/things?state=ill").status == 400
    assert world.client("own").get("/api/v1/feeds/web/health").status == 403
    metrics = world.server.client().get("/metrics").text
    assert 'wardwatch_feed_last_received_age_seconds{feed="web"}' in metrics and 'wardwatch_feed_lag_seconds{feed="web"}' in metrics
    assert 'wardwatch_feed_things{feed="hj",state="unknown"} 1' in metrics and "W1" not in metrics and MN not in metrics


RULE = {"name_zh": "静", "name_en": "Q", "detector": "silence", "severity": 1, "config": {"multiple": 3}}


@pytest.mark.parametrize("detector, config, field", [
    ("silence", {}, "config.multiple"), ("silence", {"multiple": 1.1}, "config.multiple"), ("silence", {"after_s": -1}, "config.after_s"),
    ("silence", {"multiple": 3, "feed": "none"}, "config.feed"), ("silence", {"multiple": 3, "property": "none"}, "config.property"),
    ("silence", {"multiple": 3, "limit_s": 3}, "config.limit_s"), ("clock_drift", {}, "config.limit_s"),
    ("clock_drift", {"limit_s": 60, "clear_ratio": 2}, "config.clear_ratio"), ("clock_drift", {"limit_s": 60, "multiple": 2}, "config.multiple"),
    ("silence", {"multiple": 3, "feed_least": 1}, "config.feed_least")])  # fmt: skip
def test_a_bad_rule_about_senders_names_its_member(rules_server, detector, config, field):
    answer = rules_server.post("/api/v1/rules", {**RULE, "code": "bad", "detector": detector, "config": config})
    assert answer.status == 400 and answer.json["error"]["field"] == field, answer.text


def test_a_rule_about_senders_is_made_and_changed(rules_server):
    assert {"sensor-silence", "sensor-clock"} <= {r["code"] for r in rules_server.get("/api/v1/rules").json["items"]}
    assert rules_server.post("/api/v1/rules", {**RULE, "code": "q"}).status == 201
    changed = rules_server.put("/api/v1/rules/q", {**RULE, "detector": "clock_drift", "config": {"limit_s": 5}})
    assert changed.status == 200 and changed.json["version"] == 2 and changed.json["detector"] == "clock_drift"


@pytest.fixture(scope="module")
def rules_server(database, serve):
    token = database.add_account("root", "admin")
    return serve(database).client(token)
