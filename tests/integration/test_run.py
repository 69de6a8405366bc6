"""./run: from nothing to a watched city, and down again without a trace.

Needs what ./test builds before (release program, page), so that ./run finds it built.
"""

import glob
import json
import os
import signal
import socket
import subprocess
import time

import pytest

from conftest import ROOT, Client, EventStream, psql, wait_until

READY_S = 120
ALERT_S = 120


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Run:
    """One ./run with its output in a file."""

    def __init__(self, directory, port, *arguments):
        self.directory = directory
        self.port = port
        self.output_path = directory + ".out"
        with open(self.output_path, "wb") as output:
            self.process = subprocess.Popen([os.path.join(ROOT, "run"), "--dir", directory, "--port", str(port), *arguments],
                                            stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True)

    def output(self):
        with open(self.output_path, encoding="utf-8") as file:
            return file.read()

    def wait_ready(self):
        def is_ready():
            assert self.process.poll() is None, self.output()
            return f"ready http://127.0.0.1:{self.port}/\n" in self.output()

        started = time.monotonic()
        wait_until(is_ready, "ready", READY_S)
        return time.monotonic() - started

    def end(self, signal_number=signal.SIGINT):
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        return self.process.wait(60)

    def token(self):
        with open(os.path.join(self.directory, "admin.token"), encoding="ascii") as file:
            return file.read().strip()


def processes_of(directory):
    """Processes that ./run started on this folder: they inherit its lock."""
    lock = os.path.join(directory, "lock")
    found = []
    for process in glob.glob("/proc/[0-9]*"):
        try:
            if any(os.readlink(fd) == lock for fd in glob.glob(f"{process}/fd/*")):
                with open(f"{process}/cmdline", "rb") as file:
                    found.append(file.read().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue  # it ended while we looked
    return found


def refusal(*arguments, **kw):
    done = subprocess.run([os.path.join(ROOT, "run"), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, stdin=subprocess.DEVNULL, timeout=60, **kw)
    assert done.returncode == 1, done
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.fixture(scope="module")
def home(scratch):
    return os.path.join(scratch, "a user's run")


@pytest.fixture
def start():
    running = []

    def begin(*arguments):
        running.append(Run(*arguments))
        return running[-1]

    yield begin
    for run in running:
        run.end()


def truth_of(directory):
    with open(os.path.join(directory, "truth.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def is_true(alert, events):
    """Is this alert one of those that the script of the simulated city asks for or allows?"""
    return any(alert["thing"] and event["thing"] == alert["thing"]["key"] and
               alert["rule"]["code"] in [*event.get("rules", []), *event.get("may_alert", [])] for event in events)


def test_the_first_run_reaches_a_true_alert_and_ctrl_c_leaves_no_process(home, start):
    run = start(home, free_port())
    run.wait_ready()
    assert len(processes_of(home)) >= 3
    client = Client(run.port, run.token())
    assert client.get("/readyz").status == 200
    assert "<script" in client.get("/").text
    assert os.stat(os.path.join(home, "admin.token")).st_mode & 0o777 == 0o600
    with EventStream(run.port, "/api/v1/events?last_event_id=0", client.headers) as events:
        heard = events.next()
        while heard["event"] != "opened":
            heard = events.next()
    alert = wait_until(lambda: [a for a in client.get("/api/v1/alerts?limit=1000").json["items"]
                                if is_true(a, truth_of(home))], "a true alert", ALERT_S)
    assert alert[0]["ward"]
    socket_path = os.path.join(home, "pg", "socket").replace("'", "\\'")
    assert psql(f"host='{socket_path}' user=wardwatch dbname=wardwatch", "SELECT count(*) > 0 FROM observation") == [["t"]]
    assert run.end(signal.SIGINT) == 0
    assert processes_of(home) == []


def test_the_second_run_keeps_the_data(home, start):
    token = Run.token(type("", (), {"directory": home}))
    run = start(home, free_port(), "--no-demo")
    run.wait_ready()
    assert run.token() == token
    assert Client(run.port, token).get("/api/v1/alerts?limit=1000").json["items"]


def test_a_second_run_on_the_same_folder_is_told_so(home, start):
    run = start(home, free_port(), "--no-demo")
    run.wait_ready()
    assert "another ./run" in refusal("--dir", home, "--port", str(free_port()))


def test_kill_9_of_run_ends_server_and_database_and_the_next_run_comes_up(home, start):
    run = start(home, free_port(), "--no-demo")
    run.wait_ready()
    run.process.kill()
    run.process.wait()
    again = start(home, free_port(), "--no-demo")
    again.wait_ready()
    assert again.end(signal.SIGTERM) == 0
    assert processes_of(home) == []


@pytest.mark.parametrize("name", ["serve", "postgres -D"])
def test_when_a_process_dies_run_says_which_and_fails(home, start, name):
    run = start(home, free_port(), "--no-demo")
    run.wait_ready()
    children = subprocess.run(["pgrep", "-P", str(run.process.pid), "-f", name], stdout=subprocess.PIPE, text=True, check=True)
    os.kill(int(children.stdout.split()[0]), signal.SIGKILL)
    assert run.process.wait(60) == 1
    assert ("the server ended by itself" if name == "serve" else "PostgreSQL ended by itself") in run.output()
    # A killed PostgreSQL's backends are nobody's children any more, and end when they notice.
    wait_until(lambda: not processes_of(home), "the end of the last process", 10)


def test_a_database_given_by_url_is_used_and_no_cluster_is_made(scratch, cluster, start):
    psql(cluster.conninfo, "CREATE DATABASE given")
    directory = os.path.join(scratch, "run-db")
    run = start(directory, free_port(), "--db", cluster.conninfo_of("given"), "--no-demo")
    run.wait_ready()
    assert not os.path.exists(os.path.join(directory, "pg"))
    assert psql(cluster.conninfo_of("given"), "SELECT name FROM account") == [["admin"]]
    assert run.end() == 0
    assert "another database" in refusal("--dir", directory, "--port", str(free_port()))


def test_a_taken_port_is_named_at_once(scratch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"port {port} is taken" in refusal("--dir", os.path.join(scratch, "run-port"), "--port", port)


def test_wrong_options_are_named():
    assert "unknown option --prot" in refusal("--prot", "1")
    assert "--port 70000" in refusal("--port", "70000")
    assert "--dir needs a value" in refusal("--dir")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount")
def test_a_full_disk_is_named_before_anything_is_made(scratch):
    directory = os.path.join(scratch, "run-full")
    os.mkdir(directory)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", directory], check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        assert "is full" in refusal("--dir", directory, "--port", str(free_port()))
    finally:
        subprocess.run(["umount", directory], check=True)
