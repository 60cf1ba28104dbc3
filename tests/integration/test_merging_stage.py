"""Online Merging inside a real DPO stage: accumulation, bfloat16 weights, adapters, what it logs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from align import Recipe
from align.core.errors import RecipeError

RECIPE = """
name: merging
seed: 2
base: {base}
stages:
  prefer: {{kind: load, path: pairs.jsonl}}
  dpo:
    kind: dpo
    model: ./sft
    data: [prefer]
    learning_rate: 1e-3
    lr_scheduler_type: constant
    warmup_ratio: 0
    logging_steps: 1
    optimizer: {{kind: online_merging, reference: ./sft, keep: 0.25, rescale: inverse_keep, alpha_total: 0.2}}
"""


@pytest.fixture
def home(tmp_path: Path, tiny: str) -> Path:
    """A recipe, 16 pairs, and an "SFT model" that is the base with every weight a little larger."""
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    with torch.no_grad():
        for param in model.parameters():
            param.mul_(1.01)
    model.save_pretrained(tmp_path / "sft")
    AutoTokenizer.from_pretrained(tiny).save_pretrained(tmp_path / "sft")
    pairs = [{"prompt": f"Ben has {i} cups.", "chosen": "CUPS " * (i % 3 + 1), "rejected": "Eggs."} for i in range(16)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(base=tiny))
    return tmp_path


def run(home: Path, name: str, **changes: object) -> Path:
    loaded = Recipe.load(home / "recipe.yaml", set={f"dpo.{key}": value for key, value in changes.items()})
    return loaded.run(home / name).stage("dpo")


def test_accumulated_batches_are_one_large_batch(home: Path) -> None:
    large = run(home, "large", per_device_train_batch_size=8)
    small = run(home, "small", per_device_train_batch_size=2, gradient_accumulation_steps=4)
    one, other = (load_file(folder / "model.safetensors") for folder in (large, small))
    start = load_file(home / "sft" / "model.safetensors")
    for name, weight in one.items():
        # Adam divides by the root of the square: where a gradient is rounding noise, so is the step's sign
        close = (other[name] - weight).abs() <= 1e-5
        assert close.float().mean() > 0.999, name
    assert any((weight - start[name]).abs().max() > 1e-3 for name, weight in one.items())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_it_logs_how_far_it_has_pulled(home: Path, dtype: str) -> None:
    folder = run(home, dtype, per_device_train_batch_size=4, dtype=dtype)
    log = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    pulled = [line["displacement"] for line in log if "loss" in line]
    assert pulled == pytest.approx([0.05, 0.1, 0.15, 0.2], rel=1e-3)
    assert {weight.dtype for weight in load_file(folder / "model.safetensors").values()} == {getattr(torch, dtype)}


ADAPTERS = """
name: adapters
seed: 2
base: {base}
stages:
  prefer: {{kind: load, path: pairs.jsonl}}
  first: {{kind: dpo, model: base, data: [prefer], lora: {{r: 4, alpha: 8}}, learning_rate: 1e-2, reference: base}}
  again:
    kind: dpo
    model: base
    reference: first
    data: [prefer]
    lora: {{adapter: first}}
    learning_rate: 1e-9
    logging_steps: 1
    optimizer: {{kind: online_merging, reference: first, keep: 1.0, alpha_total: 0.5}}
"""


def test_an_adapter_is_pulled_along_what_it_added(home: Path, tiny: str) -> None:
    (home / "recipe.yaml").write_text(ADAPTERS.format(base=tiny))
    report = Recipe.load(home / "recipe.yaml").run(home / "run")
    base, first, again = (
        AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).state_dict()
        for folder in (tiny, report.stage("first"), report.stage("again"))
    )
    moved = [name for name in base if not first[name].equal(base[name])]
    assert moved
    for name in moved:
        torch.testing.assert_close(again[name] - base[name], 1.5 * (first[name] - base[name]), rtol=1e-3, atol=1e-6)
    assert all(again[name].equal(base[name]) for name in base if name not in moved)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"again.lora": {"r": 4}}, r"again\.lora\.adapter: online_merging under LoRA goes on with the adapter"),
        ({"again.lora": {"adapter": "first", "r": 4}}, r"again\.lora: an existing adapter has its own rank"),
        ({"again.reference": None}, r"again\.reference: with lora.adapter, name the model .* reference: first"),
    ],
)
def test_adapters_that_do_not_fit_are_refused_by_check(home: Path, tiny: str, change: dict[str, object], what: str) -> None:
    (home / "recipe.yaml").write_text(ADAPTERS.format(base=tiny))
    with pytest.raises(RecipeError, match=what):
        Recipe.load(home / "recipe.yaml", set=change)
