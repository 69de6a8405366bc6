"""What server/http does on the wire: every smuggling and slow-client form, seen from a socket.

Talks to http_echo (tests/integration/http/echo_server.c), found by WW_HTTP_ECHO or in a build folder.
    /usr/bin/python3 -m pytest tests/integration/test_http_wire.py
"""
import gzip
import json
import os
import pathlib
import re
import select
import signal
import socket
import struct
import subprocess
import time

import pytest

from conftest import small_quarantine

ROOT = pathlib.Path(__file__).resolve().parents[2]
MIB = 1 << 20


def find_server():
    found = [os.environ["WW_HTTP_ECHO"]] if "WW_HTTP_ECHO" in os.environ else []
    found += [str(p) for p in sorted(ROOT.glob("build/*/tests/http_echo"))]
    for path in found:
        if os.access(path, os.X_OK):
            return path
    pytest.skip("http_echo is not built (or set WW_HTTP_ECHO)")


class Server:
    def __init__(self, **limits):
        args = [find_server()]
        for name, value in limits.items():
            args += ["--" + name.replace("_", "-"), str(value)]
        env = {**os.environ, "ASAN_OPTIONS": small_quarantine()}
        self.process = subprocess.Popen(args, stdout=subprocess.PIPE, env=env)
        line = self.process.stdout.readline().split()
        assert line[0] == b"ready"
        self.port = int(line[1])

    def connect(self, timeout=15):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def counters(self):
        return json.loads(self.ask(b"GET /counters HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").body)

    def wait_for(self, condition, seconds=10):
        """Polls the counters until the condition holds."""
        end = time.monotonic() + seconds
        while True:
            counters = self.counters()
            if condition(counters):
                return counters
            assert time.monotonic() < end, counters
            select.select([], [], [], 0.02)

    def ask(self, request):
        with self.connect() as s:
            s.sendall(request)
            return read_answer(Reader(s))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(10) == 0


class Reader:
    """Bytes of a socket with a push-back buffer."""

    def __init__(self, sock):
        self.sock, self.data = sock, b""

    def fill(self):
        try:
            more = self.sock.recv(65536)
        except ConnectionResetError:
            more = b""
        self.data += more
        return bool(more)

    def until(self, mark):
        while mark not in self.data:
            if not self.fill():
                raise EOFError(self.data[:200])
        part, self.data = self.data.split(mark, 1)
        return part

    def exactly(self, n):
        while len(self.data) < n:
            if not self.fill():
                raise EOFError(f"{len(self.data)} of {n}")
        part, self.data = self.data[:n], self.data[n:]
        return part

    def rest(self):
        while self.fill():
            pass
        part, self.data = self.data, b""
        return part


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


def read_head(reader):
    lines = reader.until(b"\r\n\r\n").split(b"\r\n")
    status = int(re.fullmatch(rb"HTTP/1\.1 (\d{3}) .*", lines[0]).group(1))
    headers = {}
    for line in lines[1:]:
        name, value = line.split(b": ", 1)
        assert name.lower() not in headers, name
        headers[name.lower().decode()] = value.decode()
    return status, headers


def read_answer(reader, head_only=False):
    status, headers = read_head(reader)
    body = b""
    if head_only or status in (100, 204, 304):
        return Answer(status, headers, body)
    if headers.get("transfer-encoding") == "chunked":
        parts = []
        while not parts or parts[-1]:
            parts.append(reader.exactly(int(reader.until(b"\r\n"), 16)))
            assert reader.exactly(2) == b"\r\n"
        body = b"".join(parts)
    elif "content-length" in headers:
        body = reader.exactly(int(headers["content-length"]))
    else:
        body = reader.rest()
    return Answer(status, headers, body)


@pytest.fixture(scope="module")
def patient():
    """Limits as in production but for the sizes."""
    server = Server(max_body=MIB, write_ms=1500)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def hasty():
    """Short deadlines."""
    server = Server(idle_ms=300, head_ms=800, keep_alive_ms=400, write_ms=500, min_rate=100000)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def brisk():
    """Only the idle deadline is short."""
    server = Server(idle_ms=300)
    yield server
    server.stop()


