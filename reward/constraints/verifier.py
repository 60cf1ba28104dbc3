r"""Verify instructions that a few lines of code can check, such as "in capital letters" or "three bullets".

The idea is IFEval's (Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models", section
2): ask only for what a program can verify, so that the reward needs no judge and no answer can argue with it.
A prompt row lists its checks, as many as it likes:

    {"question": "...", "tests": [{"check": "bullets", "n": 3}, {"check": "no_commas"}]}

A test may instead contain its own verifiers: functions that a model wrote and that the stage
`execution_feedback` validated:

    {"functions": ["def evaluate(response):\n    return response.isupper()"]}

The functions run in the sandbox (`reward.constraints.functions`) and vote: the test holds if more than half
of them say so (AutoIF, arXiv 2406.13542).

Departures from IFEval:
1. The checks are our own and stricter, and each is one pure function with one exact meaning
   (`reward/constraints/checks/`).
2. There is no "loose" reading that forgives a first line, a last line or asterisks: the answer is the whole
   answer. Two things are forgiven: white space around it, and differences that no reader can see
   (`reward/constraints/checks/reading.py`: composed accents, no-break and zero-width spaces, widths). JSON
   and CSV are read by a parser, so in them even invisible differences count.
3. `value` is the share of a row's checks that hold (IFEval's instruction level, per row); `passed` is True
   only if all hold (its prompt level). So half-right answers can be told apart, but never count as right.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, TypeAlias, get_origin

from pydantic import PrivateAttr

from align.core.plugins import Reward, Score
from align.core.rows import Prompt
from align.core.validation_errors import did_you_mean
from reward.constraints.checks import CHECKS, PARSED
from reward.constraints.checks.reading import as_read
from reward.constraints.functions import Functions, votes
from reward.sandbox import Sandbox
from reward.sandbox.settings import SandboxSettings

HOLDS_ABOVE = 0.5
"""Share of a test's functions that must be exceeded by those that say yes (AutoIF, section 3: accuracy over
the verifiers above 0.5).
"""
Verifier: TypeAlias = Callable[[str], str] | Functions
"""A check (it returns why the stripped text fails, or "" if it passes), or functions that vote."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How far a completion meets one test."""

    share: float | None
    """Share of the test's verifiers that say yes; a check is one verifier. None: a verifier could not be run.
    """
    why: str

    @property
    def holds(self) -> bool:
        """Return whether the test counts as met."""
        return self.share is not None and self.share > HOLDS_ABOVE


class Constraints(Reward):
    """Verify instructions that code can check: a prompt's `tests` name checks or contain functions.

    A test is `{"check": NAME, ...arguments}` or `{"functions": [...]}`. An answer passes if all tests hold;
    the value is the share that hold (0 to 1); `why` describes the first that fails. The score is ungraded if
    a function does not load or could not be run.
    """

    # 2: counts what a reader sees, also words without spaces. 3: addresses, code, sentences
    version: ClassVar[str] = "3"

    sandbox: SandboxSettings = SandboxSettings()
    """The sandbox in which functions run. Rows without functions do not start it."""

    _running: Sandbox | None = PrivateAttr(default=None)

    async def score(self, prompt: Prompt, completions: Sequence[str]) -> list[Score]:
        """Return one score per completion, in order.

        Raises:
            ValueError: the prompt has no tests, an unknown check or wrong arguments.
            RuntimeError: a check needs a package that is not installed.
            SandboxUnavailable: a test has functions, and the machine cannot provide the sandbox's level.
        """
        tests = parse(prompt)
        if any(isinstance(verifier, Functions) for _, verifier in tests):
            self._running = self._running or self.sandbox.build()
            await asyncio.to_thread(self._running.start)
        return [_score(held) for held in await measure(tests, completions, self._running)]

    def stop(self) -> None:
        """End the sandbox; a later `score` starts a new one."""
        running, self._running = self._running, None
        if running is not None:
            running.stop()


async def measure(
    tests: Sequence[tuple[str, Verifier]], completions: Sequence[str], sandbox: Sandbox | None = None
) -> list[list[CheckResult]]:
    """For each completion, return how far it meets each parsed test. Functions need a running sandbox."""
    texts = [completion.strip() for completion in completions]
    read = [as_read(completion).strip() for completion in completions]
    columns: list[list[CheckResult]] = []
    for name, verifier in tests:
        if isinstance(verifier, Functions):
            if sandbox is None:
                raise RuntimeError("functions need a running sandbox")
            found = await votes(sandbox, verifier, texts)
            columns.append(
                [CheckResult(vote.share, f"{name}: {vote.why}" if vote.why else "") for vote in found]
            )
        else:
            whys = [verifier(text) for text in (texts if name in PARSED else read)]
            columns.append([CheckResult(float(not why), f"{name}: {why}" if why else "") for why in whys])
    return [[column[i] for column in columns] for i in range(len(texts))]


