"""The reward that runs programs: what it takes for the program, how it compares, and when it says nothing."""

import asyncio
import math

import pytest

from align import Prompt, Reward, Score
from align.core.formats.values import read_tests
from data_synthesis.execution_feedback.agreement import consensus_sets, validated
from reward.execution.tests import parse
from reward.execution.values import misprint, same

TASK = "Write `def add(a, b):`."


@pytest.fixture(scope="module")
def score():
    reward = Reward.model_validate(
        {"kind": "execution", "partial": True, "sandbox": {"workers": 2, "limits": {"cpu_seconds": 1}}}
    )

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
        ([{"args": None, "code": None, "returns": None}], "row 'row' has no tests"),
        ([{"cod": "x"}], "test 0 has cod; a test is"),
        ([{"code": "x", "entry_point": "f"}, {"code": "x", "entry_point": "g"}], "several entry points: f, g"),
        ([{"code": "x", "entry_point": "f(x)"}], "entry point 'f\\(x\\)' is neither a function's name"),
        ([{"args": 3, "returns": 3}], "test 0 has args, returns"),
        ([{"args": [3]}], "test 0 has args; a test is"),
        ([{"inputs": [None], "outputs": [3], "fn_name": "f"}], "test 0 has returns; a test is"),
        ([{"args": [3], "returns": 3}], "nothing names the function that `args` are for"),
        ([{"code": "x"}, {"input": "3"}], "test 1 has input; a test is"),
        ([{"input": 3, "output": "3"}], "test 0 has an input or output that is int, not text"),
        ([{"inputs": [3], "outputs": [4]}], "test 0 has an input or output that is int, not text"),
        ([{"inputs": [[3, 4]], "outputs": ["7"]}], "that is int in a list, not text"),
        ([{"inputs": ["3"], "outputs": [True]}], "that is bool, not text"),
        ([{"inputs": ["3"], "outputs": [[[4]]]}], "that is list in a list, not text"),
        ([{"input": "3", "output": "3", "returns": 3}], "test 0 has input, output, returns"),
        ([{"inputs": ["3"], "outputs": ["3", "4"]}], "test 0 needs as many 'outputs' as 'inputs'"),
        ([{"inputs": ["3"]}], "test 0 has 'inputs' without a list of 'outputs'"),
        ([{"input": ["3"], "output": "3"}], "test 0 needs as many 'output' as 'input'"),
        ([{"input": "x", "output": "3", "testtype": "functional"}], "is not JSON with one value a line"),
        ([{"input": "x", "output": "3", "testtype": "interactive"}], "test 0 has type 'interactive'"),
        ([{"input": "x", "checker": 3}], "test 0 has a checker that is not source code"),
        ([{"language": "cobol", "stdin": "3", "stdout": "3"}], "unknown language 'cobol'; known are bash, cpp"),
        ([{"language": "c++", "code": "assert f(1)"}], "tests as code are for Python, not for cpp"),
        ([{"language": "js", "stdin": "3", "stdout": "3"}, {"language": "cpp", "stdin": "3"}], "for several languages"),
        ([{"stdin": "3", "input": "4", "stdout": "3"}], "test 0 has 'input' twice, once under another name"),
    ],
)
def test_tests_that_are_none_are_refused_with_the_row(tests, said):
    with pytest.raises(ValueError, match=said):
        parse(Prompt(messages=[{"role": "user", "content": "x"}], tests=tests, id="row"))


def test_tests_may_be_one_object_or_its_json():
    assert read_tests('{"inputs": ["1"], "outputs": ["2"]}') == [{"inputs": ["1"], "outputs": ["2"]}]
    assert read_tests({"input": ["1"], "output": ["2"]}) == [{"input": ["1"], "output": ["2"]}]


def test_numbers_that_are_printed_are_text_of_one_line_each():
    tests = [{"inputs": ["1", ["1", "2"]], "outputs": [3, [4, 0.5, "x"]]}]
    runs = parse(Prompt(messages=[{"role": "user", "content": "x"}], tests=tests, id="row")).runs
    assert [(run.given, run.prints) for run in runs] == [("1", "3"), ("1\n2", "4\n0.5\nx")]


RUN = [{"input": "1\n", "output": "1\n"}]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("while True: pass", "timeout: for the input '1\\n': used up 1 s of CPU time"),
        ("while True: print('x' * 1000)", "output_limit: for the input '1\\n': line 1: OSError: [Errno 27] File too large"),
        ("x = [0] * (1 << 30)", "memory: for the input '1\\n': line 1: MemoryError"),
        ("import os\nos.fork()", "blocked: for the input '1\\n': line 2: PermissionError: [Errno 1] Operation not permitted"),
        ("print(1)\nraise SystemExit(3)", "error: for the input '1\\n' it ends with exit status 3"),
        ("\nint('x')", "error: for the input '1\\n': line 2: ValueError: invalid literal for int() with base 10: 'x'"),
        ("print(2)", "fail: for the input '1\\n' it prints '2', not '1'"),
        ("print(1, 2)", "fail: for the input '1\\n' it prints 2 tokens, not 1"),
        ("pass", "fail: for the input '1\\n' it prints nothing"),
    ],
)
def test_how_a_whole_program_went_wrong_is_said(score, source, why):
    (said,) = score(RUN, source)
    assert (said.passed, said.why) == (False, why)


