"""HJ 212 stations for people: the HTTP interface and `wardwatch station`: rights, covers, checks, commands."""

import json
import os
import subprocess

import pytest

from conftest import find_program, wait_until

MN = "010000A8900016F000169DC0"
KEY = "0123456789abcdeffedcba9876543210"
SEED = """
INSERT INTO ward (code, geom) VALUES
  ('500115001', ST_GeomFromText('MULTIPOLYGON(((107 29,107.1 29,107.1 29.1,107 29.1,107 29)))', 4490)),
  ('500115002', ST_GeomFromText('MULTIPOLYGON(((107.1 29,107.2 29,107.2 29.1,107.1 29.1,107.1 29)))', 4490));
INSERT INTO site (code, kind) VALUES ('H1', 'hospital');
INSERT INTO feed (name, config) VALUES ('hj', '{"protocol":"hj212"}'), ('hj2', '{"protocol":"hj212"}'),
  ('web', '{"format":"ndjson","thing":"s","property":{"const":"cod"},"value":"v","time":"t","unit":{"const":"mg/L"}}');
"""


@pytest.fixture(scope="module")
def seeded(database):
    database.sql(SEED)
    return database


@pytest.fixture(scope="module")
def server(seeded, serve):
    return serve(seeded, "--no-outward")


@pytest.fixture(scope="module")
def tokens(seeded, server):
    made = {
        "admin": seeded.add_account("root", "admin"),
        "admin_a": seeded.add_account("ada", "admin", ["500115001"]),
        "analyst": seeded.add_account("ann", "analyst"),
        "prosecutor_a": seeded.add_account("paul", "prosecutor", ["500115001"]),
        "viewer": seeded.add_account("vera", "viewer"),
        "feed": seeded.add_account("fred", "feed"),
    }
    for token in made.values():
        wait_until(lambda t=token: server.client(t).get("/api/v1/session").status == 200, "the account to be known")
    return made


@pytest.fixture(scope="module")
def admin(server, tokens):
    return server.client(tokens["admin"])


@pytest.fixture
def clean(seeded):
    seeded.sql("DELETE FROM station; DELETE FROM station_event; DELETE FROM thing;")
    return seeded


def add(admin, mn=MN, **more):
    answer = admin.post("/api/v1/stations", {"mn": mn, "feed": "hj", **more})
    assert answer.status == 201, answer.text
    return answer.json


# ---- Stations ----


def test_a_station_is_added_with_its_thing_placed_in_its_ward(clean, admin):
    thing = {"name_zh": "医院废水站", "class": "hospital", "limit_class": "medical.pretreatment", "site": "H1", "place": [107.15, 29.05]}
    made = add(admin, password="123456", sm4_key=KEY, config={"crc_mode": "modbus"}, thing=thing)
    assert made["mn"] == MN and made["feed"] == "hj" and made["enabled"] and made["config"] == {"crc_mode": "modbus"}
    assert made["has_password"] and made["has_key"] and made["key_since"] and not made["connected"]
    shown = made["thing"]
    assert shown["ward"] == "500115002" and shown["site"] == "H1" and shown["place"] == [107.15, 29.05] and shown["class"] == "hospital"
    assert clean.sql("SELECT password, encode(sm4_key, 'hex') FROM station") == [["123456", KEY]]
    assert clean.sql("SELECT kind, detail ->> 'by' FROM station_event") == [["registered", "root"]]
    assert admin.get(f"/api/v1/stations/{MN}").json == made


