"""Nobody sees a ward that is not theirs: every route with every account, and the database itself with every reader.

The walk takes its routes from the OpenAPI document, so a new one is in it at once; one whose parameters nobody gave values for, and
one that shows nothing although it is not named as such below, fails.
"""

import itertools
import os
import re
import urllib.parse

import pytest

from conftest import ROOT, psql, wait_until
from visible_district import District, marks, number

# GET routes that show nothing of any ward, or of things without one.
SHOWS_NO_WARD = {
    "/healthz", "/readyz", "/metrics", "/api/v1/openapi.json", "/api/v1/district", "/api/v1/waterways", "/api/v1/feeds",
    "/api/v1/feeds/{name}", "/api/v1/feeds/{name}/health", "/api/v1/backtests", "/api/v1/backtests/{id}", "/api/v1/limits", "/api/v1/rules",
    "/api/v1/rules/{code}", "/ogc", "/ogc/", "/ogc/api", "/ogc/conformance", "/ogc/collections", "/ogc/collections/{collectionId}",
    "/tiles/{layer}", "/ogc/collections/{collectionId}/tiles", "/ogc/collections/{collectionId}/tiles/{tileMatrixSetId}",
    "/ogc/collections/{collectionId}/queryables", "/ogc/collections/{collectionId}/schema",
}
# Accounts over all wards see these, and only inspectors.
SHOWS_THE_WORKS = {
    "/api/v1/dead-letters", "/api/v1/stations", "/api/v1/stations/{mn}", "/api/v1/stations/{mn}/commands", "/api/v1/station-commands/{id}",
    "/api/v1/stations/{mn}/gaps", "/api/v1/stations/{mn}/events",
}
# Not for nobody, even where the map is.
NEEDS_AN_ACCOUNT = {"/api/v1/silences", "/api/v1/silences/{id}", "/api/v1/muted", "/api/v1/maintenance", "/api/v1/maintenance/{id}"}
STREAMS = {"/api/v1/events"}
# The account's own wards, by their codes.
SHOWS_ITSELF = {"/api/v1/session"}
# Not in the document of /api/v1; their own is walked by the tests of server/ogc.
OGC_EXTRAS = ["f=json", "f=csv", "f=html", "limit=1000", "bbox=106,28,109,30", "datetime=2026-06-01T00:00:00Z/..", "filter=ward%20LIKE%20'%25mark%25'"]

ACCOUNTS = {
    # name: (role, wards; None = all)
    "viewer_1": ("viewer", {1}),
    "coordinator_23": ("coordinator", {2, 3}),
    "prosecutor_2": ("prosecutor", {2}),
    "analyst_none": ("analyst", set()),
    "admin_13": ("admin", {1, 3}),
    "viewer_all": ("viewer", None),
    "admin_all": ("admin", None),
    "feed_all": ("feed", None),
}
SEEDS = [int(s) for s in os.environ.get("WW_VISIBILITY_SEEDS", "1 2").split()]


@pytest.fixture(scope="module", params=SEEDS, ids=lambda s: f"seed{s}")
def district(request, new_database):
    return District(new_database(), request.param)


@pytest.fixture(scope="module")
def walk(district, serve):
    server = serve(district.database, "--anonymous-read")
    wait_until(lambda: "map=loaded" in server.log(), "the live map to be loaded")
    # A server takes away those that were there before it, some time after it is ready.
    wait_until(lambda: district.database.value("SELECT count(*) FROM hotspot") == "0", "the map of a rule that is off to be taken away")
    district.make_hotspots()
    tokens = {}
    for name, (role, wards) in ACCOUNTS.items():
        codes = None if wards is None else [district.code(w) for w in sorted(wards)]
        tokens[name] = district.database.add_account(name, role, codes)
    return Walk(district, server, tokens)


