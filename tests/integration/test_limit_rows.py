"""The legal limits and observed properties that the migrations bring, checked as a table."""

import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def unit_dimensions():
    """{code: dimension} of the units that geo/unit.c knows."""
    with open(os.path.join(ROOT, "geo", "unit.c"), encoding="utf-8") as file:
        return dict(re.findall(r'^    \{"([^"]+)", ([A-Z_]+), ', file.read(), re.MULTILINE))


def hours_of(hour_from, hour_to):
    if hour_from == hour_to:
        return set(range(24))
    return {(hour_from + i) % 24 for i in range((hour_to - hour_from) % 24)}


def test_no_two_limits_of_one_thing_hold_at_one_time(database):
    # Stricter than the table's own constraint: across standards, and by the hours themselves.
    pairs = database.sql(
        """SELECT a.id, b.id, a.hour_from, a.hour_to, b.hour_from, b.hour_to
           FROM limit_value a JOIN limit_value b USING (property_id, class, averaging, jurisdiction)
           WHERE a.id < b.id AND tstzrange(a.valid_from, a.valid_to) && tstzrange(b.valid_from, b.valid_to)"""
    )
    assert pairs  # day and night of a noise class: they share the dates, not the hours
    for first, second, *hours in pairs:
        a_from, a_to, b_from, b_to = map(int, hours)
        assert not hours_of(a_from, a_to) & hours_of(b_from, b_to), (first, second)


def test_an_overlapping_row_is_refused_by_the_table(database):
    before = database.value("SELECT count(*) FROM limit_value")
    try:
        database.sql(
            """INSERT INTO limit_value (property_id, standard_no, class, averaging, upper, unit, valid_from, status, source)
               SELECT property_id, standard_no, class, averaging, upper + 1, unit, valid_from + interval '1 day', 'check', 'test'
               FROM limit_value WHERE standard_no = 'GB 3095-2012' LIMIT 1"""
        )
        refused = False
    except RuntimeError as error:
        refused = "exclusion constraint" in str(error)
    assert refused
    assert database.value("SELECT count(*) FROM limit_value") == before


def test_every_unit_is_known_and_converts_to_the_property(database):
    dimensions = unit_dimensions()
    assert len(dimensions) > 50
    for code, unit in database.sql("SELECT code, unit FROM observed_property"):
        assert unit in dimensions, code
    rows = database.sql(
        "SELECT l.id, p.code, l.unit, p.unit FROM limit_value l JOIN observed_property p ON p.id = l.property_id"
    )
    for row, code, limit_unit, unit in rows:
        assert dimensions.get(limit_unit) == dimensions[unit], (row, code, limit_unit, unit)


def test_every_row_says_where_it_is_from(database):
    rows = database.sql("SELECT status, source, note, standard_no, lower, upper FROM limit_value")
    assert len(rows) > 400
    for status, source, note, standard, lower, upper in rows:
        assert source.startswith(standard)
        if status == "verified":
            assert "; seen " in source and "from memory" not in source, source
        else:
            assert "from memory" in source or "another public source" in note, source
        assert not lower or not upper or float(lower) < float(upper)


def limit_at(database, code, limit_class, averaging, when, hour=12):
    rows = database.sql(
        """SELECT coalesce(upper, lower), status, hour_from, hour_to
           FROM limit_value l JOIN observed_property p ON p.id = l.property_id
           WHERE p.code = :'code' AND class = :'class' AND averaging = :'averaging'
             AND valid_from <= :'at' AND :'at' < valid_to""",
        **{"code": code, "class": limit_class, "averaging": averaging, "at": when},
    )
    rows = [row for row in rows if hour in hours_of(int(row[2]), int(row[3]))]
    assert len(rows) <= 1
    return (float(rows[0][0]), rows[0][1]) if rows else None


def test_the_limit_follows_the_date_of_the_observation(database):
    at = lambda when: limit_at(database, "pm2_5", "air.2", "24h", when)
    assert at("2011-06-01") is None
    assert at("2013-03-01 00:00+08") == (75, "verified")
    assert at("2026-02-28 23:59:59+08") == (75, "verified")
    assert at("2026-03-01 00:00:00+08") == (60, "verified")
    assert at("2030-12-31 23:59:59+08") == (60, "verified")
    assert at("2031-01-01 00:00:00+08") == (50, "verified")
    # contradicted by another public source
    assert limit_at(database, "pm10", "air.2", "24h", "2031-06-01") == (100, "check")
    assert limit_at(database, "pm10", "air.2", "24h", "2027-06-01") == (120, "verified")


def test_known_values_stand_in_their_rows(database):
    now = "2026-11-23"
    for code, limit_class, averaging, expected in [
        ("cod", "medical.pretreatment", "24h", (250, "verified")),
        ("cod", "medical.discharge", "24h", (60, "verified")),
        ("fecal_coliform", "medical.infectious", "24h", (100, "verified")),
        ("nh3n", "medical.pretreatment", "24h", None),
        ("nh3n", "medical.discharge", "24h", (15, "check")),
        ("nh3n", "wwtp.1A", "24h", (5, "verified")),
        ("cod", "wastewater.L1", "24h", (100, "verified")),
        ("colour", "wastewater.L3", "24h", None),
        ("do", "surface_water.III", "instant", (5, "verified")),
        ("tp", "surface_water.III", "instant", (0.2, "verified")),
        ("tp", "lake_water.III", "instant", (0.05, "verified")),
        ("tn", "surface_water.III", "instant", None),
        ("so2", "air_boundary.new", "1h", (0.4, "check")),
    ]:
        assert limit_at(database, code, limit_class, averaging, now) == expected, (code, limit_class)
    assert limit_at(database, "noise_leq", "noise_boundary.2", "1h", now, hour=21) == (60, "verified")
    assert limit_at(database, "noise_leq", "noise_boundary.2", "1h", now, hour=22) == (50, "verified")
    assert limit_at(database, "noise_leq", "noise_boundary.2", "1h", now, hour=5) == (50, "verified")
    assert limit_at(database, "noise_leq", "noise_boundary.2", "1h", now, hour=6) == (60, "verified")
