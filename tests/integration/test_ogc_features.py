"""OGC API - Features, Part 1 from outside: the checks of the official conformance suite, and those that it lacks."""

import gzip
import json
import re
import urllib.parse

import pytest

from conftest import wait_until

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
SEED = """
INSERT INTO ward (code, name_zh, name_en, geom) VALUES
  ('500115001', '甲街道', 'Ward A', ST_GeomFromText('MULTIPOLYGON(((107 29,107.1 29,107.1 29.1,107 29.1,107 29)))', 4490)),
  ('500115002', '乙街道', 'Ward B', ST_GeomFromText('MULTIPOLYGON(((107.1 29,107.2 29,107.2 29.1,107.1 29.1,107.1 29)))', 4490));
INSERT INTO site (code, name_zh, kind, ward_id, geom) VALUES
  ('SA', '甲医院', 'hospital', 1, ST_SetSRID(ST_MakePoint(107.02, 29.02), 4490)),
  ('SB', '乙厂', 'plant', 2, ST_SetSRID(ST_MakePoint(107.12, 29.02), 4490)),
  ('SO', '外', 'plant', NULL, NULL);
INSERT INTO waterway (code, name_zh, geom, length_m) VALUES ('R1', '河', ST_GeomFromText('LINESTRING(107 29,107.2 29.1)', 4490), 22000);
INSERT INTO feed (name, title, config) VALUES ('water', 'Water', '{}');
INSERT INTO thing (feed_id, key, name_en, ward_id, geom, site_id) VALUES
  (1, 'T-A', 'Alpha', 1, ST_SetSRID(ST_MakePoint(107.03, 29.03), 4490), 1),
  (1, 'T-B', 'Beta', 2, ST_SetSRID(ST_MakePoint(107.13, 29.03), 4490), 2);
INSERT INTO observed_property (code, name_zh, name_en, unit) VALUES ('test_cod', '化学需氧量', 'COD', 'mg/L'), ('test_complaint', '投诉', 'complaint', '1');
INSERT INTO datastream (thing_id, property_id) SELECT t.id, p.id FROM thing t, observed_property p WHERE p.code IN ('test_cod', 'test_complaint') ORDER BY t.id, p.code;
SELECT nextval('raw_message_id');
INSERT INTO raw_message (id, feed_id, received_at, peer, sha256, n_bytes, received, stored, corrections, duplicates, dead)
VALUES (1, 1, '2026-06-01T12:00:00Z', '127.0.0.1', '\\x00', 1, 1, 1, 0, 0, 0);
SELECT ensure_partition('2026-06-01');
INSERT INTO feature_of_interest (id, ward_id, geom, raw_x, raw_y, source_datum) VALUES (1, 1, ST_SetSRID(ST_MakePoint(107.05, 29.06), 4490), 0, 0, 'CGCS2000');
INSERT INTO observation (datastream_id, phenomenon_time, raw_message_id, foi_id, value, interval_s, ward_id, version, flag)
SELECT d.id, '2026-06-01T00:00:00Z'::timestamptz + make_interval(hours => n), 1, NULL, n, 0, t.ward_id, 1, 'N'
FROM generate_series(0, 23) n, datastream d JOIN thing t ON t.id = d.thing_id JOIN observed_property p ON p.id = d.property_id WHERE p.code = 'test_cod';
INSERT INTO observation VALUES (1, '2026-06-01T03:00:00Z', 1, NULL, 333, 0, 1, 2, 'N', NULL), (2, '2026-06-01T04:00:00Z', 1, 1, 3, 0, 1, 1, 'N', '{"text":"smells"}');
INSERT INTO limit_value (property_id, standard_no, class, averaging, upper, unit, valid_from, status, source)
SELECT id, 'TEST 1-2026', 'outfall', 'instant', 60, 'mg/L', '2020-01-01', 'check', 'test' FROM observed_property WHERE code = 'test_cod';
INSERT INTO rule (code, name_zh, name_en, detector, severity, config) VALUES ('cod-high', '超标', 'COD high', 'limit', 3, '{}');
INSERT INTO alert (rule_id, rule_version, subject_kind, subject_id, ward_id, state, severity, opened_at, last_exceeded_at, cleared_at, exceed_count, last_value, peak_value, peak_at, limit_value_id, explanation) VALUES
  (1, 1, 'datastream', 1, 1, 'cleared', 3, '2026-06-01T03:00:00Z', '2026-06-01T03:00:00Z', '2026-06-01T05:00:00Z', 1, 333, 333, '2026-06-01T03:00:00Z', 1, '{}'),
  (1, 1, 'datastream', 1, 1, 'open', 3, '2026-06-01T10:00:00Z', '2026-06-01T10:00:00Z', NULL, 1, 70, 70, '2026-06-01T10:00:00Z', 1, '{}'),
  (1, 1, 'datastream', 3, 2, 'open', 3, '2026-06-02T10:00:00Z', '2026-06-02T10:00:00Z', NULL, 1, 70, 70, '2026-06-02T10:00:00Z', 1, '{}');
INSERT INTO alert_event (alert_id, ward_id, kind, at) VALUES (1, 1, 'opened', '2026-06-01T03:00:00Z'), (1, 1, 'cleared', '2026-06-01T05:00:00Z'), (3, 2, 'opened', '2026-06-02T10:00:00Z');
INSERT INTO alert_trace (alert_id, trace, geojson) VALUES (2, '{}', '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"kind":"source"},"geometry":{"type":"Point","coordinates":[107.01,29.01]}},{"type":"Feature","properties":{"kind":"stretch"},"geometry":null}]}');
INSERT INTO supervision_model (code, version, name_zh, name_en, sql) VALUES ('m', 1, '模型', 'Model', 'SELECT 1');
INSERT INTO model_run (model_id) VALUES (1);
INSERT INTO finding (run_id, subject, site_id, ward_id, reason) VALUES (1, 'a~b!c', 1, 1, '{"why":"x"}');
-- What an operator adds: 2,500 stations by day, some without a place or a time.
CREATE TABLE layers.station (id integer PRIMARY KEY, ward text, value double precision, at timestamptz, name text, day date, local timestamp, good boolean, big numeric, tags text[], geom geometry(Point, 4326));
INSERT INTO layers.station
SELECT n, CASE n % 2 WHEN 0 THEN '500115001' ELSE '500115002' END, CASE WHEN n % 10 <> 0 THEN (n % 100) / 4.0 END,
       CASE WHEN n % 500 <> 0 THEN '2026-01-01'::timestamptz + n * interval '1 hour' END, 'name "' || n % 7 || '"', '2026-01-01'::date + n / 24,
       '2026-01-01'::timestamp + n * interval '1 hour', n % 3 = 0, n * 1.10, ARRAY['a', 'b'],
       CASE WHEN n % 499 <> 0 THEN ST_SetSRID(ST_MakePoint(107 + (n % 50) * 0.004, 29 + (n / 50) * 0.002), 4326) END
FROM generate_series(1, 2500) n;
COMMENT ON TABLE layers.station IS E'Stations / 站点\\nOf the operator\\n运营方的站点';
CREATE TABLE layers.pacific (id integer PRIMARY KEY, geom geometry(Point, 4326), ward text);
INSERT INTO layers.pacific VALUES (1, ST_SetSRID(ST_MakePoint(178, 0), 4326), '500115001'), (2, ST_SetSRID(ST_MakePoint(-178, 0), 4326), '500115001'), (3, ST_SetSRID(ST_MakePoint(0, 0), 4326), '500115001');
"""