def test_passwords_and_keys_are_never_shown(clean, admin, server, tokens):
    add(admin, password="SECRETPW", sm4_key=KEY)
    admin.put(f"/api/v1/stations/{MN}", {"sm4_key": "f" * 32, "password": "SECRET2"})
    for cn, fields in ((1014, {"NewSK": "abcdef00" * 4}), (1072, {"NewPW": "SECRET3"})):
        made = admin.post(f"/api/v1/stations/{MN}/commands", {"cn": cn, "fields": fields})
        assert made.status == 201 and list(made.json["fields"][0])[1] == "***"
    clean.sql(
        "UPDATE station_command SET answers = '[{\"at\":\"2026-01-01T00:00:00Z\",\"cn\":1014,\"data\":\"NewSK=abcdef00abcdef00abcdef00abcdef00;X=1\"}]'"
        " WHERE cn = 1014"
    )
    assert clean.value("SELECT fields ->> 0 FROM station_command WHERE cn = 1072") == '["NewPW", "SECRET3"]'
    client = server.client(tokens["analyst"])
    seen = "".join(
        client.get(f"/api/v1/{path}").text for path in ("stations", f"stations/{MN}", f"stations/{MN}/commands", f"stations/{MN}/events")
    )
    seen += clean.wardwatch("station", "list") + clean.wardwatch("station", "show", MN)
    assert "NewSK=***;X=1" in client.get(f"/api/v1/stations/{MN}/commands").text
    for secret in ("SECRET", KEY, "ffffff", "abcdef00"):
        assert secret not in seen


def test_a_change_leaves_what_is_not_given_and_keeps_the_old_key_for_a_while(clean, admin):
    add(admin, password="p1", sm4_key=KEY, config={"mode": "strict"}, thing={"name_zh": "站", "place": [107.05, 29.05]})
    changed = admin.put(f"/api/v1/stations/{MN}", {"enabled": False, "feed": "hj2"}).json
    assert not changed["enabled"] and changed["feed"] == "hj2" and changed["config"] == {"mode": "strict"} and changed["has_password"]
    admin.put(f"/api/v1/stations/{MN}", {"feed": "hj", "sm4_key": "f" * 32, "thing": {"class": "plant"}})
    row = clean.sql("SELECT encode(sm4_key, 'hex'), encode(sm4_previous, 'hex'), password FROM station")[0]
    assert row == ["f" * 32, KEY, "p1"]
    thing = admin.get(f"/api/v1/stations/{MN}").json["thing"]
    assert thing["class"] == "plant" and thing["name_zh"] == "站" and thing["ward"] == "500115001"
    assert not admin.put(f"/api/v1/stations/{MN}", {"sm4_key": "", "password": ""}).json["has_key"]
    members = clean.json("SELECT json_agg(detail -> 'members' ORDER BY id) FROM station_event WHERE kind = 'changed'")
    assert members == [["enabled", "feed"], ["feed", "sm4_key", "thing"], ["password", "sm4_key"]]


@pytest.mark.parametrize(
    "body, status, field",
    [
        ({"feed": "hj"}, 400, "mn"),
        ({"mn": MN}, 400, "feed"),
        ({"mn": MN, "feed": "absent"}, 400, "feed"),
        ({"mn": MN, "feed": "web"}, 400, "feed"),
        ({"mn": "站", "feed": "hj"}, 400, "mn"),
        ({"mn": "A/B", "feed": "hj"}, 400, "mn"),
        ({"mn": "A" * 33, "feed": "hj"}, 400, "mn"),
        ({"mn": MN, "feed": "hj", "sm4_key": "12"}, 400, "sm4_key"),
        ({"mn": MN, "feed": "hj", "sm4_key": "g" * 32}, 400, "sm4_key"),
        ({"mn": MN, "feed": "hj", "password": "a;b"}, 400, "password"),
        ({"mn": MN, "feed": "hj", "config": {"crc_mode": "none"}}, 400, "config.crc_mode"),
        ({"mn": MN, "feed": "hj", "config": {"surprise": 1}}, 400, "config.surprise"),
        ({"mn": MN, "feed": "hj", "thing": {"place": [200, 29]}}, 400, "thing.place"),
        ({"mn": MN, "feed": "hj", "thing": {"site": "absent"}}, 400, "thing.site"),
        ({"mn": MN, "feed": "hj", "thing": {"colour": "red"}}, 400, "colour"),
        ({"mn": MN, "feed": "hj", "colour": "red"}, 400, "colour"),
        ({"mn": MN, "feed": "hj", "enabled": "yes"}, 400, "enabled"),
        ([], 400, None),
    ],
)
def test_a_wrong_station_is_refused_with_the_member_named(clean, admin, body, status, field):
    answer = admin.post("/api/v1/stations", body)
    assert answer.status == status, answer.text
    assert answer.json["error"].get("field") == field, answer.text
    assert clean.value("SELECT count(*) FROM station") == "0"


