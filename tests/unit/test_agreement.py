"""The declarations of samplers, and the comparison that a round's samples must stand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import get_peft_model

from align.core.plugins import Sampler
from align.models import checkpoints
from align.train.policy import lora_config
from align.train.samplers import VLLMServerSampler
from align.train.sampling import LIMIT, agreement, difference, distrust, sampler_copy


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


@pytest.mark.parametrize("targets", ["all-linear", ["q_proj"]], ids=str)
@pytest.mark.parametrize("dtype", [None, "bfloat16"])
def test_the_sampler_has_the_adapters_and_leaves_the_policy_as_it_is(tiny: str, dtype: str | None, targets: Any) -> None:
    policy: Any = get_peft_model(checkpoints.causal_lm(tiny, "float32"), lora_config(4, 8, 0.0, targets, "CAUSAL_LM"))
    with torch.no_grad():
        for name, weight in policy.named_parameters():
            if "lora_" in name:
                weight.normal_(std=2.0)
    before = {name: weight.clone() for name, weight in policy.state_dict().items()}
    drawing, ids = sampler_copy(policy, dtype), torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        apart = (drawing(ids).logits.float() - policy(ids).logits).abs().max()
    assert apart < (0.2 if dtype else 1e-3)
    assert (drawing(ids).logits - checkpoints.causal_lm(tiny, "float32")(ids).logits).abs().max() > 4 * apart
    assert all(torch.equal(weight, before[name]) for name, weight in policy.state_dict().items())
    own, other = (m.get_parameter("model.norm.weight").data_ptr() for m in (drawing, policy.get_base_model()))
    assert (own == other) is (dtype is None)  # what has no adapter is not copied
