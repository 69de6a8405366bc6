"""Detectors that learn, live through the ingest: each kind of signal is raised, explains itself, and signals of one
event become one alert."""

import json
import random
import re

import pytest

from conftest import wait_until
from test_explain import replay

FEED = {"thing": "t", "property": "p", "value": "v", "time": "at", "quality": {"field": "q", "default": "N"},
        "place": {"x": "x", "y": "y"}, "register": True, "thing_class": "air"}  # fmt: skip
RULES = [
    {"code": "unusual", "name_zh": "异常", "name_en": "Unusual", "detector": "baseline", "severity": 2,
     "config": {"property": "cod", "side": "up", "false_alarms_per_month": 1}},
    {"code": "limit", "name_zh": "超标", "name_en": "Over the limit", "severity": 3,
     "config": {"property": "cod", "limit_class": "c", "standard": "TEST 5", "averaging": "instant", "fire": [2, 3]}},
    {"code": "alone", "name_zh": "与邻站不符", "name_en": "At odds", "detector": "neighbour", "severity": 1,
     "config": {"property": "pm10", "false_alarms_per_month": 0.1}},
    {"code": "area", "name_zh": "区域", "name_en": "Area", "detector": "neighbour", "severity": 2,
     "config": {"property": "pm10", "verdict": "area", "side": "up", "false_alarms_per_month": 0.1, "wards": ["880000005"]}},
    {"code": "quality", "name_zh": "数据质量", "name_en": "Quality", "detector": "quality", "severity": 1,
     "config": {"property": "nh3n", "signs": ["stuck", "spike", "range", "gap"], "least": 0, "most": 500}},
    {"code": "made-up", "name_zh": "疑似造假", "name_en": "Made up", "detector": "quality", "severity": 3,
     "config": {"property": "tp", "signs": ["clipped"], "limit": 60}},
]  # fmt: skip
DAY = 288  # readings, five minutes apart


@pytest.fixture(scope="module")
def seeded(database, tmp_path_factory):
    database.sql(
        """INSERT INTO ward (code, name_zh, geom) VALUES ('880000005', 'w', ST_Multi(ST_MakeEnvelope(107, 29, 107.1, 29.1, 4490)));
           INSERT INTO feed (name, config) VALUES ('learned', :'feed');
           INSERT INTO limit_value (property_id, standard_no, class, averaging, upper, unit, valid_from, status, source)
           SELECT id, 'TEST 5-2026', 'c', 'instant', 60, 'mg/L', '2026-01-01', 'check', 'test' FROM observed_property WHERE code = 'cod'""",
        feed=json.dumps(FEED),
    )
    path = tmp_path_factory.mktemp("rules") / "rules.json"
    path.write_text(json.dumps(RULES), encoding="utf-8")
    assert database.wardwatch("load", "rules", str(path)) == f"loaded {len(RULES)} rules"
    return database


@pytest.fixture(scope="module")
def tokens(seeded):
    return {role: seeded.add_account(role, role) for role in ("feed", "admin")}


@pytest.fixture(scope="module")
def server(seeded, tokens, serve):
    return serve(seeded)


@pytest.fixture(scope="module")
def sender(server, tokens):
    return server.client(tokens["feed"])


@pytest.fixture(scope="module")
def admin(server, tokens):
    return server.client(tokens["admin"])


def reading(thing, code, step, value, x=107.05):
    minutes = step * 5
    at = f"2026-05-{1 + minutes // 1440:02}T{minutes // 60 % 24:02}:{minutes % 60:02}:00Z"
    return {"t": thing, "p": code, "v": value, "at": at, "x": x, "y": 29.05}


def send(sender, readings):
    answer = sender.ingest("learned", "\n".join(json.dumps(r) for r in readings))
    assert answer.status == 200 and answer.json["dead"] == 0, answer.text


def usual(seed):
    numbers = random.Random(seed)
    return lambda: round(30 + numbers.uniform(-2, 2), 1)


def learn(sender, thing, code, steps, seed):
    value = usual(seed)
    send(sender, [reading(thing, code, i, value()) for i in range(steps)])


def alerts_of(admin, thing):
    found = [a for a in admin.get("/api/v1/alerts?limit=1000").json["items"] if a["thing"] and a["thing"]["key"] == thing]
    return [admin.get(f"/api/v1/alerts/{a['id']}").json for a in sorted(found, key=lambda a: int(a["id"]))]


