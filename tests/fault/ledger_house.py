"""A server that is started again whenever it ends, as a service manager does, and a watch over its books and memory."""

import http.client
import os
import re
import subprocess
import threading
import time

import ledger_input
from ww_fixtures import find_program, wait_until

NOBODY = 9  # a port where nothing listens
VALUES = re.compile(r"^wardwatch_values_(\w+) (\d+)$", re.M)
FEED_VALUES = re.compile(r'^wardwatch_feed_values_(\w+)\{feed="([^"]+)"\} (\d+)$', re.M)


class House:
    """`port_of(protocol)` where the server is; `kill()` it; it comes back by itself. `ends`: what it died of but us."""

    def __init__(self, conninfo, directory, protocols):
        self.conninfo = conninfo
        self.directory = directory
        self.protocols = protocols
        self.process = None
        self.starts = 0
        self.kills = 0
        self.ends = []
        self.closing = False
        self.lock = threading.Lock()
        self.keeper = threading.Thread(target=self.keep, daemon=True)

    def open(self):
        self.start()
        self.keeper.start()
        wait_until(self.is_ready, "readyz")
        return self

    def __enter__(self):
        return self.open()

    def __exit__(self, *_):
        self.close()

    def path(self, what):
        return os.path.join(self.directory, f"house-{id(self)}-{self.starts}.{what}")

    def start(self):
        self.starts += 1
        command = [find_program(), "serve", "--db", self.conninfo, "--listen", "127.0.0.1:0", "--port-file", self.path("http")]
        for protocol in self.protocols:
            if protocol != ledger_input.HTTP:
                command += [f"--{protocol}", "127.0.0.1:0", f"--{protocol}-port-file", self.path(protocol)]
        with open(self.path("log"), "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def keep(self):
        while not self.closing:
            code = self.process.poll()
            if code is None:
                time.sleep(0.01)
                continue
            with self.lock:
                if self.closing:
                    return
                # 1: it says why and ends, as it may while it can't reach the database at its start.
                if code not in (-9, 1):
                    self.ends.append(f"ended with {code}: {self.log()[-2000:]}")
                if code == 1:
                    time.sleep(0.2)
                self.start()

    def port_of(self, protocol):
        try:
            with open(self.path(protocol), encoding="ascii") as file:
                return int(file.read())
        except (OSError, ValueError):
            return NOBODY

    def kill(self):
        with self.lock:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
                self.kills += 1

    def log(self):
        with open(self.path("log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def get(self, target, timeout=5):
        """(status, text); status 0 when there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port_of(ledger_input.HTTP), timeout=timeout)
        try:
            connection.request("GET", target)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def is_ready(self):
        return self.get("/readyz")[0] == 200

    def resident_bytes(self):
        try:
            with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
        except (OSError, IndexError):
            return 0

    def close(self):
        """Asks it to end; its exit status."""
        with self.lock:
            self.closing = True
        if self.keeper.is_alive():
            self.keeper.join()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode


class Watch:
    """Samples the server: memory four times a second, its books twice. received = stored + duplicates + dead + in flight
    + refused must hold in every sample, in all and by feed."""

    EVERY_S = 0.25

    def __init__(self, house):
        self.house = house
        self.sizes = []  # (moment, bytes)
        self.samples = 0
        self.wrong = []
        self.in_flight = 0  # the most that was seen
        self.closing = False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.closing = True
        self.thread.join()

    def run(self):
        turn = 0
        while not self.closing:
            size = self.house.resident_bytes()
            if size:
                self.sizes.append((time.monotonic(), size))
            turn += 1
            if turn % 2:
                status, text = self.house.get("/metrics")
                if status == 200:
                    self.check(text)
            time.sleep(self.EVERY_S)

    def check(self, text):
        books = {"": {}}
        for name, value in VALUES.findall(text):
            books[""][name] = int(value)
        for name, feed, value in FEED_VALUES.findall(text):
            books.setdefault(feed, {})[name] = int(value)
        for feed, book in books.items():
            held = sum(book[name] for name in ("stored_total", "duplicates_total", "dead_total", "in_flight", "refused_total"))
            if book["received_total"] != held:
                self.wrong.append((feed, book))
        self.samples += 1
        self.in_flight = max(self.in_flight, books[""]["in_flight"])

    def largest(self, since=0.0, until=float("inf")):
        return max((size for moment, size in self.sizes if since <= moment <= until), default=0)
