"""Feeds share the server: a flood is told to wait and leaves room for the others, a configured rate is kept."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from conftest import ROOT, find_program, wait_until

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from hj212_wire import Station  # noqa: E402

FEED = {"thing": "t", "property": "p", "value": "v", "time": {"field": "at", "format": "epoch"}, "register": True}
BODY_BYTES = 8 << 20


@pytest.fixture(scope="module")
def seeded(database):
    for name, more in (("flood", {}), ("calm", {}), ("paced", {"max_messages_per_s": 2}), ("metered", {"max_values_per_s": 10})):
        database.sql("INSERT INTO feed (name, config) VALUES (:'name', :'config')", name=name, config=json.dumps({**FEED, **more}))
    return database


@pytest.fixture(scope="module")
def server(seeded, serve):
    return serve(seeded)


@pytest.fixture(scope="module")
def token(seeded):
    return seeded.add_account("sender", "feed")


def line(thing, at, value=1.0):
    return json.dumps({"t": thing, "p": "cod", "v": value, "at": at})


def big_body(number):
    row = line(f"flood-{number}", 1_700_000_000)
    return (row + "\n" + " " * (BODY_BYTES - len(row) - 2) + "\n").encode()


@pytest.fixture
def stuck_database(seeded):
    """Nothing can be committed until the fixture's function is called."""
    locker = subprocess.Popen(["psql", "-Xq", "-d", seeded.conninfo], stdin=subprocess.PIPE, text=True)
    locker.stdin.write("BEGIN; LOCK TABLE wardwatch.raw_message IN EXCLUSIVE MODE;\n")
    locker.stdin.flush()
    held = "SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND relation = 'wardwatch.raw_message'::regclass"
    wait_until(lambda: seeded.value(held) == "1", "the lock")

    def release():
        locker.stdin.close()
        locker.wait(30)

    yield release
    locker.kill()
    locker.wait()


def test_a_flood_is_told_to_wait_while_another_feed_is_still_taken(server, token, seeded, stuck_database):
    statuses = []
    calm = []

    def send(number):
        statuses.append(server.client(token).ingest("flood", big_body(number)))

    def send_calm():
        calm.append(server.client(token).ingest("calm", line("calm-1", 1_700_000_000)))

    threads = [threading.Thread(target=send, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    # A body of 8 MiB counts as 32 MiB of the 256: the feed is refused from half of it on.
    wait_until(lambda: len(statuses) >= 4, "refusals")
    assert {answer.status for answer in statuses} == {503}
    assert all(answer.headers["Retry-After"] for answer in statuses)
    other = threading.Thread(target=send_calm)
    other.start()
    held = lambda: server.client().get("/metrics").text.split("\nwardwatch_feed_values_in_flight{feed=\"calm\"} ")[-1].split("\n")[0]
    wait_until(lambda: held() == "1", "the calm feed's value to wait for its commit")
    assert not calm
    stuck_database()
    for thread in [*threads, other]:
        thread.join(60)
    assert [answer.status for answer in calm] == [200]
    assert sorted(answer.status for answer in statuses) == [200] * (8 - statuses_refused(statuses)) + [503] * statuses_refused(statuses)
    assert seeded.value("SELECT count(*) FROM thing WHERE key = 'calm-1'") == "1"


def statuses_refused(statuses):
    return sum(answer.status == 503 for answer in statuses)


def test_a_feed_keeps_its_rate_of_messages(server, token):
    client = server.client(token)
    answers = [client.ingest("paced", line("paced", 1_700_000_000 + n)) for n in range(12)]
    refused = [a for a in answers if a.status == 503]
    assert answers[0].status == 200 and refused, [a.status for a in answers]
    assert "rate" in refused[0].json["error"]["message"]
    wait_until(lambda: client.ingest("paced", line("paced", 1_700_000_100)).status == 200, "the rate to allow one more")


def test_a_feed_pays_back_what_it_brought_above_its_rate_of_values(server, token):
    client = server.client(token)
    assert client.ingest("metered", "\n".join(line("metered", 1_700_000_000 + n) for n in range(30))).status == 200
    assert client.ingest("metered", line("metered", 1_700_001_000)).status == 503
    wait_until(lambda: client.ingest("metered", line("metered", 1_700_001_000)).status == 200, "the debt to be paid")


def test_stations_that_flood_do_not_keep_another_from_its_answers(new_database, serve, scratch):
    database = new_database()
    for name, more in (("flood", {}), ("calm", {})):
        config = {"protocol": "hj212", "register": True, "hj212": {"units": {"w01018": "mg/L"}}, **more}
        database.sql("INSERT INTO feed (name, config) VALUES (:'name', :'config')", name=name, config=json.dumps(config))
        stations = "SELECT mn, id FROM feed, unnest(string_to_array(:'mns', ' ')) mn WHERE name = :'feed'"
        mns = "CALM" if name == "calm" else "FLOOD000000 FLOOD000001"
        database.sql(f"INSERT INTO station (mn, feed_id) {stations}", mns=mns, feed=name)
    port_file = os.path.join(scratch, f"fair-{database.name}.port")
    server = serve(database, "--hj212", "127.0.0.1:0", "--hj212-port-file", port_file, "--no-outward")
    port = int(wait_until(lambda: server.read_alive(port_file), "the HJ 212 port"))
    flood = subprocess.Popen([find_program(), "simulate", "--protocol", "hj212", "--to", f"127.0.0.1:{port}", "--stations", "2",
                              "--factors", "2", "--window", "500", "--prefix", "FLOOD"], stdout=subprocess.PIPE, text=True)  # fmt: skip

    def stored(feed):
        return int(database.value("SELECT count(*) FROM raw_message m JOIN feed f ON f.id = m.feed_id WHERE f.name = :'feed'", feed=feed))

    try:
        wait_until(lambda: stored("flood") > 0, "the flood to come")
        before = stored("flood")
        with Station(port, "CALM") as calm:
            for minute in range(50):  # each is answered before the next is sent
                qn = calm.upload(2011, f"DataTime=202608010800{minute:02d};w01018-Rtd={minute},w01018-Flag=N")
                assert calm.take_cn(9014)["QN"] == qn
        assert stored("calm") >= 50
        wait_until(lambda: stored("flood") > before, "the flood to go on")
    finally:
        flood.send_signal(signal.SIGINT)
        flood.communicate(timeout=60)


def test_things_that_speak_for_the_first_time_together_are_registered_together(server, token, seeded, stuck_database):
    statuses = []

    def send(number):
        statuses.append(server.client(token).ingest("calm", line(f"newcomer-{number}", 1_700_000_000)).status)

    commits = "wardwatch_ingest_commits_total "
    commits_of = lambda: int(next(l for l in server.client().get("/metrics").text.splitlines() if l.startswith(commits)).split()[1])  # noqa: E731
    before = commits_of()
    threads = [threading.Thread(target=send, args=(n,)) for n in range(60)]
    for thread in threads:
        thread.start()
    in_flight = "wardwatch_values_in_flight "
    flying = lambda: int(next(l for l in server.client().get("/metrics").text.splitlines() if l.startswith(in_flight)).split()[1])  # noqa: E731
    wait_until(lambda: flying() == 60, "everything to wait for the database")
    stuck_database()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 60
    assert seeded.value("SELECT count(*) FROM thing WHERE key LIKE 'newcomer-%'") == "60"
    assert commits_of() - before <= 4  # one that was stuck, one for all others; not one each
