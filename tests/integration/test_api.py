"""The HTTP interface from outside: every route, roles and wards, paging, filters, errors, changes, plans."""

import json
import re
import urllib.parse

import pytest

from conftest import ROOT, wait_until

# What ward B and the outside hold carries these marks, so that a leak is a text search.
FOREIGN = ("BMARK", "OUTMARK", "500115002")

SEED = """
INSERT INTO setting VALUES ('district', '{"name_zh":"示范区","name_en":"Demo","time_zone":"Asia/Shanghai","synthetic":true,"attribution":"ours"}');
INSERT INTO ward (code, name_zh, name_en, geom, seat) VALUES
  ('500115001', '甲街道', 'Ward A', ST_GeomFromText('MULTIPOLYGON(((107 29,107.1 29,107.1 29.1,107 29.1,107 29)))', 4490), ST_SetSRID(ST_MakePoint(107.05, 29.05), 4490)),
  ('500115002', '乙BMARK', 'BMARK', ST_GeomFromText('MULTIPOLYGON(((107.1 29,107.2 29,107.2 29.1,107.1 29.1,107.1 29)))', 4490), NULL);
INSERT INTO site (code, name_zh, kind, ward_id, geom) VALUES
  ('SA', '甲医院', 'hospital', 1, ST_SetSRID(ST_MakePoint(107.02, 29.02), 4490)),
  ('SB-BMARK', 'BMARK', 'plant', 2, ST_SetSRID(ST_MakePoint(107.12, 29.02), 4490)),
  ('SO-OUTMARK', 'OUTMARK', 'plant', NULL, NULL);
INSERT INTO waterway (code, name_zh, geom, length_m) VALUES
  ('R1', '河', ST_GeomFromText('LINESTRING(107 29,107.2 29.1)', 4490), 22000);
INSERT INTO feed (name, title, config) VALUES
  ('water', 'Water', '{"format":"ndjson","thing":"s","property":{"const":"test_cod"},"value":"v","time":"t","unit":{"const":"mg/L"}}'),
  ('csv', 'CSV', '{"format":"csv","thing":"s","property":{"const":"test_cod"},"value":"v","time":"t","unit":{"const":"mg/L"}}'),
  ('strict', 'Strict', '{"format":"ndjson","mode":"strict","thing":"s","property":{"const":"test_cod"},"value":"v","time":"t","unit":{"const":"mg/L"}}');
INSERT INTO observed_property (code, name_zh, name_en, unit) VALUES ('test_cod', '化学需氧量', 'COD', 'mg/L');
INSERT INTO thing (feed_id, key, name_en, class, ward_id, geom, site_id)
SELECT f.id, k.key, k.name, k.class, k.ward, k.geom, k.site FROM feed f, (VALUES
  ('A1', 'Alpha', 'outfall', 1, ST_SetSRID(ST_MakePoint(107.03, 29.03), 4490), 1),
  ('B1-BMARK', 'BMARK', 'outfall', 2, ST_SetSRID(ST_MakePoint(107.13, 29.03), 4490), 2),
  ('O1-OUTMARK', 'OUTMARK', 'outfall', NULL, NULL, NULL)) AS k(key, name, class, ward, geom, site)
WHERE f.name = 'water';
INSERT INTO thing (feed_id, key, ward_id) SELECT id, 'A1', 1 FROM feed WHERE name IN ('csv', 'strict');
INSERT INTO datastream (thing_id, property_id) SELECT t.id, p.id FROM thing t, observed_property p WHERE p.code = 'test_cod' ORDER BY t.id;
SELECT nextval('raw_message_id'); -- ids 1 to 1,000 are ours
INSERT INTO raw_message (id, feed_id, received_at, peer, sha256, n_bytes, received, stored, corrections, duplicates, dead)
SELECT n, 1, '2026-06-01T12:00:00Z'::timestamptz + make_interval(days => n), '127.0.0.1', '\\x00', 1, 1, 1, 0, 0, 0 FROM generate_series(1, 2) n;
SELECT ensure_partition('2026-06-01'), ensure_partition('2026-07-01');
-- 25 hours of A1 (datastream 1); the third hour was corrected a day later; one value was measured in ward B.
INSERT INTO observation (datastream_id, phenomenon_time, raw_message_id, value, interval_s, ward_id, version, flag, detail)
SELECT 1, '2026-06-01T00:00:00Z'::timestamptz + make_interval(hours => n), 1, n, 0, 1, 1, 'N', NULL FROM generate_series(0, 24) n;
INSERT INTO observation VALUES
  (1, '2026-06-01T03:00:00Z', 2, NULL, 333, 0, 1, 2, 'N', NULL),
  (1, '2026-06-02T01:00:00Z', 1, NULL, 666, 0, 2, 1, 'N', '{"note":"BMARK"}'),
  (2, '2026-06-01T00:00:00Z', 1, NULL, 777, 0, 2, 1, 'N', '{"note":"BMARK"}'),
  (3, '2026-06-01T00:00:00Z', 1, NULL, 888, 0, NULL, 1, 'N', '{"note":"OUTMARK"}');
INSERT INTO limit_value (property_id, standard_no, class, averaging, upper, unit, valid_from, status, source)
SELECT id, 'TEST 1-2026', 'outfall', 'instant', 60, 'mg/L', '2020-01-01', 'check', 'test' FROM observed_property WHERE code = 'test_cod';
INSERT INTO rule (code, name_zh, name_en, detector, severity, enabled, config) VALUES
  ('cod-high', '超标', 'COD high', 'limit', 3, false, '{"property":"test_cod","standard":"TEST 1-2026","averaging":"instant"}');
"""


