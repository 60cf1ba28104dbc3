"""The row engine: every prompt accounted for, every call paid once, and kill -9 loses nothing that was written."""

import asyncio
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, ClassVar

import pytest

from align import Completion, Demonstration, Preference, Prompt, Ref, Reward, Score, StageFailed
from align.core import tables
from align.core.recipe import Recipe
from align.core.rows import child_id
from align.generate.backends.scripted import Scripted
from align.generate.calls import journal
from data_synthesis import Context, Drop, Synthesizer
from data_synthesis.engine.ledger import Ledger, PromptOutcome, records

CALLS = []
"""What `Counting` was asked in this process: (last message, n, first)."""


class Counting(Scripted):
    """Remembers what it is asked, and takes a moment to answer."""

    default: str = "yes"
    seconds: float = 0.0
    """Time to answer."""

    async def generate(self, messages, sampling):
        CALLS.append((messages[-1]["content"], sampling.n, sampling.first))
        await asyncio.sleep(self.seconds)
        return [
            Completion(f"{c.text} {sampling.first + i}", "stop")
            for i, c in enumerate(await super().generate(messages, sampling))
        ]


class Ask(Synthesizer):
    """Asks n times; the prompt itself says what then goes wrong."""

    makes: ClassVar[frozenset[str]] = frozenset({"demonstrations"})
    generator: Annotated[str, Ref("generator")] = "g"
    n: int = 1
    temperature: float = 1.0
    broken_while: str = "never.txt"
    """"fail" prompts fail while this file is there."""

    async def synthesize(self, prompt: Prompt, ctx: Context) -> object:
        """Answer, or misbehave."""
        word = prompt.messages[0]["content"].split()[0]
        if word == "fail" and Path(self.broken_while).exists():
            raise RuntimeError("the server is on fire")
        said = await ctx.sample(self.generator, prompt.messages, n=self.n, temperature=self.temperature)
        ctx.tally("answers", len(said))
        await asyncio.sleep(ctx.rng.random() / 50)
        match word:
            case "drop":
                return Drop("not wanted")
            case "none":
                return None
            case "nothing":
                return []
            case "text":
                return said[0].text
            case "same":
                return Preference(prompt=prompt.messages, chosen="a", rejected="a")
        return [
            Demonstration(prompt=prompt.messages, completion=c.text, id="mine", note={"rng": ctx.rng.random()}) for c in said
        ]


RECIPE = """\
name: x
base: ./m
generators:
  g: {kind: "test_engine:Counting"}
stages:
  prompts: {kind: load, path: prompts.jsonl}
  ask: {kind: "test_engine:Ask", prompts: prompts, broken_while: broken.txt}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    CALLS.clear()
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def prompts(*texts):
    Path("prompts.jsonl").write_text("".join(json.dumps({"prompt": text, "answer": "yes 0"}) + "\n" for text in texts))


def run(out="out", **override):
    """Run the recipe; return the folder of its last stage."""
    report = Recipe.load("recipe.yaml", set=override).run(out)
    return next(report.folder.glob("02-*"))


def report(stage):
    return json.loads((stage / "report.json").read_text())


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def logged(stage):
    """Return the records of the stage's call log."""
    return [json.loads(line) for path in sorted((stage / "calls").iterdir()) for _, line in journal.lines(path)]


def ledger(stage):
    """Return the ids in the stage's ledger, in the order in which they finished."""
    return [line["id"] for path in sorted((stage / "ledger").iterdir()) for line in lines(path)]


def reopen(stage):
    """Leave the stage as a kill before its end would."""
    for name in ("done.json", "report.json", "demonstrations.parquet"):
        (stage / name).unlink()


# -- accounting -----------------------------------------------------------------------------------------------------


