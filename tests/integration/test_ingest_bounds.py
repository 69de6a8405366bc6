"""What one message may make the server do is bounded, and what went wrong once can be sent again."""

import json
import signal
import subprocess

import pytest

from conftest import wait_until

FEED = {"thing": "t", "property": "p", "value": "v", "unit": "u", "time": {"field": "at", "format": "epoch"}, "register": True}
RULE = {"property": "cod", "limit_class": "bounds", "standard": "TEST 8", "averaging": "instant"}


@pytest.fixture(scope="module")
def seeded(database):
    database.sql(
        """INSERT INTO feed (name, config) VALUES ('bounds', :'feed'), ('closed', :'closed');
           INSERT INTO limit_value (property_id, standard_no, class, averaging, upper, unit, valid_from, status, source)
           SELECT id, 'TEST 8', 'bounds', 'instant', 60, unit, '1900-01-01', 'check', 'test' FROM observed_property WHERE code = 'cod';
           INSERT INTO rule (code, name_zh, name_en, detector, severity, config) VALUES ('bounds', 'r', 'r', 'limit', 3, :'rule')""",
        feed=json.dumps(FEED), closed=json.dumps({**FEED, "register": False}), rule=json.dumps(RULE),
    )  # fmt: skip
    return database


@pytest.fixture(scope="module")
def sender(seeded, serve):
    token = seeded.add_account("sender", "feed")
    return serve(seeded).client(token)


def lines(thing, values, code="cod", start=1_700_000_000, unit="mg/L"):
    return "\n".join(json.dumps({"t": thing, "p": code, "v": v, "u": unit, "at": start + i}) for i, v in enumerate(values))


def test_a_message_that_moves_too_many_alerts_is_refused_and_the_server_goes_on(sender, seeded):
    answer = sender.ingest("bounds", lines("flapper", [99, 1] * 15_000))
    assert answer.status == 413 and "smaller parts" in answer.text
    assert sender.ingest("bounds", lines("calm", [5, 6])).json["stored"] == 2
    assert seeded.value("SELECT count(*) FROM observation o JOIN datastream d ON d.id = o.datastream_id "
                        "JOIN thing t ON t.id = d.thing_id WHERE t.key = 'flapper'") == "0"


def test_alerts_that_open_and_clear_in_one_message_are_written_whole(sender, seeded):
    answer = sender.ingest("bounds", lines("history", [70, 80, 1] * 500 + [90]))
    assert answer.status == 200, answer.text
    rows = seeded.sql(
        """SELECT a.state, count(*), min(a.exceed_count), max(a.exceed_count), max(a.peak_value), min(a.last_value)
           FROM alert a JOIN datastream d ON d.id = a.subject_id JOIN thing t ON t.id = d.thing_id
           WHERE t.key = 'history' GROUP BY 1 ORDER BY 1""")  # fmt: skip
    assert rows == [["cleared", "500", "2", "2", "80", "1"], ["open", "1", "1", "1", "90", "90"]]
    disordered = seeded.value(
        """SELECT count(*) FROM (
               SELECT e.kind, lag(e.kind) OVER (ORDER BY e.id) AS before
               FROM alert_event e JOIN alert a ON a.id = e.alert_id JOIN datastream d ON d.id = a.subject_id
               JOIN thing t ON t.id = d.thing_id WHERE t.key = 'history') x
           WHERE kind IS NOT DISTINCT FROM before""")  # fmt: skip
    assert disordered == "0"
    assert seeded.value("SELECT count(*) FROM alert_event e WHERE NOT EXISTS "
                        "(SELECT FROM outbox o WHERE o.alert_event_id = e.id)") == "0"


