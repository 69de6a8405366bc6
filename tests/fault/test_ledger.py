"""Nothing acknowledged is lost: devices on HTTP, HJ 212 and MQTT write down every acknowledgement while the server, PostgreSQL
and the cable between them fail, and afterwards the database holds all of it, once, and the alerts of a run without faults.

WW_FAULT_LEDGER_S (150): seconds of all of it; from 600 on faults come at the pace of the long form (4200: a hundred of
each). WW_FAULT_SEED (1) chooses moments and messages. WW_FAULT_REPORT: a file to which the table of figures is added.
"""

import os
import subprocess
import threading
import time
import types

import pytest

import fault_input
import fault_run
import ledger_check
import ledger_clients
import ledger_input
import ledger_net
from ledger_faults import Faults, Plan
from ledger_house import House, Watch
from ww_fixtures import Database, wait_until

SECONDS = int(os.environ.get("WW_FAULT_LEDGER_S", "150"))
SEED = int(os.environ.get("WW_FAULT_SEED", "1"))
LONG = SECONDS >= 600
PROTOCOLS = os.environ.get("WW_FAULT_PROTOCOLS", "http,hj212,mqtt").split(",")
STORM_S = max(20, SECONDS - 90)  # the rest is for the other tests of this file
N_CLIENTS = 4  # of each protocol
RATE = {"http": 6, "hj212": 20, "mqtt": 12}  # messages a second of one client while things break
DRAIN_S = 600  # a deadline, not a measure
CUT_S = 60 if LONG else 25
RATE_S = 8 if LONG else 4
HEALS_S = 60  # a deadline too: by itself, or only when something times out minutes later
GROWTH_BYTES = 128 << 20  # while the database is away and everybody pushes
DISK_BYTES = 420 << 20


# ---- The stage: PostgreSQL at the end of a cable, databases, clients ----


@pytest.fixture(scope="module")
def cable():
    if ledger_net.why_not():
        yield None
        return
    with ledger_net.Cable() as laid:
        yield laid


@pytest.fixture(scope="module")
def cluster(scratch, cable):
    made = ledger_net.CableCluster(os.path.join(scratch, "ledger-pg"), cable)
    yield made
    if cable:
        cable.mend()
    made.run("remove")


def make_database(cluster, name):
    database = cluster.create_database(name)
    fault_input.prepare(database)
    database.sql("DELETE FROM feed")
    for protocol in PROTOCOLS:
        database.sql(
            "INSERT INTO feed (name, config) VALUES (:'name', :'config')",
            name=ledger_input.FEED_NAMES[protocol], config=ledger_check.config_of(protocol),
        )  # fmt: skip
    return database


class Devices:
    """All clients of a run. `limits`: {client's name: messages}, as another run's `counts()` gives them."""

    def __init__(self, house, token, directory, *, seed=SEED, paced=True, limits=None, windows=(8, 8), n=N_CLIENTS):
        os.makedirs(directory, exist_ok=True)
        self.seed = seed
        self.clients = []
        for protocol in PROTOCOLS:
            for number in range(n):
                kind = ledger_clients.KINDS[protocol]
                self.clients.append(
                    kind(
                        number, ledger_input.messages(protocol, seed, number), house.port_of, token,
                        os.path.join(directory, f"{protocol}{number}"), rate=RATE[protocol] if paced else None,
                        limit=limits and limits[f"{protocol}{number}"], window=windows[protocol == "mqtt"],
                    )  # fmt: skip
                )
        self.threads = [threading.Thread(target=client.run, daemon=True) for client in self.clients]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.leaving = True
        for thread in self.threads:
            thread.join()

    def source_of(self, client):
        return ledger_input.messages(client.protocol, self.seed, client.number)

    def counts(self):
        return {client.name: client.taken for client in self.clients}

    def waiting(self):
        return sum(client.waiting for client in self.clients)

    def last_ack(self):
        return max(client.last_ack for client in self.clients)

    def acknowledged(self):
        return sum(client.acknowledged for client in self.clients)

    def check(self):
        errors = [error for client in self.clients for error in client.errors]
        assert not errors, errors[:3]

    def wait_acknowledged(self, more):
        """Every client gets `more` acknowledgements."""
        goals = [(client, client.acknowledged + more) for client in self.clients]

        def reached():
            self.check()
            return all(client.acknowledged >= goal for client, goal in goals)

        wait_until(reached, f"{more} acknowledgements for everybody", DRAIN_S)

    def finish(self, deadline_s=DRAIN_S):
        for client in self.clients:
            client.stopping = True
        end = time.monotonic() + deadline_s
        for thread, client in zip(self.threads, self.clients):
            thread.join(max(0.1, end - time.monotonic()))
            self.check()
            assert not thread.is_alive(), f"{client.name} waits in vain for {client.waiting} acknowledgements"