def test_every_prompt_is_emitted_dropped_or_failed_and_the_report_says_so(folder):
    prompts(*(f"fine {i}" for i in range(20)), "drop 1", "drop 2", "none")
    stage = run(**{"ask.n": 2})
    found = report(stage)
    assert (found["inputs"], found["emitted"], found["dropped"]) == (23, 20, {"not wanted": 2})
    ((error, count),) = found["failed"].items()
    assert count == 1
    assert error.startswith("TypeError: synthesize() must return a row, a list of rows or Drop(reason), not NoneType")
    assert found["rows"] == {"demonstrations": 40}
    assert found["tallies"] == {"answers": 44}, "of the prompts that did not fail"
    assert (found["samples"]["made"], found["samples"]["replayed"]) == (46, 0)
    assert len(tables.read(stage, "demonstrations")) == 40
    aside = lines(stage / "dropped.jsonl")
    assert [(a["reason"], a["messages"][0]["content"]) for a in aside] == [
        ("not wanted", "drop 1"),
        ("not wanted", "drop 2"),
        (error, "none"),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("none", r"TypeError: synthesize\(\) must return a row, a list of rows or Drop\(reason\), not NoneType"),
        ("text", r"TypeError: synthesize\(\) must return a row, a list of rows or Drop\(reason\), not str"),
        ("nothing", r"TypeError: synthesize\(\) returned an empty list; say why with Drop\(reason\)"),
        ("fail", r"RuntimeError: the server is on fire \(test_engine.py:\d+\)"),
    ],
)
def test_a_prompt_that_fails_says_why_and_where(text, sentence, folder):
    prompts(text)
    (folder / "broken.txt").touch()
    with pytest.raises(StageFailed, match=f"stage 'ask' failed: 1 of 1 prompts failed, 1 with: {sentence}"):
        run()


def test_a_row_that_is_no_good_is_dropped_with_its_reason(folder):
    prompts("same", "fine")
    (folder / "broken.txt").touch()
    run()
    report = json.loads((folder / "out" / "02-ask" / "report.json").read_text())
    assert report["dropped"] == {"bad row: chosen equals rejected": 1}


def test_a_stage_that_drops_everything_fails_and_says_why(folder):
    prompts("same")
    (folder / "broken.txt").touch()
    with pytest.raises(StageFailed, match="no prompt gave a row: 1 x bad row: chosen equals rejected"):
        run()
    assert "chosen equals rejected" in (folder / "out" / "02-ask" / "dropped.jsonl").read_text()


def test_a_stage_in_which_everything_fails_gives_up_early(folder):
    prompts(*(f"fail {i}" for i in range(100)))
    (folder / "broken.txt").touch()
    with pytest.raises(StageFailed, match=r"20 of 20 prompts failed, 20 with: RuntimeError: .* \(test_engine.py:\d+\). What"):
        run(**{"ask.concurrency": 1})
    assert len(ledger(folder / "out" / "02-ask")) == 20


def test_failed_prompts_are_tried_again_on_resume_and_no_others(folder):
    prompts(*(f"fine {i}" for i in range(6)), *(f"fail {i}" for i in range(4)))
    (folder / "broken.txt").touch()
    with pytest.raises(StageFailed, match=r"4 of 10 prompts failed, 4 with: .* What succeeded is kept; fix it and run again"):
        run()
    assert len(CALLS) == 6
    (folder / "broken.txt").unlink()
    CALLS.clear()
    found = report(run())
    assert sorted(text for text, _, _ in CALLS) == [f"fail {i}" for i in range(4)]
    assert (found["emitted"], found["failed"]) == (10, {})


def test_no_prompts_of_a_stage_that_failed_half_way_are_lost_or_counted_twice(folder):
    prompts(*(f"fine {i}" for i in range(5)), "drop", "fail")
    (folder / "broken.txt").touch()
    for _ in range(2):
        with pytest.raises(StageFailed, match="1 of 7 prompts failed"):
            run()
    assert len(CALLS) == 6
    (folder / "broken.txt").unlink()
    found = report(run())
    assert (found["inputs"], found["emitted"], found["dropped"], found["failed"]) == (7, 6, {"not wanted": 1}, {})


# -- ids ------------------------------------------------------------------------------------------------------------


