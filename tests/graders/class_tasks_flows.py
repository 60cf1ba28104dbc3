"""Class tasks about what runs step by step: generators, iterators, context managers. See `class_tasks`."""

FLOWS = {
    "timer with a clock": {
        "needs": ("class", "context manager", "callback", "decorator", "fixture"),
        "solution": """
import functools
import time


class Timer:
    def __init__(self, clock=time.perf_counter):
        self._clock = clock
        self._began = None
        self.laps = []

    def __enter__(self):
        if self._began is not None:
            raise RuntimeError("timer is running")
        self._began = self._clock()
        return self

    def __exit__(self, kind, error, trace):
        self.laps.append(self._clock() - self._began)
        self._began = None
        return False

    def __call__(self, function):
        @functools.wraps(function)
        def timed(*args, **kwargs):
            with self:
                return function(*args, **kwargs)

        return timed

    @property
    def total(self):
        return sum(self.laps)
""",
        "bug": ("        self._began = None\n        return False", "        return False"),
        "tests": """
import pytest

from solution import Timer


@pytest.fixture
def clock():
    ticks = iter([0.0, 1.5, 10.0, 12.0, 20.0, 20.25])
    return lambda: next(ticks)


def test_laps(clock):
    timer = Timer(clock)
    with timer:
        pass
    with timer as same:
        assert same is timer
    assert timer.laps == [1.5, 2.0]
    assert timer.total == 3.5


def test_errors_pass_and_are_timed(clock):
    timer = Timer(clock)
    with pytest.raises(KeyError), timer:
        raise KeyError("x")
    assert timer.laps == [1.5]


def test_not_twice_at_once(clock):
    with Timer(clock) as timer, pytest.raises(RuntimeError, match="is running"):
        timer.__enter__()


def test_as_decorator(clock):
    timer = Timer(clock)

    @timer
    def add(a, b):
        return a + b

    assert add(1, b=2) + add(3, 4) == 10
    assert len(timer.laps) == 2
    assert add.__name__ == "add"
""",
    },
    "transaction": {
        "needs": ("class", "context manager", "exception class"),
        "solution": """
import copy


class Rollback(Exception):
    pass


class Store:
    def __init__(self, **values):
        self.values = values
        self._saved = []

    def begin(self):
        return _Transaction(self)

    def __getitem__(self, key):
        return self.values[key]

    def __setitem__(self, key, value):
        self.values[key] = value


class _Transaction:
    def __init__(self, store):
        self.store = store

    def __enter__(self):
        self.store._saved.append(copy.deepcopy(self.store.values))
        return self.store

    def __exit__(self, kind, error, trace):
        saved = self.store._saved.pop()
        if kind is None:
            return False
        self.store.values = saved
        return issubclass(kind, Rollback)
""",
        "bug": ("copy.deepcopy(self.store.values)", "dict(self.store.values)"),
        "tests": """
import unittest

from solution import Rollback, Store


class TestTransactions(unittest.TestCase):
    def setUp(self):
        self.store = Store(a=1, names=["x"])

    def test_commit(self):
        with self.store.begin() as store:
            store["a"] = 2
        self.assertEqual(self.store["a"], 2)

    def test_rollback_is_silent(self):
        with self.store.begin():
            self.store["names"].append("y")
            self.store["b"] = 3
            raise Rollback
        self.assertEqual(self.store.values, {"a": 1, "names": ["x"]})

    def test_other_errors_pass(self):
        with self.assertRaises(ZeroDivisionError):
            with self.store.begin():
                self.store["a"] = 1 / 0 if self.store["a"] else None
        self.assertEqual(self.store["a"], 1)

    def test_nested(self):
        with self.store.begin():
            self.store["a"] = 5
            with self.store.begin():
                self.store["a"] = 6
                raise Rollback("inner only")
        self.assertEqual(self.store["a"], 5)


if __name__ == "__main__":
    unittest.main()
""",
    },
    "pipeline of generators": {
        "needs": ("generator", "callback"),
        "solution": """
from itertools import islice


def numbers(start=0):
    while True:
        yield start
        start += 1


def where(condition, source):
    for item in source:
        if condition(item):
            yield item


def until(stop, source):
    for item in source:
        if stop(item):
            return
        yield item


def batched(size, source):
    source = iter(source)
    while batch := list(islice(source, size)):
        yield batch


def merge(*sources):
    waiting = [iter(source) for source in sources]
    while waiting:
        for source in list(waiting):
            try:
                yield next(source)
            except StopIteration:
                waiting.remove(source)
""",
        "bug": ("        for source in list(waiting):", "        for source in waiting:"),
        "tests": """
import types
from itertools import islice

from solution import batched, merge, numbers, until, where


def test_endless():
    evens = where(lambda n: n % 2 == 0, numbers(3))
    assert isinstance(evens, types.GeneratorType)
    assert list(islice(evens, 3)) == [4, 6, 8]
    assert next(evens) == 10


def test_nothing_runs_before_it_is_asked():
    seen = []
    stream = where(lambda n: seen.append(n) or n > 1, numbers())
    assert seen == []
    assert next(stream) == 2
    assert seen == [0, 1, 2]


def test_until():
    assert list(until(lambda n: n >= 3, numbers())) == [0, 1, 2]


def test_batches():
    assert list(batched(2, iter("abcde"))) == [["a", "b"], ["c", "d"], ["e"]]
    assert next(batched(3, numbers())) == [0, 1, 2]


def test_merge():
    assert "".join(merge("ab", "c", "def", "gh")) == "acdgbehf"
    assert list(merge([], [], [1])) == [1]
    assert list(islice(merge(numbers(), numbers(100)), 4)) == [0, 100, 1, 101]
""",
    },
    "iterator of windows": {
        "needs": ("class", "iterator protocol"),
        "solution": """
from collections import deque


class Windows:
    def __init__(self, values, size, step=1):
        if size < 1 or step < 1:
            raise ValueError("size and step must be positive")
        self._values = iter(values)
        self._size, self._step = size, step
        self._window = deque(maxlen=size)

    def __iter__(self):
        return self

    def __next__(self):
        wanted = self._step if self._window else self._size
        for _ in range(wanted):
            self._window.append(next(self._values))
        return tuple(self._window)

    def __length_hint__(self):
        return 0


def peaks(values):
    return [b for a, b, c in Windows(values, 3) if a < b > c]
""",
        "bug": (
            "wanted = self._step if self._window else self._size",
            "wanted = self._step if self._window else 1",
        ),
        "tests": """
import pytest

from solution import Windows, peaks


class Once:
    def __init__(self, values):
        self.values = list(values)
        self.taken = 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.taken == len(self.values):
            raise StopIteration
        self.taken += 1
        return self.values[self.taken - 1]


def test_windows():
    assert list(Windows([1, 2, 3, 4], 2)) == [(1, 2), (2, 3), (3, 4)]
    assert list(Windows("abcdef", 3, step=2)) == [("a", "b", "c"), ("c", "d", "e")]
    assert list(Windows([1], 2)) == []


def test_takes_no_more_than_it_needs():
    source = Once(range(10))
    windows = Windows(source, 3)
    assert next(windows) == (0, 1, 2)
    assert source.taken == 3


def test_is_its_own_iterator():
    windows = Windows("abc", 2)
    assert iter(windows) is windows
    assert [*windows] == [("a", "b"), ("b", "c")]
    with pytest.raises(StopIteration):
        next(windows)


def test_peaks_and_errors():
    assert peaks([1, 3, 2, 5, 4, 4]) == [3, 5]
    with pytest.raises(ValueError):
        Windows([], 0)
""",
    },
    "running statistics by send": {
        "needs": ("generator", "named tuple"),
        "solution": """
from collections import namedtuple

Stats = namedtuple("Stats", "count mean low high", defaults=(None, None))


class Reset(Exception):
    pass


def running():
    while True:
        count, mean, low, high = 0, 0.0, None, None
        stats = None
        try:
            while True:
                value = yield stats
                if value is None:
                    return stats
                count += 1
                mean += (value - mean) / count
                low = value if low is None else min(low, value)
                high = value if high is None else max(high, value)
                stats = Stats(count, mean, low, high)
        except Reset:
            pass


def summarize(values):
    result = yield from _fed(values)
    return result


def _fed(values):
    stats = running()
    next(stats)
    found = None
    for value in values:
        found = stats.send(value)
        yield found.mean
    return found
""",
        "bug": ("mean += (value - mean) / count", "mean = (mean + value) / count"),
        "tests": """
import unittest

from solution import Reset, Stats, running, summarize


class TestRunning(unittest.TestCase):
    def setUp(self):
        self.stats = running()
        self.assertIsNone(next(self.stats))

    def test_send(self):
        self.assertEqual(self.stats.send(4), Stats(1, 4.0, 4, 4))
        self.assertEqual(self.stats.send(2), (2, 3.0, 2, 4))
        self.assertEqual(self.stats.send(6).high, 6)

    def test_throw_resets(self):
        self.stats.send(100)
        self.assertIsNone(self.stats.throw(Reset))
        self.assertEqual(self.stats.send(1).count, 1)

    def test_value_of_the_end(self):
        self.stats.send(1)
        with self.assertRaises(StopIteration) as caught:
            self.stats.send(None)
        self.assertEqual(caught.exception.value, Stats(1, 1.0, 1, 1))

    def test_close(self):
        self.stats.close()
        self.assertRaises(StopIteration, next, self.stats)


class TestSummarize(unittest.TestCase):
    def test_means(self):
        self.assertEqual(list(summarize([1, 2, 3])), [1.0, 1.5, 2.0])
        self.assertEqual(Stats(0, 0.0), (0, 0.0, None, None))
""",
    },
    "resources in order": {
        "needs": ("generator", "context manager", "callback", "fixture"),
        "solution": """
from contextlib import ExitStack, contextmanager


@contextmanager
def resource(name, log):
    log(f"open {name}")
    try:
        yield name.upper()
    except ValueError as error:
        log(f"{name} saw {error}")
        raise
    finally:
        log(f"close {name}")


def use(names, log, work):
    with ExitStack() as stack:
        handles = [stack.enter_context(resource(name, log)) for name in names]
        stack.callback(log, "done")
        return work(*handles)


def lines(source, log):
    try:
        for line in source:
            yield line.rstrip()
    finally:
        log("released")
""",
        "bug": (
            '        log(f"{name} saw {error}")\n        raise\n',
            '        log(f"{name} saw {error}")\n',
        ),
        "tests": """
import pytest

from solution import lines, resource, use


@pytest.fixture
def log():
    class Log(list):
        __call__ = list.append

    return Log()


def test_closed_in_reverse(log):
    assert use(["a", "b"], log, lambda a, b: a + b) == "AB"
    assert log == ["open a", "open b", "done", "close b", "close a"]


def test_error(log):
    def work(a):
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        use(["a"], log, work)
    assert log == ["open a", "done", "a saw bad", "close a"]


def test_other_error(log):
    with pytest.raises(KeyError), resource("x", log) as handle:
        raise KeyError(handle)
    assert log == ["open x", "close x"]


def test_generator_is_closed(log):
    stream = lines(["one  ", "two"], log)
    assert next(stream) == "one"
    stream.close()
    assert log == ["released"]
    assert list(lines([], log)) == [] and len(log) == 2
""",
    },
}
