#!/usr/bin/env python3
"""Benches the doors for devices: acknowledged values a second, idle connections, what bad senders cost the others.

    tests/bench/device_bench.py [--wardwatch FILE] [--seconds 20] [--stations 2000] [--factors 8,14,20] [--protocols hj212,mqtt,http]
                              [rate] [idle] [slow]

Everything runs on this machine, simulated stations included, against a private durable PostgreSQL. Values are
acknowledged when the station has read its 9014 (PUBACK, 200), which is sent after COMMIT; each frame is stored whole
besides (raw message, SHA-256, ledger leaf).

rate   stations that send as fast as they are acknowledged, frames of each size in turn; beside it, in the same run, the
       same values, and then also their messages and ledger leaves, copied with one binary COPY each; what a message
       costs each process in CPU time, which says more than the rate when the machine has other work
idle   10,000 connections that have each sent one frame and then nothing for half a minute: the server's memory a connection
slow   2,000 connections that stall in the middle of a frame, and 2,000 that send a byte a second, beside 200 stations at
       work: the p99 of those, against the p99 without the bad ones, in alternating rounds
"""

import argparse
import json
import os
import pathlib
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLUMNS = "datastream_id, phenomenon_time, raw_message_id, foi_id, value, interval_s, ward_id, version, flag, detail"
IDLE_S = 30
SETTINGS = "-c shared_buffers=1GB -c max_wal_size=16GB -c checkpoint_timeout=30min"