def test_ids_come_from_the_prompt_and_the_stage_and_rows_in_the_order_of_the_prompts(folder):
    prompts(*(f"fine {i}" for i in range(30)))
    stage = run(**{"ask.n": 2})
    rows = tables.read(stage, "demonstrations")
    sources = tables.read(folder / "out" / "01-prompts", "prompts")
    assert [r.id for r in rows] == [child_id(p.id, "ask", i) for p in sources for i in range(2)]
    assert "mine" not in {r.id for r in rows}
    assert ledger(stage) != [p.id for p in sources], "they finished in another order"
    lineage = lines(stage / "lineage.jsonl")
    assert [(item["id"], item["parents"]) for item in lineage] == [(r.id, [sources[i // 2].id]) for i, r in enumerate(rows)]
    assert {(item["stage"], item["synthesizer"], item["version"]) for item in lineage} == {("ask", "test_engine:Ask", "1")}


def test_what_is_made_does_not_depend_on_order_or_concurrency(folder):
    prompts(*(f"fine {i}" for i in range(20)))
    together, alone = run("together"), run("alone", **{"ask.concurrency": 1})
    assert tables.read(together, "demonstrations") == tables.read(alone, "demonstrations")
    assert lines(together / "lineage.jsonl") == lines(alone / "lineage.jsonl"), "the notes hold draws of ctx.rng"


# -- the call log ---------------------------------------------------------------------------------------------------


def test_a_replay_makes_no_calls_and_the_same_rows(folder):
    prompts("fine 1", "fine 2", "drop")
    stage = run(**{"ask.n": 3})
    rows = tables.read(stage, "demonstrations")
    reopen(stage)
    shutil.rmtree(stage / "ledger")
    CALLS.clear()
    assert tables.read(run(**{"ask.n": 3}), "demonstrations") == rows
    assert CALLS == []
    assert (report(stage)["samples"]["made"], report(stage)["samples"]["replayed"]) == (0, 9)


def test_more_samples_pay_for_the_new_ones_only(folder):
    prompts("fine")
    run(**{"ask.n": 4})
    stage = run(**{"ask.n": 6})
    assert CALLS == [("fine", 4, 0), ("fine", 2, 4)]
    assert [r.completion[0]["content"] for r in tables.read(stage, "demonstrations")] == [f"yes {i}" for i in range(6)]
    run(**{"ask.n": 2})
    assert len(CALLS) == 2


@pytest.mark.parametrize(
    ("override", "calls"),
    [({"ask.temperature": 0.5}, 2), ({"generators.g.default": "no"}, 2), ({"seed": 1}, 2), ({"ask.broken_while": "x"}, 0)],
)
def test_what_pays_again_after_a_change(override, calls, folder):
    prompts("fine 1", "fine 2")
    run()
    CALLS.clear()
    run(**override)
    assert len(CALLS) == calls


def test_added_prompts_cost_only_themselves(folder):
    prompts("fine 1", "fine 2")
    run()
    CALLS.clear()
    prompts("fine 0", "fine 1", "fine 2", "fine 3")
    assert report(run())["emitted"] == 4
    assert sorted(text for text, _, _ in CALLS) == ["fine 0", "fine 3"]


def test_a_changed_reward_pays_nothing(folder):
    (folder / "recipe.yaml").write_text(
        RECIPE.replace('"test_engine:Ask", prompts: prompts, broken_while: broken.txt', "rejection_sampling, prompts: prompts, "
                       "generator: g, samples: 3, reward: {kind: math, symbolic: false}")
    )  # fmt: skip
    prompts("what?", "which?")
    assert report(run())["samples"]["made"] == 6
    CALLS.clear()
    found = report(run(**{"ask.reward.timeout_seconds": 1, "ask.max_pairs": 0}))
    assert (CALLS, found["samples"]["made"], found["samples"]["replayed"]) == ([], 0, 6)


def test_two_equal_questions_of_one_prompt_stay_two_samples(folder):
    (folder / "recipe.yaml").write_text(RECIPE.replace("test_engine:Ask", "test_engine:Twice"))
    prompts("fine")
    stage = run()
    assert len(CALLS) == 2
    assert len({record["key"] for record in logged(stage)}) == 2


class Twice(Ask):
    """Asks the same again."""

    async def synthesize(self, prompt: Prompt, ctx: Context) -> object:
        """Sample, sample."""
        said = [(await ctx.sample(self.generator, prompt.messages))[0] for _ in range(2)]
        return [Demonstration(prompt=prompt.messages, completion=c.text) for c in said]


# -- crashes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 30])
def test_a_torn_last_line_costs_that_answer_only(cut, folder):
    prompts(*(f"fine {i}" for i in range(5)))
    stage = run(**{"ask.concurrency": 1})
    rows = tables.read(stage, "demonstrations")
    reopen(stage)
    (packed,) = (stage / "calls").iterdir()
    (stage / "calls" / "main-000001.jsonl").write_bytes(gzip.decompress(packed.read_bytes())[:-cut])  # as a kill would leave it
    packed.unlink()
    CALLS.clear()
    assert tables.read(run(**{"ask.concurrency": 1}), "demonstrations") == rows
    assert len(CALLS) == 1
    assert len(logged(stage)) == 5


def test_a_damaged_answer_in_the_middle_of_the_log_costs_that_answer_only(folder):
    prompts(*(f"fine {i}" for i in range(5)))
    stage = run(**{"ask.concurrency": 1})
    rows = tables.read(stage, "demonstrations")
    reopen(stage)
    (packed,) = (stage / "calls").iterdir()
    texts = gzip.decompress(packed.read_bytes()).splitlines(keepends=True)
    texts[1] = texts[1].replace(b'"completions":[{', b'"completions":[[', 1)
    texts[3] = b"?" * (len(texts[3]) - 1) + b"\n"
    packed.write_bytes(gzip.compress(b"".join(texts)))
    CALLS.clear()
    assert tables.read(run(**{"ask.concurrency": 1}), "demonstrations") == rows
    assert len(CALLS) == 2


def test_lines_are_found_by_offset_before_and_after_packing(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "MEMBER_BYTES", 100)
    log = journal.Journal(tmp_path / "log.jsonl")
    texts = ["é", "\ud800", "line\nbreak", "x" * 5000, *map(str, range(50))]
    offsets = [log.append({"text": text}) for text in texts]
    log.close()
    with log.path.open("ab") as file:
        file.write(b'{"text": "to')
    reader = journal.JournalReader(log.path)
    for _ in range(2):  # plain; and, by the same reader, packed
        assert [json.loads(reader.at(offset))["text"] for offset in offsets] == texts
        assert [offset for offset, _ in reader.lines()] == offsets
        if log.path.exists():
            journal.pack(log.path)
    assert [offset for offset, _ in journal.lines(tmp_path / "log.jsonl.gz")] == offsets
    assert len(list(journal.members(tmp_path / "log.jsonl.gz"))) > 5
    assert not log.path.exists()


def test_a_journal_is_mended_by_its_writer_only(tmp_path):
    log = journal.Journal(tmp_path / "log.jsonl")
    log.append({"a": 1})
    with log.path.open("ab") as file:
        file.write(b'{"torn": "' + b"x" * 100_000)
    assert [json.loads(line) for _, line in journal.lines(log.path)] == [{"a": 1}]
    log.close()
    log.append({"b": 2})
    log.close()
    assert lines(log.path) == [{"a": 1}, {"b": 2}]


def row(text):
    return Demonstration(prompt=[{"role": "user", "content": "?"}], completion=text)


def test_rows_count_only_when_the_ledger_names_their_part(tmp_path):
    ledger = Ledger(tmp_path, "main")
    for name in ("a", "b"):
        ledger.add(PromptOutcome(name, "emitted", 1, tallies={"n": 2}), records(name, "s", [row(name)]))
        ledger.commit()
    ledger.close()
    journal = tmp_path / "ledger" / "main.jsonl"
    journal.write_bytes(journal.read_bytes()[:-5])  # killed while it wrote the second line
    (tmp_path / "parts" / ".demonstrations-other-000001.parquet.tmp").touch()  # another worker is writing this
    (tmp_path / "parts" / ".demonstrations-main-000003.parquet.tmp").touch()  # and this one was killed
    again = Ledger(tmp_path, "main")
    assert again.outcomes == {"a": PromptOutcome("a", "emitted", 1, tallies={"n": 2}, part="main-000001")}
    left = sorted(path.name for path in (tmp_path / "parts").iterdir())
    assert left == [".demonstrations-other-000001.parquet.tmp", "demonstrations-main-000001.parquet"]
    (tmp_path / "parts" / left[1]).unlink()
    assert Ledger(tmp_path, "main").outcomes == {}, "the files are the truth"


def test_kill_9_in_the_middle_of_a_stage_loses_only_calls_in_flight(folder):
    prompts(*(f"fine {i}" for i in range(60)), "drop")
    (folder / "recipe.yaml").write_text(RECIPE.replace('Counting"}', 'Counting", seconds: 0.02}'))
    slow = {"ask.concurrency": 2, "ask.n": 2}
    whole = run("whole", **slow)
    options = [f"--set={key}={value}" for key, value in slow.items()]
    here = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    child = subprocess.Popen(
        [sys.executable, "-m", "align", "run", "recipe.yaml", "--out", "killed", *options],
        env=os.environ | {"PYTHONPATH": here}, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    calls, deadline = folder / "killed" / "02-ask" / "calls" / "main-000001.jsonl", time.monotonic() + 120
    while child.poll() is None and time.monotonic() < deadline and not (calls.exists() and len(lines(calls)) > 9):
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    killed = calls.parents[1]
    assert not (killed / "done.json").exists()
    paid = calls.read_bytes().count(b"\n")
    assert 10 <= paid < 61
    CALLS.clear()
    run("killed", **slow)
    assert tables.read(killed, "demonstrations") == tables.read(whole, "demonstrations")
    assert lines(killed / "lineage.jsonl") == lines(whole / "lineage.jsonl")
    assert report(killed)["inputs"] == report(killed)["emitted"] + 1 == 61
    assert report(killed)["samples"]["made"] == sum(n for _, n, _ in CALLS) == 2 * (61 - paid)
    keys = [record["key"] for record in logged(killed)]
    assert len(keys) == len(set(keys)) == 61


class Undeclared(Ask):
    """Makes what its class does not say."""

    makes: ClassVar[frozenset[str]] = frozenset({"demonstrations"})

    async def synthesize(self, prompt, ctx):
        return Prompt(messages=prompt.messages)


class TooFew(Reward):
    """Forgets a completion."""

    async def score(self, prompt, completions):
        return [Score(1.0, passed=True)] * (len(completions) - 1)


class NotANumber(Reward):
    """Divides by nothing."""

    async def score(self, prompt, completions):
        return [Score(float("nan"), passed=True) for _ in completions]


SCORED = {"kind": "rejection_sampling", "prompts": "prompts", "generator": "g", "samples": 2}


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (
            {"kind": "test_engine:Undeclared"},
            r"'test_engine:Undeclared' made prompts, and its class says makes =",
        ),
        (
            SCORED | {"reward": "test_engine:TooFew"},
            "reward 'test_engine:TooFew' gave 1 scores for 2 completions; one each",
        ),
        (
            SCORED | {"reward": "test_engine:NotANumber"},
            r"ValueError: a score with `passed` is not a number \(NaN\); return Score.ungraded",
        ),
    ],
)
def test_a_plug_in_that_breaks_its_word_stops_the_stage_with_a_sentence(folder, stage, said):
    Path("prompts.jsonl").write_text('{"prompt": "a"}\n{"prompt": "b"}\n')
    generators = {"g": {"kind": "scripted", "default": "yes"}}
    stages = {"prompts": {"kind": "load", "path": "prompts.jsonl"}, "made": {"prompts": "prompts", **stage}}
    Path("recipe.yaml").write_text(json.dumps({"name": "x", "base": "./m", "generators": generators, "stages": stages}))
    with pytest.raises(StageFailed, match=said):
        Recipe.load("recipe.yaml").run("out")
