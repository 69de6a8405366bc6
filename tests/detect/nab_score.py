"""The Numenta Anomaly Benchmark's score, from its published rule.

    nab_score([(scores, windows)], weights=STANDARD)  ->  (score 0..100 or below, the threshold chosen)

A row inside a window earns the more the earlier it is; only the best flagged row of a window counts. A flagged row
outside costs little right after a window, up to its full weight later. One threshold for all files, the one that is
best, so that the score is an upper bound: look at false alarms too. Windows are (first, last) row numbers.
"""

import math

STANDARD, LOW_FP, LOW_FN = (1.0, 1.0, 0.11), (1.0, 1.0, 0.22), (1.0, 2.0, 0.11)  # tp, fn, fp


def sigma(position):
    return -1.0 if position > 3 else 2 / (1 + math.exp(5 * position)) - 1


def probation(n):
    return min(int(0.15 * n), 750)


def rows_of(scores, windows, weights):
    """[(score, worth, window number or None)] of the rows that count, and how many windows count."""
    tp, _, fp = weights
    start = probation(len(scores))
    counted = [window for window in windows if window[1] >= start]
    counted = [window for window in counted if window[0] >= start]
    rows = []
    for i in range(start, len(scores)):
        inside = next((k for k, (a, b) in enumerate(counted) if a <= i <= b), None)
        if inside is not None:
            a, b = counted[inside]
            worth = sigma(-(b - i + 1) / (b - a + 1)) / sigma(-1) * tp
        else:
            before = [(a, b) for a, b in windows if b < i]
            worth = -fp
            if before:
                a, b = before[-1]
                worth = fp * sigma((i - b) / (b - a)) if b > a else -fp
        rows.append((scores[i], worth, inside))
    return rows, len(counted)


def nab_score(files, weights=STANDARD):
    tp, fn, _ = weights
    rows, windows = [], 0
    for number, (scores, spans) in enumerate(files):
        found, count = rows_of(scores, spans, weights)
        rows += [(s, w, None if k is None else (number, k)) for s, w, k in found]
        windows += count
    rows.sort(key=lambda row: -row[0])
    null, perfect = -fn * windows, tp * windows
    best, threshold = null, math.inf
    total, earned, i = null, {}, 0
    while i < len(rows):
        cut = rows[i][0]
        while i < len(rows) and rows[i][0] == cut:  # equal scores are flagged together
            _, worth, window = rows[i]
            if window is None:
                total += worth
            elif window not in earned:
                earned[window] = worth
                total += worth + fn
            elif worth > earned[window]:
                total += worth - earned[window]
                earned[window] = worth
            i += 1
        if total > best:
            best, threshold = total, cut
    return 100 * (best - null) / (perfect - null), threshold