def test_an_mn_is_there_once_and_cannot_be_changed(clean, admin):
    add(admin)
    assert admin.post("/api/v1/stations", {"mn": MN, "feed": "hj2"}).status == 409
    assert admin.put(f"/api/v1/stations/{MN}", {"mn": "OTHER"}).status == 400
    assert admin.put("/api/v1/stations/ABSENT", {"enabled": False}).status == 404
    assert admin.get("/api/v1/stations/ABSENT").status == 404
    assert admin.delete(f"/api/v1/stations/{MN}").status == 405
    assert admin.get(f"/api/v1/stations/{MN}").json["feed"] == "hj"


def test_stations_are_listed_by_pages_and_filters(clean, admin):
    for n in range(7):
        add(admin, f"S{n}", feed="hj" if n % 2 else "hj2", enabled=n != 3)
    clean.sql("INSERT INTO station_event (mn, kind) VALUES ('S1', 'connected'), ('S2', 'connected'), ('S2', 'disconnected'), ('S1', 'restarted')")
    every = [s["mn"] for s in admin.pages("/api/v1/stations?limit=2")]
    assert every == [f"S{n}" for n in range(7)]
    listed = lambda query: [s["mn"] for s in admin.pages(f"/api/v1/stations?{query}&limit=2")]  # noqa: E731
    assert listed("feed=hj") == ["S1", "S3", "S5"]
    assert listed("connected=true") == ["S1"]
    assert listed("connected=false") == ["S0", "S2", "S3", "S4", "S5", "S6"]
    assert listed("enabled=false") == ["S3"]


# ---- Rights ----

READ = ("stations", f"stations/{MN}", f"stations/{MN}/commands", f"stations/{MN}/gaps", f"stations/{MN}/events")


def test_inspectors_over_all_wards_read_and_only_admins_change(clean, admin, server, tokens):
    add(admin)
    command = admin.post(f"/api/v1/stations/{MN}/commands", {"cn": 1061}).json["id"]
    changes = [
        ("POST", "/api/v1/stations", {"mn": "B", "feed": "hj"}),
        ("PUT", f"/api/v1/stations/{MN}", {"enabled": False}),
        ("POST", f"/api/v1/stations/{MN}/commands", {"cn": 1061}),
        ("DELETE", f"/api/v1/station-commands/{command}", None),
    ]
    for who, reads in (("analyst", 200), ("prosecutor_a", 403), ("admin_a", 403), ("viewer", 403), ("feed", 403)):
        client = server.client(tokens[who])
        for path in (*READ, f"station-commands/{command}"):
            assert client.get(f"/api/v1/{path}").status == reads, (who, path)
        for method, path, body in changes:
            assert client.request(method, path, body).status == 403, (who, method, path)
    for path in READ:
        assert server.client().get(f"/api/v1/{path}").status == 401
    assert admin.get(f"/api/v1/stations/{MN}").json["enabled"]
    assert clean.value("SELECT count(*) FROM station_command") == "1"


# ---- Commands ----


def test_a_command_is_queued_with_its_fields_in_order_and_who_asked(clean, admin):
    add(admin)
    made = admin.post(f"/api/v1/stations/{MN}/commands", {"cn": 3015, "fields": {"PolId": "w01018"}})
    assert made.status == 201
    assert made.json["state"] == "queued" and made.json["requested_by"] == "root" and made.json["purpose"] == "asked"
    assert made.json["fields"] == [["PolId", "w01018"]] and made.json["answers"] == []
    pairs = [["ReCount", 3], ["OverTime", "5"]]
    second = admin.post(f"/api/v1/stations/{MN}/commands", {"cn": 1000, "fields": pairs}).json
    assert second["fields"] == [["ReCount", "3"], ["OverTime", "5"]]
    assert admin.get(f"/api/v1/station-commands/{second['id']}").json == second
    listed = admin.pages(f"/api/v1/stations/{MN}/commands?limit=1")
    assert [c["cn"] for c in listed] == [1000, 3015]
    assert admin.get(f"/api/v1/stations/{MN}").json["commands"] == {"queued": 2}


