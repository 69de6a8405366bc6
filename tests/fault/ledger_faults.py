"""What goes wrong while the clients send: each kind in a thread of its own, at moments that a seed chose.

Kinds overlap as they like: the server dies while the cable is cut, PostgreSQL while it starts again.
"""

import os
import random
import signal
import threading
import time

BACKENDS = """SELECT pid FROM pg_stat_activity
              WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'wardwatch%' ORDER BY pid"""


class Plan:
    """Seconds between two faults of a kind (from, to), and how long cuts are. The hour: a hundred of each and more;
    of backends there are often none to be killed, with PostgreSQL gone."""

    def __init__(self, long):
        self.server = (5, 30) if long else (5, 12)
        self.backend = (12, 30) if long else (8, 14)
        self.terminate = (20, 60) if long else (12, 24)
        self.postmaster = (20, 45) if long else (14, 22)
        self.cut = (4, 24) if long else (4, 9)
        self.cut_s = (1, 60) if long else (1, 12)


class Faults:
    """`stage`: house, cluster, cable (or None), database. Counts of what was done; `healed`: (kind, moment) of each end."""

    def __init__(self, stage, seed, plan):
        self.stage = stage
        self.plan = plan
        self.closing = threading.Event()
        self.postgres = threading.Lock()  # one at a time stops and starts it
        self.counts = {}
        self.busy = {}  # of these, with messages under way
        self.healed = []
        self.errors = []
        kinds = {
            "server": self.kill_server, "backend": self.kill_backend, "terminate": self.terminate_backend,
            "postmaster": self.kill_postmaster,
        }  # fmt: skip
        if stage.cable:
            kinds["cut"] = self.cut
        self.threads = [
            threading.Thread(target=self.run, args=(kind, act, random.Random(f"{seed} {kind}")), daemon=True)
            for kind, act in kinds.items()
        ]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        for thread in self.threads:
            thread.join()

    def run(self, kind, act, rng):
        while not self.closing.wait(rng.uniform(*getattr(self.plan, kind))):
            try:
                act(rng)
            except Exception as e:  # pylint: disable=broad-except  # a thread's end must be seen by the test
                self.errors.append(f"{kind}: {type(e).__name__}: {e}")
                return

    def note(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1
        self.busy[what] = self.busy.get(what, 0) + (self.stage.waiting() > 0)

    def heal(self, what):
        self.healed.append((what, time.monotonic()))

    def kill_server(self, _):
        self.note("server kill -9")
        self.stage.house.kill()
        self.heal("server kill -9")

    def backends(self):
        try:
            return [int(row[0]) for row in self.stage.database.sql(BACKENDS)]
        except RuntimeError:  # it is down
            return []

    def kill_backend(self, rng):
        """Then PostgreSQL throws out all others and recovers, as after a crash."""
        self.signal_backend(rng, signal.SIGKILL, "backend kill -9")

    def terminate_backend(self, rng):
        """As pg_terminate_backend does: the others stay."""
        self.signal_backend(rng, signal.SIGTERM, "backend terminated")

    def signal_backend(self, rng, number, what):
        with self.postgres:
            pids = self.backends()
            if not pids:
                return
            self.note(what)
            try:
                os.kill(rng.choice(pids), number)
            except ProcessLookupError:
                pass
        self.heal(what)

    def kill_postmaster(self, rng):
        away_s = rng.choice([0, 0, rng.uniform(0, 3)])
        with self.postgres:
            self.note("postmaster kill -9")
            self.stage.cluster.kill()
            self.closing.wait(away_s)
            self.stage.cluster.start()
        self.heal("postmaster kill -9")

    def cut(self, rng):
        """Sometimes PostgreSQL loses its end of the connections meanwhile: the server's end is then half-open."""
        shortest, longest = self.plan.cut_s
        lasts_s = shortest * (longest / shortest) ** rng.random()
        how = rng.choice(self.stage.cable.CUTS)
        half_open = rng.random() < 0.4
        self.note(f"cut, {how}")
        self.stage.cable.cut(how)
        try:
            self.closing.wait(lasts_s / 2)
            if half_open:
                self.lose_far_end()
            self.closing.wait(lasts_s / 2)
        finally:
            self.stage.cable.mend()
        self.heal(f"cut, {how}")

    def lose_far_end(self):
        pids = self.backends()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        if pids:
            self.note("half-open connections")
