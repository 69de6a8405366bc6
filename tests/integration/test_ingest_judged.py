"""What comes in is judged: alerts open with their explanation, and clear; quality, silence, late data; changes by
API and loads are picked up while the server runs; what happens while PostgreSQL is away."""

import json
import re

import pytest

from conftest import wait_until

FEED = {"thing": "t", "property": "p", "value": "v", "time": "at", "quality": {"field": "q", "default": "N"},
        "place": {"x": "x", "y": "y"}, "register": True, "thing_class": "outfall"}  # fmt: skip
SPOT = {"property": "cod", "limit_class": "judged", "standard": "TEST 9", "averaging": "instant", "fire": [2, 3], "clear": [2, 2],
        "clear_ratio": 0.9}  # fmt: skip
MEAN = {"property": "nh3n", "limit_class": "judged", "standard": "TEST 9", "averaging": "1h", "judge": "mean", "expected_step_s": 900}


@pytest.fixture(scope="module")
def seeded(database):
    database.sql(
        """INSERT INTO ward (code, name_zh, geom) VALUES ('880000001', 'w', ST_Multi(ST_MakeEnvelope(107, 29, 107.1, 29.1, 4490)));
           INSERT INTO feed (name, config) VALUES ('judged', :'feed');
           INSERT INTO limit_value (property_id, standard_no, class, averaging, upper, unit, valid_from, status, source)
           SELECT id, 'TEST 9-2026', 'judged', CASE code WHEN 'cod' THEN 'instant' ELSE '1h' END, 60000, 'ug/L', '2026-01-01', 'check', 'test'
           FROM observed_property WHERE code IN ('cod', 'nh3n');
           INSERT INTO rule (code, name_zh, name_en, detector, severity, config)
           VALUES ('spot', 'r', 'r', 'limit', 3, :'spot'), ('mean', 'r', 'r', 'limit', 2, :'mean')""",
        feed=json.dumps(FEED), spot=json.dumps(SPOT), mean=json.dumps(MEAN),
    )  # fmt: skip
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


def send(sender, thing, *readings, code="cod", hour=0, **more):
    """Readings in order, a quarter of an hour apart from `hour` on: a value, a (value, flag), or None for none."""
    out = []
    for i, reading in enumerate(readings):
        if reading is None:
            continue
        value, flag = reading if isinstance(reading, tuple) else (reading, "N")
        minutes = hour * 60 + i * 15
        at = f"2026-05-{1 + minutes // 1440:02}T{minutes // 60 % 24:02}:{minutes % 60:02}:00Z"
        out.append({"t": thing, "p": code, "v": value, "q": flag, "at": at, "x": 107.05, "y": 29.05, **more})
    answer = sender.ingest("judged", "\n".join(json.dumps(r) for r in out))
    assert answer.status == 200 and answer.json["dead"] == 0, answer.text
    return answer.json


def alerts(database, thing):
    """[[rule, state, opened, cleared, count, peak, last]] of a thing."""
    return database.sql(
        """SELECT r.code, a.state, to_char(a.opened_at, 'HH24:MI'), coalesce(to_char(a.cleared_at, 'HH24:MI'), ''), a.exceed_count,
                  a.peak_value, a.last_value
           FROM alert a JOIN rule r ON r.id = a.rule_id JOIN datastream d ON d.id = a.subject_id JOIN thing t ON t.id = d.thing_id
           WHERE t.key = :'thing' ORDER BY a.id""",
        thing=thing,
    )


def test_an_alert_opens_with_its_explanation_goes_on_and_clears(seeded, sender, admin):
    send(sender, "story", 50, 70, 55, 66)
    assert alerts(seeded, "story") == [["spot", "open", "00:45", "", "2", "70", "66"]]
    alert = seeded.value("SELECT a.id FROM alert a JOIN datastream d ON d.id = subject_id JOIN thing t ON t.id = thing_id WHERE key = 'story'")
    shown = admin.get(f"/api/v1/alerts/{alert}").json
    explained = shown["explanation"]
    assert shown["ward"]["code"] == "880000001" and shown["severity"] == 3
    assert [w["value"] for w in explained["window"]] == [70, 55, 66] and [w["exceeds"] for w in explained["window"]] == [True, False, True]
    assert explained["rule"]["config"] == SPOT and explained["rule"]["version"] == 1
    assert explained["limit"]["upper"] == 60000 and explained["limit"]["unit"] == "ug/L"  # as the row says; judged in mg/L
    send(sender, "story", 90, 57, 53, hour=1)  # 57 is not within 90 % of 60
    assert alerts(seeded, "story") == [["spot", "open", "00:45", "", "3", "90", "90"]]
    send(sender, "story", 50, 61, hour=2)
    assert alerts(seeded, "story") == [["spot", "cleared", "00:45", "02:00", "3", "90", "50"]]
    assert [e["kind"] for e in admin.get(f"/api/v1/alerts/{alert}").json["events"]] == ["opened", "cleared"]
    send(sender, "story", 99, hour=3)
    assert [a[1] for a in alerts(seeded, "story")] == ["cleared", "open"]


def test_hourly_means_are_judged_when_their_hour_is_over(seeded, sender):
    send(sender, "hourly", 100, 100, 30, 30, code="nh3n")
    assert alerts(seeded, "hourly") == []  # 65 in the mean, but the hour may go on
    send(sender, "hourly", 10, code="nh3n", hour=1)
    assert alerts(seeded, "hourly") == [["mean", "open", "00:00", "", "1", "65", "65"]]


