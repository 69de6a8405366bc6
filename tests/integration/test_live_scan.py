"""Scan rules from outside: complaints come in through HTTP, clusters go out as alerts, one each, with their reasons."""

import datetime
import json
import threading
import time

import pytest

from conftest import wait_until

CHINA = datetime.timezone(datetime.timedelta(hours=8))
FEED = {"thing": "t", "property": "p", "value": "v", "time": "at", "place": {"x": "x", "y": "y"}, "register": True,
        "thing_class": "hotline"}  # fmt: skip
SIDE = 4  # wards in a square of 4 x 4, each 0.02 degrees wide
SEED = """
INSERT INTO setting VALUES ('district', '{"time_zone": "Asia/Shanghai"}') ON CONFLICT (key) DO UPDATE SET value = excluded.value;
INSERT INTO ward (code, name_zh, geom, properties)
SELECT format('88000%s%s0', i, k), format('街道%s%s', i, k),
       ST_Multi(ST_MakeEnvelope(107 + 0.02 * i, 29 + 0.02 * k, 107.02 + 0.02 * i, 29.02 + 0.02 * k, 4490)), '{"population": 1000}'
FROM generate_series(0, 3) i, generate_series(0, 3) k;
UPDATE rule SET enabled = false;
INSERT INTO feed (name, config) VALUES ('hotline', :'feed');
"""
STP = {"events": {"property": "complaint", "feed": "hotline"}, "places": "hexagon", "hexagon_m": 1000, "max_radius_m": 2500,
       "model": "stp", "max_days": 3, "memory_days": 28, "min_cases": 4, "recurrence_interval_days": 100,
       "clear": {"recurrence_interval_days": 20, "after_h": 0}}  # fmt: skip


class World:
    def __init__(self, database, serve):
        self.database = database
        database.sql(SEED, feed=json.dumps(FEED))
        self.token = database.add_account("root", "admin")
        self.own = database.add_account("own", "coordinator", ["88000110"])
        self.other = database.add_account("other", "coordinator", ["88000330"])
        self.serve = serve
        self.n = 0
        self.start()

    def start(self):
        self.server = self.serve(self.database)
        self.admin = self.server.client(self.token)

    def lines(self, places, at=None):
        """One complaint at each (x, y); never two at the same moment."""
        rows = []
        for x, y in places:
            self.n += 1
            moment = (at or datetime.datetime.now(CHINA)) - datetime.timedelta(milliseconds=self.n)
            rows.append(json.dumps({"t": f"caller-{self.n % 20}", "p": "complaint", "v": 1, "at": moment.isoformat(), "x": x, "y": y}))
        return "\n".join(rows)

    def complain(self, places, at=None):
        answer = self.admin.ingest("hotline", self.lines(places, at))
        assert answer.status == 200 and answer.json["stored"] == len(places), answer.text

    def history(self, days=28):
        """One complaint a day in every ward, always in the middle of it, until yesterday."""
        noon = datetime.datetime.now(CHINA).replace(hour=12, minute=0, second=0, microsecond=0)
        for ago in range(days - 1, 0, -1):
            self.complain([middle(i, k) for i in range(SIDE) for k in range(SIDE)], noon - datetime.timedelta(days=ago))

    def rule(self, config, code="cluster", expect=201):
        answer = self.admin.post("/api/v1/rules", {"code": code, "name_zh": "投诉聚集", "name_en": "Complaints cluster",
                                                   "detector": "scan", "severity": 2, "config": config})  # fmt: skip
        assert answer.status == expect, answer.text
        return answer

    def alerts(self, client=None, **filters):
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        return (client or self.admin).get(f"/api/v1/alerts?{query}").json["items"]

    def explanation(self, alert):
        return self.admin.get(f"/api/v1/alerts/{alert['id']}").json["explanation"]

    def looks(self):
        return int(next(line for line in self.admin.get("/metrics").text.splitlines() if line.startswith("wardwatch_scan_looks_total")).split()[-1])

    def wait_for_a_look(self):
        before = self.looks()
        self.complain([middle(3, 0)])
        wait_until(lambda: self.looks() > before, "a look")


