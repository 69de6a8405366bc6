"""Feeds that subscribe at an existing broker, a real mosquitto: every QoS, kills on each side, TLS, shared load.

What is published carries its number as minute and value, so that every loss and every repeat is seen in the
database.
"""

import json
import os
import re
import sys
import threading

import pytest
from conftest import wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))
import mosquitto  # noqa: E402
from mosquitto import Mosquitto  # noqa: E402
from pull_server import Certificate  # noqa: E402

pytestmark = pytest.mark.skipif(mosquitto.missing() is not None, reason=str(mosquitto.missing()))


@pytest.fixture
def world(new_database, serve):
    """A database, one server and its administrator."""

    class World:
        def __init__(self):
            self.database = new_database()
            self.token = self.database.add_account("admin", "admin")
            self.start()

        def start(self):
            self.server = serve(self.database)
            self.admin = self.server.client(self.token)

    return World()


@pytest.fixture
def broker(tmp_path):
    with Mosquitto(str(tmp_path / "broker")) as made:
        yield made


def config(broker, **client):
    return {
        "protocol": "mqtt_client",
        "mqtt_client": {"url": broker.url, "client_id": "ward-1", "topics": ["city/{station}/up/{what}"], "keep_alive_s": 5, **client},
        "format": "ndjson", "thing": {"topic": "station"}, "property": {"topic": "what"}, "value": "v", "unit": {"const": "mg/L"},
        "time": {"field": "at", "format": "epoch"}, "register": True,
    }  # fmt: skip


def add_feed(world, name, broker, **client):
    answer = world.admin.post("/api/v1/feeds", {"name": name, "config": config(broker, **client)})
    assert answer.status == 201, answer.text


def change_feed(world, name, body):
    answer = world.admin.put(f"/api/v1/feeds/{name}", body)
    assert answer.status == 200, answer.text


def message(n):
    return json.dumps({"at": 1767225600 + 60 * n, "v": n})


def publish(broker, thing, numbers, qos=1):
    broker.publish(f"city/{thing}/up/cod", *[message(n) for n in numbers], qos=qos)


def stored(database, thing):
    """{value: how many rows}."""
    rows = database.sql(
        """SELECT o.value::int, count(*) FROM observation o JOIN datastream d ON d.id = o.datastream_id
           JOIN thing t ON t.id = d.thing_id WHERE t.key = :'thing' GROUP BY 1""",
        thing=thing,
    )
    return {int(value): int(n) for value, n in rows}


def wait_stored(database, thing, numbers):
    expected = {n: 1 for n in numbers}
    try:
        wait_until(lambda: stored(database, thing) == expected, "all of it once")
    except BaseException:
        there = stored(database, thing)
        print("missing", sorted(set(expected) - set(there))[:20], "more", [k for k in there if there[k] != 1][:20])
        raise


def metric(client, name, feed):
    found = re.search(rf'^wardwatch_{name}{{feed="{feed}"}} (\S+)$', client.get("/metrics").text, re.M)
    return float(found[1]) if found else 0


def wait_up(world, feed, up=1):
    wait_until(lambda: metric(world.admin, "mqtt_client_up", feed) == up, f"{feed} to be {'up' if up else 'down'}: {world.server.log()[-2000:]}")


def wait_acknowledged(world, feed, n):
    wait_until(lambda: metric(world.admin, "mqtt_client_acknowledged_total", feed) == n, f"{n} acknowledged")


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_messages_of_every_qos_become_rows(world, broker, version, qos):
    add_feed(world, "b", broker, version=version, qos=qos)
    wait_up(world, "b")
    publish(broker, "s1", range(50), qos)
    wait_stored(world.database, "s1", range(50))
    wait_acknowledged(world, "b", 50 if qos else 0)


@pytest.mark.parametrize("version,qos", [(4, 1), (5, 2)])
def test_a_broker_that_restarts_loses_us_nothing(world, broker, version, qos):
    add_feed(world, "b", broker, version=version, qos=qos)
    wait_up(world, "b")
    publish(broker, "s1", range(20), qos)
    broker.restart()
    publish(broker, "s1", range(20, 40), qos)
    wait_stored(world.database, "s1", range(40))
    wait_up(world, "b")
    assert metric(world.admin, "mqtt_client_up", "b") == 1


@pytest.mark.parametrize("qos", [1, 2])
def test_what_came_while_the_server_was_killed_comes_again(world, broker, qos):
    add_feed(world, "b", broker, qos=qos)
    wait_up(world, "b")
    publisher = threading.Thread(target=publish, args=(broker, "s1", range(3000), qos))
    publisher.start()
    wait_until(lambda: len(stored(world.database, "s1")) > 50, "a beginning")
    world.server.kill()
    publisher.join()
    publish(broker, "s1", range(3000, 3010), qos)
    world.start()
    wait_stored(world.database, "s1", range(3010))


