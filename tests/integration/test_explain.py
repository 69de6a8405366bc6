"""Why an alert was raised, in words; and computed again, by the rule as it was and the readings as they were known, it is the
same, to the last bit. A number that somebody has tampered with is found."""

import json
import subprocess

import pytest

from conftest import find_program
from test_backtest import MEAN, SPOT, messages, prepare

DAYS = 6


@pytest.fixture(scope="module")
def lived(database, serve):
    """Six days of bad network, in which the rules change twice, once while alerts are open, and the server starts anew."""
    prepare(database)
    server = serve(database)
    admin = server.client(database.add_account("admin", "admin"))
    sender = server.client(database.add_account("feed", "feed"))
    for i, message in enumerate(messages(11, DAYS)):
        if i in (DAYS * 32, DAYS * 64):
            fire = [1, 2] if i == DAYS * 32 else [2, 4]
            for code, config in (("spot", SPOT), ("mean", MEAN)):
                body = {"name_zh": "改过的规则", "name_en": "changed", "detector": "limit", "severity": 4, "config": {**config, "fire": fire}}
                assert admin.put(f"/api/v1/rules/{code}", body).status == 200
            server.stop()  # the next reading is judged by the new version, whenever the notification would have come
            server = serve(database)
            sender = server.client(database.add_account(f"feed{i}", "feed"))
            admin = server.client(database.add_account(f"admin{i}", "admin"))
        answer = sender.ingest("judged", "\n".join(json.dumps(r) for r in message))
        assert answer.status == 200 and answer.json["dead"] == 0, answer.text
    database.server = server
    return database


def explain(database, alert, *arguments):
    command = [find_program(), "explain", str(alert), *arguments, "--db", database.conninfo]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return done.returncode, done.stdout or done.stderr


def replay(database, alert):
    status, out = explain(database, alert, "--replay", "--json")
    return status, json.loads(out)["replay"]


def alerts(database, more="true"):
    return [int(i) for (i,) in database.sql(f"SELECT a.id FROM alert a JOIN rule r ON r.id = a.rule_id WHERE {more} ORDER BY a.id")]


def test_the_history_has_what_the_test_needs(lived):
    assert lived.sql("SELECT version, count(*) > 0 FROM rule_version WHERE code = 'spot' GROUP BY 1 ORDER BY 1") == [["1", "t"], ["2", "t"], ["3", "t"]]
    assert len(lived.sql("SELECT DISTINCT rule_version FROM alert")) == 3
    held = """SELECT count(*) FROM alert a JOIN rule_version v ON v.rule_id = a.rule_id AND v.version = a.rule_version + 1
              WHERE a.detected_at < v.recorded_at
                AND NOT EXISTS (SELECT FROM alert_event e WHERE e.alert_id = a.id AND e.kind = 'cleared' AND e.recorded_at < v.recorded_at)"""
    assert int(lived.value(held)) > 0, "no alert was open while its rule changed: choose another seed"


def test_every_alert_computed_again_is_the_same(lived):
    ids = alerts(lived)
    assert len(ids) > 12
    for alert in ids:
        status, done = replay(lived, alert)
        assert (status, done["differences"]) == (0, []), alert
        assert done["same"] and done["compared"] > 25 and done["readings"] > 10


def test_it_says_so_in_words(lived):
    alert = alerts(lived, "r.code = 'spot'")[0]
    status, words = explain(lived, alert, "--replay")
    assert status == 0 and "computed again: same" in words and "Readings that it rests on:" in words and "by TEST 9-2026" in words
    status, words = explain(lived, alert, "--replay", "--lang", "zh")
    assert status == 0 and "重新计算：一致" in words and "所依据的读数" in words and "化学需氧量" in words
    status, words = explain(lived, alerts(lived, "r.code = 'mean'")[0])
    assert status == 0 and "means" in words and "computed again" not in words


@pytest.mark.parametrize(
    "change, back, path",
    [
        ("peak_value = peak_value + 0.01", "peak_value = peak_value - 0.01", "peak_value"),
        ("exceed_count = exceed_count + 1", "exceed_count = exceed_count - 1", "exceed_count"),
        ("severity = 1", "severity = 3", "severity"),
        ("opened_at = opened_at - interval '1 s'", "opened_at = opened_at + interval '1 s'", "opened_at"),
        ("cleared_at = cleared_at - interval '1 s'", "cleared_at = cleared_at + interval '1 s'", "cleared_at"),
        ("explanation = jsonb_set(explanation, '{window,0,value}', '1')", None, "explanation.window[0].value"),
        ("explanation = jsonb_set(explanation, '{limit,upper}', '61')", None, "explanation.limit.upper"),
        ("explanation = jsonb_set(explanation, '{rule,config,fire}', '[1, 1]')", None, "explanation.rule.config.fire[0]"),
    ],
)
def test_a_number_that_was_tampered_with_is_found(lived, change, back, path):
    alert = alerts(lived, "r.code = 'spot' AND a.rule_version = 1 AND a.state = 'cleared'")[0]
    kept = lived.value(f"SELECT explanation FROM alert WHERE id = {alert}")
    lived.sql(f"UPDATE alert SET {change} WHERE id = {alert}")
    try:
        status, done = replay(lived, alert)
        assert status == 3 and path in [d["path"] for d in done["differences"]] and not done["same"]
        assert "different in" in explain(lived, alert, "--replay")[1]
    finally:
        lived.sql(f"UPDATE alert SET {back or 'severity = severity'}, explanation = :'kept' WHERE id = {alert}", kept=kept)


