"""Programs that are taken as they stand, and tests that are put behind them (MultiPL-E's)."""

import asyncio

import pytest

from align.core.rows import Prompt
from reward.execution.tests import parse
from reward.execution.verifier import Execution
from reward.sandbox import SandboxUnavailable
from reward.sandbox.settings import SandboxSettings

ADD = [{"language": "bash", "appended": "[[ $(add 1 2) = 3 ]] || exit 1"}]


def judged(tests, *programs, **fields):
    reward = Execution(kind="execution", **fields)
    prompt = Prompt(messages=[{"role": "user", "content": "Write add."}], tests=tests, id="1")
    try:
        return asyncio.run(reward.score(prompt, programs))
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    finally:
        reward.stop()


def test_an_exact_program_is_not_looked_for():
    tests = [{"code": "assert add(1, 2) == 3"}]
    fenced = "```python\ndef add(a, b):\n    return a + b\n```"
    assert [s.passed for s in judged(tests, fenced, "def add(a, b):\n    return a + b")] == [True, True]
    assert [s.passed for s in judged(tests, fenced, "def add(a, b):\n    return a + b", exact=True)] == [False, True]


def test_appended_tests_judge_by_the_exit_status_and_can_be_forged():
    full = SandboxSettings(level="full", workers=1)
    right, wrong, forged = judged(
        ADD, "add() { echo $(($1 + $2)); }", "```bash\nadd() { echo 4; }\n```", "exit 0", sandbox=full
    )
    assert (right.passed, wrong.passed, forged.passed) == (True, False, True)
    assert "with the tests behind it" in wrong.why
    assert right.forgeable
    assert forged.forgeable


def test_without_level_full_nothing_is_judged():
    (score,) = judged(ADD, "add() { echo 3; }")
    assert not score.graded
    assert score.lacks == "sandbox: {level: full}"


@pytest.mark.parametrize(("language", "why"), [("python", "cannot be forged"), ("java", "without -ea")])
def test_languages_that_take_none(language, why):
    prompt = Prompt(messages=[{"role": "user", "content": "?"}], tests=[{"language": language, "appended": "x"}], id="7")
    with pytest.raises(ValueError, match=rf"row '7': tests cannot be `appended` to {language}.*{why}"):
        parse(prompt)