@pytest.mark.parametrize("qos", [1, 2])
def test_nothing_is_acknowledged_while_the_database_is_away(world, broker, cluster, qos):
    add_feed(world, "b", broker, qos=qos)
    wait_up(world, "b")
    publish(broker, "s1", range(5), qos)
    wait_acknowledged(world, "b", 5)
    cluster.stop()
    try:
        publish(broker, "s1", range(5, 2000), qos)
        wait_until(lambda: metric(world.server.client(), "mqtt_client_messages_total", "b") > 5, "messages to be held")
        assert metric(world.server.client(), "mqtt_client_acknowledged_total", "b") == 5
    finally:
        cluster.start()
    wait_stored(world.database, "s1", range(2000))
    wait_acknowledged(world, "b", 2000)


def test_two_servers_share_one_subscription(new_database, serve, broker):
    database = new_database()
    token = database.add_account("admin", "admin")
    other_database = new_database()
    other_token = other_database.add_account("admin", "admin")
    parts = [(database, token, "ward-1"), (other_database, other_token, "ward-2")]
    for part, its_token, client_id in parts:
        client = serve(part).client(its_token)
        body = {"name": "b", "config": config(broker, share="wards", client_id=client_id)}
        assert client.post("/api/v1/feeds", body).status == 201
        wait_until(lambda c=client: metric(c, "mqtt_client_up", "b") == 1, "up")
    publish(broker, "s1", range(400))

    def both():
        return [stored(part, "s1") for part, _, _ in parts]

    wait_until(lambda: sum(len(found) for found in both()) == 400, "all of it")
    first, second = both()
    assert first and second and not set(first) & set(second)
    assert set(first) | set(second) == set(range(400)) and set(first.values()) | set(second.values()) == {1}


def test_a_changed_configuration_is_followed(world, broker):
    add_feed(world, "b", broker, topics=["old/{station}/up/{what}"])
    wait_up(world, "b")
    change_feed(world, "b", {"config": config(broker)})
    wait_until(lambda: "city/+/up/+" in broker.log() and "old/+/up/+" in broker.log().split("UNSUBSCRIBE")[-1], "the new topics")
    wait_up(world, "b")
    publish(broker, "s1", range(3))
    wait_stored(world.database, "s1", range(3))
    change_feed(world, "b", {"enabled": False})
    wait_until(lambda: 'feed="b"' not in "".join(re.findall(r"^wardwatch_mqtt_client_up.*$", world.admin.get("/metrics").text, re.M)), "its end")
    publish(broker, "s1", range(3, 6))
    change_feed(world, "b", {"enabled": True})
    wait_stored(world.database, "s1", range(6))


@pytest.mark.parametrize("version", [4, 5])
def test_a_wrong_password_is_said_and_a_right_one_helps(world, tmp_path, version):
    with Mosquitto(str(tmp_path / "broker"), users={"ward": "right"}) as broker:
        add_feed(world, "b", broker, version=version, username="ward", password="wrong")
        wait_until(lambda: "mqtt_client=failed feed=b" in world.server.log(), "the refusal")
        assert metric(world.admin, "mqtt_client_up", "b") == 0
        assert "refused the connection" in world.server.log() and "wrong" not in re.findall(r"^.*mqtt_client=added.*$", world.server.log(), re.M)[0]
        change_feed(world, "b", {"config": config(broker, version=version, username="ward", password="right")})
        wait_up(world, "b")
        publish(broker, "s1", range(3))
        wait_stored(world.database, "s1", range(3))


def test_tls_checks_chain_and_name(world, tmp_path):
    certificate, stranger = Certificate(str(tmp_path / "ca")), Certificate(str(tmp_path / "stranger"))
    with Mosquitto(str(tmp_path / "broker"), certificate=(certificate.chain, certificate.key)) as broker:
        add_feed(world, "good", broker, ca_file=certificate.ca)
        wait_up(world, "good")
        add_feed(world, "named", broker, ca_file=certificate.ca, client_id="n", url=broker.url.replace("127.0.0.1", "localhost"))
        wait_up(world, "named")
        add_feed(world, "chain", broker, ca_file=stranger.ca, client_id="c")
        wait_until(lambda: re.search(r"failed feed=chain .*certificate is refused", world.server.log()), "a refused chain")
        assert metric(world.admin, "mqtt_client_up", "chain") == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_certificate_of_another_host_is_refused(world, tmp_path, host):
    certificate = Certificate(str(tmp_path / "ca"), names="DNS:broker.example")
    with Mosquitto(str(tmp_path / "broker"), certificate=(certificate.chain, certificate.key)) as broker:
        add_feed(world, "b", broker, ca_file=certificate.ca, url=broker.url.replace("127.0.0.1", host))
        wait_until(lambda: re.search("failed feed=b .*certificate is refused: .*mismatch", world.server.log()), "the refusal")
        assert metric(world.admin, "mqtt_client_up", "b") == 0


def test_what_can_not_be_read_becomes_a_dead_letter_and_blocks_nobody(world, broker):
    add_feed(world, "b", broker)
    wait_up(world, "b")
    broker.publish("city/s1/up/cod", "no json", message(1))
    wait_stored(world.database, "s1", [1])
    wait_acknowledged(world, "b", 2)
    assert int(world.database.value("SELECT count(*) FROM dead_letter")) == 1
