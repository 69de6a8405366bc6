"""Sends the input of fault_input.py as clients that never give up, and checks what the database then holds."""

import collections
import http.client
import json
import threading
import time

DEADLINE_S = 900  # for a hundred kills; a deadline, not a measure
PACE_S = 0.05  # between a client's requests: a run must not be longer than what is compared afterwards
BETWEEN_KILLS = 40  # acknowledgements
UNANSWERED = -1  # worse than any refusal: the server must say something, or the connection must break


class Senders:
    """One thread a client: sends its requests in order, each the same bytes until a 2xx comes. `taken`: what each sent."""

    def __init__(self, port_of, token, sources):
        self.port_of = port_of  # a function: after a restart the port is another one
        self.token = token
        self.taken = [[] for _ in sources]
        self.lock = threading.Lock()
        self.acknowledged = 0
        self.in_flight = 0
        self.enough = False
        self.statuses = collections.Counter()
        self.errors = []
        self.threads = [threading.Thread(target=self.run, args=work, daemon=True) for work in zip(sources, self.taken)]

    def post(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port_of(), timeout=60)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/x-ndjson"}
        try:
            connection.request("POST", "/ingest/v1/fault", body=body, headers=headers)
            response = connection.getresponse()
            return response.status, response.read()
        except TimeoutError:
            return UNANSWERED, b"no answer for a minute"
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def send(self, request, end):
        while time.monotonic() < end:
            with self.lock:
                self.in_flight += 1
            status, answer = self.post(request["body"])
            with self.lock:
                self.in_flight -= 1
                self.statuses[status] += 1
                self.acknowledged += 200 <= status < 300
            if 200 <= status < 300:
                request["answer"] = json.loads(answer)
                return True
            if status not in (0, 429, 503):
                self.errors.append((status, answer[:500]))
                return False
            time.sleep(0.01)  # as a sender would, before it tries again
        self.errors.append((0, b"never acknowledged"))
        return False

    def run(self, source, taken):
        end = time.monotonic() + DEADLINE_S
        for request in source:
            taken.append(request)
            if not self.send(request, end) or self.enough:
                return
            time.sleep(PACE_S)

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def wait_until(self, condition):
        """A sender never ends by itself while its source has more: if it has ended, it says why."""
        while not condition():
            assert not self.errors and any(thread.is_alive() for thread in self.threads), self.errors[:3]
            time.sleep(0.001)

    def wait_for_kill(self, rng):
        """A moment in the middle of the work: another phase of it each time, with a request under way."""
        goal = self.acknowledged + BETWEEN_KILLS
        self.wait_until(lambda: self.acknowledged >= goal)
        time.sleep(rng.random() * 0.03)
        self.wait_until(lambda: self.in_flight > 0)

    def stop(self):
        """Each ends with the request that it has at hand."""
        self.enough = True
        self.finish()

    def finish(self):
        for thread in self.threads:
            thread.join(DEADLINE_S)
        assert not self.errors, self.errors[:3]
        assert self.acknowledged == sum(len(requests) for requests in self.taken)


OBSERVATIONS = """
    SELECT t.key, p.code, extract(epoch FROM o.phenomenon_time)::bigint, o.version, o.value, o.flag, o.interval_s,
           coalesce(w.code, ''), coalesce(f.raw_x::text, ''), coalesce(o.detail::text, '')
    FROM observation o
    JOIN datastream d ON d.id = o.datastream_id
    JOIN thing t ON t.id = d.thing_id
    JOIN observed_property p ON p.id = d.property_id
    LEFT JOIN ward w ON w.id = o.ward_id
    LEFT JOIN feature_of_interest f ON f.id = o.foi_id
    ORDER BY 1, 2, 3, 4"""
# Of our two rules only: what the server notices of senders themselves (silence, clocks) hangs on the hour.
ALERTS = """
    SELECT r.code, t.key, a.opened_at, coalesce(w.code, ''), a.rule_version, a.state, a.severity, coalesce(a.cleared_at::text, ''),
           a.last_exceeded_at, a.exceed_count, a.last_value, a.peak_value, a.peak_at, a.limit_value_id, a.explanation::text,
           (SELECT string_agg(concat_ws(' ', e.kind, e.at, e.detail::text), ' | ' ORDER BY e.id)
            FROM alert_event e WHERE e.alert_id = a.id)
    FROM alert a
    JOIN rule r ON r.id = a.rule_id
    JOIN datastream d ON d.id = a.subject_id
    JOIN thing t ON t.id = d.thing_id
    LEFT JOIN ward w ON w.id = a.ward_id
    WHERE r.code IN ('spot', 'mean')
    ORDER BY t.key, r.code, a.id"""
DEAD = "SELECT line, col, field, reason, encode(raw, 'hex') FROM dead_letter ORDER BY 5, 1, 2, 3, 4"


def contents(database):
    """What must not depend on anybody having been killed."""
    return {"observations": database.sql(OBSERVATIONS), "alerts": database.sql(ALERTS), "dead letters": database.sql(DEAD)}


def assert_same(got, wanted):
    for what, rows in wanted.items():
        differ = [(a, b) for a, b in zip(got[what], rows) if a != b]
        assert not differ, f"{what}: {len(differ)} rows differ, the first: {differ[0]}"
        assert len(got[what]) == len(rows), what


def check_observations(database, expected):
    """Every acknowledged value is there, once, in its version; nothing else is."""
    stored = {}
    for key, code, at, version, value, flag, *_ in database.sql(OBSERVATIONS):
        versions = stored.setdefault((key, code, int(at)), [])
        versions.append((float(value), flag))
        assert int(version) == len(versions), (key, code, at, version)
    lost = [key for key in expected if key not in stored]
    assert not lost, f"{len(lost)} acknowledged values are lost, the first: {lost[0]}"
    assert stored == expected


def check_books(database):
    """The counts of every message add up, and each event and message was written down once."""
    assert database.value("SELECT count(*) FROM raw_message WHERE received <> stored + duplicates + dead") == "0"
    assert database.value("SELECT sum(stored) FROM raw_message") == database.value("SELECT count(*) FROM observation")
    assert database.value("SELECT sum(dead) FROM raw_message") == database.value("SELECT count(*) FROM dead_letter")
    for table, missing in {
        "raw_message": "SELECT count(*) FROM raw_message m WHERE NOT EXISTS "
        "(SELECT FROM ledger l WHERE l.kind = 'raw_message' AND l.ref = m.id)",
        "alert_event": "SELECT count(*) FROM alert_event e WHERE NOT EXISTS "
        "(SELECT FROM ledger l WHERE l.kind = 'alert_event' AND l.ref = e.id)",
        "outbox": "SELECT count(*) FROM alert_event e WHERE 1 <> (SELECT count(*) FROM outbox o WHERE o.alert_event_id = e.id)",
    }.items():
        assert database.value(missing) == "0", table
    leaves = "SELECT (SELECT count(*) FROM raw_message) + (SELECT count(*) FROM alert_event) - (SELECT count(*) FROM ledger)"
    assert database.value(leaves) == "0"
    assert database.value("SELECT count(*) FROM outbox") == database.value("SELECT count(*) FROM alert_event")
    twice = "SELECT count(*) FROM (SELECT FROM alert WHERE state = 'open' GROUP BY rule_id, subject_kind, subject_id HAVING count(*) > 1) x"
    assert database.value(twice) == "0"


def run_undisturbed(database, serve, taken):
    """The same requests without a kill."""
    token = database.add_account("sender", "feed")
    server = serve(database)
    Senders(lambda: server.port, token, taken).start().finish()
    assert server.stop() == 0
    return contents(database)
