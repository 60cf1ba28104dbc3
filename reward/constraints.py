"""Instructions that a few lines of code can check: "in capital letters", "exactly three bullets", "end with DONE".

The idea is IFEval's (Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models", section 2): ask
only for what a program can verify, so that the reward needs no judge and cannot be argued with. A prompt row says what
to check, any number of checks together:

    {"question": "...", "tests": [{"check": "bullets", "n": 3}, {"check": "no_commas"}]}

Departures from IFEval:
1. The checks are our own and stricter, and each is one pure function with one exact meaning (`reward/checks/`).
2. There is no "loose" reading that forgives a first line, a last line or asterisks: the answer is the whole answer.
   Only white space around it is forgiven: every check sees the stripped text.
3. `value` is the share of a row's checks that hold (IFEval's instruction level, per row); `passed` is True only where
   all hold (its prompt level). So half-right answers can be told apart, but never count as right.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, get_origin

from align.core.config import did_you_mean
from align.core.plugins import Reward, Score
from align.core.rows import Prompt
from reward.checks import CHECKS


class Constraints(Reward):
    """A verifier of checkable instructions. A prompt's `tests` name the checks, as `{"check": NAME, ...arguments}`.

    Passed where all hold; the value is the share that hold (0 to 1); `why` is the first that fails, in words.
    """

    async def score(self, prompt: Prompt, completions: Sequence[str]) -> list[Score]:
        """Return one score per completion, in order.

        Raises:
            ValueError: the prompt has no tests, an unknown check or wrong arguments.
            RuntimeError: a check needs a package that is not installed.
        """
        checks = parse(prompt)
        return [judge(checks, completion) for completion in completions]


def judge(checks: Sequence[tuple[str, Callable[[str], str]]], completion: str) -> Score:
    """Run parsed checks (at least one) on one completion."""
    text = completion.strip()
    failures = [f"{name}: {why}" for name, check in checks if (why := check(text))]
    return Score(value=1 - len(failures) / len(checks), passed=not failures, why=failures[0] if failures else "")


def parse(prompt: Prompt) -> list[tuple[str, Callable[[str], str]]]:
    """Return a prompt's tests as (name, function of the text).

    An argument that is null counts as absent: tables with one column per argument are full of them.

    Raises:
        ValueError: the prompt has no tests, an unknown check or wrong arguments; names the row.
        RuntimeError: a check needs a package that is not installed; names the row and the extra.
    """
    if not prompt.tests:
        raise ValueError(
            f'row {prompt.id!r} has no tests; give it a \'tests\' column like [{{"check": "max_words", "n": 20}}], '
            f"checks: {', '.join(CHECKS)}"
        )
    checks = []
    for test in prompt.tests:
        name = test.get("check")
        if not isinstance(name, str) or name not in CHECKS:
            near = did_you_mean(str(name), CHECKS)
            near = "" if near.startswith("; one of") else near  # that list is cut short
            raise ValueError(f"row {prompt.id!r}: unknown check {name!r}{near}; all: {', '.join(CHECKS)}")
        arguments = {key: value for key, value in test.items() if key != "check" and value is not None}
        wrong = _wrong_arguments(CHECKS[name], arguments)
        if wrong:
            raise ValueError(f"row {prompt.id!r}: check {name!r}: {wrong}; it takes {_usage(CHECKS[name])}")
        check = partial(CHECKS[name], **arguments)
        try:
            check("")  # a value that its check refuses is refused here, not after the sampling
        except (ValueError, RuntimeError) as error:
            kind = RuntimeError if isinstance(error, RuntimeError) else ValueError
            raise kind(f"row {prompt.id!r}: check {name!r}: {error}") from error
        checks.append((name, check))
    return checks


def _parameters(check: Callable[..., str]) -> dict[str, inspect.Parameter]:
    found = inspect.signature(check, eval_str=True).parameters
    return {name: parameter for name, parameter in found.items() if parameter.kind is parameter.KEYWORD_ONLY}


def _wrong_arguments(check: Callable[..., str], arguments: dict[str, Any]) -> str:
    """Return what is wrong with a row's arguments by the check's signature; counts are whole numbers from 0."""
    parameters = _parameters(check)
    for name, value in arguments.items():
        if name not in parameters:
            return f"unknown argument {name!r}{did_you_mean(name, parameters)}"
        wanted = parameters[name].annotation
        if wanted == list[str] and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
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
