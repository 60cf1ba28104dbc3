"""Best against worst, and why a prompt gives no pair."""

import math

import pytest

from align.core.plugins import Completion
from data_synthesis.pairing import Pair, best_against_worst


def said(text, finish="stop", tokens=4):
    return Completion(text, finish, list(range(tokens)))


def test_the_best_meets_the_worst():
    samples = [said("a"), said("b"), said("c"), said("d")]
    assert best_against_worst(samples, [0.5, 2.0, -1.0, 1.0]) == Pair(1, 2, 3.0)


def test_a_cut_sample_is_never_chosen_or_rejected():
    samples = [said("a", "length"), said("b"), said("c"), said("d", "length")]
    assert best_against_worst(samples, [9.0, 1.0, 0.0, -9.0]) == Pair(1, 2, 1.0)


@pytest.mark.parametrize(
    ("samples", "rewards", "how", "reason"),
    [
        ([said("a"), said("b")], [1.0, 1.0], {}, "tie"),
        ([said("a"), said("a")], [1.0, 0.0], {}, "identical"),
        ([said("a"), said("b", "length")], [1.0, 0.0], {}, "cut at max_new_tokens"),
        ([said("a"), said("b", "content_filter")], [1.0, 0.0], {}, "ended by 'content_filter'"),
        ([said("a"), said(" ")], [1.0, 0.0], {}, "empty"),
        ([said("a"), said("b", tokens=9)], [1.0, 0.0], {"max_tokens": 8}, "longer than max_length"),
        ([said("a"), said("b")], [1.0, 0.8], {"min_margin": 0.5}, "margin too small"),
        ([said("a", tokens=10), said("b", tokens=4)], [1.0, 0.0], {"max_length_ratio": 2.0}, "length ratio"),
    ],
)
def test_no_pair_has_a_reason(samples, rewards, how, reason):
    assert best_against_worst(samples, rewards, **how) == reason


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_reward_that_is_no_number_stops_everything(bad):
    with pytest.raises(ValueError, match="the reward gave"):
        best_against_worst([said("a"), said("b")], [1.0, bad])
