"""GeoPackages of layers: as GDAL reads them, as the standard (OGC 12-128) wants them, and that nothing of them stays behind."""

import http.client
import json
import os
import socket
import sqlite3
import struct
import subprocess

import pytest

from conftest import wait_until

SEED = """
INSERT INTO ward (code, name_zh, name_en, geom) VALUES
  ('500115001', '甲街道', 'Ward A', ST_GeomFromText('MULTIPOLYGON(((107 29,107.1 29,107.1 29.1,107 29.1,107 29)))', 4490)),
  ('500115002', '乙BMARK', 'BMARK', ST_GeomFromText('MULTIPOLYGON(((107.1 29,107.2 29,107.2 29.1,107.1 29.1,107.1 29)))', 4490));
CREATE TABLE layers.shapes (id integer PRIMARY KEY, "ID" text, fid text, n bigint, x double precision, m numeric, b boolean, j jsonb, at timestamptz, d date,
                            geom geometry(Geometry, 4490), ward text);
INSERT INTO layers.shapes SELECT 10 * row_number() OVER (), '形 ' || k, k, 9007199254740993, 0.1, 1.25, true, '{"a":[1]}', '2026-01-02T03:04:05.5Z', '2026-01-02',
       ST_GeomFromText(g, 4490), '500115001' FROM (VALUES
  ('point', 'POINT(107 29)'), ('line', 'LINESTRING(107 29,108 30,109 30)'), ('polygon', 'POLYGON((0 0,9 0,9 9,0 9,0 0),(1 1,2 1,2 2,1 1))'), ('points', 'MULTIPOINT((1 2),(3 4))'),
  ('lines', 'MULTILINESTRING((0 0,1 1),(2 2,3 3,4 4))'), ('polygons', 'MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 5,9 5,9 9,5 9,5 5),(6 6,7 6,7 7,6 6)))'),
  ('collection', 'GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))'), ('nothing', NULL), ('empty', 'LINESTRING EMPTY')) v(k, g);
INSERT INTO layers.shapes (id, ward, geom) VALUES (500, '500115002', ST_SetSRID(ST_MakePoint(107.15, 29.05), 4490));
CREATE TABLE layers.high (id integer PRIMARY KEY, geom geometry(LineStringZ, 4490));
INSERT INTO layers.high VALUES (1, ST_GeomFromText('LINESTRING Z(1 2 3,4 5 6)', 4490));
CREATE TABLE layers.near (id integer PRIMARY KEY, geom geometry(Point, 4490));
INSERT INTO layers.near VALUES (1, ST_SetSRID(ST_MakePoint(107.15, 29.05), 4490));
CREATE TABLE layers.plain (code text PRIMARY KEY, note text);
INSERT INTO layers.plain VALUES ('a', 'x'), ('b', NULL);
CREATE TABLE layers.many (id bigint PRIMARY KEY, text text, geom geometry(Point, 4490));
INSERT INTO layers.many SELECT n, repeat(md5(n::text), 20), ST_SetSRID(ST_MakePoint(107 + n % 100 / 100.0, 29), 4490) FROM generate_series(1, 40000) n;
"""


@pytest.fixture(scope="module")
def seeded(database):
    database.sql(SEED)
    return database


@pytest.fixture(scope="module")
def server(seeded, serve, scratch_files):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", scratch_files)
        return serve(seeded)


@pytest.fixture(scope="module")
def scratch_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    os.chmod(folder, 0o755)
    return str(folder)


@pytest.fixture(scope="module")
def admin(seeded, server):
    client = server.client(seeded.add_account("root", "admin"))
    wait_until(lambda: client.get("/api/v1/session").status == 200, "the account to be known")
    return client


@pytest.fixture
def download(admin, scratch):
    def get(target, client=admin):
        answer = client.get(f"/ogc/collections/{target}")
        assert answer.status == 200 and answer.headers["Content-Type"] == "application/geopackage+sqlite3", answer.text
        path = os.path.join(scratch, "layer.gpkg")
        with open(path, "wb") as file:
            file.write(answer.body)
        return path, answer

    return get


