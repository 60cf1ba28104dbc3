"""The declarations of samplers, and the comparison that a round's samples must stand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import get_peft_model
from transformers import Qwen2MoeConfig, Qwen2MoeForCausalLM

from align.core.errors import ModelError
from align.core.plugins import Sampler
from align.models import checkpoints
from align.train.policy import lora_config
from align.train.samplers.kinds import VLLMServerSampler
from align.train.samplers.policy import LIMIT, agreement, difference, distrust, sampler_copy


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
    plain = checkpoints.causal_lm(tiny, "float32")
    policy: Any = get_peft_model(plain, lora_config(plain, 4, 8, 0.0, targets, "CAUSAL_LM"))
    with torch.no_grad():
        for name, weight in policy.named_parameters():
            if "lora_" in name:
                weight.normal_(std=2.0)
    before = {name: weight.clone() for name, weight in policy.state_dict().items()}
    drawing, ids = sampler_copy(policy, dtype), torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        apart = (drawing(ids).logits.float() - policy(ids).logits).abs().max()
    assert apart < (0.8 if dtype else 1e-3)
    assert (drawing(ids).logits - checkpoints.causal_lm(tiny, "float32")(ids).logits).abs().max() > 2 * apart
    assert all(torch.equal(weight, before[name]) for name, weight in policy.state_dict().items())
    own, other = (m.get_parameter("model.norm.weight").data_ptr() for m in (drawing, policy.get_base_model()))
    assert (own == other) is (dtype is None)  # what has no adapter is not copied


def test_experts_have_adapters_too() -> None:
    """Their weights are no linear layers to peft; what is sampled and published has their adapters merged."""
    shape = {"hidden_size": 32, "moe_intermediate_size": 16, "shared_expert_intermediate_size": 32, "num_experts": 4}
    layers = {"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2}
    torch.manual_seed(0)
    plain = Qwen2MoeForCausalLM(Qwen2MoeConfig(vocab_size=40, num_experts_per_tok=2, **shape, **layers)).eval()
    with pytest.raises(ModelError, match=r"lora.dropout cannot be used with adapters on experts \(mlp.experts.down_proj, "):
        lora_config(plain, 2, 4, 0.1, "all-linear", "CAUSAL_LM")
    policy: Any = get_peft_model(plain, lora_config(plain, 2, 4, 0.0, "all-linear", "CAUSAL_LM")).eval()
    adapted = {name for name, _ in policy.named_parameters() if ".experts." in name and "lora_B" in name}
    assert len(adapted) == 4  # two layers with two weights each
    with torch.no_grad():
        for name, weight in policy.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.5 if name in adapted else 0.0)
        ids = torch.tensor([[5, 6, 7, 8]])
        drawn, adapters = sampler_copy(policy, None)(ids).logits, policy(ids).logits
        with policy.disable_adapter():
            without = policy(ids).logits
        merged = policy.merge_and_unload()(ids).logits
    torch.testing.assert_close(drawn, adapters)
    torch.testing.assert_close(merged, adapters)
    assert (adapters - without).abs().max() > 1e-3
