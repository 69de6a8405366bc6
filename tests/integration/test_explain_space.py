"""Alerts of scans and hot spots, computed again: the same look is taken once more over what was known then, whatever came in,
was corrected, registered itself or moved since. What was tampered with is found."""

import datetime
import json

import pytest

import test_live_hotspot as maps
import test_live_scan as scans
from conftest import wait_until
from test_explain import alerts, explain, replay
from test_live_scan import CHINA, STP, middle


def same(world, alert):
    status, done = replay(world.database, alert["id"])
    assert (status, done["differences"]) == (0, []), done
    assert done["compared"] > 25
    return done


def differs(world, alert, change, back, *paths):
    world.database.sql(change)
    status, done = replay(world.database, alert["id"])
    world.database.sql(back)
    assert status == 3 and done["differences"], "the change was not found"
    assert {d["path"] for d in done["differences"]} >= set(paths), done["differences"]
    same(world, alert)


# ---- Scans ----


@pytest.fixture
def city(new_database, serve):
    made = scans.World(new_database(), serve)
    yield made
    made.server.stop()


def kill(world):
    world.server.kill()
    world.start()


def told(world, **which):
    return world.alerts(rule="cluster", **which)


@pytest.mark.parametrize("change", [{}, {"places": "ward", "zones": "adjacent", "max_places": 3},
                                    {"places": "ward", "zones": "circle", "max_radius_m": 3000, "model": "ebp"},
                                    {"places": "ward", "model": "poisson", "population": "population"},
                                    {"places": "thing", "max_radius_m": 3000}])  # fmt: skip
def test_a_cluster_that_grew_and_shrank(city, change):
    config = {k: v for k, v in STP.items() if not change or k not in ("hexagon_m", "max_radius_m")} | change
    config["clear"] = {"recurrence_interval_days": 2, "after_h": 24}
    city.history()
    if change.get("places") == "thing":  # who complains stands where he first did: all at one place
        city.database.sql("UPDATE thing SET geom = ST_SetSRID(ST_MakePoint(107.01 + 0.02 * (id % 4), 29.01 + 0.02 * (id / 4 % 4)), 4490)")
        city.database.sql("SELECT pg_notify('ww_catalog', 'thing')")
    city.rule(config)
    if change.get("places") == "thing":
        at = datetime.datetime.now(CHINA)
        lines = [json.dumps({"t": "caller-3", "p": "complaint", "v": 1, "at": (at - datetime.timedelta(seconds=n)).isoformat()}) for n in range(14)]
        wait_until(lambda: city.looks() > 0, "a look at the past")
        assert city.admin.ingest("hotline", "\n".join(lines)).json["stored"] == 14
        same(city, wait_until(lambda: told(city), "the alert")[0])
        return
    city.complain([(x + 0.001, y) for x, y in [middle(1, 1)] * 12])
    alert = wait_until(lambda: told(city), "the alert")[0]
    opened = same(city, alert)
    assert opened["readings"] > 100
    city.complain([middle(1, 1)] * 4)
    wait_until(lambda: told(city)[0]["last_value"] >= 16, "the alert to grow")
    largest = told(city)[0]["last_value"]
    same(city, alert)
    # Half of them were no complaints after all: a correction makes it smaller than it was.
    kill(city)
    city.database.sql("CREATE TABLE moments AS SELECT thing_id, phenomenon_time FROM observation o JOIN datastream d ON d.id = o.datastream_id ORDER BY 2 DESC LIMIT 4")
    rows = city.database.sql("SELECT t.key, to_char(phenomenon_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') FROM moments m JOIN thing t ON t.id = m.thing_id")
    fixed = [json.dumps({"t": key, "p": "complaint", "v": 2, "at": at, "x": middle(3, 3)[0], "y": middle(3, 3)[1]}) for key, at in rows]
    assert city.admin.ingest("hotline", "\n".join(fixed)).json["corrections"] == 4
    wait_until(lambda: told(city)[0]["last_value"] < largest, "the alert to shrink")
    shrunk = told(city)[0]
    assert shrunk["peak_value"] == largest and shrunk["state"] == "open"
    same(city, alert)
    # What comes later, in place and time of the cluster too, changes nothing of what was told.
    city.server.stop()
    observations = "observation WHERE phenomenon_time > now() - interval '6 hours' AND version = 1"
    figures = city.database.json(f"SELECT explanation FROM alert WHERE id = {alert['id']}")
    assert figures["known"]["message"] > 0 and figures["seed"] == 1
    differs(city, alert, f"CREATE TABLE aside AS SELECT * FROM {observations}; DELETE FROM {observations}",
            "INSERT INTO observation SELECT * FROM aside; DROP TABLE aside")  # fmt: skip
    was = f"opened_at - interval '3 days' AND phenomenon_time < (SELECT opened_at FROM alert WHERE id = {alert['id']}) - interval '1 day'"
    past = f"observation WHERE phenomenon_time > (SELECT {was})".replace("(SELECT opened_at - interval '3 days' AND", f"(SELECT opened_at - interval '3 days' FROM alert WHERE id = {alert['id']}) AND").replace("'1 day')", "'1 day'")
    differs(city, alert, f"CREATE TABLE aside AS SELECT * FROM {past}; DELETE FROM {past}",
            "INSERT INTO observation SELECT * FROM aside; DROP TABLE aside", "explanation.total_cases")  # fmt: skip
    for column, path, where in [("explanation", "{p}", "explanation.p"), ("explanation", "{members,0,cases}", "explanation.members[0].cases"),
                                ("latest", "{recurrence_interval_days}", "latest.recurrence_interval_days"),
                                ("latest", "{peak,cases}", "latest.peak.cases")]:  # fmt: skip
        kept = city.database.value(f"SELECT {column} FROM alert WHERE id = {alert['id']}").replace("'", "''")
        differs(city, alert, f"UPDATE alert SET {column} = jsonb_set({column}, '{path}', '7.5') WHERE id = {alert['id']}",
                f"UPDATE alert SET {column} = '{kept}' WHERE id = {alert['id']}", where)  # fmt: skip
    differs(city, alert, f"UPDATE alert SET peak_value = peak_value + 1 WHERE id = {alert['id']}",
            f"UPDATE alert SET peak_value = peak_value - 1 WHERE id = {alert['id']}", "peak_value")  # fmt: skip
    city.start()


