"""Compare two models on the same items, and say plainly which is better, or that the items cannot tell.

The p-value decides (sign flips, adjusted by Holm's method where several comparisons are read together),
because it is exact where the bootstrap interval is only approximate: with few items. Near p = 0.05 the two
may disagree: then the interval can leave out 0 although the verdict is "cannot tell".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from align.evaluate.statistics.differences import items_needed, paired, subtracted
from align.evaluate.statistics.items import Clusters, Values, grouped
from align.evaluate.statistics.means import standard_error
from align.evaluate.statistics.significance import holm, sign_flip

ALPHA = 0.05
"""Adjusted p-values below it give a verdict."""

Verdict = Literal["better", "worse", "cannot tell"]


@dataclass(frozen=True)
class Comparison:
    """What the same items say about model b against model a. `dataclasses.asdict` of it is ready for JSON."""

    n: int
    """Number of items."""
    clusters: int
    """Number of clusters; that of items where none were given."""
    difference: float
    """Mean of b - a over the items, in units of the score."""
    low: float
    """Lower limit of the 95% bootstrap interval of the difference."""
    high: float
    """Upper limit."""
    standard_error: float | None
    """Analytic standard error of the difference, clustered where clusters were given; None: there is one
    cluster only."""
    p: float
    """Two-sided p-value of this comparison alone."""
    adjusted_p: float
    """P-value adjusted for all comparisons that are read together; `compare` alone sets it to p."""
    verdict: Verdict
    """Whether b is better or worse than a; a verdict needs an adjusted p below 0.05."""
    items_needed: int | None
    """How many items like these would tell a true difference of this size with probability 0.8, at one
    comparison; None: the difference is 0 or shows no variance."""


def compare(
    a: Values,
    b: Values,
    clusters: Clusters | None = None,
    seed: int = 0,
    draws: int = 10_000,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Comparison:
    """Compare the values of model b with those of model a, item by item; higher values are better.

    `draws` is the number of resamples of the interval and of sign patterns of the p-value; `bounds` are the
    ends of the scale.

    Raises:
        ValueError: a and b differ in length, a value is not a number or lies outside the bounds, or there are
            not as many labels of clusters as items.
    """
    differences = subtracted(a, b, bounds)
    difference, low, high = paired(a, b, clusters, seed, draws, bounds)
    p = sign_flip(differences, clusters, seed, draws)
    return Comparison(
        n=len(differences),
        clusters=int(grouped(clusters, len(differences)).max()) + 1,
        difference=difference,
        low=low,
        high=high,
        standard_error=standard_error(differences, clusters),
        p=p,
        adjusted_p=p,
        verdict=verdict_of(difference, p),
        items_needed=items_needed(differences, clusters),
    )


def adjusted(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return the comparisons with p-values adjusted by Holm's method, and the verdicts that follow from them.

    Give it all comparisons that a reader sees together: among twenty models that are alike, one comparison is
    expected to have p < 0.05 by chance.
    """
    return [
        replace(one, adjusted_p=p, verdict=verdict_of(one.difference, p))
        for one, p in zip(comparisons, holm([one.p for one in comparisons]), strict=True)
    ]


def verdict_of(difference: float, p: float) -> Verdict:
    """Return what a difference and its adjusted p-value say."""
    if p >= ALPHA:
        return "cannot tell"
    return "better" if difference > 0 else "worse"
