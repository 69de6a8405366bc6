"""Series of our own making with planted events, on which the detectors' constants were fixed.

    for case in cases(seed):  case.name, case.header, case.rows, case.labels, case.step_s

Kinds: a water station by the minute and by twenty minutes (wandering, quantised channels that the plant moves, wild
readings, events in several channels); daily courses by five minutes (a day missing, a plateau, a changed level, a burst
of noise); counts by the half hour with weekdays and holidays; a slow temperature and an office by the hour; spikes whose
rate or size changes; a load whose level changes for good; a nearly constant value; a machine that stops and breaks; a
latency with bursts; keystrokes of another person; a processor that is set wrong. Much in them is odd without being an
event. Every case has a twin without events (events=False) for false alarms. All random numbers come from the seed.
"""

import math
import random
from datetime import datetime, timedelta

START = datetime(2025, 3, 3)  # a Monday


class Case:
    def __init__(self, name, step_s, columns):
        self.name, self.step_s, self.columns = name, step_s, columns
        self.rows, self.labels, self.at, self.gap = [], [], [], 0

    def add(self, values, label):
        self.at.append(len(self.rows) + self.gap)  # in steps since the start
        self.rows.append(values)
        self.labels.append(label)

    def skip(self, steps):
        """Nothing came for so many steps before the next row."""
        self.gap += steps

    def write(self, path):
        with open(path, "w", encoding="utf-8") as out:
            out.write("time," + ",".join(self.columns) + "\n")
            for i, values in enumerate(self.rows):
                when = START + timedelta(seconds=self.step_s * self.at[i])
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


def walk(r, n, reach, memory):
    """A wandering level: mean 0, sd `reach`, forgets within `memory` rows."""
    keep, level = 1 - 1 / memory, r.gauss(0, reach)
    step = reach * math.sqrt(1 - keep * keep)
    for _ in range(n):
        level = keep * level + r.gauss(0, step)
        yield level


def ramps(r, n, every, size, shortest, longest):
    """A level that is moved on purpose, now and then, within some rows: another pump, another source."""
    level, goal, left = 0.0, 0.0, 0
    for _ in range(n):
        if left == 0 and r.random() < 1 / every:
            goal, left = r.gauss(0, size), r.randint(shortest, longest)
        if left > 0:
            level += (goal - level) / left
            left -= 1
        yield level


# Name, base, daily amplitude, wandering (reach and memory in rows), noise, digits, size of plant changes; in the unit.
WATER = (("temp", 8.0, 0.15, 0.4, 6000, 0.02, 1, 0.1), ("chlorine", 0.17, 0.004, 0.008, 2500, 0.002, 2, 0.008),
         ("ph", 8.3, 0.02, 0.03, 4000, 0.005, 2, 0.02), ("redox", 740.0, 3.0, 6.0, 2500, 0.8, 0, 6.0),
         ("conductivity", 208.0, 1.0, 2.5, 5000, 0.5, 0, 3.0), ("turbidity", 0.03, 0.001, 0.003, 1500, 0.0015, 3, 0.002),
         ("chlorine_2", 0.11, 0.003, 0.006, 2500, 0.0015, 3, 0.006))


