"""The logistic regression, by its conditions of optimality (the values themselves: length and style control)."""

import numpy as np
import pytest

from align.evaluate.statistics import logistic
from align.evaluate.statistics.logistic import fit, probabilities


def problem():
    rng = np.random.default_rng(4)
    features = rng.normal(size=(80, 5))
    return features, rng.random(80), rng.random(80)


def test_the_penalised_fit_meets_the_conditions_of_optimality():
    features, outcomes, weights = problem()
    for penalty in (0.0, 0.5, 3.0, 1e6):
        found = fit(features, outcomes, weights, penalty)
        gradient = features.T @ (weights * (probabilities(features @ found) - outcomes))
        assert gradient[found != 0] == pytest.approx(-penalty * np.sign(found[found != 0]), abs=1e-8)
        assert (np.abs(gradient) <= penalty + 1e-8).all()
    assert not found.any()  # a large penalty leaves nothing


def test_weights_are_repeated_rows():
    features, outcomes, _ = problem()
    times = np.arange(80) % 3
    repeated = fit(np.repeat(features, times, axis=0), np.repeat(outcomes, times), penalty=0.1)
    assert fit(features, outcomes, times.astype(float), 0.1) == pytest.approx(repeated, abs=1e-9)


def test_separated_outcomes_end_at_certainty():
    features = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    found = probabilities(features @ fit(features, np.array([1.0, 1.0, 0.0, 1.0])))
    assert found == pytest.approx([1, 1, 0.5, 0.5], abs=1e-11)


def test_a_fit_that_does_not_end_is_reported(monkeypatch):
    monkeypatch.setattr(logistic, "_STEPS", 2)
    with pytest.raises(ArithmeticError, match="did not converge in 2 steps"):
        fit(*problem(), penalty=0.1)


def test_the_fit_is_exact_where_features_are_nearly_dependent():
    """All answers of a model are short, so their length hardly differs from the intercept, and none wins."""
    features = np.column_stack([np.tanh(np.linspace(0.8, 2.2, 12)), np.ones(12)])
    outcomes, penalty = np.zeros(12), 1e-3
    found = fit(features, outcomes, penalty=penalty)
    gradient = features.T @ (probabilities(features @ found) - outcomes)
    assert found[1] < -5
    assert gradient[1] == pytest.approx(penalty, rel=1e-6)
    assert abs(gradient[0]) <= penalty
