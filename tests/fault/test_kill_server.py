"""kill -9 of the server in the middle of an ingest run: nothing acknowledged is lost, nothing is there twice,
and the alerts are those of a run that nobody disturbed.

WW_FAULT_KILLS (20) and WW_FAULT_SEED (1) choose how often and which moments.
"""

import os
import random
import time

import fault_input
import fault_run
from ww_fixtures import wait_until

KILLS = int(os.environ.get("WW_FAULT_KILLS", "20"))
SEED = int(os.environ.get("WW_FAULT_SEED", "1"))
NOBODY = 9  # a port where nothing listens: the dead server's own may belong to somebody else by now


class Survivor:
    """A server that is started again each time it is killed."""

    def __init__(self, serve, database):
        self.serve = serve
        self.database = database
        self.current = serve(database)

    def port(self):
        return self.current.port if self.current else NOBODY

    def kill_and_restart(self):
        dead, self.current = self.current, None
        dead.kill()
        self.current = self.serve(self.database, ready=False)


def test_killing_the_server_many_times_changes_nothing_that_was_acknowledged(new_database, serve):
    plain, disturbed = new_database(), new_database()
    for database in (plain, disturbed):
        fault_input.prepare(database)
    clients = fault_input.make_input(SEED, n_requests=max(90, KILLS * 9 // 2))  # enough work between two kills
    wanted = fault_run.run_undisturbed(plain, serve, clients)
    assert len(wanted["alerts"]) > 100 and len(wanted["dead letters"]) > 20
    assert sum(alert[5] == "cleared" for alert in wanted["alerts"]) > 50
    fault_run.check_observations(plain, fault_input.expected_versions(clients))

    rng = random.Random(SEED)
    token = disturbed.add_account("sender", "feed")
    survivor = Survivor(serve, disturbed)
    senders = fault_run.Senders(survivor.port, token, clients).start()
    for n in range(KILLS):
        assert senders.wait_acknowledged((n + 1) * senders.total // (KILLS + 2)), senders.errors
        time.sleep(rng.random() * 0.03)  # another phase of the work each time
        wait_until(lambda: senders.in_flight > 0, "a request to be under way")
        survivor.kill_and_restart()
    senders.finish()
    assert survivor.current.stop() == 0

    assert senders.statuses[0] >= KILLS // 2, senders.statuses  # requests that were cut off
    fault_run.check_observations(disturbed, fault_input.expected_versions(clients))
    fault_run.check_books(disturbed)
    fault_run.assert_same(fault_run.contents(disturbed), wanted)
