"""PostgreSQL is killed, as by a power cut, in the middle of an ingest run, and its backends are terminated under the
server: the server stays, says that it is not ready, comes back by itself, and nothing acknowledged is lost.

WW_FAULT_POSTGRES_KILLS (5) and WW_FAULT_SEED (1) choose how often and which moments.
"""

import os
import random

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


def start(new_database, serve, seed):
    database = new_database()
    fault_input.prepare(database)
    token = database.add_account("sender", "feed")
    server = serve(database)
    sources = [fault_input.requests(seed, client) for client in range(6)]
    return database, server, fault_run.Senders(lambda: server.port, token, sources).start()


def check(database, senders, new_database, serve):
    fault_run.check_observations(database, fault_input.expected_versions(senders.taken))
    fault_run.check_books(database)
    plain = new_database()
    fault_input.prepare(plain)
    fault_run.assert_same(fault_run.contents(database), fault_run.run_undisturbed(plain, serve, senders.taken))
    assert senders.statuses[503] > 0


def test_killing_postgres_loses_nothing_and_the_server_comes_back_by_itself(new_database, serve, cluster):
    database, server, senders = start(new_database, serve, SEED + 100)
    rng = random.Random(SEED)
    sizes = []
    for _ in range(KILLS):
        senders.wait_for_kill(rng)
        cluster.kill()
        wait_until(lambda: not is_ready(server), "readyz to say no")
        assert server.client().get("/healthz").status == 200
        cluster.start()
        wait_until(lambda: is_ready(server), "readyz to say yes")
        sizes.append(resident_bytes(server))
    senders.stop()
    assert server.process.poll() is None
    assert max(sizes) - sizes[0] < GROWTH_BYTES, sizes
    check(database, senders, new_database, serve)


def test_terminating_the_writer_loses_nothing(new_database, serve):
    database, server, senders = start(new_database, serve, SEED + 200)
    rng = random.Random(SEED)
    terminated = 0
    for _ in range(KILLS):
        senders.wait_for_kill(rng)
        terminated += int(database.value(TERMINATE))
    senders.stop()
    # Not all find one: the connection waits longer, up to 4 s, each time it is lost again so soon.
    assert server.process.poll() is None and terminated >= KILLS // 2
    check(database, senders, new_database, serve)
