"""What the text of tests means to the sandbox: which names are functions, what is set up, what leaves; right solutions pass."""

import ast
import asyncio

import pytest

from reward.sandbox import Limits, Sandbox
from reward.sandbox.inside import text

V = """
class V:
    def __init__(self, x, y=0): self.x, self.y = x, y
    def __add__(self, o): return V(self.x + o.x, self.y + o.y)
    def __mul__(self, k): return V(self.x * k, self.y * k)
    __rmul__ = __mul__
    def __neg__(self): return V(-self.x, -self.y)
    def __abs__(self): return (self.x ** 2 + self.y ** 2) ** 0.5
    def patch(self, one, other): return (one, other)
    def __float__(self): return float(self.x)
class Stack(list): pass
class Table(dict):
    def __getattr__(self, name): return self[name]
def twice(f): return lambda *args: f(*args) if f is len else f(f(*args))
from collections import defaultdict
def looked(g):
    d = defaultdict(int, b=1)
    g(d)
    return dict(d)
def pick(d, key, other): return d.get(key, other)
def f(n): return list(range(n))
def patch(one, other): return one + other
def deg(n, edges): return max(sum(e[0] == i for e in edges[:9]) for i in range(2)) + len(edges)
"""
RIGHT = {
    "operators of what the tests made": (
        "v = 2 * V(1, 2) + V(1, 0)\nassert (v.x, v.y) == (3, 4) and abs(v) == 5.0 and (-v).x == -3"
    ),
    "a function with the name of unittest's": "assert patch('a', 'b') == 'ab' and V(1).patch('x', 2) == ('x', 2)",
    "what a module sets up": "r = None\ndef setup_module(m):\n    global r\n    r = f(10)\ndef test_len(): assert len(r) == 10",
    "what a class sets up": (
        "class TestF:\n    @classmethod\n    def setup_class(cls): cls.r = f(10)\n"
        "    def test_len(self): assert len(self.r) == 10"
    ),
    "a helper that is decorated": (
        "@twice\ndef test_of(x): return x + 1\ndef test_a(): assert test_of(1) == 3 and twice(len)('ab') == 2"
    ),
    "a multiple of a sum": "v = V(1, 2) + V(1, 0)\nw = v * 2\nassert (w.x, w.y) == (4, 4) and float(v) == 2.0",
    "a key that a function of the tests looked up": (
        "got = looked(lambda d: d['a'])\nassert got == {'b': 1, 'a': 0} and got != {'b': 1}"
    ),
    "a sentinel": "from unittest.mock import sentinel\nassert f(1) == [0]\nassert pick({}, 'a', sentinel.no) is sentinel.no",
    "a list of one's own": "s = Stack([1])\ns.append(2)\nassert s == [1, 2] and [1, 2] == s and s != [2, 1]",
    "a dict of one's own": "d = Table(a=1)\nassert d == {'a': 1} and d.a == 1",
    "a large argument": "n = 100_001\nassert deg(n, [[i, i + 1] for i in range(n)]) == n + 1",
    "a success that leaves": "import sys\ndef main():\n    if f(2) == [0, 1]:\n        sys.exit(0)\n    sys.exit(1)\nmain()",
}


@pytest.fixture(scope="module")
def box():
    sandbox = Sandbox(workers=1, limits=Limits(cpu_seconds=2, wall_seconds=6))
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.mark.parametrize("name", RIGHT)
def test_right_solutions_pass(name, box):
    verdict = asyncio.run(box.check(V, RIGHT[name], None))
    assert verdict.status == "pass", verdict


def test_what_no_test_can_tell_is_unsupported(box):
    one = "class S:\n    made = None\n    def __new__(cls): cls.made = cls.made or object.__new__(cls); return cls.made\n"
    same = "a = S()\nb = S()\nd = S()\nassert a is b is d"
    suppressed = (
        "class C:\n    def __enter__(self): return self\n    def __exit__(self, kind, *rest): return kind is KeyError\n"
    )
    tree = "class Tree:\n    def __init__(self, xs): self.xs = xs\n    def __contains__(self, x): return x in self.xs\n"
    for solution, tests in (
        (one, same), (suppressed, "with C():\n    {}['a']"), (suppressed, "with C():\n    int('x')"),
        (tree, "assert 3 in Tree([1, 3])"), ("def g(): yield 1", "assert next(g()) == 1\ng().throw(ValueError)"),
        ("def g(a): return a.get()", "from unittest.mock import Mock\na = Mock()\na.get.return_value = 1\nassert g(a) == 1"),
        ("async def g(h): return await h(1)", "import asyncio\nasync def h(x): return x\nassert asyncio.run(g(h)) == 1"),
    ):  # fmt: skip
        assert asyncio.run(box.check(solution, tests, None)).status == "unsupported", tests


@pytest.mark.parametrize(
    ("tests", "function"),
    [
        ("assert abs(F([1, 2]) - 1.5) < 1e-6", True),
        ("got = F(2)\nassert got == 4 and got > 3", True),
        ("self.assertAlmostEqual(F(2), 4)", True),
        ("assert F([1], [2]) == [1]", True),
        ("a = F(2)\nassert a.x == 2", False),
        ("assert F(1) + F(2) == F(3)", False),
        ("assert 2 * F(1) + F(2) == 4", False),
        ("assert f(F(1), 3) == F(4)", False),
        ("assert isinstance(f(1), F)", False),
        ("with F(1) as a:\n    pass", False),
        ("assert float(F(3)) == 3", False),
    ],
)
def test_a_name_is_a_function_where_it_is_only_called_and_compared(tests, function):
    assert ("F" in text.called_only(list(ast.walk(ast.parse(tests))))) is function
