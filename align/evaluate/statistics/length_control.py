"""Correct the win rate of a judge who likes long answers, as AlpacaEval 2 does.

A logistic regression predicts the judge's preference from the difference in length, the difficulty of the
instruction and the model; the corrected win rate is what it predicts where no length differs. Source: Dubois
et al. 2024, "Length-Controlled AlpacaEval" (arXiv 2404.04475), as in its code (tatsu-lab/alpaca_eval,
`metrics/glm_winrate.py`, commit cd543a1). Its three variants are here: `length_controlled_minimal` (no
difficulty), `length_controlled_noreg` (with difficulty) and `length_controlled_v1` (with anchors too).
Departures:

1. The regression is solved to the last digit. The published code stops liblinear at its tolerance of 1e-4,
   and the noise may also make it choose another penalty. On published verdicts on 8 models its win rates
   differ by up to 0.06 points; with its tolerance lowered, they are equal.
2. Results are shares, not percentages.
3. There is a bootstrap interval. The published standard error does not say how sure the win rate is.
4. Answers that all differ by the same length are refused. There the published code divides by 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from align.evaluate.statistics.items import Values, checked
from align.evaluate.statistics.logistic import fit, probabilities

STRENGTHS = np.logspace(-4, 4, 10)
"""Candidates of C, the inverse weight of the L1 penalty: the default of LogisticRegressionCV."""
FOLDS = 5
"""Parts of the cross-validation that chooses C (published: n_splits 5)."""
ANCHOR_WEIGHT = 0.1
"""Weight of an anchor: the published lambda, 0.2, shared by its two models."""


@dataclass(frozen=True)
class Anchors:
    """Preferences on answers of the baseline itself, told to be brief or to be verbose.

    They hold the effect of length near that of the baseline, so that a model cannot hide a bad answer behind
    its length. The arrays have one number an anchor.
    """

    preferences: np.ndarray
    """How far the judge prefers the anchor to the baseline, 0 to 1."""
    length_differences: np.ndarray
    """Length of the baseline minus that of the anchor, divided by its standard deviation over the anchors of
    one model."""
    difficulty: np.ndarray
    """Difficulty of the instruction, on the scale of the items' difficulty."""


@dataclass(frozen=True)
class LengthControlled:
    """The corrected win rate, and the regression that it comes from."""

    win_rate: float
    """Predicted share of wins at equal lengths, 0 to 1."""
    low: float
    """Lower limit of its 95% interval: percentiles over regressions on verdicts drawn with replacement."""
    high: float
    """Upper limit."""
    standard_error: float
    """Standard deviation of the predictions over items, divided by sqrt(items), as published. It measures how
    the difficulty of the items varies, not how uncertain the regression is; without difficulty it is 0."""
    raw: float
    """Share of wins as the judge gave them."""
    length: float
    """Coefficient of tanh(length difference); negative: longer answers win more."""
    difficulty: float | None
    """Coefficient of the difficulty, None where none was given."""
    model: float
    """Coefficient of the model itself."""
    strength: float
    """The C that cross-validation chose."""


