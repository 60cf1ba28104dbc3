"""`kind: math` against what a careful reader says: which answer a text states, and whether it is the gold one."""

import asyncio
import re
from fractions import Fraction

import pytest
from math_same import SAME
from math_stated import STATED

from align.core.rows import Prompt
from reward.mathematics.numbers import number
from reward.mathematics.same import same
from reward.mathematics.stated import final_answer
from reward.mathematics.verifier import MathAnswer


@pytest.fixture(scope="module")
def verdict():
    reward = MathAnswer(timeout_seconds=60)

    def judge(gold, *texts):
        prompt = Prompt(messages=[{"role": "user", "content": "?"}], answer=gold, id="1")
        return [score.passed for score in asyncio.run(reward.score(prompt, texts))]

    yield judge
    reward.stop()


@pytest.mark.parametrize("why", STATED)
def test_the_answer_that_a_text_states(why):
    assert [(text, final_answer(text)) for text, _ in STATED[why]] == STATED[why]


@pytest.mark.parametrize("why", SAME)
def test_what_is_right_and_what_is_not(verdict, why):
    assert [(gold, text, *verdict(gold, text)) for gold, text, _ in SAME[why]] == SAME[why]


def test_the_table_holds_as_many_wrong_answers_as_right_ones():
    verdicts = [right for cases in SAME.values() for _, _, right in cases]
    assert 0.35 < sum(verdicts) / len(verdicts) < 0.65


def mutants(text):
    """Yield a box with another digit, or with another sign."""
    inside = re.search(r"\\boxed\{(.*)\}", text) if "approx" not in text else None  # what is nearly it is not looked at
    for found in re.finditer(r"\d", inside[1] if inside else ""):
        digit = "7" if found.group() != "7" else "4"
        changed = inside[1][: found.start()] + digit + inside[1][found.end() :]
        yield text.replace(inside[1], changed)
    if inside and re.fullmatch(r"[\d.,/]+", inside[1]) and re.search(r"[1-9]", inside[1]):
        yield text.replace(inside[1], f"-{inside[1]}")


def test_a_right_answer_with_another_digit_or_sign_is_wrong(verdict):
    cases = [(gold, text) for why, each in SAME.items() for gold, text, right in each if right and why != "choices"]
    passed = [(gold, changed) for gold, text in cases for changed in mutants(text) if verdict(gold, changed) == [True]]
    assert not [case for case in passed if not still_right(*case)]


def still_right(gold, changed):
    """Names of variables (x_1, x_7), what is worked out or corrected, a modulus, digits that a decimal gold answer has not."""
    if re.search(r"\\cdot.*= 7|\\pmod\{4\}|Correction:|The correct answer is|would be wrong", changed):
        return True
    return re.search(r"[a-z]_\d", changed) is not None or (gold == "33.3" and changed.startswith(r"\boxed{33.3"))


def test_numbers_are_told_without_sympy():
    plain = [(g, t) for g, t, _ in SAME["thousands"] + SAME["mixed numbers"] + SAME["units"] if final_answer(t)]
    assert all(same(gold, final_answer(text)) is not None for gold, text in plain)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234", Fraction(1234)),
        ("$1{,}234.50.", Fraction(2469, 2)),
        ("3/4", Fraction(3, 4)),
        (r"-\dfrac{3}{4}", Fraction(-3, 4)),
        (r"\frac12", Fraction(1, 2)),
        ("1 1/2", Fraction(3, 2)),
        (r"2\frac{1}{2}", Fraction(5, 2)),
        ("50%", Fraction(50)),
        (r"\$-5", Fraction(-5)),
        ("\u221217", Fraction(-17)),
        ("**.5**", Fraction(1, 2)),
        ("0.1", Fraction(1, 10)),
        ("1,23", None),
        ("1/0", None),
        ("1e5", Fraction(100000)),
        ("1e99999", None),
        ("3 clips", None),
        ("9" * 5000, None),
        ("12,50 €", Fraction(25, 2)),
    ],
)
def test_a_number_is_exact(text, value):
    assert number(text) == value
