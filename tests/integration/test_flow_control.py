"""PostgreSQL goes away under load from HTTP, HJ 212 and a pulled feed: nothing is acknowledged meanwhile, memory stays flat, and
afterwards everything that was acknowledged is there, once. How soon it goes on is printed, not judged."""

import datetime
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from conftest import ROOT, find_program, wait_until

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from hj212_wire import Station  # noqa: E402
from pull_server import PullServer, Reply  # noqa: E402

MAPPING = {"thing": "t", "property": {"const": "cod"}, "value": "v", "unit": {"const": "mg/L"}, "time": {"field": "at", "format": "epoch"},
           "register": True}  # fmt: skip
EPOCH = 1_760_000_000
START = "2026-03-01T00:00:00Z"
STATIONS = 50
BATCH = 50  # rows of a pulled page
MORE_BYTES = 256 << 20  # that the server may grow by while it can store nothing: its bounds are 64 MiB for devices, and requests'


def simulate(*arguments):
    return [find_program(), "simulate", "--protocol", "hj212", *arguments]


class Poster:
    """Posts one value after another, without a pause, until told to end."""

    def __init__(self, server, token, thing):
        self.client = server.client(token)
        self.thing = thing
        self.stored, self.refused = [], []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        n = 0
        while not self.ended.is_set():
            answer = self.client.ingest("posts", json.dumps({"t": self.thing, "v": n, "at": EPOCH + n}))
            if answer.status == 200:
                self.stored.append(n)
                n += 1
            else:
                self.refused.append((answer.status, answer.headers["Retry-After"]))

    def end(self):
        self.ended.set()
        self.thread.join(60)
        return set(self.stored)


