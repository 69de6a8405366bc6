"""Signals that rain or maintenance explain: kept back, recorded, counted, and told when they outlast the reason."""

import json
import random
from datetime import datetime, timedelta, timezone

import pytest

from conftest import wait_until
from test_backtest import backtest, said, sorted_alerts, stored
from test_explain import replay
from test_learned_rules import FEED, alerts_of, metric

STEP = timedelta(minutes=5)
LEARN = 8 * 288
RAIN = {"rain": {"property": "rain", "above": 0.2, "hours": 2}}
RULES = [
    {"code": "unusual", "name_zh": "异常", "name_en": "Unusual", "detector": "baseline", "severity": 2,
     "config": {"property": "cod", "side": "up", "false_alarms_per_month": 1, "mute": RAIN}},
    {"code": "limit", "name_zh": "超标", "name_en": "Over the limit", "severity": 3,
     "config": {"property": "cod", "limit_class": "c", "standard": "TEST 5", "averaging": "instant", "fire": [2, 3]}},
]  # fmt: skip


@pytest.fixture(scope="module")
def seeded(database, tmp_path_factory):
    database.sql(
        """INSERT INTO ward (code, name_zh, geom)
           VALUES ('880000005', 'w', ST_Multi(ST_MakeEnvelope(107, 29, 107.1, 29.1, 4490))),
                  ('880000006', 'v', ST_Multi(ST_MakeEnvelope(107.1, 29, 107.2, 29.1, 4490)));
           INSERT INTO feed (name, config) VALUES ('learned', :'feed');
           INSERT INTO site (code, kind, ward_id) SELECT 'S1', 'plant', id FROM ward WHERE code = '880000005';
           INSERT INTO limit_value (property_id, standard_no, class, averaging, upper, unit, valid_from, status, source)
           SELECT id, 'TEST 5-2026', 'c', 'instant', 60, 'mg/L', '2026-01-01', 'check', 'test' FROM observed_property WHERE code = 'cod'""",
        feed=json.dumps(FEED),
    )
    path = tmp_path_factory.mktemp("rules") / "rules.json"
    path.write_text(json.dumps(RULES), encoding="utf-8")
    database.wardwatch("load", "rules", str(path))
    return database


@pytest.fixture(scope="module")
def server(seeded, serve):
    return serve(seeded)


@pytest.fixture(scope="module")
def sender(server, seeded):
    return server.client(seeded.add_account("feed", "feed"))


@pytest.fixture(scope="module")
def admin(server, seeded):
    return server.client(seeded.add_account("admin", "admin"))


@pytest.fixture(scope="module")
def near(server, seeded):
    return server.client(seeded.add_account("near", "coordinator", ["880000005"]))


@pytest.fixture(scope="module")
def far(server, seeded):
    return server.client(seeded.add_account("far", "coordinator", ["880000006"]))


