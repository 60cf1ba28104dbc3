"""The math verifier: what counts as the final answer, when two answers are equal, and processes that can be killed."""

import asyncio
import os
import sys
import threading
import time

import pytest

from align.core.rows import Prompt
from reward.mathematics.stated import final_answer, gold_answer
from reward.mathematics.verifier import MathAnswer
from reward.worker_pool import Crashed, KillablePool, Killed

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


def test_final_answer_of_runaway_text_takes_linear_time():
    start = time.process_time()
    for unit in (
        "\\boxed{",
        "####\n",
        "answer is ",
        "1,111,",
        "!",
        "(",
        " ",
        "<answer>",
        "$x$ ",
        "\\text{",
        "\\pm ",
        "\nQ: x ",
        "\\[",
        "\\boxed{a} is wrong ",
    ):
        final_answer("answer is " + unit * 20_000 + "x")
    assert time.process_time() - start < 10  # quadratic ones took minutes


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
