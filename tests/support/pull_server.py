"""An HTTP(S) endpoint for tests of pulled feeds: answers by a function, remembers what it was asked.

    with PullServer() as endpoint:
        endpoint.answer = lambda request: Reply(json=[{"t": "a", "v": 1}])
        … a feed with "url": endpoint.url("/data") …
        endpoint.wait(lambda asked: len(asked) >= 2, "two requests")

`endpoint.answer` may block on an event of the test's: each request has a thread of its own. Requests are noted when
they come, before they are answered.
"""

import json as json_module
import os
import socket
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

WAIT_S = 60  # a deadline, not a measure


class Reply:
    """`body` bytes, or `json` anything; `parts`: an iterable of bytes sent one by one (chunked)."""

    def __init__(self, status=200, *, json=None, body=b"", parts=None, headers=None, content_type=None):
        self.status = status
        self.body = json_module.dumps(json).encode() if json is not None else body
        self.parts = parts
        self.headers = dict(headers or {})
        if content_type or json is not None:
            self.headers.setdefault("Content-Type", content_type or "application/json")


class Request:
    def __init__(self, handler):
        self.path = urlsplit(handler.path).path
        self.target = handler.path
        self.query = {name: values[-1] for name, values in parse_qs(urlsplit(handler.path).query).items()}
        self.headers = handler.headers


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):  # noqa: N802 (the library's name)
        endpoint = self.server.endpoint
        request = Request(self)
        try:
            self.send(endpoint.note(request))
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True

    def send(self, reply):
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.parts is not None:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in reply.parts:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
            return
        if reply.status not in (204, 304):
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_):
        pass


class Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # a client that went away, or refused our certificate


class PullServer:
    def __init__(self, certificate=None):
        self.listener = Listener(("127.0.0.1", 0), Handler)
        self.listener.endpoint = self
        self.scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.chain, certificate.key)
            # With the handshake in the request's own thread, a client that refuses us stops nobody.
            self.listener.socket = context.wrap_socket(self.listener.socket, server_side=True, do_handshake_on_connect=False)
            self.scheme = "https"
        self.port = self.listener.server_address[1]
        self.changed = threading.Condition()
        self.asked = []
        self.answer = lambda request: Reply(404)
        self.thread = threading.Thread(target=self.listener.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown()
        self.listener.server_close()

    def url(self, path="/", host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.port}{path}"

    def note(self, request):
        with self.changed:
            self.asked.append(request)
            self.changed.notify_all()
        return self.answer(request)

    def wait(self, condition, what):
        """Until condition(list of requests) is true; returns its value."""
        with self.changed:
            value = self.changed.wait_for(lambda: condition(self.asked), WAIT_S)
            assert value, f"waited {WAIT_S} s in vain for {what}; asked: {[r.target for r in self.asked]}"
            return value

    def wait_more(self, n=1, path=None):
        """Until n more requests (of that path) have come from now on; returns them."""
        with self.changed:
            before = len(self.asked)

        def come(asked):
            more = [r for r in asked[before:] if path is None or r.path == path]
            return more if len(more) >= n else None

        return self.wait(come, f"{n} more requests of {path or 'any path'}")


class Certificate:
    """A CA of its own and a certificate from it, of 127.0.0.1 and localhost unless told otherwise."""

    def __init__(self, directory, names="IP:127.0.0.1,DNS:localhost"):
        os.makedirs(directory, exist_ok=True)
        self.ca = os.path.join(directory, "ca.pem")
        self.chain = os.path.join(directory, "server.pem")
        self.key = os.path.join(directory, "server.key")
        ca_key, request, extension = (os.path.join(directory, name) for name in ("ca.key", "server.csr", "server.ext"))
        new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        self.openssl("req", "-x509", *new_key, "-keyout", ca_key, "-out", self.ca, "-subj", "/CN=a test CA", "-days", "2")
        self.openssl("req", *new_key, "-keyout", self.key, "-out", request, "-subj", "/CN=127.0.0.1")
        with open(extension, "w", encoding="ascii") as file:
            file.write(f"subjectAltName={names}\n")
        self.openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key, "-CAcreateserial", "-out", self.chain,
                     "-days", "2", "-extfile", extension)  # fmt: skip

    @staticmethod
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def closed_port():
    """A port that nobody listens on (until somebody does)."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
