"""Several workers make what one makes: shards in processes of their own, and budgets that mean the same every time."""

import asyncio
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from test_engine import CALLS, Ask, Counting

from align import Demonstration, Preference, Prompt, StageFailed
from align.cli import main
from align.core import tables
from align.core.artifacts import RunFolder
from align.core.errors import RecipeError, UsageError
from align.core.recipe import Recipe
from align.core.stage import Shard
from data_synthesis import Synthesizer
from data_synthesis.engine.ledger import PLACE, Ledger, PromptOutcome, read, records
from data_synthesis.testing.conformance import calls, snapshot


class TwoWords(Counting):
    """Counts two tokens for every request."""

    async def generate(self, messages, sampling):
        """Answer."""
        first, *others = await super().generate(messages, sampling)
        return [replace(first, usage={"completion_tokens": 2}), *others]


class Odd(Ask):
    """Makes some rows that cannot be stored."""

    async def synthesize(self, prompt: Prompt, ctx):
        """Answer, or misbehave."""
        await ctx.sample(self.generator, prompt.messages)
        match prompt.messages[0]["content"]:
            case "fine 3":
                return Demonstration(prompt=prompt.messages, completion="x", note={"seen": {1, 2}})
            case "fine 4":
                return Preference(prompt=prompt.messages, chosen="a", rejected="b", margin="high")
            case "fine 5":
                return Prompt(messages=prompt.messages, answer=42)
        return Demonstration(prompt=prompt.messages, completion="x")


class Cancels(Ask):
    """Awaits something that is cancelled, once."""

    async def synthesize(self, prompt: Prompt, ctx):
        """Answer, or be cancelled."""
        if prompt.messages[0]["content"] == "fine 3":
            task = asyncio.create_task(asyncio.sleep(10))
            task.cancel()
            await task
        return Demonstration(prompt=prompt.messages, completion="x")


class Pass(Synthesizer):
    """Makes prompts of prompts."""

    makes: ClassVar[frozenset[str]] = frozenset({"prompts"})

    async def synthesize(self, prompt: Prompt, ctx):
        """Copy."""
        return Prompt(messages=prompt.messages, answer=prompt.answer)


