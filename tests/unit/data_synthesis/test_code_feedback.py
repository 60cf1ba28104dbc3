"""Execution feedback for code on scripted answers: which tests judge, which solutions are kept, and what is refused."""

import json
import re
import shutil

import pytest

from align.core import tables
from align.core.errors import RecipeError, StageFailed
from align.core.recipe import Recipe

TASK = "Write a Python function `def double(x):` that returns twice its argument."


def block(text):
    return f"Here it is:\n```python\n{text}\n```"


RIGHT = block("def double(x):\n    return 2 * x")
ALSO_RIGHT = block("def double(x):\n    # by adding\n    return x + x")
SAME_TREE = block('def double(x):\n    """Twice."""\n    return 2*x')
SQUARE = block("def double(x):\n    return x * x")
BROKEN = block("def double(x)\n    return 2 * x")
LOOPS = block("def double(x):\n    while x: pass\n    return 0")
NOTHING = block("").replace("```python\n\n```", "```\n\n```")
TESTS = block("assert double(2) == 4\nassert double(3) == 6\nassert double(0) == 0")


@pytest.fixture
def made(tmp_path):
    """Run the stage over prompts; return demonstrations, pairs, report and lineage notes."""

    def run(solutions, tests=(), prompts=({"prompt": TASK},), repairs=(), **fields):
        (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(p) + "\n" for p in prompts))
        replies = {"it fails": list(repairs), "Do not solve": list(tests), "": list(solutions)}
        generators = {"coder": {"kind": "scripted", "replies": {k: v for k, v in replies.items() if v}}}
        stage = {"kind": "execution_feedback", "mode": "code", "prompts": "prompts", "generator": "coder"}
        stage |= {"samples": len(solutions), "test_samples": len(tests) or 1}
        stage |= {"sandbox": {"workers": 2, "limits": {"cpu_seconds": 0.5}}, "max_new_tokens": 200, **fields}
        stages = {"prompts": {"kind": "load", "path": "prompts.jsonl"}, "code": stage}
        (tmp_path / "recipe.yaml").write_text(
            json.dumps({"name": "x", "base": "./m", "generators": generators, "stages": stages})
        )
        Recipe.load(tmp_path / "recipe.yaml").run(tmp_path / "out")
        out = tmp_path / "out" / "02-code"
        said = [row.completion[0]["content"] for row in tables.read(out, "demonstrations")]
        pairs = [(row.chosen[0]["content"], row.rejected[0]["content"]) for row in tables.read(out, "preferences")]
        notes = [json.loads(line)["note"] for line in (out / "lineage.jsonl").read_text().splitlines()]
        return said, pairs, json.loads((out / "report.json").read_text()), notes

    return run


def test_given_tests_judge_as_they_are(made):
    prompts = [{"prompt": TASK, "tests": ["assert double(2) == 4", "assert double(3) == 6"]}]
    said, pairs, report, notes = made([BROKEN, SQUARE, RIGHT, LOOPS, NOTHING], prompts=prompts, max_pairs=5)
    assert said == [RIGHT]
    assert pairs == [(RIGHT, SQUARE)], "a program that does not load, or never ends, is no near miss"
    assert report["tallies"]["answers without a program"] == 1
    assert {k: v for k, v in report["tallies"].items() if k.startswith("solutions: ")} == {
        "solutions: load_error": 1, "solutions: fail": 1, "solutions: pass": 1, "solutions: timeout": 1,
    }  # fmt: skip
    assert all(note["given"] and note["sandbox"] == "kernel" and len(note["tests"]) == 16 for note in notes)


def test_values_may_be_given_instead_of_code(made):
    prompts = [{"prompt": TASK, "tests": [{"args": [2], "returns": 4}, {"args": [1.5], "returns": 3.0}]}]
    said, pairs, _, _ = made([SQUARE, RIGHT], prompts=prompts)
    assert (said, pairs) == ([RIGHT], [(RIGHT, SQUARE)])


