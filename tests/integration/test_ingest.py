"""POST /ingest/v1/{feed} from outside: every format and coding, units, zones, datums, and what is refused."""

import gzip
import json
import math
import shutil
import subprocess
import threading

import pytest

LONG = {"thing": "t", "property": "p", "value": "v", "unit": {"field": "u"}, "time": "at", "register": True}
FEEDS = {
    "any": {**LONG, "quality": {"field": "q", "default": "N"}, "place": {"x": "x", "y": "y"}},
    "strict": {**LONG, "mode": "strict"},
    "closed": {**LONG, "register": False},
    "wide": {
        "format": "csv", "thing": "station", "time": {"field": "at", "format": "%Y-%m-%d %H:%M"}, "register": True,
        "time_zone": "Asia/Shanghai", "interval_s": 3600,
        "values": [{"field": "COD", "property": "cod", "unit": "mg/L"}, {"field": "NH3N", "property": "nh3n", "unit": "ug/L"}],
    },
    "gcj": {**LONG, "datum": "GCJ-02", "place": {"x": "x", "y": "y"}},
    "grid": {**LONG, "datum": "EPSG:4545", "place": {"x": "x", "y": "y"}},
    "features": {**LONG, "format": "geojson"},
    "nested": {**LONG, "format": "json", "records": "data.items", "keep": ["note"]},
    "byward": {**LONG, "place": {"ward": "w"}},
}  # fmt: skip
# Cells of 200 m, so that a place that is not converted (GCJ-02 is off by 500 m here) lies in another one.
WARDS = """
INSERT INTO ward (code, name_zh, geom)
SELECT format('77%s%s', lpad(i::text, 2, '0'), lpad(j::text, 2, '0')), 'w',
       ST_Multi(ST_MakeEnvelope(107 + i * 0.002, 29 + j * 0.002, 107 + (i + 1) * 0.002, 29 + (j + 1) * 0.002, 4490))
FROM generate_series(0, 9) i, generate_series(0, 9) j"""


@pytest.fixture(scope="module")
def seeded(database):
    database.sql(WARDS)
    for name, config in FEEDS.items():
        database.sql("INSERT INTO feed (name, config) VALUES (:'name', :'config')", name=name, config=json.dumps(config))
    return database


@pytest.fixture(scope="module")
def tokens(seeded):
    return {role: seeded.add_account(role, role) for role in ("feed", "viewer", "admin")}


@pytest.fixture(scope="module")
def server(seeded, tokens, serve):
    return serve(seeded)


@pytest.fixture(scope="module")
def sender(server, tokens):
    return server.client(tokens["feed"])


@pytest.fixture(scope="module")
def admin(server, tokens):
    return server.client(tokens["admin"])


def record(thing, value, at="2026-05-01T00:00:00Z", code="cod", **more):
    return {"t": thing, "p": code, "v": value, "at": at, **more}


def lines(*records):
    return "\n".join(json.dumps(r) for r in records)


def values(database, thing):
    """[[property, time, value, interval, flag, version, ward]] of a thing."""
    return database.sql(
        """SELECT p.code, to_char(o.phenomenon_time, 'MM-DD HH24:MI'), o.value, o.interval_s, o.flag, o.version, w.code
           FROM observation o JOIN datastream d ON d.id = o.datastream_id JOIN thing t ON t.id = d.thing_id
           JOIN observed_property p ON p.id = d.property_id LEFT JOIN ward w ON w.id = o.ward_id
           WHERE t.key = :'thing' ORDER BY o.phenomenon_time, p.code, o.version""",
        thing=thing,
    )


def took(answer, **counts):
    assert answer.status == 200, answer.text
    wanted = {"received": 1, "stored": 1, "corrections": 0, "duplicates": 0, "dead": 0, **counts}
    assert {k: answer.json[k] for k in wanted} == wanted, answer.text
    return answer.json


# ---- Formats and codings ----