def test_an_input_may_be_larger_than_what_a_program_may_print(score):
    numbers = " ".join(map(str, range(1_000_000, 1_200_000)))
    (said,) = score(
        [{"input": numbers, "output": str(sum(range(1_000_000, 1_200_000)))}], "print(sum(map(int, input().split())))"
    )
    assert said.passed, said.why


def test_each_input_has_a_process_of_its_own(score):
    tests = [{"input": "1", "output": "1"}, {"input": "2", "output": "1"}, {"input": "3", "output": "x"}]
    source = "import builtins\nbuiltins.runs = getattr(builtins, 'runs', 0) + 1\nopen('left', 'x')\nprint(builtins.runs)"
    (said,) = score(tests, source)
    assert (said.value, said.passed) == (pytest.approx(2 / 3), False)
    assert said.why == "fail: for the input '3' it prints '1', not 'x'"


def test_a_checker_is_out_of_the_programs_reach(score):
    checker = "def check(input, output):\n    return output.strip() == '2'"
    source = "import builtins, os\nbuiltins.check = builtins.bool = lambda *given: True\nprint(1)"
    (said,) = score([{"input": "1", "checker": checker}], source)
    assert (said.passed, said.why) == (False, "fail: for the input '1' it prints '1\\n': the checker says no")


@pytest.mark.parametrize(
    ("checker", "why"),
    [
        ("def check(input, output): return 1 / 0", "the checker: error: line 1: ZeroDivisionError: division by zero"),
        ("def check(input, output): return 'yes'", "the checker returns str, not True or False"),
        ("def check(input): return", "the checker returns NoneType, not True or False"),
        ("def check(input, output): while", "the checker: load_error: line 1: SyntaxError: invalid syntax"),
        ("import numpy\ndef check(input, output): return numpy.bool_(True)", ""),
        ("def check(*given): return given == ('1', '1\\n')", ""),
    ],
)
def test_a_checker_that_fails_is_no_data(score, checker, why):
    (said,) = score([{"input": "1", "checker": checker}], "print(1)")
    assert (said.passed, why in said.why) == (None if why else True, True)


@pytest.mark.parametrize(
    ("found", "expected", "equal"),
    [
        ((1, 2), [1, 2], True), ([1, [2]], [1, [3]], False), (0.1 + 0.2, 0.3, True), (1, 1.0, True), (True, 1, False),
        (1, True, False), ({1: "a"}, {"1": "a"}, True), ({"a": 1}, {"a": 1, "b": 2}, False), ("1", 1, False),
        (None, None, True),
        (2**70, 2**70 + 1, False), (math.nan, math.nan, True), (math.nan, 1.0, False), (math.inf, math.inf, True),
        (math.inf, -math.inf, False), (2000001.0, 2000000, False), (2000000.0, 2000000, True), (2000001, 2000000.0, False),
        (2**53 - 1, float(2**53), False), (10**23, 1e23, True), (1e-7, 0.0, True), (2e-9, 1e-9, False), ({1, 2}, [1, 2], False),
        ({None: 1, True: 2, 1.5: 3}, {"null": 1, "true": 2, "1.5": 3}, True), (b"a", "a", False), ([], None, False),
    ],
)  # fmt: skip
def test_values_are_compared_as_json_has_them(found, expected, equal):
    assert same(found, expected) is equal


@pytest.mark.parametrize(
    ("printed", "expected", "why"),
    [
        ("1  2\n", "1\n2", ""), ("1.0000001", "1.0", ""), ("1", "1.0", ""), ("1.0", "1", "it prints '1.0', not '1'"),
        ("a b", "a B", "token 2 of its output is 'b', not 'B'"), ("a", "a b", "it prints 1 token, not 2"), ("", "", ""),
        ("1e400", "1.5", "it prints '1e400', not '1.5'"), ("x", "", "it prints 1 token, not 0"),
        ("\n", "a", "it prints nothing"),
        ("1_0", "10.0", "it prints '1_0', not '10.0'"), ("\u0661.5", "1.5", "it prints '\u0661.5', not '1.5'"),
        ("9" * 5000, "1.5", f"it prints '{'9' * 37}...', not '1.5'"),
    ],
)  # fmt: skip
def test_what_is_printed_is_compared_by_tokens(printed, expected, why):
    assert misprint(printed, expected) == why


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