def test_calibrations_and_faults_neither_open_nor_clear(seeded, sender):
    send(sender, "flags", (500, "C"), (500, "M"), (500, "D"), 70)
    assert alerts(seeded, "flags") == []
    send(sender, "flags", 80, (1, "C"), (1, "C"), (1, "C"), hour=1)
    assert [a[1] for a in alerts(seeded, "flags")] == ["open"]


def test_silence_never_clears(seeded, sender):
    send(sender, "silent", 70, 80)
    send(sender, "other", 1, 1, 1, hour=200)  # time goes on elsewhere
    assert [a[1] for a in alerts(seeded, "silent")] == ["open"]


def test_late_data_is_judged_at_its_place_in_time(seeded, sender):
    send(sender, "late", 70, None, 50)
    assert alerts(seeded, "late") == []
    send(sender, "late", None, 80)
    assert alerts(seeded, "late") == [["spot", "open", "00:15", "", "2", "80", "80"]]
    send(sender, "late", 1, 1, hour=-0)  # corrections: both back within
    assert [a[1] for a in alerts(seeded, "late")] == ["cleared"]


def test_the_index_keeps_a_second_open_alert_out(seeded, sender):
    send(sender, "index", 70, 80)
    with pytest.raises(RuntimeError, match="alert_one_open"):
        seeded.sql(
            """INSERT INTO alert (rule_id, rule_version, subject_kind, subject_id, ward_id, state, severity, opened_at, last_exceeded_at,
                                  exceed_count, last_value, peak_value, peak_at, limit_value_id, explanation)
               SELECT rule_id, rule_version, subject_kind, subject_id, ward_id, state, severity, opened_at, last_exceeded_at,
                      exceed_count, last_value, peak_value, peak_at, limit_value_id, explanation
               FROM alert WHERE state = 'open' LIMIT 1"""
        )


# ---- Changes while it runs ----


def metric(server, name):
    return float(re.search(rf"^wardwatch_{name} (\S+)$", server.client().get("/metrics").text, re.MULTILINE).group(1))


def after_reload(server, change):
    before = metric(server, "ingest_rebuilds_total")
    change()
    wait_until(lambda: metric(server, "ingest_rebuilds_total") > before, "a reload")


def test_a_rule_changed_by_api_holds_at_once_and_open_alerts_survive(seeded, server, sender, admin):
    send(sender, "ruled", 70, 80)
    assert [a[1] for a in alerts(seeded, "ruled")] == ["open"]

    def loosen():
        answer = admin.put("/api/v1/rules/spot", {"config": {**SPOT, "fire": [1, 1], "clear": [1, 1]}, "name_zh": "r", "name_en": "r", "detector": "limit", "severity": 3})
        assert answer.status == 200 and answer.json["version"] == 2, answer.text

    after_reload(server, loosen)
    send(sender, "ruled-2", 70)
    assert [a[1] for a in alerts(seeded, "ruled-2")] == ["open"]
    send(sender, "ruled", 85, hour=1)
    assert alerts(seeded, "ruled") == [["spot", "open", "00:15", "", "3", "85", "85"]]  # the same alert goes on
    send(sender, "ruled", 50, hour=2)
    assert [a[1] for a in alerts(seeded, "ruled")] == ["cleared"]
    after_reload(server, lambda: admin.put("/api/v1/rules/spot", {"config": SPOT, "name_zh": "r", "name_en": "r", "detector": "limit", "severity": 3}))


def test_wards_loaded_while_it_runs_are_used(seeded, server, sender, scratch):
    send(sender, "edge", 1, x=107.15, y=29.05)
    ring = [[107.1, 29], [107.2, 29], [107.2, 29.1], [107.1, 29.1], [107.1, 29]]
    path = f"{scratch}/wards.geojson"
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"code": "880000002", "name": "new"},
                   "geometry": {"type": "Polygon", "coordinates": [ring]}}]}, file)  # fmt: skip
    after_reload(server, lambda: seeded.wardwatch("load", "wards", path, "--code", "code", "--name", "name"))
    wait_until(lambda: metric(server, "wards") == 2, "both wards")
    send(sender, "edge", 2, hour=1, x=107.15, y=29.05)
    wards = seeded.sql(
        """SELECT coalesce(w.code, '') FROM observation o LEFT JOIN ward w ON w.id = o.ward_id JOIN datastream d ON d.id = o.datastream_id
           JOIN thing t ON t.id = d.thing_id WHERE t.key = 'edge' ORDER BY phenomenon_time"""
    )
    assert wards == [[""], ["880000002"]]


# ---- PostgreSQL goes away ----


def test_while_postgres_is_away_senders_are_told_to_come_again(seeded, server, sender, cluster):
    send(sender, "away", 70)
    cluster.stop()
    try:
        wait_until(lambda: server.client().get("/readyz").status == 503, "readyz to say no")
        answer = sender.ingest("judged", json.dumps({"t": "away", "p": "cod", "v": 1, "at": "2026-05-01T05:00:00Z"}))
        assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0
        assert server.client().get("/healthz").status == 200
    finally:
        cluster.start()
    wait_until(lambda: server.client().get("/readyz").status == 200, "readyz to say yes")
    send(sender, "away", None, 80)
    assert [a[1] for a in alerts(seeded, "away")] == ["open"]  # what was known before the gap counts
