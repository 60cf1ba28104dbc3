"""Judge a solution by tests that are data: ask its process for answers, as in IO mode, and compare plain values here.

Most tests of generated functions are of that kind (`inside.read_tests`), and then nothing has to run but the
solution: one process instead of two, which is half the cost of a check. A text is read once, in a confined
process, however many solutions it judges. The verdict is that of running the text, but for the words of a
message that would have to be evaluated. Where an answer is anything else than a plain value, and nothing has
failed yet, there is no verdict: the text is run after all.
"""

from __future__ import annotations

import json
import operator
import reprlib
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reward.sandbox.inside import channel, values
from reward.sandbox.inside.solution import word_of_call, word_of_loading

LONGEST = 1 << 16
"""Characters of a text that is read."""
KEPT = 16 << 20
"""Characters of the texts that are kept as read, with the bytes of their calls: ten thousand texts as long as
HumanEval's."""
MAX_ANSWERS = 16
"""Answers of the largest size that one check may give."""
MAX_READING = 5.0
"""Seconds of CPU time that they may take to read, which are the caller's. 16 MB of small dicts took 2.5 here.
"""
READER = "from inside.read_tests import read"
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


class NotPlain(Exception):
    """It is no plain value."""


class TooMuch(channel.Overlong):
    """All answers of a solution are more than the caller reads."""


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
        self._size = 0
        self._lock = threading.Lock()

    def get(self, tests: str, entry_point: str | None, read: Callable[[], Any]) -> Plan | None:
        """Return a text as data, or None when it has to be run.

        Args:
            tests: the text.
            entry_point: the function that it is about.
            read: gives what `inside.read_tests.read` says of it.
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
            if key not in self._kept:
                self._kept[key] = plan
                self._size += _size(tests, plan)
            while self._size > KEPT:
                (oldest, _), its = self._kept.popitem(last=False)
                self._size -= _size(oldest, its)
        return plan


def _size(tests: str, plan: Plan | None) -> int:
    return (
        len(tests) + sum(len(assertion.call) for step in plan.steps for assertion in step)
        if plan
        else len(tests)
    )


def _plan(said: Any) -> Plan | None:
    try:
        name, steps = said
        return Plan(str(name), tuple(tuple(_assertion(*told) for told in step) for step in steps))
    except (TypeError, ValueError):  # None, for the most part
        return None


def _assertion(call: Any, compared: Any, expected: Any, line: Any, message: Any) -> Assertion:
    if compared not in _COMPARED or not isinstance(call, bytes) or not isinstance(message, str | None):
        raise ValueError("not an assertion")
    return Assertion(call, compared, expected, int(line), message)


def judged(plan: Plan, solution: Line) -> dict[str, Any] | None:
    """Return the verdict on a solution that is loading as `inside.run_tests` gives it; None when the tests have to be run."""
    outcomes: list[bool] = []
    said: dict[str, Any] = {"status": "pass", "why": "", "outcomes": outcomes}
    try:
        match solution.plain():
            case {"failed": [word, why]}:
                return said | {"status": word_of_loading(word), "why": str(why)}
            case {"names": {plan.name: ["function", *_]}}:
                pass
            case _:
                return None
        for step in plan.steps:
            word, why = _step(step, solution)
            outcomes.append(not word)
            if word and said["status"] == "pass":
                said |= {"status": word, "why": why}
    except (NotPlain, channel.Overlong, values.CannotCarry):
        if said["status"] == "pass":
            return None
        # it has failed, and gets no second try
    except channel.Closed:
        said["status"] = "gone"
    return said | {"outcomes": outcomes + [False] * (len(plan.steps) - len(outcomes))}


def _step(step: tuple[Assertion, ...], solution: Line) -> tuple[str, str]:
    """Return the word and the reason of the first assertion that does not hold."""
    for assertion in step:
        solution.send(assertion.call)
        match solution.plain():
            case {"raised": {"word": word, "why": why}, **more} if not more:
                return word_of_call(word), str(why)
            case {"value": {"opaque": _}, **more} if not more and assertion.compared not in ("true", "not"):
                value = object()  # which equals no constant; what it says of itself is not asked
            case {"value": packed, **more} if not more:
                value = _plain(values.unpack(packed, values.no_data))
            case _:
                raise NotPlain
        if not _holds(assertion, value):
            said = f"the answer is {shown(value)}" if assertion.message is None else assertion.message
            return "fail", f"AssertionError{f': {said}' if said else ''} (line {assertion.line} of the tests)"
    return "", ""


def _holds(assertion: Assertion, value: Any) -> bool:
    """Compare an answer.

    Raises:
        NotPlain: the comparison raises, as that of a number of numpy with a list does; the run then decides.
    """
    try:
        return bool(_COMPARED[assertion.compared](value, assertion.expected))
    except Exception:
        raise NotPlain from None


class Line:
    """The line to a solution's process. What it answers is read within bounds, for each answer and for all of them."""

    def __init__(self, descriptor: int, limit: int, wait: channel.Wait) -> None:
        """Make one.

        Args:
            descriptor: the channel, which does not block.
            limit: bytes of an answer.
            wait: waits for it, and raises `channel.Closed` when nothing more will come.
        """
        self.descriptor, self.limit, self.wait = descriptor, limit + 1024, wait
        self.closed = False
        """Whether the process was found to have ended."""
        self._left, self._until = MAX_ANSWERS * limit, time.thread_time() + MAX_READING

    def send(self, message: bytes) -> None:
        """Send a message.

        Raises:
            Closed: the process ended.
        """
        try:
            channel.send(self.descriptor, message, self.wait)
        except channel.Closed:
            self.closed = True
            raise

    def frame(self) -> bytes:
        """Return a frame.

        Raises:
            Closed: the process ended.
            Overlong: it is too large.
            TooMuch: all are together, or they take too long to read.
        """
        try:
            data = channel.receive(self.descriptor, self.limit, self.wait)
        except channel.Closed:
            self.closed = True
            raise
        self._left -= len(data)
        if self._left < 0:
            raise TooMuch(f"its answers take more than {MAX_ANSWERS} x {self.limit - 1024:,} bytes")
        if time.thread_time() > self._until:
            raise TooMuch(f"its answers take more than {MAX_READING:g} s to read")
        return data

    def plain(self) -> Any:
        """Return what a frame holds."""
        try:
            return json.loads(self.frame())
        except (ValueError, RecursionError):
            raise NotPlain from None


def shown(value: Any) -> str:
    """Return a value for a person to read: the beginning of each part."""
    try:
        return _SHORT.repr(value)
    except ValueError:
        return f"{type(value).__name__} of more digits than Python shows"


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60


def _plain(value: Any) -> Any:
    """Return a value.

    Raises:
        NotPlain: it is made of more than built-in types and numbers of numpy. How others are compared is for
            the tests' process.
    """
    if not _is_plain(value):
        raise NotPlain
    return value


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind.__module__ == "numpy":
        return isinstance(value, sys.modules["numpy"].generic)
    if kind not in _PLAIN:
        return False
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
    return not isinstance(value, list | tuple | set | frozenset) or all(map(_is_plain, value))
