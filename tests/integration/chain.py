"""The quickstart, made small: same stages, fewer rows. Shared by the tests that run it in child processes."""

import os
import subprocess
import sys

import forked

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


def arguments(root, out, more=None):
    """Return the command line of a small run, without its first word."""
    overrides = [f"--set={key}={value}" for key, value in (SMALL | (more or {})).items()]
    return ["run", str(root / "recipes" / "quickstart.yaml"), "--out", str(out), *overrides]


def whole_run(root, out, more=None):
    """Run the command to its end and return its output; fail with it when the run failed."""
    command = [sys.executable, "-m", "align", *arguments(root, out, more)]
    done = subprocess.run(
        command, cwd=out.parent, env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def start(root, out, more=None):
    """Start a small run in a fork, in its own session, so that a kill reaches all of it."""
    return forked.start(*arguments(root, out, more), cwd=out.parent, said=said(out))


def finish(process, out):
    """Wait for a run that was started and return its output; fail with it when the run failed."""
    process.join(600)
    output = said(out).read_text()
    assert process.exitcode == 0, output[-4000:]
    return output


def said(out):
    """Return the file that has what the runs of this folder have printed."""
    return out.with_name(f"{out.name}-said.txt")
