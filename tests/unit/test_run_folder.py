"""The run folder: what is done is skipped, what changed runs again and says why, and the commands show it."""

import json
import os
import py_compile
import random
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest

from align import Prompt, Reward, Score, StageFailed, UsageError, __version__
from align.cli import main
from align.commands.init import STARTERS
from align.core import tables
from align.core.artifacts import RunFolder
from align.core.recipe import Recipe
from data_synthesis import Context, Synthesizer


class Rephrase(Synthesizer):
    """Asks the same in other words."""

    makes: ClassVar[frozenset[str]] = frozenset({"prompts"})
    manner: str = "Politely"
    """How."""

    async def synthesize(self, prompt: Prompt, ctx: Context) -> Prompt:
        """Put a word before the question."""
        text = f"{self.manner}: {prompt.messages[0]['content']}"
        return Prompt(messages=[{"role": "user", "content": text}], answer=prompt.answer)


class Exact(Reward):
    """Passes an answer that is the gold answer."""

    version: ClassVar[str] = "1"

    async def score(self, prompt, completions):
        return [Score(float(text == prompt.answer), passed=text == prompt.answer) for text in completions]


class Raises(Reward):
    """Cannot score."""

    async def score(self, prompt, completions):
        raise ValueError("no")


RECIPE = """\
name: small
base: ./m
generators:
  writer: {kind: scripted, replies: {"1": ["1", "one"], "2": ["2"], "3": ["three"]}}
stages:
  problems: {kind: load, path: problems.jsonl}
  again: {kind: "test_run_folder:Rephrase", prompts: problems}
  right: {kind: rejection_sampling, prompts: again, generator: writer, samples: 2, reward: {kind: "test_run_folder:Exact"}}
"""
STAGES = ["problems", "again", "right"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps({"prompt": i, "answer": i}) + "\n" for i in "123"))
    return tmp_path


def run(text=RECIPE, **override):
    """Run the recipe; return the names of the stages that ran."""
    Path("recipe.yaml").write_text(text)
    return Recipe.load("recipe.yaml", set=override).run("out").ran


def log_of(capsys):
    return capsys.readouterr().err


def test_a_second_run_skips_everything(folder):
    assert run() == STAGES
    before = {p: p.stat().st_mtime_ns for p in (folder / "out").rglob("*") if p.is_file() and p.parent != folder / "out"}
    assert run() == []
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert {p.name for p in (folder / "out").iterdir()} >= {
        "recipe.yaml",
        "recipe.json",
        "state.json",
        "01-problems",
        "03-right",
    }


@pytest.mark.parametrize(
    ("override", "ran", "said"),
    [
        ({"right.samples": 1}, ["right"], "right        runs again: samples: 2 -> 1"),
        ({"again.manner": "Rudely"}, ["again", "right"], "again        runs again: manner: Politely -> Rudely"),
        ({"problems.limit": 2}, STAGES, "problems     runs again: limit: None -> 2"),
        ({"seed": 5}, STAGES, "problems     runs again: seed: 0 -> 5"),
        ({"generators.writer.default": "hm"}, ["right"], "right        runs again: input generator writer.default"),
        ({"right.reward": {"kind": "math"}}, ["right"], "runs again: reward.kind: test_run_folder:Exact -> math"),
        ({"right.concurrency": 1}, [], ""),
        ({"name": "other"}, [], ""),
    ],
)
def test_a_changed_value_reruns_what_depends_on_it_and_says_so(override, ran, said, folder, capsys):
    run()
    assert run(**override) == ran
    assert said in log_of(capsys)
    assert run(**override) == []


