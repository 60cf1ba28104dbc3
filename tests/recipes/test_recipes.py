"""Every recipe that ships is right, names its sources, and tests on problems that it does not train on."""

import json

import pytest

from align import Recipe
from align.core.formats import to_rows
from align.core.rows import prompt_key

RECIPES = ["quickstart", "smollm2-135m"]


def test_the_list_is_complete(root):
    assert sorted(p.stem for p in (root / "recipes").glob("*.yaml")) == RECIPES


@pytest.mark.parametrize("name", RECIPES)
def test_it_reads_and_runs_the_whole_chain(name):
    recipe = Recipe.load(name).recipe
    kinds = [stage.kind for stage in recipe.stages.values()]
    for kind in ("load", "rejection_sampling", "sft", "dpo", "reward_model", "online_dpo", "evaluate", "export"):
        assert kind in kinds
    online = next(stage for stage in recipe.stages.values() if stage.kind == "online_dpo")
    assert online.optimizer.kind == "online_merging"


def keys(path):
    return {prompt_key(to_rows(json.loads(line), {"prompt": "question"})[0].messages) for line in path.read_text().splitlines()}


@pytest.mark.parametrize(("folder", "train"), [("tiny", "problems.jsonl"), ("constraints", "train.jsonl")])
def test_held_out_problems_are_not_trained_on(root, folder, train):
    held_out = keys(root / "recipes" / folder / "heldout.jsonl")
    assert len(held_out) >= 240
    assert not held_out & keys(root / "recipes" / folder / train)
    if folder == "tiny":
        pretrained = set((root / "recipes" / "tiny" / "model" / "pretraining_prompts.txt").read_text().split())
        assert len(pretrained) > 10_000
        assert not held_out & pretrained
