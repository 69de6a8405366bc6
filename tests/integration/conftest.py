"""Fixtures of the black-box tests: a private PostgreSQL, the wardwatch program, a small HTTP client.

    def test_something(database, serve):
        token = database.add_account("alice", "viewer", wards=["500115001"])
        server = serve(database)                       # stopped when the test (module) ends
        answer = server.client(token).get("/api/v1/wards")
        assert answer.status == 200 and answer.json["items"] == []

`cluster` lives for the whole run, `database` is a fresh migrated one for each test module, `new_database`
makes more of them, `serve` starts servers. The program is $WW_BIN, else the newest build/*/wardwatch.
Standard library and pytest only.
"""

import glob
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLUSTER_SCRIPT = os.path.join(ROOT, "tests", "support", "pg_cluster.sh")
READY_S = 120  # a deadline, not a measure: machines that run tests are slow and shared


def find_program():
    """The wardwatch binary: $WW_BIN, else the newest one built inside the tree."""
    named = os.environ.get("WW_BIN")
    if named:
        return named
    built = glob.glob(os.path.join(ROOT, "build", "*", "wardwatch")) + glob.glob(os.path.join(ROOT, "build", "wardwatch"))
    if not built:
        pytest.fail("no wardwatch program: build one or set WW_BIN")
    return max(built, key=os.path.getmtime)


def small_quarantine():
    """ASAN_OPTIONS for a program whose memory a test looks at: what AddressSanitizer holds back of freed memory
    (256 MiB unless told) is not the program's."""
    return ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=1:thread_local_quarantine_size_kb=64"]))


