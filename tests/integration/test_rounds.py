"""Rounds of online DPO on the tiny model: what the reference says, how long they go on, and where they resume."""

from __future__ import annotations

import json
import re
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import forked
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from align import Recipe
from align.core.errors import StageFailed
from align.train.logprobs import think
from data_synthesis.testing import FaultServer, Reply, answer

RECIPE = """
name: rounds
seed: 5
base: {base}
stages:
  asked: {{kind: load, path: asked.jsonl}}
  online:
    kind: online_dpo
    model: base
    prompts: asked
    reward: {{kind: "{module}:Taste"}}
    samples: 3
    max_new_tokens: 24
    prompts_per_round: 6
    per_device_train_batch_size: {batch}
    logging_steps: 1
    learning_rate: 1e-3
    {more}
"""

TASTE = """
from pathlib import Path
from align import Reward, Score

class Taste(Reward):
    async def score(self, prompt, completions):
        if Path({trip!r}).exists() and "Ben 1" in prompt.messages[0]["content"]:
            raise RuntimeError("tripped")
        return [Score(text.count("e") - text.count("o") + {nan}) for text in completions]
"""


def run(place: Path, base: str, name: str, more: str, *, batch: int = 4, trip: bool = False, nan: str = "0") -> Path:
    module = f"taste_{place.name}".replace("[", "_").replace("]", "_").replace("-", "_")  # Python imports a name once
    (place / "recipe.yaml").write_text(RECIPE.format(base=base, more=more, module=module, batch=batch))
    (place / "asked.jsonl").write_text("".join(json.dumps({"prompt": f"Ben {i} has {i + 2} cups?"}) + "\n" for i in range(12)))
    mark = place / "trip"
    mark.touch() if trip else mark.unlink(missing_ok=True)
    (place / f"{module}.py").write_text(TASTE.format(trip=str(mark), nan=nan))
    return Recipe.load(place / "recipe.yaml").run(place / name).stage("online")


def rounds(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "report.json").read_text())["rounds"]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return AutoModelForCausalLM.from_pretrained(folder).state_dict()


def test_a_thought_is_the_log_probability_whatever_shares_its_batch(tiny: str) -> None:
    model, tokenizer = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32), AutoTokenizer.from_pretrained(tiny)
    texts = [("What is 2 + 3?", "2 + 3 = 5\nThe answer is 5."), ("Hello", "Yes."), ("Ben has 3 cups. How many?", "3")]
    answers = [(tokenizer(p).input_ids, tokenizer(c).input_ids) for p, c in texts]
    for (prompt, completion), thought in zip(answers, think(model, answers), strict=True):
        with torch.no_grad():
            logps = model(torch.tensor([prompt + completion])).logits[0].log_softmax(-1)
        rows = logps[len(prompt) - 1 : -1]
        assert thought.logp == pytest.approx(float(rows[range(len(completion)), completion].sum()), abs=1e-3)
        assert thought.entropy == pytest.approx(float(-(rows.exp() * rows).sum(-1).mean()), abs=1e-4)


def test_the_reference_s_opinion_is_the_trainer_s_own(tiny: str, tmp_path: Path) -> None:
    """TRL's `ld_alpha: 1` is the same loss, but its reference runs at every step instead of once a round."""
    asked_once = run(tmp_path, tiny, "once", "rounds: 2")
    at_each_step = run(tmp_path, tiny, "each", "rounds: 2\n    training_args: {ld_alpha: 1.0}")
    for one, other in zip(rounds(asked_once), rounds(at_each_step), strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=2e-3)
        assert one["grad_norm"] == pytest.approx(other["grad_norm"], rel=2e-3)
    first, second = rounds(asked_once)
    assert first["kl"] == pytest.approx(0, abs=1e-3)  # policy and reference are still one model
    assert second["kl"] > 0.01
    assert 0 < second["entropy"] < 8
    assert second["margin"] >= 1


def test_max_steps_ends_within_a_round(tiny: str, tmp_path: Path) -> None:
    figures = rounds(run(tmp_path, tiny, "run", "max_steps: 3", batch=1))
    assert [f["pairs"] for f in figures] == [2, 2]
    assert [f["steps"] for f in figures] == [2, 1]


def test_the_schedule_ends_where_the_rounds_end(tiny: str, tmp_path: Path) -> None:
    """Six prompts a round gave fewer pairs, so the run is shorter than prompts promise: the plan follows."""
    folder = run(tmp_path, tiny, "run", "rounds: 3\n    lr_scheduler_type: linear", batch=1)
    figures = rounds(folder)
    one, two, steps = (sum(f["steps"] for f in figures[:n]) for n in (1, 2, 3))
    assert steps < 18
    assert [f["planned_steps"] for f in figures] == [3 * one, two + round(two / 2), steps]
    lines = map(json.loads, (folder / "history.jsonl").read_text().splitlines())
    rates = [line["learning_rate"] for line in lines if "learning_rate" in line]
    last = [1e-3 * (1 - (steps - i) / steps) for i in range(figures[2]["steps"], 0, -1)]
    assert rates[-figures[2]["steps"] :] == pytest.approx(last)


