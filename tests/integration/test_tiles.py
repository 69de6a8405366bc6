"""Live vector tiles: what is in them, who sees what, when they change, and what a real client makes of them."""

import gzip
import json
import os
import subprocess
import sys

import pytest

from conftest import ROOT, wait_until
from test_api import SEED, add_alert

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import mvt  # noqa: E402

# Ward A is 107 to 107.1 E, 29 to 29.1 N: both wards are in this tile of zoom 10, each alone in one of zoom 12.
BOTH = "10/816/425"


def tile_of(lon, lat, zoom):
    import math

    n = 1 << zoom
    return f"{zoom}/{int((lon + 180) / 360 * n)}/{int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n)}"


A1 = tile_of(107.03, 29.03, 14)
B1 = tile_of(107.13, 29.03, 14)


@pytest.fixture(scope="module")
def seeded(database):
    database.sql(SEED)
    add_alert(database, 1, 1, severity=3)
    add_alert(database, 2, 2, severity=4)
    return database


@pytest.fixture(scope="module")
def server(seeded, serve):
    server = serve(seeded)
    wait_until(lambda: "map=loaded" in server.log(), "the live map to be loaded")
    return server


def client_of(seeded, server, name, role, wards=None):
    client = server.client(seeded.add_account(name, role, wards))
    wait_until(lambda: client.get("/api/v1/session").status == 200, "the account to be known")
    return client


@pytest.fixture(scope="module")
def admin(seeded, server):
    return client_of(seeded, server, "root", "admin")


@pytest.fixture(scope="module")
def viewer_a(seeded, server):
    return client_of(seeded, server, "vera", "viewer", ["500115001"])


def features(client, layer, tile):
    answer = client.get(f"/tiles/{layer}/{tile}.mvt")
    assert answer.status in (200, 204), answer.text
    assert answer.status == 204 or answer.headers["Content-Type"] == "application/vnd.mapbox-vector-tile"
    return mvt.read(answer.body).get(layer, []) if answer.status == 200 else []


def test_a_tile_shows_things_with_their_newest_values_and_worst_alert(admin):
    ((id, kind, properties, paths),) = features(admin, "thing", A1)
    assert (id, kind) == (1, 1) and len(paths) == 1
    # 666 is newer, but it was measured in ward B: who sees A1 need not see that.
    assert properties["key"] == "A1" and properties["test_cod"] == 24 and properties["ward"] == "500115001"
    assert properties["severity"] == 3 and properties["time"] == 1780358400000 and properties["class"] == "outfall"


def test_wards_come_with_their_area_and_count_of_alerts(admin):
    found = {f[2]["code"]: f for f in features(admin, "ward", BOTH)}
    assert set(found) == {"500115001", "500115002"}
    assert found["500115002"][2]["alerts"] == 1 and found["500115002"][2]["severity"] == 4 and found["500115001"][2]["name_zh"] == "甲街道"
    right = max(x for x, _ in found["500115001"][3][0])
    assert right == min(x for x, _ in found["500115002"][3][0]), "no gap between neighbours"


def test_alerts_are_points_and_go_when_they_are_cleared(seeded, admin):
    alert = add_alert(seeded, 1, 4, severity=2)  # its thing has no place: it stands at the seat of its ward
    seat = tile_of(107.05, 29.05, 14)
    wait_until(lambda: any(f[0] == alert and f[2]["severity"] == 2 and f[2]["rule"] == "cod-high" for f in features(admin, "alert", seat)), "the alert on the map")
    assert [f[2]["alerts"] for f in features(admin, "ward", BOTH) if f[2]["code"] == "500115001"] == [2]
    seeded.sql(f"UPDATE alert SET state = 'cleared', cleared_at = now() WHERE id = {alert};"
               f"INSERT INTO alert_event (alert_id, ward_id, kind, at) VALUES ({alert}, 1, 'cleared', now())")
    wait_until(lambda: features(admin, "alert", seat) == [], "the alert to leave the map")
    assert [f[2]["alerts"] for f in features(admin, "ward", BOTH) if f[2]["code"] == "500115001"] == [1]