def test_what_a_stage_made_before_is_kept_until_it_has_made_it_again(folder, capsys):
    run()
    before = json.loads((folder / "out/03-right/done.json").read_text())
    with pytest.raises(StageFailed):
        run(RECIPE.replace("test_run_folder:Exact", "test_run_folder:Raises"))
    assert "right        its earlier result is in out/kept/right until it is done" in log_of(capsys)
    assert json.loads((folder / "out/kept/right/done.json").read_text()) == before
    assert tables.count(folder / "out/kept/right", "demonstrations") == 2
    assert (folder / "out/03-right/calls").is_dir(), "calls are paid once"
    with pytest.raises(StageFailed):
        run(**{"problems.limit": 2, "right.reward.kind": "test_run_folder:Raises"})
    assert json.loads((folder / "out/kept/right/done.json").read_text()) == before, "what was never done replaces nothing"
    assert run(**{"problems.limit": 2}) == ["right"]
    assert not (folder / "out/kept/right").exists()


def test_a_setting_that_is_taken_back_costs_nothing(folder, capsys):
    run()
    with pytest.raises(StageFailed):
        run(RECIPE.replace("test_run_folder:Exact", "test_run_folder:Raises"))
    assert run() == []
    assert "right        is again what it was before; nothing to do" in log_of(capsys)
    assert tables.count(folder / "out/03-right", "demonstrations") == 2
    assert (folder / "out/03-right/calls").is_dir()


def test_dependants_say_which_input_changed(folder, capsys):
    run()
    run(**{"again.manner": "Rudely"})
    assert "right        runs again: input again" in log_of(capsys)


def test_the_content_of_a_data_file_counts_and_its_date_does_not(folder, capsys):
    run()
    os.utime("problems.jsonl", (1, 1))
    assert run() == []
    text = Path("problems.jsonl").read_text()
    Path("problems.jsonl").write_text(text.replace("3", "4"))
    assert run() == STAGES
    assert "problems     runs again: input problems.jsonl" in log_of(capsys)
    prompts = tables.read(folder / "out" / "01-problems", "prompts")
    assert [p.answer for p in prompts] == ["1", "2", "4"]


def test_the_version_of_a_stage_and_of_a_plug_in_inside_it_count(folder, capsys, monkeypatch):
    run()
    monkeypatch.setattr(Rephrase, "version", "2")
    assert run() == ["again", "right"]
    assert "again        runs again: version: 1 -> 2" in log_of(capsys)
    monkeypatch.setattr(Exact, "version", "2")
    assert run() == ["right"]
    assert "right        runs again: versions.reward: 1 -> 2" in log_of(capsys)


def test_an_unrelated_stage_reruns_nothing_wherever_it_is_inserted(folder):
    run()
    first = RECIPE.replace("stages:\n", "stages:\n  extra: {kind: load, path: problems.jsonl}\n")
    Path("recipe.yaml").write_text(first)
    before = Recipe.load("recipe.yaml")
    assert [line.split()[-1] for line in plan(before).splitlines()[-3:]] == ["yes"] * 3, "`check` looks past the numbers"
    assert run(first) == ["extra"]
    assert sorted(p.name for p in (folder / "out").glob("[0-9]*")) == ["01-extra", "02-problems", "03-again", "04-right"]
    assert run(first) == []
    assert run() == [], "and taking it out again reruns nothing either"


def plan(loaded):
    from align.commands import check

    return check.plan(loaded, "out")


def test_until_and_only(folder):
    Path("recipe.yaml").write_text(RECIPE)
    recipe = Recipe.load("recipe.yaml")
    with pytest.raises(UsageError, match="stage 'problems' before it is not done; run it first"):
        recipe.run("out", only="right")
    assert recipe.run("out", until="again").ran == ["problems", "again"]
    assert recipe.run("out", only="right").ran == ["right"]
    with pytest.raises(UsageError, match="no stage 'wrong'; the recipe has: problems, again, right"):
        recipe.run("out", until="wrong")


@pytest.mark.parametrize("state", ["killed while it cleared a stale folder", "killed before it was marked done"])
def test_a_killed_stage_never_passes_for_a_finished_one(state, folder):
    run()
    right = folder / "out" / "03-right"
    expected = tables.read(right, "demonstrations")
    (right / "done.json").unlink()
    if state.startswith("killed while"):  # its ledger is of another recipe, and must not be read as this one's
        (right / "stage.json").unlink()
        ledger = right / "ledger" / "main.jsonl"
        ids = [json.loads(line)["id"] for line in ledger.read_text().splitlines()]
        ledger.write_text("".join(json.dumps({"id": i, "outcome": "dropped", "why": "old"}) + "\n" for i in ids))
    assert run() == ["right"]
    assert tables.read(right, "demonstrations") == expected


