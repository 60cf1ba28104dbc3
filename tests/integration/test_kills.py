"""Killed again and again at any moment, through every fault of a server: nothing is lost and nothing is paid twice."""

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import forked

from align.core.recipe import Recipe
from data_synthesis.testing import FaultServer, Reply, answer
from data_synthesis.testing.conformance import Faults, calls, ledger, samples, snapshot

ROWS, KILLS = 2000, 30
RECIPE = """\
name: x
base: ./m
generators:
  g: {{kind: openai, base_url: "{url}", model: m, backoff_seconds: 0.01, retries: 30, max_concurrency: {most}}}
stages:
  prompts: {{kind: load, path: prompts.jsonl}}
  ask: {{kind: rejection_sampling, prompts: prompts, generator: g, samples: 2, reward: {{kind: math, symbolic: false}}}}
"""


def adds(request, seed):
    """Answer sums; odd seeds are wrong."""
    a, b = map(int, request["messages"][-1]["content"].split(" + "))
    return f"{a} + {b} = {a + b + seed % 2}. The answer is {a + b + seed % 2}."


def test_killed_at_thirty_random_moments_it_ends_as_if_nothing_had_happened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    sums = [{"prompt": f"{a} + {a * 7 % 1301}", "answer": str(a + a * 7 % 1301)} for a in range(ROWS)]
    Path("prompts.jsonl").write_text("".join(json.dumps(item) + "\n" for item in sums))

    def well(request):
        return Reply(body=answer(request, say=adds))

    with FaultServer(then=well) as server:
        Path("clean.yaml").write_text(RECIPE.format(url=server.url, most=64))
        Recipe.load("clean.yaml").run("clean")

    def committed():
        return len(ledger(Path("killed/02-ask")))

    faults, moment, pace = Faults(well), random.Random(3), {"seconds": 0.03}
    with FaultServer(then=lambda request: replace(faults(request), **pace)) as server:
        Path("killed.yaml").write_text(RECIPE.format(url=server.url, most=4))
        ledgers = []
        for kill in range(KILLS):
            child = forked.start("run", "killed.yaml", "--out", "killed", cwd=tmp_path)
            asked, deadline = len(server.requests), time.monotonic() + 60
            while len(server.requests) == asked and child.is_alive() and time.monotonic() < deadline:
                time.sleep(0.01)
            while kill % 3 == 0 and committed() == sum(ledgers[-1:]) and child.is_alive() and time.monotonic() < deadline:
                time.sleep(0.05)  # every third after a commit, however slow the machine is
            time.sleep(moment.uniform(0, 1))
            child.kill()
            child.join()
            assert child.exitcode == -signal.SIGKILL, "it had ended before"
            ledgers.append(committed())
        assert ledgers == sorted(ledgers), "no outcome is ever lost"
        assert 0 < ledgers[-1] < ROWS
        Path("killed.yaml").write_text(RECIPE.format(url=server.url, most=256))
        pace["seconds"] = 0  # the rest may go fast
        command = [sys.executable, "-m", "align", "run", "killed.yaml", "--out", "killed"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    killed, clean = snapshot(Path("killed/02-ask")), snapshot(Path("clean/02-ask"))
    assert killed == clean
    assert len(clean["ledger"]) == ROWS
    paid = Counter(key for record in calls(Path("killed/02-ask")) for key in samples(record))
    assert set(paid.values()) == {1}
    assert len(paid) == 2 * ROWS