def test_a_reading_that_was_changed_or_taken_away_is_found(lived):
    alert = alerts(lived, "r.code = 'spot' AND a.state = 'cleared'")[1]
    where = f"""(datastream_id, phenomenon_time) IN (SELECT subject_id, opened_at FROM alert WHERE id = {alert})"""
    lived.sql(f"UPDATE observation SET value = value + 1 WHERE {where}")
    status, done = replay(lived, alert)
    lived.sql(f"UPDATE observation SET value = value - 1 WHERE {where}")
    assert status == 3 and any(d["path"].startswith("explanation.window") for d in done["differences"])
    lived.sql(f"CREATE TABLE aside AS SELECT * FROM observation WHERE {where}; DELETE FROM observation WHERE {where}")
    status, done = replay(lived, alert)
    lived.sql("INSERT INTO observation SELECT * FROM aside; DROP TABLE aside")
    assert status == 3 and done["differences"][0]["path"] == "opened_at" and done["differences"][0]["computed"] == ""


def test_a_rule_changed_by_hand_is_a_new_version_and_the_old_one_stays(lived):
    before = lived.value("SELECT version FROM rule WHERE code = 'mean'")
    kept = lived.value("SELECT config FROM rule WHERE code = 'mean'")
    lived.sql("""UPDATE rule SET config = config || '{"min_coverage": 0.5}' WHERE code = 'mean'""")
    lived.sql("UPDATE rule SET updated_at = now() WHERE code = 'mean'")
    assert int(lived.value("SELECT version FROM rule WHERE code = 'mean'")) == int(before) + 1
    assert lived.value(f"SELECT v.config FROM rule_version v JOIN rule r ON r.id = v.rule_id WHERE r.code = 'mean' AND v.version = {before}") == kept
    with pytest.raises(RuntimeError, match="rule_version_pkey"):
        lived.sql(f"UPDATE rule SET version = {before}, severity = 1 WHERE code = 'mean'")


def test_what_can_not_be_is_said(lived):
    assert explain(lived, 987654321)[0] == 2
    assert explain(lived, "x")[0] == 2
    alert = alerts(lived, "a.rule_version = 1")[0]
    lived.sql("CREATE TABLE aside AS SELECT * FROM rule_version WHERE version = 1; DELETE FROM rule_version WHERE version = 1")
    status, complaint = explain(lived, alert, "--replay")
    lived.sql("INSERT INTO rule_version SELECT * FROM aside; DROP TABLE aside")
    assert status == 1 and "version 1 of rule" in complaint


# ---- Over the interface ----


def test_the_interface_tells_it_in_both_languages_in_local_time(lived):
    viewer = lived.server.client(lived.add_account("viewer", "viewer"))
    alert = alerts(lived, "r.code = 'spot'")[0]
    lived.sql("""INSERT INTO setting VALUES ('district', '{"time_zone": "Asia/Shanghai"}')""")
    answer = viewer.get(f"/api/v1/alerts/{alert}/explanation")
    assert answer.status == 200
    told = answer.json
    assert told["explanation"] == viewer.get(f"/api/v1/alerts/{alert}").json["explanation"] and told["outcome"] is None
    assert told["words"]["zh"][0].startswith(f"预警 {alert}：化学需氧量") and told["words"]["en"][0].startswith(f"Alert {alert}: chemical oxygen demand")
    assert any("+08:00" in line for line in told["words"]["zh"]) and not any("+00:00" in line for line in told["words"]["zh"])
    assert "\n".join(told["words"]["en"]) == explain(lived, alert)[1].strip()


def test_nobody_is_told_of_a_foreign_ward(lived):
    ours = lived.server.client(lived.add_account("ours", "coordinator", ["880000001"]))
    foreign = int(lived.value("SELECT a.id FROM alert a JOIN ward w ON w.id = a.ward_id WHERE w.code = '880000002' LIMIT 1"))
    own = int(lived.value("SELECT a.id FROM alert a JOIN ward w ON w.id = a.ward_id WHERE w.code = '880000001' LIMIT 1"))
    assert ours.get(f"/api/v1/alerts/{foreign}/explanation").status == 404
    assert ours.post(f"/api/v1/alerts/{foreign}/resolve", {"was": "natural", "effect": "none"}).status == 404
    assert ours.get(f"/api/v1/alerts/{own}/explanation").status == 200
    assert lived.server.client().get(f"/api/v1/alerts/{own}/explanation").status == 401


def test_an_outcome_is_recorded_and_stays(lived):
    ours = lived.server.client(lived.add_account("judge", "coordinator", ["880000001"]))
    own = int(lived.value("SELECT a.id FROM alert a JOIN ward w ON w.id = a.ward_id WHERE w.code = '880000001' LIMIT 1"))
    assert ours.post(f"/api/v1/alerts/{own}/resolve", {"was": "unknown", "effect": "unknown"}).status == 200
    told = ours.post(f"/api/v1/alerts/{own}/resolve", {"was": "discharge", "effect": "minor", "reason": "现场核实"}).json["work"]["resolved"]
    assert (told["was"], told["effect"], told["by"]) == ("discharge", "minor", "judge")
    shown = ours.get(f"/api/v1/alerts/{own}/explanation").json["outcome"]
    assert [shown[k] for k in ("outcome", "was", "effect", "note", "actor")] == ["confirmed", "discharge", "minor", "现场核实", "judge"]
    assert lived.sql(f"SELECT outcome FROM alert_outcome WHERE alert_id = {own} ORDER BY id") == [["unknown"], ["confirmed"]]
