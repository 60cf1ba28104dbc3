"""HumanEval, MBPP and MultiPL-E: what the model is asked, which program runs, and what cannot be measured."""

import json
import shutil

import pytest
from scripted_run import measured

from align import StageFailed
from align.evaluate.tasks.humaneval import HumanEval
from align.evaluate.tasks.multipl_e import MultiPLE
from reward.sandbox import Sandbox, SandboxUnavailable

TASKS = [
    {
        "task_id": "HumanEval/0",
        "prompt": 'def twice(x: int) -> int:\n    """Return x two times.\n    >>> twice(2)\n    4\n    """\n',
        "canonical_solution": "    return 2 * x\n",
        "test": "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(-1) == -2\n",
        "entry_point": "twice",
    },
    {"task_id": "HumanEval/1", "prompt": "def half(x):\n", "canonical_solution": "    return x / 2\n", "test": "",
     "entry_point": "half"},
]  # fmt: skip
SMALL = [
    {
        "task_id": 11, "text": "Write a function to add two numbers.", "code": "def add(a, b):\r\n  return a + b",
        "test_setup_code": "one = 1",
        "test_list": ["assert add(one, 2) == 3", "assert add(0, 0) == 0", "assert add(2, 2) == 4"],
        "challenge_test_list": [],
    },
    {"task_id": 12, "text": "Write a function.", "code": "def f():\r\n  pass", "test_setup_code": "", "test_list": []},
]  # fmt: skip
SHELL = {
    "name": "HumanEval_53_add", "language": "sh", "prompt": "#!/bin/bash\n# Add two numbers.\nadd() {\n",
    "tests": "}\n\nset -e\nrun_test() {\n    [[ $(add 1 2) = 3 ]]\n    [[ $(add 5 7) = 12 ]]\n}\nrun_test",
    "stop_tokens": ["\n}"],
}  # fmt: skip


def test_a_continued_function_is_run_as_it_stands(tmp_path, tiny):
    humaneval = {"kind": "humaneval", "prompting": "text"}
    (right, untested), _ = measured(tmp_path, tiny, humaneval, TASKS, default="    return x + x\n")
    assert right["scores"] == {"greedy": 1.0}
    assert untested == {"skipped": "no tests"}
    (prose, _), _ = measured(tmp_path, tiny, humaneval, TASKS, default="    return x + x\n\nThis returns x two times.\n")
    assert prose["scores"] == {"greedy": 0.0}, "prose is no Python, and nothing is looked for between sentences"


def test_the_program_of_a_chat_is_found_and_pass_at_k_is_unbiased(tmp_path, tiny):
    said = {"passes the tests": ["no idea", "```python\ndef twice(x):\n    return x * 2\n```", "```python\nreturn 4\n```"]}
    task = {"kind": "humaneval", "k": [2], "temperature": 0.2}
    (first, _), _ = measured(tmp_path, tiny, task, TASKS, said, samples=3)
    assert first["scores"]["greedy"] == 0.0
    assert first["scores"]["sampled"] == [0.0, 1.0, 0.0]
    assert first["scores"]["pass@2"] == pytest.approx(2 / 3)


def test_a_text_is_the_prompt_and_ends_at_the_stop_texts_of_the_paper():
    task = HumanEval(kind="humaneval", prompting="text")
    item = task.item("1", TASKS[0])
    assert task.question(item, None) == TASKS[0]["prompt"]
    assert task.stop_texts(item, None) == ["\nclass", "\ndef", "\n#", "\nif", "\nprint"]
    other = MultiPLE(kind="multipl_e")
    assert other.stop_texts(other.item("1", SHELL), None) == ["\n}"]