def length_controlled(
    preferences: Values,
    baseline_lengths: Values,
    lengths: Values,
    difficulty: Values | None = None,
    anchors: Anchors | None = None,
    seed: int = 0,
    draws: int = 200,
) -> LengthControlled:
    """Return the length-controlled win rate of one model against a baseline.

    Each of the first four has one number an instruction: how far the judge prefers the model, from 0 to 1,
    0.5 a draw, NaN where it gave no verdict; the lengths of the baseline's and of the model's answers in
    characters; and, optionally, the difficulty of the instruction. AlpacaEval publishes difficulty and
    anchors for its own instructions only; for others, leave both out. `draws` is the number of bootstrap
    samples of the interval.

    Give some hundred verdicts. With few, cross-validation may choose the strongest penalty (`strength`
    0.0001); then all coefficients are 0 and the win rate is 0.5, whatever the verdicts, as in the published
    code.

    Raises:
        ValueError: a number is missing or out of range, there are fewer than 5 verdicts, all lengths differ
            by the same, there are anchors without difficulty, or the anchors' arrays differ in length.
    """
    wins = np.asarray(preferences, dtype=float)
    judged = ~np.isnan(wins)
    checked(wins[judged], (0.0, 1.0))
    if judged.sum() < FOLDS:
        raise ValueError(f"length control needs at least {FOLDS} verdicts; there are {judged.sum()}")
    if anchors is not None and difficulty is None:
        raise ValueError("anchors need the difficulty of the instructions; give it, or leave the anchors out")
    features = _features(checked(baseline_lengths), checked(lengths), difficulty, len(wins))
    level = np.column_stack([np.zeros(len(wins)), features[:, 1:]])
    rows, outcomes, weights = _with_anchors(features[judged], wins[judged], anchors)
    strength = _strength(rows, outcomes, weights)
    found = fit(rows, outcomes, weights, penalty=1 / strength)
    predicted = probabilities(level @ found)
    rng, others = np.random.default_rng(seed), len(rows) - int(judged.sum())
    drawn = [_drawn(rows, outcomes, weights, others, strength, rng) for _ in range(draws)]
    low, high = np.quantile(probabilities(level @ np.array(drawn).T).mean(axis=0), (0.025, 0.975))
    return LengthControlled(
        win_rate=float(predicted.mean()),
        low=float(low),
        high=float(high),
        standard_error=float(predicted.std(ddof=1)) / len(wins) ** 0.5,
        raw=float(wins[judged].mean()),
        length=float(found[0]),
        difficulty=None if difficulty is None else float(found[1]),
        model=float(found[-1]),
        strength=strength,
    )


def _features(baseline: np.ndarray, model: np.ndarray, difficulty: Values | None, items: int) -> np.ndarray:
    """Return the features of the regression, shape (items, 2 or 3): length, difficulty if given, and 1."""
    given = [baseline, model] + ([] if difficulty is None else [checked(difficulty)])
    if any(len(one) != items for one in given):
        raise ValueError(
            f"{items} preferences need as many lengths and difficulties; there are "
            f"{', '.join(str(len(one)) for one in given)}"
        )
    differences = baseline - model
    spread = differences.std(ddof=1)
    if spread == 0:
        raise ValueError("all answers differ from the baseline's by the same length; use the plain win rate")
    return np.column_stack([np.tanh(differences / spread), *given[2:], np.ones(items)])


def _with_anchors(
    features: np.ndarray, outcomes: np.ndarray, anchors: Anchors | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows of the regression, anchors first, with their outcomes and weights."""
    if anchors is None:
        return features, outcomes, np.ones(len(outcomes))
    liked = checked(anchors.preferences, (0.0, 1.0))
    n = len(liked)
    if not len(anchors.length_differences) == len(anchors.difficulty) == n:
        raise ValueError(
            f"{n} preferences of anchors need as many differences in length and difficulties; there are "
            f"{len(anchors.length_differences)} and {len(anchors.difficulty)}"
        )
    above = np.column_stack([np.tanh(anchors.length_differences), anchors.difficulty, np.zeros(n)])
    weights = np.concatenate([np.full(n, ANCHOR_WEIGHT), np.ones(len(outcomes))])
    return np.vstack([above, features]), np.concatenate([liked, outcomes]), weights


def _strength(rows: np.ndarray, outcomes: np.ndarray, weights: np.ndarray) -> float:
    """Return the C whose fits predict the parts left out best, by weighted log loss; the smallest at a tie.

    Rows go to the parts in turn, as in scikit-learn's GroupKFold.
    """
    part = np.arange(len(rows)) % FOLDS
    losses = [
        sum(_loss(rows, outcomes, weights, part == left_out, 1 / strength) for left_out in range(FOLDS))
        for strength in STRENGTHS
    ]
    return float(STRENGTHS[int(np.argmin(losses))])


def _loss(
    rows: np.ndarray, outcomes: np.ndarray, weights: np.ndarray, out: np.ndarray, penalty: float
) -> float:
    logits = rows[out] @ fit(rows[~out], outcomes[~out], weights[~out], penalty)
    return float(np.mean(weights[out] * (np.logaddexp(0.0, logits) - outcomes[out] * logits)))


def _drawn(
    rows: np.ndarray,
    outcomes: np.ndarray,
    weights: np.ndarray,
    anchors: int,
    strength: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the coefficients of a fit to as many verdicts, drawn with replacement; the anchors stay."""
    own = len(rows) - anchors
    times = np.bincount(rng.integers(0, own, own), minlength=own)
    used = weights * np.concatenate([np.ones(anchors), times])
    return fit(rows, outcomes, used, penalty=1 / strength)
