"""The evaluators reproduce published values, and say what empty and equal input gives."""

import json
import math
import os
import random

import pytest

from nab_score import LOW_FP, nab_score, sigma
from vus_pr import runs_of, vus_pr

SHARED = os.environ.get("WW_SHARED_DATA") or os.path.join(os.path.dirname(__file__), "../../../shared/data")


def vector():
    labels = [0] * 1000
    for first, last in ((200, 219), (230, 234), (600, 600), (985, 999)):
        labels[first : last + 1] = [1] * (last - first + 1)
    return [((617 * i) % 1009) / 1009 + 0.5 * labels[i] for i in range(1000)], labels


@pytest.mark.parametrize("buffer, value", [(0, 0.593420), (10, 0.599824), (57, 0.647610)])
def test_vus_pr_equals_the_reference_evaluator(buffer, value):
    scores, labels = vector()
    assert vus_pr(scores, labels, buffer) == pytest.approx(value, abs=1e-6)


def test_a_constant_score_gets_what_the_reference_gives_it():
    _, labels = vector()
    assert vus_pr([0.0] * 1000, labels, 57) == pytest.approx(0.109719, abs=1e-6)


def test_a_perfect_score_gets_one_and_no_label_gets_no_number():
    _, labels = vector()
    assert vus_pr([float(label) for label in labels], labels, 0) == pytest.approx(1.0)
    assert math.isnan(vus_pr([1.0, 2.0], [0, 0], 5))
    assert runs_of([0, 1, 1, 0, 1]) == [(1, 2), (4, 4)]


def test_nab_rewards_the_first_row_of_a_window_in_full_and_a_silent_detector_not_at_all():
    scores = [0.0] * 1000
    scores[500] = 1.0
    assert nab_score([(scores, [(500, 599)])])[0] == pytest.approx(100.0)
    # A constant score flags everything or nothing; nothing is better when false alarms cost more than the window.
    assert nab_score([([0.0] * 1000, [(500, 509)])])[0] == pytest.approx(0.0)
    assert sigma(3.01) == -1.0 and sigma(0) == 0.0


def test_a_late_hit_earns_less_and_a_false_alarm_costs_its_weight():
    scores = [0.0] * 1000
    scores[549] = 1.0  # the middle of a window of 100
    late = nab_score([(scores, [(500, 599)])])[0]
    assert late == pytest.approx(50 * (1 + sigma(-0.51) / sigma(-1)), abs=1e-9)
    scores[300] = 2.0  # before any window
    assert nab_score([(scores, [(500, 599)])])[0] == pytest.approx(late - 50 * 0.11, abs=1e-9)
    assert nab_score([(scores, [(500, 599)])], LOW_FP)[0] == pytest.approx(late - 50 * 0.22, abs=1e-9)


@pytest.mark.skipif(not os.path.isdir(os.path.join(SHARED, "detection/nab")), reason="no shared data")
def test_random_numbers_show_on_the_13_files_how_little_a_low_score_means():
    """Published: one draw, 36.6. Draws differ widely, since a few lucky rows decide; ten of ours lay between 0 and 33.5."""
    from evaluate import nab_files

    files = list(nab_files(SHARED))
    draws = []
    for seed in range(3):
        random.seed(seed)
        draws.append(nab_score([([random.random() for _ in rows], windows) for _, rows, windows in files])[0])
    assert all(0 <= draw < 45 for draw in draws) and max(draws) > 20


def test_the_published_constants_are_those_used():
    path = os.path.join(SHARED, "detection/nab/scoring_constants.json")
    if not os.path.exists(path):
        pytest.skip("no shared data")
    text = json.dumps(json.load(open(path)))
    for number in ("0.11", "0.22"):
        assert number in text
