"""The whole product on a real (tiny) model: it ends, it is honest, its checkpoint loads, and killing it loses nothing."""

import json
import os
import shutil
import signal
import time

import pytest
import torch
from chain import finish, start, whole_run
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from align.cli import main
from align.core import tables
from align.generate.calls import journal

STAGES = ["problems", "solutions", "sft", "attempts", "dpo", "reward", "online", "scores", "release"]


def folder(run, stage):
    return run / f"{STAGES.index(stage) + 1:02d}-{stage}"


@pytest.fixture(scope="module")
def finished(root, tmp_path_factory):
    """An uninterrupted run of the command, and what it printed."""
    out = tmp_path_factory.mktemp("chain") / "run"
    return out, whole_run(root, out)


def test_every_stage_is_done_and_accounted_for(finished):
    run, _ = finished
    for stage in STAGES:
        assert (folder(run, stage) / "done.json").is_file()
    for stage in ("solutions", "attempts"):
        report = json.loads((folder(run, stage) / "report.json").read_text())
        gone = sum(report["dropped"].values()) + sum(report["failed"].values())
        assert report["inputs"] == report["emitted"] + gone == 48
        drops = (folder(run, stage) / "dropped.jsonl").read_text().splitlines()
        assert len(drops) == gone
        for table, count in report["rows"].items():
            assert tables.count(folder(run, stage), table) == count


def test_the_scores_are_printed_and_published(finished):
    run, printed = finished
    scores = json.loads((folder(run, "scores") / "scores.json").read_text())
    assert list(scores) == ["base", "sft", "dpo", "online"]
    for model in scores.values():
        greedy, sampled = model["arithmetic"]["greedy"], model["arithmetic"]["sampled"]
        assert greedy["n"] == sampled["n"] == 24
        assert 0 <= greedy["low"] <= greedy["value"] <= greedy["high"] <= 1
        assert sampled["low"] <= sampled["value"] <= sampled["high"]
        assert model["arithmetic"]["pass@2"]["value"] >= sampled["value"]
    assert "arithmetic (chat): 24 items, 2 samples each" in printed
    assert "0 held-out problems among them" in printed


def test_the_export_loads_with_plain_transformers_as_the_same_model(finished):
    run, _ = finished
    release, online = folder(run, "release"), folder(run, "online")
    tokenizer = AutoTokenizer.from_pretrained(release)
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is 3 + 4?"}], tokenize=False, add_generation_prompt=True
    )
    ids = tokenizer(text, return_tensors="pt").input_ids
    with torch.no_grad():
        exported = AutoModelForCausalLM.from_pretrained(release)(ids).logits
        trained = AutoModelForCausalLM.from_pretrained(online)(ids).logits
    assert torch.equal(exported, trained)
    for stage in ("sft", "online", "release"):
        assert json.loads((folder(run, stage) / "config.json").read_text())["use_cache"] is True, "as the base has it"
    assert AutoModelForCausalLM.from_pretrained(release).generation_config.eos_token_id == tokenizer.eos_token_id
    card = (release / "README.md").read_text()
    code = card.partition("```python\n")[2].partition("```")[0].replace("FOLDER", str(release)).replace("=256", "=16")
    exec(code, used := {})
    assert used["answer"]
    assert "arithmetic (chat): 24 items" in card
    assert "kind: rejection_sampling" in card
    assert "| solutions | rejection_sampling | inputs: " in card or "| solutions | rejection_sampling | inputs 48" in card


def test_a_reward_model_is_exported_as_one(finished, tmp_path):
    run, _ = finished
    assert main(["export", str(run), str(tmp_path / "out"), "--stage", "reward"]) == 0
    ours, theirs = (
        AutoModelForSequenceClassification.from_pretrained(place) for place in (tmp_path / "out", folder(run, "reward"))
    )
    assert torch.equal(ours.score.weight, theirs.score.weight)


def test_running_again_skips_everything(root, finished):
    out, _ = finished
    before = {p: p.stat().st_mtime_ns for p in out.rglob("done.json")}
    assert "0 stages run, 9 done before" in finish(start(root, out), out)
    assert before == {p: p.stat().st_mtime_ns for p in out.rglob("done.json")}


