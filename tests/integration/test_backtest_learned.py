"""Back-tests of detectors that learn: over the whole of a history, each raises what the server raised."""

import json
import random

import pytest

from test_backtest import backtest, said, sorted_alerts, stored
from test_explain import explain, replay
from test_learned_rules import DAY, FEED, reading

RULES = [
    {"code": "unusual", "name_zh": "异常", "name_en": "Unusual", "detector": "baseline", "severity": 2,
     "config": {"property": "cod", "side": "up", "false_alarms_per_month": 1}},
    {"code": "alone", "name_zh": "与邻站不符", "name_en": "At odds", "detector": "neighbour", "severity": 1,
     "config": {"property": "pm10", "false_alarms_per_month": 0.1}},
    {"code": "quality", "name_zh": "数据质量", "name_en": "Quality", "detector": "quality", "severity": 1,
     "config": {"property": "nh3n", "signs": ["stuck", "spike", "range", "gap"], "least": 0, "most": 500}},
]  # fmt: skip
DAYS = 12


@pytest.fixture(scope="module")
def lived(database, serve, tmp_path_factory):
    database.sql(
        """INSERT INTO ward (code, name_zh, geom) VALUES ('880000005', 'w', ST_Multi(ST_MakeEnvelope(107, 29, 107.1, 29.1, 4490)));
           INSERT INTO feed (name, config) VALUES ('learned', :'feed')""",
        feed=json.dumps(FEED),
    )
    path = tmp_path_factory.mktemp("rules") / "rules.json"
    path.write_text(json.dumps(RULES), encoding="utf-8")
    database.wardwatch("load", "rules", str(path))
    server = serve(database)
    sender = server.client(database.add_account("feed", "feed"))
    dice = random.Random(3)
    late = []
    for step in range(0, DAYS * DAY, 4):  # four steps a message
        rows = []
        for s in range(step, step + 4):
            odd = s > 6 * DAY and s // 30 % 20 == 7
            rows.append(reading("outfall", "cod", s, round(30 + dice.uniform(-2, 2) + (30 if odd else 0), 1)))
            rows.append(reading("meter", "nh3n", s, 31.5 if odd else round(30 + dice.uniform(-2, 2), 1)))
            common = 60 + 10 * random.Random(s // 40).uniform(-1, 1)
            rows += [reading(f"air-{i}", "pm10", s, round(common + dice.uniform(-3, 3) + (60 if odd and i == 2 else 0), 1), 107.02 + 0.004 * i)
                     for i in range(6)]
        late += [r for r in rows if dice.random() < 0.01]
        rows = [r for r in rows if r not in late[-8:]]
        if step % 64 == 0:
            rows += late
            late = []
        answer = sender.ingest("learned", "\n".join(json.dumps(r) for r in rows))
        assert answer.status == 200 and answer.json["dead"] == 0, answer.text
    database.server = server
    return database


@pytest.mark.parametrize("code", [r["code"] for r in RULES])
def test_it_raises_what_the_server_raised(lived, code):
    status, report = backtest(lived, code, "--from", "2026-04-01", "--to", "2026-07-01")
    assert status == 0, report
    raised = stored(lived, code)
    assert raised, "nothing to compare"
    assert sorted_alerts(said(report)) == sorted_alerts(raised)


@pytest.mark.parametrize("code", [r["code"] for r in RULES])
def test_it_begins_with_what_was_learned_before(lived, code):
    """From the eighth day on, as after a start of the server: what it needs to know of the days before, it knows."""
    status, report = backtest(lived, code, "--from", "2026-05-08", "--to", "2026-07-01")
    assert status == 0 and report["alert_count"] > 0
    assert all(a["opened_at"] >= "2026-05-08" for a in report["alerts"])
    again = backtest(lived, code, "--from", "2026-05-08", "--to", "2026-07-01")[1]
    assert again["alerts"] == report["alerts"]


def test_a_draft_that_learns_is_tried(lived, tmp_path):
    draft = tmp_path / "draft.json"
    draft.write_text(json.dumps({"detector": "baseline", "config": {"property": "cod", "side": "up", "false_alarms_per_month": 1}}))
    status, report = backtest(lived, str(draft), "--from", "2026-04-01", "--to", "2026-07-01")
    assert status == 0 and sorted_alerts(said(report)) == sorted_alerts(stored(lived, "unusual"))
    draft.write_text(json.dumps({"detector": "baseline", "config": {"property": "cod", "false_alarms_per_month": 0}}))
    status, complaint = backtest(lived, str(draft), "--from", "2026-04-01", "--to", "2026-07-01")
    assert status == 2 and "config.false_alarms_per_month]" in complaint


@pytest.mark.parametrize("code", ["unusual", "quality"])
def test_computed_again_they_are_the_same(lived, code):
    ids = [i for (i,) in lived.sql(f"SELECT a.id FROM alert a JOIN rule r ON r.id = a.rule_id WHERE r.code = '{code}' ORDER BY a.id")]
    for alert in ids[:3] + ids[-3:]:
        status, done = replay(lived, alert)
        assert status == 0 and done["same"] and done["compared"] > 25, done
    lived.sql(f"UPDATE alert SET explanation = jsonb_set(explanation, '{{expected,upper}}', '36.5') WHERE id = {ids[0]}")
    status, done = replay(lived, ids[0])
    assert status == 3 and [d["path"] for d in done["differences"]] == ["explanation.expected.upper"]


def test_an_alert_of_neighbours_is_told_in_words_and_computed_again(lived):
    alert = lived.value("SELECT a.id FROM alert a JOIN rule r ON r.id = a.rule_id WHERE r.code = 'alone' LIMIT 1")
    status, complaint = explain(lived, alert, "--replay")
    assert status == 0, complaint
    status, words = explain(lived, alert, "--lang", "zh")
    assert status == 0 and "预期" in words and "实测" in words