RECIPE = """\
name: x
base: ./m
generators:
  g: {kind: "test_engine:Counting"}
stages:
  prompts: {kind: load, path: prompts.jsonl}
  ask: {kind: "test_engine:Ask", prompts: prompts, n: 2}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    texts = [*(f"fine {i}" for i in range(40)), *(f"drop {i}" for i in range(5)), *(f"late {i}" for i in range(15))]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps({"prompt": text, "answer": "yes 0"}) + "\n" for text in texts))
    return tmp_path


def run(out, *, only=None, shard=None, **override):
    """Run; return the folder of the last stage."""
    Recipe.load("recipe.yaml", set=override).run(out, only=only, shard=shard)
    return Path(out) / "02-ask"


def command(out, *options):
    """Run in a process of its own."""
    here = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, "-m", "align", "run", "recipe.yaml", "--out", out, *options],
        env=os.environ | {"PYTHONPATH": here}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_three_shards_at_the_same_time_make_what_one_process_makes(folder):
    whole = run("whole")
    Recipe.load("recipe.yaml").run("shards", until="prompts")
    shards = [command("shards", "--only", "ask", "--shard", f"{i}/3") for i in range(3)]
    said = [shard.communicate()[1] for shard in shards]
    assert [shard.returncode for shard in shards] == [0, 0, 0], said
    made = folder / "shards" / "02-ask"
    assert (made / "done.json").exists(), "whoever came last published"
    assert snapshot(made) == snapshot(whole)
    for file in ("demonstrations.parquet", "lineage.jsonl", "dropped.jsonl"):
        assert (made / file).read_bytes() == (whole / file).read_bytes(), file
    assert len({record["key"] for record in calls(made)}) == len(calls(made)) == 60
    assert sum(f"shard {i}of3 is through" in text for i, text in enumerate(said)) == 2


def test_a_run_without_shards_takes_over_what_a_lost_shard_left(folder):
    whole = run("whole")
    Recipe.load("recipe.yaml").run("shards", until="prompts")
    made = run("shards", only="ask", shard="0/3")
    assert not (made / "done.json").exists()
    paid = len(calls(made))
    assert 0 < paid < 60
    run("shards", only="ask", shard="1/3")
    run("shards")
    assert snapshot(made) == snapshot(whole)
    assert len({record["key"] for record in calls(made)}) == len(calls(made)) == 60


def test_every_row_is_in_one_shard():
    ids = [f"{i * 0x9E3779B97F4A7C15 % 2**64:016x}" for i in range(3000)]
    shards = [Shard.parse(f"{i}/7") for i in range(7)]
    held = [sum(shard.holds(id_) for id_ in ids) for shard in shards]
    assert sum(held) == 3000
    assert min(held) > 300


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"shard": "3/3", "only": "ask"}, "write i/n with i from 0 to n - 1"),
        ({"shard": "one", "only": "ask"}, "write i/n"),
        ({"shard": "0/2"}, "--shard needs --only STAGE .*: ask"),
        ({"shard": "0/2", "only": "prompts"}, "--shard needs --only STAGE"),
        ({"shard": "0/2", "only": "ask"}, "stage 'prompts' before it is not done"),
        ({"shard": "0/2", "only": "ask", "ask.until": {"accepted": 3}}, "has `until`"),
    ],
)
def test_a_shard_that_cannot_be_is_refused(how, said, folder):
    with pytest.raises(UsageError, match=said):
        run("out", **how)


def test_a_shard_of_another_recipe_does_not_clear_what_others_work_on(folder):
    Recipe.load("recipe.yaml").run("out", until="prompts")
    loaded = Recipe.load("recipe.yaml")
    runs = RunFolder("out", loaded.folder)
    run("out", only="ask", shard="1/2")
    with runs.shard("1of2"):
        with pytest.raises(UsageError, match=r"shards 1of2 of 'ask' work on another recipe \(n: 2 -> 3\)"):
            run("out", only="ask", shard="0/2", **{"ask.n": 3})
        with pytest.raises(UsageError, match="another process works on shard 1of2"):
            run("out", only="ask", shard="1/2")
    with runs.lock(shared=True), pytest.raises(UsageError, match="another `align run` works in"):
        run("out")


# -- budgets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 7, 512])
@pytest.mark.parametrize(
    ("until", "inputs", "met"),
    [
        ({"accepted": 10}, 10, "accepted"),
        ({"accepted": 43}, 48, "accepted"),  # 40, then 5 that are dropped, then 3
        ({"accepted": 50, "candidates": 42, "on_exhausted": "partial"}, 42, "candidates"),
        ({"tokens": 20}, 10, "tokens"),  # 2 words a prompt
        ({"accepted": 99, "on_exhausted": "partial"}, 60, "prompts"),
    ],
)
def test_a_budget_is_a_beginning_of_the_prompts(until, inputs, met, concurrency, folder):
    stage = run("out", **{"ask.until": until, "ask.concurrency": concurrency, "generators.g.kind": "test_shards:TwoWords"})
    report = json.loads((stage / "report.json").read_text())
    assert (report["inputs"], report["ended at"]) == (inputs, met)
    assert report["inputs"] == report["emitted"] + sum(report["dropped"].values())
    assert report["rows"]["demonstrations"] == 2 * report["emitted"]
    assert ("partial" in report) == ("on_exhausted" in until)
    assert report["samples"]["made"] <= 2 * (inputs + concurrency), "it stops when it has enough"


def test_a_budget_that_ends_too_early_is_an_error_and_raising_it_goes_on_from_there(folder):
    with pytest.raises(
        StageFailed, match=r"40 of 45 prompts accepted when the candidates ended \(44 tried, .* raise that budget"
    ):
        run("out", **{"ask.until": {"accepted": 45, "candidates": 44}})
    stage = run("out", **{"ask.until": {"accepted": 45, "candidates": 60}})
    report = json.loads((stage / "report.json").read_text())
    assert (report["emitted"], report["inputs"]) == (45, 50)
    assert report["samples"]["replayed"] == 2 * 44, "what was tried before is not paid again"


@pytest.mark.parametrize("until", [{}, {"accepted": 0}, {"on_exhausted": "partial"}])
def test_a_budget_that_says_nothing_is_refused(until, folder):
    with pytest.raises(RecipeError, match="until"):
        Recipe.load("recipe.yaml", set={"ask.until": until})


# -- pilots ---------------------------------------------------------------------------------------------------------


def test_a_pilot_forecasts_the_stage_and_its_answers_are_not_paid_again(folder, capsys):
    price = {"prompt": 1.0, "completion": 4.0}
    settings = {"generators.g.kind": "test_shards:TwoWords", "generators.g.price": price}
    options = [f"--set={key}={json.dumps(value)}" for key, value in settings.items()]
    assert main(["check", "recipe.yaml", "--out", "out", "--pilot", "20", *options]) == 0
    said = capsys.readouterr().out
    table = {line.split("  ")[0]: [cell.strip() for cell in line.split("  ") if cell][1:] for line in said.splitlines()}
    pilot, whole = table["prompts"]
    assert (pilot, whole) == ("20", "60 of 60")
    accepted = int(re.match(r"(\d+)%", table["accepted"][0])[1])
    low, high = map(int, re.search(r"\[(\d+), (\d+)\]", table["accepted"][1]).groups())
    assert low <= 55 <= high, "55 of the 60 are accepted in the end"
    assert accepted / 100 * 60 == pytest.approx(int(table["accepted"][1].split()[0]), abs=1)
    assert table["completion tokens"] == ["2 a prompt", "120"]
    assert table["cost"][1].startswith("$0.00")
    assert not (folder / "out" / "02-ask" / "done.json").exists()
    assert not (folder / "out" / ".pilot").exists()
    report = json.loads((run("out", **settings) / "report.json").read_text())
    assert (report["samples"]["made"], report["samples"]["replayed"]) == (80, 40)
    CALLS.clear()
    assert main(["check", "recipe.yaml", "--out", "out", "--pilot", "20", *options]) == 0
    assert "replayed: not measured" in capsys.readouterr().out
    assert CALLS == []


def test_a_pilot_of_a_stage_whose_prompts_are_not_made_yet_says_what_it_waits_for(folder, capsys):
    Path("recipe.yaml").write_text(RECIPE.replace("prompts: prompts,", "prompts: first,").replace(
        "  ask:", '  first: {kind: "test_shards:Pass", prompts: prompts}\n  ask:'))  # fmt: skip
    assert main(["check", "recipe.yaml", "--out", "out", "--pilot", "5"]) == 0
    said = capsys.readouterr().out
    assert "ask: waits for first" in said
    assert re.search(r"prompts +5 +60 of 60", said)


def test_a_pilot_says_how_many_prompts_a_budget_needs_and_why_prompts_fail(folder, capsys):
    assert main(["check", "recipe.yaml", "--out", "out", "--pilot", "20", '--set=ask.until={"accepted": 30}']) == 0
    said = capsys.readouterr().out
    needed, few, many, of = map(int, re.search(r"prompts +20 +(\d+) \[(\d+), (\d+)\] of (\d+)", said).groups())
    assert 30 <= few <= needed <= many <= of == 60
    assert re.search(r"accepted .* 30$", said, re.MULTILINE), "that many, however many prompts it takes"
    (folder / "broken.txt").touch()
    (folder / "prompts.jsonl").write_text("".join(json.dumps({"prompt": f"fail {i}"}) + "\n" for i in range(9)))
    assert main(["check", "recipe.yaml", "--out", "out", "--pilot", "5", "--set=ask.broken_while=broken.txt"]) == 1
    assert "5 of 5 prompts failed, 5 with: RuntimeError: the server is on fire" in capsys.readouterr().err


# -- what a fresh reader found --------------------------------------------------------------------------------------


def test_rows_that_a_dead_worker_or_a_budget_left_over_do_not_stop_the_stage(folder):
    whole = run("whole")
    made = run("out", **{"ask.until": {"accepted": 3, "on_exhausted": "partial"}, "ask.concurrency": 2})
    assert len(snapshot(made)["rows"]["demonstrations"]) == 6
    Recipe.load("recipe.yaml").run("other", until="prompts")
    other = run("other", only="ask", shard="0/2")
    records = [{"id": "0" * 16, "prompt": [], "completion": [], "_parent": "0" * 16, "_ordinal": 0, "_note": "{}"}]
    tables.write_records(other / "parts" / "demonstrations-1of2-000001.parquet", "demonstrations", records, PLACE)
    run("other")
    assert snapshot(other)["rows"] == snapshot(whole)["rows"]


def test_a_shard_does_not_publish_while_another_is_at_work(folder):
    Recipe.load("recipe.yaml").run("out", until="prompts")
    made = run("out", only="ask", shard="1/2")
    runs = RunFolder("out", folder)
    with runs.shard("1of2"):  # it was started again, to try its failures once more
        run("out", only="ask", shard="0/2")
        assert not (made / "done.json").exists()
        with pytest.raises(UsageError, match="among another number than 3"):
            run("out", only="ask", shard="0/3")
    run("out", only="ask", shard="1/2")
    assert (made / "done.json").exists()


def test_a_row_that_cannot_be_stored_costs_its_prompt_only(folder):
    made = run("out", **{"ask.kind": "test_shards:Odd", "ask.n": 1})
    report = json.loads((made / "report.json").read_text())
    assert (report["emitted"], report["dropped"]) == (
        57,
        {"bad row: margin is not a number": 1, "bad row: answer is not text": 1},
    )
    ((why, count),) = report["failed"].items()
    assert (count, why.startswith("TypeError: Object of type set is not JSON serializable")) == (1, True)


def test_something_cancelled_inside_a_synthesizer_is_a_failure_of_that_prompt(folder):
    made = run("out", **{"ask.kind": "test_shards:Cancels", "ask.concurrency": 1})
    report = json.loads((made / "report.json").read_text())
    assert report["inputs"] == report["emitted"] + 1 == 60
    assert "something inside synthesize() was cancelled" in next(iter(report["failed"]))


def test_a_commit_that_fails_stays_pending_as_a_whole(tmp_path):
    ledger = Ledger(tmp_path, "main")
    rows = [Demonstration(prompt=[{"role": "user", "content": "?"}], completion="a"),
            Preference(prompt=[{"role": "user", "content": "?"}], chosen="a", rejected="b")]  # fmt: skip
    ledger.add(PromptOutcome("x", "emitted", 2), records("x", "s", rows))
    blocked = tmp_path / "parts" / ".preferences-main-000001.parquet.tmp"
    blocked.mkdir()
    with pytest.raises(IsADirectoryError):
        ledger.commit()
    blocked.rmdir()
    ledger.commit()
    ledger.close()
    assert read(tmp_path)["x"].part == "main-000001"
    assert len(list((tmp_path / "parts").glob("*-main-000001.parquet"))) == 2
