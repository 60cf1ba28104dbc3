"""What the documents show is what runs."""

import json
import re
import sys

import pytest

from align import Prompt, Recipe
from align.cli import _parser
from align.core import tables
from reward.execution import tests as program_tests

RECIPE = """
name: doc
base: ./none
generators:
  writer: {{kind: scripted, replies: {{"weather": ["Sunny.", "It is sunny today."]}}, default: "Yes."}}
stages:
  questions: {{kind: load, path: questions.jsonl}}
  shown: {{kind: "{module}:Shorter", prompts: questions, generator: writer}}
"""


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("page", ["README.md", "docs/plugins.md"])
def test_the_plug_in_on_the_page_runs(root, tmp_path, page):
    code = next(block for block in blocks((root / page).read_text(), "python") if "class Shorter" in block)
    module = f"shown_{page.replace('/', '_').partition('.')[0].lower()}"
    (tmp_path / f"{module}.py").write_text(code)
    (tmp_path / "questions.jsonl").write_text('{"prompt": "How is the weather?"}\n{"prompt": "Are you well?"}\n')
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(module=module))
    report = Recipe.load(tmp_path / "recipe.yaml").run(tmp_path / "run")
    (pair,) = tables.read(report.stage("shown"), "preferences")
    assert pair.chosen == [{"role": "assistant", "content": "Sunny."}]
    assert json.loads((report.stage("shown") / "report.json").read_text())["dropped"] == {"equally long": 1}


def test_the_rows_in_other_languages_on_the_page_are_read(root):
    section = (root / "docs/programs.md").read_text().split("### Other languages", 1)[1].split("\n## ", 1)[0]
    shown = re.findall(r'^    (\{"prompt".*?\}\]\})$', section, re.DOTALL | re.MULTILINE)
    rows = [json.loads(row) for row in shown]
    prompts = [Prompt(messages=[{"role": "user", "content": row["prompt"]}], tests=row["tests"], id="x") for row in rows]
    cpp, javascript, bash = map(program_tests.parse, prompts)
    assert (cpp.language, cpp.entry_point, [case.arguments for case in cpp.cases]) == ("cpp", "total", [[[1, 2, 3]], [[]]])
    assert (javascript.language, javascript.runs) == ("javascript", [program_tests.ProgramRun("4\n", "8\n")])
    assert (bash.language, bash.runs[0].appended) == ("bash", "[[ $(add 1 2) = 3 ]] || exit 1")


def test_the_test_on_the_page_passes(root, tmp_path, monkeypatch):
    python = blocks((root / "docs/plugins.md").read_text(), "python")
    monkeypatch.setattr("sys.path", [str(tmp_path), *sys.path])
    (tmp_path / "my_lab.py").write_text(next(block for block in python if "class Shorter" in block))
    shown: dict = {}
    exec(next(block for block in python if "def test_shorter" in block), shown)
    (tmp_path / "kit").mkdir()
    shown["test_shorter"](tmp_path / "kit")


