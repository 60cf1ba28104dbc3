"""The alignment tax, worked by hand, and what has no part in it."""

from collections.abc import Mapping
from typing import ClassVar

import pytest

from align.evaluate.measure import TaskResults
from align.evaluate.scores import compare_models
from align.evaluate.task import Item, Metric, Outcome, Task
from align.evaluate.tax import tax


class Given(Task):
    metrics: ClassVar[Mapping[str, Metric]] = {
        "words": Metric(bounds=None),
        "pooled": Metric(pooled=True),
        "grade": Metric(bounds=(1, 10)),
    }

    def items(self, run):
        return []

    async def measure(self, item, model):
        return Outcome()


def results(metric, before, after):
    """Return what two models got on as many items as there are values."""
    found = TaskResults(Given(name=metric), [Item(id=str(i)) for i in range(len(before))])
    found.outcomes = {m: [Outcome({metric: v}) for v in got] for m, got in (("old", before), ("new", after))}
    return found


def test_the_tax_is_the_mean_drop_over_the_tasks_outside_the_targets():
    tasks = {
        "target": results("right", [0] * 10, [1] * 10),
        "lost": results("right", [1] * 10, [1] * 6 + [0] * 4),
        "graded": results("grade", [5.5] * 10, [5.5, 10, 1, 5.5, 5.5, 5.5, 5.5, 5.5, 5.5, 5.5]),
    }
    owed = tax(tasks, "new", "old", ["target"])
    assert (owed.tasks, owed.target) == (("lost", "graded"), 100)
    assert owed.value == pytest.approx(20)  # 40 points of 100, and none
    assert owed.low == pytest.approx(20 - 1.96 * 0.5 * (24 / 10) ** 0.5 * 10, abs=4)  # the binomial's, on half of the mean


def test_items_that_agree_leave_room_for_others():
    owed = tax({"lost": results("right", [1] * 3, [0] * 3)}, "new", "old", [])
    assert owed.value == 100
    assert 30 < owed.low < 60, "three items of three are no certainty"
    assert owed.high == 100


def test_a_metric_without_a_scale_has_no_points():
    tasks = {"bleu": results("words", [25.0] * 4, [23.5] * 4), "kept": results("right", [1, 0] * 4, [1, 0] * 4)}
    assert tax(tasks, "new", "old", []).tasks == ("kept",)
    assert tax({"bleu": tasks["bleu"]}, "new", "old", []) is None


def test_pooled_values_count_alike_in_the_change_and_in_the_tax():
    even = results("pooled", [[1, 0], [1]], [[1, 1], [1]])
    assert compare_models(even, "old", "new", "pooled").difference == pytest.approx(1 / 3)
    uneven = results("pooled", [[1, 1, 1], [0]], [[1], [0]])  # the mean of items would say that nothing changed
    assert compare_models(uneven, "old", "new", "pooled").difference == pytest.approx(1 / 2 - 3 / 4)
    owed = tax({"arena": uneven}, "new", "old", [])
    assert owed.value == pytest.approx(25)
    assert (owed.low, owed.high) == (0, 25)  # drawn twice, an item says that nothing changed
