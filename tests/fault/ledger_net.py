"""PostgreSQL behind a cable that can be cut: its cluster lives in a network namespace of its own, at the other end of a veth pair.

    with Cable() as cable:
        cluster = CableCluster(directory, cable)     # admin goes over the unix socket, which no cut concerns
        Server(… cluster.server_conninfo("test_1"))
        cable.cut("down"); cable.mend()

Needs root and `ip netns`; `why_not()` says what is missing. No packet filter, no qdisc: those are not everywhere.
"""

import os
import re
import shutil
import subprocess

from ww_fixtures import CLUSTER_SCRIPT, Cluster

PREFIX = "wwl"


def run(*command, check=True):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout.strip()}")
    return done


def why_not():
    """Why no cable can be laid here; "" when one can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not shutil.which("ip") or not shutil.which("nsenter"):
        return "ip (iproute2) or nsenter (util-linux) is missing"
    probe = Cable()
    try:
        probe.lay()
    except RuntimeError as e:
        return f"network namespaces are not permitted here: {e}"
    finally:
        probe.remove()
    return ""


def remove_left_over():
    """Cables of test runs that were killed."""
    for name in re.findall(rf"^{PREFIX}(\d+)\b", run("ip", "netns", "list").stdout, re.M):
        if not os.path.exists(f"/proc/{name}"):
            run("ip", "link", "del", f"{PREFIX}{name}a", check=False)
            run("ip", "netns", "del", f"{PREFIX}{name}", check=False)


class Cable:
    """One veth pair, 198.18.x.y/30 (the range for benchmarks of RFC 2544), x and y by our process id.

    Cuts, none of which anybody is told of:
      down    nothing passes either way
      deaf    what the server says arrives, what PostgreSQL answers is lost: a COMMIT may happen that nobody hears of
      mute    what PostgreSQL says arrives, what the server says is lost
    """

    CUTS = ("down", "deaf", "mute")

    def __init__(self):
        number = os.getpid() % (1 << 14)
        base = f"198.18.{number >> 6}."
        self.space = f"{PREFIX}{os.getpid()}"
        self.near, self.far = f"{self.space}a", f"{self.space}b"
        self.near_address, self.far_address = base + str((number & 63) * 4 + 1), base + str((number & 63) * 4 + 2)
        self.state = None

    def lay(self):
        run("ip", "netns", "add", self.space)
        run("ip", "link", "add", self.near, "type", "veth", "peer", "name", self.far, "netns", self.space)
        run("ip", "address", "add", f"{self.near_address}/30", "dev", self.near)
        run("ip", "link", "set", self.near, "up")
        run("ip", "-n", self.space, "address", "add", f"{self.far_address}/30", "dev", self.far)
        run("ip", "-n", self.space, "link", "set", self.far, "up")
        run("ip", "-n", self.space, "link", "set", "lo", "up")
        return self

    def cut(self, how):
        self.mend()
        if how == "down":
            run("ip", "-n", self.space, "link", "set", self.far, "down")
        elif how == "deaf":
            run("ip", "-n", self.space, "route", "add", "blackhole", self.near_address)
        else:
            run("ip", "route", "add", "blackhole", self.far_address)
        self.state = how

    def mend(self):
        how, self.state = self.state, None
        if how == "down":
            run("ip", "-n", self.space, "link", "set", self.far, "up")
        elif how == "deaf":
            run("ip", "-n", self.space, "route", "del", "blackhole", self.near_address)
        elif how == "mute":
            run("ip", "route", "del", "blackhole", self.far_address)

    def remove(self):
        if self.state == "mute":
            self.mend()
        run("ip", "link", "del", self.near, check=False)
        run("ip", "netns", "del", self.space, check=False)

    def __enter__(self):
        remove_left_over()
        return self.lay()

    def __exit__(self, *_):
        self.remove()


class CableCluster(Cluster):
    """A durable cluster; with a cable, at the far end of it. Without one the server too comes over the unix socket."""

    def __init__(self, directory, cable=None, options=""):
        self.cable = cable
        self.options = options
        super().__init__(directory)
        if cable:
            with open(os.path.join(directory, "data", "pg_hba.conf"), "a", encoding="ascii") as file:
                file.write(f"host all all {cable.near_address}/32 trust\n")
            self.stop()
            self.start()

    def run(self, verb):
        listen = f"-c listen_addresses={self.cable.far_address}" if self.cable else ""
        environment = dict(os.environ, PG_CLUSTER_DURABLE="1", PG_CLUSTER_OPTIONS=f"{listen} {self.options}")
        command = ["sh", CLUSTER_SCRIPT, verb, self.directory]
        if self.cable:
            command = ["nsenter", f"--net=/run/netns/{self.cable.space}", *command]
        done = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True)
        return done.stdout.strip()

    def server_conninfo(self, name):
        """As the server reaches it."""
        if not self.cable:
            return self.conninfo_of(name)
        return f"host={self.cable.far_address} port=5432 dbname={name} user=postgres connect_timeout=5"