def test_mbpp_has_the_prompt_of_the_paper_and_its_setup_runs(tmp_path, tiny):
    task = {"kind": "mbpp", "prompting": "text"}
    said = {
        r"\[DONE\]\n\nYou are an expert Python programmer, and here is your task: Write a function to add two numbers. "
        r"Your code should pass these tests:\n\nassert add\(one, 2\) == 3\nassert add\(0, 0\) == 0\n"
        r"assert add\(2, 2\) == 4\n\[BEGIN\]\n$": "def add(a, b):\r\n  return a + b"
    }
    (right, untested), _ = measured(tmp_path, tiny, task, SMALL, said)
    assert right["scores"] == {"greedy": 1.0}
    assert untested == {"skipped": "no tests"}
    wrong = measured(tmp_path, tiny, {"kind": "mbpp"}, SMALL, default="```python\ndef add(a, b):\n  return 3\n```")[0]
    assert wrong[0]["scores"] == {"greedy": 0.0}


def test_other_columns_stop_the_stage_with_the_remedy(tmp_path, tiny):
    with pytest.raises(StageFailed, match=r"'humaneval': data.jsonl, line 1 has question, and lacks 'prompt'.*columns:"):
        measured(tmp_path, tiny, {"kind": "humaneval"}, [{"question": "What?"}])


def test_no_text_is_given_to_a_model_that_only_answers_in_a_chat(tmp_path, tiny):
    (tmp_path / "chatty.py").write_text(
        "from align import Generator\n\nclass Chatty(Generator):\n"
        "    async def generate(self, messages, sampling):\n        raise AssertionError('it was asked')\n"
    )
    (tmp_path / "data.jsonl").write_text(json.dumps(TASKS[0]) + "\n")
    recipe = {
        "name": "t", "base": tiny, "generators": {"served": {"kind": "chatty:Chatty"}},
        "stages": {"scores": {"kind": "evaluate", "models": [{"generator": "served"}], "samples": 0,
                              "tasks": [{"kind": "humaneval", "path": "data.jsonl", "prompting": "text"}]}},
    }  # fmt: skip
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    from align import Recipe

    with pytest.raises(StageFailed, match=r"'humaneval' needs a model that continues plain texts, and 'served' .* does not"):
        Recipe.load(tmp_path / "recipe.yaml").run(tmp_path / "run")


@pytest.fixture(scope="module")
def full():
    """Skip where other languages cannot be confined."""
    box = Sandbox(level="full", workers=1, packages=())
    try:
        box.start()
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    box.stop()


@pytest.mark.usefixtures("full")
def test_programs_of_other_languages_pass_by_their_exit_status(tmp_path, tiny):
    lua = {**SHELL, "name": "lua", "language": "lua"}
    java = {**SHELL, "name": "java", "language": "java"}
    task = {"kind": "multipl_e"}
    (right, *others), _ = measured(tmp_path, tiny, task, [SHELL, lua, java], default="    echo $(($1 + $2))")
    assert right["scores"] == {"greedy": 1.0}
    assert right["notes"] == {"verdicts that could be forged (trust: forgeable)": 1}
    assert [other["skipped"] for other in others] == [
        f"the sandbox runs no programs of MultiPL-E in the language {name!r}" for name in ("lua", "java")
    ]
    (wrong,), _ = measured(tmp_path, tiny, task, [SHELL], default="    echo $(($1 * $2))")
    assert wrong["scores"] == {"greedy": 0.0}


@pytest.mark.usefixtures("full")
@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_samples_of_javascript(tmp_path, tiny):
    record = {
        "name": "HumanEval_53_add", "language": "js", "stop_tokens": ["\nfunction "],
        "prompt": "//Add two numbers.\nfunction add(x, y){\n",
        "tests": "const assert = require('node:assert');\n\nfunction test() {\n  let candidate = add;\n"
                 "  assert.deepEqual(candidate(0, 1),1);\n}\n\ntest();",
    }  # fmt: skip
    said = {"Add": ["  return x + y\n}", "  return y\n}", "  return x\n}", "process.exit(0)}"]}
    (outcome,), _ = measured(tmp_path, tiny, {"kind": "multipl_e"}, [record], said, samples=4)
    # a program that leaves early passes, as in the authors' evaluation; so each verdict is marked
    assert outcome["scores"]["sampled"] == [1.0, 1.0, 0.0, 1.0]
    assert outcome["notes"] == {"verdicts that could be forged (trust: forgeable)": 5}
