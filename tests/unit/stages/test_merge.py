"""Offline merging and averaged weights, by hand and through a recipe."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from align import Recipe
from align.train.ema import AveragedAdamW
from align.train.merging import rules
from align.train.optimizers import AdamWConfig

# -- the rules ----------------------------------------------------------------------------------------------------


def test_ties_averages_what_has_the_elected_sign() -> None:
    one = torch.tensor([[4.0, -4.0, 4.0, 0.1]])
    two = torch.tensor([[2.0, 8.0, -3.0, -5.0]])
    # half of each survives: [4, -4, 4, 0] would be three, so 4 and -4 (of equals the earlier); [0, 8, 0, -5]
    assert rules.ties([one, two], [0.5, 0.5], 0.5).tolist() == [[4.0, 8.0, 0.0, -5.0]]
    # all survive; signs of the weighted sums 3.5, -1, 2.25, -1.175
    assert rules.ties([one, two], [0.75, 0.25], 1.0).tolist() == [[3.5, -4.0, 4.0, -5.0]]


def test_dare_is_unbiased_and_drops() -> None:
    delta = torch.full((100, 1000), 2.0)
    merged = rules.dare([delta], [1.0], 0.25, [(1, 2)])
    assert merged.unique().tolist() == [0.0, 8.0]
    assert abs(float(merged.mean()) - 2) < 0.05
    assert rules.dare([delta, -delta], [0.5, 0.5], 1.0, [(1, 2), (3, 4)]).abs().max() == 0


# -- the stage ----------------------------------------------------------------------------------------------------

RECIPE = """
name: merged
seed: 1
base: {base}
stages:
  both: {{kind: merge, models: [./one, ./two], {options}}}
"""


@pytest.fixture
def home(tmp_path: Path, tiny: str) -> Path:
    """A folder with two models that are the tiny one, moved by 1/16 and by -1/8 of ones."""
    for name, by in (("one", 1 / 16), ("two", -1 / 8)):
        model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
        with torch.no_grad():
            for param in model.parameters():
                param.add_(by)
        model.save_pretrained(tmp_path / name)
        for file in Path(tiny).glob("*.json*"):
            if not (tmp_path / name / file.name).exists():
                (tmp_path / name / file.name).write_bytes(file.read_bytes())
        template = Path(tiny) / "chat_template.jinja"
        if template.exists():
            (tmp_path / name / template.name).write_bytes(template.read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    ("options", "by"),
    [
        ("method: linear", -1 / 32),
        ("method: linear, weights: [0.75, 0.25]", 1 / 64),
        ("method: ties, keep: 1.0", -1 / 8),
        ("method: dare, keep: 1.0", -1 / 32),
    ],
)
def test_a_recipe_merges_checkpoints(home: Path, tiny: str, options: str, by: float) -> None:
    (home / "recipe.yaml").write_text(RECIPE.format(base=tiny, options=options))
    report = Recipe.load(home / "recipe.yaml").run(home / "run")
    merged = AutoModelForCausalLM.from_pretrained(report.stage("both"))
    base = dict(AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32).named_parameters())
    for name, param in merged.named_parameters():
        torch.testing.assert_close(param.detach(), base[name].detach() + by, rtol=0, atol=1e-6)


# -- averaged weights ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_mean_follows_adamw_and_survives_a_resume(dtype: torch.dtype) -> None:
    def run(steps: int, resumed_at: int | None = None) -> tuple[Tensor, Tensor]:
        param = torch.nn.Parameter(torch.linspace(-1, 1, 7).to(dtype))
        optimizer = AdamWConfig(ema=0.25).build([{"params": [param]}], learning_rate=0.1, total_steps=steps, seed=0, locate=str)
        assert isinstance(optimizer, AveragedAdamW)
        for step in range(steps):
            if step == resumed_at:
                saved, weights = optimizer.state_dict(), param.detach().clone()
                param = torch.nn.Parameter(weights)
                optimizer = AveragedAdamW([{"params": [param]}], rate=0.25, lr=0.1)
                optimizer.load_state_dict(saved)
            param.grad = torch.linspace(1, -2, 7).to(dtype) * (step + 1)
            optimizer.step()
        last = param.detach().clone()
        optimizer.take_average()
        return last, param.detach()

    plain = torch.nn.Parameter(torch.linspace(-1, 1, 7).to(dtype))
    adamw = torch.optim.AdamW([plain], lr=0.1)
    mean = plain.detach().float().clone()
    for step in range(5):
        plain.grad = torch.linspace(1, -2, 7).to(dtype) * (step + 1)
        adamw.step()
        mean += 0.25 * (plain.detach().float() - mean)
    last, averaged = run(5)
    assert last.equal(plain.detach())
    torch.testing.assert_close(averaged, mean.to(dtype))
    assert run(5, resumed_at=2)[1].equal(averaged)
