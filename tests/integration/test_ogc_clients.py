"""The programs that analysts use, as Debian 12 has them, against /ogc/: GDAL 3.6, QGIS 3.22, OWSLib 0.27; what they send is counted."""

import json
import os
import subprocess
import sys
import urllib.parse

import pytest

from conftest import ROOT

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from recording_proxy import RecordingProxy  # noqa: E402

SEED = """
INSERT INTO ward (code, name_zh, name_en, geom) VALUES
  ('500115001', '甲街道', 'Ward A', ST_GeomFromText('MULTIPOLYGON(((107 29,107.1 29,107.1 29.1,107 29.1,107 29)))', 4490));
CREATE TABLE layers.station (id integer PRIMARY KEY, ward text, value double precision, at timestamptz, name text, geom geometry(Point, 4490));
INSERT INTO layers.station
SELECT n, CASE n % 2 WHEN 0 THEN 'W0' ELSE 'W1' END, n / 4.0, '2026-01-01'::timestamptz + n * interval '1 hour', '站 ' || n,
       ST_SetSRID(ST_MakePoint(107 + (n % 50) * 0.004, 29 + (n / 50) * 0.002), 4490)
FROM generate_series(1, 2500) n;
COMMENT ON TABLE layers.station IS 'Stations / 站点';
"""


@pytest.fixture(scope="module")
def proxy(database, serve):
    database.sql(SEED)
    server = serve(database)
    token = database.add_account("analyst", "analyst")
    with RecordingProxy(server.port) as running:
        running.token = token
        running.url = f"http://127.0.0.1:{running.port}/ogc"
        yield running


@pytest.fixture(autouse=True)
def forget(proxy):
    proxy.forget()


def ogr(proxy, program, *arguments):
    command = [program, *arguments, "-oo", f"USERPWD=analyst:{proxy.token}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ, NO_PROXY="*"))
    assert done.returncode == 0 and "ERROR" not in done.stderr, done.stderr
    return done.stdout


def paths(proxy):
    return [urllib.parse.unquote(t) for t in proxy.targets()]


# ---- GDAL ----


def test_ogrinfo_lists_every_layer(proxy):
    for url in (proxy.url, proxy.url + "/"):
        text = ogr(proxy, "ogrinfo", f"OAPIF:{url}")
        for layer in ("ward", "thing", "observation", "alert", "hotspot", "station"):
            assert f": {layer} " in text or f": {layer}\n" in text, text


def test_ogrinfo_reads_types_and_titles(proxy):
    text = ogr(proxy, "ogrinfo", "-so", f"OAPIF:{proxy.url}", "station")
    assert "Geometry: Point" in text and "Feature Count: 2500" in text
    for field in ("value: Real", "at: DateTime", "name: String", "id: Integer"):
        assert field in text, text
    assert "Extent: (107.000000, 29.000000) - (107.196000, 29.100000)" in text


def test_ogr2ogr_reads_all_of_a_layer_in_few_requests(proxy, scratch):
    out = os.path.join(scratch, "all.geojson")
    ogr(proxy, "ogr2ogr", out, f"OAPIF:{proxy.url}", "station")
    with open(out, encoding="utf-8") as file:
        features = json.load(file)["features"]
    assert sorted(f["properties"]["id"] for f in features) == list(range(1, 2501))
    assert next(f for f in features if f["properties"]["id"] == 7)["properties"]["name"] == "站 7"
    pages = [t for t in proxy.targets() if "/items" in t]
    assert len(pages) <= 6, pages
    assert all(headers.get("Accept-Encoding") for _, _, headers, _ in proxy.seen)


def test_spat_is_sent_as_a_box(proxy):
    text = ogr(proxy, "ogrinfo", "-al", "-spat", "107", "29", "107.02", "29.01", f"OAPIF:{proxy.url}", "station")
    assert any("bbox=107,29,107.0199999" in p for p in paths(proxy))
    assert text.count("OGRFeature(station)") == 36 - 1  # the grid of 6 by 6 without its first: ids begin at 1


def test_where_is_sent_as_parameters_or_filter(proxy):
    text = ogr(proxy, "ogrinfo", "-al", "-where", "ward='W1' AND value > 600", f"OAPIF:{proxy.url}", "station")
    asked = [p for p in paths(proxy) if "/station/items?" in p]
    assert any("filter=" in p and "filter-lang=cql-text" in p for p in asked), asked
    assert text.count("OGRFeature(station)") == 50
    assert all(status == 200 for *_, status in proxy.seen), proxy.seen


def test_a_range_of_dates_is_sent(proxy):
    for where, expected in {
        "at >= '2026/01/01 05:00:00+00' AND at <= '2026/01/01 09:00:00+00'": 5,
        "at = '2026-01-01T05:00:00Z'": 1,
        "at > '2026/04/14'": 28,
        "NOT (at > '2026/01/02')": 24,
        "name ILIKE '站 1_' OR name = 'x''y'": 10,
    }.items():
        proxy.forget()
        text = ogr(proxy, "ogrinfo", "-al", "-where", where, f"OAPIF:{proxy.url}", "station")
        assert text.count("OGRFeature(station)") == expected, where
        assert all(status == 200 for *_, status in proxy.seen), proxy.seen
        assert any("filter=" in p for p in paths(proxy)), where


def test_one_feature_by_its_id(proxy):
    text = ogr(proxy, "ogrinfo", "-al", "-fid", "7", f"OAPIF:{proxy.url}", "station")
    assert "OGRFeature(station):7" in text and "站 7" in text
    assert any(t.endswith("/station/items/7") for t in proxy.targets())


def test_csv_is_read_by_gdal(proxy, scratch):
    import http.client

    for layer, geometry in (("station", "Point"), ("ward", "Multi Polygon")):
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port)
        connection.request("GET", f"/ogc/collections/{layer}/items?f=csv", headers={"Authorization": f"Bearer {proxy.token}"})
        path = os.path.join(scratch, f"{layer}.csv")
        with open(path, "wb") as file:
            file.write(connection.getresponse().read())
        connection.close()
        options = ["-oo", "X_POSSIBLE_NAMES=lon", "-oo", "Y_POSSIBLE_NAMES=lat", "-oo", "GEOM_POSSIBLE_NAMES=WKT", "-oo", "AUTODETECT_TYPE=YES"]
        text = subprocess.run(["ogrinfo", "-al", path, *options], check=True, stdout=subprocess.PIPE, text=True).stdout
        assert f"{geometry.upper().replace(' ', '')} (" in text.upper(), text[:500]


