"""Paired intervals and numbers of items, against scipy (see references.py) and values worked by hand."""

import pytest

from align.evaluate.statistics.differences import items_needed, paired
from align.evaluate.statistics.means import standard_error
from align.evaluate.statistics.shares import wilson

BEFORE = [i * 7 % 11 / 10 for i in range(60)]
AFTER = [min(1.0, max(0.0, score + (i * 5 % 9 - 3) / 23)) for i, score in enumerate(BEFORE)]
SOURCES = [f"text {i // 4}" if i < 40 else f"text {i // 2}" for i in range(60)]


def test_paired_interval_equals_scipy_within_the_error_of_the_bootstrap():
    # scipy.stats.bootstrap(method="percentile"), 1,000,000 resamples; a limit that is the 2.5% quantile of 10,000
    # draws has a standard error of about sqrt(0.025 * 0.975 / 10,000) / (density there, 0.058 / SE) = 0.027 SE
    difference, low, high = paired(BEFORE, AFTER)
    error = standard_error([b - a for a, b in zip(BEFORE, AFTER, strict=True)])
    assert difference == pytest.approx(0.03521739130434801, abs=1e-12)
    assert (low, high) == pytest.approx((0.009130434782608698, 0.061521739130434766), abs=4 * 0.027 * error)


def test_clusters_are_drawn_together():
    # 200,000 resamples of whole clusters, in plain Python (references.py)
    low, high = paired(BEFORE, AFTER, SOURCES)[1:]
    error = standard_error([b - a for a, b in zip(BEFORE, AFTER, strict=True)], SOURCES)
    assert (low, high) == pytest.approx((0.0158919098143236, 0.05601449275362318), abs=4 * 0.027 * error)
    # five copies of each item, in one cluster each, say no more than the items do
    copies = paired(BEFORE * 5, AFTER * 5, list(range(60)) * 5)
    assert copies == pytest.approx(paired(BEFORE, AFTER), abs=1e-12)
    assert paired(BEFORE * 5, AFTER * 5)[1] > copies[1] + error
    # clusters of 1 and of 9 items: the mean is over the items drawn, so it stays between their differences
    low, high = paired([0.0] * 40, [0.4, *[0.5] * 9] * 4, [i // 10 * 2 + (i % 10 > 0) for i in range(40)])[1:]
    assert 0.4 <= low < high <= 0.5


def test_paired_sees_what_unpaired_cannot():
    a = [i % 2 for i in range(200)]  # half right
    b = [min(1.0, x + (0.1 if i % 4 == 0 else 0)) for i, x in enumerate(a)]
    difference, low, high = paired(a, b)
    assert difference == pytest.approx(0.025)
    assert 0 < low < high < 0.05
    assert paired(BEFORE, AFTER, seed=1) == paired(BEFORE, AFTER, seed=1) != paired(BEFORE, AFTER, seed=2)


def test_differences_that_all_agree_do_not_make_anything_certain():
    room = wilson(0, 500)[1]
    assert paired([1.0] * 500, [1.0] * 500) == pytest.approx((0.0, -room, room), abs=1e-12)
    # differences that are not equal to the last digit
    third = paired([0.0, 1 / 3, 2 / 3] * 100, [1 / 3, 2 / 3, 1.0] * 100)
    room = wilson(0, 300)[1]
    assert third == pytest.approx((1 / 3, 1 / 3 - room, 1 / 3 + room), abs=1e-12)
    assert paired([0.0], [1.0]) == pytest.approx((1.0, 1 - wilson(0, 1)[1], 1.0), abs=1e-12)
    # on a scale of 1 to 10 the room is nine times as wide; clusters that agree count as one item each
    grades = paired([5.0] * 80, [6.0] * 80, bounds=(1, 10))
    assert grades == pytest.approx((1.0, 1 - 9 * wilson(0, 80)[1], 1 + 9 * wilson(0, 80)[1]), abs=1e-12)
    two = paired([0, 1, 0, 1], [1, 1, 1, 1], ["a", "a", "b", "b"])
    assert two == pytest.approx((0.5, 0.5 - wilson(0, 2)[1], 1.0), abs=1e-12)


def test_items_needed_by_hand():
    # differences of +1, -1 and 0 in shares of 12%, 8% and 80%: mean 0.04, variance (0.2 - 0.0016) * 1000 / 999;
    # (1.959964 + 0.841621)^2 = 7.848880
    differences = [1.0] * 120 + [-1.0] * 80 + [0.0] * 800
    assert pytest.approx(974.235, abs=1e-3) == 7.848880 * 0.1984 * 1000 / 999 / 0.04**2
    assert items_needed(differences) == 975
    assert items_needed([b - a for a, b in zip(BEFORE, AFTER, strict=True)]) == 69  # 68.77956001455678
    # five copies in a cluster are worth one item, and five times as many are needed (but for the rounding)
    assert items_needed(differences * 5, list(range(1000)) * 5) == 4872
    assert items_needed(differences, power=0.9) > 1200


def test_items_needed_says_nothing_without_difference_or_variance():
    assert items_needed([1.0, -1.0]) is None
    assert items_needed([0.5] * 10) is None
    assert items_needed([1.0, 0.0], ["a", "a"]) is None
    with pytest.raises(ValueError, match="power and alpha"):
        items_needed([1.0, 0.0], power=1.0)


def test_models_must_have_the_same_items():
    with pytest.raises(ValueError, match="they hold 2 and 1"):
        paired([0.0, 1.0], [1.0])