@pytest.fixture(scope="module")
def server(database, serve):
    database.sql(SEED)
    started = serve(database)
    client = started.client(database.add_account("first", "viewer"))
    wait_until(lambda: client.get("/ogc/collections/station").json.get("itemCount") == 2500, "the extents to be counted")
    return started


@pytest.fixture(scope="module")
def client(server, database):
    return server.client(database.add_account("analyst", "analyst"))


def href(links, rel, type_=None):
    found = [link["href"] for link in links if link["rel"] == rel and type_ in (None, link["type"])]
    assert found, f"no link {rel} of type {type_}"
    return found[0]


def target(url):
    parts = urllib.parse.urlsplit(url)
    return parts.path + ("?" + parts.query if parts.query else "")


def items(client, layer, **params):
    answer = client.get(f"/ogc/collections/{layer}/items?" + urllib.parse.urlencode({"limit": 10000, **params}))
    assert answer.status == 200, answer.text
    return answer.json


def ids(client, layer, **params):
    return [f["id"] for f in items(client, layer, **params)["features"]]


def all_pages(client, path):
    """All features by following next, and how many requests that took."""
    features, requests = [], 0
    while path:
        answer = client.get(path, headers={"Accept": "application/geo+json"})
        assert answer.status == 200, answer.text
        requests += 1
        features += answer.json["features"]
        nexts = [link["href"] for link in answer.json["links"] if link["rel"] == "next"]
        path = target(nexts[0]) if nexts else None
    return features, requests


# ---- A.2.1 to A.2.4: landing page, API, conformance ----


def test_the_landing_page_leads_to_the_rest(client):
    for path in ("/ogc", "/ogc/"):
        answer = client.get(path, headers={"Accept": "application/json"})
        assert answer.status == 200 and answer.headers["Content-Type"] == "application/json"
        assert {"self", "alternate", "service-desc", "conformance", "data"} <= {link["rel"] for link in answer.json["links"]}
        assert all(link["href"].startswith("http://127.0.0.1:") and link["type"] for link in answer.json["links"])
        assert href(answer.json["links"], "service-desc", "application/vnd.oai.openapi+json;version=3.0")
        assert href(answer.json["links"], "data", "application/json").endswith("/ogc/collections")


def test_the_interface_document_is_valid_openapi(client):
    answer = client.get("/ogc/api", headers={"Accept": "application/vnd.oai.openapi+json;version=3.0"})
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/vnd.oai.openapi+json;version=3.0"
    document = answer.json
    assert document["openapi"].startswith("3.0") and document["servers"][0]["url"] == f"http://127.0.0.1:{client.port}/ogc"

    def resolve(node):
        if isinstance(node, dict):
            if "$ref" in node and isinstance(node["$ref"], str):
                at = document
                for step in node["$ref"].removeprefix("#/").split("/"):
                    at = at[step]
            for value in node.values():
                resolve(value)
        elif isinstance(node, list):
            for value in node:
                resolve(value)

    resolve(document)
    paths = document["paths"]
    assert {"/", "/conformance", "/collections", "/collections/ward", "/collections/ward/items", "/collections/ward/items/{featureId}"} <= set(paths)
    operations = [path["get"]["operationId"] for path in paths.values()]
    assert len(operations) == len(set(operations))
    for path in paths.values():
        assert "200" in path["get"]["responses"] and "default" in path["get"]["responses"]
    for response in document["components"]["responses"].values():
        assert response["description"]


def test_the_parameters_are_declared_as_clients_look_for_them(client):
    document = client.get("/ogc/api").json
    shared = document["components"]["parameters"]
    limit, bbox, datetime = shared["limit"], shared["bbox"], shared["datetime"]
    for parameter in (limit, bbox, datetime):
        assert parameter["in"] == "query" and parameter["style"] == "form" and parameter["explode"] is False and parameter["required"] is False
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 10000, "default": 100}
    assert bbox["schema"] == {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}}
    assert datetime["schema"] == {"type": "string"}
    named = document["paths"]["/collections/station/items"]["get"]["parameters"]
    inline = {p["name"]: p["schema"] for p in named if "name" in p}
    assert inline["ward"] == {"type": "string"} and inline["value"] == {"type": "number"} and inline["at"]["format"] == "date-time"
    assert {p["$ref"].rsplit("/", 1)[1] for p in named if "$ref" in p} >= {"limit", "bbox", "datetime", "crs", "bbox-crs"}


def test_conformance_says_what_is_true(client):
    classes = client.get("/ogc/conformance", headers={"Accept": "application/json"}).json["conformsTo"]
    for part in ("core", "geojson", "html", "oas30"):
        assert f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{part}" in classes
    assert "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs" in classes


# ---- A.2.5, A.2.6: collections ----