def _score(held: Sequence[CheckResult]) -> Score:
    if unknown := [one.why for one in held if one.share is None]:
        return Score.ungraded(unknown[0])
    failures = [one.why for one in held if not one.holds]
    return Score(
        value=1 - len(failures) / len(held), passed=not failures, why=failures[0] if failures else ""
    )


def parse(prompt: Prompt) -> list[tuple[str, Verifier]]:
    """Return a prompt's tests as (name, verifier).

    An argument that is null counts as absent: tables with one column per argument contain many of them.

    Raises:
        ValueError: the prompt has no tests, an unknown check or wrong arguments; the message names the row.
        RuntimeError: a check needs a package that is not installed; the message names the row and the extra.
    """
    if not prompt.tests:
        example = '[{"check": "max_words", "n": 20}]'
        raise ValueError(
            f"row {prompt.id!r} has no tests; give it a 'tests' column like {example}, "
            f"checks: {', '.join(CHECKS)}"
        )
    place = f"row {prompt.id!r}"
    return [
        _functions(test, place) if test.get("functions") is not None else _check(test, place)
        for test in prompt.tests
    ]


def _functions(test: Mapping[str, Any], place: str) -> tuple[str, Verifier]:
    """Return the functions of a test that contains some; `place` names the row for error messages."""
    sources = test["functions"]
    given = {key for key, value in test.items() if value is not None}
    if given != {"functions"} or not _are_texts(sources) or not sources:
        raise ValueError(f'{place}: a test of functions is {{"functions": ["def evaluate(response): ..."]}}')
    return "functions", Functions(tuple(sources))


def _check(test: Mapping[str, Any], place: str) -> tuple[str, Verifier]:
    """Return the check that a test names, with its arguments; `place` names the row for error messages."""
    name = test.get("check")
    if not isinstance(name, str) or name not in CHECKS:
        near = did_you_mean(str(name), CHECKS)
        near = "" if near.startswith("; one of") else near  # that list is truncated
        raise ValueError(f"{place}: unknown check {name!r}{near}; all: {', '.join(CHECKS)}")
    arguments = {key: value for key, value in test.items() if key != "check" and value is not None}
    wrong = _wrong_arguments(CHECKS[name], arguments)
    if wrong:
        raise ValueError(f"{place}: check {name!r}: {wrong}; it takes {_usage(CHECKS[name])}")
    check = partial(CHECKS[name], **(arguments if name in PARSED else _as_read(arguments)))
    try:
        check("")  # a wrong value is refused here, not after the sampling
    except (ValueError, RuntimeError) as error:
        kind = RuntimeError if isinstance(error, RuntimeError) else ValueError
        raise kind(f"{place}: check {name!r}: {error}") from error
    return name, check


def _as_read(arguments: dict[str, Any]) -> dict[str, Any]:
    """Normalise the strings in a check's arguments in the same way as the text."""
    read = {name: as_read(value) if isinstance(value, str) else value for name, value in arguments.items()}
    return read | {
        name: [as_read(one) for one in value] for name, value in arguments.items() if isinstance(value, list)
    }


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _parameters(check: Callable[..., str]) -> dict[str, inspect.Parameter]:
    found = inspect.signature(check, eval_str=True).parameters
    return {name: parameter for name, parameter in found.items() if parameter.kind is parameter.KEYWORD_ONLY}


def _wrong_arguments(check: Callable[..., str], arguments: dict[str, Any]) -> str:
    """Return what is wrong with a row's arguments for this check, or "". Counts are whole numbers from 0."""
    parameters = _parameters(check)
    for name, value in arguments.items():
        if name not in parameters:
            return f"unknown argument {name!r}{did_you_mean(name, parameters)}"
        wanted = parameters[name].annotation
        if wanted == list[str] and not _are_texts(value):
            return f"{name!r} is {value!r}"
        wanted = get_origin(wanted) if get_origin(wanted) in (dict, list) else wanted
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            return f"{name!r} is {value!r}"
        if wanted is int and value < 0:
            return f"{name!r} is negative"
    missing = [name for name, p in parameters.items() if p.default is p.empty and name not in arguments]
    return f"argument {missing[0]!r} is missing" if missing else ""


def _usage(check: Callable[..., str]) -> str:
    names = {int: "int", str: "str", bool: "bool", list[str]: "list of str", dict[str, Any]: "object"}
    described = [f"{name} ({names.get(p.annotation, 'number')})" for name, p in _parameters(check).items()]
    return ", ".join(described) or "no arguments"