class Bench:
    def __init__(self, args):
        self.args = args
        self.dir = tempfile.mkdtemp(prefix="ww-bench-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        self.server = None

    def path(self, name):
        return os.path.join(self.dir, name)

    def cluster(self, verb):
        env = dict(os.environ, PG_CLUSTER_DURABLE="1", PG_CLUSTER_OPTIONS=SETTINGS)
        done = subprocess.run(["sh", str(ROOT / "tests/support/pg_cluster.sh"), verb, self.path("pg")], env=env, check=True,
                              stdout=subprocess.PIPE, text=True)
        return done.stdout.strip()

    def ww(self, *words):
        done = subprocess.run([self.args.wardwatch, *words, "--db", self.conninfo], check=True, stdout=subprocess.PIPE,
                              text=True)
        return done.stdout.strip()

    def sql(self, text):
        done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.conninfo, "-c", text], check=True,
                              stdout=subprocess.PIPE, text=True)
        return done.stdout.strip()

    def start(self):
        self.conninfo = self.cluster("start")
        self.ww("migrate")
        pathlib.Path(self.path("token")).write_text(self.ww("account", "add", "bench", "--role", "admin", "--all-wards"))
        for protocol in self.args.protocols:
            feed = subprocess.run([self.args.wardwatch, "simulate", "--protocol", protocol, "--feed", protocol, "--print-feed"],
                                  check=True, stdout=subprocess.PIPE, text=True).stdout
            pathlib.Path(self.path("feed.json")).write_text(feed)
            self.ww("feed", "add", protocol, "--config", self.path("feed.json"))
        self.start_server()

    def start_server(self):
        self.server = subprocess.Popen(
            [self.args.wardwatch, "serve", "--db", self.conninfo, "--listen", "127.0.0.1:0", "--port-file", self.path("http"),
             *[word for p in self.args.protocols if p != "http"
               for word in (f"--{p}", "127.0.0.1:0", f"--{p}-port-file", self.path(p))], "--log", "error"],
            stdout=subprocess.PIPE, text=True, stderr=open(self.path("serve.log"), "w", encoding="utf-8"))
        for line in self.server.stdout:
            if line.startswith("ready"):
                break
        threading.Thread(target=self.server.stdout.read, daemon=True).start()

    def stop_server(self):
        if self.server:
            self.server.send_signal(signal.SIGINT)
            self.server.wait(60)
            self.server = None

    def stop(self):
        self.stop_server()
        self.cluster("remove")
        shutil.rmtree(self.dir, ignore_errors=True)

    def resident(self):
        for line in pathlib.Path(f"/proc/{self.server.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise KeyError("VmRSS")

    def metric(self, name):
        port = pathlib.Path(self.path("http")).read_text().strip()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(name + " "):
                    return float(line.split()[1])
        raise KeyError(name)

    def stations(self, protocol, *words):
        port = pathlib.Path(self.path(protocol)).read_text().strip()
        command = [self.args.wardwatch, "simulate", "--protocol", protocol, "--to", f"127.0.0.1:{port}", "--feed", protocol,
                   "--account", "bench", "--token-file", self.path("token"), *words]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def run(self, protocol, *words):
        process = self.stations(protocol, *words)
        out, _ = process.communicate()
        assert process.returncode == 0, out
        return json.loads(out)

    # ---- rate ----

    def empty(self, tables):
        """The server's own looks at its tables may stand in the way: once more, then."""
        for tries_left in range(4, -1, -1):
            try:
                self.sql("TRUNCATE " + ", ".join("wardwatch." + table for table in tables) + " CASCADE")
                return
            except subprocess.CalledProcessError:
                if tries_left == 0:
                    raise

    def seconds_of_copying(self, tables):
        """Copies what the tables hold out, empties them, and copies it in again."""
        dumps = []
        for table, columns in tables:
            dumps.append(self.path(table + ".bin"))
            order = "raw_message_id" if table == "observation" else columns.split(",")[0]
            self.sql(f"\\copy (SELECT {columns} FROM wardwatch.{table} ORDER BY {order}) TO '{dumps[-1]}' (FORMAT binary)")
        self.empty([table for table, _ in tables])
        self.sql("CHECKPOINT")
        begun = time.monotonic()
        for (table, columns), dump in zip(tables, dumps):
            self.sql(f"\\copy wardwatch.{table} ({columns}) FROM '{dump}' (FORMAT binary)")
            os.unlink(dump)
        return time.monotonic() - begun

    def columns(self, table):
        return self.sql(f"SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'wardwatch.{table}'::regclass "
                        "AND attnum > 0 AND NOT attisdropped AND attgenerated = ''")

    def cpu(self):
        """CPU seconds so far: of PostgreSQL's writer, of the server's loop and of its workers, of all stations."""
        def of(path):
            fields = pathlib.Path(path).read_text().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

        writer = self.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'wardwatch writer'")
        threads = {int(t.name): of(t / "stat") for t in pathlib.Path(f"/proc/{self.server.pid}/task").iterdir()}
        loop = threads.pop(self.server.pid)
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {"writer": of(f"/proc/{writer}/stat"), "loop": loop, "workers": sum(threads.values()),
                "stations": children.ru_utime + children.ru_stime}

    def rate_of(self, protocol, factors):
        a = self.args
        size = ["--stations", str(a.stations), "--factors", str(factors), "--prefix", f"F{factors}S"]
        for day in (1, 2):  # they register themselves; the second is acknowledged when the server has loaded them
            self.run(protocol, *size, "--messages", "1", "--start", f"2026-02-{day:02d}T00:00:00Z")
        self.empty(["observation", "raw_message", "ledger"])
        self.sql("CHECKPOINT")
        window = ["--window", str(a.window)] if protocol != "http" else []
        before = self.cpu()
        sent = self.run(protocol, *size, "--for", f"{a.seconds}s", "--start", "2026-03-01T00:00:00Z", *window)
        cpu = self.cpu()
        stored = int(self.sql("SELECT count(*) FROM wardwatch.observation"))
        assert stored >= sent["values"], (stored, sent)
        costs = ", ".join(f"{who} {(cpu[who] - before[who]) / sent['acknowledged'] * 1e6:.0f}" for who in cpu)
        tables = [(table, self.columns(table)) for table in ("raw_message", "ledger", "observation")]
        whole = stored / self.seconds_of_copying(tables)
        rows = stored / self.seconds_of_copying([("observation", COLUMNS)])
        print(f"{protocol}, {factors} values a message: {sent['values_per_s']:.0f} values/s acknowledged in "
              f"{sent['acknowledged'] / sent['seconds']:.0f} messages/s, p50 {sent['p50_ms']:.0f} ms, p99 {sent['p99_ms']:.0f} ms; "
              f"COPY of the same {stored} rows: {rows:.0f}/s, ratio {sent['values_per_s'] / rows:.2f}; with messages and leaves: "
              f"{whole:.0f}/s, ratio {sent['values_per_s'] / whole:.2f}; CPU us a message: {costs}; resident "
              f"{self.resident() / 2**20:.0f} MiB; load {os.getloadavg()[0]:.1f}", flush=True)

    def rate(self):
        for protocol in self.args.protocols:
            for factors in self.args.factors:
                self.rate_of(protocol, factors)

    # ---- idle ----

    def idle(self):
        n = self.args.idle
        self.run("hj212", "--stations", str(n), "--prefix", "IDLE", "--factors", "1", "--messages", "1", "--start", "2026-02-01T00:00:00Z")
        self.stop_server()  # what registering took is given back
        self.start_server()
        before = self.resident()
        process = self.stations("hj212", "--stations", str(n), "--prefix", "IDLE", "--factors", "1", "--idle", "--start",
                                "2026-02-01T01:00:00Z")
        while self.metric("wardwatch_hj212_stations") < n or self.metric("wardwatch_hj212_answers_total") < n:
            assert process.poll() is None
        time.sleep(IDLE_S)
        after = self.resident()
        print(f"idle: {n} connections, {(after - before) / n / 1024:.1f} KiB resident each "
              f"({before / 2**20:.0f} → {after / 2**20:.0f} MiB)", flush=True)
        process.send_signal(signal.SIGINT)
        process.wait(60)

    # ---- slow ----

    def slow(self):
        good = ["--stations", "200", "--factors", "10", "--every", "1", "--for", f"{self.args.seconds}s", "--prefix", "GOOD"]
        self.run("hj212", *good[:4], "--messages", "1", "--prefix", "GOOD", "--start", "2026-02-01T00:00:00Z")
        alone, beside = [], []
        for i in range(self.args.rounds):
            alone.append(self.run("hj212", *good, "--start", f"2026-03-{2 * i + 1:02d}T00:00:00Z")["p99_ms"])
            bad = self.stations("hj212", "--stations", "0", "--stalled", "2000", "--dripping", "2000", "--prefix", "BAD")
            while self.metric("wardwatch_hj212_connections") < 4000:
                assert bad.poll() is None
            beside.append(self.run("hj212", *good, "--start", f"2026-03-{2 * i + 2:02d}T00:00:00Z")["p99_ms"])
            bad.send_signal(signal.SIGINT)
            bad.wait(60)
            while self.metric("wardwatch_hj212_connections") > 0:
                pass
        print(f"slow: p99 alone {statistics.median(alone):.1f} ms {alone}, beside 2,000 stalled and 2,000 dripping "
              f"{statistics.median(beside):.1f} ms {beside}; ratio {statistics.median(beside) / statistics.median(alone):.2f}",
              flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wardwatch", default=str(ROOT / "build/release/wardwatch"))
    for name, value in (("seconds", 20), ("stations", 2000), ("window", 4), ("idle", 10000), ("rounds", 3)):
        parser.add_argument("--" + name, type=int, default=value)
    parser.add_argument("--factors", type=lambda text: [int(n) for n in text.split(",")], default=[8, 14, 20])
    parser.add_argument("--protocols", type=lambda text: text.split(","), default=["hj212", "mqtt", "http"])
    parser.add_argument("parts", nargs="*", default=["rate", "idle", "slow"])
    args = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    bench = Bench(args)
    try:
        bench.start()
        for part in args.parts:
            getattr(bench, part)()
    finally:
        bench.stop()


if __name__ == "__main__":
    sys.exit(main())