def test_collections_are_listed_as_they_are_shown(client):
    whole = client.get("/ogc/collections", headers={"Accept": "application/json"}).json
    assert href(whole["links"], "self", "application/json") and href(whole["links"], "alternate", "text/html")
    listed = {c["id"]: c for c in whole["collections"]}
    assert list(listed)[:3] == ["ward", "site", "waterway"]
    assert {"thing", "datastream", "observation", "complaint", "alert", "alert_event", "trace", "hotspot", "finding", "station"} <= set(listed)
    for name, collection in listed.items():
        shown = client.get(f"/ogc/collections/{name}")
        assert shown.status == 200
        for member in ("id", "title", "description", "extent"):
            assert shown.json.get(member) == collection.get(member)
        assert collection["itemType"] == "feature" and href(collection["links"], "items", "application/geo+json")
        assert all({"href", "rel", "type"} <= set(link) for link in collection["links"])
        if "crs" in collection:
            assert collection["crs"][0] == CRS84 and collection["storageCrs"] in collection["crs"]


def test_extents_cover_the_features(client):
    extent = client.get("/ogc/collections/station").json["extent"]
    assert extent["spatial"]["bbox"] == [[107, 29, 107.196, 29.1]] and extent["spatial"]["crs"] == CRS84
    assert extent["temporal"]["interval"] == [["2026-01-01T01:00:00Z", "2026-04-15T03:00:00Z"]]
    assert client.get("/ogc/collections/alert").json["extent"]["temporal"]["interval"] == [["2026-06-01T03:00:00Z", None]]


def test_titles_are_in_both_languages(client):
    english = client.get("/ogc/collections/ward")
    chinese = client.get("/ogc/collections/ward", headers={"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"})
    assert (english.json["title"], english.headers["Content-Language"]) == ("Wards", "en")
    assert (chinese.json["title"], chinese.headers["Content-Language"]) == ("街镇", "zh")
    assert "各自未解除的污染预警数" in chinese.json["description"]
    assert client.get("/ogc/collections/station?lang=zh").json["title"] == "站点"
    assert client.get("/ogc/collections/station?lang=zh").json["description"] == "运营方的站点"
    assert client.get("/ogc/collections/ward?lang=fr").status == 400


def test_what_is_not_there_is_404(client):
    for path in ("nope", "nope/items", "ward/items/nope", "ward/items/99999", "observation/items/1", "observation/items/1~x~2", "finding/items/1"):
        answer = client.get(f"/ogc/collections/{path}")
        assert answer.status == 404 and answer.json["error"]["message"], path


def test_a_view_that_an_operator_adds_is_there_at_once(client, database):
    assert client.get("/ogc/collections/well").status == 404
    database.sql("CREATE VIEW layers.well AS SELECT id, name, geom, ward FROM layers.station WHERE id <= 3")
    assert ids(client, "well") == [1, 2, 3]
    database.sql("COMMENT ON VIEW layers.well IS 'Wells / 水井'")
    wait_until(lambda: client.get("/ogc/collections/well").json["title"] == "Wells", "the new title")
    database.sql("DROP VIEW layers.well")
    wait_until(lambda: client.get("/ogc/collections/well").status == 404, "the view to go")


def test_a_hot_spot_has_the_shape_of_its_ward(client, database):
    def shown():  # the server clears the maps of rules that are none of hot spots when it loads its rules
        database.sql("INSERT INTO hotspot (rule_id, places, key, ward_id, value, n_things) VALUES (1, 'ward', '500115001', 1, 5, 1) ON CONFLICT DO NOTHING")
        return items(client, "hotspot")["features"]

    assert wait_until(shown, "the hot spot")[0]["geometry"]["type"] == "MultiPolygon"


def test_the_built_in_collections_hold_what_they_say(client):
    assert [f["properties"]["open_alerts"] for f in items(client, "ward")["features"]] == [1, 1]
    thing = items(client, "thing")["features"][0]
    assert thing["properties"]["latest_value"] == 23 and thing["properties"]["latest_unit"] == "mg/L"
    assert thing["properties"]["latest"][0]["property"] == "test_cod" and thing["geometry"]["coordinates"] == [107.03, 29.03]
    series = items(client, "datastream", property="test_cod", thing="T-A")["features"]
    assert [(s["properties"]["latest_value"], s["properties"]["latest_at"]) for s in series] == [(23, "2026-06-01T23:00:00Z")]
    observations = items(client, "observation")
    assert observations["numberMatched"] == 49
    values = {f["id"]: f["properties"]["value"] for f in observations["features"]}
    assert values["1~2026-06-01T03:00:00Z~0"] == 333  # the corrected one alone
    complaint = items(client, "complaint")["features"]
    assert [(f["properties"]["detail"], f["geometry"]["coordinates"]) for f in complaint] == [({"text": "smells"}, [107.05, 29.06])]
    assert [f["properties"]["kind"] for f in items(client, "alert_event")["features"]] == ["opened", "cleared", "opened"]
    traces = items(client, "trace")["features"]
    assert [(f["id"], f["geometry"] and f["geometry"]["type"]) for f in traces] == [("2~1", "Point"), ("2~2", None)]
    assert items(client, "finding")["features"][0]["id"] == "1~a!1b!0c"
    assert client.get("/ogc/collections/finding/items/1~a!1b!0c").json["properties"]["reason"] == {"why": "x"}


# ---- A.2.7: items ----


def test_features_have_what_the_standard_asks_for(client):
    answer = client.get("/ogc/collections/station/items", headers={"Accept": "application/geo+json"})
    page = answer.json
    assert answer.headers["Content-Type"] == "application/geo+json" and answer.headers["Content-Crs"] == f"<{CRS84}>"
    assert page["type"] == "FeatureCollection" and page["numberReturned"] == len(page["features"]) == 100 and page["numberMatched"] == 2500
    assert href(page["links"], "self", "application/geo+json") and href(page["links"], "alternate", "text/html")
    feature = page["features"][0]
    assert feature["properties"] == {
        "id": 1, "ward": "500115002", "value": 0.25, "at": "2026-01-01T01:00:00Z", "name": 'name "1"', "day": "2026-01-01",
        "local": "2026-01-01T01:00:00", "good": False, "big": 1.10, "tags": ["a", "b"],
    }  # fmt: skip
    one = client.get("/ogc/collections/station/items/1").json
    assert one["properties"] == feature["properties"] and one["geometry"] == feature["geometry"]
    assert {"self", "alternate", "collection"} <= {link["rel"] for link in one["links"]}