def test_ndjson_json_geojson_and_csv_say_the_same(seeded, sender):
    one = record("same-1", 40, u="mg/L")
    took(sender.ingest("any", lines(one)))
    took(sender.ingest("any", json.dumps([record("same-2", 40, u="mg/L")]), "application/json"))
    took(sender.ingest("any", "t,p,v,u,at,q,x,y\nsame-3,cod,40,mg/L,2026-05-01T00:00:00Z,N,,\n", "text/csv"))
    feature = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [107.001, 29.001]},
               "properties": record("same-4", 40, u="mg/L")}  # fmt: skip
    took(sender.ingest("features", json.dumps({"type": "FeatureCollection", "features": [feature]}), "application/geo+json"))
    took(sender.ingest("nested", json.dumps({"data": {"items": [record("same-5", 40, u="mg/L", note="x")]}}), "application/json"))
    for i in range(1, 6):
        assert values(seeded, f"same-{i}")[0][:6] == ["cod", "05-01 00:00", "40", "0", "N", "1"]
    assert values(seeded, "same-4")[0][6] == "770000"


def test_wide_csv_gives_a_value_a_column_in_its_own_zone_and_unit(seeded, sender):
    body = "station,at,COD,NH3N\nw1,2026-05-01 08:00,12.5,1500\nw1,2026-05-01 09:00,NA,\n"
    took(sender.ingest("wide", body, "text/csv"), received=2, stored=2)
    assert values(seeded, "w1") == [
        ["cod", "05-01 00:00", "12.5", "3600", "N", "1", ""],
        ["nh3n", "05-01 00:00", "1.5", "3600", "N", "1", ""],
    ]


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_compressed_bodies_are_read(seeded, sender, coding):
    plain = lines(*(record(f"coded-{coding}", i, f"2026-05-01T{i:02}:00:00Z") for i in range(24))).encode()
    if coding == "zstd" and not shutil.which("zstd"):
        pytest.skip("no zstd program")
    packed = gzip.compress(plain) if coding == "gzip" else subprocess.run(["zstd", "-q"], input=plain, stdout=subprocess.PIPE, check=True).stdout
    took(sender.ingest("any", packed, headers={"Content-Encoding": coding}), received=24, stored=24)
    assert len(values(seeded, f"coded-{coding}")) == 24
    assert sender.ingest("any", packed[: len(packed) // 2], headers={"Content-Encoding": coding}).status == 400


def test_units_are_converted_and_a_unit_that_does_not_fit_is_told(seeded, sender):
    body = lines(record("unit", 1500, u="ug/L"), record("unit", 7, "2026-05-01T01:00:00Z", u="dB(A)"))
    answer = took(sender.ingest("any", body), received=2, dead=1)
    assert values(seeded, "unit") == [["cod", "05-01 00:00", "1.5", "0", "N", "1", ""]]
    assert answer["dead_letters"][0]["line"] == 2 and answer["dead_letters"][0]["field"] == "unit"


# ---- Places ----


def gcj02(lon, lat):
    """WGS 84 → GCJ-02, written apart from the program's: the published polynomial and sine terms."""
    x, y = lon - 105, lat - 35

    def waves(u, *terms):
        return sum(a * math.sin(u * f * math.pi) for a, f in terms) * 2 / 3

    common = waves(x, (20, 6), (20, 2))
    d_lat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + common
    d_lat += waves(y, (20, 1), (40, 1 / 3)) + waves(y, (160, 1 / 12), (320, 1 / 30))
    d_lon = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + common
    d_lon += waves(x, (20, 1), (40, 1 / 3)) + waves(x, (150, 1 / 12), (300, 1 / 30))
    e2, a = 0.00669342162296594323, 6378245.0
    magic = 1 - e2 * math.sin(math.radians(lat)) ** 2
    d_lat *= 180 / (a * (1 - e2) / (magic * math.sqrt(magic)) * math.pi)
    d_lon *= 180 / (a / math.sqrt(magic) * math.cos(math.radians(lat)) * math.pi)
    return lon + d_lon, lat + d_lat


def test_places_of_any_datum_land_in_the_right_ward(seeded, sender):
    lon, lat = 107.0091, 29.0071  # in the cell 0403, 90 m from its west, 110 m from its south side
    x, y = gcj02(lon, lat)
    assert abs(x - lon) > 0.002  # what is not converted lies in another ward
    took(sender.ingest("gcj", lines(record("gcj-1", 1, x=x, y=y))))
    east, north = seeded.sql(
        "SELECT ST_X(g), ST_Y(g) FROM ST_Transform(ST_SetSRID(ST_MakePoint(:'lon', :'lat'), 4490), 4545) g", lon=lon, lat=lat
    )[0]
    took(sender.ingest("grid", lines(record("grid-1", 1, x=float(east), y=float(north)))))
    took(sender.ingest("any", lines(record("wgs-1", 1, x=lon, y=lat))))
    for thing in ("gcj-1", "grid-1", "wgs-1"):
        assert values(seeded, thing)[0][6] == "770403", thing
        where = "SELECT abs(ST_X(geom) - :'lon') + abs(ST_Y(geom) - :'lat') FROM thing WHERE key = :'thing'"
        assert float(seeded.value(where, lon=lon, lat=lat, thing=thing)) < 1e-6, thing
    assert seeded.value("SELECT source_datum FROM thing WHERE key = 'gcj-1'") == "GCJ-02"


def test_a_reading_taken_elsewhere_counts_where_it_was_taken(seeded, sender):
    took(sender.ingest("any", lines(record("van", 1, x=107.001, y=29.001))))
    took(sender.ingest("any", lines(record("van", 2, "2026-05-01T01:00:00Z", x=107.003, y=29.001))))
    took(sender.ingest("any", lines(record("van", 3, "2026-05-01T02:00:00Z", x=1.0, y=1.0))))
    assert [v[6] for v in values(seeded, "van")] == ["770000", "770100", ""]
    assert seeded.value("SELECT count(*) FROM feature_of_interest WHERE raw_x = 107.003") == "1"


def test_a_ward_code_places_a_reading_and_an_unknown_one_is_told(seeded, sender):
    answer = took(sender.ingest("byward", lines(record("bw", 1, w="770909"), record("bw", 2, "2026-05-01T01:00:00Z", w="999"))), received=2, dead=1)
    assert [v[6] for v in values(seeded, "bw")] == ["770909"]
    assert answer["dead_letters"][0]["field"] == "place" and "999" in answer["dead_letters"][0]["reason"]


# ---- What is refused ----


def test_wrong_tokens_feeds_and_sizes_are_told_apart(server, sender, tokens):
    assert server.client().ingest("any", "{}").status == 401
    assert server.client("wrong").ingest("any", "{}").status == 401
    assert server.client(tokens["viewer"]).ingest("any", "{}").status == 403
    assert sender.ingest("nowhere", "{}").status == 404
    assert sender.ingest("any", b" " * (17 << 20)).status == 413
    assert sender.ingest("any", gzip.compress(b" " * (17 << 20)), headers={"Content-Encoding": "gzip"}).status == 413


def test_an_unknown_thing_registers_itself_only_where_it_may(seeded, sender):
    answer = took(sender.ingest("closed", lines(record("stranger", 1))), stored=0, dead=1)
    assert answer["dead_letters"][0]["field"] == "thing" and "stranger" in answer["dead_letters"][0]["reason"]
    took(sender.ingest("any", lines(record("stranger", 1))))
    assert seeded.sql("SELECT f.name, t.registered FROM thing t JOIN feed f ON f.id = t.feed_id WHERE key = 'stranger'") == [["any", "self"]]


def test_a_strict_feed_takes_all_or_nothing_and_says_where(seeded, sender):
    body = lines(record("s1", 1), record("s1", "many", "2026-05-01T01:00:00Z"))
    answer = sender.ingest("strict", body)
    assert answer.status == 400 and answer.json["error"]["line"] == 2 and answer.json["error"]["field"] == "value", answer.text
    # What only the catalog can tell refuses it as well.
    answer = sender.ingest("strict", lines(record("s1", 1), record("s1", 1, code="no_such")))
    assert answer.status == 400 and answer.json["error"]["line"] == 2 and answer.json["error"]["field"] == "property", answer.text
    assert values(seeded, "s1") == [] and seeded.value("SELECT count(*) FROM raw_message m JOIN feed f ON f.id = m.feed_id WHERE name = 'strict'") == "0"


def test_a_lenient_feed_keeps_what_is_bad_and_stores_the_rest(seeded, sender, admin):
    good = record("len", 1)
    body = "\n".join(
        [json.dumps(good), "{broken", lines(record("len", "x", "2026-05-01T01:00:00Z")), lines(record("len", 1, "2099-01-01T00:00:00Z")),
         lines(record("len", 1, "2026-05-01T02:00:00Z", code="no_such")), '{"t":"a\\u0000b","p":"cod","v":1,"at":"2026-05-01T00:00:00Z"}',
         lines(record("len", 2, "2026-05-01T03:00:00Z"))]
    )  # fmt: skip
    answer = took(sender.ingest("any", body), received=7, stored=2, dead=5)
    assert sorted(d["line"] for d in answer["dead_letters"]) == [2, 3, 4, 5, 6]
    letters = [d for d in admin.pages("/api/v1/dead-letters?feed=any") if d["raw_message"] == answer["raw_message"]]
    raws = {d["line"]: d["raw"] for d in letters}
    assert {d["state"] for d in letters} == {"kept"} and raws[2] == "{broken" and "2099" in raws[4] and "no_such" in raws[5]


def test_a_body_that_breaks_off_or_is_nothing_at_all_says_where(sender, seeded):
    cut = json.dumps([record("cut", 1), record("cut", 2, "2026-05-01T01:00:00Z")])[:-30]
    answer = took(sender.ingest("any", cut, "application/json"), received=2, dead=1)
    assert answer["dead_letters"][0]["line"] == 2
    refused = sender.ingest("any", "this is no JSON", "application/json")
    assert refused.status == 400 and refused.json["error"]["line"] == 1, refused.text
    assert sender.ingest("strict", cut, "application/json").status == 400


def test_texts_that_a_database_refuses_become_dead_letters_and_take_nobody_with_them(seeded, sender):
    poison = [b'{"t":"p\\u0000q","p":"cod","v":1,"at":"2026-05-01T00:00:00Z"}',
              b'{"t":"p\xff","p":"cod","v":1,"at":"2026-05-01T00:00:00Z"}',
              b'{"t":"' + "街".encode() * 60 + b'","p":"cod","v":1,"at":"2026-05-01T00:00:00Z"}',
              b'{"t":"p","p":"' + "镇".encode() * 21 + b'","v":1,"at":"2026-05-01T00:00:00Z"}',
              b'{"t":"p","p":"cod","u":"' + "镇".encode() * 21 + b'","v":1,"at":"2026-05-01T00:00:00Z"}']  # fmt: skip
    answers = {}

    def send(i):
        body = poison[i] if i < len(poison) else lines(record(f"bystander-{i}", i)).encode()
        answers[i] = sender.ingest("any" if i != 3 else "closed", body, "application/x-ndjson; x=\xff" if i == 4 else "application/x-ndjson")

    threads = [threading.Thread(target=send, args=(i,)) for i in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(len(poison)):
        if i == 1:  # not one row of it is JSON
            assert answers[i].status == 400, answers[i].text
        else:
            took(answers[i], stored=0, dead=1)
    for i in range(len(poison), 24):
        took(answers[i])


def test_a_kept_text_with_a_zero_byte_becomes_a_dead_letter(seeded, sender):
    kept = [record("note", 1, note={"deep": ["a", "街"]}), record("note", 2, "2026-05-01T01:00:00Z", note="x\u0000y")]
    answer = took(sender.ingest("nested", json.dumps({"data": {"items": kept}}), "application/json"), received=2, dead=1)
    assert answer["dead_letters"][0]["line"] == 2
    assert seeded.value("SELECT detail->'note'->'deep'->>1 FROM observation WHERE jsonb_typeof(detail->'note') = 'object'") == "街"


# ---- The same again, corrections ----


def test_the_same_request_again_stores_nothing_twice(seeded, sender):
    body = lines(record("again", 1), record("again", "bad"))
    took(sender.ingest("any", body), received=2, dead=1)
    took(sender.ingest("any", body), received=2, stored=0, duplicates=2)
    took(sender.ingest("any", body + "\n"), received=2, stored=0, duplicates=1, dead=1)  # other bytes, the same row
    assert len(values(seeded, "again")) == 1


def test_a_correction_is_a_new_version_and_the_old_one_stays_known(seeded, sender, admin):
    took(sender.ingest("any", lines(record("corr", 10))))
    known = seeded.value("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
    took(sender.ingest("any", lines(record("corr", 11))), corrections=1)
    took(sender.ingest("any", lines(record("corr", 11))), stored=0, duplicates=1)
    took(sender.ingest("any", lines(record("corr", 11, q="C"))), corrections=1)
    assert [(v[2], v[4], v[5]) for v in values(seeded, "corr")] == [("10", "N", "1"), ("11", "N", "2"), ("11", "C", "3")]
    stream = seeded.value("SELECT d.id FROM datastream d JOIN thing t ON t.id = d.thing_id WHERE t.key = 'corr'")
    now = admin.get(f"/api/v1/observations?datastream={stream}").json["items"]
    then = admin.get(f"/api/v1/observations?datastream={stream}&as_known_at={known}").json["items"]
    assert [(o["value"], o["version"]) for o in now] == [(11, 3)] and [(o["value"], o["version"]) for o in then] == [(10, 1)]


# ---- Many at once ----


def counters(server):
    text = server.client().get("/metrics").text
    pairs = (line.split() for line in text.splitlines() if line.startswith("wardwatch_values_"))
    return {name: float(value) for name, value in pairs}


def test_many_small_requests_share_transactions_and_the_counts_add_up_at_all_times(seeded, server, sender):
    before = counters(server)
    commits = "wardwatch_ingest_commits_total "
    commits_of = lambda: int(next(l for l in server.client().get("/metrics").text.splitlines() if l.startswith(commits)).split()[1])  # noqa: E731
    first, failures, done = commits_of(), [], threading.Event()

    def send(c):
        for n in range(12):
            body = lines(*(record(f"many-{c}", n, f"2026-05-02T{n:02}:{m:02}:00Z") for m in range(5)))
            answer = sender.ingest("any", body)
            if answer.status != 200 or answer.json["stored"] != 5:
                failures.append(answer.text)

    def watch():
        while not done.is_set():
            c = counters(server)
            name = "wardwatch_values_{}".format
            total = sum(c[name(k)] for k in ("stored_total", "duplicates_total", "dead_total", "refused_total", "in_flight"))
            if c[name("received_total")] != total:
                failures.append(c)

    watcher = threading.Thread(target=watch)
    threads = [threading.Thread(target=send, args=(c,)) for c in range(12)]
    for thread in [watcher, *threads]:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    watcher.join()
    assert not failures, failures[:2]
    after = counters(server)
    assert after["wardwatch_values_stored_total"] - before["wardwatch_values_stored_total"] == 12 * 12 * 5
    assert after["wardwatch_values_in_flight"] == 0
    assert commits_of() - first < 12 * 12  # fewer transactions than requests
    assert seeded.value("SELECT count(*) FROM raw_message WHERE received <> stored + duplicates + dead") == "0"