def run_undisturbed(cluster, name, directory, counts, seed=SEED):
    database = make_database(cluster, name)
    token = database.add_account("devices", "feed")
    with House(cluster.server_conninfo(name), directory, PROTOCOLS) as house:
        with Devices(house, token, os.path.join(directory, name), seed=seed, paced=False, limits=counts) as devices:
            devices.finish(DRAIN_S + SECONDS)
        assert house.close() == 0 and house.starts == 1
    return database


def add_counts(report, devices, ledger, watch):
    for protocol in PROTOCOLS:
        of = [client for client in devices.clients if client.protocol == protocol]
        taken, sends, calls = (sum(getattr(c, what) for c in of) for what in ("taken", "sends", "connections"))
        acked, gave_up = sum(c.acknowledged for c in of), sum(c.gave_up for c in of)
        more = f", {gave_up:,} with a wrong CRC never acknowledged" if gave_up else ""
        report.add(f"{protocol}: messages", f"{taken:,}, {acked:,} acknowledged{more}; {sends - taken:,} sent again; {calls:,} connections")
    report.add("values acknowledged", f"{ledger.acknowledged_values:,}")
    report.add("**acknowledged and lost**", f"**{len(ledger.lost)}**")
    report.add("**stored twice, or in versions that nobody sent**", f"**{len(ledger.twice)}**")
    report.add("samples of /metrics in which received ≠ stored + duplicates + dead + in flight + refused", f"{len(watch.wrong)} of {watch.samples:,}")
    report.add("largest memory of the server", ledger_check.mib(watch.largest()))


# ---- The tests ----


def test_whatever_is_killed_and_cut_nothing_acknowledged_is_lost_and_the_alerts_are_the_same(cluster, cable, scratch):
    directory = os.path.join(scratch, "storm")
    os.makedirs(directory)
    database = make_database(cluster, "storm")
    token = database.add_account("devices", "feed")
    with House(cluster.server_conninfo("storm"), directory, PROTOCOLS) as house:
        with Devices(house, token, os.path.join(directory, "journals")) as devices, Watch(house) as watch:
            devices.wait_acknowledged(5)
            stage = types.SimpleNamespace(house=house, cluster=cluster, cable=cable, database=database, waiting=devices.waiting)
            with Faults(stage, SEED, Plan(LONG)) as faults:
                end = time.monotonic() + STORM_S
                while time.monotonic() < end and not faults.errors:
                    time.sleep(0.2)
                    devices.check()
            assert not faults.errors, faults.errors
            devices.wait_acknowledged(1)  # everything is whole again: everybody gets on
            devices.finish()
        assert house.close() == 0
        assert not house.ends, house.ends[0]

    ledger = ledger_check.Ledger()
    ledger.check(database, devices.clients, devices.source_of)
    report = ledger_check.Report(f"Kills and cuts, {STORM_S} s, seed {SEED}" + ("" if cable else f" (no cuts: {ledger_net.why_not()})"))
    for what, count in sorted(faults.counts.items()):
        report.add(what, f"{count}, {faults.busy[what]} with messages under way")
    add_counts(report, devices, ledger, watch)
    for kind, (median, longest) in ledger_check.recovery(faults.healed, ledger.moments).items():
        report.add(f"to the next acknowledgement after: {kind}", f"median {median:.2f} s, longest {longest:.2f} s (with other faults meanwhile)")
    ledger.assert_holds()
    assert not watch.wrong, watch.wrong[0]
    fault_run.check_books(database)
    undisturbed = run_undisturbed(cluster, "calm", directory, devices.counts())
    same = ledger_check.assert_same(database, undisturbed, directory)
    assert same["alerts"] > 10 and same["dead letters"] > 10
    for what, count in same.items():
        report.add(f"{what} equal to those of a run without faults", f"{count:,}")
    report.write()
    assert faults.counts["server kill -9"] >= 3 and faults.counts["postmaster kill -9"] >= 2


def rate(devices, seconds):
    """Acknowledgements a second: a figure for the report."""
    before, begin = devices.acknowledged(), time.monotonic()
    time.sleep(seconds)
    return (devices.acknowledged() - before) / (time.monotonic() - begin)


