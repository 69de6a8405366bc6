"""A proxy in front of one server that keeps what clients really send.

    with RecordingProxy(server.port) as proxy:
        subprocess.run(["ogrinfo", f"OAPIF:http://127.0.0.1:{proxy.port}/ogc"])
        assert proxy.targets() == [...]

The Host header goes through as it came, so that the server's links lead through the proxy too.
"""

import http.client
import http.server
import threading


class RecordingProxy:
    def __init__(self, port):
        seen = self.seen = []  # (method, target, headers, status), in order

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                try:
                    connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                    for name, value in self.headers.items():
                        if name.lower() != "connection":
                            connection.putheader(name, value)
                    connection.endheaders(body or None)
                    response = connection.getresponse()
                    answer = response.read()
                finally:
                    connection.close()
                seen.append((self.command, self.path, dict(self.headers), response.status))
                self.send_response_only(response.status)
                for name, value in response.getheaders():
                    if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer)

            do_GET = do_HEAD = do_POST = do_OPTIONS = do_PUT = do_PATCH = do_DELETE = forward

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.http.server_address[1]
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()

    def targets(self):
        return [target for _, target, _, _ in self.seen]

    def forget(self):
        self.seen.clear()
