"""The event stream: live, resumed without a gap, reset, by ward, ended with the token."""

import re
import socket

import pytest

from conftest import wait_until
from test_api import SEED, add_alert


@pytest.fixture(scope="module")
def seeded(database):
    database.sql(SEED)
    for ward, datastream in ((1, 1), (2, 2), ("NULL", 3)):
        add_alert(database, ward, datastream, "cleared")
    return database


@pytest.fixture(scope="module")
def server(seeded, serve):
    return serve(seeded)


@pytest.fixture(scope="module")
def admin(seeded, server):
    client = server.client(seeded.add_account("root", "admin"))
    wait_until(lambda: client.get("/api/v1/session").status == 200, "the account to be known")
    return client


@pytest.fixture(scope="module")
def viewer_a(seeded, server):
    client = server.client(seeded.add_account("vera", "viewer", ["500115001"]))
    wait_until(lambda: client.get("/api/v1/session").status == 200, "the account to be known")
    return client


def newest_id(database):
    return int(database.value("SELECT max(id) FROM alert_event"))


def test_an_event_arrives_live_with_all_its_members(seeded, admin):
    with admin.events() as events:
        assert events.status == 200 and events.response.headers["Content-Type"].startswith("text/event-stream")
        assert events.next_raw() == {"retry": "2000"}
        alert = add_alert(seeded, 1, 1, "cleared", 2)
        event = events.next()
    assert event["event"] == "opened" and int(event["id"]) == event["data"]["event_id"]
    assert set(event["data"]) == {"event_id", "alert_id", "kind", "at", "recorded_at", "category", "severity", "ward", "rule", "datastream", "thing", "feed",
                                  "property", "value", "peak_value"}
    data = event["data"]
    assert data["alert_id"] == alert and data["ward"] == "500115001" and data["rule"] == "cod-high" and data["severity"] == 2
    assert data["value"] == 70.5 and data["peak_value"] == 80.5 and data["thing"]["key"] == "A1" and data["property"] == "test_cod"


def test_a_reader_of_one_ward_gets_its_events_only_live_and_replayed(seeded, viewer_a):
    total = int(seeded.value("SELECT count(*) FROM alert_event WHERE ward_id = 1"))
    with viewer_a.events(last_event_id=0) as events:
        past = [events.next() for _ in range(total)]
        assert {e["data"]["ward"] for e in past} == {"500115001"}
        add_alert(seeded, 2, 2, "cleared")
        add_alert(seeded, "NULL", 3, "cleared")
        own = add_alert(seeded, 1, 1, "cleared")
        assert events.next()["data"]["alert_id"] == own


def test_resuming_leaves_no_gap_and_repeats_nothing(seeded, admin):
    start = newest_id(seeded)
    made = [add_alert(seeded, 1, 1, "cleared") for _ in range(5)]
    seen = []
    last = start
    for _ in range(5):  # one event pair a connection, resumed by id each time
        with admin.events(last_event_id=last) as events:
            for _ in range(2):
                event = events.next()
                seen.append((event["data"]["alert_id"], event["event"]))
                last = event["id"]
    assert seen == [(alert, kind) for alert in made for kind in ("opened", "cleared")]
    with admin.events(f"/api/v1/events?last_event_id={start}") as events:
        assert events.next()["data"]["alert_id"] == made[0]


def test_a_wrong_last_event_id_is_told(admin):
    with admin.events(last_event_id="yesterday") as events:
        assert events.status == 400


def test_an_id_from_another_database_gets_a_reset(seeded, admin):
    with admin.events(last_event_id=10**12) as events:
        event = events.next()
        assert event["event"] == "reset" and event["data"]["newest_id"] == newest_id(seeded) == int(event["id"])
        alert = add_alert(seeded, 1, 1, "cleared")
        assert events.next()["data"]["alert_id"] == alert


def test_a_membership_taken_away_works_on_an_open_stream(seeded, server):
    client = server.client(seeded.add_account("mona", "viewer", ["500115001"]))
    wait_until(lambda: client.get("/api/v1/wards").status == 200, "the account to be known")
    with client.events() as events:
        events.next_raw()
        seeded.sql(
            "UPDATE membership SET ward_id = 2 WHERE account_id = (SELECT id FROM account WHERE name = 'mona')"
        )
        wait_until(lambda: [w["code"] for w in client.get("/api/v1/wards").json["items"]] == ["500115002"], "the move")
        add_alert(seeded, 1, 1, "cleared")
        foreign = add_alert(seeded, 2, 2, "cleared")
        assert events.next()["data"]["alert_id"] == foreign


