"""Back-tests of rules that go by the clock: scan, hotspot, silence, clock_drift. What the server raised when the history came in,
a back-test over that history raises again: the same places, times and numbers."""

import datetime
import json
import time

import pytest

import test_health
import test_live_hotspot
import test_live_scan
from conftest import wait_until
from test_backtest import backtest, ended, running
from test_health import Sending, Talking
from test_live_scan import STP, middle

TABLES = ("alert", "alert_event", "alert_outcome", "rule", "rule_version", "observation", "outbox", "ledger", "raw_message", "dead_letter",
          "thing", "datastream", "hotspot", "alert_trace", "setting")  # fmt: skip


def sums(database):
    each = " || ' ' || ".join(f"(SELECT count(*) || coalesce(md5(string_agg(x::text, '|' ORDER BY x::text)), '') FROM {t} x)" for t in TABLES)
    return database.value(f"SELECT {each}")


def hence(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).isoformat()


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() if text else None


def stored(database, code):
    """What the server raised, as a report says it."""
    return database.json(
        f"""SELECT coalesce(json_agg(json_build_object('kind', a.subject_kind, 'subject', a.subject_id, 'ward', w.code, 'severity', a.severity,
                   'property', p.code, 'opened_at', a.opened_at, 'cleared_at', a.cleared_at, 'exceed_count', a.exceed_count,
                   'last_value', a.last_value, 'peak_value', a.peak_value, 'explanation', a.explanation) ORDER BY a.opened_at, a.id), '[]')
            FROM alert a JOIN rule r ON r.id = a.rule_id LEFT JOIN ward w ON w.id = a.ward_id
            LEFT JOIN observed_property p ON p.id = a.property_id WHERE r.code = '{code}'"""
    )


def same(mine, theirs, path, loose_s):
    """Equal; moments and lengths of time as near as two looks at one thing come."""
    if isinstance(theirs, dict):
        assert set(mine) == set(theirs), path
        for key in theirs:
            if key.startswith("known"):
                continue  # the newest message, thing … that the live server had read: a back-test has read others
            same(mine[key], theirs[key], f"{path}.{key}", loose_s)
    elif isinstance(theirs, list):
        assert len(mine) == len(theirs), path
        for n, (a, b) in enumerate(zip(mine, theirs)):
            same(a, b, f"{path}[{n}]", loose_s)
    elif isinstance(theirs, str) and path.split(".")[-1] in ("opened_at", "cleared_at", "looked_at", "hot_since"):
        assert mine is not None and abs(moment(mine) - moment(theirs)) <= loose_s, (path, mine, theirs)
    else:
        assert mine == theirs, (path, mine, theirs)


def assert_same(report, raised, loose_s=1.0, but=()):
    assert [(a["kind"], a["subject"]) for a in report["alerts"]] == [(a["kind"], a["subject"]) for a in raised]
    for mine, theirs in zip(report["alerts"], raised):
        said = {**mine, "ward": mine["ward"] and mine["ward"]["code"], "property": mine["property"]["code"]}
        for key in theirs:
            if key not in but:
                same(said[key], theirs[key], key, loose_s)


def try_again(database, code, began, *more):
    before = sums(database)
    status, report = backtest(database, code, "--from", began, "--to", hence(0), *more)
    assert status == 0, report
    assert sums(database) == before
    return report


# ---- scan ----


@pytest.fixture(scope="module")
def clustered(new_database, serve):
    """A server with a scan rule, to which a month of complaints came, a cluster that grew, and a wave that ended it."""
    world = test_live_scan.World(new_database(), serve)
    world.began = hence(-60)
    world.rule(STP)
    world.history()
    world.wait_for_a_look()
    time.sleep(0.5)
    for n in (8, 4):
        before = world.looks()
        world.complain([middle(1, 1)] * n)
        wait_until(lambda: world.looks() > before, "a look")
        time.sleep(0.6)
    assert world.alerts(rule="cluster")[0]["last_value"] == 12
    world.complain([middle(i, k) for i in range(4) for k in range(4) for _ in range(16) if (i, k) != (1, 1)])
    wait_until(lambda: world.alerts(rule="cluster", state="cleared"), "it to clear")
    time.sleep(0.5)
    yield world
    world.server.stop()