def test_a_reader_of_one_ward_sees_its_rows_only_in_every_tile(admin, viewer_a):
    for zoom in range(0, 17):
        for lon, lat in ((107.03, 29.03), (107.13, 29.03), (107.1, 29.05)):
            for layer in ("thing", "alert", "ward"):
                tile = tile_of(lon, lat, zoom)
                for _, _, properties, _ in features(viewer_a, layer, tile):
                    assert properties.get("ward", properties.get("code")) in ("500115001", None), (layer, tile, properties)
                    assert "BMARK" not in json.dumps(properties, ensure_ascii=False) and properties.get("count", 1) == 1
                    assert properties.get("severity", 0) <= 3
    assert features(viewer_a, "thing", B1) == [] and len(features(admin, "thing", B1)) == 1


def test_without_a_token_there_are_no_tiles(server):
    assert server.client().get(f"/tiles/thing/{A1}.mvt").status == 401
    assert server.client().get("/tiles/thing.json").status == 401


def test_the_etag_stays_until_the_tile_changes_and_is_that_of_both_codings(admin):
    packed = admin.get(f"/tiles/thing/{A1}.mvt", headers={"Accept-Encoding": "gzip"})
    plain = admin.get(f"/tiles/thing/{A1}.mvt", headers={"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip" and gzip.decompress(packed.body) == plain.body
    assert packed.headers["ETag"] == plain.headers["ETag"] and "private" in plain.headers["Cache-Control"]
    again = admin.get(f"/tiles/thing/{A1}.mvt", headers={"If-None-Match": packed.headers["ETag"]})
    assert again.status == 304 and again.body == b""
    empty = admin.get(f"/tiles/thing/{tile_of(0, 0, 14)}.mvt")
    assert empty.status == 204 and empty.headers["ETag"]


def send(admin, key, value, time):
    answer = admin.ingest("water", json.dumps({"s": key, "v": value, "t": time}))
    assert answer.status == 200, answer.text


def test_a_commit_changes_its_tiles_and_no_other(seeded, admin, viewer_a):
    """The page is told which; each reader of what it sees."""
    b_before = admin.get(f"/tiles/thing/{B1}.mvt").headers["ETag"]
    hits = lambda: int(metric(admin, "wardwatch_tile_cache_hits_total"))  # noqa: E731
    with admin.events("/api/v1/events?tiles=1") as all_events, viewer_a.events("/api/v1/events?tiles=1") as a_events:
        all_events.next_raw(), a_events.next_raw()
        send(admin, "B1-BMARK", 91.5, "2026-07-01T00:00:00Z")
        event = all_events.next()
        assert event["event"] == "tiles" and event["data"] == {"layer": "thing", "tiles": [B1]} and "id" not in event
        ((_, _, properties, _),) = features(admin, "thing", B1)
        assert properties["test_cod"] == 91.5
        assert admin.get(f"/tiles/thing/{B1}.mvt").headers["ETag"] != b_before
        send(admin, "A1", 12.25, "2026-07-01T00:00:00Z")
        event = all_events.next()
        while event["data"] == {"layer": "thing", "tiles": [B1]}:
            event = all_events.next()  # how the sender is was told apart from what it sent
        assert event["data"]["tiles"] == [A1]
        event = a_events.next()  # the first that the reader of ward A is told of
        assert event["event"] == "tiles" and event["data"] == {"layer": "thing", "tiles": [A1]}
    features(admin, "thing", B1)
    before = hits()
    send(admin, "A1", 12.5, "2026-07-01T01:00:00Z")
    wait_until(lambda: features(admin, "thing", A1)[0][2]["test_cod"] == 12.5, "the new value in the tile")
    features(admin, "thing", B1)
    assert hits() > before, "the other tile stayed in the cache"


def metric(admin, name):
    for line in admin.get("/metrics").text.splitlines():
        if line.split(" ")[0] == name:
            return line.split(" ")[1]
    raise AssertionError(f"no metric {name}")


def test_a_late_value_does_not_replace_a_newer_one_and_a_correction_does(admin):
    send(admin, "A1", 5, "2026-07-02T00:00:00Z")
    send(admin, "A1", 6, "2026-06-03T00:00:00Z")
    send(admin, "A1", 7, "2026-07-02T00:00:00Z")
    wait_until(lambda: features(admin, "thing", A1)[0][2]["test_cod"] == 7, "the corrected value")


def test_clusters_show_count_and_worst_state_of_what_is_seen(admin, viewer_a):
    clusters = features(admin, "thing", "0/0/0")
    assert len(clusters) == 1 and clusters[0][2]["count"] == 2 and clusters[0][2]["severity"] == 4
    ((_, _, properties, _),) = features(viewer_a, "thing", "0/0/0")
    assert "count" not in properties and properties["key"] == "A1" and properties["severity"] == 3


@pytest.mark.parametrize(
    "path, status",
    [("thing/0/1/0.mvt", 404), ("thing/17/0/0.mvt", 404), ("thing/-1/0/0.mvt", 400), ("thing/a/0/0.mvt", 400), ("thing/3/8/0", 404), ("nope/0/0/0.mvt", 404),
     ("thing/3/1/99999999999999999999.mvt", 400), ("thing/0/0/0.pbf", 200), ("thing/0/0/0", 200), ("nope.json", 404)],
)
def test_what_is_no_tile_is_refused_with_a_reason(admin, path, status):
    answer = admin.get(f"/tiles/{path}")
    assert answer.status == status
    assert status == 200 or answer.json["error"]["message"]


def test_tilejson_says_where_the_tiles_are_and_what_is_in_them(server, admin):
    answer = admin.get("/tiles/thing.json")
    assert answer.status == 200 and answer.json["tilejson"] == "3.0.0"
    assert answer.json["tiles"][0].startswith("http://") and answer.json["tiles"][0].endswith("/tiles/thing/{z}/{x}/{y}.mvt")
    (layer,) = answer.json["vector_layers"]
    assert layer["id"] == "thing" and layer["fields"]["test_cod"] == "Number" and layer["fields"]["key"] == "String"
    west, south, east, north = answer.json["bounds"]
    assert abs(west - 107) < 1e-4 and abs(south - 29) < 1e-4 and abs(east - 107.2) < 1e-4 and abs(north - 29.1) < 1e-4


def test_a_real_client_reads_the_tile(admin, tmp_path):
    """GDAL's own MVT driver finds the place of A1 where it is."""
    z, x, y = A1.split("/")
    folder = tmp_path / z / x
    folder.mkdir(parents=True)
    (folder / f"{y}.pbf").write_bytes(admin.get(f"/tiles/thing/{A1}.mvt", headers={"Accept-Encoding": "identity"}).body)
    done = subprocess.run(["ogrinfo", "-ro", "-al", str(folder / f"{y}.pbf")], check=True, stdout=subprocess.PIPE, text=True)
    assert "Layer name: thing" in done.stdout and "key (String) = A1" in done.stdout
    x_m, y_m = done.stdout.split("POINT (")[1].split(")")[0].split()
    assert abs(float(x_m) - 11914525.0) < 1000 and abs(float(y_m) - 3378000.0) < 10000


def test_a_thing_that_registers_itself_comes_onto_the_map(seeded, admin):
    seeded.sql("""INSERT INTO feed (name, title, config) VALUES ('people', 'People', '{"format":"ndjson","thing":"s","register":true,
        "property":{"const":"test_cod"},"value":"v","time":"t","unit":{"const":"mg/L"},"place":{"x":"x","y":"y"},"thing_class":"class"}')""")
    seeded.sql("NOTIFY ww_catalog")
    row = json.dumps({"s": "P1", "v": 3, "t": "2026-07-03T00:00:00Z", "x": 107.055, "y": 29.055})
    wait_until(lambda: admin.ingest("people", row).status == 200, "the new feed")
    tile = tile_of(107.055, 29.055, 15)
    wait_until(lambda: any(f[2].get("key") == "P1" for f in features(admin, "thing", tile)), "the new thing on the map")


def test_a_thing_says_how_it_is_as_a_sender_and_what_its_newest_value_is_marked_with(seeded, admin, viewer_a):
    """What is sent here is months old: that is late."""
    seeded.sql("""INSERT INTO feed (name, title, config) VALUES ('marked', 'Marked', '{"format":"ndjson","thing":"s","register":true,"property":{"const":"test_cod"},
        "value":"v","time":"t","unit":{"const":"mg/L"},"place":{"x":"x","y":"y"},"thing_class":"class","expected_step_s":60,"quality":{"field":"q","map":{"ok":"N","cal":"C"},"default":"N"}}')""")
    seeded.sql("NOTIFY ww_catalog")
    tile = tile_of(107.065, 29.065, 16)

    def tell(value, hour, mark):
        row = json.dumps({"s": "M1", "v": value, "t": f"2026-07-03T0{hour}:00:00Z", "x": 107.065, "y": 29.065, "q": mark})
        wait_until(lambda: admin.ingest("marked", row).status == 200, "the feed")

    def shows(value, flag):
        wait_until(lambda: [(f[2].get("test_cod"), f[2].get("flag")) for f in features(admin, "thing", tile)] == [(value, flag)], f"{value} marked {flag}")

    tell(3, 1, "cal")
    shows(3, "C")
    tell(4, 2, "ok")
    shows(4, None)
    tell(5, 3, "cal")
    shows(5, "C")
    state = lambda: [(f[2].get("health"), f[2].get("ill")) for f in features(admin, "thing", tile)]  # noqa: E731
    wait_until(lambda: state() == [("late", 1)], "the sender to be late")
    assert features(admin, "thing", A1)[0][2]["health"] == "unknown" and "ill" not in features(admin, "thing", A1)[0][2], "nobody knows how often it should speak"
    for reader in (admin, viewer_a):
        (cluster,) = features(reader, "thing", "0/0/0")
        assert cluster[2]["count"] > cluster[2]["ill"] == 1


# ---- Layers that are not live, and filters: drawn by PostGIS ----


@pytest.fixture(scope="module")
def operator_layer(seeded, admin):
    """What an operator adds: seen without a restart."""
    seeded.sql("""CREATE TABLE layers.parcel (id integer PRIMARY KEY, name text, area_m2 double precision, ward text, geom geometry(Polygon, 4326));
        INSERT INTO layers.parcel SELECT n, 'P' || n, n * 10.5, CASE WHEN n <= 2 THEN '500115001' ELSE '500115002' END,
            ST_MakeEnvelope(107.03 + n * 0.02, 29.03, 107.04 + n * 0.02, 29.04, 4326) FROM generate_series(1, 4) n;
        GRANT SELECT ON layers.parcel TO wardwatch_reader""")
    wait_until(lambda: admin.get("/ogc/collections/parcel").status == 200, "the operator's layer")


def test_a_table_of_the_operator_is_a_tile_layer_as_each_reader_may_see_it(operator_layer, admin, viewer_a):
    found = features(admin, "parcel", BOTH)
    assert sorted(f[2]["name"] for f in found) == ["P1", "P2", "P3", "P4"] and all(f[1] == 3 for f in found)
    assert sorted(f[0] for f in found) == [1, 2, 3, 4] and found[0][2]["area_m2"] == found[0][0] * 10.5
    assert sorted(f[2]["name"] for f in features(viewer_a, "parcel", BOTH)) == ["P1", "P2"]


def test_tiles_take_the_filters_of_items(operator_layer, admin):
    def names(query):
        answer = admin.get(f"/tiles/parcel/{BOTH}.mvt?{query}")
        assert answer.status in (200, 204), answer.text
        return sorted(f[2]["name"] for f in mvt.read(answer.body)["parcel"]) if answer.status == 200 else []

    assert names("filter=area_m2%20%3E%2025") == ["P3", "P4"]
    assert names("name=P2") == ["P2"]
    assert names("filter=area_m2%20%3E%20999") == []
    only = mvt.read(admin.get(f"/tiles/parcel/{BOTH}.mvt?properties=name").body)["parcel"]
    assert all(set(f[2]) == {"name"} for f in only)
    assert admin.get(f"/tiles/parcel/{BOTH}.mvt?filter=nope%20%3D%201").status == 400
    assert admin.get(f"/tiles/thing/{A1}.mvt?filter=key%20%3D%20'A1'").status == 200, "a live layer with a filter comes from the database"


def test_a_table_tile_is_what_postgis_makes_of_it(operator_layer, seeded, admin):
    z, x, y = BOTH.split("/")
    want = seeded.value(f"""SELECT count(*) FROM layers.parcel WHERE ST_Transform(geom, 3857) && ST_TileEnvelope({z},{x},{y})""")
    assert len(features(admin, "parcel", BOTH)) == int(want)
    answer = admin.get(f"/tiles/parcel/{BOTH}.mvt")
    assert admin.get(f"/tiles/parcel/{BOTH}.mvt", headers={"If-None-Match": answer.headers["ETag"]}).status == 304
    assert admin.get("/tiles/parcel/10/0/0.mvt").status == 204


def test_ogc_api_tiles_names_row_before_column(operator_layer, admin):
    collection = admin.get("/ogc/collections/parcel").json
    (link,) = [link for link in collection["links"] if link["rel"].endswith("tilesets-vector")]
    tilesets = admin.get(link["href"][link["href"].index("/ogc") :]).json["tilesets"]
    assert tilesets[0]["tileMatrixSetURI"].endswith("WebMercatorQuad") and tilesets[0]["dataType"] == "vector"
    (item,) = [link for link in tilesets[0]["links"] if link["rel"] == "item"]
    z, x, y = BOTH.split("/")
    address = item["href"].replace("{tileMatrix}", z).replace("{tileRow}", y).replace("{tileCol}", x)
    assert item["templated"] is True
    answer = admin.get(address[address.index("/ogc") :])
    assert answer.status == 200 and answer.headers["Content-Type"] == item["type"] and len(mvt.read(answer.body)["parcel"]) == 4
    assert admin.get(f"/ogc/collections/parcel/tiles/WebMercatorQuad/{z}/{x}/{y}").status in (204, 404), "column before row is another tile"
    read = lambda: admin.get("/ogc/collections/parcel/tiles/WebMercatorQuad").json  # noqa: E731
    whole = wait_until(lambda: read() if "boundingBox" in read() else None, "its extent, which is counted after it is served")
    assert whole["crs"].endswith("3857") and whole["boundingBox"]["lowerLeft"][0] == pytest.approx(107.05)
    assert admin.get("/ogc/collections/parcel/tiles/Other").status == 404
    assert admin.get("/ogc/collections/nope/tiles").status == 404
    assert "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/mvt" in admin.get("/ogc/conformance").json["conformsTo"]


def test_tilejson_of_a_table_says_what_is_in_it(operator_layer, admin):
    answer = admin.get("/tiles/parcel.json")
    assert answer.status == 200 and answer.json["vector_layers"][0]["fields"]["area_m2"] == "Number"
    assert answer.json["tiles"][0].endswith("/tiles/parcel/{z}/{x}/{y}.mvt") and "/ogc" not in answer.json["tiles"][0]
    assert admin.get("/tiles/nope.json").status == 404
