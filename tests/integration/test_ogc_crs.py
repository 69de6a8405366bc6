"""OGC API - Features, Part 2: every system that a layer is offered in, against cs2cs, and which axis comes first."""

import subprocess
import urllib.parse

import pytest

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
# lon, lat of the places in the layers below; the first is a corner of the district.
PLACES = [(107.0, 29.0), (107.123456789, 29.0567891234), (106.99, 29.11)]
# Which axis the authority has first.
NORTH_FIRST = {"EPSG:4326": True, "EPSG:4490": True, "EPSG:4545": True, "EPSG:4524": True, "EPSG:3857": False, "EPSG:32648": False, CRS84: False}

SEED = "".join(
    f"CREATE TABLE layers.in_{srid} (id integer PRIMARY KEY, geom geometry(Point, {srid}), ward text);"
    + "".join(
        f"INSERT INTO layers.in_{srid} VALUES ({i}, ST_Transform(ST_SetSRID(ST_MakePoint({lon!r}, {lat!r}), 4326), {srid}), 'w');"
        for i, (lon, lat) in enumerate(PLACES)
    )
    for srid in (4326, 4490, 4545, 3857)
)


@pytest.fixture(scope="module")
def client(database, serve):
    database.sql(SEED + "CREATE TABLE layers.edge (id integer PRIMARY KEY, geom geometry(Polygon, 4490), ward text); INSERT INTO layers.edge VALUES (1, ST_MakeEnvelope(107, 29, 107.1, 29.03, 4490), 'w')")
    return serve(database).client(database.add_account("analyst", "analyst"))


def uri_of(name):
    return name if name.startswith("http") else f"http://www.opengis.net/def/crs/EPSG/0/{name.split(':')[1]}"


def get(client, layer, **params):
    return client.get(f"/ogc/collections/{layer}/items?{urllib.parse.urlencode(params)}")


