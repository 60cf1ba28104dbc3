"""P-values, against scipy and statsmodels (see references.py)."""

import pytest

from align.evaluate.statistics.significance import holm, sign_flip

FEW = [0.5, -0.125, 0.25, 0.75, -0.25, 0.125, 0.375, 0.0, 0.625, -0.5, 0.875]
MANY = [(i * 37 % 101 - 40) / 100 for i in range(60)]
P_VALUES = [0.01, 0.04, 0.03, 0.005, 0.5, 0.04]


def test_few_differences_are_enumerated():
    # scipy.stats.permutation_test(permutation_type="samples"), which is exact here
    assert sign_flip(FEW) == pytest.approx(0.119140625, abs=1e-12)
    assert sign_flip([-d for d in FEW], seed=3) == pytest.approx(0.119140625, abs=1e-12)


def test_equal_magnitudes_give_the_exact_test_of_mcnemar():
    # statsmodels mcnemar(exact=True): 5 problems lost and 17 won, and so on
    for lost, won, p in ((5, 17, 0.01690053939819336), (100, 151, 0.001548188600119571), (3, 3, 1.0)):
        assert sign_flip([1.0] * won + [-1.0] * lost + [0.0] * 70) == pytest.approx(p, abs=1e-12)
    third = [1 / 3] * 10 + [2 / 3 - 1] * 9 + [1 - 2 / 3] * 7 + [-1 / 3 - 0.0] * 6
    assert sign_flip(third) == pytest.approx(sign_flip([1.0] * 17 + [-1.0] * 15), abs=1e-12)
    assert sign_flip([1.0] * 3000) < 1e-300


def test_many_differences_are_drawn():
    # scipy, 1,000,000 draws; the standard error of a share p of 10,000 draws is sqrt(p (1 - p) / 10,000)
    p = 0.01573798426201574
    assert sign_flip(MANY) == pytest.approx(p, abs=4 * (p * (1 - p) / 10_000) ** 0.5)
    assert sign_flip(MANY, seed=1) == sign_flip(MANY, seed=1) != sign_flip(MANY, seed=2)
    rising = [1 + i / 100 for i in range(60)]
    assert sign_flip(rising) == 1 / 10_001  # no drawn pattern is as extreme, and p is still not 0


def test_clusters_flip_together():
    # four clusters whose sums are 1, 1, 1, 1: 2 of 16 patterns are as extreme
    assert sign_flip([0.5] * 8, ["a", "a", "b", "b", "c", "c", "d", "d"]) == 2 / 16
    # sums 3, 1, -1: totals of the 8 patterns are 5, 3, 3, 1 and their negatives; 6 are at least 3 from 0
    assert sign_flip([2.0, 1.0, 1.0, -1.0], [0, 0, 1, 2]) == 6 / 8
    assert sign_flip([1.0, -1.0, 0.5, -0.5], [0, 0, 1, 1]) == 1.0
    assert sign_flip([0.0] * 5) == 1.0


def test_holm_equals_statsmodels():
    assert holm(P_VALUES) == pytest.approx([0.05, 0.12, 0.12, 0.03, 0.5, 0.12], abs=1e-12)
    assert holm([0.7, 0.6]) == [1.0, 1.0]
    assert holm([]) == []
    assert holm([0.2]) == [0.2]
    with pytest.raises(ValueError, match=r"item 1 has the value 1\.5"):
        holm([0.1, 1.5])
