"""Style control, against the published code of Arena-Hard (see references_control.py)."""

import numpy as np
import pytest

from align.evaluate.statistics.logistic import fit, probabilities
from align.evaluate.statistics.style_control import FEATURES, style_controlled, style_differences, style_features

ANSWER = """# Title
## Part
Some **bold** and __also bold__ words, 2 * 3 * 4.

1. one
2. two
   - inner **x**
* star
#no header
```python
# a comment, no header
- 5
**kwargs
```
+ plus
###### Deep
"""


def verdicts(n=240):
    """Return scores, models and styles of made-up verdicts on three models; the judge likes long and bold answers."""
    rng = np.random.default_rng(11)
    models, styles, baseline = [], [], []
    for i in range(n):
        models.append("abc"[i % 3])
        more = 2.5 if models[-1] == "a" else 1.0
        styles.append(_style(rng, more))
        baseline.append(_style(rng, 1.0))
    shift = style_differences(styles, baseline) @ np.array([1.0, 0.1, -0.1, 0.4])
    logits = shift + np.array([{"a": 0.0, "b": 0.7, "c": -0.5}[model] for model in models])
    scores = (rng.random(n) < 1 / (1 + np.exp(-logits))).astype(float)
    scores[rng.random(n) < 0.1] = 0.5
    return scores, models, styles, baseline


def _style(rng, more):
    tokens = int(more * rng.integers(100, 900))
    return dict(zip(FEATURES, [tokens, *(int(more * rng.integers(0, most)) for most in (6, 25, 15))], strict=True))


def test_features_are_the_published_counts():
    # count_markdown_elements, after its remove_pattern
    counts = style_features(ANSWER, tokens=lambda text: len(text.split()))
    assert counts == {"tokens": 40, "headers": 3, "lists": 5, "bold": 3}
    assert style_features("Two words.")["tokens"] == 3
    assert style_features("") == dict.fromkeys(FEATURES, 0)


def test_the_fit_equals_the_published_regression():
    # the published features, in single precision, fitted by statsmodels (GLM, Binomial) to the last digit
    scores, models, styles, baseline = verdicts()
    played = np.array(models)[:, None] == np.array(list("abc"))
    found = fit(np.hstack([played, style_differences(styles, baseline)]), scores)
    rates, effects = [0.451126974079, 0.680099718483, 0.407876167869], [0.968389020, 0.372957183, -0.288491169, 0.253348735]
    assert probabilities(found[:3]) == pytest.approx(rates, abs=1e-7)
    assert found[3:] == pytest.approx(effects, abs=2e-7)
    # the published fit stops after 50 steps
    assert probabilities(found[:3]) == pytest.approx([0.454196751, 0.677443802, 0.408005208], abs=0.005)


def test_intervals_equal_the_published_bootstrap_within_its_error():
    # published code with 1000 draws: 5%, 50% and 95% quantiles by model. The 5% quantile of 1000 draws has a standard
    # error of sqrt(0.05 * 0.95 / 1000) / (density there, 0.103 / SD) = 0.067 SD; SD is about 0.07, and two such errors
    # are compared. 0.005: the published fit stops early.
    published = {"a": (0.3360, 0.4531, 0.5609), "b": (0.5988, 0.6827, 0.7666), "c": (0.3093, 0.4086, 0.5104)}
    found = style_controlled(*verdicts(), draws=1000, level=0.9)
    for model, limits in published.items():
        rate = found.win_rates[model]
        assert (rate.low, rate.win_rate, rate.high) == pytest.approx(limits, abs=0.005 + 3 * 2**0.5 * 0.067 * 0.07)
        assert rate.high - rate.low == pytest.approx(limits[2] - limits[0], abs=0.03)
    assert list(found.coefficients.values()) == pytest.approx([0.9774, 0.3821, -0.2925, 0.2450], abs=0.05)


def test_a_model_that_wins_by_style_alone_loses_its_lead():
    scores, models, styles, baseline = verdicts(3000)
    raw = {model: scores[np.array(models) == model].mean() for model in "abc"}
    found = style_controlled(scores, models, styles, baseline, draws=20).win_rates
    # the logits of the models are 0, 0.7 and -0.5, at the average style of the three
    assert raw["a"] > 0.55
    assert found["a"].win_rate == pytest.approx(0.5, abs=0.03)
    assert found["b"].win_rate > raw["b"]


def test_verdicts_of_one_prompt_are_drawn_together():
    scores, models, styles, baseline = verdicts()
    thrice = (np.tile(scores, 3), models * 3, styles * 3, baseline * 3)
    once = style_controlled(scores, models, styles, baseline).win_rates["b"]
    apart = style_controlled(*thrice).win_rates["b"]
    together = style_controlled(*thrice, clusters=list(range(240)) * 3).win_rates["b"]
    assert together.high - together.low == pytest.approx(once.high - once.low, rel=0.02)
    assert apart.high - apart.low < 0.75 * (once.high - once.low)


def test_a_model_that_always_wins_has_a_win_rate_of_one():
    _, models, styles, baseline = verdicts()
    scores = [1.0 if model == "b" else i % 2 for i, model in enumerate(models)]
    best = style_controlled(scores, models, styles, baseline, draws=20).win_rates["b"]
    assert (best.low, best.high) == pytest.approx((1.0, 1.0), abs=1e-9)


def test_equal_styles_do_nothing():
    scores, models, styles, _ = verdicts()
    found = style_controlled(scores, models, styles, styles, draws=20)
    assert set(found.coefficients.values()) == {0.0}


def test_lists_of_different_length_are_refused():
    scores, models, styles, baseline = verdicts()
    with pytest.raises(ValueError, match="240, 239 and 240"):
        style_controlled(scores, models[1:], styles, baseline)
    with pytest.raises(ValueError, match="240 and 239"):
        style_controlled(scores, models, styles, baseline[1:])