def cs2cs(source, to, points):
    """Points through PROJ's own program, in the axis order of the authorities on both sides."""
    done = subprocess.run(["cs2cs", "-f", "%.10f", source, to], input="".join(f"{a!r} {b!r}\n" for a, b in points), stdout=subprocess.PIPE, text=True, check=True)
    return [tuple(float(v) for v in line.split()[:2]) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("layer", ["in_4326", "in_4490", "in_4545", "in_3857"])
def test_every_offered_system_is_as_proj_has_it(client, layer):
    collection = client.get(f"/ogc/collections/{layer}").json
    assert collection["crs"][0] == CRS84 and collection["storageCrs"] == uri_of("EPSG:" + layer[3:]) and collection["storageCrs"] in collection["crs"]
    assert {uri_of(name) for name in NORTH_FIRST} <= set(collection["crs"])
    for uri in collection["crs"]:
        answer = get(client, layer, crs=uri)
        assert answer.status == 200 and answer.headers["Content-Crs"] == f"<{uri}>"
        got = [tuple(f["geometry"]["coordinates"]) for f in answer.json["features"]]
        name = "OGC:CRS84" if uri == CRS84 else "EPSG:" + uri.rsplit("/", 1)[1]
        expected = cs2cs("OGC:CRS84", name, PLACES)
        tolerance = 1e-7 if abs(expected[0][0]) <= 180 else 1e-3
        for a, b in zip(got, expected):
            assert a == pytest.approx(b, abs=tolerance), (layer, uri)
        one = client.get(f"/ogc/collections/{layer}/items/1?crs={uri}")
        assert one.headers["Content-Crs"] == f"<{uri}>" and tuple(one.json["geometry"]["coordinates"]) == got[1]


@pytest.mark.parametrize("name", NORTH_FIRST)
def test_the_first_axis_is_the_authoritys(client, name):
    x, y = get(client, "in_4490", crs=uri_of(name)).json["features"][0]["geometry"]["coordinates"]
    north, east = (x, y) if NORTH_FIRST[name] else (y, x)
    ranges = {"EPSG:4545": ((3e6, 3.3e6), (3e5, 7e5)), "EPSG:4524": ((3e6, 3.3e6), (35.3e6, 36.7e6)), "EPSG:3857": ((3e6, 3.5e6), (11e6, 12e6)), "EPSG:32648": ((3e6, 3.3e6), (5e5, 8e5))}
    (low_n, high_n), (low_e, high_e) = ranges.get(name, ((28, 30), (106, 108)))
    assert low_n < north < high_n and low_e < east < high_e


def test_without_crs_it_is_crs84(client):
    answer = get(client, "in_4545")
    assert answer.headers["Content-Crs"] == f"<{CRS84}>"
    assert [tuple(f["geometry"]["coordinates"]) for f in answer.json["features"]] == [pytest.approx(p, abs=1e-7) for p in PLACES]


@pytest.mark.parametrize("layer", ["in_4326", "in_4490", "in_4545", "in_3857"])
def test_a_box_in_any_system_finds_the_same(client, layer):
    offered = client.get(f"/ogc/collections/{layer}").json["crs"]
    wanted = [f["id"] for f in get(client, layer, bbox="107.1,29.04,107.15,29.07").json["features"]]
    assert wanted == [1]
    for uri in offered:
        name = "OGC:CRS84" if uri == CRS84 else "EPSG:" + uri.rsplit("/", 1)[1]
        (a, b), (c, d) = cs2cs("OGC:CRS84", name, [(107.1, 29.04), (107.15, 29.07)])
        answer = get(client, layer, bbox=f"{a},{b},{c},{d}", **{"bbox-crs": uri})
        assert answer.status == 200 and [f["id"] for f in answer.json["features"]] == wanted, uri
        assert answer.headers["Content-Crs"] == f"<{CRS84}>"
    same = get(client, layer, bbox="107.1,29.04,107.15,29.07", **{"bbox-crs": CRS84})
    assert [f["id"] for f in same.json["features"]] == wanted


def test_a_box_is_not_widened_by_its_system(client, database):
    """West of its meridian the left side of a box in EPSG:4545 leans westwards: the envelope of its corners reaches the polygon
    in the south, the box does not."""
    for west, found in ((107.1004, 0), (107.0999, 1)):
        (a, b), (c, d) = cs2cs("OGC:CRS84", "EPSG:4545", [(west, 29.02), (107.2, 29.08)])
        assert database.value(f"SELECT count(*) FROM layers.edge WHERE ST_Intersects(ST_Transform(geom, 4545), ST_MakeEnvelope({b}, {a}, {d}, {c}, 4545))") == str(found)
        assert get(client, "edge", bbox=f"{a},{b},{c},{d}", **{"bbox-crs": uri_of("EPSG:4545")}).json["numberMatched"] == found


def test_a_box_beyond_the_world_holds_nothing(client):
    """A program without axis order sends longitude for latitude: no mistake of form."""
    answer = get(client, "in_4490", bbox="106,28,120,30", **{"bbox-crs": uri_of("EPSG:4326")})
    assert answer.status == 200 and answer.json["features"] == []
    assert get(client, "in_4490", bbox="28,106,30,108", **{"bbox-crs": uri_of("EPSG:4326")}).json["numberMatched"] == 3


def test_systems_go_by_several_names(client):
    expected = get(client, "in_4490", crs=uri_of("EPSG:4490")).json["features"]
    for name in ("urn:ogc:def:crs:EPSG::4490", "[EPSG:4490]", "EPSG:4490", "https://www.opengis.net/def/crs/EPSG/0/4490", "http://www.opengis.net/def/crs/EPSG/9.9.1/4490"):
        assert get(client, "in_4490", crs=name).json["features"] == expected, name
    for name in ("EPSG:4269", "EPSG:999999", "EPSG:0", "EPSG:", "nonsense", "http://www.opengis.net/def/crs/0/unsupported"):
        for path in ("in_4490/items", "in_4490/items/1"):
            answer = client.get(f"/ogc/collections/{path}?crs={urllib.parse.quote(name)}")
            assert answer.status == 400 and answer.json["error"]["field"] == "crs"


def test_csv_names_its_columns(client):
    assert get(client, "in_4490", f="csv", crs=uri_of("EPSG:4490")).text.splitlines()[1] == "0,0,w,107,29"
    head, first = get(client, "in_4490", f="csv", crs=uri_of("EPSG:4545")).text.splitlines()[:2]
    x, y = (float(v) for v in first.split(",")[-2:])
    assert head.endswith(",x,y") and 3e5 < x < 7e5 and 3e6 < y < 3.3e6
