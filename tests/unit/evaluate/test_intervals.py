"""Intervals, against values worked by hand or taken from the literature."""

import pytest

from align.evaluate.intervals import mean_interval, paired, pass_at_k, wilson


def test_wilson_against_published_values():
    # 10 of 20 (Brown, Cai, DasGupta 2001, the centre is exact by symmetry); 0 of 10 has upper limit z2 / (n + z2)
    low, high = wilson(10, 20)
    assert (low + high) / 2 == pytest.approx(0.5)
    assert (low, high) == pytest.approx((0.2993, 0.7007), abs=1e-4)
    assert wilson(0, 10) == pytest.approx((0.0, 3.8415 / 13.8415), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)
    for n in range(1, 200):
        assert wilson(n, n)[1] == 1.0
        assert wilson(0, n)[0] == 0.0


def test_pass_at_k_by_counting():
    # 2 right of 4, k = 2: the pairs without a right one are 1 of 6
    assert pass_at_k(4, 2, 2) == pytest.approx(5 / 6)
    assert pass_at_k(4, 3, 2) == 1.0
    assert pass_at_k(4, 0, 4) == 0.0


def test_mean_interval_is_over_problems():
    mean, low, high = mean_interval([0.0, 1.0] * 50)
    assert mean == 0.5
    assert high - mean == pytest.approx(1.96 * 0.5025 / 10, abs=1e-3)
    assert mean - low == pytest.approx(high - mean)


def test_problems_that_all_agree_do_not_make_anything_certain():
    room = 3.8415 / 503.8415
    assert mean_interval([0.0] * 500) == pytest.approx((0.0, 0.0, room), abs=1e-5)
    assert mean_interval([1.0] * 500) == pytest.approx((1.0, 1 - room, 1.0), abs=1e-5)
    low, high = mean_interval([0.5] * 500)[1:]
    assert low < 0.46 < 0.54 < high
    assert paired([1.0] * 500, [1.0] * 500) == pytest.approx((0.0, -room, room), abs=1e-5)
    third = paired([0.0, 1 / 3, 2 / 3] * 100, [1 / 3, 2 / 3, 1.0] * 100)  # whose differences are not equal to the last digit
    assert third == pytest.approx((1 / 3, 1 / 3 - 3.8415 / 303.8415, 1 / 3 + 3.8415 / 303.8415), abs=1e-5)
    assert paired([0.0], [1.0]) == pytest.approx((1.0, 1 - 3.8415 / 4.8415, 1.0), abs=1e-4)


def test_paired_sees_what_unpaired_cannot():
    a = [i % 2 for i in range(200)]  # half right
    b = [min(1.0, x + (0.1 if i % 4 == 0 else 0)) for i, x in enumerate(a)]
    difference, low, high = paired(a, b)
    assert difference == pytest.approx(0.025)
    assert low > 0
    assert high < 0.05
    assert paired(a, a)[0] == 0
    assert paired(a, b, seed=1) == paired(a, b, seed=1)
