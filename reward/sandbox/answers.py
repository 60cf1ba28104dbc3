"""Judge a solution by tests that are data: ask its process for answers, as in IO mode, and compare plain values here.

Most tests of generated functions are of that kind (`inside.asserts`), and then nothing has to run but the solution: one process
instead of two, which is half the cost of a check. A text is read once, in a confined process, however many solutions it
judges. The verdict is that of running the text; where an answer is anything else than a plain value, or what is wrong would
have to be put into words by running something, there is none, and the text is run after all.
"""

from __future__ import annotations

import json
import operator
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reward.sandbox.inside import channel, judge, values

LONGEST = 1 << 16
"""Characters of a text that is read."""
KEPT = 1024
"""Texts that are kept as read."""
READER = "from inside.asserts import read"
"""The source that reads; a zygote has it."""
_PLAIN = (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, type(None))
_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "is": operator.is_,
    "is not": operator.is_not,
    "true": lambda value, _: bool(value),
    "not": lambda value, _: not value,
}


class NotData(Exception):
    """It is no plain value."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """One assert."""

    call: bytes
    """The message that asks for the answer."""
    compared: str
    """How, a key of `_COMPARED`."""
    expected: Any
    line: int
    message: str | None
    """What it says when it fails; None when that would have to be evaluated."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A text that was read."""

    name: str
    """The function that it calls."""
    steps: tuple[tuple[Assertion, ...], ...]
    """The assertions of each test."""


class Plans:
    """Texts as they were read, those used last. For threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str | None], Plan | None] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, tests: str, entry_point: str | None, read: Callable[[], Any]) -> Plan | None:
        """Return a text as data, or None when it has to be run.

        Args:
            tests: the text.
            entry_point: the function that it is about.
            read: gives what `inside.asserts.read` says of it.
        """
        if len(tests) > LONGEST or "assert" not in tests:
            return None
        key = (tests, entry_point)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        plan = _plan(read())  # two threads may read one text; they read the same
        with self._lock:
            self._kept[key] = plan
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return plan


def _plan(said: Any) -> Plan | None:
    try:
        name, steps = said
        return Plan(str(name), tuple(tuple(_assertion(str(name), *told) for told in step) for step in steps))
    except (TypeError, ValueError):  # None, for the most part
        return None


def _assertion(name: str, arguments: Any, compared: Any, expected: Any, line: Any, message: Any) -> Assertion:
    if compared not in _COMPARED or not isinstance(arguments, list) or not isinstance(message, str | None):
        raise ValueError("not an assertion")
    call = values.dump(["answer", name, arguments, {}], _no_data, 2 * LONGEST)
    return Assertion(call, compared, expected, int(line), message)


def judged(plan: Plan, solution: int, limit: int) -> dict[str, Any] | None:
    """Return the verdict as `inside.judge` gives it; None when the tests have to be run.

    Args:
        plan: the tests.
        solution: the channel to its process, which is loading it.
        limit: bytes of an answer.
    """
    outcomes: list[bool] = []
    said: dict[str, Any] = {"status": "pass", "why": "", "outcomes": outcomes}
    try:
        match _reply(solution, limit):
            case {"failed": [word, why]}:
                return said | {"status": word if word in judge.SAID_WHEN_LOADING else "load_error", "why": str(why)}
            case {"names": {plan.name: _}}:
                pass
            case _:
                return None
        for step in plan.steps:
            word, why = _step(step, solution, limit)
            outcomes.append(not word)
            if word and said["status"] == "pass":
                said |= {"status": word, "why": why}
    except (NotData, channel.Overlong, values.CannotCarry):
        return None
    except channel.Closed:
        return said | {"status": "gone", "outcomes": outcomes + [False] * (len(plan.steps) - len(outcomes))}
    return said


def _step(step: tuple[Assertion, ...], solution: int, limit: int) -> tuple[str, str]:
    """Return the word and the reason of the first assertion that does not hold."""
    for assertion in step:
        channel.send(solution, assertion.call)
        match _reply(solution, limit + 1024):
            case {"raised": [_, _, word, why]}:
                return (word if word in judge.SAID_OF_CALLS else "error"), str(why)
            case {"value": packed, **more} if not more:
                value = values.unpack(packed, _no_data)
            case _:
                raise NotData
        if not _is_plain(value):
            raise NotData
        if not _COMPARED[assertion.compared](value, assertion.expected):
            if assertion.message is None:
                raise NotData
            said = f": {assertion.message}" if assertion.message else ""
            return "fail", f"AssertionError{said} (line {assertion.line} of the tests)"
    return "", ""


def _reply(solution: int, limit: int) -> Any:
    try:
        return json.loads(channel.receive(solution, limit))
    except (ValueError, RecursionError):
        raise NotData from None


def _no_data(_: Any) -> Any:
    raise values.CannotCarry("an object")


def _is_plain(value: Any) -> bool:
    """Is it made of built-in types alone? How others are compared is for the tests' process."""
    if type(value) not in _PLAIN:
        return False
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
    return not isinstance(value, list | tuple | set | frozenset) or all(map(_is_plain, value))
