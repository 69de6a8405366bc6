"""The MQTT endpoint from outside: a device in Python says each byte (support/mqtt_wire.py), real clients and a real bridge
beside it; the database says what came of it."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from conftest import ROOT, wait_until

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import mosquitto
import mqtt_wire as wire
from mosquitto import Mosquitto
from mqtt_wire import CONNACK, DISCONNECT, PINGRESP, PUBACK, PUBCOMP, PUBREC, SUBACK, UNSUBACK, Device
from pull_server import Certificate

MAPPING = {"format": "json", "protocol": "mqtt", "thing": {"topic": "thing"}, "property": {"topic": "property"}, "value": "v",
           "unit": {"const": "mg/L"}, "time": {"field": "at", "format": "epoch"}, "register": True}  # fmt: skip
OWN = {**MAPPING, "mqtt": {"topics": ["own/{thing}/{property}"], "own_topics": True}}
CITY = {**MAPPING, "mqtt": {"topics": ["city/{thing}/up/{property}"]}}
PACED = {**MAPPING, "mqtt": {"topics": ["paced/{thing}/{property}"]}, "max_messages_per_s": 4}
OTHER = {**MAPPING, "mqtt": {"topics": ["other/{thing}/{property}"]}}
STORED = """SELECT o.value::int FROM observation o JOIN datastream d ON d.id = o.datastream_id JOIN thing t ON t.id = d.thing_id
            WHERE t.key = :'thing' ORDER BY o.phenomenon_time, o.version"""
needs_mosquitto = pytest.mark.skipif(mosquitto.missing() is not None, reason=str(mosquitto.missing()))


def reading(n):
    return json.dumps({"at": 1767225600 + 60 * n, "v": n}).encode()


def ack(kind, packet_id, reason=None):
    return kind, packet_id.to_bytes(2, "big") + (bytes([reason]) if reason is not None else b"")


class World:
    def __init__(self, database, serve, certificate):
        self.database, self.serve, self.certificate = database, serve, certificate
        for name, config in (("city", CITY), ("own", OWN), ("other", OTHER), ("paced", PACED)):
            database.sql("INSERT INTO feed (name, config) VALUES (:'name', :'config')", name=name, config=json.dumps(config))
        self.token = database.wardwatch("account", "add", "dev", "--role", "feed", "--feeds", "city,own,paced").strip()
        self.start()

    def start(self):
        directory = os.path.dirname(self.certificate.ca)
        files = [os.path.join(directory, name) for name in ("mqtt.port", "mqtts.port")]
        for file in files:
            if os.path.exists(file):
                os.unlink(file)
        self.server = self.serve(
            self.database, "--mqtt", "127.0.0.1:0", "--mqtt-port-file", files[0], "--mqtt-tls", "127.0.0.1:0", "--mqtt-tls-port-file",
            files[1], "--tls-cert", self.certificate.chain, "--tls-key", self.certificate.key,
        )  # fmt: skip
        wait_until(lambda: all(os.path.exists(file) for file in files), "the doors to open")
        self.port, self.tls_port = (int(open(file, encoding="ascii").read()) for file in files)

    def device(self, name="device", version=5, **how):
        return Device(self.port, name, "dev", self.token, version, **how)

    def stored(self, thing):
        return [int(row[0]) for row in self.database.sql(STORED, thing=thing)]

    def metric(self, name):
        for line in self.server.client().get("/metrics").text.splitlines():
            if line.startswith(name + " "):
                return int(float(line.split()[1]))
        raise KeyError(name)


@pytest.fixture(scope="module")
def world(new_database, serve, tmp_path_factory):
    return World(new_database(), serve, Certificate(str(tmp_path_factory.mktemp("tls"))))


class Lock:
    """Holds what every commit needs, until it is let go."""

    def __init__(self, database, what="LOCK TABLE wardwatch.raw_message IN ACCESS EXCLUSIVE MODE", wait=True):
        self.process = subprocess.Popen(["psql", "-XqAt", "-d", database.conninfo], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(f"BEGIN;\n{what};\nSELECT 'held';\n")
        self.process.stdin.flush()
        if wait:
            self.wait()

    def wait(self):
        assert self.process.stdout.readline() == "held\n"

    def release(self):
        self.process.communicate("COMMIT;\n")


# ---- Greeting ----


def test_version_5_is_told_the_limits_and_3_1_1_only_that_it_is_welcome(world):
    with world.device("a") as device:
        assert device.connect().hex() == "000010" + "210020" + "2700100000" + "2500" + "2800" + "2900" + "2a00"
    with world.device("a", version=4) as device:
        assert device.connect() == b"\x00\x00"


@pytest.mark.parametrize("version, wanted", [(5, "008600"), (4, "0004")])
def test_a_wrong_token_is_refused_and_counted(world, version, wanted):
    before = world.metric("wardwatch_mqtt_bad_logins_total")
    with Device(world.port, "x", "dev", "ww_wrong", version) as device:
        device.send(wire.connect("x", "dev", "ww_wrong", version))
        kind, body = device.take()
        assert (kind, body.hex()) == (CONNACK, wanted)
        assert device.is_closed()
    assert world.metric("wardwatch_mqtt_bad_logins_total") == before + 1
    assert 'account=dev reason="wrong name or token"' in world.server.log() and "ww_wrong" not in world.server.log()


def test_a_version_that_is_not_spoken_is_told_so(world):
    with world.device() as device:
        device.send(wire.connect("x", "dev", world.token, version=4).replace(b"MQTT\x04", b"MQTT\x84"))
        assert device.take() == (CONNACK, b"\x00\x01")
        assert device.is_closed()


def test_a_name_is_given_to_those_without_one(world):
    with world.device("") as device:
        assert b"wardwatch-" in device.connect()
    with world.device("", version=4) as device:
        device.send(wire.connect("", "dev", world.token, version=4, clean=False))
        assert device.take() == (CONNACK, b"\x00\x02")


def test_the_same_client_again_takes_the_first_ones_place(world):
    with world.device("twin") as first, world.device("twin") as second:
        first.connect()
        second.connect()
        assert first.take() == (DISCONNECT, bytes([0x8E]))
        assert first.is_closed()
        second.ping()
        assert second.take() == (PINGRESP, b"")


def test_what_must_come_first_comes_first_and_once(world):
    with world.device() as device:
        device.publish("city/S/up/cod", reading(1), qos=1, packet_id=1)
        assert device.is_closed()
    with world.device() as device:
        device.connect()
        device.send(wire.connect("x", "dev", world.token))
        assert device.take() == (DISCONNECT, bytes([0x82]))
    assert world.stored("S") == []


# ---- Publishing ----


@pytest.mark.parametrize("version", [4, 5])
def test_each_qos_is_answered_as_it_should_be_and_stored_once(world, version):
    thing = f"QOS{version}"
    with world.device(thing, version) as device:
        device.connect()
        device.publish(f"city/{thing}/up/cod", reading(0))
        device.publish(f"city/{thing}/up/cod", reading(1), qos=1, packet_id=10)
        device.publish(f"city/{thing}/up/cod", reading(2), qos=2, packet_id=11)
        assert device.take() == ack(PUBACK, 10)
        assert device.take() == ack(PUBREC, 11)
        device.publish(f"city/{thing}/up/cod", reading(2), qos=2, packet_id=11, dup=True)
        assert device.take() == ack(PUBREC, 11)
        device.release(11)
        assert device.take() == ack(PUBCOMP, 11)
        device.release(11)
        assert device.take() == ack(PUBCOMP, 11, 0x92 if version == 5 else None)
    assert world.stored(thing) == [0, 1, 2]


def test_nothing_is_acknowledged_before_commit_and_then_all_in_order(world):
    with world.device("held") as device:
        device.connect()
        lock = Lock(world.database)
        for n in range(20):
            device.publish("city/HELD/up/cod", reading(n), qos=1 + n % 2, packet_id=100 + n)
        device.ping()
        assert device.take() == (PINGRESP, b"")  # heard after all of them, and not one was acknowledged
        device.publish("city/HELD/up/cod", reading(1), qos=2, packet_id=101, dup=True)  # still being stored
        lock.release()
        for n in range(20):
            assert device.take() == ack(PUBREC if n % 2 else PUBACK, 100 + n)
    assert world.stored("HELD") == list(range(20))


WRITER = """SELECT state || ' ' || coalesce(wait_event_type, '') FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'wardwatch writer'"""
# A gate in the middle of COMMIT itself.
GATE = """CREATE OR REPLACE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NULL; END';
          CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON raw_message DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION gate()"""
CLOSE_GATE = "DO 'BEGIN PERFORM pg_advisory_xact_lock(4711); END'"
AT_GATE = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory' AND objid = 4711"


def test_a_session_that_is_taken_over_while_its_messages_are_committed_hears_no_more_of_them(world):
    with world.device("moved") as old, world.device("moved") as new:
        old.connect()
        world.database.sql(GATE)
        first = Lock(world.database, CLOSE_GATE)
        old.publish("city/MOVED/up/cod", reading(0), qos=1, packet_id=1)
        wait_until(lambda: world.database.value(AT_GATE) == "1", "the first commit to wait")
        for n in range(1, 5):  # these gather meanwhile
            old.publish("city/MOVED/up/cod", reading(n), qos=1, packet_id=1 + n)
        old.ping()
        assert old.take() == (PINGRESP, b"")
        lock = Lock(world.database, CLOSE_GATE, wait=False)
        wait_until(lambda: world.database.value(AT_GATE) == "2", "the lock to wait behind it")
        first.release()
        assert old.take() == ack(PUBACK, 1)
        lock.wait()
        wait_until(lambda: world.database.value(AT_GATE) == "1", "the second commit to wait")
        # Both in one turn of the server's loop: first the new connection, then the commit of four messages.
        os.kill(world.server.process.pid, signal.SIGSTOP)
        try:
            new.send(wire.connect("moved", "dev", world.token))
            lock.release()
            wait_until(lambda: world.database.value(WRITER).startswith("idle"), "the commit")
        finally:
            os.kill(world.server.process.pid, signal.SIGCONT)
        assert new.take()[0] == CONNACK
        assert old.take() == (DISCONNECT, bytes([0x8E]))
        assert old.is_closed()
    world.database.sql("DROP TRIGGER gate ON raw_message")
    assert world.stored("MOVED") == list(range(5))


def test_what_is_sent_again_while_it_waits_brings_no_older_value_back(world):
    """A, B, and both again, as after a lost answer: the value is B, in two versions, also when all of it is one commit."""
    with world.device("again") as device:
        device.connect()
        lock = Lock(world.database)
        said = [json.dumps({"at": 1767225600, "v": v}).encode() for v in (1, 2, 1, 2, 1, 2)]
        for n, payload in enumerate([reading(60), *said]):  # the first holds up the others
            device.publish("city/AGAIN/up/cod", payload, qos=1, packet_id=1 + n)
        device.ping()
        assert device.take() == (PINGRESP, b"")
        lock.release()
        for n in range(7):
            assert device.take() == ack(PUBACK, 1 + n)
    assert world.stored("AGAIN") == [1, 2, 60]


FAIL_ONCE = """DROP SEQUENCE IF EXISTS commits;
               CREATE SEQUENCE commits;
               CREATE OR REPLACE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$
               BEGIN
                   PERFORM pg_advisory_xact_lock_shared(4711);
                   IF nextval('commits') = 1 THEN RAISE 'no room' USING ERRCODE = '{sqlstate}'; END IF;
                   RETURN NULL;
               END $$;
               CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON raw_message DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION gate()"""


@pytest.mark.parametrize("sqlstate", ["53100", "XX001", "42P01"])  # the disk is full, a page is broken, a table is not there
def test_nothing_overtakes_a_message_whose_commit_failed_and_it_is_not_to_blame(world, sqlstate):
    thing = f"LATE-{sqlstate}"
    with world.device("late") as device:
        device.connect()
        device.publish(f"city/{thing}/up/cod", reading(0), qos=1, packet_id=1)
        assert device.take() == ack(PUBACK, 1)
        world.database.sql(FAIL_ONCE.replace("{sqlstate}", sqlstate))
        lock = Lock(world.database, CLOSE_GATE)
        device.publish(f"city/{thing}/up/cod", json.dumps({"at": 1767225660, "v": 1}).encode(), qos=1, packet_id=2)
        wait_until(lambda: world.database.value(AT_GATE) == "1", "the commit to wait")
        device.publish(f"city/{thing}/up/cod", json.dumps({"at": 1767225660, "v": 2}).encode(), qos=1, packet_id=3)
        device.ping()
        assert device.take() == (PINGRESP, b"")
        lock.release()
        assert [device.take(), device.take()] == [ack(PUBACK, 2), ack(PUBACK, 3)]
    world.database.sql("DROP TRIGGER gate ON raw_message")
    assert world.stored(thing) == [0, 1, 2]


def test_what_is_refused_waits_for_its_turn(world):
    with world.device("turn") as device:
        device.connect()
        lock = Lock(world.database)
        device.publish("city/TURN/up/cod", reading(0), qos=1, packet_id=1)
        device.publish("nobody/takes/this", reading(0), qos=1, packet_id=2)
        device.publish("city/TURN/up/cod", reading(1), qos=1, packet_id=3)
        device.ping()
        assert device.take() == (PINGRESP, b"")
        lock.release()
        assert [device.take() for _ in range(3)] == [ack(PUBACK, 1), ack(PUBACK, 2, 0x90), ack(PUBACK, 3)]


def test_a_foreign_feed_and_another_ones_topic_are_denied(world):
    with world.device("foreign") as device:
        device.connect()
        device.publish("other/S9/cod", reading(0), qos=1, packet_id=1)
        assert device.take() == ack(PUBACK, 1, 0x87)
        device.publish("own/somebody/cod", reading(0), qos=2, packet_id=2)
        assert device.take() == ack(PUBREC, 2, 0x87)
        device.publish("own/dev/cod", reading(0), qos=2, packet_id=2)  # the identifier is free again
        assert device.take() == ack(PUBREC, 2)
    with world.device("foreign", version=4) as device:
        device.connect()
        device.publish("other/S9/cod", reading(0), qos=1, packet_id=1)
        assert device.is_closed()
    assert world.stored("S9") == [] and world.stored("somebody") == [] and world.stored("dev") == [0]


def test_a_topic_no_feed_takes_ends_a_connection_of_3_1_1_but_a_brokers_housekeeping_does_not(world):
    with world.device("keeper", version=4) as device:
        device.connect()
        device.publish("$SYS/broker/connection/x/state", b"1", qos=1, packet_id=1)
        assert device.take() == ack(PUBACK, 1)
        device.publish("nobody/takes/this", b"1")
        assert device.is_closed()


def test_poison_becomes_a_dead_letter_and_is_acknowledged(world):
    with world.device("poison") as device:
        device.connect()
        device.publish("city/POISON/up/cod", b"{", qos=1, packet_id=1)
        device.publish("city/POISON/up/cod", b"\xff\xfe", qos=2, packet_id=2)
        device.publish("city/POISON/up/cod", reading(5), qos=1, packet_id=3, retain=True)
        assert [device.take() for _ in range(3)] == [ack(PUBACK, 1), ack(PUBREC, 2), ack(PUBACK, 3)]
    assert world.stored("POISON") == [5]
    rows = world.database.sql("SELECT encode(d.raw, 'hex') FROM dead_letter d JOIN raw_message r ON r.id = d.raw_message_id "
                              "WHERE r.content_type LIKE '%POISON%' ORDER BY d.id")  # fmt: skip
    assert rows == [["7b"], ["fffe"]]


def test_more_in_flight_than_its_maximum_is_borne_and_far_more_ends_the_connection(world):
    with world.device("many") as device:
        device.connect()
        for n in range(1024):  # announced were 32
            device.publish("city/MANY/up/cod", reading(n), qos=2, packet_id=n + 1)
        assert [device.take() for _ in range(1024)] == [ack(PUBREC, n + 1) for n in range(1024)]
        device.publish("city/MANY/up/cod", reading(1024), qos=2, packet_id=1025)
        assert device.take() == (DISCONNECT, bytes([0x93]))
    assert world.stored("MANY") == list(range(1024))


def test_above_its_rate_a_feed_keeps_its_devices_waiting_and_loses_nothing(world):
    with world.device("paced") as device:
        device.connect()
        begun = time.monotonic()
        for n in range(12):
            device.publish("paced/PACED/cod", reading(n), qos=1, packet_id=n + 1)
        assert [device.take() for _ in range(12)] == [ack(PUBACK, n + 1) for n in range(12)]
        assert time.monotonic() - begun > 1.9  # four at once, eight at four a second
    assert world.stored("PACED") == list(range(12))


def test_a_device_that_leaves_after_qos_0_is_still_heard(world):
    with world.device("brief") as device:
        device.connect()
        lock = Lock(world.database)
        for n in range(10):
            device.publish("city/BRIEF/up/cod", reading(n))
        device.send(wire.packet(DISCONNECT, b""))
    lock.release()
    wait_until(lambda: world.stored("BRIEF") == list(range(10)), "what it had sent")


def test_a_large_message_comes_whole_and_a_larger_one_than_announced_ends_the_connection(world):
    items = [json.loads(reading(n)) for n in range(9000)]
    with world.device("large") as device:
        device.connect()
        raw = wire.publish("city/LARGE/up/cod", json.dumps(items).encode(), qos=1, packet_id=1)
        for at in range(0, len(raw), 30_000):
            device.send(raw[at : at + 30_000])
        assert device.take() == ack(PUBACK, 1)
        device.send(wire.packet(wire.PUBLISH)[:1] + wire.varint(2 << 20))
        assert device.take() == (DISCONNECT, bytes([0x95]))
    assert len(world.stored("LARGE")) == 9000


def test_bytes_that_come_one_by_one_are_the_same_packets(world):
    with world.device("drip") as device:
        raw = wire.connect("drip", "dev", world.token) + wire.publish("city/DRIP/up/cod", reading(3), qos=1, packet_id=9)
        for byte in raw:
            device.send(bytes([byte]))
        assert device.take()[0] == CONNACK
        assert device.take() == ack(PUBACK, 9)
    assert world.stored("DRIP") == [3]


def test_garbage_ends_its_connection_only(world):
    with world.device("calm") as calm, world.device("wild") as wild:
        calm.connect()
        wild.connect()
        wild.send(b"\x00\x00\xff\xff")
        assert wild.take() == (DISCONNECT, bytes([0x81]))
        calm.publish("city/CALM/up/cod", reading(1), qos=1, packet_id=1)
        assert calm.take() == ack(PUBACK, 1)


# ---- Other packets ----


@pytest.mark.parametrize("version, denied", [(4, 0x80), (5, 0x87)])
def test_subscriptions_are_refused_each(world, version, denied):
    with world.device("sub", version) as device:
        device.connect()
        properties = b"\x00" if version == 5 else b""
        body = (1).to_bytes(2, "big") + properties + wire.text("a/#") + b"\x01" + wire.text("b") + b"\x00"
        device.send(wire.packet(wire.SUBSCRIBE, body, 2))
        assert device.take() == (SUBACK, b"\x00\x01" + properties + bytes([denied, denied]))
        device.send(wire.packet(wire.UNSUBSCRIBE, (2).to_bytes(2, "big") + properties + wire.text("a/#"), 2))
        assert device.take() == (UNSUBACK, b"\x00\x02" + (properties + b"\x11" if version == 5 else b""))


def test_a_silent_device_is_cut_after_its_keep_alive_and_its_will_is_not_published(world):
    with world.device("silent") as device:
        device.connect(keep_alive=1, will=("city/WILL/up/cod", reading(1)))
        assert device.take() == (DISCONNECT, bytes([0x8D]))
        assert device.is_closed()
    assert world.stored("WILL") == []


def test_the_server_says_goodbye_when_it_ends(new_database, serve, tmp_path):
    world = World(new_database(), serve, Certificate(str(tmp_path)))
    with world.device("last") as device:
        device.connect()
        assert world.server.stop() == 0
        assert device.take() == (DISCONNECT, bytes([0x8B]))


# ---- Real clients ----


def mosquitto_pub(world, thing, *arguments, n=1):
    command = [mosquitto.find("mosquitto_pub"), "-h", "127.0.0.1", "-u", "dev", "-P", world.token, "-t", f"city/{thing}/up/cod", "-m",
               reading(n).decode(), *arguments]  # fmt: skip
    return subprocess.run(command, timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


@needs_mosquitto
@pytest.mark.parametrize("version", ["311", "5"])
@pytest.mark.parametrize("qos", ["0", "1", "2"])
def test_mosquitto_pub_is_content(world, version, qos):
    thing = f"PUB-{version}-{qos}"
    done = mosquitto_pub(world, thing, "-p", str(world.port), "-V", version, "-q", qos)
    assert done.returncode == 0, done.stdout
    wait_until(lambda: world.stored(thing) == [1], "its reading")


@needs_mosquitto
def test_mosquitto_pub_over_tls_checks_the_certificate(world, tmp_path):
    done = mosquitto_pub(world, "TLS", "-p", str(world.tls_port), "-q", "2", "-V", "5", "--cafile", world.certificate.ca)
    assert done.returncode == 0, done.stdout
    assert world.stored("TLS") == [1]
    stranger = Certificate(str(tmp_path))
    assert mosquitto_pub(world, "TLS", "-p", str(world.tls_port), "-q", "1", "--cafile", stranger.ca, n=2).returncode != 0
    assert world.stored("TLS") == [1]


@needs_mosquitto
def test_mosquitto_sub_is_told_that_nothing_is_delivered_here(world):
    done = subprocess.run([mosquitto.find("mosquitto_sub"), "-h", "127.0.0.1", "-p", str(world.port), "-u", "dev", "-P", world.token, "-t", "#"],
                          timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)  # fmt: skip
    assert "denied" in done.stdout


@needs_mosquitto
@pytest.mark.parametrize("version", ["mqttv311", "mqttv50"])
def test_a_bridge_from_a_real_broker_loses_nothing_when_the_server_is_killed(new_database, serve, tmp_path, version):
    world = World(new_database(), serve, Certificate(str(tmp_path / "tls")))
    bridge = ["connection ward", f"address 127.0.0.1:{world.port}", f"bridge_protocol_version {version}", "topic city/# out 1",
              "remote_username dev", f"remote_password {world.token}", "restart_timeout 1", "cleansession false"]  # fmt: skip
    with Mosquitto(str(tmp_path / "broker"), extra=bridge) as broker:
        broker.publish("city/BRIDGE/up/cod", *[reading(n).decode() for n in range(50)], qos=1)
        wait_until(lambda: len(world.stored("BRIDGE")) == 50, "what was bridged")
        world.server.kill()
        broker.publish("city/BRIDGE/up/cod", *[reading(n).decode() for n in range(50, 100)], qos=1)
        world.server = serve(world.database, "--mqtt", f"127.0.0.1:{world.port}")
        wait_until(lambda: len(world.stored("BRIDGE")) == 100, "what the broker had kept")
    assert world.stored("BRIDGE") == list(range(100))