def test_the_table_synthesizer_on_the_page_runs_and_passes_its_test(root, tmp_path, monkeypatch):
    python = blocks((root / "docs/plugins.md").read_text(), "python")
    code = next(block for block in python if "class Shortest" in block)
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
    monkeypatch.setattr("sys.path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "my_lab", raising=False)
    (tmp_path / "my_lab.py").write_text(code)
    shown: dict = {}
    exec(next(block for block in python if "def test_shortest" in block), shown)
    (tmp_path / "kit").mkdir()
    shown["test_shortest"](tmp_path / "kit")
    kept = tables.read(tmp_path / "kit" / "runs" / "clean" / "02-made", "demonstrations")
    assert [row.completion[0]["content"].count("Yes.") for row in kept] == [1, 3, 5, 7]


def test_the_task_on_the_page_measures(root, tmp_path, monkeypatch):
    code = next(block for block in blocks((root / "docs/plugins.md").read_text(), "python") if "class Whispering" in block)
    (tmp_path / "shown_task.py").write_text(code)
    talker = {"kind": "scripted", "replies": {"rain": "it is wet.", "snow": "It is cold."}, "default": ""}
    task = {"kind": "shown_task:Whispering", "words": ["rain", "snow", "hail"]}
    stage = {"kind": "evaluate", "models": [{"generator": "talker"}], "tasks": [task | {"name": "whispering"}]}
    recipe = {"name": "doc", "base": "./none", "generators": {"talker": talker}, "stages": {"scores": stage}}
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    folder = Recipe.load(tmp_path / "recipe.yaml").run(tmp_path / "run").stage("scores")
    scores = json.loads((folder / "scores.json").read_text())["talker"]["whispering"]
    assert (scores["lower case"]["n"], scores["lower case"]["value"]) == (2, 0.5)
    assert scores["not measured"] == {"the answer is empty": 1}


def test_the_recipe_of_deduplication_is_one(root, tmp_path):
    (recipe,) = blocks((root / "docs/deduplication.md").read_text(), "yaml")
    (tmp_path / "recipe.yaml").write_text(recipe)
    rows = [{"prompt": f"Say {word}.", "completion": word} for word in ("one", "two", "ONE")]
    (tmp_path / "chats.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = Recipe.load(tmp_path / "recipe.yaml").run(tmp_path / "run", until="unique")
    assert tables.count(report.stage("unique"), "demonstrations") == 2


def test_the_recipe_and_the_code_of_decontamination_run(root, tmp_path):
    page = (root / "docs/decontamination.md").read_text()
    (recipe,) = blocks(page, "yaml")
    (tmp_path / "recipe.yaml").write_text(recipe)
    question = "Natalia sold clips to 48 of her friends, and then she sold half as many clips in May. How many did she sell?"
    rows = [{"prompt": text, "completion": "72"} for text in (f"Well: {question}", "Say one.")]
    (tmp_path / "chats.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "test.jsonl").write_text(json.dumps({"question": question, "answer": "72"}) + "\n")
    report = Recipe.load(tmp_path / "recipe.yaml").run(tmp_path / "run", until="clean")
    assert tables.count(report.stage("clean"), "demonstrations") == 1
    (code,) = blocks(page, "python")
    shown: dict = {"train": [question], "test": ["Who?", question], "rows": [], "items": []}
    exec(code, shown)
    assert [(match.train_index, match.test_index) for match in shown["matches"]] == [(0, 1)]
    assert (shown["strict"], shown["found"]) == ({1}, {})


def test_the_plug_in_of_the_readme_has_fifteen_lines(root):
    (code,) = (b for b in blocks((root / "README.md").read_text(), "python") if "class Shorter" in b)
    assert len([line for line in code.splitlines() if line.strip()]) <= 15


def test_every_command_on_the_pages_parses(root):
    pages = [root / "README.md", *(root / "docs").glob("*.md")]
    lines = [line for page in pages for line in re.findall(r"^    (align .*?)(?:\s{2,}#.*)?$", page.read_text(), re.MULTILINE)]
    assert len(lines) >= 6
    for line in lines:
        _parser().parse_args(line.split()[1:])


def test_make_targets_and_links_exist(root):
    readme = (root / "README.md").read_text()
    for target in re.findall(r"^    make (\w+)", readme, re.MULTILINE):
        assert re.search(rf"^{target}:", (root / "Makefile").read_text(), re.MULTILINE), target
    for page in [root / "README.md", *(root / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_sandbox_on_the_page_says_what_it_says(root, capsys):
    page = (root / "docs/sandbox.md").read_text()
    (code,) = blocks(page, "python")
    exec(code, {})
    printed = "".join(f"    {line}\n" for line in capsys.readouterr().out.splitlines())
    assert printed in page


def test_the_recipes_of_execution_feedback_are_some(root, tmp_path, tiny):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "SmolLM2-135M-Instruct").symlink_to(tiny)
    (tmp_path / "tasks.jsonl").write_text('{"prompt": "Write `def f(x):`.", "tests": ["assert f(1) == 1"]}\n')
    (tmp_path / "questions.jsonl").write_text('{"question": "Who are you?"}\n')
    names = []
    for recipe in blocks((root / "docs/execution_feedback.md").read_text(), "yaml"):
        (tmp_path / "recipe.yaml").write_text(recipe)
        names += Recipe.load(tmp_path / "recipe.yaml").recipe.stages
    assert {"code", "ideas", "verified", "follow"} <= set(names)
