"""HumanEval's 164 canonical solutions pass in the sandbox, their asserts in split mode and their values in IO mode.

Every value that the problems take or return travels between processes here, and every form that their tests have.
"""

import asyncio

import pytest
from disguises import DISGUISES, disguised, prompt_of
from humaneval import problems

from align import Reward
from reward.sandbox.sandbox import Sandbox


@pytest.fixture(scope="module")
def given():
    given = problems()
    assert len(given) == 164
    return given


def together(task, given):
    async def run():
        async with Sandbox("kernel", workers=2) as sandbox:
            return await asyncio.gather(*(task(sandbox, problem) for problem in given))

    return asyncio.run(run())


def test_every_canonical_solution_passes_its_tests(given):
    verdicts = together(lambda s, p: s.check(p.solution, p.raw["test"], p.raw["entry_point"]), given)
    assert {p.raw["task_id"]: v.why for p, v in zip(given, verdicts, strict=True) if v.status != "pass"} == {}
    assert all(v.total_tests == v.passed_tests >= 1 for v in verdicts)


def test_a_solution_that_is_wrong_never_passes(given):
    verdicts = together(lambda s, p: s.check(p.raw["prompt"] + "    return None", p.raw["test"], p.raw["entry_point"]), given)
    assert [p.raw["task_id"] for p, v in zip(given, verdicts, strict=True) if v.passed is not False] == []


def test_every_canonical_value_comes_back_as_it_was(given):
    results = together(lambda s, p: s.calls(p.solution, p.raw["entry_point"], p.inputs), given)
    assert sum(map(len, results)) == sum(len(p.inputs) for p in given) > 1000
    for problem, answers in zip(given, results, strict=True):
        assert [(a.status, a.value) for a in answers] == [("returned", value) for value in problem.expected]
        kinds = [(type(a.value), type(value)) for a, value in zip(answers, problem.expected, strict=True)]
        assert all(one is other for one, other in kinds), problem.raw["task_id"]


@pytest.mark.parametrize("right", [True, False])
def test_a_solution_is_found_in_the_disguises_that_models_give_it(given, right):
    """Each problem in one disguise, so that each disguise has 16; `benchmarks/disguises.py` takes all of them."""
    reward = Reward.model_validate({"kind": "execution", "sandbox": {"workers": 2}})
    texts = [
        disguised(problem, problem.raw["canonical_solution"] if right else "    return None\n")[number % len(DISGUISES)]
        for number, problem in enumerate(given)
    ]
    scores = asyncio.run(reward.score_many([prompt_of(problem) for problem in given], [[text] for text in texts]))
    reward.stop()
    assert {p.raw["task_id"]: s.why for p, (s,) in zip(given, scores, strict=True) if s.passed is not right} == {}


def test_code_that_draws_random_numbers_does_the_same_every_time():
    source = "import random, numpy\ndef f(x): return [random.random(), float(numpy.random.rand()), hash('a string')]"

    async def run():
        async with Sandbox("kernel", workers=2) as sandbox:
            return await asyncio.gather(*(sandbox.calls(source, "f", [[1], [2]]) for _ in range(8)))

    drawn = asyncio.run(run())
    assert all(results == drawn[0] for results in drawn)
    assert drawn[0][0].value != drawn[0][1].value, "they are random within a run"