# ---- Refusals ----

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: a\r\n"
HELLO = b"5\r\nhello\r\n0\r\n\r\n"

REFUSED = {
    "two different Content-Lengths": (400, POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
    "two equal Content-Lengths": (400, POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    "a Content-Length list": (400, POST + b"Content-Length: 5, 5\r\n\r\nhello"),
    "Content-Length +5": (400, POST + b"Content-Length: +5\r\n\r\nhello"),
    "Content-Length 0x5": (400, POST + b"Content-Length: 0x5\r\n\r\nhello"),
    "Content-Length -1": (400, POST + b"Content-Length: -1\r\n\r\n"),
    "Content-Length with chunked": (400, POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + HELLO),
    "chunked with Content-Length": (400, POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + HELLO),
    "xchunked": (400, POST + b"Transfer-Encoding: xchunked\r\n\r\n" + HELLO),
    "gzip, chunked": (400, POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + HELLO),
    "chunked twice": (400, POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + HELLO),
    "identity": (400, POST + b"Transfer-Encoding: identity\r\n\r\n"),
    "space before the colon": (400, POST + b"Transfer-Encoding : chunked\r\n\r\n" + HELLO),
    "tab before the colon": (400, POST + b"Content-Length\t: 5\r\n\r\nhello"),
    "bare LF": (400, GET.replace(b"\r\n", b"\n") + b"\n"),
    "bare LF after one header": (400, GET + b"A: b\n\r\n"),
    "bare LF as the last line": (400, GET + b"\n"),
    "bare CR in a value": (400, GET + b"A: b\rc\r\n\r\n"),
    "NUL in a value": (400, GET + b"A: b\0c\r\n\r\n"),
    "NUL in a name": (400, GET + b"A\0: b\r\n\r\n"),
    "control byte in a value": (400, GET + b"A: \x07\r\n\r\n"),
    "folded header": (400, GET + b"A: b\r\n c\r\n\r\n"),
    "no Host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "two Hosts": (400, GET + b"Host: a\r\n\r\n"),
    "Host with a slash": (400, b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    "two Authorizations": (400, GET + b"Authorization: a\r\nAuthorization: b\r\n\r\n"),
    "chunked in HTTP/1.0": (400, b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + HELLO),
    "chunk size 0x5": (400, POST + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n"),
    "chunk size +5": (400, POST + b"Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n"),
    "chunk size with a space": (400, POST + b"Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n"),
    "chunk size that wraps": (400, POST + b"Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n"),
    "chunk with bare LF": (400, POST + b"Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n"),
    "chunk longer than its size": (400, POST + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n"),
    "endless chunk extension": (400, POST + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"e" * 5000),
    "endless trailers": (400, POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 5000),
    "absolute target of another host": (400, b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    "authority target": (400, b"GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"),
    "asterisk target": (400, b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
    "CONNECT": (501, b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"),
    "dot segments": (400, b"GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n"),
    "coded dot segments": (400, b"GET /a/%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n"),
    "%00": (400, b"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"),
    "coded CRLF": (400, b"GET /%0d%0aX HTTP/1.1\r\nHost: a\r\n\r\n"),
    "parameter given twice": (400, b"GET /?a=1&a=2 HTTP/1.1\r\nHost: a\r\n\r\n"),
    "HTTP/2 preface": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "HTTP/0.9": (400, b"GET /\r\n\r\n"),
    "TLS hello": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    "HTTP/3.0": (505, b"GET / HTTP/3.0\r\nHost: a\r\n\r\n"),
    "unknown method": (501, b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "other expectation": (417, POST + b"Expect: tea\r\nContent-Length: 1\r\n\r\n"),
    "head of 17 KiB": (431, GET + b"A: " + b"a" * (17 << 10) + b"\r\n\r\n"),
    "endless request line": (431, b"GET /" + b"a" * (17 << 10)),
    "101 headers": (431, GET + b"A: b\r\n" * 100 + b"\r\n"),
    "announced body over the ceiling": (413, POST + b"Content-Length: %d\r\n\r\n" % (MIB + 1)),
    "announced body of 2^64-1": (413, POST + b"Content-Length: 18446744073709551615\r\n\r\n"),
    "announced body beyond 2^64": (400, POST + b"Content-Length: 99999999999999999999999\r\n\r\n"),
    "unknown Content-Encoding": (415, POST + b"Content-Encoding: br\r\nContent-Length: 5\r\n\r\nhello"),
    "junk for gzip": (400, POST + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"),
    "junk for zstd": (400, POST + b"Content-Encoding: zstd\r\nContent-Length: 5\r\n\r\nhello"),
}


@pytest.mark.parametrize("form", REFUSED)
def test_a_form_is_refused_and_what_follows_is_not_read_as_a_request(patient, form):
    status, request = REFUSED[form]
    with patient.connect() as s:
        s.sendall(request + b"GET /text?n=77 HTTP/1.1\r\nHost: a\r\n\r\n")
        reader = Reader(s)
        answer = read_answer(reader)
        assert answer.status == status
        assert answer.headers["connection"] == "close"
        assert "server" not in answer.headers and "date" in answer.headers
        assert "message" in json.loads(answer.body)["error"]
        assert reader.rest() == b"", "a second answer was sent"


@pytest.mark.parametrize("form", ["bare LF", "xchunked", "two Hosts", "chunk size 0x5", "HTTP/2 preface"])
def test_a_form_is_refused_when_it_comes_byte_by_byte(patient, form):
    status, request = REFUSED[form]
    with patient.connect() as s:
        try:
            for i in range(len(request)):
                s.send(request[i:i + 1])
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert read_answer(Reader(s)).status == status


def test_an_endless_head_costs_no_memory(patient):
    before = patient.counters()["rss_kib"]
    with patient.connect() as s:
        s.sendall(b"GET / HTTP/1.1\r\n")
        try:
            for _ in range(300):
                s.sendall(b"A: " + b"b" * 100000 + b"\r\n")
        except OSError:
            pass
    assert patient.counters()["rss_kib"] - before < 8 << 10


# ---- Requests that are served ----

def test_keep_alive_serves_one_request_after_another(patient):
    with patient.connect() as s:
        reader = Reader(s)
        for _ in range(50):
            s.sendall(GET + b"\r\n")
            answer = read_answer(reader)
            assert (answer.status, answer.body) == (200, b"ok\n")
            assert "connection" not in answer.headers


def test_pipelined_requests_are_answered_in_order(patient):
    requests = b""
    for i in range(200):
        requests += b"GET /text?n=%d HTTP/1.1\r\nHost: a\r\n\r\n" % i
        requests += POST + b"Content-Length: 3\r\n\r\n%03d" % i
        requests += b"GET /later?ms=1 HTTP/1.1\r\nHost: a\r\n\r\n"
    with patient.connect() as s:
        s.sendall(requests)
        reader = Reader(s)
        for i in range(200):
            assert len(read_answer(reader).body) == i
            assert read_answer(reader).body == b"%03d" % i
            assert read_answer(reader).body == b"later"


def test_pipelined_requests_before_a_half_close_are_all_answered(patient):
    with patient.connect() as s:
        s.sendall((b"GET /later?ms=20 HTTP/1.1\r\nHost: a\r\n\r\n") * 5)
        s.shutdown(socket.SHUT_WR)
        assert Reader(s).rest().count(b"later") == 5


def test_connection_close_is_honoured(patient):
    with patient.connect() as s:
        s.sendall(GET + b"Connection: x, Close\r\n\r\n")
        reader = Reader(s)
        assert read_answer(reader).headers["connection"] == "close"
        assert reader.rest() == b""


def test_http_1_0_is_answered_and_closed(patient):
    with patient.connect() as s:
        s.sendall(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        reader = Reader(s)
        answer = read_answer(reader)
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert reader.rest() == b""


def test_a_stream_to_http_1_0_is_not_chunked(patient):
    answer = patient.ask(b"GET /stream?n=100000 HTTP/1.0\r\n\r\n")
    assert "transfer-encoding" not in answer.headers
    assert answer.body == b"s" * 100000


def test_head_has_the_headers_of_get_and_no_body(patient):
    with patient.connect() as s:
        reader = Reader(s)
        s.sendall(b"HEAD /text?n=500 HTTP/1.1\r\nHost: a\r\n\r\n" + GET + b"\r\n")
        answer = read_answer(reader, head_only=True)
        assert answer.headers["content-length"] == "500"
        assert read_answer(reader).body == b"ok\n"
        s.sendall(b"HEAD /stream?n=500 HTTP/1.1\r\nHost: a\r\n\r\n" + GET + b"\r\n")
        assert read_answer(reader, head_only=True).headers["transfer-encoding"] == "chunked"
        assert read_answer(reader).body == b"ok\n"


def test_targets_and_parameters_are_decoded_once(patient):
    answer = patient.ask(b"GET /target/%E5%8C%BA?q=a+b%26c&%78=%2525 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.body.decode() == "/target/区\nq=a b&c\nx=%25"
    answer = patient.ask(b"GET http://A/target HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.body == b"/target"


def test_a_cookie_is_found_and_a_header_value_cannot_begin_a_line(patient):
    answer = patient.ask(b"GET /cookie?name=sid HTTP/1.1\r\nHost: a\r\nCookie: a=1; sid=x=y;b=2\r\n\r\n")
    assert answer.body == b"x=y"
    assert answer.headers["x-found"] == "yes  Injected: no" and "injected" not in answer.headers


def test_an_unknown_path_gets_a_json_error(patient):
    answer = patient.ask(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.status == 404
    assert json.loads(answer.body) == {"error": {"status": "not_found", "message": "there is nothing here"}}


# ---- Bodies ----

def chunks(body, size):
    out = b""
    for at in range(0, len(body), size):
        part = body[at:at + size]
        out += b"%x;ext=1\r\n" % len(part) + part + b"\r\n" if at == 0 else b"%x\r\n" % len(part) + part + b"\r\n"
    return out + b"0\r\nTrailer: x\r\n\r\n"


BODY = os.urandom(300000)


@pytest.mark.parametrize("size", [1000, 65536, 300000])
def test_a_chunked_body_comes_back_whole(patient, size):
    answer = patient.ask(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks(BODY, size))
    assert answer.body == BODY


def test_a_body_sent_byte_by_byte_comes_back_whole(patient):
    for frame in (b"Content-Length: 500\r\n\r\n" + BODY[:500], b"Transfer-Encoding: chunked\r\n\r\n" + chunks(BODY[:500], 7)):
        with patient.connect() as s:
            for byte in POST + frame:
                s.send(bytes([byte]))
            assert read_answer(Reader(s)).body == BODY[:500]


def test_a_body_of_exactly_the_ceiling_is_taken(patient):
    body = b"x" * MIB
    assert patient.ask(b"POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % MIB + body).body == b"%d" % MIB
    assert patient.ask(b"POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                       chunks(body, 50000)).body == b"%d" % MIB


def test_a_chunked_body_over_the_ceiling_gets_413_while_it_is_still_being_sent(patient):
    with patient.connect() as s:
        s.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks(b"x" * 3 * MIB, 100000))
        answer = read_answer(Reader(s))
        assert answer.status == 413


def test_a_handler_may_raise_the_ceiling_and_a_large_body_arrives_fast(patient):
    body = b"y" * (48 * MIB)
    start = time.monotonic()
    answer = patient.ask(b"POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    rate = 48 / (time.monotonic() - start)
    assert answer.body == b"%d" % len(body)
    print(f"{rate:.0f} MiB/s")
    assert patient.counters()["body_bytes_held"] == 0


def zstd_raw(body):
    """One zstd frame of raw blocks: magic, descriptor with an 8-byte content size, blocks (RFC 8878)."""
    out = b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", len(body))
    for at in range(0, len(body), 100000):
        part = body[at:at + 100000]
        last = at + 100000 >= len(body)
        out += struct.pack("<I", len(part) << 3 | last)[:3] + part
    return out


def zstd_bomb(blocks):
    """A zstd frame of RLE blocks: four bytes each for 128 KiB of zeros, window 128 KiB."""
    block = struct.pack("<I", 131072 << 3 | 1 << 1)[:3] + b"\0"
    return b"\x28\xb5\x2f\xfd\x00\x38" + block * blocks + b"\x01\x00\x00"


@pytest.mark.parametrize("coding,encode", [(b"gzip", gzip.compress), (b"zstd", zstd_raw)])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_coded_body_is_decoded(patient, coding, encode, chunked):
    wire = encode(BODY)
    head = POST + b"Content-Encoding: " + coding + b"\r\n"
    if chunked:
        request = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks(wire, 999)
    else:
        request = head + b"Content-Length: %d\r\n\r\n" % len(wire) + wire
    assert patient.ask(request).body == BODY


@pytest.mark.parametrize("coding,make", [(b"gzip", lambda: gzip.compress(bytes(200 * MIB))), (b"zstd", lambda: zstd_bomb(8000))],
                         ids=["gzip", "zstd"])  # fmt: skip
def test_a_bomb_gets_413_and_no_memory(patient, coding, make):
    bomb = make()
    assert len(bomb) < MIB
    before = patient.counters()["rss_kib"]
    answer = patient.ask(POST + b"Content-Encoding: " + coding + b"\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb)
    assert answer.status == 413
    assert patient.counters()["rss_kib"] - before < 10 << 10


@pytest.mark.parametrize("coding,encode", [(b"gzip", gzip.compress), (b"zstd", zstd_raw)])
def test_a_coded_body_cut_short_gets_400(patient, coding, encode):
    wire = encode(BODY)[:-2]
    assert patient.ask(POST + b"Content-Encoding: " + coding + b"\r\nContent-Length: %d\r\n\r\n" % len(wire) + wire).status == 400


def test_expect_continue_is_told_to_go_on_and_refused_when_too_large(patient):
    with patient.connect() as s:
        reader = Reader(s)
        s.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert read_answer(reader).status == 100
        s.sendall(b"hello")
        assert read_answer(reader).body == b"hello"
        s.sendall(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % (2 * MIB))
        assert read_answer(reader).status == 413


def test_an_answer_from_on_head_closes_when_a_body_was_announced(patient):
    with patient.connect() as s:
        reader = Reader(s)
        s.sendall(b"GET /early HTTP/1.1\r\nHost: a\r\n\r\n" + GET + b"\r\n")
        assert read_answer(reader).status == 401
        assert read_answer(reader).body == b"ok\n"
        s.sendall(b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n")
        answer = read_answer(reader)
        assert (answer.status, answer.headers["connection"]) == (401, "close")
        assert reader.rest() == b""


def test_a_client_that_keeps_sending_sees_the_refusal_and_no_reset(patient):
    with patient.connect() as s:
        s.sendall(b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (20 * MIB))
        for _ in range(20):
            s.sendall(bytes(MIB))
        assert s.recv(12) == b"HTTP/1.1 401"


def test_text_is_gzipped_when_the_client_takes_it(patient):
    ask = b"GET /text?n=5000 HTTP/1.1\r\nHost: a\r\n"
    answer = patient.ask(ask + b"Accept-Encoding: br, gzip\r\n\r\n")
    assert answer.headers["content-encoding"] == "gzip" and answer.headers["vary"] == "Accept-Encoding"
    assert len(answer.body) < 500 and gzip.decompress(answer.body) == (b"abcdefghijklmnopqrstuvwxyz" * 200)[:5000]
    for refusal in (b"", b"Accept-Encoding: gzip;q=0\r\n"):
        answer = patient.ask(ask + refusal + b"\r\n")
        assert "content-encoding" not in answer.headers and len(answer.body) == 5000
    answer = patient.ask(b"GET /text?n=500 HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
    assert "content-encoding" not in answer.headers


# ---- Slow clients ----

def seconds_until_closed(s, feed=None, every=0.05):
    """Sends `feed` byte by byte while waiting; returns (seconds, what was received)."""
    start, got, at = time.monotonic(), b"", 0
    while True:
        readable, _, _ = select.select([s], [], [], every)
        if readable:
            try:
                more = s.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                return time.monotonic() - start, got
            got += more
        elif feed and at < len(feed):
            try:
                s.send(feed[at:at + 1])
            except OSError:
                pass
            at += 1
        assert time.monotonic() - start < 20, "still open"


def test_a_silent_client_is_cut(hasty):
    with hasty.connect() as s:
        seconds, got = seconds_until_closed(s)
        assert got == b"" and seconds > 0.2


def test_an_idle_keep_alive_connection_is_closed_quietly(hasty):
    with hasty.connect() as s:
        s.sendall(GET + b"\r\n")
        reader = Reader(s)
        read_answer(reader)
        assert reader.rest() == b""


def test_a_head_that_stops_gets_408(brisk):
    with brisk.connect() as s:
        s.sendall(GET)
        seconds, got = seconds_until_closed(s)
        assert got.startswith(b"HTTP/1.1 408 ") and seconds < 8  # head_ms is 10 000


def test_a_head_that_trickles_gets_408_though_each_byte_is_in_time(hasty):
    with hasty.connect() as s:
        s.sendall(GET + b"A: ")
        seconds, got = seconds_until_closed(s, b"x" * 1000)
        assert got.startswith(b"HTTP/1.1 408 ") and seconds > 0.7


def test_a_body_that_stops_gets_408(brisk):
    with brisk.connect() as s:
        s.sendall(POST + b"Content-Length: 1000\r\n\r\nabc")
        seconds, got = seconds_until_closed(s)
        assert got.startswith(b"HTTP/1.1 408 ") and seconds < 8


@pytest.mark.parametrize("frame", [b"Content-Length: 100000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n186a0\r\n"])
def test_a_body_that_trickles_gets_408_though_each_byte_is_in_time(hasty, frame):
    with hasty.connect() as s:
        s.sendall(POST + frame)
        seconds, got = seconds_until_closed(s, b"x" * 1000)
        assert got.startswith(b"HTTP/1.1 408 ") and seconds > 0.7


def test_a_client_that_does_not_read_its_answer_is_cut(hasty):
    before = hasty.counters()["cut_readers"]
    with hasty.connect() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(b"GET /text?n=30000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        hasty.wait_for(lambda c: c["cut_readers"] == before + 1)
        with pytest.raises(EOFError):
            Reader(s).exactly(30000000)


def test_a_stream_has_no_idle_deadline(hasty):
    with hasty.connect() as s:
        s.sendall(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
        reader = Reader(s)
        assert read_head(reader)[0] == 200
        start = time.monotonic()
        while time.monotonic() - start < 1.5:  # idle_ms is 300, head_ms 800, write_ms 500
            assert b"data: tick" in reader.until(b"\n\n")


def test_a_request_that_the_application_answers_late_has_no_deadline(hasty):
    assert hasty.ask(b"GET /later?ms=1500 HTTP/1.1\r\nHost: a\r\n\r\n").body == b"later"


# ---- Streams ----

def test_a_stream_waits_for_a_slow_reader_and_comes_whole(patient):
    with patient.connect() as s:
        s.sendall(b"GET /stream?n=30000000 HTTP/1.1\r\nHost: a\r\n\r\n" + GET + b"\r\n")
        base = patient.counters()
        answer = read_answer(Reader(s)) if base["open"] >= 2 else None
        assert answer and answer.body == b"s" * 30000000
        assert patient.counters()["rss_kib"] < base["rss_kib"] + (4 << 10)


def test_a_reader_that_stops_reading_a_stream_is_cut_and_costs_no_memory(patient):
    before = patient.counters()
    socks = [patient.connect() for _ in range(20)]
    for s in socks:
        s.sendall(b"GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n")
    patient.wait_for(lambda c: c["requests"] >= before["requests"] + 20)
    # 20 streams of 256 KiB ceiling, and what libevent's chains add
    assert patient.counters()["rss_kib"] - before["rss_kib"] < 20 << 10
    patient.wait_for(lambda c: c["cut_readers"] >= before["cut_readers"] + 20 and c["gone"] >= before["gone"] + 20)
    for s in socks:
        s.close()


def test_an_application_can_cut_a_reader_that_is_too_slow(patient):
    before = patient.counters()
    with patient.connect() as s:
        s.sendall(b"GET /flood HTTP/1.1\r\nHost: a\r\n\r\n")
        after = patient.wait_for(lambda c: c["cut_readers"] > before["cut_readers"])
        assert after["rss_kib"] - before["rss_kib"] < 4 << 10
        reader = Reader(s)
        reader.rest()


def test_300_mib_poured_into_an_open_stream_cost_no_memory(patient):
    before = patient.counters()["rss_kib"]
    with patient.connect() as s:
        s.sendall(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
        s.setblocking(False)
        block, sent, ticks, stalled = bytes(MIB), 0, 0, 0
        while sent < 300 * MIB and ticks < 20:
            readable, writable, _ = select.select([s], [s], [], 5)
            assert readable or writable
            if writable:
                try:
                    sent += s.send(block)
                except BlockingIOError:
                    stalled += 1
            if readable:
                ticks += s.recv(65536).count(b"data: tick")
        assert patient.counters()["rss_kib"] - before < 2 << 10
        assert ticks >= 20, "the stream went on"
        assert sent < 64 * MIB, "reading stopped"


def test_300_mib_poured_into_a_waiting_request_cost_no_memory(patient):
    before = patient.counters()["rss_kib"]
    with patient.connect() as s:
        s.sendall(b"GET /later?ms=500 HTTP/1.1\r\nHost: a\r\n\r\n")
        s.setblocking(False)
        sent = 0
        while not select.select([s], [], [], 0)[0]:
            if select.select([s], [s], [], 5)[1]:
                try:
                    sent += s.send(b"\0" * MIB)
                except BlockingIOError:
                    pass
        s.setblocking(True)
        assert sent < 64 * MIB
        got = Reader(s).rest()
        assert got.startswith(b"HTTP/1.1 200") and got.count(b"HTTP/1.1 ") == 2 and b"HTTP/1.1 400" in got
    assert patient.counters()["rss_kib"] - before < 2 << 10


def test_the_application_is_told_once_when_a_reader_goes(patient):
    before = patient.counters()
    for close in (lambda s: s.close(), lambda s: (s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)), s.close())):
        s = patient.connect()
        s.sendall(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
        Reader(s).until(b"data: tick")
        close(s)
    patient.wait_for(lambda c: c["gone"] == before["gone"] + 2)
    assert patient.wait_for(lambda c: c["open"] == 1)["gone"] == before["gone"] + 2


def test_an_answer_to_a_client_that_left_goes_nowhere_and_harms_nobody(patient):
    before = patient.counters()
    for _ in range(20):
        s = patient.connect()
        s.sendall(b"GET /later?ms=100 HTTP/1.1\r\nHost: a\r\n\r\n")
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    patient.wait_for(lambda c: c["open"] == 1)
    assert patient.ask(b"GET /later?ms=200 HTTP/1.1\r\nHost: a\r\n\r\n").body == b"later"
    after = patient.counters()
    # each request that was read is ended exactly once (the counters' own is still open)
    assert after["requests"] - before["requests"] == after["done"] - before["done"]


# ---- Caps ----

def test_connections_over_the_cap_of_an_address_get_429_until_one_is_closed():
    server = Server(per_address=5)
    held = [server.connect() for _ in range(5)]
    for s in held:
        s.sendall(GET + b"\r\n")
        read_answer(Reader(s))
    with server.connect() as s:
        s.sendall(GET + b"\r\n")
        answer = read_answer(Reader(s))
        assert answer.status == 429 and int(answer.headers["retry-after"]) > 0
    held.pop().close()
    end = time.monotonic() + 5
    while True:
        answer = server.ask(GET + b"Connection: close\r\n\r\n")
        if answer.status == 200:
            break
        assert time.monotonic() < end
    for s in held:
        s.close()
    server.stop()


def test_connections_over_the_cap_of_all_get_503():
    server = Server(connections=3)
    held = [server.connect() for _ in range(3)]
    for s in held:
        s.sendall(GET + b"\r\n")
        read_answer(Reader(s))
    answer = server.ask(GET + b"\r\n")
    assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
    for s in held:
        s.close()
    server.stop()


def test_bodies_held_over_the_total_get_503():
    server = Server(max_total=500000, max_body=MIB)
    with server.connect() as first:
        first.sendall(POST + b"Content-Length: 400000\r\n\r\n" + b"x" * 399999)
        server.wait_for(lambda c: c["body_bytes_held"] == 399999)
        answer = server.ask(POST + b"Content-Length: 400000\r\n\r\n" + b"x" * 400000)
        assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
        first.sendall(b"x")
        assert len(read_answer(Reader(first)).body) == 400000
    server.wait_for(lambda c: c["body_bytes_held"] == 0)
    server.stop()


def test_accepting_pauses_when_descriptors_run_out_and_goes_on_afterwards():
    server = Server()
    subprocess.run(["prlimit", f"--pid={server.process.pid}", "--nofile=20"], check=True)
    held = [server.connect() for _ in range(40)]
    for s in held[:5]:
        s.sendall(GET + b"\r\n")
        assert read_answer(Reader(s)).status == 200
    stat = pathlib.Path(f"/proc/{server.process.pid}/stat")

    def cpu():
        return sum(map(int, stat.read_text().rsplit(")", 1)[1].split()[11:13]))

    start = cpu()
    select.select([held[0]], [], [], 0.6)
    assert cpu() - start < 20, "the loop spins"  # of 60 ticks
    for s in held:
        s.close()
    assert server.ask(GET + b"\r\n").status == 200
    server.stop()


# ---- The end ----

def test_shutdown_finishes_what_is_open_and_closes_what_is_idle():
    server = Server()
    idle, busy = server.connect(), server.connect()
    idle.sendall(GET + b"\r\n")
    read_answer(Reader(idle))
    busy.sendall(b"GET /later?ms=300 HTTP/1.1\r\nHost: a\r\n\r\n")
    server.wait_for(lambda c: c["requests"] >= 2)
    server.process.send_signal(signal.SIGTERM)
    assert Reader(idle).rest() == b""
    answer = read_answer(Reader(busy))
    assert (answer.body, answer.headers["connection"]) == (b"later", "close")
    busy.close()
    assert server.process.wait(5) == 0


def test_shutdown_cuts_a_stream_after_the_grace():
    server = Server()
    with server.connect() as s:
        s.sendall(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
        reader = Reader(s)
        reader.until(b"data: tick")
        server.process.send_signal(signal.SIGTERM)
        assert not reader.rest().endswith(b"0\r\n\r\n")
    assert server.process.wait(5) == 0
