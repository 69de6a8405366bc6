"""A made-up district in which every row says whose it is, for test_visibility.py.

What belongs to ward n carries the word "mark{n}x", or a number 90{n}0770.... where there is no place for a word; n = 0: no ward. So
whatever an answer is made of, `marks(text)` tells which wards something of it is from.
"""

import math
import random
import re

MARK = re.compile(r"mark(\d)x|(?<![\w.])90(\d)0770\d{4}(?![\w])")


def marks(text):
    """The wards (0: none) that a text shows something of."""
    return {int(word or number) for word, number in MARK.findall(text)}


def number(ward, n=1):
    return f"90{ward}0770{n:04d}"


class District:
    """Wards 1 to 3, 4 or 5, and 0 for what has none; random numbers of rows in each."""

    def __init__(self, database, seed):
        self.random = random.Random(seed)
        self.database = database
        self.wards = list(range(1, self.random.randint(4, 6)))
        database.sql(self.make())
        self.make_hotspots()
        database.sql("ANALYZE")

    def code(self, ward):
        return f"w-mark{ward}x"

    def all(self):
        return set(self.wards) | {0}

    def make(self):
        sql = [
            "SELECT setval('raw_message_id', 1000001);",
            "INSERT INTO setting VALUES ('district', '{\"name_en\":\"Demo\",\"time_zone\":\"UTC\"}') ON CONFLICT DO NOTHING;",
            "SELECT ensure_partition('2026-06-01'), ensure_partition('2026-07-01');",
            "INSERT INTO observed_property (code, name_zh, name_en, unit) VALUES ('p1', '一', 'One', 'mg/L'), ('p2', '二', 'Two', 'mg/L'), ('made_up_complaint', '投诉', 'C', '1');",
            "INSERT INTO feed (name, title, config) VALUES ('f1', 'F1', '{\"format\":\"ndjson\"}'), ('f2', 'F2', '{\"protocol\":\"hj212\"}'),"
            " ('f3', 'F3', '{\"protocol\":\"pull\",\"pull\":{\"password\":\"SECRET\",\"headers\":{\"k\":\"SECRET\"}}}');",
            "INSERT INTO waterway (code, name_zh, geom, length_m) VALUES ('r1', '河', ST_GeomFromText('LINESTRING(107 29,107.5 29.1)', 4490), 5);",
            "INSERT INTO limit_value (property_id, standard_no, class, averaging, upper, unit, valid_from, status, source)"
            " SELECT id, 'T 1', 'c', 'instant', 60, 'mg/L', '2020-01-01', 'check', 'test' FROM observed_property WHERE code = 'p1';",
            "INSERT INTO rule (code, name_zh, name_en, detector, severity, enabled, config) VALUES"
            " ('high', '超标', 'High', 'limit', 3, false, '{\"property\":\"p1\"}'), ('spots', '热点', 'Spots', 'hotspot', 1, false, '{\"property\":\"p1\"}');",
            # What has no ward because it is about the works: all of it mark 0.
            "INSERT INTO raw_message (id, feed_id, received_at, peer, content_type, sha256, n_bytes, received, stored, corrections, duplicates, dead, body_zstd)"
            " SELECT n, 1, '2026-06-01T12:00:00Z', 'mark0x', 'mark0x', '\\x00', 1, 1, 1, 0, 0, 0, 'mark0x' FROM generate_series(1, 3) n;",
            "INSERT INTO dead_letter (feed_id, raw_message_id, line, col, field, reason, raw, content_type) VALUES"
            " (1, 1, 1, 1, 'v', 'mark0x reason', 'mark0x raw', 'text/plain'), (2, 1, 1, 1, 'v', 'mark0x', 'mark0x PW=SECRET;', '');",
            "INSERT INTO station (mn, feed_id, password, config) VALUES ('mark0x-mn', 2, 'SECRET', '{\"note\":\"mark0x\"}');",
            "INSERT INTO station_command (mn, cn, fields, answers) VALUES ('mark0x-mn', 1072, '[[\"NewPW\",\"SECRET\"],[\"k\",\"mark0x\"]]',"
            " '[{\"cn\":9013,\"data\":\"NewPW=SECRET;mark0x\"}]');",
            "INSERT INTO station_gap (mn, cn, begin_at, end_at) VALUES ('mark0x-mn', 2051, '2026-06-01', '2026-06-02');",
            "INSERT INTO station_event (mn, kind, detail) VALUES ('mark0x-mn', 'restarted', '{\"note\":\"mark0x\"}');",
            "INSERT INTO station_deviation VALUES ('mark0x-mn', 'crc', 1, now(), now());",
            "INSERT INTO pull_state (feed_id, source, cursor) VALUES (3, 'x', 'SECRET');",
            "INSERT INTO feed_health (feed_id, server) SELECT id, 's' FROM feed;",
        ]
        order = sorted(self.all(), key=lambda _: self.random.random())
        for ward in [w for w in order if w]:
            x = 107 + ward / 10
            box = f"ST_Multi(ST_MakeEnvelope({x}, 29, {x + 0.1}, 29.1, 4490))"
            sql.append(f"INSERT INTO ward (code, name_zh, name_en, geom) VALUES ('{self.code(ward)}', 'mark{ward}x', 'mark{ward}x', {box});")
        for ward in order:
            for n in range(self.random.randint(1, 3)):
                sql.append(self.place(ward, n))
        # In ward 1, then found to have been measured in ward 2 (by one row each: as stage_store writes them).
        sql.append(f"""
            INSERT INTO observation SELECT d.id, '2026-06-05', 1, NULL, {number(1, 99)}, 0, {self.id_of(1)}, 1, 'N', NULL
            FROM datastream d JOIN thing t ON t.id = d.thing_id WHERE t.key = 'mark1x-0' LIMIT 1;
            INSERT INTO observation SELECT d.id, '2026-06-05', 1, NULL, {number(2, 99)}, 0, {self.id_of(2)}, 2, 'N', NULL
            FROM datastream d JOIN thing t ON t.id = d.thing_id WHERE t.key = 'mark1x-0' LIMIT 1;
            INSERT INTO observation_moved SELECT datastream_id, phenomenon_time, interval_s, 1, {self.id_of(1)}
            FROM observation WHERE value = {number(2, 99)};""")
        return "\n".join(sql)

    def tiles(self):
        """Tiles (z, x, y) that hold all places."""
        found = set()
        for z in (8, 12):
            for x in range(0, 61):  # in hundredths of a degree, from 107 on
                lon, lat = 107 + x / 100, math.radians(29.05)
                found.add((z, int((lon + 180) / 360 * 2**z), int((1 - math.asinh(math.tan(lat)) / math.pi) / 2 * 2**z)))
        return sorted(found)

    def id_of(self, ward):
        return f"(SELECT id FROM ward WHERE code = '{self.code(ward)}')" if ward else "NULL::integer"

    def place(self, ward, n):
        """A site with a thing, its series and readings, alerts and all that hangs on them."""
        w, mark, key = self.id_of(ward), f"mark{ward}x", f"mark{ward}x-{n}"
        at = f"ST_SetSRID(ST_MakePoint({107 + ward / 10 + 0.01 * (n + 1)}, 29.05), 4490)"
        state = self.random.choice(["open", "cleared"])
        cleared = "'2026-06-02'" if state == "cleared" else "NULL"
        return f"""
            WITH s AS (INSERT INTO site (code, name_zh, kind, ward_id, geom) VALUES ('{key}', '{mark}', 'plant', {w}, {at}) RETURNING id),
            t AS (INSERT INTO thing (feed_id, key, name_zh, name_en, class, site_id, ward_id, geom)
                  SELECT 1, '{key}', '{mark}', '{mark}', 'outfall', id, {w}, {at} FROM s RETURNING id),
            n AS (INSERT INTO sensor (thing_id, name) SELECT id, '{mark}' FROM t),
            h AS (INSERT INTO thing_health (thing_id, state, last_received_at, stored, server) SELECT id, 'ok', '2026-06-01', {number(ward, n)}, '{mark}' FROM t),
            g AS (INSERT INTO feature_of_interest SELECT {ward * 10 + n + 1}, {w}, {at}, {number(ward)}, 0, '{mark}' RETURNING id),
            d AS (INSERT INTO datastream (thing_id, property_id)
                  SELECT t.id, p.id FROM t, observed_property p WHERE p.code IN ('p1', 'p2', 'made_up_complaint') RETURNING id, property_id),
            o AS (INSERT INTO observation (datastream_id, phenomenon_time, raw_message_id, foi_id, value, interval_s, ward_id, version, flag, detail)
                  SELECT d.id, '2026-06-01T00:00:00Z'::timestamptz + make_interval(hours => k), 1, g.id, {number(ward)}, 0, {w}, 1, 'N', '{{"note":"{mark}"}}'
                  FROM d, g, generate_series(0, 3) k),
            a AS (INSERT INTO alert (rule_id, rule_version, category, subject_kind, subject_id, ward_id, state, severity, opened_at, last_exceeded_at,
                                     cleared_at, exceed_count, last_value, peak_value, peak_at, property_id, limit_value_id, explanation)
                  SELECT r.id, 1, 'pollution', 'datastream', d.id, {w}, '{state}', {self.random.randint(1, 4)}, '2026-06-01', '2026-06-01', {cleared}, 1,
                         {number(ward)}, {number(ward)}, '2026-06-01', p.id, l.id, '{{"why":"{mark}"}}'
                  FROM d JOIN observed_property p ON p.id = d.property_id AND p.code = 'p1', rule r, limit_value l WHERE r.code = 'high' AND l.standard_no = 'T 1' RETURNING id, ward_id),
            e AS (INSERT INTO alert_event (alert_id, ward_id, kind, at, actor, detail)
                  SELECT a.id, a.ward_id, 'opened', '2026-06-01', '{mark}', '{{"value":{number(ward)}}}' FROM a),
            u AS (INSERT INTO alert_outcome (alert_id, outcome, actor, note) SELECT id, 'confirmed', '{mark}', '{mark}' FROM a),
            k AS (INSERT INTO alert_work (alert_id, version, acknowledged_by, assignee) SELECT id, 1, '{mark}', '{mark}' FROM a),
            c AS (INSERT INTO alert_trace (alert_id, trace, geojson)
                  SELECT id, '{{"note":"{mark}"}}', '{{"type":"FeatureCollection","features":[{{"type":"Feature","geometry":null,"properties":{{"kind":"{mark}"}}}}]}}' FROM a),
            y AS (INSERT INTO maintenance_window (thing_id, from_at, to_at, author, reason)
                  SELECT id, '2026-06-01', '2026-06-02', '{mark}', '{mark}' FROM t RETURNING id),
            q AS (INSERT INTO silence (ward_ids, thing_id, severity, until, author, reason)
                  SELECT CASE WHEN {w} IS NOT NULL THEN ARRAY[{w}] END, id, 4, now() + interval '1 day', '{mark}', '{mark}' FROM t RETURNING id),
            qa AS (INSERT INTO alert_silenced (alert_id, silence_id) SELECT a.id, q.id FROM a, q),
            z AS (INSERT INTO muted_signal (rule_id, rule_version, subject_kind, subject_id, ward_id, reason, window_id, at, n_readings, explanation)
                  SELECT r.id, 1, 'datastream', d.id, {w}, 'maintenance', y.id, '2026-06-01', 1, '{{"why":"{mark}"}}'
                  FROM d JOIN observed_property p ON p.id = d.property_id AND p.code = 'p1', rule r, y WHERE r.code = 'high'),
            m AS (INSERT INTO supervision_model (code, version, name_zh, name_en, sql) VALUES ('m-{ward}-{n}', 1, 'm', 'm', 'SECRET') RETURNING id),
            v AS (INSERT INTO model_run (model_id) SELECT id FROM m RETURNING id),
            f AS (INSERT INTO finding SELECT v.id, '{key}', s.id, {w}, '{{"note":"{mark}"}}' FROM v, s)
            SELECT;"""

    def make_hotspots(self):
        """A server takes away those of rules that are off when it starts: so after that."""
        self.database.sql("".join(f"""
            INSERT INTO hotspot (rule_id, places, key, ward_id, value, n_things, class)
            SELECT id, 'hexagon', 'mark{ward}x', {self.id_of(ward)}, {number(ward)}, 1, 'hot' FROM rule WHERE code = 'spots'
            ON CONFLICT DO NOTHING;""" for ward in self.all()))
