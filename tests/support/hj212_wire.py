"""A raw HJ 212 station in Python: frames, CRCs and SM4 written from the standard, not from the server's code.

    station = Station(port, "010000A8900016F000169DC0")
    station.upload(2011, "DataTime=20260801085857;w01018-Rtd=2.2,w01018-Flag=N")     # Flag=5: wants an answer
    assert station.take()["CN"] == "9014"

A frame that was read is a Frame: a dictionary of its header fields with `data` (the text between the "&&"), `items_of`
(its fields) and `raw` (the bytes). A station answers nothing by itself, so that tests say each byte; `serve_command` and
`answer_commands` do what a well-behaved one does. Standard library only; SM4 needs the openssl program.
"""

import datetime
import itertools
import re
import shutil
import socket
import subprocess
import threading
import time

DEADLINE_S = 60  # a deadline, not a measure: machines that run tests are slow and shared
CHINA = datetime.timezone(datetime.timedelta(hours=8))


class WireError(Exception):
    """The peer sent what is no frame."""


# ---- Codec ----


def crc(segment):
    """HJ 212-2017 Appendix A: the register is shifted by a whole byte before each byte is mixed in."""
    register = 0xFFFF
    for byte in segment:
        register = (register >> 8) ^ byte
        for _ in range(8):
            register = (register >> 1) ^ (0xA001 if register & 1 else 0)
    return register


def crc_modbus(segment):
    """CRC-16/MODBUS, which many devices send instead."""
    register = 0xFFFF
    for byte in segment:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0xA001 if register & 1 else 0)
    return register


def frame(segment, check=crc, spoil=0):
    """The bytes of one frame. `spoil` ≠ 0 makes the CRC wrong by that much."""
    if isinstance(segment, str):
        segment = segment.encode("utf-8")
    return b"##%04d%s%04X\r\n" % (len(segment), segment, check(segment) ^ spoil)


def segment_of(*, qn, st="32", cn, pw="123456", mn, flag=5, data="", packet=None, late=False):
    """`packet`: (how many, which). None leaves a field out."""
    fields = [("QN", qn), ("ST", st), ("CN", cn), ("PW", pw), ("MN", mn), ("Flag", flag)]
    if packet:
        fields += [("PNUM", packet[0]), ("PNO", packet[1])]
    if late:
        fields.append(("RF", 1))
    head = "".join(f"{name}={value};" for name, value in fields if value is not None)
    return f"{head}CP=&&{data}&&".encode("utf-8")


class Frame(dict):
    """Header fields by name; `data`, `items_of`, `area` and `raw` besides."""

    def __init__(self, raw):
        segment = raw[6:-6]
        head, _, rest = segment.partition(b"CP=&&")
        super().__init__(field.split("=", 1) for field in head.decode("utf-8").split(";") if "=" in field)
        self.raw = raw
        self.area = rest[: rest.rindex(b"&&")]
        self.data = self.area.decode("utf-8", "replace")
        self.items_of = dict(item.split("=", 1) for item in re.split("[;,]", self.data) if "=" in item)


def take_frame(buffer):
    """Takes one frame off the front of a bytearray; None until it is whole. Strict: the server sends no dirt.

    The CRC of a frame whose data area is encrypted is that of the plain text: then it is not checked here."""
    if len(buffer) < 6:
        return None
    if buffer[:2] != b"##" or not bytes(buffer[2:6]).isdigit():
        raise WireError(f"no frame: {bytes(buffer[:60])!r}")
    end = 6 + int(buffer[2:6])
    if len(buffer) < end + 6:
        return None
    raw = bytes(buffer[: end + 6])
    encrypted = any(byte < 32 or byte > 126 for byte in raw[6:end])
    if not encrypted and raw[end:] != b"%04X\r\n" % crc(raw[6:end]):
        raise WireError(f"wrong CRC: {raw!r}")
    del buffer[: end + 6]
    return Frame(raw)


# ---- SM4 (HJ 212-2025): ECB over whole blocks, the tail stays plain ----


