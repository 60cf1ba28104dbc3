"""Class tasks about events and time: buses, observers, limits on how often. See `class_tasks`."""

EVENTS = {
    "event bus": {
        "needs": ("class", "callback", "mock"),
        "solution": """
from collections import defaultdict


class EventBus:
    def __init__(self):
        self._handlers = defaultdict(list)

    def on(self, event, handler=None, *, priority=0):
        if handler is None:
            return lambda handler: self.on(event, handler, priority=priority)
        self._handlers[event].append((priority, handler))
        self._handlers[event].sort(key=lambda pair: -pair[0])
        return handler

    def off(self, event, handler):
        self._handlers[event] = [pair for pair in self._handlers[event] if pair[1] != handler]

    def once(self, event, handler):
        def first(*args, **kwargs):
            self.off(event, first)
            return handler(*args, **kwargs)

        self.on(event, first)

    def emit(self, event, *args, **kwargs):
        return [handler(*args, **kwargs) for _, handler in list(self._handlers[event])]
""",
        "bug": ("            self.off(event, first)\n", "            self.off(event, handler)\n"),
        "tests": """
from unittest.mock import MagicMock

from solution import EventBus


def test_handlers_are_called():
    bus, handler = EventBus(), MagicMock(return_value=7)
    bus.on("save", handler)
    assert bus.emit("save", 1, name="x") == [7]
    handler.assert_called_once_with(1, name="x")


def test_priority():
    bus, order = EventBus(), []
    bus.on("go", lambda: order.append("late"), priority=-1)
    bus.on("go", lambda: order.append("first"), priority=5)
    bus.on("go", lambda: order.append("middle"))
    bus.emit("go")
    assert order == ["first", "middle", "late"]


def test_once_and_off():
    bus, one, two = EventBus(), MagicMock(), MagicMock()
    bus.once("tick", one)
    bus.on("tick", two)
    bus.emit("tick")
    bus.emit("tick")
    bus.off("tick", two)
    bus.emit("tick")
    assert (one.call_count, two.call_count) == (1, 2)


def test_decorator():
    bus = EventBus()

    @bus.on("hello")
    def greet(name):
        return f"hello {name}"

    assert bus.emit("hello", "Ann") == ["hello Ann"]
    assert greet("Bob") == "hello Bob"
    assert bus.emit("nobody listens") == []
""",
    },
    "observed stock": {
        "needs": ("class", "inheritance", "mock", "property"),
        "solution": """
from abc import ABC, abstractmethod


class Observer(ABC):
    @abstractmethod
    def update(self, subject, old):
        ...


class Stock:
    def __init__(self, symbol, price):
        self.symbol, self._price = symbol, price
        self._observers = []

    def attach(self, observer):
        if not isinstance(observer, Observer):
            raise TypeError("not an observer")
        if observer not in self._observers:
            self._observers.append(observer)

    def detach(self, observer):
        self._observers.remove(observer)

    @property
    def price(self):
        return self._price

    @price.setter
    def price(self, value):
        old, self._price = self._price, value
        if old != value:
            for observer in self._observers:
                observer.update(self, old)


class Alarm(Observer):
    def __init__(self, share):
        self.share, self.raised = share, []

    def update(self, subject, old):
        if abs(subject.price - old) / old >= self.share:
            self.raised.append((subject.symbol, old, subject.price))
""",
        "bug": (
            "        if observer not in self._observers:\n            self._observers.append(observer)",
            "        self._observers.append(observer)",
        ),
        "tests": """
import unittest
from unittest.mock import Mock

from solution import Alarm, Observer, Stock


class Recorder(Observer):
    def __init__(self):
        self.seen = []

    def update(self, subject, old):
        self.seen.append((old, subject.price))


class TestStock(unittest.TestCase):
    def setUp(self):
        self.stock = Stock("ACME", 100)
        self.recorder = Recorder()
        self.stock.attach(self.recorder)

    def test_told_once_of_each_change(self):
        self.stock.attach(self.recorder)
        self.stock.price = 110
        self.stock.price = 110
        self.assertEqual(self.recorder.seen, [(100, 110)])

    def test_detach(self):
        self.stock.detach(self.recorder)
        self.stock.price = 1
        self.assertEqual(self.recorder.seen, [])

    def test_mock_observer(self):
        observer = Mock(spec=Observer)
        self.stock.attach(observer)
        self.stock.price += 1
        observer.update.assert_called_once_with(self.stock, 100)

    def test_only_observers(self):
        self.assertRaises(TypeError, self.stock.attach, print)

    def test_alarm(self):
        alarm = Alarm(0.2)
        self.stock.attach(alarm)
        for price in (110, 140, 105):
            self.stock.price = price
        self.assertEqual(alarm.raised, [("ACME", 110, 140), ("ACME", 140, 105)])


if __name__ == "__main__":
    unittest.main()
""",
    },
    "commands to undo": {
        "needs": ("class", "callback"),
        "solution": """
class Editor:
    def __init__(self, text=""):
        self.text = text
        self._done, self._undone = [], []

    def execute(self, command, *args):
        undo = command(self, *args)
        self._done.append((command, args, undo))
        self._undone.clear()

    def undo(self):
        if not self._done:
            return False
        command, args, undo = self._done.pop()
        undo(self)
        self._undone.append((command, args))
        return True

    def redo(self):
        if not self._undone:
            return False
        command, args = self._undone.pop()
        self._done.append((command, args, command(self, *args)))
        return True


def insert(editor, place, words):
    before = editor.text
    editor.text = before[:place] + words + before[place:]

    def undo(editor):
        editor.text = before

    return undo
""",
        "bug": ("        self._undone.clear()\n", ""),
        "tests": """
from your_module import Editor, insert


def upper(editor):
    before = editor.text
    editor.text = before.upper()
    return lambda editor: setattr(editor, "text", before)


class TestEditor:
    def setup_method(self):
        self.editor = Editor("ac")

    def test_insert(self):
        self.editor.execute(insert, 1, "b")
        assert self.editor.text == "abc"
        assert self.editor.undo() is True
        assert self.editor.text == "ac"

    def test_undo_and_redo(self):
        self.editor.execute(insert, 2, "!")
        self.editor.execute(upper)
        assert self.editor.text == "AC!"
        self.editor.undo()
        self.editor.undo()
        assert self.editor.text == "ac"
        assert self.editor.redo() and self.editor.redo()
        assert self.editor.text == "AC!"
        assert self.editor.redo() is False

    def test_new_command_forgets_what_was_undone(self):
        self.editor.execute(upper)
        self.editor.undo()
        self.editor.execute(insert, 0, "x")
        assert self.editor.redo() is False
        assert self.editor.text == "xac"

    def test_nothing_to_undo(self):
        assert Editor().undo() is False
""",
    },
    "rate limiter": {
        "needs": ("class", "callback", "decorator", "exception class", "fixture"),
        "solution": """
import functools
import time
from collections import deque


class TooMany(Exception):
    def __init__(self, wait):
        super().__init__(f"try again in {wait:.1f} s")
        self.wait = wait


class RateLimiter:
    def __init__(self, calls, seconds, clock=time.monotonic):
        self.calls, self.seconds, self.clock = calls, seconds, clock
        self._times = deque()

    def _forget(self, now):
        while self._times and now - self._times[0] >= self.seconds:
            self._times.popleft()

    def allow(self):
        now = self.clock()
        self._forget(now)
        if len(self._times) >= self.calls:
            return False
        self._times.append(now)
        return True

    def __call__(self, function):
        @functools.wraps(function)
        def limited(*args, **kwargs):
            if not self.allow():
                raise TooMany(self._times[0] + self.seconds - self.clock())
            return function(*args, **kwargs)

        return limited
""",
        "bug": ("now - self._times[0] >= self.seconds", "now - self._times[0] > self.seconds"),
        "tests": """
import pytest

from solution import RateLimiter, TooMany


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def limiter(clock):
    return RateLimiter(2, 10, clock)


def test_limit(limiter):
    assert [limiter.allow() for _ in range(3)] == [True, True, False]


def test_window_slides(limiter, clock):
    limiter.allow()
    clock.now = 6
    limiter.allow()
    clock.now = 10
    assert limiter.allow()
    clock.now = 15.9
    assert not limiter.allow()
    clock.now = 16
    assert limiter.allow()


def test_decorator(limiter, clock):
    @limiter
    def hello(name):
        return f"hello {name}"

    assert hello("a") == "hello a"
    clock.now = 4
    hello(name="b")
    with pytest.raises(TooMany) as caught:
        hello("c")
    assert caught.value.wait == pytest.approx(6)
    assert str(caught.value) == "try again in 6.0 s"
""",
    },
    "circuit breaker": {
        "needs": ("class", "enum", "callback", "exception class", "mock"),
        "solution": """
import time
from enum import Enum


class State(Enum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"


class CircuitOpen(RuntimeError):
    pass


class CircuitBreaker:
    def __init__(self, failures=3, pause=30, clock=time.monotonic):
        self.failures, self.pause, self.clock = failures, pause, clock
        self._count, self._opened = 0, None

    @property
    def state(self):
        if self._opened is None:
            return State.CLOSED
        return State.HALF_OPEN if self.clock() - self._opened >= self.pause else State.OPEN

    def call(self, function, *args):
        state = self.state
        if state is State.OPEN:
            raise CircuitOpen(function)
        try:
            value = function(*args)
        except Exception:
            self._count += 1
            if state is State.HALF_OPEN or self._count >= self.failures:
                self._opened = self.clock()
            raise
        self._count, self._opened = 0, None
        return value
""",
        "bug": (
            "        self._count, self._opened = 0, None\n        return value",
            "        self._opened = None\n        return value",
        ),
        "tests": """
import unittest
from unittest.mock import Mock

from solution import CircuitBreaker, CircuitOpen, State


class TestCircuitBreaker(unittest.TestCase):
    def setUp(self):
        self.clock = Mock(return_value=0)
        self.breaker = CircuitBreaker(failures=2, pause=10, clock=self.clock)
        self.bad = Mock(side_effect=OSError("down"))

    def fail(self, times=1):
        for _ in range(times):
            with self.assertRaises(OSError):
                self.breaker.call(self.bad)

    def test_opens(self):
        self.fail(2)
        self.assertIs(self.breaker.state, State.OPEN)
        with self.assertRaises(CircuitOpen):
            self.breaker.call(self.bad)
        self.assertEqual(self.bad.call_count, 2)

    def test_success_forgets_failures(self):
        self.fail()
        self.assertEqual(self.breaker.call(max, 1, 2), 2)
        self.fail()
        self.assertEqual(self.breaker.state, State.CLOSED)

    def test_half_open(self):
        self.fail(2)
        self.clock.return_value = 10
        self.assertIs(self.breaker.state, State.HALF_OPEN)
        self.fail()
        self.assertIs(self.breaker.state, State.OPEN)
        self.clock.return_value = 20
        self.assertEqual(self.breaker.call(Mock(return_value="up")), "up")
        self.assertEqual(self.breaker.state.value, "closed")
""",
    },
}