WRONG = [
    "limit=unlimited", "limit=0", "limit=-1", "limit=1.5", "limit=", "unknownQueryParameter12345=1", "bbox=1,2,3", "bbox=1,2,3,4,5", "bbox=1,2,3,4,5,6,7",
    "bbox=nan,2,3,4", "bbox=1,2,3,inf", "bbox=", "bbox=1,2,3,4,", "bbox=1,5,3,4", "datetime=abc", "datetime=2026-02-02/2026-01-01", "datetime=a/b/c",
    "datetime=..", "datetime=", "datetime=2026-13-01", "datetime=P1D", "datetime=P1D/P1D", "datetime=../P1D", "datetime=2026-01-01/P1X",
    "limit=1&limit=2", "f=nope", "crs=http://www.opengis.net/def/crs/0/unsupported", "bbox=5,49,6,50&bbox-crs=http://www.opengis.net/def/crs/0/unsupported",
    "properties=nope", "sortby=nope", "sortby=tags", "value=abc", "good=2", "at=yesterday", "after=%21", "after=WyIxIiwiMiJd", "after=WyJ4Il0", "offset=-1",
]  # fmt: skip


@pytest.mark.parametrize("query", WRONG)
def test_what_is_wrong_is_refused_by_name(client, query):
    answer = client.get(f"/ogc/collections/station/items?{query}")
    assert answer.status == 400, answer.text
    assert answer.json["error"]["message"]


def test_a_parameter_that_is_nearly_right_is_suggested(client):
    for wrong, right in (("datetime_", "datetime"), ("Limit", "limit"), ("vaule", "value"), ("bbox_crs", "bbox-crs")):
        message = client.get(f"/ogc/collections/station/items?{wrong}=1").json["error"]["message"]
        assert f"did you mean {right}?" in message


def test_more_than_the_limit_is_clamped(client):
    assert len(items(client, "station", limit=99999999999)["features"]) == 2500
    assert len(items(client, "station", limit=1)["features"]) == 1


def test_a_repeated_identical_parameter_is_one(client):
    answer = client.get("/ogc/collections/station/items?limit=2&limit=2&ward=500115001&ward=500115001")
    assert answer.status == 200 and len(answer.json["features"]) == 2


BOXES = ["-1.5,50,1.5,53", "-80,-5,-70,5", "177,65,-177,70", "-180,85,180,90", "-180,-90,180,-85", "107,29,107.1,29.05", "107,29,0,107.1,29.05,100", "107.05,29.01,107.05,29.01"]


@pytest.mark.parametrize("box", BOXES)
def test_a_box_finds_what_touches_it(client, database, box):
    numbers = [float(n) for n in box.split(",")]
    west, south, east, north = numbers if len(numbers) == 4 else numbers[:2] + numbers[3:5]
    between = f"ST_X(geom) BETWEEN {west} AND {east}" if west <= east else f"(ST_X(geom) >= {west} OR ST_X(geom) <= {east})"
    expected = database.sql(f"SELECT id FROM layers.station WHERE geom IS NULL OR {between} AND ST_Y(geom) BETWEEN {south} AND {north} ORDER BY id")
    assert ids(client, "station", bbox=box) == [int(row[0]) for row in expected]


def test_a_box_may_cross_the_antimeridian(client):
    assert ids(client, "pacific", bbox="177,-10,-177,10") == [1, 2]
    assert ids(client, "pacific", bbox="177,-10,183,10") == [1, 2]
    assert ids(client, "pacific", bbox="-183,-10,-177,10") == [1, 2]
    assert ids(client, "pacific", bbox="-180,-90,180,90") == [1, 2, 3]
    assert ids(client, "pacific", bbox="-10,-10,10,10") == [3]


TIMES = {  # datetime → condition on `at` as plain SQL
    "2026-01-05T00:00:00Z": "at = '2026-01-05T00:00:00Z'",
    "2026-01-05T08:00:00+08:00": "at = '2026-01-05T00:00:00Z'",
    "2026-01-05t00:00:00z": "at = '2026-01-05T00:00:00Z'",
    "2026-01-05T00:00:00.000Z": "at = '2026-01-05T00:00:00Z'",
    "2026-01-05T00:00:00.5Z": "false",
    "2026-01-05": "at >= '2026-01-05Z' AND at < '2026-01-06Z'",
    "2026-01-05T00:00:00Z/2026-01-07T00:00:00Z": "at BETWEEN '2026-01-05Z' AND '2026-01-07Z'",
    "2026-01-05/2026-01-06": "at >= '2026-01-05Z' AND at < '2026-01-07Z'",
    "2026-04-01T00:00:00Z/..": "at >= '2026-04-01Z'",
    "2026-04-01T00:00:00Z/": "at >= '2026-04-01Z'",
    "../2026-01-02T00:00:00Z": "at <= '2026-01-02Z'",
    "/2026-01-02T00:00:00Z": "at <= '2026-01-02Z'",
    "../..": "true",
    "2026-01-05/P2D": "at BETWEEN '2026-01-05Z' AND '2026-01-07Z'",
    "PT36H/2026-01-05T00:00:00Z": "at BETWEEN '2026-01-03T12:00:00Z' AND '2026-01-05Z'",
    "2026-01-31/P1M": "at BETWEEN '2026-01-31Z' AND '2026-02-28Z'",
    "2026-04-01T/..": "at >= '2026-04-01Z'",
    "0000-01-01T00:00:00Z/2026-01-02T00:00:00Z": "at <= '2026-01-02Z'",
    "2026-04-01T00:00:00Z/9999-12-31T00:00:00Z": "at >= '2026-04-01Z'",
    "2018-02-12T23:20:50Z": "false",
}


@pytest.mark.parametrize("text", TIMES)
def test_datetime_finds_what_the_database_finds(client, database, text):
    expected = database.sql(f"SELECT id FROM layers.station WHERE at IS NULL OR {TIMES[text]} ORDER BY id")
    assert ids(client, "station", datetime=text) == [int(row[0]) for row in expected]


def test_a_plus_sign_that_became_a_blank_is_understood(client):
    encoded = client.get("/ogc/collections/station/items?limit=10000&datetime=2026-01-05T08:00:00%2B08:00").json
    raw = client.get("/ogc/collections/station/items?limit=10000&datetime=2026-01-05T08:00:00+08:00").json
    assert raw["features"] == encoded["features"] and len(raw["features"]) == 6


