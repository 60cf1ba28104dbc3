"""Several processes, and adapters instead of full weights: the same stages, the same kind of artifact."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import torch
from chain import SMALL
from peft import PeftModel
from test_chain import folder
from transformers import AutoModelForCausalLM

from align import Recipe, Run
from align.core import log, tables
from align.core.artifacts import RunFolder


def test_two_processes_under_accelerate(root, tmp_path):
    """Every stage of the quickstart; that `accelerate: {num_processes: 2}` starts two is shown by test_stopping.py."""
    out = tmp_path / "run"
    less = {"problems.limit": 24, "online.rounds": 2, "online.prompts_per_round": 8, "scores.limit": 4, "scores.samples": 0,
            "sft.num_train_epochs": 1}  # fmt: skip
    command = [sys.executable, "-m", "accelerate.commands.launch", "--num_machines", "1", "--dynamo_backend", "no",
               "--main_process_port", "0", "--mixed_precision", "no", "--num_processes", "2", "--multi_gpu",
               str(Path(__file__).with_name("in_turn.py")), str(root / "recipes" / "quickstart.yaml"), str(out),
               json.dumps(SMALL | less)]  # fmt: skip
    env = os.environ | {"PYTHONPATH": str(root), "ACCELERATE_USE_CPU": "true"}
    launched = subprocess.run(
        command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=600
    )
    printed = launched.stdout
    assert launched.returncode == 0, printed[-4000:]
    report = json.loads((folder(out, "online") / "report.json").read_text())
    assert report["prompts"] == 16
    assert (folder(out, "release") / "done.json").is_file()
    assert "arithmetic (chat): 4 items" in printed
    rounds = [json.loads((folder(out, "online") / "rounds" / f"00{i}" / "pairs.json").read_text()) for i in range(2)]
    assert len({pair["id"] for r in rounds for pair in r["pairs"]}) > 8  # both processes sampled their own prompts
    runs, recipe = RunFolder.open(out)
    for name, stage in recipe.stages.items():
        assert printed.count(f"{name:<12} {stage.kind} ...") == 1, f"{name} ran twice: it failed at first"
    asked = tables.read(folder(out, "problems"), "prompts")
    random.Random(Run("online", folder(out, "online"), recipe, runs, log.LOGGER).seed("prompts", 0)).shuffle(asked)
    for i, each in enumerate(rounds):  # pairs are in the order of prompts, as one process has them
        found, order = [pair["id"] for pair in each["pairs"]], [row.id for row in asked[8 * i : 8 * i + 8]]
        assert found == [name for name in order if name in found]


LORA = """
name: lora
seed: 3
base: {base}
stages:
  rows: {{kind: load, path: rows.jsonl}}
  sft:
    {{kind: sft, model: base, data: [rows], lora: {{r: 4, alpha: 8}}, learning_rate: 1e-2, per_device_train_batch_size: 4}}
  prefer: {{kind: load, path: pairs.jsonl}}
  dpo:
    {{kind: dpo, model: sft, data: [prefer], lora: {{r: 4, alpha: 8}}, learning_rate: 1e-2, per_device_train_batch_size: 4}}
  online:
    kind: online_dpo
    model: dpo
    reference: sft
    prompts: rows
    reward: {{kind: "brief:Brief"}}
    lora: {{r: 4, alpha: 8}}
    samples: 4
    rounds: 2
    max_new_tokens: 40
    sampler: {{kind: transformers, dtype: bfloat16}}
    learning_rate: 1e-3
    per_device_train_batch_size: 4
"""


BRIEF = """
from align import Reward, Score

class Brief(Reward):
    async def score(self, prompt, completions):
        return [Score(-len(text)) for text in completions]
"""


def test_lora_is_merged_into_what_is_published(tiny, tmp_path):
    (tmp_path / "recipe.yaml").write_text(LORA.format(base=tiny))
    (tmp_path / "brief.py").write_text(BRIEF)
    rows = [{"prompt": f"Ben has {i} cups.", "completion": "CUPS"} for i in range(8)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pairs = [{"prompt": f"Ben has {i} cups.", "chosen": "CUPS", "rejected": "Eggs."} for i in range(8)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    report = Recipe.load(tmp_path / "recipe.yaml").run(tmp_path / "run")
    before = tiny
    ids = torch.tensor([[5, 6, 7, 8]])
    for stage in ("sft", "dpo", "online"):
        published = AutoModelForCausalLM.from_pretrained(report.stage(stage)).eval()
        start_of_stage = AutoModelForCausalLM.from_pretrained(before, dtype=torch.float32).eval()
        with torch.no_grad():
            plain = start_of_stage(ids).logits
            adapted = PeftModel.from_pretrained(start_of_stage, str(report.stage(stage) / "adapter")).eval()(ids).logits
            assert torch.allclose(published(ids).logits, adapted, atol=1e-4)
            assert not torch.allclose(published(ids).logits, plain, atol=1e-4)
        before = str(report.stage(stage))