def add_alert(database, ward, datastream, state="open", severity=3, opened="2026-06-01T10:00:00Z"):
    """An alert and its events, as the path writes them; returns the alert's id."""
    cleared = "now()" if state == "cleared" else "NULL"
    mark = {"1": "own", "2": "BMARK"}.get(str(ward), "OUTMARK")
    return int(
        database.value(
            f"""WITH a AS (
                    INSERT INTO alert (rule_id, rule_version, subject_kind, subject_id, ward_id, state, severity, opened_at,
                                       last_exceeded_at, cleared_at, exceed_count, last_value, peak_value, peak_at,
                                       limit_value_id, explanation)
                    SELECT r.id, 1, 'datastream', {datastream}, {ward}, '{state}', {severity}, '{opened}', '{opened}', {cleared},
                           1, 70.5, 80.5, '{opened}', l.id, '{{"why":"{mark}"}}'
                    FROM rule r, limit_value l WHERE r.code = 'cod-high' AND l.standard_no = 'TEST 1-2026'
                    RETURNING id, ward_id, state),
                e AS (
                    INSERT INTO alert_event (alert_id, ward_id, kind, at)
                    SELECT a.id, a.ward_id, k.kind, '{opened}' FROM a, (VALUES ('opened'), ('cleared')) k(kind)
                    WHERE k.kind = 'opened' OR a.state = 'cleared')
                SELECT id FROM a"""
        )
    )


@pytest.fixture(scope="module")
def seeded(database):
    database.sql(SEED)
    add_alert(database, 1, 1, "cleared", 2, "2026-05-01T10:00:00Z")
    add_alert(database, 1, 1, "open", 3)
    add_alert(database, 2, 2, "open", 4)
    add_alert(database, "NULL", 3, "open", 1)
    database.sql(
        "INSERT INTO dead_letter (feed_id, raw_message_id, line, col, field, reason, raw, content_type) VALUES "
        "(1, 1, 3, 5, 'value', 'not a number', '{\"s\":\"A1\",\"v\":\"x\",\"t\":\"2026-06-03T00:00:00Z\"}', 'application/x-ndjson'),"
        "(1, 1, 4, 0, '', 'not UTF-8', '\\xff41', 'application/x-ndjson')"
    )
    return database


@pytest.fixture(scope="module")
def server(seeded, serve):
    return serve(seeded)


@pytest.fixture(scope="module")
def tokens(seeded, server):
    made = {
        "admin": seeded.add_account("root", "admin"),
        "analyst": seeded.add_account("ann", "analyst"),
        "viewer_a": seeded.add_account("vera", "viewer", ["500115001"]),
        "coordinator_b": seeded.add_account("bob", "coordinator", ["500115002"]),
        "prosecutor_a": seeded.add_account("paul", "prosecutor", ["500115001"]),
        "feed": seeded.add_account("fred", "feed"),
        "nowhere": seeded.add_account("nora", "viewer", []),
    }
    for token in made.values():  # the server hears of accounts by NOTIFY
        wait_until(lambda t=token: server.client(t).get("/api/v1/session").status == 200, "the account to be known")
    return made


@pytest.fixture(scope="module")
def admin(server, tokens):
    return server.client(tokens["admin"])


@pytest.fixture(scope="module")
def viewer_a(server, tokens):
    return server.client(tokens["viewer_a"])


# ── Every route ─────────────────────────────────────────────────────────────────────────────

SHAPES = {
    "/api/v1/district": "name_zh name_en time_zone synthetic attribution bbox counts",
    "/api/v1/wards": "id code name_zh name_en synthetic seat bbox open_alerts worst_severity",
    "/api/v1/sites": "id code name_zh name_en kind limit_class ward place",
    "/api/v1/waterways": "id code name_zh name_en downstream length_m synthetic",
    "/api/v1/things": "id feed key name_zh name_en class limit_class site ward place datastreams health",
    "/api/v1/health/things": "id feed key name_zh name_en class ward place health",
    "/api/v1/feeds/water/health": "feed protocol state silent_since last_received_at last_phenomenon_at lag_s expected_s completeness_24h "
    "things counts open_alerts as_of",
    "/api/v1/datastreams": "id thing property unit statistic interval_s ward latest",
    "/api/v1/observations?datastream=1": "time interval_s value flag version ward raw_message received_at detail",
    "/api/v1/alerts": "id category rule severity state work silenced ward thing feed site datastream property opened_at detected_at last_exceeded_at "
    "cleared_at exceed_count last_value peak_value peak_at limit place",
    "/api/v1/alerts/2": "id category rule severity state work silenced ward thing feed site datastream property opened_at detected_at last_exceeded_at "
    "cleared_at exceed_count last_value peak_value peak_at limit place explanation events",
    "/api/v1/dead-letters": "id feed raw_message line column field reason raw recorded_at state raw_bytes resolved_at resolved_by",
    "/api/v1/feeds": "name title enabled config counts last_received_at pull",
    "/api/v1/feeds/water": "name title enabled config counts last_received_at pull",
    "/api/v1/limits": "id property standard_no edition class phase averaging lower upper unit hour_from hour_to jurisdiction "
    "valid_from valid_to status source note",
    "/api/v1/rules": "code version name_zh name_en detector severity enabled config outcomes precision",
    "/api/v1/rules/cod-high": "code version name_zh name_en detector severity enabled config outcomes precision",
}