def test_whole_programs_may_be_judged_by_what_they_print(made):
    prompts = [{"prompt": "Read n and print 2n.", "tests": {"inputs": ["2\n", "3\n"], "outputs": ["4\n", "6\n"]}}]
    right, wrong = block("print(2 * int(input()))"), block("print(int(input()) ** 2)")
    split = "\n".join(block(text) for text in ("def twice(n):\n    return n + n", "print(twice(int(input())))"))
    said, pairs, report, _ = made([wrong, right, split], prompts=prompts, max_demonstrations=None)
    assert (said, pairs) == ([right, split], [(right, wrong)])
    assert report["tallies"]["solutions: pass"] == 2


ADD = {
    "cpp": ("int add(int a, int b) {{ return a {} b; }}", "int add(int a, int b)"),
    "javascript": ("const add = (a, b) => a {} b;", "function add(a, b)"),
}
TWICE = {
    "cpp": "#include <iostream>\nint main() {{ long n; std::cin >> n; std::cout << {}; }}",
    "javascript": "const n = +require('fs').readFileSync(0, 'utf8');\nconsole.log({});",
}


@pytest.mark.parametrize("language", ADD)
def test_programs_in_other_languages_are_judged_by_calls_and_by_what_they_print(language, made):
    tool = {"cpp": "g++", "javascript": "node"}[language]
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")

    def fenced(source):
        return f"Here:\n\n```{language}\n{source}\n```\n"

    calls = [{"call": [1, 2], "returns": 3, "language": language}, {"call": [5, 5], "returns": 10, "language": language}]
    for entry in calls:
        entry["entry_point"] = "add"
    right, wrong = (fenced(ADD[language][0].format(sign)) for sign in "+*")
    prints = [{"stdin": "4\n", "stdout": "8\n", "language": language}]
    prints_right, prints_wrong = (fenced(TWICE[language].format(value)) for value in ("2 * n", "n * n"))
    prompts = [{"prompt": "Write a function.", "tests": calls}, {"prompt": "Write a program.", "tests": prints}]
    sandbox = {"workers": 1, "level": "full"}
    try:
        said, pairs, report, notes = made([wrong, right, prints_wrong, prints_right], prompts=prompts, sandbox=sandbox)
    except StageFailed as error:
        if "does not start at level 'full'" not in str(error):
            raise
        pytest.skip(str(error))
    assert said == [right, prints_right], report
    assert {rejected for _, rejected in pairs} <= {wrong, prints_wrong, right, prints_right}
    assert all(note["sandbox"] == "full" for note in notes)


def test_what_is_lacking_to_judge_is_counted_by_what_it_takes(made):
    klass = [{"code": "s = Stack()\ns.push(1)\nassert s.pop() == 1"}]
    wanted = {
        "sandbox: {together: true}": (klass, block("class Stack(list):\n    push = list.append")),
        "sandbox: {level: full}": ([{"stdin": "1", "stdout": "1", "language": "js"}], "```js\nconsole.log(1)\n```"),
    }
    for lacks, (tests, answer) in wanted.items():
        with pytest.raises(StageFailed, match=re.escape(f"1 x the given tests judge nothing without {lacks}")):
            made([answer], prompts=[{"prompt": "Write it.", "tests": tests}])


def test_rows_that_were_judged_in_one_process_say_that_it_could_be_forged(made):
    tests = ["s = Stack()\ns.push(1)\nassert s.pop() == 1"]
    right, wrong = block("class Stack(list):\n    push = list.append"), block("class Stack(list):\n    push = print")
    prompts = [{"prompt": "Write a stack.", "tests": tests}]
    sandbox = {"workers": 1, "together": True}
    said, pairs, report, notes = made([wrong, right], prompts=prompts, sandbox=sandbox)
    assert (said, pairs) == ([right], [(right, wrong)])
    assert [note["trust"] for note in notes] == ["forgeable", "forgeable"]
    assert report["tallies"]["verdicts that could be forged (trust: forgeable)"] == 2
    judged_apart = [{"prompt": TASK, "tests": ["assert double(2) == 4"]}]
    assert all("trust" not in note for note in made([RIGHT], prompts=judged_apart, sandbox=sandbox)[3])


