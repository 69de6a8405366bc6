"""`wardwatch simulate --protocol`: a few dozen stations on each protocol; every value acknowledged is stored, once."""

import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT, find_program, wait_until

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import mosquitto  # noqa: E402
from mosquitto import Mosquitto  # noqa: E402

STATIONS, MESSAGES, FACTORS = 30, 20, 5
STORED = """SELECT count(*), count(DISTINCT (o.datastream_id, o.phenomenon_time)), coalesce(max(o.version), 0)
            FROM observation o JOIN datastream d ON d.id = o.datastream_id JOIN thing t ON t.id = d.thing_id
            WHERE t.key LIKE :'prefix' || '%'"""


def simulate(*arguments):
    done = subprocess.run([find_program(), "simulate", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def printed_feed(protocol, name):
    return json.loads(simulate("--protocol", protocol, "--feed", name, "--print-feed"))


def run_stations(protocol, port, prefix, *more):
    ran = simulate("--protocol", protocol, "--to", f"127.0.0.1:{port}", "--stations", str(STATIONS), "--messages", str(MESSAGES),
                   "--factors", str(FACTORS), "--prefix", prefix, "--for", "2m", *more)  # fmt: skip
    return json.loads(ran)


def all_stored_once(database, prefix):
    expected = str(STATIONS * MESSAGES * FACTORS)
    return database.sql(STORED, prefix=prefix) == [[expected, expected, "1"]]


@pytest.fixture(scope="module")
def token(database):
    return database.add_account("admin", "admin")


@pytest.fixture(scope="module")
def token_file(token, scratch):
    path = os.path.join(scratch, "stations.token")
    with open(path, "w", encoding="ascii") as file:
        file.write(token + "\n")
    return path


@pytest.fixture(scope="module")
def hj212_port_file(scratch):
    return os.path.join(scratch, "stations.hj212")


@pytest.fixture(scope="module")
def mqtt_port_file(scratch):
    return os.path.join(scratch, "stations.mqtt")


@pytest.fixture(scope="module")
def server(database, serve, hj212_port_file, mqtt_port_file):
    return serve(database, "--hj212", "127.0.0.1:0", "--hj212-port-file", hj212_port_file,
                 "--mqtt", "127.0.0.1:0", "--mqtt-port-file", mqtt_port_file)  # fmt: skip


@pytest.fixture(scope="module")
def admin(server, token):
    return server.client(token)


def add_feed(admin, name, config):
    answer = admin.post("/api/v1/feeds", {"name": name, "config": config})
    assert answer.status == 201, answer.text


def assert_whole(result):
    assert result["acknowledged"] == STATIONS * MESSAGES and result["values"] == STATIONS * MESSAGES * FACTORS


@pytest.mark.parametrize("window", ["1", "5"])
def test_what_hj212_stations_had_answered_is_stored_once(server, admin, database, hj212_port_file, window):
    if window == "1":
        add_feed(admin, "water", printed_feed("hj212", "water"))
    with open(hj212_port_file, encoding="ascii") as file:
        assert_whole(run_stations("hj212", int(file.read()), f"W{window}H", "--window", window))
    assert all_stored_once(database, f"W{window}H")


def test_what_http_stations_had_answered_is_stored_once(server, admin, database, token_file):
    add_feed(admin, "posted", printed_feed("http", "posted"))
    assert_whole(run_stations("http", server.port, "POST", "--feed", "posted", "--token-file", token_file))
    assert all_stored_once(database, "POST")


@pytest.mark.parametrize("qos", ["1", "2"])
def test_what_mqtt_stations_had_acknowledged_is_stored_once(server, admin, database, token_file, mqtt_port_file, qos):
    feed, prefix = f"sent{qos}", f"SENT{qos}S"
    add_feed(admin, feed, printed_feed("mqtt", feed))
    with open(mqtt_port_file, encoding="ascii") as file:
        port = int(file.read())
    # A topic that no feed takes yet is not acknowledged: the stations send it again.
    assert_whole(run_stations("mqtt", port, prefix, "--feed", feed, "--account", "admin", "--token-file", token_file,
                              "--qos", qos, "--window", "5"))  # fmt: skip
    assert all_stored_once(database, prefix)


@pytest.mark.parametrize("protocol", ["hj212", "mqtt", "http"])
def test_two_thousand_stations_are_connected_at_once(server, admin, database, token_file, hj212_port_file, mqtt_port_file, protocol):
    feed, prefix, factors = f"many-{protocol}", f"{protocol}MANY", 3
    if protocol != "hj212" or not database.value("SELECT count(*) FROM feed WHERE config ->> 'protocol' = 'hj212'").strip("0"):
        add_feed(admin, feed, printed_feed(protocol, feed))
    files = {"hj212": hj212_port_file, "mqtt": mqtt_port_file}
    port = server.port if protocol == "http" else int(open(files[protocol], encoding="ascii").read())
    ran = json.loads(simulate("--protocol", protocol, "--to", f"localhost:{port}", "--stations", "2000", "--messages", "2", "--factors",
                              str(factors), "--prefix", prefix, "--for", "5m", "--feed", feed, "--account", "admin", "--token-file",
                              token_file))  # fmt: skip
    assert (ran["connected"], ran["acknowledged"]) == (2000, 4000), ran
    expected = str(2000 * 2 * factors)
    assert database.sql(STORED, prefix=prefix) == [[expected, expected, "1"]]


@pytest.mark.skipif(mosquitto.missing() is not None, reason=str(mosquitto.missing()))
@pytest.mark.parametrize("qos", ["1", "2"])
def test_what_mqtt_stations_told_a_broker_is_stored_once(server, admin, database, token_file, tmp_path, qos):
    with Mosquitto(str(tmp_path / "broker")) as broker:
        feed, prefix = f"told{qos}", f"TOLD{qos}S"
        config = printed_feed("mqtt", feed)
        topics = config.pop("mqtt")["topics"]
        client = {"url": broker.url, "client_id": "ward", "topics": topics, "qos": int(qos)}
        add_feed(admin, feed, {**config, "protocol": "mqtt_client", "mqtt_client": client})
        wait_until(lambda: f'mqtt_client_up{{feed="{feed}"}} 1' in admin.get("/metrics").text, "the subscription")
        assert_whole(run_stations("mqtt", broker.port, prefix, "--feed", feed, "--account", "admin", "--token-file", token_file,
                                  "--qos", qos, "--window", "5"))  # fmt: skip
        wait_until(lambda: all_stored_once(database, prefix), "all of it")