def test_the_reference_computes_in_the_precision_of_training(tiny: str, tmp_path: Path, monkeypatch: Any) -> None:
    """Whoever asks for it: the stage, or `accelerate: {mixed_precision: bf16}`, which comes as a variable."""
    asked = {"plain": "", "stage": "bf16: true", "accelerate": ""}
    found = {}
    for name, more in asked.items():
        if name == "accelerate":
            monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
        pairs = json.loads((run(tmp_path, tiny, name, f"rounds: 1\n    {more}") / "rounds/000/pairs.json").read_text())["pairs"]
        found[name] = [(pair["ref_chosen_logps"], pair["ref_rejected_logps"]) for pair in pairs]
    assert found["accelerate"] == found["stage"] != found["plain"]


def test_a_penalty_for_length_changes_what_is_best(tiny: str, tmp_path: Path) -> None:
    plain = rounds(run(tmp_path, tiny, "plain", "rounds: 1"))[0]
    short = rounds(run(tmp_path, tiny, "short", "rounds: 1\n    length_penalty: 100"))[0]
    assert short["reward"]["best"] < plain["reward"]["best"] - 100
    shown = [json.loads(next((tmp_path / name).glob("*-online/rounds/000/pairs.json")).read_text())["samples"]
             for name in ("plain", "short")]  # fmt: skip
    assert all(len(p["chosen"]) < len(p["rejected"]) for p in shown[1])
    assert any(len(p["chosen"]) > len(p["rejected"]) for p in shown[0])


@pytest.mark.parametrize("sync", ["fixed", "previous", "ema"])
def test_a_round_that_failed_resumes_to_the_same_weights(tiny: str, tmp_path: Path, sync: str) -> None:
    more = f"rounds: 3\n    reference_sync: {sync}"
    whole = run(tmp_path, tiny, "whole", more)
    for name in ("tripped",):
        with pytest.raises(StageFailed, match="tripped"):
            run(tmp_path, tiny, name, more, trip=True)
        done = sorted(p.parent.name for p in (tmp_path / name).glob("*-online/rounds/*/done.json"))
        resumed = run(tmp_path, tiny, name, more)
    assert len(done) < 3
    for name, weight in weights(whole).items():
        assert weights(resumed)[name].equal(weight), name
    kl = [f["kl"] for f in rounds(whole)]
    if sync == "previous":  # the reference is the policy of this round's beginning
        assert all(abs(x) < 1e-3 for x in kl)
    else:
        assert kl[1] > 0.01


def test_a_reward_that_is_no_number_stops_the_stage(tiny: str, tmp_path: Path) -> None:
    with pytest.raises(StageFailed, match="the reward gave nan for a sample of the prompt 'Ben"):
        run(tmp_path, tiny, "run", "rounds: 1", nan="float('nan')")


JUDGED = """
name: judged
seed: 5
base: {base}
generators:
  critic: {{kind: openai, base_url: "{url}", model: m, retries: 0, max_concurrency: 1}}
stages:
  asked: {{kind: load, path: asked.jsonl}}
  online:
    kind: online_dpo
    model: base
    prompts: asked
    reward: {{kind: judge, generator: critic}}
    samples: 3
    rounds: 2
    max_new_tokens: 24
    prompts_per_round: 6
    per_device_train_batch_size: 4
    logging_steps: 1
"""


def test_a_judge_ranks_the_samples_and_is_never_paid_twice_by_a_killed_run(tiny: str, tmp_path: Path) -> None:
    (tmp_path / "asked.jsonl").write_text(
        "".join(json.dumps({"prompt": f"Ben {i} has {i + 2} cups?"}) + "\n" for i in range(12))
    )
    answered: list[str] = []
    children: list[Any] = []

    def liking(text: str) -> float:
        return 1 + text.count("e") % 10

    def critic(request: dict[str, Any]) -> Reply:
        if len(answered) == 25:  # in the second round; the request that is killed for is never answered
            for child in children:
                child.kill()
                child.join()
            if children:
                children.clear()
                return Reply(cut="before")
        asked = request["messages"][0]["content"]
        answered.append(asked)
        found = re.search(r"^<answer \w+>\n(.*)\n</answer \w+>$", asked, re.DOTALL | re.MULTILINE)
        assert found
        score = json.dumps({"why": "e", "score": liking(found[1])})
        return Reply(body=answer(request, say=lambda *_: score))

    with FaultServer(then=critic) as server:
        recipe = tmp_path / "recipe.yaml"
        recipe.write_text(JUDGED.format(base=tiny, url=server.url))
        child = forked.start("run", recipe, "--out", tmp_path / "run", cwd=tmp_path)
        children.append(child)
        child.join(300)
        assert child.exitcode == -signal.SIGKILL
        assert (tmp_path / "run/02-online/rounds/000/done.json").exists()
        assert len(answered) == 25
        folder = Recipe.load(recipe).run(tmp_path / "run").stage("online")
    assert set(Counter(answered).values()) == {1}, "no answer was paid for twice"
    assert len(server.requests) == len(answered) + 1
    samples = json.loads((folder / "report.json").read_text())["samples"]
    assert samples["made"] == len(answered) - 25
    assert samples["replayed"] > 0
    for index in range(2):
        held = json.loads((folder / f"rounds/{index:03d}/pairs.json").read_text())
        assert held["pairs"]
        assert all(liking(pair["chosen"]) > liking(pair["rejected"]) for pair in held["samples"] if "chosen" in pair)
