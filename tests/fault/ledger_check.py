"""What the ledger test asks of the database afterwards, and the table that says what it saw.

Everything is read in parts, a client or a file at a time: an hour's run stores millions of values.
"""

import bisect
import hashlib
import itertools
import json
import os
import statistics
import subprocess

import fault_input
import fault_run
import ledger_input

OF_THINGS = """
    SELECT t.key, p.code, extract(epoch FROM o.phenomenon_time)::bigint, o.version, o.value, o.flag
    FROM observation o
    JOIN datastream d ON d.id = o.datastream_id
    JOIN thing t ON t.id = d.thing_id
    JOIN observed_property p ON p.id = d.property_id
    WHERE t.key = ANY (string_to_array(:'keys', ' '))
    ORDER BY 1, 2, 3, 4"""
MESSAGES = "SELECT encode(sha256, 'hex') FROM raw_message m JOIN feed f ON f.id = m.feed_id WHERE f.name = :'feed'"
CONTENTS = {"observations": fault_run.OBSERVATIONS, "alerts": fault_run.ALERTS, "dead letters": fault_run.DEAD}


class Ledger:
    """Compares the clients' journals with what is stored."""

    def __init__(self):
        self.acknowledged = 0
        self.acknowledged_values = 0
        self.gave_up = 0
        self.lost = []  # values and messages that were acknowledged and are not there
        self.twice = []  # versions that nobody sent, or that came again
        self.missing = []  # not acknowledged, yet must be there: frames that were followed by acknowledged ones
        self.moments = []  # of acknowledgements, ascending

    def check(self, database, clients, source_of):
        """`source_of(client)`: its messages from the first on."""
        for _, group in itertools.groupby(clients, key=lambda c: c.protocol):
            group = list(group)
            kept = {bytes.fromhex(row[0]) for row in database.sql(MESSAGES, feed=ledger_input.FEED_NAMES[group[0].protocol])}
            for client in group:
                self.check_client(database, client, source_of(client), kept)
        self.moments.sort()

    def check_client(self, database, client, source, kept):
        sent = list(itertools.islice(source, client.taken))
        acked, gave_up = self.read_journal(client)
        assert set(acked) | set(gave_up) == set(range(client.taken)), client.name
        assert len(acked) + len(gave_up) == client.taken, f"{client.name} was told twice"
        stored = self.stored_versions(database, {r["t"] for m in sent for r in m.rows})
        for index in acked:
            message = sent[index]
            if sha256(message.body) not in kept:
                self.lost.append((client.name, index, "message"))
            for r in message.rows:
                self.acknowledged_values += 1
                if (float(r["v"]), r.get("q", "N")) not in stored.get((r["t"], r["p"], r["at"]), ()):
                    self.lost.append((client.name, index, r))
        self.missing += [(client.name, index) for index in gave_up if sha256(sent[index].body) not in kept]
        expected = fault_input.expected_versions([[{"rows": m.rows} for m in sent]])
        self.twice += [
            (key, versions, expected.get(key)) for key, versions in stored.items() if versions != expected.get(key)
        ]
        self.acknowledged += len(acked)
        self.gave_up += len(gave_up)

    def read_journal(self, client):
        acked, gave_up = [], []
        with open(client.journal_path, encoding="ascii") as file:
            for line in file:
                what, index, moment = line.split()
                (acked if what == "ack" else gave_up).append(int(index))
                if what == "ack":
                    self.moments.append(float(moment))
        return acked, gave_up

    @staticmethod
    def stored_versions(database, keys):
        stored = {}
        for key, code, at, version, value, flag in database.sql(OF_THINGS, keys=" ".join(sorted(keys))):
            versions = stored.setdefault((key, code, int(at)), [])
            versions.append((float(value), flag))
            assert int(version) == len(versions), (key, code, at, version)
        return stored

    def assert_holds(self):
        assert not self.lost, f"{len(self.lost)} acknowledged values or messages are lost, the first: {self.lost[0]}"
        assert not self.twice, f"{len(self.twice)} values have other versions than were sent, the first: {self.twice[0]}"
        assert not self.missing, f"{len(self.missing)} frames before acknowledged ones are lost, the first: {self.missing[0]}"


def sha256(data):
    return hashlib.sha256(data).digest()


# ---- The undisturbed run's database, and the disturbed one's ----


def dump(database, query, path):
    environment = dict(os.environ, PGOPTIONS="-c search_path=wardwatch,public -c timezone=UTC")
    command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database.conninfo, "-c", query, "-o", path]
    subprocess.run(command, env=environment, check=True)
    return path


def assert_same(disturbed, undisturbed, directory):
    """Row by row, by way of files. Returns how many rows there are of each."""
    counts = {}
    for what, query in CONTENTS.items():
        paths = [dump(database, query, os.path.join(directory, f"{what}-{i}")) for i, database in enumerate((disturbed, undisturbed))]
        with open(paths[0], encoding="utf-8") as got, open(paths[1], encoding="utf-8") as wanted:
            n = 0
            for a, b in itertools.zip_longest(got, wanted):
                assert a == b, f"{what}, row {n}:\nwith faults    {a}\nwithout faults {b}"
                n += 1
        counts[what] = n
        for path in paths:
            os.unlink(path)
    return counts


# ---- The table ----


def recovery(healed, moments):
    """Seconds from the end of each fault to the next acknowledgement, by kind; faults overlap, so some wait for another's end."""
    waits, at = {}, 0
    for kind, moment in sorted(healed, key=lambda h: h[1]):
        while at < len(moments) and moments[at] < moment:
            at += 1
        if at < len(moments):
            waits.setdefault(kind, []).append(moments[at] - moment)
    return {kind: (statistics.median(found), max(found)) for kind, found in sorted(waits.items())}


def full_speed_again(moments, since, rate):
    """Seconds from `since` to the end of the first second with so many acknowledgements; infinite if there is none."""
    first = bisect.bisect_left(moments, since)
    for last in range(first + max(1, round(rate)) - 1, len(moments)):
        if moments[last] - moments[last - max(1, round(rate)) + 1] <= 1:
            return moments[last] - since
    return float("inf")


class Report:
    """Lines of a table; printed, and added to the file $WW_FAULT_REPORT."""

    def __init__(self, title):
        self.title = title
        self.rows = []

    def add(self, what, value):
        self.rows.append((what, value))

    def write(self):
        lines = ["", f"### {self.title}", "", "| what | figure |", "|---|---|"]
        lines += [f"| {what} | {value} |" for what, value in self.rows]
        text = "\n".join(lines) + "\n"
        print(text)
        path = os.environ.get("WW_FAULT_REPORT")
        if path:
            with open(path, "a", encoding="utf-8") as file:
                file.write(text)


def mib(n):
    return f"{n / (1 << 20):.0f} MiB"


def config_of(protocol):
    return json.dumps(ledger_input.FEEDS[protocol])
