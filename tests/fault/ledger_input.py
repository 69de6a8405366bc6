"""The input of the ledger test: an endless, deterministic line of messages for each client, on three protocols.

What the things measure comes from fault_input.py, so what must be stored afterwards is computed in the same way.
Every message is unlike every other (a number in it), as a device's are: a QN, a sequence number, a time.
"""

import datetime
import itertools
import json
import random

import fault_input
import ledger_wire

CHINA = datetime.timezone(datetime.timedelta(hours=8))
FACTORS = {"cod": "w01018", "nh3n": "w21003"}
HTTP, HJ212, MQTT = "http", "hj212", "mqtt"
FEEDS = {
    HTTP: fault_input.FEED,
    HJ212: {"protocol": "hj212", "hj212": {"unknown": "register"}, "register": True, "thing_class": "probe"},
    MQTT: {**fault_input.FEED, "thing": {"topic": "thing"}, "protocol": "mqtt", "mqtt": {"topics": ["fault/{thing}"]}},
}
FEED_NAMES = {HTTP: "fault", HJ212: "fault-hj212", MQTT: "fault-mqtt"}


class Message:
    """`body`: what the server keeps as the raw message. `answered`: whether a good server acknowledges it.
    `rows`: what must be stored then. `name`: QN or topic."""

    __slots__ = ("index", "body", "rows", "answered", "name")

    def __init__(self, body, rows, answered=True, name=""):
        self.index = 0
        self.body = body
        self.rows = rows
        self.answered = answered
        self.name = name


def messages(protocol, seed, client, n_things=3, first_step=fault_input.FIRST_STEP):
    """The messages of one client, without end; the same for the same arguments."""
    rng = random.Random(f"{seed} {protocol} {client}")
    make = {HTTP: http_messages, HJ212: hj212_messages, MQTT: mqtt_messages}[protocol]
    things = [fault_input.Thing(rng, thing_key(protocol, client, i), client * n_things + i) for i in range(n_things)]
    for index, message in enumerate(make(rng, things, first_step)):
        message.index = index
        yield message


def thing_key(protocol, client, number):
    if protocol == HJ212:  # an MN of 24 characters
        return f"010000A8900016F0{client:04X}{number:04X}"
    return f"{protocol}{client}-t{number}"


def steps(rng, things, first_step):
    """(thing, step, rows) in the order of time."""
    step = first_step
    while True:
        for thing in things:
            yield thing, step, fault_input.spot_rows(rng, thing, step) + fault_input.mean_rows(rng, thing, step)
        step += 1


# ---- HTTP: a request of all the client's things a step; MQTT: a publish a thing and step ----


def ndjson(rng, thing, at, rows, number):
    """Lines of `rows`, now and then with one that is no good, one that is there twice, one that takes back."""
    rows = list(rows)
    if rows and rng.random() < 0.1:
        rows.append(rows[-1])
    if rows and rng.random() < 0.1:
        rows.append(rows[0])
    lines = [json.dumps({**r, "number": number}) for r in rows]
    if rng.random() < 0.1:
        bad = fault_input.bad_line(rng, thing, at)
        bad = f'{bad[:-1]}, "number": {number}}}' if bad.endswith("}") else f"{bad} {number}"
        lines.insert(rng.randrange(len(lines) + 1), bad)
    return Message("\n".join(lines).encode(), rows)


def moment(step):
    return fault_input.START + step * fault_input.STEP_S


def http_messages(rng, things, first_step):
    rows, number = [], 0
    for thing, step, fresh in steps(rng, things, first_step):
        rows += fresh
        if thing is things[-1]:
            number += 1
            message = ndjson(rng, thing, moment(step), rows, number)
            rows = []
            if message.body:
                yield message


def mqtt_messages(rng, things, first_step):
    for number, (thing, step, rows) in enumerate(steps(rng, things, first_step)):
        message = ndjson(rng, thing, moment(step), rows, number)
        message.name = f"fault/{thing.key}"
        if message.body:
            yield message


# ---- HJ 212: a frame a moment of a station, now and then two packets, and frames as bad loggers send them ----


def hj212_messages(rng, things, first_step):
    numbers = itertools.count()
    for thing, step, rows in steps(rng, things, first_step):
        for frame_rows in by_moment(rows):
            yield from hj212_upload(rng, thing, frame_rows, numbers)
            dice = rng.random()
            if dice < 0.03:  # the same again, as after a lost answer, but under a new QN
                yield hj212_frame(thing, numbers, frame_rows)
            elif dice < 0.06:
                yield hj212_bad(rng, thing, frame_rows[0]["at"], numbers)
            elif dice < 0.09:
                yield hj212_spoiled(rng, thing, frame_rows[0]["at"], numbers)


def by_moment(rows):
    """Runs of rows of one time and different properties: what one frame can say."""
    runs = []
    for row in rows:
        if runs and runs[-1][0]["at"] == row["at"] and all(r["p"] != row["p"] for r in runs[-1]):
            runs[-1].append(row)
        else:
            runs.append([row])
    return runs


def hj212_upload(rng, thing, rows, numbers):
    if len(rows) == 1 or rng.random() > 0.1:
        yield hj212_frame(thing, numbers, rows)
        return
    for i, row in enumerate(rows):
        yield hj212_frame(thing, numbers, [row], packet=(len(rows), i + 1))


def factors(rows):
    return ";".join(f"{FACTORS[r['p']]}-Rtd={r['v']},{FACTORS[r['p']]}-Flag={r.get('q', 'N')}" for r in rows)


def qn(numbers):
    """Seventeen digits, another one for each frame of a client."""
    seconds, thousandths = divmod(next(numbers), 1000)
    return f"{datetime.datetime(2026, 1, 1) + datetime.timedelta(seconds=seconds):%Y%m%d%H%M%S}{thousandths:03d}"


def hj212_message(thing, at, data, numbers, rows, packet=None, spoil=0):
    name = qn(numbers)
    time = f"{datetime.datetime.fromtimestamp(at, CHINA):%Y%m%d%H%M%S}"
    segment = ledger_wire.hj212_upload(name, thing.key, 2011, f"DataTime={time};{data}", packet)
    return Message(ledger_wire.hj212_frame(segment, spoil), rows, not spoil, name)


def hj212_frame(thing, numbers, rows, packet=None):
    return hj212_message(thing, rows[0]["at"], factors(rows), numbers, rows, packet)


def hj212_bad(rng, thing, at, numbers):
    """A good frame whose content is no good: kept as dead letters, and answered, or it would come for ever."""
    data, late = rng.choice([("w99999-Rtd=1.5,w99999-Flag=N", 0), ("w01018-Rtd=much,w01018-Flag=N", 0), ("w01018-Rtd=1.0", 3 * 10**9)])
    return hj212_message(thing, at + late, data, numbers, [])


def hj212_spoiled(rng, thing, at, numbers):
    """A value that must not be believed: the CRC is wrong."""
    return hj212_message(thing, at, "w01018-Rtd=99999.0,w01018-Flag=N", numbers, [], spoil=rng.randrange(1, 256) << 8)
