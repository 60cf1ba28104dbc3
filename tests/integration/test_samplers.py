"""Online DPO with a sampler that is not the policy: what reaches training, and what stops the stage."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import forked
import pytest
from vllm_stand_in import StandIn

from align import Recipe
from align.core.errors import AlignError, StageFailed

RECIPE = """
name: sampled
seed: 5
{head}
base: {base}
stages:
  asked: {{kind: load, path: asked.jsonl}}
  online:
    kind: online_dpo
    model: base
    prompts: asked
    reward: {{kind: "letters:Letters"}}
    sampler: {sampler}
    samples: 3
    rounds: {rounds}
    max_new_tokens: 24
    prompts_per_round: 6
    per_device_train_batch_size: 4
    learning_rate: {rate}
    {more}
"""

LETTERS = """
from align import Reward, Score

class Letters(Reward):
    async def score(self, prompt, completions):
        return [Score(text.count("e") - text.count("o")) for text in completions]
"""


def run(place: Path, base: str, sampler: str, *, name="run", rounds=2, rate="1e-3", more="", head="") -> Path:
    fields = {"base": base, "sampler": sampler, "rounds": rounds, "rate": rate, "more": more, "head": head}
    (place / "recipe.yaml").write_text(RECIPE.format(**fields))
    (place / "asked.jsonl").write_text("".join(json.dumps({"prompt": f"Ben {i} has {i + 2} cups?"}) + "\n" for i in range(12)))
    (place / "letters.py").write_text(LETTERS)
    return Recipe.load(place / "recipe.yaml").run(place / name).stage("online")


def served(server: StandIn, more: str = "") -> str:
    return f"{{kind: vllm_server, base_url: '{server.url}'{more}}}"


def own(place: Path, more: str = "") -> str:
    """Return `kind: vllm` with the stand-in as its program."""
    program = place / "vllm"
    stand_in = Path(__file__).with_name("vllm_stand_in.py")
    lines = ["#!/bin/sh", f"export SERVED='{place / 'served.txt'}'", f"exec '{sys.executable}' '{stand_in}' \"$@\""]
    program.write_text("\n".join(lines))
    program.chmod(0o755)
    return f"{{kind: vllm, command: '{program}', dtype: float32{more}}}"


def rounds(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "report.json").read_text())["rounds"]


def pairs(folder: Path, index: int = 0) -> list[dict[str, Any]]:
    return json.loads((folder / "rounds" / f"00{index}" / "pairs.json").read_text())["pairs"]


def test_a_server_samples_what_the_policy_would_and_it_trains(tiny: str, tmp_path: Path) -> None:
    with StandIn(tiny) as server:
        folder = run(tmp_path, tiny, served(server), rounds=3)
    here = run(tmp_path, tiny, "transformers", name="here", rounds=3)
    assert pairs(folder) == pairs(here)  # the stand-in draws as `transformers` does: no token changed on its way
    figures = rounds(folder)
    assert sum(f["steps"] for f in figures) >= 3
    assert figures[2]["kl"] > 0.01
    for f in figures:  # float32 on both sides: only the batches differ
        assert abs(f["sampler"]["difference"]) <= f["sampler"]["absolute"] < 1e-3
    assert not (folder / "sampler_weights").exists()
    assert "sampler" not in rounds(here)[0]  # the policy itself: nothing to compare


def test_everything_that_decides_a_sample_is_sent(tiny: str, tmp_path: Path) -> None:
    with StandIn(tiny) as server:
        run(tmp_path, tiny, served(server), rounds=1, more="temperature: 0.7")
    [asked] = {json.dumps({k: v for k, v in r.items() if k not in ("prompt", "seed")}) for r in server.requests if "n" in r}
    assert json.loads(asked) == {
        "n": 3, "max_tokens": 24, "temperature": 0.7, "top_p": 1.0, "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0,
        "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop_token_ids": [2], "ignore_eos": True,
        "return_token_ids": True, "logprobs": 0,
    }  # fmt: skip
    assert len({r["seed"] for r in server.requests if "n" in r}) == 6


def test_adapters_reach_the_server_merged(tiny: str, tmp_path: Path) -> None:
    with StandIn(tiny) as server:
        figures = rounds(run(tmp_path, tiny, served(server), rounds=3, more="lora: {r: 4, alpha: 8}", rate="1e-2"))
    assert figures[2]["kl"] > 0.01
    assert all(f["sampler"]["absolute"] < 1e-3 for f in figures)


def test_two_processes_share_one_server(tiny: str, tmp_path: Path) -> None:
    with StandIn(tiny) as server:
        folder = run(tmp_path, tiny, served(server), rounds=2, head="accelerate: {num_processes: 2}")
    assert server.loads == 3  # other weights first, then those of each round: one process hands them over
    asked = [json.dumps(r["prompt"]) for r in server.requests if "n" in r]
    assert len(asked) == len(set(asked)) == 12  # each prompt is asked by one process
    assert all(f["prompts"] == 6 and f["sampler"]["absolute"] < 1e-3 for f in rounds(folder))


def test_weights_go_through_the_folder_that_both_see(tiny: str, tmp_path: Path) -> None:
    with StandIn(tiny) as server:
        run(tmp_path, tiny, served(server, ", sync_dir: seen_by_both"), rounds=1)
        assert server.loads == 2
    assert not list((tmp_path / "seen_by_both").glob("**/*.safetensors"))


@pytest.mark.parametrize(
    ("switches", "message"),
    [
        ({"stale": True}, "kept its old weights"),
        ({"skips": "layers.1."}, "round 1: the sampler is not the policy"),
        ({"garbage": True}, r"round 1: the sampler is not the policy: .* differ by .* nats a token .*raw_logprobs"),
        ({"dev_mode": False}, "start it in development mode: VLLM_SERVER_DEV_MODE=1 vllm serve"),
        ({"blind": True}, r"could not load the policy's weights from .*sync_dir"),
        ({"most": 2}, "gave 2 samples of a prompt where 3 were asked for"),
    ],
    ids=str,
)
def test_a_server_that_does_not_do_its_work_stops_the_stage(
    tiny: str, tmp_path: Path, switches: dict[str, Any], message: str
) -> None:
    with StandIn(tiny, **switches) as server, pytest.raises(StageFailed, match=message):
        run(tmp_path, tiny, served(server), rounds=1)
    assert not list(tmp_path.glob("run/*-online/rounds/*/pairs.json"))  # nothing to train on, now or in a resumed run


def test_weights_that_stop_following_are_noticed_however_small_the_step(tiny: str, tmp_path: Path) -> None:
    with StandIn(tiny, forgets=2) as server, pytest.raises(StageFailed, match="kept its old weights"):
        run(tmp_path, tiny, served(server), rounds=2, rate="1e-7")
    assert len(list(tmp_path.glob("run/*-online/rounds/*/done.json"))) == 1


def test_a_server_that_is_not_there_is_an_error(tiny: str, tmp_path: Path) -> None:
    with StandIn(tiny) as server:
        gone = served(server)
    with pytest.raises(StageFailed, match=r"does not answer \(ClientConnectorError.*is the server running"):
        run(tmp_path, tiny, gone, rounds=1)


def test_a_copy_in_another_precision_is_compared_too(tiny: str, tmp_path: Path) -> None:
    [figures] = rounds(run(tmp_path, tiny, "{kind: transformers, dtype: bfloat16}", rounds=1))
    assert 1e-4 < figures["sampler"]["absolute"] < 0.1


def test_where_and_how_wide_a_sampler_works_is_no_part_of_the_fingerprint(tiny: str, tmp_path: Path) -> None:
    run(tmp_path, tiny, "{kind: transformers, batch_size: 4}", rounds=1)
    done = tmp_path / "run" / "02-online" / "done.json"
    before = done.stat().st_mtime_ns
    run(tmp_path, tiny, "{kind: transformers, batch_size: 8}", rounds=1)
    assert done.stat().st_mtime_ns == before
    run(tmp_path, tiny, "{kind: transformers, dtype: bfloat16}", rounds=1)
    assert done.stat().st_mtime_ns != before


# -- a server of the stage's own ----------------------------------------------------------------------------------------


def gone(pid: int) -> bool:
    """Return whether a process ends within seconds."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").read_text().split(") ")[1].startswith("Z"):  # ended, and nobody has asked how
            return True
        time.sleep(0.1)
    return False