def text(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def reading(thing, code, at, value, x=107.05):
    return {"t": thing, "p": code, "v": value, "at": text(at), "x": x, "y": 29.05}


def send(sender, readings):
    answer = sender.ingest("learned", "\n".join(json.dumps(r) for r in readings))
    assert answer.status == 200 and answer.json["dead"] == 0, answer.text


def learn(sender, thing, until, seed):
    """Eight days of noise that end five minutes before."""
    dice = random.Random(seed)
    send(sender, [reading(thing, "cod", until - STEP * (LEARN - i), round(30 + dice.uniform(-2, 2), 1)) for i in range(LEARN)])


def muted_of(client, **filters):
    query = "&".join(f"{k}={v}" for k, v in filters.items())
    return client.get(f"/api/v1/muted?limit=1000&{query}").json["items"]


def count(admin, reason):
    line = next(x for x in admin.get("/metrics").text.splitlines() if x.startswith(f'wardwatch_signals_muted_total{{reason="{reason}"}}'))
    return float(line.split()[1])


def reload(admin, act):
    rebuilds = metric(admin, "ingest_rebuilds_total")
    result = act()
    wait_until(lambda: metric(admin, "ingest_rebuilds_total") > rebuilds, "a reload")
    return result


def test_rain_keeps_a_signal_back_until_it_has_outlasted_it(seeded, sender, admin, near, far):
    start = datetime(2026, 5, 20, tzinfo=timezone.utc)
    learn(sender, "outfall", start, 1)
    before = count(admin, "rain")
    send(sender, [reading("outfall", "cod", start, 57), reading("outfall", "cod", start + STEP, 58),
                  reading("gauge", "rain", start - STEP, 4.5), reading("gauge-v", "rain", start, 9, 107.15)])  # fmt: skip
    assert alerts_of(admin, "outfall") == [] and count(admin, "rain") == before + 1
    (muted,) = muted_of(admin)
    gauge = seeded.value("SELECT d.id FROM datastream d JOIN thing t ON t.id = d.thing_id WHERE t.key = 'gauge'")
    assert (muted["reason"], muted["rule"], muted["thing"]["key"], muted["ward"]) == ("rain", "unusual", "outfall", "880000005")
    assert muted["gauge"] == int(gauge) and muted["window"] is None and muted["until"] == "2026-05-20T01:55:00Z"
    assert muted["ended_at"] is None and muted["raised"] is None and muted["peak_value"] == 58
    assert muted["explanation"]["observed"]["value"] == 58 and muted["explanation"]["method"].startswith("seasonal")
    assert len(muted_of(near)) == 1 and muted_of(far) == []  # nobody sees a ward that is not theirs
    assert muted_of(admin, reason="maintenance") == [] and len(muted_of(admin, reason="rain", state="open", rule="unusual")) == 1

    seeded.sql("UPDATE thing SET limit_class = 'c' WHERE key = 'outfall'")  # the law knows no rain
    reload(admin, lambda: seeded.sql("SELECT pg_notify('ww_catalog', 'thing')"))
    send(sender, [reading("outfall", "cod", start + STEP * i, 70 + i) for i in (2, 3)])
    (limit,) = alerts_of(admin, "outfall")
    assert limit["rule"]["code"] == "limit"
    send(sender, [reading("outfall", "cod", start + STEP * i, 57) for i in range(4, 24)])
    assert [a["state"] for a in alerts_of(admin, "outfall")] == ["cleared"] and len(muted_of(admin)) == 1

    send(sender, [reading("outfall", "cod", start + timedelta(hours=2), 58)])  # five minutes after the two hours
    _, alert = alerts_of(admin, "outfall")
    assert alert["rule"]["code"] == "unusual" and alert["opened_at"] == "2026-05-20T02:00:00+00:00"
    assert alert["explanation"]["muted_until"] == {"reason": "rain", "until": "2026-05-20T01:55:00Z", "gauge": int(gauge)}
    words = admin.get(f"/api/v1/alerts/{alert['id']}/explanation").json["words"]
    assert any("Signals here were muted until 2026-05-20 01:55:00 +00:00 because of rain" in line for line in words["en"])
    assert any("因降雨" in line and "静默" in line for line in words["zh"])
    (muted,) = muted_of(admin)
    assert muted["raised"] is True and muted["ended_at"] == "2026-05-20T02:00:00+00:00" and muted["readings"] >= 20
    assert seeded.value("SELECT count(*) FROM outbox o JOIN alert_event e ON e.id = o.alert_event_id WHERE e.alert_id = :a", a=str(alert["id"])) == "1"


def test_what_is_muted_stays_so_over_a_restart_and_ends(seeded, sender, admin):
    start = datetime(2026, 6, 20, tzinfo=timezone.utc)
    learn(sender, "second", start, 2)
    send(sender, [reading("gauge", "rain", start - STEP, 4.5)])
    send(sender, [reading("second", "cod", start, 57), reading("second", "cod", start + STEP, 58)])
    assert len(muted_of(admin, state="open")) == 1
    reload(admin, lambda: seeded.sql("SELECT pg_notify('ww_catalog', 'rule')"))
    before = count(admin, "rain")
    send(sender, [reading("second", "cod", start + STEP * 2, 58)])
    assert len(muted_of(admin, state="open")) == 1 and count(admin, "rain") == before and alerts_of(admin, "second") == []
    send(sender, [reading("second", "cod", start + STEP * (3 + i), 30) for i in range(6)])
    assert muted_of(admin, state="open") == [] and alerts_of(admin, "second") == []
    assert muted_of(admin)[0]["raised"] is False and muted_of(admin)[0]["readings"] == 2


def test_a_window_is_announced_and_counts_what_it_hides(seeded, sender, admin, near, far):
    now = datetime.now(timezone.utc).replace(microsecond=0)
    learn(sender, "third", now, 3)
    thing = int(seeded.value("SELECT id FROM thing WHERE key = 'third'"))
    body = {"thing": thing, "property": "cod", "from": text(now - timedelta(hours=1)), "to": text(now + timedelta(hours=1)), "reason": "probe cleaned"}
    assert far.post("/api/v1/maintenance", body).status == 404  # not his ward
    rebuilds = metric(admin, "ingest_rebuilds_total")
    answer = near.post("/api/v1/maintenance", body)
    assert answer.status == 201, answer.text
    wait_until(lambda: metric(admin, "ingest_rebuilds_total") > rebuilds, "a reload")
    window = answer.json
    assert (window["state"], window["author"], window["muted"], window["thing"]["key"]) == ("open", "near", 0, "third")
    assert window["counts_from"][:19] >= text(now)[:19]  # not before it was recorded
    before = count(admin, "maintenance")
    soon = now + timedelta(seconds=60)
    send(sender, [reading("third", "cod", soon + timedelta(seconds=i), 57 + i) for i in range(3)])
    assert alerts_of(admin, "third") == [] and count(admin, "maintenance") == before + 1
    (muted,) = muted_of(near, window=window["id"])
    assert muted["reason"] == "maintenance" and muted["window"] == window["id"] and muted["gauge"] is None
    listed = near.get("/api/v1/maintenance").json["items"]
    assert [(w["id"], w["muted"], w["raised"]) for w in listed] == [(window["id"], 1, 0)] and far.get("/api/v1/maintenance").json["items"] == []
    assert far.post(f"/api/v1/maintenance/{window['id']}/end").status == 404
    ended = reload(admin, lambda: near.post(f"/api/v1/maintenance/{window['id']}/end"))
    assert ended.status == 200 and ended.json["ended_by"] == "near" and ended.json["state"] == "over"
    send(sender, [reading("third", "cod", soon + timedelta(seconds=10), 58)])
    (alert,) = alerts_of(admin, "third")  # it goes on, and the window is over
    assert alert["explanation"]["muted_until"]["window"] == window["id"] and alert["explanation"]["muted_until"]["reason"] == "maintenance"
    shown = admin.get(f"/api/v1/maintenance/{window['id']}").json
    assert (shown["muted"], shown["raised"], shown["state"]) == (1, 1, "over")
    kinds = seeded.value("SELECT string_agg(kind, ' ' ORDER BY seq) FROM ledger WHERE kind LIKE 'maint%' AND ref = :w", w=str(window["id"]))
    assert kinds == "maintenance maintenance_end"  # who announced it, and who ended it


@pytest.mark.parametrize(
    "change, field",
    [
        ({"thing": None}, "thing"),
        ({"ward": "880000005"}, "thing"),
        ({"thing": 1.5}, "thing"),
        ({"to": None}, "to"),
        ({"to": "2026-01-01T00:00:00Z"}, "to"),
        ({"to": "2026-09-01T00:00:00Z"}, "to"),
        ({"from": "yesterday"}, "from"),
        ({"reason": ""}, "reason"),
        ({"thing": None, "site": "S1", "property": "cod"}, "property"),
        ({"thing": None, "key": "third"}, "feed"),
        ({"until": "2026-06-02T00:00:00Z"}, "until"),
    ],
    ids=lambda v: v if isinstance(v, str) else "-".join(v),
)
def test_a_mistake_in_a_window_is_named(admin, change, field):
    body = {"thing": 1, "from": "2026-05-31T00:00:00Z", "to": "2026-06-01T00:00:00Z", "reason": "x"} | change
    answer = admin.post("/api/v1/maintenance", body)
    assert answer.status == 400 and answer.json["error"]["field"] == field, answer.text


def test_the_command_line_announces_lists_and_ends(seeded, server):
    line = seeded.wardwatch("maintenance", "add", "--site", "S1", "--to", "2027-01-01T08:00:00+08:00", "--reason", "pump", "--author", "li")
    number = line.split()[0]
    assert " open " in line and "site S1" in line and "by li: pump" in line
    assert any(row.split()[0] == number and "muted 0" in row for row in seeded.wardwatch("maintenance", "list").splitlines())
    assert " over " in seeded.wardwatch("maintenance", "end", number, "--author", "wang")
    assert seeded.value("SELECT author FROM maintenance_end WHERE window_id = :w", w=number) == "wang"
    for wrong, complaint in (
        (["end", "999", "--author", "wang"], "there is no such window"),
        (["add", "--thing", "learned/none", "--to", "tomorrow", "--reason", "x", "--author", "y"], "to must be a time"),
        (["add", "--ward", "880000005"], "usage"),
    ):
        with pytest.raises(RuntimeError, match=complaint):
            seeded.wardwatch("maintenance", *wrong)


# In steps from the ninth day on: told, muted by rain, outlasts the rain, told; in a window, after it was recorded and before.
ODD = [(100, 112), (300, 310), (500, 560), (700, 710), (864 + 12, 864 + 22), (864 + 80, 864 + 90), (864 + 380, 864 + 410), (1500, 1510)]
WET = [(290, 305), (490, 502), (1530, 1540)]


def test_the_past_is_muted_as_it_was(new_database, serve, tmp_path):
    """Ten days with odd hours, rain over some and a window over others: back-test and recomputation give what the server gave."""
    database = new_database()
    database.sql(
        """INSERT INTO ward (code, name_zh, geom) VALUES ('880000005', 'w', ST_Multi(ST_MakeEnvelope(107, 29, 107.1, 29.1, 4490)));
           INSERT INTO feed (name, config) VALUES ('learned', :'feed')""",
        feed=json.dumps(FEED),
    )
    (tmp_path / "rules.json").write_text(json.dumps(RULES[:1]), encoding="utf-8")
    database.wardwatch("load", "rules", str(tmp_path / "rules.json"))
    start = datetime(2026, 5, 1, tzinfo=timezone.utc)
    database.sql(
        """INSERT INTO maintenance_window (ward_id, from_at, to_at, author, reason, recorded_at)
           SELECT id, '2026-05-12 00:00Z', '2026-05-13 08:30Z', 'li', 'test', '2026-05-12 03:00Z' FROM ward"""
    )
    server = serve(database)
    sender = server.client(database.add_account("feed", "feed"))
    admin = server.client(database.add_account("admin", "admin"))
    dice = random.Random(5)
    for first in range(0, 14 * 288, 6):
        rows = []
        for i in range(first, first + 6):
            at = start + STEP * i
            odd = any(8 * 288 + a <= i < 8 * 288 + b for a, b in ODD)
            rows.append(reading("outfall", "cod", at, round(30 + dice.uniform(-2, 2) + (30 if odd else 0), 1)))
            rows.append(reading("gauge", "rain", at, 1.5 if any(8 * 288 + a <= i < 8 * 288 + b for a, b in WET) else 0))
        dice.shuffle(rows)
        send(sender, rows)
    n = {r: int(database.value("SELECT count(*) FROM muted_signal WHERE reason = :'r'", r=r)) for r in ("rain", "maintenance")}
    raised = int(database.value("SELECT count(*) FROM muted_signal WHERE raised"))
    live = alerts_of(admin, "outfall")
    assert n == {"rain": 2, "maintenance": 2} and raised == 2 and len(live) == 6, (n, raised, len(live))
    status, report = backtest(database, "unusual", "--from", "2026-04-01", "--to", "2026-07-01")
    assert status == 0, report
    assert sorted_alerts(said(report)) == stored(database, "unusual")
    told = [a for a in live if "muted_until" in a["explanation"]]
    assert told
    for alert in told[:2] + live[:2] + live[-1:]:
        status, done = replay(database, alert["id"])
        assert status == 0 and done["same"], done