def test_a_failed_stage_says_which_why_and_where_its_log_is(folder, capsys):
    Path("recipe.yaml").write_text(RECIPE.replace("test_run_folder:Exact", "math").replace("problems.jsonl", "bad.jsonl"))
    Path("bad.jsonl").write_text('{"prompt": "1, without an answer"}\n')
    assert main(["run", "recipe.yaml", "--out", "out"]) == 1
    said = capsys.readouterr().err
    assert "stage 'right' failed: 1 of 1 prompts failed, 1 with: ValueError: row " in said
    assert "has no answer to compare with" in said
    assert f"log: {Path('out/03-right/log.txt')}\n  run the same command again to resume" in said
    assert "Traceback" not in said
    assert main(["status", "out"]) == 0
    assert [line.split()[2] for line in capsys.readouterr().out.splitlines()[4:7]] == ["done", "done", "failed"]


def test_status_peek_and_check_show_what_is_there(folder, capsys):
    run()
    run(**{"right.samples": 1})
    capsys.readouterr()
    assert main(["status", "out"]) == 0
    status = capsys.readouterr().out
    assert status.startswith("out: small, seed 0\n")
    assert [line.split()[:3] for line in status.splitlines()[4:]] == [
        ["problems", "load", "done"],
        ["again", "test_run_folder:Rephrase", "done"],
        ["right", "rejection_sampling", "done"],
    ]
    assert "inputs 3; emitted 2; rows: 2 demonstrations; dropped: 1 no sample is right" in status
    assert main(["check", "recipe.yaml", "--out", "out"]) == 0, "the file still asks for 2 samples"
    checked = capsys.readouterr().out.splitlines()[4:]
    assert [line.split("  ")[-1].strip() for line in checked] == ["yes", "yes", "runs again: samples: 1 -> 2"]
    assert "again, writer" in checked[2]
    assert "demonstrations, preferences" in checked[2]
    assert main(["peek", "out", "right", "-n", "1"]) == 0
    peek = capsys.readouterr().out
    assert "demonstrations: 2 rows" in peek
    assert peek.count("  id ") == 1
    assert "user     | Politely: 1\n    assistant| 1\n" in peek
    assert "dropped: 1\n       1  no sample is right  (such as 'Politely: 3')" in peek
    for wrong in (["peek", "out", "rigth"], ["status", "."], ["peek", ".", "right"]):
        assert main(wrong) == 2
    said = capsys.readouterr().err
    assert "no stage 'rigth'; did you mean 'right'?" in said
    assert ". is not a run folder" in said


def test_status_tells_running_failed_and_interrupted_apart(folder, capsys):
    with pytest.raises(StageFailed):
        run(RECIPE.replace("test_run_folder:Exact", "test_run_folder:Raises"))

    def states():
        capsys.readouterr()
        assert main(["status", "out"]) == 0
        out = capsys.readouterr().out
        return [line.split()[2] for line in out.splitlines()[4:7]], out

    found, out = states()
    assert found == ["done", "done", "failed"]
    assert "right failed: 3 of 3 prompts failed, 3 with: ValueError: no" in out
    assert "  log: out/03-right/log.txt" in out
    runs, recipe = RunFolder.open("out")
    with runs.lock():
        place = runs.begin("right", recipe)
        (place / "live.txt").write_text("right 1/3, 5s left  loss 0.5")
        found, out = states()
        assert found == ["done", "done", "running"]
        assert "right 1/3, 5s left loss 0.5" in out
        assert f"process {os.getpid()} works on it" in out
    assert states()[0] == ["done", "done", "interrupted"], "as it is when the process was killed"
    assert run() == ["right"]
    assert states()[0] == ["done", "done", "done"]
    assert not [path for path in place.iterdir() if path.name in ("live.txt", "failed.json")]