def test_a_scan_rule_raises_what_it_raised_live(clustered):
    report = try_again(clustered.database, "cluster", clustered.began, "--look-every", "0.25")
    raised = stored(clustered.database, "cluster")
    assert len(raised) == 1 and raised[0]["cleared_at"] and raised[0]["peak_value"] >= 12
    assert_same(report, raised)
    assert report["looks"]["clock"] == "arrival" and report["looks"]["every_s"] == 0.25 and report["looks"]["count"] >= 5
    assert report["wards"] == 16 and report["readings"] == int(clustered.database.value("SELECT count(*) FROM observation"))


def test_what_came_before_is_remembered(clustered):
    """Switched on just before the cluster: the month before is its memory, and the numbers are the same."""
    raised = stored(clustered.database, "cluster")
    start = datetime.datetime.fromtimestamp(moment(raised[0]["opened_at"]) - 0.45, datetime.timezone.utc).isoformat()
    report = try_again(clustered.database, "cluster", start, "--look-every", "0.25")
    assert_same(report, raised)


def test_outcomes_make_a_precision_of_clusters(clustered):
    database = clustered.database
    alert = database.value("SELECT a.id FROM alert a JOIN rule r ON r.id = a.rule_id WHERE r.code = 'cluster'")
    for outcome, precision in (("confirmed", 1), ("false", 0)):
        database.sql(f"INSERT INTO alert_outcome (alert_id, outcome, actor) VALUES ({alert}, '{outcome}', 'somebody')")
        report = try_again(database, "cluster", clustered.began, "--look-every", "0.25")
        assert report["precision"] == precision and report["outcomes"]["none"] == report["alert_count"] - 1
        assert report["alerts"][0]["outcome"] == outcome and report["outcomes"]["missed"] == 0
    database.sql(f"INSERT INTO alert_outcome (alert_id, outcome, actor) VALUES ({alert}, 'confirmed', 'somebody')")
    report = backtest(database, "cluster", "--from", clustered.began, "--to", raised_before(database), "--look-every", "0.25")[1]
    assert report["alert_count"] == 0 and report["precision"] is None and report["outcomes"]["missed"] == 0  # it was not open yet
    database.sql("UPDATE rule SET config = jsonb_set(config, '{min_cases}', '900') WHERE code = 'cluster'")
    report = backtest(database, "cluster", "--from", clustered.began, "--to", hence(0), "--look-every", "0.25")[1]
    assert report["alert_count"] == 0 and report["outcomes"]["missed"] == 1
    database.sql("UPDATE rule SET config = jsonb_set(config, '{min_cases}', '4') WHERE code = 'cluster'; SET session_replication_role = replica; DELETE FROM alert_outcome")


def raised_before(database):
    return database.value("SELECT to_char(min(opened_at) - interval '0.3 s', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') FROM alert")


def test_the_words_say_which_clock_and_how_often(clustered):
    def words(*arguments):
        return clustered.database.wardwatch("backtest", "cluster", "--from", clustered.began, "--to", hence(0), *arguments)

    assert "by a simulated clock (arrival), looked at every 900 s at most" in words()
    assert "模拟时钟（arrival），至多每 60 秒查看一次" in words("--lang", "zh", "--look-every", "60")
    old = clustered.database.wardwatch("backtest", "cluster", "--from", "2026-01-01", "--to", "2026-02-01")
    assert "needs --clock phenomenon" in old


