"""reasoning-gym: its own scores, and what is said where it is missing or has no such task."""

import sys

import pytest
from scripted_run import measured

from align import StageFailed

SUMS = {"kind": "reasoning_gym", "task": "chain_sum", "size": 3, "config": {"max_terms": 2}}


def test_without_the_package_the_remedy_is_named(tmp_path, tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    with pytest.raises(StageFailed, match=r"'chain_sum': the package reasoning-gym cannot be .*align-toolkit\[reasoning-gym\]"):
        measured(tmp_path, tiny, SUMS, None)


@pytest.mark.filterwarnings("ignore")
def test_its_own_scores(tmp_path, tiny):
    gym = pytest.importorskip("reasoning_gym")
    entries = list(gym.create_dataset("chain_sum", size=3, seed=1, max_terms=2))
    sums = {entry["metadata"]["expression"]: entry["answer"] for entry in entries}
    first, second = list(sums)[:2]
    said = {
        first.replace("+", r"\+"): f"so <answer>{sums[first]}</answer>",
        second.replace("+", r"\+"): f"<answer>it is {sums[second]}</answer>",
    }
    outcomes, _ = measured(tmp_path, tiny, SUMS, None, said)
    right, close, _ = (outcome["scores"]["greedy"] for outcome in outcomes)
    assert right == 1.0
    assert 0 < close < 1, "score_answer gives a part for an answer that contains the right one"


def test_an_unknown_task_gets_the_nearest_one(tmp_path, tiny):
    pytest.importorskip("reasoning_gym")
    with pytest.raises(StageFailed, match="no task 'chain_sums'; did you mean 'chain_sum'"):
        measured(tmp_path, tiny, {**SUMS, "task": "chain_sums"}, None)