@pytest.mark.parametrize(
    "body, field",
    [
        ({}, "cn"),
        ({"cn": "1061"}, "cn"),
        ({"cn": 9014}, "cn"),
        ({"cn": 2081}, "cn"),
        ({"cn": 1062}, "fields.RtdInterval"),
        ({"cn": 1062, "fields": {"RtdInterval": 29}}, "fields.RtdInterval"),
        ({"cn": 1062, "fields": {"RtdInterval": 30, "X": 1}}, "fields.X"),
        ({"cn": 1062, "fields": [["RtdInterval"]]}, "fields"),
        ({"cn": 1062, "fields": [["RtdInterval", 30], ["RtdInterval", 30]]}, "fields.RtdInterval"),
        ({"cn": 1014, "fields": {"NewSK": "123"}}, "fields.NewSK"),
        ({"cn": 3015, "fields": {"PolId": "w01018&&;CN=9"}}, "fields.PolId"),
        ({"cn": 2061, "fields": {"BeginTime": "20261124000000", "EndTime": "20261123000000"}}, "fields.EndTime"),
        ({"cn": 1061, "surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_command_is_refused_with_the_field_named(clean, admin, body, field):
    add(admin)
    answer = admin.post(f"/api/v1/stations/{MN}/commands", body)
    assert answer.status == 400 and answer.json["error"]["field"] == field, answer.text
    assert clean.value("SELECT count(*) FROM station_command") == "0"


def test_a_queued_command_can_be_cancelled_once_and_a_sent_one_not(clean, admin):
    add(admin)
    ids = [admin.post(f"/api/v1/stations/{MN}/commands", {"cn": 1061}).json["id"] for _ in range(2)]
    gone = admin.delete(f"/api/v1/station-commands/{ids[0]}")
    assert gone.status == 200 and gone.json["state"] == "cancelled" and gone.json["reason"] == "cancelled by root" and gone.json["finished_at"]
    assert admin.delete(f"/api/v1/station-commands/{ids[0]}").status == 409
    clean.sql(f"UPDATE station_command SET state = 'sent' WHERE id = {ids[1]}")
    assert admin.delete(f"/api/v1/station-commands/{ids[1]}").status == 409
    assert admin.delete("/api/v1/station-commands/999999").status == 404


def test_commands_do_not_pile_up_and_a_station_that_is_off_gets_none(clean, admin):
    add(admin)
    clean.sql(f"INSERT INTO station_command (mn, cn) SELECT '{MN}', 1061 FROM generate_series(1, 100)")
    assert admin.post(f"/api/v1/stations/{MN}/commands", {"cn": 1061}).status in (429, 503)
    clean.sql("DELETE FROM station_command")
    admin.put(f"/api/v1/stations/{MN}", {"enabled": False})
    assert admin.post(f"/api/v1/stations/{MN}/commands", {"cn": 1061}).status == 409
    assert admin.post("/api/v1/stations/ABSENT/commands", {"cn": 1061}).status == 404
    assert clean.value("SELECT count(*) FROM station_command") == "0"


def test_gaps_and_events_come_newest_first_by_pages(clean, admin):
    add(admin)
    clean.sql(
        f"INSERT INTO station_gap (mn, cn, begin_at, end_at, state) SELECT '{MN}', cn, '2026-11-01T00:00:00Z'::timestamptz + h * interval '1 hour',"
        " '2026-11-01T00:00:00Z'::timestamptz + h * interval '1 hour', CASE WHEN h = 2 THEN 'no_data' ELSE 'open' END"
        " FROM unnest(ARRAY[2051, 2061]) cn, generate_series(0, 3) h"
    )
    items = admin.pages(f"/api/v1/stations/{MN}/gaps?limit=3")
    assert [(g["begin"][11:13], g["cn"]) for g in items] == [(f"0{h}", cn) for h in (3, 2, 1, 0) for cn in (2061, 2051)]
    assert [g["begin"][11:13] for g in admin.pages(f"/api/v1/stations/{MN}/gaps?state=no_data")] == ["02", "02"]
    assert admin.get(f"/api/v1/stations/{MN}").json["gaps"] == {"no_data": 2, "open": 6}
    clean.sql(f"INSERT INTO station_event (mn, kind) SELECT '{MN}', CASE WHEN n % 2 = 0 THEN 'connected' ELSE 'disconnected' END FROM generate_series(1, 30) n")
    events = admin.pages(f"/api/v1/stations/{MN}/events?limit=7")
    assert len(events) == 31 and [e["id"] for e in events] == sorted((e["id"] for e in events), reverse=True)
    assert len(admin.pages(f"/api/v1/stations/{MN}/events?kind=connected")) == 15
    shown = admin.get(f"/api/v1/stations/{MN}").json
    assert shown["connected"] and len(shown["events"]) == 20
    assert "2026-11-01 11:00 … 2026-11-01 11:00 open" in clean.wardwatch("station", "gaps", MN)


def test_an_mn_with_odd_characters_pages_too(clean, admin):
    add(admin, "A B_+%")
    admin.put("/api/v1/stations/A%20B_%2B%25", {"enabled": True})
    assert [e["kind"] for e in admin.pages("/api/v1/stations/A%20B_%2B%25/events?limit=1")] == ["changed", "registered"]


# ---- The command line ----


def cli(database, *arguments, stdin=None):
    return subprocess.run(
        [find_program(), "station", *arguments, "--db", database.conninfo], input=stdin, capture_output=True, text=True,
        env=dict(os.environ, USER="carla"),
    )


def test_the_command_line_adds_changes_and_switches_stations(clean, tmp_path):
    config = tmp_path / "config.json"
    config.write_text('{"minute_interval_min": 5}')
    done = cli(clean, "add", MN, "--feed", "hj", "--password", "123456", "--config", str(config), "--name-zh", "废水站", "--place", "107.05,29.05")
    assert done.returncode == 0, done.stderr
    assert clean.sql("SELECT enabled, password, config ->> 'minute_interval_min' FROM station") == [["t", "123456", "5"]]
    assert clean.sql("SELECT t.name_zh, w.code FROM thing t JOIN ward w ON w.id = t.ward_id") == [["废水站", "500115001"]]
    assert cli(clean, "add", MN, "--feed", "hj").returncode == 1
    assert cli(clean, "disable", MN).returncode == 0 and clean.value("SELECT enabled FROM station") == "f"
    assert cli(clean, "enable", MN).returncode == 0
    assert cli(clean, "set", MN, "--password", "").returncode == 0 and clean.value("SELECT password FROM station") == ""
    assert cli(clean, "set", "ABSENT", "--password", "x").returncode == 1
    assert "废水站" in cli(clean, "list").stdout
    assert "ward       500115001" in cli(clean, "show", MN).stdout
    assert clean.value("SELECT detail ->> 'by' FROM station_event ORDER BY id DESC LIMIT 1") == "command line: carla"
    assert cli(clean, "show", "ABSENT").returncode == 1
    assert cli(clean, "add", MN).returncode == 2


def test_a_register_is_imported_whole(clean, tmp_path):
    file = tmp_path / "stations.csv"
    file.write_text(
        '\ufeffmn,feed,password,name_zh,lon,lat,config\r\nA1,hj,123456,"甲, ""一""号",107.05,29.05,"{""mode"":""strict""}"\r\n\r\nA2,hj2,,,,,\r\n',
        encoding="utf-8",
    )
    done = cli(clean, "import", str(file))
    assert (done.returncode, done.stdout) == (0, "imported 2\n"), done.stderr
    assert clean.sql("SELECT mn, password, config::text FROM station ORDER BY mn") == [["A1", "123456", '{"mode": "strict"}'], ["A2", "", "{}"]]
    assert clean.sql("SELECT key, t.name_zh, w.code FROM thing t JOIN ward w ON w.id = t.ward_id") == [["A1", '甲, "一"号', "500115001"]]
    file.write_text("mn,feed,enabled\nA1,hj,false\n")
    assert cli(clean, "import", str(file)).returncode == 0
    assert clean.sql("SELECT enabled, password FROM station WHERE mn = 'A1'") == [["f", "123456"]]


@pytest.mark.parametrize(
    "text, line, word",
    [
        ("mn,feed\nA1,hj\nA2,absent\n", 3, "feed"),
        ("mn,feed\nA1,hj\nA1,hj\n", 2, "twice"),
        ("mn,feed\nA1,hj\nA2\n", 3, "columns"),
        ('mn,feed,config\nA1,hj,\nA2,hj,"{""crc_mode"":""x""}"\n', 3, "crc_mode"),
        ("mn,feed,sm4_key\nA1,hj,\nA2,hj,123\n", 3, "sm4_key"),
        ('mn,feed,name_zh\nA1,hj,"two\nlines"\nA2,absent,\n', 4, "feed"),
        ("mn,feed,lon,lat\nA1,hj,1,\n", 2, "lat"),
        ("mn,feed,lon,lat\nA1,hj,1,91\n", 2, "place"),
        ("mn,feed,colour\nA1,hj,red\n", 1, "colour"),
        ("feed\nhj\n", 1, "mn"),
        ('mn,feed\n"A1,hj\n', 2, "quoted"),
        ("", 1, "empty"),
    ],
)
def test_a_bad_row_of_a_register_is_named_and_nothing_is_imported(clean, tmp_path, text, line, word):
    file = tmp_path / "stations.csv"
    file.write_text(text, encoding="utf-8")
    done = cli(clean, "import", str(file))
    assert done.returncode == 1 and f"line {line}," in done.stderr and word in done.stderr, done.stderr
    assert clean.value("SELECT count(*) FROM station") == "0"



@pytest.mark.parametrize(
    "last, code",
    [("state = 'done', exe_rtn = 1", 0), ("state = 'no_data', exe_rtn = 100", 0), ("state = 'refused', qn_rtn = 2, reason = 'refused'", 1),
     ("state = 'failed', exe_rtn = 2", 1), ("state = 'timed_out'", 1), ("state = 'cancelled'", 1)],
)
def test_a_command_is_followed_to_its_end(clean, admin, last, code):
    add(admin)
    process = subprocess.Popen(
        [find_program(), "station", "send", MN, "3015", "PolId=w01018", "--follow", "--db", clean.conninfo], stdout=subprocess.PIPE, text=True
    )
    read = process.stdout.readline
    assert read().startswith("command ")
    assert read() == "queued (the station is not connected)\n"
    answer = json.dumps([{"at": "2026-01-01T00:00:00Z", "cn": 3015, "data": "DataTime=20260101000000;VaseNo=1"}])
    change = lambda text: clean.sql(f"UPDATE station_command SET {text} WHERE mn = '{MN}'")  # noqa: E731
    change("state = 'sent', qn = '20260101000000000'")
    assert read() == "sent\n"
    change("state = 'accepted', qn_rtn = 1")
    assert read() == "accepted QnRtn=1\n"
    change(f"answers = '{answer}'")
    assert read() == "answer CN=3015 DataTime=20260101000000;VaseNo=1\n"
    change(f"{last}, finished_at = now()")
    assert read().startswith(last.split("'")[1])
    assert process.wait(60) == code and read() == ""


def test_sending_without_following_returns_at_once_and_waiting_can_end(clean, admin):
    add(admin)
    done = cli(clean, "send", MN, "1062", "RtdInterval=30")
    assert done.returncode == 0 and done.stdout.startswith("command ")
    assert clean.sql("SELECT cn, fields::text, requested_by FROM station_command") == [["1062", '[["RtdInterval", "30"]]', "command line: carla"]]
    assert cli(clean, "send", MN, "1062", "RtdInterval=30", "--follow", "--wait", "0.1").returncode == 1
    assert cli(clean, "send", MN, "1062", "RtdInterval=29").returncode == 1
    assert cli(clean, "send", "ABSENT", "1061").returncode == 1
    assert cli(clean, "send", MN).returncode == 2
    assert clean.value("SELECT count(*) FROM station_command") == "2"
    assert "1062 RtdInterval=30…3600" in clean.wardwatch("station", "commands")
