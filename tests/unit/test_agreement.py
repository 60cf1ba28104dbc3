"""The declarations of samplers, and the comparison that a round's samples must stand."""

from __future__ import annotations

import pytest

from align.core.plugins import Sampler
from align.train.samplers import VLLMServerSampler
from align.train.sampling import LIMIT, agreement, difference, distrust


@pytest.mark.parametrize("url", ["http://host:8000", "http://host:8000/", "http://host:8000/v1"])
def test_the_address_may_be_the_one_of_an_openai_client(url: str) -> None:
    assert VLLMServerSampler(base_url=url).base_url == "http://host:8000"


def test_a_bad_address_and_an_unknown_sampler_are_refused() -> None:
    with pytest.raises(ValueError, match="an address such as"):
        Sampler.model_validate({"kind": "vllm_server", "base_url": "host:8000"})
    with pytest.raises(ValueError, match="unknown kind 'sglang'; one of: transformers, vllm, vllm_server, or module:Class"):
        Sampler.model_validate({"kind": "sglang"})


def test_differences_are_means_over_tokens_not_over_answers() -> None:
    long, short = difference([-1.0, -2.0, -3.0], [-1.5, -1.5, -3.0]), difference([-0.5], [-0.25])
    assert agreement([long, short]) == {"difference": pytest.approx(-0.0625), "absolute": pytest.approx(0.3125)}


def test_log_probabilities_must_be_of_the_same_tokens() -> None:
    with pytest.raises(ValueError, match="zip"):
        difference([-1.0], [-1.0, -2.0])


@pytest.mark.parametrize(("absolute", "trusted"), [(LIMIT, True), (LIMIT * 1.01, False), (float("nan"), False)])
def test_beyond_rounding_and_not_a_number_are_refused(absolute: float, trusted: bool) -> None:
    assert (distrust({"difference": 0.0, "absolute": absolute}) is None) == trusted
