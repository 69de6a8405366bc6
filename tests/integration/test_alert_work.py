"""People work on alerts: by the interface and by the command line, once, in their wards, with a history that stays."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import find_program
from test_api import SEED, add_alert

A, B = "500115001", "500115002"
pytestmark = pytest.mark.usefixtures("chen")  # to whom things are assigned


@pytest.fixture(scope="module")
def seeded(database):
    database.sql(SEED)
    return database


@pytest.fixture(scope="module")
def server(seeded, serve):
    return serve(seeded, "--anonymous-read")


@pytest.fixture(scope="module")
def wang(seeded, server):
    return server.client(seeded.add_account("wang", "coordinator", [A]))


@pytest.fixture(scope="module")
def chen(seeded, server):
    return server.client(seeded.add_account("chen", "coordinator", [A, B]))


@pytest.fixture
def alert(seeded):
    """A fresh open alert in ward A."""
    seeded.sql("UPDATE alert SET state = 'cleared', cleared_at = now() WHERE state = 'open' AND ward_id = 1")
    return add_alert(seeded, 1, 1)


def act(client, alert, name, body=None, version=None):
    return client.post(f"/api/v1/alerts/{alert}/{name}", body or {}, headers={} if version is None else {"If-Match": f'"{version}"'})


def work(client, alert):
    return client.get(f"/api/v1/alerts/{alert}").json["work"]


def history(client, alert):
    """What people did: kind, actor, reason, detail."""
    events = client.get(f"/api/v1/alerts/{alert}").json["events"]
    return [(e["kind"], e["actor"], e["reason"], e["detail"]) for e in events if e["actor"] != "wardwatch"]


def test_an_alert_goes_from_hand_to_hand_and_its_history_says_how(wang, chen, alert):
    assert work(wang, alert) == {"version": 0, "acknowledged_by": None, "acknowledged_at": None, "assignee": None, "level": 0, "snoozed_until": None,
                                 "resolved": None}  # fmt: skip
    steps = [
        (wang, "acknowledge", {}, {"acknowledged_by": "wang"}),
        (wang, "comment", {"comment": "on my way 马上到"}, {}),
        (wang, "assign", {"assignee": "chen", "reason": "nearer"}, {"assignee": "chen"}),
        (chen, "snooze", {"until": "cleared", "reason": "known works"}, {"snoozed_until": "cleared"}),
        (chen, "escalate", {"level": 2, "reason": "needs a permit check"}, {"level": 2, "acknowledged_by": None, "snoozed_until": "cleared"}),
        (chen, "unsnooze", {}, {"snoozed_until": None}),
        (wang, "unassign", {}, {"assignee": None}),
        (wang, "resolve", {"was": "discharge", "effect": "minor", "reason": "sampled"}, {}),
    ]
    for n, (who, name, body, members) in enumerate(steps, 1):
        answer = act(who, alert, name, body)
        assert answer.status == 200, answer.text
        now = answer.json["work"]
        assert now["version"] == n and members.items() <= now.items()
        assert act(who, alert, name, body).json["work"] == now  # again: nothing more
    resolved = work(chen, alert)["resolved"]
    assert (resolved["was"], resolved["effect"], resolved["by"]) == ("discharge", "minor", "wang")
    assert history(chen, alert) == [
        ("acknowledged", "wang", "", {}),
        ("commented", "wang", "on my way 马上到", {}),
        ("assigned", "wang", "nearer", {"assignee": "chen"}),
        ("snoozed", "chen", "known works", {"until": "cleared"}),
        ("escalated", "chen", "needs a permit check", {"level": 2}),
        ("unsnoozed", "chen", "", {}),
        ("unassigned", "wang", "", {}),
        ("resolved", "wang", "sampled", {"was": "discharge", "effect": "minor"}),
    ]
    assert wang.get(f"/api/v1/alerts/{alert}").json["state"] == "open"  # readings alone clear it


def test_acts_that_do_not_fit_are_refused_with_the_reason(seeded, wang, chen, alert):
    assert act(wang, alert, "acknowledge").status == 200
    refused = [
        (chen, "acknowledge", {}, 409, "", "acknowledged already by wang"),
        (wang, "comment", {}, 400, "reason", "reason is needed"),
        (wang, "comment", {"reason": "x"}, 400, "reason", "unknown member"),
        (wang, "snooze", {"until": "2020-01-01T00:00:00Z", "reason": "x"}, 400, "until", "passed"),
        (wang, "snooze", {"until": "soon", "reason": "x"}, 400, "until", "a time"),
        (wang, "snooze", {"until": "cleared"}, 400, "reason", "reason"),
        (wang, "assign", {"assignee": "nobody"}, 400, "assignee", "account"),
        (wang, "assign", {}, 400, "assignee", "missing"),
        (wang, "escalate", {"level": 4, "reason": "x"}, 400, "level", "1, 2 or 3"),
        (wang, "resolve", {"was": "rain", "effect": "none"}, 400, "was", "discharge|"),
        (wang, "resolve", {"was": "natural"}, 400, "effect", "missing"),
    ]
    for who, name, body, status, field, words in refused:
        answer = act(who, alert, name, body)
        assert answer.status == status and words in answer.json["error"]["message"], (name, body, answer.text)
        assert answer.json["error"].get("field", "") == field
    assert act(wang, alert, "resolve", {"was": "natural", "effect": "none"}).status == 200
    assert "reopen" in act(wang, alert, "assign", {"assignee": "chen"}).json["error"]["message"]
    assert [h[0] for h in history(wang, alert)] == ["acknowledged", "resolved"]
    seeded.sql(f"UPDATE alert SET state = 'cleared', cleared_at = now() WHERE id = {alert}")
    assert act(wang, alert, "reopen").status == 200
    assert act(wang, alert, "snooze", {"until": "cleared", "reason": "x"}).status == 409


def test_nobody_acts_on_what_is_not_his(seeded, server, wang, chen, alert):
    seeded.sql("UPDATE alert SET state = 'cleared', cleared_at = now() WHERE state = 'open' AND ward_id = 2")
    foreign = add_alert(seeded, 2, 2)
    viewer = server.client(seeded.add_account("vera", "viewer"))
    for name, body in (("acknowledge", {}), ("comment", {"comment": "x"}), ("resolve", {"was": "natural", "effect": "none"})):
        assert act(wang, foreign, name, body).status == 404
        assert act(viewer, alert, name, body).status == 403
        assert act(server.client(), alert, name, body).status == 401
        assert act(wang, 10**9, name, body).status == 404
    assert act(chen, foreign, "assign", {"assignee": "wang"}).json["error"]["field"] == "assignee"  # who can't see it can't have it
    assert act(chen, foreign, "assign", {"assignee": "vera"}).status == 200
    assert act(chen, foreign, "comment", {"comment": "BMARK only"}).status == 200
    assert "BMARK only" not in wang.get("/api/v1/alerts?limit=1000").text
    assert seeded.value("SELECT count(*) FROM alert_event WHERE actor IN ('wang', 'vera') AND ward_id = 2") == "0"


def test_readers_without_an_account_see_the_alert_and_not_who_works_on_it(seeded, server, wang, alert):
    act(wang, alert, "comment", {"comment": "between us"})
    act(wang, alert, "assign", {"assignee": "chen"})
    nobody = server.client()
    shown = nobody.get(f"/api/v1/alerts/{alert}")
    assert shown.status == 200 and shown.json["work"] is None and [e["kind"] for e in shown.json["events"]] == ["opened"]
    assert "between us" not in shown.text and "chen" not in shown.text
    with nobody.events(last_event_id=0) as stream:
        told = acts_told(stream, alert, 2)
    assert [e["event"] for e in told] == ["commented", "assigned"]
    assert "chen" not in json.dumps(told) and "between us" not in json.dumps(told)


def acts_told(stream, alert, n):
    """The next n events that people made of this alert: the server may still be reading those of its opening."""
    told = []
    while len(told) < n:
        event = stream.next()
        if event["data"].get("alert_id") == alert and event["event"] != "opened":
            told.append(event)
    return told


def test_the_stream_tells_of_each_act(wang, alert):
    with wang.events() as stream:
        assert stream.next_raw() == {"retry": "2000"}
        act(wang, alert, "acknowledge")
        act(wang, alert, "acknowledge")
        act(wang, alert, "unacknowledge")
        assert [e["event"] for e in acts_told(stream, alert, 2)] == ["acknowledged", "unacknowledged"]


def test_who_has_seen_something_older_is_told_so_and_repeats_are_not_refused(wang, chen, alert):
    assert act(wang, alert, "acknowledge", version=0).status == 200
    stale = act(chen, alert, "assign", {"assignee": "chen"}, version=0)
    assert stale.status == 412 and stale.json["error"]["field"] == "If-Match" and "version 1" in stale.json["error"]["message"]
    assert act(wang, alert, "acknowledge", version=0).status == 200  # its own answer was lost, say
    assert act(chen, alert, "assign", {"assignee": "chen"}, version=1).json["work"]["version"] == 2
    assert act(chen, alert, "unassign", version="two").status == 400


def test_of_many_at_once_each_act_counts_once(seeded, wang, chen, alert):
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda n: act((wang, chen)[n % 2], alert, "acknowledge").status, range(8)))
    winner = work(wang, alert)["acknowledged_by"]
    assert sorted(taken) == [200] * 4 + [409] * 4 and taken[("wang", "chen").index(winner)] == 200
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda n: act(wang, alert, "comment", {"comment": f"note {n}"}).status, range(8)))
    assert said == [200] * 8
    assert sorted(h[2] for h in history(wang, alert)) == ["", *(f"note {n}" for n in range(8))]
    assert work(wang, alert)["version"] == 9
    assert seeded.value(f"SELECT count(*) FROM ledger l JOIN alert_event e ON e.id = l.ref WHERE l.kind = 'alert_event' AND e.alert_id = {alert}") == "9"


def test_lists_are_narrowed_by_the_work_on_them(wang, alert):
    def found(query):
        return alert in [a["id"] for a in wang.pages(f"/api/v1/alerts?{query}")]

    assert found("acknowledged=no") and found("assigned=no") and not found("acknowledged=yes") and not found("assignee=wang")
    act(wang, alert, "acknowledge")
    act(wang, alert, "assign", {"assignee": "wang"})
    act(wang, alert, "snooze", {"until": "cleared", "reason": "works"})
    assert found("acknowledged=yes&assigned=yes&assignee=wang&snoozed=yes&resolved=no&state=open")
    assert not found("snoozed=no") and not found("assignee=chen")
    act(wang, alert, "resolve", {"was": "permitted", "effect": "none"})
    assert found("resolved=yes") and not found("resolved=no")
    assert wang.get("/api/v1/alerts?acknowledged=perhaps").status == 400


def test_history_is_only_added_to_and_each_act_has_its_leaf(seeded, wang, alert):
    act(wang, alert, "comment", {"comment": "a, \"b\" | c"})
    for sql in ("UPDATE alert_event SET reason = 'x'", "DELETE FROM alert_event WHERE false", "TRUNCATE alert_event CASCADE",
                "UPDATE alert_outcome SET note = 'x'"):  # fmt: skip
        with pytest.raises(RuntimeError, match="only added to"):
            seeded.sql(sql)
    assert seeded.value(f"""
        SELECT l.leaf = sha256('\\x00'::bytea || convert_to(concat_ws('|', 'alert_event', e.id, e.alert_id, e.kind, extract(epoch FROM e.at), e.actor,
                                                                    e.reason, e.detail), 'UTF8'))
        FROM alert_event e JOIN ledger l ON l.kind = 'alert_event' AND l.ref = e.id WHERE e.alert_id = {alert} AND e.kind = 'commented'""") == "t"


def test_outcomes_make_the_precision_of_the_rule_for_those_who_see_the_alerts(seeded, server, wang, chen):
    seeded.sql("UPDATE alert SET state = 'cleared', cleared_at = now() WHERE state = 'open'")
    rule = "INSERT INTO rule (code, name_zh, name_en, detector, severity, enabled, config) SELECT 'judged', 'z', 'e', detector, 1, false, config FROM rule LIMIT 1"
    seeded.sql(rule)
    ids = [add_alert(seeded, ward, ward, "cleared") for ward in (1, 1, 1, 2)]
    seeded.sql(f"UPDATE alert SET rule_id = (SELECT id FROM rule WHERE code = 'judged') WHERE id IN ({','.join(map(str, ids))})")
    for alert, was in zip(ids, ("discharge", "sensor_fault", "duplicate", "discharge")):
        assert act(chen, alert, "resolve", {"was": was, "effect": "unknown"}).status == 200
    everything = server.client(seeded.add_account("ana", "analyst"))
    shown = everything.get("/api/v1/rules/judged").json
    assert shown["outcomes"] == {"confirmed": 2, "false": 1, "unknown": 1, "was": {"discharge": 2, "duplicate": 1, "sensor_fault": 1}}
    assert shown["precision"] == 0.667
    ours = server.client(seeded.add_account("paul", "prosecutor", [A])).get("/api/v1/rules/judged").json
    assert ours["outcomes"]["confirmed"] == 1 and ours["precision"] == 0.5
    assert act(chen, ids[1], "resolve", {"was": "discharge", "effect": "unknown", "reason": "the lab says so"}).status == 200
    assert everything.get("/api/v1/rules/judged").json["precision"] == 1  # the newest holds
    assert everything.get("/api/v1/rules").json["items"][0]["precision"] is None


def run(database, *arguments):
    done = subprocess.run([find_program(), "alert", *arguments, "--db", database.conninfo], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return done.returncode, done.stdout, done.stderr


def test_the_command_line_does_the_same_for_the_same_people(seeded, wang, alert):
    me = (str(alert), "--as", "wang")
    status, out, _ = run(seeded, "ack", *me)
    assert status == 0 and "acknowledged by wang" in out and work(wang, alert)["acknowledged_by"] == "wang"
    assert run(seeded, "ack", *me)[0] == 0 and work(wang, alert)["version"] == 1
    status, _, said = run(seeded, "ack", str(alert), "--as", "chen")
    assert status == 1 and "acknowledged already by wang" in said
    assert run(seeded, "assign", *me, "--to", "chen", "--version", "0")[0] == 1
    assert run(seeded, "assign", *me, "--to", "chen", "--version", "1")[0] == 0
    assert run(seeded, "snooze", *me, "--until", "cleared", "--reason", "works")[0] == 0
    assert run(seeded, "resolve", *me, "--was", "natural", "--effect", "none", "--lang", "zh")[1].count("核实为：natural") == 1
    status, out, _ = run(seeded, "show", *me)
    assert status == 0 and [line.split()[1] for line in out.splitlines()[1:]] == ["opened", "acknowledged", "assigned", "snoozed", "resolved"]
    assert json.loads(run(seeded, "show", *me, "--json")[1])["work"] == work(wang, alert)
    assert [h[0] for h in history(wang, alert)] == ["acknowledged", "assigned", "snoozed", "resolved"]
    assert str(alert) in run(seeded, "list", "--assignee", "chen", "--as", "wang")[1].split()
    assert str(alert) not in run(seeded, "list", "--resolved", "no")[1].split()


def test_the_command_line_keeps_to_wards_and_roles(seeded, wang, alert):
    seeded.sql("UPDATE alert SET state = 'cleared', cleared_at = now() WHERE state = 'open' AND ward_id = 2")
    foreign = str(add_alert(seeded, 2, 2))
    seeded.add_account("looker", "viewer", [A])
    for arguments, words in (
        (("ack", foreign, "--as", "wang"), "no alert"),
        (("show", foreign, "--as", "wang"), "no alert"),
        (("ack", str(alert), "--as", "looker"), "role"),
        (("ack", str(alert), "--as", "ghost"), "no account"),
    ):
        status, _, said = run(seeded, *arguments)
        assert status == 1 and words in said, arguments
    assert foreign not in run(seeded, "list", "--as", "wang")[1].split() and foreign in run(seeded, "list")[1].split()
    assert run(seeded, "ack", str(alert))[0] == 2 and run(seeded, "forget", str(alert), "--as", "wang")[0] == 2


def test_a_request_goes_on_with_the_account_it_began_with(seeded, server, wang):
    """Accounts are loaded anew while a long list is read: its pages are read with the wards it began with."""
    seeded.sql("""INSERT INTO alert (rule_id, rule_version, subject_kind, subject_id, ward_id, state, severity, opened_at, last_exceeded_at, cleared_at,
                                     exceed_count, last_value, peak_value, peak_at, limit_value_id, explanation)
                  SELECT 1, 1, 'datastream', 1, 1, 'cleared', 1, '2026-01-01', '2026-01-01', '2026-01-02', 1, 1, 1, '2026-01-01', 1, '{}'
                  FROM generate_series(1, 1600)""")
    with ThreadPoolExecutor(2) as pool:
        lists = [pool.submit(wang.get, "/api/v1/alerts?format=geojson") for _ in range(2)]
        for n in range(5):
            seeded.sql(f"UPDATE account SET disabled = false WHERE name = 'vera' AND {n} >= 0")
        answers = [l.result() for l in lists]
    for answer in answers:
        assert answer.status == 200 and {f["properties"]["ward"]["code"] for f in answer.json["features"]} == {A}
        assert len(answer.json["features"]) >= 1600
