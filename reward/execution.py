"""Does the program do what the tests say? A verifier that runs it in the sandbox (`kind: execution`).

A prompt's `tests` hold what is run, in any mixture:

    {"code": "assert add(1, 2) == 3", "entry_point": "add"}           asserts, check(candidate), unittest, test_* functions
    {"args": [1, 2], "returns": 3, "entry_point": "add"}              one call; the value is compared here

`entry_point` may be left out where the prompt names the function (`def add(`). A completion passes when all of it passes.
Statuses that are no data (broken tests, an unavailable tool) make the completion ungraded, never wrong.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import PrivateAttr

from align.core.plugins import Reward, Score
from align.core.rows import Prompt
from reward import program_text
from reward.sandbox import NO_DATA, CallResult, Sandbox
from reward.sandbox.answers import shown
from reward.sandbox.settings import SandboxSettings
from reward.sandbox.worker import presentable

RELATIVE = 1e-6
"""How far apart two floats may be, as EvalPlus allows where its data set gives no other tolerance."""


@dataclass(frozen=True, slots=True)
class Case:
    """One call and what it should return."""

    arguments: list[Any]
    returns: Any


@dataclass(frozen=True, slots=True)
class Tests:
    """The tests of one prompt."""

    entry_point: str | None
    code: str
    cases: list[Case]


class Execution(Reward):
    """Run the program of a completion on the prompt's tests: 1 when all pass, else 0."""

    sandbox: SandboxSettings = SandboxSettings()
    """Where it runs."""
    partial: bool = False
    """True: the value is the share of tests passed (the verdict stays all or nothing)."""

    _running: Sandbox | None = PrivateAttr(default=None)

    async def score(self, prompt: Prompt, completions: Sequence[str]) -> list[Score]:
        """Return one score per completion, with `passed`; ungraded where a run gave no data.

        Raises:
            ValueError: the prompt has no tests, or they are not as above.
            SandboxUnavailable: the machine cannot give the level.
        """
        tests = parse(prompt)
        sandbox = self._running = self._running or self.sandbox.build()
        await asyncio.to_thread(sandbox.start)
        return list(await asyncio.gather(*(self._judge(sandbox, text, tests) for text in completions)))

    async def _judge(self, sandbox: Sandbox, completion: str, tests: Tests) -> Score:
        source = program_text.program(completion, tests.entry_point)
        if source is None:
            return Score(0.0, False, "there is no program in the answer")
        passed = total = 0
        whys: list[str] = []
        if tests.code:
            verdict = await sandbox.check(source, tests.code, tests.entry_point)
            if verdict.status in NO_DATA:
                return Score.ungraded(f"{verdict.status}: {verdict.why}")
            whole = verdict.status == "pass"
            passed, total = passed + verdict.passed_tests, total + max(verdict.total_tests, verdict.passed_tests + (not whole))
            whys += [] if whole else [f"{verdict.status}: {verdict.why}"]
        if tests.cases:
            results = await sandbox.calls(source, str(tests.entry_point), [case.arguments for case in tests.cases])
            whys_of_cases = [wrong(case, result) for case, result in zip(tests.cases, results, strict=True)]
            if no_data := [result for result in results if result.status in NO_DATA]:
                return Score.ungraded(f"{no_data[0].status}: {no_data[0].why}")
            passed, total = passed + whys_of_cases.count(""), total + len(tests.cases)
            whys += [why for why in whys_of_cases if why]
        value = passed / total if self.partial else float(not whys)
        return Score(value, not whys, whys[0] if whys else "")

    def stop(self) -> None:
        """End the sandbox; a later `score` starts a new one."""
        running, self._running = self._running, None
        if running is not None:
            running.stop()


def parse(prompt: Prompt) -> Tests:
    """Return a prompt's tests.

    Raises:
        ValueError: it has none, or one that is not understood; names the row.
    """
    code: list[str] = []
    cases: list[Case] = []
    names: set[str] = set()
    for number, test in enumerate(prompt.tests):
        given = {key: value for key, value in test.items() if value is not None}
        names |= {given.pop("entry_point")} if isinstance(given.get("entry_point"), str) else set()
        if given.keys() == {"code"} and isinstance(given["code"], str):
            code.append(given["code"])
        elif given.keys() == {"args", "returns"} and isinstance(given["args"], list):
            cases.append(Case(given["args"], given["returns"]))
        elif given:
            raise ValueError(
                f"row {prompt.id!r}: test {number} has {', '.join(sorted(map(str, given)))}; a test is "
                '{"code": "assert ..."} or {"args": [...], "returns": ...}, each with "entry_point" if you like'
            )
    if len(names) > 1:
        raise ValueError(f"row {prompt.id!r}: its tests name several entry points: {', '.join(sorted(names))}")
    if not code and not cases:
        raise ValueError(f'row {prompt.id!r} has no tests; give it a \'tests\' column like [{{"code": "assert f(1) == 2"}}]')
    name = names.pop() if names else program_text.entry_point([message["content"] for message in prompt.messages[::-1]])
    if cases and name is None:
        raise ValueError(f'row {prompt.id!r}: nothing names the function that `args` are for; add "entry_point" to its tests')
    return Tests(name, "\n".join(code), cases)


def wrong(case: Case, result: CallResult) -> str:
    """Return why a call is not what was expected; "" where it is."""
    if result.status != "returned":
        return f"{result.status}: {result.why}"
    try:
        alike = same(result.value, case.returns)
    except (ArithmeticError, TypeError, ValueError):  # 10 ** 400 for a float, a key of 5,000 digits
        alike = False
    if alike:
        return ""
    return f"fail: for {_short(case.arguments)} it returns {_short(result.value)}, not {_short(case.returns)}"


def same(found: Any, expected: Any) -> bool:
    """Are two plain values equal?

    As JSON has them: a tuple or an array equals a list; floats are equal within `RELATIVE`; a bool is no number.
    """
    if type(found).__module__ == "numpy":
        if found.shape and not (isinstance(expected, list) and len(expected) == len(found)):
            return False
        found = found.tolist()
    if isinstance(found, bool) or isinstance(expected, bool):
        return found is expected
    if isinstance(found, int | float) and isinstance(expected, int | float):
        if isinstance(found, int) and isinstance(expected, int):
            return found == expected
        return found == expected or math.isclose(found, expected, rel_tol=RELATIVE, abs_tol=RELATIVE)
    if isinstance(expected, list | tuple):
        alike = isinstance(found, list | tuple) and len(found) == len(expected)
        return alike and all(same(a, b) for a, b in zip(found, expected, strict=True))
    if isinstance(expected, dict):
        if not isinstance(found, dict) or len(found) != len(expected):
            return False
        keyed = {str(key): value for key, value in found.items()}  # JSON has no keys but text
        return all(str(key) in keyed and same(keyed[str(key)], value) for key, value in expected.items())
    return type(found) is type(expected) and bool(found == expected)


def _short(value: Any, limit: int = 60) -> str:
    text = presentable(shown(value))
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
