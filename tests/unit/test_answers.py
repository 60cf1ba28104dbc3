"""The math verifier: what counts as the final answer, when two answers are equal, and processes that can be killed."""

import asyncio
import os
import sys
import threading
import time
from fractions import Fraction

import pytest

from align.core.rows import Prompt
from reward.answer_text import as_number, final_answer, gold_answer, number_in_words
from reward.answers import MathAnswer
from reward.killable import Crashed, KillablePool, Killed

HALF_ROOT = r"\frac{\sqrt{2}}{2}"
SAME_AS_HALF_ROOT = r"\boxed{1/\sqrt{2}}"
TOWER = r"\boxed{9^{9^{9^{9^9}}}}"  # sympy multiplies this out in C, where no Python timeout reaches it

# A worker in miniature: noisy enough on stderr to fill a pipe, and able to hang or to crash when it is told to.
ECHO = """
import json, os, sys, time
sys.stderr.write("x" * 300_000)
print("{}", flush=True)
for line in sys.stdin:
    order = json.loads(line)
    if order.get("hang"):
        time.sleep(600)
    if order.get("crash"):
        os._exit(3)
    print(json.dumps({"echo": order["say"], "pid": os.getpid()}), flush=True)
"""


@pytest.fixture
def verifier():
    made = []

    def make(**fields):
        made.append(MathAnswer.model_validate(fields))
        return made[-1]

    yield make
    for reward in made:
        reward.stop()


@pytest.fixture
def pool():
    made = KillablePool([sys.executable, "-c", ECHO], 1)
    yield made
    made.stop()


def prompt(answer):
    return Prompt(messages=[{"role": "user", "content": "How many?"}], answer=answer, id="row-7")


def score(reward, answer, *completions):
    return asyncio.run(reward.score(prompt(answer), completions))