def test_explain_lists_the_kinds_and_the_fields_of_each(capsys):
    assert main(["explain"]) == 0
    out = capsys.readouterr().out
    for heading in ("stages:", "generators:", "rewards:", "optimizers:"):
        assert heading in out
    kinds = [line.split()[0] for line in out.splitlines() if line.startswith("  ")]
    assert {"load", "rejection_sampling", "dpo", "scripted", "math", "online_merging"} <= set(kinds)
    for kind in kinds:
        assert main(["explain", kind]) == 0
    fields = capsys.readouterr().out
    assert "temperature  (default 0.7, at least 0)\n      RFT samples at 0.7" in fields
    assert "generator  (refers to generator, required)" in fields
    assert (
        "  lora  (default null)\n      Train low-rank adapters instead of all weights.\n      r  (default 16, at least 1)"
        in fields
    )
    assert main(["explain", "dpoo"]) == 2
    assert "no kind or field 'dpoo'; did you mean 'dpo'?" in capsys.readouterr().err


def test_explain_knows_fields_plug_ins_and_shipped_recipes(folder, capsys):
    plug_in = 'from test_run_folder import Rephrase\nclass Shorter(Rephrase):\n    "Cuts."\n'
    (folder / "my_words.py").write_text(plug_in)
    for asked, said in (
        ("accelerate", "a recipe:\n  accelerate  (default null)\n      Present: every training stage"),
        ("beta", "dpo, online_dpo:\n  beta  (default 0.1"),
        ("evaluate", "      max_tax  (default null)\n          The largest alignment tax allowed"),
        ("win_rate", "win_rate (task, align.evaluate.tasks.win_rate:WinRateTask"),
        ("my_words:Shorter", "my_words:Shorter (stage, my_words:Shorter, version 1)\n\nCuts."),
        ("quickstart", "# The whole chain in minutes on a CPU"),
    ):
        assert main(["explain", asked]) == 0
        assert said in capsys.readouterr().out
    assert main(["explain", "my_words:Shortr"]) == 2
    assert "module 'my_words' has no 'Shortr'; did you mean 'Shorter'?" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"align {__version__}\n"
    sys.modules.pop("my_words")


def test_what_is_done_can_be_seen_and_taken_without_anything_that_made_it(folder, tiny, capsys):
    """The plug-in, the rows and the base are gone, and the folder has moved: its own records are enough."""
    shutil.copytree(tiny, "base")
    Path("lost_plug.py").write_text("from test_run_folder import Rephrase\n\nclass Mine(Rephrase):\n    pass\n")
    text = RECIPE.replace("./m", "./base").replace("test_run_folder:Rephrase", "lost_plug:Mine")
    run(text + "  copy: {kind: export, model: base}\n")
    for gone in ("base", "lost_plug.py", "problems.jsonl", "recipe.yaml"):
        shutil.rmtree(gone) if Path(gone).is_dir() else Path(gone).unlink()
    sys.modules.pop("lost_plug")
    Path("out").rename("moved")
    capsys.readouterr()
    assert main(["status", "moved"]) == 0
    said = capsys.readouterr().out
    assert [line.split()[:3] for line in said.splitlines()[4:8]] == [
        ["problems", "load", "done"],
        ["again", "lost_plug:Mine", "done"],
        ["right", "rejection_sampling", "done"],
        ["copy", "export", "done"],
    ]
    assert "the stages could not be compared with the recipe as it is now: moved/recipe.json can no longer be read" in said
    assert "there is no module 'lost_plug'" in said
    assert main(["peek", "moved", "again"]) == 0
    assert "Politely: 1" in capsys.readouterr().out
    assert main(["export", "moved", "taken", "--stage", "copy"]) == 0
    assert "loads with plain transformers to the same logits" in capsys.readouterr().out
    assert "| copy | export |" in Path("taken/README.md").read_text()


