"""Big answers of /ogc/: in constant memory, as slow as their reader, and ended when he hangs up."""

import os
import re
import socket
import threading

import pytest

from conftest import small_quarantine, wait_until

SEED = """
CREATE TABLE layers.big AS SELECT n AS id, '500115001'::text AS ward, repeat('x', 200) AS t, ST_SetSRID(ST_MakePoint(107 + n * 1e-6, 29), 4490)::geometry(Point, 4490) AS geom
FROM generate_series(1, 300000) n;
ALTER TABLE layers.big ADD PRIMARY KEY (id);
CREATE VIEW layers.slow AS SELECT n AS id, '500115001'::text AS ward, pg_sleep(0.2)::text AS t FROM generate_series(1, 100000) n;
"""
ACTIVE = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'wardwatch features' AND datname = current_database() AND state <> 'idle'"


@pytest.fixture(scope="module")
def server(database, serve):
    database.sql(SEED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASAN_OPTIONS", small_quarantine())
        started = serve(database)
    started.token = database.add_account("analyst", "analyst")
    return started


def memory_mib(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024


def begin(server, target, receive_buffer=None):
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.connect(("127.0.0.1", server.port))
    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {server.token}\r\nConnection: close\r\n\r\n".encode())
    connection.settimeout(60)
    return connection


def test_a_whole_layer_is_never_held(server):
    client = server.client(server.token)
    client.get("/ogc/collections/big/items?limit=10000")
    before = memory_mib(server)
    most = [before]
    done = threading.Event()

    def watch():
        while not done.wait(0.05):
            most.append(memory_mib(server))

    watcher = threading.Thread(target=watch)
    watcher.start()
    size, lines = 0, 0
    with begin(server, "/ogc/collections/big/items?f=csv") as connection:
        while data := connection.recv(1 << 20):
            size += len(data)
            lines += data.count(b"\r\n")
    done.set()
    watcher.join()
    assert size > 60e6 and lines > 300000
    assert max(most) - before < 24, (before, max(most))


def test_a_reader_who_stops_costs_no_memory_and_holds_up_nobody(server, database):
    before = memory_mib(server)
    with begin(server, "/ogc/collections/big/items?f=ndjson", 4096) as connection:
        connection.recv(4096)
        wait_until(lambda: int(database.value(ACTIVE)) == 1, "the stream")
        for _ in range(20):
            assert server.client(server.token).get("/ogc/collections/big/items?limit=1000").json["numberReturned"] == 1000
        assert memory_mib(server) - before < 24
    wait_until(lambda: int(database.value(ACTIVE)) == 0, "the stream to end with its reader")


def test_a_query_ends_with_its_reader(server, database):
    connection = begin(server, "/ogc/collections/slow/items?f=csv")
    wait_until(lambda: int(database.value(ACTIVE)) == 1, "the query")
    connection.close()
    wait_until(lambda: int(database.value(ACTIVE)) == 0, "the query to end")


def test_what_takes_the_database_too_long_is_told(server, database):
    database.sql("CREATE VIEW layers.sleepy AS SELECT 1 AS id, '500115001'::text AS ward, pg_sleep(40)::text AS t")
    answer = server.client(server.token).get("/ogc/collections/sleepy/items")
    assert answer.status == 503 and answer.headers["Retry-After"] and "too long" in answer.json["error"]["message"]
    database.sql("DROP VIEW layers.sleepy")


def test_a_layer_that_fails_says_so_and_is_cut_when_it_has_begun(server, database):
    database.sql("CREATE VIEW layers.broken AS SELECT n AS id, '500115001'::text AS ward, repeat('y', 1000) AS pad, 1 / (290000 - n) AS t FROM layers.big b, LATERAL (SELECT b.id AS n) s")
    client = server.client(server.token)
    assert client.get("/ogc/collections/broken/items?id=290000").status == 400
    received = b""
    with begin(server, "/ogc/collections/broken/items?f=ndjson") as connection:
        with pytest.raises(ConnectionResetError):
            while data := connection.recv(1 << 20):
                received = (received + data)[-100:]
    assert not received.endswith(b"0\r\n\r\n")
    assert "features=cut" in server.log()
    database.sql("DROP VIEW layers.broken")


def test_open_readers_end_with_the_server(database, serve):
    server = serve(database)
    server.token = database.add_account("late", "analyst")
    connection = begin(server, "/ogc/collections/big/items?f=csv", 4096)
    connection.recv(100)
    assert server.stop() == 0
    connection.close()
    assert os.path.exists(server.log_path) and "assert" not in server.log().lower()