def test_late_events_new_places_and_servers_that_were_killed(city):
    city.history()
    kill(city)
    city.rule(STP)
    wait_until(lambda: city.looks() > 0, "a look at the past")
    city.complain([middle(2, 1)] * 9)
    alert = wait_until(lambda: told(city), "the alert")[0]
    kill(city)
    # Late complaints of the days before, and one that stands elsewhere than he did.
    yesterday = datetime.datetime.now(CHINA) - datetime.timedelta(days=1)
    city.complain([middle(2, 1)] * 3 + [middle(0, 3)] * 5, at=yesterday)
    city.database.sql("UPDATE thing SET geom = ST_SetSRID(ST_MakePoint(107.07, 29.07), 4490); UPDATE rule SET severity = 3 WHERE code = 'cluster'")
    city.wait_for_a_look()
    assert city.database.value("SELECT count(*) > 0 FROM thing_was") == "t"
    same(city, alert)
    told_words = city.admin.get(f"/api/v1/alerts/{alert['id']}/explanation").json["words"]
    assert len(told_words["zh"]) == len(told_words["en"]) >= 4


def test_a_scan_of_alerts(city):
    city.database.sql("""
        INSERT INTO limit_value (property_id, standard_no, class, averaging, upper, unit, valid_from, status, source)
        SELECT id, 'TEST 9-2026', 'judged', 'instant', 60, 'mg/L', '2020-01-01', 'check', 'test' FROM observed_property WHERE code = 'cod';
        INSERT INTO rule (code, name_zh, name_en, detector, severity, config)
        VALUES ('spot', 'r', 'r', 'limit', 3, '{"property": "cod", "limit_class": "judged", "standard": "TEST 9", "averaging": "instant"}');
        SELECT pg_notify('ww_catalog', 'rule')""")  # fmt: skip

    def exceed(keys, days_ago, value=90, ward=(1, 1)):
        at = (datetime.datetime.now(CHINA) - datetime.timedelta(days=days_ago)).isoformat()
        lines = [json.dumps({"t": key, "p": "cod", "v": value, "at": at, "x": middle(*ward)[0], "y": middle(*ward)[1]}) for key in keys]
        assert city.admin.ingest("hotline", "\n".join(lines)).status == 200

    def judged():
        exceed(["probe"], 13)
        return city.database.value("SELECT count(*) FROM alert") != "0"

    wait_until(judged, "the rule about limits to be known")
    for ago in range(12, 1, -1):
        for i, k in [(i, k) for i in range(4) for k in range(4)]:
            exceed([f"other-{ago}-{i}{k}"], ago, ward=(i, k))
    city.rule({"events": {"count": "alerts", "rule": "spot"}, "places": "ward", "model": "stp", "max_days": 2, "memory_days": 14,
               "min_cases": 4, "recurrence_interval_days": 50})  # fmt: skip
    wait_until(lambda: city.looks() > 0, "a look at the past")
    exceed([f"outfall-{n}" for n in range(8)], 0)
    alert = wait_until(lambda: told(city), "the alert about alerts")[0]
    exceed([f"later-{n}" for n in range(5)], 0)  # others open since
    wait_until(lambda: told(city)[0]["last_value"] >= 13, "the alert to grow")
    same(city, alert)
    assert city.database.json(f"SELECT explanation->'known' FROM alert WHERE id = {alert['id']}")["event"] > 0


