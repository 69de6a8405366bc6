"""The input of the fault tests: deterministic by seed, and what must be in the database after it.

Several clients, each with things of its own; the requests of one client are in strict order. Each thing
reports two properties every five minutes: `cod`, judged reading by reading (2 of 3), and `nh3n`, judged by
hourly means. Both swing across their limits, so that alerts open and clear many times. Mixed in: the same
row again, rows that come late (for means also after their hour has been judged), corrections, calibrations,
readings taken elsewhere, rows that are no good.
"""

import itertools
import json
import math
import random

STEP_S = 300
START = 1_767_225_600  # 2026-01-01T00:00:00Z
FIRST_STEP = -105_120  # a year before: room for hours of it before today
FEED = {
    "format": "ndjson",
    "thing": "t",
    "property": "p",
    "value": "v",
    "time": {"field": "at", "format": "epoch"},
    "quality": {"field": "q", "default": "N"},
    "place": {"x": "x", "y": "y"},
    "register": True,
    "thing_class": "probe",
}
RULES = {
    "spot": {"property": "cod", "limit_class": "fault", "standard": "TEST 1", "averaging": "instant",
             "judge": "reading", "fire": [2, 3], "clear": [2, 2], "clear_ratio": 0.9},
    "mean": {"property": "nh3n", "limit_class": "fault", "standard": "TEST 1", "averaging": "1h", "judge": "mean",
             "fire": [1, 2], "clear": [2, 2], "expected_step_s": STEP_S, "min_coverage": 0.5},
}  # fmt: skip
LIMIT = 60
WARDS = ("990000001", "990000002", "990000003")


def prepare(database):
    """Three wards side by side, the feed, the limits and the rules."""
    for i, code in enumerate(WARDS):
        west, east = 107 + i * 0.1, 107 + (i + 1) * 0.1
        database.sql(
            f"""INSERT INTO ward (code, name_zh, name_en, geom) VALUES ('{code}', 'w', 'w',
                ST_Multi(ST_MakeEnvelope({west}, 29, {east}, 29.1, 4490)))"""
        )
    database.sql("INSERT INTO feed (name, config) VALUES ('fault', :'config')", config=json.dumps(FEED))
    for code, config in RULES.items():
        database.sql(
            """INSERT INTO limit_value (property_id, standard_no, class, averaging, upper, unit, valid_from, status, source)
               SELECT id, 'TEST 1', 'fault', :'averaging', :'upper', unit, '2000-01-01', 'check', 'test'
               FROM observed_property WHERE code = :'property'""",
            averaging=config["averaging"], upper=LIMIT, property=config["property"],
        )  # fmt: skip
        database.sql(
            """INSERT INTO rule (code, name_zh, name_en, detector, severity, config)
               VALUES (:'code', 'r', 'r', 'limit', 2, :'config')""",
            code=code, config=json.dumps(config),
        )  # fmt: skip


class Thing:
    def __init__(self, rng, key, number):
        self.key = key
        self.x = 107.01 + (number % 31) * 0.01
        self.y = 29.05
        self.phase = rng.random() * 7
        self.period = 25 + rng.random() * 40
        self.late = []  # rows held back
        self.recent = []  # rows sent, newest last

    def value(self, rng, step):
        return round(LIMIT + 30 * math.sin(self.phase + step / self.period * 2 * math.pi) + rng.uniform(-8, 8), 3)


def row(thing, property_code, at, value, flag="N", **more):
    fields = {"t": thing.key, "p": property_code, "at": at, "v": value, "x": thing.x, "y": thing.y}
    if flag != "N":
        fields["q"] = flag
    return {**fields, **more}


def spot_rows(rng, thing, step):
    """One step of `cod`: the reading, perhaps late, and perhaps a correction of one of the last two."""
    at = START + step * STEP_S
    fresh = row(thing, "cod", at, thing.value(rng, step))
    dice = rng.random()
    if dice < 0.03:
        fresh = row(thing, "cod", at, 500.0, "C")
    elif dice < 0.06:
        fresh["x"], fresh["y"] = round(107 + rng.random() * 0.4, 4), 29.02  # elsewhere, perhaps outside
    rows, thing.late = thing.late, []
    if 0.06 <= dice < 0.12:
        thing.late = [fresh]
    else:
        rows.append(fresh)
        thing.recent = [*thing.recent[-1:], fresh]
    if 0.12 <= dice < 0.17 and thing.recent:
        rows.append({**rng.choice(thing.recent), "v": thing.value(rng, step + 7)})
    return rows


def mean_rows(rng, thing, step):
    """One step of `nh3n`: now and then two in the wrong order, a calibration, an hour without, late ones, corrections."""
    at = START + step * STEP_S
    hour, within = divmod(step, 12)
    if (hour * 7 + len(thing.key)) % 11 == 0:
        return []
    flag = "C" if rng.random() < 0.04 else "N"
    swap = within + (1 if within % 2 == 0 else -1) if hour % 3 == 0 else within
    at += (swap - within) * STEP_S
    rows = [row(thing, "nh3n", at, thing.value(rng, step) if flag == "N" else 900.0, flag)]
    dice = rng.random()
    if dice < 0.04:  # one from an hour that is judged already: stored, and judged no more
        rows.append(row(thing, "nh3n", at - 5400, 950.0 + step % 7))
    elif dice < 0.08:  # a correction within the hour
        rows.append({**rows[0], "v": thing.value(rng, step + 3)})
    return rows


def bad_line(rng, thing, at):
    return rng.choice(
        [
            json.dumps(row(thing, "cod", at, "much")),
            json.dumps(row(thing, "no_such_property", at, 1)),
            json.dumps(row(thing, "cod", 4_000_000_000, 1)),
            json.dumps(row(thing, "cod", at, 1))[:-9],
            '{"t":"\\u0000","p":"\\u0000","at":1767225600,"v":1}',  # where the topic names the thing, "t" is not looked at
        ]
    )


def make_request(rng, things, step, steps):
    lines, rows = [], []
    for s in range(step, step + steps):
        for thing in things:
            fresh = spot_rows(rng, thing, s) + mean_rows(rng, thing, s)
            rows += fresh
            lines += [json.dumps(r) for r in fresh]
    bad = 0
    if rng.random() < 0.2:
        lines.insert(rng.randrange(len(lines)), bad_line(rng, things[0], START + step * STEP_S))
        bad = 1
    if rng.random() < 0.3:  # the same row twice in one request
        lines.append(lines[-1])
    if rng.random() < 0.3:  # and the first one, which takes back a correction if there was one
        rows.append(rows[0])
        lines.append(json.dumps(rows[0]))
    return {"body": "\n".join(lines).encode(), "rows": rows, "bad": bad}


def requests(seed, client, n_things=5, steps=2):
    """The requests of one client, without end; the same for the same arguments. Each is {"body", "rows", "bad"}."""
    rng = random.Random(seed * 1000 + client)
    things = [Thing(rng, f"c{client}-t{i}", client * n_things + i) for i in range(n_things)]
    for step in itertools.count(FIRST_STEP, steps):
        yield make_request(rng, things, step, steps)


def expected_versions(clients):
    """Of [client][request]: {(thing, property, time): [(value, flag), …]}: what observation must hold, version by version."""
    found = {}
    for requests in clients:
        for request in requests:
            for r in request["rows"]:
                versions = found.setdefault((r["t"], r["p"], r["at"]), [])
                said = (float(r["v"]), r.get("q", "N"))
                if not versions or versions[-1] != said:
                    versions.append(said)
    return found