# ---- QGIS ----

QGIS = """
import json, sys
from qgis.core import QgsApplication, QgsVectorLayer, QgsFeatureRequest, QgsRectangle, QgsSettings, QgsAuthMethodConfig
app = QgsApplication([], False)
app.initQgis()
manager = app.authManager()
manager.setMasterPassword("test", True)
config = QgsAuthMethodConfig("Basic")
config.setName("ww"); config.setConfig("username", "analyst"); config.setConfig("password", sys.argv[3])
assert manager.storeAuthenticationConfig(config)
uri = f"url='{sys.argv[1]}' typename='{sys.argv[2]}' pagingEnabled='true' restrictToRequestBBOX='1' authcfg={config.id()}"
layer = QgsVectorLayer(uri, "layer", "OAPIF")
assert layer.isValid(), layer.error().message()
out = {"crs": layer.crs().authid(), "count": layer.featureCount(), "fields": {f.name(): f.typeName() for f in layer.fields()}}
request = QgsFeatureRequest().setFilterRect(QgsRectangle(107, 29, 107.02, 29.01))
out["in_box"] = sorted(f["id"] for f in layer.getFeatures(request))
out["all"] = sum(1 for f in layer.getFeatures())
first = next(f for f in layer.getFeatures() if f["id"] == 7)
out["seven"] = [first["name"], first.geometry().asPoint().x(), first.geometry().asPoint().y()]
print("RESULT" + json.dumps(out))
"""


