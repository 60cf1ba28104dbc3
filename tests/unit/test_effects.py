"""Settings that a library ignores unless it is told otherwise: each changes what is trained."""

import json

import pytest
import torch
from safetensors.torch import load_file

from align import Recipe

PAIRS = [
    {"prompt": f"Ben has {i} cups.", "chosen": f"{i} cups.", "rejected": "Many, many cups.", "margin": float(i)}
    for i in range(1, 5)
]
STEPS = {"per_device_train_batch_size": 2, "learning_rate": 1e-3, "logging_steps": 1}
DPO = {"kind": "dpo", "model": "base", "data": ["pairs"], **STEPS}
REWARD = {"kind": "reward_model", "model": "base", "data": ["pairs"], "held_out": 0, **STEPS}


def trained(folder, tiny, stage):
    """Return the weights and the history of a stage on four pairs."""
    folder.mkdir()
    (folder / "base").symlink_to(tiny)
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in PAIRS))
    stages = {"pairs": {"kind": "load", "path": "pairs.jsonl"}, "s": stage}
    (folder / "recipe.yaml").write_text(json.dumps({"name": "x", "base": "./base", "stages": stages}))
    made = Recipe.load(folder / "recipe.yaml").run(folder / "run").stage("s")
    return load_file(made / "model.safetensors"), list(map(json.loads, (made / "history.jsonl").read_text().splitlines()))


@pytest.mark.parametrize(
    ("stage", "more"),
    [
        (DPO | {"lora": {"r": 2}}, {"lora": {"r": 2, "dropout": 0.5}}),
        (REWARD | {"lora": {"r": 2}}, {"lora": {"r": 2, "dropout": 0.5}}),
        (REWARD, {"margin": True}),
    ],
    ids=["dropout of adapters in dpo", "dropout of adapters in reward_model", "margin in reward_model"],
)
def test_a_setting_changes_what_is_trained(tmp_path, tiny, stage, more):
    one, same, other = (trained(tmp_path / f"{i}", tiny, stage | s)[0] for i, s in enumerate(({}, {}, more)))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_a_cosine_ends_at_its_floor(tmp_path, tiny):
    _, history = trained(tmp_path / "run", tiny, DPO | {"min_lr": 1e-4, "num_train_epochs": 10, "warmup_ratio": 0})
    rates = [line["learning_rate"] for line in history if "learning_rate" in line]
    assert rates[0] == pytest.approx(1e-3)
    assert 1e-4 <= rates[-1] < 1.2e-4
