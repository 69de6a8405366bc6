"""Feeds that are pulled: every way of paging, conditional requests, refusals, back-off, kills, secrets.

The endpoints are of tests/support/pull_server.py. Nothing waits for a time: a feed of one second is polled until
what is expected has been seen.
"""

import base64
import datetime
import gzip
import itertools
import json
import os
import re
import subprocess
import sys
import threading

import pytest
from conftest import wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))
from pull_server import Certificate, PullServer, Reply, closed_port  # noqa: E402

MAPPING = {"thing": "t", "property": {"const": "cod"}, "value": "v", "unit": {"const": "mg/L"}, "time": "at", "register": True}
DAY = "2026-05-01T"


def rows(thing, *hours, value=None):
    return [{"t": thing, "at": f"{DAY}{h:02d}:00:00Z", "v": h if value is None else value} for h in hours]


@pytest.fixture(scope="module")
def admin_token(database):
    return database.add_account("admin", "admin")


@pytest.fixture(scope="module")
def server(database, admin_token, serve):
    return serve(database)


@pytest.fixture(scope="module")
def admin(server, admin_token):
    return server.client(admin_token)


@pytest.fixture
def endpoint():
    with PullServer() as made:
        yield made


@pytest.fixture
def pulled(admin):
    """A function that adds a pulled feed over HTTP; the test's feeds are switched off at its end."""
    names = []

    def add(name, url, paging=None, mapping=None, **pull):
        source = {"url": url, "every_s": 1, **pull}
        if paging:
            source["paging"] = paging
        config = {**MAPPING, "format": "json", **(mapping or {}), "protocol": "pull", "pull": source}
        answer = admin.post("/api/v1/feeds", {"name": name, "config": config})
        assert answer.status == 201, answer.text
        names.append(name)
        return answer.json

    yield add
    for name in names:
        assert admin.put(f"/api/v1/feeds/{name}", {"enabled": False}).status == 200


def stored(database, thing):
    """["HH value version"] of a thing, in order."""
    return [
        " ".join(row)
        for row in database.sql(
            """SELECT to_char(o.phenomenon_time, 'HH24'), o.value, o.version
               FROM observation o JOIN datastream d ON d.id = o.datastream_id JOIN thing t ON t.id = d.thing_id
               WHERE t.key = :'thing' ORDER BY o.phenomenon_time, o.version""",
            thing=thing,
        )
    ]


def once(*hours):
    return [f"{h:02d} {h} 1" for h in hours]


def wait_stored(database, thing, expected):
    wait_until(lambda: stored(database, thing) == expected, f"{thing}: {expected}; there is {stored(database, thing)}")


def position(database, feed):
    found = database.sql("SELECT p.cursor FROM pull_state p JOIN feed f ON f.id = p.feed_id WHERE f.name = :'feed'", feed=feed)
    return found[0][0] if found else None


def metric(client, name, feed):
    found = re.search(rf'^wardwatch_{name}{{feed="{feed}"}} (\S+)$', client.get("/metrics").text, re.M)
    return float(found[1]) if found else 0


def trouble(admin, feed):
    """Why a pulled feed fails, as people see it; None: it doesn't."""
    state = admin.get(f"/api/v1/feeds/{feed}").json["pull"] or {}
    assert bool(state.get("failing_since")) == bool(state.get("last_error"))
    return state.get("last_error")


def wait_trouble(admin, feed, words):
    return wait_until(lambda: words in (trouble(admin, feed) or ""), f"{feed} to fail with {words!r}; it says {trouble(admin, feed)}")


def wait_well(admin, feed):
    wait_until(lambda: trouble(admin, feed) is None, f"{feed} to be well; it says {trouble(admin, feed)}")


def messages(admin, feed):
    return admin.get(f"/api/v1/feeds/{feed}").json["counts"]["messages"]


def wait_log(server, *words):
    def said():
        return [line for line in server.log().splitlines() if all(w in line for w in words)]

    return wait_until(said, f"the log to say {words}: {server.log()}")


# ── Pages ──


def test_an_endpoint_without_pages_is_stored_and_polled_again(database, endpoint, pulled):
    endpoint.answer = lambda r: Reply(json=rows("plain", 1, 2))
    pulled("plain", endpoint.url("/data?key=x"))
    wait_stored(database, "plain", once(1, 2))
    asked = endpoint.wait_more(2)
    assert asked[0].target == "/data?key=x" and asked[0].headers["User-Agent"].startswith("wardwatch/")
    assert stored(database, "plain") == once(1, 2)  # again and again: nothing twice


START = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) - datetime.timedelta(hours=5, minutes=30)