def test_an_alert_is_found_while_it_was_open(client):
    assert ids(client, "alert", datetime="2026-06-01T04:00:00Z") == [1]
    assert ids(client, "alert", datetime="2026-06-01T06:00:00Z/2026-06-01T09:00:00Z") == []
    assert ids(client, "alert", datetime="2026-07-01T00:00:00Z") == [2, 3]


def test_properties_compare_as_their_type(client, database):
    cases = {"ward": "500115001", "value": "0.25", "good": "true", "at": "2026-01-01T09:00:00+08:00", "day": "2026-01-03", "big": "11", "name": 'name "3"', "id": "7"}
    for name, value in cases.items():
        expected = database.sql(f"SELECT id FROM layers.station WHERE {name} = '{value}' ORDER BY id")
        assert ids(client, "station", **{name: value}) == [int(row[0]) for row in expected], name
        assert expected
    assert ids(client, "station", ward="500115001", value="0.5", good="true") == [102, 402, 702, 1002, 1302, 1602, 1902, 2202]
    assert ids(client, "station", name="'; DROP TABLE layers.station; --") == []


def test_only_the_asked_properties_come(client):
    page = items(client, "station", properties="value,name", limit=3)
    assert all(list(f["properties"]) == ["value", "name"] and f["id"] for f in page["features"])


# ---- Paging ----


def test_two_thousand_features_need_few_requests(client):
    features, requests = all_pages(client, "/ogc/collections/station/items?limit=10")
    assert [f["id"] for f in features] == list(range(1, 2501)) and requests == 4


def test_a_limit_that_is_meant_is_kept(client):
    features, requests = all_pages(client, "/ogc/collections/station/items?limit=500")
    assert len(features) == 2500 and requests == 5


def test_next_repeats_the_question(client):
    features, _ = all_pages(client, "/ogc/collections/station/items?limit=7&bbox=107,29,107.1,29.1&datetime=2026-01-01/..&ward=500115001&properties=value")
    assert features and all(list(f["properties"]) == ["value"] for f in features)
    assert [f["id"] for f in features] == ids(client, "station", bbox="107,29,107.1,29.1", datetime="2026-01-01/..", ward="500115001")


@pytest.mark.parametrize("order", ["value", "-value", "-value,name", "good,-at", "-day,big", "name,-value,-id", " value"])
def test_any_order_pages_without_gaps(client, database, order):
    clauses = [f"{name.strip(' -')} {'DESC' if name.startswith('-') else 'ASC'}" for name in order.split(",")]
    expected = database.sql(f"SELECT id FROM layers.station ORDER BY {', '.join(clauses)}, id")
    features, _ = all_pages(client, "/ogc/collections/station/items?limit=300&sortby=" + urllib.parse.quote(order))
    assert [f["id"] for f in features] == [int(row[0]) for row in expected]


def test_offset_is_understood(client):
    page = items(client, "station", offset=2495, limit=3)
    assert [f["id"] for f in page["features"]] == [2496, 2497, 2498] and page["numberMatched"] == 2500
    rest, _ = all_pages(client, "/ogc/collections/station/items?limit=3&offset=2490")
    assert [f["id"] for f in rest] == list(range(2491, 2501))


def test_pages_have_no_gap_while_rows_come_and_go(client, database):
    """Rows that are there throughout come once each, whatever is inserted and deleted between the pages."""
    database.sql("CREATE TABLE layers.busy (id integer PRIMARY KEY, v integer, ward text); INSERT INTO layers.busy SELECT 2 * n, (n * 7919) % 500, '500115001' FROM generate_series(1, 1000) n")
    for order in ("", "&sortby=v", "&sortby=-v"):
        path, seen, turn = f"/ogc/collections/busy/items?limit=100{order}", [], 0
        while path:
            page = client.get(path).json
            seen += [f["id"] for f in page["features"]]
            turn += 1
            database.sql(
                f"DELETE FROM layers.busy WHERE id % 2 = 1; INSERT INTO layers.busy SELECT 2 * n + 1, (n * 104729 + {turn}) % 500, '500115001' FROM generate_series({turn * 13}, {turn * 13 + 200}) n"
            )
            nexts = [link["href"] for link in page["links"] if link["rel"] == "next"]
            path = target(nexts[0]) if nexts else None
        stable = [i for i in seen if i % 2 == 0]
        assert sorted(stable) == list(range(2, 2001, 2)) and len(seen) == len(set(seen)) or order, order
        assert sorted(stable) == list(range(2, 2001, 2))
    database.sql("DROP TABLE layers.busy")


def test_number_matched_is_left_out_where_it_is_not_known(client, database):
    database.sql("CREATE TABLE layers.many AS SELECT n AS id, '500115001'::text AS ward FROM generate_series(1, 60000) n; ALTER TABLE layers.many ADD PRIMARY KEY (id)")
    page = client.get("/ogc/collections/many/items").json
    assert "numberMatched" not in page and page["numberReturned"] == 100
    assert client.get("/ogc/collections/many/items?id=7").json["numberMatched"] == 1
    database.sql("DROP TABLE layers.many")


# ---- Formats, languages, HTTP ----


def test_each_client_gets_its_format(client):
    path = "/ogc/collections/ward/items"
    for accept, expected in {
        "*/*": "application/geo+json", "application/geo+json, application/json": "application/geo+json", "application/json": "application/json",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": "text/html; charset=utf-8", "text/csv": "text/csv; charset=utf-8; header=present",
        "application/*;q=0.5, text/csv;q=0.4": "application/geo+json", "application/geo+json-seq": "application/geo+json-seq",
    }.items():  # fmt: skip
        answer = client.get(path, headers={"Accept": accept})
        assert (answer.status, answer.headers["Content-Type"]) == (200, expected), accept
    assert client.get(path, headers={"Accept": "application/xml"}).status == 406
    assert client.get(path + "?f=html", headers={"Accept": "application/geo+json"}).headers["Content-Type"].startswith("text/html")
    assert client.get(path + "?f=json", headers={"Accept": "text/html"}).headers["Content-Type"] == "application/geo+json"


