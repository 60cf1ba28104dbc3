"""Means over all values, of which one model may have more on an item than the other (Arena-Hard's weights)."""

import itertools
import math

import numpy as np
import pytest

from align.evaluate.statistics.comparison import compare
from align.evaluate.statistics.ratios import compare_ratios

RNG = np.random.default_rng(4)


def verdicts(n, won):
    """Return Arena-Hard's values of n questions: in both orders a verdict that counts once or three times."""
    return [[float(RNG.random() < won)] * int(RNG.choice([1, 3])) + [float(RNG.random() < won)] for _ in range(n)]


def difference(a, b, weights=None):
    weights = np.ones(len(a)) if weights is None else weights
    first, second = (
        sum(w * sum(each) for w, each in zip(weights, of, strict=True))
        / sum(w * len(each) for w, each in zip(weights, of, strict=True))
        for of in (a, b)
    )
    return second - first


def test_the_p_value_is_that_of_all_exchanges():
    a, b = verdicts(9, 0.3), verdicts(9, 0.7)
    seen = abs(difference(a, b))
    exchanges = [
        difference(*zip(*((y, x) if swap else (x, y) for x, y, swap in zip(a, b, each, strict=True)), strict=True))
        for each in itertools.product((False, True), repeat=9)
    ]
    expected = np.mean([abs(one) >= seen - 1e-9 for one in exchanges])
    assert compare_ratios(a, b).p == pytest.approx(expected, abs=1e-12)
    assert expected < 1


def test_many_exchanges_are_drawn_and_agree_with_a_normal_test():
    a, b = verdicts(400, 0.45), verdicts(400, 0.55)
    found = compare_ratios(a, b)
    z = found.difference / found.standard_error
    assert found.p == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), abs=0.02)
    width = found.high - found.low
    assert width == pytest.approx(2 * 1.96 * found.standard_error, rel=0.05)


def test_the_standard_error_is_that_of_the_linearized_ratio():
    a, b = verdicts(40, 0.4), verdicts(40, 0.6)
    step = 1e-6
    moves = [(difference(a, b, 1 + step * np.eye(40)[i]) - difference(a, b)) / step for i in range(40)]
    expected = math.sqrt(40 / 39 * sum(move**2 for move in moves))
    assert compare_ratios(a, b).standard_error == pytest.approx(expected, rel=1e-4)


def test_equal_numbers_of_values_give_what_the_values_alone_give():
    a, b = ([[float(v) for v in pair] for pair in RNG.integers(0, 2, (30, 2))] for _ in range(2))
    found, flat = compare_ratios(a, b), compare(np.ravel(a), np.ravel(b), [i // 2 for i in range(60)])
    for name in ("difference", "low", "high", "standard_error", "clusters"):
        assert getattr(found, name) == pytest.approx(getattr(flat, name), abs=1e-12), name
    assert found.p == pytest.approx(flat.p, abs=0.02)


def test_clusters_are_exchanged_and_drawn_whole():
    a, b = [[0.0, 0.0, 0.0, 1.0]] * 12, [[1.0, 0.0]] * 6 + [[1.0, 1.0, 1.0, 0.0]] * 6
    topics = [i // 6 for i in range(12)]
    found = compare_ratios(a, b, topics)
    assert (found.n, found.clusters) == (12, 2)
    assert found.p >= 0.5, "two topics can be exchanged in four ways, of which two are as far apart"
    assert compare_ratios(a, b).p < 0.05


def test_where_nothing_differs_nothing_is_certain():
    found = compare_ratios([[1.0, 1.0, 1.0]] * 5, [[1.0]] * 5)
    assert (found.difference, found.p, found.verdict) == (0, 1, "cannot tell")
    assert -1 < found.low < 0 < found.high < 1


def test_an_item_without_a_value_is_refused():
    with pytest.raises(ValueError, match="item 1 has no value"):
        compare_ratios([[1.0], []], [[1.0], [0.0]])