def test_while_the_cable_is_cut_memory_stays_flat_and_then_all_goes_on_by_itself(cluster, cable, scratch):
    if not cable:
        pytest.skip(ledger_net.why_not())
    directory = os.path.join(scratch, "cut")
    os.makedirs(directory)
    database = make_database(cluster, "cut")
    token = database.add_account("devices", "feed")
    window = 5000 if LONG else 1000  # nobody waits for an answer before the next message: sockets fill up
    with House(cluster.server_conninfo("cut"), directory, PROTOCOLS) as house:
        with Devices(
            house, token, os.path.join(directory, "journals"), seed=SEED + 1, paced=False, windows=(window, window)
        ) as devices, Watch(house) as watch:
            devices.wait_acknowledged(5)
            before = rate(devices, RATE_S)
            cut_at = time.monotonic()
            cable.cut("down")
            time.sleep(CUT_S / 2)  # what was under way is answered, or not
            silent = rate(devices, CUT_S / 2)
            unready = not house.is_ready()
            cable.mend()
            mended_at = time.monotonic()
            wait_until(lambda: devices.last_ack() > mended_at, "an acknowledgement after the cut", HEALS_S)
            first_s = devices.last_ack() - mended_at
            devices.wait_acknowledged(5)
            all_s = time.monotonic() - mended_at
            after = rate(devices, RATE_S)
            devices.finish()
        assert house.close() == 0 and house.starts == 1
    ledger = ledger_check.Ledger()
    ledger.check(database, devices.clients, devices.source_of)
    held = watch.largest(since=cut_at, until=mended_at) - watch.largest(until=cut_at)
    report = ledger_check.Report(f"The cable cut for {CUT_S} s while everybody pushes, seed {SEED + 1}")
    add_counts(report, devices, ledger, watch)
    report.add("growth of the server's memory during the cut", ledger_check.mib(max(0, held)))
    rates = f"{before:,.0f}, {silent:,.1f}, {after:,.0f}"
    report.add(f"messages a second before the cut, during its last {CUT_S / 2:.0f} s, and when all were served again", rates)
    report.add("from the end of the cut to the first acknowledgement, to five for every client", f"{first_s:.1f} s, {all_s:.1f} s")
    full_s = ledger_check.full_speed_again(ledger.moments, mended_at, before * 0.8)
    report.add("from the end of the cut to the first second at 80 % of the rate before it", f"{full_s:.1f} s")
    report.write()
    ledger.assert_holds()
    assert not watch.wrong, watch.wrong[0]
    assert silent == 0 and unready
    assert held < GROWTH_BYTES
    fault_run.check_books(database)


# ---- The disk is full ----


@pytest.fixture
def small_disk(scratch):
    """A tmpfs for a cluster of its own."""
    path = os.path.join(scratch, "small")
    os.makedirs(path)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=755", f"ww-{os.getpid()}", path],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.skip(f"mounting a tmpfs is not permitted here: {done.stdout.strip()}")
    yield path
    subprocess.run(["umount", "-l", path], check=True)


@pytest.fixture
def small_cluster(small_disk):
    made = ledger_net.CableCluster(os.path.join(small_disk, "pg"), options="-c max_wal_size=64MB -c min_wal_size=32MB -c wal_recycle=off")
    yield made
    made.run("remove")


def fill(path):
    """A file that takes all that is left, and what is freed meanwhile."""
    with open(path, "ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(b"\1" * size)
            except OSError:
                pass


def fill_until_silent(path, devices):
    """Until it is so full that for some seconds nothing is acknowledged; and some seconds longer."""
    end = time.monotonic() + DRAIN_S
    silent = 0
    while silent < 4:
        fill(path)
        before = devices.acknowledged()
        time.sleep(2)
        silent = silent + 1 if devices.acknowledged() == before else 0
        devices.check()
        assert time.monotonic() < end, "there is room for everything"
    assert devices.waiting() > 0


def test_on_a_full_disk_nothing_is_acknowledged_that_is_not_stored_and_space_alone_heals_it(small_cluster, small_disk, scratch):
    directory = os.path.join(scratch, "full")
    os.makedirs(directory)
    database = make_database(small_cluster, "full")
    token = database.add_account("devices", "feed")
    filler = os.path.join(small_disk, "filler")
    with House(small_cluster.server_conninfo("full"), directory, PROTOCOLS) as house:
        with Devices(house, token, os.path.join(directory, "journals"), seed=SEED + 2) as devices, Watch(house) as watch:
            devices.wait_acknowledged(10)
            fill_until_silent(filler, devices)
            os.unlink(filler)
            freed_at = time.monotonic()

            def goes_on():
                # Where its log found no room PostgreSQL itself gives up: its own service manager starts it again.
                try:
                    small_cluster.start()
                except subprocess.CalledProcessError:
                    pass
                devices.check()
                return all(client.last_ack > freed_at for client in devices.clients)

            wait_until(goes_on, "everybody to get on", DRAIN_S)
            all_s = time.monotonic() - freed_at
            devices.finish()
        assert house.starts == 1 and house.close() == 0
    ledger = ledger_check.Ledger()
    ledger.check(database, devices.clients, devices.source_of)
    report = ledger_check.Report(f"PostgreSQL's disk full, seed {SEED + 2}")
    add_counts(report, devices, ledger, watch)
    report.add("from the space's return to an acknowledgement for every client", f"{all_s:.1f} s")
    report.write()
    ledger.assert_holds()
    assert not watch.wrong, watch.wrong[0]
    fault_run.check_books(database)
    undisturbed = run_undisturbed(small_cluster, "plenty", directory, devices.counts(), seed=SEED + 2)
    ledger_check.assert_same(database, undisturbed, directory)