def test_csv_is_whole_and_has_places(client, database):
    answer = client.get("/ogc/collections/station/items?f=csv")
    lines = answer.text.split("\r\n")
    assert lines[0] == "fid,id,ward,value,at,name,day,local,good,big,tags,lon,lat"
    assert lines[1] == '1,1,500115002,0.25,2026-01-01T01:00:00Z,"name ""1""",2026-01-01,2026-01-01T01:00:00,false,1.10,"[""a"", ""b""]",107.004,29'
    assert len(lines) == 2502 and lines[-1] == ""
    page = client.get("/ogc/collections/station/items?f=csv&limit=2")
    assert page.headers["OGC-NumberMatched"] == "2500" and 'rel="next"' in page.headers["Link"]
    following = client.get(target(re.match("<(.*?)>", page.headers["Link"]).group(1)))
    assert following.text.split("\r\n")[1].startswith("3,3,")
    ward = client.get("/ogc/collections/ward/items?f=csv&properties=code").text
    assert ward.startswith('fid,code,WKT\r\n1,500115001,"MULTIPOLYGON (((107 29, 107.1 29,')


def test_sequences_have_a_feature_a_line(client):
    lines = client.get("/ogc/collections/station/items?f=ndjson").text.splitlines()
    assert len(lines) == 2500 and json.loads(lines[-1])["id"] == 2500
    sequence = client.get("/ogc/collections/ward/items?f=geojsonseq").text
    assert [json.loads(part)["id"] for part in sequence.split("\x1e")[1:]] == [1, 2]


def test_pages_for_people_are_safe_and_in_their_language(client, database):
    database.sql("CREATE TABLE layers.odd (id integer PRIMARY KEY, \"a\"\"b\" text, ward text); INSERT INTO layers.odd VALUES (1, '<script>alert(1)</script>&\"', '500115001')")
    page = client.get("/ogc/collections/odd/items?f=html")
    assert "<script" not in page.text and "&lt;script&gt;" in page.text and "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert items(client, "odd")["features"][0]["properties"]['a"b'] == '<script>alert(1)</script>&"'
    for path in ("", "/conformance", "/collections", "/collections/ward", "/collections/ward/items", "/collections/ward/items/1", "/collections/ward/queryables"):
        answer = client.get(f"/ogc{path}", headers={"Accept": "text/html", "Accept-Language": "zh"})
        assert answer.status == 200 and '<html lang="zh-CN">' in answer.text and "首页" in answer.text, path
    assert "街镇代码" in client.get("/ogc/collections/ward/items?f=html&lang=zh").text
    database.sql("DROP TABLE layers.odd")


def test_what_has_not_changed_is_not_sent_again(client, database):
    for path in ("/ogc", "/ogc/collections", "/ogc/api", "/ogc/collections/station/items?limit=50", "/ogc/collections/ward/items/1"):
        first = client.get(path)
        again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert again.status == 304 and again.body == b"" and again.headers["ETag"] == first.headers["ETag"], path
        assert {"Accept", "Accept-Encoding"} <= set(first.headers["Vary"].split(", ")) and "no-store" not in first.headers["Cache-Control"]
    tag = client.get("/ogc/collections/site/items").headers["ETag"]
    database.sql("UPDATE site SET name_zh = '新' WHERE code = 'SA'")
    changed = client.get("/ogc/collections/site/items", headers={"If-None-Match": tag})
    assert changed.status == 200 and changed.headers["ETag"] != tag