def middle(i, k):
    return 107.01 + 0.02 * i, 29.01 + 0.02 * k


@pytest.fixture
def world(new_database, serve):
    made = World(new_database(), serve)
    yield made
    made.server.stop()


def test_a_cluster_of_complaints_is_one_alert_about_its_ward_that_grows_survives_a_restart_and_clears(world):
    world.history()
    world.rule(STP)
    world.complain([(x + 0.001, y) for x, y in [middle(1, 1)] * 8])
    alert = wait_until(lambda: world.alerts(rule="cluster"), "the alert")[0]
    assert alert["state"] == "open" and alert["category"] == "pollution" and alert["ward"]["code"] == "88000110"
    assert alert["property"]["code"] == "event_cluster" and alert["property"]["name_zh"] == "事件聚集"
    assert alert["last_value"] == 8 and 0 < alert["limit"]["upper"] < 4
    why = world.explanation(alert)
    assert why["method"] == "scan" and why["model"] == "stp" and why["observed"] == {"value": 8, "unit": "1"}
    assert why["recurrence_interval_days"] >= 100 and 0 < why["p"] <= 1 / 200 and why["replicas"] == 999 and why["seed"] == 1
    assert why["cases"] == 8 and why["relative_risk"] > 2 and why["llr"] > 5 and why["p_rank"] == pytest.approx(1 / 1000)
    assert why["from"] == why["to"] == datetime.datetime.now(CHINA).date().isoformat()
    assert sum(m["cases"] for m in why["members"]) == 8 and why["members"][0]["key"].startswith("h1000_107_29_")
    assert why["rule"]["version"] == 1 and why["rule"]["config"]["model"] == "stp" and isinstance(why["secondary"], list)
    # It grows: the same alert says so.
    world.complain([middle(1, 1)] * 4)
    wait_until(lambda: world.alerts(rule="cluster")[0]["last_value"] == 12, "the alert to grow")
    assert world.explanation(alert)["cases"] == 12 and len(world.alerts(rule="cluster")) == 1
    # Only those who see the ward see it.
    assert [a["id"] for a in world.alerts(world.server.client(world.own), rule="cluster")] == [alert["id"]]
    assert world.alerts(world.server.client(world.other), rule="cluster") == []
    # State is rebuilt from what is stored: the same alert goes on.
    world.server.stop()
    world.start()
    world.complain([middle(1, 1)] * 3)
    wait_until(lambda: world.alerts(rule="cluster")[0]["last_value"] == 15, "the alert to go on after a restart")
    assert len(world.alerts(rule="cluster")) == 1
    # A wave over the whole district is no cluster: it clears, and what was said stays.
    world.complain([middle(i, k) for i in range(SIDE) for k in range(SIDE) for _ in range(16) if (i, k) != (1, 1)])
    cleared = wait_until(lambda: [a for a in world.alerts(rule="cluster") if a["state"] == "cleared"], "it to clear")
    assert [a["id"] for a in cleared] == [alert["id"]] and cleared[0]["peak_value"] >= 15


def test_silence_clears_nothing(world):
    world.history()
    world.rule(STP)
    world.complain([middle(2, 2)] * 9)
    wait_until(lambda: world.alerts(rule="cluster"), "the alert")
    world.server.stop()
    world.start()  # nobody has been heard since
    world.database.sql("UPDATE observation SET flag = 'D' WHERE phenomenon_time > now() - interval '1 hour'")  # as if it had gone
    world.admin.put("/api/v1/rules/cluster", {"name_zh": "投诉聚集", "name_en": "Complaints cluster", "detector": "scan",
                                              "severity": 2, "config": STP})  # fmt: skip
    before = world.looks()
    wait_until(lambda: world.looks() > before, "a look at nothing")
    time.sleep(0.5)
    assert [a["state"] for a in world.alerts(rule="cluster")] == ["open"]
    world.complain([middle(0, 0)])  # now it has
    wait_until(lambda: [a["state"] for a in world.alerts(rule="cluster")] == ["cleared"], "it to clear")


