"""Run tasks of lm-evaluation-harness, and write what it got for each item. Its own venv runs this file.

    LM_EVAL_PYTHON benchmarks/run_lm_eval.py JOB.json

JOB.json: `model` (a folder), `dtype`, `batch_size`, `tasks` (names), `include` (a folder with tasks as YAML), `chat` (true:
under the model's chat template), `out` (a file). It writes a JSON object to `out`: `seconds` by the clock and `cpu` seconds of
all threads, from loading the model to the scores, and `tasks`: name -> a list with `prompt`, `answers` (the filtered answers:
log-likelihood and whether greedy of each choice, or texts) and `scores` of each item, in the order of the data.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import lm_eval
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Return what the harness got on the tasks of a job."""
    manager = TaskManager(include_path=job["include"])
    start, begun = time.perf_counter(), time.process_time()
    model = HFLM(pretrained=job["model"], dtype=job["dtype"], batch_size=job["batch_size"], device="cpu")
    found = lm_eval.simple_evaluate(
        model=model,
        tasks=job["tasks"],
        task_manager=manager,
        log_samples=True,
        bootstrap_iters=0,
        apply_chat_template=job["chat"],
        fewshot_as_multiturn=job["chat"],
    )
    seconds, cpu = time.perf_counter() - start, time.process_time() - begun
    return {"seconds": seconds, "cpu": cpu, "tasks": {name: items(found["samples"][name]) for name in job["tasks"]}}


def items(samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return prompt, answers and scores of each item, in the order of the data."""
    return [
        {
            "prompt": next(iter(sample["arguments"]))[0],
            "answers": sample["filtered_resps"],
            "scores": {name: sample[name] for name in sample["metrics"]},
        }
        for sample in sorted(samples, key=lambda sample: sample["doc_id"])
    ]


def main() -> None:
    """Read the job, run it, and write what was found."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    Path(job["out"]).write_text(json.dumps(run(job), default=float), encoding="utf-8")


if __name__ == "__main__":
    main()
