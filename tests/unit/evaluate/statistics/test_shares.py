"""Wilson's interval and pass@k, against statsmodels (see references.py) and the published product."""

import numpy as np
import pytest

from align.evaluate.statistics.shares import Z95, pass_at_k, wilson


def test_the_quantile_is_that_of_the_normal_distribution():
    assert pytest.approx(1.959963984540054, abs=1e-15) == Z95


@pytest.mark.parametrize(
    ("successes", "n", "limits"),
    [
        # statsmodels proportion_confint(method="wilson")
        (0, 10, (0.0, 0.27753279986288926)),
        (7, 20, (0.18119182410108203, 0.5671457233147638)),
        (812, 1319, (0.5890661092303776, 0.6414981794576301)),
        (500, 500, (0.9923756595384479, 1.0)),
    ],
)
def test_wilson_equals_statsmodels(successes, n, limits):
    assert wilson(successes, n) == pytest.approx(limits, abs=1e-12)


def test_wilson_at_the_ends():
    assert wilson(0, 0) == (0.0, 1.0)
    for n in range(1, 200):
        assert wilson(n, n)[1] == 1.0
        assert wilson(0, n)[0] == 0.0
    for successes, n in ((3, 2), (-1, 2), (0, -1)):
        with pytest.raises(ValueError, match="successes must lie between 0 and n"):
            wilson(successes, n)


def published(n, c, k):
    """Chen et al. 2021, figure 3."""
    return 1.0 if n - c < k else 1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1))


def test_pass_at_k_by_counting():
    # 2 right of 4, k = 2: the pairs without a right one are 1 of 6
    assert pass_at_k(4, 2, 2) == pytest.approx(5 / 6, abs=1e-15)
    assert pass_at_k(4, 3, 2) == 1.0
    assert pass_at_k(4, 0, 4) == 0.0


def test_pass_at_k_equals_the_published_product_one_by_one_and_at_once():
    for n, k in ((1, 1), (10, 3), (200, 100)):
        right = np.arange(n + 1)
        expected = [published(n, c, k) for c in right]
        assert pass_at_k(n, right, k) == pytest.approx(expected, abs=1e-12)
        assert [pass_at_k(n, int(c), k) for c in right] == pytest.approx(expected, abs=1e-12)
    mixed = pass_at_k(np.array([10, 20]), np.array([3, 1]), 5)
    assert mixed == pytest.approx([published(10, 3, 5), published(20, 1, 5)], abs=1e-12)


def test_pass_at_k_refuses_what_the_samples_cannot_say():
    for n, right, k in ((4, 1, 5), (4, 1, 0), (np.array([8, 4]), np.array([1, 1]), 5)):
        with pytest.raises(ValueError, match=f"pass@{k} needs at least k"):
            pass_at_k(n, right, k)
    for right in (5, -1):
        with pytest.raises(ValueError, match="right samples"):
            pass_at_k(4, right, 2)
