"""One process, three shards and Ray on two local workers make the same rows and the same ledger."""

import json
import sys
from pathlib import Path

import pytest

from align.core.recipe import Recipe
from data_synthesis.testing import FaultServer, Reply, answer
from data_synthesis.testing.conformance import calls, snapshot

pytest.importorskip("ray", reason="make test installs it: requirements-ray.lock")

RECIPE = """\
name: x
base: ./m
generators:
  g: {{kind: openai, base_url: "{url}", model: m}}
stages:
  prompts: {{kind: load, path: prompts.jsonl}}
  ask:
    kind: rejection_sampling
    prompts: prompts
    generator: g
    samples: 4
    max_pairs: 2
    reward: {{kind: math, symbolic: false}}
"""


def adds(request, seed):
    """Answer sums, half of the samples wrong, some prompts always."""
    a, b = map(int, request["messages"][-1]["content"].split(" + "))
    wrong = seed % 2 or a % 10 == 0
    return f"{a} + {b} = {a + b + wrong}. The answer is {a + b + wrong}."


@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_local_shards_and_ray_make_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    sums = [{"prompt": f"{a} + {a * 7 % 13}", "answer": str(a + a * 7 % 13)} for a in range(60)]
    Path("prompts.jsonl").write_text("".join(json.dumps(item) + "\n" for item in sums))
    pace = {"seconds": 0.0}
    with FaultServer(then=lambda request: Reply(body=answer(request, say=adds), **pace)) as server:
        Path("recipe.yaml").write_text(RECIPE.format(url=server.url))
        Recipe.load("recipe.yaml").run("local")
        paid = len(server.requests)
        Recipe.load("recipe.yaml").run("shards", until="prompts")
        for i in range(3):
            Recipe.load("recipe.yaml").run("shards", only="ask", shard=f"{i}/3")
        pace["seconds"] = 1.0  # one actor must not be through with all batches before the other has started
        Recipe.load("recipe.yaml", set={"ask.executor": {"kind": "ray", "workers": 2}}).run("ray")
        assert len(server.requests) == 3 * paid
    local, shards, ray = (snapshot(Path(out) / "02-ask") for out in ("local", "shards", "ray"))
    assert local == shards == ray
    assert len(local["rows"]["demonstrations"]) == 54
    for file in ("demonstrations.parquet", "preferences.parquet", "lineage.jsonl", "dropped.jsonl"):
        assert Path("ray/02-ask", file).read_bytes() == Path("local/02-ask", file).read_bytes(), file
    workers = {path.name for path in Path("ray/02-ask/ledger").iterdir()}
    assert len(workers) == 2, "both actors worked"
    assert len(calls(Path("ray/02-ask"))) == len(calls(Path("local/02-ask")))
