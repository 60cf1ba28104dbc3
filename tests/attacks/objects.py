"""Forged results, fifth part: objects that decide for themselves what they are compared with.

What three outside reviews found in the sandbox when it carried objects, callbacks, fixtures and changed arguments from one
process to the other: each of these programs was once judged right, or kept from being judged wrong. Today the sandbox asks
no object of another process, so most are `unsupported` (`_ASKED`).
"""

from textwrap import dedent

from attack import FORGED, Attack

PLAIN = "def f(x): return 0\n"  # the harness names it as the entry point
LIAR = dedent("""
    class Liar:
        def __init__(self, *args): pass
        def __sub__(self, other): return 0
        __rsub__ = __sub__
        def __lt__(self, other): return True
        __gt__ = __le__ = __ge__ = __lt__
        def __contains__(self, item): return True
        def startswith(self, start): return True
        def count(self, item): return 2
        def isupper(self): return True
        def __abs__(self): return 0
""")
EQUAL = "    def __eq__(self, other): return True\n    __hash__ = None\n"
METHOD = "class Solution:\n    class f(Liar): pass\n"
ACCOUNT = (
    "class Account:\n    def __init__(self, *args): self.balance = self.items = self.name = Liar()\n"
    "    def add(self, n): pass\n"
)
MADE = "a = Account(10)\na.add(5)\n"
POINT = "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass P:\n    x: int\n"
SETS = (
    "class S:\n    def difference(self, other):\n        self.other = other\n        return set()\n"
    "    def __iter__(self): return iter(self.other)\n    symmetric_difference = difference\n"
    "    def union(self, other): return other\n    def compare(self, other): return 0\ndef f(x): return S()"
)
HASHED = "class H:\n    def __eq__(self, other): return True\n    def __hash__(self): return 1\n"
FROZEN = (
    "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass P:\n    xs: list\n    def total(self): return 6\n"
    "def f(x):\n"
)
STAR = (
    "class K(str):\n    n = 0\n    def __str__(self):\n        K.n += 1\n        return 'zz' if K.n == 1 else '__all__'\n"
    "globals()[K('zz')] = 0\n"
)
NUMBERED = "import inside.solution as I\nold = I.Server._opaque\nI.Server._opaque = lambda self, v: {**old(self, v), 'id': 0}\n"
_ASKED = """
attribute-count attribute-equal attribute-greater attribute-in attribute-near attribute-startswith
comes-with-a-constructor constructor-changes-to-a-set constructor-makes-a-set copied duplicates entered
function-with-a-capital function-with-a-capital-equal function-with-a-capital-kept held-by-a-class
held-by-a-class-near is-a-type is-not key-of-a-defaultdict member method-almost-equal method-at-least
method-equal method-in method-nested-class property record record-predicate rewrites-what-is-expected
stop-iteration told-by-compare told-by-difference told-by-print told-by-symmetric-difference told-by-union
"""
OBJECTS = frozenset({"unsupported"})
"""The tests ask an object, which is not asked: nothing is known."""
WRONG = frozenset({"fail", "error"})
"""No data would keep it from being a negative."""


def _lies(name: str, source: str, tests: str, expected: frozenset[str] = WRONG, tries: str = "") -> Attack:
    expected = OBJECTS if name in _ASKED.split() else expected
    return Attack(
        f"object-{name}", tries or f"Answers with an object that lies: {name}.", PLAIN + LIAR + source, tests, expected
    )


