"""Feeds share the server: a flood is told to wait and leaves room for the others, a configured rate is kept."""

import json
import subprocess
import threading

import pytest

from conftest import wait_until

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