class Walk:
    """All requests that can be made of the document's GET routes with the values that are there."""

    def __init__(self, district, server, tokens):
        self.district, self.server, self.tokens = district, server, tokens
        self.document = server.client().get("/api/v1/openapi.json").json
        self.admin = server.client(tokens["admin_all"])
        column = lambda sql: [row[0] for row in district.database.sql(sql)]
        ids = {t: column(f"SELECT id FROM {t} ORDER BY id") for t in ("thing", "datastream", "alert", "station_command", "maintenance_window", "silence")}
        self.pools = {
            "ward": column("SELECT code FROM ward"), "code": column("SELECT code FROM ward") + column("SELECT code FROM rule LIMIT 2"),
            "kind": ["plant", "restarted"], "class": ["outfall", "c"], "limit": ["1", "1000"], "after": [],
            "feed": ["f1", "f2"], "name": ["f1", "f3"], "thing": ids["thing"], "datastream": ids["datastream"], "property": ["p1", "p2"],
            "rule": ["high", "spots"], "id": ids["alert"] + ids["station_command"] + ids["maintenance_window"] + ids["silence"], "mn": ["mark0x-mn"], "standard": ["T 1"],
            "from": ["2026-06-01T00:00:00Z"], "to": ["2026-06-30T00:00:00Z"], "known_at": ["2026-06-02T00:00:00Z"], "as_known_at": ["2026-06-02T00:00:00Z"],
            "known": ["2026-06-02T00:00:00Z"], "since": ["2026-01-01T00:00:00Z"], "at": ["2026-06-02T00:00:00Z"], "severity": ["1", "3"],
            "last_event_id": [],
            "window": ids["maintenance_window"], "tiles": ["1"], "bbox": ["106,28,109,30"], "site_kind": ["plant"], "filter": ["value > 0"], "width": ["P1D", "PT1H"], "points": ["7"], "zone": ["Asia/Shanghai"], "flags": ["N"], "columns": ["3"],
            "assignee": ["mark1x", "mark2x"],
        }
        answer = self.admin.get("/ogc/collections?f=json")
        self.pools["collectionId"] = [c["id"] for c in answer.json["collections"]] if answer.status == 200 else []
        self.pools["layer"] = ["thing", "alert", "ward", *self.pools["collectionId"]]
        self.pools["tileMatrixSetId"] = ["WebMercatorQuad"]
        self.features = {}
        for layer in self.pools["collectionId"]:
            answer = self.admin.get(f"/ogc/collections/{layer}/items?f=json&limit=1000")
            assert answer.status == 200, (layer, answer.text)
            self.features[layer] = [str(f["id"]) for f in answer.json["features"]]
            self.features[layer] = self.features[layer][:: 1 + len(self.features[layer]) // 20]  # some of each ward: they are in order

    def routes(self):
        return [(path, methods["get"]) for path, methods in self.document["paths"].items() if "get" in methods]

    def values(self, path, parameter):
        name = parameter["name"]
        words = parameter.get("schema", {}).get("enum")
        if words:
            return words
        assert name in self.pools, f"{path}: give test_visibility.py values for the parameter {name}"
        return self.pools[name]

    def targets(self, path, operation):
        """Every path with every value of its names; then bare, and with each value of each other parameter."""
        parameters = operation["parameters"]
        names = re.findall(r"{(\w+)}", path)
        fixed = [p for p in parameters if p["in"] == "query" and p.get("required")]
        free = [p for p in parameters if p["in"] == "query" and not p.get("required")]
        queries = [()]
        for p in fixed:
            queries = [q + ((p["name"], v),) for q in queries for v in self.values(path, p)]
        by_name = {p["name"]: p for p in parameters if p["in"] == "path"}
        if names == ["collectionId", "featureId"]:
            paths = [path.format(collectionId=c, featureId=urllib.parse.quote(f, safe="")) for c in self.features for f in self.features[c]]
        elif names[:1] == ["layer"] and len(names) == 4:
            paths = [f"/tiles/{layer}/{z}/{x}/{y}" for layer in self.pools["layer"] for z, x, y in self.district.tiles()]
        elif names[-3:] == ["tileMatrix", "tileRow", "tileCol"]:
            shared = {n: self.pools[n][0] for n in names[:-3]}
            paths = [path.format(**{**shared, "collectionId": c}, tileMatrix=z, tileRow=y, tileCol=x)
                     for c in (self.pools["collectionId"] if "collectionId" in names else [""]) for z, x, y in self.district.tiles()]
        else:
            pools = [self.values(path, by_name[n]) for n in names]
            paths = [path.format(**dict(zip(names, map(urllib.parse.quote, chosen)))) for chosen in itertools.product(*pools)]
        for p in paths:
            for q in queries:
                yield p + ("?" + urllib.parse.urlencode(q) if q else "")
                for parameter in free:
                    for value in self.values(path, parameter):
                        yield p + "?" + urllib.parse.urlencode(q + ((parameter["name"], value),))
            if path.endswith("/items"):
                yield from (f"{p}?{extra}" for extra in OGC_EXTRAS)

    def seen(self, token, path, operation):
        """The marks of all answers of one route; the secrets that no answer may hold."""
        client = self.server.client(token)
        found = set()
        for target in self.targets(path, operation):
            answer = client.get(target)
            assert answer.status in (200, 204, 400, 401, 403, 404, 406), f"{target}: {answer.status} {answer.body[:300]}"
            text = answer.body.decode("utf-8", "replace")  # a tile is not text, its strings are
            assert "SECRET" not in text, target
            found |= marks(text)
        return found


def expected(district, path, account, role, wards):
    """Whose rows a route must show to an account: exactly these."""
    if path in SHOWS_NO_WARD or role == "feed" or (account == "nobody" and path in NEEDS_AN_ACCOUNT):
        return set()
    if path in SHOWS_THE_WORKS:
        return {0} if wards is None and role in ("prosecutor", "analyst", "admin") else set()
    return district.all() if wards is None else set(wards)


@pytest.mark.parametrize("account", [*ACCOUNTS, "nobody"])
def test_every_route_shows_an_account_its_own_wards_and_nothing_else(walk, account):
    role, wards = ACCOUNTS.get(account, ("viewer", None))
    wrong = {}
    for path, operation in walk.routes():
        if path in STREAMS:
            continue
        found = walk.seen(walk.tokens.get(account), path, operation)
        wanted = expected(walk.district, path, account, role, wards)
        if path in SHOWS_ITSELF:
            wanted = wards or set()
        elif path == "/api/v1/wards":
            wanted -= {0}
        if found != wanted:
            wrong[path] = f"shows {sorted(found)}, should show {sorted(wanted)}"
    assert not wrong


def test_nothing_is_shown_without_a_token_where_the_server_was_not_told_to(walk, serve):
    server = serve(walk.district.database)
    for path, operation in walk.routes():
        target = next(iter(walk.targets(path, operation)), None)
        answer = server.client().get(target) if target else None
        assert not answer or not marks(answer.body.decode("utf-8", "replace")), target
        assert not answer or answer.status == 401 or path in SHOWS_NO_WARD, target


@pytest.mark.parametrize("account", [*(a for a in ACCOUNTS if a != "feed_all"), "nobody"])
def test_the_event_stream_tells_an_account_of_its_own_wards_and_nothing_else(walk, account):
    _, wards = ACCOUNTS.get(account, ("viewer", None))
    wards = walk.district.all() if wards is None else wards
    rows = walk.district.database.sql("SELECT e.id, coalesce(w.code, 'mark0x') FROM alert_event e LEFT JOIN ward w ON w.id = e.ward_id ORDER BY e.id")
    own = [int(event) for event, code in rows if marks(code) <= wards]
    if not own:
        return
    found, ids = set(), []
    with walk.server.client(walk.tokens.get(account)).events("/api/v1/events?last_event_id=0") as stream:
        while not ids or ids[-1] != own[-1]:
            block = stream.next_raw()
            if "data" in block and "id" in block:
                ids.append(int(block["id"]))
                found |= marks(block["data"])
    assert ids == own
    assert found == wards


# ── The database itself ──────────────────────────────────────────────────────────────────────

# Tables that say nothing of a ward: what is the same for everybody.
SAME_FOR_ALL = {"waterway", "feed", "observed_property", "limit_value", "rule", "rule_version", "model_run", "supervision_model", "register"}
# By columns: the others of these tables are secrets.
RELATIONS = """
    SELECT n.nspname || '.' || c.relname,
           (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege('wardwatch_reader', c.oid, a.attnum, 'SELECT'))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('wardwatch', 'layers') AND c.relkind IN ('r', 'p', 'v', 'm') AND has_any_column_privilege('wardwatch_reader', c.oid, 'SELECT')
    ORDER BY 1"""


def read_all(district, before, conninfo=None):
    """The marks of every row of every relation that readers may read, with what `before` sets."""
    relations = district.database.sql(RELATIONS)
    assert len(relations) > 30
    reads = "\n".join(f"SELECT '{relation}', ROW({columns})::text FROM {relation};" for relation, columns in relations)
    found = {relation: set() for relation, _ in relations}
    for relation, *row in psql(conninfo or district.database.conninfo, f"{before}\n{reads}"):
        text = "\x1f".join(row)
        assert "SECRET" not in text, relation
        found[relation] |= marks(text)
    return found


def as_reader(wards, role="viewer"):
    listed = "all" if wards is None else "{" + ",".join(wards) + "}"
    return f"SET ROLE wardwatch_reader; SELECT set_config('wardwatch.wards', '{listed}', false) \\g /dev/null\nSELECT set_config('wardwatch.account_role', '{role}', false) \\g /dev/null\n"


def ids(district, wards):
    return [district.database.value(f"SELECT id FROM ward WHERE code = '{district.code(w)}'") for w in wards]


WARDS_ROWS = {
    "wardwatch." + t
    for t in ("site", "thing", "sensor", "observation", "observation_current", "feature_of_interest", "alert", "alert_event", "alert_outcome", "alert_work", "silence",
              "alert_trace", "hotspot", "thing_health", "finding")
} | {"layers." + t for t in ("site", "thing", "datastream", "observation", "complaint", "alert", "alert_event", "trace", "hotspot", "finding")}


@pytest.mark.parametrize("wards", [(), (1,), (2, 3), (1, 2, 3)], ids=str)
def test_a_reader_of_the_database_sees_the_wards_that_are_set(district, wards):
    found = read_all(district, as_reader(ids(district, wards)))
    for relation, seen in found.items():
        assert seen <= set(wards), relation
    for relation in WARDS_ROWS:
        assert found[relation] == set(wards), relation


def test_a_reader_for_whom_nothing_is_set_sees_nothing(district):
    for relation, seen in read_all(district, "SET ROLE wardwatch_reader;").items():
        assert seen == set(), relation


def test_a_reader_of_all_wards_sees_all_and_the_works_if_he_inspects(district):
    found, inspected = read_all(district, as_reader(None)), read_all(district, as_reader(None, "analyst"))
    for relation in WARDS_ROWS:
        assert found[relation] == inspected[relation] == district.all(), relation
    works = {r for r in inspected if inspected[r] != found[r]}
    assert works == {"wardwatch." + t for t in ("raw_message", "station_gap", "station_event", "station_deviation", "dead_letter_shown",
                                                "station_shown", "station_command_shown")}
    limited = read_all(district, as_reader(ids(district, (1,)), "analyst"))
    assert all(limited[r] == set() for r in works)


def test_every_table_is_guarded_or_named_as_the_same_for_all(district):
    rows = district.database.sql(
        "SELECT c.relname, c.relrowsecurity, has_any_column_privilege('wardwatch_reader', c.oid, 'SELECT'), c.relispartition"
        " FROM pg_class c WHERE c.relnamespace = 'wardwatch'::regnamespace AND c.relkind IN ('r', 'p')")
    for name, guarded, readable, partition in rows:
        if partition == "t":
            assert readable == "f", f"readers come to {name} through observation"
        else:
            assert guarded == "t" or name in SAME_FOR_ALL, f"{name}: ENABLE ROW LEVEL SECURITY, with a policy if it is granted to readers"
    # Views that run with their owner's rights see everything, so each must be known here: those that cover secrets and say
    # themselves to whom they show what; and of all series their property, of all messages their time, no word more.
    rows = district.database.sql(
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('wardwatch', 'layers')"
        " AND c.relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false) ORDER BY 1")
    assert [row[0] for row in rows] == [
        "wardwatch." + v for v in ("dead_letter_shown", "feed_shown", "feed_traffic", "message_time", "series_property", "station_command_shown", "station_shown")]


def test_partitions_made_later_are_no_way_around(district):
    district.database.sql("SELECT ensure_partition('2031-05-01')")
    with pytest.raises(RuntimeError, match="permission denied"):
        district.database.sql("SET ROLE wardwatch_reader; SET wardwatch.wards = 'all'; SELECT * FROM observation_2031_05")


QUERIES = sorted(n[:-4] for n in os.listdir(os.path.join(ROOT, "sql", "queries")) if n.startswith("api_"))


@pytest.mark.parametrize("query", QUERIES)
def test_the_queries_of_the_routes_are_safe_without_their_own_conditions(district, query):
    """Row-level security alone: as if somebody forgot to compare the wards ($1)."""
    with open(os.path.join(ROOT, "sql", "queries", query + ".sql"), encoding="utf-8") as file:
        text = file.read().rstrip().rstrip(";")
    if "$1::int[] IS NULL" not in text or re.search(r"^\s*(INSERT|UPDATE|DELETE)", text, re.M):
        pytest.skip("writes, or takes no wards")
    n = max(int(p) for p in re.findall(r"\$(\d+)", text))
    values = ["NULL", "NULL", "1000", "false"] + ["NULL"] * (n - 4)
    runs = [values]
    if query.startswith("api_observations"):
        streams = district.database.sql("SELECT id FROM datastream")
        runs = [values[:4] + [s[0]] + values[5:] for s in streams]
    elif query == "api_buckets":
        span = ["'2026-06-01'", "'2026-06-30'", "'P1D'"]
        runs = [values[:4] + [s[0], *span] + values[8:] for s in district.database.sql("SELECT id FROM datastream")]
    elif query == "api_alert_trace":
        runs = [values[:4] + [a[0]] for a in district.database.sql("SELECT id FROM alert")]
    executes = "\n".join(f"EXECUTE q ({', '.join(run)});" for run in runs)
    rows = district.database.sql(f"{as_reader(ids(district, (1, 3)), 'admin')}\nPREPARE q AS {text};\n{executes}")
    assert marks("\n".join("\x1f".join(row) for row in rows)) <= {1, 3}


def test_a_correction_that_moves_a_reading_takes_it_away_where_it_was(district):
    def values(wards):
        rows = district.database.sql(as_reader(wards) + "SELECT value::bigint FROM observation_current WHERE phenomenon_time = '2026-06-05'")
        return {row[0] for row in rows}

    assert values(ids(district, (1,))) == set()
    assert values(ids(district, (2,))) == {number(2, 99)}
    assert values(None) == {number(2, 99)}


# ── Logins of their own ──────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def logins(district):
    """PostgreSQL logins for accounts, as docs/guides/sql-access.md makes them; their conninfos."""
    database = district.database
    made = {}
    for login, wards, disabled in (("one", (1,), False), ("two", (2, 3), False), ("off", (1,), True), ("all", None, False), ("stranger", (), False)):
        role = f"{login}_{database.name}"
        database.sql(f"CREATE ROLE {role} LOGIN; GRANT wardwatch_reader TO {role}")
        if login != "stranger":
            codes = None if wards is None else [district.code(w) for w in wards]
            database.add_account(f"sql {login}", "analyst", codes)
            database.sql(f"UPDATE account SET database_role = '{role}', disabled = {disabled} WHERE name = 'sql {login}'")
        made[login] = database.conninfo.replace("user=postgres", f"user={role}")
    yield made
    for login in made:
        role = f"{login}_{database.name}"
        database.sql(f"UPDATE account SET database_role = NULL WHERE database_role = '{role}'; DROP OWNED BY {role}; DROP ROLE {role}")


WIDEN = [
    "",
    "SET wardwatch.wards = 'all';",
    "SELECT set_config('wardwatch.wards', 'all', false) \\g /dev/null\n",
    "SET wardwatch.wards = 'all'; SET wardwatch.account_role = 'admin'; SET ROLE wardwatch_reader;",
    "SET row_security = on; SET wardwatch.wards = '{1,2,3,4,5,6}'; SET wardwatch.account = '1';",
]


@pytest.mark.parametrize("widen", WIDEN, ids=range(len(WIDEN)))
def test_a_login_sees_what_its_account_sees_whatever_it_sets(district, logins, widen):
    for login, wards in (("one", {1}), ("two", {2, 3}), ("off", set()), ("stranger", set()), ("all", district.all())):
        found = read_all(district, widen, logins[login])
        for relation, seen in found.items():
            assert seen <= wards, (login, relation)
        for relation in WARDS_ROWS:
            assert found[relation] == wards, (login, relation)


def test_a_login_can_not_go_around_its_policies(district, logins):
    for sql, refusal in (
        ("SET row_security = off; SELECT * FROM site", "would be affected by row-level security"),
        ("ALTER TABLE site DISABLE ROW LEVEL SECURITY", "must be owner"),
        ("UPDATE account SET all_wards = true", "permission denied"),
        ("SELECT * FROM account", "permission denied"),
        ("SELECT config FROM feed", "permission denied"),
        ("SELECT body_zstd FROM raw_message", "permission denied"),
        ("SELECT * FROM observation_2026_06", "permission denied"),
        ("INSERT INTO alert_outcome (alert_id, outcome, actor) VALUES (1, 'false', 'x')", "permission denied"),
        ("SELECT alert_act(1, 0, 'acknowledged', 'x', '', 'x', '', 0, NULL, '', '', '')", "permission denied"),
        ("ALTER ROLE CURRENT_USER SET wardwatch.wards = 'all'", "permission denied"),
        ("SET SESSION AUTHORIZATION postgres", "permission denied"),
    ):
        with pytest.raises(RuntimeError, match=refusal):
            psql(logins["one"], sql)


def test_a_function_of_the_reader_is_not_shown_what_he_may_not_see(district, logins):
    """The planner must not call it before the policies: it would tell, by notices or errors."""
    peeks = """
        CREATE FUNCTION pg_temp.peek(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
        BEGIN IF $1 ~ 'mark[02-9]x|90[02-9]0770[0-9]{4}' THEN RAISE EXCEPTION 'saw %', $1; END IF; RETURN true; END $$;"""
    reads = "\n".join(f"SELECT count(*) FROM {relation} AS r WHERE pg_temp.peek(ROW({columns})::text);"
                      for relation, columns in district.database.sql(RELATIONS))
    psql(logins["one"], f"{peeks}\n{reads}")


def test_a_membership_taken_away_counts_at_once(district, logins):
    database = district.database
    database.sql("DELETE FROM membership WHERE account_id = (SELECT id FROM account WHERE name = 'sql two')")
    assert psql(logins["two"], "SELECT count(*) FROM thing") == [["0"]]