@pytest.mark.parametrize("target", SHAPES)
def test_a_route_gives_the_members_that_the_contract_names(admin, target):
    answer = admin.get(target)
    assert answer.status == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    item = answer.json["items"][0] if "items" in answer.json else answer.json
    assert set(item) == set(SHAPES[target].split())


def test_the_district_counts_what_is_there(admin, viewer_a):
    counts = admin.get("/api/v1/district").json["counts"]
    assert counts == {"wards": 2, "sites": 3, "things": 5, "datastreams": 5}
    assert viewer_a.get("/api/v1/district").json["counts"] == {"wards": 1, "sites": 1, "things": 3, "datastreams": 3}


def test_wards_tell_open_alerts_and_the_worst(admin):
    wards = {w["code"]: w for w in admin.get("/api/v1/wards").json["items"]}
    assert (wards["500115001"]["open_alerts"], wards["500115001"]["worst_severity"]) == (1, 3)
    assert (wards["500115002"]["open_alerts"], wards["500115002"]["worst_severity"]) == (1, 4)
    assert wards["500115001"]["seat"] == [107.05, 29.05]
    assert wards["500115001"]["bbox"] == [107, 29, 107.1, 29.1]
    assert wards["500115002"]["seat"] is None


def test_an_alert_explains_itself(admin):
    alert = admin.get("/api/v1/alerts/2").json
    assert alert["explanation"] == {"why": "own"}
    assert [e["kind"] for e in alert["events"]] == ["opened"]
    assert alert["rule"] == {"code": "cod-high", "name_zh": "超标", "name_en": "COD high"}
    assert alert["thing"]["key"] == "A1" and alert["site"] == "SA" and alert["place"] == [107.03, 29.03]
    assert alert["limit"] == {"lower": None, "upper": 60, "unit": "mg/L", "standard_no": "TEST 1-2026"}
    assert alert["property"]["code"] == "test_cod" and alert["opened_at"].startswith("2026-06-01T10:00:00")


@pytest.mark.parametrize("layer, count", [("wards", 2), ("sites", 3), ("waterways", 1), ("things", 5), ("alerts", 4)])
def test_layers_come_as_geojson_too(admin, layer, count):
    answer = admin.get(f"/api/v1/{layer}?format=geojson")
    assert answer.headers["Content-Type"] == "application/geo+json"
    assert answer.json["type"] == "FeatureCollection" and len(answer.json["features"]) == count
    first = answer.json["features"][0]
    assert first["type"] == "Feature" and first["id"] == first["properties"]["id"]
    assert "crs" not in first["geometry"] and first["geometry"]["type"] in ("Point", "MultiPolygon", "LineString") \
        if first["geometry"] else layer in ("alerts", "sites", "things")


def test_bytes_of_a_dead_letter_come_as_text_even_when_they_are_none(admin):
    letters = admin.get("/api/v1/dead-letters").json["items"]
    assert letters[0]["raw"] == "\ufffdA" and letters[0]["raw_bytes"] == 2
    assert json.loads(letters[1]["raw"])["v"] == "x"


def test_operations_need_no_token_and_show_no_ward(server):
    assert server.client().get("/healthz").text == "ok\n"
    assert server.client().get("/readyz").status == 200
    metrics = server.client().get("/metrics")
    assert metrics.status == 200 and not any(mark in metrics.text for mark in FOREIGN)
    names = re.findall(r"^(\w+)(?:\{[^}]*\})? [0-9.e+-]+$", metrics.text, re.M)
    for name in ("wardwatch_values_received_total", "process_resident_memory_bytes",
                 "process_open_fds", "wardwatch_http_requests_total", "wardwatch_streams_open"):
        assert name in names, name
    assert all(re.match(r"^(# (HELP|TYPE) .*|\w+(\{[^}]*\})? [0-9.e+-]+)$", line) for line in metrics.text.splitlines())


def test_the_openapi_document_has_what_is_routed(server):
    document = server.client().get("/api/v1/openapi.json").json
    assert document["openapi"].startswith("3.0")
    assert {"get", "post", "delete"} == set(document["paths"]["/api/v1/session"])
    names = [p["name"] for p in document["paths"]["/api/v1/observations"]["get"]["parameters"]]
    assert names == ["datastream", "from", "to", "as_known_at", "limit", "after", "order"]


# ── Who may do what ─────────────────────────────────────────────────────────────────────────

READ = ["/api/v1/district", "/api/v1/wards", "/api/v1/sites", "/api/v1/waterways", "/api/v1/things", "/api/v1/datastreams",
        "/api/v1/observations?datastream=1", "/api/v1/alerts", "/api/v1/alerts/2", "/api/v1/health/things"]
INSPECT = ["/api/v1/feeds", "/api/v1/feeds/water", "/api/v1/feeds/water/health", "/api/v1/limits", "/api/v1/rules", "/api/v1/rules/cod-high"]


@pytest.mark.parametrize("target", READ + INSPECT + ["/api/v1/dead-letters", "/api/v1/events", "/api/v1/session"])
def test_nobody_reads_anything_without_a_token(server, target):
    answer = server.client().get(target)
    assert answer.status == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
    assert server.client("ww_wrong").get(target).status == 401


@pytest.mark.parametrize("who, read, inspect, letters", [
    ("admin", 200, 200, 200), ("analyst", 200, 200, 200), ("prosecutor_a", 200, 200, 403),
    ("viewer_a", 200, 403, 403), ("coordinator_b", 200, 403, 403), ("feed", 403, 403, 403)])
