"""Check the values of items, and group items into clusters.

An item is one problem or prompt of a benchmark; its value is its score, averaged over samples first. Items of
one cluster share something (a passage, a conversation, a prompt template), so their values are not
independent.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

Values = Sequence[float] | np.ndarray
"""One number an item."""
Clusters = Sequence[Hashable] | np.ndarray
"""One label an item; items with equal labels form a cluster."""

SAME = 1e-9
"""Values that differ by less count as equal, because 1 - 2/3 and 1/3 differ in floating point."""


def checked(values: Values, bounds: tuple[float, float] = (-np.inf, np.inf)) -> np.ndarray:
    """Return the values as an array of floats, shape (items,).

    Raises:
        ValueError: there is no item, or a value is not a number or lies outside the bounds.
    """
    found = np.asarray(values, dtype=float)
    if found.ndim != 1 or len(found) == 0:
        raise ValueError(f"statistics need one number an item, at least one; this has shape {found.shape}")
    low, high = bounds
    if not low < high:
        raise ValueError(f"the lower bound must be less than the upper bound; these are {low} and {high}")
    wrong = np.flatnonzero(~(np.isfinite(found) & (found >= low - SAME) & (found <= high + SAME)))
    if len(wrong):
        where = f"item {wrong[0]} has the value {found[wrong[0]]}"
        raise ValueError(f"{where}, which is no number from {low} to {high}; drop it, or give other bounds")
    return found


def grouped(clusters: Clusters | None, items: int) -> np.ndarray:
    """Return the cluster of each item as a number from 0, shape (items,); without clusters, each has its own.

    Raises:
        ValueError: there are not as many labels as items.
    """
    if clusters is None:
        return np.arange(items)
    if len(clusters) != items:
        raise ValueError(f"clusters must have one label an item; there are {len(clusters)} for {items} items")
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in clusters])