def metric(client, name):
    return float(re.search(rf"^wardwatch_{name}(?:{{[^}}]*}})? (\S+)$", client.get("/metrics").text, re.M).group(1))


def kinds(alert):
    return [event["kind"] for event in alert["events"]]


def test_what_is_unusual_becomes_one_alert_that_the_limit_takes_over(seeded, sender, admin):
    learn(sender, "outfall", "cod", 10 * DAY, 1)
    assert alerts_of(admin, "outfall") == []
    at = 10 * DAY
    send(sender, [reading("outfall", "cod", at, 57), reading("outfall", "cod", at + 1, 58)])
    (alert,) = alerts_of(admin, "outfall")
    why = alert["explanation"]
    assert alert["rule"]["code"] == "unusual" and alert["category"] == "pollution" and alert["severity"] == 2
    assert alert["property"]["code"] == "cod" and alert["ward"]["code"] == "880000005"
    assert why["method"] == "seasonal robust baseline, k of n" and why["rule"]["config"] == RULES[0]["config"]
    assert why["observed"]["value"] == 58 and why["expected"]["lower"] < 30 < why["expected"]["upper"] < 50
    assert alert["limit"]["upper"] == why["expected"]["upper"] and alert["limit"]["standard_no"] == ""
    assert why["false_alarms_per_month"]["expected"] < why["false_alarms_per_month"]["allowed"] == 1
    assert why["learned"] == {"readings": 10 * DAY + 2, "since": "2026-05-01T00:00:00Z"}
    assert [r["detector"] for r in why["reasons"]] == ["baseline"]

    seeded.sql("UPDATE thing SET limit_class = 'c' WHERE key = 'outfall'")  # now the limit applies …
    before = seeded.value("SELECT count(*) FROM alert")
    rebuilds = metric(admin, "ingest_rebuilds_total")
    seeded.sql("SELECT pg_notify('ww_catalog', 'thing')")
    wait_until(lambda: metric(admin, "ingest_rebuilds_total") > rebuilds, "a reload")
    send(sender, [reading("outfall", "cod", at + 2, 59)])
    send(sender, [reading("outfall", "cod", at + 3, 80), reading("outfall", "cod", at + 4, 81)])
    (alert,) = alerts_of(admin, "outfall")  # … and has this very alert
    assert seeded.value("SELECT count(*) FROM alert") == before
    assert alert["rule"]["code"] == "limit" and alert["severity"] == 3 and kinds(alert) == ["opened", "raised"]
    assert alert["limit"]["upper"] == 60 and alert["limit"]["standard_no"] == "TEST 5-2026"
    assert [r["detector"] for r in alert["explanation"]["reasons"]] == ["limit", "baseline"]
    kept = seeded.json("SELECT detail->'before'->'explanation'->'method' FROM alert_event WHERE kind = 'raised'")
    assert kept == "seasonal robust baseline, k of n"
    send(sender, [reading("outfall", "cod", at + 5, 30)])
    (alert,) = alerts_of(admin, "outfall")
    assert alert["state"] == "cleared" and kinds(alert) == ["opened", "raised", "cleared"]

    send(sender, [reading("outfall", "cod", at + 6 + i, 30) for i in range(12)])
    send(sender, [reading("outfall", "cod", at + 18, 90), reading("outfall", "cod", at + 19, 91)])
    alert = alerts_of(admin, "outfall")[-1]  # both at once: the limit's, and the baseline is a reason
    assert alert["rule"]["code"] == "limit" and kinds(alert) == ["opened", "joined"]
    assert [r["detector"] for r in alert["explanation"]["reasons"]] == ["baseline"]
    assert seeded.value("SELECT count(*) FROM outbox o JOIN alert_event e ON e.id = o.alert_event_id WHERE e.kind = 'joined'") == "0"


