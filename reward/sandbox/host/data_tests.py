"""Judge a solution by tests that are data: ask its process for answers and compare plain values here.

Most tests of generated functions are of this kind (`inside.read_tests`). Then only the solution has to run,
as in IO mode: one process instead of two, which halves the cost of a check. A test source is read once, in a
confined process, however many solutions it judges. The verdict is the one that running the source would give,
except for the text of an assertion message that would have to be evaluated. When an answer is not a plain
value and no test has failed yet, there is no verdict here, and the source is run after all.
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
"""Most characters of a test source that is read as data."""
KEPT = 16 << 20
"""Most characters of test sources that are kept after reading, together with the bytes of their calls: enough
for ten thousand sources as long as HumanEval's."""
MAX_ANSWERS = 16
"""All answers in one check together may take as much as this many answers of the largest size."""
MAX_READING = 5.0
"""Most CPU seconds for reading these answers; the caller pays for them. Reading 16 MB of small dicts took 2.5
s here."""
READER = "from inside.read_tests import read"
"""The source that reads tests; a zygote can import it."""
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
    """A value is not plain."""


class TooMuch(channel.Overlong):
    """All answers of a solution together are more than the caller reads."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """One assert of the tests."""

    call: bytes
    """The message that asks the solution for the answer."""
    compared: str
    """How the answer is compared; a key of `_COMPARED`."""
    expected: Any
    line: int
    message: str | None
    """The message of the assert when it fails; None when it would have to be evaluated."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A test source that was read as data."""

    name: str
    """The function that the tests call."""
    steps: tuple[tuple[Assertion, ...], ...]
    """For each test, its assertions."""


class Plans:
    """Keep the test sources that were read most recently. Threads may share it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str | None], Plan | None] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, tests: str, entry_point: str | None, read: Callable[[], Any]) -> Plan | None:
        """Return a test source as data, or None when it has to be run.

        Args:
            tests: the test source.
            entry_point: the function that the tests are about.
            read: returns the result of `inside.read_tests.read` for the source.
        """
        if len(tests) > LONGEST or "assert" not in tests:
            return None
        key = (tests, entry_point)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        plan = _plan(read())  # two threads may read one source at the same time, with the same result
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
    except (TypeError, ValueError):  # mostly for `said` that is None
        return None


def _assertion(call: Any, compared: Any, expected: Any, line: Any, message: Any) -> Assertion:
    if compared not in _COMPARED or not isinstance(call, bytes) or not isinstance(message, str | None):
        raise ValueError("not an assertion")
    return Assertion(call, compared, expected, int(line), message)


def judged(plan: Plan, solution: Line) -> dict[str, Any] | None:
    """Return the verdict on a loading solution as `inside.run_tests` gives it; None if the tests must run."""
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
            word, why = _first_failure(step, solution)
            outcomes.append(not word)
            if word and said["status"] == "pass":
                said |= {"status": word, "why": why}
    except (NotPlain, channel.Overlong, values.CannotCarry):
        if said["status"] == "pass":
            return None
        # the solution has failed already, and gets no second try by running the tests
    except channel.Closed:
        said["status"] = "gone"
    return said | {"outcomes": outcomes + [False] * (len(plan.steps) - len(outcomes))}


def _first_failure(step: tuple[Assertion, ...], solution: Line) -> tuple[str, str]:
    """Return the status and the reason of the first assertion that fails; two empty texts when all hold."""
    for assertion in step:
        solution.send(assertion.call)
        match solution.plain():
            case {"raised": {"word": word, "why": why}, **more} if not more:
                return word_of_call(word), str(why)
            case {"value": {"opaque": _}, **more} if not more and assertion.compared not in ("true", "not"):
                value = object()  # equals no constant; the object itself is not asked whether it does
            case {"value": packed, **more} if not more:
                value = _require_plain(values.unpack(packed, values.no_data))
            case _:
                raise NotPlain
        if not _holds(assertion, value):
            said = f"the answer is {shown(value)}" if assertion.message is None else assertion.message
            return "fail", f"AssertionError{f': {said}' if said else ''} (line {assertion.line} of the tests)"
    return "", ""


def _holds(assertion: Assertion, value: Any) -> bool:
    """Compare an answer with what the assertion expects.

    Raises:
        NotPlain: the comparison raises, for example between a numpy number and a list; running the tests then
            decides.
    """
    try:
        return bool(_COMPARED[assertion.compared](value, assertion.expected))
    except Exception:
        raise NotPlain from None


class Line:
    """A channel to a solution's process. It limits each answer's size, and all answers' size and time."""

    def __init__(self, descriptor: int, limit: int, wait: channel.Wait) -> None:
        """Wrap the channel.

        Args:
            descriptor: the channel, which does not block.
            limit: most bytes of one answer.
            wait: waits until the channel is ready, and raises `channel.Closed` when nothing more will come.
        """
        self.descriptor, self.limit, self.wait = descriptor, limit + 1024, wait
        self.closed = False
        """Whether the process is known to have ended."""
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
        """Read one frame.

        Raises:
            Closed: the process ended.
            Overlong: the frame is too large.
            TooMuch: all frames together are too large, or take too long to read.
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
        """Read one frame and return the JSON value in it."""
        try:
            return json.loads(self.frame())
        except (ValueError, RecursionError):
            raise NotPlain from None


def shown(value: Any) -> str:
    """Return a short text of a value for a person to read: the beginning of each part."""
    try:
        return _SHORT.repr(value)
    except ValueError:
        return f"{type(value).__name__} of more digits than Python shows"


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60


def _require_plain(value: Any) -> Any:
    """Return a value that is plain.

    Raises:
        NotPlain: the value contains more than built-in types and numpy numbers. Only the tests' process may
            compare other values.
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