def test_a_stage_starts_its_own_vllm_and_ends_it(tiny: str, tmp_path: Path) -> None:
    folder = run(tmp_path, tiny, own(tmp_path, ", max_model_len: 256, args: [--seed, '3']"))
    here = run(tmp_path, tiny, "transformers", name="here")
    assert pairs(folder, 1) == pairs(here, 1)
    pid, *options = (tmp_path / "served.txt").read_text().splitlines()
    given = dict(zip(options[::2], options[1::2], strict=True))
    assert {k: given[k] for k in ("--dtype", "--max-model-len", "--seed", "--gpu-memory-utilization")} == {
        "--dtype": "float32", "--max-model-len": "256", "--seed": "3", "--gpu-memory-utilization": "0.3",
    }  # fmt: skip
    assert gone(int(pid))
    assert "loading" in (folder / "vllm.log").read_text()
    assert not list(folder.glob("sampler_weights*"))


def test_a_vllm_that_does_not_start_says_why(tiny: str, tmp_path: Path) -> None:
    with pytest.raises(StageFailed, match=r"(?s)the vLLM server ended with 1; its log, .*no memory for the key-value cache"):
        run(tmp_path, tiny, own(tmp_path, ", args: [--fail]"))


def test_a_vllm_that_is_not_installed_is_known_before_the_run(tiny: str, tmp_path: Path) -> None:
    with pytest.raises(AlignError, match=r"online.sampler.command: there is no program 'vllm-9'"):
        run(tmp_path, tiny, "{kind: vllm, command: vllm-9}")


def test_a_killed_run_leaves_no_server_behind(tiny: str, tmp_path: Path) -> None:
    sampler = own(tmp_path)
    fields = {"base": tiny, "sampler": sampler, "rounds": 50, "rate": "1e-6", "more": "", "head": ""}
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(**fields))
    (tmp_path / "asked.jsonl").write_text('{"prompt": "Ben has 2 cups?"}\n' * 2 + '{"prompt": "Ben has 3 cups?"}\n')
    (tmp_path / "letters.py").write_text(LETTERS)
    process = forked.start("run", "recipe.yaml", "--out", "killed", cwd=tmp_path)
    served = tmp_path / "served.txt"
    while process.is_alive() and not served.exists():
        time.sleep(0.1)
    process.kill()
    process.join()
    assert gone(int(served.read_text().splitlines()[0]))
