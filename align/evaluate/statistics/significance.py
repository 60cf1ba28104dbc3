"""P-values of differences on the same items, and their adjustment where there are several.

Sources: Fisher 1935, "The Design of Experiments", section 21 (sign flips); McNemar 1947, "Note on the
sampling error of the difference between correlated proportions"; Phipson and Smyth 2010, "Permutation
p-values should never be zero" (the +1); Holm 1979, "A simple sequentially rejective multiple test procedure".
"""

from __future__ import annotations

import numpy as np

from align.evaluate.statistics.differences import blocks
from align.evaluate.statistics.items import SAME, Clusters, Values, checked, grouped

ENUMERATED = 14
"""Up to so many nonzero clusters all 2^14 = 16384 patterns of signs are tried."""


def sign_flip(
    differences: Values, clusters: Clusters | None = None, seed: int = 0, draws: int = 10_000
) -> float:
    """Return the two-sided p-value of a paired permutation test of the hypothesis that the models are alike.

    If they are, the sign of each cluster's sum of differences (without clusters: of each item's difference)
    is as likely + as -. The p-value is the share of the patterns of signs whose total is at least as far from
    0 as the one seen. It is exact where all nonzero sums have one magnitude (the binomial distribution; for
    scores of 0 and 1 this is the exact test of McNemar) and where at most 14 sums are not 0 (all patterns are
    tried). Otherwise `draws` patterns are drawn, and the p-value is (1 + those at least as far) / (1 +
    draws).

    Raises:
        ValueError: a difference is not a number, or there are not as many labels of clusters as items.
    """
    values = checked(differences)
    sums = np.bincount(grouped(clusters, len(values)), values)
    sums = sums[np.abs(sums) > SAME]
    if len(sums) == 0:
        return 1.0
    if np.ptp(np.abs(sums)) <= SAME:
        return _binomial(int((sums > 0).sum()), len(sums))
    if len(sums) <= ENUMERATED:
        flipped = np.arange(2 ** len(sums))[:, None] >> np.arange(len(sums)) & 1
        return _extreme(flipped, sums) / len(flipped)
    rng = np.random.default_rng(seed)
    drawn = (rng.integers(0, 2, (rows, len(sums)), np.uint8) for rows in blocks(draws, len(sums)))
    return (1 + sum(_extreme(flipped, sums) for flipped in drawn)) / (1 + draws)


def _extreme(flipped: np.ndarray, sums: np.ndarray) -> int:
    """Count the patterns (rows; 1: flipped) whose total is at least as far from 0 as that of the sums."""
    totals = sums.sum() - 2 * (flipped.astype(float) @ sums)
    return int((np.abs(totals) >= abs(sums.sum()) - SAME).sum())


def _binomial(positive: int, n: int) -> float:
    """Return twice the smaller tail of the binomial distribution with probability 1/2, at most 1.

    The counts are whole numbers of any size, so nothing is lost by rounding before the division.
    """
    tail, ways = 0, 1
    for i in range(min(positive, n - positive) + 1):
        tail += ways
        ways = ways * (n - i) // (i + 1)
    return min(1.0, 2 * tail / 2**n)


def holm(p_values: Values) -> list[float]:
    """Return the p-values adjusted for their number, in the order given.

    Whoever rejects each hypothesis whose adjusted p-value is at most 5% rejects a true one in at most 5% of
    such families. The i-th smallest of m p-values is multiplied by m - i + 1, and none falls below a smaller
    one's.

    Raises:
        ValueError: a p-value is not a number from 0 to 1.
    """
    if len(p_values) == 0:
        return []
    found = checked(p_values, (0.0, 1.0))
    order = np.argsort(found, kind="stable")
    adjusted = np.empty(len(found))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(found[order] * np.arange(len(found), 0, -1)))
    return adjusted.tolist()
