"""Alerts of detectors that learn, computed again: neighbours, what took another's alert over, reasons that joined, through servers
that were killed, rules that were changed, things that were moved and corrections that came later. What was tampered with is found."""

import json
import random

import pytest

from conftest import wait_until
from test_explain import alerts, explain, replay
from test_learned_rules import DAY, FEED, RULES, metric, reading, send, usual

UNMARKED = {"code": "unmarked", "name_zh": "从无标记", "name_en": "Never marked", "detector": "quality", "severity": 1,
            "config": {"property": "nh3n", "signs": ["flag"]}}  # fmt: skip
# By the limit class of the thing, which changes meanwhile.
LIMIT = {**RULES[1], "config": {k: v for k, v in RULES[1]["config"].items() if k != "limit_class"}}
START = 8 * DAY
LEARNED = START + 3 * DAY


class Story:
    """What happens to one database, told to whichever server runs."""

    def __init__(self, database, serve):
        self.database, self.serve, self.server = database, serve, None
        self.tokens = {role: database.add_account(role, role) for role in ("feed", "admin")}
        self.numbers = random.Random(12)
        self.usual = usual(13)
        self.begin()

    def begin(self):
        if self.server:
            self.server.kill()
        self.server = self.serve(self.database)
        self.sender, self.admin = self.server.client(self.tokens["feed"]), self.server.client(self.tokens["admin"])

    def reloads(self, change):
        before = metric(self.admin, "ingest_rebuilds_total")
        change()
        wait_until(lambda: metric(self.admin, "ingest_rebuilds_total") > before, "a reload")

    def air(self, step, odd=None, area=0, n=6):
        """Stations that go up and down together, in any order within the message."""
        common = 60 + 10 * random.Random(step // 40).uniform(-1, 1) + area
        rows = [reading(f"air-{i}", "pm10", step, round(common + self.numbers.uniform(-3, 3) + (60 if i == odd else 0), 1), 107.02 + 0.004 * i)
                for i in range(n)]  # fmt: skip
        self.numbers.shuffle(rows)
        return rows

    def outfall(self, step, value=None, drain=None):
        return [reading("outfall", "cod", step, self.usual() if value is None else value), reading("outfall", "nh3n", step, self.usual()),
                reading("drain", "cod", step, self.usual() if drain is None else drain)]  # fmt: skip

    def many(self, steps, **how):
        send(self.sender, [r for step in steps for r in self.air(step, **how) + self.outfall(step)])

    def each(self, steps, value=None, drain=None, **how):
        for step in steps:
            send(self.sender, self.air(step, **how) + self.outfall(step, value, drain))


@pytest.fixture(scope="module")
def lived(database, serve, tmp_path_factory):
    database.sql(
        """INSERT INTO ward (code, name_zh, geom) VALUES ('880000005', 'w', ST_Multi(ST_MakeEnvelope(107, 29, 107.1, 29.1, 4490)));
           INSERT INTO feed (name, config) VALUES ('learned', :'feed');
           INSERT INTO limit_value (property_id, standard_no, class, averaging, upper, unit, valid_from, status, source)
           SELECT id, 'TEST 5-2026', 'c', 'instant', 60, 'mg/L', '2026-01-01', 'check', 'test' FROM observed_property WHERE code = 'cod'""",
        feed=json.dumps(FEED),
    )
    path = tmp_path_factory.mktemp("rules") / "rules.json"
    path.write_text(json.dumps([RULES[0], LIMIT, *RULES[2:], UNMARKED]), encoding="utf-8")
    database.wardwatch("load", "rules", str(path))
    story = Story(database, serve)
    rng = random.Random(3)
    send(story.sender, [{**reading(f"marked-{i}", "nh3n", step, story.usual()), "q": "C" if step % 50 == 0 else "N"}
                        for i in range(2) for step in range(START, LEARNED)])  # fmt: skip
    send(story.sender, [r for step in range(START) for r in story.outfall(step)])
    story.many(range(START, START + DAY))
    story.begin()  # killed; what follows is learned from what was stored
    story.many(range(START + DAY, START + 2 * DAY))
    story.reloads(lambda: database.sql("SELECT pg_notify('ww_catalog', 'thing')"))  # what was learned goes on
    story.many(range(START + 2 * DAY, LEARNED - 40), n=7)  # a seventh registers itself
    late = [{**r, "v": r["v"] + 1} for r in story.air(START + 100)]
    send(story.sender, [*late, *story.air(LEARNED - 45, n=8)])  # corrections, and late ones of an eighth
    story.many(range(LEARNED - 40, LEARNED), n=8)

    at = LEARNED
    story.each(range(at, at + 6), odd=2)  # a broken sensor …
    story.begin()  # … that is told of when the server is killed
    story.each(range(at + 6, at + 12), odd=2)
    story.each(range(at + 12, at + 46))
    story.each(range(at + 46, at + 52), area=80)  # the whole area …
    story.begin()
    story.each(range(at + 52, at + 56), area=80)
    story.each(range(at + 56, at + 90))

    at += 90
    story.each(range(at, at + 2), value=57)  # unusual, and …
    story.reloads(lambda: database.sql("UPDATE thing SET limit_class = 'c' WHERE key = 'outfall'; SELECT pg_notify('ww_catalog', 'thing')"))
    story.each(range(at + 2, at + 5), value=80)  # … over the limit, that applies now
    story.begin()
    story.each(range(at + 5, at + 7), value=82)
    story.each(range(at + 7, at + 30), value=30)
    story.each(range(at + 30, at + 33), value=90)  # both at once
    changed = {**LIMIT, "config": {**LIMIT["config"], "fire": [2, 4]}}
    story.reloads(lambda: story.admin.put("/api/v1/rules/limit", {k: v for k, v in changed.items() if k != "code"} | {"detector": "limit"}))
    story.each(range(at + 33, at + 35), value=91)
    story.each(range(at + 35, at + 50), value=30)
    story.each(range(at + 50, at + 53), drain=57)  # open at the end
    # Afterwards: what was believed then is corrected, and a station is moved. The alerts are as they were.
    send(story.sender, [{**r, "v": r["v"] + rng.uniform(5, 9)} for step in range(LEARNED - 5, LEARNED + 6) for r in story.air(step)])
    story.reloads(lambda: database.sql(
        "UPDATE thing SET geom = ST_SetSRID(ST_MakePoint(107.09, 29.09), 4490), raw_x = 107.09, raw_y = 29.09 WHERE key = 'air-1'; SELECT pg_notify('ww_catalog', 'thing')"))  # fmt: skip
    database.story = story
    return database


def test_the_history_has_what_the_test_needs(lived):
    told = lived.sql("SELECT r.code, a.state, count(*) FROM alert a JOIN rule r ON r.id = a.rule_id GROUP BY 1, 2 ORDER BY 1, 2")
    codes = {code for code, _, _ in told}
    assert codes >= {"alone", "area", "limit", "unusual", "unmarked"}, told
    events = dict(lived.sql("SELECT kind, count(*) FROM alert_event GROUP BY 1"))
    assert int(events["raised"]) >= 1 and int(events["joined"]) >= 4, events
    worlds = lived.sql("SELECT count(*) FILTER (WHERE inherits IS NULL), count(inherits) FROM judge_world")[0]
    assert int(worlds[0]) >= 5 and int(worlds[1]) >= 3, worlds
    # Some were open while the server was killed, and one while its rule was changed.
    open_then = """SELECT DISTINCT r.code FROM alert a JOIN rule r ON r.id = a.rule_id JOIN judge_world w ON w.begun_at > a.detected_at
                   WHERE w.inherits IS {} AND NOT EXISTS (SELECT FROM alert_event e WHERE e.alert_id = a.id AND e.kind = 'cleared'
                                                                                    AND e.recorded_at < w.begun_at)"""
    assert {code for (code,) in lived.sql(open_then.format("NULL"))} >= {"alone", "area", "limit"}
    assert "limit" in {code for (code,) in lived.sql(open_then.format("NOT NULL"))}
    assert int(lived.value("SELECT count(*) FROM observation WHERE version > 1")) >= 60
    assert int(lived.value("SELECT count(*) FROM thing_was")) == 2


def test_every_alert_computed_again_is_the_same(lived):
    for alert in alerts(lived):
        status, done = replay(lived, alert)
        assert (status, done["differences"]) == (0, []), alert
        assert done["compared"] > 25 and done["readings"] > 0


def member_reading(lived, alert, hours):
    """An early reading of one that the alert's sensor is compared with."""
    return f"""datastream_id = (SELECT (explanation->'members'->0->>'datastream')::bigint FROM alert WHERE id = {alert}) AND version = 1
               AND phenomenon_time = (SELECT date_trunc('hour', opened_at) - interval '{hours} hours' FROM alert WHERE id = {alert})"""


# History is only added to: who changes it all the same is a superuser who switches the triggers off.
TAMPER = "SET session_replication_role = replica;"


@pytest.mark.parametrize("code", ["alone", "area"])
def test_a_neighbours_reading_that_was_changed_is_found(lived, code):
    alert = alerts(lived, f"r.code = '{code}'")[0]
    where = member_reading(lived, alert, 3)
    assert lived.value(f"SELECT count(*) FROM observation WHERE {where}") == "1"
    lived.sql(f"UPDATE observation SET value = value + 40 WHERE {where}")
    status, done = replay(lived, alert)
    lived.sql(f"UPDATE observation SET value = value - 40 WHERE {where}")
    assert status == 3 and not done["same"]
    assert any(d["path"].startswith("explanation.members") for d in done["differences"]) or done["differences"][0]["path"] == "opened_at"
    assert replay(lived, alert)[0] == 0


@pytest.mark.parametrize(
    "what, path",
    [
        ("UPDATE alert SET explanation = jsonb_set(explanation, '{members,0,z}', '9') WHERE id = %d", "explanation.members[0].z"),
        ("UPDATE alert SET explanation = jsonb_set(explanation, '{p}', '0.5') WHERE id = %d", "explanation.p"),
        ("""UPDATE alert_event SET detail = jsonb_set(detail, '{reason,observed,value}', '1')
            WHERE id = (SELECT min(id) FROM alert_event WHERE alert_id = %d AND kind = 'joined')""", "joined[0].observed.value"),
        ("DELETE FROM alert_event WHERE id = (SELECT max(id) FROM alert_event WHERE alert_id = %d AND kind = 'joined')", None),
    ],
)  # fmt: skip
def test_an_explanation_or_a_reason_that_was_changed_is_found(lived, what, path):
    alert = alerts(lived, "r.code = 'area'")[0]
    kept = lived.value(f"SELECT explanation FROM alert WHERE id = {alert}")
    lived.sql(f"CREATE TABLE aside AS SELECT * FROM alert_event WHERE alert_id = {alert} AND kind = 'joined'")
    try:
        assert lived.value(f"SELECT count(*) > 0 FROM alert_event WHERE alert_id = {alert} AND kind = 'joined'") == "t"
        lived.sql(TAMPER + "ALTER TABLE outbox DISABLE TRIGGER ALL; " + what % alert)
        status, done = replay(lived, alert)
        paths = [d["path"] for d in done["differences"]]
        assert status == 3 and (paths == [path] if path else paths and all(p.startswith("joined[") for p in paths))
    finally:
        lived.sql(f"UPDATE alert SET explanation = :'kept' WHERE id = {alert}", kept=kept)
        lived.sql(f"""{TAMPER} DELETE FROM alert_event WHERE alert_id = {alert} AND kind = 'joined';
                      INSERT INTO alert_event OVERRIDING SYSTEM VALUE SELECT * FROM aside; DROP TABLE aside""")
    assert replay(lived, alert)[0] == 0


def test_what_an_alert_was_before_it_was_taken_over_is_compared_too(lived):
    alert = int(lived.value("SELECT min(alert_id) FROM alert_event WHERE kind = 'raised'"))
    where = f"alert_id = {alert} AND kind = 'raised'"
    kept = lived.value(f"SELECT detail FROM alert_event WHERE {where}")
    lived.sql(f"{TAMPER} UPDATE alert_event SET detail = jsonb_set(detail, '{{before,explanation,z}}', '3') WHERE {where}")
    status, done = replay(lived, alert)
    lived.sql(f"{TAMPER} UPDATE alert_event SET detail = :'kept' WHERE {where}", kept=kept)
    assert status == 3 and [d["path"] for d in done["differences"]] == ["before.z"]


def test_an_alert_from_before_what_is_needed_was_kept_is_told_so(lived):
    alert = alerts(lived, "r.code = 'alone'")[0]
    lived.sql("CREATE TABLE worlds AS SELECT * FROM judge_world; DELETE FROM judge_world")
    status, complaint = explain(lived, alert, "--replay")
    lived.sql("INSERT INTO judge_world OVERRIDING SYSTEM VALUE SELECT * FROM worlds ORDER BY id; DROP TABLE worlds")
    assert status == 1 and "before the server kept what it judged with" in complaint
    assert replay(lived, alert)[0] == 0


def test_the_interface_explains_each_of_them_in_both_languages(lived):
    for alert in alerts(lived):
        told = lived.story.admin.get(f"/api/v1/alerts/{alert}/explanation")
        assert told.status == 200 and len(told.json["words"]["zh"]) == len(told.json["words"]["en"]) >= 4, told.text
