"""The built page: served from memory with strict headers, and nothing else from the disk."""

import gzip
import os

import pytest


@pytest.fixture(scope="module")
def server(database, serve, tmp_path_factory):
    web = tmp_path_factory.mktemp("web")
    (web / "assets").mkdir()
    (web / "index.html").write_text("<!doctype html><title>wardwatch</title>")
    (web / "assets" / "app-4f2a.js").write_text("console.log('hello');\n" * 100)
    (web / "assets" / "map-77aa.png").write_bytes(b"\x89PNG" + os.urandom(500))
    (web / ".hidden").write_text("secret")
    return serve(database, "--web", str(web))


def test_the_page_and_the_login_are_index_html_with_strict_headers(server):
    for path in ("/", "/login", "/index.html"):
        answer = server.client().get(path)
        assert answer.status == 200 and "<title>wardwatch</title>" in answer.text
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        policy = answer.headers["Content-Security-Policy"].split("; ")
        for rule in ("default-src 'self'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
            assert rule in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-cache"


def test_assets_are_packed_once_and_kept_for_ever(server):
    plain = server.client().get("/assets/app-4f2a.js")
    assert "immutable" in plain.headers["Cache-Control"] and plain.headers["Content-Type"].startswith("text/javascript")
    assert "Content-Encoding" not in plain.headers
    packed = server.client().get("/assets/app-4f2a.js", headers={"Accept-Encoding": "br, gzip"})
    assert packed.headers["Content-Encoding"] == "gzip" and gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) and packed.headers["Vary"] == "Accept-Encoding"
    refused = server.client().get("/assets/app-4f2a.js", headers={"Accept-Encoding": "gzip;q=0"})
    assert refused.body == plain.body


def test_a_file_that_the_browser_has_is_not_sent_again(server):
    etag = server.client().get("/assets/map-77aa.png").headers["ETag"]
    again = server.client().get("/assets/map-77aa.png", headers={"If-None-Match": etag})
    assert again.status == 304 and again.body == b""
    assert server.client().get("/assets/map-77aa.png", headers={"If-None-Match": '"other"'}).status == 200


@pytest.mark.parametrize("path", ["/.hidden", "/assets/", "/assets", "/../etc/passwd", "/assets/..%2f.hidden", "/%2e%2e/etc/passwd", "/nothing.js"])
def test_what_is_no_file_of_the_page_is_not_there(server, path):
    assert server.client().get(path).status in (400, 404)