def test_an_alert_from_before_it_was_said_what_was_known_is_told_so(city):
    city.history()
    city.rule(STP)
    city.complain([middle(2, 1)] * 9)
    alert = wait_until(lambda: told(city), "the alert")[0]
    city.database.sql("UPDATE alert SET explanation = explanation - 'known'")
    status, complaint = explain(city.database, alert["id"], "--replay")
    assert status == 1 and "before explanations said up to where" in complaint


# ---- Hot spots ----


@pytest.fixture
def town(new_database, serve):
    made = maps.World(new_database(), serve)
    yield made
    made.server.stop()


@pytest.mark.parametrize("config", [{}, {"places": "ward"}])
def test_hot_spots_whatever_came_later(town, config):
    town.rule(maps.RULE | {"alert": {"for_s": 0}} | config)
    numbers = [(i, k) for i in range(maps.SIDE) for k in range(maps.SIDE)]
    for n in range(5):  # some come in alone, in another order than that of things
        town.measure([], places=numbers[n::5][::-1])
    town.measure(maps.HOT, value=80.1)
    wait_until(lambda: len(town.alerts("open")) >= 5, "alerts")
    kill(town)
    town.measure([], places=[(i, k) for i, k in numbers if (i, k) not in maps.HOT])
    for alert in town.alerts("open"):
        same(town, alert)
    town.measure([])
    wait_until(lambda: not town.alerts("open"), "all to clear")
    town.database.sql("UPDATE thing SET geom = ST_SetSRID(ST_MakePoint(107.11, 29.11), 4490) WHERE key = 's22'")
    all_of_them = town.alerts("cleared")
    for alert in all_of_them:
        assert same(town, alert)["readings"] == 36
    alert = all_of_them[0]
    which = f"value BETWEEN 80 AND 84 AND raw_message_id <= (SELECT (explanation->'known'->>'message')::bigint FROM alert WHERE id = {alert['id']})"
    differs(town, alert, f"UPDATE observation SET value = value + 1 WHERE {which}",
            f"UPDATE observation SET value = value - 1 WHERE {which.replace('80 AND 84', '81 AND 85')}", "explanation.observed.value", "last_value")  # fmt: skip
    kept = town.database.value(f"SELECT explanation FROM alert WHERE id = {alert['id']}")
    differs(town, alert, f"UPDATE alert SET explanation = jsonb_set(explanation, '{{q}}', '0.049') WHERE id = {alert['id']}",
            f"UPDATE alert SET explanation = '{kept}' WHERE id = {alert['id']}", "explanation.q")  # fmt: skip
    words = town.admin.get(f"/api/v1/alerts/{alert['id']}/explanation").json["words"]
    assert len(words["zh"]) == len(words["en"]) >= 4


def test_hot_spots_that_had_to_last(town):
    town.rule(maps.RULE | {"alert": {"for_s": 3}})
    town.measure(maps.HOT)
    wait_until(lambda: town.map(places="ward", **{"class": "hot"}), "hot wards")
    town.measure(maps.HOT, value=95.7)
    wait_until(lambda: town.alerts("open"), "alerts")
    for alert in town.alerts("open"):
        same(town, alert)
        why = town.database.json(f"SELECT explanation FROM alert WHERE id = {alert['id']}")
        assert why["hot_since"] < why["looked_at"] and why["known_since"]["message"] < why["known"]["message"]


def test_the_ids_are_all_looked_at(town):
    """That `alerts` of the tests about limits lists these too: they have rules like any other."""
    town.rule(maps.RULE | {"alert": {"for_s": 0}})
    town.measure(maps.HOT)
    wait_until(lambda: town.alerts("open"), "alerts")
    assert {int(a["id"]) for a in town.alerts("open")} == set(alerts(town.database, "r.detector = 'hotspot'"))