@pytest.mark.parametrize("change", [{"places": "ward", "zones": "adjacent", "max_places": 3},
                                    {"places": "ward", "zones": "circle", "max_radius_m": 3000},
                                    {"places": "ward", "zones": "circle", "max_radius_m": 3000, "model": "ebp"},
                                    {"places": "ward", "model": "poisson", "population": "population"}])  # fmt: skip
def test_wards_alone_are_enough_and_every_model_sees_it(world, change):
    config = {k: v for k, v in STP.items() if k not in ("hexagon_m", "max_radius_m")} | change
    world.history()
    world.rule(config)
    world.complain([middle(1, 1)] * 12)
    alert = wait_until(lambda: world.alerts(rule="cluster"), "the alert")[0]
    why = world.explanation(alert)
    assert alert["ward"]["code"] == "88000110" and "88000110" in [m["key"] for m in why["members"]]
    assert why["model"] == change.get("model", "stp") and why["places"] == "ward"


def test_events_along_a_river_and_exceedances_of_a_bound(world):
    world.database.sql("""
        INSERT INTO waterway (code, downstream, geom, length_m)
        SELECT format('R%s', n), CASE WHEN n < 8 THEN format('R%s', n + 1) END,
               ST_SetSRID(ST_MakeLine(ST_MakePoint(107 + 0.01 * n, 29.04), ST_MakePoint(107.01 + 0.01 * n, 29.04)), 4490), 970
        FROM generate_series(0, 8) n;
        INSERT INTO rule (code, name_zh, name_en, detector, severity, enabled, config) VALUES ('x', 'x', 'x', 'silence', 1, false, '{}');
        """)  # fmt: skip
    config = {"events": {"property": "cod", "above": 60}, "places": "reach", "model": "ebp", "snap_m": 300, "max_days": 2,
              "memory_days": 14, "min_cases": 4, "recurrence_interval_days": 100}  # fmt: skip
    at = datetime.datetime.now(CHINA).replace(hour=1, minute=0, second=0, microsecond=0)

    def measure(days_ago, values, x):
        for n, value in enumerate(values):
            moment = at - datetime.timedelta(days=days_ago, minutes=-n)
            line = {"t": f"gauge-{x}", "p": "cod", "v": value, "at": moment.isoformat(), "x": x, "y": 29.0405}
            assert world.admin.ingest("hotline", json.dumps(line)).json["stored"] == 1

    if datetime.datetime.now(CHINA).hour < 2:  # today's readings must not lie in the future
        at -= datetime.timedelta(hours=1, minutes=50)
    for ago in range(12, 0, -1):
        measure(ago, [20, 61], 107.005 + 0.01 * (ago % 9))
    world.rule(config)
    measure(0, [80] * 8, 107.045)
    alert = wait_until(lambda: world.alerts(rule="cluster"), "the alert")[0]
    why = world.explanation(alert)
    assert why["zones"] == "river" and "R4" in [m["key"] for m in why["members"]] and why["learned_from_days"] >= 12