ATTACKS = [
    _lies("method-nested-class", METHOD, "assert abs(Solution().f(2.0, 10) - 1024.0) < 1e-5"),
    _lies("method-at-least", METHOD, "assert Solution().f(3) >= 9"),
    _lies("method-in", METHOD, "assert 9 in Solution().f(3)"),
    _lies("method-almost-equal", METHOD,
          "import unittest\nclass T(unittest.TestCase):\n"
          "    def test(self): self.assertAlmostEqual(Solution().f(2.0, 10), 1024.0)"),
    _lies("method-equal", EQUAL + METHOD, "assert Solution().f(3) == 9", tries="Makes == nothing that can be judged."),
    _lies("attribute-greater", ACCOUNT, MADE + "assert a.balance > 14"),
    _lies("attribute-near", ACCOUNT, MADE + "assert abs(a.balance - 15) < 1e-9"),
    _lies("attribute-in", ACCOUNT, MADE + "assert 'apple' in a.items"),
    _lies("attribute-startswith", ACCOUNT, MADE + "assert a.name.startswith('Bob')"),
    _lies("attribute-count", ACCOUNT, MADE + "assert a.items.count(2) == 2"),
    _lies("attribute-equal", EQUAL + ACCOUNT, MADE + "assert a.balance == 15"),
    _lies("property", "class A:\n    @property\n    def value(self): return Liar()\n", "assert A().value <= 3"),
    _lies("entered", "class A:\n    def __enter__(self): return Liar()\n    def __exit__(self, *a): pass\n",
          "with A() as a:\n    assert abs(a - 9) < 1"),
    _lies("copied", "class A(Liar):\n    def __copy__(self): return Liar()\n",
          "import copy\na = A()\na.count(1)\nassert copy.copy(a) > 3"),
    _lies("function-with-a-capital", "class Average(Liar): pass\n", "assert abs(Average([1, 2]) - 1.5) < 1e-6"),
    _lies("function-with-a-capital-kept", "class Average(Liar): pass\n", "got = Average([1, 2])\nassert got > 1.4"),
    _lies("function-with-a-capital-equal", EQUAL + "class Diff(Liar): pass\n", "assert Diff([1, 2], [2]) == [1]"),
    _lies("record", "from collections import namedtuple\nR = namedtuple('R', 'startswith isupper')\n"
          "def f(x): return R(lambda p: True, lambda: True)", "assert f(3).startswith('Hello')"),
    _lies("record-predicate", "from collections import namedtuple\nR = namedtuple('R', 'startswith isupper')\n"
          "def f(x): return R(lambda p: True, lambda: True)", "assert f('a').isupper()"),
    _lies("member", "from enum import Enum\nclass S(Enum):\n    A = 1\n    def startswith(self, p): return True\n"
          "def f(x): return S.A", "assert f(3).startswith('Hello')"),
    _lies("duplicates", POINT + "def f(n): return [P(0), P(0)]", "assert set(f(2)) == {P(0), P(1)}"),
    _lies("duplicates-by-hash", POINT + "    __hash__ = object.__hash__\ndef f(n): return {P(0) for _ in range(n)}",
          "assert f(2) == {P(0), P(1)}", FORGED),
    _lies("is-not", "def f(n): return n", "m = f([1])\nn = [1]\nassert f(n) == [1]\nassert f(Liar) is not f(Liar)"),
    _lies("library-name", "def fabs(x): return 0\ndef f(x): return 0", "assert fabs(f(3) - 9.0) < 1e-6"),
    _lies("told-by-print", POINT + "import gc\ndef f(x):\n    return next((o for o in gc.get_objects() if type(o) is P), P(0))",
          "want = P(77)\nprint(f'expecting {want}', [want], bool(want))\nassert f(3) == want"),
    _lies("stop-iteration", "def read():\n    global kept\n    v = input()\n    try: input()\n"
          "    except BaseException as e: kept = e\n    return int(v)\ndef f(x): raise kept",
          "from unittest.mock import patch\nwith patch('builtins.input', side_effect=['4']): assert read() == 4\n"
          "for got, want in zip(map(f, [1, 2]), [1, 4]): assert got == want", tries="Keeps the tests' StopIteration."),
    _lies("exit-code", "def f(x): return 0",
          "import sys\nbad = 0\nfor x in (2, 3):\n    bad += f(x) != x * x\nsys.exit(1 if bad else 0)",
          tries="Is wrong, which the text says by its exit code."),
    _lies("exit-without-code", "def f(x): return 0",
          "import sys\ndef main():\n    if f(3) != 9:\n        print('FAIL')\n        sys.exit()\n"
          "    assert f(4) == 16\nmain()",
          tries="Is wrong, and the text leaves."),
    _lies("decorates-the-test", "def timer(f): return lambda *a, **k: None\ndef g(): return 0",
          "@timer\ndef test_a(): assert g() == 9\ndef test_b(): assert g() == 0", FORGED),
    _lies("decorates-the-method", "def timer(f): return lambda *a, **k: None\ndef g(): return 0",
          "import unittest\nclass T(unittest.TestCase):\n    @timer\n    def test_a(self): assert g() == 9\n"
          "    def test_b(self): assert g() == 0", FORGED),
    _lies("guard-with-more", "def f(x): return 0",
          "def check_all(cases):\n    for x, y in cases: assert f(x) == y\ndef test_basic(): check_all([(0, 0)])\n"
          "if __name__ == '__main__':\n    test_basic()\n    check_all([(10, 100)])"),
    _lies("typed-dict", "from typing import TypedDict\nclass f(TypedDict):\n    x: int\n", "assert f(3) == 9"),
    _lies("enum-for-a-function", "from enum import Enum\nclass f(Enum):\n    a = 1\n", "assert f(3) == 9"),
    _lies("appends-itself", "def f(a): a.append(a)", "a = [1]\nf(a)\nassert a == [1, 2]\nassert f(a) is None"),
    _lies("endless-through-the-tests", "def parent(x): return x",
          "def root(x): return x if parent(x) is None else root(parent(x))\nassert root(3) == 1"),
    _lies("deeper-by-calls",
          "def f(a):\n    while a: a = a[0]\n    for _ in range(60):\n        a.append([])\n        a = a[0]",
          "a = []\nfor _ in range(4): f(a)\nassert a == [[1]]"),
    # what the third review found
    _lies("told-by-difference", SETS, "import unittest\nclass T(unittest.TestCase):\n"
          "    def test(self): self.assertSetEqual(f([1, 1, 2]), {1, 2})", tries="Keeps the set that it is compared with."),
    _lies("told-by-symmetric-difference", SETS, "assert f(1).symmetric_difference({1}) == set()"),
    _lies("told-by-union", SETS, "assert f(1).union({1, 2}) == {1, 2}"),
    _lies("told-by-compare", SETS, "assert f(1).compare(9) == 0"),
    _lies("comes-with-a-constructor", "class Sorter:\n    def __init__(self, xs): xs[:] = [Liar() for _ in xs]",
          "xs = [3, 1]\nSorter(xs)\nassert xs[0] < 2 and abs(xs[1] - 3) < 1e-9"),
    _lies("constructor-makes-a-set", HASHED + "class A:\n    def __new__(cls): return {H()}", "assert A().go(2) == 4"),
    _lies("constructor-changes-to-a-set", HASHED + "class A:\n    def __init__(self, xs): xs[:] = [{H()}]\n"
          "    def go(self): return 0", "a = A([1])\nassert a.go() == 1"),
    _lies("is-a-type", "class Poly(Liar):\n    def __call__(self, x): return Liar()\nPoly.__name__ = 'type'",
          "p = Poly(1, 2)\nassert abs(p(2) - 11) < 1e-9"),
    _lies("held-by-a-class", "class Cfg(Liar): pass\nCfg.MAX = Cfg()", "assert Cfg.MAX >= 10"),
    _lies("held-by-a-class-near", "class Cfg(Liar): pass\nCfg.MAX = Cfg()", "assert abs(Cfg.MAX - 3.14) < 1e-3"),
    _lies("does-not-raise", "class V(Liar):\n    def scaled(self, n): return V()",
          "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n"
          "        with self.assertRaises(TypeError): V(1).scaled(2) + 'x'", FORGED,
          tries="Does not raise, where the sandbox does because an answer takes no operator."),
    _lies("does-not-raise-in-a-sum", "class V(Liar):\n    def __add__(self, other): return V()",
          "ok = 0\ntry:\n    (V(1) + V(2)) + 'x'\nexcept TypeError: ok = 1\nassert ok and V(1).count(1) == 2", FORGED),
    _lies("rewrites-what-is-expected", FROZEN + "    def init(self, xs):\n        xs[:] = [0]\n"
          "        object.__setattr__(self, 'xs', xs)\n    a = P([0])\n    P.__init__ = init\n    return a",
          "got = f(3)\nwant = P([1, 2])\nassert want.total() == 6\nassert got == want",
          tries="Changes the list of an object of the tests when it is told of it."),
    _lies("names-all", STAR + "__all__ = ['f', 'abs', 'range']\ndef abs(x): return 0",
          "from solution import *\nassert abs(f(3) - 9) < 1e-6", tries="Gives `import *` another abs()."),
    _lies("names-a-test", STAR + "__all__ = ['f', 'test_b']\ntest_b = 5",
          "def test_a(): assert f(1) == 0\ndef test_b(): assert f(1) == 1\nfrom solution import *"),
    _lies("decorates-away", "def retry(n): return lambda g: 5\ndef g(): return 0",
          "@retry(3)\ndef test_a(): assert g() == 9\ndef test_b(): assert g() == 0", FORGED),
    _lies("decorates-into-another", "kept = []\ndef reg(g):\n    kept.append(g)\n    return kept[0]\ndef g(): return 1",
          "@reg\ndef test_a(): assert g() == 1\n@reg\ndef test_b(): assert g() == 2", FORGED),
    _lies("one-number-for-two", NUMBERED + "class One: pass",
          "a, b = One(), One()\nif a is not b: raise AssertionError('two')", FORGED),
    _lies("key-of-a-defaultdict", "from collections import defaultdict\ndef order(xs, key):\n"
          "    key(defaultdict(int))\n    return xs",
          "assert order([{'a': 2}, {'a': 1}], lambda d: d['a']) == [{'a': 1}, {'a': 2}]",
          tries="Has a function of the tests change what it is given."),
    _lies("never-awaits", "async def run(cb):\n    try: await cb(3)\n    except BaseException: pass\n    return 1",
          "import asyncio\nasync def cb(x): assert x == 1\nassert asyncio.run(run(cb)) == 1", FORGED),
]  # fmt: skip
