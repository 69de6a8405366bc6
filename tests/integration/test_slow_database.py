"""PostgreSQL stands still, as on a disk that hangs: its writing backend is frozen in the middle of its work. From then on no door
takes more than its bounds, whatever is pushed at it, and the loop goes on answering; when PostgreSQL goes on, all of it is stored."""

import json
import os
import re
import select
import signal
import socket
import sys
import threading
import time

import pytest

from conftest import ROOT, small_quarantine, wait_until

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import hj212_wire
import mqtt_wire
from pull_server import PullServer, Reply

MAPPING = {"thing": "t", "property": {"const": "cod"}, "value": "v", "unit": {"const": "mg/L"}, "time": {"field": "at", "format": "epoch"},
           "register": True}  # fmt: skip
FEEDS = {
    "posts": {**MAPPING, "format": "ndjson"},
    "frames": {"protocol": "hj212", "hj212": {"unknown": "register"}, "register": True, "thing_class": "probe"},
    "topics": {**MAPPING, "format": "json", "thing": {"topic": "thing"}, "protocol": "mqtt", "mqtt": {"topics": ["slow/{thing}"]}},
}
EPOCH = 1_750_000_000
WRITER = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'wardwatch writer'"
STORED = """SELECT count(*) || ' ' || count(DISTINCT o.phenomenon_time) FROM observation o JOIN datastream d ON d.id = o.datastream_id
            JOIN thing t ON t.id = d.thing_id WHERE t.key = :'thing'"""
ROWS = 100  # of a request: a megabyte, most of it in a field that nobody reads
POSTERS = 40
REFUSALS = 20
SOCKETS_BYTES = 32 << 20  # far more than two sockets' buffers, far less than a flood
ROOM_BYTES = 384 << 20  # what may be taken before requests are refused (256 MiB by their reckoning), and its overhead
GROWTH_BYTES = 64 << 20  # afterwards


class Flood:
    """Sends one message after another as fast as the socket takes them, and counts the answers."""

    def __init__(self, connection, messages, take):
        self.connection, self.messages, self.take = connection, messages, take
        self.taken = self.answered = self.sent = 0
        self.blocked = self.ended = False
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)  # all that it holds is stored in the end
        connection.setblocking(False)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        out, incoming = bytearray(), bytearray()
        while not self.ended or out or self.answered < self.taken:
            while not self.ended and len(out) < 65536:
                out += next(self.messages)
                self.taken += 1
            readable, writable, _ = select.select([self.connection], [self.connection] if out else [], [], 0.05)
            self.blocked = bool(out) and not writable
            if writable:
                n = self.connection.send(out)
                self.sent += n
                del out[:n]
            if readable:
                incoming += self.connection.recv(65536)
                while self.take(incoming):
                    self.answered += 1

    def end(self):
        self.ended = True
        self.thread.join(120)
        assert not self.thread.is_alive(), f"{self.answered} of {self.taken} answered"


def frames():
    for n in range(10**6):
        at = time.strftime("%Y%m%d%H%M%S", time.gmtime(EPOCH + n))
        yield hj212_wire.frame(hj212_wire.segment_of(qn=f"{at}{n % 1000:03d}", cn=2011, mn="SLOW", data=f"DataTime={at};w01018-Rtd={n},w01018-Flag=N"))


def publishes():
    for n in range(10**6):
        body = json.dumps({"v": n, "at": EPOCH + n}).encode()
        yield mqtt_wire.publish("slow/topic", body, qos=1, packet_id=n % 65535 + 1, version=4)


def take_puback(incoming):
    whole = len(incoming) >= 4
    del incoming[: 4 * whole]
    return whole


class Poster:
    """One large request, sent until it is stored."""

    def __init__(self, server, token, number):
        self.thing = f"post-{number}"
        self.body = "\n".join(json.dumps({"t": self.thing, "v": n, "at": EPOCH + n, "note": "x" * 10_000}) for n in range(ROWS))
        self.client = server.client(token)
        self.refused, self.status = [], 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            answer = self.client.ingest("posts", self.body)
            self.status = answer.status
            if answer.status not in (429, 503):
                return
            self.refused.append((answer.status, answer.headers["Retry-After"]))
            time.sleep(0.1)


