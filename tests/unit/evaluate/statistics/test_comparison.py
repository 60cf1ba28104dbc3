"""Verdicts on two models, and on several comparisons that are read together."""

import json
from dataclasses import asdict

import pytest

from align.evaluate.statistics.comparison import adjusted, compare
from align.evaluate.statistics.differences import items_needed, paired
from align.evaluate.statistics.means import standard_error
from align.evaluate.statistics.significance import sign_flip


def model(right):
    return [1.0] * right + [0.0] * (100 - right)


def test_a_comparison_gathers_what_the_functions_say():
    a, b = model(50), [0.0] * 3 + model(62)[3:]
    found = compare(a, b)
    differences = [y - x for x, y in zip(a, b, strict=True)]
    assert (found.difference, found.low, found.high) == paired(a, b)
    assert found.p == found.adjusted_p == sign_flip(differences) == pytest.approx(0.03515625, abs=1e-12)  # 12 of 15
    assert found.standard_error == standard_error(differences)
    assert found.items_needed == items_needed(differences)
    assert (found.n, found.clusters, found.verdict) == (100, 100, "better")
    assert json.loads(json.dumps(asdict(found))) == asdict(found)


def test_the_verdict_has_a_side_and_a_threshold():
    assert compare(model(62), model(50)).verdict == "worse"
    five = compare(model(50), model(55))  # 5 of 5: p = 2 / 32
    assert (five.p, five.verdict) == (0.0625, "cannot tell")
    assert five.low > 0  # the interval of so few changed items is too short
    same = compare(model(50), model(50))
    assert (same.p, same.verdict, same.items_needed) == (1.0, "cannot tell", None)


def test_clusters_and_scales_reach_all_parts():
    a, b = [5.0] * 40, [6.0 + i // 20 for i in range(40)]
    clusters = [i // 10 for i in range(40)]
    found = compare(a, b, clusters, bounds=(1, 10))
    assert (found.clusters, found.p, found.verdict) == (4, 2 / 16, "cannot tell")
    differences = [y - x for x, y in zip(a, b, strict=True)]
    assert found.standard_error == standard_error(differences, clusters)
    assert (found.difference, found.low, found.high) == paired(a, b, clusters, bounds=(1, 10))
    assert found.items_needed == items_needed(differences, clusters)
    assert compare(a, b, bounds=(1, 10)).verdict == "better"
    with pytest.raises(ValueError, match="which is no number from 0"):
        compare(a, b)


def test_several_comparisons_are_judged_together():
    alone = [compare(model(50), model(50 + more)) for more in (7, 0, 12, 6)]  # p = 2 / 2^more
    together = adjusted(alone)
    assert [one.verdict for one in alone] == ["better", "cannot tell", "better", "better"]
    assert [one.adjusted_p for one in together] == pytest.approx([3 * 2 / 128, 1.0, 4 * 2 / 4096, 2 * 2 / 64], abs=1e-12)
    assert [one.verdict for one in together] == ["better", "cannot tell", "better", "cannot tell"]
    assert [one.p for one in together] == [one.p for one in alone]
    assert adjusted([]) == []