def test_a_correction_takes_an_event_back(new_database, serve, tmp_path):
    """Of a bound that readings must exceed: a correction below it is one event less, as the server counts it."""
    world = test_live_scan.World(new_database(), serve)
    began = hence(-60)
    config = STP | {"events": {"property": "cod", "feed": "hotline", "above": 50}, "places": "ward", "zones": "adjacent", "max_places": 1}
    del config["hexagon_m"], config["max_radius_m"]
    world.rule(config)

    def measure(days_ago, value, at_s, wards):
        day = datetime.datetime.now(test_live_scan.CHINA).replace(hour=0, minute=0, second=0, microsecond=0) - datetime.timedelta(days=days_ago)
        lines = [json.dumps({"t": f"g{i}{k}", "p": "cod", "v": value, "at": (day + datetime.timedelta(seconds=at_s)).isoformat(),
                             "x": middle(i, k)[0], "y": middle(i, k)[1]}) for i, k in wards]  # fmt: skip
        assert world.admin.ingest("hotline", "\n".join(lines)).status == 200

    everywhere = [(i, k) for i in range(4) for k in range(4)]
    for ago in range(20, 0, -1):
        measure(ago, 60, 1, everywhere)
    for n in range(9):
        measure(0, 60, n, [(2, 1)])
    wait_until(lambda: world.alerts(rule="cluster"), "the alert")
    wait_until(lambda: world.alerts(rule="cluster")[0]["peak_value"] == 9, "all nine")
    for n in range(8):
        measure(0, 40, n, [(2, 1)])  # it was the laboratory's mistake
    measure(0, 40, 20, everywhere)
    wait_until(lambda: world.alerts(rule="cluster", state="cleared"), "it to clear")
    report = try_again(world.database, "cluster", began, "--look-every", "0.25")
    raised = stored(world.database, "cluster")
    assert len(raised) == 1
    # the server reads a corrected past anew after two seconds; what it said on the way there is not compared
    assert_same(report, raised, loose_s=4, but=("exceed_count", "last_value", "explanation"))
    world.server.stop()


def test_alerts_of_another_rule_are_events_of_the_past_too(new_database, serve):
    world = test_live_scan.World(new_database(), serve)
    began = hence(-5)
    test_live_scan.test_alerts_of_another_rule_are_events(world)
    time.sleep(0.5)
    report = try_again(world.database, "cluster", began, "--look-every", "0.25")
    raised = stored(world.database, "cluster")
    assert raised and report["alerts"]
    assert report["alerts"][0]["ward"]["code"] == raised[0]["ward"] == "88000110"
    assert report["alerts"][0]["peak_value"] == raised[0]["peak_value"] == 8
    world.server.stop()


def test_an_archive_is_tried_by_the_times_at_which_it_was_measured(clustered, tmp_path):
    """The month came within seconds; by its own times a cluster of that month would have been told on its day."""
    noon = datetime.datetime.now(test_live_scan.CHINA).replace(hour=12, minute=0, second=0, microsecond=0) - datetime.timedelta(days=5)
    clustered.complain([middle(3, 2)] * 10, noon)
    draft = tmp_path / "draft.json"
    draft.write_text(json.dumps({"detector": "scan", "severity": 2, "config": STP}))
    start = (noon - datetime.timedelta(days=3)).isoformat()
    status, report = backtest(clustered.database, str(draft), "--from", start, "--to", hence(0), "--clock", "phenomenon")
    assert status == 0 and report["looks"]["clock"] == "phenomenon", report
    first = report["alerts"][0]
    assert first["ward"]["code"] == "88000320" and first["peak_value"] >= 10
    assert 0 <= moment(first["opened_at"]) - noon.timestamp() <= 900
    status, report = backtest(clustered.database, str(draft), "--from", start, "--to", (noon + datetime.timedelta(days=1)).isoformat())
    assert status == 0 and report["readings"] == 0 and report["alert_count"] == 0