@pytest.fixture
def doors(new_database, serve, scratch, monkeypatch):
    monkeypatch.setenv("ASAN_OPTIONS", small_quarantine())
    database = new_database()
    for name, config in FEEDS.items():
        database.sql("INSERT INTO feed (name, config) VALUES (:'name', :'config')", name=name, config=json.dumps(config))
    tokens = {role: database.add_account(role, role) for role in ("feed", "admin")}
    files = {protocol: os.path.join(scratch, f"slow-{protocol}.port") for protocol in ("hj212", "mqtt")}
    arguments = [a for protocol, file in files.items() for a in (f"--{protocol}", "127.0.0.1:0", f"--{protocol}-port-file", file)]
    server = serve(database, *arguments)
    ports = {protocol: int(wait_until(lambda file=file: server.read_alive(file), "a port")) for protocol, file in files.items()}
    return database, server, ports, tokens


def test_while_the_database_stands_still_every_door_takes_its_bounds_and_no_more(doors):
    database, server, ports, tokens = doors
    token, admin = tokens["feed"], server.client(tokens["admin"])

    def metric(name):
        return float(re.search(rf"^wardwatch_{name} (\S+)$", server.client().get("/metrics").text, re.M).group(1))

    def resident_bytes():
        with open(f"/proc/{server.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def page(request):
        after = int(request.query.get("after", 0))
        return Reply(json={"v": [{"t": "pulled", "v": n, "at": EPOCH + n} for n in range(after, after + 50)], "c": after + 50})

    device = mqtt_wire.Device(ports["mqtt"], "slow", "feed", token, version=4)
    device.connect()
    station = socket.create_connection(("127.0.0.1", ports["hj212"]))
    with PullServer() as endpoint, device, station:
        endpoint.answer = page
        source = {"url": endpoint.url(), "every_s": 1, "paging": {"by": "cursor", "param": "after", "field": "c"}}
        config = {**MAPPING, "format": "json", "records": "v", "protocol": "pull", "pull": source}
        assert admin.post("/api/v1/feeds", {"name": "pulled", "config": config}).status == 201
        floods = [Flood(station, frames(), hj212_wire.take_frame), Flood(device.socket, publishes(), take_puback)]
        wait_until(lambda: all(flood.answered > 100 for flood in floods) and len(endpoint.asked) > 2, "all doors to be busy")

        before = resident_bytes()
        writer = int(database.value(WRITER))
        os.kill(writer, signal.SIGSTOP)
        try:
            posters = [Poster(server, token, n) for n in range(POSTERS)]
            wait_until(lambda: metric("hj212_paused") == 1 and metric("mqtt_paused") == 1, "both devices to be paused")

            def refuse_more():
                goal = sum(len(p.refused) for p in posters) + REFUSALS
                wait_until(lambda: sum(len(p.refused) for p in posters) >= goal, "requests to be refused")

            def is_full():
                """While so many requests are refused no socket takes a byte."""
                taken = [flood.sent for flood in floods]
                refuse_more()
                return all(flood.blocked for flood in floods) and [flood.sent for flood in floods] == taken

            wait_until(is_full, "the devices' sockets to be full")
            asked, full = len(endpoint.asked), resident_bytes()
            refuse_more()
            assert max(flood.sent for flood in floods) < SOCKETS_BYTES
            assert len(endpoint.asked) <= asked + 1
            assert server.client().get("/healthz").status == 200
            grown = resident_bytes()
            assert full - before < ROOM_BYTES and grown - full < GROWTH_BYTES, (before, full, grown)
        finally:
            os.kill(writer, signal.SIGCONT)
        for poster in posters:
            poster.thread.join(120)
        assert all(p.status == 200 for p in posters)
        assert all(int(wait) > 0 for p in posters for _, wait in p.refused)
        wait_until(lambda: len(endpoint.asked) > asked + 2, "pages to be asked for again")
        for flood in floods:
            flood.end()
    for thing, flood in zip(("SLOW", "topic"), floods):
        assert database.value(STORED, thing=thing) == f"{flood.taken} {flood.taken}"
    assert all(database.value(STORED, thing=p.thing) == f"{ROWS} {ROWS}" for p in posters)
