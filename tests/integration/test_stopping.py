"""Whatever ends a run under `accelerate launch` ends all of its processes, and the next run goes on from there."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from align.core.run_state import stages_of

RECIPE = """
name: long
seed: 1
base: {base}
accelerate: {{num_processes: {processes}}}
stages:
  rows: {{kind: load, path: rows.jsonl}}
  sft:
    kind: sft
    model: base
    data: [rows]
    num_train_epochs: 4000
    per_device_train_batch_size: 2
    save_steps: 5
    logging_steps: 5
    {more}
"""


def started(folder, tiny, processes, more=""):
    """Start a run that trains for long."""
    (folder / "rows.jsonl").write_text("".join(json.dumps({"prompt": f"{i}?", "completion": f"{i}."}) + "\n" for i in range(8)))
    (folder / "recipe.yaml").write_text(RECIPE.format(base=tiny, processes=processes, more=more))
    command = [sys.executable, "-m", "align", "run", "recipe.yaml", "--out", "out"]
    root = str(Path(__file__).parents[2])
    env = os.environ | {"PYTHONPATH": root}
    return subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=as_in_a_script
    )


def as_in_a_script():
    """What `nohup` and `&` in a shell script do: hang-ups and Ctrl-C are ignored."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def wait(until, seconds=120):
    deadline = time.monotonic() + seconds
    while not until() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert until()


def processes(folder):
    """Return the launcher and the workers of a run, by process number."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            said = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            here = (entry / "cwd").resolve() == folder.resolve()
        except OSError:
            continue
        if here and any(word in said for word in ("align.lifeline", "align.worker")):
            found[int(entry.name)] = "launcher" if "align.lifeline" in said else "worker"
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("whom", "what", "code"),
    [
        ("run", signal.SIGTERM, 128 + signal.SIGTERM),
        ("run", signal.SIGINT, 128 + signal.SIGINT),
        ("run", signal.SIGKILL, -signal.SIGKILL),
        ("launcher", signal.SIGKILL, 1),
        ("worker", signal.SIGKILL, 1),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_nothing_trains_on(tmp_path, tiny, whom, what, code):
    run = started(tmp_path, tiny, 2 if whom == "worker" else 1)
    checkpoints = tmp_path / "out" / "02-sft" / "checkpoints"
    wait(lambda: list(checkpoints.glob("checkpoint-*/complete")) or run.poll() is not None)
    found = processes(tmp_path)
    assert sorted(found.values())[0] == "launcher"
    assert "worker" in found.values()
    os.kill(run.pid, signal.SIGHUP)  # of the terminal that it was started from, which may close
    os.kill(run.pid if whom == "run" else next(pid for pid, role in found.items() if role == whom), what)
    _, said = run.communicate(timeout=60)
    assert run.returncode == code, said
    wait(lambda: not processes(tmp_path), 20)
    if whom != "run":
        who = "its launcher ended with signal" if whom == "launcher" else r"the process of rank [01] was ended by"
        assert re.search(f"stage 'sft' failed: {who} SIGKILL", said)
        assert "Traceback" not in said
    elif what != signal.SIGKILL:
        assert "stopped; run the same command again to resume" in said
    assert not stages_of(tmp_path / "out")["sft"].done
    if (whom, what) == ("run", signal.SIGKILL):
        steps = max(int(path.parent.name.rpartition("-")[2]) for path in checkpoints.glob("checkpoint-*/complete"))
        again = started(tmp_path, tiny, 1)
        log = tmp_path / "out" / "02-sft" / "log.txt"
        wait(lambda: f"resuming from checkpoint-{steps}" in log.read_text() or again.poll() is not None)
        again.terminate()
        again.communicate(timeout=30)
        assert again.returncode == 128 + signal.SIGTERM


FAILS = """
import os
from align.train.optimizers import AdamWConfig

class Fails(AdamWConfig):
    def build(self, groups, **how):
        if os.environ["RANK"] == "1":
            raise RuntimeError("rank one says no")
        return super().build(groups, **how)
"""


def test_the_first_cause_is_named_with_its_log(tmp_path, tiny):
    """Not the broken connection that the other processes see."""
    (tmp_path / "mine.py").write_text(FAILS)
    run = started(tmp_path, tiny, 2, more='optimizer: {kind: "mine:Fails"}')
    _, said = run.communicate(timeout=120)
    assert run.returncode == 1
    last = said[said.index("stage 'sft' failed") :]
    assert last.startswith("stage 'sft' failed: RuntimeError: rank one says no\n  log: out/02-sft/log-")
    log = last.split("log: ")[1].split()[0]
    assert "raise RuntimeError" in (tmp_path / log).read_text()


BESIDE_A_THREAD = """
import runpy, sys, threading, time
import torch

def spin():
    weight = torch.randn(50, 50, requires_grad=True)
    while True:
        (weight @ weight).sum().backward()

for _ in range(4):
    threading.Thread(target=spin, daemon=True).start()
time.sleep(0.3)
runpy.run_module("align.worker", run_name="__main__")
"""


@pytest.mark.parametrize(("stage", "code", "told"), [("rows", 0, ""), ("missing", 1, "missing")])
def test_a_worker_that_is_done_is_not_aborted_by_a_thread_that_is_not(tiny, tmp_path, stage, code, told):
    (tmp_path / "rows.jsonl").write_text('{"prompt": "1?", "completion": "1."}\n')
    (tmp_path / "recipe.yaml").write_text(
        f"name: short\nseed: 1\nbase: {tiny}\nstages:\n  rows: {{kind: load, path: rows.jsonl}}\n"
    )
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-m", "align", "run", "recipe.yaml", "--out", "out"], cwd=tmp_path, env=env, check=True)
    command = [sys.executable, "-c", BESIDE_A_THREAD, "out", stage]
    ended = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (ended.returncode, "terminate called" in ended.stderr) == (code, False)
    assert told in ended.stderr
