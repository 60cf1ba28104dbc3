"""The quickstart, made small: same stages, fewer rows. Shared by the tests that run it in child processes."""

import os
import subprocess
import sys

SMALL = {
    "problems.limit": 48,
    "solutions.samples": 4,
    "attempts.samples": 4,
    "sft.per_device_train_batch_size": 8,
    "sft.save_steps": 2,
    "dpo.per_device_train_batch_size": 8,
    "dpo.save_steps": 1,
    "reward.per_device_train_batch_size": 8,
    "reward.save_steps": 2,
    "online.rounds": 3,
    "online.prompts_per_round": 16,
    "online.samples": 4,
    "online.per_device_train_batch_size": 8,
    "scores.limit": 24,
    "scores.samples": 2,
}


def command(root, out, more=None):
    """Return the command line of a small run."""
    overrides = [f"--set={key}={value}" for key, value in (SMALL | (more or {})).items()]
    return [sys.executable, "-m", "align", "run", str(root / "recipes" / "quickstart.yaml"), "--out", str(out), *overrides]


def start(root, out, more=None):
    """Start a small run in its own session, so that a kill reaches all of it."""
    return subprocess.Popen(
        command(root, out, more), cwd=out.parent, env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def finish(process):
    """Wait for a run and return its output; fail with it when the run failed."""
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output[-4000:]
    return output
