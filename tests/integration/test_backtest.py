"""Back-tests: the judge that runs live, over what is stored. A rule over history raises what the server raised, late readings
and corrections too; nothing that is live is touched; mistakes of a draft are named; outcomes make a precision."""

import json
import random
import subprocess

import pytest

from conftest import find_program, wait_until

FEED = {"thing": "t", "property": "p", "value": "v", "time": "at", "quality": {"field": "q", "default": "N"},
        "place": {"x": "x", "y": "y"}, "register": True, "thing_class": "outfall"}  # fmt: skip
SPOT = {"property": "cod", "limit_class": "judged", "standard": "TEST 9", "averaging": "instant", "fire": [2, 3], "clear": [2, 2],
        "clear_ratio": 0.9}  # fmt: skip
MEAN = {"property": "nh3n", "limit_class": "judged", "standard": "TEST 9", "averaging": "1h", "judge": "mean", "expected_step_s": 900}
DAYS = 20
STEPS = DAYS * 96  # quarters of an hour
NUMBERS = "exceed_count", "last_value", "peak_value", "peak_at", "last_exceeded_at"


def instant(quarter):
    return f"2026-05-{1 + quarter // 96:02}T{quarter // 4 % 24:02}:{quarter % 4 * 15:02}:00Z"


def row(thing, quarter, value, code, flag="N"):
    x = 107.05 if thing != "s2" else 107.15
    return {"t": thing, "p": code, "v": value, "q": flag, "at": instant(quarter), "x": x, "y": 29.05}


