"""A datastream over time in buckets and as a chart shows it: against the readings themselves, counted again in Python."""

import csv
import datetime
import io
import math
import zoneinfo

import pytest

from conftest import wait_until
from test_api import SEED

DAYS = 3
FROM, TO = "2026-06-10T00:00:00Z", f"2026-06-{10 + DAYS}T00:00:00Z"


def value(minute):
    return round(20 + 10 * math.sin(minute / 97) + (500 if minute == 2001 else 0) + minute % 7, 3)


@pytest.fixture(scope="module")
def seeded(database):
    """Datastream 1 by minutes over three days; a correction, one reading of ward B, some marked as calibrations."""
    database.sql(SEED)
    rows = ",".join(f"(1, '2026-06-10T00:00:00Z'::timestamptz + interval '{m} minutes', 1, NULL::bigint, {value(m)}, 0, {2 if m == 77 else 1}, 1, '{'C' if m % 500 == 0 else 'N'}'::\"char\", NULL::jsonb)"
                    for m in range(DAYS * 1440) if m % 1440 != 700)
    database.sql(f"INSERT INTO observation VALUES {rows};"
                 "INSERT INTO observation VALUES (1, '2026-06-10T00:10:00Z', 2, NULL, 99, 0, 1, 2, 'N', NULL)")
    return database


def readings(ward_b=True, flags=None):
    """As the newest versions are: (moment, value)."""
    start = datetime.datetime(2026, 6, 10, tzinfo=datetime.timezone.utc)
    for m in range(DAYS * 1440):
        flag = "C" if m % 500 == 0 else "N"
        if m % 1440 == 700 or (m == 77 and not ward_b) or (flags and flag not in flags):
            continue
        yield start + datetime.timedelta(minutes=m), 99.0 if m == 10 else value(m)


@pytest.fixture(scope="module")
def server(seeded, serve):
    return serve(seeded)


@pytest.fixture(scope="module")
def admin(seeded, server):
    return client_of(seeded, server, "root", "admin")


@pytest.fixture(scope="module")
def viewer_a(seeded, server):
    return client_of(seeded, server, "vera", "viewer", ["500115001"])


def client_of(seeded, server, name, role, wards=None):
    client = server.client(seeded.add_account(name, role, wards))
    wait_until(lambda: client.get("/api/v1/session").status == 200, "the account to be known")
    return client


def buckets(client, query):
    return client.pages(f"/api/v1/observations/buckets?datastream=1&from={FROM}&to={TO}&{query}")


def by(rows, start_of):
    """What the buckets must be: readings grouped by where each one's bucket starts."""
    groups = {}
    for at, v in rows:
        groups.setdefault(start_of(at), []).append(v)
    return [(start, len(v), min(v), max(v), sum(v) / len(v), v[0], v[-1]) for start, v in sorted(groups.items())]


def same(items, wanted):
    assert [datetime.datetime.fromisoformat(i["start"]) for i in items] == [w[0] for w in wanted]
    for item, (_, n, low, high, mean, first, last) in zip(items, wanted):
        assert (item["count"], item["min"], item["max"], item["first"], item["last"]) == (n, low, high, first, last), item
        assert math.isclose(item["mean"], mean, rel_tol=1e-12)