def test_roles_read_what_they_may(server, tokens, who, read, inspect, letters):
    client = server.client(tokens[who])
    for target in READ:
        expected = 404 if who == "coordinator_b" and target.endswith("alerts/2") else read
        assert client.get(target).status == expected, target
    for target in INSPECT:
        assert client.get(target).status == inspect, target
    assert client.get("/api/v1/dead-letters").status == letters


@pytest.mark.parametrize("who", ["analyst", "prosecutor_a", "viewer_a", "coordinator_b", "feed"])
@pytest.mark.parametrize("method, target", [
    ("POST", "/api/v1/feeds"), ("PUT", "/api/v1/feeds/water"), ("POST", "/api/v1/rules"), ("PUT", "/api/v1/rules/cod-high"),
    ("POST", "/api/v1/limits"), ("POST", "/api/v1/dead-letters/1/resubmit"), ("POST", "/api/v1/dead-letters/1/discard")])
def test_only_an_administrator_changes_things(server, tokens, who, method, target):
    assert server.client(tokens[who]).request(method, target, "{}").status == 403


def every_list_target(document):
    for path, operations in document["paths"].items():
        if "get" in operations and path.startswith("/api/v1/") and "{" not in path:
            if path in ("/api/v1/events", "/api/v1/openapi.json", "/api/v1/session"):
                continue
            parameters = {p["name"]: p for p in operations["get"]["parameters"]}
            span = "&from=2026-06-01T00:00:00Z&to=2026-07-01T00:00:00Z" if parameters.get("to", {}).get("required") else ""
            span += "&width=P1D" if "width" in parameters else ""
            bare = [f"{path}?datastream={datastream}{span}" for datastream in range(1, 6)] if "datastream" in parameters else [path]
            yield from bare
            for name in ("order", "format"):
                words = parameters[name]["schema"]["enum"] if name in parameters else []
                yield from (f"{target}{'&' if '?' in target else '?'}{name}={word}" for target in bare for word in words)


def test_no_list_shows_a_row_of_a_foreign_ward(server, tokens):
    document = server.client().get("/api/v1/openapi.json").json
    targets = list(every_list_target(document))
    assert len(targets) > 20
    wait_until(lambda: "map=loaded" in server.log(), "the newest values to be loaded")
    for who in ("viewer_a", "prosecutor_a", "nowhere"):
        client = server.client(tokens[who])
        for target in targets:
            answer = client.get(target)
            assert answer.status in (200, 403), target
            for mark in FOREIGN:
                assert mark not in answer.text, (who, target, mark)
    everything = "".join(server.client(tokens["admin"]).get(t).text for t in targets)
    assert all(mark in everything for mark in FOREIGN), "the marks are there to be found"


def test_a_filter_cannot_reach_into_a_foreign_ward(viewer_a):
    for target in ("/api/v1/things?ward=500115002", "/api/v1/alerts?ward=500115002", "/api/v1/wards?code=500115002",
                   "/api/v1/sites?ward=500115002", "/api/v1/datastreams?ward=500115002", "/api/v1/datastreams?thing=2",
                   "/api/v1/observations?datastream=2", "/api/v1/things?ward=500115002&format=geojson"):
        answer = viewer_a.get(target).json
        assert answer.get("items", answer.get("features")) == [], target


def test_single_objects_of_foreign_wards_are_not_found(server, tokens, viewer_a):
    assert viewer_a.get("/api/v1/alerts/2").status == 200
    assert viewer_a.get("/api/v1/alerts/3").status == 404
    assert viewer_a.get("/api/v1/alerts/4").status == 404
    assert server.client(tokens["nowhere"]).get("/api/v1/alerts/2").status == 404


def test_the_latest_value_is_the_latest_that_the_reader_may_see(admin, viewer_a):
    def latest(client):
        return client.get("/api/v1/datastreams?thing=1").json["items"][0]["latest"]

    assert latest(admin)["value"] == 666
    assert latest(viewer_a)["value"] == 24


def test_an_account_without_wards_sees_none(server, tokens):
    client = server.client(tokens["nowhere"])
    assert client.get("/api/v1/alerts").json == {"items": [], "next": None}
    assert client.get("/api/v1/wards").json["items"] == []


def test_a_revoked_token_is_worth_nothing(seeded, server):
    token = seeded.add_account("temp", "viewer")
    client = server.client(token)
    wait_until(lambda: client.get("/api/v1/wards").status == 200, "the account to be known")
    seeded.sql("UPDATE token SET revoked_at = now() WHERE account_id = (SELECT id FROM account WHERE name = 'temp')")
    wait_until(lambda: client.get("/api/v1/wards").status == 401, "the token to be revoked")


def test_anonymous_readers_see_the_map_and_nothing_else(seeded, serve):
    server = serve(seeded, "--anonymous-read")
    nobody = server.client()
    for target in READ:
        assert nobody.get(target).status == 200, target
    for target in INSPECT + ["/api/v1/dead-letters"]:
        assert nobody.get(target).status == 401, target
    assert nobody.ingest("water", "{}").status == 401
    assert server.client("ww_wrong").get("/api/v1/wards").status == 401
    with nobody.events(last_event_id=0) as events:
        assert events.next()["event"] == "opened"
    server.stop()


# ── Lists ───────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize("target", ["/api/v1/wards", "/api/v1/sites", "/api/v1/things", "/api/v1/datastreams", "/api/v1/alerts",
                                    "/api/v1/dead-letters", "/api/v1/feeds", "/api/v1/observations?datastream=1",
                                    "/api/v1/observations?datastream=1&order=desc"])
