"""Silences: alerts that nobody is told of. They are stored and shown, the silence says what it hid, and what is still open afterwards is told then."""

import datetime
import json
import subprocess

import pytest

from conftest import find_program, wait_until
from test_api import SEED

A, B = "500115001", "500115002"
WEST = {"type": "Polygon", "coordinates": [[[107, 29], [107.05, 29], [107.05, 29.1], [107, 29.1], [107, 29]]]}
EAST = {"type": "Polygon", "coordinates": [[[107.06, 29], [107.1, 29], [107.1, 29.1], [107.06, 29.1], [107.06, 29]]]}


@pytest.fixture(scope="module")
def seeded(database):
    database.sql(SEED)
    return database


@pytest.fixture(scope="module")
def server(seeded, serve):
    return serve(seeded)


@pytest.fixture(scope="module")
def wang(seeded, server):
    return server.client(seeded.add_account("wang", "coordinator", [A]))


@pytest.fixture(scope="module")
def ana(seeded, server):
    return server.client(seeded.add_account("ana", "analyst"))


@pytest.fixture(scope="module")
def vera(seeded, server):
    return server.client(seeded.add_account("vera", "viewer"))


@pytest.fixture(autouse=True)
def nothing_open(seeded):
    clear(seeded)
    seeded.sql("INSERT INTO silence_end (silence_id, author) SELECT id, 'test' FROM silence ON CONFLICT DO NOTHING")


def opens(database, datastream=1, severity=3):
    """As a judge does it; returns the alert."""
    action = {"op": "open", "version": 1, "datastream": datastream, "severity": severity, "count": 1, "last": 70.5, "peak": 80.5,
              "peak_at": "2026-06-01T10:00:00Z", "last_at": "2026-06-01T10:00:00Z", "at": "2026-06-01T10:00:00Z", "limit": 1, "number": 1,
              "ward": {1: 1, 2: 2}.get(datastream), "explanation": {"method": "test"}}  # fmt: skip
    apply(database, action)
    return int(database.value("SELECT max(id) FROM alert"))


def clears(database, datastream=1):
    apply(database, {"op": "clear", "datastream": datastream, "count": 2, "last": 1, "peak": 80.5, "at": "2026-06-01T11:00:00Z"})


def apply(database, action):
    database.sql("SELECT signal_apply(:'actions'::jsonb)", actions=json.dumps([{**action, "rule": int(database.value("SELECT id FROM rule WHERE code = 'cod-high'"))}]))


def clear(database):
    for datastream in (1, 2, 3):
        clears(database, datastream)


def silence(client, status=201, **body):
    answer = client.post("/api/v1/silences", {"until": "2099-01-01T00:00:00Z" if status == 400 else in_hours(8), "reason": "works", **body})
    assert answer.status == status, answer.text
    return answer.json if status == 201 else answer.json["error"]


def in_hours(n):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=n)).strftime("%Y-%m-%dT%H:%M:%SZ")


def due(database, alert):
    """What people are to be told of it now."""
    return [row[0] for row in database.sql(f"SELECT payload->>'op' FROM outbox_due WHERE (payload->>'alert')::bigint = {alert} ORDER BY id")]


def shown(client, alert):
    return client.get(f"/api/v1/alerts/{alert}").json["silenced"]


def test_a_silenced_alert_is_stored_shown_and_told_to_nobody(seeded, wang):
    made = silence(wang, ward=A)
    assert (made["state"], made["hid"], made["wards"], made["author"], made["severity"]) == ("open", 0, [A], "wang", 4)
    alert = opens(seeded)
    assert due(seeded, alert) == []
    assert {k: shown(wang, alert)[k] for k in ("id", "author", "reason")} == {"id": made["id"], "author": "wang", "reason": "works"}
    one = wang.get(f"/api/v1/alerts/{alert}").json
    assert one["state"] == "open" and [(e["kind"], e["actor"], e["reason"]) for e in one["events"]] == [("opened", "wardwatch", ""), ("silenced", "wang", "works")]
    assert alert in [a["id"] for a in wang.get("/api/v1/alerts?silenced=yes&state=open").json["items"]]
    assert alert not in [a["id"] for a in wang.get("/api/v1/alerts?silenced=no").json["items"]]
    assert (wang.get(f"/api/v1/silences/{made['id']}").json["hid"], wang.get(f"/api/v1/silences/{made['id']}").json["open"]) == (1, 1)
    ended = wang.post(f"/api/v1/silences/{made['id']}/end").json
    assert (ended["state"], ended["ended_by"], ended["hid"]) == ("over", "wang", 1)
    assert wang.post(f"/api/v1/silences/{made['id']}/end").json == ended  # again: nothing more
    assert shown(wang, alert) is None and due(seeded, alert) == ["open"]  # it still is: told now
    assert wang.get(f"/api/v1/alerts/{alert}").json["events"][-1]["kind"] == "unsilenced"


