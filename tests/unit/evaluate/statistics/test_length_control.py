"""Length-controlled win rates, against the published code of AlpacaEval (see references_control.py)."""

from dataclasses import replace

import numpy as np
import pytest

from align.evaluate.statistics.length_control import Anchors, length_controlled
from align.evaluate.statistics.shares import wilson


def annotations(n, seed):
    """Return preferences, both lengths and difficulty of n made-up instructions; the judge likes long answers."""
    rng = np.random.default_rng(seed)
    baseline = rng.integers(200, 2600, n)
    lengths = (baseline * (0.5 + rng.random(n)) + rng.integers(0, 400, n)).astype(int)
    difficulty = np.round(rng.random(n) * 4 - 2, 6)
    logits = -0.4 + 0.8 * difficulty + 1.2 * np.tanh((lengths - baseline) / 500) + 2 * (rng.random(n) - 0.5)
    soft = np.round(1 / (1 + np.exp(-logits)), 6)
    return np.where(rng.random(n) < 0.5, np.round(soft), soft), baseline, lengths, difficulty


def anchors(difficulty, seed):
    rng = np.random.default_rng(seed)
    n = len(difficulty)
    shift = np.round(np.concatenate([-2 * rng.random(n), 2 * rng.random(n)]), 6)
    both = np.concatenate([difficulty, difficulty])
    logits = 0.3 * both + 1.5 * np.tanh(shift) + rng.random(2 * n) - 0.5
    return Anchors(np.round(1 / (1 + np.exp(-logits)), 6), shift, both)


# win rate and its standard error in percent, coefficients, C; scikit-learn 1.9.1, liblinear run to the end
PUBLISHED = [
    (40, "v1", 41.69354214523, 3.36780305736, [-0.231432733, 0.856826046, -0.341386558], 21.5443469),
    (40, "noreg", 41.12120683128, 3.89825701885, [-0.869097180, 1.040898933, -0.384278512], 2.782559402),
    (40, "minimal", 50.0, 0.0, [0.0, 0.0], 0.0001),
    (120, "v1", 42.54481778097, 1.94020450172, [-0.625600831, 0.891260536, -0.385570824], 21.5443469),
    (120, "noreg", 40.20372169153, 2.34056651722, [-1.425375476, 1.181689307, -0.574065079], 2.782559402),
    (120, "minimal", 40.53124997420, 0.0, [-0.977654336, -0.383377684], 2.782559402),
]


@pytest.mark.parametrize(("n", "variant", "win_rate", "error", "coefficients", "strength"), PUBLISHED)
def test_it_equals_the_published_code_run_to_the_end(n, variant, win_rate, error, coefficients, strength):
    preferences, baseline, lengths, difficulty = annotations(n, n)
    more = {
        "v1": {"difficulty": difficulty, "anchors": anchors(difficulty, n + 1)},
        "noreg": {"difficulty": difficulty},
        "minimal": {},
    }[variant]
    found = length_controlled(preferences, baseline, lengths, **more, draws=2)
    assert (found.win_rate, found.standard_error) == pytest.approx((win_rate / 100, error / 100), abs=1e-9)
    own = [found.length, *([] if found.difficulty is None else [found.difficulty]), found.model]
    assert own == pytest.approx(coefficients, abs=1e-8)
    assert found.strength == pytest.approx(strength, rel=1e-9)
    assert found.raw == pytest.approx(preferences.mean())


@pytest.mark.parametrize(("variant", "win_rate"), [("v1", 41.69359516818), ("noreg", 41.12162829494), ("minimal", 50.0)])
def test_it_equals_the_published_code_as_it_stands_within_its_tolerance(variant, win_rate):
    # liblinear stops at a tolerance of 1e-4
    preferences, baseline, lengths, difficulty = annotations(40, 40)
    more = {"anchors": anchors(difficulty, 41)} if variant == "v1" else {}
    told = difficulty if variant != "minimal" else None
    assert length_controlled(preferences, baseline, lengths, told, **more, draws=2).win_rate == pytest.approx(
        win_rate / 100, abs=1e-5
    )


def test_instructions_without_a_verdict_count_at_the_end_only():
    # published: they are not fitted, but predicted
    preferences, baseline, lengths, difficulty = annotations(120, 120)
    preferences[[3, 50, 51]] = np.nan
    found = length_controlled(preferences, baseline, lengths, difficulty, draws=2)
    assert found.win_rate == pytest.approx(0.3958994358345807, abs=1e-9)
    assert found.raw == pytest.approx(np.nanmean(preferences))


def test_the_interval_is_that_of_a_share_where_length_does_not_matter():
    rng = np.random.default_rng(1)
    wins, baseline, lengths = (rng.random(800) < 0.3) * 1.0, rng.integers(500, 900, 800), rng.integers(500, 900, 800)
    found = length_controlled(wins, baseline, lengths, draws=400)
    low, high = wilson(wins.sum(), 800)
    # a quantile of 400 draws has a standard error of 0.13 SD, and the limits are 2 SD from the centre
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.2 * (high - low))
    assert found.high - found.low == pytest.approx(high - low, rel=0.2)
    again = length_controlled(wins, baseline, lengths, draws=400, seed=1)
    assert (again.win_rate, again.low) != (found.win_rate, found.low)
    # anchors are certain; they are not drawn
    preferences, baseline, lengths, difficulty = annotations(120, 120)
    anchored = length_controlled(preferences, baseline, lengths, difficulty, anchors(difficulty, 121))
    assert anchored.low < anchored.win_rate < anchored.high


def test_a_model_that_wins_by_length_alone_is_corrected():
    rng = np.random.default_rng(0)
    baseline = rng.integers(500, 1500, 300)
    longer = rng.random(300) < 0.8
    lengths = baseline + np.where(longer, 1, -1) * rng.integers(100, 900, 300)
    found = length_controlled(np.where(longer, 0.9, 0.1), baseline, lengths, draws=2)
    assert found.raw > 0.7
    assert abs(found.win_rate - 0.5) < 0.05
    assert found.length < 0


def test_what_cannot_be_corrected_is_refused():
    preferences, baseline, lengths, difficulty = annotations(40, 40)
    short = replace(anchors(difficulty, 1), difficulty=difficulty)
    for wrong, message in (
        (lambda: length_controlled(preferences, baseline, baseline + 10), "by the same length"),
        (
            lambda: length_controlled(preferences, baseline, lengths[:5]),
            "40 preferences need as many lengths and difficulties; there are 40, 5$",
        ),
        (lambda: length_controlled(preferences, baseline, lengths, difficulty[1:]), "there are 40, 40, 39$"),
        (lambda: length_controlled(preferences + 1, baseline, lengths), "no number from 0.0 to 1.0"),
        (lambda: length_controlled(preferences[:4], baseline[:4], lengths[:4]), "at least 5 verdicts"),
        (lambda: length_controlled(preferences, baseline, lengths, anchors=anchors(difficulty, 1)), "leave the anchors out"),
        (lambda: length_controlled(preferences, baseline, lengths, difficulty, short), "80 preferences of anchors need"),
    ):
        with pytest.raises(ValueError, match=message):
            wrong()
