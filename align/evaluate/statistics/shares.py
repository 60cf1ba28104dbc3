"""Intervals for shares, and pass@k: what counts of right answers say.

Sources: Wilson 1927, "Probable inference, the law of succession, and statistical inference"; Chen et al.
2021, "Evaluating large language models trained on code" (arXiv 2107.03374), equation 1.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import overload

import numpy as np

Z95 = NormalDist().inv_cdf(0.975)
"""Two-sided 95% quantile of the standard normal, 1.959963984540054."""


def wilson(successes: float, n: int) -> tuple[float, float]:
    """Return the 95% Wilson score interval of a share.

    Unlike the normal interval, it is sensible where 0 or n of n succeed. `successes` may be a fraction, such
    as a sum of scores from 0 to 1. Without items (n = 0) the interval is (0, 1).

    Raises:
        ValueError: n is negative, or there are more successes than n or fewer than 0.
    """
    if n < 0 or not -1e-9 <= successes <= n + 1e-9:
        raise ValueError(f"successes must lie between 0 and n; these are {successes} of {n}")
    if n == 0:
        return 0.0, 1.0
    share, z2 = successes / n, Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    # max: rounding may carry the share just past 0 or 1
    half = Z95 / (1 + z2 / n) * math.sqrt(max(0.0, share * (1 - share)) / n + z2 / (4 * n * n))
    # at 0 and at n one limit is the share itself; rounding must not move it past the share
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


@overload
def pass_at_k(n: int, right: int, k: int) -> float: ...
@overload
def pass_at_k(n: int | np.ndarray, right: np.ndarray, k: int) -> np.ndarray: ...
def pass_at_k(n: int | np.ndarray, right: int | np.ndarray, k: int) -> float | np.ndarray:
    """Estimate without bias the chance that at least one of k samples is right.

    `right` of n samples were right; arrays of both, shape (problems,), give an array. The estimate is the
    share of the sets of k samples that hold a right one, 1 - C(n - right, k) / C(n, k).

    Raises:
        ValueError: k is less than 1 or more than n (n samples say nothing of more than n), or `right` is not
            between 0 and n.
    """
    if k < 1 or np.any(np.asarray(n) < k):
        raise ValueError(
            f"pass@{k} needs at least k = {k} samples of each problem (k >= 1); lower k or sample more"
        )
    if np.any((np.asarray(right) < 0) | (np.asarray(right) > n)):
        raise ValueError("the number of right samples must lie between 0 and the number of samples")
    wrong = np.asarray(n) - right
    missed = np.ones(np.broadcast(n, right).shape)
    for i in range(k):
        missed *= (wrong - i) / (np.asarray(n) - i)  # 0 from the last wrong sample on
    return 1.0 - missed if missed.ndim else float(1.0 - missed)