def test_what_opened_and_cleared_in_silence_is_never_told_and_counted(seeded, wang):
    made = silence(wang, rule="cod-high")
    alert = opens(seeded)
    clears(seeded)
    assert due(seeded, alert) == [] and seeded.value(f"SELECT count(*) FROM outbox WHERE (payload->>'alert')::bigint = {alert}") == "2"
    wang.post(f"/api/v1/silences/{made['id']}/end")
    assert due(seeded, alert) == []
    assert {k: wang.get(f"/api/v1/silences/{made['id']}").json[k] for k in ("hid", "open")} == {"hid": 1, "open": 0}


def test_who_was_told_that_it_opened_is_told_that_it_cleared(seeded, wang):
    alert = opens(seeded)
    silence(wang, ward=A)
    assert shown(wang, alert)["reason"] == "works"
    clears(seeded)
    assert due(seeded, alert) == ["open", "clear"]


@pytest.mark.parametrize(
    "scope, fits",
    [
        ({"feed": "water", "key": "A1"}, True), ({"feed": "water", "key": "A1", "property": "test_cod"}, True), ({"site": "SA"}, True),
        ({"rule": "cod-high", "site": "SA"}, True), ({"polygon": WEST}, True), ({"polygon": EAST}, False), ({"feed": "csv", "key": "A1"}, False),
        ({"ward": A, "polygon": EAST}, False), ({"ward": A, "severity": 2}, False), ({"ward": A, "severity": 3}, True),
    ],
    ids=str,
)  # fmt: skip
def test_all_that_is_named_must_fit(seeded, wang, scope, fits):
    made = silence(wang, **scope)
    alert = opens(seeded)
    assert (shown(wang, alert) is not None) == fits and due(seeded, alert) == ([] if fits else ["open"])
    assert wang.get(f"/api/v1/silences/{made['id']}").json["hid"] == int(fits)


def test_it_hides_nothing_outside_of_the_wards_of_its_author(seeded, wang, ana):
    made = silence(wang, rule="cod-high")
    foreign, nowhere = opens(seeded, 2), opens(seeded, 3)
    assert due(seeded, foreign) == due(seeded, nowhere) == ["open"]
    for scope in ({"ward": B}, {"site": "SB-BMARK"}, {"feed": "water", "key": "B1-BMARK"}, {"rule": "no-such"}):
        assert silence(wang, 404, **scope)["message"]
    everywhere = silence(ana, rule="cod-high", reason="BMARK everywhere")
    assert everywhere["hid"] == 2 and everywhere["wards"] is None
    assert wang.get(f"/api/v1/silences/{everywhere['id']}").status == 404  # it has hidden nothing of his yet
    alert = opens(seeded)
    assert wang.get(f"/api/v1/silences/{everywhere['id']}").json["hid"] == 1
    assert wang.post(f"/api/v1/silences/{everywhere['id']}/end").status == 404
    assert {s["id"] for s in wang.pages("/api/v1/silences?state=open")} == {made["id"], everywhere["id"]}
    wang.post(f"/api/v1/silences/{made['id']}/end")
    assert shown(wang, alert)["id"] == everywhere["id"] and due(seeded, alert) == []


def test_one_that_lasts_until_it_has_cleared_ends_by_itself(seeded, wang):
    assert "nothing is open" in silence(wang, 409, ward=A, until="cleared")["message"]
    assert wang.get("/api/v1/silences?state=open").json["items"] == []
    alert = opens(seeded)
    made = silence(wang, ward=A, until="cleared")
    assert made["until"] == "cleared" and made["hid"] == 1 and shown(wang, alert)["until"] == "cleared"
    clears(seeded)
    assert wang.get(f"/api/v1/silences/{made['id']}").json["state"] == "over"
    assert due(seeded, opens(seeded)) == ["open"]


