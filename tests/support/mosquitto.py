"""A mosquitto broker of one's own for a test: its port, folder and configuration, ended by its process.

    with Mosquitto(directory) as broker:
        broker.publish("city/a/up", b"1.5", qos=1)
        broker.restart()                       # the same port, what was persistent is kept

Options: persistent=True (kept over restarts), users={"name": "password"}, certificate=(chain, key) for TLS.
"""

import os
import shutil
import socket
import subprocess
import time

WAIT_S = 60


def missing():
    """Why these tests can't run here; None: they can."""
    for program in ("mosquitto", "mosquitto_pub", "mosquitto_passwd"):
        if not find(program):
            return f"no {program}"
    return None


def find(program):
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Mosquitto:
    def __init__(self, directory, persistent=True, users=None, certificate=None, extra=()):
        os.makedirs(directory, exist_ok=True)
        self.directory = directory
        self.port = free_port()
        self.users = users or {}
        self.certificate = certificate
        self.process = None
        self.log_path = os.path.join(directory, "broker.log")
        self.config = os.path.join(directory, "broker.conf")
        self.write_config(persistent, extra)

    def write_config(self, persistent, extra):
        lines = ["user root", f"listener {self.port} 127.0.0.1", "log_dest stdout", "log_type all",
                 "max_queued_messages 100000", f"allow_anonymous {'false' if self.users else 'true'}", *extra]  # fmt: skip
        if persistent:
            lines += ["persistence true", f"persistence_location {self.directory}/", "autosave_interval 1"]
        if self.users:
            passwords = os.path.join(self.directory, "passwords")
            open(passwords, "w", encoding="ascii").close()
            for name, password in self.users.items():
                subprocess.run([find("mosquitto_passwd"), "-b", passwords, name, password], check=True)
            lines.append(f"password_file {passwords}")
        if self.certificate:
            chain, key = self.certificate
            lines += [f"certfile {chain}", f"keyfile {key}"]
        with open(self.config, "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([find("mosquitto"), "-c", self.config], stdout=log, stderr=log)
        end = time.monotonic() + WAIT_S
        while True:
            assert self.process.poll() is None and time.monotonic() < end, self.log()
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                time.sleep(0.02)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(WAIT_S)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def restart(self):
        self.stop()
        self.start()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    @property
    def url(self):
        return f"{'mqtts' if self.certificate else 'mqtt'}://127.0.0.1:{self.port}"

    def publish(self, topic, *payloads, qos=1):
        """Each line is a message; returns when the broker has acknowledged them all."""
        command = [find("mosquitto_pub"), "-h", "127.0.0.1", "-p", str(self.port), "-t", topic, "-q", str(qos), "-l"]
        for name, password in list(self.users.items())[:1]:
            command += ["-u", name, "-P", password]
        subprocess.run(command, input=b"".join(p.encode() + b"\n" for p in payloads), check=True, timeout=WAIT_S)
