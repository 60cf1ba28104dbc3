"""Means and their intervals, against statsmodels (see references.py) and values worked by hand."""

import math

import numpy as np
import pytest

from align.evaluate.statistics.means import mean_interval, standard_error
from align.evaluate.statistics.shares import Z95, wilson

SCORES = [0.9, 0.8, 0.85, 0.2, 0.1, 0.5, 0.45, 0.7, 0.0, 1.0, 0.95, 0.3]
SOURCES = ["a", "a", "a", "b", "b", "c", "c", "d", "e", "f", "f", "e"]


def test_clustered_standard_error_equals_statsmodels():
    # OLS on a constant, cov_type="cluster"; the second number is that of use_correction=False
    assert standard_error(SCORES, SOURCES) == pytest.approx(0.15371273261075896, abs=1e-12)
    assert standard_error(SCORES, SOURCES) == pytest.approx(0.14031988504445442 * math.sqrt(6 / 5), abs=1e-12)
    assert standard_error(SCORES) == pytest.approx(0.10152716459901338, abs=1e-12)
    assert standard_error(SCORES, range(12)) == standard_error(SCORES)
    assert standard_error(SCORES, ["one"] * 12) is None


def test_clustered_variance_is_the_equation_of_the_paper_with_its_correction():
    # Miller 2024, eq. 4: residuals of different items of one cluster, multiplied, are added to the plain variance
    e, n = np.array(SCORES) - np.mean(SCORES), len(SCORES)
    pairs = sum(e[i] * e[j] for i in range(n) for j in range(n) if i != j and SOURCES[i] == SOURCES[j])
    variance = (e @ e + pairs) / n**2
    assert standard_error(SCORES, SOURCES) == pytest.approx(math.sqrt(6 / 5 * variance), abs=1e-12)


def test_mean_interval_equals_statsmodels():
    assert mean_interval(SCORES, SOURCES) == pytest.approx((0.5625, 0.2612285801176772, 0.8637714198823232), abs=1e-12)
    mean, low, high = mean_interval(SCORES)
    assert (mean, mean - low, high - mean) == pytest.approx(
        (0.5625, Z95 * 0.10152716459901338, Z95 * 0.10152716459901338), abs=1e-12
    )


def test_right_and_wrong_get_wilsons_interval():
    assert mean_interval([0.0, 1.0, 1.0, 1.0] * 5) == pytest.approx((0.75, *wilson(15, 20)), abs=1e-12)
    # with clusters the interval is the normal one
    grouped, labels = [0.0, 1.0, 1.0, 1.0] * 20, [i // 2 for i in range(80)]
    half = Z95 * standard_error(grouped, labels)
    assert mean_interval(grouped, labels) == pytest.approx((0.75, 0.75 - half, 0.75 + half), abs=1e-12)


def test_other_scales_are_stretched():
    # the judge's grades of MT-Bench, 1 to 10
    stretched = [1 + 9 * score for score in SCORES]
    expected = [1 + 9 * one for one in mean_interval(SCORES, SOURCES)]
    assert mean_interval(stretched, SOURCES, bounds=(1, 10)) == pytest.approx(expected, abs=1e-12)
    ends = [1 + 9 * one for one in wilson(3, 4)]
    assert mean_interval([1, 10, 10, 10], bounds=(1, 10)) == pytest.approx((7.75, *ends), abs=1e-12)
    assert mean_interval([9.5, 9.9, 10.0], bounds=(1, 10))[2] == 10


def test_values_that_all_agree_do_not_make_anything_certain():
    assert mean_interval([0.0] * 500) == (0.0, *wilson(0, 500))
    assert mean_interval([1.0] * 500) == (1.0, *wilson(500, 500))
    assert mean_interval([0.5] * 500) == pytest.approx((0.5, *wilson(250, 500)), abs=1e-12)
    grade = mean_interval([10.0] * 80, bounds=(1, 10))
    assert grade == pytest.approx((10.0, 1 + 9 * wilson(80, 80)[0], 10.0), abs=1e-12)
    # two clusters whose means agree, and one cluster, count as two items and as one
    assert mean_interval([0, 1, 1, 0], ["a", "a", "b", "b"]) == pytest.approx((0.5, *wilson(1, 2)), abs=1e-12)
    assert mean_interval([0, 1, 1, 0], ["a"] * 4) == pytest.approx((0.5, *wilson(0.5, 1)), abs=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_interval([]), "at least one"),
        (lambda: mean_interval([0.5, float("nan")]), "item 1 has the value nan"),
        (lambda: mean_interval([0.5, 7.0]), "item 1 has the value 7.0, which is no number from 0.0 to 1.0"),
        (lambda: mean_interval([0.5, 0.7], ["a"]), "there are 1 for 2 items"),
        (lambda: mean_interval([1.0], bounds=(1, 1)), "lower bound must be less"),
    ],
)
def test_wrong_values_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