def test_compressed_and_plain_answers_are_the_same(client):
    for path in ("/ogc/collections/station/items?limit=1000", "/ogc/collections/station/items?f=csv", "/ogc/api"):
        plain = client.get(path)
        packed = client.get(path, headers={"Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] == "gzip" and gzip.decompress(packed.body) == plain.body


def test_a_big_answer_is_streamed(client, database):
    database.sql("CREATE TABLE layers.wide AS SELECT n AS id, repeat('x', 500) AS t, '500115001'::text AS ward FROM generate_series(1, 9000) n; ALTER TABLE layers.wide ADD PRIMARY KEY (id)")
    for path in ("/ogc/collections/wide/items?limit=9000", "/ogc/collections/wide/items?f=ndjson"):
        plain = client.get(path)
        packed = client.get(path, headers={"Accept-Encoding": "gzip"})
        assert plain.headers["Transfer-Encoding"] == "chunked" and "ETag" not in plain.headers
        assert packed.headers["Content-Encoding"] == "gzip" and gzip.decompress(packed.body) == plain.body
        assert plain.text.count('"id":9000') == 2
        head = client.request("HEAD", path)
        assert head.status == 200 and head.body == b""
    assert client.get("/ogc/collections/wide/items?limit=9000").json["numberMatched"] == 9000
    database.sql("DROP TABLE layers.wide")


def test_methods_are_told(client):
    path = "/ogc/collections/ward/items"
    head, get = client.request("HEAD", path), client.get(path)
    assert head.status == 200 and head.body == b""
    assert {k: v for k, v in head.headers.items() if k != "Date"} == {k: v for k, v in get.headers.items() if k != "Date"}
    options = client.request("OPTIONS", path)
    assert options.status == 204 and "GET" in options.headers["Allow"]
    for method in ("PUT", "DELETE", "PATCH"):
        refused = client.request(method, path)
        assert refused.status == 405 and "GET" in refused.headers["Allow"]


def test_a_proxy_says_where_we_are(client):
    answer = client.get("/ogc", headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "map.example.cn"})
    assert href(answer.json["links"], "self") == "https://map.example.cn/ogc"
    odd = client.get("/ogc", headers={"X-Forwarded-Host": 'a"><script>'})
    assert href(odd.json["links"], "self") == f"http://127.0.0.1:{client.port}/ogc"


# ---- Who sees what ----


def test_an_account_sees_its_wards_alone(server, database, client):
    own = server.client(database.add_account("ward-a", "viewer", wards=["500115001"]))
    for layer in ("ward", "site", "thing", "datastream", "observation", "alert", "alert_event", "finding", "station"):
        everything, mine = items(client, layer)["features"], items(own, layer)["features"]
        key = next(k for k in ("ward_id", "ward") if k in everything[0]["properties"])
        expected = [f["id"] for f in everything if f["properties"][key] in (1, "500115001")]
        assert [f["id"] for f in mine] == expected and expected, layer
    assert own.get("/ogc/collections/ward/items/2").status == 404 and own.get("/ogc/collections/station/items/1").status == 404
    assert items(own, "station")["numberMatched"] == 1250
    assert len(items(own, "waterway")["features"]) == 1


def test_what_a_hotline_without_a_ward_tells_is_for_the_ward_it_tells_of(server, database):
    """The thing itself is nobody's but the district's; what was reported in a ward is seen there, without the thing."""
    database.sql(
        "INSERT INTO thing (feed_id, key) VALUES (1, '12345'); INSERT INTO datastream (thing_id, property_id) SELECT t.id, p.id FROM thing t, observed_property p WHERE t.key = '12345' AND p.code = 'test_complaint';"
        "INSERT INTO feature_of_interest (id, ward_id, geom, raw_x, raw_y, source_datum) VALUES (2, 2, ST_SetSRID(ST_MakePoint(107.15, 29.06), 4490), 0, 0, 'CGCS2000');"
        "INSERT INTO observation SELECT d.id, '2026-06-01T04:30:00Z', 1, 2, 5, 0, 2, 1, 'N', NULL FROM datastream d JOIN thing t ON t.id = d.thing_id WHERE t.key = '12345'"
    )
    own = server.client(database.add_account("ward-2", "viewer", wards=["500115002"]))
    other = server.client(database.add_account("ward-1", "viewer", wards=["500115001"]))
    seen = items(own, "complaint")["features"]
    assert [(f["properties"]["value"], f["properties"]["property"], f["properties"]["thing"], f["geometry"]["coordinates"]) for f in seen] == [(5, "test_complaint", None, [107.15, 29.06])]
    assert [f["properties"]["value"] for f in items(other, "complaint")["features"]] == [3]
    assert own.get("/ogc/collections/observation/items/" + seen[0]["id"]).status == 200
    assert other.get("/ogc/collections/observation/items/" + seen[0]["id"]).status == 404
    database.sql("DELETE FROM observation WHERE phenomenon_time = '2026-06-01T04:30:00Z'")


def test_the_last_page_of_observations_is_walked_to_by_the_key(database):
    plan = "\n".join(
        row[0]
        for row in database.sql(
            "SET enable_seqscan = off; SET enable_sort = off; EXPLAIN SELECT * FROM layers.observation t WHERE (t.datastream_id, t.phenomenon_time, t.interval_s) > (2, '2026-06-10', 0)"
            " ORDER BY t.datastream_id, t.phenomenon_time, t.interval_s LIMIT 1001"
        )
    )
    assert "Anti Join" not in plan and "ROW(datastream_id, phenomenon_time, interval_s) > ROW(" in plan and "SubPlan" in plan, plan


CROWD = """
SELECT ensure_partition('2026-08-01');
INSERT INTO thing (feed_id, key, ward_id, geom)
SELECT 1, 'crowd-' || n, CASE WHEN n % 10 < 5 THEN 1 ELSE 2 END, ST_SetSRID(ST_MakePoint(107.005 + n % 10 * 0.02, 29.005 + n / 10 * 0.01), 4490) FROM generate_series(0, 99) n;
INSERT INTO thing (feed_id, key) VALUES (1, 'crowd-car');
INSERT INTO datastream (thing_id, property_id) SELECT t.id, p.id FROM thing t, observed_property p WHERE t.key LIKE 'crowd-%' AND p.code = 'test_cod';
INSERT INTO feature_of_interest SELECT 1000 + n, CASE WHEN n < 100 THEN 1 ELSE 2 END, ST_SetSRID(ST_MakePoint(107.001 + n * 0.001, 29.0453), 4490), 0, 0, 'CGCS2000' FROM generate_series(0, 189) n;
-- Who stands still 60 times; the car on its way, and without a place; and the first of all once elsewhere, twice in one moment.
INSERT INTO observation SELECT d.id, '2026-08-01Z'::timestamptz + make_interval(mins => n), 1, NULL, n, 0, t.ward_id, 1, 'N', NULL
FROM generate_series(0, 59) n, datastream d JOIN thing t ON t.id = d.thing_id WHERE t.key LIKE 'crowd-%' AND t.geom IS NOT NULL;
INSERT INTO observation SELECT d.id, '2026-08-01Z'::timestamptz + make_interval(mins => n), 1, 1000 + n, n, 0, CASE WHEN n < 100 THEN 1 ELSE 2 END, 1, 'N', NULL
FROM generate_series(0, 189) n, datastream d JOIN thing t ON t.id = d.thing_id WHERE t.key = 'crowd-car';
INSERT INTO observation SELECT d.id, '2026-08-02Z'::timestamptz + make_interval(mins => n), 1, NULL, n, 0, NULL, 1, 'N', NULL
FROM generate_series(0, 4) n, datastream d JOIN thing t ON t.id = d.thing_id WHERE t.key = 'crowd-car';
INSERT INTO observation SELECT d.id, '2026-08-03Z', 1, 1085, i, i, 1, 1, 'N', NULL
FROM (VALUES (0), (60)) v (i), datastream d JOIN thing t ON t.id = d.thing_id WHERE t.key = 'crowd-0';
INSERT INTO observation SELECT d.id, '2026-08-03Z', 1, 1085, 2, 60, 1, 2, 'N', NULL FROM datastream d JOIN thing t ON t.id = d.thing_id WHERE t.key = 'crowd-0';
ANALYZE;
"""


def test_a_small_box_of_readings_finds_all_of_them(server, database, client):
    """Readings have no geometry with an index: a box is looked for where things stand and where readings say they were taken."""
    database.sql(CROWD)
    own = server.client(database.add_account("crowd-1", "viewer", wards=["500115001"]))
    total = int(database.sql("SELECT count(*) FROM observation")[0][0])
    assert total > 6000
    for box in ("107.08,29.04,107.09,29.05", "107.0855,29.045,107.0865,29.046", "107.099,29.044,107.108,29.046", "107.5,29.5,107.51,29.51", "107,29,107.2,29.1"):
        found = database.sql(
            "SELECT datastream_id || '~' || to_char(phenomenon_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') || '~' || interval_s, ward_id FROM layers.observation"
            f" WHERE geom IS NULL OR ST_Intersects(geom, ST_MakeEnvelope({box}, 4490)) ORDER BY datastream_id, phenomenon_time, interval_s"
        )
        for who, expected in ((client, [row[0] for row in found]), (own, [row[0] for row in found if row[1] == "1"])):
            features, _ = all_pages(who, f"/ogc/collections/observation/items?limit={110 if len(expected) < 1000 else 5000}&bbox={box}")
            assert [f["id"] for f in features] == expected, box
            assert items(who, "observation", bbox=box, limit=1).get("numberMatched", len(expected)) == len(expected)
            newest = [f["properties"]["phenomenon_time"] for f in items(who, "observation", bbox=box, limit=7, sortby="-phenomenon_time")["features"]]
            assert newest == sorted((f["properties"]["phenomenon_time"] for f in features), reverse=True)[:7]


def test_a_small_box_of_readings_is_looked_for_where_it_is(client, database):
    """And a large one in the order of the key: with a function that knows no place, small boxes are empty."""
    read = 0
    for line in database.sql(
        "SET wardwatch.wards = 'all'; SET ROLE wardwatch_reader; EXPLAIN (ANALYZE, TIMING off, COSTS off) SELECT t.value FROM"
        " wardwatch.observation_near(ST_MakeEnvelope(107.08, 29.04, 107.09, 29.05, 4490)) AS n (series, since, until) CROSS JOIN LATERAL (SELECT * FROM layers.observation t"
        " WHERE t.datastream_id = n.series AND t.phenomenon_time >= n.since AND t.phenomenon_time <= n.until ORDER BY t.datastream_id, t.phenomenon_time, t.interval_s LIMIT 1001) t"
    ):
        found = re.search(r"on observation_2.*actual rows=(\d+) loops=(\d+)|Rows Removed by Filter: (\d+)", line[0])
        read += int(found[1]) * int(found[2]) if found and found[1] else int(found[3]) if found else 0
    assert 60 + 11 + 2 + 5 <= read < 500, read
    source = database.sql("SELECT pg_get_functiondef('wardwatch.observation_near'::regproc)")
    database.sql("CREATE OR REPLACE FUNCTION wardwatch.observation_near(box geometry) RETURNS TABLE (series bigint, since timestamptz, until timestamptz) LANGUAGE sql AS 'SELECT 1, now(), now() WHERE false'")
    small, large = (len(items(client, "observation", bbox=box)["features"]) for box in ("107.08,29.04,107.09,29.05", "-180,-90,180,90"))
    database.sql("\n".join(row[0] for row in source))
    assert small == 0 and large > 6000
    assert len(items(client, "observation", bbox="107.08,29.04,107.09,29.05")["features"]) == 60 + 11 + 2 + 5


def test_where_readings_are_is_told_to_the_server_alone(database):
    """It looks with its owner's eyes, also at things that a reader does not see."""
    database.sql("DROP ROLE IF EXISTS nosy")
    database.sql("CREATE ROLE nosy LOGIN; GRANT wardwatch_reader TO nosy")
    asked = "SELECT count(*) FROM wardwatch.observation_near(ST_MakeEnvelope(107, 29, 107.2, 29.1, 4490))"
    assert int(database.sql(asked)[0][0]) > 0
    assert database.sql("SET SESSION AUTHORIZATION nosy; " + asked)[-1] == ["0"]
    assert database.sql("SET SESSION AUTHORIZATION nosy; SET ROLE wardwatch_reader; SET wardwatch.wards = 'all'; " + asked)[-1] == ["0"]
    database.sql("DROP ROLE nosy")


def test_readers_read_the_layers_by_row_level_security(server, database):
    """Not by our conditions alone: with the reader's role and wards the views themselves hold nothing else."""
    for layer in ("ward", "site", "thing", "datastream", "observation", "alert", "alert_event", "trace", "finding"):
        found = database.sql(f"SELECT set_config('wardwatch.wards', '{{1}}', false); SET ROLE wardwatch_reader; SELECT DISTINCT ward_id FROM layers.{layer}")
        assert found[1:] == [["1"]], (layer, found)


def test_a_table_without_wards_is_for_all_ward_accounts_unless_it_says_public(server, database, client):
    own = server.client(database.add_account("ward-b", "viewer", wards=["500115002"]))
    database.sql("CREATE TABLE layers.zplain (id integer PRIMARY KEY, t text); INSERT INTO layers.zplain VALUES (1, 'x')")
    assert ids(client, "zplain") == [1] and own.get("/ogc/collections/zplain/items").status == 404
    assert "zplain" not in own.get("/ogc/collections").text and "zplain" not in own.get("/ogc/api").text
    database.sql("COMMENT ON TABLE layers.zplain IS E'Plain\\nwardwatch: public'")
    wait_until(lambda: own.get("/ogc/collections/zplain/items").status == 200, "the layer to be public")
    database.sql("DROP TABLE layers.zplain")


def test_nobody_without_a_token_sees_anything(server):
    for path in ("", "/conformance", "/api", "/collections", "/collections/ward", "/collections/ward/items"):
        assert server.client().get(f"/ogc{path}").status == 401


def test_an_anonymous_reader_sees_what_is_for_everybody(database, serve, server):
    database.sql("CREATE TABLE layers.secret (id integer PRIMARY KEY, ward text); INSERT INTO layers.secret VALUES (1, '500115001')")
    open_server = serve(database, "--anonymous-read")
    nobody = open_server.client()
    listed = [c["id"] for c in nobody.get("/ogc/collections").json["collections"]]
    assert {"ward", "thing", "observation", "alert"} <= set(listed) and not {"finding", "secret", "station"} & set(listed)
    assert len(items(nobody, "ward")["features"]) == 2 and nobody.get("/ogc/collections/finding/items").status == 404
    assert nobody.get("/ogc/collections/secret/items").status == 404
    assert open_server.client("ww_wrong").get("/ogc").status == 401
    assert open_server.stop() == 0
    database.sql("DROP TABLE layers.secret")


def test_a_token_may_come_as_a_password(server, database):
    import base64

    token = database.add_account("qgis", "viewer", wards=["500115001"])
    basic = base64.b64encode(f"qgis:{token}".encode()).decode()
    assert server.client(headers={"Authorization": f"Basic {basic}"}).get("/ogc/collections/ward/items").json["numberMatched"] == 1
    wrong = base64.b64encode(b"qgis:nope").decode()
    assert server.client(headers={"Authorization": f"Basic {wrong}"}).get("/ogc").status == 401
    assert server.client(headers={"Authorization": f"Basic {basic}"}).get("/api/v1/wards").status == 401