def begun(run, stage):
    """Has the stage done something worth losing?"""
    place = folder(run, stage)
    if stage in ("sft", "dpo", "reward"):
        return any(place.glob("checkpoints/checkpoint-*/complete"))
    if stage == "online":
        return (place / "rounds" / "000" / "done.json").exists()
    if stage == "scores":
        return any(path.stat().st_size for path in place.glob("calls/*.jsonl"))
    return (place / "stage.json").exists()


def kill_in(root, run, stage):
    """Start a run and kill -9 all of it once the stage has begun."""
    process = start(root, run)
    deadline = time.monotonic() + 300
    while not begun(run, stage) and process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    alive = process.is_alive()
    if alive:
        os.killpg(process.pid, signal.SIGKILL)
    process.join()
    return alive and not (folder(run, stage) / "done.json").exists()


def test_killed_in_every_stage_it_ends_with_the_same_weights(root, finished, tmp_path):
    whole, _ = finished
    run = tmp_path / "run"
    run.mkdir()
    for stage in ("problems", "solutions"):  # the same samples to train on; killing while sampling: the next test
        shutil.copytree(folder(whole, stage), folder(run, stage))
    killed = [stage for stage in STAGES[2:] if kill_in(root, run, stage)]
    assert {"sft", "dpo", "online"} <= set(killed), f"killed only in {killed}"
    assert "resuming" in finish(start(root, run), run) or "scores" in killed
    for stage in ("sft", "attempts", "dpo", "reward", "online", "release"):
        for file in ("model.safetensors",) if stage != "attempts" else ():
            ours, theirs = load_file(folder(run, stage) / file), load_file(folder(whole, stage) / file)
            assert ours.keys() == theirs.keys()
            for name in ours:
                assert torch.equal(ours[name], theirs[name]), f"{stage}: {name}"
    same = [json.loads((folder(r, "scores") / "scores.json").read_text()) for r in (run, whole)]
    assert same[0] == same[1]
    for stage in ("sft", "dpo", "reward", "online"):
        assert told(run, stage) == told(whole, stage)


def told(run, stage):
    """Return what a training stage reports, without times."""
    lines = map(json.loads, (folder(run, stage) / "history.jsonl").read_text().splitlines())
    report = json.loads((folder(run, stage) / "report.json").read_text())
    return report.get("train_loss"), [
        {k: v for k, v in line.items() if not k.endswith(("runtime", "_second"))} for line in lines
    ]


def test_killed_while_sampling_it_loses_no_row_and_repeats_no_call(root, finished, tmp_path):
    whole, _ = finished
    run = tmp_path / "run"
    run.mkdir()
    shutil.copytree(folder(whole, "problems"), folder(run, "problems"))
    process = start(root, run, {"solutions.concurrency": 4})
    calls = folder(run, "solutions") / "calls" / "main-000001.jsonl"
    deadline = time.monotonic() + 300
    while not (calls.exists() and calls.stat().st_size) and process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.join()
    assert 0 < len(calls.read_bytes().splitlines()) < 48
    again = start(root, run, {"solutions.concurrency": 4})
    while not (folder(run, "solutions") / "done.json").exists() and again.is_alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(again.pid, signal.SIGKILL)
    again.join()
    ours, theirs = (json.loads((folder(r, "solutions") / "report.json").read_text()) for r in (run, whole))
    for key in ("inputs", "emitted", "dropped", "rows", "tallies"):
        assert ours[key] == theirs[key], key
    logs = sorted((folder(run, "solutions") / "calls").iterdir())
    answers = [json.loads(line) for path in logs for _, line in journal.lines(path)]
    assert len({a["key"] for a in answers}) == len(answers) == 48
    assert all(len(a["completions"]) == 4 for a in answers)
    ids = [[row.id for row in tables.read(folder(r, "solutions"), "demonstrations")] for r in (run, whole)]
    assert ids[0] == ids[1]