def messages(seed, days=DAYS):
    """Some days of a few things, as a bad network brings it: swapped, late, repeated, corrected, flagged."""
    dice = random.Random(seed)
    out, late = [], []
    for quarter in range(days * 96):
        now = []
        for thing, code in (("s1", "cod"), ("s2", "cod"), ("s3", "cod"), ("s1", "nh3n"), ("s2", "nh3n")):
            value = round(dice.gauss(52, 12) + (25 if quarter // 40 % 4 == 1 else 0), 2)
            reading = row(thing, quarter, value, code, "N" if dice.random() < 0.96 else "C")
            chance = dice.random()
            if chance < 0.05:
                late.append((quarter + dice.randrange(1, 30), reading))
                continue
            now.append(reading)
            if chance < 0.09:
                late.append((quarter + dice.randrange(1, 8), {**reading, "v": round(value + dice.choice((-30, 30)), 2)}))
            elif chance < 0.11:
                late.append((quarter + dice.randrange(1, 8), reading))
        now += [r for due, r in late if due == quarter]
        dice.shuffle(now)
        out.append(now)
    return [m for m in out if m]


def prepare(database):
    """Two wards, a feed, two limits and the two rules."""
    database.sql(
        """INSERT INTO ward (code, name_zh, geom) VALUES
               ('880000001', '甲街道', ST_Multi(ST_MakeEnvelope(107, 29, 107.1, 29.1, 4490))),
               ('880000002', '乙镇', ST_Multi(ST_MakeEnvelope(107.1, 29, 107.2, 29.1, 4490)));
           INSERT INTO feed (name, config) VALUES ('judged', :'feed');
           INSERT INTO limit_value (property_id, standard_no, class, averaging, upper, unit, valid_from, status, source)
           SELECT id, 'TEST 9-2026', 'judged', CASE code WHEN 'cod' THEN 'instant' ELSE '1h' END, 60, 'mg/L', '2026-01-01', 'check', 'test'
           FROM observed_property WHERE code IN ('cod', 'nh3n');
           INSERT INTO rule (code, name_zh, name_en, detector, severity, config)
           VALUES ('spot', '单次超标', 'r', 'limit', 3, :'spot'), ('mean', '均值超标', 'r', 'limit', 2, :'mean')""",
        feed=json.dumps(FEED), spot=json.dumps(SPOT), mean=json.dumps(MEAN),
    )  # fmt: skip


@pytest.fixture(scope="module")
def lived(database, serve):
    """A database after a server judged a month of messages, a few at a time."""
    prepare(database)
    server = serve(database)
    sender = server.client(database.add_account("feed", "feed"))
    for i, message in enumerate(messages(7)):
        answer = sender.ingest("judged", "\n".join(json.dumps(r) for r in message))
        assert answer.status == 200 and answer.json["dead"] == 0, answer.text
        if i == STEPS // 2:
            server.stop()
            server = serve(database)
            sender = server.client(database.add_account("feed2", "feed"))
    assert int(database.value("SELECT count(*) FROM observation WHERE version > 1")) > 20
    database.server = server
    return database


def backtest(database, *arguments):
    command = [find_program(), "backtest", *arguments, "--json", "--db", database.conninfo]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return done.returncode, json.loads(done.stdout) if done.returncode == 0 else done.stderr


def stored(database, code, more="true"):
    return database.json(
        f"""SELECT coalesce(json_agg(json_build_object('datastream', a.subject_id, 'ward', w.code, 'severity', a.severity, 'opened_at', a.opened_at,
                   'cleared_at', a.cleared_at, 'exceed_count', a.exceed_count, 'last_value', a.last_value, 'peak_value', a.peak_value,
                   'peak_at', a.peak_at, 'last_exceeded_at', a.last_exceeded_at) ORDER BY a.opened_at, a.id), '[]')
            FROM alert a JOIN rule r ON r.id = a.rule_id LEFT JOIN ward w ON w.id = a.ward_id WHERE r.code = '{code}' AND {more}"""
    )


def said(report):
    keys = "datastream", "severity", "opened_at", "cleared_at", *NUMBERS
    return [{"ward": a["ward"]["code"], **{k: a[k] for k in keys}} for a in report["alerts"]]


def sorted_alerts(alerts):
    return sorted(alerts, key=lambda a: (a["datastream"], a["opened_at"]))


@pytest.mark.parametrize("code", ["spot", "mean"])
def test_a_back_test_raises_exactly_what_the_server_raised(lived, code):
    status, report = backtest(lived, code, "--from", "2026-04-01", "--to", "2026-07-01")
    assert status == 0, report
    raised = stored(lived, code)
    assert len(raised) > 10 and any(a["cleared_at"] for a in raised)
    assert sorted_alerts(said(report)) == sorted_alerts(raised)
    assert report["readings"] == int(lived.value(f"""SELECT count(*) FROM observation o JOIN datastream d ON d.id = o.datastream_id
        JOIN observed_property p ON p.id = d.property_id WHERE p.code = '{'cod' if code == 'spot' else 'nh3n'}'"""))  # fmt: skip
    assert report["alert_count"] == len(raised) == sum(w["alerts"] for w in report["by_ward"])
    weeks = 91 / 7
    assert report["wards"] == 2 and report["alerts_per_week"] == pytest.approx(len(raised) / weeks, abs=1e-3)
    assert report["alerts_per_ward_week"] == pytest.approx(len(raised) / weeks / 2, abs=1e-3)


def test_a_draft_is_tried_without_being_a_rule(lived, tmp_path):
    draft = tmp_path / "draft.json"
    draft.write_text(json.dumps({"detector": "limit", "config": {**SPOT, "fire": [1, 1]}}))
    status, report = backtest(lived, str(draft), "--from", "2026-04-01", "--to", "2026-07-01")
    assert status == 0 and report["rule"]["version"] is None and report["alert_count"] > len(stored(lived, "spot"))
    draft.write_text(json.dumps({"config": SPOT, "severity": 3}))
    status, report = backtest(lived, str(draft), "--from", "2026-04-01", "--to", "2026-07-01")
    assert sorted_alerts(said(report)) == sorted_alerts(stored(lived, "spot"))


def test_what_came_before_warms_it_up_as_after_a_start_of_the_server(lived):
    """From a moment when nothing is open on: the same alerts as live, from the first reading on."""
    quiet = lived.sql(
        """SELECT to_char(t, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM generate_series('2026-05-05'::timestamptz, '2026-05-15', '15 min') AS t
           WHERE NOT EXISTS (SELECT FROM alert a JOIN rule r ON r.id = a.rule_id WHERE r.code = 'mean'
                             AND t BETWEEN a.opened_at - interval '2 hours' AND coalesce(a.cleared_at, 'infinity') + interval '2 hours')"""
    )
    assert quiet, "the month has no quiet moment: choose another seed"
    for (moment,) in quiet[:: max(1, len(quiet) // 5)]:
        status, report = backtest(lived, "mean", "--from", moment, "--to", "2026-07-01")
        assert status == 0
        assert sorted_alerts(said(report)) == sorted_alerts(stored(lived, "mean", f"a.opened_at >= '{moment}'"))


@pytest.mark.parametrize(
    "draft, field",
    [
        ({"config": {**SPOT, "fire": [3, 2]}}, "config.fire"),
        ({"config": {**SPOT, "property": "nonsense"}}, "config.property"),
        ({"config": {**SPOT, "fires": [1, 2]}}, "config.fires"),
        ({"config": {**SPOT, "standard": "GB 1"}}, "config.standard"),
        ({"detector": "oracle", "config": {}}, "detector"),
        ({"config": SPOT, "severity": 9}, "severity"),
        ({"config": SPOT, "colour": 1}, "colour"),
        ({"detector": "limit"}, "config"),
    ],
)
def test_a_mistake_in_a_draft_is_named(lived, tmp_path, draft, field):
    path = tmp_path / "draft.json"
    path.write_text(json.dumps(draft))
    status, complaint = backtest(lived, str(path), "--from", "2026-05-01", "--to", "2026-06-01")
    assert status == 2 and f"{field}]" in complaint, complaint


def test_wrong_times_and_unknown_rules_are_said(lived):
    assert backtest(lived, "spot", "--from", "2026-06-01", "--to", "2026-05-01")[0] == 2
    assert backtest(lived, "spot", "--from", "yesterday", "--to", "2026-05-01")[0] == 2
    status, complaint = backtest(lived, "nobody", "--from", "2026-05-01", "--to", "2026-06-01")
    assert status == 2 and "nobody" in complaint


def test_live_state_is_untouched(lived):
    tables = "alert", "alert_event", "rule", "rule_version", "observation", "outbox", "ledger", "raw_message", "alert_outcome"
    sums = " || ' ' || ".join(f"(SELECT count(*) || coalesce(md5(string_agg(x::text, '|' ORDER BY x::text)), '') FROM {t} x)" for t in tables)
    before = lived.value(f"SELECT {sums}")
    assert backtest(lived, "spot", "--from", "2026-04-01", "--to", "2026-07-01")[0] == 0
    assert lived.value(f"SELECT {sums}") == before


def test_outcomes_that_people_recorded_make_a_precision(lived):
    ids = [i for (i,) in lived.sql("SELECT a.id FROM alert a JOIN rule r ON r.id = a.rule_id WHERE r.code = 'spot' ORDER BY a.id LIMIT 4")]
    for alert, outcome in zip(ids, ("confirmed", "confirmed", "false", "unknown")):
        lived.sql(f"INSERT INTO alert_outcome (alert_id, outcome, actor) VALUES ({alert}, '{outcome}', 'somebody')")
    try:
        report = backtest(lived, "spot", "--from", "2026-04-01", "--to", "2026-07-01")[1]
        assert report["outcomes"] == {"confirmed": 2, "false": 1, "unknown": 1, "none": report["alert_count"] - 4, "missed": 0}
        assert report["precision"] == 0.667
        lived.sql(f"INSERT INTO alert_outcome (alert_id, outcome, actor) VALUES ({ids[2]}, 'confirmed', 'somebody else')")
        assert backtest(lived, "spot", "--from", "2026-04-01", "--to", "2026-07-01")[1]["precision"] == 1
    finally:
        lived.sql("SET session_replication_role = replica; DELETE FROM alert_outcome")


def test_confirmed_alerts_that_a_draft_would_miss_are_counted(lived, tmp_path):
    lived.sql("""INSERT INTO alert_outcome (alert_id, outcome, actor)
                 SELECT a.id, 'confirmed', 'somebody' FROM alert a JOIN rule r ON r.id = a.rule_id WHERE r.code = 'spot'""")  # fmt: skip
    try:
        draft = tmp_path / "draft.json"
        draft.write_text(json.dumps({"config": {**SPOT, "fire": [24, 24]}}))
        report = backtest(lived, str(draft), "--from", "2026-04-01", "--to", "2026-07-01")[1]
        found = said(report)
        missed = [a for a in stored(lived, "spot")
                  if not any(f["datastream"] == a["datastream"] and f["opened_at"] <= (a["cleared_at"] or "9")
                             and a["opened_at"] <= (f["cleared_at"] or "9") for f in found)]  # fmt: skip
        assert 0 < len(missed) < len(stored(lived, "spot")) and report["outcomes"]["missed"] == len(missed)
        assert report["outcomes"]["confirmed"] == len(found) and report["precision"] == 1
    finally:
        lived.sql("SET session_replication_role = replica; DELETE FROM alert_outcome")


def test_the_words_are_chinese_or_english(lived):
    def words(lang):
        return lived.wardwatch("backtest", "spot", "--from", "2026-05-01", "--to", "2026-06-01", "--lang", lang)

    assert "规则 spot" in words("zh") and "甲街道" in words("zh") and "每街镇每周" in words("zh")
    assert "rule spot" in words("en") and "a ward and week" in words("en")


# ---- Over the interface ----


@pytest.fixture(scope="module")
def analyst(lived):
    return lived.server.client(lived.add_account("analyst", "analyst"))


def ended(client, number):
    def look():
        shown = client.get(f"/api/v1/backtests/{number}")
        assert shown.status == 200
        return shown.json if shown.json["state"] != "running" else None

    return wait_until(look, f"back-test {number} to end")


class Held:
    """Holds a table back from everybody, so that a back-test is surely running."""

    def __init__(self, database, table):
        self.psql = subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-d", database.conninfo], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)  # fmt: skip
        self.psql.stdin.write(f"BEGIN; LOCK TABLE wardwatch.{table} IN ACCESS EXCLUSIVE MODE; SELECT 'held';\n")
        self.psql.stdin.flush()
        assert self.psql.stdout.readline().strip() == "held"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.psql.communicate("ROLLBACK;\n")


def running(database):
    return int(database.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'wardwatch back-test'"))


def test_the_interface_runs_the_same_back_test(lived, analyst):
    started = analyst.post("/api/v1/backtests", {"rule": "spot", "from": "2026-04-01T00:00:00Z", "to": "2026-07-01T00:00:00Z"})
    assert started.status == 201 and started.json["requested_by"] == "analyst", started.text
    done = ended(analyst, started.json["id"])
    assert done["state"] == "done" and done["error"] is None
    assert done["progress"]["datastreams_done"] == done["progress"]["datastreams"] == 3
    told = backtest(lived, "spot", "--from", "2026-04-01", "--to", "2026-07-01")[1]
    assert {**done["result"], "took_ms": 0} == {**told, "took_ms": 0}
    listed = analyst.get("/api/v1/backtests").json["items"]
    assert listed[0]["id"] == started.json["id"] and "result" not in listed[0]


@pytest.mark.parametrize(
    "body, field",
    [
        ({"rule": {"config": {**SPOT, "fire": [3, 2]}}}, "rule.config.fire"),
        ({"rule": {"config": {**SPOT, "property": "nonsense"}}}, "rule.config.property"),
        ({"rule": {"config": {**SPOT, "standard": "GB 1"}}}, "rule.config.standard"),
        ({"rule": {"config": SPOT, "detector": "oracle"}}, "rule.detector"),
        ({"rule": {"config": SPOT, "colour": 1}}, "rule.colour"),
        ({"rule": 7}, "rule"),
        ({"rule": "nobody"}, "rule"),
        ({"rule": "spot", "to": "2026-01-01"}, "to"),
        ({"rule": "spot", "from": "soon"}, "from"),
        ({"rule": "spot", "colour": 1}, "colour"),
    ],
)
def test_a_mistake_in_a_request_is_named(analyst, body, field):
    answer = analyst.post("/api/v1/backtests", {"from": "2026-05-01", "to": "2026-06-01", **body})
    assert answer.status == 400 and answer.json["error"]["field"] == field, answer.text


def test_a_cancelled_back_test_leaves_nothing(lived, analyst):
    events = lived.value("SELECT count(*) FROM alert_event")
    with Held(lived, "observation"):
        number = analyst.post("/api/v1/backtests", {"rule": "spot", "from": "2026-04-01", "to": "2026-07-01"}).json["id"]
        wait_until(lambda: running(lived) == 1, "the back-test to run")
        assert analyst.get(f"/api/v1/backtests/{number}").json["state"] == "running"
        assert analyst.delete(f"/api/v1/backtests/{number}").status == 200
    done = ended(analyst, number)
    assert done["state"] == "cancelled" and done["result"] is None and done["error"] is None
    wait_until(lambda: running(lived) == 0, "its connection to be gone")
    assert lived.value("SELECT count(*) FROM alert_event") == events
    assert analyst.delete(f"/api/v1/backtests/{number}").status == 200
    assert analyst.get(f"/api/v1/backtests/{number}").status == 404


def test_two_run_at_once_and_no_more(lived, analyst):
    request = {"rule": "spot", "from": "2026-04-01", "to": "2026-07-01"}
    with Held(lived, "observation"):
        first, second = (analyst.post("/api/v1/backtests", request).json["id"] for _ in range(2))
        third = analyst.post("/api/v1/backtests", request)
        assert third.status in (429, 503) and third.headers["Retry-After"]
    assert ended(analyst, first)["state"] == ended(analyst, second)["state"] == "done"


def test_the_newest_are_kept(analyst):
    for _ in range(12):
        number = analyst.post("/api/v1/backtests", {"rule": "mean", "from": "2026-05-01", "to": "2026-05-02"}).json["id"]
        ended(analyst, number)
    kept = [int(i["id"]) for i in analyst.get("/api/v1/backtests").json["items"]]
    assert len(kept) == 10 and kept == sorted(kept, reverse=True) and kept[0] == int(number)


def test_who_may(lived):
    request = {"rule": "spot", "from": "2026-04-01", "to": "2026-07-01"}
    for role, wards in (("viewer", None), ("coordinator", None), ("analyst", ["880000001"]), ("feed", None)):
        client = lived.server.client(lived.add_account(f"{role}-may-not", role, wards))
        assert client.post("/api/v1/backtests", request).status == 403
        assert client.get("/api/v1/backtests").status == client.get("/api/v1/backtests/1").status == 403


def test_a_server_that_is_stopped_ends_its_back_tests(lived, serve):
    server = serve(lived)
    client = server.client(lived.add_account("stopper", "analyst"))
    with Held(lived, "observation"):
        client.post("/api/v1/backtests", {"rule": "spot", "from": "2026-04-01", "to": "2026-07-01"})
        wait_until(lambda: running(lived) == 1, "the back-test to run")
    server.stop()
    assert running(lived) == 0
