"""`kind: execution` against what a careful reader says, and against right programs that were changed by one character."""

import asyncio
import re

import pytest
from programs import PROGRAMS

from align import Prompt, Reward

MORE_THAN_DATA = re.compile(r"Solution\(\)|fixture|Account|capsys|Stack|Counter|iter\(|next\(")
"""What the tests have that are about more than functions and data."""


@pytest.fixture(scope="module")
def scores():
    reward = Reward.model_validate({"kind": "execution", "sandbox": {"workers": 2, "together": True}})

    def judge(cases):
        asked = [([{"role": "user", "content": said or "Solve it."}], tests) for said, tests, _ in cases]
        prompts = [Prompt(messages=messages, tests=tests, id="row") for messages, tests in asked]
        return [score for (score,) in asyncio.run(reward.score_many(prompts, [[answer] for *_, answer in cases]))]

    yield judge
    reward.stop()


@pytest.mark.parametrize("why", PROGRAMS)
def test_what_is_right_and_what_is_not(scores, why):
    given = scores([case[:3] for case in PROGRAMS[why]])
    found = [(answer, tests, score.passed) for (_, tests, answer, _), score in zip(PROGRAMS[why], given, strict=True)]
    assert found == [(answer, tests, right) for _, tests, answer, right in PROGRAMS[why]], [score.why for score in given]
    assert all(score.why for score in given if not score.passed), "each verdict but a pass says why"
    for (_, tests, _, _), score in zip(PROGRAMS[why], given, strict=True):
        assert not score.forgeable or MORE_THAN_DATA.search(str(tests)), "all else is judged apart from the program"


def test_the_table_holds_as_many_wrong_answers_as_right_ones():
    verdicts = [right for cases in PROGRAMS.values() for *_, right in cases]
    assert len(verdicts) >= 100
    assert 0.4 < verdicts.count(True) / len(verdicts) < 0.6


CHANGES = {"+": "-", "-": "+", "*": "+", "//": "%", "%": "//", "==": "!=", "<": ">=", ">": "<=", "and": "or"}
RIGHT = {
    "Sum the even numbers of a list: `def evens(xs)`": (
        [{"args": [[1, 2, 3, 4]], "returns": 6}, {"args": [[]], "returns": 0}, {"args": [[7]], "returns": 0}],
        "def evens(xs):\n    total = 0\n    for x in xs:\n"
        "        if x % 2 == 0:\n            total = total + x\n    return total\n",
    ),
    "How many divisors? `def divisors(n)`": (
        [{"args": [n], "returns": many} for n, many in ((1, 1), (2, 2), (6, 4), (7, 2), (36, 9))],
        "def divisors(n):\n    found = 0\n    for d in range(1, 1 + n):\n"
        "        if n % d == 0:\n            found = found + 1\n    return found\n",
    ),
    "Read n, then n numbers; print the largest difference of neighbours and the mean.": (
        [
            {"input": "4\n1 5 2 9\n", "output": "7\n4.25\n"},
            {"input": "2\n3 3\n", "output": "0\n3.0\n"},
            {"input": "3\n9 4 4\n", "output": "5\n5.666666667\n"},
        ],
        "n = int(input())\nxs = list(map(int, input().split()))\nbest = 0\nfor i in range(1, n):\n"
        "    if abs(xs[i] - xs[i - 1]) > best:\n        best = abs(xs[i] - xs[i - 1])\nprint(best)\nprint(sum(xs) / n)\n",
    ),
    "Is it a leap year? `def leap(year)`": (
        [{"code": "assert not leap(1900)\nassert leap(1600) and leap(2000)\nassert not leap(2023)\nassert leap(2024)"}],
        "def leap(year):\n    return year % 4 == 0 and not (year % 100 == 0) or year % 400 == 0\n",
    ),
}  # fmt: skip
VALUES = ("an integer is exact", "a float is near", "None, containers and keys", "tokens of the output")
SAME_MEANING = ("range(1, 2 + n)",)
"""What changed programs that are right all the same hold."""


def mutants(source):
    """Yield a program with one digit, operator or comparison changed."""
    for found in re.finditer(r"\d|\band\b|//|==|[-+*%<>](?!=)", source):
        token = found.group()
        other = str((int(token) + 1) % 10) if token.isdigit() else CHANGES[token]
        yield source[: found.start()] + other + source[found.end() :]


def test_a_right_program_with_one_thing_changed_is_wrong(scores):
    right = [(said, tests, f"```python\n{source}```") for said, (tests, source) in RIGHT.items()]
    assert [score.passed for score in scores(right)] == [True] * len(right)
    changed = [
        (said, tests, f"```python\n{mutant}```") for said, (tests, source) in RIGHT.items() for mutant in mutants(source)
    ]
    assert len(changed) >= 30
    passed = [case[2] for case, score in zip(changed, scores(changed), strict=True) if score.passed is not False]
    assert [answer for answer in passed if not any(text in answer for text in SAME_MEANING)] == []


def test_a_right_value_with_another_digit_is_wrong(scores):
    cases = [case for why in VALUES for case in PROGRAMS[why] if case[2].startswith(("print", "def f():\n"))]
    changed = []
    for said, tests, answer, right in cases:
        for found in re.finditer(r"(?<![\w.*-])[1-9](?!e)", answer if right else ""):
            digit = str(int(found.group()) % 9 + 1)
            changed.append((said, tests, answer[: found.start()] + digit + answer[found.end() :]))
    assert len(changed) >= 10
    assert [case for case, score in zip(changed, scores(changed), strict=True) if score.passed is not False] == []
