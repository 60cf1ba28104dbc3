"""The reward that runs programs: what it takes for the program, how it compares, and when it says nothing."""

import asyncio
import math

import pytest

from align import Prompt, Reward, Score
from data_synthesis.agreement import consensus_sets, validated
from reward.execution import parse, same
from reward.program_text import entry_point, program

TASK = "Write `def add(a, b):`."


@pytest.fixture(scope="module")
def score():
    reward = Reward.model_validate({"kind": "execution", "partial": True, "sandbox": {"workers": 2}})

    def of(tests, *completions):
        prompt = Prompt(messages=[{"role": "user", "content": TASK}], tests=tests, id="row")
        return asyncio.run(reward.score(prompt, completions))

    yield of
    reward.stop()


def test_programs_are_run_and_judged(score):
    tests = [{"code": "assert add(1, 2) == 3"}, {"args": [1, 2], "returns": 3}, {"args": [0.1, 0.2], "returns": 0.3}]
    right, product, nothing = score(tests, "```python\ndef add(a, b): return a + b\n```", "def add(a, b): return a * b", " ")
    assert (right.value, right.passed) == (1.0, True)
    assert (product.value, product.passed) == (0.0, False)
    assert product.why == "fail: AssertionError (line 1 of the tests)"
    assert (nothing.passed, nothing.why) == (False, "there is no program in the answer")


def test_the_share_of_tests_passed_is_the_value_when_asked_for(score):
    tests = [
        {"code": "assert add(2, 2) == 4\nassert add(1, 2) == 3"},
        {"args": [0, 0], "returns": 0},
        {"args": [5, 1], "returns": 6},
    ]
    (half,) = score(tests, "def add(a, b): return a * b")
    assert (half.value, half.passed) == (0.5, False)


@pytest.mark.parametrize("more", ["", "\n(lambda: 0)()"], ids=["data", "run"])
def test_a_program_that_leaves_is_measured_by_the_tests_that_it_left_out(score, more):
    code = "\n".join(f"assert add({n}, {n}) == {2 * n}" for n in range(10)) + more
    (said,) = score([{"code": code}], "import os\ndef add(a, b):\n    if a == 3: os._exit(0)\n    return a + b")
    assert (said.value, said.passed) == (0.3, False)


@pytest.mark.parametrize("value", ["10 ** 400", "10 ** 5000", "[10 ** 5000]", "{10 ** 5000: 1}", "{(10 ** 5000,): 1}"])
@pytest.mark.parametrize("returns", [0.5, 3, [1], {"1": 1}], ids=str)
def test_an_answer_that_python_does_not_show_is_wrong_and_no_more(score, value, returns):
    (said,) = score([{"args": [1, 2], "returns": returns}], f"def add(a, b): return {value}")
    assert (said.value, said.passed) == (0.0, False)
    assert said.why.startswith("fail: for [1, 2] it returns ")


def test_an_array_of_nothing_takes_nothing(score):
    source = "import numpy as np\ndef add(a, b): return np.zeros((100000, 100000, 0))"
    (said,) = score([{"args": [1, 2], "returns": 3}], source)
    assert said.passed is False
    assert "an array larger than its data" in said.why


def test_numbers_and_arrays_of_numpy_are_numbers_and_lists(score):
    source = "import numpy as np\ndef add(a, b): return {}"
    for value, returns in (("np.int64(3)", 3), ("np.array([1, 2])", [1, 2]), ("[np.int64(1)]", [1]), ("np.bool_(True)", True)):
        (said,) = score([{"args": [1, 2], "returns": returns}], source.format(value))
        assert said.passed, said


def test_broken_tests_say_nothing_of_the_program(score):
    (said,) = score([{"code": "assert add(1, 2) =="}], "def add(a, b): return a + b")
    assert (said.graded, said.passed) == (False, None)
    assert math.isnan(said.value)
    assert said.why.startswith("test_error: ")


def test_a_mixture_with_an_ungraded_part_is_ungraded():
    mixture = Reward.model_validate(
        {"kind": "mixture", "parts": [{"reward": {"kind": "execution"}}, {"reward": {"kind": "math"}}]}
    )
    assert not mixture._sum([Score.ungraded("broken"), Score(1.0, True)]).graded


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        ([], "row 'row' has no tests"),
        ([{"cod": "x"}], "test 0 has cod"),
        ([{"code": "x", "entry_point": "f"}, {"code": "x", "entry_point": "g"}], "several entry points: f, g"),
        ([{"args": 3, "returns": 3}], "test 0 has args, returns"),
    ],
)
def test_tests_that_are_none_are_refused_with_the_row(tests, said):
    with pytest.raises(ValueError, match=said):
        parse(Prompt(messages=[{"role": "user", "content": "x"}], tests=tests, id="row"))


@pytest.mark.parametrize(
    ("found", "expected", "equal"),
    [
        ((1, 2), [1, 2], True), ([1, [2]], [1, [3]], False), (0.1 + 0.2, 0.3, True), (1, 1.0, True), (True, 1, False),
        (1, True, False), ({1: "a"}, {"1": "a"}, True), ({"a": 1}, {"a": 1, "b": 2}, False), ("1", 1, False),
        (None, None, True),
        (2**70, 2**70 + 1, False), (math.nan, math.nan, False),
    ],
)  # fmt: skip
def test_values_are_compared_as_json_has_them(found, expected, equal):
    assert same(found, expected) is equal


def test_the_program_is_the_last_block_that_names_the_function():
    text = "First:\n```python\ndef f(): pass\n```\nthen\n```\ndef g(): return 1\n```\n"
    text += "and\n```bash\nls\n```\n```python\nprint(1)\n```"
    assert program(text, "g") == "def g(): return 1\n"
    assert program(text, "f") == "def f(): pass\n"
    assert program(text) == "print(1)\n"
    assert program("```bash\nls\n```") is None
    assert program("```python\ndef cut(x):\n    return") == "def cut(x):\n    return"
    assert program("def bare(): pass") == "def bare(): pass"


def test_the_function_is_the_one_that_the_prompt_names():
    assert entry_point(["Complete:\n    def inner(x):\nand then def outer(y): it"]) == "outer"
    assert entry_point(["Write a function named `area` of a circle"]) == "area"
    assert entry_point(["Write a function of two numbers"]) is None


def test_the_largest_agreement_wins_and_duplicates_count():
    passed = [[True, True, False], [True, True, False], [False, False, True], [True, False, False]]
    best, *rest = consensus_sets(passed, [1, 2, 9, 1], [1, 1, 1])
    assert best.members == (0, 1)
    assert best.score == pytest.approx(2 * 3**0.5), "two tests, three solutions; nine of one test are 3"
    assert [one.members for one in rest] == [(2,), (3,)]
    assert consensus_sets(passed, [1, 2, 9, 1], [1, 1, 5])[0].members == (2,)


def test_a_test_is_judged_before_it_judges():
    passed = [[True, True, True, True, False], [True, True, True, True, True], [True, False, True, True, False]]
    mutants = [[True, True, True, False, False]]
    nothing = [False, False, True, False, False]
    again = {1: [False, True, True, True, True]}
    assert validated(passed, mutants, nothing, again) == [
        "flaky",
        "",
        "passes what returns nothing",
        "",
        "too few solutions pass it",
    ]
    assert validated(passed, [[True] * 5], nothing, {})[0] == "nothing fails it"