@pytest.mark.parametrize("limit", [1, 2, 7])
def test_paging_to_the_end_gives_every_item_once(admin, target, limit):
    mark = "&" if "?" in target else "?"
    whole = admin.get(target).json
    assert whole["next"] is None
    assert admin.pages(f"{target}{mark}limit={limit}") == whole["items"]
    first = admin.get(f"{target}{mark}limit={len(whole['items'])}").json
    assert first["next"] is None, "a page that holds all has no next"


def test_next_keeps_the_filters(admin):
    page = admin.get("/api/v1/observations?datastream=1&limit=2&from=2026-06-01T08:00:00%2B08:00").json
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(page["next"]).query)
    assert query["from"] == ["2026-06-01T08:00:00+08:00"] and query["limit"] == ["2"]


def test_a_list_longer_than_one_fetch_is_whole(seeded, server, admin):
    seeded.sql("INSERT INTO site (code, kind, name_en) SELECT 'bulk-' || n, 'bulk', repeat('x', 400) FROM generate_series(1, 3000) n")
    items = admin.pages("/api/v1/sites?kind=bulk&limit=1000")
    assert [i["code"] for i in items] == [f"bulk-{n}" for n in range(1, 3001)]
    features = admin.get("/api/v1/sites?kind=bulk&format=geojson").json
    assert len(features["features"]) == 3000 and features["truncated"] is False
    seeded.sql("DELETE FROM site WHERE kind = 'bulk'")


def values(client, query):
    return [i["value"] for i in client.get(f"/api/v1/observations?datastream=1&{query}").json["items"]]


def test_observations_show_the_newest_version_and_what_was_known_before(viewer_a):
    times = "from=2026-06-01T02:00:00Z&to=2026-06-01T05:00:00Z"
    assert values(viewer_a, times) == [2, 333, 4]
    assert values(viewer_a, times + "&order=desc") == [4, 333, 2]
    assert values(viewer_a, times + "&as_known_at=2026-06-03T00:00:00Z") == [2, 3, 4]
    assert values(viewer_a, times + "&as_known_at=2026-06-03T12:00:00Z") == [2, 333, 4]
    assert values(viewer_a, times + "&as_known_at=2026-06-01T00:00:00Z") == []


@pytest.mark.parametrize("query, ids", [
    ("", [4, 3, 2, 1]), ("state=open", [4, 3, 2]), ("state=cleared", [1]), ("ward=500115001", [2, 1]), ("severity=3", [3, 2]),
    ("severity=4", [3]), ("rule=cod-high&state=open&severity=3", [3, 2]), ("rule=none", []), ("since=2026-06-01T00:00:00Z", [4, 3, 2])])
def test_alerts_are_filtered(admin, query, ids):
    assert [a["id"] for a in admin.get(f"/api/v1/alerts?{query}").json["items"]] == ids


@pytest.mark.parametrize("target, count", [
    ("/api/v1/wards?code=500115001", 1), ("/api/v1/sites?kind=hospital", 1), ("/api/v1/sites?ward=500115002", 1),
    ("/api/v1/things?class=outfall", 3), ("/api/v1/things?feed=csv", 1), ("/api/v1/datastreams?property=test_cod", 5),
    ("/api/v1/datastreams?property=none", 0), ("/api/v1/limits?property=test_cod&standard=TEST%201-2026&at=2026-01-01", 1),
    ("/api/v1/limits?property=test_cod&at=2019-01-01", 0), ("/api/v1/dead-letters?feed=water&state=kept", 2),
    ("/api/v1/dead-letters?feed=csv", 0)])
def test_lists_are_filtered(admin, target, count):
    assert len(admin.get(target).json["items"]) == count


# ── Mistakes ────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize("target, field", [
    ("/api/v1/wards?colour=red", "colour"), ("/api/v1/wards?limit=0", "limit"), ("/api/v1/wards?limit=1001", "limit"),
    ("/api/v1/wards?limit=ten", "limit"), ("/api/v1/wards?after=%2A", "after"), ("/api/v1/wards?format=xml", "format"),
    ("/api/v1/observations", "datastream"), ("/api/v1/observations?datastream=x", "datastream"),
    ("/api/v1/observations?datastream=1&from=yesterday", "from"), ("/api/v1/observations?datastream=1&limit=10001", "limit"),
    ("/api/v1/alerts?state=loud", "state"), ("/api/v1/alerts?severity=5", "severity"), ("/api/v1/alerts/abc", "id"),
    ("/healthz?x=1", "x")])
def test_a_mistake_in_the_target_is_named(admin, target, field):
    answer = admin.get(target)
    assert answer.status == 400 and answer.json["error"]["field"] == field, answer.text


def test_a_key_made_up_is_a_mistake_and_no_crash(admin):
    for key in ("AAAA", "eHh4", "-_-_", "MTIz" * 60):
        for target in ("/api/v1/wards", "/api/v1/observations?datastream=1", "/api/v1/alerts"):
            mark = "&" if "?" in target else "?"
            assert admin.get(f"{target}{mark}after={key}").status in (200, 400)
    assert admin.get("/healthz").status == 200


def test_unknown_paths_and_methods_are_told(admin):
    assert admin.get("/api/v1/nothing").status == 404
    assert admin.get("/api/v1/alerts/2/x").status == 404
    assert admin.get("/api/v1/alerts/999").status == 404
    answer = admin.delete("/api/v1/feeds/water")
    assert answer.status == 405 and answer.headers["Allow"] == "GET, HEAD, PUT"
    head = admin.request("HEAD", "/api/v1/wards")
    assert head.status == 200 and head.body == b""


