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
    for solution, tests in ((one, same), (suppressed, "with C():\n    {}['a']"), (suppressed, "with C():\n    int('x')")):
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