def wait_until(condition, what, timeout_s=READY_S):
    """Polls until `condition()` is true and returns its value; fails naming `what` after the deadline."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            pytest.fail(f"waited {timeout_s} s in vain for {what}")
        time.sleep(0.02)


class Cluster:
    """A private PostgreSQL on a unix socket."""

    def __init__(self, directory):
        self.directory = directory
        self.conninfo = self.run("start")
        self.first = None

    def run(self, verb):
        done = subprocess.run(["sh", CLUSTER_SCRIPT, verb, self.directory], check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout.strip()

    def start(self):
        self.run("start")

    def stop(self):
        self.run("stop")

    def kill(self):
        """As a power cut would."""
        self.run("kill")

    def conninfo_of(self, name):
        return self.conninfo.replace("dbname=wardwatch", f"dbname={name}")

    def create_database(self, name):
        """A migrated one: a copy of the first, which takes a fifth of the time."""
        if not self.first:
            psql(self.conninfo, "CREATE DATABASE migrated")
            self.first = Database(self, "migrated")
            self.first.wardwatch("migrate")
            psql(self.conninfo, "CHECKPOINT")  # else its sequences jump when PostgreSQL is killed
        psql(self.conninfo, f'CREATE DATABASE "{name}" TEMPLATE migrated')
        return Database(self, name)


def psql(conninfo, sql, *, variables=None):
    """Runs SQL through psql; rows as lists of texts (NULL is "")."""
    command = ["psql", "-X", "-q", "-A", "-t", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-d", conninfo, "-f", "-"]
    for name, value in (variables or {}).items():
        command += ["-v", f"{name}={value}"]
    environment = dict(os.environ, PGOPTIONS="-c search_path=wardwatch,public -c timezone=UTC")
    done = subprocess.run(command, input=sql, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"psql: {done.stderr.strip()}\n{sql}")
    return [line.split("\x1f") for line in done.stdout.splitlines()]


class Database:
    """One migrated database of the cluster."""

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name
        self.conninfo = cluster.conninfo_of(name)
        self.servers = []  # that were started on it

    def sql(self, text, **variables):
        return psql(self.conninfo, text, variables=variables)

    def value(self, text, **variables):
        """The one value of a query, as text."""
        return self.sql(text, **variables)[0][0]

    def json(self, text):
        return json.loads("\n".join(row[0] for row in self.sql(text)))

    def wardwatch(self, *arguments, check=True):
        """Runs a subcommand with --db; returns its standard output, stripped."""
        command = [find_program(), *arguments, "--db", self.conninfo]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def add_account(self, name, role, wards=None):
        """A new account; `wards` None sees all. Returns its token, which the servers that are up know by then."""
        scope = ["--all-wards"] if wards is None else (["--wards", ",".join(wards)] if wards else [])
        token = self.wardwatch("account", "add", name, "--role", role, *scope).split()[-1]
        for server in self.servers:
            wait_until(lambda server=server: server.knows(token), f"{server.port} to know {name}")
        return token


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    @property
    def text(self):
        return self.body.decode("utf-8")

    @property
    def json(self):
        return json.loads(self.body)


class Client:
    """Asks one server; a fresh connection a request, so that nothing hides in keep-alive."""

    def __init__(self, port, token=None, headers=None):
        self.port = port
        self.headers = dict(headers or {})
        if token:
            self.headers["Authorization"] = f"Bearer {token}"

    def request(self, method, target, body=None, headers=None):
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers = {"Content-Type": "application/json", **(headers or {})}
        if isinstance(body, str):
            body = body.encode("utf-8")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=READY_S)
        try:
            connection.request(method, target, body=body, headers={**self.headers, **(headers or {})})
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def get(self, target, **kw):
        return self.request("GET", target, **kw)

    def post(self, target, body=None, **kw):
        return self.request("POST", target, body, **kw)

    def put(self, target, body=None, **kw):
        return self.request("PUT", target, body, **kw)

    def delete(self, target, **kw):
        return self.request("DELETE", target, **kw)

    def pages(self, target):
        """All items of a list, following `next` to the end."""
        items = []
        while target:
            answer = self.get(target)
            assert answer.status == 200, answer.text
            items += answer.json["items"]
            target = answer.json["next"]
        return items

    def ingest(self, feed, body, content_type="application/x-ndjson", headers=None):
        return self.post(f"/ingest/v1/{feed}", body, headers={"Content-Type": content_type, **(headers or {})})

    def events(self, target="/api/v1/events", last_event_id=None):
        headers = dict(self.headers)
        if last_event_id is not None:
            headers["Last-Event-ID"] = str(last_event_id)
        return EventStream(self.port, target, headers)


class EventStream:
    """Reads server-sent events; usable in `with`."""

    def __init__(self, port, target, headers):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_S)
        self.connection.request("GET", target, headers={"Accept": "text/event-stream", **headers})
        self.response = self.connection.getresponse()
        self.status = self.response.status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        # The response holds the socket too: both must go for the server to see the end.
        self.response.close()
        self.connection.close()

    def next_raw(self):
        """The next block as {"id","event","data","comment"}; None at the end of the stream."""
        block = {}
        while True:
            line = self.response.readline()
            if not line:
                return None
            line = line.decode("utf-8").rstrip("\r\n")
            if line == "":
                if block:
                    return block
                continue
            name, _, value = line.partition(":")
            block[name or "comment"] = value[1:] if value.startswith(" ") else value

    def next(self):
        """The next event (comments are passed over), its data parsed."""
        while True:
            block = self.next_raw()
            if block is None:
                return None
            if "event" in block or "data" in block:
                block["data"] = json.loads(block["data"]) if block.get("data") else None
                return block


class Server:
    """One running `wardwatch serve`."""

    def __init__(self, database, directory, *arguments):
        self.database = database
        self.log_path = os.path.join(directory, f"serve-{time.monotonic_ns()}.log")
        port_file = self.log_path + ".port"
        command = [find_program(), "serve", "--db", database.conninfo, "--listen", "127.0.0.1:0", "--port-file", port_file]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([*command, *arguments], stdout=log, stderr=log)
        self.port = int(wait_until(lambda: self.read_alive(port_file), "the port file"))
        database.servers.append(self)

    def knows(self, token):
        """True also of a server that has ended or is not ready: what it does not know it will load."""
        try:
            return self.process.poll() is not None or self.client(token).get("/api/v1/wards?limit=1").status != 401
        except (ConnectionError, socket.timeout):
            return True

    def read_alive(self, path):
        assert self.process.poll() is None, f"serve ended with {self.process.returncode}: {self.log()}"
        if os.path.exists(path):
            with open(path, encoding="ascii") as file:
                return file.read().strip()
        return ""

    def wait_ready(self):
        def is_ready():
            assert self.process.poll() is None, f"serve ended with {self.process.returncode}: {self.log()}"
            try:
                return self.client().get("/readyz").status == 200
            except (ConnectionError, socket.timeout):
                return False

        wait_until(is_ready, "readyz")
        return self

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def client(self, token=None, **kw):
        return Client(self.port, token, **kw)

    def kill(self):
        """kill -9, as if the machine took it away."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Asks it to end and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(READY_S)
            except subprocess.TimeoutExpired:
                self.kill()
                pytest.fail(f"serve did not stop: {self.log()}")
        return self.process.returncode


@pytest.fixture(scope="session")
def scratch():
    """A short directory (a socket path has 107 bytes) that is removed at the end."""
    directory = tempfile.mkdtemp(prefix="ww-", dir="/tmp")
    os.chmod(directory, 0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(scratch):
    made = Cluster(os.path.join(scratch, "pg"))
    yield made
    made.run("remove")


@pytest.fixture(scope="session")
def new_database(cluster):
    """A function that makes one more migrated database."""
    count = iter(range(1, 1000))
    return lambda: cluster.create_database(f"test_{next(count)}")


@pytest.fixture(scope="module")
def database(new_database):
    return new_database()


@pytest.fixture(scope="module")
def serve(scratch):
    """A function that starts a server on a database and waits until it is ready."""
    running = []

    def start(database, *arguments, ready=True):
        server = Server(database, scratch, *arguments)
        running.append(server)
        return server.wait_ready() if ready else server

    yield start
    failed = [server.log() for server in running if server.process.poll() is None and server.stop() != 0]
    assert not failed, "\n".join(failed)