def test_a_whole_event_in_one_message_is_written_as_if_it_had_come_one_by_one(seeded, sender, admin):
    for thing in ("at-once", "one-by-one"):
        send(sender, [reading(thing, "cod", 0, 30)])
    rebuilds = metric(admin, "ingest_rebuilds_total")
    seeded.sql("UPDATE thing SET limit_class = 'c' WHERE key IN ('at-once', 'one-by-one'); SELECT pg_notify('ww_catalog', 'thing')")
    wait_until(lambda: metric(admin, "ingest_rebuilds_total") > rebuilds, "a reload")
    at, value = 10 * DAY, usual(7)
    past = [value() for _ in range(1, at)]
    event = [57, 58, 80, 81, *[30] * 8, 90, 91, *[30] * 8]  # raised by the limit and over; then joined by the baseline and over
    send(sender, [reading("at-once", "cod", 1 + i, v) for i, v in enumerate(past + event)])
    send(sender, [reading("one-by-one", "cod", 1 + i, v) for i, v in enumerate(past)])
    for i, v in enumerate(event):
        send(sender, [reading("one-by-one", "cod", at + i, v)])

    def told(thing):
        return [(a["rule"]["code"], a["state"], kinds(a), a["opened_at"], a["cleared_at"], a["exceed_count"], a["peak_value"],
                 [r["detector"] for r in a["explanation"].get("reasons", [])]) for a in alerts_of(admin, thing)]

    assert [(a[0], a[1], a[2]) for a in told("one-by-one")] == [
        ("limit", "cleared", ["opened", "raised", "cleared"]), ("limit", "cleared", ["opened", "joined", "cleared"])]
    assert told("at-once") == told("one-by-one")