def test_a_back_test_is_cancelled_in_the_middle_of_a_look(clustered):
    """A look that would take minutes: a hundred thousand replicas of some thousand places."""
    analyst = clustered.server.client(clustered.database.add_account("canceller", "analyst"))
    config = STP | {"hexagon_m": 200, "replicas": 99999, "max_radius_m": 4000}
    began = time.monotonic()
    started = analyst.post("/api/v1/backtests", {"rule": {"detector": "scan", "config": config}, "from": raised_before(clustered.database),
                                                 "to": hence(0), "look_every_s": 0.25})  # fmt: skip
    assert started.status == 201, started.text
    number = started.json["id"]

    def shown():
        return analyst.get(f"/api/v1/backtests/{number}").json

    wait_until(lambda: shown()["progress"]["clock"], "its clock")
    looks = -1
    while looks != (looks := shown()["progress"]["looks"]):
        time.sleep(1)  # one look lasts longer than that
    assert shown()["state"] == "running"
    asked = time.monotonic()
    analyst.delete(f"/api/v1/backtests/{number}")
    done = ended(analyst, number)
    assert done["state"] == "cancelled" and time.monotonic() - asked < 5, (time.monotonic() - asked, asked - began)
    wait_until(lambda: running(clustered.database) == 0, "its connection to be gone")


@pytest.mark.parametrize(
    "draft, more, field",
    [
        ({"detector": "scan", "config": STP | {"max_days": 9}}, {}, "rule.config.max_days"),
        ({"detector": "scan", "config": STP | {"events": {"property": "complaint", "feed": "nobody"}}}, {}, "rule.config.feed"),
        ({"detector": "hotspot", "config": {"property": "pm2_5", "alert": {"for": 1}}}, {}, "rule.config.alert.for"),
        ({"detector": "silence", "config": {"after": 900}}, {}, "rule.config.after"),
        ({"detector": "scan", "config": STP}, {"look_every_s": 0.1}, "look_every_s"),
        ({"detector": "scan", "config": STP}, {"clock": "wall"}, "clock"),
    ],
)
def test_a_mistake_in_a_request_is_named(clustered, draft, more, field):
    answer = clustered.admin.post("/api/v1/backtests", {"rule": draft, "from": "2026-05-01", "to": "2026-06-01", **more})
    assert answer.status == 400 and answer.json["error"]["field"] == field, answer.text


# ---- hotspot ----


def test_a_hot_spot_rule_raises_what_it_raised_live(new_database, serve, tmp_path):
    world = test_live_hotspot.World(new_database(), serve)
    began = hence(-30)
    world.rule(test_live_hotspot.RULE | {"alert": {"for_s": 0}})
    world.measure(test_live_hotspot.HOT)
    wait_until(lambda: world.alerts("open"), "alerts")
    time.sleep(1.5)
    world.measure([])
    wait_until(lambda: not world.alerts("open"), "all to clear")
    time.sleep(1.5)
    report = try_again(world.database, "hot", began, "--look-every", "1")
    raised = stored(world.database, "hot")
    assert len(raised) >= 3
    key = lambda a: (a["kind"], a["subject"])  # noqa: E731
    report["alerts"].sort(key=key)
    assert_same(report, sorted(raised, key=key), loose_s=2.5)
    assert report["wards"] == 36 and report["alerts"][0]["property"]["code"] == "pm2_5"
    draft = tmp_path / "draft.json"
    draft.write_text(json.dumps({"detector": "hotspot", "config": test_live_hotspot.RULE}))
    status, complaint = backtest(world.database, str(draft), "--from", began, "--to", hence(0))
    assert status == 2 and "config.alert]" in complaint
    world.server.stop()


# ---- senders ----


@pytest.fixture
def senders(new_database, serve, scratch):
    made = test_health.World(new_database(), serve, scratch)
    made.began = hence(-1)
    yield made
    made.server.stop()


def learned(world, key):
    wait_until(lambda: (world.health(key) or {}).get("expected_from") == "learned", f"the rhythm of {key}")