# ── The session ─────────────────────────────────────────────────────────────────────────────

def log_in(server, token):
    answer = server.client().post("/api/v1/session", {"token": token})
    assert answer.status == 200, answer.text
    cookie = answer.headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"):
        assert part in cookie
    return server.client(headers={"Cookie": cookie.split(";")[0]}), answer.json


def test_a_session_knows_its_account_at_once_and_ends_at_once(server, tokens):
    client, body = log_in(server, tokens["viewer_a"])
    expected = {"name": "vera", "role": "viewer", "all_wards": False, "wards": ["500115001"]}
    assert body == {"account": expected} and client.get("/api/v1/session").json == {"account": expected}
    assert len(client.get("/api/v1/wards").json["items"]) == 1
    ended = client.delete("/api/v1/session", headers={"Sec-Fetch-Site": "same-origin"})
    assert ended.status == 200 and "Max-Age=0" in ended.headers["Set-Cookie"]
    assert client.get("/api/v1/session").status == 401


def test_a_wrong_token_opens_no_session(server):
    assert server.client().post("/api/v1/session", {"token": "ww_wrong"}).status == 403
    assert server.client().post("/api/v1/session", {"name": "x"}).status == 400
    assert server.client().post("/api/v1/session", "{").status == 400


def test_the_database_keeps_no_token_only_its_hash(seeded, tokens):
    dump = json.dumps(seeded.sql("SELECT t FROM token t"))
    assert not any(token in dump or token[3:] in dump for token in tokens.values())