def test_alerts_of_another_rule_are_events(world):
    world.database.sql("""
        INSERT INTO limit_value (property_id, standard_no, class, averaging, upper, unit, valid_from, status, source)
        SELECT id, 'TEST 9-2026', 'judged', 'instant', 60, 'mg/L', '2020-01-01', 'check', 'test' FROM observed_property WHERE code = 'cod';
        INSERT INTO rule (code, name_zh, name_en, detector, severity, config)
        VALUES ('spot', 'r', 'r', 'limit', 3, '{"property": "cod", "limit_class": "judged", "standard": "TEST 9", "averaging": "instant"}');
        INSERT INTO thing (feed_id, key, class, limit_class, ward_id, geom)
        SELECT f.id, 'outfall-' || n, 'hotline', 'judged', w.id, ST_Centroid(w.geom)
        FROM feed f, ward w, generate_series(0, 7) n WHERE f.name = 'hotline' AND w.code = '88000110';
        INSERT INTO datastream (thing_id, property_id) SELECT t.id, p.id FROM thing t, observed_property p WHERE p.code = 'cod';
        SELECT pg_notify('ww_catalog', 'thing');
        INSERT INTO alert (rule_id, rule_version, subject_kind, subject_id, ward_id, state, severity, opened_at, last_exceeded_at, cleared_at,
                           exceed_count, last_value, peak_value, peak_at, limit_value_id, explanation)
        SELECT r.id, 1, 'datastream', 1000 + d * 16 + w.id, w.id, 'cleared', 3, now() - make_interval(days => d), now(), now(), 1, 70, 70, now(), l.id, '{}'
        FROM rule r, ward w, limit_value l, generate_series(1, 12) d
        WHERE r.code = 'spot' AND l.standard_no = 'TEST 9-2026';
        """)  # fmt: skip
    world.rule({"events": {"count": "alerts", "rule": "spot"}, "places": "ward", "model": "stp", "max_days": 2, "memory_days": 14,
                "min_cases": 4, "recurrence_interval_days": 50})  # fmt: skip

    def exceed():
        at = datetime.datetime.now(CHINA).isoformat()
        lines = [json.dumps({"t": f"outfall-{n}", "p": "cod", "v": 90, "at": at}) for n in range(8)]
        assert world.admin.ingest("hotline", "\n".join(lines)).status == 200
        return len(world.alerts(rule="spot", state="open")) == 8

    wait_until(exceed, "the rule about limits to be known")
    alert = wait_until(lambda: world.alerts(rule="cluster"), "the alert about alerts")[0]
    assert alert["ward"]["code"] == "88000110" and world.explanation(alert)["cases"] == 8


def test_what_a_config_gets_wrong_is_named(world):
    for change, field in [({"events": {}}, "config.events.property"), ({"places": "street"}, "config.places"),
                          ({"model": "poisson"}, "config.population"), ({"zones": "adjacent"}, "config.zones"),
                          ({"recurrence_interval_days": 1}, "config.recurrence_interval_days"), ({"max_days": 9}, "config.max_days"),
                          ({"speed": 3}, "config.speed"), ({"clear": {"after": 3}}, "config.clear.after"),
                          ({"events": {"property": "complaint", "feed": "nobody"}}, "config.feed")]:  # fmt: skip
        answer = world.rule(STP | change, expect=400)
        assert answer.json["error"]["field"] == field, (change, answer.text)


def test_a_rule_that_is_switched_off_leaves_no_open_alert(world):
    world.history()
    world.rule(STP)
    world.complain([middle(1, 2)] * 9)
    wait_until(lambda: world.alerts(rule="cluster", state="open"), "the alert")
    world.admin.put("/api/v1/rules/cluster", {"name_zh": "投诉聚集", "name_en": "Complaints cluster", "detector": "scan",
                                              "severity": 2, "enabled": False, "config": STP})  # fmt: skip
    wait_until(lambda: not world.alerts(rule="cluster", state="open"), "it to clear")


def test_events_while_a_scan_runs_are_neither_lost_nor_counted_twice(world):
    """Many senders at once, with reloads in between: the counts in the explanation are those of the database."""
    world.history()
    world.rule(STP)
    over = threading.Event()

    def reload():
        while not over.wait(0.15):
            world.database.sql("UPDATE rule SET severity = severity WHERE code = 'cluster'")

    reloading = threading.Thread(target=reload)
    reloading.start()
    bodies = [world.lines([middle(1, 1)]) for _ in range(60)]
    sending = [threading.Thread(target=lambda part=bodies[n::3]: [world.admin.ingest("hotline", body) for body in part]) for n in range(3)]
    for thread in sending:
        thread.start()
    for thread in sending:
        thread.join()
    over.set()
    reloading.join()
    wait_until(lambda: world.alerts(rule="cluster", state="open") and world.alerts(rule="cluster", state="open")[0]["last_value"] == 60, "all sixty")
    time.sleep(0.6)
    assert world.alerts(rule="cluster", state="open")[0]["last_value"] == 60