def resident_bytes(server):
    with open(f"/proc/{server.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def house(cluster, new_database, serve, scratch):
    """(database, server, HJ 212 port, tokens) with one feed of each kind."""
    database = new_database()
    hj212 = subprocess.run(simulate("--print-feed"), stdout=subprocess.PIPE, text=True, check=True).stdout
    for name, config in (("posts", json.dumps({**MAPPING, "format": "ndjson"})), ("sim", hj212)):
        database.sql("INSERT INTO feed (name, config) VALUES (:'name', :'config')", name=name, config=config)
    tokens = {role: database.add_account(role, role) for role in ("feed", "admin")}
    port_file = os.path.join(scratch, f"flow-{database.name}.port")
    server = serve(database, "--hj212", "127.0.0.1:0", "--hj212-port-file", port_file)
    yield database, server, int(wait_until(lambda: server.read_alive(port_file), "the HJ 212 port")), tokens
    cluster.start()  # whatever failed: the others need it


def seconds(database, pattern):
    """{thing: [seconds of its readings]}; a reading in two versions stands twice."""
    found = {}
    for key, at in database.sql(
        """SELECT DISTINCT t.key, extract(epoch FROM o.phenomenon_time)::bigint::text || ' ' || o.version
           FROM observation o JOIN datastream d ON d.id = o.datastream_id JOIN thing t ON t.id = d.thing_id
           WHERE t.key LIKE :'pattern'""",
        pattern=pattern,
    ):
        found.setdefault(key, []).append(int(at.split()[0]))
    return found


def test_a_database_that_is_away_for_a_while_costs_nothing_but_the_while(cluster, house, scratch):
    database, server, port, tokens = house
    admin = server.client(tokens["admin"])
    log = os.path.join(scratch, "flow-acknowledged")

    def answer(request):
        after = int(request.query.get("after", 0))
        return Reply(json={"v": [{"t": "pulled", "v": n, "at": EPOCH + n} for n in range(after, after + BATCH)], "c": after + BATCH})

    with PullServer() as endpoint:
        endpoint.answer = answer
        source = {"url": endpoint.url(), "every_s": 1, "paging": {"by": "cursor", "param": "after", "field": "c"}}
        config = {**MAPPING, "format": "json", "records": "v", "protocol": "pull", "pull": source}
        assert admin.post("/api/v1/feeds", {"name": "pulled", "config": config}).status == 201
        flood = subprocess.Popen(
            simulate("--to", f"127.0.0.1:{port}", "--stations", str(STATIONS), "--factors", "3", "--window", "4", "--prefix", "FLOW",
                     "--start", START, "--step", "60", "--every", "0.05", "--ack-log", log),
            stdout=subprocess.PIPE, text=True)  # fmt: skip
        posters = [Poster(server, tokens["feed"], f"poster-{n}") for n in range(4)]
        try:
            wait_until(lambda: all(len(p.stored) > 20 for p in posters), "posts to be stored")
            wait_until(lambda: len(seconds(database, "FLOW%")) == STATIONS, "all stations to be heard")
            wait_until(lambda: "pulled" in seconds(database, "pulled"), "pages to be stored")

            before = resident_bytes(server)
            cluster.stop()
            wait_until(lambda: server.client().get("/readyz").status == 503, "the server to see it")
            asked = len(endpoint.asked)
            stored = [len(p.stored) for p in posters]
            acknowledged = os.path.getsize(log)
            refused = [len(p.refused) for p in posters]
            probe = Station(port, "FLOW-PROBE")
            probe.upload(2011, "DataTime=20260801080000;w01018-Rtd=1,w01018-Flag=N")
            most = before
            for n in range(100, 1001, 100):
                wait_until(lambda n=n: all(len(p.refused) >= r + n for p, r in zip(posters, refused)), "refusals")
                most = max(most, resident_bytes(server))
            probe.says_nothing()
            assert [len(p.stored) for p in posters] == stored and os.path.getsize(log) == acknowledged
            assert len(endpoint.asked) <= asked + 1
            for poster, r in zip(posters, refused):
                assert all(status == 503 and int(wait) > 0 for status, wait in poster.refused[r:]), poster.refused[-3:]
            assert most - before < MORE_BYTES

            cluster.start()
            back = time.monotonic()
            took = {}
            waiting = {
                "HTTP": lambda: all(len(p.stored) > s for p, s in zip(posters, stored)),
                "HJ 212": lambda: os.path.getsize(log) > acknowledged,
                "pull": lambda: len(endpoint.asked) > asked + 1,
            }
            for name, is_back in waiting.items():
                wait_until(is_back, f"{name} to go on")
                took[name] = round(time.monotonic() - back, 2)
            assert probe.take_cn(9014) is not None
            probe.close()
            print(f"\nPostgreSQL is back: {took} s to the first acknowledgement; {(most - before) >> 10} KiB more memory while it was away")
        finally:
            flood.send_signal(signal.SIGINT)
            flood.communicate(timeout=60)
            kept = {p.thing: p.end() for p in posters}
        assert admin.put("/api/v1/feeds/pulled", {"enabled": False}).status == 200

    there = seconds(database, "poster-%")
    for thing, numbers in kept.items():
        assert {at - EPOCH for at in there[thing]} >= numbers and len(set(there[thing])) == len(there[thing])
    first = int(datetime.datetime.fromisoformat(START.replace("Z", "+00:00")).timestamp())
    there = seconds(database, "FLOW%")
    with open(log, encoding="ascii") as file:
        lines = [line.split() for line in file]
    assert len(lines) > STATIONS
    for mn, message in lines:
        assert first + 60 * int(message) in there[mn], f"{mn} {message} was acknowledged and is not there"
    assert all(len(set(times)) == len(times) for times in there.values())
    pulled = sorted(at - EPOCH for at in seconds(database, "pulled")["pulled"])
    assert pulled == list(range(len(pulled))) and len(pulled) % BATCH == 0


def test_a_door_that_cannot_be_is_told_before_the_database_is_asked_for():
    done = subprocess.run([find_program(), "serve", "--db", "host=/nowhere", "--mqtt", "1883"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "wardwatch serve: --mqtt must be HOST:PORT, not 1883 [mqtt]\n")