def floor_to(seconds):
    return lambda at: datetime.datetime.fromtimestamp(at.timestamp() // seconds * seconds, datetime.timezone.utc)


def local_day(zone):
    def start(at):
        day = at.astimezone(zoneinfo.ZoneInfo(zone)).replace(hour=0, minute=0)
        return day.astimezone(datetime.timezone.utc)

    return start


@pytest.mark.parametrize(
    "query, start_of",
    [
        ("width=PT1H&limit=1000", floor_to(3600)),
        ("width=PT15M&limit=50", floor_to(900)),
        ("width=P1D", local_day("UTC")),
        ("width=P1D&zone=Asia/Shanghai&limit=1", local_day("Asia/Shanghai")),
        ("width=P1D&zone=America/St_Johns", local_day("America/St_Johns")),
        ("points=36", floor_to(7200)),
        ("width=P1W", lambda at: datetime.datetime(2026, 6, 8, tzinfo=datetime.timezone.utc)),
        ("width=P1M&zone=Asia/Shanghai", lambda at: datetime.datetime(2026, 5, 31, 16, tzinfo=datetime.timezone.utc)),
        ("width=P3M", lambda at: datetime.datetime(2026, 4, 1, tzinfo=datetime.timezone.utc)),
    ],
    ids=range(9),
)
def test_buckets_are_the_readings_grouped(admin, query, start_of):
    same(buckets(admin, query), by(readings(), start_of))


def test_a_bucket_holds_what_its_reader_may_see_and_the_flags_that_are_asked_for(admin, viewer_a):
    same(buckets(viewer_a, "width=PT1H&limit=1000"), by(readings(ward_b=False), floor_to(3600)))
    same(buckets(admin, "width=PT1H&flags=N&limit=1000"), by(readings(flags="N"), floor_to(3600)))
    answer = viewer_a.get(f"/api/v1/observations/buckets?datastream=2&from={FROM}&to={TO}&width=P1D")
    assert answer.status == 200 and answer.json["items"] == []


def column_of(at, columns):
    start = datetime.datetime.fromisoformat(FROM)
    whole = datetime.datetime.fromisoformat(TO) - start
    return (at - start) * columns // whole


def m4(rows, columns):
    groups = {}
    for at, v in rows:
        groups.setdefault(column_of(at, columns), []).append((at, v))
    points = []
    for group in groups.values():
        low, high = min(v for _, v in group), max(v for _, v in group)
        keep = {0, len(group) - 1, next(i for i, p in enumerate(group) if p[1] == low), next(i for i, p in enumerate(group) if p[1] == high)}
        points += [group[i] for i in sorted(keep)]
    return points


@pytest.mark.parametrize("columns", [1, 90, 800])
def test_a_chart_keeps_first_smallest_largest_and_last_of_each_column(admin, viewer_a, columns):
    for client, ward_b in ((admin, True), (viewer_a, False)):
        answer = client.get(f"/api/v1/observations/chart?datastream=1&from={FROM}&to={TO}&columns={columns}")
        assert answer.status == 200, answer.text
        points = [(datetime.datetime.fromisoformat(t), v) for t, v in answer.json["points"]]
        assert points == m4(readings(ward_b), columns) and answer.json["count"] == len(list(readings(ward_b)))
        assert len(points) <= 4 * columns
    text = admin.get(f"/api/v1/observations/chart?datastream=1&from={FROM}&to={TO}&columns={columns}&format=csv").text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(datetime.datetime.fromisoformat(r["time"]), float(r["value"])) for r in rows] == m4(readings(), columns)


@pytest.mark.parametrize(
    "path, query, field",
    [
        ("buckets", "width=PT1H&points=5", "points"),
        ("buckets", "", "width"),
        ("buckets", "points=0", "points"),
        ("buckets", "points=10001", "points"),
        *(("buckets", f"width={w}", "width") for w in ("1h", "P1", "PT0H", "PT1D", "P1H", "P1DT1H", "P-1D", "P99999D", "P1000Y")),
        ("buckets", "width=P1D&zone=%2B08:00", "zone"),
        ("buckets", "width=P1D&zone=Asia/Nowhere", "zone"),
        ("buckets", "width=P1D&to=2026-06-10T00:00:00Z", "to"),
        ("chart", "columns=0", "columns"),
        ("chart", "columns=4001", "columns"),
        ("chart", "to=2026-06-01T00:00:00Z", "to"),
    ],
    ids=range(19),
)
def test_a_mistake_is_named_with_its_parameter(admin, path, query, field):
    span = f"datastream=1&from={FROM}" + ("" if "to=" in query else f"&to={TO}")
    answer = admin.get(f"/api/v1/observations/{path}?{span}" + ("&" + query if query else ""))
    assert answer.status == 400 and answer.json["error"]["field"] == field, answer.text


def test_the_span_is_required(admin):
    for path in ("buckets", "chart"):
        answer = admin.get(f"/api/v1/observations/{path}?datastream=1&from={FROM}")
        assert answer.status == 400 and answer.json["error"]["field"] == "to"


def test_both_walk_the_primary_key(seeded, admin):
    """Many others' readings beside it cost nothing: the plans use the key, and no plan sorts."""
    from conftest import ROOT

    for name, arguments in (("api_buckets", f"NULL, NULL, 100, false, 1, '{FROM}', '{TO}', 'PT1H', NULL, NULL, NULL"),
                            ("series_points", f"NULL, 1, '{FROM}', '{TO}', NULL")):
        with open(f"{ROOT}/sql/queries/{name}.sql", encoding="utf-8") as file:
            query = file.read().rstrip().rstrip(";")
        plan = seeded.sql(f"PREPARE q AS {query}; EXPLAIN EXECUTE q ({arguments})")
        text = "\n".join(row[0] for row in plan)
        assert "observation_2026_06_pkey" in text and "Seq Scan on observation" not in text, text
