"""kill -9 of the server in the middle of an ingest run: nothing acknowledged is lost, nothing is there twice,
and the alerts are those of a run that nobody disturbed.

WW_FAULT_KILLS (20) and WW_FAULT_SEED (1) choose how often and which moments.
"""

import os
import random

import fault_input
import fault_run

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
    disturbed, plain = new_database(), new_database()
    for database in (disturbed, plain):
        fault_input.prepare(database)
    rng = random.Random(SEED)
    token = disturbed.add_account("sender", "feed")
    survivor = Survivor(serve, disturbed)
    senders = fault_run.Senders(survivor.port, token, [fault_input.requests(SEED, client) for client in range(6)]).start()
    for _ in range(KILLS):
        senders.wait_for_kill(rng)
        survivor.kill_and_restart()
    senders.stop()
    assert survivor.current.stop() == 0

    assert senders.statuses[0] >= KILLS // 2, senders.statuses  # requests that were cut off
    expected = fault_input.expected_versions(senders.taken)
    fault_run.check_observations(disturbed, expected)
    fault_run.check_books(disturbed)
    wanted = fault_run.run_undisturbed(plain, serve, senders.taken)
    assert len(wanted["alerts"]) > 50 and len(wanted["dead letters"]) > 20
    assert sum(alert[5] == "cleared" for alert in wanted["alerts"]) > 25
    fault_run.check_observations(plain, expected)
    fault_run.assert_same(fault_run.contents(disturbed), wanted)