@pytest.mark.usefixtures("ana")
def test_a_snooze_keeps_quiet_too_but_not_about_what_is_worse(seeded, wang):
    alert = opens(seeded, severity=2)
    seeded.sql(f"UPDATE outbox SET delivered_at = now() WHERE (payload->>'alert')::bigint = {alert}")
    assert wang.post(f"/api/v1/alerts/{alert}/snooze", {"until": "cleared", "reason": "known"}).status == 200
    raise_it = f"""INSERT INTO outbox (alert_event_id, topic, payload)
                   SELECT alert_event_add(a, 'raised', 'wardwatch', '', '{{}}'), 'alert', jsonb_build_object('alert', a.id, 'op', 'raise')
                   FROM alert a WHERE a.id = {alert}"""
    seeded.sql(raise_it)
    assert due(seeded, alert) == []
    seeded.sql(f"UPDATE alert SET severity = 4 WHERE id = {alert}; {raise_it}")
    assert due(seeded, alert) == ["raise"]
    assert wang.post(f"/api/v1/alerts/{alert}/assign", {"assignee": "ana"}).status == 200  # said by one to another
    assert due(seeded, alert) == ["raise", "assigned"]


def test_the_same_request_again_makes_no_second_one_and_mistakes_are_named(wang, vera):
    until = in_hours(3)
    assert silence(wang, ward=A, until=until)["id"] == silence(wang, ward=A, until=until)["id"]
    assert len(wang.get("/api/v1/silences?state=open").json["items"]) == 1
    assert vera.post("/api/v1/silences", {"ward": A, "until": until, "reason": "x"}).status == 403
    for body, field in (
        ({}, "rule"), ({"ward": A, "reason": " "}, "reason"), ({"ward": A, "until": "soon"}, "until"), ({"ward": A, "severity": 5}, "severity"),
        ({"feed": "water"}, "rule"), ({"ward": A, "feed": "water"}, "feed"), ({"polygon": {"type": "Point", "coordinates": [107, 29]}}, "polygon"),
        ({"ward": A, "colour": 1}, "colour"),
    ):  # fmt: skip
        assert silence(wang, 400, **{"until": until, **body})["field"] == field, body
    silence(wang, 400, ward=A)  # for more than 92 days


def test_history_of_silences_is_only_added_to_with_a_leaf_each(seeded, wang):
    made = silence(wang, ward=A, reason="sewer works 管网施工")
    wang.post(f"/api/v1/silences/{made['id']}/end")
    for table in ("silence", "silence_end"):
        with pytest.raises(RuntimeError, match="only added to"):
            seeded.sql(f"DELETE FROM {table}")
    assert seeded.value(f"SELECT count(*) FROM ledger WHERE kind IN ('silence', 'silence_end') AND ref = {made['id']}") == "2"


@pytest.mark.usefixtures("vera")
def test_the_command_line_makes_ends_and_lists_them(seeded, wang, tmp_path):
    def run(*arguments):
        done = subprocess.run([find_program(), "silence", *arguments, "--db", seeded.conninfo], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return done.returncode, done.stdout, done.stderr

    alert = opens(seeded)
    (tmp_path / "west.json").write_text(json.dumps(WEST))
    status, out, said = run("add", "--polygon", str(tmp_path / "west.json"), "--until", "cleared", "--reason", "works", "--as", "wang")
    assert status == 0 and "hid 1, of these open 1  by wang: works" in out, said
    id = out.split()[0]
    assert shown(wang, alert)["id"] == int(id) and wang.get(f"/api/v1/silences/{id}").json["polygon"]["type"] == "MultiPolygon"
    assert run("add", "--ward", B, "--until", "cleared", "--reason", "x", "--as", "wang")[0] == 1
    assert run("end", id, "--as", "vera")[2].count("role") == 1 and id in run("list", "--state", "open")[1].split()
    assert run("end", id, "--as", "wang")[0] == 0 and shown(wang, alert) is None
    assert run("add", "--reason", "x")[0] == 2


def test_the_stream_tells_of_it(seeded, wang):
    with wang.events() as stream:
        assert stream.next_raw() == {"retry": "2000"}
        silence(wang, ward=A, reason="quiet")
        alert = opens(seeded)
        told = []
        wait_until(lambda: told.append(stream.next()) or told[-1]["event"] == "silenced", "the silence in the stream")
    assert told[-1]["data"]["alert_id"] == alert and "quiet" not in json.dumps(told)