def test_written_tests_are_validated_and_the_largest_agreement_wins(made):
    wrong_test = block("assert double(2) == 5")
    said, pairs, report, notes = made([SQUARE, RIGHT, ALSO_RIGHT, SAME_TREE], [TESTS, wrong_test])
    assert said == [RIGHT]
    assert pairs == [(RIGHT, SQUARE)]
    tallies = {k: v for k, v in report["tallies"].items() if k.startswith("tests: ")}
    assert tallies == {"tests: validated": 3, "tests: too few solutions pass it": 1}
    assert notes[0]["validated tests"] == 3
    assert notes[0]["score"] == pytest.approx(3 * 3**0.5), "three tests, three solutions: CodeT counts duplicates"


def test_all_that_differ_are_kept_when_asked_for(made):
    said, _, _, _ = made([SQUARE, RIGHT, SAME_TREE, ALSO_RIGHT], [TESTS], max_demonstrations=None)
    assert said == [RIGHT, ALSO_RIGHT], "one syntax tree is one solution"


def test_a_test_that_nothing_fails_does_not_judge(made):
    vacuous = block("assert double(1) is not None or True\nassert isinstance(double(2), int)\nassert double(2) == 4")
    said, _, report, _ = made([RIGHT, ALSO_RIGHT, SQUARE], [vacuous], tests_per_sample=9)
    tallies = {k: v for k, v in report["tallies"].items() if k.startswith("tests: ")}
    assert tallies == {"tests: passes what returns nothing": 1, "tests: nothing fails it": 1, "tests: validated": 1}
    assert said == [RIGHT]


def test_a_flaky_test_is_found_by_running_it_again(made):
    flaky = block(
        "\n".join(["import time", *[f"assert double({n}) == {2 * n} and time.time_ns() // 1000 % 2 == 0" for n in range(9)]])
    )
    prompts = [{"prompt": f"{TASK} ({n})"} for n in range(6)]  # one is dropped when a flaky test is validated by luck
    report = made([RIGHT, ALSO_RIGHT, RIGHT, SQUARE], [flaky, TESTS], prompts, tests_per_sample=9)[2]
    assert report["tallies"]["tests: flaky"] > 0, "nine tests that hold in every other microsecond"


@pytest.mark.parametrize(
    ("solutions", "tests", "why"),
    [
        ([NOTHING], [TESTS], "no answer holds a program"),
        ([RIGHT, ALSO_RIGHT], [NOTHING], "no test was written"),
        ([RIGHT, SQUARE], [block("assert double(3) == 6")], "no written test is validated"),
    ],
)
def test_a_prompt_is_dropped_for_a_reason(solutions, tests, why, made, tmp_path):
    with pytest.raises(Exception, match="no prompt gave a row"):
        made(solutions, tests)
    dropped = (tmp_path / "out" / "02-code" / "dropped.jsonl").read_text()
    assert json.loads(dropped)["reason"] == why


def test_a_failing_solution_is_shown_its_failure_and_mended(made):
    prompts = [{"prompt": TASK, "tests": ["assert double(3) == 6"]}]
    said, pairs, report, notes = made([SQUARE], prompts=prompts, repairs=[RIGHT], repair=2)
    assert (said, pairs) == ([RIGHT], [(RIGHT, SQUARE)])
    assert report["tallies"]["solutions repaired"] == 1
    assert notes[0]["repaired"]


def test_tests_that_are_broken_judge_nobody(made, tmp_path):
    with pytest.raises(Exception, match="the given tests judge nothing"):
        made([RIGHT, SQUARE], prompts=[{"prompt": TASK, "tests": ["assert double(3) =="]}])


@pytest.mark.parametrize(("fields", "said"), [({"mode": "cod"}, "needs `mode`: code"), ({"mode": None}, "needs `mode`: code")])
def test_a_mode_that_there_is_not_is_refused(fields, said, made):
    with pytest.raises(RecipeError, match=said):
        made([RIGHT], **fields)


def test_a_level_that_the_machine_lacks_stops_the_stage(made):
    with pytest.raises(Exception, match="package"):
        made([RIGHT], [TESTS], sandbox={"packages": ["a_package_that_there_is_not"]})