@pytest.mark.parametrize("kind", ["recipe", "sft", "dpo", "synthesizer", "reward"])
def test_a_starter_is_a_recipe_that_checks_and_the_plug_ins_run(kind, folder, capsys):
    for source in (STARTERS / kind).glob("*.py"):
        py_compile.compile(str(source))  # as pip does when it installs
    assert main(["init", "mine", "--kind", kind]) == 0
    assert "next: align check mine/my_recipe.yaml" in capsys.readouterr().out
    assert all(p.is_file() for p in Path("mine").iterdir())
    assert main(["check", "mine/my_recipe.yaml"]) == 0
    if kind in ("sft", "dpo"):
        assert main(["run", "mine/my_recipe.yaml", "--out", "out", "--until", {"sft": "rows", "dpo": "pairs"}[kind]]) == 0
        assert not next((folder / "out").glob("01-*/dropped.jsonl")).read_text()
    if kind in ("synthesizer", "reward"):
        assert main(["run", "mine/my_recipe.yaml", "--out", "out"]) == 0
        last = sorted((folder / "out").glob("[0-9]*"))[-1]
        assert sum(tables.count(last, table) for table in tables.held(last)) > 0
    for name in sys.modules.copy():
        if name in ("my_reward", "my_synthesizer"):
            del sys.modules[name]


def test_init_overwrites_nothing(folder, capsys):
    (folder / "my_reward.py").write_text("mine")
    assert main(["init", ".", "--kind", "reward"]) == 2
    assert "my_reward.py exists; nothing was written" in capsys.readouterr().err
    assert (folder / "my_reward.py").read_text() == "mine"
    assert not (folder / "my_recipe.yaml").exists()


PLUG_IN = """\
from align import Completion, Generator

class Shout(Generator):
    '''Answers in capitals.'''
    mark: str = "!"
    '''What ends a shout.'''

    async def generate(self, messages, sampling):
        return [Completion(messages[-1]["content"].upper() + self.mark, "stop")] * sampling.n
"""


def align(*arguments, **env):
    """Run the command in a process of its own, started in the current folder."""
    return subprocess.run(
        [sys.executable, "-m", "align", *arguments], env=os.environ | env, capture_output=True, text=True, check=False
    )


SHOUTED = """\
name: shouted
base: ./m
generators: {writer: {kind: "%s", mark: "?!"}}
stages:
  problems: {kind: load, path: problems.jsonl}
  s: {kind: "my_stage:Ask", prompts: problems, generator: writer}
"""
ASK = """\
from typing import Annotated, ClassVar
from align import Demonstration, Ref
from data_synthesis import Synthesizer

class Ask(Synthesizer):
    makes: ClassVar[frozenset[str]] = frozenset({"demonstrations"})
    generator: Annotated[str, Ref("generator")]

    async def synthesize(self, prompt, ctx):
        said, = await ctx.sample(self.generator, prompt.messages)
        return Demonstration(prompt=prompt.messages, completion=said.text)
"""


def test_a_plug_in_beside_the_recipe_needs_no_registration(folder):
    (folder / "beside").mkdir()
    for name, text in {"my_lab.py": PLUG_IN, "my_stage.py": ASK, "r.yaml": SHOUTED % "my_lab:Shout"}.items():
        (folder / "beside" / name).write_text(text)
    (folder / "problems.jsonl").rename(folder / "beside" / "problems.jsonl")
    done = align("run", "beside/r.yaml", "--out", "out")
    assert done.returncode == 0, done.stderr
    rows = tables.read(folder / "out" / "02-s", "demonstrations")
    assert [r.completion[0]["content"] for r in rows] == ["1?!", "2?!", "3?!"]