class Pages:
    """Six pages of two readings of a thing, in the ways that endpoints have; `index` says which page is asked for."""

    N = 6
    PAGING = {
        "next": {"by": "next"},
        "link": {"by": "link"},
        "links": {"by": "next", "field": "links"},
        "page": {"by": "page", "param": "page", "first": 0, "size_param": "limit", "size": 2},
        "offset": {"by": "offset", "param": "offset", "size_param": "limit", "size": 2},
        "cursor": {"by": "cursor", "param": "after", "field": "meta.cursor"},
        "time": {"by": "time", "from": "begin", "to": "end", "window_s": 3600, "overlap_s": 600, "start": START.isoformat()},
    }

    def __init__(self, kind, thing):
        self.kind = kind
        self.thing = thing
        self.paging = self.PAGING[kind]
        self.mapping = {"records": "value"} if kind in ("next", "links", "cursor") else {}

    def index(self, request):
        if self.kind == "offset":
            return int(request.query["offset"]) // 2
        if self.kind == "time":  # the windows before now have ten minutes of overlap
            begin = datetime.datetime.fromisoformat(request.query["begin"].replace("Z", "+00:00"))
            return -(-int((begin - START).total_seconds()) // 3600)
        return int(request.query.get({"page": "page", "cursor": "after"}.get(self.kind, "p"), 0))

    def readings(self, i):
        return rows(self.thing, 2 * i, 2 * i + 1) if i < self.N else []

    def __call__(self, request):
        i = self.index(request)
        more = i + 1 < self.N
        if self.kind == "next":
            return Reply(json={"value": self.readings(i), **({"@iot.nextLink": f"?p={i + 1}"} if more else {})})
        if self.kind == "links":
            links = [{"rel": "self", "href": request.target}] + [{"href": f"/data?p={i + 1}", "rel": "next"}] * more
            return Reply(json={"links": links, "value": self.readings(i)})
        if self.kind == "link":
            return Reply(json=self.readings(i), headers={"Link": f'</data?p={i + 1}>; rel="next"'} if more else {})
        if self.kind == "cursor":
            return Reply(json={"value": self.readings(i), "meta": {"cursor": min(i + 1, self.N)}})
        return Reply(json=self.readings(i))


ALL = once(*range(2 * Pages.N))


@pytest.mark.parametrize("kind", Pages.PAGING)
def test_pages_are_followed_to_the_end(database, endpoint, pulled, kind):
    pages = Pages(kind, f"all-{kind}")
    endpoint.answer = pages
    pulled(pages.thing, endpoint.url("/data"), pages.paging, pages.mapping)
    wait_stored(database, pages.thing, ALL)
    assert [pages.index(r) for r in endpoint.asked[: Pages.N]] == list(range(Pages.N))


def test_next_links_of_sensorthings_may_be_relative_or_whole_and_a_round_begins_at_the_beginning(database, endpoint, pulled):
    first = "/v1.1/Observations"
    read = threading.Event()

    def answer(request):
        skip = int(request.query.get("$skip", 0))
        body = {"value": rows("next", *range(skip, skip + 2))}
        if skip < 4:
            body["@iot.nextLink"] = f"?$skip={skip + 2}" if skip else endpoint.url("/v1.1/Observations?$skip=2")
        # Once the second round has stored a page the position is that of its next page.
        if request.target == first and [r.target for r in endpoint.asked].count(first) == 2:
            assert read.wait(60)
        return Reply(json=body)

    endpoint.answer = answer
    pulled("next", endpoint.url("/v1.1/Observations"), {"by": "next"}, {"records": "value"})
    wait_stored(database, "next", once(*range(6)))
    assert [r.target for r in endpoint.asked[:3]] == [first, "/v1.1/Observations?$skip=2", "/v1.1/Observations?$skip=4"]
    endpoint.wait(lambda asked: [r.target for r in asked].count(first) >= 2, "the next round")
    assert position(database, "next") == ""
    read.set()


def test_a_cursor_goes_on_where_it_was_with_what_is_new(database, endpoint, pulled):
    news = []

    def answer(request):
        after = int(request.query.get("after", 0))
        return Reply(json={"value": rows("cursor", *news[after:]), "meta": {"cursor": len(news)}})

    endpoint.answer = answer
    news += [1, 2]
    pulled("cursor", endpoint.url(), Pages.PAGING["cursor"], {"records": "value"})
    wait_stored(database, "cursor", once(1, 2))
    news.append(3)
    wait_stored(database, "cursor", once(1, 2, 3))
    assert [r.query.get("after") for r in endpoint.asked[:2]] == [None, "2"]


def test_a_cursor_that_the_endpoint_has_forgotten_begins_again(database, endpoint, pulled, admin):
    lost = threading.Event()

    def answer(request):
        after = request.query.get("after")
        if after == "old" and lost.is_set():
            return Reply(410)
        if lost.is_set():
            return Reply(json={"value": rows("forgot", 1, 2), "meta": {"cursor": "new"}})
        return Reply(json={"value": rows("forgot", 1), "meta": {"cursor": "old"}})

    endpoint.answer = answer
    pulled("forgot", endpoint.url(), Pages.PAGING["cursor"], {"records": "value"})
    endpoint.wait(lambda asked: asked[-1:] and asked[-1].query.get("after") == "old", "the cursor to be sent")
    lost.set()
    wait_stored(database, "forgot", once(1, 2))
    endpoint.wait(lambda asked: asked[-1].query.get("after") == "new", "the new cursor")
    wait_well(admin, "forgot")


def test_windows_of_time_are_written_in_the_feed_s_form_and_zone(database, endpoint, pulled):
    endpoint.answer = lambda r: Reply(json=rows("zoned", 1))
    paging = {"by": "time", "from": "b", "to": "e", "format": "%Y-%m-%d %H:%M:%S", "window_s": 86400, "start": START.isoformat()}
    pulled("zoned", endpoint.url(), paging, {"time_zone": "Asia/Shanghai"})
    wait_stored(database, "zoned", once(1))
    local = START.astimezone(datetime.timezone(datetime.timedelta(hours=8)))
    assert endpoint.asked[0].query["b"] == local.strftime("%Y-%m-%d %H:%M:%S")
    second = endpoint.wait(lambda asked: asked[1:2], "the next window")[0]
    assert second.query["b"] == endpoint.asked[0].query["e"]  # no moment between the windows


def test_a_window_with_pages_is_read_to_its_end_and_again_from_its_first_page_after_a_kill(own, endpoint):
    database, start = own
    reached, killed = threading.Event(), threading.Event()

    def answer(request):  # four readings in each of three windows: a page of three, a page of one
        window = int((datetime.datetime.fromisoformat(request.query["begin"].replace("Z", "+00:00")) - START).total_seconds()) // 7200
        first = 4 * window
        if request.query["pageNo"] == "2":
            if window == 1 and not killed.is_set():
                reached.set()
                killed.wait(60)
            return Reply(json=rows("windows", first + 3))
        return Reply(json=rows("windows", first, first + 1, first + 2))

    endpoint.answer = answer
    paging = {"by": "time", "from": "begin", "to": "end", "window_s": 7200, "start": START.isoformat(), "param": "pageNo",
              "size_param": "pageSize", "size": 3}  # fmt: skip
    config = {**MAPPING, "format": "json", "protocol": "pull", "pull": {"url": endpoint.url(), "every_s": 1, "paging": paging}}
    server, admin = start()
    assert admin.post("/api/v1/feeds", {"name": "windows", "config": config}).status == 201
    assert reached.wait(60)
    server.kill()
    assert stored(database, "windows") == once(*range(7))
    before = len(endpoint.asked)
    killed.set()
    server, _ = start()
    wait_stored(database, "windows", once(*range(12)))
    asked = [(r.query["begin"], r.query["pageNo"], r.query["pageSize"]) for r in endpoint.asked[: before + 4]]
    first, second, third = ((START + datetime.timedelta(hours=h)).strftime("%Y-%m-%dT%H:%M:%SZ") for h in (0, 2, 4))
    assert asked[:before] == [(first, "1", "3"), (first, "2", "3"), (second, "1", "3"), (second, "2", "3")]
    assert asked[before:] == [(second, "1", "3"), (second, "2", "3"), (third, "1", "3"), (third, "2", "3")]
    server.stop()


FORMATS = {
    "geojson": ({"format": "geojson", "thing": "s", "property": {"const": "pm2_5"}, "value": "v", "time": "at"},
                {"type": "FeatureCollection",
                 "features": [{"type": "Feature", "geometry": {"type": "Point", "coordinates": [107.08, 29.86]},
                               "properties": {"s": "THING", "v": h, "at": f"{DAY}{h:02d}:00:00Z"}} for h in (1, 2)]}),
    "csv": ({"format": "csv", "thing": "s", "property": {"const": "pm2_5"}, "value": "v", "time": "at"},
            f"s,at,v\nTHING,{DAY}01:00:00Z,1\nTHING,{DAY}02:00:00Z,2\n"),
    "ndjson": ({"format": "ndjson", "thing": "s", "property": {"const": "pm2_5"}, "value": "v", "time": "at"},
               "".join(f'{{"s":"THING","at":"{DAY}0{h}:00:00Z","v":{h}}}\n' for h in (1, 2))),
    "json": ({"format": "json", "records": "data.rows", "thing": "s.id", "property": {"const": "pm2_5"}, "value": "m.0.v", "time": "at"},
             {"data": {"rows": [{"s": {"id": "THING"}, "m": [{"v": h}], "at": f"{DAY}0{h}:00:00Z"} for h in (1, 2)]}}),
    "sensorthings": ({"format": "sensorthings", "properties": {"PM2.5": "pm2_5"}},
                     {"value": [{"phenomenonTime": f"{DAY}0{h}:00:00Z", "result": h,
                                 "Datastream": {"unitOfMeasurement": {"symbol": "ug/m3"}, "ObservedProperty": {"name": "PM2.5"},
                                                "Thing": {"@iot.id": "THING", "name": "a thing"}}} for h in (1, 2)]}),
    "ngsi-ld": ({"format": "ngsi-ld", "properties": {"PM25": "pm2_5"}},
                [{"id": "THING", "type": "AirQualityObserved",
                  "PM25": {"type": "Property", "value": h, "unitCode": "GQ", "observedAt": f"{DAY}0{h}:00:00Z"}} for h in (1, 2)]),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_can_be_pulled(database, endpoint, admin, name):
    mapping, content = FORMATS[name]
    thing = f"pulled-{name}"
    body = (content if isinstance(content, str) else json.dumps(content)).replace("THING", thing).encode()
    endpoint.answer = lambda r: Reply(body=body, content_type="application/octet-stream")  # the feed says what it is
    config = {**mapping, "register": True, "protocol": "pull", "pull": {"url": endpoint.url(), "every_s": 1}}
    assert admin.post("/api/v1/feeds", {"name": thing, "config": config}).status == 201
    wait_until(lambda: len(stored(database, thing)) == 2, f"both readings; {admin.get('/api/v1/dead-letters?feed=' + thing).text}")
    assert stored(database, thing) == once(1, 2)
    assert admin.put(f"/api/v1/feeds/{thing}", {"enabled": False}).status == 200


def test_a_ring_of_pages_is_left(database, endpoint, pulled, admin):
    endpoint.answer = lambda r: Reply(json={"value": rows("ring", 1), "@iot.nextLink": "/data?p=1"})
    pulled("ring", endpoint.url("/data"), {"by": "next"}, {"records": "value"})
    wait_trouble(admin, "ring", "lead back to one that was fetched already")
    assert stored(database, "ring") == once(1)


def test_a_next_page_on_another_server_is_not_asked_for(database, endpoint, pulled, admin):
    with PullServer() as other:
        endpoint.answer = lambda r: Reply(json={"value": rows("lured", 1), "@iot.nextLink": other.url("/steal")})
        pulled("lured", endpoint.url(), {"by": "next"}, {"records": "value"}, headers={"X-Key": "k"})
        wait_trouble(admin, "lured", "the next page is on another server")
        wait_stored(database, "lured", once(1))  # the page itself is kept
        assert not other.asked


# ── Kills ──


@pytest.fixture
def own(new_database, serve):
    """A database of the test's own with a function that starts a server on it: other servers would pull too."""
    made = new_database()
    token = made.add_account("admin", "admin")

    def start():
        server = serve(made)
        return server, server.client(token)

    return made, start


def add_pages(admin, endpoint, pages):
    config = {**MAPPING, **pages.mapping, "format": "json", "protocol": "pull",
              "pull": {"url": endpoint.url("/data"), "every_s": 1, "paging": pages.paging}}  # fmt: skip
    answer = admin.post("/api/v1/feeds", {"name": pages.thing, "config": config})
    assert answer.status == 201, answer.text


@pytest.mark.parametrize("moment", ["before", "in the middle of"])
@pytest.mark.parametrize("kind", Pages.PAGING)
def test_after_a_kill_pulling_goes_on_with_the_page_that_was_not_stored(own, endpoint, kind, moment):
    database, start = own
    pages = Pages(kind, f"kill-{kind}")
    reached, killed = threading.Event(), threading.Event()

    def half(body):
        yield body[:20]
        reached.set()
        killed.wait(60)
        yield body[20:]

    def answer(request):
        reply = pages(request)
        if pages.index(request) != 3 or killed.is_set():
            return reply
        if moment == "before":
            reached.set()
            killed.wait(60)
            return reply
        return Reply(parts=half(reply.body), headers=reply.headers)

    endpoint.answer = answer
    server, admin = start()
    add_pages(admin, endpoint, pages)
    assert reached.wait(60)
    server.kill()
    assert stored(database, pages.thing) == once(*range(6))  # three pages, acknowledged by nobody but PostgreSQL
    before = len(endpoint.asked)
    killed.set()
    server, admin = start()
    wait_stored(database, pages.thing, ALL)
    assert pages.index(endpoint.asked[before]) == 3
    server.stop()


def lock_commits(database):
    """Nothing is committed until the returned function is called."""
    locker = subprocess.Popen(["psql", "-Xq", "-d", database.conninfo], stdin=subprocess.PIPE, text=True)
    locker.stdin.write("BEGIN; LOCK TABLE wardwatch.raw_message IN EXCLUSIVE MODE;\n")
    locker.stdin.flush()
    held = "SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND relation = 'wardwatch.raw_message'::regclass"
    wait_until(lambda: database.value(held) == "1", "the lock")

    def release():
        locker.stdin.close()
        locker.wait(60)

    return release


def test_the_position_waits_for_the_commit(own, endpoint):
    database, start = own
    pages = Pages("next", "commit")
    reached, locked = threading.Event(), threading.Event()

    def answer(request):
        if pages.index(request) == 3 and not reached.is_set():
            reached.set()
            assert locked.wait(60)
        return pages(request)

    endpoint.answer = answer
    server, admin = start()
    add_pages(admin, endpoint, pages)
    assert reached.wait(60)
    release = lock_commits(database)
    here = position(database, "commit")
    locked.set()
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'wardwatch.raw_message'::regclass"
    wait_until(lambda: database.value(waiting) != "0", "the page to wait for its commit")
    assert position(database, "commit") == here and here.endswith("?p=3")
    server.kill()
    release()
    before = len(endpoint.asked)
    server, _ = start()
    wait_stored(database, "commit", ALL)
    assert endpoint.asked[before].target == "/data?p=3"
    server.stop()


# ── What has not changed, what has ──


@pytest.mark.parametrize(
    "sent, back", [({"ETag": '"v1"'}, ("If-None-Match", '"v1"')),
                   ({"Last-Modified": "Fri, 01 May 2026 08:00:00 GMT"}, ("If-Modified-Since", "Fri, 01 May 2026 08:00:00 GMT"))])  # fmt: skip
def test_what_has_not_changed_is_not_sent_again_not_even_after_a_restart(own, endpoint, sent, back):
    database, start = own
    name, mark = back
    endpoint.answer = lambda r: Reply(304) if r.headers.get(name) == mark else Reply(json=rows("same", 1), headers=sent)
    server, admin = start()
    config = {**MAPPING, "format": "json", "protocol": "pull", "pull": {"url": endpoint.url(), "every_s": 1}}
    assert admin.post("/api/v1/feeds", {"name": "same", "config": config}).status == 201
    wait_stored(database, "same", once(1))
    endpoint.wait_more(2)
    server.kill()
    before = len(endpoint.asked)
    server, admin = start()
    endpoint.wait(lambda asked: len(asked) >= before + 2, "requests of the new process")
    assert [r.headers.get(name) for r in endpoint.asked[1:]] == [mark] * (len(endpoint.asked) - 1)
    assert messages(admin, "same") == 1
    assert trouble(admin, "same") is None
    server.stop()


def test_a_304_that_nobody_asked_for_is_a_failure(endpoint, pulled, admin):
    endpoint.answer = lambda r: Reply(304)
    pulled("unasked", endpoint.url())
    wait_trouble(admin, "unasked", "the endpoint answered 304")


def test_an_answer_may_be_packed(database, endpoint, pulled):
    body = gzip.compress(Reply(json=rows("packed", 1, 2)).body)
    endpoint.answer = lambda r: Reply(body=body, headers={"Content-Encoding": "gzip"}, content_type="application/json")
    pulled("packed", endpoint.url())
    wait_stored(database, "packed", once(1, 2))
    assert "gzip" in endpoint.asked[0].headers["Accept-Encoding"]


def test_a_corrected_record_is_a_new_version_and_a_late_one_is_added(database, endpoint, pulled, admin):
    now = rows("mended", 2, 3)
    endpoint.answer = lambda r: Reply(json=now)
    pulled("mended", endpoint.url())
    wait_stored(database, "mended", once(2, 3))
    now = rows("mended", 1) + rows("mended", 2, value=20) + rows("mended", 3)
    wait_stored(database, "mended", ["01 1 1", "02 2 1", "02 20 2", "03 3 1"])
    counts = admin.get("/api/v1/feeds/mended").json["counts"]
    assert counts["corrections"] == 1 and counts["dead"] == 0


def test_an_answer_without_content_is_no_news(database, endpoint, pulled, admin):
    answers = iter([Reply(204), Reply(200), Reply(json=rows("quiet", 1))])
    endpoint.answer = lambda r: next(answers, Reply(204))
    pulled("quiet", endpoint.url())
    wait_stored(database, "quiet", once(1))
    endpoint.wait_more(1)
    assert messages(admin, "quiet") == 1 and trouble(admin, "quiet") is None


# ── Failures ──


def test_an_endpoint_that_fails_is_asked_again_and_people_can_see_why(database, server, endpoint, pulled, admin):
    broken = threading.Event()
    broken.set()
    endpoint.answer = lambda r: Reply(500) if broken.is_set() else Reply(json=rows("ill", 1))
    pulled("ill", endpoint.url())
    wait_trouble(admin, "ill", "the endpoint answered 500")
    endpoint.wait(lambda asked: len(asked) >= 2, "a second try")
    broken.clear()
    wait_stored(database, "ill", once(1))
    wait_well(admin, "ill")
    assert metric(admin, "pull_failures_total", "ill") >= 2
    assert metric(admin, "pull_last_ok_seconds", "ill") > 0
    assert "the endpoint answered 500" in wait_log(server, "pull=failed", "feed=ill ")[0]
    assert len(wait_log(server, "pull=failed", "feed=ill ")) == 1  # the same again is not said again
    wait_log(server, "pull=recovered", "feed=ill ")


def test_why_a_feed_fails_is_known_after_a_restart_and_forgotten_when_it_is_well(own, endpoint):
    _, start = own
    broken = threading.Event()
    broken.set()
    endpoint.answer = lambda r: Reply(500) if broken.is_set() else Reply(304 if "If-None-Match" in r.headers else 204)
    server, admin = start()
    config = {**MAPPING, "format": "json", "protocol": "pull", "pull": {"url": endpoint.url(), "every_s": 1}}
    assert admin.post("/api/v1/feeds", {"name": "ill", "config": config}).status == 201
    wait_trouble(admin, "ill", "500")
    server.kill()
    broken.clear()
    server, admin = start()
    wait_well(admin, "ill")
    server.stop()


def test_an_endpoint_that_does_not_answer_in_time_is_left(endpoint, pulled, admin):
    over = threading.Event()
    endpoint.answer = lambda r: over.wait(60) and Reply(204)
    pulled("slow", endpoint.url(), timeout_s=1)
    wait_trouble(admin, "slow", "no whole answer within pull.timeout_s")
    over.set()
    wait_well(admin, "slow")


def test_an_answer_that_stops_half_way_is_left_and_nothing_of_it_is_stored(database, endpoint, pulled, admin):
    over = threading.Event()

    def half(body):
        yield body[:-5]
        over.wait(60)
        yield body[-5:]

    endpoint.answer = lambda r: Reply(json=rows("half", 1)) if over.is_set() else Reply(parts=half(Reply(json=rows("half", 1)).body))
    pulled("half", endpoint.url(), timeout_s=1)
    wait_trouble(admin, "half", "no whole answer within pull.timeout_s")
    assert stored(database, "half") == [] and messages(admin, "half") == 0
    over.set()
    wait_stored(database, "half", once(1))


def test_a_port_that_nobody_listens_on_is_a_failure_until_the_feed_is_corrected(database, endpoint, pulled, admin):
    made = pulled("refused", f"http://127.0.0.1:{closed_port()}/")
    wait_trouble(admin, "refused", "connect")
    endpoint.answer = lambda r: Reply(json=rows("refused", 1))
    made["config"]["pull"]["url"] = endpoint.url()
    assert admin.put("/api/v1/feeds/refused", {"config": made["config"]}).status == 200
    wait_stored(database, "refused", once(1))
    wait_well(admin, "refused")


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_kept(server, endpoint, pulled, status):
    def answer(request):
        return Reply(status, headers={"Retry-After": "3600"}) if request.path == "/busy" else Reply(204)

    endpoint.answer = answer
    pulled(f"busy-{status}", endpoint.url("/busy"))
    assert "again_s=3600.0" in wait_log(server, "pull=failed", f"feed=busy-{status} ")[0]
    pulled(f"clock-{status}", endpoint.url("/clock"))
    endpoint.wait_more(4, "/clock")
    assert [r.path for r in endpoint.asked].count("/busy") == 1


def test_failures_are_further_and_further_apart(server, endpoint, pulled):
    reasons = itertools.count(500)  # another each time: each is logged
    endpoint.answer = lambda r: Reply(next(reasons))
    pulled("sinking", endpoint.url())
    wait_until(lambda: len(wait_log(server, "pull=failed", "feed=sinking ")) >= 4, "four failures")
    # The log collapses what it would say twice in one second: each line is judged by its own count.
    for line in wait_log(server, "pull=failed", "feed=sinking ")[:4]:
        n, wait = int(re.search(r"failures=(\d+)", line)[1]) - 1, float(re.search(r"again_s=([0-9.]+)", line)[1])
        assert 2**n / 2 <= wait + 0.05 and wait <= 2**n + 0.05, line


def test_a_page_that_is_too_large_is_refused_however_it_comes(database, endpoint, pulled, admin):
    big = b" " * 4096
    endpoint.answer = lambda r: {
        "/long": Reply(body=big),
        "/chunked": Reply(parts=iter([big])),
        "/packed": Reply(body=gzip.compress(bytes(1 << 20)), headers={"Content-Encoding": "gzip"}),
    }[r.path]
    for path in ("long", "chunked", "packed"):
        pulled(f"large-{path}", endpoint.url(f"/{path}"), max_bytes=2048)
    for path in ("long", "chunked", "packed"):
        wait_trouble(admin, f"large-{path}", "the answer is larger than pull.max_bytes")
        assert messages(admin, f"large-{path}") == 0


def test_content_that_is_something_else_is_a_dead_letter_with_its_reason(database, endpoint, pulled, admin):
    answers = iter([Reply(body=b"<html>down for maintenance</html>", content_type="text/html")])
    endpoint.answer = lambda r: next(answers, Reply(json=rows("html", 1)))
    pulled("html", endpoint.url())
    wait_stored(database, "html", once(1))
    (letter,) = admin.pages("/api/v1/dead-letters?feed=html")
    assert "maintenance" in letter["raw"] and letter["reason"]


# ── Redirects ──


def redirect(target, status=302):
    return Reply(status, headers={"Location": target})


def test_a_redirect_is_followed_and_the_feed_s_key_stays_at_home(database, endpoint, pulled):
    with PullServer() as other:
        endpoint.answer = lambda r: redirect("/moved") if r.path == "/" else redirect(other.url("/there?x=1"), 307)
        other.answer = lambda r: Reply(json=rows("moved", 1))
        pulled("moved", endpoint.url(), headers={"X-Key": "k3y"}, username="me", password="pa55")
        wait_stored(database, "moved", once(1))
        for request in endpoint.asked[:2]:
            assert request.headers["X-Key"] == "k3y" and request.headers["Authorization"].startswith("Basic ")
        assert other.asked[0].target == "/there?x=1"
        assert "X-Key" not in other.asked[0].headers and "Authorization" not in other.asked[0].headers


@pytest.mark.parametrize(
    "name, target, reason",
    [("file", "file:///etc/passwd", "neither http nor https"), ("ftp", "ftp://127.0.0.1/x", "neither http nor https"),
     ("gopher", "gopher://127.0.0.1:5432/_x", "neither http nor https"), ("ring", "/", "too many redirects")])  # fmt: skip
def test_a_redirect_that_leads_astray_is_not_followed(endpoint, pulled, admin, name, target, reason):
    endpoint.answer = lambda r: redirect(target)
    pulled(f"astray-{name}", endpoint.url())
    wait_trouble(admin, f"astray-{name}", reason)
    assert messages(admin, f"astray-{name}") == 0


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://h/x", "gopher://h/", "http://me:pa55@h/", "dict://h/"])
def test_an_address_that_is_not_plain_http_is_refused(admin, url):
    config = {**MAPPING, "format": "json", "protocol": "pull", "pull": {"url": url}}
    answer = admin.post("/api/v1/feeds", {"name": "astray", "config": config})
    assert answer.status == 400 and answer.json["error"]["field"] == "config.pull.url", answer.text


# ── TLS ──


@pytest.fixture(scope="module")
def certificate(scratch):
    return Certificate(os.path.join(scratch, "tls"))


def test_an_endpoint_with_a_certificate_of_the_feed_s_ca_is_read(database, certificate, pulled):
    with PullServer(certificate) as endpoint:
        endpoint.answer = lambda r: Reply(json=rows("tls", 1))
        pulled("tls", endpoint.url(), ca_file=certificate.ca)
        wait_stored(database, "tls", once(1))


def test_a_certificate_of_somebody_else_is_refused(certificate, scratch, pulled, admin):
    other = Certificate(os.path.join(scratch, "tls-other"))
    with PullServer(certificate) as endpoint:
        endpoint.answer = lambda r: Reply(204)
        pulled("tls-world", endpoint.url(), headers={"X-Key": "k"})
        pulled("tls-other", endpoint.url(), ca_file=other.ca)
        pulled("tls-none", endpoint.url(), ca_file=os.path.join(scratch, "no-such-file"))
        for name in ("tls-world", "tls-other", "tls-none"):
            wait_until(lambda name=name: trouble(admin, name), f"{name} to fail")
            assert "certificate" in trouble(admin, name), trouble(admin, name)
        assert not endpoint.asked


def test_a_redirect_from_https_to_http_is_not_followed(certificate, endpoint, pulled, admin):
    with PullServer(certificate) as safe:
        safe.answer = lambda r: redirect(endpoint.url())
        pulled("tls-down", safe.url(), ca_file=certificate.ca)
        wait_trouble(admin, "tls-down", "a redirect from https to http")
        assert not endpoint.asked


# ── Changes ──


def test_a_changed_feed_is_pulled_as_it_is_now(database, endpoint, pulled, admin):
    endpoint.answer = lambda r: Reply(json=rows("changed", 1 if r.path == "/old" else 2))
    made = pulled("changed", endpoint.url("/old"))
    wait_stored(database, "changed", once(1))
    made["config"]["pull"]["url"] = endpoint.url("/new")
    assert admin.put("/api/v1/feeds/changed", {"config": made["config"]}).status == 200
    wait_stored(database, "changed", once(1, 2))
    endpoint.wait_more(2, "/new")
    assert "/old" not in [r.path for r in endpoint.asked[-2:]]


def test_a_feed_that_is_off_is_asked_no_more_until_it_is_on(server, endpoint, pulled, admin):
    endpoint.answer = lambda r: Reply(204)
    pulled("off", endpoint.url("/off"))
    endpoint.wait_more(1, "/off")
    assert admin.put("/api/v1/feeds/off", {"enabled": False}).status == 200
    wait_log(server, "pull=removed", "feed=off")
    before = [r.path for r in endpoint.asked].count("/off")
    pulled("off-clock", endpoint.url("/clock"))
    endpoint.wait_more(3, "/clock")
    assert [r.path for r in endpoint.asked].count("/off") == before
    assert admin.put("/api/v1/feeds/off", {"enabled": True}).status == 200
    endpoint.wait_more(1, "/off")


# ── Secrets ──

SECRETS = ("s3cr3t-header", "s3cr3t-pass", base64.b64encode(b"me:s3cr3t-pass").decode())


def test_secrets_are_used_and_shown_nowhere(database, server, endpoint, pulled, admin):
    broken = threading.Event()
    broken.set()
    endpoint.answer = lambda r: Reply(401, body=str(r.headers).encode()) if broken.is_set() else Reply(json=rows("secret", 1))
    secrets = {"headers": {"X-Key": SECRETS[0]}, "username": "me", "password": SECRETS[1]}
    made = pulled("secret", endpoint.url("/a"), **secrets)
    made_text = str(made)
    wait_trouble(admin, "secret", "401")
    broken.clear()
    wait_stored(database, "secret", once(1))
    assert made["config"]["pull"]["password"] == "***" and made["config"]["pull"]["headers"] == {"X-Key": "***"}
    # What is shown may be given back: "***" means, as it was.
    made["config"]["pull"]["url"] = endpoint.url("/b")
    changed = admin.put("/api/v1/feeds/secret", {"config": made["config"]})
    assert changed.status == 200
    request = endpoint.wait_more(1, "/b")[0]
    assert request.headers["X-Key"] == SECRETS[0]
    assert base64.b64decode(request.headers["Authorization"].split()[1]).decode() == f"me:{SECRETS[1]}"
    # New ones replace the old, one by one.
    made["config"]["pull"]["headers"] = {"X-Key": "***", "X-More": SECRETS[0]}
    assert admin.put("/api/v1/feeds/secret", {"config": made["config"]}).status == 200
    request = endpoint.wait(lambda asked: "X-More" in asked[-1].headers and asked[-1], "the new header")
    assert request.headers["X-Key"] == request.headers["X-More"] == SECRETS[0]
    shown = {
        "the feed": admin.get("/api/v1/feeds/secret").text,
        "the feeds": admin.get("/api/v1/feeds?limit=1000").text,
        "what was made": made_text,
        "what was changed": changed.text,
        "the log": server.log(),
        "the metrics": admin.get("/metrics").text,
        "the list": database.wardwatch("feed", "list"),
        "dead letters": admin.get("/api/v1/dead-letters?feed=secret").text,
        "the state": str(database.sql("SELECT * FROM pull_state")),
    }
    for place, text in shown.items():
        assert not [s for s in SECRETS if s in text], f"{place} shows a secret"


def test_a_refused_configuration_says_no_secret(admin, server):
    bad = {"url": "http://h/", "headers": {"X-Key": SECRETS[0] + "\n"}, "username": "me", "password": SECRETS[1]}
    answer = admin.post("/api/v1/feeds", {"name": "leak", "config": {**MAPPING, "format": "json", "protocol": "pull", "pull": bad}})
    assert answer.status == 400
    alone = {"url": "http://h/", "password": SECRETS[1]}
    refused = admin.post("/api/v1/feeds", {"name": "leak", "config": {**MAPPING, "format": "json", "protocol": "pull", "pull": alone}})
    assert refused.status == 400
    for text in (answer.text, refused.text, server.log()):
        assert not [s for s in SECRETS if s in text], text


# ── PostgreSQL away ──


def test_while_postgresql_is_away_pulls_pause_and_no_page_is_lost(cluster, own, endpoint):
    database, start = own
    pages = Pages("next", "away")
    reached, stopped = threading.Event(), threading.Event()

    def answer(request):
        if pages.index(request) == 3 and not reached.is_set():
            reached.set()
            assert stopped.wait(60)
        return pages(request)

    endpoint.answer = answer
    server, admin = start()
    add_pages(admin, endpoint, pages)
    assert reached.wait(60)
    before = len(endpoint.asked)
    cluster.stop()
    try:
        wait_until(lambda: server.client().get("/readyz").status == 503, "the server to see that PostgreSQL is gone")
        stopped.set()
        threading.Event().wait(3)  # three polls of the feed's second: nothing that could be waited for must happen
        assert len(endpoint.asked) <= before + 1
    finally:
        stopped.set()
        cluster.start()
    wait_stored(database, "away", ALL)
    assert [pages.index(r) for r in endpoint.asked[:3]] == [0, 1, 2]
    assert [pages.index(r) for r in endpoint.asked[3 : 3 + 3]] in ([3, 4, 5], [3, 3, 4])
    wait_well(admin, "away")
    server.stop()