def test_dates_spread_over_a_century_make_few_partitions(sender, seeded):
    month = 30 * 86_400
    body = "\n".join(json.dumps({"t": "archive", "p": "ph", "v": 7, "u": "", "at": -2_100_000_000 + i * month}) for i in range(1_450))
    assert sender.ingest("bounds", body).json["stored"] == 1_450
    partitions = int(seeded.value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'wardwatch.observation'::regclass"))
    assert partitions < 150  # one before 1990, one a year to 2020, one a month since


def test_a_value_that_is_too_large_in_the_kept_unit_is_a_dead_letter(sender):
    answer = sender.ingest("bounds", lines("huge", [1e308, 5], unit="g/L")).json
    assert (answer["stored"], answer["dead"], answer["dead_letters"][0]["field"]) == (1, 1, "value")


def test_a_message_sent_again_stores_what_it_could_not_before(sender, seeded):
    body = lines("latecomer", [41, 42])
    first = sender.ingest("closed", body).json
    assert (first["stored"], first["dead"]) == (0, 2)
    again = sender.ingest("closed", body).json
    assert (again["stored"], again["dead"], again["duplicates"]) == (0, 0, 2), "its dead letters are kept already"
    seeded.sql("""INSERT INTO thing (feed_id, key) SELECT id, 'latecomer' FROM feed WHERE name = 'closed';
                  INSERT INTO datastream (thing_id, property_id)
                  SELECT t.id, p.id FROM thing t, observed_property p WHERE t.key = 'latecomer' AND p.code = 'cod';
                  NOTIFY ww_catalog, 'thing'""")  # fmt: skip
    wait_until(lambda: sender.ingest("closed", body).json["stored"] == 2, "the thing to be known")
    assert sender.ingest("closed", body).json["stored"] == 0


def test_an_old_message_does_not_undo_a_correction(sender, seeded):
    body = lines("mended", [41], start=1_700_100_000)
    assert sender.ingest("bounds", body).json["stored"] == 1
    assert sender.ingest("bounds", lines("mended", [42], start=1_700_100_000)).json["corrections"] == 1
    again = sender.ingest("bounds", body).json
    assert (again["stored"], again["duplicates"]) == (0, 1)
    assert seeded.value("SELECT o.value FROM observation_current o JOIN datastream d ON d.id = o.datastream_id "
                        "JOIN thing t ON t.id = d.thing_id WHERE t.key = 'mended'") == "42"


def test_told_twice_to_stop_it_leaves_at_once_and_acknowledges_nothing(new_database, serve):
    """PostgreSQL hangs: once told, the server waits for its answer; told again it goes, without saying 200."""
    database = new_database()
    database.sql("INSERT INTO feed (name, config) VALUES ('bounds', :'feed')", feed=json.dumps(FEED))
    server = serve(database)
    client = server.client(database.add_account("sender", "feed"))
    assert wait_until(lambda: client.ingest("bounds", lines("a", [1])).status == 200, "the account to be known")
    locker = subprocess.Popen(["psql", "-Xq", "-d", database.conninfo], stdin=subprocess.PIPE, text=True)
    locker.stdin.write("BEGIN; LOCK TABLE wardwatch.observation IN EXCLUSIVE MODE;\n")
    locker.stdin.flush()
    wait_until(lambda: database.value("SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' "
                                      "AND relation = 'wardwatch.observation'::regclass") == "1", "the lock")  # fmt: skip
    sender = subprocess.Popen(
        ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Authorization: " + client.headers["Authorization"],
         "-H", "Content-Type: application/x-ndjson", "--data-binary", lines("a", [2], start=1_700_000_100),
         f"http://127.0.0.1:{server.port}/ingest/v1/bounds"], stdout=subprocess.PIPE, text=True)  # fmt: skip
    wait_until(lambda: database.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                                      "AND application_name = 'wardwatch writer'") == "1", "the writer to wait")  # fmt: skip
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: "stopping" in server.log(), "the first signal to be heard")
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(timeout=30)
    assert sender.communicate(timeout=30)[0] != "200"
    locker.kill()
    locker.wait()
    assert server.process.returncode == 0, server.log()


def test_what_a_burst_took_is_given_back_once(seeded, serve):
    server = serve(seeded, "--log", "debug")
    given_back = lambda: server.log().count("memory given back")  # noqa: E731
    wait_until(lambda: given_back() == 1, "what the load of the world took to be given back")
    client = server.client(seeded.add_account("burst", "feed"))
    assert client.ingest("bounds", lines("few", range(100), code="ph", unit="1")).status == 200
    assert client.ingest("bounds", lines("burst", range(6000), code="ph", unit="1")).status == 200
    wait_until(lambda: given_back() == 2, "what the burst took to be given back")