def test_an_installed_plug_in_is_found_by_the_name_of_its_entry_point(folder):
    site, info = folder / "site", folder / "site" / "lab-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "lab_voices.py").write_text(PLUG_IN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lab\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[align.plugins]\nshout = lab_voices:Shout\n")
    (folder / "my_stage.py").write_text(ASK)
    (folder / "r.yaml").write_text(SHOUTED % "shout")
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = align("run", "r.yaml", "--out", "out", PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    rows = tables.read(folder / "out" / "02-s", "demonstrations")
    assert [r.completion[0]["content"] for r in rows] == ["1?!", "2?!", "3?!"]
    listed = align("explain", PYTHONPATH=path)
    assert listed.stdout.count("shout                Answers in capitals.") == 1, listed.stderr
    shown = align("explain", "shout", PYTHONPATH=path)
    assert "shout (generator, lab_voices:Shout, version 1)" in shown.stdout, shown.stderr
    (folder / "r.yaml").write_text(SHOUTED % "shuot")
    wrong = align("check", "r.yaml", PYTHONPATH=path)
    assert (wrong.returncode, wrong.stderr) == (
        2,
        "r.yaml:3: generators.writer.kind: unknown kind 'shuot'; did you mean 'shout'?\n",
    )


def test_a_folder_in_use_is_left_alone_until_the_last_process_is_gone(folder):
    Path("recipe.yaml").write_text(RECIPE)
    loaded = Recipe.load("recipe.yaml")
    runs = RunFolder("out", loaded.folder)
    with runs.lock() as lock:  # as a training process inherits it; then the `align run` that started it is gone
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=[lock])
    with pytest.raises(UsageError, match="another `align run` works in out"):
        loaded.run("out")
    assert not (folder / "out" / "recipe.json").exists()
    child.kill()
    child.wait()
    assert loaded.run("out").ran == STAGES


def test_a_full_disk_ends_the_stage_with_a_sentence_and_nothing_half_written(folder):
    """A limit on the size of files is what a process may set itself; the error is of the same kind."""
    rows = "".join(json.dumps({"prompt": random.Random(i).randbytes(500).hex()}) + "\n" for i in range(200))
    Path("problems.jsonl").write_text(rows)
    Path("recipe.yaml").write_text("name: x\nbase: ./m\nstages: {problems: {kind: load, path: problems.jsonl}}\n")
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # noqa: E731
    command = [sys.executable, "-m", "align", "run", "recipe.yaml", "--out", "out"]
    done = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "stage 'problems' failed: " in done.stderr
    assert "File too large; free some space and run the same command again: what is done is kept" in done.stderr
    assert "Traceback" not in done.stderr
    left = {path.name for path in (folder / "out/01-problems").iterdir()}
    assert left == {"stage.json", "log.txt", "dropped.jsonl", "failed.json"}
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_run_folder_that_cannot_be_made_is_a_sentence(folder, capsys):
    for place, said in (("problems.jsonl/out", "Not a directory"), ("/proc/out", "No such file or directory")):
        Path("recipe.yaml").write_text(RECIPE)
        assert main(["run", "recipe.yaml", "--out", place]) == 1
        assert capsys.readouterr().err.strip().startswith(f"{place}: {said}")


def test_export_of_something_that_is_no_model_is_a_sentence(folder, capsys):
    assert main(["export", "./nothing", "to"]) == 2
    assert "./nothing cannot be loaded as a chat model: " in capsys.readouterr().err


def test_an_input_that_is_not_there_any_more_makes_nothing_stale(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").write_text('{"prompt": "Who?"}\n')
    Path("r.yaml").write_text("name: x\nbase: ./base\nstages:\n  rows: {kind: load, path: rows.jsonl}\n")
    assert main(["run", "r.yaml", "--out", "out"]) == 0
    Path("rows.jsonl").rename("kept.jsonl")
    capsys.readouterr()
    assert main(["status", "out"]) == 0
    said = capsys.readouterr().out
    assert [line.split()[:3] for line in said.splitlines()[4:5]] == [["rows", "load", "done"]]
    assert "no longer there: rows.jsonl; results made from it are kept" in said
    Path("rows.jsonl").write_text('{"prompt": "Which?"}\n')
    assert main(["status", "out"]) == 0
    assert "stale" in capsys.readouterr().out