LOOSE = ("last_value", "peak_value", "explanation", "exceed_count")  # lengths of silences: as exact as the looks


def assert_senders(report, raised, loose_s=1.0):
    assert raised
    assert_same(report, raised, loose_s, but=LOOSE)
    for mine, theirs in zip(report["alerts"], raised):
        assert mine["last_value"] == pytest.approx(theirs["last_value"], abs=loose_s)
        assert mine["peak_value"] == pytest.approx(theirs["peak_value"], abs=loose_s)
        for key in ("method", "expected", "rule"):
            same(mine["explanation"][key], theirs["explanation"][key], key, loose_s) if key != "expected" else None
        assert mine["explanation"]["expected"]["upper"] == pytest.approx(theirs["explanation"]["expected"]["upper"], abs=0.3)


def test_a_rule_about_silence_raises_what_it_raised_live(senders):
    sending = Sending(senders, "web", ["W1"])
    learned(senders, "W1")
    sending.stop()
    wait_until(lambda: senders.alerts(rule="quiet", state="open"), "the alert")
    sending = Sending(senders, "web", ["W1"])
    wait_until(lambda: senders.alerts(rule="quiet", state="cleared"), "it to clear")
    sending.stop()
    senders.server.stop()  # it would miss them again
    report = try_again(senders.database, "quiet", senders.began, "--look-every", "0.25")
    assert_senders(report, stored(senders.database, "quiet"))
    assert report["alerts"][0]["thing"]["key"] == "W1" and report["alerts"][0]["cleared_at"] and report["wards"] == 1
    alert = senders.database.value("SELECT a.id FROM alert a JOIN rule r ON r.id = a.rule_id WHERE r.code = 'quiet' ORDER BY 1 LIMIT 1")
    senders.database.sql(f"INSERT INTO alert_outcome (alert_id, outcome, actor) VALUES ({alert}, 'false', 'somebody')")
    assert try_again(senders.database, "quiet", senders.began, "--look-every", "0.25")["precision"] == 0


def test_a_whole_feed_that_falls_silent_is_one_alert_in_the_past_too(senders):
    things = [f"M{i}" for i in range(5)]
    sending = Sending(senders, "many", things)
    for thing in things:
        learned(senders, thing)
    sending.stop()
    wait_until(lambda: senders.alerts(rule="quiet", state="open"), "the alert")
    sending = Sending(senders, "many", things)
    wait_until(lambda: senders.alerts(rule="quiet", state="cleared"), "it to clear")
    sending.stop()
    senders.server.stop()  # it would miss them again
    report = try_again(senders.database, "quiet", senders.began, "--look-every", "0.25")
    raised = stored(senders.database, "quiet")
    assert [a["kind"] for a in raised] == ["feed"]
    assert_senders(report, raised)
    assert report["alerts"][0]["exceed_count"] == raised[0]["exceed_count"] == 5 and report["alerts"][0]["feed"] == "many"


def test_a_rule_about_clocks_raises_what_it_raised_live(senders, tmp_path):
    talking = Talking(senders, offset_s=120)
    wait_until(lambda: senders.alerts(rule="clock", state="open"), "the alert")
    talking.stop()
    senders.server.stop()
    report = try_again(senders.database, "clock", senders.began, "--look-every", "0.25")
    raised = stored(senders.database, "clock")
    assert_senders(report, raised, loose_s=1.5)
    assert report["alerts"][0]["last_value"] == pytest.approx(120, abs=2)
    status, complaint = backtest(senders.database, "clock", "--from", senders.began, "--to", hence(0), "--clock", "phenomenon")
    assert status == 2 and "clock]" in complaint
    senders.database.sql("UPDATE raw_message SET body_zstd = NULL")
    status, complaint = backtest(senders.database, "clock", "--from", senders.began, "--to", hence(0))
    assert status == 1 and "not kept" in complaint
