"""Every recipe that ships is right, names its sources, and tests on problems that it does not train on."""

import json
import runpy

import pytest

from align import Recipe
from align.core.formats import Reader
from align.core.rows import prompt_key

WHOLE = ["quickstart", "smollm2-135m"]


def test_the_list_is_complete(root):
    assert sorted(p.stem for p in (root / "recipes").glob("*.yaml")) == sorted([*WHOLE, "instructions"])


def test_other_kinds_of_instructions_are_none_that_were_trained_on():
    stages = Recipe.load("instructions").recipe.stages
    assert stages["follow"].library == stages["same_kinds"].library
    assert not {*stages["follow"].library} & {*stages["other_kinds"].library}


@pytest.mark.parametrize("name", WHOLE)
def test_it_reads_and_runs_the_whole_chain(name):
    recipe = Recipe.load(name).recipe
    kinds = [stage.kind for stage in recipe.stages.values()]
    for kind in ("load", "rejection_sampling", "sft", "dpo", "reward_model", "online_dpo", "evaluate", "export"):
        assert kind in kinds
    online = next(stage for stage in recipe.stages.values() if stage.kind == "online_dpo")
    assert online.optimizer.kind == "online_merging"


def keys(path):
    read = Reader({"prompt": "question"}).read
    return {prompt_key(read(json.loads(line))[0].messages) for line in path.read_text().splitlines()}


@pytest.mark.parametrize(
    ("folder", "train", "least"),
    [("tiny", "problems.jsonl", 240), ("constraints", "train.jsonl", 240), ("questions", "train.jsonl", 160)],
)
def test_held_out_problems_are_not_trained_on(root, folder, train, least):
    held_out = keys(root / "recipes" / folder / "heldout.jsonl")
    assert len(held_out) >= least
    assert not held_out & keys(root / "recipes" / folder / train)
    if folder == "tiny":
        pretrained = set((root / "recipes" / "tiny" / "model" / "pretraining_prompts.txt").read_text().split())
        assert len(pretrained) > 10_000
        assert not held_out & pretrained


def test_questions_are_what_the_script_writes(root):
    script = runpy.run_path(str(root / "recipes" / "questions" / "make.py"))
    for name, asked in zip(("train", "heldout"), script["questions"](), strict=True):
        lines = (root / "recipes" / "questions" / f"{name}.jsonl").read_text().splitlines()
        assert [json.loads(line)["question"] for line in lines] == asked
        assert len(set(asked)) == len(asked)
