"""Series of our own making with planted events, on which the detectors' constants were fixed.

    for case in cases(seed):  case.name, case.header, case.rows, case.labels, case.step_s

Kinds: a water station by the minute (wandering, quantised channels, pump switches, events in several channels); daily
courses by five minutes (with a day missing, a plateau, a changed level, a burst of noise); counts by the half hour with
weekdays (a quiet day, a surge); a slow temperature by the hour; spikes whose rate or size changes; a load whose level
changes for good; a nearly constant value. Every case has a twin without events (events=False) for false alarms.
All random numbers come from the seed.
"""

import math
import random
from datetime import datetime, timedelta

START = datetime(2025, 3, 3)  # a Monday


class Case:
    def __init__(self, name, step_s, columns):
        self.name, self.step_s, self.columns = name, step_s, columns
        self.rows, self.labels = [], []

    def add(self, values, label):
        self.rows.append(values)
        self.labels.append(label)

    def write(self, path):
        with open(path, "w", encoding="utf-8") as out:
            out.write("time," + ",".join(self.columns) + "\n")
            for i, values in enumerate(self.rows):
                when = START + timedelta(seconds=self.step_s * i)
                out.write(when.strftime("%Y-%m-%d %H:%M:%S") + "," + ",".join(f"{v:.6g}" for v in values) + "\n")

    def windows(self):
        """As NAB makes them: a tenth of the rows, shared among the events, around each."""
        from vus_pr import runs_of

        runs = runs_of(self.labels)
        half = max(1, len(self.rows) // 10 // max(1, len(runs)) // 2)
        return [(max(0, a - half), min(len(self.rows) - 1, a + half)) for a, _ in runs]


def plant(r, n, first, count, shortest, longest):
    """Events as {row: (event number, position 0..1)}, none before `first`, apart from each other."""
    spans, tries = [], 0
    while len(spans) < count and tries < 1000:
        tries += 1
        length = int(math.exp(r.uniform(math.log(shortest), math.log(longest))))
        a = r.randrange(first, n - length - 1)
        if all(a + length + longest < b or a > e + longest for b, e in spans):
            spans.append((a, a + length))
    spans.sort()
    return {row: (k, (row - a) / (b - a)) for k, (a, b) in enumerate(spans) for row in range(a, b)}


def shape(kind, position):
    if kind == "square":
        return 1.0
    if kind == "ramp":
        return min(1.0, 3 * min(position, 1 - position) + 0.05)
    return abs(math.sin(3 * math.pi * position)) * 0.9 + 0.1


def water_minutes(r, events, days=14):
    """Five channels; each an own wandering level, a daily course, noise, resolution; a pump that shifts pressure."""
    n = days * 1440
    case = Case("water_minutes", 60, ["temp", "chlorine", "ph", "redox", "turbidity"])
    base, daily = (8.0, 0.2, 7.8, 700.0, 0.05), (0.3, 0.006, 0.03, 4.0, 0.002)
    wander, noise = (0.004, 0.0004, 0.001, 0.25, 0.0002), (0.02, 0.003, 0.008, 1.2, 0.003)
    digits = (1, 2, 2, 0, 3)
    where = plant(r, n, 3 * 1440, 10, 10, 150) if events else {}
    kinds = [(r.choice(("square", "ramp", "waves")), r.sample(range(1, 5), r.randint(1, 3)), r.choice((-1, 1)))
             for _ in range(20)]
    strength = [math.exp(r.uniform(math.log(5), math.log(60))) for _ in range(20)]  # of the noise's sd
    level, pump = [0.0] * 5, 0.0
    for i in range(n):
        if r.random() < 1 / 400:
            pump = 1.0 - pump
        hour = 2 * math.pi * (i % 1440) / 1440
        values = []
        for c in range(5):
            level[c] += wander[c] * r.gauss(0, 1) - level[c] / 5000
            heavy = r.gauss(0, 1) * (4 if r.random() < 0.004 else 1)
            v = base[c] + level[c] + daily[c] * math.sin(hour + c) + noise[c] * heavy + (pump * noise[3] * 2 if c == 3 else 0)
            if i in where and c in kinds[where[i][0]][1]:
                kind, _, sign = kinds[where[i][0]]
                v += (1 if c == 4 else sign) * strength[where[i][0]] * noise[c] * shape(kind, where[i][1])
            values.append(round(v, digits[c]))
        case.add(values, int(i in where))
    return case


def daily_course(r, events, kind, days=21, step=5):
    """A daily course with one or two odd days."""
    per_day = 1440 // step
    n = days * per_day
    case = Case(f"daily_{kind}", step * 60, ["value"])
    amplitude, noise, block = r.uniform(20, 60), r.uniform(1, 5), r.random() < 0.5
    begin, end = r.randrange(6, 11), r.randrange(15, 22)
    begin_min, end_min = begin * 60 + r.choice((0, 0, 20)), end * 60
    odd_days = [r.randrange(10, days - 4), days - 3] if events else []
    for i in range(n):
        day, minute = divmod(i * step, 1440)
        on = begin_min <= minute < end_min
        course = amplitude * (1.0 if on else 0.0) if block else amplitude * math.sin(math.pi * minute / 1440) ** 2
        v, label = 20 + course + r.gauss(0, noise), 0
        if day in odd_days and (on or not block):
            middle = begin_min <= minute < end_min
            if kind == "missing" and middle:
                v, label = 20 + r.gauss(0, noise), 1
            elif kind == "plateau" and middle:
                v, label = 20 + amplitude * 0.5, 1
            elif kind == "up" and middle:
                v, label = v + amplitude * 0.5, 1
            elif kind == "noise" and middle:
                v, label = v + r.gauss(0, 4 * noise), 1
        case.add([v], label)
    return case


def half_hour_counts(r, events, days=120):
    case = Case("counts_weekdays", 1800, ["value"])
    where = {}
    if events:
        for day in r.sample(range(30, days), 3):
            where[day] = r.choice((0.55, 0.65, 1.4))
    for i in range(days * 48):
        day, half = divmod(i, 48)
        hour = half / 2
        course = 300 + 900 * math.exp(-((hour - 9) / 3) ** 2) + 1200 * math.exp(-((hour - 19) / 3.5) ** 2)
        if day % 7 >= 5:
            course = 350 + 1100 * math.exp(-((hour - 15) / 6) ** 2)
        factor = where.get(day, 1.0)
        daily = 1 + 0.05 * math.sin(day * 1.7)
        case.add([round(course * factor * daily * math.exp(r.gauss(0, 0.05)))], int(day in where and 7 <= hour < 22))
    return case


def slow_temperature(r, events, days=200):
    case = Case("slow_hourly", 3600, ["value"])
    where = plant(r, days * 24, 30 * 24, 2, 24, 72) if events else {}
    level = 0.0
    for i in range(days * 24):
        level = 0.995 * level + r.gauss(0, 0.25)
        v = 20 + 3 * math.sin(2 * math.pi * i / 24) + level + r.gauss(0, 0.3)
        if i in where:
            v -= 8 * shape("ramp", where[i][1])
        case.add([round(v, 2)], int(i in where))
    return case


def spikes(r, events, kind, days=21):
    """Mostly a low value with spikes; then more of them, or larger ones."""
    n = days * 288
    case = Case(f"spikes_{kind}", 300, ["value"])
    where = plant(r, n, n // 3, 1, 150, 300) if events else {}
    low, size, rate = r.uniform(1, 10), r.uniform(20, 80), r.uniform(0.01, 0.06)
    for i in range(n):
        odd = i in where
        spike = r.random() < (rate * 5 if odd and kind == "denser" else rate)
        v = low + abs(r.gauss(0, low / 10)) + (size * r.uniform(0.6, 1.2) if spike else 0)
        if odd and kind == "larger" and spike:
            v += 2.5 * size
        case.add([v], int(odd))
    return case


def load(r, events, kind, days=21):
    """Autocorrelated, skewed; then another level for hours, or for good, or a slow climb."""
    n = days * 288
    case = Case(f"load_{kind}", 300, ["value"])
    at = r.randrange(n // 2, n - 600) if events else n
    length = {"hours": 48, "for_good": 300, "climb": 250}[kind]
    x = 0.0
    for i in range(n):
        x = 0.7 * x + r.gauss(0, 1)
        odd = at <= i < at + length
        v = 40 + 3 * x + (r.expovariate(1 / 10) if r.random() < 0.02 else 0)
        if kind == "for_good" and i >= at:
            v += 25
        elif odd and kind == "hours":
            v -= 25
        elif odd and kind == "climb":
            v += 40 * (i - at) / length
        case.add([v], int(odd))
    return case


def nearly_constant(r, events, days=14):
    """A value in steps of 0.1 that hardly moves; then it moves ten steps for some hours."""
    n = days * 288
    case = Case("nearly_constant", 300, ["value"])
    where = plant(r, n, n // 3, 2, 20, 60) if events else {}
    for i in range(n):
        v = 7.0 + (0.1 if r.random() < 0.1 else 0.0) - (1.0 if i in where else 0)
        case.add([round(v, 1)], int(i in where))
    return case


MAKERS = (
    [("water", water_minutes)]
    + [(f"daily_{k}", lambda r, e, k=k: daily_course(r, e, k)) for k in ("missing", "plateau", "up", "noise")]
    + [("counts", half_hour_counts), ("slow", slow_temperature)]
    + [(f"spikes_{k}", lambda r, e, k=k: spikes(r, e, k)) for k in ("denser", "larger")]
    + [(f"load_{k}", lambda r, e, k=k: load(r, e, k)) for k in ("hours", "for_good", "climb")]
    + [("nearly_constant", nearly_constant)]
)


def cases(seed, events=True):
    for name, make in MAKERS:
        yield make(random.Random(f"{seed}/{name}"), events)
