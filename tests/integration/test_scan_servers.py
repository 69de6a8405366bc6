"""Several servers with scan rules on one database: each event is one alert, whoever heard of it; killed, one leaves the other at work."""

import threading

import pytest

from conftest import wait_until
from test_live_scan import STP, World, middle

LONG_S = 150  # a server reads what others heard once a minute


@pytest.fixture
def world(new_database, serve):
    made = World(new_database(), serve)
    yield made
    for server in made.database.servers:
        server.stop()


def alerts(world, more="true"):
    return world.database.json(f"""SELECT coalesce(json_agg(json_build_object('id', a.id, 'ward', w.code, 'state', a.state, 'last', a.last_value,
        'opened', (SELECT count(*) FROM alert_event e WHERE e.alert_id = a.id AND e.kind = 'opened')) ORDER BY a.id), '[]')
        FROM alert a LEFT JOIN ward w ON w.id = a.ward_id WHERE {more}""")  # fmt: skip


def looks(client):
    return int(next(line for line in client.get("/metrics").text.splitlines() if line.startswith("wardwatch_scan_looks_total")).split()[-1])


def send(world, client, places):
    answer = client.ingest("hotline", world.lines(places))
    assert answer.status == 200 and answer.json["stored"] == len(places), answer.text


def send_by_both(world, clients, place, n):
    """n events through each at the same time, one a message."""
    bodies = [[world.lines([place]) for _ in range(n)] for _ in clients]
    answers = []
    sending = [threading.Thread(target=lambda c=c, b=b: answers.extend(c.ingest("hotline", body).status for body in b)) for c, b in zip(clients, bodies)]
    for thread in sending:
        thread.start()
    for thread in sending:
        thread.join()
    assert answers == [200] * n * len(clients)


def test_two_servers_tell_each_event_once_and_one_goes_on_when_the_other_is_killed(world):
    world.history()
    world.rule(STP)
    wait_until(lambda: looks(world.admin) > 0, "the first server to look")  # so it is the one that looks
    first, second = world.server, world.serve(world.database)
    other = second.client(world.token)
    send_by_both(world, [world.admin, other], middle(1, 1), 8)
    wait_until(lambda: alerts(world), "the alert")
    wait_until(lambda: alerts(world)[0]["last"] == 16, "what the other has heard to be counted", LONG_S)
    assert [(a["ward"], a["state"], a["opened"]) for a in alerts(world)] == [("88000110", "open", 1)]
    assert looks(other) == 0
    # The one that looks is killed in the midst of what both hear; what was acknowledged counts, the alert goes on.
    sent = []

    def go_on_sending():
        for _ in range(12):
            send(world, other, [middle(1, 1)])
            sent.append(1)

    sending = threading.Thread(target=go_on_sending)
    sending.start()
    wait_until(lambda: len(sent) >= 3, "some to be sent")
    first.kill()
    sending.join()
    wait_until(lambda: alerts(world)[0]["last"] == 28, "the other to take over", LONG_S)
    assert looks(other) > 0 and [(a["ward"], a["opened"]) for a in alerts(world)] == [("88000110", 1)]
    # Another event is another alert, once.
    send(world, other, [middle(3, 3)] * 12)
    wait_until(lambda: len(alerts(world, "a.state = 'open'")) == 2, "the second alert", LONG_S)
    # Back again it waits for its turn, and has it when the second is killed.
    third = world.serve(world.database)
    back = third.client(world.token)
    send_by_both(world, [back, other], middle(3, 3), 4)
    second.kill()
    wait_until(lambda: [a["last"] for a in alerts(world)] == [28, 20], "the third server to go on", LONG_S)
    assert [(a["ward"], a["state"], a["opened"]) for a in alerts(world)] == [("88000110", "open", 1), ("88000330", "open", 1)]
    books = "SELECT count(*) FROM alert_event e WHERE NOT EXISTS (SELECT FROM ledger l WHERE l.kind = 'alert_event' AND l.ref = e.id)"
    assert world.database.value(books) == "0"