def water_minutes(r, events, days=14, step=1):
    """Seven channels of one place, as instruments give them: they wander, follow the day and the plant, have a resolution
    that some hardly move in, single wild readings, hours of more noise; what the plant does moves several at once, slowly."""
    n = days * 1440 // step
    case = Case("water_minutes" if step == 1 else "water_slow", 60 * step, [w[0] for w in WATER])
    longest = 150 if step == 1 else 40
    where = plant(r, n, n // 5, 10, 10 if step == 1 else 4, longest) if events else {}
    kinds = [(r.choice(("square", "ramp", "waves")), r.sample(range(1, 7), r.randint(1, 4)),
              [r.choice((-1, 1)) for _ in WATER], math.exp(r.uniform(math.log(4), math.log(60)))) for _ in range(20)]
    plant_moves = list(ramps(r, n, 1200 // step, 1.0, 20 // step + 1, 120 // step + 1))
    share = [r.gauss(0, 1) for _ in WATER]
    levels = [list(walk(r, n, w[3], w[4] / step)) for w in WATER]
    noisy = [0] * len(WATER)
    wild = [r.choice((0, 0.0002, 0.002)) for _ in WATER]
    for i in range(n):
        hour = 2 * math.pi * (i * step % 1440) / 1440
        values = []
        for c, (_, base, daily, _, _, noise, digits, moved) in enumerate(WATER):
            if r.random() < 1 / 8000:
                noisy[c] = r.randint(20, 200)
            noisy[c] = max(0, noisy[c] - 1)
            v = base + levels[c][i] + daily * math.sin(hour + c) + share[c] * moved * plant_moves[i]
            v += r.gauss(0, noise * (2.5 if noisy[c] else 1))
            if r.random() < wild[c]:
                v += noise * (1 if c == 5 else r.choice((-1, 1))) * math.exp(r.uniform(1.5, 4))
            if i in where:
                kind, channels, signs, strength = kinds[where[i][0]]
                if c in channels:
                    v += (1 if c == 5 else signs[c]) * strength * noise * shape(kind, where[i][1])
            values.append(max(0.0, round(v, digits)))
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


def machine(r, events, days=60):
    """The temperature of a machine: it wanders; stops for hours and warms up again; is unsteady before it breaks down."""
    n = days * 288
    case = Case("machine", 300, ["value"])
    level, fast = walk(r, n, r.uniform(3, 7), r.uniform(600, 2500)), walk(r, n, r.uniform(1, 2.5), 40)
    stops = plant(r, n, n // 5, 3, 30, 150) if events else {}
    kinds = [r.choice(("stop", "stop", "unsteady")) for _ in range(3)]
    wobble = list(walk(r, n, 1.0, 12))
    for i, (a, b) in enumerate(zip(level, fast)):
        v, odd = 85 + a + b + r.gauss(0, 0.4), i in stops
        if odd and kinds[stops[i][0]] == "stop":
            v -= 45 * min(1.0, 6 * stops[i][1], 2 * (1 - stops[i][1]))
        elif odd:
            v += 7 * wobble[i] - 8 * stops[i][1]
        case.add([v], int(odd))
    return case


def latency(r, events, days=14):
    """Log-normal noise with harmless peaks now and then; events are bursts of peaks, or a longer time above."""
    n = days * 288
    case = Case("latency", 300, ["value"])
    where = plant(r, n, n // 4, r.randint(1, 3), 6, 50) if events else {}
    kinds = [r.choice(("burst", "above")) for _ in range(3)]
    sigma, rate, size = r.uniform(0.03, 0.15), r.uniform(0.002, 0.01), r.uniform(0.3, 0.8)
    slow = walk(r, n, sigma, 100)
    for i, a in enumerate(slow):
        e = a + r.gauss(0, sigma)
        if r.random() < rate:
            e += size * r.uniform(0.5, 1.2)
        odd = i in where
        if odd and kinds[where[i][0]] == "burst" and r.random() < 0.4:
            e += size * r.uniform(1.2, 2.5)
        elif odd and kinds[where[i][0]] == "above":
            e += size * 0.9
        case.add([45 * math.exp(e)], int(odd))
    return case


def typing(r, events, n=4000):
    """Somebody's keystrokes: skewed, with moods of hours, nights left out; then it is somebody else."""
    case = Case("typing", 300, ["value"])
    at = r.randrange(n // 2, n - 300) if events else n
    sigma, mood = r.uniform(0.15, 0.4), list(walk(r, n, 0.15, 60))
    other = r.choice((-1, 1)) * r.uniform(1.2, 2.5) * sigma
    for i in range(n):
        odd = at <= i < at + 120
        e = mood[i] + r.gauss(0, sigma) + (r.expovariate(1.5) if r.random() < 0.02 else 0)
        case.add([0.1 * math.exp(e + (other if odd else 0))], int(odd))
        if i % 96 == 95:
            case.skip(192)  # a night
    return case


def cpu(r, events, days=40):
    """A share of a machine: sawteeth of jobs on a daily course; then a wrong setting holds it elsewhere."""
    n = days * 288
    case = Case("cpu", 300, ["value"])
    at, length = (r.randrange(n // 2, n - 700), r.randint(200, 600)) if events else (n, 0)
    kind = r.choice(("low", "high", "flat"))
    period, day_part = r.randint(10, 60), r.uniform(0, 12)
    slow = walk(r, n, 3, 500)
    for i, a in enumerate(slow):
        v = 35 + a + day_part * math.sin(2 * math.pi * i / 288) + 14 * ((i % period) / period) + r.gauss(0, 3)
        odd = at <= i < at + length
        if odd:
            v = {"low": v * 0.35, "high": v + 30, "flat": 48 + r.gauss(0, 0.3)}[kind]
        case.add([min(100.0, max(0.0, round(v, 2)))], int(odd))
    return case


def visits(r, events, weeks=30):
    """Counts by the half hour that keep weekdays and moods of weeks; holidays, a closed day, a crowd."""
    n = weeks * 7 * 48
    case = Case("visits", 1800, ["value"])
    days = {d: r.choice((0.5, 0.6, 1.5)) for d in r.sample(range(weeks * 2, weeks * 7 - 1), 4)} if events else {}
    tide, day_mood, month = 1.0, 1.0, walk(r, n, 0.06, 48 * 20)
    for i, m in enumerate(month):
        day, half = divmod(i, 48)
        if half == 0:
            tide, day_mood = 1 + 0.04 * (day % 7), math.exp(r.gauss(0, 0.05))
        hour = half / 2
        course = 0.08 + math.exp(-((hour - 8.5) / 2.2) ** 2) * (day % 7 < 5) + 1.1 * math.exp(-((hour - 18.5) / 4) ** 2)
        if day % 7 >= 5:
            course += 0.5 * math.exp(-((hour - 1) / 2) ** 2) + 0.4 * math.exp(-((hour - 13) / 4) ** 2)
        v = 15000 * course * tide * day_mood * math.exp(m + r.gauss(0, 0.04)) * days.get(day, 1.0)
        case.add([round(v)], int(day in days and 8 <= hour < 23))
    return case


def office(r, events, days=250):
    """A room by the hour, with gaps: seasons, working days, wandering; the heating fails for a day or two."""
    n = days * 24
    case = Case("office", 3600, ["value"])
    where = plant(r, n, n // 5, 2, 12, 60) if events else {}
    level = walk(r, n, 2.0, 120)
    signs = [r.choice((-1, 1)) for _ in range(2)]
    for i, a in enumerate(level):
        day, hour = divmod(i, 24)
        work = 1.5 if day % 7 < 5 and 8 <= hour < 18 else 0
        v = 70 + a + work + 3 * math.sin(2 * math.pi * day / 250) + r.gauss(0, 0.5)
        if i in where:
            v += 9 * signs[where[i][0]] * shape("ramp", where[i][1])
        case.add([v], int(i in where))
        if r.random() < 0.002:
            case.skip(r.randint(2, 100))
    return case


MAKERS = (
    [("water", water_minutes), ("water_slow", lambda r, e: water_minutes(r, e, 100, 20))]
    + [(f"daily_{k}", lambda r, e, k=k: daily_course(r, e, k)) for k in ("missing", "plateau", "up", "noise")]
    + [("counts", half_hour_counts), ("slow", slow_temperature)]
    + [(f"spikes_{k}", lambda r, e, k=k: spikes(r, e, k)) for k in ("denser", "larger")]
    + [(f"load_{k}", lambda r, e, k=k: load(r, e, k)) for k in ("hours", "for_good", "climb")]
    + [("nearly_constant", nearly_constant), ("machine", machine), ("latency", latency), ("typing", typing), ("cpu", cpu)]
    + [("visits", visits), ("office", office)]
)


def cases(seed, events=True):
    for name, make in MAKERS:
        yield make(random.Random(f"{seed}/{name}"), events)


def case(seed, name, events=True):
    return dict(MAKERS)[name](random.Random(f"{seed}/{name}"), events)
