"""Class tasks about functions as values: decorators, registries, pipes, polynomials. See `class_tasks`."""

FUNCTIONS = {
    "retry decorator": {
        "needs": ("decorator", "mock", "callback"),
        "solution": """
import functools
import time


def retry(times=3, delay=0.1, backoff=2, on=(Exception,)):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            pause = delay
            for attempt in range(times):
                try:
                    return function(*args, **kwargs)
                except on:
                    if attempt == times - 1:
                        raise
                    time.sleep(pause)
                    pause *= backoff
        return wrapper
    return decorate
""",
        "bug": ("                    pause *= backoff\n", ""),
        "tests": """
import unittest
from unittest.mock import Mock, call, patch

from solution import retry


class TestRetry(unittest.TestCase):
    def setUp(self):
        patcher = patch("solution.time.sleep")
        self.sleep = patcher.start()
        self.addCleanup(patcher.stop)

    def flaky(self, *effects):
        return Mock(side_effect=effects, __name__="flaky")

    def test_success_at_last(self):
        function = self.flaky(OSError("a"), OSError("b"), "done")
        self.assertEqual(retry()(function)(1, key=2), "done")
        function.assert_called_with(1, key=2)
        self.assertEqual(self.sleep.call_args_list, [call(0.1), call(0.2)])

    def test_gives_up_with_the_last_error(self):
        function = self.flaky(OSError("a"), OSError("b"))
        with self.assertRaisesRegex(OSError, "^b$"):
            retry(times=2)(function)()

    def test_other_errors_pass(self):
        function = self.flaky(KeyError("k"), "never")
        with self.assertRaises(KeyError):
            retry(on=(OSError,))(function)()
        self.sleep.assert_not_called()

    def test_name_is_kept(self):
        @retry()
        def hello():
            '''Say hello.'''

        self.assertEqual((hello.__name__, hello.__doc__), ("hello", "Say hello."))
""",
    },
    "memoize": {
        "needs": ("decorator", "callback"),
        "solution": """
from functools import wraps


def memoize(function=None, *, key=None, most=None):
    if function is None:
        return lambda function: memoize(function, key=key, most=most)
    kept = {}

    @wraps(function)
    def wrapper(*args, **kwargs):
        slot = key(*args, **kwargs) if key else (args, tuple(sorted(kwargs.items())))
        if slot in kept:
            wrapper.hits += 1
            return kept[slot]
        value = function(*args, **kwargs)
        kept[slot] = value
        if most is not None and len(kept) > most:
            del kept[next(iter(kept))]
        return value

    wrapper.hits = 0
    wrapper.clear = kept.clear
    return wrapper
""",
        "bug": ("(args, tuple(sorted(kwargs.items())))", "args"),
        "tests": """
from solution import memoize

calls = []


@memoize
def add(a, b=0):
    calls.append((a, b))
    return a + b


assert add(1) == 1
assert add(1, b=2) == 3
assert add(1, b=2) == 3
assert calls == [(1, 0), (1, 2)]
assert add.hits == 1
assert add.__name__ == "add"
add.clear()
assert add(1) == 1 and len(calls) == 3


@memoize(key=str.lower, most=2)
def shout(word):
    calls.append(word)
    return word.upper()


del calls[:]
assert [shout(word) for word in ("a", "A", "b", "c", "a")] == ["A", "A", "B", "C", "A"]
assert calls == ["a", "b", "c", "a"]


@memoize
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


assert fibonacci(80) == 23416728348467685
""",
    },
    "checked types": {
        "needs": ("decorator", "parametrize"),
        "solution": """
import functools
import inspect
from typing import get_type_hints


def checked(function):
    hints = get_type_hints(function)
    signature = inspect.signature(function)

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            if name in hints and not _fits(value, hints[name]):
                raise TypeError(f"{name} must be {hints[name].__name__}, not {type(value).__name__}")
        result = function(*args, **kwargs)
        if "return" in hints and not _fits(result, hints["return"]):
            raise TypeError(f"{function.__name__} must return {hints['return'].__name__}")
        return result

    return wrapper


def _fits(value, kind):
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)
""",
        "bug": (
            "        return isinstance(value, int) and not isinstance(value, bool)",
            "        return isinstance(value, int)",
        ),
        "tests": """
import inspect

import pytest

from your_module import checked


@checked
def scale(value: float, times: int = 2, *, label: str = "") -> str:
    return f"{label}{value * times}"


@checked
def liar() -> int:
    return "three"


@pytest.mark.parametrize(
    ("args", "kwargs", "result"),
    [((1.5,), {}, "3.0"), ((2, 3), {}, "6"), ((2,), {"label": "n="}, "n=4")],
)
def test_right(args, kwargs, result):
    assert scale(*args, **kwargs) == result


@pytest.mark.parametrize(
    ("args", "kwargs", "name"),
    [(("1",), {}, "value"), ((1, 2.0), {}, "times"), ((1, True), {}, "times"), ((1,), {"label": 3}, "label")],
)
def test_wrong(args, kwargs, name):
    with pytest.raises(TypeError, match=f"^{name} must be"):
        scale(*args, **kwargs)


def test_return():
    with pytest.raises(TypeError, match="liar must return int"):
        liar()


def test_signature_is_kept():
    assert list(inspect.signature(scale).parameters) == ["value", "times", "label"]
    with pytest.raises(TypeError):
        scale()
""",
    },
    "pipes of functions": {
        "needs": ("class", "callback", "operator overloading"),
        "solution": """
class Pipe:
    def __init__(self, *steps):
        self.steps = steps

    def __or__(self, step):
        return Pipe(*self.steps, *(step.steps if isinstance(step, Pipe) else (step,)))

    def __ror__(self, value):
        return self(value)

    def __call__(self, value):
        for step in self.steps:
            value = step(value)
        return value

    def tap(self, look):
        def step(value):
            look(value)
            return value

        return self | step

    def __len__(self):
        return len(self.steps)


def mapped(function):
    return Pipe(lambda values: [function(value) for value in values])


def kept(condition):
    return Pipe(lambda values: [value for value in values if condition(value)])
""",
        "bug": ("            look(value)\n            return value", "            return look(value)"),
        "tests": """
import unittest

from solution import Pipe, kept, mapped


def double(x):
    return 2 * x


class PipeTest(unittest.TestCase):
    def test_in_order(self):
        self.assertEqual((Pipe(double) | str)(4), "8")
        self.assertEqual((Pipe(str) | double)(4), "44")

    def test_value_on_the_left(self):
        self.assertEqual([3, 1, 2] | kept(lambda x: x > 1) | mapped(double) | Pipe(sorted), [4, 6])

    def test_pipes_are_values(self):
        start = Pipe(double)
        longer = start | double | (Pipe() | double)
        self.assertEqual((len(start), len(longer)), (1, 3))
        self.assertEqual((start(1), longer(1)), (2, 8))

    def test_tap(self):
        seen = []
        self.assertEqual(Pipe(double).tap(seen.append)(5), 10)
        self.assertEqual(seen, [10])


if __name__ == "__main__":
    unittest.main()
""",
    },
    "registry of plug-ins": {
        "needs": ("class", "inheritance", "decorator", "fixture"),
        "solution": """
class Plugin:
    registry = {}

    def __init_subclass__(cls, name=None, abstract=False, **kwargs):
        super().__init_subclass__(**kwargs)
        if abstract:
            return
        key = name or cls.__name__.lower()
        if key in Plugin.registry:
            raise TypeError(f"two plug-ins named {key}")
        Plugin.registry[key] = cls

    @classmethod
    def create(cls, key, *args, **kwargs):
        try:
            kind = Plugin.registry[key]
        except KeyError:
            known = ", ".join(sorted(Plugin.registry))
            raise LookupError(f"no plug-in {key}; there are: {known}") from None
        return kind(*args, **kwargs)

    def run(self, text):
        raise NotImplementedError


class Upper(Plugin):
    def run(self, text):
        return text.upper()


class Replace(Plugin, name="sub"):
    def __init__(self, old, new=""):
        self.old, self.new = old, new

    def run(self, text):
        return text.replace(self.old, self.new)


def plugin(function):
    kind = type(function.__name__, (Plugin,), {"run": lambda self, text: function(text)})
    return kind
""",
        "bug": ("        if abstract:\n            return\n", ""),
        "tests": """
import pytest

from solution import Plugin, plugin


@pytest.fixture(autouse=True)
def restored():
    before = dict(Plugin.registry)
    yield
    Plugin.registry.clear()
    Plugin.registry.update(before)


def test_create():
    assert Plugin.create("upper").run("a") == "A"
    assert Plugin.create("sub", "a", new="b").run("aa") == "bb"


def test_own():
    class Twice(Plugin):
        def run(self, text):
            return text * 2

    assert isinstance(Plugin.create("twice"), Twice)
    assert Plugin.create("twice").run("ab") == "abab"
    with pytest.raises(TypeError, match="two plug-ins named twice"):
        type("Twice", (Plugin,), {})


def test_abstract_is_not_kept():
    class Base(Plugin, abstract=True):
        pass

    assert "base" not in Plugin.registry
    with pytest.raises(NotImplementedError):
        Base().run("")


def test_decorator():
    @plugin
    def reverse(text):
        return text[::-1]

    assert issubclass(reverse, Plugin)
    assert Plugin.create("reverse").run("abc") == "cba"


def test_unknown():
    with pytest.raises(LookupError, match="there are: sub, upper"):
        Plugin.create("nope")
""",
    },
    "polynomial": {
        "needs": ("class", "operator overloading"),
        "entry_point": "Polynomial",
        "solution": """
from itertools import zip_longest


class Polynomial:
    def __init__(self, *coefficients):
        values = list(coefficients)
        while len(values) > 1 and values[-1] == 0:
            values.pop()
        self.coefficients = tuple(values) or (0,)

    @property
    def degree(self):
        return len(self.coefficients) - 1

    def __call__(self, x):
        value = 0
        for c in reversed(self.coefficients):
            value = value * x + c
        return value

    def __add__(self, other):
        if not isinstance(other, Polynomial):
            other = Polynomial(other)
        pairs = zip_longest(self.coefficients, other.coefficients, fillvalue=0)
        return Polynomial(*(a + b for a, b in pairs))

    __radd__ = __add__

    def __neg__(self):
        return Polynomial(*(-c for c in self.coefficients))

    def __sub__(self, other):
        return self + -other

    def __mul__(self, other):
        product = [0] * (self.degree + other.degree + 1)
        for i, a in enumerate(self.coefficients):
            for j, b in enumerate(other.coefficients):
                product[i + j] += a * b
        return Polynomial(*product)

    def __eq__(self, other):
        return isinstance(other, Polynomial) and self.coefficients == other.coefficients

    def derivative(self):
        return Polynomial(*(i * c for i, c in enumerate(self.coefficients) if i))
""",
        "bug": (
            "for i, c in enumerate(self.coefficients) if i)",
            "for i, c in enumerate(self.coefficients))",
        ),
        "tests": """
def check(candidate):
    p, q = candidate(1, 2), candidate(0, 0, 3)
    assert p(3) == 7 and q(2) == 12
    assert p + q == candidate(1, 2, 3)
    assert 5 + p == candidate(6, 2)
    assert (p - p).coefficients == (0,)
    assert p * q == candidate(0, 0, 3, 6)
    assert (p * q).degree == 3
    assert candidate(4).derivative() == candidate(0)
    assert candidate(1, 1, 1).derivative() == candidate(1, 2)
    assert p != (1, 2)
""",
    },
}