def test_qgis_opens_a_layer(proxy, scratch):
    pytest.importorskip("qgis.core") if sys.executable.startswith("/usr/bin") else pytest.skip("QGIS is there for Debian's own Python")
    home = os.path.join(scratch, "qgis")
    os.makedirs(home, exist_ok=True)
    environment = dict(os.environ, QT_QPA_PLATFORM="offscreen", HOME=home, XDG_RUNTIME_DIR=home, LC_ALL="C.UTF-8", QGIS_AUTH_DB_DIR_PATH=home)
    done = subprocess.run(["/usr/bin/python3", "-c", QGIS, proxy.url, "station", proxy.token], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    results = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    assert results, done.stdout + done.stderr
    out = json.loads(results[0][6:])
    assert out["all"] == 2500 and out["in_box"] == sorted(n for n in range(1, 2501) if n % 50 <= 5 and n // 50 <= 5)
    assert out["seven"] == ["站 7", pytest.approx(107.028), pytest.approx(29.0)]
    assert {"id", "ward", "value", "at", "name"} <= set(out["fields"])
    assert all(status == 200 for *_, status in proxy.seen), proxy.seen
    assert len([t for t in proxy.targets() if "/items" in t]) < 12, proxy.targets()


# ---- OWSLib ----


def test_owslib_reads_everything(proxy):
    features = pytest.importorskip("owslib.ogcapi.features")
    import warnings

    warnings.simplefilter("ignore")
    from owslib.util import Authentication

    for url in (proxy.url, proxy.url + "/"):
        api = features.Features(url, auth=Authentication(username="analyst", password=proxy.token))
        assert "station" in api.feature_collections()
        assert any("ogcapi-features-1" in c for c in api.conformance()["conformsTo"])
        assert api.api()["openapi"].startswith("3.0")
        assert api.collection("station")["title"] == "Stations"
        assert "value" in api.collection_queryables("station")["properties"]
        page = api.collection_items("station", limit=5, bbox=[107, 29, 107.02, 29.01])
        assert page["numberReturned"] == 5 and page["numberMatched"] == 35
        assert api.collection_item("station", "7")["properties"]["name"] == "站 7"
        cql = {"op": "and", "args": [{"op": "=", "args": [{"property": "ward"}, "W1"]}, {"op": ">", "args": [{"property": "value"}, 600]}]}
        found = api.collection_items("station", cql=json.dumps(cql) if isinstance(cql, str) else cql)
        assert found["numberMatched"] == 50
        with pytest.raises(RuntimeError, match="did you mean datetime"):
            api.collection_items("station", datetime_="2026-01-01T05:00:00Z")


# ---- FlatGeobuf ----


def test_flatgeobuf_is_the_layer_as_gdal_reads_it(proxy, database, scratch):
    import http.client

    database.sql(
        "CREATE TABLE layers.shapes (id integer PRIMARY KEY, name text, n bigint, x double precision, b boolean, j jsonb, at timestamptz, geom geometry(Geometry, 4490), ward text);"
        "INSERT INTO layers.shapes SELECT row_number() OVER (), '形 ' || k, 9007199254740993, 0.1, true, '{\"a\":[1]}', '2026-01-02T03:04:05.5Z', ST_GeomFromText(g, 4490), NULL FROM (VALUES "
        "('point', 'POINT(107 29)'), ('line', 'LINESTRING(107 29,108 30,109 30)'), ('polygon', 'POLYGON((0 0,9 0,9 9,0 9,0 0),(1 1,2 1,2 2,1 1))'), ('points', 'MULTIPOINT((1 2),(3 4))'),"
        "('lines', 'MULTILINESTRING((0 0,1 1),(2 2,3 3,4 4))'), ('polygons', 'MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 5,9 5,9 9,5 9,5 5),(6 6,7 6,7 7,6 6)))'),"
        "('collection', 'GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))'), ('nothing', NULL)) v(k, g)"
    )

    def download(target):
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port)
        connection.request("GET", target, headers={"Authorization": f"Bearer {proxy.token}"})
        response = connection.getresponse()
        path = os.path.join(scratch, "layer.fgb")
        with open(path, "wb") as file:
            file.write(response.read())
        connection.close()
        assert response.status == 200 and response.headers["Content-Type"] == "application/flatgeobuf"
        out = subprocess.run(["ogr2ogr", "-f", "GeoJSON", "/vsistdout/", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert out.returncode == 0 and not out.stderr, out.stderr
        info = subprocess.run(["ogrinfo", "-so", "-al", path], stdout=subprocess.PIPE, text=True).stdout
        return json.loads(out.stdout)["features"], info, response.headers

    features, info, _ = download("/ogc/collections/shapes/items?f=flatgeobuf")
    for row, feature in zip(database.sql("SELECT ST_AsGeoJSON(geom, 8, 0), name FROM layers.shapes ORDER BY id"), features, strict=True):
        assert feature["geometry"] == (json.loads(row[0]) if row[0] else None), row
        properties = feature["properties"]
        assert (properties["name"], properties["n"], properties["x"], properties["b"], properties["j"]) == (row[1], 9007199254740993, 0.1, True, {"a": [1]})
        assert properties["at"].startswith("2026-01-02T03:04:05.5") and properties.get("ward") is None
    assert 'ID["EPSG",4326]' in info
    swapped, info, _ = download("/ogc/collections/shapes/items?f=flatgeobuf&crs=http://www.opengis.net/def/crs/EPSG/0/4490&id=1")
    assert swapped[0]["geometry"]["coordinates"] == [107.0, 29.0] and 'ID["EPSG",4490]' in info
    whole, info, _ = download("/ogc/collections/station/items?f=flatgeobuf")
    assert [f["properties"]["id"] for f in whole] == list(range(1, 2501)) and "Geometry: Point" in info
    page, _, headers = download("/ogc/collections/station/items?f=flatgeobuf&limit=300")
    assert len(page) == 300 and headers["OGC-NumberMatched"] == "2500" and 'rel="next"' in headers["Link"]
    database.sql("DROP TABLE layers.shapes")
