"""Online DPO here against TRL's OnlineDPOTrainer: reward reached and seconds, for one budget of sampled answers.

    python benchmarks/online_dpo.py [--answers 960] [--seeds 1 2 3]

The tiny model of the recipes, the same prompts, the exact math verifier as the reward (1 right, 0 wrong), beta 0.1, learning
rate 3e-5, temperature 1, at most 64 new tokens, float32, AdamW. Arms, one after the other for each seed:

    trl default   2 answers a prompt (TRL's only choice), 8 prompts a step, gradient checkpointing on, so no KV cache
    trl tuned     checkpointing off, 4 prompts a step: the highest reward of 4, 8, 16 and 32 (seed 1: 0.80, 0.75, 0.65, 0.60)
    align         6 answers a prompt, rounds of 80 prompts, 4 pairs a step, 2 epochs a round: as RLHFlow, arXiv 2405.07863

The reward reached is the mean over 4 answers to each of 250 problems that no arm saw. Seconds are those of sampling,
scoring and training, without loading the model.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed

from align import Recipe
from reward.mathematics.verifier import MathAnswer

ROOT = Path(__file__).parents[1]
MODEL, PROBLEMS, DEV = (ROOT / "recipes" / "tiny" / name for name in ("model", "problems.jsonl", "dev.jsonl"))
TRAIN = """
name: trained
base: {model}
stages:
  problems: {{kind: load, path: {problems}, columns: {{prompt: question, tags: family}}, limit: 1200}}
  online:
    kind: online_dpo
    model: base
    prompts: problems
    reward: {{kind: math}}
    samples: 6
    max_new_tokens: 64
    max_length: 256
    rounds: {rounds}
    prompts_per_round: 80
    sampler: {{kind: transformers, batch_size: 512}}
    per_device_train_batch_size: 4
    num_train_epochs: 2
    learning_rate: 3e-5
    optimizer: {{kind: adamw}}
"""
SCORE = """
name: scored
base: {trained}
stages:
  unseen: {{kind: load, path: {dev}, columns: {{prompt: question, tags: family}}, limit: 250}}
  scores:
    kind: evaluate
    models: [base]
    tasks: [{{kind: rows, name: unseen, prompts: unseen, reward: {{kind: math}}, max_new_tokens: 64}}]
    samples: 4
    dtype: float32
    batch_size: 512
"""


def main() -> None:
    """Run every arm with every seed, print medians."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--answers", type=int, default=960)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    args = parser.parse_args()
    logging.disable(logging.INFO)
    arms: dict[str, Any] = {
        "trl default": lambda *a: trl(*a, batch=8, checkpointing=True),
        "trl tuned": lambda *a: trl(*a, batch=4, checkpointing=False),
        "align": ours,
    }
    found: dict[str, list[tuple[float, float, float]]] = {arm: [] for arm in arms}
    for seed in args.seeds:
        for arm, train in arms.items():
            with tempfile.TemporaryDirectory() as folder:
                seconds, tokens = train(args.answers, seed, Path(folder))
                reward = reached(Path(folder), seed)
            found[arm].append((seconds, tokens / seconds, reward))
            print(f"seed {seed} {arm:12s} {seconds:7.1f} s  {tokens / seconds:7.0f} tokens/s  reward {reward:.3f}", flush=True)
    print(f"\n{args.answers} answers, {len(args.seeds)} seeds, {torch.get_num_threads()} threads; medians")
    for arm, results in found.items():
        seconds, rate, reward = (median(column) for column in zip(*results, strict=True))
        ratio = median(theirs[0] / own[0] for theirs, own in zip(results, found["align"], strict=True))
        print(f"{arm:12s} {seconds:7.1f} s ({ratio:4.1f}x)  {rate:7.0f} generated tokens/s  reward {reward:.3f}")


def trl(answers: int, seed: int, folder: Path, *, batch: int, checkpointing: bool) -> tuple[float, float]:
    """Train with TRL; return seconds and generated tokens."""
    from trl.experimental.online_dpo import OnlineDPOConfig, OnlineDPOTrainer  # noqa: PLC0415

    set_seed(seed)
    rows = [json.loads(line) for line in PROBLEMS.read_text(encoding="utf-8").splitlines()[:1200]]
    answer = {row["question"]: row["answer"] for row in rows}
    tokens = 0
    math = MathAnswer(kind="math")
    math.start(str)

    def right(prompts: Sequence[Any], completions: Sequence[Any], completion_ids: Sequence[Any], **_: Any) -> list[float]:
        nonlocal tokens
        ended = tokenizer.eos_token_id  # what TRL pads with after it does not count
        tokens += sum(ids.index(ended) + 1 if ended in ids else len(ids) for ids in map(list, completion_ids))
        return judged(math, [(p[-1]["content"], answer[p[-1]["content"]], c[0]["content"]) for p, c in
                             zip(prompts, completions, strict=True)])  # fmt: skip

    model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = OnlineDPOConfig(
            output_dir=str(folder / "trl"), per_device_train_batch_size=batch, gradient_checkpointing=checkpointing,
            max_steps=answers // (2 * batch), learning_rate=3e-5, lr_scheduler_type="constant", beta=0.1, temperature=1.0,
            max_new_tokens=64, max_length=256, bf16=False, use_cpu=not torch.cuda.is_available(), seed=seed,
            save_strategy="no", report_to=[], disable_tqdm=True, logging_steps=1000,
        )  # fmt: skip
        trainer = OnlineDPOTrainer(
            model=model, reward_funcs=right, args=config, processing_class=tokenizer,
            train_dataset=Dataset.from_list([{"prompt": [{"role": "user", "content": row["question"]}]} for row in rows]),
        )  # fmt: skip
        started = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - started
    math.stop()
    model.save_pretrained(folder / "trained")
    tokenizer.save_pretrained(folder / "trained")
    return seconds, tokens


def judged(math: MathAnswer, cases: list[tuple[str, str, str]]) -> list[float]:
    """Return 1 for each right answer, by the verifier that the other arm uses."""
    import asyncio  # noqa: PLC0415

    from align import Prompt  # noqa: PLC0415

    prompts = [Prompt(messages=[{"role": "user", "content": question}], answer=truth) for question, truth, _ in cases]
    scores = asyncio.run(math.score_many(prompts, [[text] for *_, text in cases]))
    return [group[0].value for group in scores]


def ours(answers: int, seed: int, folder: Path) -> tuple[float, float]:
    """Train here; return seconds and generated tokens."""
    report = run(TRAIN, folder / "run", seed, model=MODEL, problems=PROBLEMS, rounds=answers // 480)
    figures = json.loads((report.stage("online") / "report.json").read_text(encoding="utf-8"))["rounds"]
    (folder / "trained").symlink_to(report.stage("online"), target_is_directory=True)
    return sum(sum(f["seconds"].values()) for f in figures), sum(f["tokens"] * f["prompts"] * 6 for f in figures)


def reached(folder: Path, seed: int) -> float:
    """Return the mean reward of a trained model on problems that were not trained on."""
    report = run(SCORE, folder / "scored", seed, trained=folder / "trained", dev=DEV)
    scores = json.loads((report.stage("scores") / "scores.json").read_text(encoding="utf-8"))
    return float(scores["base"]["unseen"]["sampled"]["value"])


def run(recipe: str, out: Path, seed: int, **places: Any) -> Any:
    """Run a recipe; return its report."""
    path = out.with_suffix(".yaml")
    path.write_text(recipe.format(**places), encoding="utf-8")
    return Recipe.load(path, set={"seed": seed}).run(out)


if __name__ == "__main__":
    main()