def features(path):
    out = subprocess.run(["ogr2ogr", "-f", "GeoJSON", "-preserve_fid", "/vsistdout/", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert out.returncode == 0 and not out.stderr, out.stderr
    return json.loads(out.stdout)["features"]


def test_gdal_reads_every_shape_and_value(seeded, download):
    path, answer = download("shapes/items?f=gpkg")
    found = features(path)
    rows = seeded.sql('SELECT id, ST_AsGeoJSON(geom, 8, 0), "ID" FROM layers.shapes ORDER BY id')
    assert [f["id"] for f in found] == [int(r[0]) for r in rows], "the layer's own key is the primary key"
    for (_, geometry, name), feature in zip(rows, found, strict=True):
        if name == "形 empty":
            assert not feature["geometry"] or feature["geometry"]["coordinates"] == []
        else:
            assert feature["geometry"] == (json.loads(geometry) if geometry else None)
    p = found[0]["properties"]
    assert (p["ID_2"], p["fid_2"], p["n"], p["x"], p["m"], p["b"]) == ("形 point", "point", 9007199254740993, 0.1, 1.25, True), p
    assert p["at"].startswith("2026-01-02T03:04:05.5") and p["d"] in ("2026-01-02", "2026/01/02") and json.loads(p["j"]) == {"a": [1]} if isinstance(p["j"], str) else p["j"] == {"a": [1]}
    info = subprocess.run(["ogrinfo", "-al", "-so", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert info.returncode == 0 and "ERROR" not in info.stderr + info.stdout and "Warning" not in info.stderr, info.stderr
    assert 'ID["EPSG",4326]' in info.stdout and "Feature Count: 10" in info.stdout
    assert "attachment" in answer.headers["Content-Disposition"]


def test_the_file_is_what_the_standard_says(download):
    path, _ = download("shapes/items?f=gpkg")
    with open(path, "rb") as file:
        head = file.read(100)
    assert head[:16] == b"SQLite format 3\0" and head[68:72] == b"GPKG" and struct.unpack(">I", head[60:64]) == (10300,)
    assert os.path.getsize(path) == struct.unpack(">H", head[16:18])[0] * struct.unpack(">I", head[28:32])[0]
    db = sqlite3.connect(path)
    one = lambda sql: db.execute(sql).fetchall()
    assert one("PRAGMA integrity_check") == [("ok",)] and one("PRAGMA foreign_key_check") == []
    assert one("SELECT srs_id, organization, organization_coordsys_id FROM gpkg_spatial_ref_sys ORDER BY 1") == [(-1, "NONE", -1), (0, "NONE", 0), (4326, "EPSG", 4326)]
    assert one("SELECT table_name, data_type, identifier, srs_id, min_x, min_y, max_x, max_y FROM gpkg_contents") == [("shapes", "features", "shapes", 4326, 0, 0, 109, 30)]
    assert one("SELECT * FROM gpkg_geometry_columns") == [("shapes", "geom", "GEOMETRY", 4326, 2, 0)]
    assert one("SELECT last_change GLOB '????-??-??T??:??:??.???Z' FROM gpkg_contents") == [(1,)]
    columns = one("PRAGMA table_info(shapes)")
    assert columns[0][1:3] == ("fid", "INTEGER") and columns[0][5] == 1 and columns[1][1:3] == ("geom", "GEOMETRY")
    blob = one("SELECT geom FROM shapes WHERE fid = 20")[0][0]  # the line
    assert blob[:4] == b"GP\x00\x03" and struct.unpack("<i4d", blob[4:40]) == (4326, 107, 109, 29, 30)
    db.close()


@pytest.mark.parametrize("target", ["shapes/items?f=gpkg&filter=id%20%3C%3E%2090", "high/items?f=gpkg", "plain/items?f=gpkg", "ward/items?f=gpkg&crs=http://www.opengis.net/def/crs/EPSG/0/4490"],
                         ids=["shapes", "high", "plain", "ward"])
def test_gdals_validator_finds_no_fault(download, target):
    """Without the empty line: the validator of GDAL 3.6 looks for the mark of empty geometries at another bit than the standard, and GDAL itself, have it."""
    path, _ = download(target)
    done = subprocess.run(["/usr/bin/python3", "-m", "osgeo_utils.samples.validate_gpkg", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0 and "Traceback" not in done.stdout, done.stdout


@pytest.mark.parametrize("code", ["4490", "4545", "4524", "3857", "32648"])
def test_x_is_first_in_every_system_and_gdal_knows_it(seeded, download, code):
    """EPSG:4490, 4545 and 4524 have the northing first by their authority, 3857 and 32648 the easting."""
    path, answer = download(f"near/items?f=gpkg&crs=http://www.opengis.net/def/crs/EPSG/0/{code}")
    db = sqlite3.connect(path)
    (blob,) = db.execute("SELECT geom FROM near").fetchone()
    assert db.execute("SELECT srs_id, min_x < max_x + 1 FROM gpkg_contents").fetchone() == (int(code), 1)
    ((definition,),) = db.execute("SELECT definition FROM gpkg_spatial_ref_sys WHERE srs_id = ?", (int(code),)).fetchall()
    db.close()
    assert definition.startswith(("GEOGCS[", "PROJCS[")) and f"/{code}" in answer.headers["Content-Crs"]
    (wanted,) = seeded.sql(f"SELECT ST_X(g), ST_Y(g) FROM (SELECT ST_Transform(geom, {code}) g FROM layers.near) t")
    assert struct.unpack("<2d", blob[-16:]) == pytest.approx([float(v) for v in wanted], abs=0.01 if int(code) != 4490 else 1e-9)
    back = subprocess.run(["ogr2ogr", "-f", "GeoJSON", "-t_srs", "OGC:CRS84", "/vsistdout/", path], stdout=subprocess.PIPE, text=True).stdout
    assert json.loads(back)["features"][0]["geometry"]["coordinates"] == pytest.approx([107.15, 29.05], abs=1e-6)


def test_filters_boxes_and_pages_are_those_of_the_layer(download, admin):
    path, _ = download("shapes/items?f=gpkg&filter=n%20IS%20NULL&properties=ward")
    assert [f["id"] for f in features(path)] == [500] and list(features(path)[0]["properties"]) == ["ward"]
    path, _ = download("shapes/items?f=gpkg&bbox=107.1,29,107.2,29.1&limit=1000")
    assert 500 in [f["id"] for f in features(path)]
    path, answer = download("shapes/items?f=gpkg&limit=3")
    assert len(features(path)) == 3 and answer.headers["OGC-NumberMatched"] == "10" and 'rel="next"' in answer.headers["Link"]
    path, _ = download("shapes/items?f=gpkg&filter=id%3C0")
    assert features(path) == []
    assert admin.get("/ogc/collections/shapes/items?f=gpkg&bbox=1").status == 400


def test_heights_are_kept(download):
    path, _ = download("high/items?f=gpkg")
    assert features(path)[0]["geometry"] == {"type": "LineString", "coordinates": [[1, 2, 3], [4, 5, 6]]}


def test_a_layer_without_geometry_is_a_table_of_attributes(download):
    path, _ = download("plain/items?f=gpkg")
    db = sqlite3.connect(path)
    assert db.execute("SELECT data_type FROM gpkg_contents").fetchall() == [("attributes",)]
    assert db.execute("SELECT fid, code, note FROM plain").fetchall() == [(1, "a", "x"), (2, "b", None)]
    db.close()
    info = subprocess.run(["ogrinfo", "-al", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "Feature Count: 2" in info.stdout and not info.stderr


def test_a_reader_of_one_ward_gets_that_ward(seeded, server, download):
    viewer = server.client(seeded.add_account("vera", "viewer", ["500115001"]))
    wait_until(lambda: viewer.get("/api/v1/session").status == 200, "the account to be known")
    path, _ = download("shapes/items?f=gpkg", viewer)
    assert 500 not in [f["id"] for f in features(path)] and len(features(path)) == 9
    with open(download("ward/items?f=gpkg", viewer)[0], "rb") as file:
        assert b"BMARK" not in file.read()


def files_of(server):
    return [name for name in (os.readlink(f"/proc/{server.process.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{server.process.pid}/fd") if os.path.islink(f"/proc/{server.process.pid}/fd/{fd}")) if "wardwatch-" in name]


def test_a_large_layer_comes_whole_and_no_file_stays(server, download, scratch_files):
    path, answer = download("many/items?f=gpkg")
    db = sqlite3.connect(path)
    assert db.execute("SELECT count(*), sum(fid), sum(length(text)) FROM many").fetchone() == (40000, 40000 * 40001 // 2, 40000 * 640)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    assert answer.headers.get("Transfer-Encoding") == "chunked"
    assert os.listdir(scratch_files) == [] and files_of(server) == []


def test_a_client_that_hangs_up_leaves_no_file(server, admin, scratch_files):
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sendall(f"GET /ogc/collections/many/items?f=gpkg HTTP/1.1\r\nHost: x\r\nAuthorization: {admin.headers['Authorization']}\r\n\r\n".encode())
    assert connection.recv(9) == b"HTTP/1.1 "  # it is being sent
    assert len(files_of(server)) == 1 and os.listdir(scratch_files) == [], "the file has no name"
    connection.close()
    wait_until(lambda: files_of(server) == [], "the file to be closed")