def test_a_change_with_the_cookie_must_come_from_our_own_page(server, tokens):
    client, _ = log_in(server, tokens["admin"])
    def discard(headers):
        return client.post("/api/v1/dead-letters/999/discard", "{}", headers=headers).status

    assert discard({}) == 403
    assert discard({"Origin": "http://evil.example"}) == 403
    assert discard({"Origin": "null"}) == 403
    assert discard({"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}) == 403
    assert discard({"Sec-Fetch-Site": "cross-site"}) == 403
    assert discard({"Origin": f"http://127.0.0.1:{server.port}"}) == 409
    assert discard({"Sec-Fetch-Site": "same-origin"}) == 409
    foreign = server.client().post("/api/v1/session", {"token": tokens["admin"]}, headers={"Origin": "http://evil.example"})
    assert foreign.status == 403


# ── Ingest and dead letters ─────────────────────────────────────────────────────────────────

def row(value, time, key="A1"):
    return json.dumps({"s": key, "v": value, "t": time}) + "\n"


def test_ingest_counts_and_the_same_again_stores_nothing_twice(server, tokens, admin):
    client = server.client(tokens["feed"])
    body = row(1, "2026-06-05T00:00:00Z") + row(2, "2026-06-05T01:00:00Z") + row("x", "2026-06-05T02:00:00Z")
    first = client.ingest("water", body)
    assert first.status == 200, first.text
    counts = {k: first.json[k] for k in ("received", "stored", "corrections", "duplicates", "dead")}
    assert counts == {"received": 3, "stored": 2, "corrections": 0, "duplicates": 0, "dead": 1}
    letter = first.json["dead_letters"][0]
    assert letter["line"] == 3 and letter["field"] == "value" and letter["reason"]
    again = client.ingest("water", body).json
    assert again["stored"] == 0 and again["duplicates"] >= 2
    assert again["received"] == again["stored"] + again["duplicates"] + again["dead"]
    assert values(admin, "from=2026-06-05T00:00:00Z&to=2026-06-06T00:00:00Z") == [1, 2]
    assert 'wardwatch_feed_values_stored_total{feed="water"} 2' in admin.get("/metrics").text


def test_ingest_refuses_what_it_must(seeded, server, tokens):
    client = server.client(tokens["feed"])
    assert client.ingest("nothing", row(1, "2026-06-05T00:00:00Z")).status == 404
    assert server.client(tokens["viewer_a"]).ingest("water", row(1, "2026-06-05T00:00:00Z")).status == 403
    assert server.client().ingest("water", row(1, "2026-06-05T00:00:00Z")).status == 401
    strict = client.ingest("strict", row(1, "2026-06-05T00:00:00Z") + row("x", "2026-06-05T01:00:00Z"))
    assert strict.status == 400 and strict.json["error"]["line"] == 2
    seeded.sql("UPDATE account SET feed_names = '{csv}' WHERE name = 'fred'")
    wait_until(lambda: client.ingest("water", "").status == 403, "the feed account to be narrowed")
    seeded.sql("UPDATE account SET feed_names = NULL WHERE name = 'fred'")
    wait_until(lambda: client.ingest("water", "").status == 200, "the feed account to be widened")


def newest_letter(admin):
    return admin.get("/api/v1/dead-letters?limit=1").json["items"][0]


def test_a_corrected_dead_letter_goes_in(server, tokens, admin):
    server.client(tokens["feed"]).ingest("water", row("bad", "2026-06-07T00:00:00Z"))
    letter = newest_letter(admin)
    target = f"/api/v1/dead-letters/{letter['id']}/resubmit"
    assert admin.post(target, {"text": "x"}).status == 400
    answer = admin.post(target, {"raw": row(55, "2026-06-07T00:00:00Z")})
    assert answer.status == 200 and answer.json["stored"] == 1, answer.text
    assert values(admin, "from=2026-06-07T00:00:00Z&to=2026-06-08T00:00:00Z") == [55]
    done = [l for l in admin.get("/api/v1/dead-letters?state=resubmitted").json["items"] if l["id"] == letter["id"]]
    assert done[0]["resolved_by"] == "root"
    assert admin.post(target, "").status == 409


def test_a_dead_letter_of_a_csv_file_is_read_with_its_header(server, tokens, admin):
    client = server.client(tokens["feed"])
    answer = client.ingest("csv", "s,t,v\nA1,2026-06-08T00:00:00Z,1\nA1,2026-06-08T01:00:00Z,?\n", "text/csv")
    assert answer.json["dead"] == 1, answer.text
    letter = newest_letter(admin)
    resent = admin.post(f"/api/v1/dead-letters/{letter['id']}/resubmit", {"raw": "A1,2026-06-08T01:00:00Z,9"})
    assert resent.status == 200 and resent.json["stored"] == 1, resent.text


def test_a_dead_letter_sent_as_it_was_becomes_a_new_one(server, tokens, admin):
    server.client(tokens["feed"]).ingest("water", row("still bad", "2026-06-09T00:00:00Z"))
    letter = newest_letter(admin)
    answer = admin.post(f"/api/v1/dead-letters/{letter['id']}/resubmit", "")
    assert answer.status == 200 and answer.json["dead"] == 1
    assert newest_letter(admin)["id"] > letter["id"]


def test_an_account_with_a_long_name_can_give_a_dead_letter_up(seeded, server, tokens, admin):
    name = "x" + "名" * 30
    long_named = server.client(seeded.add_account(name, "admin"))
    wait_until(lambda: long_named.get("/api/v1/session").status == 200, "the account to be known")
    server.client(tokens["feed"]).ingest("water", row("bad", "2026-06-09T00:00:00Z"))
    target = f"/api/v1/dead-letters/{newest_letter(admin)['id']}"
    assert long_named.post(target + "/discard", "").json == {"state": "discarded"}
    assert name.startswith(newest_letter(admin)["resolved_by"])


def test_a_dead_letter_can_be_given_up_once(server, tokens, admin):
    server.client(tokens["feed"]).ingest("water", row("bad", "2026-06-10T00:00:00Z"))
    target = f"/api/v1/dead-letters/{newest_letter(admin)['id']}"
    assert admin.post(target + "/discard", "").json == {"state": "discarded"}
    assert admin.post(target + "/discard", "").status == 409
    assert admin.post(target + "/resubmit", "").status == 409
    assert admin.post("/api/v1/dead-letters/99999/resubmit", "").status == 404


# ── Changes ─────────────────────────────────────────────────────────────────────────────────

def test_a_feed_is_made_changed_and_used(server, tokens, admin):
    config = {"format": "ndjson", "thing": "k", "property": {"const": "test_cod"}, "value": "v", "time": "t", "register": True}
    made = admin.post("/api/v1/feeds", {"name": "new-feed", "title": "New", "config": config})
    assert made.status == 201 and made.json["enabled"] is True, made.text
    assert admin.post("/api/v1/feeds", {"name": "new-feed", "config": config}).status == 409
    client = server.client(tokens["feed"])
    body = json.dumps({"k": "K1", "v": 5, "t": "2026-06-05T00:00:00Z"})
    wait_until(lambda: client.ingest("new-feed", body).status == 200, "the feed to be known")
    changed = admin.put("/api/v1/feeds/new-feed", {"title": "Newer", "enabled": False})
    assert changed.status == 200 and changed.json["title"] == "Newer" and changed.json["config"] == config
    assert admin.put("/api/v1/feeds/none", {"title": "x"}).status == 404


@pytest.mark.parametrize("body, field", [
    ({"config": {}}, "name"), ({"name": "UPPER", "config": {}}, "name"), ({"name": "x"}, "config"),
    ({"name": "x", "config": {"format": "xml"}}, "config.format"), ({"name": "x", "config": {}, "colour": 1}, "colour")])
def test_a_bad_feed_names_its_member(admin, body, field):
    answer = admin.post("/api/v1/feeds", body)
    assert answer.status == 400 and answer.json["error"]["field"] == field, answer.text


RULE = {"code": "new-rule", "name_zh": "新", "name_en": "New", "detector": "limit", "severity": 2, "enabled": False,
        "config": {"property": "test_cod", "standard": "TEST 1-2026", "averaging": "instant", "fire": [2, 3], "clear": [3, 3]}}


def test_a_rule_changes_by_versions(admin):
    made = admin.post("/api/v1/rules", RULE)
    assert made.status == 201 and made.json["version"] == 1, made.text
    changed = admin.put("/api/v1/rules/new-rule", {**RULE, "severity": 4})
    assert changed.status == 200 and changed.json["version"] == 2 and changed.json["severity"] == 4
    assert admin.get("/api/v1/rules/new-rule").json["version"] == 2
    assert admin.post("/api/v1/rules", RULE).status == 409
    assert admin.put("/api/v1/rules/other", {**RULE, "code": "other"}).status == 404
    assert admin.put("/api/v1/rules/new-rule", {**RULE, "code": "renamed"}).json["error"]["field"] == "code"


@pytest.mark.parametrize("change, config, field", [
    ({"severity": 5}, {}, "severity"), ({"name_zh": 7}, {}, "name_zh"), ({"detector": "guess"}, {}, "detector"),
    ({}, {"property": "unknown"}, "config.property"), ({}, {"fire": [2, 25]}, "config.fire"), ({}, {"fire": [3, 2]}, "config.fire"),
    ({}, {"standard": "TEST 2"}, "config.standard"), ({}, {"averaging": "2h"}, "config.averaging"), ({}, {"x": 1}, "config.x")])
def test_a_bad_rule_names_its_member(admin, change, config, field):
    answer = admin.post("/api/v1/rules", {**RULE, "code": "bad", **change, "config": {**RULE["config"], **config}})
    assert answer.status == 400 and answer.json["error"]["field"] == field, answer.text


LIMIT = {"property": "test_cod", "standard_no": "TEST 9", "class": "c", "averaging": "24h", "upper": 50, "unit": "mg/L",
         "valid_from": "2026-01-01T00:00:00+08:00", "status": "check", "source": "a test"}


def test_a_limit_is_added_and_two_never_hold_at_once(admin):
    assert admin.post("/api/v1/limits", LIMIT).status == 201
    assert admin.post("/api/v1/limits", {**LIMIT, "upper": 40}).status == 409
    kept = admin.get("/api/v1/limits?standard=TEST%209").json["items"]
    assert len(kept) == 1 and kept[0]["valid_from"].startswith("2025-12-31T16:00:00") and kept[0]["valid_to"] is None


@pytest.mark.parametrize("change, field", [
    ({"property": "unknown"}, "property"), ({"unit": "furlong"}, "unit"), ({"unit": "degC"}, "unit"), ({"upper": None}, "upper"),
    ({"lower": 60}, "upper"), ({"valid_to": "2025-01-01T00:00:00Z"}, "valid_to"), ({"hour_from": 24}, "hour_from"),
    ({"status": "sure"}, "status"), ({"source": ""}, "source"), ({"averaging": "2h"}, "averaging")])
def test_a_bad_limit_names_its_member(admin, change, field):
    answer = admin.post("/api/v1/limits", {**LIMIT, "class": "bad", **change})
    assert answer.status == 400 and answer.json["error"]["field"] == field, answer.text


# ── Plans of hot queries ────────────────────────────────────────────────────────────────────

@pytest.fixture(scope="module")
def big(new_database):
    """Three months of 300 datastreams, one of them by the minute, and 30,000 alerts: a scan would be a mistake."""
    made = new_database()
    made.sql(SEED)
    made.sql(
        """INSERT INTO thing (feed_id, key, ward_id) SELECT 1, 'bulk' || n, 1 + n % 2 FROM generate_series(1, 300) n;
           INSERT INTO datastream (thing_id, property_id) SELECT id, 1 FROM thing WHERE key LIKE 'bulk%';
           SELECT ensure_partition('2026-01-01'::timestamptz + make_interval(months => m)) FROM generate_series(0, 7) m;
           INSERT INTO observation SELECT d.id, t, 1, NULL, 1, 0, 1, 1, 'N', NULL
             FROM datastream d, generate_series('2026-02-01'::timestamptz, '2026-05-01', '6 hours') t WHERE d.id > 5;
           INSERT INTO observation SELECT 4, t, 1, NULL, 1, 0, 1, 1, 'N', NULL
             FROM generate_series('2026-02-01'::timestamptz, '2026-05-01', '1 minute') t;
           INSERT INTO alert (rule_id, rule_version, subject_kind, subject_id, ward_id, state, severity, opened_at, last_exceeded_at,
                              exceed_count, last_value, peak_value, peak_at, limit_value_id, explanation)
             SELECT 1, 1, 'datastream', 1 + n % 300, CASE WHEN n % 100 = 0 THEN 1 ELSE 2 END, 'cleared', 3, now(), now(), 1, 1, 1, now(), 1, '{}'
             FROM generate_series(1, 30000) n;
           INSERT INTO alert_event (alert_id, ward_id, kind, at) SELECT id, ward_id, 'opened', opened_at FROM alert;
           ANALYZE;"""
    )
    return made


def plan(database, query, *arguments):
    """The plan of a query file for these arguments, as the server's connections make it."""
    with open(f"{ROOT}/sql/queries/{query}.sql", encoding="utf-8") as file:
        text = file.read()
    given = ", ".join("NULL" if a is None else f"'{a}'" for a in arguments)
    rows = database.sql(f"SET plan_cache_mode = force_custom_plan; PREPARE q AS {text} EXPLAIN (ANALYZE, TIMING off) EXECUTE q({given});")
    return "\n".join(line[0] for line in rows)


def test_the_latest_value_is_one_step_down_an_index(big):
    text = plan(big, "api_datastreams", None, None, 101, "false", None, None, None)
    assert "Seq Scan on observation" not in text and re.search(r"Index Scan.* using observation_\w+_pkey", text), text


def test_a_page_of_values_reads_no_more_than_the_page(big):
    for query, after in (("api_observations", "2026-03-01 00:00:00+00|0"), ("api_observations_desc", "2026-04-30 00:00:00+00|0")):
        for wards, key in ((None, None), ("{1}", after)):
            text = plan(big, query, wards, key, 101, "false", 4, "2026-02-15", None, None)
            read = sum(int(n) for n in re.findall(r"Scan.* on observation_.*actual rows=(\d+)", text))
            assert 101 <= read <= 110, text


def test_alerts_of_a_ward_come_from_its_index(big):
    text = plan(big, "api_alerts", "{1}", None, 101, "false", "open", None, None, None, None, None, None, None, None, None, None, None, None)
    assert not re.search(r"Seq Scan on alert\b", text) and re.search(r"alert_ward|alert_one_open", text), text


def test_events_are_read_from_the_last_id_on(big):
    text = plan(big, "api_events_after", 25000, 100)
    assert "Seq Scan on alert_event" not in text, text
