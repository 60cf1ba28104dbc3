"""Correct win rates of a judge who likes long and decorated answers, as Arena-Hard does.

A Bradley-Terry model explains each verdict by the strength of the model and by how its answer differs in
style from the baseline's: length, headers, lists and bold text. A model's corrected win rate follows from its
strength alone. Source: lmarena/arena-hard-auto, `show_result.py`, `utils/math_utils.py` and
`utils/add_markdown_info.py` (commit 196f6b8), after the Arena's blog post "Does style matter?" (2024).
Departures:

1. The regression is solved to the last digit. The published code stops after 50 steps of L-BFGS with a step
   size of 0.1, up to 0.005 away in win rate.
2. The interval is 95% (published: 90%, `level=0.9`).
3. Length is counted in words and marks where no tokenizer is given (published: tokens of GPT-4o). The
   features are ratios of one answer's counts to the other's, so the unit hardly matters.
4. All four features are always used. The published option for length alone takes a column of a model by
   mistake.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from align.evaluate.statistics.items import Clusters, checked, grouped
from align.evaluate.statistics.logistic import fit, probabilities

FEATURES = ("tokens", "headers", "lists", "bold")
"""Keys of `style_features`, in the order of the published features."""

_CODE = re.compile("```([^`]*)```")
_HEADERS = re.compile(r"^#{1,6}\s", re.MULTILINE)
_LISTS = (re.compile(r"^\s*\d+\.\s", re.MULTILINE), re.compile(r"^\s*[-*+]\s", re.MULTILINE))
_BOLD = (re.compile(r"\*\*[^*\n]+\*\*"), re.compile(r"__[^_\n]+__"))
_WORDS = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class WinRate:
    """A model's corrected win rate against the baseline, over bootstrap samples of the verdicts."""

    win_rate: float
    """Median, 0 to 1."""
    low: float
    """Lower limit."""
    high: float
    """Upper limit."""


@dataclass(frozen=True)
class StyleControlled:
    """What is left of win rates when style is taken out, and how much style counts."""

    win_rates: dict[str, WinRate]
    """By model, without the baseline."""
    coefficients: dict[str, float]
    """By feature, the median effect on the log odds of a win, of a difference of one standard deviation."""


def style_features(text: str, tokens: Callable[[str], int] | None = None) -> dict[str, int]:
    """Count tokens, headers, list items and bold passages of an answer in Markdown.

    Blocks of code count as tokens only. `tokens` counts the tokens of a text; by default they are words and
    marks.
    """
    prose = text
    for block in _CODE.findall(text):  # as published: the code goes, its fences stay
        prose = prose.replace(block, "")
    return {
        "tokens": tokens(text) if tokens else len(_WORDS.findall(text)),
        "headers": len(_HEADERS.findall(prose)),
        "lists": sum(len(one.findall(prose)) for one in _LISTS),
        "bold": sum(len(one.findall(prose)) for one in _BOLD),
    }


def style_differences(
    styles: Sequence[Mapping[str, int]], baseline_styles: Sequence[Mapping[str, int]]
) -> np.ndarray:
    """Return how answers differ in style from the baseline's, standardised: shape (verdicts, 4).

    With counts a and b, the length feature is (a - b) / (a + b). The others compare densities, counts a
    token: (a - b) / (a + b + 1). A feature that is equal in all verdicts is 0 (the published code divides by
    0).

    Raises:
        ValueError: there are not as many styles of the baseline as of the models, or there is one verdict
            only.
    """
    if len(styles) != len(baseline_styles) or len(styles) < 2:
        raise ValueError(
            f"style control needs two or more verdicts with the style of both answers; there are "
            f"{len(styles)} and {len(baseline_styles)}"
        )
    a, b = (
        np.array([[one[f] for f in FEATURES] for one in side], float) for side in (styles, baseline_styles)
    )
    found = np.empty_like(a)
    found[:, 0] = (a[:, 0] - b[:, 0]) / np.maximum(a[:, 0] + b[:, 0], 1)  # 1: two empty answers
    dense_a, dense_b = a[:, 1:] / (a[:, :1] + 1), b[:, 1:] / (b[:, :1] + 1)
    found[:, 1:] = (dense_a - dense_b) / (dense_a + dense_b + 1)
    spread = found.std(axis=0, ddof=1)
    return (found - found.mean(axis=0)) / np.where(spread > 1e-12, spread, np.inf)


def style_controlled(
    scores: Sequence[float],
    models: Sequence[str],
    styles: Sequence[Mapping[str, int]],
    baseline_styles: Sequence[Mapping[str, int]],
    clusters: Clusters | None = None,
    seed: int = 0,
    draws: int = 100,
    level: float = 0.95,
) -> StyleControlled:
    """Return style-controlled win rates of models against one baseline.

    Each of the first four arguments has one entry a verdict: 1 where the model won, 0 where the baseline did,
    0.5 at a draw; the model's name; and `style_features` of the model's and of the baseline's answer.
    Arena-Hard counts a verdict of clear superiority as three verdicts. Verdicts are drawn with replacement
    `draws` times (published: 100); with clusters, such as the prompt's id, all verdicts of a cluster are
    drawn together. With few verdicts, style may explain all of them; an interval then reaches from 0 to 1.

    The styles are standardised over the verdicts of all models, as published, so that a corrected win rate
    holds for the average difference in style of the models given. Give several models: a single model is its
    own average, and its win rate is hardly corrected (`length_control` corrects one model alone).

    Raises:
        ValueError: the arguments differ in length, or a score is not a number from 0 to 1.
    """
    outcomes = checked(scores, (0.0, 1.0))
    if not len(outcomes) == len(models) == len(styles):
        raise ValueError(
            "scores, models and styles must have one entry a verdict; there are "
            f"{len(outcomes)}, {len(models)} and {len(styles)}"
        )
    names = sorted(set(models))
    played = np.array(models)[:, None] == np.array(names)
    features = np.hstack([played, style_differences(styles, baseline_styles)])
    groups = grouped(clusters, len(outcomes))
    rng = np.random.default_rng(seed)
    found = np.array([_draw(features, outcomes, groups, rng) for _ in range(draws)])
    tails = (1 - level) / 2
    low, middle, high = np.quantile(probabilities(found[:, : len(names)]), (tails, 0.5, 1 - tails), axis=0)
    rates = zip(names, middle.tolist(), low.tolist(), high.tolist(), strict=True)
    effects = np.median(found[:, len(names) :], axis=0).tolist()
    return StyleControlled(
        win_rates={name: WinRate(*rate) for name, *rate in rates},
        coefficients=dict(zip(FEATURES, effects, strict=True)),
    )


def _draw(
    features: np.ndarray, outcomes: np.ndarray, groups: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return the coefficients that are fitted to as many clusters, drawn with replacement.

    A verdict that is drawn twice has weight 2.
    """
    count = int(groups.max()) + 1
    times = np.bincount(rng.integers(0, count, count), minlength=count)[groups]
    drawn = times > 0
    return fit(features[drawn], outcomes[drawn], times[drawn].astype(float))
