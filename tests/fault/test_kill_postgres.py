"""PostgreSQL is killed, as by a power cut, in the middle of an ingest run, and its backends are terminated under the
server: the server stays, says that it is not ready, comes back by itself, and nothing acknowledged is lost.

WW_FAULT_POSTGRES_KILLS (5) and WW_FAULT_SEED (1) choose how often and which moments.
"""

import os
import random
import time

import pytest

import fault_input
import fault_run
from ww_fixtures import wait_until

KILLS = int(os.environ.get("WW_FAULT_POSTGRES_KILLS", "5"))
SEED = int(os.environ.get("WW_FAULT_SEED", "1"))
TERMINATE = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'wardwatch writer'"""
GROWTH_BYTES = 48 << 20  # what a group of requests may hold for a moment


def is_ready(server):
    return server.client().get("/readyz").status == 200


def resident_bytes(server):
    with open(f"/proc/{server.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.fixture(scope="module")
def clients():
    return fault_input.make_input(SEED + 100, n_requests=max(60, KILLS * 12))  # enough work between two kills


@pytest.fixture(scope="module")
def undisturbed(new_database, serve, clients):
    database = new_database()
    fault_input.prepare(database)
    return fault_run.run_undisturbed(database, serve, clients)


def start(new_database, serve, clients):
    database = new_database()
    fault_input.prepare(database)
    token = database.add_account("sender", "feed")
    server = serve(database)
    return database, server, fault_run.Senders(lambda: server.port, token, clients).start()


def check(database, senders, clients, undisturbed):
    fault_run.check_observations(database, fault_input.expected_versions(clients))
    fault_run.check_books(database)
    fault_run.assert_same(fault_run.contents(database), undisturbed)
    assert senders.statuses[503] > 0


def test_killing_postgres_loses_nothing_and_the_server_comes_back_by_itself(new_database, serve, cluster, clients, undisturbed):
    database, server, senders = start(new_database, serve, clients)
    rng = random.Random(SEED)
    sizes = []
    for n in range(KILLS):
        assert senders.wait_acknowledged((n + 1) * senders.total // (KILLS + 2)), senders.errors
        time.sleep(rng.random() * 0.03)  # another phase of the work each time
        wait_until(lambda: senders.in_flight > 0, "a request to be under way")
        cluster.kill()
        wait_until(lambda: not is_ready(server), "readyz to say no")
        assert server.client().get("/healthz").status == 200
        cluster.start()
        wait_until(lambda: is_ready(server), "readyz to say yes")
        sizes.append(resident_bytes(server))
    senders.finish()
    assert server.process.poll() is None
    assert max(sizes) - sizes[0] < GROWTH_BYTES, sizes
    check(database, senders, clients, undisturbed)


def test_terminating_the_writer_loses_nothing(new_database, serve, clients, undisturbed):
    database, server, senders = start(new_database, serve, clients)
    rng = random.Random(SEED)
    terminated = 0
    for n in range(KILLS):
        assert senders.wait_acknowledged((n + 1) * senders.total // (KILLS + 2)), senders.errors
        time.sleep(rng.random() * 0.02)
        terminated += int(database.value(TERMINATE))
    senders.finish()
    # Not all find one: the connection waits longer, up to 4 s, each time it is lost again so soon.
    assert server.process.poll() is None and terminated >= KILLS // 2
    check(database, senders, clients, undisturbed)
