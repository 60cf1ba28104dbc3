"""What the vLLM generator promises on a machine without vLLM; its sampling is exercised only where a GPU is."""

from __future__ import annotations

import importlib.util

import pytest

from align.core import wiring
from align.core.errors import AlignError
from align.core.plugins import Generator
from align.generate.backends.vllm import VLLM


@pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vLLM is installed here")
def test_a_machine_without_vllm_is_told_what_to_do() -> None:
    generator = Generator.model_validate({"kind": "vllm", "model": "base"})
    with pytest.raises(AlignError, match=r"pip install vllm.*kind openai.*kind transformers"):
        generator.start(lambda reference: reference)
    generator.stop()


def test_its_model_is_a_reference_that_the_recipe_checks() -> None:
    assert list(wiring.references(VLLM(model="sft"))) == [(("model",), "model", "sft")]


def test_where_it_runs_is_no_part_of_its_identity() -> None:
    one = VLLM(model="base")
    assert one.identity() == VLLM(model="base", tensor_parallel_size=2, gpu_memory_utilization=0.5).identity()
    assert one.identity() != VLLM(model="base", dtype="float16").identity()