def test_neighbours_tell_a_broken_sensor_from_an_event_in_the_area(seeded, sender, admin):
    numbers = random.Random(2)
    # Six stations that go up and down together, each with its own noise.
    def row(step, odd=None, area=0):
        common = 60 + 10 * random.Random(step // 40).uniform(-1, 1) + area
        return [reading(f"air-{i}", "pm10", step, round(common + numbers.uniform(-3, 3) + (60 if i == odd else 0), 1), 107.02 + 0.004 * i)
                for i in range(6)]

    for day in range(5):
        send(sender, [r for step in range(day * DAY, (day + 1) * DAY) for r in row(step)])
    assert all(alerts_of(admin, f"air-{i}") == [] for i in range(6))
    for step in range(5 * DAY, 5 * DAY + 6):
        send(sender, row(step, odd=2))
    assert [len(alerts_of(admin, f"air-{i}")) for i in range(6)] == [0, 0, 1, 0, 0, 0]
    (alert,) = alerts_of(admin, "air-2")
    assert alert["category"] == "sensor" and alert["rule"]["code"] == "alone" and alert["explanation"]["verdict"] == "fault"
    assert len(alert["explanation"]["members"]) == 5 and all("value" not in m for m in alert["explanation"]["members"])
    for step in range(5 * DAY + 6, 5 * DAY + 40):
        send(sender, row(step))
    assert alerts_of(admin, "air-2")[0]["state"] == "cleared"
    for step in range(5 * DAY + 40, 5 * DAY + 48):
        send(sender, row(step, area=80))
    open_now = [a for i in range(6) for a in alerts_of(admin, f"air-{i}") if a["state"] == "open"]
    assert len(open_now) == 1  # one for the area, with those who see it as its reasons
    assert open_now[0]["category"] == "pollution" and open_now[0]["rule"]["code"] == "area"
    reasons = open_now[0]["explanation"]["reasons"]
    assert len(reasons) >= 4 and all(r["verdict"] == "area event" for r in reasons)
    assert len({r["datastream"] for r in reasons}) == len(reasons)


def test_quality_raises_sensor_alerts_and_leads(seeded, sender, admin):
    learn(sender, "q", "nh3n", 2 * DAY, 3)
    at = 2 * DAY
    value = usual(4)
    send(sender, [reading("q", "nh3n", at + i, 31.5) for i in range(40)])
    (stuck,) = alerts_of(admin, "q")
    assert stuck["category"] == "sensor" and stuck["explanation"]["signs"] == ["stuck"] and stuck["limit"]["upper"] is None
    assert stuck["explanation"]["run"] > stuck["explanation"]["run_allowed"]
    send(sender, [reading("q", "nh3n", at + 40 + i, value()) for i in range(12)])
    assert alerts_of(admin, "q")[0]["state"] == "cleared"
    send(sender, [reading("q", "nh3n", at + 52, 180), *[reading("q", "nh3n", at + 53 + i, value()) for i in range(3)]])
    assert alerts_of(admin, "q")[-1]["explanation"]["signs"] == ["spike"] and alerts_of(admin, "q")[-1]["last_value"] == 180
    send(sender, [reading("q", "nh3n", at + 56 + i, value()) for i in range(14)])
    send(sender, [reading("q", "nh3n", at + 70, 501)])
    assert alerts_of(admin, "q")[-1]["explanation"]["signs"] == ["range"]
    send(sender, [reading("q", "nh3n", at + 71 + i, value()) for i in range(14)])
    send(sender, [reading("q", "nh3n", at + 120, value())])
    assert alerts_of(admin, "q")[-1]["explanation"]["signs"] == ["gap"]

    numbers = random.Random(5)
    kept_below = [v if (v := 50 + numbers.uniform(-20, 20)) < 60 else 59.2 + numbers.uniform(-0.5, 0.5) for _ in range(2 * DAY)]
    send(sender, [reading("lead", "tp", i, round(v, 2)) for i, v in enumerate(kept_below)])
    (lead,) = alerts_of(admin, "lead")
    assert lead["category"] == "lead" and lead["explanation"]["kind"] == "tampering" and lead["explanation"]["limit"] == 60
    assert [a["id"] for a in admin.get("/api/v1/alerts?category=lead").json["items"]] == [lead["id"]]
    # Neither broken sensors nor leads count for a ward.
    (ward,) = [w for w in admin.get("/api/v1/wards").json["items"] if w["code"] == "880000005"]
    assert ward["open_alerts"] == int(seeded.value("SELECT count(*) FROM alert WHERE state = 'open' AND category = 'pollution'"))


def test_after_a_restart_what_was_learned_is_known_and_open_alerts_go_on(seeded, tokens, serve):
    first = serve(seeded)
    sender, admin = first.client(tokens["feed"]), first.client(tokens["admin"])
    learn(sender, "again", "cod", 10 * DAY, 6)
    send(sender, [reading("again", "cod", 10 * DAY, 57), reading("again", "cod", 10 * DAY + 1, 58)])
    assert [a["state"] for a in alerts_of(admin, "again")] == ["open"]
    first.stop()
    second = serve(seeded)
    sender, admin = second.client(tokens["feed"]), second.client(tokens["admin"])
    send(sender, [reading("again", "cod", 10 * DAY + 2, 59)])
    (alert,) = alerts_of(admin, "again")
    assert alert["state"] == "open" and alert["exceed_count"] == 3 and alert["last_value"] == 59
    send(sender, [reading("again", "cod", 10 * DAY + 3 + i, 30) for i in range(6)])
    assert [a["state"] for a in alerts_of(admin, "again")] == ["cleared"]
    second.stop()


@pytest.mark.parametrize("config, field", [
    ({"property": "so9"}, "config.property"),
    ({"properties": ["cod", "so9"]}, "config.properties"),
    ({"wards": ["880000005", "nowhere"]}, "config.wards"),
    ({"false_alarms_per_month": 0}, "config.false_alarms_per_month"),
    ({"fire": [3, 2]}, "config.fire"),
    ({"signs": ["stuck"]}, "config.signs"),
])
def test_a_wrong_rule_names_its_member(admin, config, field):
    rule = {"code": "wrong", "name_zh": "错", "name_en": "wrong", "detector": "baseline", "severity": 1, "config": config}
    answer = admin.post("/api/v1/rules", rule)
    assert answer.status == 400 and answer.json["error"]["field"] == field, answer.text


def test_an_unknown_detector_is_refused_by_name(admin):
    rule = {"code": "wrong", "name_zh": "错", "name_en": "wrong", "detector": "magic", "severity": 1, "config": {}}
    answer = admin.post("/api/v1/rules", rule)
    assert answer.status == 400 and answer.json["error"]["field"] == "detector" and "baseline" in answer.json["error"]["message"]


def test_a_backtest_of_a_rule_that_learns_finds_what_it_found_live(seeded):
    report = json.loads(seeded.wardwatch("backtest", "unusual", "--from", "2026-05-11", "--to", "2026-05-12", "--json"))
    found = [[a["opened_at"][:19], a["cleared_at"][:19], str(a["exceed_count"]), f'{a["peak_value"]:g}'] for a in report["alerts"]
             if a["thing"]["key"] == "again"]
    # The server was restarted in the middle of it, and the back-test was not.
    assert found == seeded.sql(
        """SELECT to_char(a.opened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS'), to_char(a.cleared_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS'),
                  a.exceed_count, a.peak_value
           FROM alert a JOIN datastream d ON d.id = a.subject_id JOIN thing t ON t.id = d.thing_id WHERE t.key = 'again' ORDER BY a.id""")
    assert len(found) == 1


def test_every_alert_computed_again_is_the_same(seeded):
    """Those that the limit took over, those of neighbours and those with reasons that joined as well."""
    for alert in [int(i) for (i,) in seeded.sql("SELECT id FROM alert ORDER BY id")]:
        status, done = replay(seeded, alert)
        assert (status, done["differences"]) == (0, []), alert