def test_a_revoked_token_ends_its_stream(seeded, server):
    client = server.client(seeded.add_account("temp", "viewer"))
    wait_until(lambda: client.get("/api/v1/wards").status == 200, "the account to be known")
    with client.events() as events:
        events.next_raw()
        seeded.sql("UPDATE token SET revoked_at = now() WHERE account_id = (SELECT id FROM account WHERE name = 'temp')")
        assert events.next()["event"] == "session_end"
        assert events.next() is None
    with client.events() as events:
        assert events.status == 401


def test_an_account_that_may_only_send_now_reads_no_more_events(seeded, server):
    client = server.client(seeded.add_account("turned", "viewer"))
    wait_until(lambda: client.get("/api/v1/wards").status == 200, "the account to be known")
    with client.events() as events:
        events.next_raw()
        seeded.sql("UPDATE account SET role = 'feed' WHERE name = 'turned'")
        assert events.next()["event"] == "session_end"
        assert events.next() is None


def test_an_event_that_is_too_large_does_not_stop_those_after_it(seeded, admin):
    name = seeded.value("SELECT name_zh FROM thing WHERE id = 1")
    with admin.events() as events:
        events.next_raw()
        seeded.sql("UPDATE thing SET name_zh = repeat('x', 70000) WHERE id = 1")
        try:
            add_alert(seeded, 1, 1, "cleared")
            assert events.next()["event"] == "reset"
        finally:
            seeded.sql("UPDATE thing SET name_zh = :'name' WHERE id = 1", name=name)
        alert = add_alert(seeded, 1, 1, "cleared")
        assert events.next()["data"]["alert_id"] == alert


def test_one_account_cannot_take_all_streams(admin):
    streams = [admin.events() for _ in range(51)]
    try:
        assert [s.status for s in streams].count(200) == 50
        assert streams[-1].status == 429 and streams[-1].response.headers["Retry-After"]
    finally:
        for stream in streams:
            stream.close()
    wait_until(lambda: "wardwatch_streams_open 0" in admin.get("/metrics").text, "closed streams to be let go")


def test_the_stream_comes_back_when_the_database_does(seeded, server, admin):
    with admin.events() as events:
        events.next_raw()
        seeded.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'wardwatch events'")
        alert = add_alert(seeded, 1, 1, "cleared")
        assert events.next()["data"]["alert_id"] == alert


def add_events(database, count):
    database.sql(
        "INSERT INTO alert_event (alert_id, ward_id, kind, at) "
        f"SELECT (SELECT min(id) FROM alert WHERE ward_id = 1), 1, 'opened', now() FROM generate_series(1, {count})"
    )


def test_many_events_at_once_reach_a_reader_that_reads(seeded, admin):
    with admin.events() as events:
        events.next_raw()
        first = newest_id(seeded) + 1
        add_events(seeded, 5000)  # some 2 MiB, far over the 256 KiB that may wait
        assert [int(events.next()["id"]) for _ in range(5000)] == list(range(first, first + 5000))


def test_a_reader_that_does_not_read_is_cut_and_holds_nobody_up(seeded, server, admin):
    def cut():
        return int(re.search(r"wardwatch_stream_cut_total (\d+)", admin.get("/metrics").text)[1])

    before = cut()
    with socket.socket() as stuck, admin.events() as lively:
        lively.next_raw()
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect(("127.0.0.1", server.port))
        authorization = admin.headers["Authorization"]
        stuck.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n\r\n".encode())
        wait_until(lambda: "wardwatch_streams_open 2" in admin.get("/metrics").text, "both streams to be open")

        def cut_after_more():
            newest = newest_id(seeded)
            add_events(seeded, 300)
            assert [int(lively.next()["id"]) for _ in range(300)][-1] == newest + 300
            return cut() > before

        wait_until(cut_after_more, "the stuck reader to be cut")


def test_a_restarted_server_resumes_and_resets_beyond_the_ring(seeded, serve, admin):
    seeded.sql(
        "INSERT INTO alert_event (alert_id, ward_id, kind, at) "
        "SELECT (SELECT min(id) FROM alert WHERE ward_id = 1), 1, 'opened', now() FROM generate_series(1, 10500)"
    )
    newest = newest_id(seeded)
    again = serve(seeded)
    client = again.client(admin.headers["Authorization"].split()[1])
    with client.events(last_event_id=1) as events:
        assert events.next()["event"] == "reset"
    with client.events(last_event_id=newest - 10000) as events:
        ids = [int(events.next()["id"]) for _ in range(10000)]
        assert ids == list(range(newest - 9999, newest + 1))
    again.stop()
