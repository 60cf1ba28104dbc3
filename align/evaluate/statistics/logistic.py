"""Fit a logistic regression with soft labels, weights, and an optional L1 penalty.

The method is proximal Newton (Lee, Sun and Saunders 2014, "Proximal Newton-type methods"; liblinear's
newGLMNET is one too): each step minimises the quadratic approximation of the loss plus the penalty, and is
halved until the objective falls enough. There are few features here (at most dozens), so a step is solved to
the last digit.
"""

from __future__ import annotations

import itertools

import numpy as np

_STEPS = 200
"""Newton needs 5 to 30 steps; more mean that there is a mistake."""
_FEW = 3
"""Up to so many features all 3^3 = 27 patterns of signs can be tried; length control has no more."""
_ROUNDS = 20
"""After so many rounds of coordinates they are tried; most steps are exact before."""
_PRECISE = 1e-13
"""The fit ends where a step would lower the objective by less than this share of the weight of all rows."""


def fit(
    features: np.ndarray, outcomes: np.ndarray, weights: np.ndarray | None = None, penalty: float = 0.0
) -> np.ndarray:
    """Return the coefficients b, shape (features,), that minimise the penalised loss; there is no intercept.

    The objective is sum of w * (log(1 + exp(x.b)) - y * x.b) + penalty * sum of |b|, for rows x of
    `features`, shape (rows, features), outcomes y from 0 to 1 and weights w, shape (rows,), 1 where none are
    given. Without a penalty, two more cases have an answer. Where features are linearly dependent, the
    smallest of the best coefficients are returned. Where a feature separates outcomes 0 from 1, no finite
    coefficient is best; then the fit ends where its probabilities differ from 0 and 1 by less than 1e-11.

    Raises:
        ArithmeticError: the fit does not converge.
    """
    weight = np.ones(len(outcomes)) if weights is None else weights
    found, enough = np.zeros(features.shape[1]), _PRECISE * weight.sum()
    for _ in range(_STEPS):
        chances = probabilities(features @ found)
        gradient = features.T @ (weight * (chances - outcomes))
        hessian = (features.T * (weight * chances * (1 - chances))) @ features
        step = _step(gradient, hessian, found, penalty)
        gain = -(gradient @ step + penalty * (np.abs(found + step).sum() - np.abs(found).sum()))
        if gain <= enough:
            return found + step
        before, size = _objective(features, outcomes, weight, penalty, found), 1.0
        slack = 1e-14 * before  # near the end rounding is larger than what is left to gain
        while _objective(features, outcomes, weight, penalty, found + size * step) > (
            before - 1e-4 * size * gain + slack
        ):
            size /= 2
        found = found + size * step
    raise ArithmeticError(f"the logistic regression did not converge in {_STEPS} steps")


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-logits)), without overflow."""
    return np.exp(-np.logaddexp(0.0, -logits))


def _objective(
    features: np.ndarray, outcomes: np.ndarray, weight: np.ndarray, penalty: float, b: np.ndarray
) -> float:
    logits = features @ b
    return float(weight @ (np.logaddexp(0.0, logits) - outcomes * logits) + penalty * np.abs(b).sum())


def _step(gradient: np.ndarray, hessian: np.ndarray, found: np.ndarray, penalty: float) -> np.ndarray:
    """Return the step s that minimises gradient.s + s.hessian.s / 2 + penalty * |found + s|."""
    if penalty == 0:
        return np.linalg.lstsq(hessian, -gradient, rcond=None)[0]
    few, step = len(found) <= _FEW, np.zeros_like(found)
    for _ in range(_ROUNDS if few else 10_000):
        change = 0.0
        for j in np.flatnonzero(np.diag(hessian) > 0):
            # the best value of one coordinate: a soft threshold
            target = found[j] + step[j] - (gradient[j] + hessian[j] @ step) / hessian[j, j]
            best = np.sign(target) * max(0.0, abs(target) - penalty / hessian[j, j]) - found[j]
            change, step[j] = max(change, abs(best - step[j])), best
        if change <= 1e-15 * (1 + np.abs(found + step).max()):
            return step
    return _step_by_signs(gradient, hessian, found, penalty) if few else step


def _step_by_signs(
    gradient: np.ndarray, hessian: np.ndarray, found: np.ndarray, penalty: float
) -> np.ndarray:
    """Return the best step of a few features: the best one over all patterns of the coefficients' signs.

    Given the signs (0: the coefficient is 0), the best step solves linear equations. This takes longer than a
    few rounds of coordinates, but those may need thousands where features are nearly dependent, as length and
    intercept are if all answers of a model are short.
    """
    best, least = np.zeros_like(found), penalty * np.abs(found).sum()
    for pattern in itertools.product((0.0, 1.0, -1.0), repeat=len(found)):
        signs, step = np.array(pattern), -found
        free = signs != 0
        slope = (gradient + hessian[:, ~free] @ step[~free] + penalty * signs)[free]
        step[free] = np.linalg.lstsq(hessian[np.ix_(free, free)], -slope, rcond=None)[0]
        if np.any(np.sign(found + step)[free] != signs[free]):
            continue
        value = float(gradient @ step + step @ hessian @ step / 2 + penalty * np.abs(found + step).sum())
        if value < least:
            best, least = step, value
    return best
