"""VUS-PR: how well scores rank labelled runs, forgiving by a buffer (Paparrizos et al., as TSB-AD computes it).

    vus_pr(scores, labels, buffer=57)  ->  0..1

For every buffer length w = 0..W each labelled run is extended on both sides by floor(w/2) rows of weight
sqrt(1 - distance/w). 250 thresholds are the scores at evenly spaced ranks. Recall counts rows and runs, precision
rows; AP_w is the area below, VUS-PR its mean over w. Higher is better; chance gives about the share of labelled rows.
Only rows near runs are looked at one by one, so a hundred thousand rows take seconds.
"""

import bisect
import math

THRESHOLDS = 250


def runs_of(labels):
    """[(first, last)] of the rows that are labelled, inclusive."""
    runs = []
    for i, label in enumerate(labels):
        if label and (not runs or runs[-1][1] != i - 1):
            runs.append([i, i])
        elif label:
            runs[-1][1] = i
    return [tuple(run) for run in runs]


def buffer_weights(runs, w, n):
    """{row: weight} of the rows around runs, rows of runs themselves left out."""
    weights = {}
    for first, last in runs:
        for distance in range(1, w // 2 + 1):
            for row in (first - distance, last + distance):
                if 0 <= row < n:
                    weights[row] = min(1.0, weights.get(row, 0.0) + math.sqrt(1 - distance / w))
    for first, last in runs:
        for row in range(first, last + 1):
            weights.pop(row, None)
    return weights


def merged(rows):
    """Runs of neighbouring rows among sorted rows."""
    groups = []
    for row in rows:
        if groups and groups[-1][-1] == row - 1:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def cumulated(pairs):
    """For (first threshold at which it is predicted, weight): the sum at each threshold."""
    sums = [0.0] * THRESHOLDS
    for first, weight in pairs:
        if first < THRESHOLDS:
            sums[first] += weight
    for j in range(1, THRESHOLDS):
        sums[j] += sums[j - 1]
    return sums


def vus_pr(scores, labels, buffer):
    n = len(scores)
    runs = runs_of(labels)
    if not runs or n == 0:
        return float("nan")
    down = sorted(scores, reverse=True)
    cuts = [down[int(j * (n - 1) / (THRESHOLDS - 1))] for j in range(THRESHOLDS)]
    negated = [-c for c in cuts]  # ascending, for bisect
    up = down[::-1]
    predicted = [n - bisect.bisect_left(up, c) for c in cuts]

    def first(row):
        return bisect.bisect_left(negated, -scores[row])

    inside_rows = [row for a, b in runs for row in range(a, b + 1)]
    inside = cumulated([(first(row), 1.0) for row in inside_rows])
    positives = len(inside_rows)
    total = 0.0
    for w in range(buffer + 1):
        weights = buffer_weights(runs, w, n)
        around = cumulated([(first(row), weight) for row, weight in weights.items()])
        groups = merged(sorted(inside_rows + list(weights)))
        hit = cumulated([(min(first(row) for row in group), 1.0) for group in groups])
        area, recall_before = 0.0, 0.0
        for j in range(THRESHOLDS):
            tp = inside[j] + around[j]
            all_positives = (positives + positives + around[j]) / 2
            recall = min(tp / all_positives, 1.0) * hit[j] / len(groups)
            area += (recall - recall_before) * tp / predicted[j]
            recall_before = recall
        total += area
    return total / (buffer + 1)
