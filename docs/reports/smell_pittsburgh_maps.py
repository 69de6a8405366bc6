"""The three drawings of smell-pittsburgh.md, from the answers that smell_pittsburgh.py holds. Plain SVG, nothing of others in it."""

import datetime as dt
import math
from collections import Counter

INK, PALE = "#222", "#bbb"
NO_REPORTS = "#f4f4f1"
STEPS = ((1, "#fdeee0"), (200, "#fdd0a2"), (400, "#fdae6b"), (800, "#f16913"), (1600, "#a63603"))
RATIOS = ((0, "#c6dbef"), (3, "#6baed6"), (6, "#2171b5"), (12, "#08306b"))
NUDGE = {"15221": -36, "15260": 26, "15104": 18, "15213": -6, "15222": -6, "15219": 4}  # labels that would lie on another


def shade(value, steps):
    return [colour for least, colour in steps if value >= least][-1]


class Sheet:
    def __init__(self, path, width, height, title):
        self.path = path
        self.parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12" '
                      f'fill="{INK}" role="img"><title>{title}</title><rect width="{width}" height="{height}" fill="#fff"/>']

    def text(self, x, y, words, size=12, anchor="start", colour=INK):
        self.parts.append(f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{words}</text>')

    def box(self, x, y, width, height, colour):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>')

    def write(self):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("\n".join([*self.parts, "</svg>", ""]))


class View:
    """Degrees to a rectangle of the sheet, keeping shapes at the latitude of the middle."""

    def __init__(self, west, south, east, north, x, y, width):
        self.west, self.north, self.x, self.y = west, north, x, y
        self.scale = width / (east - west)
        self.stretch = 1 / math.cos(math.radians((south + north) / 2))
        self.height = (north - south) * self.scale * self.stretch
        self.width = width

    def at(self, lon, lat):
        return self.x + (lon - self.west) * self.scale, self.y + (self.north - lat) * self.scale * self.stretch

    def path(self, rings):
        """Corners on a grid of 2 units, so that neighbours still share their border when it is made coarser."""
        said = []
        for ring in rings:
            points = []
            for lon, lat in ring:
                point = tuple(2 * round(value / 2) for value in self.at(lon, lat))
                if not points or point != points[-1]:
                    points.append(point)
            if len(points) > 3:
                steps = (f"{x - a},{y - b}" for (a, b), (x, y) in zip(points, points[1:]))
                said.append(f"M{points[0][0]},{points[0][1]}l" + " ".join(steps) + "z")
        return "".join(said)

    def shows(self, rings):
        places = [self.at(lon, lat) for ring in rings for lon, lat in ring]
        return any(self.x <= x <= self.x + self.width and self.y <= y <= self.y + self.height for x, y in places)

    def middle(self, rings):
        """The middle of the largest ring's extent: good enough for a label."""
        ring = max(rings, key=len)
        lons, lats = [p[0] for p in ring], [p[1] for p in ring]
        return self.at((min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2)


def legend(sheet, x, y, steps, words):
    sheet.text(x, y, words, 11)
    for number, (least, colour) in enumerate(steps):
        sheet.box(x + 52 * number, y + 6, 14, 12, colour)
        sheet.text(x + 52 * number + 17, y + 16, f"≥{least}", 10)


def draw_reports(path, areas, kept, stations):
    """stations: [(name, what it measures, lon, lat)]."""
    totals = Counter()
    for (code, _), count in kept.items():
        totals[code] += count
    sheet = Sheet(path, 760, 700, "Odour reports by ZIP area and the sensors")
    view = View(-80.10, 40.30, -79.80, 40.52, 10, 10, 740)
    sheet.parts.append(f'<clipPath id="c"><rect x="10" y="10" width="740" height="{view.height - 10:.0f}"/></clipPath><g clip-path="url(#c)">')
    for code, rings in areas.items():
        if not view.shows(rings):
            continue
        colour = shade(totals[code], STEPS) if totals[code] else NO_REPORTS
        sheet.parts.append(f'<path d="{view.path(rings)}" fill="{colour}" stroke="#888" stroke-width=".7"/>')
    for code in totals:
        x, y = view.middle(areas[code])
        y += NUDGE.get(code, 0)
        dark = "#fff" if totals[code] >= 1600 else INK
        sheet.text(x, y, code, 10, "middle", dark)
        sheet.text(x, y + 12, f"{totals[code]:,}", 10, "middle", dark)
    for name, measures, lon, lat in stations:
        x, y = view.at(lon, lat)
        sheet.parts.append(f'<path d="M{x:.0f},{y - 7:.0f}l6,11h-12z" fill="#08519c" stroke="#fff"/>')
        left = name == "Lawrenceville"
        sheet.text(x - 9 if left else x + 9, y + 4, f"{name}: {measures}", 11, "end" if left else "start", "#08519c")
    sheet.parts.append("</g>")
    legend(sheet, 20, 660, STEPS, f"reports of strength 3 to 5, {sum(totals.values()):,} in all; triangles: sensors")
    sheet.write()


def draw_clusters(path, areas, codes, quarters):
    """quarters: [(first day, last day, clusters)]."""
    sheet = Sheet(path, 980, 610, "Significant clusters of each quarter")
    for number, (first, last, clusters) in enumerate(quarters):
        x, y = 10 + 242 * (number % 4), 32 + 282 * (number // 4)
        view = View(-80.03, 40.35, -79.81, 40.496, x, y, 225)
        sheet.text(x, y - 8, f"{first:%Y-%m} to {last:%Y-%m}", 13)
        worst = {}
        for cluster in clusters:
            for code in cluster["members"]:
                worst[code] = cluster["observed_over_expected"]
        for code in codes:
            colour = shade(worst[code], RATIOS) if code in worst else NO_REPORTS
            sheet.parts.append(f'<path d="{view.path(areas[code])}" fill="{colour}" stroke="#888" stroke-width=".6"/>')
        for line, cluster in enumerate(clusters):
            span = f"{cluster['start'][5:]}…{cluster['end'][5:]} {'+'.join(cluster['members'])}: {cluster['cases']}/{cluster['expected']:.1f}"
            sheet.text(x, y + view.height + 12 + 13 * line, span, 10)
        if not clusters:
            sheet.text(x, y + view.height + 12, "none", 10)
    legend(sheet, 10, 588, RATIOS, "observed over expected; below each map: days, ZIPs, observed/expected")
    sheet.write()


def draw_calendar(path, first, last, rows):
    """rows: [(label, colour, [(first day, last day)])]."""
    sheet = Sheet(path, 980, 60 + 22 * len(rows), "Clusters and unusual days of the sensors")
    left, width = 190, 780
    days = (last - first).days + 1
    month = first
    while month <= last:
        x = left + (month - first).days * width / days
        sheet.parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="24" y2="{30 + 22 * len(rows)}" stroke="{PALE}" stroke-width=".5"/>')
        if month.month in (1, 4, 7, 10) or month == first:
            sheet.text(x, 18, f"{month:%Y-%m}", 10)
        month = (month.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
    for number, (label, colour, spans) in enumerate(rows):
        y = 30 + 22 * number
        sheet.text(left - 8, y + 12, label, 11, "end")
        for start, end in spans:
            sheet.box(left + (start - first).days * width / days, y, max(1.4, ((end - start).days + 1) * width / days), 16, colour)
    sheet.text(left, 48 + 22 * len(rows), "each bar: the days of a cluster, or a day on which the sensor's greatest hour is among the top 5 % of the 91 days around", 10)
    sheet.write()