def gone(pid):
    """True when no process has this id: neither running nor a zombie, which still takes signals."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"First \boxed{1}, so \boxed{\frac{1}{2}}. Not \boxed{3", r"\frac{1}{2}"),
        (r"The set \boxed{\{1, 2\}} is the answer: 5", r"\{1, 2\}"),
        ("48/2 = <<48/2=24>>24\n#### 72", "72"),
        ("#### Step 1: count\nThere are 9.\nThe answer is 12 clips. Good.", "12 clips"),
        ("The answer is 5. No: the answer is $3.50. Bye 4", "$3.50"),
        ("**Final Answer:** 42\nThat was 1 problem.", "42"),
        ("the answer is:\n\\[\n x + 1 \n\\]", "\\[\n x + 1 \n\\]"),
        ("The answer is 72!", "72"),
        ("5 - 3 leaves 2, or 1,234.5, in all.", "1,234.5"),
        ("It fell to \u22123 degrees", "\u22123"),
        ("I do not know.", None),
    ],
)
def test_final_answer_is_the_last_one_stated(text, answer):
    assert final_answer(text) == answer


def test_final_answer_of_runaway_text_takes_linear_time():
    start = time.perf_counter()
    for unit in ("\\boxed{", "####\n", "answer is ", "1,111,", "!", "(", " "):
        final_answer("answer is " + unit * 20_000 + "x")
    assert time.perf_counter() - start < 10  # quadratic ones took minutes


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
        ("1e5", None),
        ("3 clips", None),
        ("9" * 5000, None),
    ],
)
def test_as_number_is_exact(text, value):
    assert as_number(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("72 clips", 72), ("about $72 in total", 72), (r"72 \text{ clips}", 72), ("a 5 km run", 5), ("-3 degrees", -3)]
    + [
        (text, None)
        for text in ("2 million", "2 pi", "5x", "5 x", "not 5", "5 or 6", "x = 5", "10^2 cm", "5-6 apples", "6:30 PM")
    ],
)
def test_a_phrase_is_its_number_only_when_nothing_changes_it(text, value):
    assert number_in_words(text) == value


def test_gold_answers_of_gsm8k_and_math_are_taken_from_their_solutions():
    assert gold_answer("48/2 = <<48/2=24>>24, 48+24 = <<48+24=72>>72.\n#### 72") == "72"
    assert gold_answer(r"We get $\boxed{x+1}$.") == "x+1"
    assert gold_answer(" 3 to 4 ") == "3 to 4"


def test_numbers_and_text_are_compared_without_a_process(verifier):
    reward = verifier()
    got = score(
        reward, "... #### 17", "#### 17.0", r"\boxed{18}", "17 clips", "The answer is 17 clips.", "Pass.", "answer: none"
    )
    assert [s.passed for s in got] == [True, False, True, True, False, False]
    assert [s.value for s in got] == [1, 0, 1, 1, 0, 0]
    assert got[0].why == "17 = 17.0"
    assert got[1].why == "expected 17, got 18"
    assert got[4].why == "no final answer"
    assert [s.passed for s in score(reward, "1/3", "0.333", "2/6")] == [False, True]
    # math-verify would multiply the letters: listen = silent
    assert [s.passed for s in score(reward, "listen", "answer: silent", "answer: Listen.")] == [False, True]
    assert [s.passed for s in score(reward, "72 clips", "72", "71")] == [True, False]
    assert reward._pool is None


def test_a_prompt_without_an_answer_says_which_and_what_to_do(verifier):
    for answer in (None, "  "):
        with pytest.raises(ValueError, match=r"row 'row-7'.*columns: \{answer"):
            score(verifier(), answer, "1")


def test_formulas_are_compared_by_meaning_in_one_process_over_two_event_loops(verifier):
    reward = verifier(timeout_seconds=60)
    got = score(reward, HALF_ROOT, SAME_AS_HALF_ROOT, r"\boxed{\sqrt{2}}", SAME_AS_HALF_ROOT)
    assert [s.passed for s in got] == [True, False, True]
    first = reward._pool.pids()
    # the gold answer goes first: an interval may be answered as an inequality or a set as a list, not the reverse
    assert [s.passed for s in score(reward, "1<x<2", r"\boxed{(1,2)}")] == [True]
    assert [s.passed for s in score(reward, "5", "The answer is $x = 5$.", r"\boxed{x^2+5}")] == [True, False]
    assert reward._pool.pids() == first
    assert len(first) == 1


def test_without_symbolic_no_process_is_started(verifier):
    reward = verifier(symbolic=False)
    assert [s.passed for s in score(reward, HALF_ROOT, SAME_AS_HALF_ROOT, rf"\boxed{{{HALF_ROOT}}}")] == [False, True]
    assert reward._pool is None


def test_a_comparison_that_hangs_is_killed_and_the_next_one_works(verifier):
    reward = verifier(timeout_seconds=2)
    hung, right = score(reward, HALF_ROOT, TOWER, SAME_AS_HALF_ROOT)
    assert (hung.value, hung.passed) == (0, False)
    assert hung.why.startswith("verifier timed out after 2 s")
    assert right.passed
    pids = reward._pool.pids()
    reward.stop()
    assert pids
    assert all(gone(pid) for pid in pids)
    assert score(reward, HALF_ROOT, SAME_AS_HALF_ROOT)[0].passed, "a stopped verifier starts again"


def test_a_child_that_hangs_or_crashes_is_reaped_and_replaced(pool):
    async def ask(timeout=30, **order):
        return await pool.ask({"say": "hi", **order}, timeout)

    first = asyncio.run(ask())
    assert first["echo"] == "hi"
    with pytest.raises(Killed, match=r"0\.2 s"):
        asyncio.run(ask(0.2, hang=True))
    assert gone(first["pid"])
    second = asyncio.run(ask())
    with pytest.raises(Crashed, match="exit status 3"):
        asyncio.run(ask(crash=True))
    assert gone(second["pid"])
    third = asyncio.run(ask(say="x" * 1_000_000))["pid"]  # more than a pipe holds
    assert pool.pids() == [third]
    pool.stop()
    assert gone(third)
    assert not [t for t in threading.enumerate() if t.name.startswith("killable")]


def test_stop_does_not_wait_for_a_comparison_under_way(pool):
    async def stop_while_busy():
        task = asyncio.create_task(pool.ask({"say": "hi", "hang": True}, 300))
        while not pool.pids():
            await asyncio.sleep(0.01)
        pids = pool.pids()
        pool.stop()
        with pytest.raises(RuntimeError, match="was stopped"):
            await task
        return pids

    start = time.perf_counter()
    assert all(gone(pid) for pid in asyncio.run(stop_while_busy()))
    assert time.perf_counter() - start < 100, "it waited for the comparison, which may take 300 s"


def test_a_child_that_cannot_work_says_why():
    pool = KillablePool([sys.executable, "-c", 'print(\'{"error": "no sympy; install it"}\')'], 1)
    with pytest.raises(RuntimeError, match="no sympy; install it"):
        asyncio.run(pool.ask({}, 30))
    assert pool.pids() == []
    pool.stop()