def has_sm4():
    if not shutil.which("openssl"):
        return False
    listed = subprocess.run(["openssl", "list", "-cipher-algorithms"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return "SM4-ECB" in listed.stdout.upper()


def sm4(key, area, decrypt=False):
    whole = len(area) // 16 * 16
    if whole == 0:
        return area
    command = ["openssl", "enc", "-sm4-ecb", "-nopad", "-K", key.hex()] + (["-d"] if decrypt else [])
    done = subprocess.run(command, input=area[:whole], stdout=subprocess.PIPE, check=True)
    return done.stdout + area[whole:]


def encrypted_frame(segment, key):
    """Length and CRC are those of the plain segment."""
    plain = frame(segment)
    start = plain.index(b"CP=&&") + 5
    end = len(plain) - 8
    return plain[:start] + sm4(key, plain[start:end]) + plain[end:]


# ---- A station ----


def local_time(moment=None):
    """Fourteen digits of China Standard Time."""
    moment = moment or datetime.datetime.now(CHINA)
    return moment.astimezone(CHINA).strftime("%Y%m%d%H%M%S")


_counter = itertools.count()


def fresh_qn(moment=None):
    """Now, to the millisecond; no two of one process are alike."""
    moment = (moment or datetime.datetime.now(CHINA)).astimezone(CHINA)
    return moment.strftime("%Y%m%d%H%M%S") + "%03d" % (next(_counter) % 1000)


class Station:
    """One connection that speaks for `mn` (or, with mn=… at each call, for several)."""

    def __init__(self, port, mn, *, host="127.0.0.1", source=None, pw="123456", st="32", version=2017, key=None, receive_buffer=None):
        self.mn, self.pw, self.st, self.version, self.key = mn, pw, st, version, key
        self.buffer = bytearray()
        self.socket = socket.socket()
        self.socket.settimeout(DEADLINE_S)
        if receive_buffer:  # only before connecting: a window that shrinks later confuses TCP itself
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def end_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def send(self, data):
        self.socket.sendall(data)

    def flag(self, answer=True, packets=False):
        return {2005: 0, 2017: 4, 2025: 8}[self.version] + (2 if packets else 0) + (1 if answer else 0)

    def segment(self, cn, data="", *, qn=None, answer=True, packet=None, **fields):
        fields = {"mn": self.mn, "pw": self.pw, "st": self.st, "flag": self.flag(answer, packet is not None), **fields}
        return segment_of(qn=qn or fresh_qn(), cn=cn, data=data, packet=packet, **fields)

    def upload(self, cn, data, **fields):
        """Sends an upload (or a notification); returns its QN."""
        qn = fields.pop("qn", None) or fresh_qn()
        segment = self.segment(cn, data, qn=qn, **fields)
        self.send(encrypted_frame(segment, self.key) if self.key and 2000 <= cn <= 2999 else frame(segment))
        return qn

    def answer(self, request, cn, data, st="91", answer=False):
        """Sends 9011, 9012 or a parameter for a request of the host."""
        self.send(frame(self.segment(cn, data, qn=request["QN"], st=st, answer=answer, mn=request["MN"], pw=request["PW"])))

    def take(self, timeout_s=DEADLINE_S):
        """The next frame; None at the end of the stream. TimeoutError after the deadline."""
        end = time.monotonic() + timeout_s
        while True:
            taken = take_frame(self.buffer)
            if taken is not None:
                return taken
            self.socket.settimeout(max(0.001, end - time.monotonic()))
            try:
                piece = self.socket.recv(65536)
            except ConnectionError:
                piece = b""
            if not piece:
                if self.buffer:
                    raise WireError(f"ended within a frame: {bytes(self.buffer)!r}")
                return None
            self.buffer += piece

    def take_cn(self, cn, timeout_s=DEADLINE_S):
        """The next frame of that command; others are passed over."""
        end = time.monotonic() + timeout_s
        while True:
            taken = self.take(max(0.001, end - time.monotonic()))
            if taken is None or taken["CN"] == str(cn):
                return taken

    def says_nothing(self, for_s=0.3):
        """Nothing came in a short while: only beside something stronger that shows it."""
        try:
            return self.take(for_s) is None
        except (TimeoutError, socket.timeout):
            return True

    def serve_command(self, request=None, data=(), exe_rtn=1, qn_rtn=1):
        """Does one request as a good station does; `data`: (cn, data area) of parameter answers."""
        request = request or self.take()
        self.answer(request, 9011, f"QnRtn={qn_rtn}")
        if qn_rtn == 1:
            for cn, area in data:
                self.answer(request, cn, area, st=self.st)
            self.answer(request, 9012, f"ExeRtn={exe_rtn}")
        return request

    def answer_commands(self):
        """Accepts whatever the host asks, in a thread, and gathers acknowledged QNs in `acknowledged` until the end."""
        self.acknowledged = []

        def run():
            try:
                while (got := self.take()) is not None:
                    if got["CN"] == "9014":
                        self.acknowledged.append(got["QN"])
                    elif not got["CN"].startswith("90"):
                        self.serve_command(got)
            except (OSError, WireError):
                pass

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread
